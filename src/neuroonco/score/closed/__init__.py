"""Scores of closed questions: accuracies, rejection, twins, position, calibration, and models compared."""
