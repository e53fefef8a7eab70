"""Readings in the reference's JSON: exact spellings out, any known spelling in, and failures stay failures."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.errors import InputError
from neuroonco.readings.interop import READING_CODEC, decode_reading, encode_reading
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.store import load_strict, save
from neuroonco.vocabulary import (
    SIGN_VALUES,
    Edema,
    Enhancement,
    ImageRegion,
    Margins,
    MRSequence,
    ReadingKind,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    interop,
)

GOLDEN = Path(__file__).parent / "golden" / "readings_reference.json"
READINGS = [
    LesionReading(
        slice_id="s1",
        sample_id="glioma_16_BraTS2021_00001_flair",
        image_path="a/b.png",
        kind=ReadingKind.CONSERVATIVE,
        reader="measuring",
        lesion_found=True,
        sequence=MRSequence.FLAIR,
        region=ImageRegion.UPPER_LEFT,
        signs=Signs(
            shape=Shape.IRREGULAR,
            margins=Margins.ILL_DEFINED,
            texture=Texture.HETEROGENEOUS,
            edema=Edema.EXTENSIVE,
            signal_intensity=SignalIntensity.HYPERINTENSE,
        ),
    ),
    LesionReading(
        slice_id="s2",
        sample_id="meningioma_05_000123",
        reader="measuring",
        lesion_found=True,
        sequence=MRSequence.T1CE,
        region=ImageRegion.CENTER,
        signs=Signs(
            shape=Shape.ROUND_OR_OVAL,
            margins=Margins.WELL_CIRCUMSCRIBED,
            texture=Texture.HOMOGENEOUS,
            enhancement=Enhancement.ABSENT,
        ),
    ),
    LesionReading(slice_id="s3", sample_id="healthy_09_7", reader="measuring", lesion_found=False),
    LesionReading(slice_id="s4", sample_id="glioma_05_9", reader="measuring", error="timeout"),
]


def answer(**changes: Any) -> dict[str, Any]:
    meta = {"predicted_modality": "T2", "predicted_location": "Center", "lesion_found": "True"}
    signs: dict[str, Any] = dict.fromkeys((s.value for s in Sign), None)
    for key, value in changes.items():
        (meta if key in meta else signs)[key] = value
    return {"sample_id": "x", "ai_prediction": {"meta_info": meta, "structured_signs": signs}}


def test_encoding_matches_the_golden_file(tmp_path: Path) -> None:
    save(tmp_path / "a.json", READINGS, LesionReading, READING_CODEC)
    assert (tmp_path / "a.json").read_text() == GOLDEN.read_text()


def test_decoding_the_golden_file_and_encoding_again_changes_nothing(tmp_path: Path) -> None:
    readings = load_strict(GOLDEN, LesionReading, READING_CODEC)
    assert [r.lesion_found for r in readings] == [True, True, False, None]
    assert readings[0].signs.edema is Edema.EXTENSIVE
    assert readings[3].error == "timeout"
    save(tmp_path / "a.json", readings, LesionReading, READING_CODEC)
    assert (tmp_path / "a.json").read_text() == GOLDEN.read_text()


@pytest.mark.parametrize(
    ("text", "sequence"),
    [
        ("T1_Contrast", MRSequence.T1CE),
        ("t1-contrast", MRSequence.T1CE),
        ("T1C+", MRSequence.T1CE),
        ("T1Gd", MRSequence.T1CE),
        ("T2-FLAIR", MRSequence.FLAIR),
        ("t2 flair", MRSequence.FLAIR),
        ("T2", MRSequence.T2),
        ("T1", MRSequence.T1),
        ("Unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_sequences(text: str | None, sequence: MRSequence | None) -> None:
    reading = decode_reading(answer(predicted_modality=text))
    assert reading.sequence is sequence
    assert reading.unrecognized == ()


@given(
    st.sampled_from([(s, v) for s in Sign for v in SIGN_VALUES[s] if interop(v) is not None]),
    st.sampled_from([str.upper, str.lower, str.title]),
    st.sampled_from([" ", "-", "_"]),
)
def test_signs_in_any_case_and_joint(pair: tuple, case: Any, joint: str) -> None:
    sign, value = pair
    text = case(str(interop(value)).replace("-", joint))
    assert decode_reading(answer(**{sign.value: f" {text} "})).signs.get(sign) is value


@pytest.mark.parametrize("text", ["null", "None", " UNKNOWN ", "nan", "", None])
def test_null_spellings(text: str | None) -> None:
    reading = decode_reading(answer(edema=text, predicted_location=text))
    assert (reading.signs.edema, reading.region, reading.unrecognized) == (None, None, ())


def test_unknown_spellings_are_kept_apart() -> None:
    raw = answer(shape="Wobbly", predicted_modality="DWI", edema=["Mild"])
    raw["ai_prediction"]["structured_signs"]["mood"] = "calm"
    reading = decode_reading(raw)
    assert (reading.signs.shape, reading.sequence, reading.signs.edema) == (None, None, None)
    assert sorted(reading.unrecognized) == [
        "edema=['Mild']",
        "mood=calm",
        "predicted_modality=DWI",
        "shape=Wobbly",
    ]


@pytest.mark.parametrize("value", [True, "true", "True", " TRUE "])
def test_lesion_found_true(value: object) -> None:
    assert decode_reading(answer(lesion_found=value)).lesion_found is True


@pytest.mark.parametrize("value", [None, "", "yes", 1, 0, "maybe", [], "null"])
def test_unreadable_lesion_found_is_an_error_and_not_healthy(value: object) -> None:
    reading = decode_reading(answer(lesion_found=value))
    assert reading.lesion_found is None
    assert reading.error is not None


@pytest.mark.parametrize(
    "raw",
    [
        {"sample_id": "x"},
        {"sample_id": "x", "ai_prediction": None},
        {"sample_id": "x", "ai_prediction": "lesion"},
        {"sample_id": "x", "ai_prediction": {"structured_signs": {}}},
        {"sample_id": "x", "ai_prediction": {"meta_info": {"lesion_found": "True"}, "structured_signs": []}},
        {"sample_id": "x", "error": ""},
        {"sample_id": "x", "error": "429", **{"ai_prediction": answer()["ai_prediction"]}},
    ],
)
def test_broken_answers_fail_closed(raw: dict[str, Any]) -> None:
    reading = decode_reading(raw)
    assert reading.error
    assert reading.lesion_found is None
    assert reading.signs == Signs()
    assert encode_reading(reading) == {"sample_id": "x", "error": reading.error}


def test_image_path_is_tolerated_and_other_fields_are_not() -> None:
    assert decode_reading(answer() | {"image_path": "a/b.png"}).image_path == "a/b.png"
    with pytest.raises(InputError) as caught:
        decode_reading(answer() | {"diagnosis": "glioma"})
    assert caught.value.code == "FIELD_UNKNOWN"
    with pytest.raises(KeyError):
        decode_reading({"error": "x"})
