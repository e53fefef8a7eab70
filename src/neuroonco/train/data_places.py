"""Places that a recipe or a command line names: whether they are there, and which files of data they mean."""

from pathlib import Path
from typing import Final

from neuroonco.errors import InputError, UsageError

MAX_SAID: Final = 120
"""Characters of a place in a message."""


def is_there(place: Path, code: str) -> bool:
    """Whether something is there.

    Args:
        place: file or folder.
        code: of the error.

    Raises:
        InputError: the system cannot say, e.g. of a name that is too long.
    """
    try:
        return place.exists()
    except OSError as error:
        raise InputError(code, error.strerror or "unreadable", where=shown_place(place)) from None


def shown_place(place: Path) -> str:
    """A place as it was named; of an absolute one the last part, as the rest belongs to this machine.

    >>> shown_place(Path("data/a.jsonl")), shown_place(Path("/srv/data/a.jsonl"))
    ('data/a.jsonl', 'a.jsonl')
    """
    said = place.name if place.is_absolute() else str(place)
    return said if len(said) <= MAX_SAID else f"{said[:MAX_SAID]}…"


def data_files(named: tuple[Path, ...], kinds: tuple[str, ...]) -> tuple[Path, ...]:
    """Files of data: those named, and of folders named those of the kinds.

    Args:
        named: files of chat JSONL, or folders written by ``build instruct``.
        kinds: of pairs; each has one file in such a folder.

    Raises:
        InputError: a file is missing, empty, or none.
        UsageError: a file is named twice.
    """
    found = [file for place in named for file in _files_at(place, kinds)]
    if len({file.resolve() for file in found}) < len(found):
        twice = next(file for file in found if [other.resolve() for other in found].count(file.resolve()) > 1)
        raise UsageError("DATA_TWICE", "the file is named twice", where=shown_place(twice), fix="name it once")
    for file in found:
        _require_rows(file)
    return tuple(found)


def _files_at(place: Path, kinds: tuple[str, ...]) -> list[Path]:
    if not is_there(place, "FILE_UNREADABLE"):
        fix = "pass a file of chat JSONL, or a folder that `neuroonco build instruct` wrote"
        raise InputError("FILE_MISSING", "no such file or folder", where=shown_place(place), fix=fix)
    if not place.is_dir():
        return [place]
    if not kinds:
        fix = "e.g. --set data.kinds=open,closed_nocot"
        raise InputError("KINDS_NONE", "of a folder no kind of pairs is named", where="data.kinds", fix=fix)
    files_of_kinds = [place / f"instruction_{kind}_train.jsonl" for kind in kinds]
    missing = [file.name for file in files_of_kinds if not file.exists()]
    if missing:
        what = f"the folder has no {missing[0]}"
        fix = "pass the folder that `neuroonco build instruct` wrote, or choose with --set data.kinds=…"
        raise InputError("FILE_MISSING", what, where=shown_place(place), fix=fix)
    return files_of_kinds


def _require_rows(file: Path) -> None:
    try:
        is_file, size_bytes = file.is_file(), file.stat().st_size
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=shown_place(file)) from None
    if not is_file:
        raise InputError("NOT_A_FILE", "not a regular file", where=shown_place(file), fix="pass a file")
    if size_bytes == 0:
        fix = "`build instruct` wrote no pair of this kind: leave the kind out (data.kinds), or build it from more"
        raise InputError("DATA_EMPTY", "the file is empty", where=shown_place(file), fix=fix)
