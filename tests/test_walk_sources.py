"""Source descriptions of a user's own, through every command: they decide what is read, kept and passed on."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from neuroonco import store
from neuroonco.catalog.records import SliceRecord
from neuroonco.cli import run as cli
from neuroonco.curate.quality import CurateRules
from neuroonco.curate.records import DuplicateGroup
from neuroonco.errors import InputError, UsageError
from neuroonco.outcomes import Dropped
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.phantoms.write import write_images
from neuroonco.publish.records import PublishedSlice
from neuroonco.rules import load_rules
from neuroonco.sources import load_sources
from neuroonco.vocabulary import DropReason, MRSequence, Redistribution, TumorType
from neuroonco.walk.described import SOURCES_FILE, digests_of, keep_sources, kept_sources, sources_of
from neuroonco.walk.profile import Profile, description_folder, load_profile, rules_of
from neuroonco.walk.run import walk

DOCS = Path(__file__).parent.parent / "docs" / "sources.md"
FOLDERS = ("train/GBM_T1C", "train/MET_T2", "test/ABSCESS_T1C")
SLICES = 3 * len(FOLDERS)


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = cli([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def with_mask(count: int, seed: int = 40) -> list[int]:
    """Numbers of phantoms that have a lesion."""
    numbers = (n for n in range(10 * count) if draw_phantom(seed, n).mask is not None)
    return [next(numbers) for _ in range(count)]


def collection(root: Path, seed: int = 40) -> Path:
    """The folder of the documentation's example, drawn: three slices with masks a folder, and shrunken previews."""
    drawn = root.parent / f"{root.name}-drawn"
    for place, truth in enumerate(write_images(drawn, with_mask(SLICES, seed), seed)):
        folder, name = root / FOLDERS[place % 3], f"p{place:02d}_{100 + place}.png"
        (folder / "masks").mkdir(parents=True, exist_ok=True)
        (root / "previews").mkdir(exist_ok=True)
        assert truth.mask_path is not None
        shutil.copy(drawn / truth.image_path, folder / name)
        shutil.copy(drawn / truth.mask_path, folder / "masks" / name)
        shutil.copy(drawn / truth.image_path, root / "previews" / name)
    return root


def finished_toml() -> str:
    """The finished description that the documentation shows."""
    return DOCS.read_text("utf-8").split("```toml\n")[1].split("```")[0]


def profile_toml() -> str:
    """The profile that the documentation shows, with one quick model."""
    text = 'name = "mine"' + DOCS.read_text("utf-8").split('```\nname = "mine"')[1].split("```")[0]
    return text.replace("seed = 1\n", 'seed = 1\nmodels = ["random"]\n')


def records(folder: Path) -> list[SliceRecord]:
    return store.load_strict(folder / "01-catalog" / "records.parquet", SliceRecord)


