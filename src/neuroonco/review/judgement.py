"""Rules of a room, without a database: what a chosen answer means, when judgements agree, where a question stands."""

import unicodedata
from collections.abc import Sequence

from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError
from neuroonco.review.records import Verdict
from neuroonco.review.room_records import (
    MAX_TEXT,
    EventKind,
    ItemState,
    ItemStatus,
    Judgement,
    Lane,
    RejectReason,
    ReviewEvent,
    Round,
)

_JOINERS = frozenset("\u200c\u200d\u200e\u200f")
"""Invisible characters that some scripts need; every other invisible one is refused."""


def judge(
    item: ClosedItem,
    *,
    answer: str | None = None,
    unanswerable: bool = False,
    reason: RejectReason | None = None,
    new_question: str | None = None,
    comment: str | None = None,
) -> Judgement:
    """Turn what a person did into a judgement; exactly one of answer, unanswerable and reason.

    The verdict of an answer is ``accept`` if it is the benchmark's own, else ``change``. Texts are stripped, empty ones
    are None; a new question equal to the old one is None.

    Raises:
        InputError: ``JUDGEMENT_NONE``, ``JUDGEMENT_SEVERAL``, ``ANSWER_NOT_OFFERED``, ``COMMENT_NEEDED`` (reason
            ``other``), ``TEXT_TOO_LONG``, ``TEXT_INVALID`` (control characters, half a character).
    """
    made = (answer is not None) + unanswerable + (reason is not None)
    if made == 0:
        raise InputError("JUDGEMENT_NONE", "nothing was chosen", fix="choose an answer, not judgeable, or reject")
    if made > 1:
        raise InputError("JUDGEMENT_SEVERAL", "more than one thing was chosen", fix="choose one")
    wording = _text(new_question, "the new wording", lines=False)
    remark = _text(comment, "the comment", lines=True)
    if wording == item.question.strip():
        wording = None
    if answer is not None:
        if item.text_of(answer) is None:
            offered = ", ".join(option.letter for option in item.options)
            raise InputError("ANSWER_NOT_OFFERED", f"answer {answer[:20]!r} is not offered", fix=f"choose of {offered}")
        verdict = Verdict.ACCEPT if answer == item.answer else Verdict.CHANGE
    else:
        verdict = Verdict.UNANSWERABLE if reason is None else Verdict.REJECT
    if reason is RejectReason.OTHER and remark is None:
        raise InputError("COMMENT_NEEDED", "another reason is given, but not which", fix="say it in the comment")
    return Judgement(verdict=verdict, answer=answer, reason=reason, new_question=wording, comment=remark)


def restated(item: ClosedItem, judgement: Judgement) -> Judgement:
    """The judgement that the same choice makes by :func:`judge`; one from elsewhere is sound only if they are equal.

    Raises:
        InputError: as :func:`judge` does.
    """
    return judge(
        item,
        answer=judgement.answer,
        unanswerable=judgement.verdict is Verdict.UNANSWERABLE,
        reason=judgement.reason,
        new_question=judgement.new_question,
        comment=judgement.comment,
    )


def agree(first: Judgement, second: Judgement) -> bool:
    """Whether two judgements mean the same for the benchmark: verdict, answer and, where the question stays, its new
    wording; reasons and comments may differ."""
    return _meaning(first) == _meaning(second)


def in_force(events: Sequence[ReviewEvent]) -> ReviewEvent | None:
    """The judgement in force in a lane: the last ``decided`` event that was not undone."""
    undone = {event.undoes for event in events if event.kind is EventKind.UNDONE}
    decided = (event for event in events if event.kind is EventKind.DECIDED and event.seq not in undone)
    return max(decided, key=lambda event: event.seq, default=None)


def state_of(key: str, lanes: Sequence[Lane], rounds: int, *, second_over: bool = False) -> ItemState:
    """Where a question stands, from all of its lanes.

    No first-round lane: unassigned. A judgement in the adjudication: adjudicated. First round not complete: first
    round. All agree: agreed. Else, with one round, disputed; with two, second round until every reader has judged
    again, and then agreed or disputed.

    Args:
        second_over: whether an adjudicator has ended the second round by a decision, even one that was taken back: then
            what readers left open there is disputed, since they can do nothing more about it.
    """
    rank = list(Round)
    ordered = tuple(sorted(lanes, key=lambda lane: (rank.index(lane.round), lane.reader or "")))
    status, judgement = _standing(ordered, rounds, second_over=second_over)
    return ItemState(key=key, status=status, lanes=ordered, judgement=judgement)


def unfinished(status: ItemStatus) -> bool:
    """Whether readers still have to do something."""
    return status in (ItemStatus.UNASSIGNED, ItemStatus.FIRST_ROUND, ItemStatus.SECOND_ROUND)


def differ(lanes: Sequence[Lane]) -> bool:
    """Whether every lane has a judgement, and they do not all agree."""
    made = [lane.judgement for lane in lanes if lane.judgement is not None]
    return len(made) == len(lanes) > 0 and not _all_agree(made)


def _standing(lanes: Sequence[Lane], rounds: int, *, second_over: bool) -> tuple[ItemStatus, Judgement | None]:
    by_round = {one: [lane for lane in lanes if lane.round is one] for one in Round}
    firsts, seconds, last = by_round[Round.FIRST], by_round[Round.SECOND], by_round[Round.ADJUDICATION]
    if not firsts:
        return ItemStatus.UNASSIGNED, None
    for lane in last:
        if lane.judgement is not None:
            return ItemStatus.ADJUDICATED, lane.judgement
    made = [lane.judgement for lane in firsts if lane.judgement is not None]
    if len(made) < len(firsts):
        return ItemStatus.FIRST_ROUND, None
    if _all_agree(made):
        return ItemStatus.AGREED, made[0]
    if rounds == 1:
        return ItemStatus.DISPUTED, None
    again = [lane.judgement for lane in seconds if lane.judgement is not None]
    if len(again) < len(firsts):
        return (ItemStatus.DISPUTED if second_over else ItemStatus.SECOND_ROUND), None
    return (ItemStatus.AGREED, again[0]) if _all_agree(again) else (ItemStatus.DISPUTED, None)


def _meaning(judgement: Judgement) -> tuple[Verdict, str | None, str | None]:
    stays = judgement.verdict in (Verdict.ACCEPT, Verdict.CHANGE)
    return judgement.verdict, judgement.answer, judgement.new_question if stays else None


def _all_agree(made: Sequence[Judgement]) -> bool:
    return all(agree(made[0], other) for other in made[1:])


def _text(text: str | None, what: str, *, lines: bool) -> str | None:
    """A text as it is kept: stripped, with plain line ends; None if nothing is left."""
    plain = (text or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(plain) > MAX_TEXT:
        raise InputError("TEXT_TOO_LONG", f"{what} has {len(plain)} characters", fix=f"{MAX_TEXT} at most")
    bad = next((char for char in plain if not _is_plain(char, lines=lines)), None)
    if bad is not None:
        said = f"{what} holds the character U+{ord(bad):04X}"
        raise InputError("TEXT_INVALID", said, fix="use plain text" if lines else "use plain text in one line")
    return plain or None


def _is_plain(char: str, *, lines: bool) -> bool:
    """False for control characters, halves of characters, and what turns the direction of text or is invisible."""
    if lines and char in "\n\t":
        return True
    return char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cs", "Cf", "Zl", "Zp")
