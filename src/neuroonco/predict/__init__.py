"""Prediction: put closed questions to a model or baseline and read its answers."""
