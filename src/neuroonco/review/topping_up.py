"""More readers for a room that is under way: whose questions are too few, and what one person may still read blind."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from neuroonco.review.room_records import Assignment, ReviewEvent, Round
from neuroonco.seeded import shuffled


def closed_keys(events: Iterable[ReviewEvent]) -> set[str]:
    """Questions whose first round is over for good: something of a later round has happened to them."""
    return {event.key for event in events if event.round is not Round.FIRST}


def top_up(
    keys: Collection[str],
    readers: Sequence[str],
    assignments: Sequence[Assignment],
    *,
    per_item: int,
    closed: Collection[str],
    seed: int,
) -> list[Assignment]:
    """Assignments that bring each question to a number of readers, as far as there are any; none is taken away.

    Args:
        keys: of all questions.
        readers: all who may read.
        assignments: those that there are.
        per_item: readers wanted of each question.
        closed: questions that nobody can still read blind.
        seed: of the draw among those who have equally few.

    >>> there = [Assignment(key="q1", reader="ann"), Assignment(key="q2", reader="ann")]
    >>> made = top_up(["q1", "q2"], ["ann", "bob"], there, per_item=2, closed=["q2"], seed=0)
    >>> [(one.key, one.reader) for one in made]
    [('q1', 'bob')]
    """
    held, turns = _held(keys, assignments)
    made = []
    for key in shuffled(sorted(set(keys) - set(closed)), seed, "top up", str):
        order = shuffled(sorted(set(readers) - held[key]), seed, key, str)
        for reader in sorted(order, key=lambda name: turns[name])[: max(0, per_item - len(held[key]))]:
            turns[reader] += 1
            made.append(Assignment(key=key, reader=reader))
    return sorted(made, key=lambda one: (one.key, one.reader))


def for_one(
    keys: Collection[str],
    reader: str,
    assignments: Sequence[Assignment],
    *,
    number: int | None,
    closed: Collection[str],
    seed: int,
    settled: Collection[str] = (),
) -> list[Assignment]:
    """New questions for one reader: those first that have the fewest readers.

    Args:
        number: how many; None for all that the person does not have and can still read blind.
        settled: questions that a further reader would open again; only who asks for all gets them.

    >>> [one.key for one in for_one(["q1", "q2"], "ann", [], number=2, closed=[], settled=["q1"], seed=0)]
    ['q2']
    """
    held, _ = _held(keys, assignments)
    out = set(closed) if number is None else {*closed, *settled}
    free = [key for key in sorted(set(keys) - out) if reader not in held[key]]
    order = sorted(shuffled(free, seed, reader, str), key=lambda key: len(held[key]))
    return sorted((Assignment(key=key, reader=reader) for key in order[:number]), key=lambda one: one.key)


def _held(keys: Iterable[str], assignments: Iterable[Assignment]) -> tuple[dict[str, set[str]], Counter[str]]:
    held: dict[str, set[str]] = {key: set() for key in keys}
    turns: Counter[str] = Counter()
    for one in assignments:
        held.setdefault(one.key, set()).add(one.reader)
        turns[one.reader] += 1
    return held, turns
