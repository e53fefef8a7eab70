"""The folder of pages: what may be shared is in it, what may not is not, and the same run gives the same bytes."""

import errno
import fcntl
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from browse_runs import DERIVED, LOCKED, LOST_ID, edited_run
from neuroonco import store
from neuroonco.browse.archive import Terms
from neuroonco.browse.folder import Wanted, write_folder
from neuroonco.browse.records import AskedQuestion, LabelCell, LabelRow, LabelTable, ModelAnswer, Neighbor, SlicePage
from neuroonco.browse.sharing import LEFT_OUT, shared_page, tellable
from neuroonco.cli import run as run_cli
from neuroonco.curate.records import CuratedSlice
from neuroonco.errors import InputError
from neuroonco.walk.browsing import RunArchive
from neuroonco.walk.browsing_views import names_in
from neuroonco.walk.trace import Step


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return edited_run(tmp_path_factory)


@pytest.fixture(scope="module")
def shared(edited: Path) -> Path:
    out = edited.parent / "shared"
    write_folder(archive(edited), out, Wanted(limit=500))
    return out


def archive(run: Path) -> RunArchive:
    return RunArchive(run, run / "00-phantoms" / "images", "tiny")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def by_source(run: Path) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for row in pq.read_table(run / "01-catalog/records.parquet").to_pylist():
        found.setdefault(row["source_id"], []).append(row)
    return found


def test_pictures_leave_only_where_all_sources_of_a_picture_permit_it(edited: Path, shared: Path) -> None:
    sources = by_source(edited)
    (group,) = pq.read_table(edited / "02-curate/duplicate_groups.parquet").to_pylist()
    copies = {member["slice_id"] for member in group["members"]}
    forbidden = copies | {row["slice_id"] for i in (LOCKED, DERIVED) for row in sources[i]}
    assert any(row["slice_id"] in copies for row in sources["phantoms"]), "an open slice with a closed copy"
    everyone = {row["slice_id"] for rows in sources.values() for row in rows}
    assert {p.stem for p in (shared / "thumbnails").iterdir()} == everyone - forbidden
    for name in everyone:
        page = (shared / "slices" / f"{name}.html").read_text("utf-8")
        assert ('id="slice-data"' in page) == (name not in forbidden)
    counts = json.loads((shared / "browse.json").read_text("utf-8"))
    assert counts["slices"] == counts["total"] == 25
    assert counts["pictures"] == len(everyone - forbidden)
    assert sum(counts["without_picture"].values()) == len(forbidden) + 1, "and the file that was set aside"
    assert counts["without_facts"] == 1


def test_of_a_closed_collection_only_the_terms_are_told(edited: Path, shared: Path) -> None:
    (row,) = by_source(edited)[LOCKED]
    page = (shared / "slices" / f"{row['slice_id']}.html").read_text("utf-8")
    assert f"the terms of source {LOCKED} permit to pass on nothing" in page
    for told in ("Readings and label", "The mask shows", "Tumor type", "<details"):
        assert told not in page
    data = json.loads((shared / "data/slices.js").read_text("utf-8").partition(" = ")[2].strip().rstrip(";"))
    at = data["ids"].index(row["slice_id"])
    said = data["lines"][at]
    assert (said[:2], len(said)) == (["not passed on", LOCKED], 3), "and how far it came"
    for facet in data["facets"]:
        if facet["name"] in ("source", "reached"):
            continue
        if "codes" in facet:
            assert facet["tokens"][facet["codes"][at]] == "withheld"
        else:
            assert all(at not in holders for holders in facet["holders"])


