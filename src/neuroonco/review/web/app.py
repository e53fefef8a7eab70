"""The review room as a web app: its pages, put together, and what becomes of errors."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib import import_module
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from neuroonco.errors import NeuroOncoError, UsageError, printable
from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.web import adjudicating, agreeing, progress, reading, sign_in, slices
from neuroonco.review.web.context import (
    Here,
    Services,
    Signed,
    SignInNeededError,
    error_page,
    render,
    visitor_of,
    wants_part,
)
from neuroonco.viewer.pages import environment, mount_static
from neuroonco.viewer.safety import Safety
from neuroonco.viewer.serving import is_loopback

PACKAGE = "neuroonco.review.web"
THREADS = 4
"""That answer requests; one may be busy with figures for seconds."""
_FOR_SCRIPTS = ("/slices/", "/session")
_MISSING = ("LANE_MISSING", "PERSON_UNKNOWN")

log = logging.getLogger(__name__)


def create_app(room: Room, root: Path, *, tokens_needed: bool, hosts: frozenset[str]) -> FastAPI:
    """The web app of a room.

    Args:
        room: open; whoever opened it closes it.
        root: folder to which the pictures' paths are relative.
        tokens_needed: False lets everybody who reaches the app choose a name, until somebody in the room has a token.
        hosts: names under which the app may be called.

    Raises:
        UsageError: ``TOKENS_NEEDED``: no tokens, and names by which other machines could reach it.
        InputError: not a room that can be used.
    """
    if not tokens_needed and not all(is_loopback(_name_of(host)) for host in hosts):
        fix = "invite people, or serve on localhost only"
        raise UsageError("TOKENS_NEEDED", "a room without tokens may only be reached from this machine", fix=fix)
    # No redirects from `/queue/` to `/queue`: they name a scheme, which behind a server that ends TLS is the wrong one.
    _load_decoders()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=_few_threads)
    app.state.services = Services(
        room=room,
        people=People(room),
        root=root,
        tokens_needed=tokens_needed,
        settings=room.settings(),
        has_outlines=any(held.mask is not None for held in room.items()),
        templates=environment(PACKAGE),
    )
    app.state.failures, app.state.slices = sign_in.Failures(), slices.Cache()
    app.add_api_route("/", _start, methods=["GET"], response_class=RedirectResponse)
    app.add_api_route("/help", _help, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route("/session", _session, methods=["GET"])
    app.add_api_route("/healthz", _healthz, methods=["GET"])
    for pages in (sign_in, reading, slices, adjudicating, progress, agreeing):
        app.include_router(pages.router)
    mount_static(app, "neuroonco.viewer", PACKAGE)
    app.add_exception_handler(SignInNeededError, _not_signed_in)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(NeuroOncoError, _failed)
    app.add_middleware(Safety, hosts=hosts)  # its headers are on errors too
    return app


@asynccontextmanager
async def _few_threads(_app: FastAPI) -> AsyncIterator[None]:
    """Threads that wait for one lock and one interpreter only get in each other's way."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def _load_decoders() -> None:
    """Import what decodes pictures now: it takes a second, which the first reader would wait for."""
    for name in ("pyarrow", "neuroonco.volumes.window", "neuroonco.volumes.rules"):
        import_module(name)


def _name_of(host: str) -> str:
    """A host without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _start(request: Request, here: Here) -> Response:
    visitor = visitor_of(request, here)
    place = "/sign-in" if visitor is None else "/adjudication" if visitor.adjudicates else "/queue"
    return RedirectResponse(place, 303)


def _help(request: Request, visitor: Signed) -> Response:
    return render(request, "help.html", visitor, title="Keys and help")


def _session(visitor: Signed) -> Response:
    """Who is signed in now: a page that was open through a new sign-in goes on with it, if it is the same person."""
    found = {"name": visitor.name, "csrf": visitor.csrf}
    return JSONResponse(found, headers={"Cache-Control": "no-store", "Vary": "Cookie"})


def _healthz(here: Here) -> Response:
    here.room.settings()  # a room that cannot be read is not well
    return JSONResponse({"status": "ok"})


async def _not_signed_in(request: Request, _error: Exception) -> Response:
    wants_page = request.method == "GET" and not wants_part(request) and not request.url.path.startswith(_FOR_SCRIPTS)
    return RedirectResponse("/sign-in", 303) if wants_page else error_page(request, 401)


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, StarletteHTTPException) else 500
    ours = error.detail if isinstance(error, HTTPException) and error.detail != HTTPStatus(status).phrase else None
    return error_page(request, status, ours)


async def _not_understood(request: Request, _error: Exception) -> Response:
    return error_page(request, 422)


async def _failed(request: Request, error: Exception) -> Response:
    """What a room or a file could not do; its message may name files, so that only the server's log has it."""
    if isinstance(error, NeuroOncoError) and error.code in _MISSING:
        return error_page(request, 404)
    log.error("%s %s: %s", request.method, printable(request.url.path), error)
    return error_page(request, 503)
