"""One slice's rows in a run's files, read so that stepping from slice to slice stays quick in a large run.

The rows are those of :func:`neuroonco.walk.trace.trace`; a file that is missing, torn or being written has none.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.walk.browsing_index import STAGES
from neuroonco.walk.browsing_masks import mask_ids
from neuroonco.walk.folders import CATALOG, PHANTOM_TRUTH, PHANTOMS, PREDICT, REVIEW
from neuroonco.walk.models import MODELS
from neuroonco.walk.trace import OUTCOMES, Step

Row = dict[str, Any]


def way(run: Path, slice_id: str) -> list[Step]:
    """All rows of a run about one slice, in the order of the walk."""
    steps = [
        Step(stage, outcome, row)
        for stage in STAGES
        for file, outcome in OUTCOMES.items()
        for row in rows_where(run / stage / f"{file}.parquet", "slice_id", slice_id)
    ]
    images = {step.row.get("image_path") for step in steps if step.stage == CATALOG}
    drawn = [
        Step(PHANTOMS, "drawn", row)
        for image in sorted(one for one in images if isinstance(one, str))
        for row in lines_with(run / PHANTOMS / PHANTOM_TRUTH, image)
        if row.get("image_path") == image
    ]
    asked = {(s.row.get("image_id"), s.row.get("q_index")) for s in steps if s.stage == REVIEW and "q_index" in s.row}
    answers = [
        Step(PREDICT, path.stem if path.stem in MODELS else str(row.get("model")), row)
        for path in sorted((run / PREDICT).glob("*.jsonl"))
        for image_id in sorted({str(image_id) for image_id, _ in asked})
        for row in lines_with(path, image_id)
        if (row.get("id"), row.get("q_index")) in asked
    ]
    return [*drawn, *steps, *answers]


def mask_errors(run: Path, steps: Sequence[Step]) -> list[Step]:
    """What the catalogue said of a slice's mask when it set this aside; ``steps`` are those of the slice."""
    return [
        Step(CATALOG, "quarantined", found)
        for step in steps
        if (step.stage, step.outcome) == (CATALOG, "kept")
        for mask_id in mask_ids(step.row)
        for found in rows_where(run / CATALOG / "quarantined.parquet", "slice_id", mask_id)
    ]


def rows_where(path: Path, column: str, value: str) -> list[Row]:
    """Rows of a Parquet file with one value in a text column; row groups that cannot have it are not read."""
    try:
        with pq.ParquetFile(path) as file:
            groups = _groups_with(file.metadata, column, value)
            if not groups:
                return []
            # The one column first: most groups are read for a row that they do not hold, or for a few of theirs.
            found = [one for group in groups for one in _of_group(file, group, column, value)]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):  # the last two: columns of another kind
        return []
    return found


def _of_group(file: Any, group: int, column: str, value: str) -> list[Row]:
    held = file.read_row_group(group, columns=[column], use_threads=False)[column]
    same = pc.equal(held, value)
    if not pc.any(same).as_py():
        return []
    rows: list[Row] = file.read_row_group(group, use_threads=False).filter(same).to_pylist()
    return rows


def _groups_with(metadata: Any, column: str, value: str) -> Sequence[int]:
    """Row groups whose least and largest value do not rule a value out."""
    number = next((i for i in range(metadata.num_columns) if metadata.schema.column(i).path == column), None)
    if number is None:
        return ()
    found = []
    for group in range(metadata.num_row_groups):
        known = metadata.row_group(group).column(number).statistics
        # Long values are cut short in statistics; slice and group ids are not long.
        if known is None or not known.has_min_max or known.min <= value <= known.max:
            found.append(group)
    return found


def lines_with(path: Path, text: str) -> Iterator[Row]:
    """Rows of a JSON lines file in which a text stands as a whole string; only their lines are parsed."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    wanted = json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")
    end = 0
    while (at := data.find(wanted, end)) >= 0:
        start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        end = len(data) if end < 0 else end
        try:
            row = store.parse_json(data[start:end].decode("utf-8"), "")
        except (InputError, UnicodeDecodeError):
            continue
        if isinstance(row, dict):
            yield row
