"""Where a folder of pages is written: beside its place, and then in it, whole or not at all."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.held_folders import held

OURS = re.compile(
    r"index\.html|browse\.json|LICENSES\.md|NOT_FOR_SHARING\.txt|data/slices\.js|slices/s[0-9a-f]{16}\.html"
    r"|thumbnails/s[0-9a-f]{16}\.jpg|assets/(viewer|browse)/[A-Za-z0-9_.-]+|(.+/)?(\.DS_Store|Thumbs\.db)"
)
"""Files of such a folder, and those that systems put into folders that are looked at."""
FOLDERS = frozenset(("data", "slices", "thumbnails", "assets", "assets/viewer", "assets/browse"))


@contextmanager
def replaced(out: Path, about: str, keys: frozenset[str]) -> Iterator[Path]:
    """Yield an empty folder beside ``out`` that takes its place if the block succeeds; a failure changes nothing.

    What a killed process left beside ``out`` is removed, or put back if it was the folder that it replaced.

    Args:
        out: where the folder comes; it may hold one that was written here before, and nothing else.
        about: name of the file by which a folder is known as one of ours.
        keys: what that file says.

    Raises:
        InputError: ``OUT_NOT_EMPTY``, ``OUT_HAS_MORE``, ``OUT_BUSY``, ``CANNOT_WRITE``.
    """
    try:
        place = out.absolute() if out.name not in ("", "..") else out.resolve()
        _require_ours(place, about, keys, out)
        partial, old = (place.with_name(f".{place.name}.{word}") for word in ("partial", "old"))
        busy = InputError("OUT_BUSY", "these pages are being written", where=str(out), fix="wait for it")
        with held(partial, busy):
            if old.exists() and not place.exists():
                old.rename(place)
            for left in (*partial.iterdir(), old):
                _remove(left)
            try:
                yield partial
                _require_ours(place, about, keys, out)  # something may have come into it meanwhile
                _put(partial, place, old)
            finally:
                _remove(partial)
            _remove(old)
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise InputError("CANNOT_WRITE", what, where=str(out), fix="choose a writable folder") from None


def _put(partial: Path, place: Path, old: Path) -> None:
    is_there = place.exists()
    if is_there:
        place.rename(old)
    try:
        partial.rename(place)
    except BaseException:
        if is_there:
            old.rename(place)
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _require_ours(place: Path, about: str, keys: frozenset[str], out: Path) -> None:
    """See that nothing is lost where a folder is replaced."""
    if not place.exists() and not place.is_symlink():
        return
    if place.is_symlink() or not place.is_dir() or not _is_known(place, about, keys):
        what = "a link, a file, or a folder that holds something else"
        raise InputError("OUT_NOT_EMPTY", what, where=str(out), fix="pass a new folder")
    if others := sorted(_others(place)):
        what = f"holds more than earlier pages, which would be lost: {', '.join(others[:3])}"
        raise InputError("OUT_HAS_MORE", what, where=str(out), fix="move that away, or pass a new folder")


def _is_known(place: Path, about: str, keys: frozenset[str]) -> bool:
    if not any(place.iterdir()):
        return True
    try:
        known = store.read_json(place / about)
    except InputError:
        return False
    return isinstance(known, dict) and set(known) == keys


def _others(place: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(place):
        inside = Path(folder).relative_to(place)
        for name in folders:
            if (path := (inside / name).as_posix()) not in FOLDERS:
                yield path
        for name in files:
            if OURS.fullmatch(path := (inside / name).as_posix()) is None:
                yield path
