"""The command line: thin commands over the rooms' verbs. Results go to stdout, everything else to stderr."""

from neuroonco.cli.app import main, run

__all__ = ["main", "run"]
