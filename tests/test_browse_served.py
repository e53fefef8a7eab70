"""Browsing a run: filters against the run's tables, pages of slices, what is refused, and runs that change."""

import shutil
import threading
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from browse_runs import HOSTILE, LOST_ID, edited_run, finished_run
from neuroonco.browse.app import create_app, neighbors_in
from neuroonco.browse.choice import Choice, facet_lines
from neuroonco.cli import run as run_cli
from neuroonco.images import read_image
from neuroonco.vocabulary import Sign
from neuroonco.walk.browsing import RunArchive
from neuroonco.walk.browsing_index import FACET_NAMES, read_index
from neuroonco.walk.browsing_way import way
from neuroonco.walk.trace import trace


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return edited_run(tmp_path_factory)


def client_of(run: Path) -> TestClient:
    archive = RunArchive(run, run / "00-phantoms" / "images", "tiny")
    return TestClient(create_app(archive, FACET_NAMES, frozenset({"testserver"})))


def found(run: Path, **filters: str) -> set[str]:
    index = read_index(run)
    chosen = index.chosen({name: (value,) for name, value in filters.items()})
    return {index.name(position) for position in chosen.nonzero()[0].tolist()}


def rows(run: Path, place: str) -> list[dict]:
    return pq.read_table(run / f"{place}.parquet").to_pylist()


def test_single_filters_find_what_the_tables_say(edited: Path) -> None:
    catalogued = rows(edited, "01-catalog/records")
    for name, column in (("source", "source_id"), ("type", "tumor_type"), ("sequence", "sequence"), ("plane", "plane")):
        for value in {row[column] for row in catalogued}:
            expected = {row["slice_id"] for row in catalogued if row[column] == value}
            if name == "source" and value == "phantoms":
                expected.add(LOST_ID)
            assert found(edited, **{name: value}) == expected, (name, value)
    assert found(edited, mask="yes") == {row["slice_id"] for row in catalogued if row["mask"] is not None}


def test_signs_are_those_of_the_audited_labels(edited: Path) -> None:
    labels = {row["slice_id"]: row["signs"] for row in rows(edited, "07-audit/records")}
    everyone = {row["slice_id"] for row in rows(edited, "01-catalog/records")} | {LOST_ID}
    for sign in Sign:
        values = {signs[sign.value] for signs in labels.values()}
        for value in values:
            expected = {i for i, signs in labels.items() if signs[sign.value] == value}
            assert found(edited, **{sign.value: value or "not_stated"}) == expected
        assert found(edited, **{sign.value: "no_label"}) == everyone - set(labels)


def test_questions_drops_errors_copies_and_flags_find_their_slices(edited: Path) -> None:
    asked = rows(edited, "09-review/records")
    for kind in {row["question_type"] for row in asked}:
        assert found(edited, question=kind) == {r["slice_id"] for r in asked if r["question_type"] == kind}
    dropped = rows(edited, "08-build/dropped")
    for reason in {row["reason"] for row in dropped}:
        assert found(edited, dropped=f"08-build:{reason}") == {r["slice_id"] for r in dropped if r["reason"] == reason}
    (copy,) = rows(edited, "02-curate/dropped")
    assert found(edited, dropped="02-curate:duplicate_augmented") == {copy["slice_id"]}
    assert found(edited, quarantined="01-catalog:IMAGE_EMPTY") == {LOST_ID} == found(edited, reached="not_catalogued")
    (group,) = rows(edited, "02-curate/duplicate_groups")
    assert found(edited, copies="yes") == {member["slice_id"] for member in group["members"]}
    assert found(edited, flag=HOSTILE) == {group["members"][0]["slice_id"]}


def test_reached_is_the_last_stage_that_kept_the_slice(finished: Path) -> None:
    stages = ("01-catalog", "02-curate", "03-measure", "04-describe", "05-read", "06-fuse", "07-audit", "08-build")
    kept = {stage: {row["slice_id"] for row in rows(finished, f"{stage}/records")} for stage in stages}
    asked = {row["slice_id"] for row in rows(finished, "09-review/records")}
    assert found(finished, reached="10-predict") == asked
    assert found(finished, reached="07-audit") == kept["07-audit"] - kept["08-build"]
    assert found(finished, reached="06-fuse") == kept["06-fuse"] - kept["07-audit"]