def test_no_path_and_no_file_name_is_in_any_file(edited: Path, shared: Path) -> None:
    rows = [row for rows in by_source(edited).values() for row in rows]
    secrets = {str(edited.parent), "/tmp/", *(row["image_path"] for row in rows)}  # noqa: S108
    secrets |= {Path(row["image_path"]).stem for row in rows} | {row["sample_id"] for row in rows}
    secrets |= {row["image_sha256"] for row in rows}
    for name, data in bytes_of(shared).items():
        for secret in secrets:
            assert secret.encode() not in data, (name, secret)
    open_row = by_source(edited)["phantoms"][-1]
    with_paths = edited.parent / "with-paths"
    write_folder(archive(edited), with_paths, Wanted(limit=500, with_paths=True))
    page = (with_paths / "slices" / f"{open_row['slice_id']}.html").read_text("utf-8")
    assert open_row["image_path"] in page
    (locked,) = by_source(edited)[LOCKED]
    assert "Tumor type" not in (with_paths / "slices" / f"{locked['slice_id']}.html").read_text("utf-8")
    assert not any(str(edited.parent).encode() in data for data in bytes_of(with_paths).values())


def test_a_copy_without_picture_is_not_said_to_be_missing(edited: Path, shared: Path) -> None:
    (group,) = pq.read_table(edited / "02-curate/duplicate_groups.parquet").to_pylist()
    page = (shared / "slices" / f"{group['members'][0]['slice_id']}.html").read_text("utf-8")
    assert "no picture</p>" in page
    assert "not among the slices" not in page


def test_hostile_texts_stay_text(shared: Path) -> None:
    written = bytes_of(shared)
    assert any(b"alert(1)" in data for name, data in written.items() if name.startswith("slices/"))
    for name, data in written.items():
        assert b"<script>alert" not in data, name
        assert b"<img src=x" not in data, name


def test_own_use_has_all_pictures_and_says_so_everywhere(edited: Path, tmp_path: Path) -> None:
    out = tmp_path / "own"
    counts = write_folder(archive(edited), out, Wanted(limit=500, own_use=True))
    assert counts.pictures == 24
    assert counts.without_picture == {"the catalogue has no picture of it": 1}
    assert "not permit" in (out / "NOT_FOR_SHARING.txt").read_text("utf-8")
    for page in out.rglob("*.html"):
        assert "Not for sharing." in page.read_text("utf-8")


