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
"""Least length of a key, and the length of those that are made here: as long as the hash that it keys."""
MAX_KEY_BYTES = 4096
LEAST_DISTINCT_BYTES = 8
"""A key with fewer different bytes was typed, not drawn; 32 random bytes have about 30, as hexadecimal text 16."""
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
        for each purpose, so that two packages made with one key cannot be joined.

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


def require_outside(path: Path, packages: Iterable[Path], what: str) -> None:
    """Refuse a private file that would lie in a folder that leaves.

    Raises:
        UsageError: it lies in one of them.
    """
    place = path.resolve()
    for package in packages:
        if place.is_relative_to(package.resolve()):
            fix = "keep it outside: who has it can tell what each name stands for"
            raise UsageError("PRIVATE_IN_PACKAGE", f"the {what} lies inside the package", where=str(path), fix=fix)


def read_key(path: Path) -> Key:
    """The key of a file.

    Raises:
        InputError: missing, not a file, readable by others, too short, too long, or no random bytes.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError("NOT_A_FILE", "not a regular file", where=str(path), fix="pass a file")
        if status.st_mode & 0o077:
            what = f"others may read the key (mode {stat.S_IMODE(status.st_mode):04o})"
            raise InputError("KEY_NOT_PRIVATE", what, where=str(path), fix=f"chmod 600 {path.name}")
        with path.open("rb") as file:
            secret = file.read(MAX_KEY_BYTES + 1)
    except FileNotFoundError:
        raise InputError("FILE_MISSING", "no such file", where=str(path), fix="check the path") from None
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=str(path)) from None
    if not KEY_BYTES <= len(secret) <= MAX_KEY_BYTES:
        what = f"the key has {min(len(secret), MAX_KEY_BYTES + 1)} bytes, expected {KEY_BYTES} to {MAX_KEY_BYTES}"
        raise InputError("KEY_LENGTH", what, where=str(path), fix="name a new file, and one is made")
    if len(set(secret)) < LEAST_DISTINCT_BYTES:
        what = "the key holds a few bytes over and over"
        raise InputError("KEY_WEAK", what, where=str(path), fix="name a new file, and one is made")
    return Key(secret)


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
            _write(temporary, secrets.token_bytes(KEY_BYTES))
            try:
                os.link(temporary, path)  # unlike a rename, this never takes the place of a key that came meanwhile
            except FileExistsError:
                made = False
    return read_key(path), made


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner only; the same file again is no error, another one in its place is.

    Raises:
        InputError: there is another file, or the folder cannot be written.
    """
    data = text.encode("utf-8")
    if os.path.lexists(path):
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            path.chmod(0o600)
            return
        fix = "move it away, or name another file: names of an earlier package may depend on it"
        raise InputError("PRIVATE_EXISTS", "another file is here", where=str(path), fix=fix)
    with _private(path) as temporary:
        _write(temporary, data)
        temporary.replace(path)


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
