"""Render the comparison of models as one HTML page that needs nothing else."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from jinja2 import Environment
from markupsafe import Markup

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.report import comparison_charts
from neuroonco.report.comparison_records import ClosedModel, ComparisonPage, OpenComparisonPage, OpenModel, Verdict
from neuroonco.report.page import NO_FIGURE, environment, type_name
from neuroonco.report.questions import bare_bounds
from neuroonco.score.closed.records import Confusion, Difference, Pair
from neuroonco.score.open.records import HIGHEST_MARK
from neuroonco.vocabulary import MRSequence, display, recode

STYLES = ("page.css", "comparison.css")
MAX_TERMS = 14
"""Of a confusion matrix that have a row of their own: the most frequent ones; the rest stands together."""
LAST_TERMS = 2
""""None of the above" and "no answer", which a score puts last: never among the rest."""
MAX_NAME = 90
"""Characters of a model's name in a table."""


class ShownMatrix(Record):
    """A confusion matrix, cut to what can be read.

    Attributes:
        terms: of rows and columns; the last one may stand for all rare ones.
        rows: counts, None for 0. shades: style classes by share of the row. totals: of the rows.
    """

    name: str
    terms: tuple[str, ...]
    rows: tuple[tuple[int | None, ...], ...]
    shades: tuple[tuple[str, ...], ...]
    totals: tuple[int, ...]


def render_comparison(page: ComparisonPage) -> str:
    """The page of closed models; the same figures give the same bytes.

    Text from data and models is escaped, and the page forbids the browser to load anything from elsewhere.
    """
    return _environment().get_template("comparison.html").render(c=page, style=_style())


def render_open_comparison(page: OpenComparisonPage) -> str:
    """The page of open models; see :func:`render_comparison`."""
    return _environment().get_template("comparison_open.html").render(c=page, style=_style())


def shade(share: float | None) -> str:
    """Style class of a cell by its share, in tenths; the cell's number says the same.

    >>> shade(0.0), shade(0.37), shade(1.0), shade(None)
    ('s0', 's3', 's9', 'none')
    """
    return "none" if share is None else f"s{min(9, max(0, int(share * 10)))}"


def signed(value: float | None) -> str:
    """A figure from -1 to 1.

    >>> signed(-0.1234), signed(-0.001), signed(None)
    ('−0.12', '0.00', '–')
    """
    return NO_FIGURE if value is None else f"{value:z.2f}".replace("-", "\N{MINUS SIGN}")


def mark(share: float | None) -> str:
    """A share of a judge's full mark as a mark from 0 to 4.

    >>> mark(0.8125), mark(None)
    ('3.25', '–')
    """
    return NO_FIGURE if share is None else f"{share * HIGHEST_MARK:.2f}"


