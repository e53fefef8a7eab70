"""The folder that leaves: whole or not there, its pictures without a word, and a sum of every file."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.held_folders import held
from neuroonco.images import PictureRef
from neuroonco.pictures import LastPicture
from neuroonco.publish.key import SUMS, is_package


def partial_of(out: Path) -> Path:
    """Where a package is put together before it takes its place; a kill leaves this folder and no other."""
    return out.with_name(f".{out.name}.partial")


def free_folder(out: Path) -> Path:
    """The absolute path of a folder for a package, which must be empty or not there yet.

    Raises:
        InputError: it holds something, is a file or a link, or lies in another package.
    """
    try:
        place = out.absolute() if out.name not in ("", "..") else out.resolve()  # "." and "x/.." have no name
        if place.is_symlink():
            raise InputError("OUT_IS_LINK", "a link, not a folder", where=str(out), fix="pass a new folder")
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise InputError("OUT_NOT_EMPTY", "not an empty folder", where=str(out), fix="pass a new folder")
        if any(is_package(folder) for folder in place.resolve().parents):
            what = "lies inside another package, whose sums would not cover it"
            raise InputError("OUT_IN_PACKAGE", what, where=str(out), fix="pass a folder elsewhere")
    except OSError as error:
        raise _cannot_write(out, error) from None
    return place


@contextmanager
def package_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``out``, with a sum of each of its files, if the block succeeds.

    Raises:
        InputError: see :func:`free_folder`; or ``out`` cannot be written, or another publication is at it.
    """
    out = free_folder(out)
    partial = partial_of(out)
    fix = "wait for it, or choose another --out"
    busy = InputError("OUT_BUSY", "another publication writes this package", where=str(out), fix=fix)
    try:
        with held(partial, busy):
            try:
                _empty(partial)
                yield partial
                _write_sums(partial)
                partial.rename(out)  # refuses a folder that something came into meanwhile
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
    except OSError as error:
        raise _cannot_write(out, error) from None


def _empty(folder: Path) -> None:
    """Remove what a killed publication left; the folder itself stays, since it is held."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _cannot_write(out: Path, error: OSError) -> InputError:
    what = error.strerror or str(error)
    return InputError("CANNOT_WRITE", what, where=str(out), fix="choose a writable folder")


def write_picture(path: Path, root: Path, ref: PictureRef) -> str:
    """Write the picture of a slice as a PNG of its pixels alone: no EXIF, comment, color profile or text comes along.

    A file whose color channels differ stays in color; everything else is gray, 8 bits, as :mod:`neuroonco.images`
    decodes it. The compression is lossless.

    Args:
        path: to write.
        root: folder to which the slice's path is relative.
        ref: the slice: a file, or a channel or slice of one.

    Returns:
        SHA-256 of the written file; two pictures of the same pixels have the same.

    Raises:
        InputError: the picture cannot be read, or the file not be written.
    """
    gray, color = LastPicture().read(root, ref)
    buffer = BytesIO()
    Image.fromarray(gray if color is None else color).save(buffer, "PNG", optimize=False, compress_level=6)
    with store.atomic(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return store.sha256_bytes(buffer.getvalue())


def _write_sums(folder: Path) -> None:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != SUMS)
    lines = [f"{store.sha256_file(p)}  {p.relative_to(folder).as_posix()}" for p in files]
    store.write_text(folder / SUMS, "\n".join(lines) + "\n")
