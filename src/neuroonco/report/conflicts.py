"""Render the page of slices on which source label, readings and audit contradict each other."""

from importlib.resources import files

from markupsafe import Markup

from neuroonco.outcomes import Record
from neuroonco.report.page import environment
from neuroonco.report.picture_records import Picture
from neuroonco.score.records import SliceConflict
from neuroonco.vocabulary import ConflictKind


class ConflictView(Record):
    """One slice with its contradictions, shown."""

    picture: Picture
    conflict: SliceConflict


class KindCount(Record):
    """In how many slices one kind of contradiction occurs."""

    kind: ConflictKind
    slices: int


class ConflictsPage(Record):
    """What the page shows.

    Attributes:
        home: relative address of the run's own report.
        total: slices with at least one contradiction, shown or not.
        shown: the most contradicted first.
    """

    title: str
    home: str
    total: int
    kinds: tuple[KindCount, ...]
    shown: tuple[ConflictView, ...]


def render_conflicts(context: ConflictsPage) -> str:
    """The whole page; the same context gives the same bytes."""
    style = Markup(files("neuroonco.report").joinpath("page.css").read_text("utf-8"))  # noqa: S704 - our own file
    return environment().get_template("conflicts.html").render(c=context, style=style)
