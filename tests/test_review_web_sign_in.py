"""Signing in and out of a review room: tokens, names, sessions, forms of other sites, too many attempts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroonco.errors import UsageError
from neuroonco.review.people import People
from neuroonco.review.web.app import create_app
from neuroonco.review.web.context import csrf_of
from neuroonco.review.web.sign_in import MAX_ADDRESSES, TOO_MANY, WRONG_TOKEN, Failures
from review_pages import HOSTS, Pages, hidden, pages_over
from review_rooms import fill

WRONG = "wrong"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    with pages_over(tmp_path, 2) as made:
        yield made


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Pages]:
    with pages_over(tmp_path, 2, tokens_needed=False) as made:
        yield made


def cookie_line(answer_headers: list[str], name: str) -> str:
    return next(line for line in answer_headers if line.startswith(f"{name}="))


def test_a_token_opens_a_session_and_only_its_cookie_knows_it(pages: Pages) -> None:
    tab = pages.stranger()
    answer = tab.sign_in(token=pages.tokens["ann"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    name = pages.app.state.services.cookie
    line = cookie_line(answer.headers.get_list("set-cookie"), name)
    parts = {part.strip().lower() for part in line.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= parts
    assert "secure" not in parts
    secret = tab.cookies[name]
    page = tab.get("/queue")
    assert "<bdi data-reader>ann</bdi>" in page.text
    assert secret not in page.text
    assert pages.tokens["ann"] not in page.text
    assert tab.get("/session").json() == {"name": "ann", "csrf": csrf_of(secret)}


def test_over_tls_the_cookie_stays_there(pages: Pages) -> None:
    answer = pages.stranger("https://localhost").sign_in(token=pages.tokens["ann"])
    for line in answer.headers.get_list("set-cookie"):
        if "max-age=0" not in line.lower():
            assert "; secure" in line.lower()


def test_tokens_with_space_around_them_are_the_same_tokens(pages: Pages) -> None:
    assert pages.stranger().sign_in(token=f" {pages.tokens['ann']}\r\n").status_code == 303


@pytest.mark.parametrize("token", ["", "x", "' or 1=1 --", "a" * 5000, "\0", "é" * 43, "ann"])
def test_a_wrong_token_gets_one_constant_answer(pages: Pages, token: str) -> None:
    tab = pages.stranger()
    answer = tab.sign_in(token=token)
    assert answer.status_code == 401
    assert WRONG_TOKEN in answer.text
    assert pages.app.state.services.cookie not in tab.cookies
    if len(token) > 3:
        assert token not in answer.text.replace("Signed", "")
    assert tab.get("/queue").status_code == 303


def test_each_sign_in_is_a_new_session_and_ends_the_one_before(pages: Pages) -> None:
    name, tab = pages.app.state.services.cookie, pages.stranger()
    chosen = {"Cookie": f"{name}=chosen-by-somebody-else"}
    assert tab.get("/queue", headers=chosen).headers["location"] == "/sign-in"
    tab.sign_in(token=pages.tokens["ann"])
    assert tab.cookies[name] != "chosen-by-somebody-else"
    people = People(pages.room)
    assert people.of_session("chosen-by-somebody-else") is None
    again = pages.ann
    earlier = again.cookies[name]
    again.sign_in(token=pages.tokens["bob"])
    assert again.cookies[name] != earlier
    assert people.of_session(earlier) is None
    assert again.get("/session").json()["name"] == "bob"


def test_signing_out_ends_the_session_on_the_server(pages: Pages) -> None:
    tab = pages.ann
    secret = tab.cookies[pages.app.state.services.cookie]
    assert tab.submit("/sign-out").headers["location"] == "/sign-in"
    assert People(pages.room).of_session(secret) is None
    tab.cookies.set(pages.app.state.services.cookie, secret)
    assert tab.get("/queue").headers["location"] == "/sign-in"


def test_a_replaced_invitation_ends_open_sessions(pages: Pages) -> None:
    tab = pages.ann
    fresh = People(pages.room).invite("ann")
    assert tab.get("/queue").headers["location"] == "/sign-in"
    assert pages.stranger().sign_in(token=pages.tokens["ann"]).status_code == 401
    assert pages.stranger().sign_in(token=fresh).status_code == 303


@pytest.mark.parametrize("brought", ["", "0" * 64, "of another session", "é"])
def test_every_post_needs_the_token_of_its_own_session(pages: Pages, brought: str) -> None:
    tab, key = pages.ann, pages.keys()[0]
    csrf = pages.bob.csrf if brought == "of another session" else brought
    places = ["/sign-out", f"/items/{key}/judgement", f"/items/{key}/undo", f"/items/{key}/mask-shown"]
    for place in places:
        fields = {"csrf": csrf, "round": "first", "based_on": "0", "choice": "answer:A"}
        assert tab.post(place, data=fields).status_code == 403
        assert tab.post(place).status_code == 403
    assert list(pages.room.events()) == []
    assert tab.get("/session").status_code == 200


def test_the_token_may_come_as_a_header(pages: Pages) -> None:
    tab, key = pages.ann, pages.keys()[0]
    answer = tab.post(f"/items/{key}/mask-shown", headers={"X-CSRF-Token": tab.csrf})
    assert answer.status_code == 204


def test_another_site_cannot_sign_a_reader_in(pages: Pages) -> None:
    token = pages.tokens["bob"]
    assert pages.stranger().post("/sign-in", data={"token": token}).status_code == 403
    other = pages.stranger()
    form = hidden(other.get("/sign-in").text, "csrf")
    assert pages.stranger().post("/sign-in", data={"token": token, "csrf": form}).status_code == 403
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert other.post("/sign-in", data={"token": token, "csrf": form}, headers=headers).status_code == 403
    assert other.post("/sign-in", data={"token": token, "csrf": form}).status_code == 303


def test_too_many_failures_of_an_address_wait_and_then_may_try_again(pages: Pages) -> None:
    now = [0.0]
    pages.app.state.failures = Failures(limit=3, window_s=60, clock=lambda: now[0])
    tab = pages.stranger()
    assert [tab.sign_in(token=WRONG).status_code for _ in range(4)] == [401, 401, 401, 429]
    now[0] = 59.9
    refused = tab.sign_in(token=WRONG)
    assert refused.status_code == 429
    assert TOO_MANY in refused.text
    now[0] = 60.0
    assert tab.sign_in(token=WRONG).status_code == 401


def test_who_guesses_keeps_nobody_out_who_comes_from_the_same_address(pages: Pages) -> None:
    """Behind a server that ends TLS everybody comes from one address."""
    pages.app.state.failures = Failures(limit=3, window_s=60, clock=lambda: 0.0)
    assert [pages.stranger().sign_in(token=WRONG).status_code for _ in range(4)] == [401, 401, 401, 429]
    assert pages.stranger().sign_in(token=pages.tokens["ann"]).status_code == 303
    assert pages.stranger().sign_in(token=WRONG).status_code == 429


def test_failures_are_counted_by_address_and_forgotten_in_the_end() -> None:
    now = [0.0]
    failures = Failures(limit=1, window_s=10, clock=lambda: now[0])
    failures.note("a")
    now[0] = 5
    failures.note("b")
    assert (failures.too_many("a"), failures.too_many("b"), failures.too_many("c")) == (True, True, False)
    now[0] = 10
    assert (failures.too_many("a"), failures.too_many("b")) == (False, True)
    for number in range(MAX_ADDRESSES):
        failures.note(str(number))
    assert not failures.too_many("b")
    assert failures.too_many("0")


def test_without_tokens_people_choose_their_name(named: Pages) -> None:
    page = named.stranger().get("/sign-in").text
    assert [f'value="{name}"' in page for name in ("ann", "bob", "chris")] == [True, True, True]
    assert named.ann.get("/session").json()["name"] == "ann"
    assert named.stranger().sign_in(name="nobody").status_code == 401
    assert named.stranger().sign_in(token=WRONG).status_code == 401


def test_names_are_no_way_in_where_tokens_are_needed(pages: Pages) -> None:
    page = pages.stranger().get("/sign-in").text
    assert "bob" not in page
    assert 'name="token"' in page
    assert pages.stranger().sign_in(name="ann").status_code == 401


def test_names_are_no_way_in_once_somebody_has_a_token(named: Pages) -> None:
    tab = named.ann
    People(named.room).invite("bob")
    assert named.stranger().sign_in(name="ann").status_code == 401
    assert tab.get("/queue").headers["location"] == "/sign-in"


def test_an_invitation_counts_while_the_room_is_served_without_tokens(named: Pages) -> None:
    assert 'name="token"' not in named.stranger().get("/sign-in").text
    token = People(named.room).invite("bob")
    page = named.stranger().get("/sign-in").text
    assert 'name="token"' in page
    assert "chris" not in page
    assert WRONG_TOKEN in named.stranger().sign_in(name="ann").text
    tab = named.stranger()
    assert tab.sign_in(token=token).status_code == 303
    assert tab.get("/session").json()["name"] == "bob"


@pytest.mark.parametrize(
    ("headers", "secure"),
    [
        ({}, False),
        ({"Origin": "http://localhost"}, False),
        ({"Origin": "https://localhost"}, True),
        ({"X-Forwarded-Proto": "https"}, True),
        ({"X-Forwarded-Proto": "http"}, False),
    ],
)
def test_cookies_stay_on_encrypted_ways_where_the_browser_uses_one(
    pages: Pages, headers: dict[str, str], secure: bool
) -> None:
    """The server itself speaks plain HTTP; one in front of it may speak TLS."""
    tab = pages.stranger()
    form = hidden(tab.get("/sign-in").text, "csrf")
    answer = tab.post("/sign-in", data={"csrf": form, "token": pages.tokens["ann"]}, headers=headers)
    assert answer.status_code == 303
    session = next(c for c in answer.headers.get_list("set-cookie") if not c.partition("=")[0].endswith("-form"))
    assert ("; Secure" in session) is secure
    assert "HttpOnly" in session
    assert "samesite=strict" in session.casefold()


def test_an_address_that_is_nearly_right_is_not_there(pages: Pages) -> None:
    """A redirect would name a scheme, which is not the browser's behind a server that ends TLS."""
    for tab in (pages.stranger(), pages.ann):
        for place in ("/queue/", "/sign-in/", "/adjudication/"):
            answer = tab.get(place)
            assert (answer.status_code, answer.headers.get("location")) == (404, None)


