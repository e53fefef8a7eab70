"""Clients of vision-language models, behind one protocol."""
