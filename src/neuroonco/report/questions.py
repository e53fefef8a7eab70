"""Render the page on questions: what benchmark and instructions hold, and what text alone gives away."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from neuroonco.intervals import Estimate
from neuroonco.report.page import NO_FIGURE, count, environment, percent
from neuroonco.report.question_records import QuestionsPage
from neuroonco.report.records import BlindCheck, BlindLine

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

    >>> line = BlindLine(
    ...     name="Shape", n=9, chance=0.2, limit=None, failed=(None,),
    ...     shares=(Estimate(value=0.25, low=0.1, high=0.5, n=9),),
    ... )
    >>> said_of(line, BlindCheck(guessers=("Ranker",), strongest=0, by_type=(line,), passed=True))
    'Ranker 25.0 %; chance 20.0 %; 9 questions'
    """
    parts = [f"{name} {percent(share.value)}" for name, share in zip(check.guessers, line.shares, strict=True)]
    parts += [f"chance {percent(line.chance)}"]
    parts += [f"limit {percent(line.limit)}"] if line.limit is not None else []
    return "; ".join([*parts, f"{count(line.n)} questions"])


def _series(shares: Sequence[Estimate]) -> list[tuple[str, Estimate]]:
    """Style classes of the guessers' bars."""
    return [(f"g{number % 5}", share) for number, share in enumerate(shares)]


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