def test_counts_say_what_a_value_would_find(edited: Path) -> None:
    index = read_index(edited)
    choice = Choice.of([("plane", "axial"), ("type", "glioma")], FACET_NAMES)
    for facet in facet_lines(index, choice, FACET_NAMES):
        for line in facet.lines:
            others = {k: v for k, v in choice.filters.items() if k != facet.name}
            assert line.count == int(index.chosen({**others, facet.name: (line.token,)}).sum())


def test_search_finds_beginnings_and_refuses_what_is_no_id(finished: Path) -> None:
    index = read_index(finished)
    names = [index.name(i) for i in range(len(index))]
    for text in (names[3], names[3][1:], names[3][:3], "s", "f"):
        start = text if text.startswith("s") else f"s{text}"
        expected = [i for i, name in enumerate(names) if name.startswith(start)]
        assert index.beginning_with(text).nonzero()[0].tolist() == expected
    assert not index.beginning_with("../../etc").any()
    assert not index.beginning_with("0" * 17).any()


def test_the_way_is_that_of_trace(edited: Path) -> None:
    index = read_index(edited)
    for position in range(len(index)):
        assert way(edited, index.name(position)) == trace(edited, index.name(position))


def test_previous_and_next_stay_within_the_choice(finished: Path) -> None:
    index = read_index(finished)
    choice = Choice.of([("plane", "axial")], FACET_NAMES)
    chosen = index.chosen(choice.filters).nonzero()[0].tolist()
    for number, position in enumerate(chosen):
        before, after, place = neighbors_in(index, choice, position)
        assert before == (index.name(chosen[number - 1]) if number else None)
        assert after == (index.name(chosen[number + 1]) if number + 1 < len(chosen) else None)
        assert place == f"{number + 1} of {len(chosen)}"
    other = next(i for i in range(len(index)) if i not in chosen)
    before, after, place = neighbors_in(index, choice, other)
    assert place is None
    assert before is None or before < index.name(other)
    assert after is None or after > index.name(other)


def test_pixels_and_masks_are_those_of_the_files(finished: Path) -> None:
    client, root = client_of(finished), finished / "00-phantoms" / "images"
    record = next(row for row in rows(finished, "01-catalog/records") if row["mask"] is not None)
    answer = client.get(f"/slices/{record['slice_id']}/values")
    assert answer.content == read_image(root, record["image_path"]).tobytes()
    assert '"width_px":256' in answer.headers["X-Slice-Facts"]
    mask = np.frombuffer(client.get(f"/slices/{record['slice_id']}/mask").content, np.uint8)
    assert (mask == (read_image(root, record["mask"]["path"]).ravel() > 127)).all()
    thumbnail = client.get(f"/thumbnails/{record['slice_id']}")
    assert thumbnail.headers["content-type"] == "image/jpeg"
    assert thumbnail.content.startswith(b"\xff\xd8")


def test_copies_link_to_each_other(edited: Path) -> None:
    (group,) = rows(edited, "02-curate/duplicate_groups")
    kept, copy = (member["slice_id"] for member in group["members"])
    page = client_of(edited).get(f"/slices/{copy}?copies=yes").text
    assert f'href="/slices/{kept}?copies=yes"' in page
    assert "flip left-right" in page
    assert "stands for the group" in page
    assert "0.970" in page


