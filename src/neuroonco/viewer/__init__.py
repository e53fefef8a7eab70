"""Show slices in a browser: pixel values, the canvas viewer, pages, and what keeps a local server safe."""
