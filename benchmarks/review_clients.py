"""Clients of the review room that do what a browser does, and remember every answer of the server."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle

import httpx2

KEY = re.compile(r"/items/(q[0-9a-f]{16})")
FIELD = re.compile(r'<input type="hidden" name="(?P<name>[a-z_]+)" value="(?P<value>[^"]*)"')
ANSWERS = re.compile(r'name="choice" value="answer:([A-E])"')
UNDO = re.compile(r'<form method="post" action="([^"]+)"[^>]*data-undo>(.*?)</form>', re.DOTALL)
GIVE_UP_S = 60
RETRY_S = 0.05


@dataclass(frozen=True)
class Acknowledged:
    """One answer of the server to one save.

    Attributes:
        kind: ``decided``, ``undone`` or ``conflicted``, as the server's status says.
    """

    save_id: str
    key: str
    reader: str
    answer: str | None
    kind: str


@dataclass
class Seen:
    """What all clients met.

    Attributes:
        save_s, page_s: how long the server took, by kind of request.
        unsure: requests that were cut off and sent again.
        refused_undos: of tabs that came second.
    """

    acknowledged: list[Acknowledged] = field(default_factory=list)
    save_s: list[float] = field(default_factory=list)
    page_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unsure: int = 0
    refused_undos: int = 0


def fields_of(form: str) -> dict[str, str]:
    """The hidden fields of the first form in a piece of a page."""
    return {found["name"]: found["value"] for found in FIELD.finditer(form.partition("</form>")[0])}


class Reader:
    """One tab of one reader: takes a question, looks at the picture, answers, sometimes takes it back.

    Args:
        name: of the reader. token: of the invitation.
        address: gives the server's address, which changes when it is started again.
        number: of the client: which answers it gives.
        at_most: so many questions of its queue, again and again; None for all of them.
    """

    def __init__(
        self, name: str, token: str, address: Callable[[], str], number: int, seen: Seen, at_most: int | None = None
    ) -> None:
        self.name, self.token, self.address, self.number, self.seen = name, token, address, number, seen
        self.at_most = at_most
        self.client = httpx2.AsyncClient(timeout=30, headers={"Sec-Fetch-Site": "same-origin"})

    async def work(self, is_over: Callable[[], bool]) -> None:
        """Go on until told to stop."""
        form = fields_of((await self._send("GET", "/sign-in")).text) | {"token": self.token}
        response = await self._send("POST", "/sign-in", data=form)
        if response.status_code not in (200, 303):
            self.seen.errors.append(f"sign-in: {response.status_code}")
            return
        queue = await self._send("GET", "/queue?round=first")
        found = list(dict.fromkeys(KEY.findall(queue.text)))[: self.at_most]
        for turn, key in enumerate(cycle(found), start=1):
            if is_over():
                break
            await self._question(key, turn)
        await self.client.aclose()

    async def _question(self, key: str, turn: int) -> None:
        page = await self._send("GET", f"/items/{key}?round=first", self.seen.page_s)
        if page.status_code != 200:
            self.seen.errors.append(f"page: {page.status_code}")
            return
        if turn % 3 == 0:
            picture = await self._send("GET", f"/slices/{key}/values", self.seen.page_s)
            if picture.status_code != 200:
                self.seen.errors.append(f"picture: {picture.status_code}")
        offered = ANSWERS.findall(page.text)
        answer = offered[(self.number + turn) % len(offered)]
        form = fields_of(page.text.partition("data-judgement")[2]) | {"choice": f"answer:{answer}", "elapsed_s": "3"}
        await self._post(key, f"/items/{key}/judgement", form, answer, "decided")
        if turn % 10 == 0:
            again = await self._send("GET", f"/items/{key}?round=first", self.seen.page_s)
            if undo := UNDO.search(again.text):
                await self._post(undo[1].split("/")[2], undo[1], fields_of(undo[2]), None, "undone")

    async def _post(self, key: str, address: str, form: dict[str, str], answer: str | None, kind: str) -> None:
        response = await self._send("POST", address, self.seen.save_s, data=form)
        if response.status_code in (200, 303):
            self.seen.acknowledged.append(Acknowledged(form["save_id"], key, self.name, answer, kind))
        elif response.status_code == 409 and kind == "decided":
            self.seen.acknowledged.append(Acknowledged(form["save_id"], key, self.name, answer, "conflicted"))
        elif response.status_code == 409:
            self.seen.refused_undos += 1  # the other tab was faster: nothing was taken back
        else:
            self.seen.errors.append(f"{address.rpartition('/')[2]}: {response.status_code}")

    async def _send(self, method: str, path: str, spent: list[float] | None = None, **rest: object) -> httpx2.Response:
        """Send; what is cut off is sent again as it is, as a browser's user would."""
        give_up = time.monotonic() + GIVE_UP_S
        while True:
            begun = time.perf_counter()
            try:
                response = await self.client.request(method, self.address() + path, **rest)  # type: ignore[arg-type]
            except httpx2.TransportError:
                self.seen.unsure += 1
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(RETRY_S)
                continue
            if spent is not None:
                spent.append(time.perf_counter() - begun)
            return response
