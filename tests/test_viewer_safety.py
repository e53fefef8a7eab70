"""What the server refuses: hostile hosts, foreign pages, large bodies; and what is on every answer."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from neuroonco.viewer.safety import ALWAYS, CONTENT_POLICY, Safety
from neuroonco.viewer.serving import allowed_hosts

HOSTS = allowed_hosts("127.0.0.1", 8765)
HOST = "localhost:8765"
OURS = {"host": HOST, "sec-fetch-site": "same-origin"}
Headers = list[tuple[str, str]]
SECRET = "-".join(["what", "somebody", "wrote"])
seen: list[str] = []


async def _page(request: Request) -> Response:
    seen.append(f"{request.method} {(await request.body()).decode()}")
    return HTMLResponse("<p>page</p>", headers={"Server": "x", "X-Powered-By": "y", "X-Frame-Options": "ALLOWALL"})


async def _values(request: Request) -> Response:
    cache = request.query_params.get("cache", "")
    return Response(b"\0\1", media_type="application/octet-stream", headers={"Cache-Control": cache} if cache else {})


async def _move(request: Request) -> Response:
    return RedirectResponse("/page", 303)


async def _break(request: Request) -> Response:
    raise ValueError(SECRET)


async def _break_late(request: Request) -> Response:
    async def half() -> Any:
        yield b"half"
        raise ValueError(SECRET)

    return StreamingResponse(half())


APP = Starlette(
    routes=[
        Route("/page", _page, methods=["GET", "POST", "PUT", "DELETE"]),
        Route("/values", _values),
        Route("/static/viewer/page.css", lambda _: PlainTextResponse("p {}")),
        Route("/static/viewer/gone.css", lambda _: PlainTextResponse("no", 404)),
        Route("/move", _move),
        Route("/break", _break),
        Route("/late", _break_late),
    ]
)
SAFE = Safety(APP, HOSTS, max_body_bytes=100)


@pytest.fixture(autouse=True)
def _forget() -> None:
    seen.clear()


@pytest.fixture
def client() -> TestClient:
    return TestClient(SAFE, base_url=f"http://{HOST}", follow_redirects=False)


def ask(
    headers: Headers, method: str = "GET", path: str = "/page", body: tuple[bytes, ...] = (b"",), app: Any = SAFE
) -> tuple[int, dict[str, str], bytes]:
    """One request as a server hands it over, header for header."""
    sent: list[Any] = []
    pieces = [{"type": "http.request", "body": b, "more_body": i < len(body) - 1} for i, b in enumerate(body)]
    rest = iter(pieces)

    async def receive() -> Any:
        return next(rest, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path.partition("?")[0],
        "raw_path": path.encode(),
        "query_string": path.partition("?")[2].encode(),
        "headers": [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers],
        "scheme": "http",
        "root_path": "",
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8765),
    }
    asyncio.run(app(scope, receive, send))
    starts = [m for m in sent if m["type"] == "http.response.start"]
    assert len(starts) <= 1
    if not starts:
        return 0, {}, b""
    names = [n.decode() for n, _ in starts[0]["headers"]]
    assert len([n for n in names if n != "set-cookie"]) == len({n for n in names if n != "set-cookie"})
    found = {n.decode(): v.decode() for n, v in starts[0]["headers"]}
    return starts[0]["status"], found, b"".join(m.get("body", b"") for m in sent)


# --- host ---


@pytest.mark.parametrize(
    "host", [HOST, "127.0.0.1:8765", "[::1]:8765", "localhost", "127.0.0.1", "[::1]", "LocalHost:8765"]
)
def test_names_of_this_machine(host: str) -> None:
    assert ask([("host", host)])[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8765",
        "localhost:8766",
        "localhost.evil.example:8765",
        "localhost.:8765",
        "localhost.",
        "127.0.0.1.evil.example",
        "127.0.0.2:8765",
        "127.1:8765",
        "2130706433:8765",
        "0.0.0.0:8765",
        "::1",
        "[::1",
        "[0:0:0:0:0:0:0:1]:8765",
        "[::ffff:127.0.0.1]:8765",
        "localhost:08765",
        "localhost:",
        "ｌocalhost".encode().decode("latin-1"),
    ],
)
def test_other_names_are_misdirected(host: str) -> None:
    status, headers, body = ask([("host", host)])
    assert status in (400, 421)
    assert b"page" not in body
    assert headers["content-security-policy"] == CONTENT_POLICY
    assert not seen


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", "")],
        [("host", HOST), ("host", HOST)],
        [("host", HOST), ("Host", "evil.example")],
        [("host", "user@localhost:8765")],
        [("host", "localhost:8765/x")],
        [("host", f"{HOST}, {HOST}")],
        [("host", "localhost:8765#")],
        [("host", "local\x00host")],
        [("host", "local host")],
    ],
)
def test_hosts_that_are_none_or_several(headers: Headers) -> None:
    assert ask(headers)[0] == 400
    assert not seen


def test_forwarded_names_say_nothing() -> None:
    assert ask([("host", "evil.example"), ("x-forwarded-host", HOST), ("forwarded", f"host={HOST}")])[0] == 421
    assert ask([("host", HOST), ("x-forwarded-host", "evil.example")])[0] == 200


@given(st.text(st.characters(max_codepoint=255), max_size=30))
def test_no_host_but_ours_gets_in(host: str) -> None:
    status = ask([("host", host)])[0]
    assert (status == 200) == (host.strip().lower() in HOSTS)


# --- methods that change things ---


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin", "origin": f"http://{HOST}", "cookie": "a=b"},
        {"sec-fetch-site": "same-origin", "origin": "null", "cookie": "a=b"},
        {"origin": f"http://{HOST}", "cookie": "a=b"},
        {"origin": f"HTTPS://{HOST}"},
        {},
    ],
)
def test_our_own_pages_may_change_things(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/page", content=b"x=1", headers=headers).status_code == 200
    assert seen == ["POST x=1"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "post"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "Same-Origin "},
        {"sec-fetch-site": ""},
        {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-origin", "origin": ""},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:3000"},
        {"origin": "http://localhost"},
        {"origin": f"http://{HOST}.evil.example"},
        {"origin": f"http://evil.example@{HOST}"},
        {"origin": f"http://{HOST}@evil.example"},
        {"origin": f"http://evil.example/{HOST}"},
        {"origin": f"//{HOST}"},
        {"origin": HOST},
        {"origin": f"file://{HOST}"},
        {"origin": f"chrome-extension://{HOST}"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:8765"},
        {"cookie": "session=1"},
        {"cookie": "session=1", "referer": f"http://{HOST}/page"},
        {"sec-fetch-site": "cross-site", "x-http-method-override": "GET"},
    ],
)
def test_foreign_pages_may_not(method: str, headers: dict[str, str]) -> None:
    assert ask([("host", HOST), *headers.items()], method)[0] == 403
    assert not seen


@pytest.mark.parametrize("name", ["sec-fetch-site", "origin"])
def test_two_sources_are_none(name: str) -> None:
    value = "same-origin" if name == "sec-fetch-site" else f"http://{HOST}"
    for method in ("GET", "POST"):
        assert ask([("host", HOST), (name, value), (name, value)], method)[0] == 403


def test_an_origin_without_a_port_is_that_of_a_host_without_one() -> None:
    app = Safety(APP, allowed_hosts("127.0.0.1", 8765, ["room.example.org"]))
    assert ask([("host", "room.example.org"), ("origin", "https://room.example.org")], "POST", app=app)[0] == 200
    assert ask([("host", "room.example.org"), ("origin", "https://room.example.org:8765")], "POST", app=app)[0] == 403


def test_the_method_is_the_one_that_was_sent(client: TestClient) -> None:
    override = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "POST"}
    assert client.get("/page?_method=POST", headers=override).status_code == 200
    assert seen == ["GET "]


# --- reading ---

VISIT = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_to_pages_and_to_nothing_else(client: TestClient, site: str) -> None:
    visit = {**VISIT, "sec-fetch-site": site}
    assert client.get("/page", headers=visit).text == "<p>page</p>"
    assert client.get("/move", headers=visit).status_code == 303
    refused = client.get("/values", headers=visit)
    assert refused.status_code == 403
    assert b"\0\1" not in refused.content
    assert refused.headers["content-length"] == str(len(refused.content))
    assert client.get("/static/viewer/page.css", headers=visit).status_code == 403


@pytest.mark.parametrize(
    ("mode", "dest"),
    [("no-cors", "image"), ("no-cors", "script"), ("cors", "empty"), ("navigate", "iframe"), ("navigate", "object"),
     ("no-cors", "document"), ("navigate", "")],
)  # fmt: skip
def test_other_sites_may_not_embed(mode: str, dest: str) -> None:
    for path in ("/page", "/values", "/static/viewer/page.css"):
        headers = [("host", HOST), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)]
        assert ask(headers, path=path)[0] == 403
        assert ask(headers, "HEAD", path=path)[0] == 403
        assert ask(headers, "OPTIONS", path=path)[0] == 403
    assert not seen


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_may_read(client: TestClient, site: str) -> None:
    assert client.get("/values", headers={"sec-fetch-site": site}).content == b"\0\1"
    assert client.get("/values").content == b"\0\1"


def test_no_preflight_is_answered(client: TestClient) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = client.options("/page", headers={**asked, "sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert not [n for n in client.options("/page", headers=asked).headers if n.startswith("access-control")]


# --- bodies ---


def test_bodies_up_to_the_limit(client: TestClient) -> None:
    assert client.post("/page", content=b"x" * 100).status_code == 200
    assert client.post("/page", content=b"x" * 101).status_code == 413
    assert seen == [f"POST {'x' * 100}"]


def test_bodies_in_pieces() -> None:
    ours = list(OURS.items())
    assert ask(ours, "POST", body=(b"x" * 60, b"", b"y" * 40))[0] == 200
    assert seen == [f"POST {'x' * 60}{'y' * 40}"]
    assert ask(ours, "POST", body=(b"x" * 60, b"y" * 41, b"z"))[0] == 413
    assert ask([*ours, ("content-length", "5")], "POST", body=(b"x" * 101,))[0] == 413, "whatever was announced"
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("length", "status"), [("101", 413), ("9" * 5000, 413), ("-1", 400), ("1e3", 400), ("", 400), ("²", 400)]
)
def test_announced_lengths(length: str, status: int) -> None:
    found, headers, _ = ask([*OURS.items(), ("content-length", length)], "POST", body=(b"", b"never read"))
    assert found == status
    assert headers["connection"] == "close"
    assert not seen


def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    async def run() -> list[Any]:
        sent: list[Any] = []
        begun = [{"type": "http.request", "body": b"x", "more_body": True}]

        async def receive() -> Any:
            return begun.pop() if begun else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(n.encode(), v.encode()) for n, v in OURS.items()]
        scope = {"type": "http", "method": "POST", "path": "/page", "headers": headers}
        await Safety(APP, HOSTS, max_body_s=0.001)(scope, receive, send)
        return sent

    start, body = asyncio.run(asyncio.wait_for(run(), 30))
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert set(ALWAYS.items()) <= set(start["headers"])
    assert body["body"] == b"The request did not come to its end.\n"
    assert not seen


def test_who_goes_away_is_not_answered() -> None:
    async def run() -> list[Any]:
        sent: list[Any] = []
        messages = iter([{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", HOST.encode())]
        await SAFE({"type": "http", "method": "POST", "path": "/page", "headers": headers}, receive, send)
        return sent

    assert asyncio.run(run()) == []
    assert not seen


# --- answers ---


@pytest.mark.parametrize(
    "request_of",
    [
        lambda c: c.get("/page"),
        lambda c: c.get("/nowhere"),
        lambda c: c.get("/move"),
        lambda c: c.post("/values"),
        lambda c: c.get("/break"),
        lambda c: c.head("/page"),
        lambda c: c.get("/static/viewer/page.css"),
        lambda c: c.get("/page", headers={"host": "evil.example"}),
        lambda c: c.post("/page", headers={"origin": "null"}),
        lambda c: c.post("/page", content=b"x" * 200),
    ],
)
def test_every_answer_is_safe(request_of: Callable[[TestClient], Any]) -> None:
    answer = request_of(
        TestClient(SAFE, base_url=f"http://{HOST}", follow_redirects=False, raise_server_exceptions=False)
    )
    for name, value in ALWAYS.items():
        assert answer.headers.get_list(name.decode()) == [value.decode()]
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    assert len(answer.headers.get_list("cache-control")) == 1
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/page", "no-store"),
        ("/values", "no-store"),
        ("/values?cache=private,%20max-age=600", "private, max-age=600"),
        ("/values?cache=public,%20max-age=600", "no-store"),
        ("/values?cache=max-age=600", "no-store"),
        ("/nowhere", "no-store"),
        ("/static/viewer/page.css", "no-cache"),
        ("/static/viewer/page.css?v=0123456789ab", "public, max-age=31536000, immutable"),
        ("/static/viewer/gone.css?v=0123456789ab", "no-store"),
        ("/static/nowhere?v=1", "no-store"),
    ],
)
def test_what_a_browser_may_keep(client: TestClient, path: str, expected: str) -> None:
    assert client.get(path).headers["cache-control"] == expected


@pytest.mark.parametrize("inside", [True, False])
def test_errors_say_nothing(caplog: pytest.LogCaptureFixture, inside: bool) -> None:
    """Around an app with its own last resort, or inside it: neither answer nor log repeats what the error says."""
    if inside:
        app: Any = Starlette(routes=APP.routes)
        app.add_middleware(Safety, hosts=HOSTS)
    else:
        app = SAFE
    with caplog.at_level(logging.ERROR):
        status, headers, body = ask([("host", HOST)], path="/break", app=app)
    assert status == 500
    assert SECRET.encode() not in body
    assert b"Traceback" not in body
    assert headers["content-security-policy"] == CONTENT_POLICY
    assert "ValueError while answering GET" in caplog.text
    assert "_break" in caplog.text
    assert not any(SECRET in record.getMessage() for record in caplog.records)


def test_an_answer_that_breaks_off_is_not_completed(caplog: pytest.LogCaptureFixture) -> None:
    status, _, body = ask([("host", HOST)], path="/late")
    assert (status, body) == (200, b"half")
    assert not any(SECRET in record.getMessage() for record in caplog.records)


def test_a_refusal_of_head_has_no_body() -> None:
    status, headers, body = ask([("host", "evil.example")], "HEAD")
    assert (status, headers["content-length"], body) == (421, "0", b"")


def test_other_kinds_of_connection() -> None:
    async def run(scope: dict[str, Any]) -> list[Any]:
        sent: list[Any] = []
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message)

        await SAFE(scope, receive, send)
        return sent

    assert asyncio.run(run({"type": "websocket", "path": "/", "headers": []})) == [
        {"type": "websocket.close", "code": 1008}
    ]
    assert [m["type"] for m in asyncio.run(run({"type": "lifespan", "state": {}}))] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
