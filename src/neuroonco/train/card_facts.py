"""What a model card tells beside the training itself: scores from files, sources of the data, and limits."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.score.closed.records import ComparedModel, Pair
from neuroonco.sources import load_sources
from neuroonco.train.card_text import escaped, lost_words
from neuroonco.train.records import Pictures, Quantization, Trained

CLOSED = {"accuracy": "accuracy", "macro_by_type": "accuracy, mean over question types"}
OPEN = {"rouge_l": "ROUGE-L", "bleu": "BLEU", "chrf": "chrF"}


class ScoreRow(Record):
    """One figure of one model; ``unanswered``: questions without a valid answer by what became of them, if any."""

    model: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unanswered: dict[str, int] = Field(default_factory=dict)


class ScoreFile(Record):
    """What one file of ``score --json`` or ``compare --json`` says.

    Attributes:
        name: of the file.
        pairs, tests: of a comparison.
        complete: every question was put to every model and came back.
        questions: of a score; 0 of a comparison, which does not tell.
        unanswered: of these, without a valid answer, by what became of them.
    """

    name: str
    rows: tuple[ScoreRow, ...]
    pairs: tuple[Pair, ...] = ()
    tests: int = 0
    complete: bool
    questions: int = 0
    unanswered: dict[str, int] = Field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Questions without a valid answer."""
        return sum(self.unanswered.values())


class SourceRow(Record):
    """A collection in the training data, and the terms under which it is public, as far as they are known."""

    source_id: str
    name: str
    rows: int
    license: str


