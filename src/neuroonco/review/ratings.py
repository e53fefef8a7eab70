"""What readers said in the first round, as a table of codes: questions by readers.

The category of a rating is the text of the chosen option, not judgeable, or rejected; the reasons for which a
question is rejected are one category. Letters mean nothing from one question to the next, since options are shuffled.
Categories belong to a question type: agreement on them is compared with chance within the type. Pooled over types as
one set of categories, readers would look well agreed for answering each question with an answer of its own type.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, REPORTED_TYPES, ClosedItem, is_none
from neuroonco.resampling import Counts
from neuroonco.review.coefficients import MISSING
from neuroonco.review.records import Verdict
from neuroonco.review.room_records import EventKind, ItemState, Judgement, ReviewEvent, RoomItem, Round
from neuroonco.vocabulary import Edema, LesionSize, QuestionType, SignalIntensity, recode

NOT_JUDGEABLE, REJECTED = "(not judgeable)", "(rejected)"
"""What is said of a question; in brackets, as no option is written."""
VERDICTS = (Verdict.ACCEPT, Verdict.CHANGE, Verdict.UNANSWERABLE, Verdict.REJECT)
"""In the order of their codes."""
NO_SOURCE = "(none)"
ORDERS: Mapping[QuestionType, tuple[StrEnum, ...]] = {
    QuestionType.SIZE: (LesionSize.SMALL, LesionSize.MEDIUM, LesionSize.LARGE),
    QuestionType.EDEMA: (Edema.ABSENT, Edema.MILD, Edema.EXTENSIVE),
    QuestionType.SIGNAL_INTENSITY: (
        SignalIntensity.HYPOINTENSE,
        SignalIntensity.ISOINTENSE,
        SignalIntensity.HYPERINTENSE,
    ),
}
"""Types whose answers have an order, lowest first. Answers outside it (``Edema present``, ``Mixed signal``, none of the
above, not judgeable, rejected) are missing for ordinal figures. Patterns of enhancement, shapes and spread have none.

