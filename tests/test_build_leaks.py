"""Nothing of the benchmark is in the instruction data: not the slice, a copy, a neighbor, its patient, file or mask.

What the builder wrote is compared by a checker that knows nothing of its split, with leaks planted in every way.
"""

import json
import random
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from factories_build import make_label, semantics, skewed_labels
from neuroonco import images, store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.build import build_benchmark
from neuroonco.build.instruct.build import build_instructions
from neuroonco.build.interop import open_document
from neuroonco.build.records import OpenItem
from neuroonco.catalog.records import MaskRef
from neuroonco.check.leak_files import Picture, benchmark_side, instruction_side
from neuroonco.check.leak_pictures import ALIKE, alike, look_at
from neuroonco.check.leaks import EXAMPLES, MEANINGS, KnownSlice, Leak, _chains, facts_of, facts_of_copies, leaks
from neuroonco.cli import run
from neuroonco.curate.records import PictureMatch
from neuroonco.errors import InputError
from neuroonco.phantoms.write import write_images
from neuroonco.rules import load_rules
from neuroonco.vocabulary import MaskKind, MRSequence, TumorType
from neuroonco.walk.profile import Profile
from neuroonco.walk.run import walk

RULES = load_rules("default")
KINDS = ("patient", "patient_group", "copies", "bytes", "mask", "file")
"""What two slices can share; each alone must keep them on one side."""


def with_fact(label: AuditedLabel, kind: str, value: str) -> AuditedLabel:
    """The label of a slice that has one of the facts that keep slices together."""
    changes: dict[str, Any] = {
        "patient": {"patient_id": value},
        "patient_group": {"patient_group": f"p{value}"},
        "copies": {"duplicate_group": f"d{value}"},
        "bytes": {"image_sha256": value * 8},
        "mask": {"mask": MaskRef(path=f"masks/{value}.png", kind=MaskKind.BINARY)},
        "file": {"image_path": f"files/{value}.png"},
    }[kind]
    return label.model_copy(update={"slice": label.slice.model_copy(update=changes)})


def known(label: AuditedLabel) -> KnownSlice:
    return KnownSlice(slice_id=label.slice_id, facts=facts_of(label.slice))


def built_sides(out: Path, labels: list[AuditedLabel], seed: int) -> tuple[set[str], set[str]]:
    """Slice ids that the written files name on each side."""
    labels = sorted(labels, key=lambda one: one.slice_id)
    shutil.rmtree(out, ignore_errors=True)
    build_benchmark(out / "benchmark", labels, seed=seed, rules=RULES)
    build_instructions(out / "instructions", labels, seed=seed, rules=RULES)
    return set(benchmark_side(out / "benchmark").slices), set(instruction_side(out / "instructions").slices)


def found_in(labels: list[AuditedLabel], tested: set[str], trained: set[str]) -> list[Leak]:
    sides = ([known(x) for x in labels if x.slice_id in wanted] for wanted in (tested, trained))
    return leaks(*sides, [known(x) for x in labels])


# --- the builder ---


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))
def test_whatever_slices_share_they_are_on_one_side(tmp_path: Path, seed: int, kinds: list[str]) -> None:
    """Random labels of two sources with random facts in common, chains of several kinds and across sources included."""
    rng = random.Random(seed)
    labels = []
    for number in range(60):
        label = make_label(f"{number}", rng.choice(list(TumorType)), sequence=rng.choice(list(MRSequence)))
        source = {"slice": label.slice.model_copy(update={"source_id": rng.choice(("90", "91"))})}
        label = label.model_copy(update=source)
        for kind in rng.sample(kinds, rng.randint(0, len(kinds))):
            label = with_fact(label, kind, str(rng.randint(0, 25)))
        labels.append(label)
    tested, trained = built_sides(tmp_path / "out", labels, seed)
    assert not tested & trained
    assert found_in(labels, tested, trained) == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_shared_fact_keeps_slices_together(tmp_path: Path, kind: str) -> None:
    """Pairs of slices with nothing in common but this; a builder that overlooked it would part some of 40 pairs."""
    labels = [with_fact(make_label(f"{kind}{n}{half}"), kind, f"{n:02d}") for n in range(40) for half in "ab"]
    tested, trained = built_sides(tmp_path / "out", labels, 5)
    assert len(tested) >= 10
    assert found_in(labels, tested, trained) == []
    mixed = {x.slice_id for x in labels[::2]}, {x.slice_id for x in labels[1::2]}
    assert Counter(one.kind for one in found_in(labels, *mixed)) == {kind: 40}, "the checker sees all of them"