def test_terms_that_are_not_known_permit_nothing(edited: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(edited, run)
    (run / "01-catalog/sources.json").unlink()
    counts = write_folder(archive(run), tmp_path / "out", Wanted(limit=500))
    assert (counts.pictures, counts.without_facts) == (0, 25)


def test_the_same_run_gives_the_same_bytes_and_a_folder_of_ours_is_replaced(edited: Path, shared: Path) -> None:
    before = bytes_of(shared)
    again = edited.parent / "again"
    write_folder(archive(edited), again, Wanted(limit=3))
    assert len(list((again / "slices").iterdir())) == 3
    write_folder(archive(edited), again, Wanted(limit=500))
    assert bytes_of(again) == before
    assert not [p.name for p in edited.parent.iterdir() if p.name.startswith(".")]


def test_a_folder_with_something_else_is_left_alone(edited: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError) as caught:
        write_folder(archive(edited), tmp_path / "mine", Wanted(limit=5))
    assert caught.value.code == "OUT_NOT_EMPTY"
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_failure_leaves_the_old_folder(
    edited: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_folder(archive(edited), out, Wanted(limit=2))
    before = bytes_of(out)
    broken = archive(edited)
    monkeypatch.setattr(broken, "licenses", lambda _ids: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_folder(broken, out, Wanted(limit=5))
    assert bytes_of(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_first_slices_by_id_are_written(edited: Path, tmp_path: Path) -> None:
    index = archive(edited).index()
    write_folder(archive(edited), tmp_path / "few", Wanted(limit=4))
    assert {p.stem for p in (tmp_path / "few/slices").iterdir()} == {index.name(i) for i in range(4)}
    assert index.name(0) == LOST_ID
    assert (np.diff(index.ids.astype(object)) > 0).all()


def test_the_command_counts(edited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["browse", str(edited), "--static", str(tmp_path / "x"), "--limit", "5", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["slices"] == 5
    assert counts["total"] == 25
    assert run_cli(["browse", str(edited), "--own-use"]) == 2
    assert run_cli(["browse", str(tmp_path)]) == 3


def test_texts_that_may_name_a_file_are_left_out() -> None:
    assert tellable("Rounded, 2.5 to 1")
    for text in ("a/b", r"C:\x", "scan.PNG", "x.nii.gz", "like IMG_0042 here"):
        assert not tellable(text, ["img_0042"])
    assert tellable(LEFT_OUT)


def test_a_run_without_slices_is_refused(edited: Path, tmp_path: Path) -> None:
    store.write_json(tmp_path / "run" / "run.json", store.read_json(edited / "run.json"))
    with pytest.raises(InputError) as caught:
        write_folder(archive(tmp_path / "run"), tmp_path / "out", Wanted(limit=5))
    assert caught.value.code == "RUN_EMPTY"


@pytest.mark.parametrize("state", ["not reached", "torn"])
def test_before_copies_are_known_the_strictest_terms_of_the_run_count(edited: Path, tmp_path: Path, state: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(edited, run)
    if state == "torn":
        (run / "02-curate/duplicate_groups.parquet").write_bytes(b"PAR1")
    else:
        shutil.rmtree(run / "02-curate")
    counts = write_folder(archive(run), tmp_path / "out", Wanted(limit=500))
    assert (counts.pictures, counts.without_facts) == (0, 25)
    assert any(why.startswith("copies are not known yet") for why in counts.without_picture)
    assert '"name":"copies"' not in (tmp_path / "out/data/slices.js").read_text("utf-8"), "nothing is said of copies"
    sources = json.loads((run / "01-catalog/sources.json").read_text("utf-8"))
    store.write_json(run / "01-catalog/sources.json", [one | {"redistribution": "images"} for one in sources])
    assert write_folder(archive(run), tmp_path / "out", Wanted(limit=500)).pictures == 24


def test_what_somebody_put_into_a_folder_of_ours_is_not_lost(edited: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(archive(edited), out, Wanted(limit=2))
    for name in ("notes.md", ".git/HEAD", "slices/s-my-remarks.txt", "empty/"):
        other = out / name
        if name.endswith("/"):
            other.mkdir()
        else:
            other.parent.mkdir(exist_ok=True)
            other.write_text("mine")
        with pytest.raises(InputError) as caught:
            write_folder(archive(edited), out, Wanted(limit=2))
        assert caught.value.code == "OUT_HAS_MORE"
        assert name.partition("/")[0] in str(caught.value)
        assert other.exists()
        shutil.rmtree(out / name.partition("/")[0]) if "/" in name and "slices" not in name else other.unlink()
    (out / ".DS_Store").write_bytes(b"")
    write_folder(archive(edited), out, Wanted(limit=2))


def test_what_a_killed_writing_left_is_cleared_and_the_old_folder_is_put_back(edited: Path, tmp_path: Path) -> None:
    out, old, partial = tmp_path / "out", tmp_path / ".out.old", tmp_path / ".out.partial"
    write_folder(archive(edited), out, Wanted(limit=2))
    before = bytes_of(out)
    out.rename(old)  # killed between the two renames
    (partial / "slices").mkdir(parents=True)
    (partial / "slices" / "torn.html").write_text("<html>")
    broken = archive(edited)
    broken.licenses = lambda _ids: 1 / 0  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        write_folder(broken, out, Wanted(limit=3))
    assert bytes_of(out) == before
    write_folder(archive(edited), out, Wanted(limit=3))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert len(list((out / "slices").iterdir())) == 3


def test_a_full_disk_and_a_failed_exchange_lose_nothing(
    edited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_folder(archive(edited), out, Wanted(limit=2))
    before, rename, write = bytes_of(out), Path.rename, Path.write_bytes

    def no_exchange(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    def full(self: Path, data: bytes) -> int:
        if "thumbnails" in self.parts:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    for name, broken in (("rename", no_exchange), ("write_bytes", full)):
        with monkeypatch.context() as patched:
            patched.setattr(Path, name, broken)
            with pytest.raises(InputError) as caught:
                write_folder(archive(edited), out, Wanted(limit=500))
        assert caught.value.code == "CANNOT_WRITE"
        assert bytes_of(out) == before
        assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_two_do_not_write_one_folder(edited: Path, tmp_path: Path) -> None:
    partial = tmp_path / ".out.partial"
    partial.mkdir()
    held = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InputError) as caught:
            write_folder(archive(edited), tmp_path / "out", Wanted(limit=2))
    finally:
        os.close(held)
    assert caught.value.code == "OUT_BUSY"
    assert partial.exists()


def test_a_filter_does_not_tell_a_path(edited: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(edited, run)
    path = run / "02-curate/records.parquet"
    rows = store.load_strict(path, CuratedSlice)
    store.save(path, [row.model_copy(update={"flags": ("as in site7/scan_0042.png",)}) for row in rows], CuratedSlice)
    write_folder(archive(run), tmp_path / "out", Wanted(limit=500))
    assert not any(b"scan_0042" in data for data in bytes_of(tmp_path / "out").values())
    assert LEFT_OUT in (tmp_path / "out/data/slices.js").read_text("utf-8")
    write_folder(archive(run), tmp_path / "out", Wanted(limit=500, with_paths=True))
    assert "as in site7/scan_0042.png" in (tmp_path / "out/data/slices.js").read_text("utf-8")


def test_every_text_of_a_label_and_an_answer_is_looked_at() -> None:
    secret = "Y1_scan"  # noqa: S105
    cell = LabelCell(text=f"like {secret}")
    row = LabelRow(field="Shape", readings=(cell,), fused=cell, audited=cell, differ=False, why=(f"as {secret} says",))
    labels = LabelTable(readers=(f"conservative: {secret}",), rows=(row,), remarks=(f"see {secret}",))
    models = ("/home/dr/models/x", "~/x", "hf:/srv/x", "a/b/c", "C:\\x")
    answers = tuple(ModelAnswer(model=m, status="ok", answer=secret, raw=secret) for m in models)
    fine = ModelAnswer(model="hf:Qwen/Qwen2.5-VL", status="ok", answer="B")
    asked = AskedQuestion(kind="open", sort=secret, text=secret, answer=secret, source=secret, answers=(*answers, fine))
    page = SlicePage(
        slice_id="s" + "0" * 16, source_id="a", source=(), facts=(), labels=labels, questions=(asked,), names=(secret,)
    )
    shared = shared_page(page, Terms(picture=False, facts=True, reason="so"))
    text = shared.model_dump_json()
    assert secret not in text
    told = [one.model for one in shared.questions[0].answers]
    assert told == [LEFT_OUT] * len(models) + ["hf:Qwen/Qwen2.5-VL"]


def test_of_closed_pictures_nothing_that_was_read_from_pixels_is_told() -> None:
    copy = Neighbor(
        slice_id="s" + "1" * 16, source_id="b", label="Glioma", split="train", is_self=False, represents=True,
        transform="flip left-right", score=0.97,
    )  # fmt: skip
    page = SlicePage(slice_id="s" + "0" * 16, source_id="a", source=(), facts=(), group="g1", neighbors=(copy,))
    shared = shared_page(page, Terms(picture=False, facts=False, reason="nothing"), with_paths=True)
    assert (shared.group, shared.neighbors, shared.withheld) == (None, (), "nothing")


def test_names_are_those_of_files_volumes_and_patients() -> None:
    row = {"image_path": "glioma/TCGA_07_A/BraTS7_flair.nii.gz", "mask": {"path": "masks/m1.png"}, "patient_id": "P7"}
    names = names_in([Step("01-catalog", "kept", row)])
    assert {"BraTS7_flair", "TCGA_07_A", "m1", "P7"} <= set(names)
    assert "glioma" not in names
    texts = ("BraTS7_flair shows it", "series TCGA_07_A", "see m1.", "patient P7", "ＴＣＧＡ_07_A", "a%2Fb", "a／b")
    for text in texts:
        assert not tellable(text, names), text
    for text in ("Glioma, T1 with contrast", "2.5 to 1, 7 of 10", "m12", "masks"):
        assert tellable(text, names), text
    assert not {"T1", "12", "no"} & set(
        names_in([Step("01-catalog", "kept", {"image_path": f"x/{n}.png"}) for n in ("T1", "12", "no")])
    )
