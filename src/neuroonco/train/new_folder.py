"""A folder that takes its place when it is whole, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuroonco.errors import InputError
from neuroonco.held_folders import held


def require_free(out: Path) -> None:
    """Refuse a place where something is, be it an empty folder or a link to nothing.

    Raises:
        InputError: it is taken.
    """
    if out.exists() or out.is_symlink():
        raise InputError("OUT_EXISTS", "this place is taken", where=out.name, fix="pass a new folder as --out")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``out`` that becomes it if the block succeeds.

    A failure leaves nothing; what a killed process left is cleared away by the next one that writes the same folder.

    Raises:
        InputError: the place is taken, another process writes it, or it cannot be written.
    """
    require_free(out)
    place = out.absolute()
    partial = place.with_name(f".{place.name}.partial")
    what, fix = "another process writes this folder", "wait for it, or pass another --out"
    try:
        with held(partial, InputError("OUT_BUSY", what, where=out.name, fix=fix)):
            try:
                _clear(partial)
                yield partial
                for path in partial.rglob("*"):
                    if path.is_file():
                        with path.open("rb") as file:
                            os.fsync(file.fileno())
                require_free(out)
                partial.rename(place)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
    except OSError as error:
        what = error.strerror or "cannot be written"
        raise InputError("CANNOT_WRITE", what, where=out.name, fix="choose a writable folder with room") from None


def _clear(folder: Path) -> None:
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()
