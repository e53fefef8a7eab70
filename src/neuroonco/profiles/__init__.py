"""Run profiles, as data: see ``walk.profile``."""
