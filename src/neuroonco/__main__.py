"""``python -m neuroonco``."""

from neuroonco.cli import main

main()