Source: the terms' definitions: size is a share of an area, edema is measured against the lesion (VASARI F14), signal is
darker than, as bright as or brighter than white matter.
"""


@dataclass(frozen=True)
class Ratings:
    """First-round judgements in force of all questions that have one.

    Attributes:
        readers: who is assigned anything, by name.
        assigned: questions that have a reader.
        types: (questions,) reported type of each.
        sources: (questions,) id of the collection.
        categories: by reported type, in the order of their codes.
        ranks: by reported type with an order, the place of each category in it; None outside the order.
        codes: (questions, readers) category within the type, or :data:`MISSING`.
        verdicts: (questions, readers) place in :data:`VERDICTS`, or :data:`MISSING`.
        outlined: (questions, readers) whether the reader judged after the outline was shown.
        options: (questions,) how many answers are offered.
        cluster_of: (questions,) index of the patient, group of copies or image.
        unit: ``group`` where any of these is one, else ``image``.
    """

    readers: tuple[str, ...]
    assigned: int
    types: tuple[str, ...]
    sources: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]
    ranks: Mapping[str, tuple[int | None, ...]]
    codes: Counts
    verdicts: Counts
    outlined: npt.NDArray[np.bool_]
    options: Counts
    cluster_of: Counts
    unit: str


def category(item: ClosedItem, judgement: Judgement) -> str:
    """What a judgement says, in words that mean the same in every question of the type.

    A new wording of the question and a comment are no part of it.
    """
    if judgement.verdict is Verdict.UNANSWERABLE:
        return NOT_JUDGEABLE
    if judgement.verdict is Verdict.REJECT:
        return REJECTED
    letter = judgement.answer or item.answer
    text = item.text_of(letter)
    if text is None:
        return letter
    return NONE_OF_THE_ABOVE if is_none(text) else " ".join(text.split())


def after_outline(events: Iterable[ReviewEvent]) -> set[tuple[str, str]]:
    """Key and reader of the first-round judgements in force that were given after the outline was shown.

    Args:
        events: of a room, in order.
    """
    shown: dict[tuple[str, str], int] = {}
    standing: dict[tuple[str, str], list[int]] = {}
    for event in events:
        if event.round is not Round.FIRST:
            continue
        lane = event.key, event.reader
        if event.kind is EventKind.MASK_SHOWN:
            shown.setdefault(lane, event.seq)
        elif event.kind is EventKind.DECIDED:
            standing.setdefault(lane, []).append(event.seq)
        elif event.kind is EventKind.UNDONE:  # the judgement before it is in force again
            standing[lane] = [seq for seq in standing.get(lane, ()) if seq != event.undoes]
    return {lane for lane, seq in shown.items() if standing.get(lane) and standing[lane][-1] > seq}


def ratings_of(
    items: Iterable[RoomItem], states: Iterable[ItemState], outlined: Set[tuple[str, str]] = frozenset()
) -> Ratings:
    """Collect first-round judgements in force.

    Args:
        items: questions of a room; in any order.
        states: of the same questions.
        outlined: key and reader of the judgements that were given after the outline was shown.
    """
    by_key = {item.key: item.item for item in items}
    lanes = {
        state.key: {
            lane.reader: lane.judgement for lane in state.lanes if lane.round is Round.FIRST and lane.reader is not None
        }
        for state in states
    }
    readers = tuple(sorted({reader for found in lanes.values() for reader in found}))
    keys = sorted(key for key, found in lanes.items() if any(found.values()) and key in by_key)
    said: list[list[str | None]] = []
    spellings: dict[str, dict[str, str]] = {}
    verdicts = np.full((len(keys), len(readers)), MISSING, np.int64)
    for row, key in enumerate(keys):
        judgements = [lanes[key].get(reader) for reader in readers]
        item = by_key[key]
        # Spellings that differ in case are one category, called as it was first written.
        known = spellings.setdefault(item.reported_type, {})
        texts = [None if one is None else category(item, one) for one in judgements]
        said.append([None if text is None else known.setdefault(text.casefold(), text) for text in texts])
        verdicts[row] = [MISSING if one is None else VERDICTS.index(one.verdict) for one in judgements]
    rated = [by_key[key] for key in keys]
    categories = _categories(rated, said)
    place = {kind: {text: n for n, text in enumerate(texts)} for kind, texts in categories.items()}
    codes = [
        [MISSING if text is None else place[item.reported_type][text] for text in row]
        for item, row in zip(rated, said, strict=True)
    ]
    cluster_of, unit = _clusters(rated)
    return Ratings(
        readers=readers,
        assigned=sum(bool(found) for found in lanes.values()),
        types=tuple(item.reported_type for item in rated),
        sources=tuple(item.source_id or NO_SOURCE for item in rated),
        categories=categories,
        ranks={kind: ranks for kind, texts in categories.items() if (ranks := ranks_of(kind, texts)) is not None},
        codes=np.array(codes, np.int64).reshape(len(keys), len(readers)),
        verdicts=verdicts,
        outlined=_table([[(key, reader) in outlined for reader in readers] for key in keys], verdicts),
        options=np.array([len(item.options) for item in rated], np.int64),
        cluster_of=cluster_of,
        unit=unit,
    )


def _table(flags: list[list[bool]], verdicts: Counts) -> npt.NDArray[np.bool_]:
    """Flags of the judgements there are."""
    found: npt.NDArray[np.bool_] = np.array(flags, bool).reshape(verdicts.shape) & (verdicts != MISSING)
    return found


def _categories(items: list[ClosedItem], said: list[list[str | None]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for item, row in zip(items, said, strict=True):
        found.setdefault(item.reported_type, set()).update(text for text in row if text is not None)
    last = (NONE_OF_THE_ABOVE, NOT_JUDGEABLE, REJECTED)
    return {
        kind: (*sorted(found[kind].difference(last)), *(text for text in last if text in found[kind]))
        for kind in REPORTED_TYPES
        if kind in found
    }


def ranks_of(reported_type: str, categories: Iterable[str]) -> tuple[int | None, ...] | None:
    """Place of each category in the order of its type; None where the type has no order.

    >>> ranks_of("size", ("Large", "Small", "(rejected)"))
    (2, 0, None)
    >>> ranks_of("shape", ("Round",)) is None
    True
    """
    kind, _ = REPORTED_TYPES[reported_type]
    order = ORDERS.get(kind)
    if order is None:
        return None
    # What is said of a question is not a spelling of an answer to it.
    terms = (None if text in (NOT_JUDGEABLE, REJECTED) else recode(ANSWERS[kind], text) for text in categories)
    return tuple(order.index(term) if term in order else None for term in terms)


def _clusters(items: list[ClosedItem]) -> tuple[Counts, str]:
    """Index of what is drawn together: an image of which any question names a group is in that group."""
    groups: dict[str, str] = {}
    for item in items:
        if item.group_id is not None:
            groups[item.image_id] = min(item.group_id, groups.get(item.image_id, item.group_id))
    keys = [("group", groups[item.image_id]) if item.image_id in groups else ("image", item.image_id) for item in items]
    number = {key: n for n, key in enumerate(sorted(set(keys)))}
    return np.array([number[key] for key in keys], np.int64), "group" if groups else "image"
