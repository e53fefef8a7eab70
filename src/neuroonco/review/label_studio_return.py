"""Annotations of Label Studio as events of the first round: each by a known reader, each saved as any save is."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuroonco import store
from neuroonco.errors import InputError, printable
from neuroonco.outcomes import Quarantined, quarantine
from neuroonco.review.judgement import in_force
from neuroonco.review.label_studio import (
    Annotation,
    address_of,
    annotation_of,
    judgement_of,
    options_of,
)
from neuroonco.review.room import Room
from neuroonco.review.room_records import ReviewEvent, Role, RoomItem, Round

MOST_TASKS = 1_000_000


@dataclass
class Returned:
    """What became of the annotations of a file.

    Attributes:
        counts: ``saved``; ``repeated`` (this save was here before); ``unchanged`` (says what the room says already);
            ``conflict`` and ``closed``, which are kept as events that are not in force; ``skipped`` in Label Studio.
        unknown_users: who annotated and is no reader of the room, with how many annotations.
        quarantined: tasks and annotations that could not be read, and those of unknown users.
    """

    counts: Counter[str] = field(default_factory=Counter)
    unknown_users: Counter[str] = field(default_factory=Counter)
    quarantined: list[Quarantined] = field(default_factory=list)


def bring_back(room: Room, document: Any, *, users: Mapping[str, str] | None = None) -> Returned:
    """Save the annotations of a Label Studio export as judgements of the first round.

    A judgement is saved upon the version that the reader's lane had when the task left the room, or that an earlier
    import of the same annotation left: where the reader has judged in the room since, it is a conflict, kept and not in
    force. The same file again adds nothing.

    Args:
        room: that the tasks are from.
        document: the file's JSON.
        users: Label Studio's users (address, or number) and the readers that they are; the addresses of
            :func:`neuroonco.review.label_studio.address_of` are known without.

    Raises:
        InputError: not a list of tasks, or the room cannot be written.
    """
    if not isinstance(document, list):
        raise InputError("JSON_NOT_A_LIST", "expected a list of tasks", fix="export from Label Studio as JSON")
    if len(document) > MOST_TASKS:
        raise InputError("FILE_TOO_LARGE", f"{len(document)} tasks, at most {MOST_TASKS}", fix="split it")
    readers = [one.name for one in room.people() if one.role is Role.READER]
    known = {address_of(name): name for name in readers}
    known |= {user.strip().casefold(): name for user, name in (users or {}).items()}
    returned = Returned()
    for number, task in enumerate(document):
        where = f"task {number}"
        try:
            store.require_text(task, where)
            entry, raw_annotations = _task(room, task)
        except (InputError, RecursionError) as error:
            returned.quarantined.append(_set_aside(error, where))
            continue
        for raw in raw_annotations:
            try:
                _bring_one(room, entry, task["data"].get("as_of"), raw, known, returned)
            except InputError as error:
                returned.quarantined.append(_set_aside(error, f"{where}, {entry.key}"))
    return returned


def _task(room: Room, task: Any) -> tuple[RoomItem, list[Any]]:
    data = task.get("data") if isinstance(task, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("key"), str):
        raise InputError("TASK_INVALID", "a task without data.key", fix="export the tasks from the room")
    entry = room.item(data["key"])
    if entry is None:
        raise InputError("TASK_UNKNOWN", f"the room has no question {data['key'][:40]!r}", fix="use its own tasks")
    offered = data.get("options")
    texts = (
        [one.get("value") if isinstance(one, dict) else None for one in offered] if isinstance(offered, list) else ()
    )
    if data.get("question") != entry.item.question or texts != options_of(entry.item):
        what = "question or options are not those of the room"
        raise InputError("TASK_CHANGED", what, fix="annotate the tasks as they were exported")
    annotations = task.get("annotations")
    if not isinstance(annotations, list):
        raise InputError("TASK_INVALID", "a task without annotations", fix="export from Label Studio as JSON")
    return entry, annotations


def _bring_one(room: Room, entry: RoomItem, as_of: Any, raw: Any, known: Mapping[str, str], returned: Returned) -> None:
    annotation = annotation_of(entry.key, as_of, raw)
    if annotation is None:
        returned.counts["skipped"] += 1
        return
    reader = _reader(annotation, known, returned)
    judgement = judgement_of(entry.item, annotation.result)
    lane = [e for e in room.events(entry.key, reader) if e.round is Round.FIRST]
    before = [event for event in lane if event.seq <= annotation.as_of]
    stem = f"ls-{store.sha256_text(entry.key, reader, annotation.identity)[:16]}-"
    own = [event for event in lane if event.save_id.startswith(stem)]
    if own and own[-1].judgement == judgement:
        returned.counts["repeated"] += 1
        return
    known_here = [in_force(lane)] if own else [in_force(lane), in_force(before)]
    if judgement in [event.judgement for event in known_here if event is not None]:
        returned.counts["unchanged"] += 1
        return
    saved = room.save(
        entry.key,
        reader,
        Round.FIRST,
        judgement,
        based_on=max((e.version for e in (*before, *own) if e.version is not None), default=0),
        save_id=f"{stem}{store.sha256_text(judgement.model_dump_json())[:16]}-{len(own)}",
        elapsed_s=_elapsed_s(annotation, before, own),
    )
    returned.counts[saved.outcome.value] += 1


def _reader(annotation: Annotation, known: Mapping[str, str], returned: Returned) -> str:
    """The reader that a user is; by an address or number that somebody stated, never by likeness.

    Raises:
        InputError: ``USER_UNKNOWN``.
    """
    found = {known[user] for user in annotation.user if user in known}
    if len(found) == 1:
        return found.pop()
    name = printable(" ".join(annotation.user) or "(none)")
    returned.unknown_users[name] += 1
    what = f"user {name[:80]} is {'two readers' if found else 'no reader of the room'}"
    raise InputError("USER_UNKNOWN", what, fix="say who it is with --user USER=NAME")


def _elapsed_s(annotation: Annotation, before: list[ReviewEvent], own: list[ReviewEvent]) -> float | None:
    """The time of this save alone: Label Studio adds up what an annotation took, from the room's time onwards."""
    if annotation.lead_time_s is None:
        return None
    is_ours = any(event.seq == annotation.import_id for event in before)
    counted = [*(before if is_ours else ()), *own]
    return max(0.0, annotation.lead_time_s - sum(event.elapsed_s or 0.0 for event in counted))


def _set_aside(error: InputError | RecursionError, where: str) -> Quarantined:
    known = error if isinstance(error, InputError) else InputError("JSON_TOO_DEEP", "nested too deeply")
    return quarantine(known, slice_id=where)
