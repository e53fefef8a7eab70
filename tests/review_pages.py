"""A review room in a browser, for tests: an app over a small room, and people signed in to it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
from fastapi import FastAPI
from starlette.testclient import TestClient

from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.room_records import Round
from neuroonco.review.web.app import create_app
from review_rooms import ADJUDICATOR, READERS, fill

HOSTS = frozenset(("localhost",))
CSRF = re.compile(r'name="csrf" content="([^"]*)"')
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
PART = {"HX-Request": "true"}


class Tab(TestClient):
    """A browser tab of somebody: requests come from the room's own pages, redirects are not followed.

    Attributes:
        csrf: of the session; empty before signing in.
    """

    __test__ = False
    csrf = ""

    def __init__(self, app: FastAPI, base_url: str = "http://localhost") -> None:
        super().__init__(app, base_url=base_url, headers=SAME_ORIGIN, follow_redirects=False)

    def sign_in(self, **fields: str) -> httpx2.Response:
        """Post the sign-in form as its page gave it; ``token`` or ``name``."""
        page = self.get("/sign-in")
        answer = self.post(
            "/sign-in", data={"csrf": hidden(page.text.partition('action="/sign-in"')[2], "csrf"), **fields}
        )
        if answer.status_code == 303:
            self.csrf = token_of(self.get("/help").text)
        return answer

    def submit(self, address: str, data: dict[str, str] | None = None, *, part: bool = False) -> httpx2.Response:
        """Post a form of this session."""
        return self.post(address, data={"csrf": self.csrf, **(data or {})}, headers=PART if part else {})

    def judge(
        self,
        key: str,
        choice: str = "answer:A",
        *,
        round: Round = Round.FIRST,
        based_on: int = 0,
        part: bool = False,
        **fields: str,
    ) -> httpx2.Response:
        """Post a judgement."""
        sent = {"round": round.value, "based_on": str(based_on), "save_id": str(uuid4()), "choice": choice, **fields}
        return self.submit(f"/items/{key}/judgement", sent, part=part)

    def undo(
        self, key: str, *, based_on: int, round: Round = Round.FIRST, save_id: str | None = None, part: bool = False
    ) -> httpx2.Response:
        """Post an undo."""
        sent = {"round": round.value, "based_on": str(based_on), "save_id": save_id or str(uuid4())}
        return self.submit(f"/items/{key}/undo", sent, part=part)


def token_of(page: str) -> str:
    """The token that forms of a page's session bring."""
    found = CSRF.search(page)
    assert found is not None
    return found[1]


def hidden(page: str, name: str) -> str:
    """Value of the first hidden field of a name."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found is not None, f"no field {name}"
    return found[1]


class Pages:
    """An app over a room, and its people; everybody has a token."""

    def __init__(self, room: Room, root: Path, *, tokens_needed: bool = True) -> None:
        self.room, self.root = room, root
        self.tokens = {}
        if tokens_needed:
            self.tokens = {person.name: People(room).invite(person.name) for person in room.people()}
        self.app = create_app(room, root, tokens_needed=tokens_needed, hosts=HOSTS)

    def stranger(self, base_url: str = "http://localhost") -> Tab:
        """Somebody who is not signed in."""
        return Tab(self.app, base_url)

    def tab(self, name: str) -> Tab:
        """Somebody who is."""
        made = self.stranger()
        answer = made.sign_in(**({"token": self.tokens[name]} if self.tokens else {"name": name}))
        assert answer.status_code == 303, answer.text
        return made

    @property
    def ann(self) -> Tab:
        """A new tab of the first reader."""
        return self.tab(READERS[0])

    @property
    def bob(self) -> Tab:
        """A new tab of the second reader."""
        return self.tab(READERS[1])

    @property
    def chris(self) -> Tab:
        """A new tab of the adjudicator."""
        return self.tab(ADJUDICATOR)

    def keys(self, reader: str = READERS[0], round: Round = Round.FIRST) -> list[str]:
        """Questions in a reader's own order."""
        return [entry.key for entry in self.room.queue(reader, round)]


@contextmanager
def pages_over(
    folder: Path, n: int = 10, *, rounds: int = 2, proposed_shown: bool = False, tokens_needed: bool = True
) -> Iterator[Pages]:
    """An app over the room of :func:`review_rooms.fill`; ann and bob read all questions, chris adjudicates."""
    room, root = fill(folder, n, rounds=rounds, proposed_shown=proposed_shown)
    with room:
        yield Pages(room, root, tokens_needed=tokens_needed)
