"""Judgements side by side: which differ, in what, and how a new wording differs from the old, word by word."""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import combinations

from neuroonco.build.records import ClosedItem
from neuroonco.outcomes import Record
from neuroonco.review.judgement import in_force
from neuroonco.review.records import Verdict
from neuroonco.review.room_records import (
    REJECT_REASONS,
    EventKind,
    ItemState,
    Judgement,
    Lane,
    ReviewEvent,
    Round,
)

READER_ROUNDS = (Round.FIRST, Round.SECOND)
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class Difference(StrEnum):
    """In what two judgements differ, as far as it matters for the benchmark."""

    ANSWER = "answer"
    VERDICT = "verdict"
    WORDING = "wording"


VERDICTS: dict[Verdict, str] = {
    Verdict.ACCEPT: "accepts the benchmark's answer",
    Verdict.CHANGE: "gives another answer",
    Verdict.REJECT: "rejects the question",
    Verdict.UNANSWERABLE: "not judgeable",
}
"""In words, as adjudicators see them."""


class PieceKind(StrEnum):
    """What became of a piece of an old text."""

    SAME = "same"
    DELETED = "deleted"
    INSERTED = "inserted"


class Piece(Record):
    """A run of words of two texts laid over each other."""

    kind: PieceKind
    text: str


class MaskUse(StrEnum):
    """Whether a reader had the outline before their eyes when they judged."""

    NEVER = "never"
    BEFORE = "before"
    AFTER = "after"


class Column(Record):
    """One reader's lane, as one column.

    Attributes:
        judgement: in force; None where there is none.
        elapsed_s: over all saves; None where no save says.
        mask: ``before`` also where the outline was shown in an earlier round, or nothing is in force yet.
        differs_from: for each difference, the readers of the same round who say otherwise, by name.
        changed: in what the second judgement differs from the same reader's first.
        wording: the new wording laid over the original; empty where there is none.
    """

    reader: str
    round: Round
    judgement: Judgement | None
    at: str | None
    elapsed_s: float | None
    mask: MaskUse
    differs_from: dict[Difference, tuple[str, ...]]
    changed: tuple[Difference, ...]
    verdict_text: str | None
    answer_text: str | None
    reason_text: str | None
    wording: tuple[Piece, ...] = ()


def differences(first: Judgement, second: Judgement) -> tuple[Difference, ...]:
    """In what two judgements differ; empty exactly where they agree.

    Two different answers are one difference, ``answer``, although one may accept and the other change; ``verdict`` is
    an answer against a rejection or *not judgeable*, or these two against each other; a new wording counts where both
    let the question stay.

    >>> a, b = Judgement(verdict=Verdict.ACCEPT, answer="A"), Judgement(verdict=Verdict.CHANGE, answer="B")
    >>> [one.value for one in differences(a, b)]
    ['answer']
    >>> [one.value for one in differences(a, Judgement(verdict=Verdict.UNANSWERABLE, new_question="Why?"))]
    ['verdict']
    """
    answered = {first.verdict, second.verdict} <= {Verdict.ACCEPT, Verdict.CHANGE}  # both let the question stay
    by_answer = first.answer != second.answer and (answered or first.verdict is second.verdict)
    found = {
        Difference.ANSWER: by_answer,
        Difference.VERDICT: first.verdict is not second.verdict and not by_answer,
        Difference.WORDING: answered and first.new_question != second.new_question,
    }
    return tuple(kind for kind, differs in found.items() if differs)


def differences_of(state: ItemState) -> tuple[Difference, ...]:
    """In what the readers of a question differ, in the last round that all of them have finished.

    Empty where no round is finished, and where they agree.
    """
    for round in reversed(READER_ROUNDS):
        lanes = [lane for lane in state.lanes if lane.round is round]
        made = [lane.judgement for lane in lanes if lane.judgement is not None]
        if lanes and len(made) == len(lanes):
            found = {kind for pair in combinations(made, 2) for kind in differences(*pair)}
            return tuple(kind for kind in Difference if kind in found)
    return ()