def test_the_documented_example_from_an_unknown_folder_to_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    collection(tmp_path / "downloads" / "Tumour-MRI")
    toml = tmp_path / "my_sources" / "tumour_mri.toml"
    (tmp_path / "mine.toml").write_text(profile_toml())
    walking = ("run", "mine.toml", "--root", "downloads", "--out", "runs/mine", "--processes", "2", "--json")
    publishing = ("publish", "runs/mine", "--root", "downloads", "--json", "--out")

    # As proposed: the folder reads, the terms are unknown, so nothing may leave.
    code, _, err = call(capsys, "sources", "infer", "downloads/Tumour-MRI", "--out", toml)
    assert (code, "lines with TODO" in err) == (0, True), err
    code, out, err = call(capsys, *walking)
    assert code == 0, err
    assert {r.source_id for r in records(tmp_path / "runs" / "mine")} == {"tumour-mri"}
    code, out, err = call(capsys, *publishing, "nothing")
    withheld = json.loads(out)
    assert (code, withheld["with_image"], withheld["labels_only"], withheld["pointers"]) == (0, 0, 0, 0)
    assert withheld["withheld"] > 0
    assert not list((tmp_path / "nothing").rglob("*.png"))

    # Described: labels, patients and terms as the collection's page states them.
    toml.write_text(finished_toml())
    code, out, err = call(capsys, "sources", "check", "tumour-mri", "downloads/Tumour-MRI", "--sources", "my_sources")
    assert (code, f"{SLICES + SLICES * 2} files: {SLICES} images, {SLICES} masks" in out) == (0, True), out + err
    code, out, err = call(capsys, *walking)
    assert code == 0, err
    assert json.loads(out)["done"][:2] == ["01-catalog", "02-curate"], "what is described otherwise is read again"
    catalogued = records(tmp_path / "runs" / "mine")
    assert sorted((str(r.tumor_type), r.source_label, str(r.sequence), r.split) for r in catalogued) == sorted(
        3
        * [
            ("None", "ABSCESS", "t1ce", "test"),
            ("glioma", "GBM", "t1ce", "train"),
            ("metastasis", "MET", "t2", "train"),
        ]
    )
    assert {r.patient_id for r in catalogued} == {f"p{n:02d}" for n in range(SLICES)}

    # The same by single commands.
    own = ("--sources", "my_sources")
    code, _, err = call(
        capsys, "catalog", "downloads/Tumour-MRI", "--source", "tumour-mri", *own, "--out", "catalog.parquet"
    )
    assert code == 0, err
    curating = ("curate", "catalog.parquet", "--root", "downloads/Tumour-MRI", "--out")
    code, out, err = call(capsys, *curating, "curated", *own, "--json")
    assert (code, json.loads(out)["kept"]) == (
        0,
        json.loads((tmp_path / "runs/mine/02-curate/manifest.json").read_text())["counts"]["kept"],
    )
    assert "not described" not in err
    assert "Tumour-MRI" in (tmp_path / "curated" / "report" / "index.html").read_text()
    code, _, err = call(capsys, *curating, "curated-2")
    assert (code, "not described, so their copies have the lowest priority: tumour-mri" in err) == (0, True)

    # The run knows what it was made with, without the folder it came from.
    shutil.rmtree(tmp_path / "my_sources")
    page = tmp_path / "runs" / "mine" / "report" / "index.html"
    before = page.read_bytes()
    page.unlink()
    assert call(capsys, "report", "runs/mine", "--root", "downloads")[0] == 0
    assert page.read_bytes() == before
    assert "Tumour-MRI" in page.read_text()
    assert "Tumour-MRI" in (page.parent / "curation" / "index.html").read_text()
    code, out, _ = call(capsys, "trace", catalogued[0].slice_id, "--run", "runs/mine")
    assert (code, out.splitlines()[0]) == (
        0,
        "source tumour-mri: Tumour-MRI; licence CC-BY-4.0; may be passed on: images",
    )
    code, out, err = call(capsys, *publishing, "package")
    counts = json.loads(out)
    assert (code, counts["withheld"], counts["labels_only"]) == (0, 0, 0)
    assert counts["with_image"] == len(list((tmp_path / "package" / "images").iterdir())) > 0
    published = store.load_strict(tmp_path / "package" / "slices.parquet", PublishedSlice)
    assert {(p.license, p.permitted) for p in published} == {("CC-BY-4.0", Redistribution.IMAGES)}
    assert "Tumour-MRI, the Example Group, CC BY 4.0" in (tmp_path / "package" / "LICENSES.md").read_text()
    everything = b"".join(p.read_bytes() for p in (tmp_path / "runs" / "mine").rglob("*") if p.is_file())
    assert str(tmp_path).encode() not in everything, "a run holds no path of this machine"


# --- what decides, and what is done again ---


def described(folder: Path, source_id: str, **changes: object) -> None:
    """A description of a flat folder of glioma slices."""
    values: dict[str, object] = {
        **dict.fromkeys(("name", "homepage", "license", "license_note", "attribution", "citation"), source_id),
        **dict.fromkeys(("layout_note", "priority_note"), "n"),
        "redistribution": "images",
        "verified": True,
        "priority": 10,
        "folder_hints": [source_id],
    } | changes
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"id": source_id, **values}.items()]
    layout = '\n[[layout]]\npattern = "{stem}.{ext}"\ntumor_type = "glioma"\n'
    (folder / f"{source_id}.toml").write_text("\n".join(lines) + layout)


