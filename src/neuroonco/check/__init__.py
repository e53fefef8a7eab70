"""Checks of benchmarks and instructions of any origin: their wording, and what their text gives away."""
