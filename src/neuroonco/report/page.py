"""Render a run's report as one HTML page that needs nothing else."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from neuroonco.build.records import REPORTED_TYPES
from neuroonco.errors import printable
from neuroonco.intervals import Estimate
from neuroonco.report import charts
from neuroonco.report.blind import below_chance, told_by_siblings
from neuroonco.report.pictures import data_uri
from neuroonco.report.records import ReportContext
from neuroonco.score.closed.records import Score
from neuroonco.score.records import Kappa
from neuroonco.vocabulary import (
    SIGN_VALUES,
    ImageRegion,
    MRSequence,
    PredictionStatus,
    Sign,
    display,
    recode,
    term,
)

MAX_QUARANTINED = 50
"""Rows of the quarantine table; the total is always given."""
NO_FIGURE = "–"
MAX_TEXT = 240
"""Characters of a text from data that are shown."""


def render(context: ReportContext) -> str:
    """The whole page; the same context gives the same bytes.

    Text from data is escaped, control characters in it are spelled out, and the page itself forbids the browser to
    load anything from elsewhere.
    """
    shown = context.quarantined[:MAX_QUARANTINED]
    types = [kind for kind in REPORTED_TYPES if any(kind in m.score.by_type for m in context.scores)]
    style = Markup(files("neuroonco.report").joinpath("page.css").read_text("utf-8"))  # noqa: S704 - our own file
    page = environment().get_template("page.html")
    twins = any(m.score.twins is not None for m in context.scores)
    return page.render(c=context, style=style, quarantined=shown, score_types=types, twins_scored=twins)


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


def kappa_text(kappa: Kappa) -> str:
    """Kappa with its interval and n.

    >>> kappa_text(Kappa(value=0.676, low=0.5, high=0.85, n=100))
    '0.68 (0.50 to 0.85, n = 100)'
    >>> kappa_text(Kappa(value=None, low=None, high=None, n=7))
    '– (n = 7)'
    """
    if kappa.value is None or kappa.low is None or kappa.high is None:
        return f"{NO_FIGURE} (n = {count(kappa.n)})"
    return f"{kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f}, n = {count(kappa.n)})"


def shorten(text: str) -> str:
    """A text from data, cut in the middle if it is very long.

    >>> len(shorten("x" * 5000))
    241
    """
    half = MAX_TEXT // 2
    return text if len(text) <= MAX_TEXT else f"{text[:half]}…{text[-half:]}"


def unanswered(score: Score) -> str:
    """What became of the questions without a valid answer, and predictions that are for none of the questions.

    >>> from neuroonco.score.closed.score import score_closed
    >>> unanswered(score_closed([], []))
    'none'
    """
    ok = PredictionStatus.OK.value
    found = [f"{name.replace('_', ' ')} {count(n)}" for name, n in score.status.items() if n and name != ok]
    if score.unmatched_predictions:
        found.append(f"predictions for no question {count(score.unmatched_predictions)}")
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
        count=count,
        percent=percent,
        bounds=bounds,
        unanswered=unanswered,
        kappa=kappa_text,
        shorten=shorten,
        data_uri=data_uri,
        display=display,
    )
    made.globals.update(
        charts=charts,
        signs=tuple(Sign),
        max_quarantined=MAX_QUARANTINED,
        term=term,
        type_name=type_name,
        below_chance=below_chance,
        told_by_siblings=told_by_siblings,
        field_name=_field_name,
        value_name=_value_name,
    )
    return made


def type_name(name: str) -> str:
    """Question type in words, a key of ``REPORTED_TYPES``; another text as it is.

    >>> type_name("diagnosis"), type_name("diagnosis_binary")
    ('Diagnosis', 'Diagnosis, binary')
    """
    if name not in REPORTED_TYPES:
        return name
    kind, is_binary = REPORTED_TYPES[name]
    return f"{display(kind)}, binary" if is_binary else display(kind)


def _field_name(name: str) -> str:
    sign = recode(Sign, name)
    return (
        {"sequence_seen": "Sequence seen"}.get(name, name.replace("_", " ").capitalize())
        if sign is None
        else display(sign)
    )


def _value_name(field: str, value: str) -> str:
    sign = recode(Sign, field)
    enum = {"sequence_seen": MRSequence, "region": ImageRegion}.get(field) if sign is None else SIGN_VALUES[sign]
    known = None if enum is None else recode(enum, value)
    return value if known is None else display(known)
