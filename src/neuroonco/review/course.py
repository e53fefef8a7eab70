"""The course of one question, from its events alone: which lanes there are, what is in force, what may come next."""

from collections.abc import Iterable

from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError
from neuroonco.review.judgement import differ, restated, state_of
from neuroonco.review.room_records import (
    EventKind,
    ItemState,
    ItemStatus,
    Lane,
    ReviewEvent,
    Round,
    SaveOutcome,
)

SHOWN: dict[Round, frozenset[EventKind]] = {
    Round.FIRST: frozenset((EventKind.MASK_SHOWN,)),
    Round.SECOND: frozenset((EventKind.MASK_SHOWN, EventKind.PEERS_SHOWN)),
    Round.ADJUDICATION: frozenset((EventKind.MASK_SHOWN, EventKind.PEERS_SHOWN, EventKind.MODELS_SHOWN)),
}
"""What may be shown in which round."""


class Course:
    """What has happened to one question so far.

    Args:
        key: of the question.
        readers: who judge it in the first round.
        rounds: 1 or 2, as the room's settings say.
        events: of the question, in order.

    Attributes:
        state: where the question stands now.
    """

    def __init__(self, key: str, readers: Iterable[str], rounds: int, events: Iterable[ReviewEvent] = ()) -> None:
        self.key, self._readers, self._rounds = key, tuple(sorted(readers)), rounds
        self._events: list[ReviewEvent] = []
        self._decided: dict[tuple[Round, str | None], list[ReviewEvent]] = {}
        self._versions: dict[tuple[Round, str | None], int] = {}
        self._elapsed_s: dict[tuple[Round, str | None], float] = {}
        self._first_closed = self._second_closed = False
        for event in events:
            self._take(event)
        self.state = self._state()

    def lane(self, reader: str, round: Round) -> Lane | None:
        """A person's lane of a round; None while there is none."""
        return self._by_name.get((round, _owner(reader, round)))

    def seq_in_force(self, lane: Lane) -> int | None:
        """The event whose judgement is in force in a lane."""
        decided = self._decided.get((lane.round, lane.reader))
        return decided[-1].seq if decided else None

    def latest_change(self, lane: Lane) -> ReviewEvent | None:
        """The event that brought a lane to its version; None for a lane in which nothing was decided."""
        same = (e for e in reversed(self._events) if (e.round, _owner(e.reader, e.round)) == (lane.round, lane.reader))
        return next((event for event in same if event.version is not None), None)

    def shown(self, person: str, round: Round, kind: EventKind) -> ReviewEvent | None:
        """When something was shown to a person in a round."""
        wanted = (person, round, kind)
        return next((event for event in self._events if (event.reader, event.round, event.kind) == wanted), None)

    def before(self, seq: int) -> "Course":
        """The course as it was before an event."""
        earlier = [event for event in self._events if event.seq < seq]
        return Course(self.key, self._readers, self._rounds, earlier)

    def is_open(self, round: Round) -> bool:
        """Whether what is in force in a round may still change.

        Nobody changes a blind answer after anything of a later round: it would not be blind any more.
        """
        return not {Round.FIRST: self._first_closed, Round.SECOND: self._second_closed}.get(round, False)

    def outcome(self, reader: str, round: Round, based_on: int) -> SaveOutcome:
        """What becomes of a change that a person makes, having seen some version of the lane.

        Raises:
            InputError: ``LANE_MISSING``.
        """
        lane = self.require(reader, round)
        if not self.is_open(round):
            return SaveOutcome.CLOSED
        return SaveOutcome.SAVED if lane.version == based_on else SaveOutcome.CONFLICT

    def require(self, reader: str, round: Round) -> Lane:
        """A person's lane of a round.

        Raises:
            InputError: ``LANE_MISSING``.
        """
        lane = self.lane(reader, round)
        if lane is None:
            raise lane_missing(self.key, round)
        return lane

    def append(self, event: ReviewEvent, item: ClosedItem) -> None:
        """Go on by one event.

        Args:
            event: the next one.
            item: the question, whose options a judgement has to name.

        Raises:
            InputError: ``EVENT_INVALID``: it does not follow.
        """
        fault = self._fault(event, item)
        if fault is not None:
            fix = "export the room again; events are never edited"
            raise InputError("EVENT_INVALID", fault, where=f"event {event.seq}", fix=fix)
        self._take(event)
        self.state = self._state()

    def joined(self, readers: Iterable[str]) -> "Course":
        """The same course with other readers, who come in before anything of a later round."""
        return Course(self.key, readers, self._rounds, self._events)

    def _fault(self, event: ReviewEvent, item: ClosedItem) -> str | None:
        """Why an event does not follow; None if it does."""
        lane, kind = self.lane(event.reader, event.round), event.kind
        if lane is None:
            return "its reader has no part in this round of the question"
        if kind in (EventKind.DECIDED, EventKind.CONFLICTED):
            if event.judgement is None or not _is_sound(event, item):
                return "its judgement is none of this question"
        elif event.judgement is not None or event.elapsed_s is not None:
            return f"{kind.value} with a judgement or a time"
        if kind in (EventKind.DECIDED, EventKind.UNDONE):
            if not self.is_open(event.round):
                return "a later round has begun"
            if event.version != lane.version + 1:
                return f"version {event.version} after {lane.version}"
        elif event.version is not None:
            return f"{kind.value} with a version"
        if event.undoes != (self.seq_in_force(lane) if kind is EventKind.UNDONE else None):
            return "it undoes what is not in force"
        if kind is EventKind.UNDONE:
            return "there is nothing to undo" if event.undoes is None else None
        if kind in (EventKind.DECIDED, EventKind.CONFLICTED):
            return None
        if kind not in SHOWN[event.round]:
            return f"{kind.value} has no place in this round"
        return "it was shown already" if self.shown(event.reader, event.round, kind) else None

    def _take(self, event: ReviewEvent) -> None:
        self._events.append(event)
        name = (event.round, _owner(event.reader, event.round))
        if event.kind is EventKind.DECIDED:
            self._decided.setdefault(name, []).append(event)
        elif event.kind is EventKind.UNDONE:
            self._decided[name].pop()
        if event.version is not None:
            self._versions[name] = event.version
        if event.elapsed_s is not None:
            # rounded, because a sum of tenths is none
            self._elapsed_s[name] = round(self._elapsed_s.get(name, 0.0) + event.elapsed_s, 3)
        self._first_closed |= event.round is not Round.FIRST
        self._second_closed |= event.round is Round.ADJUDICATION and event.kind is EventKind.DECIDED

    def _state(self) -> ItemState:
        lanes = [self._lane(Round.FIRST, reader) for reader in self._readers]
        if self._rounds > 1 and differ(lanes):
            lanes += [self._lane(Round.SECOND, reader) for reader in self._readers]
        over = self._second_closed
        state = state_of(self.key, lanes, self._rounds, second_over=over)
        if state.status not in (ItemStatus.UNASSIGNED, ItemStatus.FIRST_ROUND):
            state = state_of(self.key, [*lanes, self._lane(Round.ADJUDICATION, None)], self._rounds, second_over=over)
        self._by_name = {(lane.round, lane.reader): lane for lane in state.lanes}
        return state

    def _lane(self, round: Round, reader: str | None) -> Lane:
        name = (round, reader)
        decided = self._decided.get(name)
        last = decided[-1] if decided else None
        return Lane(
            key=self.key,
            reader=reader,
            round=round,
            version=self._versions.get(name, 0),
            judgement=last.judgement if last else None,
            by=last.reader if last else None,
            at=last.at if last else None,
            elapsed_s=self._elapsed_s.get(name, 0.0),
        )


def lane_missing(key: str, round: Round) -> InputError:
    """Said of a lane that a person does not have."""
    what = "no such question for this person, or the round has not begun"
    return InputError("LANE_MISSING", what, where=f"{key[:40]} {round.value}", fix="go back to the queue")


def _owner(reader: str, round: Round) -> str | None:
    return None if round is Round.ADJUDICATION else reader


def _is_sound(event: ReviewEvent, item: ClosedItem) -> bool:
    try:
        return event.judgement is not None and restated(item, event.judgement) == event.judgement
    except InputError:
        return False
