"""The server is killed while readers save: what it acknowledged is there afterwards, once."""

import re
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra 'review' is not installed")

import httpx2

from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.room_records import EventKind, Round
from review_pages import SAME_ORIGIN, hidden
from review_rooms import READERS, fill

SAVES_BEFORE_THE_KILL = 25


class Reader(threading.Thread):
    """Answers its questions again and again, until the server is gone."""

    def __init__(self, address: str, token: str, enough: threading.Event) -> None:
        super().__init__()
        self.address, self.token, self.enough = address, token, enough
        self.acknowledged: list[tuple[str, str, str]] = []

    def run(self) -> None:
        with httpx2.Client(base_url=self.address, headers=SAME_ORIGIN, timeout=60) as client:
            form = hidden(client.get("/sign-in").text.partition('action="/sign-in"')[2], "csrf")
            client.post("/sign-in", data={"csrf": form, "token": self.token})
            keys = list(dict.fromkeys(re.findall(r"/items/(q[0-9a-f]{16})", client.get("/queue").text)))
            try:
                for turn in count():
                    self._save(client, keys[turn % len(keys)], "AB"[turn // len(keys) % 2])
            except httpx2.TransportError:
                return
            finally:
                self.enough.set()

    def _save(self, client: httpx2.Client, key: str, answer: str) -> None:
        page = client.get(f"/items/{key}").text.partition("data-judgement")[2]
        form = {name: hidden(page, name) for name in ("csrf", "round", "based_on", "save_id")}
        response = client.post(f"/items/{key}/judgement", data=form | {"choice": f"answer:{answer}"})
        assert response.status_code == 303, response.text
        self.acknowledged.append((form["save_id"], key, answer))
        if len(self.acknowledged) >= SAVES_BEFORE_THE_KILL:
            self.enough.set()


def test_every_acknowledged_save_is_there_after_the_server_was_killed(tmp_path: Path) -> None:
    room, root = fill(tmp_path)
    with room:
        tokens = {name: People(room).invite(name) for name in READERS}
    place = tmp_path / "room.sqlite"
    command = [sys.executable, "-m", "neuroonco", "review", "serve", str(place), "--root", str(root), "--port", "0"]
    enough = threading.Event()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        readers = {name: Reader(address, token, enough) for name, token in tokens.items()}
        for reader in readers.values():
            reader.start()
        enough.wait()
        server.kill()
        for reader in readers.values():
            reader.join()

    with sqlite3.connect(place) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Room(place) as room:
        events = list(room.events())
        said = {event.save_id: event for event in events}
        assert max(Counter(event.save_id for event in events).values()) == 1
        for name, reader in readers.items():
            assert reader.acknowledged
            for save_id, key, answer in reader.acknowledged:
                event = said[save_id]
                assert event.judgement is not None
                assert (event.reader, event.key, event.judgement.answer) == (name, key, answer)
                assert event.kind is EventKind.DECIDED
        for state in room.states():
            for lane in state.lanes:
                made = [e for e in events if (e.key, e.reader, e.round) == (state.key, lane.reader, Round.FIRST)]
                if lane.round is Round.FIRST:
                    assert lane.version == len(made)
                    assert lane.judgement == (made[-1].judgement if made else None)