def side_by_side(item: ClosedItem, lanes: Sequence[Lane], events: Iterable[ReviewEvent]) -> list[Column]:
    """The readers' lanes as columns, by round, then reader; the adjudication is not among them.

    Args:
        item: the question that they judged.
        lanes: all of its lanes.
        events: all of its events, in order.
    """
    done = list(events)
    ours = sorted(
        (lane for lane in lanes if lane.round in READER_ROUNDS),
        key=lambda lane: (READER_ROUNDS.index(lane.round), lane.reader or ""),
    )
    return [_column(item, lane, ours, done) for lane in ours]


def _column(item: ClosedItem, lane: Lane, lanes: Sequence[Lane], events: Sequence[ReviewEvent]) -> Column:
    own = [event for event in events if event.reader == lane.reader]
    here = [event for event in own if event.round is lane.round]
    said = lane.judgement
    first = next((x for x in lanes if x.reader == lane.reader and x.round is Round.FIRST and x is not lane), None)
    peers: dict[Difference, list[str]] = {}
    for other in lanes:
        if other.round is lane.round and other is not lane and said is not None and other.judgement is not None:
            for kind in differences(said, other.judgement):
                peers.setdefault(kind, []).append(other.reader or "")
    new = None if said is None else said.new_question
    return Column(
        reader=lane.reader or "",
        round=lane.round,
        judgement=said,
        at=lane.at,
        elapsed_s=lane.elapsed_s if any(event.elapsed_s is not None for event in here) else None,
        mask=_mask_use(own, here, lane),
        differs_from={kind: tuple(peers[kind]) for kind in Difference if kind in peers},
        changed=() if said is None or first is None or not first.judgement else differences(first.judgement, said),
        verdict_text=None if said is None else VERDICTS[said.verdict],
        answer_text=None if said is None else option_text(item, said.answer),
        reason_text=None if said is None or said.reason is None else REJECT_REASONS[said.reason],
        wording=() if new is None else word_changes(item.question, new),
    )


def option_text(item: ClosedItem, letter: str | None) -> str | None:
    """An answer as people read it, e.g. ``B. Meningioma``; the bare letter where it is not offered."""
    text = None if letter is None else item.text_of(letter)
    return letter if text is None else f"{letter}. {text}"


def _mask_use(own: Sequence[ReviewEvent], here: Sequence[ReviewEvent], lane: Lane) -> MaskUse:
    # What was shown in a later round is no matter of this one.
    until = READER_ROUNDS[: READER_ROUNDS.index(lane.round) + 1]
    shown = [event.seq for event in own if event.kind is EventKind.MASK_SHOWN and event.round in until]
    judged = in_force(here)
    if not shown:
        return MaskUse.NEVER
    return MaskUse.BEFORE if judged is None or min(shown) < judged.seq else MaskUse.AFTER


def word_changes(old: str, new: str) -> tuple[Piece, ...]:
    """Lay a new text over an old one, word by word.

    The pieces that are the same or deleted make the old text, those the same or inserted the new one. Blanks between
    two changes belong to both, so that a phrase is marked as one.

    >>> [(piece.kind.value, piece.text) for piece in word_changes("What is shown?", "What lesion is shown here?")]
    [('same', 'What'), ('inserted', ' lesion'), ('same', ' is shown'), ('inserted', ' here'), ('same', '?')]
    """
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if not before and not after:
        return ()
    runs: list[tuple[str, str, bool]] = []
    # In long texts frequent words are no anchors, or a hostile text would keep the server busy for seconds.
    for tag, a, b, c, d in SequenceMatcher(None, before, after).get_opcodes():
        was, now, same = "".join(before[a:b]), "".join(after[c:d]), tag == "equal"
        blank_between = same and not was.strip() and runs and (d < len(after) or b < len(before))
        if runs and not runs[-1][2] and (not same or blank_between):
            was, now, same = runs[-1][0] + was, runs[-1][1] + now, False
            runs.pop()
        runs.append((was, now, same))
    pieces: list[Piece] = []
    for was, now, same in runs:
        if same:
            pieces.append(Piece(kind=PieceKind.SAME, text=was))
            continue
        pieces += [Piece(kind=PieceKind.DELETED, text=was)] if was else []
        pieces += [Piece(kind=PieceKind.INSERTED, text=now)] if now else []
    return tuple(pieces)
