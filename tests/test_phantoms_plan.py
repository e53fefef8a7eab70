"""What phantoms are to show: shares, balance, hard cases and the two styles."""

from collections import Counter, defaultdict
from functools import cache

import pytest

from neuroonco.phantoms.plan import (
    HARD_EVERY,
    HARD_WITHOUT_LESION,
    HEALTHY_EVERY,
    LesionPlan,
    SlicePlan,
    dealt,
    dealt_again,
    plan_slice,
)
from neuroonco.phantoms.shares import SHARES
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    HardCase,
    LesionSize,
    LesionSpread,
    MRSequence,
    PhantomStyle,
    Plane,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)

SEED = 3
MANY = 840


@cache
def plans(n: int, style: PhantomStyle = PhantomStyle.TUNED) -> list[SlicePlan]:
    return [plan_slice(SEED, number, style) for number in range(n)]


def lesions(style: PhantomStyle) -> list[tuple[SlicePlan, LesionPlan]]:
    return [(p, p.lesion) for p in plans(MANY, style) if p.lesion is not None]


def test_dealing_is_balanced_and_shuffled() -> None:
    rounds = [[dealt(1, "x", 4 * r + i, "abcd") for i in range(4)] for r in range(8)]
    assert all(sorted(cards) == list("abcd") for cards in rounds)
    assert len({tuple(cards) for cards in rounds}) > 1


def test_dealing_counts_equal_cards() -> None:
    seen: Counter[str] = Counter()
    for index in range(30):
        card, earlier = dealt_again(5, "x", index, "aabc")
        assert earlier == seen[card]
        seen[card] += 1


def test_sixty_slices_hold_every_type_sequence_and_plane() -> None:
    sixty = plans(60)
    types = Counter(p.tumor_type for p in sixty)
    assert set(types) == set(TumorType) - {TumorType.TUMOR}
    assert 7 <= types.pop(TumorType.HEALTHY) <= 8
    assert max(types.values()) - min(types.values()) <= 1
    sequences = Counter(p.sequence for p in sixty if p.lesion is not None)
    assert set(sequences) == set(MRSequence)
    assert max(sequences.values()) - min(sequences.values()) <= 1
    assert {p.plane for p in sixty} == set(Plane)
    assert {p.sequence for p in sixty if p.lesion is None} == set(MRSequence)


@pytest.mark.parametrize("style", list(PhantomStyle))
def test_each_block_holds_one_healthy_slice(style: PhantomStyle) -> None:
    for block in range(12):
        numbers = range(block * HEALTHY_EVERY, (block + 1) * HEALTHY_EVERY)
        assert sum(plan_slice(SEED, n, style).lesion is None for n in numbers) == 1


def test_signs_are_independent_of_the_type() -> None:
    shapes: dict[TumorType, Counter[Shape]] = defaultdict(Counter)
    for p, lesion in lesions(PhantomStyle.TUNED):
        shapes[p.tumor_type][lesion.shape] += 1
    for counts in shapes.values():
        total = sum(counts.values())
        assert all(0.12 < counts[s] / total < 0.38 for s in (Shape.ROUND, Shape.OVAL, Shape.LOBULATED))


def test_every_fifth_slice_is_hard_and_all_ways_come_equally_often() -> None:
    kinds: Counter[HardCase] = Counter()
    for block in range(MANY // HARD_EVERY):
        of_block = plans(MANY)[block * HARD_EVERY : (block + 1) * HARD_EVERY]
        hard = [p for p in of_block if p.hard_cases]
        assert [len(p.hard_cases) for p in hard] == [1]
        if hard[0].lesion is None:
            assert hard[0].hard_cases[0] in HARD_WITHOUT_LESION
        else:
            kinds.update(hard[0].hard_cases)
    assert set(kinds) == set(HardCase)
    assert max(kinds.values()) < 1.5 * min(kinds.values())


def test_hard_cases_change_what_is_drawn() -> None:
    for p, lesion in lesions(PhantomStyle.TUNED):
        if p.hard_cases == (HardCase.ISOINTENSE,):
            if p.sequence is MRSequence.T1CE:
                assert lesion.enhancement is Enhancement.ABSENT
            else:
                assert lesion.signal_intensity is SignalIntensity.ISOINTENSE
        elif p.hard_cases == (HardCase.SMALL,):
            assert (lesion.size, lesion.spread) == (LesionSize.SMALL, LesionSpread.SOLITARY)
        elif p.hard_cases == (HardCase.TWO_LESIONS,):
            assert lesion.spread is LesionSpread.SCATTERED
        elif p.hard_cases == (HardCase.NEAR_RIM,):
            assert lesion.size is not LesionSize.LARGE


def test_what_is_heterogeneous_by_definition_is_planned_so() -> None:
    for _, lesion in lesions(PhantomStyle.HELD_OUT):
        if lesion.enhancement in (Enhancement.RING, Enhancement.PATCHY):
            assert lesion.texture is Texture.HETEROGENEOUS
        if lesion.signal_intensity is SignalIntensity.MIXED:
            assert lesion.texture is Texture.HETEROGENEOUS


@pytest.mark.parametrize("style", list(PhantomStyle))
def test_plans_keep_to_the_shares_of_their_style(style: PhantomStyle) -> None:
    easy = [(p, lesion) for p, lesion in lesions(style) if not p.hard_cases]
    shares = SHARES[style]
    observed = {
        "shapes": Counter(lesion.shape for _, lesion in easy),
        "margins": Counter(lesion.margins for _, lesion in easy),
        "sizes": Counter(lesion.size for _, lesion in easy),
        "edemas": Counter(lesion.edema for _, lesion in easy),
        "sequences": Counter(p.sequence for p, _ in easy),
        "enhancements": Counter(lesion.enhancement for p, lesion in easy if p.sequence is MRSequence.T1CE),
        "signals": Counter(lesion.signal_intensity for p, lesion in easy if p.sequence is not MRSequence.T1CE),
    }
    for name, counts in observed.items():
        deck = getattr(shares, name)
        for value in set(deck):
            assert counts[value] / counts.total() == pytest.approx(deck.count(value) / len(deck), abs=0.055), name


def test_the_held_out_style_has_other_shares_and_other_plans() -> None:
    def share(style: PhantomStyle, test: object) -> float:
        drawn = [lesion for _, lesion in lesions(style)]
        return sum(test in (v.shape, v.edema, v.size, v.margins) for v in drawn) / len(drawn)

    for value, by_at_least in ((Shape.IRREGULAR, 0.12), (Edema.MILD, 0.12), (LesionSize.LARGE, -0.2)):
        difference = share(PhantomStyle.HELD_OUT, value) - share(PhantomStyle.TUNED, value)
        assert difference >= by_at_least if by_at_least > 0 else difference < -0.08
    assert plans(40) != plans(40, PhantomStyle.HELD_OUT)
