"""Render the page on questions: what benchmark and instructions hold, and what text alone gives away."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from neuroonco.intervals import Estimate
from neuroonco.report.charts import GroupedBar
from neuroonco.report.page import NO_FIGURE, count, environment, percent
from neuroonco.report.question_records import QuestionsPage
from neuroonco.report.records import BlindCheck, BlindFigure, BlindLine

STYLES = ("page.css", "questions.css")


def render_questions(page: QuestionsPage) -> str:
    """The whole page; the same figures give the same bytes.

    Text from data is escaped, and the page forbids the browser to load anything from elsewhere.
    """
    style = Markup("".join(files("neuroonco.report").joinpath(f).read_text("utf-8") for f in STYLES))  # noqa: S704 - our own files
    return _environment().get_template("questions.html").render(c=page, style=style)


def bare_bounds(estimate: Estimate) -> str:
    """The interval without its denominator.

    >>> bare_bounds(Estimate(value=0.2, low=0.15, high=0.25, n=100))
    '15.0 to 25.0'
    """
    if estimate.low is None or estimate.high is None:
        return NO_FIGURE
    return f"{estimate.low * 100:.1f} to {estimate.high * 100:.1f}"


def said_of(line: BlindLine, check: BlindCheck) -> str:
    """A chart's numbers in words.

    >>> found = BlindFigure(share=Estimate(value=0.25, low=0.1, high=0.5, n=9), chance=0.2)
    >>> line = BlindLine(name="Shape", n=9, chance=0.2, limit=None, figures=(found,))
    >>> said_of(line, BlindCheck(guessers=("Ranker",), by_type=(line,), passed=True))
    'Ranker 25.0 %, chance 20.0 %; 9 questions'
    """
    said = []
    for name, one in zip(check.guessers, line.figures, strict=True):
        part = f"{name} {percent(one.share.value)}"
        if one.share.value is not None:
            part += f", chance {percent(one.chance)}" + ("" if one.limit is None else f", limit {percent(one.limit)}")
        said.append(part)
    return "; ".join([*said, f"{count(line.n)} questions"])


def _series(figures: Sequence[BlindFigure]) -> list[GroupedBar]:
    """The guessers' bars, each in its color."""
    return [GroupedBar(f"g{number % 5}", one.share, one.chance, one.limit) for number, one in enumerate(figures)]


def _stack(kinds: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Style classes of the files' parts."""
    return [(f"k{number % 3}", n) for number, (_, n) in enumerate(kinds)]


def _kinds_text(kinds: Sequence[tuple[str, int]]) -> str:
    return "; ".join(f"{name} {count(n)}" for name, n in kinds)


@cache
def _environment() -> Environment:
    made = environment().overlay()
    made.filters = dict(environment().filters) | {"bare_bounds": bare_bounds}
    made.globals = dict(environment().globals) | {
        "said_of": said_of,
        "series": _series,
        "stack": _stack,
        "kinds_text": _kinds_text,
    }
    return made
