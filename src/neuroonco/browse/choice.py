"""What somebody has chosen to see: filters, a search, a page; as they stand in an address."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from neuroonco.browse.index import SliceIndex

MAX_VALUES, MAX_CHARACTERS = 200, 200
"""Of the filters in one address; what is beyond is not a filter that a page of ours links to."""
SEARCH_NAME, PAGE_NAME = "id", "page"
PAGE_SIZE = 60


@dataclass(frozen=True)
class Choice:
    """Filters by facet, the beginning of an id, and which page of the list.

    Attributes:
        filters: values by facet; one of them is enough, and every facet counts.
    """

    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    search: str = ""
    page: int = 1

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], names: Sequence[str]) -> "Choice":
        """Read an address's query; names that are no facet's are not ours and are left out.

        >>> Choice.of([("plane", "axial"), ("page", "x"), ("utm", "1")], ["plane"]).query()
        'plane=axial'
        """
        filters: dict[str, list[str]] = {}
        search, page, taken = "", 1, 0
        for name, value in pairs:
            value = value[:MAX_CHARACTERS]
            if name == SEARCH_NAME:
                search = value.strip()
            elif name == PAGE_NAME:
                page = int(value) if value.isascii() and value.isdigit() and len(value) < 8 else 1
            elif name in names and taken < MAX_VALUES and value not in filters.setdefault(name, []):
                filters[name].append(value)
                taken += 1
        ordered = {name: tuple(sorted(filters[name])) for name in names if filters.get(name)}
        return cls(ordered, search, max(page, 1))

    def query(self, page: int | None = None) -> str:
        """The query that says the same, always in one order; ``page`` is left out unless given."""
        pairs = [(name, value) for name, values in self.filters.items() for value in values]
        pairs += [(SEARCH_NAME, self.search)] if self.search else []
        pairs += [(PAGE_NAME, str(page))] if page is not None and page > 1 else []
        return urlencode(pairs)

    def toggled(self, name: str, value: str, names: Sequence[str]) -> "Choice":
        """The choice with one value more, or less where it is chosen; back on the first page."""
        pairs = [(n, v) for n, values in self.filters.items() for v in values if (n, v) != (name, value)]
        if value not in self.filters.get(name, ()):
            pairs.append((name, value))
        return Choice.of([*pairs, (SEARCH_NAME, self.search)], names)


@dataclass(frozen=True)
class ValueLine:
    """A filter's value: how many slices it would find with the other facets as they are, and where it leads."""

    token: str
    shown: str
    count: int
    chosen: bool
    query: str


@dataclass(frozen=True)
class FacetLines:
    """A filter with its values."""

    name: str
    label: str
    lines: tuple[ValueLine, ...]

    @property
    def active(self) -> bool:
        """Whether some value is chosen."""
        return any(line.chosen for line in self.lines)


def facet_lines(index: SliceIndex, choice: Choice, names: Sequence[str]) -> list[FacetLines]:
    """Every filter with its values and counts; values that find nothing are left out unless they are chosen."""
    found = []
    for name in names:
        facet = index.facet(name)
        picked = choice.filters.get(name, ())
        shown: dict[str, tuple[str, int]] = {}
        if facet is not None:
            counts = facet.counts(index.chosen(choice.filters, choice.search, but=name))
            shown = {t: (d, n) for t, d, n in zip(facet.tokens, facet.displays, counts, strict=True)}
        for token in picked:
            shown.setdefault(token, (f"{token} (not in this run)", 0))
        lines = tuple(
            ValueLine(token, text, n, token in picked, choice.toggled(name, token, names).query())
            for token, (text, n) in shown.items()
            if n or token in picked
        )
        label = facet.label if facet is not None else name.replace("_", " ")
        if lines:
            found.append(FacetLines(name, label, lines))
    return found
