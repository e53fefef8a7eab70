"""The page of progress: everything for adjudicators, their own figures for readers."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from neuroonco.review.progress_figures import Progress, own, progress
from neuroonco.review.room import Room
from neuroonco.review.web.context import Here, Signed, render
from neuroonco.review.web.docket import STATUSES
from neuroonco.review.web.history import ROUNDS, duration
from neuroonco.review.web.keeping import kept

router = APIRouter()


@router.get("/progress")
def progress_page(
    request: Request, here: Here, visitor: Signed, format: Literal["html", "json"] | None = None
) -> Response:
    """How far the room is, or the visitor alone; as JSON for ``format=json`` or ``Accept: application/json``."""
    figures = kept(request.app.state, "progress", _made).of(here.room)
    if not visitor.adjudicates:
        figures = own(figures, visitor.name)
    accepted = request.headers.get("accept", "")
    asks_json = "application/json" in accepted and "text/html" not in accepted
    if format == "json" or (format is None and asks_json):
        headers = {"Cache-Control": "no-store", "Vary": "Accept, Cookie"}
        return JSONResponse(figures.model_dump(mode="json"), headers=headers)
    statuses = figures.statuses
    return render(
        request,
        "progress.html",
        visitor,
        title="Progress",
        headers={"Vary": "Accept, Cookie, HX-Request"},
        figures=figures,
        alone=not visitor.adjudicates,
        statuses=None if statuses is None else [(STATUSES[status], count) for status, count in statuses.items()],
        rounds=ROUNDS,
        duration=duration,
    )


def _made(room: Room) -> Progress:
    return progress(room.people(), room.assignments(), room.states(), room.events())
