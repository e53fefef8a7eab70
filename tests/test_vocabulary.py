"""Every term is described, every alias names one term, and spellings of the reference round-trip."""

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
    coarsenings,
    coarser,
    enum_of,
    interop,
    load_terms,
    recode,
    term,
    terms,
)
from neuroonco.vocabulary.recoder import _aliases

ENUMS = [e for e in vars(terms).values() if isinstance(e, type) and issubclass(e, StrEnum) and e is not StrEnum]
VALUES = [v for e in ENUMS for v in e]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{type(v).__name__}.{v.name}")
def test_every_value_is_described_with_a_source(value: StrEnum) -> None:
    entry = term(value)
    assert entry.display.strip()
    assert len(entry.description) > 10, f"{value}: describe it"
    assert len(entry.source) > 3, f"{value}: say where it is from"


def test_no_entry_describes_a_value_that_does_not_exist() -> None:
    for group, token in load_terms():
        enum_of(group)(token)


@pytest.mark.parametrize("enum", ENUMS, ids=lambda e: e.__name__)
def test_aliases_name_one_term(enum: type[StrEnum]) -> None:
    assert _aliases(enum)  # building the table raises where an alias names two terms


@pytest.mark.parametrize(
    ("enum", "text", "expected"),
    [
        (MRSequence, "T1C+", MRSequence.T1CE),
        (MRSequence, "T1_Contrast", MRSequence.T1CE),
        (MRSequence, "T1Gd", MRSequence.T1CE),
        (MRSequence, "T2-FLAIR", MRSequence.FLAIR),
        (MRSequence, "DWI", None),
        (TumorType, "Pituitary_Tumor", TumorType.PITUITARY),
        (TumorType, "notumor", TumorType.HEALTHY),
        (TumorType, "lymphoma", None),
        (Shape, "Round/Oval", Shape.ROUND_OR_OVAL),
        (Shape, "Irregular/Spiculated", Shape.IRREGULAR),
        (ImageRegion, "Upper-Left Region", ImageRegion.UPPER_LEFT),
        (ImageRegion, "Center of the Image", ImageRegion.CENTER),
    ],
)
def test_known_spellings(enum: type[StrEnum], text: str, expected: StrEnum | None) -> None:
    assert recode(enum, text) is expected


@pytest.mark.parametrize(
    "enum", [MRSequence, TumorType, LesionSize, LesionSpread, ImageRegion, Margins, Texture, SignalIntensity]
)
def test_reference_spellings_come_back(enum: type[StrEnum]) -> None:
    for value in enum:
        assert recode(enum, interop(value)) is value
        assert recode(enum, interop(value, attribute=True)) is value


def test_absent_is_a_value_that_the_reference_cannot_spell() -> None:
    assert interop(Enhancement.ABSENT) is None
    assert interop(Edema.ABSENT) is None


def test_coarser_terms_are_of_the_same_group_and_end() -> None:
    for value in VALUES:
        chain = coarsenings(value)
        assert len(chain) == len(set(chain))
        assert all(type(c) is type(value) for c in chain)
    assert coarser(Enhancement.RING) is Enhancement.PRESENT
    assert coarser(Enhancement.ABSENT) is None
    assert coarser(Shape.ROUND) is coarser(Shape.OVAL) is Shape.ROUND_OR_OVAL
    assert coarser(Margins.ILL_DEFINED) is None


@given(st.text(max_size=30))
def test_recode_never_invents(text: str) -> None:
    found = recode(TumorType, text)
    assert found is None or recode(TumorType, text.upper()) is found
