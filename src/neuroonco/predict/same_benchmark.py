"""Whether a run answers the benchmark that it is scored on: one check for every command that scores."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from neuroonco import store
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.outcomes import Record
from neuroonco.predict.records import OpenPrediction, Prediction, QuestionKind
from neuroonco.predict.run_files import RunFiles, benchmark_hash, read_about, require_same_questions

Item = TypeVar("Item", ClosedItem, OpenItem)
Key = tuple[str, str]
_FIX = "pass the benchmark that it was asked"


class Match(Record):
    """How a run's questions and those of a benchmark fit together.

    Attributes:
        benchmark_sha256: of the benchmark; see :func:`neuroonco.predict.run_files.benchmark_hash`.
        questions: of the benchmark.
        asked: of these, how many the run was asked; the others count as missing. None where nobody says.
        contradicting: rows that state another answer or image than their question has; none is believed.
        unreadable_questions: of the file that the run was asked, beside these questions: nobody answered them.
    """

    benchmark_sha256: str
    questions: int
    asked: int | None
    contradicting: int = 0
    unreadable_questions: int = 0

    @property
    def is_part(self) -> bool:
        """The run was asked a part of the benchmark."""
        return self.asked is not None and self.asked < self.questions


def match(
    place: Path,
    benchmark: Path,
    items: Sequence[Item],
    predictions: Sequence[Prediction] | Sequence[OpenPrediction],
    *,
    asked: Sequence[Item] | None = None,
) -> Match:
    """Make sure that predictions answer these questions, or a part of them.

    Args:
        place: of the run or of a file of predictions.
        benchmark: file of the questions; for messages.
        items: the benchmark, at least one question.
        predictions: as read from the place.
        asked: the questions of a run that is no evaluation run, and has no file that describes it as one.

    Raises:
        InputError: the run answers questions of the other kind, or of another benchmark.
    """
    whole, known = benchmark_hash(items), {key_of(item): item for item in items}
    if asked is not None:
        return Match(benchmark_sha256=whole, questions=len(items), asked=_carried(str(place), asked, known))
    kind = QuestionKind.OPEN if isinstance(items[0], OpenItem) else QuestionKind.CLOSED
    about = read_about(place)
    if about is not None and about.kind is not kind:
        what = f"this run answers {about.kind.value} questions, the benchmark has {kind.value} ones"
        raise InputError("RUN_OF_OTHER_KIND", what, where=str(place), fix=_FIX)
    require_same_questions(place, benchmark, items, predictions)
    answered = {key_of(prediction) for prediction in predictions}
    found = sum(key in answered for key in known)
    if predictions and not found:
        raise _differs(str(place), f"none of its {len(predictions)} predictions is for a question of the benchmark")
    if about is None:
        compared, contradicting = contradictions(RunFiles.at(place).predictions, known)
        if 2 * contradicting > compared:
            what = f"{contradicting} of {compared} rows state another answer or image than the question has"
            raise _differs(str(place), what)
        return Match(benchmark_sha256=whole, questions=len(items), asked=None, contradicting=contradicting)
    if about.benchmark_sha256 == whole:
        lost = about.unreadable
        return Match(benchmark_sha256=whole, questions=len(items), asked=len(items), unreadable_questions=lost)
    return Match(benchmark_sha256=whole, questions=len(items), asked=found)


def identical(models: Mapping[str, Sequence[Prediction] | Sequence[OpenPrediction]]) -> list[tuple[str, str]]:
    """Models whose predictions are the same in every row but for the model's name; each with the first such one.

    >>> identical({"a": [], "b": []})
    []
    """
    first: dict[str, str] = {}
    found = []
    for name, predictions in models.items():
        rows = sorted(row.model_dump_json(exclude={"model", "request_hash"}) for row in predictions)
        if not rows:
            continue
        same = first.setdefault(store.sha256_text(*rows), name)
        if same != name:
            found.append((same, name))
    return found


def key_of(row: ClosedItem | OpenItem | Prediction | OpenPrediction) -> Key:
    """Image and question."""
    if isinstance(row, ClosedItem):
        return row.image_id, str(row.q_index)
    if isinstance(row, Prediction):
        return row.id, str(row.q_index)
    return (row.image_id if isinstance(row, OpenItem) else row.id), row.question_id


def contradictions(path: Path, known: Mapping[Key, ClosedItem | OpenItem]) -> tuple[int, int]:
    """Foreign rows that say which answer is right or which image is shown, and those of them that are not true.

    Args:
        path: predictions; rows of ours state neither.
        known: the questions.

    Returns:
        Rows that could be compared, and rows that contradict their question.
    """
    compared = contradicting = 0
    for row in _foreign_rows(path):
        index = row.get("q_index", row.get("question_id"))
        item = known.get((str(row.get("id")), str(index)))
        if item is None:
            continue
        truth, image = row.get("gt"), row.get("image_path")
        told = [_same_path(image, item.image_path)] if isinstance(image, str) and image else []
        if isinstance(item, ClosedItem) and isinstance(truth, str) and len(truth.strip()) == 1:
            told.append(truth.strip().upper() == item.answer)
        compared += bool(told)
        contradicting += not all(told)
    return compared, contradicting


def _foreign_rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".jsonl":
        rows: Any = store.jsonl_rows(path)
    elif path.suffix == ".json":
        rows = store.read_json(path)
    else:
        return
    yield from (row for row in rows if isinstance(row, dict) and "status" not in row)


def _same_path(one: str, other: str) -> bool:
    """The same, or one below a folder of the other's root."""
    long, short = sorted((_parts(one), _parts(other)), key=len, reverse=True)
    return long[len(long) - len(short) :] == short


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]


def _carried(where: str, asked: Sequence[Item], known: Mapping[Key, Item]) -> int:
    for item in asked:
        other = known.get(key_of(item))
        if other is None or benchmark_hash([other]) != benchmark_hash([item]):
            image, question = key_of(item)
            raise _differs(where, f"question {question} of image {image} is not in the benchmark, or is another there")
    return len(asked)


def _differs(where: str, what: str) -> InputError:
    return InputError("BENCHMARKS_DIFFER", what, where=where, fix=_FIX)
