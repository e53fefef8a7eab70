"""The walk end to end on phantoms: what comes out, twice the same bytes, and a kill at any moment."""

import json
import shutil
import signal
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest

from browse_runs import PROFILE, finished_run
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.records import ClosedItem
from neuroonco.catalog.records import SliceRecord
from neuroonco.cli import run
from neuroonco.curate.records import CuratedSlice
from neuroonco.errors import InputError, UsageError
from neuroonco.executors import ExecutorKind, executor
from neuroonco.fusion.records import FusedLabel
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.pipeline import Workspace, run_stage
from neuroonco.readings.records import LesionReading
from neuroonco.review.records import ReviewDecision
from neuroonco.review.room import Room
from neuroonco.review.sheet import apply_decisions, item_key
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import MeasureFrame, Sign, TumorType, coarsenings
from neuroonco.walk.profile import load_profile, rules_of
from neuroonco.walk.run import locked, walk
from neuroonco.walk.stages import stages_of
from neuroonco.walk.trace import trace
from review_rooms import decide

PHANTOMS = PROFILE.phantoms.number if PROFILE.phantoms else 0


def files_of(run: Path) -> dict[str, str]:
    found = (p for p in run.rglob("*") if p.is_file() and p.name != ".lock")
    return {p.relative_to(run).as_posix(): store.sha256_file(p) for p in found}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory)


def kept(run: Path, stage: str, model: type) -> list:
    return store.load_strict(run / stage / "records.parquet", model)


def test_every_phantom_is_catalogued_as_it_was_drawn(finished: Path) -> None:
    truth = {t.image_path: t for t in store.load_strict(finished / "00-phantoms" / "truth.jsonl", PhantomTruth)}
    records = kept(finished, "01-catalog", SliceRecord)
    assert len(records) == len(truth) == PHANTOMS
    for record in records:
        drawn = truth[record.image_path]
        assert (record.tumor_type, record.sequence, record.plane) == (drawn.tumor_type, drawn.sequence, drawn.plane)
        assert (record.mask is None) == (drawn.tumor_type is TumorType.HEALTHY)
        assert record.tumor_present == (drawn.tumor_type is not TumorType.HEALTHY)


def test_mask_attributes_equal_the_truth(finished: Path) -> None:
    truth = {t.image_path: t for t in store.load_strict(finished / "00-phantoms" / "truth.jsonl", PhantomTruth)}
    for record in kept(finished, "04-describe", DescribedSlice):
        drawn = truth[record.image_path]
        assert (record.semantics is None) == (drawn.mask_path is None)
        if record.semantics is not None:
            assert record.semantics.spread is drawn.spread
            assert record.semantics.frame is MeasureFrame.BRAIN_BOX
            assert record.semantics.location is drawn.region
            assert record.semantics.size is drawn.size
        assert record.description


def test_no_value_appears_that_nobody_read(finished: Path) -> None:
    read: dict[str, dict[Sign, set]] = {}
    for reading in kept(finished, "05-read", LesionReading):
        for sign in Sign:
            value = reading.signs.get(sign)
            if value is not None:
                read.setdefault(reading.slice_id, {}).setdefault(sign, set()).update(coarsenings(value))
    fused = {r.slice_id: r for r in kept(finished, "06-fuse", FusedLabel)}
    audited = kept(finished, "07-audit", AuditedLabel)
    assert audited
    for label in audited:
        for sign in Sign:
            value = label.signs.get(sign)
            if value is not None:
                assert value in read[label.slice_id][sign]
                assert value in coarsenings(fused[label.slice_id].signs.get(sign))


def test_every_record_is_accounted_for_at_every_stage(finished: Path) -> None:
    def ids(stage: str, file: str) -> list[str]:
        return [row["slice_id"] for row in store.pq.read_table(finished / stage / f"{file}.parquet").to_pylist()]

    before = set(ids("01-catalog", "records"))
    for stage in ("02-curate", "03-measure", "04-describe", "05-read", "06-fuse", "07-audit"):
        after = set(ids(stage, "records"))
        gone = set(ids(stage, "dropped")) | set(ids(stage, "quarantined"))
        assert after | gone == before, stage
        before = after


def test_manifests_say_what_was_done(finished: Path) -> None:
    for folder in sorted(finished.glob("[0-9]*")):
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["stage"] == folder.name
        present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"manifest.json"}
        assert set(manifest["outputs"]) == present
        assert str(finished) not in json.dumps(manifest), "no absolute path in an output"


def test_scores_count_every_question(finished: Path) -> None:
    items = kept(finished, "09-review", ClosedItem)
    scores = json.loads((finished / "11-score" / "scores.json").read_text())
    assert items
    for name, score in scores["models"].items():
        assert score["accuracy"]["n"] == len(items), name
        assert sum(score["status"].values()) == len(items)
    assert scores["truth"]["audited"]["overall"]["precision"]["n"] > 0
    always = scores["models"]["always-e"]
    rejections = sum(i.is_rejection for i in items)
    assert always["rejection"]["recall"]["n"] == rejections
    assert always["rejection"]["recall"]["value"] == (1.0 if rejections else None)


