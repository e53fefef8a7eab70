"""What a reader sees of a question, and nothing else: pages are filled from this, never from the question's record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from neuroonco.build.records import ClosedItem
from neuroonco.review.records import Verdict
from neuroonco.review.room_records import REJECT_REASONS, ItemState, Judgement, Lane, RoomItem, Round
from neuroonco.review.web.forms import ANSWER, REJECT, UNANSWERABLE, Typed, typed_of
from neuroonco.store import sha256_text


@dataclass(frozen=True)
class OptionView:
    """An option.

    Attributes:
        digit: key that chooses it; None beyond the ninth.
        proposed: whether it is marked as the benchmark's own answer; False wherever that is hidden.
        by: who chose it: letters of readers in round two, names for an adjudicator; nobody in round one.
    """

    letter: str
    text: str
    digit: int | None
    proposed: bool
    by: tuple[str, ...]


@dataclass(frozen=True)
class PeerView:
    """What a reader said in round one, without a name.

    Attributes:
        letter: of the reader, the same for everybody who looks at this question.
    """

    letter: str
    is_self: bool
    answer: str
    new_question: str | None
    comment: str | None


@dataclass(frozen=True)
class QuestionView:
    """A question on a reader's page.

    Attributes:
        place, total: where it stands in the reader's own queue, from 1.
        question: its wording.
        wording: what the field for another wording holds at first.
        peers: what all readers said in round one; empty in round one.
        unanswerable_by, reject_by: letters of the readers who said so in round one.
        own_letter: of the reader; None in round one.
        proposed_known: whether the page shows the benchmark's own answer.
        confirms: whether an answer of round one is preselected and waits for being confirmed.
        at: when the judgement in force was saved; None without one.
    """

    key: str
    round: Round
    place: int
    total: int
    question: str
    options: tuple[OptionView, ...]
    typed: Typed
    wording: str
    peers: tuple[PeerView, ...]
    unanswerable_by: tuple[str, ...]
    reject_by: tuple[str, ...]
    own_letter: str | None
    proposed_known: bool
    confirms: bool
    open: bool
    version: int
    at: str | None


def question_view(
    held: RoomItem,
    lane: Lane,
    *,
    place: int,
    total: int,
    open: bool,
    proposed_known: bool,
    state: ItemState | None = None,
    typed: Typed | None = None,
) -> QuestionView:
    """What a reader sees of a question.

    Args:
        lane: of the reader in this round.
        proposed_known: whether to show the benchmark's own answer.
        state: with the judgements of round one; None hides them.
        typed: what the reader typed before, in place of what is saved.
    """
    item, own = held.item, lane.judgement
    peers = _peers(item, lane, state)
    first = None if state is None else _first(state, lane)
    shown = typed if typed is not None else typed_of(own or first)
    by = {} if state is None else _choosers(state)
    return QuestionView(
        key=held.key,
        round=lane.round,
        place=place,
        total=total,
        question=item.question,
        options=options_of(item, by, proposed_known=proposed_known),
        typed=shown,
        wording=shown.new_question or item.question,
        peers=peers,
        unanswerable_by=tuple(by.get(UNANSWERABLE, ())),
        reject_by=tuple(by.get(REJECT, ())),
        own_letter=next((peer.letter for peer in peers if peer.is_self), None),
        proposed_known=proposed_known,
        confirms=own is None and first is not None,
        open=open,
        version=lane.version,
        at=lane.at,
    )


def options_of(item: ClosedItem, by: Mapping[str, Sequence[str]], *, proposed_known: bool) -> tuple[OptionView, ...]:
    """The options of a question in their order, with their keys.

    Args:
        by: who chose what, by the form's ``choice``.
        proposed_known: whether the benchmark's own answer may be told.
    """
    return tuple(
        OptionView(
            letter=option.letter,
            text=option.text,
            digit=n if n <= 9 else None,
            proposed=proposed_known and option.letter == item.answer,
            by=tuple(by.get(ANSWER + option.letter, ())),
        )
        for n, option in enumerate(item.options, start=1)
    )


def words_of(judgement: Judgement | None, item: ClosedItem) -> str:
    """What a judgement says of the answer, in words.

    ``nothing`` where there is none.
    """
    if judgement is None:
        return "nothing"
    if judgement.verdict is Verdict.UNANSWERABLE:
        return "not judgeable"
    if judgement.reason is not None:
        return f"reject: {REJECT_REASONS[judgement.reason]}"
    return f"{judgement.answer}. {item.text_of(judgement.answer) or ''}" if judgement.answer else "reject"


def reader_letters(key: str, readers: Iterable[str]) -> dict[str, str]:
    """Letters by which the readers of a question are called; from their names and the key, in an order that tells
    nothing about the names.

    >>> sorted(reader_letters("q0", ["Ann", "Bo"]).values())
    ['A', 'B']
    """
    ordered = sorted(set(readers), key=lambda name: sha256_text(key, name))
    return {name: chr(ord("A") + n) if n < 26 else str(n + 1) for n, name in enumerate(ordered)}


def minutes(seconds: float | None) -> str:
    """A time as minutes and seconds.

    >>> minutes(23.4), minutes(600), minutes(None), minutes(59.6)
    ('0:23', '10:00', '', '1:00')
    """
    return "" if seconds is None else "{}:{:02d}".format(*divmod(round(seconds), 60))


def _first_lanes(state: ItemState) -> list[Lane]:
    return [lane for lane in state.lanes if lane.round is Round.FIRST and lane.reader is not None]


def _first(state: ItemState, lane: Lane) -> Judgement | None:
    return next((one.judgement for one in _first_lanes(state) if one.reader == lane.reader), None)


def _letters(state: ItemState) -> dict[str, str]:
    return reader_letters(state.key, [lane.reader for lane in _first_lanes(state) if lane.reader is not None])


def _choosers(state: ItemState) -> dict[str, list[str]]:
    """Letters of readers by what they chose, as the form calls it."""
    letters, found = _letters(state), dict[str, list[str]]()
    for lane in _first_lanes(state):
        if lane.judgement is not None and lane.reader is not None:
            found.setdefault(typed_of(lane.judgement).choice, []).append(letters[lane.reader])
    return {choice: sorted(by) for choice, by in found.items()}


def _peers(item: ClosedItem, own: Lane, state: ItemState | None) -> tuple[PeerView, ...]:
    if state is None:
        return ()
    letters = _letters(state)
    views = [
        PeerView(
            letter=letters[lane.reader],
            is_self=lane.reader == own.reader,
            answer=words_of(lane.judgement, item),
            new_question=lane.judgement.new_question,
            comment=lane.judgement.comment,
        )
        for lane in _first_lanes(state)
        if lane.reader is not None and lane.judgement is not None
    ]
    return tuple(sorted(views, key=lambda view: view.letter))
