"""A folder that one process fills before it takes its place, while others are told to wait."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuroonco.errors import InputError


@contextmanager
def held(partial: Path, busy: InputError) -> Iterator[None]:
    """Hold a folder for one process; the system lets go of it when the process ends, however it ends.

    Args:
        partial: made where it is missing.
        busy: raised where another process holds it, or has put it in its place meanwhile.

    Raises:
        InputError: ``busy``.
        OSError: the folder cannot be made or opened.
    """
    partial.mkdir(parents=True, exist_ok=True)
    folder = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_same = os.path.samestat(os.fstat(folder), partial.stat())  # not put in place by the one who held it
        except OSError:
            is_same = False
        if not is_same:
            raise busy
        yield
    finally:
        os.close(folder)
