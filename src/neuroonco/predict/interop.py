"""Predictions on disk: our rows, and rows as the reference's evaluators and other harnesses write them.

Of a foreign row its id and its answer are taken. What it says of the truth (``gt``, ``correct``) is never believed, the
text of an error is no answer, and where the row holds the reply, the letter is read from the reply again: the
reference's own extractors turn words into letters.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from neuroonco import store
from neuroonco.build.records import OPTION_LETTERS, ClosedItem
from neuroonco.errors import InputError
from neuroonco.outcomes import Record, quarantine
from neuroonco.predict.parse import read_letter, read_open
from neuroonco.predict.records import OpenPrediction, Prediction
from neuroonco.store import Loaded
from neuroonco.vocabulary import PredictionStatus, interop

P = TypeVar("P", bound=Record)

REPLY_FIELDS = ("raw", "raw_output", "raw_response", "raw_reply", "response", "reply", "output", "model_output")
"""Where a foreign row may hold the reply that its letter was taken from; the first that is a text is read."""
OPEN_FIELDS = ("pred", "prediction")
"""Where a foreign row holds the answer to an open question; before :data:`REPLY_FIELDS`, then ``answer``."""
Offered = Mapping[tuple[str, int], Mapping[str, str]]
"""Image and position of a question -> text by letter of its options."""
MAX_ERROR_CHARS = 500
_CODE = r"(?:4(?:00|01|03|04|08|13|22|29)|5(?:00|02|03|04|29))"
_ERROR = re.compile(
    r"\W{0,3}(?:(?:[a-z]{1,20} ){0,2}[\w.]{0,40}(?:error|exception)\b[^a-z\n]{0,3}(?:code\b|:|\d|$)"
    r"|error\b(?!-)|traceback \(|(?:api|request|connection|call) (?:call )?(?:failed|failure|timed out)\b"
    rf"|(?:http[ /.\d]{{0,6}} ?)?{_CODE}\b(?:[:,]| -| (?:client|server|too|bad|internal|service|gateway|un|for|not)"
    r"|$)|(?:you )?exceeded your\b|rate limit(?:ed)?\b)",
    re.IGNORECASE,
)


def read_predictions(path: Path, items: Sequence[ClosedItem] | None = None) -> Loaded[Prediction]:
    """Read predictions of either kind; a bad row is set aside with its error and the rest is kept.

    Args:
        path: ``.jsonl`` or ``.parquet`` of ours, or rows of the reference as ``.jsonl`` or a ``.json`` list. A
            reference row names no model, so that the file's stem does.
        items: the questions, where they are at hand: the letter of a stored reply is then read with the texts of its
            options, and without them from replies that are read by their letter alone.

    Raises:
        InputError: missing, unreadable or of an unknown format.
    """
    offered = _offered(items or ())

    def decode(row: Any, model: str) -> Prediction:
        return decode_row(row, model, offered)

    return store.load(path, Prediction) if path.suffix == ".parquet" else _read(path, decode)


def read_open_predictions(path: Path) -> Loaded[OpenPrediction]:
    """Read answers to open questions; a bad row is set aside with its error and the rest is kept.

    Args:
        path: ``.jsonl`` or ``.parquet`` of ours, or plain rows as ``.jsonl`` or a ``.json`` list: ``id``,
            ``question_id`` and the text in one of :data:`OPEN_FIELDS`, of :data:`REPLY_FIELDS` or ``answer``; a row
            with a reply and another ``answer`` does not say which of them is the model's, and is set aside.

    Raises:
        InputError: missing, unreadable or of an unknown format.
    """
    return store.load(path, OpenPrediction) if path.suffix == ".parquet" else _read(path, decode_open_row)


def is_error_text(text: str) -> bool:
    """Whether a text reports a failed call, as the reference stores it in place of a reply.

    >>> [is_error_text(text) for text in ("Error code: 429 - (e.g. check quota)", "E", "A small error margin")]
    [True, False, False]
    """
    return _ERROR.match(text.strip()) is not None


def decode_row(row: Any, model: str, offered: Offered | None = None) -> Prediction:
    """One row of either kind: ours has a ``status``.

    >>> decode_row({"id": 7, "q_index": 0, "pred": "c", "gt": "C", "correct": True}, "gpt").pred
    'C'
    >>> decode_row({"id": 7, "q_index": 0, "pred": "E", "raw": "Error code: 429 (e.g. quota)"}, "gpt").status.value
    'api_error'

    Raises:
        InputError: not an object, or a field that is missing or invalid.
    """
    return _validated(row, Prediction, lambda fields: _from_reference(fields, model, offered or {}))


def decode_open_row(row: Any, model: str) -> OpenPrediction:
    """One row of either kind: ours has a ``status``.

    >>> decode_open_row({"id": 3, "question_id": "3_q1", "prediction": "A small round mass."}, "gpt").text
    'A small round mass.'

    Raises:
        InputError: not an object, or a field that is missing or invalid.
    """
    return _validated(row, OpenPrediction, lambda fields: _from_open(fields, model))


def _read(path: Path, decode: Callable[[Any, str], P]) -> Loaded[P]:
    loaded: Loaded[P] = Loaded([], [])
    for number, row in enumerate(_rows(path)):
        try:
            if isinstance(row, InputError):
                raise row
            store.require_text(row, str(path))
            loaded.records.append(decode(row, path.stem))
        except InputError as error:
            loaded.unreadable.append(quarantine(error, slice_id=f"{path.name}#{number}"))
    return loaded


def _rows(path: Path) -> Iterator[Any]:
    if path.suffix == ".json":
        document = store.read_json(path)
        if not isinstance(document, list):
            raise InputError("JSON_NOT_A_LIST", "expected a list of predictions", where=str(path))
        yield from document
    elif path.suffix == ".jsonl":
        yield from store.jsonl_rows(path)
    else:
        fix = "use .jsonl, .parquet or .json"
        raise InputError("FORMAT_UNKNOWN", f"suffix {path.suffix!r}", where=str(path), fix=fix)


def _validated(row: Any, record: type[P], foreign: Callable[[dict[str, Any]], dict[str, Any]]) -> P:
    if not isinstance(row, dict):
        raise InputError("ROW_NOT_AN_OBJECT", f"expected an object, found {type(row).__name__}")
    try:
        return record.model_validate(row if "status" in row else foreign(row))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "row"
        raise InputError("FIELD_INVALID", f"{field}: {first['msg']}") from None


def _offered(items: Sequence[ClosedItem]) -> Offered:
    return {(item.image_id, item.q_index): {option.letter: option.text for option in item.options} for item in items}


def _from_reference(row: dict[str, Any], model: str, offered: Offered) -> dict[str, Any]:
    for field in ("id", "q_index", "pred"):
        if field not in row:
            raise InputError("FIELD_MISSING", f"{field}: missing", fix="reference rows have id, q_index and pred")
    if isinstance(row["q_index"], bool):
        raise InputError("FIELD_INVALID", "q_index: expected an integer")
    known = {"id": row["id"], "q_index": row["q_index"], "model": str(row.get("model") or model)}
    pred = row["pred"]
    told = None if pred is None else pred if isinstance(pred, str) else json.dumps(pred)
    reply = _first_text(row, REPLY_FIELDS)
    if (failure := _failure(row, told, reply)) is not None:
        return known | failure
    letter = (told or "").strip().upper()
    letter = letter if len(letter) == 1 and letter.isascii() and letter.isalpha() else ""
    if reply is not None:
        texts = offered.get((str(row["id"]), row["q_index"])) if isinstance(row["q_index"], int) else None
        # Without the question, all that can be read is a letter: whether "C. Metastasis" is C cannot be seen here.
        chosen = read_letter(reply, OPTION_LETTERS, {}) if texts is None else read_letter(reply, tuple(texts), texts)
        status = PredictionStatus.UNPARSED if chosen is None else PredictionStatus.OK
        return known | {"status": status, "pred": chosen, "raw": reply}
    if letter:
        return known | {"status": PredictionStatus.OK, "pred": letter}
    return known | {"status": PredictionStatus.UNPARSED, "raw": told}


def _from_open(row: dict[str, Any], model: str) -> dict[str, Any]:
    for field in ("id", "question_id"):
        if field not in row:
            raise InputError("FIELD_MISSING", f"{field}: missing", fix="plain rows have id, question_id and pred")
    told = _open_reply(row)
    known = {"id": row["id"], "question_id": row["question_id"], "model": str(row.get("model") or model)}
    if (failure := _failure(row, told)) is not None:
        return known | failure
    text = None if told is None else read_open(told)
    if text is None:
        return known | {"status": PredictionStatus.UNPARSED, "raw": told}
    return known | {"status": PredictionStatus.OK, "text": text, "raw": None if text == told else told}


def _open_reply(row: dict[str, Any]) -> str | None:
    """What the model said. ``answer`` is often the reference's: it counts where there is nothing else, or the same.

    Raises:
        InputError: no field holds it, or it is unclear which one does.
    """
    given = [name for name in (*OPEN_FIELDS, *REPLY_FIELDS, "answer") if name in row]
    if not given:
        what = f"none of {', '.join((*OPEN_FIELDS, 'answer'))}"
        raise InputError("FIELD_MISSING", what, fix="give the answer as pred")
    for name in given:
        if row[name] is not None and not isinstance(row[name], str):
            raise InputError("FIELD_INVALID", f"{name}: expected a text")
    first = next((name for name in given if row[name] is not None), given[0])
    told: str | None = row[first]
    other = row.get("answer")
    if first in REPLY_FIELDS and other is not None and other.strip() not in (told, read_open(told or "")):
        what = f"answer and {first} differ, and which of them is the model's is not said"
        raise InputError("FIELD_AMBIGUOUS", what, fix="give the model's answer as pred")
    return told


def _failure(row: dict[str, Any], *texts: str | None) -> dict[str, Any] | None:
    """The call of a row failed if the row has an error, or a text that reports one; such a text is no answer."""
    told_so = (text for text in texts if text is not None and is_error_text(text))
    error = row.get("error") or next(told_so, None)
    if not error:
        return None
    told: str = error if isinstance(error, str) else json.dumps(error)
    return {"status": PredictionStatus.API_ERROR, "error": told[:MAX_ERROR_CHARS]}


def _first_text(row: dict[str, Any], fields: Sequence[str]) -> str | None:
    return next((row[field] for field in fields if isinstance(row.get(field), str)), None)


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
