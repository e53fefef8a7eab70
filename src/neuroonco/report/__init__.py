"""Reporting: one self-contained page that shows what a run did and what its numbers mean."""
