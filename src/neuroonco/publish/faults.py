"""What keeps a question from being published: text that may tell a file, and what no evaluation could count."""

import re
from collections.abc import Iterable, Iterator, Sequence

from neuroonco.build.interop import OPEN_TYPES
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.rules import RULE_SETS

CUSTOM_RULES = "custom"
"""Published in place of the name of a rule set that is not the package's own: a name may say anything."""
LABEL_SOURCES = ("source", "mask", "audited", "review")
UNKNOWN_SOURCE = "unknown"
_PATH = re.compile(r"[/\\]")
_VERSION = re.compile(r"neuroonco [0-9][0-9A-Za-z.+]{0,40}, wordings [0-9][0-9.]{0,10}")


def require_sound(closed: Sequence[ClosedItem], opened: Sequence[OpenItem]) -> None:
    """Refuse questions that share a place, have no right answer, or hold text that may be a path.

    Raises:
        InputError: the first that does; the message names it by image id and index.
    """
    _require_one_slice_an_image([*closed, *opened])
    _require_different((f"{item.image_id}#{item.q_index}" for item in closed), "questions share image id and index")
    _require_different((f"{item.image_id}#{item.question_id}" for item in opened), "open questions share an id")
    there = {(item.image_id, item.q_index): item for item in closed}
    for item in closed:
        where = f"{item.image_id}#{item.q_index}"
        letters = [option.letter for option in item.options]
        if letters.count(item.answer) != 1 or len(set(letters)) != len(letters):
            what = f"answer {item.answer!r} is not one of the offered letters {', '.join(letters)}, each once"
            raise _fault("ANSWER_NOT_OFFERED", what, where)
        if item.twin_of is not None:
            first = there.get((item.image_id, item.twin_of))
            if first is not None and (first.twin_of is not None or first.question_type is not item.question_type):
                raise _fault("TWIN_OF_ANOTHER", "the question that it repeats asks something else", where)
        _require_no_path(_texts_of_closed(item), where)
    for question in opened:
        where = f"{question.image_id}#{question.question_id}"
        if question.question_type not in OPEN_TYPES:
            what = f"question_type {question.question_type[:50]!r}: not one of {', '.join(OPEN_TYPES)}"
            raise _fault("QUESTION_TYPE_UNKNOWN", what, where)
        texts = (question.question, question.reference_answer, *question.key_terms)
        _require_no_path(texts, where)


def twins_beside(closed: Sequence[ClosedItem], pairs: Sequence[ClosedItem]) -> list[ClosedItem]:
    """The twins of a file of pairs, which holds each question that has one, as it is in the benchmark, beside its twin.

    Raises:
        InputError: the file is not of these questions, or not all of it are pairs.
    """
    known = {(item.slice_id, item.q_index): item for item in closed}
    twins = [item for item in pairs if item.twin_of is not None]
    repeated = [(item.slice_id, item.twin_of) for item in twins]
    first = [(item.slice_id, item.q_index) for item in pairs if item.twin_of is None]
    if len(set(repeated)) != len(repeated) or len(first) != len(repeated) or set(first) != set(repeated):
        raise _fault("TWINS_UNPAIRED", "the file of twins holds a question without its twin, or with two", "")
    for item in pairs:
        if item.twin_of is None and known.get((item.slice_id, item.q_index)) != item:
            what = "the file of twins holds a question that is not the benchmark's"
            raise _fault("TWINS_OF_ANOTHER", what, f"{item.image_id}#{item.q_index}")
    return twins


def published_rules(name: str | None) -> str | None:
    """The name of a shipped rule set, or what stands for any other."""
    return name if name is None or name in RULE_SETS else CUSTOM_RULES


def published_version(version: str | None) -> str | None:
    """What built a question, or None where the text is not one that this program writes.

    >>> published_version("neuroonco 1.2.0, wordings 3"), published_version("made on Jane's laptop")
    ('neuroonco 1.2.0, wordings 3', None)
    """
    return version if version is not None and _VERSION.fullmatch(version) else None


def closed_label_sources(closed: Iterable[ClosedItem]) -> dict[str, str]:
    """Where the answers of a question type are from, if that is the same for all: what differs tells of the slice.

    A reviewer's correction would stand out, and so would the collections whose masks were used.
    """
    found: dict[str, set[str]] = {}
    for item in closed:
        found.setdefault(item.question_type.value, set()).add(item.label_source)
    one = {kind: next(iter(values)) for kind, values in found.items() if len(values) == 1}
    return {kind: one[kind] if one.get(kind) in LABEL_SOURCES else UNKNOWN_SOURCE for kind in found}


def open_label_sources(opened: Iterable[OpenItem]) -> dict[str, tuple[str, ...]]:
    """The same of open questions, by wording; empty where it differs."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for item in opened:
        found.setdefault(item.question, set()).add(item.label_sources)
    one = {question: next(iter(values)) for question, values in found.items() if len(values) == 1}
    return {
        question: one.get(question, ()) if set(one.get(question, ())) <= set(LABEL_SOURCES) else ()
        for question in found
    }


def _texts_of_closed(item: ClosedItem) -> Iterator[str]:
    yield item.question
    yield from (text for option in item.options for text in (option.letter, option.text))
    if item.removed_answer is not None:
        yield item.removed_answer


def _require_no_path(texts: Iterable[str], where: str) -> None:
    for text in texts:
        if _PATH.search(text):
            raise _fault("PATH_IN_TEXT", f"a slash or backslash, as in a path: {text[:80]!r}", where)


def _require_different(places: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for place in places:
        if place in seen:
            raise _fault("ITEM_TWICE", f"two {what}", place)
        seen.add(place)


def _require_one_slice_an_image(items: Iterable[ClosedItem | OpenItem]) -> None:
    """Published names are those of slices: two images of one slice would become one, with both their questions."""
    image_of: dict[str, str] = {}
    slice_of: dict[str, str] = {}
    for item in items:
        image, slice_ = (
            image_of.setdefault(item.slice_id, item.image_id),
            slice_of.setdefault(item.image_id, item.slice_id),
        )
        if (image, slice_) != (item.image_id, item.slice_id):
            raise _fault("IMAGE_TWICE", "one slice has two image ids, or one image id two slices", item.image_id)


def _fault(code: str, what: str, where: str) -> InputError:
    return InputError(code, what, where=where, fix="repair the benchmark, or build it again")
