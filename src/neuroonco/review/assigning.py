"""Who reads what: each question to some readers, everyone equally much, every pair of readers about equally often."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from neuroonco.errors import InputError
from neuroonco.review.room_records import Assignment
from neuroonco.seeded import shuffled


def assign(keys: Sequence[str], readers: Sequence[str], per_item: int, seed: int) -> list[Assignment]:
    """Draw which readers judge which question; the same draw whichever order they are named in.

    One question after the other, in a drawn order, goes to those who have the fewest. Among equals, the one who has
    met the others of the question least often is taken, so that agreement can be computed between all pairs.

    Args:
        keys: of the questions; a repeated one counts once.
        readers: their names; a repeated one counts once.
        per_item: readers of each question.
        seed: of the draw.

    Returns:
        Assignments by key and reader; numbers of questions differ by one at most between readers.

    Raises:
        InputError: ``READERS_TOO_FEW``: fewer readers than each question needs; ``READERS_PER_ITEM``: below one.

    >>> [(a.key, a.reader) for a in assign(["q1"], ["bob", "ann"], 2, seed=0)]
    [('q1', 'ann'), ('q1', 'bob')]
    """
    names = sorted(set(readers))
    if per_item < 1:
        raise InputError("READERS_PER_ITEM", f"{per_item} readers a question", fix="ask for at least one")
    if len(names) < per_item:
        what = f"{len(names)} reader{'s' * (len(names) != 1)}, but {per_item} for each question"
        raise InputError("READERS_TOO_FEW", what, fix="enroll more readers, or ask for fewer a question")
    turns: Counter[str] = Counter()
    met: Counter[tuple[str, str]] = Counter()
    made = []
    for key in shuffled(sorted(set(keys)), seed, "assign", str):
        team = _team(shuffled(names, seed, key, str), per_item, turns, met)
        turns.update(team)
        met.update(_pair(*pair) for pair in combinations(team, 2))
        made += [Assignment(key=key, reader=reader) for reader in team]
    return sorted(made, key=lambda one: (one.key, one.reader))


def _team(order: Sequence[str], per_item: int, turns: Counter[str], met: Counter[tuple[str, str]]) -> list[str]:
    """Those with the fewest turns; among equals, who has met the team least often, and then who comes first."""
    team: list[str] = []

    def burden(name: str) -> tuple[int, int]:
        return turns[name], sum(met[_pair(name, other)] for other in team)

    for _ in range(per_item):
        team.append(min((name for name in order if name not in team), key=burden))
    return team


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
