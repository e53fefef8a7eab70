"""Stages ``measure`` and ``describe``: lesion mask to attributes to text, by rules alone."""
