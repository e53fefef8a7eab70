"""Render a run's report as one HTML page that needs nothing else."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from neuroonco.errors import printable
from neuroonco.intervals import Estimate
from neuroonco.report import charts
from neuroonco.report.pictures import data_uri
from neuroonco.report.records import ReportContext
from neuroonco.score.records import Score
from neuroonco.vocabulary import PredictionStatus, QuestionType, Sign, display, recode, term

MAX_QUARANTINED = 50
"""Rows of the quarantine table; the total is always given."""
NO_FIGURE = "–"


def render(context: ReportContext) -> str:
    """The whole page; the same context gives the same bytes.

    Text from data is escaped, control characters in it are spelled out, and the page itself forbids the browser to
    load anything from elsewhere.
    """
    shown = context.quarantined[:MAX_QUARANTINED]
    types = [kind for kind in QuestionType if any(kind.value in m.score.by_type for m in context.scores)]
    style = Markup(files("neuroonco.report").joinpath("page.css").read_text("utf-8"))  # noqa: S704 - our own file
    page = environment().get_template("page.html")
    return page.render(c=context, style=style, quarantined=shown, score_types=types)


def count(number: int) -> str:
    """A count with thousands separated.

    >>> count(24726)
    '24,726'
    """
    return f"{number:,}"


def percent(share: float | None) -> str:
    """A share in percent, or a dash where there is none.

    >>> percent(0.4188), percent(None)
    ('41.9 %', '–')
    """
    return NO_FIGURE if share is None else f"{share * 100:.1f} %"


def bounds(estimate: Estimate) -> str:
    """The interval and the denominator.

    >>> from neuroonco.intervals import wilson
    >>> bounds(wilson(81, 263)), bounds(wilson(0, 0))
    ('25.5 to 36.6, n = 263', 'n = 0')
    """
    if estimate.low is None or estimate.high is None:
        return f"n = {count(estimate.n)}"
    return f"{estimate.low * 100:.1f} to {estimate.high * 100:.1f}, n = {count(estimate.n)}"


def unanswered(score: Score) -> str:
    """What became of the questions without a valid answer.

    >>> from neuroonco.score.closed import score_closed
    >>> unanswered(score_closed([], []))
    'none'
    """
    ok = PredictionStatus.OK.value
    found = [f"{name.replace('_', ' ')} {count(n)}" for name, n in score.status.items() if n and name != ok]
    return ", ".join(found) or "none"


@cache
def environment() -> Environment:
    """Templates of this room: text from data is escaped, and a name that is not there is an error."""
    made = Environment(
        loader=PackageLoader("neuroonco.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # A value that is not text is turned into text by the template; a missing one is not silently "None".
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    made.filters.update(
        count=count, percent=percent, bounds=bounds, unanswered=unanswered, data_uri=data_uri, display=display
    )
    made.globals.update(
        charts=charts, signs=tuple(Sign), max_quarantined=MAX_QUARANTINED, term=term, type_name=_type_name
    )
    return made


def _type_name(name: str) -> str:
    kind = recode(QuestionType, name)
    return name if kind is None else display(kind)
