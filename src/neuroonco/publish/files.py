"""The files that labels are about, held against the labels."""

import re
from pathlib import Path

from neuroonco import images, store
from neuroonco.catalog.records import SliceRecord
from neuroonco.errors import InputError

_SHA256 = re.compile(r"[0-9a-f]{64}")


class LabelledFiles:
    """Files below a root, each looked at once in a row: the slices of one volume follow each other."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._last: tuple[str, str] | None = None

    def require_same(self, record: SliceRecord) -> None:
        """Refuse a slice whose file is not the one that was labelled.

        Raises:
            InputError: its label states no hash, or the file is missing, unreadable or another one.
        """
        path = record.image_path
        if not _SHA256.fullmatch(record.image_sha256):
            what = "the label states no hash of its file, so that nothing says which file was labelled"
            raise InputError("HASH_MISSING", what, where=path, fix="make the labels again, from the catalogue on")
        if self._last is None or self._last[0] != path:
            self._last = (path, self._hash(path))
        if self._last[1] != record.image_sha256:
            what = "not the file that was labelled: its bytes have changed"
            raise InputError(
                "FILE_CHANGED", what, where=path, fix="pass the root that it was built from, or build again"
            )

    def _hash(self, path: str) -> str:
        file = images.resolve(self._root, path)
        if not file.is_file():
            fix = f"pass as --root the folder that this path is relative to; now it is {self._root}"
            raise InputError("FILE_MISSING", "no such file below --root", where=path, fix=fix)
        try:
            return store.sha256_file(file)
        except OSError as error:
            raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=path) from None