def test_chains_across_sources_and_kinds_are_followed(tmp_path: Path) -> None:
    """a -patient- b -bytes- c -copies- d -neighbors- e: five slices of one anatomy, of which no two others share."""
    labels = []
    for n in range(30):
        names = [make_label(f"chain{n}{x}") for x in "abcde"]
        for position, kind in enumerate(("patient", "bytes", "copies", "patient_group")):
            for end in (position, position + 1):
                names[end] = with_fact(names[end], kind, f"{n:02d}")
        odd = names[4].slice.model_copy(update={"source_id": "91"})
        labels += [*names[:4], names[4].model_copy(update={"slice": odd})]
    tested, trained = built_sides(tmp_path / "out", labels, 8)
    assert len(tested) >= 25
    assert len(tested) % 5 == 0
    assert found_in(labels, tested, trained) == []
    ends = {x.slice_id for x in labels[::5]}, {x.slice_id for x in labels[4::5]}
    found = found_in(labels, *ends)
    assert Counter(one.kind for one in found) == {"chain": 30}
    assert [len(one.through) for one in found] == [3] * 30


def test_skewed_collections_of_hundreds_of_slices_have_no_leak(tmp_path: Path) -> None:
    labels = skewed_labels(500, seed=11)
    rng = random.Random(4)
    for _ in range(75):
        for kind in KINDS[1:4]:
            value = str(rng.randrange(10_000))
            for place in rng.sample(range(500), 2):
                labels[place] = with_fact(labels[place], kind, value)
    tested, trained = built_sides(tmp_path / "out", labels, 2602)
    assert len(tested) > 50
    assert len(trained) > 200
    assert found_in(labels, tested, trained) == []


# --- the checker ---


@pytest.mark.parametrize("kind", [*KINDS, "slice"])
def test_each_planted_fact_is_found(kind: str) -> None:
    first, second, third = (make_label(x) for x in "abc")
    if kind == "slice":
        second = first
    else:
        first, second = with_fact(first, kind, "7"), with_fact(second, kind, "7")
    found = leaks([known(first), known(third)], [known(second)])
    assert kind in {one.kind for one in found}
    assert {one.benchmark for one in found} == {(first.slice_id,)}
    assert {one.instructions for one in found} == {(second.slice_id,)}
    assert leaks([known(third)], [known(second)]) == []


def test_patients_are_those_of_one_source() -> None:
    first, second = with_fact(make_label("a"), "patient", "1"), with_fact(make_label("b"), "patient", "1")
    other = second.model_copy(update={"slice": second.slice.model_copy(update={"source_id": "91"})})
    assert [x.kind for x in leaks([known(first)], [known(second)])] == ["patient"]
    assert leaks([known(first)], [known(other)]) == [], "two collections count from 1"


def test_what_curation_matched_is_found_without_its_groups() -> None:
    pair = PictureMatch(first="s1", second="s2", kind=None)
    facts = facts_of_copies([], [pair])
    sides = [[KnownSlice(slice_id=x, facts=tuple(facts[x]))] for x in ("s1", "s2")]
    assert [(one.kind, one.shared) for one in leaks(*sides)] == [("match", "s1 s2")]


def test_many_slices_of_one_fact_are_one_leak_and_counted() -> None:
    fact = ("patient", "16/P")
    sides = [[KnownSlice(slice_id=f"{side}{n:02d}", facts=(fact,)) for n in range(20)] for side in "ab"]
    [leak] = leaks(*sides)
    assert (leak.n_benchmark, leak.n_instructions) == (20, 20)
    assert leak.benchmark == tuple(f"a{n:02d}" for n in range(EXAMPLES))


Sides = st.lists(
    st.tuples(st.sampled_from(["tested", "trained", "other"]), st.sets(st.integers(0, 12), max_size=3)), max_size=14
)


