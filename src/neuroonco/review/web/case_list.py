"""The adjudicators' list as it is asked for: filters from an address, keys from the room."""

from fastapi import Request

from neuroonco.errors import InputError
from neuroonco.review.room_records import ItemStatus
from neuroonco.review.web.comparing import Difference, differences_of
from neuroonco.review.web.context import Services
from neuroonco.review.web.docket import LISTED, Filters, Subject, listed, next_after, parse_filters, subject_of

LIST = "/adjudication"


def subjects_of(request: Request, here: Services) -> dict[str, Subject]:
    """What lasts of all questions, read once: they are never changed."""
    held: dict[str, Subject] | None = getattr(request.app.state, "subjects", None)
    if held is None:
        held = {one.key: subject_of(one) for one in here.room.items()}
        request.app.state.subjects = held
    return held


def keys_of(request: Request, here: Services, filters: Filters) -> list[str]:
    """The list of questions; all of their judgements are read only where it depends on them."""
    wanted = LISTED if filters.status is None else (filters.status,)
    by_status = {status: here.room.keys_in(status) for status in wanted}
    differing = None if filters.kind is None else _differing(request, here)[filters.kind]
    return listed(subjects_of(request, here), by_status, filters, differing)


def _differing(request: Request, here: Services) -> dict[Difference, set[str]]:
    """Questions by what their readers differ in; read once for a request, which asks for it more than once."""
    held: dict[Difference, set[str]] | None = getattr(request.state, "differing", None)
    if held is None:
        held = {kind: set() for kind in Difference}
        for state in here.room.states():
            for kind in differences_of(state):
                held[kind].add(state.key)
        request.state.differing = held
    return held


def filters_of(request: Request) -> Filters:
    """Those of the address, which a question's page hands on; none where they make no sense."""
    try:
        return parse_filters(request.query_params)
    except InputError:
        return Filters()


def address_of(key: str, filters: Filters) -> str:
    """Address of a question's page, which knows the list that one came from."""
    return f"{LIST}/{key}{filters.query}"


def following_of(request: Request, here: Services, key: str) -> str | None:
    """The next disputed question of those that the list is narrowed to; of all, where these are done."""
    narrowed = filters_of(request).model_copy(update={"status": ItemStatus.DISPUTED})
    return next_after(keys_of(request, here, narrowed), key) or next_after(here.room.keys_in(ItemStatus.DISPUTED), key)


def page_number(text: str | None) -> int:
    """The number of a page from an address; 1 for what is none."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 7 else 1
