"""The figures of a comparison in long format: one row for each figure of each model, for whoever draws their own."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO

from neuroonco.errors import printable
from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.report.comparison_records import ComparedRun, ComparisonPage, OpenComparisonPage
from neuroonco.score.closed.records import Calibration, Pair, PermutationReport, PositionBias, Rejection, Score
from neuroonco.score.open.records import OpenScore

COLUMNS = ("model", "figure", "group", "value", "low", "high", "n")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


class FigureRow(Record):
    """One figure.

    Attributes:
        figure: its name; ``group``: what of it, e.g. the question type; empty for all questions.
        value, low, high: None where there is none.
    """

    model: str
    figure: str
    group: str = ""
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None


def csv_text(rows: Iterable[FigureRow]) -> str:
    r"""The rows as CSV; numbers as exactly as they are, missing ones empty.

    A name that a spreadsheet would take for a formula gets an apostrophe in front.

    >>> csv_text([FigureRow(model="=a,b", figure="accuracy", value=0.5, n=8)]).splitlines()[1]
    '"\'=a,b",accuracy,,0.5,,,8'
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        values = [getattr(row, name) for name in COLUMNS]
        writer.writerow([_text(v) if isinstance(v, str) else "" if v is None else repr(v) for v in values])
    return text.getvalue()


def closed_rows(page: ComparisonPage) -> Iterator[FigureRow]:
    """All figures of closed models, and their differences."""
    for model in page.models:
        yield from _of_model(model, _closed(model.score))
        yield FigureRow(model=model.name, figure="sees_picture", value=float(model.sees_picture))
    for pair in page.pairs:
        yield from _pair(pair)


def open_rows(page: OpenComparisonPage) -> Iterator[FigureRow]:
    """All figures of open models."""
    for model in page.models:
        yield from _of_model(model, _open(model.score))
        yield FigureRow(model=model.name, figure="sees_picture", value=float(model.sees_picture))


Named = tuple[str, str, Estimate]
"""Figure, group, value."""


def _of_model(model: ComparedRun, named: Iterable[Named]) -> Iterator[FigureRow]:
    for figure, group, e in named:
        yield FigureRow(model=model.name, figure=figure, group=group, value=e.value, low=e.low, high=e.high, n=e.n)


def _closed(score: Score) -> Iterator[Named]:
    n = score.accuracy.n
    yield "accuracy", "", score.accuracy
    yield "clusters", score.clusters.unit, _bare(score.clusters.n, n)
    yield "chance", "", _bare(score.chance, n)
    yield "accuracy_binary", "", score.binary
    yield "accuracy_multiple_choice", "", score.multiple_choice
    for figure, macro, cells in (
        ("type", score.macro_by_type, score.by_type),
        ("source", score.macro_by_source, score.by_source),
        ("sequence", score.macro_by_sequence, score.by_sequence),
    ):
        yield f"macro_by_{figure}", "", macro
        yield from ((f"accuracy_by_{figure}", name, share) for name, share in cells.items())
    for name, share in score.chance_by_type.items():
        yield "chance_by_type", name, _bare(share, score.by_type[name].n if name in score.by_type else 0)
    yield from _rejection("rejection", score.rejection)
    yield from _rejection("always_none", score.always_none)
    yield from _status(score.status, n, complete=score.complete, unmatched=score.unmatched_predictions)
    if score.position is not None:
        yield from _position(score.position)
    if score.permutation is not None:
        yield from _permutation(score.permutation)
    if score.calibration is not None:
        yield from _calibration(score.calibration)
    if score.twins is not None:
        yield from (
            ("twins", name, getattr(score.twins, name)) for name in ("both_right", "both_rejected", "same_text")
        )


def _rejection(figure: str, found: Rejection) -> Iterator[Named]:
    for name in ("recall", "precision", "f1", "false_rejection_rate", "youden_j", "mcc"):
        yield f"{figure}_{name}", "", getattr(found, name)
    total = found.true_rejections + found.false_rejections + found.missed_rejections + found.kept
    for name in ("true_rejections", "false_rejections", "missed_rejections", "kept"):
        yield f"{figure}_{name}", "", _bare(getattr(found, name), total)


