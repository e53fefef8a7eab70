"""Label Studio's JSON: a room's questions as tasks with annotations, and annotations as judgements.

Source: Label Studio's guide, "Label Studio JSON format of annotated tasks", and its tags ``Choices`` and ``TextArea``.
What tasks hold is no more than a reader of the first round sees: question, options, a picture under the opaque key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError
from neuroonco.review.course import Course
from neuroonco.review.judgement import judge
from neuroonco.review.records import Verdict
from neuroonco.review.room_files import RoomContent
from neuroonco.review.room_records import REJECT_REASONS, Judgement, RejectReason, Round

CONFIG = "label_studio_config.xml"
PICTURE_URL = "/data/local-files/?d="
"""What Label Studio puts before the name of a file of its local storage."""
ANSWER, PROBLEM, WORDING, COMMENT = "answer", "problem", "wording", "comment"
IMAGE = "image"
UNANSWERABLE = "unanswerable"
_TYPES = {ANSWER: "choices", PROBLEM: "choices", WORDING: "textarea", COMMENT: "textarea"}
_FIELDS = {"choices": "choices", "textarea": "text"}
_WORDS = {words: reason.value for reason, words in REJECT_REASONS.items()} | {
    "cannot be judged from this picture": UNANSWERABLE
}
_ADDRESS = "@room.invalid"
"""Of readers whose address nobody stated; a name that is reserved, so that no mail ever goes there (RFC 2606)."""


def labeling_config() -> str:
    """The labeling configuration that tasks are made for."""
    return files("neuroonco.review").joinpath(CONFIG).read_text("utf-8")


def address_of(reader: str) -> str:
    """The address of a reader whose own one is not stated; no other reader has it.

    >>> address_of("Anna B")
    'anna+b@room.invalid'
    """
    return reader.casefold().replace(" ", "+") + _ADDRESS


def option_text(item: ClosedItem, letter: str) -> str:
    """How an option is called in a task.

    Raises:
        InputError: it is not offered.
    """
    text = item.text_of(letter)
    if text is None:
        raise InputError("ANSWER_NOT_OFFERED", f"answer {letter[:20]!r} is not offered")
    return f"{letter}. {text}"


def options_of(item: ClosedItem) -> list[str]:
    """What a task offers."""
    return [f"{option.letter}. {option.text}" for option in item.options]


# --- out ---


def tasks_of(
    content: RoomContent,
    *,
    users: Mapping[str, str] | None = None,
    blind: bool = False,
    picture_url: str = PICTURE_URL,
) -> list[dict[str, Any]]:
    """Tasks as Label Studio imports them, one for each question, by key.

    Args:
        content: of the room.
        users: Label Studio's users (address, or number) and the readers that they are; Label Studio takes annotations
            only of users that it has.
        blind: leave the judgements at home.
        picture_url: what stands before a picture's name, ``<key>.png``.
    """
    user_of = {reader: user for user, reader in (users or {}).items()}
    readers: dict[str, list[str]] = {}
    for one in content.assignments:
        readers.setdefault(one.key, []).append(one.reader)
    done: dict[str, list[Any]] = {}
    for event in content.events:
        done.setdefault(event.key, []).append(event)
    as_of = content.events[-1].seq if content.events else 0
    tasks = []
    for entry in content.items:
        item, key = entry.item, entry.key
        shown = content.settings.proposed_shown
        data = {
            "key": key,
            "question": item.question,
            "options": [{"value": text} for text in options_of(item)],
            "note": f"The benchmark's answer: {option_text(item, item.answer)}" if shown else " ",
            IMAGE: f"{picture_url}{picture_name(key)}",
            "as_of": as_of,
        }
        course = Course(key, readers.get(key, ()), content.settings.rounds, done.get(key, ()))
        tasks.append({"data": data, "annotations": [] if blind else _annotations(course, item, user_of)})
    return tasks


def picture_name(key: str) -> str:
    """Name of a question's picture: the key and nothing else."""
    return f"{key}.png"


