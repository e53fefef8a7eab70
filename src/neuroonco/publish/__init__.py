"""Stage ``publish``: what of a run may leave the machine, and nothing else."""
