"""The key that makes published names opaque, and the files that stay behind when a package leaves."""

import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from neuroonco.errors import InputError, UsageError

KEY_BYTES = 32
"""Random bytes of a key: as many as the hash that it keys has."""
KEY_HEADER = b"neuroonco publish key 1\n"
"""What a file with a key begins with, so that no other file, and nothing that was typed, is taken for one."""
LICENSES, SUMS = "LICENSES.md", "SHA256SUMS"
"""Two files of every package; a folder that holds both is one."""
NAME_DIGITS = 20
"""Hexadecimal digits of a name: among a million names two agree by chance once in a trillion packages."""


class Key:
    """A secret from which names are made; it shows itself nowhere."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Key(...)"

    def name(self, purpose: str, *parts: str) -> str:
        """Opaque name of something: HMAC-SHA-256 of what it is for and which one it is, cut to 80 bits.

        Who does not have the key cannot make the name from public data, nor test a guess. One thing has another name
        for each purpose, so that two packages made with one key cannot be joined by their names. By equal pictures
        they can: what both show has to be kept apart where they are made.

        Args:
            purpose: what is named, e.g. ``benchmark image``.
            parts: identity of the one that is named, e.g. its slice id.

        Source: HMAC, RFC 2104.

        >>> key = Key(bytes(range(32)))
        >>> key.name("example", "s1")
        'n192eb515e888838f5051'
        """
        message = json.dumps([purpose, *parts]).encode("ascii")
        return "n" + hmac.new(self._secret, message, "sha256").hexdigest()[:NAME_DIGITS]


def is_package(folder: Path) -> bool:
    """Whether a folder is, or looks like, a package that was published."""
    return (folder / SUMS).exists() and (folder / LICENSES).exists()


def require_outside(path: Path, packages: Iterable[Path], what: str) -> None:
    """Refuse a private file that would lie in a folder that leaves: one of these, or any other package.

    Raises:
        UsageError: it lies in one of them.
    """
    place = path.resolve()
    inside = any(place.is_relative_to(package.resolve()) for package in packages)
    if inside or any(is_package(folder) for folder in place.parents):
        fix = "keep it outside: who has it can tell what each name stands for"
        raise UsageError("PRIVATE_IN_PACKAGE", f"the {what} lies inside a package", where=str(path), fix=fix)


def read_key(path: Path) -> Key:
    """The key of a file that :func:`key_at` made.

    Raises:
        InputError: missing, not a file, readable by others, or not a key that was made here.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError("NOT_A_FILE", "not a regular file", where=str(path), fix="pass a file")
        with path.open("rb") as file:
            data = file.read(len(KEY_HEADER) + KEY_BYTES + 1)
    except FileNotFoundError:
        raise InputError("FILE_MISSING", "no such file", where=str(path), fix="check the path") from None
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=str(path)) from None
    if not data.startswith(KEY_HEADER) or len(data) != len(KEY_HEADER) + KEY_BYTES:
        what = "not a key that this program made; any other may be guessed"
        raise InputError("KEY_UNKNOWN", what, where=str(path), fix="name a new file, and one is made")
    if status.st_mode & 0o077:  # looked at last: to any other file `chmod` is no answer
        what = f"others may read the key (mode {stat.S_IMODE(status.st_mode):04o})"
        raise InputError("KEY_NOT_PRIVATE", what, where=str(path), fix=f"chmod 600 {path.name}")
    return Key(data[len(KEY_HEADER) :])


def key_at(path: Path) -> tuple[Key, bool]:
    """The key of a file, which is made where there is none: random, and for its owner only.

    Returns:
        The key, and whether it was made.

    Raises:
        InputError: see :func:`read_key`; or the file cannot be written.
    """
    made = not os.path.lexists(path)
    if made:
        with _private(path) as temporary:
            _write(temporary, KEY_HEADER + secrets.token_bytes(KEY_BYTES))
            try:
                os.link(temporary, path)  # unlike a rename, this never takes the place of a key that came meanwhile
            except FileExistsError:
                made = False
    return read_key(path), made


def require_free(path: Path, text: str) -> bool:
    """Refuse to put a private file where another one is; said before the work, since the work may take hours.

    Returns:
        Whether the same file is there already.

    Raises:
        InputError: there is another file.
    """
    if not os.path.lexists(path):
        return False
    data = text.encode("utf-8")
    try:
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return True
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=str(path)) from None
    fix = "move it away, or name another file: names of an earlier package may depend on it"
    raise InputError("PRIVATE_EXISTS", "another file is here", where=str(path), fix=fix)


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner only; the same file again is no error, another one in its place is.

    Raises:
        InputError: there is another file, or the folder cannot be written.
    """
    if not require_free(path, text):
        with _private(path) as temporary:
            _write(temporary, text.encode("utf-8"))
            with suppress(FileExistsError):  # of a publication at the same time; looked at below
                os.link(temporary, path)
        require_free(path, text)
    path.chmod(0o600)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _private(path: Path) -> Iterator[Path]:
    """An empty file beside ``path`` that nobody else may read, gone when the block ends."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield temporary
    except OSError as error:
        what = error.strerror or str(error)
        raise InputError("CANNOT_WRITE", what, where=str(path), fix="choose a writable folder") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
