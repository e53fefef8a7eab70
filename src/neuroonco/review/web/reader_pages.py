"""A reader's pages, filled: the queue, one question, a conflict of two saves."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import HTTPException, Request
from fastapi.responses import Response

from neuroonco.review.room_records import REJECT_REASONS, EventKind, Lane, QueuePlace, RoomItem, Round, Saved
from neuroonco.review.web.context import Services, Visitor, render
from neuroonco.review.web.forms import Typed, is_key, typed_of
from neuroonco.review.web.question_view import minutes, question_view, words_of

PAGE_SIZE = 100
"""Lines of the queue on a page."""


@dataclass(frozen=True)
class Before:
    """A question before a reader.

    Attributes:
        place: in the reader's queue of the round.
    """

    held: RoomItem
    lane: Lane
    place: QueuePlace


def address_of(key: str, round: Round) -> str:
    """Address of a question's page."""
    return f"/items/{key}?round={round.value}"


def queue_address(round: Round) -> str:
    """Address of a round's queue."""
    return f"/queue?round={round.value}"


def begin(here: Services, visitor: Visitor, round: Round | None) -> None:
    """Before a page of round two: whoever learns where readers differ cannot change what they said in round one.

    Which questions are in a reader's second round tells how the others answered, so that all of them count as shown,
    and the first round is closed for them, before any is named.
    """
    if round is Round.SECOND:
        here.room.begin_second(visitor.name)


def admit(here: Services, visitor: Visitor, key: str, round: Round | None) -> tuple[RoomItem, Lane]:
    """A question of the reader's; for everybody else it does not exist, nor does round two before it was begun.

    Raises:
        HTTPException: 404.
    """
    if not is_key(key) or round is None:
        raise HTTPException(404)
    if round is Round.SECOND and not here.room.has_seen(key, visitor.name, EventKind.PEERS_SHOWN):
        raise HTTPException(404)
    lane = here.room.lane(key, visitor.name, round)
    held = here.room.item(key) if lane is not None else None
    if lane is None or held is None:
        raise HTTPException(404)
    return held, lane


def before(here: Services, visitor: Visitor, key: str, round: Round | None) -> Before:
    """A question of the reader's, and where it stands in the queue.

    Raises:
        HTTPException: 404.
    """
    held, lane = admit(here, visitor, key, round)
    place = here.room.place(key, visitor.name, lane.round)
    if place is None:
        raise HTTPException(404)
    return Before(held, lane, place)


def queue_of(
    request: Request,
    here: Services,
    visitor: Visitor,
    round: Round,
    *,
    number: int = 1,
    only_open: bool = False,
    push: bool = False,
) -> Response:
    """The queue of a round, its ``number``-th page; ``push``: the address shown is to become this page's."""
    totals = here.room.queue_totals(visitor.name, round)
    pages = max(1, -(-(totals.open if only_open else totals.total) // PAGE_SIZE))
    number = min(max(number, 1), pages)
    start = (number - 1) * PAGE_SIZE
    entries = here.room.queue(visitor.name, round, only_open=only_open, start=start, limit=PAGE_SIZE)
    rows = [
        {
            "place": entry.position,
            "address": address_of(entry.key, round),
            "state": "done" if entry.decided else "to do" if entry.open else "closed",
            "time": minutes(entry.elapsed_s) if entry.decided or entry.elapsed_s else "",
            "at": entry.at,
        }
        for entry in entries
    ]
    return render(
        request,
        "queue.html",
        visitor,
        title="Second round" if round is Round.SECOND else "Queue",
        headers={"HX-Push-Url": queue_address(round)} if push else None,
        round=round.value,
        rows=rows,
        total=totals.total,
        done=totals.done,
        time=minutes(totals.elapsed_s),
        following=None if totals.next_open is None else address_of(totals.next_open, round),
        page=number,
        pages=pages,
        only_open=only_open,
        last=_last(here, visitor),
    )


def question_of(
    request: Request,
    here: Services,
    visitor: Visitor,
    found: Before,
    *,
    typed: Typed | None = None,
    said: str | None = None,
    status: int = 200,
    push: bool = False,
) -> Response:
    """A question's page.

    In round two it shows what the readers said in round one; that it does is in the record by then, see :func:`begin`.

    Args:
        typed: what the reader typed, in place of what is saved.
        said: above the question, e.g. why nothing was saved.
        push: whether the address shown is to become this page's.
    """
    key, round, place, state = found.held.key, found.lane.round, found.place, None
    if round is Round.SECOND:
        state = here.room.state(key)
    view = question_view(
        found.held,
        found.lane,
        place=place.entry.position,
        total=place.total,
        open=place.entry.open,
        proposed_known=round is Round.SECOND or here.settings.proposed_shown,
        state=state,
        typed=typed,
    )
    return render(
        request,
        "reading.html",
        visitor,
        title=f"Question {view.place}",
        status=status,
        headers={"HX-Push-Url": address_of(key, round)} if push else None,
        view=view,
        values_url=f"/slices/{key}/values",
        mask_url=f"/slices/{key}/mask" if here.has_outlines else None,
        mask_ask_url=f"/items/{key}/mask-shown?round={round.value}" if here.has_outlines else None,
        reasons=[(reason.value, words) for reason, words in REJECT_REASONS.items()],
        said=said,
        save_id=str(uuid4()),
        done=place.done,
        previous=None if place.previous is None else address_of(place.previous, round),
        following=None if place.following is None else address_of(place.following, round),
        queue=queue_address(round),
        last=_last(here, visitor),
    )


def _last(here: Services, visitor: Visitor) -> dict[str, Any] | None:
    """The reader's last save, and the form that takes it back."""
    event = here.room.last_decided(visitor.name)
    if event is None or event.round is Round.ADJUDICATION:
        return None
    lane = here.room.lane(event.key, visitor.name, event.round)
    if lane is None:
        return None
    return {
        "action": f"/items/{event.key}/undo",
        "round": event.round.value,
        "version": lane.version,
        "save_id": str(uuid4()),
        "at": event.at,
        "seconds": None if event.elapsed_s is None else round(event.elapsed_s),
    }


def conflict_of(request: Request, visitor: Visitor, found: Before, saved: Saved) -> Response:
    """Both judgements of a conflict beside each other, and the choice between them."""
    item, mine, theirs = found.held.item, saved.event.judgement, saved.lane.judgement
    pairs = [
        ("Answer", words_of(mine, item), words_of(theirs, item)),
        ("Wording", (mine and mine.new_question) or item.question, (theirs and theirs.new_question) or item.question),
        ("Comment", (mine and mine.comment) or "", (theirs and theirs.comment) or ""),
    ]
    round, key, following = saved.event.round, found.held.key, found.place.next_open
    return render(
        request,
        "conflict.html",
        visitor,
        title=f"Question {found.place.entry.position}: saved twice",
        status=409,
        action=f"/items/{key}/judgement",
        rows=[{"name": name, "mine": one, "saved": other, "differs": one != other} for name, one, other in pairs],
        mine_at=saved.event.at,
        saved_at=saved.lane.at,
        round=round.value,
        version=saved.lane.version,
        save_id=str(uuid4()),
        typed=typed_of(mine),
        keep=queue_address(round) if following is None else address_of(following, round),
        item_address=address_of(key, round),
    )
