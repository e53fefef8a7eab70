"""An adjudicator's pages: the list, one question with everything that was said of it, the decision."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from neuroonco.errors import InputError
from neuroonco.review.room_records import (
    EventKind,
    Round,
    SaveOutcome,
)
from neuroonco.review.web.adjudicator_pages import case_answer, case_of, conflict_of, go_on, list_of
from neuroonco.review.web.case_list import LIST, address_of, filters_of, following_of, page_number
from neuroonco.review.web.case_view import case_view
from neuroonco.review.web.context import (
    Adjudicator,
    Here,
    Posted,
    csrf_checked,
    wants_part,
)
from neuroonco.review.web.docket import parse_filters
from neuroonco.review.web.forms import parse_save, parse_typed, says_the_same
from neuroonco.review.web.saving import judged, line_of, problem, save_once

CHANGED_SINCE = "Nothing was taken back: somebody has changed this decision in the meantime. Here is what is in force."
TAKEN_BACK_ALREADY = "There is nothing to take back: it was done already."

CsrfChecked = Depends(csrf_checked)

router = APIRouter()


@router.get(LIST, response_class=HTMLResponse)
def list_page(request: Request, here: Here, visitor: Adjudicator, page: str | None = None) -> Response:
    """The questions: disputed ones first, then those that readers look at again, then those that are settled."""
    try:
        filters = parse_filters(request.query_params)
    except InputError as error:
        return problem(request, error)
    return list_of(request, here, visitor, filters, page_number(page))


@router.get(LIST + "/{key}", response_class=HTMLResponse)
def case_page(request: Request, here: Here, visitor: Adjudicator, key: str) -> Response:
    """One question, and everything that was said of it."""
    return case_answer(request, here, visitor, case_of(here, visitor, key))


@router.post(LIST + "/{key}/judgement")
def decide(request: Request, here: Here, visitor: Adjudicator, form: Posted, key: str) -> Response:
    """Decide with a reason, and go on to the next disputed question."""
    case, typed = case_of(here, visitor, key), parse_typed(form)
    try:
        posted = parse_save(form, of=(Round.ADJUDICATION,))
        judgement = judged(request, here, case.held, typed)
        if judgement.comment is None:
            raise InputError("REASON_NEEDED", "a decision needs a reason", fix="say in the comment why")
    except InputError as error:
        if wants_part(request) or error.code == "FORM_INVALID":
            return problem(request, error)
        return case_answer(request, here, visitor, case, typed=typed, said=line_of(error), status=422)
    saved = save_once(here, visitor, key, judgement, posted)
    if saved.outcome is SaveOutcome.CONFLICT and not says_the_same(saved):
        return conflict_of(request, here, visitor, case, saved)
    following = following_of(request, here, key)
    return go_on(request, here, visitor, following)


@router.post(LIST + "/{key}/undo")
def undo_decision(request: Request, here: Here, visitor: Adjudicator, form: Posted, key: str) -> Response:
    """Take back the decision in force, whoever made it; the one before it comes back."""
    case_of(here, visitor, key)
    said = None
    try:
        posted = parse_save(form, of=(Round.ADJUDICATION,))
        saved = here.room.undo(key, visitor.name, Round.ADJUDICATION, based_on=posted.based_on, save_id=posted.save_id)
        if saved.outcome is SaveOutcome.CONFLICT:
            said = CHANGED_SINCE
    except InputError as error:
        if error.code == "FORM_INVALID":
            return problem(request, error)
        if error.code not in ("NOTHING_TO_UNDO", "SAVE_ID_TAKEN"):
            raise
        said = TAKEN_BACK_ALREADY
    if said is not None:
        return case_answer(request, here, visitor, case_of(here, visitor, key), said=said, status=409, push=True)
    return go_on(request, here, visitor, key)


@router.post(LIST + "/{key}/models-shown", dependencies=[CsrfChecked])
def models_shown(request: Request, here: Here, visitor: Adjudicator, key: str) -> Response:
    """Write down that the adjudicator asked for the models' notes, and show them."""
    case_of(here, visitor, key)
    here.room.note_shown(key, visitor.name, Round.ADJUDICATION, EventKind.MODELS_SHOWN)
    if not wants_part(request):
        return RedirectResponse(address_of(key, filters_of(request)) + "#models", 303)
    case = case_of(here, visitor, key)
    view = case_view(case.held, case.state, case.lane, list(here.room.events(key)), adjudicator=visitor.name)
    text = here.templates.get_template("model_notes.html").render(view=view, csrf=visitor.csrf, query="")
    return HTMLResponse(text, headers={"Cache-Control": "no-store"})


@router.post(LIST + "/{key}/mask-shown", status_code=204, dependencies=[CsrfChecked])
def mask_shown(here: Here, visitor: Adjudicator, key: str) -> Response:
    """Write down that the adjudicator asked for the outline; only then it is served."""
    case_of(here, visitor, key)
    here.room.note_shown(key, visitor.name, Round.ADJUDICATION, EventKind.MASK_SHOWN)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})