@given(Sides)
def test_a_chain_is_found_exactly_where_slices_hang_together(slices: list[tuple[str, set[int]]]) -> None:
    """Against components made by merging sets until nothing changes; slices of the two sides carry no chain on."""
    sides: dict[str, list[KnownSlice]] = {"tested": [], "trained": [], "other": []}
    for number, (side, values) in enumerate(slices):
        facts = tuple(("patient", str(v)) for v in sorted(values))
        sides[side].append(KnownSlice(slice_id=f"{side}{number}", facts=facts))
    found = leaks(sides["tested"], sides["trained"], sides["other"])
    reach = {fact for one in sides["tested"] for fact in one.facts}
    direct = {one.slice_id for one in sides["trained"] if reach & set(one.facts)}
    while True:
        wider = reach | {f for one in sides["other"] if reach & set(one.facts) for f in one.facts}
        if wider == reach:
            break
        reach = wider
    expected = {one.slice_id for one in sides["trained"] if reach & set(one.facts)}
    named = {name for one in found for name in one.instructions}
    assert named == expected
    assert {n for one in found if one.kind != "chain" for n in one.instructions} == direct
    assert all(one.through for one in found if one.kind == "chain")


def test_every_kind_has_a_meaning() -> None:
    assert all(len(text) > 10 for text in MEANINGS.values())
    assert set(KINDS) < set(MEANINGS)


def test_a_giant_group_is_walked_once() -> None:
    """Each fact's slices are looked up once, however many slices have it."""

    class Counted(dict[tuple[str, str], list[str]]):
        looked = 0

        def __getitem__(self, fact: tuple[str, str]) -> list[str]:
            Counted.looked += len(super().__getitem__(fact))
            return super().__getitem__(fact)

    n, patient, end = 500, ("patient", "1"), ("bytes", "9")
    rest = {f"o{k}": {patient, *([end] if k == n - 1 else [])} for k in range(n)}
    holders = Counted({patient: sorted(rest), end: [f"o{n - 1}"]})
    start = ("mask", "m")
    rest["o0"].add(start)
    holders[start] = ["o0"]
    [leak] = _chains({start: ["tested"]}, {end: ["trained"]}, rest, holders, set())
    assert leak.through == ("o0", f"o{n - 1}")
    assert Counted.looked <= n + 2


# --- paths ---


