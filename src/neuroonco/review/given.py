"""What a settled question's provenance says: who judged it how, having seen what, and what was changed."""

from collections import defaultdict
from collections.abc import Iterable

from neuroonco.build.records import ClosedItem
from neuroonco.review.judgement import in_force
from neuroonco.review.outcome_records import GivenJudgement, ItemChange
from neuroonco.review.records import ReviewDecision, Verdict
from neuroonco.review.room_records import REJECT_REASONS, EventKind, Judgement, Lane, ReviewEvent, Round

CHANGEABLE = ("question", "answer", "is_rejection", "removed_answer", "label_source")
"""Fields of a question that review can change."""


class EventLog:
    """What events say of judgements beyond the lanes: whether something was shown before."""

    def __init__(self, events: Iterable[ReviewEvent]) -> None:
        self._shown: dict[tuple[str, str, EventKind], int] = {}
        lanes: dict[tuple[str, Round, str | None], list[ReviewEvent]] = defaultdict(list)
        for event in events:
            if event.kind in (EventKind.MASK_SHOWN, EventKind.MODELS_SHOWN):
                self._shown.setdefault((event.key, event.reader, event.kind), event.seq)
            elif event.kind is not EventKind.PEERS_SHOWN:
                owner = None if event.round is Round.ADJUDICATION else event.reader
                lanes[event.key, event.round, owner].append(event)
        found = {name: in_force(made) for name, made in lanes.items()}
        self._decided = {name: event.seq for name, event in found.items() if event is not None}

    def given(self, lane: Lane, judgement: Judgement) -> GivenJudgement:
        """A lane's judgement with all that is known of it."""
        by = lane.by or lane.reader or ""
        decided = self._decided.get((lane.key, lane.round, lane.reader), 0)
        seen = {
            kind: self._shown.get((lane.key, by, kind), decided) < decided
            for kind in (EventKind.MASK_SHOWN, EventKind.MODELS_SHOWN)
        }
        return GivenJudgement(
            by=by,
            round=lane.round,
            verdict=judgement.verdict,
            answer=judgement.answer,
            reason=judgement.reason,
            new_question=judgement.new_question,
            comment=judgement.comment,
            at=lane.at or "",
            elapsed_s=lane.elapsed_s,
            mask_seen=seen[EventKind.MASK_SHOWN],
            models_seen=seen[EventKind.MODELS_SHOWN],
        )


def changes_of(before: ClosedItem, after: ClosedItem) -> tuple[ItemChange, ...]:
    """What review changed of a question."""
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in CHANGEABLE)
    return tuple(ItemChange(field=name, before=_said(a), after=_said(b)) for name, a, b in pairs if a != b)


def _said(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def decision_of(key: str, lane: Lane, judgement: Judgement) -> ReviewDecision:
    """A judgement that stands, in the form that `review apply` and a run take."""
    stays = judgement.verdict in (Verdict.ACCEPT, Verdict.CHANGE)
    why = None if judgement.reason is None else REJECT_REASONS[judgement.reason]
    return ReviewDecision(
        item=key,
        reader=lane.by or lane.reader or "",
        verdict=judgement.verdict,
        new_answer=judgement.answer if judgement.verdict is Verdict.CHANGE else None,
        new_question=judgement.new_question if stays else None,
        comment="; ".join(part for part in (why, judgement.comment) if part) or None,
        time=lane.at,
    )
