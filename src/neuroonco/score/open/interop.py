"""Marks of people on open answers: CSV or JSON lines, with one clear line for each row that cannot be used."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.outcomes import quarantine
from neuroonco.score.open.records import HIGHEST_MARK, HumanMark
from neuroonco.store import Loaded

FIELDS = ("id", "question_id", "mark", "reader")
_EXPECTED = f"columns id, question_id, mark (0 to {HIGHEST_MARK}) and, if there are several readers, reader"


def read_marks(path: Path) -> Loaded[HumanMark]:
    """Read the marks of people; a row that cannot be used is set aside with its reason.

    Args:
        path: ``.csv`` with a header, or ``.jsonl``. A reader who marks one answer twice is no reader of it: the second
            mark is set aside.

    Raises:
        InputError: missing, unreadable, of an unknown format, or without a needed column.
    """
    if path.suffix not in (".csv", ".jsonl"):
        raise InputError("FORMAT_UNKNOWN", "marks are .csv or .jsonl", where=str(path), fix=f"{_EXPECTED}")
    rows = _csv_rows(path) if path.suffix == ".csv" else list(enumerate(store.jsonl_rows(path), 1))
    loaded: Loaded[HumanMark] = Loaded([], [])
    seen: set[tuple[str, str, str | None]] = set()
    for number, row in rows:
        try:
            mark = _decode(row)
            key = (mark.id, mark.question_id, mark.reader)
            if key in seen:
                what = f"a second mark of one reader for {mark.id}#{mark.question_id}"
                raise InputError("MARK_TWICE", what, fix="name the reader, or leave one of the two out")
            seen.add(key)
            loaded.records.append(mark)
        except InputError as error:
            loaded.unreadable.append(quarantine(error, slice_id=f"{path.name}#{number}"))
    return loaded


def _csv_rows(path: Path) -> list[tuple[int, Any]]:
    text = store.read_text(path).removeprefix("\ufeff")
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        missing = [field for field in FIELDS[:3] if field not in (reader.fieldnames or ())]
        if missing:
            what = f"no column {', '.join(missing)}"
            raise InputError("COLUMN_MISSING", what, where=str(path), fix=f"expected {_EXPECTED}")
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError("CSV_BROKEN", str(error), where=str(path), fix=f"expected {_EXPECTED}") from None


def _decode(row: Any) -> HumanMark:
    if isinstance(row, InputError):
        raise row
    if not isinstance(row, dict):
        raise InputError("ROW_NOT_AN_OBJECT", f"expected an object, found {type(row).__name__}")
    found = {field: row.get(field) for field in FIELDS}
    for field in ("id", "question_id"):
        value = found[field]
        if isinstance(value, int) and not isinstance(value, bool):
            found[field] = str(value)
        elif not isinstance(value, str) or not value.strip():
            raise InputError("FIELD_MISSING", f"{field}: missing or no text", fix=f"expected {_EXPECTED}")
        else:
            found[field] = value.strip()
    found["mark"] = _mark(found["mark"])
    reader = found["reader"]
    found["reader"] = str(reader).strip() or None if isinstance(reader, str | int) else None
    try:
        return HumanMark.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError("FIELD_INVALID", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _mark(value: Any) -> int:
    text = value.strip() if isinstance(value, str) else json.dumps(value, default=str)
    allowed = {str(mark): mark for mark in range(HIGHEST_MARK + 1)}
    if text not in allowed:
        what = f"mark: {text[:20]!r} is no whole number from 0 to {HIGHEST_MARK}"
        raise InputError("MARK_INVALID", what, fix="leave out answers that were not marked")
    return allowed[text]
