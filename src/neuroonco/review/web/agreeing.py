"""The page of agreement: how well first-round readers agree; for adjudicators only."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from neuroonco.review.agreement import agreement_of
from neuroonco.review.agreement_records import AgreementReport
from neuroonco.review.agreement_text import report_notes, wide_tables
from neuroonco.review.room import Room
from neuroonco.review.web.context import Adjudicator, Here, render
from neuroonco.review.web.keeping import kept

router = APIRouter()


@router.get("/agreement")
def agreement_page(
    request: Request, visitor: Adjudicator, here: Here, format: Literal["html", "json"] = "html"
) -> Response:
    """Tables, or the report as JSON."""
    report = kept(request.app.state, "agreement", _made).of(here.room)
    if format == "json":
        return JSONResponse(report.model_dump(mode="json"), headers={"Cache-Control": "no-store", "Vary": "Cookie"})
    return render(
        request,
        "agreement.html",
        visitor,
        title="Agreement",
        report=report,
        notes=report_notes(report),
        tables=wide_tables(report),
    )


def _made(room: Room) -> AgreementReport:
    return agreement_of(room)
