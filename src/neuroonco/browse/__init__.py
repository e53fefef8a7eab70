"""Look at a run in a browser, read-only: filters, a slice's way, its copies; served or as a folder of pages."""
