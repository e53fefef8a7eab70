"""Logs of other programs as predictions, so that ``neuroonco score`` scores them with all questions counted."""

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.export.questions import question_names
from neuroonco.export.replies import Ending, prediction_of
from neuroonco.export.vlmevalkit import AS_ASKED, CHOICE
from neuroonco.predict.records import OpenPrediction, Prediction

FAILED_REPLY = "Failed to obtain answer"
"""What VLMEvalKit writes in place of a reply that it did not get."""
_FIX = "pass an Inspect log (.eval, .json), samples of lmms-eval (.jsonl), or results of VLMEvalKit (.tsv)"


@dataclass(frozen=True)
class Reply:
    """One reply in a log.

    Attributes:
        name: of the question, opaque as it was exported.
        text: as it came.
        error: why there is none.
    """

    name: str
    text: str
    ending: Ending = Ending.WHOLE
    error: str | None = None


@dataclass(frozen=True)
class Log:
    """What another program collected.

    Attributes:
        program: which one.
        model: who replied, as the program names it.
    """

    program: str
    model: str
    replies: list[Reply]


def predictions_of(
    path: Path, items: Sequence[ClosedItem] | Sequence[OpenItem], model: str | None = None
) -> list[Prediction | OpenPrediction]:
    """The predictions in a log, in benchmark order; a question that the log does not hold has none.

    Args:
        path: see :func:`read_log`.
        items: the benchmark that was exported.
        model: name in the predictions; by default the one of the log.

    Raises:
        InputError: the log cannot be read, is of another benchmark, or answers a question twice.
    """
    return matched(read_log(path), items, str(path), model)


def matched(
    log: Log, items: Sequence[ClosedItem] | Sequence[OpenItem], where: str, model: str | None = None
) -> list[Prediction | OpenPrediction]:
    """The replies of a log as predictions; see :func:`predictions_of`."""
    names = question_names(items)
    replies: dict[str, Reply] = {}
    for reply in log.replies:
        if reply.name not in names:
            what = "answers a question that this benchmark does not have"
            fix = "pass the file that was exported; any change of a question makes it another benchmark"
            raise InputError("LOG_OF_ANOTHER_BENCHMARK", what, where=where, fix=fix)
        if reply.name in replies:
            what = "answers a question more than once"
            raise InputError("LOG_REPEATS", what, where=where, fix="run it with one epoch, or one repeat")
        replies[reply.name] = reply
    return [
        prediction_of(item, found.text, model or log.model, found.ending, found.error)
        for name, item in names.items()
        if (found := replies.get(name)) is not None
    ]


def read_log(path: Path) -> Log:
    """Read a log of one of the programs that we export for.

    Args:
        path: ``.eval`` or ``.json`` of Inspect, ``.jsonl`` of lmms-eval (``--log_samples``), or ``.tsv`` of VLMEvalKit
            (``PRED_FORMAT=tsv``).

    Raises:
        InputError: missing, of another format, not of an exported benchmark, or without a single reply.
        PrerequisiteError: a log of Inspect, and the extra ``inspect`` is not installed.
    """
    if not path.is_file():
        raise InputError("FILE_MISSING", "no such file", where=str(path), fix="check the path")
    log = _read(path)
    if not log.replies:
        raise InputError("LOG_EMPTY", "no reply in this log", where=str(path), fix=_FIX)
    return log


def _read(path: Path) -> Log:
    if path.suffix in (".eval", ".json"):
        from neuroonco.export.inspect_log import read_inspect_log  # here: Inspect is optional

        return read_inspect_log(path)
    if path.suffix == ".jsonl":
        return Log("lmms-eval", path.parent.name or "lmms-eval", list(_lmms_replies(path)))
    if path.suffix == ".tsv":
        model = path.stem
        for dataset in (CHOICE, *AS_ASKED.values()):
            model = model.removesuffix(f"_{dataset}")
        return Log("vlmevalkit", model, list(_vlmevalkit_replies(path)))
    raise InputError("LOG_UNKNOWN", f"suffix {path.suffix!r}", where=str(path), fix=_FIX)


def _lmms_replies(path: Path) -> Iterator[Reply]:
    for number, row in enumerate(store.jsonl_rows(path), start=1):
        if isinstance(row, InputError):
            raise row
        name, text = (_name(row), _text(row)) if isinstance(row, dict) else (None, None)
        if name is None or text is None:
            what = "no sample of an exported task"
            raise InputError("LOG_UNKNOWN", what, where=f"{path}, row {number}", fix="pass the file of --log_samples")
        yield Reply(name, text)


def _name(row: dict[str, Any]) -> str | None:
    """Name of the question, which the task noted under the name of each figure."""
    noted = (value.get("name") for value in row.values() if isinstance(value, dict))
    return next((name for name in noted if isinstance(name, str)), None)


def _text(row: dict[str, Any]) -> str | None:
    """The reply, before filters where they changed it; lmms-eval wraps it in lists or not."""
    reply = row.get("resps", row.get("filtered_resps"))
    while isinstance(reply, list) and len(reply) == 1:
        reply = reply[0]
    return reply if isinstance(reply, str) else None


def _vlmevalkit_replies(path: Path) -> Iterator[Reply]:
    limit = csv.field_size_limit(sys.maxsize)  # replies may be long; the limit is one of the whole process
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, delimiter="\t", strict=True)
            if not {"name", "prediction"} <= set(table.fieldnames or ()):
                what = "no columns `name` and `prediction`"
                raise InputError("LOG_UNKNOWN", what, where=str(path), fix="run it with PRED_FORMAT=tsv")
            for row in table:
                name, text = row["name"] or "", row["prediction"] or ""
                if text.startswith(FAILED_REPLY):
                    yield Reply(name, "", Ending.FAILED, text)
                else:
                    yield Reply(name, text)
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise InputError("LOG_BROKEN", str(error)[:100], where=str(path), fix="run it again") from None
    finally:
        csv.field_size_limit(limit)
