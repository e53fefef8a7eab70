"""Predictions on disk: our rows, and the reference's rows as its evaluators write them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neuroonco import store
from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError
from neuroonco.outcomes import quarantine
from neuroonco.predict.records import OpenPrediction, Prediction
from neuroonco.store import Loaded
from neuroonco.vocabulary import PredictionStatus, interop


def read_predictions(path: Path) -> Loaded[Prediction]:
    """Read predictions of either kind; a bad row is set aside with its error and the rest is kept.

    Args:
        path: ``.jsonl`` or ``.parquet`` of ours, or ``.jsonl`` rows of the reference. A reference row names no
            model, so that the file's stem does. Its ``gt`` and ``correct`` are never believed.

    Raises:
        InputError: missing, unreadable or of an unknown format.
    """
    if path.suffix != ".jsonl":
        return store.load(path, Prediction)
    loaded: Loaded[Prediction] = Loaded([], [])
    for number, row in enumerate(store.jsonl_rows(path)):
        try:
            loaded.records.append(decode_row(row, path.stem))
        except InputError as error:
            loaded.unreadable.append(quarantine(error, slice_id=f"{path.name}#{number}"))
    return loaded


def read_open_predictions(path: Path) -> Loaded[OpenPrediction]:
    """Read answers to open questions; a bad row is set aside with its error and the rest is kept.

    Args:
        path: ``.jsonl`` or ``.parquet`` of ours.

    Raises:
        InputError: missing, unreadable or of an unknown format.
    """
    return store.load(path, OpenPrediction)


def decode_row(row: Any, model: str) -> Prediction:
    """One row of either kind: ours has a ``status``.

    >>> decode_row({"id": 7, "q_index": 0, "pred": "c", "gt": "C", "correct": True}, "gpt").pred
    'C'
    >>> decode_row({"id": 7, "q_index": 0, "pred": None}, "gpt").status.value
    'unparsed'

    Raises:
        InputError: not an object, or a field that is missing or invalid.
    """
    if isinstance(row, InputError):
        raise row
    if not isinstance(row, dict):
        raise InputError("ROW_NOT_AN_OBJECT", f"expected an object, found {type(row).__name__}")
    try:
        return Prediction.model_validate(row if "status" in row else _from_reference(row, model))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "row"
        raise InputError("FIELD_INVALID", f"{field}: {first['msg']}") from None


def _from_reference(row: dict[str, Any], model: str) -> dict[str, Any]:
    for field in ("id", "q_index", "pred"):
        if field not in row:
            raise InputError("FIELD_MISSING", f"{field}: missing", fix="reference rows have id, q_index and pred")
    if isinstance(row["q_index"], bool):
        raise InputError("FIELD_INVALID", "q_index: expected an integer")
    pred, failed = row["pred"], row.get("error")
    letter = pred.strip().upper() if isinstance(pred, str) else ""
    known = {"id": row["id"], "q_index": row["q_index"], "model": str(row.get("model") or model)}
    if failed:  # the text of an error is no answer, even where a letter was read from it
        return known | {"status": PredictionStatus.API_ERROR, "error": str(failed)}
    if len(letter) == 1 and "A" <= letter <= "Z":
        return known | {"status": PredictionStatus.OK, "pred": letter}
    raw = None if pred is None else pred if isinstance(pred, str) else json.dumps(pred)
    return known | {"status": PredictionStatus.UNPARSED, "raw": raw}


def encode_row(item: ClosedItem, prediction: Prediction | None) -> dict[str, Any]:
    """One row as the reference's evaluators write it; an unanswered question has ``pred`` null and is wrong."""
    answered = prediction is not None and prediction.status is PredictionStatus.OK
    pred = prediction.pred if answered and prediction is not None else None
    return {
        "id": _number(item.image_id),
        "q_index": item.q_index,
        "type": interop(item.question_type) or item.question_type.value,
        "is_mcq": not item.is_binary,
        "is_trap": item.is_rejection,
        "gt": item.answer,
        "pred": pred,
        "correct": pred == item.answer,
        "image_path": item.image_path,
    }


def _number(image_id: str) -> int | str:
    """The reference's ids are numbers; only an id that survives the way back becomes one."""
    plain = image_id.isascii() and image_id.isdigit() and len(image_id) < 18
    return int(image_id) if plain and str(int(image_id)) == image_id else image_id


def write_reference(path: Path, items: Sequence[ClosedItem], predictions: Sequence[Prediction]) -> None:
    """Write reference rows in benchmark order, one a question; of several predictions the first is written.

    Raises:
        InputError: the folder cannot be written.
    """
    found: dict[tuple[str, int], Prediction] = {}
    for prediction in predictions:
        found.setdefault((prediction.id, prediction.q_index), prediction)
    rows = (encode_row(item, found.get((item.image_id, item.q_index))) for item in items)
    store.write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