def _status(status: Mapping[str, int], n: int, *, complete: bool, unmatched: int) -> Iterator[Named]:
    for name, number in status.items():
        yield "questions", name, _bare(number, n)
    yield "complete", "", _bare(int(complete), n)
    yield "unmatched_predictions", "", _bare(unmatched, n)


def _position(found: PositionBias) -> Iterator[Named]:
    yield "position_excess", "", found.excess
    yield "position_excess_by_chance", "", _bare(found.excess_by_chance, found.excess.n)
    yield "position_p", "", _bare(found.p_value, found.excess.n)
    yield "position_recall_spread", "", _bare(found.recall_spread, found.excess.n)
    for letter in found.by_letter:
        for name in ("chosen", "right", "recall"):
            yield f"position_{name}", letter.letter, getattr(letter, name)


def _permutation(found: PermutationReport) -> Iterator[Named]:
    for number, share in enumerate(found.accuracy_by_run, 1):
        yield "permutation_accuracy", str(number), share
    for name in ("always_right", "ever_right", "same_choice", "majority"):
        yield f"permutation_{name}", "", getattr(found, name)


def _calibration(found: Calibration) -> Iterator[Named]:
    yield "calibration_accuracy", found.source, found.accuracy
    yield "without_confidence", found.source, _bare(found.without_confidence, found.n + found.without_confidence)
    yield "mean_confidence", found.source, _bare(found.mean_confidence, found.n)
    yield "ece_by_chance", found.source, _bare(found.ece_by_chance, found.ece.n)
    for name in ("ece", "brier", "auroc", "aurc"):
        yield name, found.source, getattr(found, name)
    for bin_ in found.bins:
        group = f"{bin_.low:g} to {bin_.high:g}"
        yield "calibration_confidence", group, _bare(bin_.mean_confidence, bin_.right.n)
        yield "calibration_right", group, bin_.right
    for point in found.risk_coverage:
        yield "risk_at_coverage", repr(point.coverage), _bare(point.risk, found.n)


def _pair(pair: Pair) -> Iterator[FigureRow]:
    d = pair.difference
    yield FigureRow(model=pair.a, figure="difference", group=pair.b, value=d.value, low=d.low, high=d.high, n=d.n)
    for name in ("both_right", "only_a", "only_b", "neither", "mcnemar_p", "sign_flip_p", "holm_p"):
        yield FigureRow(model=pair.a, figure=f"difference_{name}", group=pair.b, value=getattr(pair, name), n=d.n)


def _open(score: OpenScore) -> Iterator[Named]:
    for name in ("recall", "precision", "f1", "gain", "contradicted", "omitted"):
        yield f"attributes_{name}", "", getattr(score.attributes, name)
    for name in ("recall", "precision", "f1"):
        yield f"attributes_floor_{name}", "", getattr(score.attributes.floor, name)
    yield from (("attributes_recall_by_type", name, share) for name, share in score.by_type.items())
    yield from (("attributes_floor_recall_by_type", name, share) for name, share in score.floor_by_type.items())
    for name in ("f1", "echo", "gain"):
        yield f"keywords_{name}", "", getattr(score.keywords, name)
    for name in ("rouge_l", "bleu", "chrf"):
        yield name, "", getattr(score, name)
    if score.judge is not None:
        yield "judge_mean", score.judge.model, score.judge.mean
        yield "judge_agreement", score.judge.model, score.judge.agreement
        yield "judge_kappa", score.judge.model, score.judge.kappa
    n = sum(score.status.values())
    yield from _status(score.status, n, complete=score.complete, unmatched=score.unmatched_predictions)


def _bare(value: float | None, n: int) -> Estimate:
    """A figure without an interval."""
    return Estimate(value=value, low=None, high=None, n=n)


def _text(value: str) -> str:
    shown = printable(value)
    return f"'{shown}" if shown.startswith(_FORMULAS) else shown
