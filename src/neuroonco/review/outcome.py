"""What a review comes to: the questions that stand, what became of the others, and where all of it is from."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, Quarantined, quarantine
from neuroonco.review.course import Course
from neuroonco.review.given import EventLog, changes_of, decision_of
from neuroonco.review.outcome_records import Fate, ItemProvenance, LeftOut, SettledBy
from neuroonco.review.records import ReviewDecision, Verdict
from neuroonco.review.room_files import RoomContent
from neuroonco.review.room_records import (
    REJECT_REASONS,
    ItemState,
    ItemStatus,
    Lane,
    ReviewEvent,
    RoomItem,
    Round,
)
from neuroonco.review.sheet import twin_fault, with_answer, with_wording
from neuroonco.vocabulary import DropReason

_NOT_SETTLED = "not settled"
_WAITS = "the question that it repeats is not settled"
_PLACE = tuple[str, int]


@dataclass
class Outcome:
    """Every question of a room, once.

    Attributes:
        kept: the reviewed benchmark, ordered by slice, image and place.
        provenance: one for each question, in the same order.
        rejected: also what is not judgeable, and twins that are alone.
        pending: not settled, or the twin of such a question; empty where they are among the kept.
        quarantined: questions that a judgement cannot be applied to.
        decisions: what stands, in the form that `review apply` and a run take.
    """

    kept: list[ClosedItem] = field(default_factory=list)
    provenance: list[ItemProvenance] = field(default_factory=list)
    rejected: list[LeftOut] = field(default_factory=list)
    pending: list[LeftOut] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    decisions: list[ReviewDecision] = field(default_factory=list)

    def dropped(self) -> list[Dropped]:
        """The rejected and pending questions as other stages name what they leave out."""
        return [
            Dropped(
                slice_id=one.item.slice_id,
                sample_id=one.item.image_id,
                source_id=one.item.source_id,
                image_path=one.item.image_path,
                reason=DropReason.REVIEW_PENDING if one.fate is Fate.PENDING else DropReason.REVIEW_REJECTED,
                detail=f"question {one.item.q_index}: {one.why}",
            )
            for one in (*self.rejected, *self.pending)
        ]

    def counts(self) -> dict[str, int]:
        """Numbers for the summary line."""
        changed = sum(any(change.field == "answer" for change in one.changes) for one in self.provenance)
        reworded = sum(any(change.field == "question" for change in one.changes) for one in self.provenance)
        return {
            "questions": len(self.provenance),
            "kept": len(self.kept),
            "answers_changed": changed,
            "reworded": reworded,
            "rejected": len(self.rejected),
            "pending": sum(one.fate is Fate.PENDING for one in self.provenance),
            "quarantined": len(self.quarantined),
        }


@dataclass
class _Case:
    """One question on its way to the outcome."""

    entry: RoomItem
    state: ItemState
    stands: list[Lane]
    fate: Fate
    why: str
    after: ClosedItem | None

    @property
    def place(self) -> _PLACE:
        return self.entry.item.image_id, self.entry.item.q_index


def outcome_of(content: RoomContent, *, include_pending: bool = False) -> Outcome:
    """Turn a room into a reviewed benchmark, from its events alone.

    A question that is settled and kept comes with the answer and the words that stand. A twin stays only beside its
    question, and only while exactly one of the two has ``None of the above`` as its truth and both ask in the same
    words: else it is left out as ``twin_alone``, since alone it would be one more question in a benchmark whose answers
    were balanced without it. A question stays when its twin goes.

    Args:
        content: of the room.
        include_pending: keep what is not settled as it was imported.
    """
    readers: dict[str, list[str]] = defaultdict(list)
    for one in content.assignments:
        readers[one.key].append(one.reader)
    done: dict[str, list[ReviewEvent]] = defaultdict(list)
    for event in content.events:
        done[event.key].append(event)
    outcome = Outcome()
    cases = []
    for entry in content.items:
        course = Course(entry.key, readers[entry.key], content.settings.rounds, done[entry.key])
        cases.append(_case(entry, course.state, outcome, include_pending=include_pending))
    cases.sort(key=lambda case: _order(case.entry.item))
    _part_twins(cases, include_pending=include_pending)
    log = EventLog(content.events)
    for case in cases:
        _enter(case, log, outcome)
    return outcome


def settling_lanes(state: ItemState) -> list[Lane]:
    """The lanes whose judgement stands: the adjudication's, or those of the round in which all readers agreed."""
    by_round = {one: [lane for lane in state.lanes if lane.round is one] for one in Round}
    if state.status is ItemStatus.ADJUDICATED:
        return by_round[Round.ADJUDICATION]
    if state.status is not ItemStatus.AGREED:
        return []
    # The lanes of a second round are there only where the first judgements differ.
    return by_round[Round.SECOND] or by_round[Round.FIRST]


