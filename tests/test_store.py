"""Files: round trips, one-line errors, and a kill that leaves the old file."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.outcomes import Record
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.vocabulary import MRSequence, ReadingKind, Shape


class Sample(Record):
    slice_id: str
    number: int | None = None
    words: tuple[str, ...] = ()


rows = st.lists(
    st.builds(
        Sample,
        slice_id=st.text(max_size=8),
        number=st.none() | st.integers(-(2**40), 2**40),
        words=st.tuples(st.text(max_size=5)),
    ),
    max_size=5,
)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
@given(records=rows)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, suffix: str, records: list[Sample]) -> None:
    path = tmp_path_factory.mktemp("store") / f"x{suffix}"
    store.save(path, records, Sample)
    assert store.load_strict(path, Sample) == records


def test_nested_records_keep_their_types_even_if_all_null(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    empty = LesionReading(slice_id="s", sample_id="a", reader="r", lesion_found=None, error="x")
    store.save(path, [empty], LesionReading)
    schema_of_nulls = store.pq.read_schema(path)
    full = empty.model_copy(
        update={"signs": Signs(shape=Shape.OVAL), "sequence": MRSequence.T2, "kind": ReadingKind.SKEPTICAL}
    )
    store.save(path, [full], LesionReading)
    assert store.pq.read_schema(path) == schema_of_nulls
    assert store.load_strict(path, LesionReading) == [full]


def test_same_records_same_bytes(tmp_path: Path) -> None:
    records = [Sample(slice_id=str(i), number=i) for i in range(5000)]
    for name in ("a", "b"):
        store.save(tmp_path / f"{name}.parquet", iter(records), Sample)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.json", b"[{", "JSON_BROKEN"),
        ("a.json", b'{"a": 1}', "JSON_NOT_A_LIST"),
        ("a.json", b'[{"a": NaN}]', "JSON_NOT_FINITE"),
        ("a.json", b'[{"a": 1, "a": 2}]', "JSON_DUPLICATE_KEY"),
        ("a.json", b"[" * 100_000, "JSON_TOO_DEEP"),
        ("a.json", b"[" + b"9" * 5000 + b"]", "JSON_BROKEN"),
        ("a.json", b"\xff\xfe", "ENCODING"),
        ("a.parquet", b"PAR1 no", "PARQUET_BROKEN"),
        ("a.csv", b"x", "FORMAT_UNKNOWN"),
    ],
)
def test_a_file_that_is_nothing_like_it_should_be(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    codec: store.ReferenceCodec[Sample] = store.ReferenceCodec(lambda raw: Sample(**raw), lambda r: r.model_dump())
    with pytest.raises(InputError) as caught:
        store.load(path, Sample, codec)
    assert caught.value.code == code
    assert "\n" not in caught.value.line
    assert caught.value.exit_code == 3


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="FILE_MISSING"):
        store.load(tmp_path / "no.parquet", Sample)
    with pytest.raises(InputError):
        store.load(tmp_path, Sample)


def test_a_bad_row_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    lines = [
        '{"slice_id": "a"}',
        '{"slice_id": "b", "colour": 1}',
        "{",
        '{"number": 3}',
        "[]",
        '{"slice_id": "c"}',
    ]
    path.write_text("\n".join(lines))
    loaded = store.load(path, Sample)
    assert [r.slice_id for r in loaded.records] == ["a", "c"]
    assert [q.code for q in loaded.unreadable] == [
        "FIELD_UNKNOWN",
        "JSON_BROKEN",
        "FIELD_INVALID",
        "FIELD_INVALID",
    ]
    assert "colour: no such field" in loaded.unreadable[0].message
    with pytest.raises(InputError):
        store.load_strict(path, Sample)


def test_unknown_suffix_and_unwritable_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="FORMAT_UNKNOWN"):
        store.save(tmp_path / "x.txt", [], Sample)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="CANNOT_WRITE"):
        store.save(tmp_path / "file" / "x.jsonl", [], Sample)


def test_sigkill_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    store.save(path, [Sample(slice_id="old")], Sample)
    before = path.read_bytes()
    script = f"""
import os, signal
from pathlib import Path
from neuroonco import store
from neuroonco.outcomes import Record
class Sample(Record):
    slice_id: str
def rows():
    for i in range(10):
        yield Sample(slice_id=str(i))
    os.kill(os.getpid(), signal.SIGKILL)
store.save(Path({str(path)!r}), rows(), Sample)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir())  # the torn temporary file is beside it, under another name
    assert store.load_strict(path, Sample) == [Sample(slice_id="old")]
