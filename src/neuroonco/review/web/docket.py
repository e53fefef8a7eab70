"""The adjudicators' list: which questions are on it, in what order, filtered and in pages."""

from collections.abc import Container, Mapping, Sequence
from urllib.parse import urlencode

from pydantic import ValidationError

from neuroonco.errors import InputError
from neuroonco.outcomes import Record
from neuroonco.review.room_records import ItemStatus, RoomItem
from neuroonco.review.web.comparing import Difference

PAGE_SIZE = 50
NO_SOURCE = "-"
"""Stands in addresses for questions that name no collection."""
LISTED = (ItemStatus.DISPUTED, ItemStatus.SECOND_ROUND, ItemStatus.AGREED, ItemStatus.ADJUDICATED)
"""In the order of the list; a question that is still judged blind is not on it."""
STATUSES: dict[ItemStatus, str] = {
    ItemStatus.UNASSIGNED: "not assigned",
    ItemStatus.FIRST_ROUND: "in the first round",
    ItemStatus.SECOND_ROUND: "in the second round",
    ItemStatus.DISPUTED: "disputed",
    ItemStatus.AGREED: "agreed",
    ItemStatus.ADJUDICATED: "adjudicated",
}
"""In words."""


class Subject(Record):
    """What the list says of a question whatever happens to it.

    Attributes:
        question_type: see :data:`neuroonco.build.records.REPORTED_TYPES`.
        source: the collection, or :data:`NO_SOURCE`.
    """

    key: str
    question_type: str
    source: str
    question: str


class Filters(Record):
    """What the list is narrowed to; None for anything.

    Attributes:
        type, source: as in :class:`Subject`.
        kind: in what the readers differ.
    """

    status: ItemStatus | None = None
    type: str | None = None
    source: str | None = None
    kind: Difference | None = None

    @property
    def query(self) -> str:
        """As the end of an address, with its question mark; empty where nothing is filtered."""
        given = self.model_dump(mode="json", exclude_none=True)
        return "?" + urlencode(given) if given else ""


class DocketPage(Record):
    """One page of the list.

    Attributes:
        number, count: of this page and of all, from 1; an empty list has one page.
        n_keys: on all pages.
    """

    keys: tuple[str, ...]
    number: int
    count: int
    n_keys: int


def subject_of(room_item: RoomItem) -> Subject:
    """The lasting part of a line."""
    item = room_item.item
    return Subject(
        key=room_item.key,
        question_type=item.reported_type,
        source=item.source_id or NO_SOURCE,
        question=item.question,
    )


def parse_filters(given: Mapping[str, str]) -> Filters:
    """Filters from an address. An empty value filters nothing.

    Raises:
        InputError: ``FILTER_UNKNOWN``.
    """
    chosen = {name: given[name] for name in Filters.model_fields if given.get(name)}
    try:
        found = Filters.model_validate(chosen)
    except ValidationError:
        found = None
    if found is None or found.status not in (None, *LISTED):
        raise InputError("FILTER_UNKNOWN", "no such filter", fix="choose one of the list")
    return found


def listed(
    subjects: Mapping[str, Subject],
    by_status: Mapping[ItemStatus, Sequence[str]],
    filters: Filters,
    differing: Container[str] | None = None,
) -> list[str]:
    """Keys of the questions for adjudicators: in the order of :data:`LISTED`, then by key.

    Args:
        subjects: by key; a question without one is left out.
        by_status: keys of the questions that stand there.
        filters: what to narrow the list to; ``kind`` is judged by ``differing``.
        differing: questions whose readers differ as asked; None for all.
    """
    found: dict[str, None] = {}  # a question that moved on between two looks is there once
    for status in LISTED:
        if filters.status not in (None, status):
            continue
        for key in sorted(by_status.get(status, ())):
            subject = subjects.get(key)
            if subject is None or filters.type not in (None, subject.question_type):
                continue
            if filters.source in (None, subject.source) and (differing is None or key in differing):
                found.setdefault(key)
    return list(found)


def page_of(keys: Sequence[str], number: int, size: int = PAGE_SIZE) -> DocketPage:
    """One page; a number beyond the last is the last, one before the first the first."""
    count = max(1, -(-len(keys) // size))
    number = min(max(number, 1), count)
    return DocketPage(
        keys=tuple(keys[(number - 1) * size : number * size]), number=number, count=count, n_keys=len(keys)
    )


def neighbors(keys: Sequence[str], key: str) -> tuple[str | None, str | None]:
    """The questions before and after one in the list; None at its ends, and for one that is not on it.

    >>> neighbors(["q1", "q2", "q3"], "q2"), neighbors(["q1"], "q1"), neighbors(["q1"], "q7")
    (('q1', 'q3'), (None, None), (None, None))
    """
    if key not in keys:
        return None, None
    at = keys.index(key)
    return (keys[at - 1] if at else None), (keys[at + 1] if at + 1 < len(keys) else None)


def next_after(keys: Sequence[str], key: str) -> str | None:
    """The question that comes after one by key, from the start again after the end; None where there is no other.

    It goes by key and not by place: a question that was just decided has left the list.

    >>> next_after(["q1", "q3"], "q2"), next_after(["q1", "q3"], "q3"), next_after(["q3"], "q3")
    ('q3', 'q1', None)
    """
    others = sorted(one for one in keys if one != key)
    return next((one for one in others if one > key), others[0] if others else None)
