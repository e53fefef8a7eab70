"""Saving what was posted, for readers and adjudicators alike."""

from uuid import uuid4

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import escape

from neuroonco.errors import InputError, NeuroOncoError
from neuroonco.review.records import Verdict
from neuroonco.review.room_records import Judgement, RoomItem, Saved
from neuroonco.review.web.context import Services, Visitor, error_page, wants_part
from neuroonco.review.web.forms import PostedSave, Typed, judgement_of
from neuroonco.review.web.slices import values_of


def judged(request: Request, here: Services, held: RoomItem, typed: Typed) -> Judgement:
    """The judgement that was posted; one that says what the picture shows needs a picture that can be shown.

    Raises:
        InputError: see :func:`neuroonco.review.web.forms.judgement_of`; ``PICTURE_UNREADABLE``.
    """
    judgement = judgement_of(typed, held.item)
    if judgement.verdict is not Verdict.REJECT:
        try:
            values_of(request, here, held)
        except NeuroOncoError:
            fix = "reject the question, or tell whoever runs the room"
            raise InputError("PICTURE_UNREADABLE", "nobody can judge a picture that is not there", fix=fix) from None
    return judgement


def save_once(here: Services, visitor: Visitor, key: str, judgement: Judgement, posted: PostedSave) -> Saved:
    """Save a judgement; the same save again is the same event.

    Raises:
        InputError: see :meth:`neuroonco.review.room.Room.save`.
    """

    def once(save_id: str) -> Saved:
        return here.room.save(
            key,
            visitor.name,
            posted.round,
            judgement,
            based_on=posted.based_on,
            save_id=save_id,
            elapsed_s=posted.elapsed_s,
        )

    try:
        return once(posted.save_id)
    except InputError as error:
        if error.code != "SAVE_ID_TAKEN":
            raise
        # A page that was gone back to, and its form sent with another answer: a save of its own.
        return once(str(uuid4()))


def line_of(error: InputError) -> str:
    """What is wrong with a form, as people see it."""
    return f"{error.what}: {error.fix}" if error.fix else error.what


def problem(request: Request, error: InputError) -> Response:
    """The same as an answer; a script puts the line above what was typed, which stays as it is."""
    if not wants_part(request):
        return error_page(request, 422, line_of(error))
    headers = {"HX-Retarget": "#problem", "HX-Reswap": "innerHTML", "Cache-Control": "no-store"}
    return HTMLResponse(str(escape(line_of(error))), status_code=422, headers=headers)