@pytest.mark.parametrize("host", ["room.example.org", "192.168.1.5:8765", "[2001:db8::1]:80"])
def test_a_room_without_tokens_answers_to_this_machine_only(tmp_path: Path, host: str) -> None:
    room, root = fill(tmp_path, 2)
    with room:
        with pytest.raises(UsageError, match="TOKENS_NEEDED"):
            create_app(room, root, tokens_needed=False, hosts=HOSTS | {host})
        loopback = frozenset(("localhost", "localhost:8765", "127.0.0.1:8765", "[::1]", "[::1]:8765"))
        create_app(room, root, tokens_needed=False, hosts=loopback)


def test_the_start_leads_everybody_to_their_place(pages: Pages) -> None:
    ways = [tab.get("/").headers["location"] for tab in (pages.stranger(), pages.ann, pages.chris)]
    assert ways == ["/sign-in", "/queue", "/adjudication"]


def test_without_a_session_pages_lead_to_the_sign_in_and_scripts_are_told(pages: Pages) -> None:
    tab, key = pages.stranger(), pages.keys()[0]
    for place in ("/queue", f"/items/{key}", "/help"):
        answer = tab.get(place)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert tab.get(place, headers={"HX-Request": "true"}).status_code == 401
    for place in (f"/slices/{key}/values", f"/slices/{key}/mask", "/session"):
        assert tab.get(place).status_code == 401
    assert tab.post(f"/items/{key}/judgement").status_code == 401


def test_well_is_said_to_everybody_and_nothing_else(pages: Pages) -> None:
    answer = pages.stranger().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    for place in ("/docs", "/redoc", "/openapi.json"):
        assert pages.stranger().get(place).status_code == 404