def test_benchmark_and_instructions_share_no_slice(finished: Path) -> None:
    asked = {i.image_path for i in kept(finished, "09-review", ClosedItem)}
    lines = [
        json.loads(line)
        for path in (finished / "08-build" / "instructions").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert lines
    assert asked.isdisjoint(image for line in lines for image in line["images"])


def test_second_run_does_nothing_and_another_run_has_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    before = files_of(finished)
    again = walk(PROFILE, finished)
    assert again.done == []
    assert files_of(finished) == before
    walk(PROFILE, tmp_path / "other", processes=1)
    assert files_of(tmp_path / "other") == before


def test_a_changed_output_is_made_again_with_what_depends_on_it(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    before = files_of(run)
    (run / "06-fuse" / "records.parquet").write_bytes(b"tampered")
    walked = walk(PROFILE, run)
    assert walked.done == ["06-fuse"], "its output came out as before, so nothing after it is touched"
    assert files_of(run) == before
    other = walk(PROFILE.model_copy(update={"seed": 2}), run)
    assert other.done == ["08-build", "09-review", "10-predict", "11-score"]


KILL = """
import os, signal, sys
from pathlib import Path
from neuroonco import pipeline
from neuroonco.walk.profile import Profile
from neuroonco.walk.run import walk

pipeline.SHARD_SIZE = pipeline.LIGHT_SHARD_SIZE = 4
stage, done = sys.argv[3], int(sys.argv[4])

def follow(name, finished, total):
    print(name, finished, total, flush=True)
    if (name, finished) == (stage, done):
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    walk(Profile.model_validate_json(sys.argv[1]), Path(sys.argv[2]), processes=2, progress=follow)
"""


@pytest.mark.parametrize(("stage", "done"), [("01-catalog", 2), ("05-read", 3), ("07-audit", 1), ("10-predict", 2)])
def test_sigkill_and_run_again_gives_the_same_bytes(finished: Path, tmp_path: Path, stage: str, done: int) -> None:
    script = tmp_path / "kill.py"
    script.write_text(KILL)
    run = tmp_path / "run"
    for before in sorted(finished.glob("[0-9]*")):  # stages before it need not be done again for this
        if before.name < stage:
            shutil.copytree(before, run / before.name)

    def attempt(at: str, count: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(script), PROFILE.model_dump_json(), str(run), at, str(count)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    killed = attempt(stage, done)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (run / stage).exists(), "an unfinished stage has no folder of its name"
    resumed = attempt("none", 0)
    assert resumed.returncode == 0, resumed.stderr
    progress = [line.split() for line in resumed.stdout.splitlines()]
    if stage in ("01-catalog", "05-read", "07-audit"):
        first = next(int(line[1]) for line in progress if line[0] == stage)
        assert first >= done, "finished shards are not done twice"
    assert not [line for line in progress if line[0] < stage], "finished stages are not done twice"
    assert files_of(run) == files_of(finished)


def test_trace_follows_one_slice(finished: Path) -> None:
    label = kept(finished, "09-review", ClosedItem)[0]
    stages = [step.stage for step in trace(finished, label.slice_id)]
    assert stages[:3] == ["00-phantoms", "01-catalog", "02-curate"]
    assert stages.count("05-read") == 2
    assert "10-predict" in stages
    assert trace(finished, label.slice_id[:8]) == trace(finished, label.image_path)


def test_a_damaged_run_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "01-catalog").mkdir()
    (tmp_path / "01-catalog" / "records.parquet").write_bytes(b"torn")
    with pytest.raises(InputError, match="RUN_BROKEN"):
        trace(tmp_path, "s1234")


def test_trace_of_nothing(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SLICE_UNKNOWN"):
        trace(finished, "nobody")
    with pytest.raises(InputError, match="RUN_MISSING"):
        trace(tmp_path, "s1")


def test_report_is_one_page_without_paths_of_this_machine(finished: Path) -> None:
    page = (finished / "report" / "index.html").read_text()
    assert "neuroonco: tiny" in page
    assert str(finished) not in page
    assert "http://" not in page.replace("http://www.w3.org/", "")


def test_one_process_a_run(tmp_path: Path) -> None:
    with locked(tmp_path / "run"), pytest.raises(InputError, match="RUN_BUSY"), locked(tmp_path / "run"):
        pass


def test_roots_and_profiles(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ROOT_UNUSED"):
        walk(PROFILE, tmp_path / "run", root=tmp_path)
    with pytest.raises(UsageError, match="ROOT_NEEDED"):
        walk(load_profile("real-samples"), tmp_path / "run")
    with pytest.raises(UsageError, match="PROFILE_UNKNOWN"):
        load_profile("nothing")
    (tmp_path / "p.toml").write_text('name = "x"\ndescription = "y"\nseed = 1\ncolour = 3\n')
    with pytest.raises(InputError, match="colour"):
        load_profile(str(tmp_path / "p.toml"))


def test_real_slices_are_catalogued_curated_and_measured(real_root: Path, tmp_path: Path) -> None:
    """All real slices of five collections up to what is measured; copies across collections are found."""
    run, profile = tmp_path / "run", load_profile("real-samples")
    workspace = Workspace(run=run, folder=run, rules=rules_of(profile))
    with executor(ExecutorKind.PROCESSES, 2) as workspace.executor:
        for stage in stages_of(profile, real_root):
            if stage.name <= "03-measure":
                assert run_stage(stage, workspace)
    catalog = json.loads((run / "01-catalog" / "manifest.json").read_text())["counts"]
    assert (catalog["kept"], catalog["dropped_by_reason"]) == (684, {"excluded_by_source": 240})
    manifest = json.loads((run / "02-curate" / "manifest.json").read_text())
    counts = manifest["counts"]
    assert (counts["kept"], counts["dropped"], counts["quarantined"]) == (528, 152, 4)
    assert (counts["duplicate_groups"], counts["leaking_groups"], counts["conflicting_groups"]) == (105, 11, 1)
    measured = json.loads((run / "03-measure" / "manifest.json").read_text())["counts"]
    assert (measured["with_mask"], measured["measured"]) == (283, 187)  # 24 + 42 outlines, 121 single boxes
    dropped = store.pq.read_table(run / "02-curate" / "dropped.parquet").to_pylist()
    assert Counter(d["reason"] for d in dropped) == {
        "duplicate_exact": 102,
        "duplicate_near": 29,
        "duplicate_augmented": 4,
        "duplicate_pixels": 2,
        "label_conflict": 3,
        "quality_ct": 12,
    }
    steps = trace(run, dropped[0]["slice_id"])
    assert [(s.stage, s.outcome) for s in steps] == [("01-catalog", "kept"), ("02-curate", "dropped")]


def test_real_slices_from_raw_file_to_scored_answer(real_root: Path, tmp_path: Path) -> None:
    """Some real slices of each of five collections, with their outlines and boxes, from raw file to scored answer."""
    root, run = tmp_path / "root", tmp_path / "run"
    for path in real_root.rglob("*"):
        slice_name = path.stem.removesuffix("_mask")
        if path.is_file() and zlib.crc32(slice_name.encode()) % 12 == 0:
            target = root / path.relative_to(real_root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    profile = load_profile("real-samples")
    walk(profile, run, root=root, processes=2)
    assert {r.source_id for r in kept(run, "04-describe", DescribedSlice)} == set(profile.sources)
    labels = [r.slice for r in kept(run, "07-audit", AuditedLabel) if r.lesion_found]
    assert labels
    assert not [r for r in labels if r.tumor_present is False], "a label never contradicts its source"
    scores = json.loads((run / "11-score" / "scores.json").read_text())
    assert scores["truth"] is None
    assert scores["models"]["random"]["accuracy"]["n"] > 0


def test_a_run_is_reviewed_in_a_room_and_what_stands_can_be_published(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*arguments: object) -> str:
        code = run([str(one) for one in arguments])
        out, err = capsys.readouterr()
        assert code == 0, err
        return out

    benchmark, place, out = finished / "08-build/benchmark/closed.parquet", tmp_path / "room.sqlite", tmp_path / "out"
    readers = ("--reader", "ann", "--reader", "bob")
    counts = json.loads(call("review", "import", benchmark, "--room", place, "--run", finished, *readers, "--json"))
    masks = {r.slice_id for r in kept(finished, "02-curate", CuratedSlice) if r.mask is not None}
    assert counts["with_mask"] == sum(i.slice_id in masks for i in kept(finished, "08-build", ClosedItem)) > 0
    with Room(place) as room:
        items = list(room.items())
        assert {note.kind for item in items for note in item.notes} == {"conservative", "skeptical", "audited"}
        for item in items:
            chosen = item.item.answer
            if item is items[0]:
                chosen = next(one.letter for one in item.item.options if one.letter != chosen)
            for reader in ("ann", "bob"):
                decide(room, item.key, reader, chosen)
    call("review", "export", place, "--out", out)
    labels, groups = finished / "07-audit/records.parquet", finished / "02-curate/duplicate_groups.parquet"
    images = ("--root", finished / "00-phantoms/images", "--guessable-seed")
    call("publish", "benchmark", out, "--labels", labels, "--groups", groups, *images, "--out", tmp_path / "package")
    given = store.load_strict(out / "decisions.jsonl", ReviewDecision)
    as_in_a_run = apply_decisions(kept(finished, "08-build", ClosedItem), given).kept
    exported = store.load_strict(out / "closed.parquet", ClosedItem)
    assert sorted(as_in_a_run, key=item_key) == sorted(exported, key=item_key)
    assert sum(item.label_source == "review" for item in exported) == 1