def test_hostile_text_stays_text_and_no_path_of_this_machine_is_shown(edited: Path) -> None:
    client, index = client_of(edited), read_index(edited)
    names = [index.name(i) for i in range(len(index))]
    query = urlencode({"flag": HOSTILE, "id": HOSTILE, "source": HOSTILE})
    addresses = ["/", f"/?{query}", *(f"/slices/{name}" for name in names), "/nowhere"]
    answers = [client.get(address) for address in addresses]
    assert any("alert(1)" in answer.text for answer in answers)
    for answer in answers:
        assert "<script>alert" not in answer.text
        assert "</script><script" not in answer.text
        assert "<img src=x" not in answer.text
        assert str(edited).encode() not in answer.content
        assert str(edited.parent) not in str(answer.headers)


@pytest.mark.parametrize(
    "slice_id", ["..%2f..%2fetc%2fpasswd", "s0000000000000000", "S" + "0" * 16, "s" + "g" * 16, "%00"]
)
def test_what_is_no_slice_of_the_run_is_not_found(finished: Path, slice_id: str) -> None:
    client = client_of(finished)
    for address in (f"/slices/{slice_id}", f"/slices/{slice_id}/values", f"/slices/{slice_id}/mask"):
        assert client.get(address).status_code == 404
    assert client.get(f"/thumbnails/{slice_id}").status_code == 404


def test_only_reading_is_answered_and_pages_are_kept_safe(finished: Path) -> None:
    client = client_of(finished)
    name = read_index(finished).name(0)
    for address in ("/", f"/slices/{name}", "/thumbnails/x", "/nowhere"):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert client.request(method, address).status_code == 405
    head = client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert "script-src 'self'" in head.headers["content-security-policy"]
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/?" + "a" * 9000).status_code == 414


def test_an_image_path_that_leaves_the_root_is_no_picture(finished: Path, tmp_path: Path) -> None:
    from neuroonco import store
    from neuroonco.catalog.records import SliceRecord

    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "01-catalog/records.parquet"
    records = store.load_strict(path, SliceRecord)
    records[0] = records[0].model_copy(update={"image_path": "../../run.json"})
    store.save(path, records, SliceRecord)
    answer = client_of(run).get(f"/slices/{records[0].slice_id}/values")
    assert answer.status_code == 404
    assert "PATH_OUTSIDE_ROOT" in answer.text


