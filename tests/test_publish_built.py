"""Publishing the folder of a build: pairs leave in a file of their own, and a folder that is not whole stays."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from factories_build import skewed_labels
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.build import build_benchmark
from neuroonco.build.interop import read_closed
from neuroonco.build.records import ClosedItem
from neuroonco.cli import run
from neuroonco.errors import InputError
from neuroonco.publish.benchmark import publish_benchmark
from neuroonco.publish.key import KEY_BYTES, Key
from neuroonco.publish.records import PublishedName
from neuroonco.rules import load_rules
from neuroonco.sources import source
from neuroonco.vocabulary import Redistribution

SEED = 2**62 + 77
STRENGTHS = {"91": Redistribution.IMAGES, "92": Redistribution.DERIVED, "93": Redistribution.NONE}
SOURCES = {i: source("phantoms").model_copy(update={"id": i, "redistribution": t}) for i, t in STRENGTHS.items()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``root``, ``labels.parquet`` and ``b``, a benchmark with pairs of three strengths of terms."""
    home = tmp_path_factory.mktemp("built")
    labels = []
    for number, label in enumerate(skewed_labels(160)):
        path = home / "root" / label.slice.image_path
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (40, 40), dtype=np.uint8)).save(path)
        changed = {"image_sha256": store.sha256_file(path), "duplicate_group": None}
        changed["source_id"] = ("91", "91", "92", "93")[number % 4]
        labels.append(label.model_copy(update={"slice": label.slice.model_copy(update=changed)}))
    labels.sort(key=lambda one: one.slice_id)
    store.save(home / "labels.parquet", labels, AuditedLabel)
    rules = load_rules("default").with_value("build", "questions_per_type", 60)
    build_benchmark(home / "b", labels, seed=SEED, rules=rules, whole=True, twins=True)
    described = home / "sources"
    described.mkdir()
    text = (Path(store.__file__).parent / "sources" / "phantoms.toml").read_text("utf-8").splitlines()
    for name, terms in STRENGTHS.items():
        lines = [f'redistribution = "{terms}"' if x.startswith("redistribution") else x for x in text]
        lines = [f'id = "{name}"' if x.startswith("id =") else x for x in lines]
        (described / f"{name}.toml").write_text("\n".join(lines))
    return home


