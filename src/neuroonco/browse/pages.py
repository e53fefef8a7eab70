"""Fill the templates of browsing: the list, one slice, an error; served or as files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment
from markupsafe import Markup

from neuroonco.browse.choice import PAGE_SIZE, SEARCH_NAME, Choice, facet_lines
from neuroonco.browse.index import SliceIndex
from neuroonco.browse.records import Card, SlicePage
from neuroonco.viewer.pages import environment
from neuroonco.vocabulary import DuplicateKind, display

PACKAGE = "neuroonco.browse"
OPEN_FACETS = ("source", "type", "question", "reached", "dropped")
"""Filters that are unfolded at first."""
MOST_RAW = 2000
"""Characters of a text from data that are shown at once."""


@dataclass(frozen=True)
class Ways:
    """Where the links of a slice's page lead; None where there is nothing to link to.

    Attributes:
        thumbnail, page: from a slice id to an address, or None.
        previous, next: pages of the slices before and after it.
        listed: the list with the same filters.
        place: e.g. ``3 of 70``; None where the slice is not among those chosen.
        values, mask: addresses of the pixels.
        block: instead, the pixels as a data block of a static page.
    """

    thumbnail: Callable[[str], str | None]
    page: Callable[[str], str | None]
    listed: str
    previous: str | None = None
    next: str | None = None
    place: str | None = None
    values: str | None = None
    mask: str | None = None
    block: Markup | None = None


@dataclass(frozen=True)
class Frame:
    """What all pages of one kind share.

    Attributes:
        title: name of the run.
        is_static: a folder of files, not a server.
        banner: a line at the top of each page; None for none.
        scripts: of the package's, beside the viewer's.
        policy: what the page may load, where no server says it.
        base: what leads from a page to the top of the folder; static pages only.
    """

    title: str
    is_static: bool = False
    banner: str | None = None
    scripts: tuple[str, ...] = ("keys.js",)
    policy: str | None = None
    base: str = ""
    home: str = "/"
    pages: Environment = field(default_factory=lambda: templates())


def templates(static_url: Callable[[str, str], str] | None = None) -> Environment:
    """The templates; static pages give addresses of style sheets and scripts of their own."""
    made = environment(PACKAGE)
    made.globals["display"] = display
    made.filters["count"] = "{:,}".format
    made.filters["cut"] = cut
    made.filters["kind_of_copy"] = kind_of_copy
    if static_url is not None:
        made.globals["static_url"] = static_url
    return made


def cut(text: str) -> str:
    """A text, or its beginning with how much follows.

    >>> cut("a" * 2001).partition("a …")[2]
    ' (1 more characters)'
    """
    if len(text) <= MOST_RAW:
        return text
    return f"{text[:MOST_RAW]} … ({len(text) - MOST_RAW} more characters)"


def kind_of_copy(kind: DuplicateKind | None) -> str:
    """How a picture relates to the one it was matched with."""
    return "–" if kind is None else display(kind)


def list_page(frame: Frame, index: SliceIndex, choice: Choice, names: Sequence[str]) -> str:
    """The list of the slices that are chosen, one page of it."""
    positions = index.chosen(choice.filters, choice.search).nonzero()[0]
    pages = max(1, -(-len(positions) // PAGE_SIZE))
    page = min(choice.page, pages)
    shown = positions[(page - 1) * PAGE_SIZE : page * PAGE_SIZE].tolist()
    return frame.pages.get_template("slices.html").render(
        frame=frame,
        csrf=None,
        title=f"Slices of {frame.title}",
        cards=[card_of(index, position) for position in shown],
        total=len(index),
        found=len(positions),
        first=(page - 1) * PAGE_SIZE + 1,
        last=(page - 1) * PAGE_SIZE + len(shown),
        page=page,
        pages=pages,
        choice=choice,
        query=choice.query(),
        search_name=SEARCH_NAME,
        hidden=[(name, value) for name, values in choice.filters.items() for value in values],
        facets=facet_lines(index, choice, names),
        unfolded=OPEN_FACETS,
        remarks=index.remarks,
        left_out=index.left_out,
    )


def card_of(index: SliceIndex, position: int) -> Card:
    """What the list says of one slice."""
    values = index.values(position)

    def told(*names: str) -> str:
        words = dict.fromkeys(word for name in names for word in values.get(name, ()) if word != "not stated")
        return ", ".join(words)

    lines = [told("type") or "no tumor type stated", told("sequence", "plane"), told("source")]
    asked = told("question").lower()
    # Building also drops single facts of slices that it asks about; those slices are not gone.
    lines += [told("reached") if asked else told("dropped") or told("reached"), told("quarantined")]
    lines.append(f"asked: {asked}" if asked else "")
    return Card(slice_id=index.name(position), lines=tuple(dict.fromkeys(line for line in lines if line)))


def slice_page(frame: Frame, page: SlicePage, ways: Ways) -> str:
    """The page of one slice."""
    by_stage: dict[str, list[object]] = {}
    for part in page.way:
        by_stage.setdefault(part.stage, []).append(part)
    return frame.pages.get_template("slice.html").render(
        frame=frame, csrf=None, title=f"Slice {page.slice_id}", page=page, ways=ways, by_stage=by_stage
    )


def static_list(frame: Frame, index: SliceIndex, about: Mapping[str, object]) -> str:
    """The list of a static folder; a script fills it from the data beside it."""
    return frame.pages.get_template("static_slices.html").render(
        frame=frame,
        csrf=None,
        title=f"Slices of {frame.title}",
        ids=[index.name(position) for position in range(len(index))],
        total=len(index),
        about=about,
        remarks=index.remarks,
        left_out=index.left_out,
    )


def error_page(frame: Frame, status: int, what: str) -> str:
    """A page that says what is wrong, in one line."""
    return frame.pages.get_template("error.html").render(frame=frame, csrf=None, title=f"{status}: {what}", what=what)
