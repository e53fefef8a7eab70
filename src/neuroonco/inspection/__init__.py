"""Pixels of a slice to facts: content hash, fingerprint, quality scores; what they mean is decided later."""
