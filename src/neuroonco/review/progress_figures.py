"""How far a room is: what each person has done and has left, how long it took them, where the questions stand."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from neuroonco.outcomes import Record
from neuroonco.review.room_records import (
    Assignment,
    EventKind,
    ItemState,
    ItemStatus,
    Person,
    ReviewEvent,
    Role,
    Round,
)


class RoundProgress(Record):
    """How far one person is in one round.

    Attributes:
        done: questions with a judgement in force: the reader's own; in the adjudication those that this person decided.
        total: first round: all that are assigned; second: those that the reader judged or still has to judge again;
            adjudication: those that this person decided, and those still in dispute.
        median_s: time a question, over the questions that are done and whose time is known; None where there is none.
        n_timed: how many these are.
        last_at: when the person last did anything in this round; None for never.
    """

    person: str
    round: Round
    done: int
    total: int
    median_s: float | None
    n_timed: int
    last_at: str | None

    @property
    def share(self) -> float | None:
        """Done of total; None where there is nothing to do."""
        return self.done / self.total if self.total else None


class PersonProgress(Record):
    """What one person has asked for and run into.

    Attributes:
        masks_asked: questions whose outline the person had shown.
        peers_known: questions of the second round that the person knows of.
        conflicts_kept: judgements that came too late, and are kept without being in force.
    """

    person: str
    role: Role
    masks_asked: int
    peers_known: int
    conflicts_kept: int
    last_at: str | None


class Progress(Record):
    """How far a room is.

    Attributes:
        rounds: by person, then round; a round in which a person has nothing to do is left out.
        people: by name.
        statuses: number of questions for each status, also those without any; None where it is not for the viewer.
        n_items: number of questions; None as ``statuses``.
    """

    rounds: tuple[RoundProgress, ...]
    people: tuple[PersonProgress, ...]
    statuses: dict[ItemStatus, int] | None
    n_items: int | None


_ORDER = tuple(Round)


def progress(
    people: Sequence[Person],
    assignments: Iterable[Assignment],
    states: Iterable[ItemState],
    events: Iterable[ReviewEvent],
) -> Progress:
    """Count how far a room is; states and events may be streams, and are read once each.

    Args:
        people: everyone in the room.
        assignments: of the first round.
        states: of all questions.
        events: all of them, in order.
    """
    total: dict[tuple[str, Round], int] = defaultdict(int)
    done: dict[tuple[str, Round], set[str]] = defaultdict(set)
    statuses = dict.fromkeys(ItemStatus, 0)
    for one in assignments:
        total[one.reader, Round.FIRST] += 1
    for state in states:
        statuses[state.status] += 1
        _count_lanes(state, done, total)
    for person in people:
        if person.role is Role.ADJUDICATOR:
            mine = (person.name, Round.ADJUDICATION)
            total[mine] = statuses[ItemStatus.DISPUTED] + len(done[mine])
    time_s, last, asked, conflicts = _read(events)
    rounds = [
        _round(name, round, done[name, round], total[name, round], time_s, last)
        for name, round in sorted(total, key=lambda lane: (lane[0], _ORDER.index(lane[1])))
    ]
    return Progress(
        rounds=tuple(rounds),
        people=tuple(
            PersonProgress(
                person=person.name,
                role=person.role,
                masks_asked=len(asked[EventKind.MASK_SHOWN, person.name]),
                peers_known=len(asked[EventKind.PEERS_SHOWN, person.name]),
                conflicts_kept=conflicts[person.name],
                last_at=max((at for (name, _), at in last.items() if name == person.name), default=None),
            )
            for person in sorted(people, key=lambda person: person.name)
        ),
        statuses=statuses,
        n_items=sum(statuses.values()),
    )


def _count_lanes(
    state: ItemState, done: dict[tuple[str, Round], set[str]], total: dict[tuple[str, Round], int]
) -> None:
    for lane in state.lanes:
        name = lane.by if lane.round is Round.ADJUDICATION else lane.reader
        if name is None:
            continue
        if lane.judgement is not None:
            done[name, lane.round].add(state.key)
        # A second judgement that an adjudicator forestalled is nobody's work any more.
        if lane.round is Round.SECOND and (lane.judgement is not None or state.status is ItemStatus.SECOND_ROUND):
            total[name, Round.SECOND] += 1


_Times = dict[tuple[str, Round], dict[str, float]]


def _read(
    events: Iterable[ReviewEvent],
) -> tuple[_Times, dict[tuple[str, Round], str], dict[tuple[EventKind, str], set[str]], dict[str, int]]:
    time_s: _Times = defaultdict(lambda: defaultdict(float))
    last: dict[tuple[str, Round], str] = {}
    asked: dict[tuple[EventKind, str], set[str]] = defaultdict(set)
    conflicts: dict[str, int] = defaultdict(int)
    for event in events:
        lane = (event.reader, event.round)
        last[lane] = event.at
        if event.elapsed_s is not None:
            time_s[lane][event.key] += event.elapsed_s
        if event.kind in (EventKind.MASK_SHOWN, EventKind.PEERS_SHOWN):
            asked[event.kind, event.reader].add(event.key)
        if event.kind is EventKind.CONFLICTED:
            conflicts[event.reader] += 1
    return time_s, last, asked, conflicts


def _round(
    name: str, round: Round, done: set[str], total: int, time_s: _Times, last: dict[tuple[str, Round], str]
) -> RoundProgress:
    spent = time_s.get((name, round), {})
    known = [spent[key] for key in done if key in spent]
    return RoundProgress(
        person=name,
        round=round,
        done=len(done),
        total=total,
        median_s=median(known) if known else None,
        n_timed=len(known),
        last_at=last.get((name, round)),
    )


def own(figures: Progress, name: str) -> Progress:
    """What one reader may see: their own figures only.

    Of the second round only the questions that the reader knows of count, and none while first judgements are missing:
    how many there are says something about the others' answers.
    """
    people = tuple(one for one in figures.people if one.person == name)
    known = sum(one.peers_known for one in people)
    mine = [one for one in figures.rounds if one.person == name]
    blind = any(one.round is Round.FIRST and one.done < one.total for one in mine)
    rounds = [
        one if one.round is Round.FIRST else one.model_copy(update={"total": min(one.total, known)})
        for one in mine
        if one.round is Round.FIRST or (known and not blind)
    ]
    return Progress(rounds=tuple(rounds), people=people, statuses=None, n_items=None)
