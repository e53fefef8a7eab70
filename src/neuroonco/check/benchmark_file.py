"""Which kind of benchmark a file holds, seen from its own fields."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neuroonco import store
from neuroonco.errors import InputError

CLOSED, OPEN = "closed", "open"
_GROUPED = {"vqa_pairs": CLOSED, "qa_pairs": OPEN}
_RECORDS = {"options": CLOSED, "reference_answer": OPEN}


def kind_of(path: Path) -> str:
    """``closed`` or ``open``; ``closed`` where the fields say neither, so that reading it says what is wrong.

    Args:
        path: the reference's ``.json``, or our ``.parquet`` and ``.jsonl``.

    Raises:
        InputError: the file cannot be read, or holds instruction data.
    """
    if path.suffix == ".parquet":
        fields, known = _parquet_fields(path), _RECORDS
    elif path.suffix == ".jsonl":
        row = next((raw for raw in store.jsonl_rows(path) if isinstance(raw, dict)), {})
        fields, known = set(row), _RECORDS
    else:
        fields, known = _fields(store.read_json(path)), _GROUPED
    if "messages" in fields:
        fix = "use `neuroonco check instructions`"
        raise InputError("NOT_A_BENCHMARK", "the file holds instruction pairs", where=str(path), fix=fix)
    return next((kind for field, kind in known.items() if field in fields), CLOSED)


def _fields(document: Any) -> set[str]:
    rows = document if isinstance(document, list) else []
    return {field for row in rows if isinstance(row, dict) for field in row}


def _parquet_fields(path: Path) -> set[str]:
    try:
        return set(pq.read_schema(path).names)
    except FileNotFoundError:
        raise InputError("FILE_MISSING", "no such file", where=str(path), fix="check the path") from None
    except (pa.ArrowInvalid, OSError) as error:
        what = str(error).splitlines()[0][:200]
        raise InputError("PARQUET_BROKEN", what, where=str(path), fix="rebuild the file") from None
