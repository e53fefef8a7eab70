"""Stage ``curate``: unusable files, byte-identical copies, contradicting labels, leaking splits."""
