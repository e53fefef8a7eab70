"""One slice's way through a run: what each stage made of it, dropped and quarantined included."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.walk.folders import (
    AUDIT,
    BUILD,
    CATALOG,
    CURATE,
    DESCRIBE,
    FUSE,
    MEASURE,
    PHANTOM_TRUTH,
    PHANTOMS,
    PREDICT,
    READ,
    REVIEW,
)
from neuroonco.walk.models import MODELS

OUTCOMES = {"records": "kept", "dropped": "dropped", "quarantined": "quarantined"}
_STAGES = (CATALOG, CURATE, MEASURE, DESCRIBE, READ, FUSE, AUDIT, BUILD, REVIEW)


@dataclass(frozen=True)
class Step:
    """What one stage made of the slice: a row of one of its three files."""

    stage: str
    outcome: str
    row: dict[str, Any]


def trace(run: Path, name: str) -> list[Step]:
    """All rows of a run about one slice, in the order of the walk.

    Args:
        run: folder of a run, finished or not.
        name: slice id, a unique beginning of one, sample id, or image path.

    Raises:
        InputError: no such run, no such slice, or several.
    """
    if not (run / CATALOG).is_dir():
        raise InputError("RUN_MISSING", "no run with a catalogue here", where=str(run), fix="pass --run FOLDER")
    slice_id = _find(run, name)
    steps = [
        Step(stage, outcome, row)
        for stage in _STAGES
        for file, outcome in OUTCOMES.items()
        for row in _rows(run / stage / f"{file}.parquet", "slice_id", slice_id)
    ]
    images = {step.row.get("image_path") for step in steps if step.stage == CATALOG}
    drawn = [
        Step(PHANTOMS, "drawn", row)
        for row in _json_rows(run / PHANTOMS / PHANTOM_TRUTH)
        if row.get("image_path") in images
    ]
    asked = {(s.row["image_id"], s.row["q_index"]) for s in steps if s.stage == REVIEW and "q_index" in s.row}
    answers = [
        Step(PREDICT, path.stem if path.stem in MODELS else str(row.get("model")), row)
        for path in sorted((run / PREDICT).glob("*.jsonl"))
        for row in _json_rows(path)
        if (row.get("id"), row.get("q_index")) in asked
    ]
    return [*drawn, *steps, *answers]


def _find(run: Path, name: str) -> str:
    found: dict[str, str] = {}
    for file in OUTCOMES:
        path = run / CATALOG / f"{file}.parquet"
        if not path.exists():
            continue
        for row in _table(path, columns=["slice_id", "sample_id", "image_path"]):
            if name in (row["slice_id"], row["sample_id"], row["image_path"]):
                found[row["slice_id"]] = "whole"
            elif row["slice_id"].startswith(name) and len(name) >= 4:
                found.setdefault(row["slice_id"], "beginning")
    exact = [slice_id for slice_id, how in found.items() if how == "whole"]
    candidates = exact or sorted(found)
    if not candidates:
        fix = "pass a slice id, sample id or image path of the run's catalogue"
        raise InputError("SLICE_UNKNOWN", f"no slice {name!r}", where=str(run), fix=fix)
    if len(candidates) > 1:
        raise InputError("SLICE_AMBIGUOUS", f"{name!r} names {len(candidates)} slices", fix=f"e.g. {candidates[0]}")
    return candidates[0]


def _rows(path: Path, column: str, value: str) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return _table(path, filters=[(column, "=", value)])


def _table(path: Path, **selection: Any) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, **selection).to_pylist()
    except (pa.ArrowException, OSError) as error:
        what = str(error).splitlines()[0][:200]
        raise InputError("RUN_BROKEN", what, where=str(path), fix="run the profile again") from None
    return rows


def _json_rows(path: Path) -> list[dict[str, Any]]:
    return [r for r in store.jsonl_rows(path) if isinstance(r, dict)] if path.exists() else []
