"""What every page of a room needs: the services behind it, who is signed in, the check of a posted form, rendering."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment
from starlette.datastructures import FormData, UploadFile

from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.room_records import Person, Role, RoomSettings

MAX_FIELDS = 40
"""Of a posted form."""
_CSRF_LABEL = b"neuroonco review: form"
_SAID = {
    400: "This request cannot be understood.",
    401: "You are not signed in, or your session has ended.",
    403: "This is not allowed.",
    404: "There is no such page.",
    405: "There is no such page.",
    410: "This cannot be shown.",
    413: "This is too much at once.",
    422: "This form is not complete. Load the page anew.",
    429: "Too many attempts. Wait a few minutes.",
    503: "The room cannot be used at the moment. Nothing was changed. Try again.",
}
_OTHERWISE = "Something went wrong on the server. Nothing was changed. Try again."


class SignInNeededError(Exception):
    """Nobody is signed in, or the session has ended."""


@dataclass(frozen=True)
class Services:
    """What an app serves, made once.

    Attributes:
        root: folder to which the pictures' paths are relative.
        tokens_needed: whether people always sign in by a token; else, on loopback only, by choosing their name, until
            somebody has one: see :meth:`asks_token`.
        settings: of the room; fixed since it was set up.
        has_outlines: whether any question has one. Readers are offered the outline of every question or of none: to
            be offered it for some would tell them which pictures have a lesion.
        templates: of the room's pages, then of the viewer.
    """

    room: Room
    people: People
    root: Path
    tokens_needed: bool
    settings: RoomSettings
    has_outlines: bool
    templates: Environment

    def asks_token(self) -> bool:
        """Whether people sign in by a token now: somebody may have been invited since the app was made."""
        return self.tokens_needed or self.people.any_token()

    @property
    def cookie(self) -> str:
        """Name of the session cookie: its own for each room, because cookies do not know ports."""
        parts = f"{self.settings.benchmark_sha256} {self.settings.created_at}"
        return "room-" + hashlib.sha256(parts.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Visitor:
    """Who is signed in.

    Attributes:
        csrf: what a posted form of this session has to bring, as field ``csrf`` or header ``X-CSRF-Token``.
        secret: of the session.
    """

    person: Person
    csrf: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def name(self) -> str:
        """The person's name."""
        return self.person.name

    @property
    def adjudicates(self) -> bool:
        """Whether the person is an adjudicator."""
        return self.person.role is Role.ADJUDICATOR


def services(request: Request) -> Services:
    """The services of the app that got the request."""
    found: Services = request.app.state.services
    return found


async def _provided(request: Request) -> Services:
    """The same without a thread of its own, which costs more than the look."""
    return services(request)


Here = Annotated[Services, Depends(_provided)]


def csrf_of(secret: str) -> str:
    """What forms of a session bring; the session's secret cannot be found from it.

    >>> csrf_of("a") == csrf_of("a"), csrf_of("a") == csrf_of("b"), len(csrf_of("a"))
    (True, False, 64)
    """
    return hmac.new(secret.encode(), _CSRF_LABEL, "sha256").hexdigest()


def visitor_of(request: Request, here: Services) -> Visitor | None:
    """Who is signed in, if anybody is."""
    secret = request.cookies.get(here.cookie)
    person = here.people.of_session(secret) if secret else None
    return None if secret is None or person is None else Visitor(person, csrf_of(secret), secret)


def signed_in(request: Request, here: Here) -> Visitor:
    """Who is signed in.

    Raises:
        SignInNeededError: nobody; a page answers with the way to the sign-in, a form with 401.
    """
    visitor = visitor_of(request, here)
    if visitor is None:
        raise SignInNeededError
    return visitor


Signed = Annotated[Visitor, Depends(signed_in)]


def adjudicator_only(visitor: Signed) -> Visitor:
    """Who is signed in, if it is an adjudicator; for others the page does not exist.

    Raises:
        HTTPException: 404.
    """
    if not visitor.adjudicates:
        raise HTTPException(404)
    return visitor


Adjudicator = Annotated[Visitor, Depends(adjudicator_only)]


async def form_of(request: Request) -> FormData:
    """The fields of a posted form; none where nothing or something else was posted.

    Raises:
        HTTPException: 400, too many fields, or a file.
    """
    form = await request.form(max_files=0, max_fields=MAX_FIELDS)
    if len(form.multi_items()) > MAX_FIELDS or any(isinstance(value, UploadFile) for value in form.values()):
        raise HTTPException(400, "this form cannot be read")
    return form


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


async def csrf_checked(request: Request, visitor: Signed) -> FormData:
    """The fields of a form that a page of this session posted; every POST depends on it.

    Raises:
        HTTPException: 403, the form is of another session or of another site.
    """
    form = await form_of(request)
    brought = request.headers.get("x-csrf-token") or str(form.get("csrf") or "")
    if not same(brought, visitor.csrf):
        raise HTTPException(403, "this page is of an earlier sign-in: load it anew")
    return form


Posted = Annotated[FormData, Depends(csrf_checked)]


def wants_part(request: Request) -> bool:
    """Whether htmx asks for what it swaps into a page, not for a whole page."""
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"


def render(
    request: Request,
    template: str,
    visitor: Visitor | None,
    *,
    title: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """A page from a template that extends ``room_layout.html``, whole or the part that htmx swaps into ``#page``.

    Args:
        template: its name.
        visitor: who is signed in; None on pages for everybody.
        title: of the page, without the room's.
        headers: more of them.
        values: what the template itself needs.
    """
    here = services(request)
    text = here.templates.get_template(template).render(
        {
            "csrf": visitor.csrf if visitor else None,
            **values,
            "title": f"{title} · {here.settings.title}",
            "heading": title,
            "room_title": here.settings.title,
            "two_rounds": here.settings.rounds == 2,
            "reads": visitor is None or not visitor.adjudicates,  # who decides is assigned nothing
            "visitor": visitor,
            "address": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            "part": wants_part(request),
        }
    )
    sent = {"Cache-Control": "no-store", "Vary": "Cookie, HX-Request", **(headers or {})}
    return HTMLResponse(text, status_code=status, headers=sent)


def error_page(request: Request, status: int, said: str | None = None) -> Response:
    """A page that says what is wrong, for a whole page or, shorter, for a script."""
    said = said or _SAID.get(status, _OTHERWISE)
    return render(request, "error.html", None, title="Not possible", status=status, said=said)
