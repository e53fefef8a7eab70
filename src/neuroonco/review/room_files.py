"""A room as files: all that is needed to set it up again, without tokens and without absolute paths."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import ValidationError

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.outcomes import Record
from neuroonco.review.room import Room
from neuroonco.review.room_records import Assignment, Person, ReviewEvent, Role, RoomItem, RoomSettings
from neuroonco.review.sheet import item_key

ROOM_FILE = "room.json"
ITEMS_FILE, PEOPLE_FILE = "items.jsonl", "people.jsonl"
ASSIGNMENTS_FILE, EVENTS_FILE = "assignments.jsonl", "events.jsonl"
ROOM_FILES = (ROOM_FILE, ITEMS_FILE, PEOPLE_FILE, ASSIGNMENTS_FILE, EVENTS_FILE)
PSEUDONYMS = {Role.READER: "Reader", Role.ADJUDICATOR: "Adjudicator"}
R = TypeVar("R", bound=Record)


class RoomFile(Record):
    """What ``room.json`` holds.

    Attributes:
        layout: of the files; 1.
        files: SHA-256 of each of the other files of the room.
    """

    layout: int = 1
    settings: RoomSettings
    files: dict[str, str]


@dataclass(frozen=True)
class RoomContent:
    """All that a room is made of.

    Attributes:
        items: by key. people: by name. assignments: by key and reader. events: in order.
    """

    settings: RoomSettings
    items: Sequence[RoomItem]
    people: Sequence[Person]
    assignments: Sequence[Assignment]
    events: Sequence[ReviewEvent]


def content_of(room: Room) -> RoomContent:
    """What a room holds.

    Events are read before assignments, and these before people, so that each names what is there, though others go on
    meanwhile.

    Raises:
        InputError: the room cannot be read.
    """
    settings, events = room.settings(), list(room.events())
    items, assignments = list(room.items()), list(room.assignments())
    return RoomContent(settings, items, _without_tokens(room.people()), assignments, events)


def with_pseudonyms(content: RoomContent, shuffle: Callable[[list[str]], None] | None = None) -> RoomContent:
    """The content with ``Reader 1``, ``Adjudicator 1`` and so on for people's names, in an order that nobody can guess.

    Ids of saves are replaced too, since they may be made from a name. Comments stay as they are. Where all names are
    pseudonyms already, nothing is changed.

    Args:
        content: of a room.
        shuffle: of the names, in place; by default one that cannot be repeated.
    """
    names = _drawn(content.people, shuffle or secrets.SystemRandom().shuffle)
    return RoomContent(
        settings=content.settings,
        items=content.items,
        people=sorted((one.model_copy(update={"name": names[one.name]}) for one in content.people), key=_name_of),
        assignments=sorted(
            (one.model_copy(update={"reader": names[one.reader]}) for one in content.assignments),
            key=lambda one: (one.key, one.reader),
        ),
        events=[
            one.model_copy(update={"reader": names[one.reader], "save_id": f"save-{one.seq}"}) for one in content.events
        ],
    )


def _drawn(people: Sequence[Person], shuffle: Callable[[list[str]], None]) -> Mapping[str, str]:
    names: dict[str, str] = {}
    for role, word in PSEUDONYMS.items():
        real = sorted(one.name for one in people if one.role is role)
        width = len(str(len(real)))
        drawn = [f"{word} {n:0{width}d}" for n in range(1, len(real) + 1)]
        if real != drawn:
            shuffle(real)
        names |= dict(zip(real, drawn, strict=True))
    return names


def write_room(folder: Path, content: RoomContent) -> None:
    """Write the files of a room; the same content gives the same bytes.

    Raises:
        InputError: the folder cannot be written.
    """
    parts: tuple[tuple[str, Iterable[Record], type[Record]], ...] = (
        (ITEMS_FILE, content.items, RoomItem),
        (PEOPLE_FILE, _without_tokens(content.people), Person),
        (ASSIGNMENTS_FILE, content.assignments, Assignment),
        (EVENTS_FILE, content.events, ReviewEvent),
    )
    for name, records, model in parts:
        store.save(folder / name, records, model)
    hashes = {name: store.sha256_file(folder / name) for name, _, _ in parts}
    about = RoomFile(settings=content.settings, files=hashes)
    store.write_json(folder / ROOM_FILE, about.model_dump(mode="json"))


def is_room_folder(path: Path) -> bool:
    """Whether a path is a folder in which a room was written."""
    return path.is_dir() and (path / ROOM_FILE).exists()


def read_room(folder: Path) -> RoomContent:
    """Read the files of a room, and refuse what :func:`write_room` does not write.

    Whether events follow from each other is checked where they are put into a room.

    Raises:
        InputError: a file is missing, changed or not as written; a key is not its question's; a path leaves the root.
    """
    place = folder / ROOM_FILE
    try:
        about = RoomFile.model_validate(store.read_json(place))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "room"
        fix = "export the room again"
        raise InputError("ROOM_FILES_BROKEN", f"{field}: {first['msg']}", where=str(place), fix=fix) from None
    if about.layout != 1:
        what = f"layout {about.layout}, known is 1"
        raise InputError("ROOM_FILES_NEWER", what, where=str(place), fix="update neuroonco")
    content = RoomContent(
        settings=about.settings,
        items=_read(folder, ITEMS_FILE, RoomItem, about),
        people=_read(folder, PEOPLE_FILE, Person, about),
        assignments=_read(folder, ASSIGNMENTS_FILE, Assignment, about),
        events=_read(folder, EVENTS_FILE, ReviewEvent, about),
    )
    for entry in content.items:
        if entry.key != item_key(entry.item):
            what = "the key is not that of its question"
            raise InputError("ITEM_KEY_INVALID", what, where=entry.key[:40], fix="export the room again")
        paths = (entry.item.image_path, *(() if entry.mask is None else (entry.mask.path,)))
        if not all(map(stays_below, paths)):
            what = "a path leaves the root"
            raise InputError("PATH_OUTSIDE_ROOT", what, where=entry.key, fix="use paths relative to the root")
    return content


def _read(folder: Path, name: str, model: type[R], about: RoomFile) -> list[R]:
    path = folder / name
    try:
        found = store.sha256_file(path) if path.is_file() else None
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=str(path)) from None
    if found is None:
        raise InputError("FILE_MISSING", "no such file", where=str(path), fix="pass a whole export")
    if found != about.files.get(name):
        what = f"not the file that was written: {ROOM_FILE} states another hash"
        raise InputError("ROOM_FILES_CHANGED", what, where=str(path), fix="export the room again")
    return store.load_strict(path, model)


def stays_below(path: str) -> bool:
    r"""Whether a path from data is relative and cannot leave its root; links are seen where a file is read.

    >>> [stays_below(path) for path in ("a/b.png", "/a.png", "a/../../b.png", "C:\\a.png", "")]
    [True, False, False, False, False]
    """
    pure = PurePosixPath(path)
    bad = pure.is_absolute() or ".." in pure.parts or path[1:2] == ":"
    return bool(path) and not bad and "\0" not in path and "\\" not in path


def _without_tokens(people: Iterable[Person]) -> list[Person]:
    """An invitation is not part of a room's files: what is set up from them invites anew."""
    return sorted((one.model_copy(update={"has_token": False}) for one in people), key=_name_of)


def _name_of(person: Person) -> str:
    return person.name
