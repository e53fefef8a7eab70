"""What adjudicators are answered: the list, one question, two decisions that conflict."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from neuroonco.review.room_records import REJECT_REASONS, ItemState, ItemStatus, Lane, RoomItem, Round, Saved
from neuroonco.review.web.case_list import LIST, address_of, filters_of, following_of, keys_of, subjects_of
from neuroonco.review.web.case_view import case_view
from neuroonco.review.web.comparing import Difference, differences_of
from neuroonco.review.web.context import Services, Visitor, render, wants_part
from neuroonco.review.web.docket import LISTED, NO_SOURCE, STATUSES, Filters, neighbors, page_of
from neuroonco.review.web.forms import Typed, is_key, typed_of
from neuroonco.review.web.history import ROUNDS, duration
from neuroonco.review.web.question_view import words_of


@dataclass(frozen=True)
class Case:
    """A question before an adjudicator.

    Attributes:
        lane: of all adjudicators; None as long as the first round is not complete.
    """

    held: RoomItem
    state: ItemState
    lane: Lane | None


def case_of(here: Services, visitor: Visitor, key: str) -> Case:
    """A question of the room.

    Raises:
        HTTPException: 404.
    """
    held = here.room.item(key) if is_key(key) else None
    state = here.room.state(key) if held is not None else None
    if held is None or state is None:
        raise HTTPException(404)
    return Case(held, state, here.room.lane(key, visitor.name, Round.ADJUDICATION))


def go_on(request: Request, here: Services, visitor: Visitor, key: str | None) -> Response:
    """On to a question, or to the list where there is none."""
    filters = filters_of(request)
    if not wants_part(request):
        return RedirectResponse(LIST + filters.query if key is None else address_of(key, filters), 303)
    if key is None:
        return list_of(request, here, visitor, filters, 1, headers={"HX-Push-Url": LIST + filters.query})
    return case_answer(request, here, visitor, case_of(here, visitor, key), push=True)


def list_of(
    request: Request,
    here: Services,
    visitor: Visitor,
    filters: Filters,
    number: int,
    headers: dict[str, str] | None = None,
) -> Response:
    """The list, narrowed, one page of it."""
    subjects, counts = subjects_of(request, here), here.room.counts()
    sources = sorted({one.source for one in subjects.values()})
    page = page_of(keys_of(request, here, filters), number)
    rows = []
    for key in page.keys:
        state = here.room.state(key)
        if state is not None:
            kinds = [kind.value for kind in differences_of(state)]
            words, name = STATUSES[state.status], state.status.value
            rows.append({"subject": subjects[key], "kinds": kinds, "status": words, "status_name": name,
                         "address": address_of(key, filters)})  # fmt: skip
    return render(
        request,
        "adjudication.html",
        visitor,
        title="Adjudication",
        headers=headers,
        rows=rows,
        page=page,
        filters=filters,
        counts=[(STATUSES[status], counts[status]) for status in (*LISTED, ItemStatus.FIRST_ROUND)],
        total=sum(counts.values()),
        statuses=[(status.value, STATUSES[status]) for status in LISTED],
        types=[(one, one.replace("_", " ")) for one in sorted({one.question_type for one in subjects.values()})],
        sources=[(one, "none named" if one == NO_SOURCE else one) for one in sources],
        kinds=[(kind.value, kind.value) for kind in Difference],
    )


def case_answer(
    request: Request,
    here: Services,
    visitor: Visitor,
    case: Case,
    *,
    typed: Typed | None = None,
    said: str | None = None,
    status: int = 200,
    push: bool = False,
) -> Response:
    """One question; ``typed`` and ``said`` where a form came back with a fault."""
    key, filters = case.held.key, filters_of(request)
    view = case_view(
        case.held, case.state, case.lane, list(here.room.events(key)), adjudicator=visitor.name, typed=typed
    )
    before, after = neighbors(keys_of(request, here, filters), key)
    following = following_of(request, here, key)
    return render(
        request,
        "adjudicate.html",
        visitor,
        title=f"Adjudication of {key}",
        status=status,
        headers={"HX-Push-Url": address_of(key, filters)} if push else None,
        view=view,
        reasons=[(reason.value, words) for reason, words in REJECT_REASONS.items()],
        said=said,
        save_id=str(uuid4()),
        undo=_undo(here, visitor, case, filters),
        query=filters.query,
        before=None if before is None else address_of(before, filters),
        after=None if after is None else address_of(after, filters),
        following=None if following is None else address_of(following, filters),
        list_address=LIST + filters.query,
        rounds=ROUNDS,
        duration=duration,
    )


def _undo(here: Services, visitor: Visitor, case: Case, filters: Filters) -> dict[str, Any] | None:
    """The form that takes a decision back: that of the question on the page, else the adjudicator's own last one."""
    key, lane = case.held.key, case.lane
    if lane is None or lane.judgement is None:
        event = here.room.last_decided(visitor.name)
        lane = None if event is None else here.room.lane(event.key, visitor.name, Round.ADJUDICATION)
    if lane is None or lane.judgement is None:
        return None
    return {
        "action": f"{LIST}/{lane.key}/undo{filters.query}",
        "here": lane.key == key,
        "key": lane.key,
        "version": lane.version,
        "save_id": str(uuid4()),
        "by": lane.by,
        "at": lane.at,
    }


def conflict_of(request: Request, here: Services, visitor: Visitor, case: Case, saved: Saved) -> Response:
    """Two decisions, of which the one that came first is in force; either can be chosen."""
    item, mine, theirs = case.held.item, saved.event.judgement, saved.lane.judgement
    key, filters = case.held.key, filters_of(request)
    pairs = [
        ("Decided by", visitor.name, saved.lane.by or "nobody: it was taken back"),
        ("Answer", words_of(mine, item), words_of(theirs, item)),
        ("Wording", (mine and mine.new_question) or item.question, (theirs and theirs.new_question) or item.question),
        ("Reason", (mine and mine.comment) or "", (theirs and theirs.comment) or ""),
    ]
    following = following_of(request, here, key)
    return render(
        request,
        "conflict.html",
        visitor,
        title="Decided twice",
        status=409,
        action=f"{LIST}/{key}/judgement{filters.query}",
        rows=[{"name": name, "mine": one, "saved": other, "differs": one != other} for name, one, other in pairs],
        mine_at=saved.event.at,
        saved_at=saved.lane.at,
        round=Round.ADJUDICATION.value,
        version=saved.lane.version,
        save_id=str(uuid4()),
        typed=typed_of(mine),
        keep=LIST + filters.query if following is None else address_of(following, filters),
        item_address=address_of(key, filters),
    )
