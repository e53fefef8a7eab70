"""Scoring: how often predictions are right, with the interval that their number permits."""
