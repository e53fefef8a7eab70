"""The exported folder: whole or not there, and never in the place of something else."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.export.records import Export

MANIFEST = "export.json"
_MADE_BY_RUNNING = frozenset({"__pycache__"})
"""What a program leaves beside a task that it has imported; it may go with an earlier export."""


def free_or_exported(out: Path) -> Path:
    """The absolute path of a folder that may be written: new, empty, or an earlier export and nothing more.

    Raises:
        InputError: a file, a link, or a folder that holds something else.
    """
    try:
        place = out.resolve() if out.name in ("", "..") else out.absolute()
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise InputError("OUT_NOT_A_FOLDER", "a file or a link", where=str(out), fix="pass a new folder")
        found = {path.name for path in place.iterdir()} if place.exists() else set()
        if found and MANIFEST not in found:
            what = "holds something that is not an earlier export"
            raise InputError("OUT_NOT_AN_EXPORT", what, where=str(out), fix="pass a new folder")
        others = sorted(found - {MANIFEST, *_entries(place)} - _MADE_BY_RUNNING) if found else []
    except OSError as error:
        raise _cannot_write(out, error) from None
    if others:
        what = f"holds more than the earlier export, which would be lost: {', '.join(others[:3])}"
        raise InputError("OUT_HAS_MORE", what, where=str(out), fix="move that away, or pass a new folder")
    return place


def _entries(place: Path) -> tuple[str, ...]:
    try:
        return Export.model_validate(store.read_json(place / MANIFEST)).entries
    except ValidationError:
        what = f"its {MANIFEST} is of another program or version"
        raise InputError("OUT_NOT_AN_EXPORT", what, where=str(place), fix="pass a new folder") from None


@contextmanager
def exported_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``out`` if the block succeeds; a failure changes nothing.

    Raises:
        InputError: see :func:`free_or_exported`; or the folder cannot be written.
    """
    place = free_or_exported(out)
    partial, old = (place.with_name(f".{place.name}.{word}") for word in ("partial", "old"))
    try:
        for left in (partial, old):  # by an export that was killed
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        if free_or_exported(out).exists():
            place.rename(old)
        partial.rename(place)
    except OSError as error:
        raise _cannot_write(out, error) from None
    finally:
        for left in (partial, old):
            shutil.rmtree(left, ignore_errors=True)


def read_manifest(folder: Path) -> Export:
    """What an exported folder says that it is.

    Raises:
        InputError: it is no export, or of another version.
    """
    path = folder / MANIFEST
    try:
        return Export.model_validate(store.read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "export"
        raise InputError("EXPORT_BROKEN", f"{field}: {first['msg']}", where=str(path), fix="export again") from None


def _cannot_write(out: Path, error: OSError) -> InputError:
    what = error.strerror or str(error)
    return InputError("CANNOT_WRITE", what, where=str(out), fix="choose a writable folder")