@pytest.mark.parametrize(
    "spelled",
    ["glioma/ä.png", "./glioma/ä.png", "glioma//ä.png", "x/../glioma/ä.png", "glioma\\ä.png", "glioma/a\u0308.png"],
)
def test_one_path_in_any_spelling_is_one_file(tmp_path: Path, spelled: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked, trained = planted_paths(tmp_path, "glioma/ä.png", spelled)
    assert run(["check", "leaks", asked, trained, "--json"]) == 1
    assert {one["kind"] for one in json.loads(capsys.readouterr().out)["leaks"]} == {"slice", "file"}
    label = make_label("a", image_path=spelled)
    assert ("file", "glioma/ä.png") in facts_of(label.slice)


def planted_paths(folder: Path, asked: str, trained: str) -> tuple[str, str]:
    """A benchmark and an instruction file about one image each."""
    item = {"question_type": "Detail", "question": "Q", "question_id": "q", "reference_answer": "r"}
    document = [{"id": 1, "image_path": asked, "qa_pairs": [item | {"eval_keywords": ["r"]}]}]
    (folder / "open.json").write_text(json.dumps(document))
    (folder / "chat.jsonl").write_text(json.dumps({"images": [trained], "messages": []}) + "\n")
    return str(folder / "open.json"), str(folder / "chat.jsonl")


@pytest.mark.parametrize("turned", [False, True])
def test_absolute_paths_need_the_root(tmp_path: Path, turned: bool, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "root"
    saved(root, "a.png", picture(1))
    saved(root, "b.png", picture(2))
    for name, leaky in (("a.png", True), ("b.png", False)):
        paths = ("a.png", str(root / name))
        given = ["check", "leaks", *planted_paths(tmp_path, *(paths[::-1] if turned else paths)), "--json"]
        assert run(given) == 1
        captured = capsys.readouterr()
        assert json.loads(captured.out)["not_compared"] == 1
        assert "pass --root" in captured.err
        assert run([*given, "--root", str(root)]) == int(leaky)
        document = json.loads(capsys.readouterr().out)
        assert document["not_compared"] == 0
        assert ("file" in {one["kind"] for one in document["leaks"]}) is leaky
    both = planted_paths(tmp_path, str(root / "a.png"), str(root / "b.png"))
    assert run(["check", "leaks", *both]) == 0, "absolute paths on both sides can be compared"


@pytest.mark.parametrize("empty", ["benchmark", "instructions"])
def test_an_empty_side_is_no_pass(tmp_path: Path, empty: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked, trained = planted_paths(tmp_path, "a.png", "b.png")
    Path(asked if empty == "benchmark" else trained).write_text("[]" if empty == "benchmark" else "")
    assert run(["check", "leaks", asked, trained]) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith("error[NOTHING_TO_COMPARE]")
    assert "leaks among" not in captured.out


# --- pictures ---


def picture(seed: int, size: tuple[int, int] = (96, 80)) -> images.Gray:
    """Soft blobs, as unlike for other seeds as two heads are."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (9, 8), dtype=np.uint8))
    return np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))


def saved(root: Path, name: str, pixels: Any, **options: Any) -> Picture:
    root.mkdir(exist_ok=True)
    Image.fromarray(np.ascontiguousarray(pixels)).save(root / name, **options)
    return Picture(name)


def test_pictures_are_compared_by_bytes_pixels_and_likeness(tmp_path: Path) -> None:
    one = picture(1)
    first = look_at("first", tmp_path, saved(tmp_path, "a.png", one))
    facts = dict(first.facts)
    again = dict(look_at("x", tmp_path, saved(tmp_path, "b.png", one, compress_level=1)).facts)
    assert (again["bytes"] != facts["bytes"], again["pixels"]) == (True, facts["pixels"])
    for number, turned in enumerate((np.rot90(one), one[:, ::-1], one[::-1], np.rot90(one[:, ::-1], 3))):
        look = look_at("x", tmp_path, saved(tmp_path, f"t{number}.png", turned))
        assert dict(look.facts)["pixels"] == facts["pixels"]
        assert alike([first], [look])
    assert dict(look_at("x", tmp_path, saved(tmp_path, "c.png", picture(2))).facts)["pixels"] != facts["pixels"]
    small = Image.fromarray(np.rot90(one)).resize((50, 61), Image.Resampling.BICUBIC)
    recompressed = look_at("copy", tmp_path, saved(tmp_path, "c.jpg", np.asarray(small), quality=60))
    others = [look_at(f"o{n}", tmp_path, saved(tmp_path, f"o{n}.png", picture(n))) for n in range(2, 30)]
    assert dict(recompressed.facts)["pixels"] != facts["pixels"]
    [leak] = alike([first, *others[:5]], [recompressed, *others[5:]])
    assert (leak.benchmark, leak.instructions) == (("first",), ("copy",))
    assert float(leak.shared.split()[1]) >= ALIKE


def test_empty_pictures_are_like_nothing(tmp_path: Path) -> None:
    empty = [saved(tmp_path, f"{n}.png", np.zeros((40, 40 + n), np.uint8)) for n in range(2)]
    black = [look_at(one.image_path, tmp_path, one) for one in empty]
    assert alike(black[:1], black[1:]) == []
    assert alike([], black) == alike(black, []) == []


# --- files and the command ---


@dataclass
class Written:
    root: Path
    folder: Path
    labels: list[AuditedLabel]

    def check(self, *extra: object) -> int:
        given = ("benchmark", "instructions")
        return run(["check", "leaks", *(str(self.folder / x) for x in given), *map(str, extra)])

    def plant(self, image: str, name: str | None = None) -> None:
        path = self.folder / "instructions" / "instruction_open_train.jsonl"
        line = {"images": [image], "messages": []} | ({} if name is None else {"meta": {"id": name}})
        path.write_text(path.read_text() + json.dumps(line) + "\n")


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A benchmark and instructions about files that exist."""
    labels = sorted(
        (make_label(f"{n}", list(TumorType)[n % 3], semantics=semantics()) for n in range(24)), key=lambda x: x.slice_id
    )
    for number, label in enumerate(labels):
        path = tmp_path / "root" / label.slice.image_path
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)).save(path)
    build_benchmark(tmp_path / "benchmark", labels, seed=1, rules=RULES)
    build_instructions(tmp_path / "instructions", labels, seed=1, rules=RULES)
    store.save(tmp_path / "labels.parquet", labels, AuditedLabel)
    return Written(tmp_path / "root", tmp_path, labels)


def test_a_clean_pair_of_folders_passes(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    assert written.check("--labels", written.folder / "labels.parquet", "--root", written.root, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["leaks"] == []
    assert document["benchmark_slices"] > 2
    assert document["benchmark_slices"] + document["instruction_slices"] <= 24
    assert document["compared"] == "slice ids and paths, patients, copies, neighbors and masks, bytes and pixels"


def test_planted_lines_are_found(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    asked = sorted(benchmark_side(written.folder / "benchmark").pictures.items())
    (name, first), (_, second), (_, third) = asked[:3]
    copy = Image.open(written.root / second.image_path).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    copy.save(written.root / "flipped.png")
    Image.open(written.root / third.image_path).resize((70, 60)).save(written.root / "again.jpg", quality=80)
    written.plant("elsewhere/x.png", name)
    written.plant("./" + first.image_path)
    for image in ("flipped.png", "again.jpg"):
        written.plant(image)
    assert written.check("--json") == 1
    kinds = Counter(one["kind"] for one in json.loads(capsys.readouterr().out)["leaks"])
    assert kinds == {"slice": 1, "file": 1}
    (written.root / "elsewhere").mkdir()
    shutil.copy(written.root / first.image_path, written.root / "elsewhere" / "x.png")
    assert written.check("--json", "--root", written.root) == 1
    found = json.loads(capsys.readouterr().out)["leaks"]
    assert {one["kind"] for one in found} == {"slice", "file", "bytes", "pixels", "alike"}
    assert {i for one in found if one["kind"] == "pixels" for i in one["instructions"]} >= {"flipped.png"}
    assert {i for one in found if one["kind"] == "alike" for i in one["instructions"]} >= {"flipped.png", "again.jpg"}
    assert written.check() == 1
    out = capsys.readouterr().out
    assert "2 leaks among" in out
    assert MEANINGS["file"] in out


def test_what_cannot_be_compared_is_no_pass(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    written.plant("missing.png")
    assert written.check() == 0
    assert written.check("--root", written.root) == 1
    assert "not compared: missing.png" in capsys.readouterr().err
    path = written.folder / "instructions" / "instruction_open_train.jsonl"
    path.write_text(path.read_text() + '{"images": 3}\n')
    assert written.check() == 1
    assert "unreadable[FIELD_INVALID]" in capsys.readouterr().err


def test_slices_that_the_labels_do_not_know_were_not_compared(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names of a published package match no label: that nothing is found is no proof that nothing is shared."""
    path = written.folder / "benchmark" / "benchmark_closed.json"
    images = json.loads(path.read_text())
    for number, image in enumerate(images):
        image |= {"id": f"b{number}", "image_path": f"images/b{number}.png"}
    (written.folder / "renamed").mkdir()
    (written.folder / "renamed" / "benchmark_closed.json").write_text(json.dumps(images))
    given = ("renamed", "instructions")
    labels = ["--labels", str(written.folder / "labels.parquet")]
    assert run(["check", "leaks", *(str(written.folder / x) for x in given), *labels, "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["not_compared"] == len(images) > 2
    assert "not in the labels" in captured.err


def test_a_path_under_another_root_is_another_file(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    """A published benchmark has a root of its own; only pictures can be compared."""
    asked = benchmark_side(written.folder / "benchmark")
    name, shown = min(asked.pictures.items())
    other = written.folder / "published"
    (other / "slices").mkdir(parents=True)
    trained = min(instruction_side(written.folder / "instructions").pictures.values(), key=lambda x: x.image_path)
    shutil.copy(written.root / shown.image_path, other / trained.image_path)
    questions = store.load_strict(written.folder / "benchmark" / "open.parquet", OpenItem)
    item = next(one for one in questions if one.slice_id == name)
    renamed = item.model_copy(update={"image_id": "n1", "slice_id": "n1", "image_path": trained.image_path})
    store.write_json(other / "open.json", open_document([renamed]))
    given = ["check", "leaks", str(other / "open.json"), str(written.folder / "instructions"), "--json"]
    assert run(given) == 1
    assert [x["kind"] for x in json.loads(capsys.readouterr().out)["leaks"]] == ["file"], "as if under one root"
    rooted = [*given, "--root", str(written.root), "--benchmark-root", str(other)]
    assert run(rooted) == 0, capsys.readouterr()
    capsys.readouterr()
    written.plant(shown.image_path)
    assert run(rooted) == 1
    assert {x["kind"] for x in json.loads(capsys.readouterr().out)["leaks"]} == {"bytes", "pixels", "alike"}


def test_the_published_files_of_the_reference_can_be_compared(upstream_root: Path) -> None:
    closed = benchmark_side(upstream_root / "mm-neuroonco_benchmark_closed_v1.0.json")
    opened = benchmark_side(upstream_root / "mm-neuroonco_benchmark_open_v1.0.json")
    assert (len(closed.slices), len(opened.slices)) == (1000, 243)
    assert closed.unreadable == opened.unreadable == []


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (("none.json", "instructions"), "FILE_MISSING", 3),
        (("empty", "instructions"), "BENCHMARK_MISSING", 3),
        (("benchmark", "empty"), "INSTRUCTIONS_MISSING", 3),
        (("benchmark", "none.jsonl"), "FILE_MISSING", 3),
        (("benchmark",), "INSTRUCTIONS_NEEDED", 2),
        (("benchmark", "instructions", "--root", "none"), "ROOT_MISSING", 3),
        (("benchmark", "instructions", "--benchmark-root", "empty"), "ROOT_NEEDED", 2),
        (("benchmark", "instructions", "--labels", "none.parquet"), "FILE_MISSING", 3),
    ],
)
def test_what_cannot_be_used_is_one_line(
    written: Written,
    arguments: tuple[str, ...],
    code: str,
    exit_code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(written.folder)
    Path("empty").mkdir()
    assert run(["check", "leaks", *arguments]) == exit_code
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"error[{code}]" in err


def test_a_picture_outside_the_root_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="PATH_OUTSIDE_ROOT"):
        look_at("x", tmp_path, Picture("../x.png"))


# --- the whole walk ---


def described(folder: Path, source_id: str, pattern: str) -> None:
    words = dict.fromkeys(("name", "homepage", "license", "license_note", "attribution", "citation"), source_id)
    words |= {"layout_note": "n", "priority_note": "n", "redistribution": "images", "id": source_id}
    lines = [f'{key} = "{value}"' for key, value in words.items()]
    lines += ["verified = true", "priority = 10", f'folder_hints = ["{source_id}"]']
    lines += ["[[layout]]", f'pattern = "{pattern}"', 'tumor_type = "glioma"', 'sequence = "t2"']
    folder.mkdir(exist_ok=True)
    (folder / f"{source_id}.toml").write_text("\n".join(lines) + "\n")


def test_planted_copies_and_patients_end_on_one_side_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two collections of the same heads: copied, recompressed, mirrored, and one patient under several names."""
    root, own = tmp_path / "root", tmp_path / "own"
    described(own, "a", "{patient}_{stem}.{ext}")
    described(own, "b", "{stem}.{ext}")
    drawn = write_images(tmp_path / "drawn", range(16), 31)
    for folder in ("a", "b"):
        (root / folder).mkdir(parents=True)
    for number, truth in enumerate(drawn):
        pixels = Image.fromarray(images.read_image(tmp_path / "drawn", truth.image_path))
        pixels.save(root / "a" / f"p{number // 2:02d}_{number:02d}.png")
        if number % 3 == 0:
            pixels.save(root / "b" / f"copy{number:02d}.png")
        if number % 3 == 1:
            pixels.save(root / "b" / f"jpeg{number:02d}.jpg", quality=85)
        if number % 3 == 2:
            pixels.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "b" / f"mirror{number:02d}.png")
    profile = Profile(
        name="two", description="d", seed=3, sources={"a": "a", "b": "b"}, models=("random",), source_descriptions="own"
    )
    walk(profile, tmp_path / "run", root=root, sources=own)
    given = ["check", "leaks", str(tmp_path / "run"), "--root", str(root), "--json"]
    assert run(given) == 0, capsys.readouterr()
    document = json.loads(capsys.readouterr().out)
    assert document["leaks"] == []
    assert document["benchmark_slices"] > 0
    assert document["instruction_slices"] > 0

    asked = benchmark_side(tmp_path / "run" / "08-build" / "benchmark").pictures
    tested = next(x.image_path for _, x in sorted(asked.items()) if x.image_path.startswith("a/"))
    number = int(tested[-6:-4])
    kind = {0: "copy{}.png", 1: "jpeg{}.jpg", 2: "mirror{}.png"}[number % 3].format(f"{number:02d}")
    mate = number ^ 1
    patient = f"a/p{mate // 2:02d}_{mate:02d}.png"
    path = tmp_path / "run" / "08-build" / "instructions" / "instruction_open_train.jsonl"
    for planted, expected in ((f"b/{kind}", {"copies", "match"}), (patient, {"patient", "patient_group"})):
        path.write_text(json.dumps({"images": [planted], "messages": []}) + "\n")
        assert run(given) == 1
        found = json.loads(capsys.readouterr().out)["leaks"]
        direct = {one["kind"] for one in found if planted in one["instructions"]}
        assert expected & direct, (planted, direct)