def signed_bounds(estimate: Estimate) -> str:
    """The interval of a figure from -1 to 1."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{signed(estimate.low)} to {signed(estimate.high)}"


def points(value: float | None) -> str:
    """A difference in percentage points.

    >>> points(0.0512), points(-0.2), points(-0.0001), points(None)
    ('+5.1', '−20.0', '0.0', '–')
    """
    if value is None:
        return NO_FIGURE
    return "0.0" if abs(value) < 0.0005 else f"{value * 100:+.1f}".replace("-", "\N{MINUS SIGN}")


def points_bounds(difference: Difference) -> str:
    """The interval of a difference."""
    if difference.low is None or difference.high is None:
        return "no interval"
    return f"{points(difference.low)} to {points(difference.high)}"


def p_text(p: float | None) -> str:
    """A p value as it is printed.

    >>> p_text(0.0004), p_text(0.0312), p_text(None)
    ('< 0.001', '0.031', '–')
    """
    return NO_FIGURE if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def separated(pair: Pair) -> str:
    """What a difference tells, in words.

    >>> from neuroonco.score.closed.records import Difference
    >>> d = Difference(value=0.1, low=0.05, high=0.15, n=90, clusters=30)
    >>> p = dict(a="x", b="y", difference=d, both_right=1, only_a=1, only_b=1, neither=1)
    >>> p |= dict(mcnemar_p=0.2, sign_flip_p=0.01)
    >>> separated(Pair(**p, holm_p=0.03)), separated(Pair(**p, holm_p=0.2))
    ('differ', 'not told apart')
    """
    if pair.holm_p is None:
        return "no test"
    return "differ" if pair.holm_p < 0.05 else "not told apart"


def least_p(page: ComparisonPage) -> float:
    """The smallest p that as many choices of signs can give once corrected for all tests."""
    return min(1.0, page.tests / (page.clusters.resamples + 1))


def short_name(name: str) -> str:
    """A model's name that fits a table, cut in the middle.

    >>> len(short_name("x" * 500)), short_name("gpt")
    (91, 'gpt')
    """
    half = MAX_NAME // 2
    return name if len(name) <= MAX_NAME else f"{name[:half]}…{name[-half:]}"


def status_name(name: str) -> str:
    """What became of a question, in words.

    >>> status_name("api_error")
    'call failed'
    """
    words = {"ok": "answered", "api_error": "call failed", "missing_image": "no image file", "missing": "missing"}
    return words.get(name, name.replace("_", " "))


def sequence_name(name: str) -> str:
    """An MR sequence in words; another text as it is.

    >>> sequence_name("t1ce"), sequence_name("(none)")
    ('T1 with contrast', '(none)')
    """
    known = recode(MRSequence, name)
    return name if known is None else display(known)


def groups(models: Sequence[ClosedModel], field: str) -> list[str]:
    """The groups of a table, as any of the scores has them."""
    return sorted({name for m in models for name, share in getattr(m.score, field).items() if share.n})


def letters(models: Sequence[ClosedModel]) -> list[str]:
    """The places among the options, as any of the models was shown them."""
    return sorted({one.letter for m in models if m.score.position is not None for one in m.score.position.by_letter})


def cells(models: Sequence[ClosedModel] | Sequence[OpenModel], field: str, name: str) -> list[Estimate]:
    """One row of a table: the figure of each model for a group; empty where it has none."""
    nothing = Estimate(value=None, low=None, high=None, n=0)
    return [getattr(m.score, field).get(name, nothing) for m in models]


def most_n(row: Sequence[Estimate]) -> int:
    """The questions behind a row of a table."""
    return max((share.n for share in row), default=0)


def verdict_mark(verdicts: Mapping[str, Verdict], kind: str) -> str:
    """What a cell of the heat map adds to its number."""
    found = verdicts.get(kind)
    return {Verdict.BELOW: "below chance", Verdict.NOT_ABOVE: "at chance"}.get(found, "") if found else ""


def matrix(confusion: Confusion) -> ShownMatrix:
    """A confusion matrix as it is shown: terms that occur, the rare ones together.

    >>> from neuroonco.vocabulary import QuestionType
    >>> counts = ((3, 1, 0), (0, 0, 0), (0, 0, 0))
    >>> found = matrix(Confusion(question_type=QuestionType.SHAPE, terms=("Oval", "Round", "Linear"), matrix=counts))
    >>> found.terms, found.rows, found.shades[0]
    (('Oval', 'Round'), ((3, 1), (None, None)), ('s7', 's2'))
    """
    counts = np.array(confusion.matrix, dtype=np.int64).reshape(len(confusion.terms), len(confusion.terms))
    often = counts.sum(axis=0) + counts.sum(axis=1)
    used = [i for i in range(len(often)) if often[i]]
    last = [i for i in used if i >= len(often) - LAST_TERMS]
    kept = sorted({*last, *sorted(used, key=lambda i: (-often[i], i))[: MAX_TERMS - len(last)]})
    rest = sorted(set(used) - set(kept))
    parts = [[i] for i in kept] + ([rest] if rest else [])
    shown = [[int(counts[np.ix_(row, column)].sum()) for column in parts] for row in parts]
    totals = [sum(row) for row in shown]
    return ShownMatrix(
        name=type_name(confusion.question_type.value),
        terms=(*(confusion.terms[i] for i in kept), *((f"{len(rest)} rarer answers",) if rest else ())),
        rows=tuple(tuple(n or None for n in row) for row in shown),
        shades=tuple(tuple(shade(n / of if of else None) for n in row) for row, of in zip(shown, totals, strict=True)),
        totals=tuple(totals),
    )


def _style() -> Markup:
    return Markup("".join(files("neuroonco.report").joinpath(f).read_text("utf-8") for f in STYLES))  # noqa: S704 - our own files


@cache
def _environment() -> Environment:
    made = environment().overlay()
    made.filters = dict(environment().filters) | {
        "bare_bounds": bare_bounds,
        "mark": mark,
        "signed": signed,
        "signed_bounds": signed_bounds,
        "points": points,
        "points_bounds": points_bounds,
        "p_text": p_text,
        "short_name": short_name,
        "status_name": status_name,
        "sequence_name": sequence_name,
        "shade": shade,
    }
    made.globals = dict(environment().globals) | {
        "plots": comparison_charts,
        "separated": separated,
        "least_p": least_p,
        "groups": groups,
        "letters": letters,
        "cells": cells,
        "most_n": most_n,
        "verdict_mark": verdict_mark,
        "matrix": matrix,
    }
    return made
