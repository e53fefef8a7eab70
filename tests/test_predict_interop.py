"""Prediction files: ours, and the reference's rows."""

import json
from pathlib import Path

import pytest

from closed_items import closed_item, predicted
from neuroonco.errors import InputError
from neuroonco.predict.interop import read_predictions, write_reference
from neuroonco.predict.records import Prediction
from neuroonco.store import save
from neuroonco.vocabulary import PredictionStatus

GOLDEN = Path(__file__).parent / "golden"


def test_reference_rows_are_written_as_published(tmp_path: Path) -> None:
    items = [
        closed_item("1", "A"),
        closed_item("2", "E", image_path="glioma/07/ä 1.jpg"),
        closed_item("007", "B", texts=("Abnormal", "Healthy")),
    ]
    rows = [predicted(items[1], "E"), predicted(items[0], "B"), predicted(items[2], "B", PredictionStatus.REFUSED)]
    path = tmp_path / "rows.jsonl"
    write_reference(path, items, rows)
    assert path.read_text("utf-8") == (GOLDEN / "reference_predictions.jsonl").read_text("utf-8")


def test_reference_rows_are_read_without_believing_them(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "q_index": 0, "type": "diagnosis", "is_mcq": True, "is_trap": False, "gt": "B", "pred": "B",
         "correct": False, "image_path": "x", "elapsed": 3},
        {"id": "2", "q_index": 1, "pred": None, "correct": True},
        {"id": 3, "q_index": 0, "pred": "A or B"},
        {"id": 4, "q_index": 0, "pred": "E", "error": "429 (e.g. check quota)"},
        {"id": 5, "q_index": 0},
        {"id": 6, "q_index": True, "pred": "A"},
        {"id": 7, "q_index": "x", "pred": "A"},
        [1, 2],
    ]  # fmt: skip
    path = tmp_path / "gpt.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n{broken\n", "utf-8")
    loaded = read_predictions(path)
    assert [(p.id, p.q_index, p.status.value, p.pred, p.model) for p in loaded.records] == [
        ("1", 0, "ok", "B", "gpt"),
        ("2", 1, "unparsed", None, "gpt"),
        ("3", 0, "unparsed", None, "gpt"),
        ("4", 0, "api_error", None, "gpt"),
    ]
    assert [(q.slice_id, q.code) for q in loaded.unreadable] == [
        ("gpt.jsonl#4", "FIELD_MISSING"),
        ("gpt.jsonl#5", "FIELD_INVALID"),
        ("gpt.jsonl#6", "FIELD_INVALID"),
        ("gpt.jsonl#7", "ROW_NOT_AN_OBJECT"),
        ("gpt.jsonl#8", "JSON_BROKEN"),
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_our_rows_come_back_as_written(tmp_path: Path, suffix: str) -> None:
    rows = [
        Prediction(id="1", q_index=0, model="m", status=PredictionStatus.OK, pred="A", raw="the answer is A"),
        Prediction(id="2", q_index=3, model="m", status=PredictionStatus.API_ERROR, error="X: x"),
    ]
    save(tmp_path / f"p{suffix}", rows, Prediction)
    loaded = read_predictions(tmp_path / f"p{suffix}")
    assert loaded.records == rows
    assert not loaded.unreadable


def test_a_row_of_ours_with_an_unknown_field_is_set_aside(tmp_path: Path) -> None:
    row = {"id": "1", "q_index": 0, "model": "m", "status": "ok", "pred": "A", "gt": "A"}
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(row) + "\n", "utf-8")
    assert [q.code for q in read_predictions(path).unreadable] == ["FIELD_INVALID"]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="FILE_MISSING"):
        read_predictions(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="FORMAT_UNKNOWN"):
        read_predictions(tmp_path / "none.csv")
