"""The reference's catalogue JSON, read and written."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco import store
from neuroonco.catalog.interop import SLICE_CODEC
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.errors import InputError
from neuroonco.vocabulary import MaskKind, MRSequence, TumorType

GOLDEN = Path(__file__).parent / "golden" / "catalog_reference.json"

ROW = {
    "sample_id": "glioma_16_x_c_t1",
    "image_path": "glioma/16_x/c/c_t1.png",
    "tumor_present": True,
    "tumor_type": "glioma",
    "modality": "t1",
    "has_mask": True,
    "mask_path": "glioma/16_x/c/c_seg.png",
    "image_meta": {"height": 240, "width": 200, "channel": 3},
}


def encode(record: SliceRecord) -> dict[str, object]:
    encoded = SLICE_CODEC.encode(record)
    assert encoded is not None
    return encoded


def test_golden_file_comes_back_byte_for_byte(tmp_path):
    records = store.load_strict(GOLDEN, SliceRecord, SLICE_CODEC)
    assert len(records) == 6
    store.save(tmp_path / "again.json", records, SliceRecord, SLICE_CODEC)
    assert (tmp_path / "again.json").read_text() == GOLDEN.read_text()


def test_decoded_record():
    record = SLICE_CODEC.decode(ROW)
    assert record.model_dump() == {
        "slice_id": "glioma_16_x_c_t1", "sample_id": "glioma_16_x_c_t1", "source_id": "16",
        "image_path": "glioma/16_x/c/c_t1.png", "image_channel": None, "image_slice": None,
        "image_sha256": "", "height_px": 240,
        "width_px": 200, "channels": 3, "bit_depth": 8, "tumor_present": True, "tumor_type": TumorType.GLIOMA,
        "source_label": "glioma", "sequence": MRSequence.T1, "plane": None, "patient_id": "c", "split": None,
        "spacing_mm": None, "thickness_mm": None, "display_left": None,
        "mask": {
            "path": "glioma/16_x/c/c_seg.png", "kind": MaskKind.LABELS, "lesion_values": None, "slice_index": None,
        },
        "notes": (), "origin": None,
    }  # fmt: skip


def test_keys_stand_in_the_reference_order():
    assert list(encode(SLICE_CODEC.decode(ROW | {"origin": "metadata_16"}))) == [*ROW, "origin"]


@pytest.mark.parametrize(
    ("path", "source_id"),
    [("healthy/09_t2/a.png", "09"), ("healthy/a.png", "reference"), ("healthy/extra/a.png", "reference"),
     ("healthy/09.png", "reference")],
)  # fmt: skip
def test_source_is_the_number_of_the_second_folder(path, source_id):
    assert SLICE_CODEC.decode(ROW | {"image_path": path}).source_id == source_id


def test_other_keys_of_the_reference_are_accepted():
    row = ROW | {"origin": "metadata_16", "origin_json": "metadata_16.json", "medical_semantics": None}
    assert SLICE_CODEC.decode(row).origin == "metadata_16"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"colour": 1}, "FIELD_UNKNOWN"),
        ({"image_meta": {"height": 1, "width": 1}}, "FIELD_MISSING"),
        ({"image_meta": {"height": 1, "width": 1, "channel": 1, "depth": 1}}, "FIELD_UNKNOWN"),
        ({"image_meta": [1, 2, 3]}, "FIELD_INVALID"),
        ({"image_path": "/etc/passwd"}, "PATH_OUTSIDE_ROOT"),
        ({"image_path": "glioma/../../x.png"}, "PATH_OUTSIDE_ROOT"),
        ({"image_path": "C:\\x.png"}, "PATH_OUTSIDE_ROOT"),
        ({"image_path": ""}, "PATH_OUTSIDE_ROOT"),
        ({"image_path": 7}, "FIELD_INVALID"),
        ({"mask_path": "../x.png"}, "PATH_OUTSIDE_ROOT"),
        ({"mask_path": ""}, "PATH_OUTSIDE_ROOT"),
        ({"modality": "diffusion"}, "FIELD_INVALID"),
        ({"has_mask": "yes"}, "FIELD_INVALID"),
        ({"tumor_present": "yes"}, "FIELD_INVALID"),
        ({"sample_id": ""}, "FIELD_INVALID"),
    ],
)
def test_bad_rows_have_a_code(change, code):
    with pytest.raises(InputError) as caught:
        SLICE_CODEC.decode(ROW | change)
    assert caught.value.code == code


@pytest.mark.parametrize("key", list(ROW))
def test_missing_key_is_named(key):
    with pytest.raises(InputError, match=key) as caught:
        SLICE_CODEC.decode({k: v for k, v in ROW.items() if k != key})
    assert caught.value.code == "FIELD_MISSING"


def test_bad_rows_are_set_aside_and_the_others_read(tmp_path):
    rows = [ROW, ROW | {"colour": 1}, ROW | {"image_meta": {"height": "tall", "width": 1, "channel": 3}}]
    (tmp_path / "c.json").write_text(json.dumps(rows))
    loaded = store.load(tmp_path / "c.json", SliceRecord, SLICE_CODEC)
    assert len(loaded.records) == 1
    assert [q.code for q in loaded.unreadable] == ["FIELD_UNKNOWN", "FIELD_INVALID"]


def test_label_outside_the_vocabulary_survives():
    row = ROW | {"tumor_type": "lymphoma", "modality": "unknown", "has_mask": False, "mask_path": ""}
    record = SLICE_CODEC.decode(row)
    assert (record.tumor_type, record.source_label, record.sequence, record.mask) == (None, "lymphoma", None, None)
    assert encode(record) == row


def test_unknown_type_is_not_a_label():
    record = SLICE_CODEC.decode(ROW | {"tumor_type": "unknown"})
    assert (record.tumor_type, record.source_label) == (None, None)
    assert encode(record)["tumor_type"] == "unknown"


def record_with(mask: MaskRef | None) -> SliceRecord:
    return SliceRecord(
        slice_id="s1", sample_id="a", source_id="19", image_path="tumor/19/images/a.b.jpg", image_sha256="00",
        height_px=3, width_px=4, channels=1, bit_depth=16, tumor_present=True, tumor_type=TumorType.TUMOR,
        source_label="yes", mask=mask,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "mask_path"),
    [(MaskKind.BINARY, "m"), (MaskKind.LABELS, "m"), (MaskKind.YOLO_BOXES, ""),
     (MaskKind.YOLO_POLYGONS, "tumor/19/images/a.b_mask.png")],
)  # fmt: skip
def test_mask_of_each_kind(kind, mask_path):
    encoded = encode(record_with(MaskRef(path="m", kind=kind)))
    assert (encoded["mask_path"], encoded["has_mask"]) == (mask_path, bool(mask_path))


def test_channel_is_what_the_reference_reads_and_type_is_the_token():
    encoded = encode(record_with(None))
    assert encoded["image_meta"] == {"height": 3, "width": 4, "channel": 3}
    assert encoded["tumor_type"] == "tumor"
    assert "origin" not in encoded


rows = st.fixed_dictionaries(
    {
        "sample_id": st.text(st.characters(categories=("L", "N")), min_size=1),
        "image_path": st.sampled_from(["glioma/16_x/c/a.png", "healthy/09_t1/x (1).jpg", "tumor/a.png"]),
        "tumor_present": st.booleans(),
        "tumor_type": st.sampled_from([t.value for t in TumorType] + ["lymphoma", "unknown"]),
        "modality": st.sampled_from(["t1", "t2", "t1ce", "flair", "unknown"]),
        "image_meta": st.fixed_dictionaries(
            {"height": st.integers(1, 9999), "width": st.integers(1, 9999), "channel": st.just(3)}
        ),
        "mask_path": st.sampled_from(["", "glioma/16_x/c/a_seg.png"]),
    }
)


@given(rows)
def test_round_trip(row):
    row = row | {"has_mask": bool(row["mask_path"])}
    assert encode(SLICE_CODEC.decode(row)) == row


def test_published_catalogue_round_trips(upstream_root):
    published = json.loads((upstream_root / "metadata_16.json").read_text())
    assert [encode(SLICE_CODEC.decode(row)) for row in published] == published
