"""Scores of open questions: attributes stated, words shared with the reference, and a judge's marks."""