def _annotations(course: Course, item: ClosedItem, user_of: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for lane in course.state.lanes:
        if lane.round is not Round.FIRST or lane.judgement is None or lane.reader is None:
            continue
        user = user_of.get(lane.reader, address_of(lane.reader))
        found.append(
            {
                "id": course.seq_in_force(lane),
                "completed_by": int(user) if user.isdecimal() else {"email": user},
                "result": result_of(item, lane.judgement),
                "was_cancelled": False,
                "ground_truth": False,
                "created_at": lane.at,
                "updated_at": lane.at,
                "lead_time": lane.elapsed_s,
            }
        )
    return found


def result_of(item: ClosedItem, judgement: Judgement) -> list[dict[str, Any]]:
    """A judgement as the result of an annotation."""
    if judgement.verdict is Verdict.UNANSWERABLE:
        chosen = (PROBLEM, UNANSWERABLE)
    elif judgement.reason is not None:
        chosen = (PROBLEM, judgement.reason.value)
    else:
        chosen = (ANSWER, option_text(item, judgement.answer or ""))
    texts = ((WORDING, judgement.new_question), (COMMENT, judgement.comment))
    said = [chosen, *((name, text) for name, text in texts if text is not None)]
    return [
        {
            "id": name,
            "type": _TYPES[name],
            "from_name": name,
            "to_name": IMAGE,
            "origin": "manual",
            "value": {_FIELDS[_TYPES[name]]: [text]},
        }
        for name, text in said
    ]


# --- in ---


@dataclass(frozen=True)
class Annotation:
    """One annotation as it came, with what can be believed of it.

    Attributes:
        identity: Label Studio's id.
        key: of its question.
        as_of: the last event of the room that the task's export knew; 0 where the task does not say.
        user: who made it: number and address, those that are stated.
        result: as it came.
        lead_time_s: None where it is no time of a day.
        import_id: the event that it was made from, if it left a room.
    """

    identity: str
    key: str
    as_of: int
    user: tuple[str, ...]
    result: Any
    lead_time_s: float | None
    import_id: int | None


def annotation_of(key: str, as_of: Any, raw: Any) -> Annotation | None:
    """Read the frame of an annotation; None for one that was skipped in Label Studio.

    Raises:
        InputError: it has no id, or is no annotation.
    """
    if not isinstance(raw, dict):
        raise InputError("ANNOTATION_INVALID", f"expected an object, found {type(raw).__name__}")
    if raw.get("was_cancelled") is True:
        return None
    identity = raw.get("id")
    if isinstance(identity, bool) or not isinstance(identity, int | str) or not str(identity):
        raise InputError("ANNOTATION_INVALID", "an annotation without id", fix="export as JSON")
    imported = raw.get("import_id")
    return Annotation(
        identity=str(identity)[:100],
        key=key,
        as_of=as_of if _is_count(as_of) else 0,
        user=_user(raw.get("completed_by")),
        result=raw.get("result"),
        lead_time_s=_time(raw.get("lead_time")),
        import_id=imported if _is_count(imported) else None,
    )


def judgement_of(item: ClosedItem, result: Any) -> Judgement:
    """Read the result of an annotation; what is not understood is an error and never an acceptance.

    Raises:
        InputError: ``ANNOTATION_INVALID``, or as :func:`neuroonco.review.judgement.judge`.
    """
    if not isinstance(result, list):
        raise InputError("ANNOTATION_INVALID", "result: expected a list", fix="export as JSON")
    said: dict[str, list[str]] = {}
    for part in result:
        name, texts = _part(part)
        if name in said:
            raise InputError("ANNOTATION_INVALID", f"{name}: stated twice")
        if texts:
            said[name] = texts
    if len(said.get(WORDING, ())) > 1:
        raise InputError("ANNOTATION_INVALID", "wording: more than one text", fix="keep one")
    answer = _answer(item, said[ANSWER]) if ANSWER in said else None
    problem = _problem(said[PROBLEM]) if PROBLEM in said else None
    return judge(
        item,
        answer=answer,
        unanswerable=problem == UNANSWERABLE,
        reason=None if problem in (None, UNANSWERABLE) else RejectReason(problem),
        new_question="\n".join(said.get(WORDING, ())),
        comment="\n".join(said.get(COMMENT, ())),
    )


def _part(part: Any) -> tuple[str, list[str]]:
    if not isinstance(part, dict):
        raise InputError("ANNOTATION_INVALID", f"result: expected objects, found {type(part).__name__}")
    name, kind, value = part.get("from_name"), part.get("type"), part.get("value")
    if not isinstance(name, str) or _TYPES.get(name) != kind:
        fix = "use the labeling configuration that the export writes with --config"
        raise InputError("ANNOTATION_INVALID", f"{str(name)[:40]}: not a control of this configuration", fix=fix)
    texts = value.get(_FIELDS[_TYPES[name]]) if isinstance(value, dict) else None
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError("ANNOTATION_INVALID", f"{name}: expected texts")
    return name, [text for text in texts if text.strip()] if _TYPES[name] == "textarea" else texts


def _answer(item: ClosedItem, chosen: Sequence[str]) -> str:
    letters = {f"{option.letter}. {option.text}": option.letter for option in item.options}
    if len(chosen) != 1 or chosen[0] not in letters:
        what = f"answer {', '.join(chosen)[:80]!r}: expected one of the options, as letter and text"
        raise InputError("ANSWER_NOT_OFFERED", what, fix="use the options of the task")
    return letters[chosen[0]]


def _problem(chosen: Sequence[str]) -> str:
    known = {UNANSWERABLE, *(reason.value for reason in RejectReason)}
    token = _WORDS.get(chosen[0], chosen[0]) if len(chosen) == 1 else ""
    if token not in known:
        raise InputError("ANNOTATION_INVALID", f"problem {', '.join(chosen)[:80]!r}: expected one that is offered")
    return token


def _user(raw: Any) -> tuple[str, ...]:
    """Number and address of a user, as far as they are stated: a number alone, or an object with both."""
    values = (raw.get("id"), raw.get("email")) if isinstance(raw, dict) else (raw,)
    usable = (v for v in values if isinstance(v, int | str) and not isinstance(v, bool))
    return tuple(text for text in (str(value).strip().casefold()[:200] for value in usable) if text)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _time(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 86400
    return float(value) if usable else None
