"""Reading: image to six signs, by measurement or by a model."""