def test_a_run_may_be_unfinished_torn_and_change_meanwhile(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(finished / "run.json", run)
    client = client_of(run)
    assert "no catalogue yet" in client.get("/").text
    shutil.copytree(finished / "00-phantoms", run / "00-phantoms")
    shutil.copytree(finished / "01-catalog", run / "01-catalog")
    listed = client.get("/").text
    assert "<strong>24</strong> of 24" in listed
    assert "not reached by the run: 02-curate" in listed
    name = read_index(run).name(0)
    assert client.get(f"/slices/{name}").status_code == 200
    shutil.copytree(finished / "02-curate", run / "02-curate")
    (run / "02-curate/records.parquet").write_bytes(b"torn")
    listed = client.get("/").text
    assert "02-curate/records.parquet cannot be read" in listed
    page = client.get(f"/slices/{name}")
    assert page.status_code == 200
    shutil.rmtree(run / "01-catalog")
    assert client.get("/").status_code == 200
    assert client.get(f"/slices/{name}").status_code == 404


def test_other_machines_are_refused_with_a_way_to_share(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["browse", str(finished), "--host", "0.0.0.0"]) == 2  # noqa: S104
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "HOST_NOT_LOCAL" in said
    assert "--static" in said


def test_a_mask_that_was_set_aside_belongs_to_its_slice(finished: Path, tmp_path: Path) -> None:
    from neuroonco import store
    from neuroonco.catalog.records import SliceRecord, slice_id_of
    from neuroonco.outcomes import Quarantined

    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "01-catalog/records.parquet"
    records = store.load_strict(path, SliceRecord)
    one = next(record for record in records if record.mask is not None)
    changed = one.model_copy(update={"mask": None, "notes": ("mask:MASK_SIZE",)})
    store.save(path, [changed if record is one else record for record in records], SliceRecord)
    mask_id = slice_id_of(one.source_id, f"{one.image_path}#mask", None, one.image_sha256)
    rows_aside = [
        Quarantined(slice_id=i, source_id=one.source_id, image_path="m.png", code=code, message="-")
        for i, code in ((mask_id, "MASK_SIZE"), (LOST_ID, "IMAGE_EMPTY"))
    ]
    store.save(run / "01-catalog/quarantined.parquet", rows_aside, Quarantined)
    index = read_index(run)
    assert len(index) == len(records) + 1
    assert index.position(mask_id) is None
    assert found(run, quarantined="01-catalog:MASK_SIZE") == {one.slice_id}
    assert found(run, quarantined="01-catalog:IMAGE_EMPTY") == {LOST_ID} == found(run, reached="not_catalogued")
    page = RunArchive(run, None, "x").page(one.slice_id)
    assert [(part.stage, part.outcome) for part in page.way][-1] == ("01-catalog", "quarantined")
    assert "MASK_SIZE" in client_of(run).get(f"/slices/{one.slice_id}").text


def test_boxes_are_not_offered_as_an_outline(finished: Path, tmp_path: Path) -> None:
    from neuroonco import store
    from neuroonco.catalog.records import SliceRecord
    from neuroonco.vocabulary import MaskKind

    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "01-catalog/records.parquet"
    records = store.load_strict(path, SliceRecord)
    at = next(i for i, record in enumerate(records) if record.mask is not None)
    name = records[at].slice_id
    assert f"/slices/{name}/mask" in client_of(run).get(f"/slices/{name}").text
    boxes = records[at].mask.model_copy(update={"kind": MaskKind.YOLO_BOXES})
    records[at] = records[at].model_copy(update={"mask": boxes})
    store.save(path, records, SliceRecord)
    page = client_of(run).get(f"/slices/{name}").text
    assert f"/slices/{name}/mask" not in page
    assert "yolo_boxes" in page


@pytest.mark.parametrize("column", ["slice_id", "tumor_type", "mask", "flags", "signs", "members", "group_id"])
def test_columns_of_another_kind_are_left_out_with_a_remark(finished: Path, tmp_path: Path, column: str) -> None:
    import pyarrow as pa

    run = tmp_path / "run"
    shutil.copytree(finished, run)
    files = [path for stage in ("01-catalog", "02-curate", "07-audit") for path in (run / stage).glob("*.parquet")]
    changed = 0
    for path in files:
        table = pq.read_table(path)
        if column in table.column_names and table.num_rows:
            at = table.column_names.index(column)
            pq.write_table(table.set_column(at, column, pa.array(range(table.num_rows), pa.int64())), path)
            changed += 1
    assert changed or column in ("members", "group_id")
    client = client_of(run)
    listed = client.get("/")
    assert listed.status_code == 200
    if changed:
        assert "another kind of column" in listed.text or "has no column" in listed.text
    name = read_index(finished).name(3)
    assert client.get(f"/slices/{name}").status_code in (200, 404)


def test_texts_that_are_no_text_are_left_out_with_a_remark(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    path = run / "02-curate/records.parquet"
    table = pq.read_table(path)
    pq.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"glioma", b"gl\xff\xfe\xfda"))
    client = client_of(run)
    assert "02-curate/records.parquet cannot be read" in client.get("/").text
    name = read_index(run).name(0)
    assert client.get(f"/slices/{name}").status_code == 200


def test_while_one_reads_the_run_again_others_are_answered(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuroonco.walk import browsing

    run = tmp_path / "run"
    shutil.copytree(finished, run)
    archive = RunArchive(run, None, "x")
    before, begun, go_on = archive.index(), threading.Event(), threading.Event()

    def slow(folder: Path) -> object:
        begun.set()
        assert go_on.wait(30)
        return read_index(folder)

    monkeypatch.setattr(browsing, "read_index", slow)
    shutil.rmtree(run / "09-review")
    reading = threading.Thread(target=archive.index)
    reading.start()
    assert begun.wait(30)
    assert archive.index() is before
    go_on.set()
    reading.join()
    assert archive.index() is not before
    assert "09-review" in " ".join(archive.index().remarks)
