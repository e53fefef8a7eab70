"""What comes into a room: opaque keys, outlines and notes by slice, and questions that nobody could judge set aside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closed_items import closed_item
from factories_build import make_label
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.records import Option
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.curate.records import CuratedSlice
from neuroonco.errors import InputError
from neuroonco.readings.records import LesionReading, SignConfidences, Signs
from neuroonco.review.intake import take_in
from neuroonco.review.room_records import Assignment, ModelNote
from neuroonco.review.sheet import item_key
from neuroonco.review.topping_up import for_one, top_up
from neuroonco.vocabulary import ImageRegion, Margins, MaskKind, MRSequence, ReadingKind, Shape
from neuroonco.walk.reviewing import context_of_labels, context_of_run, note_of_label, note_of_reading

MASK = MaskRef(path="masks/a.png", kind=MaskKind.BINARY)


def slice_record(slice_id, mask=MASK, model=SliceRecord):
    return model(
        slice_id=slice_id,
        sample_id=f"sample-{slice_id}",
        source_id="01",
        image_path=f"images/{slice_id}.png",
        image_sha256="0" * 64,
        height_px=64,
        width_px=64,
        channels=1,
        bit_depth=8,
        mask=mask,
    )


def test_questions_get_what_is_known_of_their_slice():
    items = [closed_item("1", "A"), closed_item("1", "B", q_index=1), closed_item("2", "E")]
    note = ModelNote(reader="m", kind="audited", statements={"Lesion": "found"})
    intake = take_in(items, {"s1": MASK}, {"s2": [note]})
    assert [one.key for one in intake.items] == sorted(item_key(item) for item in items)
    found = {one.item.image_id: one for one in intake.items if one.item.q_index == 0}
    assert (found["1"].mask, found["1"].notes) == (MASK, ())
    assert (found["2"].mask, found["2"].notes) == (None, (note,))
    assert intake.counts() == {"questions": 3, "with_mask": 2, "with_notes": 1, "quarantined": 0}


def test_twins_stay_and_shared_keys_do_not():
    first = closed_item("1", "A")
    twin = first.model_copy(update={"q_index": 3, "twin_of": 0, "answer": "E"})
    again = closed_item("2", "A")
    other = again.model_copy(update={"answer": "B"})
    intake = take_in([first, twin, again, other], {}, {})
    assert {(one.item.image_id, one.item.q_index) for one in intake.items} == {("1", 0), ("1", 3)}
    assert [(row.code, row.sample_id) for row in intake.quarantined] == [("QUESTION_TWICE", "2")] * 2


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"answer": "F"}, "ANSWER_NOT_OFFERED"),
        ({"options": (Option(letter="A", text="Glioma"),)}, "OPTIONS_INVALID"),
        ({"options": (Option(letter="A", text="Glioma"), Option(letter="A", text="Healthy"))}, "OPTIONS_INVALID"),
        ({"options": (), "answer": ""}, "OPTIONS_INVALID"),
        ({"question": "  "}, "QUESTION_EMPTY"),
        ({"image_path": "/etc/passwd"}, "PATH_OUTSIDE_ROOT"),
        ({"image_path": "a/../../b.png"}, "PATH_OUTSIDE_ROOT"),
        ({"image_path": "C:/b.png"}, "PATH_OUTSIDE_ROOT"),
        ({"image_path": "a\\b.png"}, "PATH_OUTSIDE_ROOT"),
    ],
)
def test_what_nobody_could_judge_is_set_aside(changed, code):
    good = closed_item("1", "A")
    bad = closed_item("2", "A").model_copy(update=changed)
    intake = take_in([bad, good], {}, {})
    assert [one.item for one in intake.items] == [good]
    assert [row.code for row in intake.quarantined] == [code]


def test_an_outline_outside_the_root_is_left_out_and_named():
    intake = take_in([closed_item("1", "A")], {"s1": MaskRef(path="../m.png", kind=MaskKind.BINARY)}, {})
    assert intake.items[0].mask is None
    assert [row.code for row in intake.without_mask] == ["PATH_OUTSIDE_ROOT"]


# --- from runs and files ---


def test_notes_are_in_words_and_do_not_tell_the_source_label():
    reading = LesionReading(
        slice_id="s1",
        sample_id="x",
        kind=ReadingKind.SKEPTICAL,
        reader="measuring",
        lesion_found=True,
        sequence=MRSequence.T1CE,
        region=ImageRegion.CENTER,
        signs=Signs(shape=Shape.ROUND, margins=Margins.ILL_DEFINED),
        confidences=SignConfidences(shape=0.876),
    )
    note = note_of_reading(reading)
    assert (note.reader, note.kind) == ("measuring", "skeptical")
    assert note.statements["Lesion"] == "found"
    assert note.statements["Sequence"] == "T1 with contrast"
    assert note.statements["Shape"].endswith("(confidence 0.88)")
    assert "confidence" not in note.statements["Margins"]
    failed = reading.model_copy(update={"error": "timeout"})
    assert note_of_reading(failed).statements == {"Reading": "failed"}
    label = make_label("a")
    note = note_of_label(label)
    assert note.kind == "audited"
    assert "glioma" not in str(note.statements).casefold()


def test_context_of_a_run(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(InputError, match="RUN_MISSING"):
        context_of_run(run, {"s1"})
    records = [slice_record("s1"), slice_record("s2", None), slice_record("s3")]
    store.save(run / "01-catalog" / "records.parquet", records, SliceRecord)
    assert set(context_of_run(run, {"s1", "s2"}).masks) == {"s1"}
    curated = [slice_record("s2", MASK, CuratedSlice)]
    store.save(run / "02-curate" / "records.parquet", curated, CuratedSlice)
    readings = [
        LesionReading(slice_id="s2", sample_id="x", kind=kind, reader="m", lesion_found=found)
        for kind, found in ((ReadingKind.SKEPTICAL, None), (ReadingKind.CONSERVATIVE, False))
    ]
    store.save(run / "05-read" / "records.parquet", readings, LesionReading)
    label = make_label("a").model_copy(update={"slice_id": "s2"})
    store.save(run / "07-audit" / "records.parquet", [label], AuditedLabel)
    context = context_of_run(run, {"s1", "s2"})
    assert set(context.masks) == {"s2"}
    assert [note.kind for note in context.notes["s2"]] == ["conservative", "skeptical", "audited"]
    assert [note.statements["Lesion"] for note in context.notes["s2"][:2]] == ["not found", "cannot tell"]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_outlines_from_a_file_of_any_stage(tmp_path, suffix):
    path = tmp_path / f"slices{suffix}"
    store.save(path, [slice_record("s1"), slice_record("s9")], SliceRecord)
    assert context_of_labels(path, {"s1"}).masks == {"s1": MASK}
    described = make_label("a").slice.model_copy(update={"slice_id": "s1", "mask": MASK})
    label = make_label("a").model_copy(update={"slice_id": "s1", "slice": described})
    store.save(tmp_path / f"labels{suffix}", [label], AuditedLabel)
    context = context_of_labels(tmp_path / f"labels{suffix}", {"s1"})
    assert context.masks == {"s1": MASK}
    assert [note.kind for note in context.notes["s1"]] == ["audited"]


def test_a_slice_stated_twice_has_no_outline_and_broken_rows_are_named(tmp_path):
    path = tmp_path / "slices.jsonl"
    other = slice_record("s1", MaskRef(path="masks/b.png", kind=MaskKind.BINARY))
    store.save(path, [slice_record("s1"), other, slice_record("s2")], SliceRecord)
    path.write_text(path.read_text() + '{"slice_id": 3}\nnot json\n')
    context = context_of_labels(path, {"s1", "s2"})
    assert set(context.masks) == {"s2"}
    assert [row.code for row in context.unreadable] == ["FIELD_INVALID", "JSON_BROKEN", "SLICE_TWICE"]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.json", "{}", "JSON_NOT_A_LIST"),
        ("a.json", "[" * 100_000, "JSON_TOO_DEEP"),
        ("a.parquet", "PAR1 no", "PARQUET_BROKEN"),
        ("a.csv", "x", "FORMAT_UNKNOWN"),
    ],
)
def test_hostile_label_files_are_one_error(tmp_path, name, text, code):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=code):
        context_of_labels(tmp_path / name, {"s1"})


def test_a_hostile_line_is_named(tmp_path):
    (tmp_path / "a.jsonl").write_text("[" * 100_000)
    context = context_of_labels(tmp_path / "a.jsonl", {"s1"})
    assert (context.masks, [row.code for row in context.unreadable]) == ({}, ["JSON_TOO_DEEP"])


# --- more readers later ---

KEYS = [f"q{n:016x}" for n in range(12)]


@given(
    readers=st.lists(st.sampled_from("abcdef"), unique=True, min_size=1),
    there=st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from("abc")), unique=True),
    closed=st.sets(st.sampled_from(KEYS)),
    per_item=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_topping_up_fills_what_is_open_and_repeats_nobody(readers, there, closed, per_item, seed):
    held = [Assignment(key=key, reader=reader) for key, reader in there]
    made = top_up(KEYS, readers, held, per_item=per_item, closed=closed, seed=seed)
    both = [(one.key, one.reader) for one in (*held, *made)]
    assert len(set(both)) == len(both)
    assert not {one.key for one in made} & closed
    assert made == top_up(KEYS[::-1], readers[::-1], held[::-1], per_item=per_item, closed=closed, seed=seed)
    for key in set(KEYS) - closed:
        before = {reader for k, reader in there if k == key}
        after = {reader for k, reader in both if k == key}
        assert len(after) == max(len(before), min(per_item, len(before | set(readers))))


@given(number=st.none() | st.integers(1, 20), closed=st.sets(st.sampled_from(KEYS)), seed=st.integers(0, 9))
def test_one_reader_gets_the_questions_with_the_fewest_readers(number, closed, seed):
    held = [Assignment(key=key, reader="a") for key in KEYS[:6]] + [Assignment(key=KEYS[0], reader="b")]
    made = for_one(KEYS, "b", held, number=number, closed=closed, seed=seed)
    free = set(KEYS[1:]) - closed
    assert len(made) == (len(free) if number is None else min(number, len(free)))
    assert {one.key for one in made} <= free
    if len(made) <= len(free & set(KEYS[6:])):
        assert {one.key for one in made} <= set(KEYS[6:])
