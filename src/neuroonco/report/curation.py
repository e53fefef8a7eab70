"""Render the curation report: five HTML pages that need nothing else and link to one another."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from neuroonco.outcomes import Record
from neuroonco.report.curation_records import (
    SHARE,
    Aim,
    ConflictPage,
    CurationSummary,
    LeakPage,
    QualityPage,
)
from neuroonco.report.page import NO_FIGURE, count, environment, shorten
from neuroonco.report.picture_records import GroupSection

PAGES = (
    ("index.html", "Summary"),
    ("duplicates.html", "Duplicates"),
    ("conflicts.html", "Conflicts"),
    ("leaks.html", "Leaks"),
    ("quality.html", "Quality"),
)
"""File names and titles."""
STYLES = ("page.css", "curation_pages/curation.css")


def render_summary(page: CurationSummary, home: str | None = None) -> str:
    """The first page; ``home`` is the relative address of the run's own report."""
    return _render("index.html", page, page.title, home)


def render_duplicates(sections: tuple[GroupSection, ...], title: str, home: str | None = None) -> str:
    """Groups by kind, the weakest matches first."""
    return _render("duplicates.html", sections, title, home)


def render_conflicts(page: ConflictPage, title: str, home: str | None = None) -> str:
    """Groups with contradicting labels: who says what, and what was decided."""
    return _render("conflicts.html", page, title, home)


def render_leaks(page: LeakPage, title: str, home: str | None = None) -> str:
    """Groups that lie in a training and in a held-out part."""
    return _render("leaks.html", page, title, home)


def render_quality(page: QualityPage, title: str, home: str | None = None) -> str:
    """A contact sheet for each quality finding."""
    return _render("quality.html", page, title, home)


def figure_text(value: float | None, unit: str) -> str:
    """A figure of an aim; shares in percent with two decimals, for aims lie near 100.

    >>> figure_text(0.9957, "share"), figure_text(1.52, "x"), figure_text(None, "share")
    ('99.57 %', '1.52 x', '–')
    """
    if value is None:
        return NO_FIGURE
    return f"{value * 100:.2f} %" if unit == SHARE else f"{value:.4g} {unit}".rstrip()


def bounds_text(aim: Aim) -> str:
    """The interval of an aim's figure; empty without one.

    >>> bounds_text(Aim(name="Recall", aim="at least 99 %", figure=0.995, low=0.98, high=0.999))
    '98.00 % to 99.90 %'
    """
    if aim.low is None or aim.high is None:
        return ""
    return f"{figure_text(aim.low, aim.unit)} to {figure_text(aim.high, aim.unit)}"


def verdict(aim: Aim) -> str:
    """Whether the aim is met, in words.

    >>> verdict(Aim(name="Recall", aim="at least 99 %"))
    'not measured'
    """
    if aim.met is None:
        return "not measured" if aim.figure is None else "not decided"
    return "met" if aim.met else "missed"


def score_text(score: float | None) -> str:
    """A score as people compare it: never rounded up to one.

    >>> score_text(0.99997), score_text(1.0), score_text(12.5), score_text(None)
    ('0.9999', '1', '12.5', '–')
    """
    if score is None:
        return NO_FIGURE
    if 0.9999 < score < 1:
        return "0.9999"
    return f"{score:.4g}"


def _render(name: str, page: Record | tuple[Record, ...], title: str, home: str | None) -> str:
    style = Markup("".join(files("neuroonco.report").joinpath(f).read_text("utf-8") for f in STYLES))  # noqa: S704
    return (
        _templates()
        .get_template(f"curation_pages/{name}")
        .render(p=page, title=title, style=style, pages=PAGES, here=name, home=home)
    )


@cache
def _templates() -> Environment:
    made = environment().overlay()
    made.filters = {
        **made.filters,
        "clip": shorten,
        "score": score_text,
        "figure": figure_text,
        "aim_bounds": bounds_text,
        "verdict": verdict,
        "plural": plural,
    }
    return made


def plural(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun.

    >>> plural(1, "group"), plural(1200, "copy", "copies")
    ('1 group', '1,200 copies')
    """
    return f"{count(number)} {one if number == 1 else many or one + 's'}"
