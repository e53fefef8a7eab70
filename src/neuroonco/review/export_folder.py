"""The folder of an exported review: whole or not there, and never in the place of something else."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuroonco.errors import InputError


def free_place(out: Path) -> Path:
    """The absolute path of a folder to export to, which must be empty or not there yet.

    Raises:
        InputError: it holds something, or is a file or a link.
    """
    try:
        place = out.resolve() if out.name in ("", "..") else out.absolute()
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise InputError("OUT_NOT_A_FOLDER", "a file or a link", where=str(out), fix="pass a new folder")
        if place.exists() and any(place.iterdir()):
            raise InputError("OUT_NOT_EMPTY", "not an empty folder", where=str(out), fix="pass a new folder")
    except OSError as error:
        raise _cannot_write(out, error) from None
    return place


@contextmanager
def exported_to(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``out`` if the block succeeds; a failure leaves nothing.

    Raises:
        InputError: see :func:`free_place`; or the folder cannot be written.
    """
    place = free_place(out)
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        partial.rename(place)  # refuses a folder that something came into meanwhile
    except OSError as error:
        raise _cannot_write(out, error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _cannot_write(out: Path, error: OSError) -> InputError:
    what = error.strerror or str(error)
    return InputError("CANNOT_WRITE", what, where=str(out), fix="choose a writable folder")
