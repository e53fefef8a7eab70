"""Options and sayings that the commands of review share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated
from urllib.parse import urlsplit

import typer

from neuroonco.cli.output import MAX_LINES, say
from neuroonco.errors import InputError, UsageError
from neuroonco.outcomes import Quarantined
from neuroonco.review.room_names import person_of
from neuroonco.review.room_records import Person, Role

RoomPlace = Annotated[
    str,
    typer.Argument(metavar="ROOM", help="Review room: path of its file, or URL such as postgresql+psycopg://host/db."),
]


def name_rows(rows: Sequence[Quarantined], word: str = "quarantined") -> None:
    """One line for each row that could not be used, as far as a person reads them."""
    for row in rows[:MAX_LINES]:
        say(f"{word}[{row.code}]: {row.message}; where: {row.slice_id}")
    if len(rows) > MAX_LINES:
        say(f"... and {len(rows) - MAX_LINES} more")


@contextmanager
def as_usage(*codes: str) -> Iterator[None]:
    """What is wrong with a name or number that stands in the command itself is a matter of usage, not of a file."""
    try:
        yield
    except InputError as error:
        if error.code not in codes:
            raise
        raise UsageError(error.code, error.what, where=error.where, fix=error.fix) from None


def named_people(readers: Sequence[str], adjudicators: Sequence[str]) -> list[Person]:
    """The people of --reader and --adjudicator.

    Raises:
        UsageError: ``NAME_INVALID``; ``PERSON_TWICE``.
    """
    with as_usage("NAME_INVALID"):
        people = [person_of(name, Role.READER) for name in readers]
        people += [person_of(name, Role.ADJUDICATOR) for name in adjudicators]
    names = [one.name for one in people]
    for name in names:
        if names.count(name) > 1:
            fix = "who reads blind cannot decide as well; name everybody once"
            raise UsageError("PERSON_TWICE", "the same person twice", where=name, fix=fix)
    return people


def room_title(text: str) -> str:
    """The title of --title.

    Raises:
        UsageError: ``TITLE_INVALID``.
    """
    plain = " ".join(text.split())
    if not plain or not plain.isprintable() or len(plain) > 120:
        raise UsageError("TITLE_INVALID", "not a title", where=text[:60], fix="one line of 120 characters at most")
    return plain


def question_number(text: str | None) -> int | None:
    """The number of --assign; None for all of them.

    Raises:
        UsageError: ``ASSIGN_INVALID``.
    """
    if text is None or text == "all":
        return None
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) < 10**8:
        raise UsageError("ASSIGN_INVALID", f"--assign {text[:20]!r}", fix="a number of questions, or all")
    return int(text)


def sign_in_page(address: str) -> str:
    """The sign-in page below an address.

    Raises:
        UsageError: ``ADDRESS_INVALID``: not an address of a server.
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.path.strip("/") or "@" in parts.netloc:
        raise UsageError("ADDRESS_INVALID", "not a server's address", where=address[:80], fix="http://HOST:PORT")
    return f"{parts.scheme}://{parts.netloc}/sign-in"
