"""A review room that is served to a browser, and what its readers do there by keyboard."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from neuroonco.build.records import ClosedItem
from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.web.app import create_app
from neuroonco.viewer.serving import allowed_hosts, bind, make_server, url_of

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Served:
    """A room that is served, and the tokens of its people."""

    def __init__(self, room: Room, address: str, tokens: dict[str, str]) -> None:
        self.room, self.address, self.tokens = room, address, tokens

    def enter(self, page: "Page", name: str) -> None:
        """Follow an invitation; Enter signs in."""
        page.goto(f"{self.address}/sign-in#{self.tokens[name]}")
        page.wait_for_function("() => location.hash === ''")
        assert self.tokens[name] not in page.evaluate("() => location.href")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/sign-in" not in url)


@contextmanager
def serving(room: Room, root: Path) -> Iterator[Served]:
    """Serve a room on a free port of this machine, as the command does."""
    tokens = {person.name: People(room).invite(person.name) for person in room.people()}
    with bind("127.0.0.1", 0) as listening:
        hosts = allowed_hosts("127.0.0.1", listening.getsockname()[1])
        app = create_app(room, root, tokens_needed=True, hosts=hosts)
        server = make_server(app, listening, ready=lambda _: None)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Served(room, url_of(listening).rstrip("/"), tokens)
        finally:
            server.should_exit = True
            thread.join(30)
    assert not thread.is_alive(), "the room does not stop"


def shown(page: "Page") -> str | None:
    """Key of the question on the page."""
    section = page.query_selector("section[data-reading]")
    return None if section is None else section.get_attribute("data-key")


def leave(page: "Page", key: str) -> None:
    """Wait until the page has gone on from a question."""
    page.wait_for_function("k => document.querySelector('section[data-reading]')?.dataset.key !== k", arg=key)


def digit_of(item: ClosedItem, letter: str) -> str:
    """Key that chooses an option."""
    return str([option.letter for option in item.options].index(letter) + 1)


def other_than(item: ClosedItem, *letters: str) -> str:
    """Letter of another option."""
    return next(option.letter for option in item.options if option.letter not in letters)


def type_text(page: "Page", key: str, text: str) -> None:
    """Open a text by its key and replace it."""
    page.keyboard.press(key)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)


def to_first(page: "Page") -> None:
    """Go from the queue to its next open question."""
    page.keyboard.press("j")
    page.wait_for_selector("section[data-reading]")
    page.wait_for_load_state()  # before that, its scripts hear no key


def open_first(served: Served, page: "Page", name: str = "ann") -> str:
    """Enter, and go to the first question of the reader's queue; gives its key."""
    served.enter(page, name)
    to_first(page)
    key = shown(page)
    assert key is not None
    return key
