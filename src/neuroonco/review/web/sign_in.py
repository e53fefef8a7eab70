"""Signing in by an invitation's token, or by name where nobody has one; signing out."""

import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from neuroonco.review.people import SESSION_HOURS
from neuroonco.review.web.context import Here, Posted, Services, Signed, csrf_of, form_of, render, same, visitor_of

MAX_FAILURES = 10
WINDOW_S = 300.0
MAX_ADDRESSES = 10_000
MAX_TOKEN = 200
WRONG_TOKEN = "This token is not in force. Check that all of it was copied, or ask for a new one."  # noqa: S105
WRONG_NAME = "Nobody of this name may sign in here without a token."
TOO_MANY = "Too many attempts. Wait a few minutes."
STALE = "This page was too old. Try again."

router = APIRouter()


class Failures:
    """Failed sign-ins of each client address in the last minutes; nothing waits.

    Who guesses is told to wait. Who has a token gets in all the same: behind a server that ends TLS, or on one machine,
    everybody comes from one address, so that otherwise anybody could keep all others out. Guessing a token is hopeless
    at any speed.

    Args:
        clock: seconds that never go back.

    >>> failures = Failures(limit=2, window_s=60, clock=lambda: 0.0)
    >>> failures.note("a"), failures.note("a"), failures.too_many("a"), failures.too_many("b")
    (None, None, True, False)
    """

    def __init__(
        self, limit: int = MAX_FAILURES, window_s: float = WINDOW_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._window_s, self._clock = limit, window_s, clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def too_many(self, address: str) -> bool:
        """Whether an address has to wait."""
        with self._lock:
            times = self._times.get(address)
            while times and self._clock() - times[0] >= self._window_s:
                times.popleft()
            if times is not None and not times:
                del self._times[address]
            return times is not None and len(times) >= self._limit

    def note(self, address: str) -> None:
        """Write down a failure; of very many addresses the one that was quiet for longest is forgotten."""
        with self._lock:
            self._times.setdefault(address, deque(maxlen=self._limit)).append(self._clock())
            self._times.move_to_end(address)
            if len(self._times) > MAX_ADDRESSES:
                self._times.popitem(last=False)


def failures(request: Request) -> Failures:
    """The failures of the app that got the request; a test puts others there, with another clock."""
    found: Failures = request.app.state.failures
    return found


@router.get("/sign-in", response_class=HTMLResponse)
def sign_in_page(request: Request, here: Here) -> Response:
    """The form for a token, or the names to choose from."""
    return _form(request, here)


@router.post("/sign-in")
def sign_in(
    request: Request,
    here: Here,
    failed: Annotated[Failures, Depends(failures)],
    form: Annotated[FormData, Depends(form_of)],
) -> Response:
    """Begin a session.

    Nobody is signed in yet, so that the form is tied to a cookie that its own page set: another site can neither read
    nor set it, and so cannot sign a reader in as somebody else.
    """
    address = request.client.host if request.client else ""
    before = request.cookies.get(_form_cookie(here)) or ""
    if not before or not same(str(form.get("csrf") or ""), csrf_of(before)):
        return _form(request, here, said=STALE, status=403)
    asks_token = here.asks_token()
    if asks_token:
        token = str(form.get("token") or "").strip()
        entered = here.people.enter(token) if 0 < len(token) <= MAX_TOKEN else None
    else:
        entered = here.people.enter_by_name(str(form.get("name") or ""))
    if entered is None:
        if failed.too_many(address):
            return _form(request, here, said=TOO_MANY, status=429)
        failed.note(address)
        return _form(request, here, said=WRONG_TOKEN if asks_token else WRONG_NAME, status=401)
    _, secret = entered
    earlier = request.cookies.get(here.cookie)
    if earlier:
        here.people.leave(earlier)  # one session a browser: the earlier one ends, whoever's it was
    answer = RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})
    _set(answer, request, here.cookie, secret, SESSION_HOURS * 3600)
    answer.delete_cookie(_form_cookie(here), path="/", httponly=True, samesite="strict")
    return answer


@router.post("/sign-out")
def sign_out(here: Here, visitor: Signed, _form: Posted) -> Response:
    """End the session."""
    here.people.leave(visitor.secret)
    answer = RedirectResponse("/sign-in", 303, headers={"Cache-Control": "no-store", "Clear-Site-Data": '"cache"'})
    answer.delete_cookie(here.cookie, path="/", httponly=True, samesite="strict")
    return answer


def _form_cookie(here: Services) -> str:
    return f"{here.cookie}-form"


def _set(answer: Response, request: Request, name: str, value: str, age_s: int) -> None:
    secure = _is_encrypted(request)
    answer.set_cookie(name, value, max_age=age_s, path="/", secure=secure, httponly=True, samesite="strict")


def _is_encrypted(request: Request) -> bool:
    """Whether the browser speaks TLS, with this server or with one in front of it.

    Of the latter tells the page's origin, which the browser sends with a form, or a header of the server in front. Who
    makes either up hides nothing but their own cookie.
    """
    origin, forwarded = request.headers.get("origin", ""), request.headers.get("x-forwarded-proto", "")
    return request.url.scheme == "https" or origin.startswith("https://") or forwarded.strip().lower() == "https"


def _form(request: Request, here: Services, said: str | None = None, status: int = 200) -> Response:
    asks_token = here.asks_token()
    names = [] if asks_token else [person.name for person in here.room.people()]
    before = request.cookies.get(_form_cookie(here)) or secrets.token_urlsafe(32)
    if len(before) > MAX_TOKEN:
        raise HTTPException(400)
    answer = render(
        request,
        "sign_in.html",
        visitor_of(request, here),
        title="Sign in",
        status=status,
        tokens_needed=asks_token,
        names=names,
        said=said,
        form_csrf=csrf_of(before),
        hours=SESSION_HOURS,
    )
    _set(answer, request, _form_cookie(here), before, 3600)
    return answer