def read_scores(path: Path) -> ScoreFile:
    """Figures of a file that ``neuroonco score --json`` or ``compare --json`` printed.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    document = store.read_json(path)
    fix = "pass what `neuroonco score … --json` or `neuroonco compare … --json` printed"
    if not isinstance(document, dict):
        raise InputError("SCORE_UNKNOWN", "no score", where=path.name, fix=fix)
    try:
        if "pairs" in document:
            return _compared(path.name, document)
        models = " + ".join(map(str, document["models"]))
        rows = _closed_rows(document) if "accuracy" in document else _open_rows(document)
        status = {str(name): int(n) for name, n in document.get("status", {}).items()}
        lost = {name: n for name, n in status.items() if n and name != "ok"}
        told = [_row(models, measure, figure) for measure, figure in rows]
        if "accuracy" in document:
            told = [row.model_copy(update={"unanswered": _lost_in(row, status, lost)}) for row in told]
        return ScoreFile(
            name=path.name,
            rows=tuple(told),
            complete=bool(document["complete"]),
            questions=sum(status.values()),
            unanswered=lost,
        )
    except (KeyError, TypeError, ValueError, AttributeError):  # that of a record is a ValueError
        raise InputError("SCORE_UNKNOWN", "neither a score nor a comparison", where=path.name, fix=fix) from None


def _lost_in(row: ScoreRow, status: dict[str, int], lost: dict[str, int]) -> dict[str, int]:
    """Counts beside an accuracy: those of all questions, and those of a type where they follow from these."""
    if row.measure in CLOSED.values():
        return lost
    if row.measure.startswith("accuracy: ") and len(lost) == 1 and [*lost.values()] == [sum(status.values())]:
        return dict.fromkeys(lost, row.n)
    return {}


def _row(model: str, measure: str, figure: Any) -> ScoreRow:
    return ScoreRow(model=model, measure=measure, **Estimate.model_validate(figure).model_dump())


def _closed_rows(document: dict[str, Any]) -> list[tuple[str, Any]]:
    rows = [(told, document[name]) for name, told in CLOSED.items()]
    rows += [(f"accuracy: {kind}", figure) for kind, figure in document["by_type"].items()]
    rows.append(("false rejection rate", document["rejection"]["false_rejection_rate"]))
    if (chance := document["chance"]) is not None:
        n = document["accuracy"]["n"]
        rows.append(("best guess without the picture", {"value": chance, "low": None, "high": None, "n": n}))
    return rows


def _open_rows(document: dict[str, Any]) -> list[tuple[str, Any]]:
    attributes = document["attributes"]
    rows = [(f"attribute {name}", attributes[name]) for name in ("f1", "precision", "recall")]
    rows += [(f"attribute recall: {kind}", figure) for kind, figure in document["by_type"].items()]
    return rows + [(told, document[name]) for name, told in OPEN.items()]


def _compared(name: str, document: dict[str, Any]) -> ScoreFile:
    models = [ComparedModel.model_validate(model) for model in document["models"]]
    rows = tuple(_row(one.model, told, getattr(one, kind)) for one in models for kind, told in CLOSED.items())
    pairs = tuple(Pair.model_validate(pair) for pair in document["pairs"])
    return ScoreFile(
        name=name, rows=rows, pairs=pairs, tests=document["tests"], complete=all(one.complete for one in models)
    )


def read_sources(path: Path, kinds: Sequence[str]) -> tuple[SourceRow, ...]:
    """Collections that ``statistics.json`` of the instruction files counts, with what is known of their terms.

    Args:
        path: of the file.
        kinds: of the instruction files that were trained on.

    Raises:
        InputError: it cannot be read, or is no such file.
    """
    document = store.read_json(path)
    rows: Counter[str] = Counter()
    try:
        for kind in kinds:
            rows.update({str(source): int(n) for source, n in document["by_source"].get(kind, {}).items()})
    except (KeyError, TypeError, ValueError, AttributeError):
        fix = "pass statistics.json of `neuroonco build instruct`"
        raise InputError("STATISTICS_UNKNOWN", "no counts by source", where=path.name, fix=fix) from None
    known = load_sources()
    return tuple(
        SourceRow(
            source_id=source,
            name=known[source].name if source in known else "",
            rows=n,
            license=known[source].license if source in known else "unknown",
        )
        for source, n in sorted(rows.items())
        if n
    )


def with_unanswered(scores: Sequence[ScoreFile]) -> tuple[ScoreFile, ...]:
    """Files of scores, with the counts of a score beside the same figure in a comparison, which does not tell them."""
    known = {
        (row.model, row.measure, row.value, row.n): row.unanswered
        for file in scores
        for row in file.rows
        if row.unanswered
    }

    def told(row: ScoreRow) -> ScoreRow:
        counts = known.get((row.model, row.measure, row.value, row.n), {})
        return row if row.unanswered else row.model_copy(update={"unanswered": counts})

    return tuple(
        file.model_copy(update={"rows": tuple(told(row) for row in file.rows)}) if file.pairs else file
        for file in scores
    )


def limits_of(
    trained: Trained, scores: Sequence[ScoreFile], sources: Sequence[SourceRow], *, is_merged: bool
) -> list[str]:
    """What a user must not expect, each from a fact of this training."""
    recipe = trained.recipe
    limits = []
    if trained.pictures is Pictures.BLANK:
        limits.append("It was trained on blank pictures: it has learned from text alone, and nothing of what it sees.")
    elif trained.pictures is Pictures.SHUFFLED:
        limits.append("It was trained with the pictures of other rows: what it says of a picture is not learned.")
    if not scores:
        limits.append("It was not evaluated.")
    elif not all(file.complete for file in scores):
        limits.append("A score is incomplete; its questions without an answer count as wrong.")
    limits += [_lost(file) for file in scores if file.unanswered]
    limits.append(f"One training with one seed ({recipe.optimization.seed}): how far seeds differ was not measured.")
    if not trained.held_out_rows:
        limits.append("No row was held out: the training loss says nothing of other pictures.")
    if recipe.data.max_rows is not None:
        limits.append(f"At most {recipe.data.max_rows:,} rows were used, drawn by the seed.")
    if trained.rows_seen < trained.rows:
        told = f"The training ended after {trained.steps:,} steps, before one epoch"
        limits.append(f"{told}: it saw {trained.rows_seen:,} of {trained.rows:,} samples.")
    if recipe.optimization.freeze_vision:
        limits.append("The vision tower is the base's own; it was not trained.")
    if recipe.model.quantization is Quantization.NF4:
        told = "It was trained over four-bit weights"
        limits.append(f"{told} and merged into the unquantized ones." if is_merged else f"{told} of its base.")
    if trained.resumed_at:
        at = ", ".join(f"{one:,}" for one in trained.resumed_at)
        limits.append(f"The training was cut off and went on from step {at}.")
    if unknown := sum(source.license == "unknown" for source in sources):
        limits.append(f"The terms of {unknown} of {len(sources)} sources are unknown; look before you pass it on.")
    elif not sources:
        limits.append("The terms of the collections are not listed here; look before you pass the model on.")
    limits.append("Single slices and their labels were learned: no volume, no course, no clinical history.")
    return limits


def _lost(file: ScoreFile) -> str:
    of, lost = escaped(file.name), escaped(lost_words(file.unanswered))
    if file.lost == file.questions:
        return f"No answer in {of} is valid ({lost}): its figures say nothing of what the model knows."
    told = f"In {of} {file.lost:,} of {file.questions:,} questions have no valid answer ({lost})"
    return f"{told}; they count as wrong, so that its figures are not those of knowledge alone."
