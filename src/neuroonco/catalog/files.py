"""What lies in a folder of images, and what becomes of the files that are none."""

import os
import stat
from pathlib import Path, PurePosixPath

from neuroonco import images
from neuroonco.catalog.records import SliceRecord, slice_id_of
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, StageOutcome, quarantine
from neuroonco.vocabulary import DropReason

VOLUME_ENDINGS = (".nii.gz", ".nii", ".mat", ".dcm")
"""Endings, in lower case, of files that hold slices but are no pictures."""


def list_paths(root: Path, folder: str = "") -> list[str]:
    """Everything below a source's folder that is not a folder we can list, sorted.

    Links to folders are listed and not followed. A folder that cannot be listed is listed itself, so that it is
    accounted for.

    Returns:
        Paths relative to the source's folder, with ``/``.

    Raises:
        InputError: ``ROOT_MISSING``, ``ROOT_NOT_A_FOLDER``, ``ROOT_UNREADABLE`` or ``ROOT_EMPTY``.
    """
    list_folder(root)
    top = images.resolve(root, folder) if folder else root
    found: list[str] = []
    pending = [("", list_folder(top))]
    while pending:
        prefix, entries = pending.pop()
        for entry in entries:
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                try:
                    pending.append((f"{path}/", list_folder(Path(entry.path))))
                except InputError:
                    found.append(path)
            else:
                found.append(path)
    if not found:
        raise InputError("ROOT_EMPTY", "no files in here", where=str(top), fix="unpack the collection there")
    return sorted(found)


def list_folder(path: Path) -> list[os.DirEntry[str]]:
    """Entries of one folder, in the order of the file system; errors as in :func:`list_paths`."""
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except FileNotFoundError:
        raise InputError("ROOT_MISSING", "no such folder", where=str(path), fix="check the path") from None
    except NotADirectoryError:
        raise InputError("ROOT_NOT_A_FOLDER", "not a folder", where=str(path), fix="pass a folder") from None
    except OSError as error:
        raise InputError(
            "ROOT_UNREADABLE", error.strerror or "unreadable", where=str(path), fix="check its permissions"
        ) from None


def regular_file(root: Path, relative: str) -> Path:
    """Path of a regular file inside the root: no folder, no pipe, no link that leaves.

    Raises:
        InputError: see :func:`neuroonco.images.resolve`; or missing, unreadable, or not a regular file.
    """
    path = images.resolve(root, relative)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        what = "a link to nothing" if path.is_symlink() else "no such file"
        raise InputError("FILE_MISSING", what, where=relative) from None
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=relative) from None
    if stat.S_ISDIR(mode):
        if path.is_symlink():
            raise InputError("FOLDER_LINKED", "a link to a folder is not followed", where=relative)
        raise InputError("NOT_A_FILE", "a folder that cannot be listed, or with the name of a file", where=relative)
    if not stat.S_ISREG(mode):
        raise InputError("NOT_A_FILE", "not a regular file", where=relative)
    return path


def left_out(
    root: Path, source_id: str | None, folder: str, path: str, reason: DropReason, detail: str
) -> StageOutcome[SliceRecord]:
    """A file that is not an image of the layout: dropped, or quarantined if it is not even a plain file."""
    slice_id = slice_id_of(source_id or "", path, None, "")
    image_path = shown(join_path(folder, path))
    try:
        if not is_text(path):
            raise InputError("PATH_NOT_UTF8", "the name is not UTF-8", where=image_path, fix="rename the file")
        regular_file(root, join_path(folder, path))
    except InputError as error:
        broken = quarantine(error, slice_id=slice_id, source_id=source_id, image_path=image_path)
        return StageOutcome(quarantined=[broken])
    dropped = Dropped(slice_id=slice_id, source_id=source_id, image_path=image_path, reason=reason, detail=detail)
    return StageOutcome(dropped=[dropped])


def reason_outside(path: str, detail: str) -> tuple[DropReason, str]:
    """Why a file that no layout describes is dropped: its ending says that it is no image, or the given detail."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in images.IMAGE_SUFFIXES or path.lower().endswith(VOLUME_ENDINGS):
        return DropReason.OUTSIDE_LAYOUT, detail
    return DropReason.NOT_AN_IMAGE_NAME, f"ending {shown(suffix)!r}" if suffix else "no ending"


def stem_of(path: str) -> str:
    """The name of a file without its folders and its ending.

    >>> stem_of("P1/P1_t1.nii.gz"), stem_of("yes/a.b.png")
    ('P1_t1', 'a.b')
    """
    name = path.rpartition("/")[2]
    lower = name.lower()
    ending = next((e for e in VOLUME_ENDINGS if lower.endswith(e) and len(name) > len(e)), None)
    return name[: -len(ending)] if ending else PurePosixPath(name).stem


def is_text(path: str) -> bool:
    """False for a name whose bytes are not UTF-8; such a name cannot be stored."""
    return not any("\ud800" <= character <= "\udfff" for character in path)


def shown(path: str) -> str:
    """A path that can be stored: bytes that are not UTF-8 are escaped."""
    return path if is_text(path) else path.encode("utf-8", "backslashreplace").decode("utf-8")


def join_path(folder: str, path: str) -> str:
    """Path relative to the root, of a path relative to a folder of the root; the folder may be empty."""
    return f"{folder}/{path}" if folder else path
