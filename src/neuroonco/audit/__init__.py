"""Stage ``audit``: fused labels are checked against the image and MR physics; nothing is ever added."""
