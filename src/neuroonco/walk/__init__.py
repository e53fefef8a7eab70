"""The whole walk: which stages there are, what each reads and writes, and how to follow one slice through them.

This is the only package that knows all rooms.
"""
