"""From folders of images to records: what is known about each slice before any pixel is interpreted."""
