"""Who reads what: evenly, mixed, and drawn."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.errors import InputError
from neuroonco.review.assigning import assign
from neuroonco.review.room_records import Assignment

NAMES = ("ann", "bob", "cy", "dora", "eve", "finn")


def teams(made: list[Assignment]) -> dict[str, list[str]]:
    by_key: dict[str, list[str]] = {}
    for one in made:
        by_key.setdefault(one.key, []).append(one.reader)
    return by_key


@given(st.integers(0, 60), st.integers(1, 6), st.data())
def test_every_question_has_its_readers_and_every_reader_as_many(n: int, readers: int, data: st.DataObject) -> None:
    per_item = data.draw(st.integers(1, readers))
    keys = [f"q{number}" for number in range(n)]
    made = assign(keys, NAMES[:readers], per_item, seed=data.draw(st.integers(0, 5)))
    assert made == sorted(made, key=lambda one: (one.key, one.reader))
    by_key = teams(made)
    assert by_key.keys() == set(keys)
    assert all(len(set(team)) == len(team) == per_item for team in by_key.values())
    counts = Counter(one.reader for one in made)
    shares = [counts[name] for name in NAMES[:readers]]
    assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize(("readers", "per_item"), [(3, 2), (4, 2), (5, 2), (6, 2), (5, 3), (6, 3), (6, 4)])
def test_all_pairs_meet_about_equally_often(readers: int, per_item: int) -> None:
    made = assign([f"q{n}" for n in range(120)], NAMES[:readers], per_item, seed=1)
    met = Counter(pair for team in teams(made).values() for pair in combinations(team, 2))
    times = [met[pair] for pair in combinations(NAMES[:readers], 2)]
    assert max(times) - min(times) <= 2


def test_the_draw_does_not_depend_on_the_order_in_which_things_are_named() -> None:
    keys = [f"q{n}" for n in range(20)]
    made = assign(keys, NAMES[:4], 2, seed=3)
    assert assign(keys[::-1], NAMES[:4][::-1], 2, seed=3) == made
    assert assign([*keys, *keys], [*NAMES[:4], "ann"], 2, seed=3) == made
    assert assign(keys, NAMES[:4], 2, seed=4) != made


def test_too_few_readers_are_named() -> None:
    with pytest.raises(InputError) as refused:
        assign(["q1"], ["ann", "ann"], 2, seed=0)
    assert refused.value.code == "READERS_TOO_FEW"
    assert "1 reader, but 2" in refused.value.what
    with pytest.raises(InputError) as refused:
        assign(["q1"], ["ann"], 0, seed=0)
    assert refused.value.code == "READERS_PER_ITEM"
