"""Benchmark: closed questions whose text says nothing about their answer, and open questions."""
