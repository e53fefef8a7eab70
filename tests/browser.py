"""A real browser for tests: fixtures that open pages in Chromium and complain about what the pages complain about.

The browser is shared by the tests of one module and no further: while Playwright runs, an event loop runs in this
thread, and other tests of the same worker call ``asyncio.run``.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
ELSEWHERE = re.compile(r"^(?!(https?|wss?)://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)|(file|data|blob|about):)")
"""Addresses that are not of this machine."""
WAIT_MS = 20_000
"""How long a page may take for one thing, before a test fails: machines that test are busy."""

OpenContext = Callable[..., "BrowserContext"]


def chromium_executable() -> str | None:
    """Where Chromium is: named by NEUROONCO_TEST_CHROMIUM, or found under its usual names."""
    named = os.environ.get("NEUROONCO_TEST_CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, EXECUTABLES)), None)


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """One browser for the tests of a module; they skip where Chromium or Playwright is not installed."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: install the extra 'dev' for tests in a browser")
    executable = chromium_executable()
    if executable is None:
        pytest.skip("no Chromium found: install it, or name it in NEUROONCO_TEST_CHROMIUM, for tests in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def allowed_complaints() -> list[str]:
    """Regular expressions: what a test puts in here, a page may complain about in the console."""
    return []


@pytest.fixture
def open_context(chromium: "Browser", allowed_complaints: list[str]) -> Iterator[OpenContext]:
    """Open browser contexts (``viewport``, ``has_touch``, ...); what their pages complain about fails the test.

    Pages are asked to show nothing in motion, so that no color is judged half way to another.
    """
    complaints: list[str] = []
    with contextlib.ExitStack() as opened:

        def open_one(**options: Any) -> "BrowserContext":
            usual = {"viewport": {"width": 1280, "height": 720}, "reduced_motion": "reduce"}
            context = chromium.new_context(**{**usual, **options})
            opened.callback(context.close)
            context.set_default_timeout(WAIT_MS)
            watch(context, complaints)
            return context

        yield open_one
    assert not [c for c in complaints if not any(re.search(allowed, c) for allowed in allowed_complaints)]


@pytest.fixture
def page(open_context: OpenContext) -> "Page":
    """A page of 1280 x 720 in a context of its own."""
    return open_context().new_page()


def watch(context: "BrowserContext", complaints: list[str]) -> None:
    """Collect console errors, errors of scripts, breaches of the content policy, and requests to other machines."""

    def refuse(route: Any) -> None:
        complaints.append(f"request to {route.request.url}")
        route.abort()

    context.route(ELSEWHERE, refuse)
    context.on("console", lambda m: complaints.append(f"console: {m.text}") if m.type == "error" else None)
    context.on("weberror", lambda e: complaints.append(f"script: {e.error}"))
    context.add_init_script(
        "document.addEventListener('securitypolicyviolation', e =>"
        " console.error(`policy: ${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile}`))"
    )


@contextlib.contextmanager
def serve_app(app: Any) -> Iterator[str]:
    """Serve an ASGI app on a free port of this machine; gives its address, without a slash at the end."""
    import uvicorn

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        # From here on connections wait, also before the server has started.
        listening.listen(128)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, ws="none", http="h11", loop="asyncio", timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="served app")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
    assert not thread.is_alive(), "the served app does not stop"


def axe(page: "Page") -> list[str]:
    """Serious and critical accessibility violations of a page, one line for each element."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    bad = [v for v in found if v["impact"] in ("serious", "critical")]
    return [f"{v['id']}: {n['html']} {n.get('failureSummary', '')}" for v in bad for n in v["nodes"]]
