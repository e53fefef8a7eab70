"""Phantoms: synthetic slices of which everything is known, for the demo and the tests."""
