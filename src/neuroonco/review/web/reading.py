"""A reader's pages: the queue, one question at a time, saving and taking back."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from neuroonco.errors import InputError
from neuroonco.review.room_records import EventKind, Round, SaveOutcome
from neuroonco.review.web.context import Here, Posted, Services, Signed, Visitor, wants_part
from neuroonco.review.web.forms import parse_round, parse_save, parse_typed, says_the_same
from neuroonco.review.web.reader_pages import (
    address_of,
    admit,
    before,
    begin,
    conflict_of,
    question_of,
    queue_address,
    queue_of,
)
from neuroonco.review.web.saving import judged, line_of, problem, save_once

CLOSED = "A later round has begun. What you entered is kept in the record, but it is not in force."
TAKEN_BACK_ALREADY = "There is nothing to take back: it was done already, or a later round has begun."
CHANGED_SINCE = "Nothing was taken back: this question was changed in another window. Here is what is saved."

router = APIRouter()


@router.get("/queue", response_class=HTMLResponse)
def queue_page(
    request: Request,
    here: Here,
    visitor: Signed,
    round: str | None = None,
    page: str | None = None,
    only: str | None = None,
) -> Response:
    """A reader's questions of a round, named by their place in the reader's own order."""
    found = parse_round(round)
    if found is None:
        raise HTTPException(404)
    begin(here, visitor, found)
    number = int(page) if page is not None and page.isascii() and page.isdecimal() and len(page) < 6 else 1
    return queue_of(request, here, visitor, found, number=number, only_open=only == "open")


@router.get("/items/{key}", response_class=HTMLResponse)
def item_page(request: Request, here: Here, visitor: Signed, key: str, round: str | None = None) -> Response:
    """One question, as one reader sees it in one round."""
    found = parse_round(round)
    begin(here, visitor, found)
    return question_of(request, here, visitor, before(here, visitor, key, found))


@router.post("/items/{key}/judgement")
def save_judgement(request: Request, here: Here, visitor: Signed, form: Posted, key: str) -> Response:
    """Save a judgement and go on to the next question."""
    try:
        posted = parse_save(form)
    except InputError as error:
        return problem(request, error)
    (held, _), typed = admit(here, visitor, key, posted.round), parse_typed(form)
    try:
        judgement = judged(request, here, held, typed)
    except InputError as error:
        if wants_part(request):
            return problem(request, error)
        found = before(here, visitor, key, posted.round)
        return question_of(request, here, visitor, found, typed=typed, said=line_of(error), status=422)
    saved = save_once(here, visitor, key, judgement, posted)
    if saved.outcome is SaveOutcome.CLOSED:
        found = before(here, visitor, key, posted.round)
        return question_of(request, here, visitor, found, typed=typed, said=CLOSED, status=409)
    if saved.outcome is SaveOutcome.CONFLICT and not says_the_same(saved):
        return conflict_of(request, visitor, before(here, visitor, key, posted.round), saved)
    return _go_on(request, here, visitor, key, posted.round)


@router.post("/items/{key}/undo")
def undo_judgement(request: Request, here: Here, visitor: Signed, form: Posted, key: str) -> Response:
    """Take back the judgement of a question and go to it."""
    try:
        posted = parse_save(form)
    except InputError as error:
        return problem(request, error)
    admit(here, visitor, key, posted.round)
    status, said = 200, None
    try:
        saved = here.room.undo(key, visitor.name, posted.round, based_on=posted.based_on, save_id=posted.save_id)
        if saved.outcome is SaveOutcome.CONFLICT:
            status, said = 409, CHANGED_SINCE
        elif saved.outcome is SaveOutcome.CLOSED:
            status, said = 409, TAKEN_BACK_ALREADY
    except InputError as error:
        if error.code not in ("NOTHING_TO_UNDO", "SAVE_ID_TAKEN"):
            raise
        status, said = 409, TAKEN_BACK_ALREADY
    if status == 200 and not wants_part(request):
        return RedirectResponse(address_of(key, posted.round), 303)
    found = before(here, visitor, key, posted.round)
    return question_of(request, here, visitor, found, said=said, status=status, push=True)


@router.post("/items/{key}/mask-shown", status_code=204)
def mask_shown(here: Here, visitor: Signed, form: Posted, key: str, round: str | None = None) -> Response:
    """Write down that the reader asked for the outline; only then it is served."""
    found = parse_round(round or str(form.get("round") or "") or None)
    _, lane = admit(here, visitor, key, found)
    here.room.note_shown(key, visitor.name, lane.round, EventKind.MASK_SHOWN)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


def _go_on(request: Request, here: Services, visitor: Visitor, key: str, round: Round) -> Response:
    begin(here, visitor, round)
    place = here.room.place(key, visitor.name, round)
    following = None if place is None else place.next_open
    if not wants_part(request):
        return RedirectResponse(queue_address(round) if following is None else address_of(following, round), 303)
    if following is None:
        return queue_of(request, here, visitor, round, push=True)
    return question_of(request, here, visitor, before(here, visitor, following, round), push=True)
