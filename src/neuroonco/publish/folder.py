"""The folder that leaves: whole or not there, its pictures without a word, and a sum of every file."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.images import PictureRef
from neuroonco.pictures import LastPicture

SUMS = "SHA256SUMS"


def partial_of(out: Path) -> Path:
    """Where a package is put together before it takes its place; a kill leaves this folder and no other."""
    return out.with_name(f".{out.name}.partial")


@contextmanager
def package_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``out``, with a sum of each of its files, if the block succeeds.

    Raises:
        InputError: ``out`` holds something or cannot be written.
    """
    out = out.absolute()  # of "." or "x/.." the name is needed
    partial = partial_of(out)
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError("OUT_NOT_EMPTY", "not an empty folder", where=str(out), fix="pass a new folder")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        _write_sums(partial)
        if out.exists():
            out.rmdir()
        partial.replace(out)
    except OSError as error:
        what = error.strerror or str(error)
        raise InputError("CANNOT_WRITE", what, where=str(out), fix="choose a writable folder") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_picture(path: Path, root: Path, ref: PictureRef) -> None:
    """Write the picture of a slice as a PNG of its pixels alone: no EXIF, comment, color profile or text comes along.

    A file whose color channels differ stays in color; everything else is gray, 8 bits, as :mod:`neuroonco.images`
    decodes it. The compression is lossless.

    Args:
        path: to write.
        root: folder to which the slice's path is relative.
        ref: the slice: a file, or a channel or slice of one.

    Raises:
        InputError: the picture cannot be read, or the file not be written.
    """
    gray, color = LastPicture().read(root, ref)
    buffer = BytesIO()
    Image.fromarray(gray if color is None else color).save(buffer, "PNG", optimize=False, compress_level=6)
    with store.atomic(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _write_sums(folder: Path) -> None:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != SUMS)
    lines = [f"{store.sha256_file(p)}  {p.relative_to(folder).as_posix()}" for p in files]
    store.write_text(folder / SUMS, "\n".join(lines) + "\n")
