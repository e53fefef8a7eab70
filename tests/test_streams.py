"""Records in batches: what is written in parts is what is written whole, to the byte."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco import columns, pipeline, sorting, store, tallies
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.catalog.sample_ids import unique_sample_ids
from neuroonco.errors import InputError
from neuroonco.executors import InProcess
from neuroonco.outcomes import Dropped, Quarantined, Record, StageOutcome
from neuroonco.pipeline import Workspace, save_outcome
from neuroonco.rules import load_rules
from neuroonco.sorting import merge
from neuroonco.store import sha256_text
from neuroonco.streams import RECORDS, Rows, ShardOutcome, Shards, models_of, remove_torn, rows_of, save_shard
from neuroonco.tallies import repeated
from neuroonco.vocabulary import DropReason, MaskKind
from neuroonco.walk.catalogue import unique_names

REASONS = tuple(DropReason)[:3]


class Looked(Record):
    """Beside a slice."""

    slice_id: str
    value: float


def slice_of(number: int, **fields: object) -> SliceRecord:
    given = {
        "slice_id": f"s{sha256_text(str(number))[:16]}",
        "sample_id": f"sample_{number}",
        "source_id": "01",
        "image_path": f"a/{number}.jpg",
        "image_sha256": sha256_text("x", str(number)),
        "height_px": 200 + number % 7,
        "width_px": 300,
        "channels": 1,
        "bit_depth": 8,
        "mask": MaskRef(path="m.png", kind=MaskKind.LABELS, lesion_values=(1, 4)) if number % 3 == 0 else None,
        "notes": ("a", "b")[: number % 3],
    }
    return SliceRecord.model_validate({**given, **fields})


def outcome_of(numbers: list[int]) -> ShardOutcome[SliceRecord]:
    """Every fifth is dropped, every seventh quarantined, every eleventh has a second row of the same id."""
    outcome: ShardOutcome[SliceRecord] = ShardOutcome()
    for n in numbers:
        record = slice_of(n)
        if n % 5 == 0:
            path = None if n % 2 else record.image_path
            outcome.dropped.append(Dropped(slice_id=record.slice_id, reason=REASONS[n % 3], image_path=path))
        elif n % 7 == 0:
            outcome.quarantined.append(Quarantined(slice_id=record.slice_id, code="CODE", message=str(n)))
        else:
            again = [record.model_copy(update={"height_px": 100})] if n % 11 == 0 else []
            outcome.kept += [record, *again]
    outcome.beside["looked"] = [Looked(slice_id=r.slice_id, value=r.height_px / 3) for r in outcome.kept]
    return outcome


def workspace(folder: Path) -> Workspace:
    return Workspace(run=folder, folder=folder, rules=load_rules("default"))


def test_merged_shards_are_the_bytes_of_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "BUCKET_ROWS", 700)
    monkeypatch.setattr(sorting, "GATHERED_ROWS", 300)
    numbers = list(range(9_000))  # more than two row groups
    whole = outcome_of(numbers)
    save_outcome(tmp_path / "whole", whole, SliceRecord)
    store.save(tmp_path / "whole" / "looked.parquet", sorted(whole.beside["looked"], key=_by_json), Looked)
    ws = workspace(tmp_path / "parts")
    pieces = [numbers[i : i + 97] for i in range(0, len(numbers), 97)]
    shards = ws.stream(pieces, SliceRecord, outcome_of, {"looked": Looked})
    counts = ws.save_shards(shards)
    for name in ("records", "dropped", "quarantined", "looked"):
        assert (tmp_path / "whole" / f"{name}.parquet").read_bytes() == (
            tmp_path / "parts" / f"{name}.parquet"
        ).read_bytes(), name
    assert counts["kept"] == len(whole.kept)
    assert counts["dropped"] + counts["quarantined"] == len(whole.dropped) + len(whole.quarantined)
    assert counts["dropped_by_reason"] == dict(Counter(d.reason.value for d in whole.dropped).most_common())
    assert not list((tmp_path / "parts").glob(".*")), "no bucket is left"


def _by_json(record: Looked) -> tuple[str, str]:
    return record.slice_id, record.model_dump_json()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 400), max_size=60), st.integers(1, 20), st.integers(1, 30), st.randoms())
def test_neither_the_order_nor_the_size_of_pieces_shows(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], size: int, bucket: int, chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    records = [slice_of(n, height_px=100 + n % 2) for n in numbers]
    save_outcome(folder, StageOutcome(records), SliceRecord)
    chance.shuffle(records)
    tables = [columns.table_of(records[i : i + size], SliceRecord) for i in range(0, len(records), size)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "BUCKET_ROWS", bucket)
        patch.setattr(sorting, "GATHERED_ROWS", size)
        assert merge(lambda: tables, SliceRecord, folder / "merged.parquet") == len(records)
    assert (folder / "merged.parquet").read_bytes() == (folder / "records.parquet").read_bytes()


def test_ids_that_are_no_hashes_are_ordered_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "BUCKET_ROWS", 2)
    ids = ["", "a", "s", "s0", "szz", "sÿ", "t", "ß", "\U0001f600", "s8000aaaa", "s7fff"]
    records = [Looked(slice_id=i, value=n) for n, i in enumerate(ids)]
    merge(lambda: [columns.table_of(records, Looked)], Looked, tmp_path / "x.parquet")
    assert [r.slice_id for r in store.load_strict(tmp_path / "x.parquet", Looked)] == sorted(ids)


def test_nothing_is_an_empty_file_with_its_columns(tmp_path: Path) -> None:
    assert merge(list, SliceRecord, tmp_path / "x.parquet") == 0
    store.save(tmp_path / "y.parquet", [], SliceRecord)
    assert (tmp_path / "x.parquet").read_bytes() == (tmp_path / "y.parquet").read_bytes()


def test_rows_come_back_as_they_were_written_each_once(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    records = [Looked(slice_id=f"s{n:05d}", value=n) for n in range(columns.ROWS_PER_GROUP + 1000)]
    store.save(path, records, Looked)
    pieces = rows_of(path, Looked, 300)
    assert [r for piece in pieces for r in piece.read()] == records
    assert max(piece.stop - piece.start for piece in pieces) == 300
    store.save(path, records[:10], Looked)
    assert Rows(path, Looked, 0, 10).read() == records[:10], "a file that changed is read again"


def test_a_torn_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"torn")
    with pytest.raises(InputError, match="PARQUET_BROKEN"):
        rows_of(tmp_path / "x.parquet", Looked, 10)
    with pytest.raises(InputError, match="FILE_MISSING"):
        rows_of(tmp_path / "y.parquet", Looked, 10)
    pq.write_table(pa.table({"slice_id": ["a"], "value": ["many"]}), tmp_path / "z.parquet")
    with pytest.raises(InputError, match="FIELD_INVALID"):
        Rows(tmp_path / "z.parquet", Looked, 0, 1).read()


def test_only_missing_shards_are_done_again(tmp_path: Path) -> None:
    calls: list[int] = []

    def work(piece: list[int]) -> StageOutcome[SliceRecord]:
        calls.append(piece[0])
        if piece[0] == 20 and calls.count(20) == 1:
            raise InputError("CODE", "cut off")
        return outcome_of(piece)

    ws = workspace(tmp_path)
    pieces = [list(range(start, start + 10)) for start in range(0, 40, 10)]
    with pytest.raises(InputError, match="cut off"):
        ws.stream(pieces, SliceRecord, work, {"looked": Looked})
    seen: list[tuple[int, int]] = []
    ws.progress = lambda _stage, done, total: seen.append((done, total))
    ws.stream(pieces, SliceRecord, work, {"looked": Looked})
    assert calls == [0, 10, 20, 20, 30]
    assert seen == [(2, 4), (3, 4), (4, 4)]


def test_work_is_given_out_while_it_is_done(tmp_path: Path) -> None:
    taken: list[int] = []

    class Watched(InProcess):
        def map_ordered(self, work, pieces):
            for piece in pieces:
                taken.append(piece[0][0])
                yield work(piece)

    ws = workspace(tmp_path)
    ws.executor = Watched()
    done: list[int] = []
    ws.progress = lambda _stage, count, _total: done.append(len(taken) - count)
    ws.stream([[n] for n in range(6)], SliceRecord, outcome_of, {"looked": Looked})
    assert max(done) <= 1


def test_a_shard_that_is_written_again_keeps_nothing_of_the_old(tmp_path: Path) -> None:
    models = models_of(SliceRecord, {"looked": Looked})
    save_shard(tmp_path, outcome_of([5, 7, 8]), models)
    save_shard(tmp_path, outcome_of([8]), models)
    shards = Shards([tmp_path], models)
    assert [len(list(shards.tables(name))) for name in ("dropped", "quarantined", "looked")] == [0, 0, 1]
    assert [r.slice_id for r in shards.records(RECORDS, SliceRecord)] == [slice_of(8).slice_id]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=5), max_size=6))
def test_repeated_names(batches: list[list[str]]) -> None:
    counts = Counter(name for batch in batches for name in batch)
    assert repeated(lambda: iter(batches)) == {name for name, times in counts.items() if times > 1}


def test_names_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "_hashes", lambda names: np.zeros(len(names), np.int64))
    assert repeated(lambda: iter([["a", "b"], ["c", "b"]])) == {"b"}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", "a_s1", "a_s2"]), st.integers(0, 5)), max_size=8))
def test_sample_ids_become_unique_as_in_memory(
    tmp_path_factory: pytest.TempPathFactory, names: list[tuple[str, int]]
) -> None:
    records = [slice_of(n, sample_id=name, slice_id=f"s{k}") for n, (name, k) in enumerate(dict(names).items())]
    records = list({r.slice_id: r for r in records}.values())
    folder = tmp_path_factory.mktemp("names")
    models = models_of(SliceRecord, {})
    folders = [folder / str(i) for i in range(len(records))]
    for place, record in zip(folders, records, strict=True):
        save_shard(place, StageOutcome([record]), models)
    shards = Shards(folders, models)
    change = unique_names(shards)
    found = [r for t in shards.tables(RECORDS) for r in columns.records_of(change(t), SliceRecord, folder)]
    assert found == unique_sample_ids(records)


def test_pieces_have_the_size_of_their_work() -> None:
    assert pipeline.SHARD_SIZE < pipeline.LIGHT_SHARD_SIZE < columns.ROWS_PER_GROUP
    assert columns.ROWS_PER_GROUP % pipeline.LIGHT_SHARD_SIZE == 0


def test_what_a_kill_left_in_the_middle_of_sorting_is_removed(tmp_path: Path) -> None:
    buckets = tmp_path / ".records.parquet.buckets.tmp"
    buckets.mkdir()
    (buckets / "000001.arrow").write_bytes(b"torn")
    shard = tmp_path / "shards" / "000000"
    save_shard(shard, outcome_of([8]), models_of(SliceRecord, {"looked": Looked}))
    (shard / ".dropped.arrow.77.tmp").write_bytes(b"torn")
    remove_torn(tmp_path)
    found = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert found == ["shards/000000/looked.arrow", "shards/000000/records.arrow"]
    assert not buckets.exists()
