"""Whether the pictures of a room's questions are where they are looked for."""

from collections.abc import Iterable
from pathlib import Path

from neuroonco.errors import InputError
from neuroonco.images import resolve


def missing_pictures(paths: Iterable[str], root: Path) -> tuple[int, int]:
    """How many of the files are not below the root, and how many there are; each file counts once.

    A file that may not be looked at, and one whose path leaves the root, is missing: no page could show it.

    >>> missing_pictures(["a.png", "a.png", "../b.png"], Path("no such folder"))
    (2, 2)
    """
    wanted = set(paths)
    return sum(not _is_there(path, root) for path in wanted), len(wanted)


def _is_there(path: str, root: Path) -> bool:
    try:
        return resolve(root, path).is_file()
    except (InputError, OSError, ValueError):
        return False
