"""Read and write records: the only place that knows file formats.

The suffix decides: ``.parquet`` and ``.jsonl`` hold our typed records, ``.json`` the reference's JSON through a
:class:`ReferenceCodec` that the record's room supplies. Every file is written beside its target and moved into
place, so that a kill at any moment leaves either the old file or the new one.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from neuroonco.columns import ROWS_PER_GROUP, parquet_rows, table_of
from neuroonco.errors import InputError, printable
from neuroonco.outcomes import Quarantined, Record

R = TypeVar("R", bound=Record)
MAX_JSON_BYTES = 2 * 1024**3
"""A JSON document larger than this is refused: it has to be held in memory whole."""


@dataclass(frozen=True)
class ReferenceCodec(Generic[R]):
    """How a record looks in the reference's JSON.

    Attributes:
        decode: one JSON object to a record; raises ``InputError`` or ``ValidationError``.
        encode: a record to a JSON object, or None for a record that the format leaves out.
    """

    decode: Callable[[dict[str, Any]], R]
    encode: Callable[[R], dict[str, Any] | None]


@dataclass
class Loaded(Generic[R]):
    """What a file held: its records, and the rows that could not be read."""

    records: list[R]
    unreadable: list[Quarantined]


# --- reading ---


def load(path: Path, model: type[R], reference: ReferenceCodec[R] | None = None) -> Loaded[R]:
    """Read a whole file of records; a bad row is set aside with its error and the rest is kept.

    Raises:
        InputError: the file is missing, unreadable, of an unknown format, or not of that format at all.
    """
    loaded: Loaded[R] = Loaded([], [])
    for number, raw in enumerate(_raw_rows(path, reference is not None)):
        try:
            if isinstance(raw, InputError):
                raise raw
            require_text(raw, str(path))
            if path.suffix == ".json" and reference is not None:
                loaded.records.append(reference.decode(_object(raw)))
            else:
                loaded.records.append(model.model_validate(raw))
        except (ValidationError, InputError, TypeError, KeyError) as error:
            loaded.unreadable.append(_unreadable(raw, number, path, error))
    return loaded


def load_strict(path: Path, model: type[R], reference: ReferenceCodec[R] | None = None) -> list[R]:
    """Like :func:`load`, for files that we wrote ourselves: any bad row is an error."""
    loaded = load(path, model, reference)
    if loaded.unreadable:
        first = loaded.unreadable[0]
        raise InputError(first.code, first.message, where=f"{path}, {first.slice_id}", fix="rebuild the file")
    return loaded.records


def stream(path: Path, model: type[R]) -> Iterator[R]:
    """Like :func:`load_strict` for our own formats, one record after the other, so that memory does not grow."""
    for number, raw in enumerate(_raw_rows(path, has_reference=False)):
        try:
            if isinstance(raw, InputError):
                raise raw
            require_text(raw, str(path))
            record = model.model_validate(raw)
        except (ValidationError, InputError) as error:
            bad = _unreadable(raw, number, path, error)
            raise InputError(bad.code, bad.message, where=f"{path}, {bad.slice_id}", fix="rebuild the file") from None
        yield record


def read_json(path: Path) -> Any:
    """Parse one JSON document; NaN, duplicate keys and broken text are errors with a place.

    Raises:
        InputError: missing, unreadable, too large or not JSON.
    """
    return parse_json(read_text(path), str(path))


def read_text(path: Path, max_bytes: int = MAX_JSON_BYTES) -> str:
    """Text of a file, with one-line errors for everything that can be wrong with it."""
    try:
        _regular(path)
        if path.stat().st_size > max_bytes:
            what = f"larger than {max_bytes} bytes"
            raise InputError("FILE_TOO_LARGE", what, where=str(path), fix="split it")
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise InputError("FILE_MISSING", "no such file", where=str(path), fix="check the path") from None
    except UnicodeDecodeError as error:
        raise InputError(
            "ENCODING", f"not UTF-8 at byte {error.start}", where=str(path), fix="save it as UTF-8"
        ) from None
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=str(path)) from None


def _regular(path: Path) -> None:
    """Refuse what is no file: reading a pipe or a device may never end."""
    if path.exists() and not path.is_file():
        raise InputError("NOT_A_FILE", "not a regular file", where=str(path), fix="pass a file")


def require_text(raw: Any, where: str) -> None:
    """Refuse text that no file can hold: JSON can spell half of a character (a lone surrogate).

    Raises:
        InputError: somewhere in the value is such a text.
    """
    if isinstance(raw, str):
        if not raw.isascii() and raw != raw.encode("utf-8", "replace").decode("utf-8"):
            raise InputError("TEXT_INVALID", "half of a character (a lone surrogate)", where=where)
    elif isinstance(raw, dict):
        for key, value in raw.items():
            require_text(key, where)
            require_text(value, where)
    elif isinstance(raw, list):
        for value in raw:
            require_text(value, where)


def parse_json(text: str, where: str) -> Any:
    """Strict JSON: no NaN, no duplicate keys, no runaway nesting."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise InputError("JSON_DUPLICATE_KEY", f"key {key!r} twice in one object", where=where)
            found[key] = value
        return found

    def constant(name: str) -> Any:
        raise InputError("JSON_NOT_FINITE", f"{name} is not JSON", where=where, fix="use null")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except json.JSONDecodeError as error:
        place = f"{where}, line {error.lineno} column {error.colno}"
        raise InputError("JSON_BROKEN", error.msg, where=place, fix="repair or rebuild the file") from None
    except RecursionError:
        raise InputError("JSON_TOO_DEEP", "nested too deeply", where=where) from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise InputError("JSON_BROKEN", str(error)[:100], where=where) from None


