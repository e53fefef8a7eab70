"""Stage ``fuse``: what two independent readings agree on."""