def command(built: Path, benchmark: Path, *more: object, labels: Path | None = None) -> list[str]:
    given = ("--labels", labels or built / "labels.parquet", "--sources", built / "sources", "--root", built / "root")
    return ["publish", "benchmark", str(benchmark), *map(str, given + more)]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a refusal."""
    assert run(arguments) in (2, 3)
    err = capsys.readouterr().err
    (line,) = err.splitlines()
    return line


def questions(path: Path) -> dict[tuple[str, int], ClosedItem]:
    return {(i.slice_id, i.q_index): i for i in store.load_strict(path, ClosedItem)}


def test_pairs_leave_in_a_file_of_their_own(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(command(built, built / "b", "--out", out, "--key", tmp_path / "k", "--json")) == 0
    counts = json.loads(capsys.readouterr().out)
    slice_of = {one.name: one.slice_id for one in store.load_strict(tmp_path / "out.mapping.jsonl", PublishedName)}
    own = questions(built / "b" / "closed_twins.parquet")
    own_closed = questions(built / "b" / "closed.parquet")
    shown = 0
    for part, name in ((out, "pairs"), (out / "without_images", "pairs_without_image")):
        twins, closed = questions(part / "closed_twins.parquet"), questions(part / "closed.parquet")
        assert all(i.twin_of is None for i in closed.values())
        pairs = [i for i in twins.values() if i.twin_of is not None]
        assert counts[name] == len(pairs) > 10
        assert len(twins) == 2 * len(pairs)
        for twin in pairs:
            first = twins[twin.slice_id, twin.twin_of or 0]
            assert first == closed[first.slice_id, first.q_index]
            assert (twin.slice_id, twin.q_index) not in closed
            assert (twin.seed, twin.source_id, twin.group_id) == (None, None, first.group_id)
            built_twin = own[slice_of[twin.slice_id], twin.q_index]
            built_first = own[slice_of[twin.slice_id], built_twin.twin_of or 0]
            for left, right in ((twin, built_twin), (first, built_first)):
                assert (left.question, left.options, left.answer) == (right.question, right.options, right.answer)
            assert first.rejects != twin.rejects
        json_twins = read_closed(part / "benchmark_closed_twins.json").records
        assert [(i.image_id, i.q_index, i.twin_of, i.answer) for i in json_twins] == [
            (i.image_id, i.q_index, i.twin_of, i.answer) for i in twins.values()
        ]
        shown += len(twins)
        assert {(slice_of[i.slice_id], i.question) for i in closed.values()} <= {
            (i.slice_id, i.question) for i in own_closed.values()
        }
    assert counts["pairs_withheld"] == (len(own) - shown) / 2 > 10
    readme = (out / "README.md").read_text()
    assert f"{counts['pairs']} pairs: a closed question" in readme
    assert f"The file of pairs there holds {counts['pairs_without_image']}." in readme
    assert f"nor are {counts['pairs_withheld']} pairs" in readme
    assert "closed_twins.parquet" in (out / "SHA256SUMS").read_text()
    held = b"".join(p.read_bytes() for p in sorted(out.rglob("*")) if p.suffix == ".json")
    assert not any(slice_id.encode() in held for slice_id in slice_of.values())


def test_without_pairs_there_is_no_file_of_them(built: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"root": built / "root", "sources": SOURCES, "key": Key(bytes(KEY_BYTES))}
    closed = store.load_strict(built / "b" / "closed.parquet", ClosedItem)
    labels = store.load_strict(built / "labels.parquet", AuditedLabel)
    pairs = store.load_strict(built / "b" / "closed_twins.parquet", ClosedItem)

    def publish(name: str, twins: list[ClosedItem]) -> None:
        publish_benchmark(
            closed, [], labels, [], twins=twins, out=tmp_path / name, mapping=tmp_path / f"{name}.m", **given
        )

    publish("none", [])
    assert not list((tmp_path / "none").rglob("*twins*"))
    assert "pairs: a closed" not in (tmp_path / "none" / "README.md").read_text()
    publish("with", pairs)
    for name in ("closed.parquet", "benchmark_closed.json", "without_images/closed.parquet"):
        assert (tmp_path / "none" / name).read_bytes() == (tmp_path / "with" / name).read_bytes()
    first = next(i for i in pairs if i.twin_of is None)
    other = [i.model_copy(update={"answer": "E", "question": "x"}) if i is first else i for i in pairs]
    for wrong, code in ((pairs[1:], "TWINS_UNPAIRED"), ([*pairs, pairs[-1]], "TWINS_"), (other, "TWINS_OF_ANOTHER")):
        with pytest.raises(InputError, match=code):
            publish("wrong", wrong)
    assert not list(tmp_path.glob("wrong*"))


def test_labels_of_another_collection_are_refused(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = [
        label.model_copy(update={"slice_id": f"other{n}"})
        for n, label in enumerate(store.load_strict(built / "labels.parquet", AuditedLabel))
    ]
    store.save(tmp_path / "other.parquet", other, AuditedLabel)
    more = ("--out", tmp_path / "out", "--key", tmp_path / "k")
    line = refused(command(built, built / "b", *more, labels=tmp_path / "other.parquet"), capsys)
    assert line.startswith("error[LABELS_UNRELATED]")
    assert "other.parquet" in line
    assert [p.name for p in tmp_path.iterdir()] == ["other.parquet"], "no package, no mapping, no key"


@pytest.mark.parametrize(
    ("damage", "code", "named"),
    [
        (lambda b: (b / "benchmark.json").unlink(), "BENCHMARK_UNFINISHED", "benchmark.json"),
        (lambda b: (b / "benchmark.json").write_text("[]"), "BENCHMARK_UNFINISHED", "benchmark.json"),
        (lambda b: (b / "closed_twins.parquet").unlink(), "BENCHMARK_CHANGED", "closed_twins.parquet"),
        (lambda b: shutil.copy(b / "closed_twins.parquet", b / "closed.parquet"), "BENCHMARK_CHANGED", "closed.parq"),
        (lambda b: (b / "benchmark_open.json").write_text("[]"), "BENCHMARK_CHANGED", "benchmark_open.json"),
    ],
)
def test_a_folder_that_is_not_as_it_was_built_is_refused(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Any, code: str, named: str
) -> None:
    shutil.copytree(built / "b", tmp_path / "b")
    damage(tmp_path / "b")
    line = refused(command(built, tmp_path / "b", "--out", tmp_path / "out"), capsys)
    assert line.startswith(f"error[{code}]")
    assert named in line
    assert line.endswith("fix: build it again")
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_wrong_paths_are_named(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("--out", tmp_path / "out")
    line = refused(command(built, built / "b" / "benchmark_closed.json", *out), capsys)
    assert "error[NOT_A_FOLDER]" in line
    assert line.endswith(f"pass the folder that it lies in: {built / 'b'}")
    line = refused(command(built, tmp_path / "nowhere", *out), capsys)
    assert "error[FOLDER_MISSING]" in line
    assert f"where: {tmp_path / 'nowhere'};" in line
    (tmp_path / "LICENSE").write_text("Apache License")
    (tmp_path / "LICENSE").chmod(0o644)
    line = refused(command(built, built / "b", *out, "--key", tmp_path / "LICENSE"), capsys)
    assert "error[KEY_UNKNOWN]: not a key" in line
    assert "chmod" not in line
    (tmp_path / "empty").mkdir()
    assert run(command(built, built / "b", *out, "--key", tmp_path / "k", "--root", tmp_path / "empty")) == 3
    line = capsys.readouterr().err.splitlines()[-1]
    assert "error[FILE_MISSING]: no such file below --root" in line
    assert line.endswith(f"now it is {tmp_path / 'empty'}")
    assert not (tmp_path / "out").exists()