def same_slices_twice(root: Path) -> Path:
    numbers = with_mask(4, 77)
    for truth in write_images(root.parent / "drawn", numbers, 77):
        for folder in ("a", "b"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(root.parent / "drawn" / truth.image_path, root / folder / Path(truth.image_path).name)
    return root


BOTH = Profile(
    name="both", description="d", seed=1, sources={"a": "a", "b": "b"}, models=("random",), source_descriptions="own"
)


def stands(run: Path) -> set[str]:
    groups = store.load_strict(run / "02-curate" / "duplicate_groups.parquet", DuplicateGroup)
    assert len(groups) == 4
    return {m.source_id for g in groups for m in g.members if m.representative}


def test_priorities_decide_and_a_changed_description_is_noticed(tmp_path: Path) -> None:
    root, run, own = same_slices_twice(tmp_path / "root"), tmp_path / "run", tmp_path / "own"
    described(own, "a", priority=30)
    described(own, "b", priority=20)
    walk(BOTH, run, root=root, sources=own)
    assert stands(run) == {"a"}
    dropped = store.load_strict(run / "02-curate" / "dropped.parquet", Dropped)
    assert [(d.source_id, d.reason) for d in dropped] == 4 * [("b", DropReason.DUPLICATE_EXACT)]

    (own / "a.toml").write_text("# a remark\n" + (own / "a.toml").read_text())
    described(own, "elsewhere", priority=99)
    assert walk(BOTH, run, root=root, sources=own).done == [], "remarks and sources of others change nothing"

    described(own, "b", priority=40)
    assert walk(BOTH, run, root=root, sources=own).done[:2] == ["01-catalog", "02-curate"]
    assert stands(run) == {"b"}
    assert kept_sources(run)["b"].priority == 40


def test_one_forbidding_source_of_a_copy_holds_it_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, run, own = same_slices_twice(tmp_path / "root"), tmp_path / "run", tmp_path / "own"
    described(own, "a", priority=30)
    described(own, "b", priority=20, redistribution="none")
    walk(BOTH, run, root=root, sources=own)
    arguments = ("publish", run, "--root", root, "--json", "--out")
    code, out, _ = call(capsys, *arguments, tmp_path / "package")
    counts = json.loads(out)
    assert (code, counts["with_image"]) == (0, 0)
    assert counts["withheld"] > 0

    # Without its own descriptions a run permits nothing, whatever the package's say.
    for broken in ("", "{}", "[]", '{"id": "a"}', '[{"id": "a"}]', "[1]"):
        (run / "01-catalog" / SOURCES_FILE).write_text(broken)
        code, out, err = call(capsys, *arguments, tmp_path / "other")
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert "RUN_BROKEN" in err
        assert "run the profile again" in err
    (run / "01-catalog" / SOURCES_FILE).unlink()
    assert call(capsys, *arguments, tmp_path / "other")[0] == 3
    assert walk(BOTH, run, root=root, sources=own).done == ["01-catalog"], "made again, as it was"


def test_a_description_may_take_the_place_of_one_of_the_package(tmp_path: Path) -> None:
    root, run, own = same_slices_twice(tmp_path / "root"), tmp_path / "run", tmp_path / "own"
    described(own, "01", name="Corrected")
    profile = Profile(name="p", description="d", seed=1, sources={"01": "a"}, models=("random",))
    walk(profile, run, root=root, sources=own, processes=2)
    assert {(r.source_id, r.tumor_type) for r in records(run)} == {("01", TumorType.GLIOMA)}
    assert kept_sources(run)["01"].name == "Corrected"
    assert load_sources()["01"].name != "Corrected"


def test_every_description_survives_being_kept(tmp_path: Path) -> None:
    known = load_sources()
    keep_sources(tmp_path / "01-catalog", known)
    again = kept_sources(tmp_path)
    assert again == known
    assert digests_of(again) == digests_of(known)
    assert again["16"].layout[0].mask is not None
    assert set(again["16"].layout[0].mask.label_map) == {1, 2, 4}, "numbers stay numbers"
    assert again["08"].sequences["T1C+"] is MRSequence.T1CE
    one = known["05"].model_copy(update={"priority": known["05"].priority + 1})
    changed = digests_of(known | {"05": one})
    assert {i for i in known if changed[i] != digests_of(known)[i]} == {"05"}


# --- what cannot be used is one line ---


def one_line(caught: pytest.ExceptionInfo[InputError] | pytest.ExceptionInfo[UsageError], *said: str) -> None:
    assert "\n" not in caught.value.line
    for words in said:
        assert words in caught.value.line


def test_an_unknown_source_is_named_before_anything_is_read(tmp_path: Path) -> None:
    profile = Profile(name="p", description="d", seed=1, sources={"02-navonel": "x"})
    with pytest.raises(UsageError) as caught:
        walk(profile, tmp_path / "run", root=tmp_path / "missing")
    one_line(caught, "SOURCE_UNKNOWN", "'02-navonel'", "did you mean '02-navoneel'?", "--sources DIR", "show sources")
    assert not (tmp_path / "run").exists()


def test_descriptions_that_are_not_passed_on_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="SOURCES_NEEDED"):
        walk(BOTH, tmp_path / "run", root=tmp_path)
    with pytest.raises(UsageError, match="SOURCES_UNUSED"):
        walk(load_profile("demo"), tmp_path / "run", sources=tmp_path)
    described(tmp_path / "own", "a", folder_hints=[])
    toml = tmp_path / "own" / "a.toml"
    toml.write_text(toml.read_text().split("[[layout]]", maxsplit=1)[0])
    with pytest.raises(InputError, match="SOURCE_NO_LAYOUT"):
        sources_of(BOTH, tmp_path / "own")


