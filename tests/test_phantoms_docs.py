"""The page on phantoms says what the code does."""

from pathlib import Path

from neuroonco.phantoms.conspicuity import CLUTTER, SEEN_FROM
from neuroonco.phantoms.drawn_signs import ABSENT_BELOW, ENHANCED_FROM, RING_FROM, SOLID_FROM, UNEVEN_FROM
from neuroonco.phantoms.edema import EXTENSIVE_FROM, MILD_FROM
from neuroonco.phantoms.generate import DRAWS, RIM_PX
from neuroonco.phantoms.lesion import TINY_SHARE
from neuroonco.phantoms.shares import SHARES
from neuroonco.vocabulary import HardCase, PhantomStyle

PAGE = (Path(__file__).parent.parent / "docs" / "phantoms.md").read_text(encoding="utf-8")


def test_the_table_holds_every_share_of_both_styles() -> None:
    tuned, held_out = SHARES[PhantomStyle.TUNED], SHARES[PhantomStyle.HELD_OUT]
    expected = set()
    for name in vars(tuned):
        first, second = getattr(tuned, name), getattr(held_out, name)
        for value in {*first, *second}:
            shares = " | ".join(f"{deck.count(value)}/{len(deck)}" for deck in (first, second))
            expected.add(f"| {name} | {value} | {shares} |")
    written = {line for line in PAGE.splitlines() if "/" in line and line.split(" | ")[0].strip("| ") in vars(tuned)}
    assert written == expected


def test_every_hard_case_is_explained() -> None:
    assert all(f"| `{hard}` |" in PAGE for hard in HardCase)


def test_limits_are_those_of_the_code() -> None:
    assert f"heterogeneous from {UNEVEN_FROM}" in PAGE
    assert f"share of pixels at {ENHANCED_FROM} times white matter" in PAGE
    assert f"below {ABSENT_BELOW:.0%}".replace("%", " %") in PAGE
    assert f"holds {100 * RING_FROM:.0f} points more" in PAGE
    assert f"from {100 * SOLID_FROM:.0f} % solid" in PAGE
    assert f"below {MILD_FROM} absent, from {EXTENSIVE_FROM:.0f} extensive" in PAGE
    assert f"{CLUTTER} times the unevenness" in PAGE
    assert f"From {SEEN_FROM:.0f} on" in PAGE
    assert f"within {RIM_PX:.0f} px" in PAGE
    assert f"{100 * TINY_SHARE[0]:.1f} to {100 * TINY_SHARE[1]:.2f} %" in PAGE
    assert DRAWS == 4
    assert "up to three times" in PAGE
