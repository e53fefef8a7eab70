"""How a ledger is opened: a database of the project with the ledger's tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from neuroonco import database
from neuroonco.database import Schema, writing
from neuroonco.models.ledger_tables import SCHEMA_VERSION, about, metadata

__all__ = ["LEDGER", "open_engine", "plain_errors", "shown_place", "writing"]
LEDGER = Schema(
    kind="LEDGER",
    noun="call ledger",
    short="ledger",
    metadata=metadata,
    about=about,
    version=SCHEMA_VERSION,
    missing="pass --ledger, or ask a model first",
    damaged="restore a copy, or import an export into a new ledger",
)


def open_engine(place: str | Path, *, create: bool) -> Engine:
    """Engine of a checked ledger; see :func:`neuroonco.database.open_engine`.

    Raises:
        InputError: no ledger there, or one that cannot be used: foreign, damaged, of a newer version.
        PrerequisiteError: the URL names a database whose driver is not installed.
    """
    return database.open_engine(place, LEDGER, create=create)


def shown_place(place: str | Path) -> str:
    """Where a ledger is, without a password.

    Raises:
        InputError: not a URL.
    """
    return database.shown_place(place, LEDGER)


@contextmanager
def plain_errors(where: str) -> Iterator[None]:
    """Say in one line what the ledger's database cannot do.

    Raises:
        InputError: in place of any error of the database.
    """
    with database.plain_errors(where, LEDGER):
        yield