@pytest.mark.parametrize("value", ["", ".", "..", "../own", "/etc", "own/../..", "away", "missing", "file.txt", "a\\b"])
def test_a_profile_names_a_folder_below_its_own(tmp_path: Path, value: str) -> None:
    base, own = tmp_path / "base", tmp_path / "own"
    for folder in (base, own):
        folder.mkdir()
    (base / "away").symlink_to(own)
    (base / "file.txt").write_text("")
    path = base / "p.toml"
    path.write_text(
        f'name = "p"\ndescription = "d"\nseed = 1\nsource_descriptions = {json.dumps(value)}\n[sources]\na = "a"'
    )
    with pytest.raises(InputError) as caught:
        description_folder(load_profile(str(path)), str(path))
    one_line(caught, "PROFILE_INVALID", "source_descriptions", str(path))


@pytest.mark.parametrize(
    ("toml", "options", "code", "said"),
    [
        ("id = ", (), 3, ("SOURCE_INVALID", "own/a.toml")),
        ('id = "a"\ncolor = 1', (), 3, ("SOURCE_INVALID", "own/a.toml")),
        (None, (), 3, ("SOURCES_EMPTY", "own")),
        (None, ("--sources", "nowhere"), 3, ("SOURCES_UNREADABLE", "nowhere")),
    ],
)
def test_descriptions_that_cannot_be_read_end_a_run_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    toml: str | None,
    options: Sequence[str],
    code: int,
    said: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("own", "root/a"):
        (tmp_path / folder).mkdir(parents=True)
    if toml is not None:
        (tmp_path / "own" / "a.toml").write_text(toml)
    head = 'name = "p"\ndescription = "d"\nseed = 1\nsource_descriptions = "own"\n'
    (tmp_path / "p.toml").write_text(f'{head}[sources]\na = "a"\n')
    found, out, err = call(capsys, "run", "p.toml", "--root", "root", *options)
    assert (found, out, err.count("\n")) == (code, "", 1), err
    for words in said:
        assert words in err
    assert not (tmp_path / "runs").exists()


def test_a_profile_decides_about_contradicting_labels(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    head = 'name = "mine"\ndescription = "x"\nseed = 1\n'
    tail = "[phantoms]\nnumber = 1\nseed = 1\n"
    path.write_text(head + tail, "utf-8")
    shipped = rules_of(load_profile(str(path)))
    assert shipped == load_rules("default")
    path.write_text(head + 'label_conflicts = "majority"\n' + tail, "utf-8")
    chosen = rules_of(load_profile(str(path)))
    assert chosen.section("curate", CurateRules).label_conflict_policy == "majority"
    assert chosen.digest("curate") != shipped.digest("curate"), "stages have to be done again"
    assert chosen.digest("duplicates") == shipped.digest("duplicates")
    assert load_rules("default") == shipped
    with pytest.raises(UsageError, match="RULE_UNKNOWN"):
        shipped.with_value("curate", "no_such_rule", 1)
    with pytest.raises(InputError, match="RULE_INVALID"):
        shipped.with_value("curate", "label_conflict_policy", "vote").section("curate", CurateRules)
    path.write_text(head + 'label_conflicts = "vote"\n' + tail, "utf-8")
    with pytest.raises(InputError, match="PROFILE_INVALID"):
        load_profile(str(path))


def test_phantoms_bring_no_descriptions(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    head = 'name = "p"\ndescription = "d"\nseed = 1\nsource_descriptions = "own"\n'
    path.write_text(f"{head}[phantoms]\nnumber = 2\nseed = 1\n")
    with pytest.raises(InputError, match=r"PROFILE_INVALID.*phantoms have their own"):
        load_profile(str(path))