def _order(item: ClosedItem) -> tuple[int, str, str, int]:
    number = len(item.slice_id) if item.slice_id.isdecimal() else 0
    return number, item.slice_id, item.image_id, item.q_index


def _case(entry: RoomItem, state: ItemState, outcome: Outcome, *, include_pending: bool) -> _Case:
    item, judgement = entry.item, state.judgement
    case = _Case(entry, state, settling_lanes(state), Fate.KEPT, "", None)
    if judgement is None:
        case.fate, case.why = Fate.PENDING, _NOT_SETTLED
        case.after = item if include_pending else None
    elif judgement.verdict in (Verdict.REJECT, Verdict.UNANSWERABLE):
        is_reject = judgement.verdict is Verdict.REJECT
        case.fate = Fate.REJECTED if is_reject else Fate.UNANSWERABLE
        case.why = _reasons_in_words(case.stands) if is_reject else "cannot be judged from this picture"
    else:
        try:
            changed = with_answer(item, judgement.answer) if judgement.verdict is Verdict.CHANGE else item
            case.after = with_wording(changed, judgement.new_question)
        except InputError as error:
            case.fate, case.why = Fate.UNUSABLE, error.what
            outcome.quarantined.append(
                quarantine(
                    error,
                    slice_id=item.slice_id,
                    sample_id=item.image_id,
                    source_id=item.source_id,
                    image_path=item.image_path,
                )
            )
    return case


def _reasons_in_words(lanes: Sequence[Lane]) -> str:
    found = {lane.judgement.reason for lane in lanes if lane.judgement is not None and lane.judgement.reason}
    return "; ".join(words for reason, words in REJECT_REASONS.items() if reason in found) or "rejected"


def _part_twins(cases: Sequence[_Case], *, include_pending: bool) -> None:
    there = {case.place: case for case in cases if case.entry.item.twin_of is None}
    for case in cases:
        twin_of = case.entry.item.twin_of
        if twin_of is None or case.after is None:
            continue
        first = there.get((case.entry.item.image_id, twin_of))
        if first is None:  # it was not in the imported file either, and what reads benchmarks counts it in no pair
            continue
        if first.fate is Fate.PENDING and not include_pending:
            case.fate, case.why, case.after = Fate.PENDING, _WAITS, None
        elif (fault := twin_fault(first.after, case.after)) is not None:
            case.fate, case.why, case.after = Fate.TWIN_ALONE, fault, None


def _enter(case: _Case, log: EventLog, outcome: Outcome) -> None:
    item, state = case.entry.item, case.state
    if case.after is not None:
        outcome.kept.append(case.after)
    elif case.fate is not Fate.UNUSABLE:
        (outcome.pending if case.fate is Fate.PENDING else outcome.rejected).append(_left_out(case))
    given = [log.given(lane, lane.judgement) for lane in state.lanes if lane.judgement is not None]
    outcome.provenance.append(
        ItemProvenance(
            key=case.entry.key,
            image_id=item.image_id,
            q_index=item.q_index,
            status=state.status,
            fate=case.fate,
            settled_by=_SETTLED_BY.get(state.status),
            readers=len(case.stands),
            in_benchmark=case.after is not None,
            judgements=tuple(given),
            changes=() if case.after is None else changes_of(item, case.after),
        )
    )
    outcome.decisions += [
        decision_of(case.entry.key, lane, lane.judgement) for lane in case.stands if lane.judgement is not None
    ]


_SETTLED_BY: Mapping[ItemStatus, SettledBy] = {
    ItemStatus.AGREED: SettledBy.CONSENSUS,
    ItemStatus.ADJUDICATED: SettledBy.ADJUDICATION,
}


def _left_out(case: _Case) -> LeftOut:
    made = [lane.judgement for lane in case.stands if lane.judgement is not None]
    return LeftOut(
        key=case.entry.key,
        status=case.state.status,
        fate=case.fate,
        why=case.why,
        reasons=tuple(dict.fromkeys(one.reason for one in made if one.reason is not None)),
        comments=tuple(dict.fromkeys(one.comment for one in made if one.comment is not None)),
        item=case.entry.item,
    )