def first_row(path: Path) -> Any:
    """The first row of a ``.jsonl`` or ``.parquet`` file, as it came; None where there is none.

    Raises:
        InputError: missing, unreadable or of another format.
    """
    return next(iter(_raw_rows(path, has_reference=False)), None)


def _raw_rows(path: Path, has_reference: bool) -> Iterator[Any]:
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
    elif path.suffix == ".jsonl":
        yield from jsonl_rows(path)
    elif path.suffix == ".json" and has_reference:
        document = read_json(path)
        if not isinstance(document, list):
            raise InputError("JSON_NOT_A_LIST", "expected a list of records", where=str(path))
        yield from document
    else:
        expected = ".parquet, .jsonl or .json" if has_reference else ".parquet or .jsonl"
        raise InputError("FORMAT_UNKNOWN", f"suffix {path.suffix!r}", where=str(path), fix=f"use {expected}")


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        _regular(path)
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS_PER_GROUP):
                yield from batch.to_pylist()
    except FileNotFoundError:
        raise InputError("FILE_MISSING", "no such file", where=str(path), fix="check the path") from None
    except (pa.ArrowInvalid, OSError) as error:
        what = str(error).splitlines()[0][:200]
        raise InputError("PARQUET_BROKEN", what, where=str(path), fix="rebuild the file") from None


def jsonl_rows(path: Path) -> Iterator[Any]:
    """Rows of a JSONL file; a line that is not JSON comes as the ``InputError`` that says so."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            try:
                yield parse_json(line, f"{path}, line {number}")
            except InputError as error:
                yield error


def _object(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise InputError("ROW_NOT_AN_OBJECT", f"expected an object, found {type(raw).__name__}")
    return raw


def _unreadable(raw: Any, number: int, path: Path, error: Exception) -> Quarantined:
    row: dict[str, Any] = raw if isinstance(raw, dict) else {}
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "record"
        unknown = first["type"] == "extra_forbidden"
        code = "FIELD_UNKNOWN" if unknown else "FIELD_INVALID"
        message = f"{field}: {'no such field' if unknown else first['msg']}"
    elif isinstance(error, InputError):
        code, message = error.code, error.what
    elif isinstance(error, KeyError):
        code, message = "FIELD_MISSING", f"{error.args[0]}: missing"
    else:
        code, message = "ROW_INVALID", str(error)[:200]
    identity = printable(str(row.get("slice_id") or row.get("sample_id") or f"{path.name}#{number}"))
    message = printable(f"row {number} of {path.name}: {message}")
    return Quarantined(slice_id=str(identity)[:200], code=code, message=message)


# --- writing ---


def save(path: Path, records: Iterable[R], model: type[R], reference: ReferenceCodec[R] | None = None) -> int:
    """Write records in the given order; the suffix decides the format.

    Returns:
        How many records the format has no words for, so that they are not in the file; 0 in ours.

    Raises:
        InputError: unknown suffix, or the folder cannot be written.
    """
    if path.suffix == ".parquet":
        with atomic(path) as temporary:
            _write_parquet(temporary, records, model)
    elif path.suffix == ".jsonl":
        with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            for record in records:
                file.write(record.model_dump_json() + "\n")
    elif path.suffix == ".json" and reference is not None:
        objects = [reference.encode(record) for record in records]
        write_json(path, [o for o in objects if o is not None])
        return objects.count(None)
    else:
        require_format(path, reference=reference is not None)
    return 0


def require_format(path: Path, *, reference: bool) -> None:
    """Refuse a file to write whose suffix names no format, before work is done for it.

    Args:
        path: to write.
        reference: whether the reference's JSON is one of the formats.

    Raises:
        InputError: unknown suffix.
    """
    known = (".parquet", ".jsonl", ".json") if reference else (".parquet", ".jsonl")
    if path.suffix not in known:
        fix = f"use {', '.join(known[:-1])} or {known[-1]}"
        raise InputError("FORMAT_UNKNOWN", f"suffix {path.suffix!r}", where=str(path), fix=fix)


def write_json(path: Path, document: Any) -> None:
    """Write one JSON document as the reference does: two-space indent, UTF-8, no NaN."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _write_parquet(path: Path, records: Iterable[R], model: type[R]) -> None:
    with parquet_rows(path, model) as write:
        rest = iter(records)
        while batch := list(islice(rest, ROWS_PER_GROUP)):
            write(table_of(batch, model))


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; move it there, flushed to disk, if the block succeeds."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        what = error.strerror or str(error)
        raise InputError("CANNOT_WRITE", what, where=str(path), fix="choose a writable folder") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


# --- hashes ---


def sha256_bytes(data: bytes) -> str:
    """Hex SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_text(*parts: str) -> str:
    r"""Hex SHA-256 of strings, separated so that ("a", "bc") and ("ab", "c") differ."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
