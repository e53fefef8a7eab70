"""The published benchmark: nothing in it tells source, file, patient or class, and nobody can make its names."""

import base64
import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from factories_build import closed_items, make_label, open_items, semantics, skewed_labels
from neuroonco import images, store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.groups import group_ids
from neuroonco.build.interop import closed_document, read_closed, read_open
from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem, Option
from neuroonco.cli import run
from neuroonco.curate.records import DuplicateGroup, GroupMember
from neuroonco.errors import InputError, UsageError
from neuroonco.prompts import load_wordings
from neuroonco.publish.benchmark import PublishedBenchmark, publish_benchmark
from neuroonco.publish.folder import package_folder
from neuroonco.publish.key import KEY_BYTES, KEY_HEADER, Key, key_at, read_key, write_private
from neuroonco.publish.records import HashPointer, PublishedName
from neuroonco.publish.wording import own_questions
from neuroonco.rules import load_rules
from neuroonco.sources import source
from neuroonco.vocabulary import MRSequence, QuestionType, Redistribution, TumorType

SECRET = bytes(range(7, 7 + KEY_BYTES))
KEY = Key(SECRET)
SEED = 2**62 + 260288
"""Of the size that is asked for; what was built with a smaller one is refused."""
TYPES = (TumorType.GLIOMA, TumorType.MENINGIOMA, TumorType.METASTASIS, TumorType.HEALTHY)
SOURCES = {
    name: source("phantoms").model_copy(update={"id": name, "redistribution": terms, "name": f"Set {name}"})
    for name, terms in (
        ("91", Redistribution.IMAGES),
        ("92", Redistribution.DERIVED),
        ("93", Redistribution.POINTERS),
        ("94", Redistribution.NONE),
    )
}


def of_source(label: AuditedLabel, source_id: str) -> AuditedLabel:
    return label.model_copy(update={"slice": label.slice.model_copy(update={"source_id": source_id})})


def on_disk(root: Path, label: AuditedLabel, number: int) -> AuditedLabel:
    """The label of a file that exists, with everything in it that must not leave."""
    path = root / label.slice.image_path
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        rng = np.random.default_rng(number)
        color = number % 3 == 1 or label.slice.image_channel is not None
        pixels = rng.integers(0, 255, (48, 40, 3) if color else (48, 40), dtype=np.uint8)
        exif = Image.Exif()
        exif[0x010E] = "patient Jane Doe"
        exif[0x9286] = "glioma, seen by Dr. Doe"
        if path.suffix == ".jpg":
            Image.fromarray(pixels).save(path, exif=exif, comment=b"patient Jane Doe", icc_profile=b"Jane" * 40)
        else:
            text = PngImagePlugin.PngInfo()
            text.add_text("Comment", "patient Jane Doe")
            Image.fromarray(pixels).save(path, exif=exif, pnginfo=text, icc_profile=b"Jane" * 40)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return label.model_copy(update={"slice": label.slice.model_copy(update={"image_sha256": digest})})


def closed_about(label: AuditedLabel, n: int = 2, group: str | None = None) -> list[ClosedItem]:
    """A plain question, a rejection item of another type and, as a third one, a twin of the first."""
    record = label.slice
    items = []
    for index in range(n):
        reject = index % 2 == 1
        kind = QuestionType.MODALITY if reject else QuestionType.DIAGNOSIS
        offered = ["T1", "T2"] if reject else ["Glioma", "Meningioma"]
        options = [Option(letter="AB"[i], text=t) for i, t in enumerate(offered)]
        items.append(
            ClosedItem(
                image_id=label.slice_id,
                q_index=index,
                slice_id=label.slice_id,
                image_path=record.image_path,
                image_channel=record.image_channel,
                image_slice=record.image_slice,
                question_type=kind,
                question=load_wordings().closed[kind.value].question,
                options=(*options, Option(letter="E", text=NONE_OF_THE_ABOVE)),
                answer="E" if reject else "A",
                is_rejection=reject,
                removed_answer="FLAIR" if reject else None,
                label_source="source",
                source_id=record.source_id,
                group_id=group_ids([label])[label.slice_id] if group is None else group,
                rules="default",
                seed=SEED,
                version="neuroonco 1, wordings 1",
                twin_of=0 if index == 2 else None,
            )
        )
    return items


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Any]:
    """A benchmark with each strength of terms, channels of one file and a group of two patients."""
    root = tmp_path / "collections"
    labels = []
    for number in range(8):
        name, kind = f"Tr-{TYPES[number % 4].value}_{number}", TYPES[number % 4]
        label = make_label(
            name,
            kind,
            sequence=MRSequence.T1CE,
            semantics=None if kind is TumorType.HEALTHY else semantics(),
            patient_id=f"patient{number // 2}",
            image_path=f"16_glioma_t1ce/{kind.value}/{name}.{'jpg' if number % 2 else 'png'}",
        )
        labels.append(on_disk(root, of_source(label, ("91", "91", "91", "91", "91", "92", "93", "94")[number]), number))
    for channel in (0, 2):
        path = "16_glioma_t1ce/three_channels.png"
        label = make_label(f"channel{channel}", image_path=path, image_channel=channel, patient_id="patient9")
        labels.append(on_disk(root, of_source(label, "91"), 50))
    groups = group_ids(labels)
    return {
        "closed": [item for label in labels for item in closed_about(label, group=groups[label.slice_id])],
        "opened": open_items(labels, SEED, load_rules("default")),
        "labels": labels,
        "groups": [],
        "root": root,
        "sources": SOURCES,
        "key": KEY,
    }


def published(made: dict[str, Any], out: Path, **changes: Any) -> dict[str, int]:
    return publication(made, out, **changes).counts


def publication(made: dict[str, Any], out: Path, **changes: Any) -> PublishedBenchmark:
    given = {"out": out, "mapping": out.with_name(f"{out.name}.mapping.jsonl")} | made | changes
    return publish_benchmark(
        given.pop("closed"), given.pop("opened"), given.pop("labels"), given.pop("groups"), **given
    )


def everything(out: Path) -> bytes:
    return b"".join(
        p.relative_to(out).as_posix().encode() + p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()
    )


def names_of(folder: Path) -> dict[str, PublishedName]:
    return {one.slice_id: one for one in store.load_strict(folder, PublishedName)}


# --- what leaves ---


def test_each_strength_of_terms_ships_what_it_permits(made: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    counts = published(made, out)
    closed, opened = read_closed(out / "benchmark_closed.json"), read_open(out / "benchmark_open.json")
    assert (closed.unreadable, opened.unreadable) == ([], [])
    assert counts == {
        "images": 7,
        "closed": 14,
        "open": len(opened.records),
        "closed_without_image": 2,
        "open_without_image": 4,
        "closed_withheld": 4,
        "open_withheld": sum(i.slice_id in {x.slice_id for x in made["labels"][6:8]} for i in made["opened"]),
        "twins_alone": 0,
        "pairs": 0,
        "pairs_without_image": 0,
        "pairs_withheld": 0,
    }
    assert counts["open"] + 4 + counts["open_withheld"] == len(made["opened"])
    paths = {item.image_path for item in [*closed.records, *opened.records]}
    assert {p.relative_to(out).as_posix() for p in (out / "images").iterdir()} == paths
    assert len(paths) == 7

    bare = out / "without_images"
    (pointer,) = store.load_strict(bare / "pointers.jsonl", HashPointer)
    derived = made["labels"][5].slice
    assert pointer.sha256 == derived.image_sha256
    assert {i.image_path for i in read_closed(bare / "benchmark_closed.json").records} == {pointer.image_path}
    assert pointer.image_path not in paths

    mapping = names_of(tmp_path / "out.mapping.jsonl")
    assert set(mapping) == {x.slice_id for x in made["labels"]} - {x.slice_id for x in made["labels"][6:8]}
    text = (out / "README.md").read_text()
    assert f"{4 + counts['open_withheld']} questions" in text
    assert "neuroonco 1, wordings 1, rules default" in text
    used = (out / "LICENSES.md").read_text()
    assert ("Set 91" in used, "Set 92" in used, "Set 93" in used, "Set 94" in used) == (True, True, False, False)


def test_questions_and_answers_are_those_of_the_benchmark(made: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    published(made, out)
    mapping = names_of(tmp_path / "out.mapping.jsonl")
    whole = store.load_strict(out / "closed.parquet", ClosedItem)
    kept = ("question_type", "question", "options", "answer", "is_rejection", "removed_answer", "label_source")
    ours = {(i.slice_id, i.q_index): i for i in made["closed"]}
    back = {one.name: slice_id for slice_id, one in mapping.items()}
    assert len(whole) == 14
    for item in whole:
        own = ours[back[item.slice_id], item.q_index]
        assert [getattr(item, f) for f in kept] == [getattr(own, f) for f in kept]
        assert (item.rules, item.version) == (own.rules, own.version)
        assert (item.source_id, item.seed, item.image_channel, item.image_slice) == (None, None, None, None)
        assert (item.image_id, item.image_path) == (item.slice_id, f"images/{item.slice_id}.png")
        assert mapping[own.slice_id].group_name == item.group_id != own.group_id
        assert (mapping[own.slice_id].group_id, mapping[own.slice_id].seed) == (own.group_id, SEED)
    same_patient = {i.group_id for i in whole if back[i.slice_id] in {x.slice_id for x in made["labels"][:2]}}
    assert len(same_patient) == 1
    assert len({i.group_id for i in whole}) == 4
    assert read_closed(out / "benchmark_closed.json").records == [
        i.model_copy(update={"label_source": "unknown", "rules": None, "version": None, "group_id": None})
        for i in whole
    ]


def test_pictures_have_the_same_pixels_and_nothing_else(made: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    published(made, out)
    mapping = names_of(tmp_path / "out.mapping.jsonl")
    seen = set()
    for label in made["labels"][:5] + made["labels"][8:]:
        path = out / "images" / f"{mapping[label.slice_id].name}.png"
        data = path.read_bytes()
        chunks, at = [], 8
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            chunks.append(data[at + 4 : at + 8])
            at += 12 + length
        assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}
        stored = images.decode((made["root"] / label.slice.image_path).read_bytes(), "x")
        shipped = images.decode(data, "y")
        if label.slice.image_channel is not None:
            assert (shipped.pixels == stored.gray(label.slice.image_channel)).all()
        elif stored.color is not None:
            assert (shipped.pixels == stored.color).all()
        else:
            assert (shipped.pixels == stored.luma).all()
        seen.add(shipped.channels)
    assert seen == {1, 3}


# --- what does not ---


def test_nothing_in_the_package_names_file_patient_source_or_key(made: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    published(made, out)
    held = everything(out)
    private = {b"Jane", b"Tr-", b"16_glioma", b"patient", b"three_channels", str(SEED).encode(), str(tmp_path).encode()}
    for label in made["labels"]:
        private |= {
            x.encode() for x in (label.slice_id, label.sample_id, label.slice.image_path, str(label.slice.patient_id))
        }
        if label is not made["labels"][5]:  # the hash of a file that cannot be shipped is what leads its owner to it
            private.add(label.slice.image_sha256.encode())
    private |= {i.group_id.encode() for i in made["closed"] if i.group_id}
    private |= {SECRET, SECRET.hex().encode(), base64.b64encode(SECRET), base64.b85encode(SECRET)}
    assert not {one for one in private if one in held.replace(b"may show one patient", b"")}
    for path in out.rglob("*.json*"):
        assert b"source_id" not in path.read_bytes()
    for item in store.load_strict(out / "closed.parquet", ClosedItem):
        assert item.source_id is None
    assert not [p for p in out.rglob("*") if "mapping" in p.name or "key" in p.name]


def test_names_cannot_be_made_from_what_everybody_knows(made: dict[str, Any], tmp_path: Path) -> None:
    """Whoever has the collections knows paths, hashes, slice ids, pixels and this code; only the key is not theirs."""
    out = tmp_path / "out"
    published(made, out)
    mapping = names_of(tmp_path / "out.mapping.jsonl")
    names = {one.name.removeprefix("n") for one in mapping.values()}
    for label in made["labels"]:
        record = label.slice
        known = [label.slice_id, label.sample_id, record.image_path, record.image_sha256, Path(record.image_path).stem]
        known.append(hashlib.sha256(images.read_picture(made["root"], record).tobytes()).hexdigest())
        purposes = ("", "published", "benchmark image", "benchmark group", "package slice")
        for parts in [(a,) for a in known] + [(p, a) for p in purposes for a in known]:
            for text in ("\0".join(parts), "".join(parts), json.dumps(parts), "/".join(parts)):
                for algorithm in ("md5", "sha1", "sha256", "blake2b"):
                    digest = hashlib.new(algorithm, text.encode()).hexdigest()
                    assert digest[:20] not in names
        for weak in (b"\0" * 32, b"neuroonco", label.slice_id.encode()):
            assert Key(weak).name("benchmark image", label.slice_id).removeprefix("n") not in names
    again = {KEY.name("benchmark image", slice_id) for slice_id in mapping}
    assert again == {f"n{name}" for name in names}, "with the key they can"


def test_order_says_nothing_and_comes_from_the_names(made: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    published(made, out)
    for file in ("benchmark_closed.json", "benchmark_open.json"):
        ids = [image["id"] for image in json.loads((out / file).read_text())]
        assert ids == sorted(ids)
    for path in (out / "closed.parquet", out / "open.parquet"):
        ids = [item.image_id for item in (read_closed if "closed" in path.name else read_open)(path).records]
        assert ids == sorted(ids)
    backwards = {"closed": made["closed"][::-1], "labels": made["labels"][::-1]}
    published(made, tmp_path / "turned", **backwards)
    assert everything(out) == everything(tmp_path / "turned")


def test_the_same_key_gives_the_same_bytes_and_another_one_other_names(made: dict[str, Any], tmp_path: Path) -> None:
    for name, key in (("a", KEY), ("b", Key(SECRET)), ("c", Key(SECRET[::-1]))):
        published(made, tmp_path / name, key=key)
    first, second, third = (everything(tmp_path / n) for n in "abc")
    assert first == second != third
    assert (tmp_path / "a.mapping.jsonl").read_bytes() == (tmp_path / "b.mapping.jsonl").read_bytes()
    shared = {p.name for p in (tmp_path / "a/images").iterdir()} & {p.name for p in (tmp_path / "c/images").iterdir()}
    assert not shared


def test_a_copy_in_a_stricter_source_holds_a_question_back(made: dict[str, Any], tmp_path: Path) -> None:
    first = made["labels"][0]
    copied = first.model_copy(update={"slice": first.slice.model_copy(update={"duplicate_group": "d1"})})
    members = tuple(
        GroupMember(
            slice_id=f"x{s}", source_id=s, image_path="x", tumor_type=None, split=None, representative=s == "91"
        )
        for s in ("91", "94")
    )
    group = DuplicateGroup(group_id="d1", members=members, conflicting_types=False, leaking_splits=False)
    labels = [copied, *made["labels"][1:]]
    for name, groups in (("known", [group]), ("unknown", [])):
        counts = published(made, tmp_path / name, labels=labels, groups=groups)
        assert (counts["images"], counts["closed_withheld"]) == (6, 6), name
    kind = group.model_copy(update={"members": members[:1]})
    assert published(made, tmp_path / "free", labels=labels, groups=[kind])["images"] == 7
    assert published(made, tmp_path / "unlabelled", labels=labels[1:])["images"] == 6


def test_twins_keep_to_their_question_when_indices_change(made: dict[str, Any], tmp_path: Path) -> None:
    label = made["labels"][0]
    plain, rejected, twin = closed_about(label, 3)
    second = plain.model_copy(update={"q_index": 1})
    gone = {"closed": [second, twin.model_copy(update={"twin_of": 1})], "opened": []}
    published(made, tmp_path / "a", **gone)
    (image,) = json.loads((tmp_path / "a" / "benchmark_closed.json").read_text())
    assert [pair.get("meta_twin_of") for pair in image["vqa_pairs"]] == [None, 0]
    assert all("meta_q_index" not in pair for pair in image["vqa_pairs"])
    assert [i.twin_of for i in read_closed(tmp_path / "a" / "benchmark_closed.json").records] == [None, 0]
    counts = published(made, tmp_path / "b", closed=[rejected, twin], opened=[])
    assert (counts["closed"], counts["twins_alone"]) == (1, 1), "a twin alone would count as a question of its own"


def test_questions_keep_what_they_repeat_in_the_reference_form(tmp_path: Path) -> None:
    items = closed_about(make_label("a", patient_id="p"), 3)
    store.write_json(tmp_path / "b.json", closed_document(items[1:]))
    read = read_closed(tmp_path / "b.json")
    assert [(i.q_index, i.twin_of) for i in read.records] == [(1, None), (2, 0)]
    document = json.loads((tmp_path / "b.json").read_text())
    for wrong in (True, "0", 2, 1.5):
        document[0]["vqa_pairs"][1]["meta_twin_of"] = wrong
        (tmp_path / "c.json").write_text(json.dumps(document))
        broken = read_closed(tmp_path / "c.json")
        assert ([i.q_index for i in broken.records], [q.code for q in broken.unreadable]) == ([1], ["FIELD_INVALID"])


# --- what goes wrong ---


def test_a_label_of_another_picture_or_a_changed_file_stops_it(made: dict[str, Any], tmp_path: Path) -> None:
    first = made["labels"][0]
    other = first.model_copy(update={"slice": first.slice.model_copy(update={"image_path": "elsewhere.png"})})
    with pytest.raises(InputError, match="LABEL_MISMATCH"):
        published(made, tmp_path / "out", labels=[other, *made["labels"][1:]])
    path = made["root"] / first.slice.image_path
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match="FILE_CHANGED"):
        published(made, tmp_path / "out")
    path.unlink()
    with pytest.raises(InputError, match="FILE_MISSING"):
        published(made, tmp_path / "out")
    assert not list(tmp_path.glob("*out*")), "neither a package nor a part of one, and no mapping"


def test_a_used_folder_and_another_mapping_are_refused(made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(InputError, match="OUT_NOT_EMPTY"):
        published(made, tmp_path / "full")
    (tmp_path / "out.mapping.jsonl").write_text("of an earlier package\n")
    with pytest.raises(InputError, match="PRIVATE_EXISTS"):
        published(made, tmp_path / "out")
    assert (tmp_path / "out.mapping.jsonl").read_text() == "of an earlier package\n"
    assert not (tmp_path / "out").exists()
    for inside in ("new/mapping.jsonl", ".new.partial/mapping.jsonl", "new/../new/x/m"):
        with pytest.raises(UsageError, match="PRIVATE_IN_PACKAGE"):
            published(made, tmp_path / "new", mapping=tmp_path / inside)


@pytest.mark.parametrize(
    ("function", "calls"), [("write_picture", 3), ("write_private", 1)], ids=["among pictures", "after the mapping"]
)
def test_a_killed_publication_leaves_no_package_and_goes_through_again(
    made: dict[str, Any], tmp_path: Path, function: str, calls: int
) -> None:
    published(made, tmp_path / "whole")
    script = (
        "import os, pickle, sys\n"
        "from pathlib import Path\n"
        "import neuroonco.publish.benchmark as b, neuroonco.publish.contents as c\n"
        "args = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "function, left = sys.argv[2], [int(sys.argv[3])]\n"
        "module = b if hasattr(b, function) else c\n"
        "work = getattr(module, function)\n"
        "def dying(*a):\n"
        "    left[0] -= 1\n"
        "    done = work(*a)\n"
        "    if not left[0]: os.kill(os.getpid(), 9)\n"
        "    return done\n"
        "setattr(module, function, dying)\n"
        "b.publish_benchmark(*args.pop('first'), **args)\n"
    )
    first = [made[name] for name in ("closed", "opened", "labels", "groups")]
    rest = {k: made[k] for k in ("root", "sources", "key")} | {
        "out": tmp_path / "k",
        "mapping": tmp_path / "k.mapping.jsonl",
    }
    (tmp_path / "args").write_bytes(pickle.dumps(rest | {"first": first}))
    command = [sys.executable, "-c", script, str(tmp_path / "args"), function, str(calls)]
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == -9, done.stderr
    assert not (tmp_path / "k").exists()
    assert (tmp_path / ".k.partial").is_dir()
    (tmp_path / ".k.partial" / "old").write_text("of another publication that was killed")
    published(made, tmp_path / "k")
    assert not (tmp_path / ".k.partial").exists()
    assert everything(tmp_path / "k") == everything(tmp_path / "whole")
    assert (tmp_path / "k.mapping.jsonl").read_bytes() == (tmp_path / "whole.mapping.jsonl").read_bytes()


def test_two_publications_do_not_write_one_package(made: dict[str, Any], tmp_path: Path) -> None:
    with package_folder(tmp_path / "out") as folder:
        (folder / "first").write_text("mine")
        with pytest.raises(InputError, match="OUT_BUSY"):
            published(made, tmp_path / "out")
        assert (folder / "first").read_text() == "mine"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["SHA256SUMS", "first"]
    with pytest.raises(InputError, match="CANNOT_WRITE"), package_folder(tmp_path / "taken"):
        store.write_text(tmp_path / "taken" / "x", "came meanwhile")
    assert [p.name for p in (tmp_path / "taken").iterdir()] == ["x"]
    assert not list(tmp_path.glob(".*"))


def test_a_folder_is_looked_at_before_the_work(made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    published(made, tmp_path / "package")
    for name, code in (
        ("file", "OUT_NOT_EMPTY"),
        ("link", "OUT_IS_LINK"),
        ("dangling", "OUT_IS_LINK"),
        ("package", "OUT_NOT_EMPTY"),
        ("package/images/more", "OUT_IN_PACKAGE"),
        ("file/x", "CANNOT_WRITE"),
    ):
        with pytest.raises(InputError) as caught:
            published(made, tmp_path / name, mapping=tmp_path / "m", root=tmp_path / "no such root")
        assert caught.value.code == code, name
    published(made, tmp_path / "empty")
    for inside in ("package/m.jsonl", "package/images/m.jsonl", "package/new/m.jsonl"):
        with pytest.raises(UsageError, match="PRIVATE_IN_PACKAGE"):
            published(made, tmp_path / "other", mapping=tmp_path / inside)
    (tmp_path / "aside").symlink_to(tmp_path / "package")
    with pytest.raises(UsageError, match="PRIVATE_IN_PACKAGE"):
        published(made, tmp_path / "other", mapping=tmp_path / "aside" / "m.jsonl")
    (tmp_path / "m").write_text("of an earlier package\n")
    with pytest.raises(InputError, match="PRIVATE_EXISTS"):
        published(made, tmp_path / "other", mapping=tmp_path / "m", root=tmp_path / "no such root")


def test_the_folder_one_is_in_can_be_the_package(
    made: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(made, tmp_path / "whole")

    def publish_to(out: Path) -> None:
        about = {name: made[name] for name in ("closed", "opened", "labels", "groups")}
        rest = {name: made[name] for name in ("root", "sources", "key")}
        publish_benchmark(**about, **rest, out=out, mapping=tmp_path / "m.jsonl")

    (tmp_path / "here" / "x").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "x")
    publish_to(Path())
    assert everything(tmp_path / "here" / "x") == everything(tmp_path / "whole")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match="OUT_NOT_EMPTY"):
        publish_to(Path("x/.."))


# --- what the questions may hold ---


def with_first(made: dict[str, Any], **changes: Any) -> list[ClosedItem]:
    return [made["closed"][0].model_copy(update=changes), *made["closed"][1:]]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"answer": "C"}, "ANSWER_NOT_OFFERED"),
        ({"options": (Option(letter="A", text="Glioma"), Option(letter="A", text="T2"))}, "ANSWER_NOT_OFFERED"),
        ({"q_index": 1}, "ITEM_TWICE"),
        ({"image_id": "another"}, "IMAGE_TWICE"),
        ({"twin_of": 1, "q_index": 7}, "TWIN_OF_ANOTHER"),
        ({"question": "Is /data/BraTS/p1.png a glioma?"}, "PATH_IN_TEXT"),
        ({"options": (Option(letter="A", text="C:\\scans\\a.png"), Option(letter="B", text="T2"))}, "PATH_IN_TEXT"),
        ({"removed_answer": "16_glioma/x"}, "PATH_IN_TEXT"),
        ({"seed": 2602}, "SEED_GUESSABLE"),
        ({"seed": None}, "SEED_GUESSABLE"),
        ({"seed": -(2**60)}, "SEED_GUESSABLE"),
        ({"seed": 2**56 - 1}, "SEED_GUESSABLE"),
        ({"question": "Which collection is this?"}, "QUESTIONS_UNKNOWN"),
        ({"options": (Option(letter="A", text="Glioma"), Option(letter="B", text="BraTS"))}, "QUESTIONS_UNKNOWN"),
        ({"removed_answer": "patient Jane Doe"}, "QUESTIONS_UNKNOWN"),
    ],
)
def test_a_faulty_or_telling_closed_question_stops_it(
    made: dict[str, Any], tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises((InputError, UsageError)) as caught:
        published(made, tmp_path / "out", closed=with_first(made, **changes))
    assert caught.value.code == code
    assert "\n" not in caught.value.line
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reference_answer": "Its file is /data/a.png."}, "PATH_IN_TEXT"),
        ({"key_terms": ("Glioma", "a\\b")}, "PATH_IN_TEXT"),
        ({"question": "Which patient is it?"}, "QUESTIONS_UNKNOWN"),
        ({"reference_answer": "The slice is healthy: it shows no tumor, and it is patient 12."}, "QUESTIONS_UNKNOWN"),
        ({"key_terms": ("BraTS",)}, "QUESTIONS_UNKNOWN"),
        ({"question_type": "Patient 12"}, "QUESTION_TYPE_UNKNOWN"),
        ({"seed": 5}, "SEED_GUESSABLE"),
        ({"image_path": "elsewhere.png"}, "LABEL_MISMATCH"),
    ],
)
def test_a_faulty_or_telling_open_question_stops_it(
    made: dict[str, Any], tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    opened = [made["opened"][0].model_copy(update=changes), *made["opened"][1:]]
    with pytest.raises((InputError, UsageError)) as caught:
        published(made, tmp_path / "out", opened=opened)
    assert caught.value.code == code


def test_open_questions_do_not_share_an_id(made: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ITEM_TWICE"):
        published(made, tmp_path / "out", opened=[*made["opened"], made["opened"][0]])


def test_questions_in_other_words_leave_when_that_is_wanted(made: dict[str, Any], tmp_path: Path) -> None:
    closed = with_first(made, question="Which one is it?")
    assert own_questions([*closed, *made["opened"]]) == 1
    assert published(made, tmp_path / "out", closed=closed, own_wording=True)["closed"] == 14


@given(st.integers(0, 2**32 - 1))
def test_all_that_the_builder_asks_is_known(seed: int) -> None:
    labels = skewed_labels(30, seed % 1000)
    opened = open_items(labels, SEED, load_rules("default"))
    closed = closed_items(labels, seed, load_rules("default"))
    assert opened
    assert own_questions([*closed, *opened]) == 0
    longest = max(opened, key=lambda item: len(item.key_terms))
    assert own_questions([longest.model_copy(update={"reference_answer": f"{longest.reference_answer} p12."})]) == 1


def test_names_of_rules_and_versions_are_ours_or_none(made: dict[str, Any], tmp_path: Path) -> None:
    closed = with_first(made, rules="Jane's rules", version="neuroonco 1, wordings /home/jane")
    published(made, tmp_path / "out", closed=closed)
    held = everything(tmp_path / "out")
    assert b"jane" not in held.lower().replace(b"patient jane doe", b"")
    items = store.load_strict(tmp_path / "out" / "closed.parquet", ClosedItem)
    assert sorted({(i.rules, i.version) for i in items}, key=str) == [
        ("custom", None),
        ("default", "neuroonco 1, wordings 1"),
    ]


def test_where_answers_are_from_is_told_only_if_it_is_the_same_for_all(made: dict[str, Any], tmp_path: Path) -> None:
    """A reviewer's correction would stand out: what differs within a type is left out for the type."""
    corrected = with_first(made, label_source="review")
    for name, closed, expected in (
        ("one", corrected, {"diagnosis": "unknown", "modality": "source"}),
        ("none", made["closed"], {"diagnosis": "source", "modality": "source"}),
        ("free", [i.model_copy(update={"label_source": "Dr. Doe"}) for i in made["closed"]], None),
    ):
        published(made, tmp_path / name, closed=closed)
        items = store.load_strict(tmp_path / name / "closed.parquet", ClosedItem)
        items += store.load_strict(tmp_path / name / "without_images" / "closed.parquet", ClosedItem)
        found = {(i.question_type.value, i.label_source) for i in items}
        assert found == set((expected or dict.fromkeys(("diagnosis", "modality"), "unknown")).items())
    one = next(item for item in made["opened"] if item.slice_id == made["labels"][0].slice_id)
    opened = [i.model_copy(update={"label_sources": ("mask", "review")}) if i is one else i for i in made["opened"]]
    published(made, tmp_path / "open", opened=opened)
    left = store.load_strict(tmp_path / "open" / "open.parquet", type(one))
    assert {i.label_sources for i in left if i.question == one.question} == {()}
    levelled = {i.question: i.label_sources for i in left if i.question != one.question}
    assert all(levelled.values())


def test_one_source_alone_in_a_part_is_said_and_the_terms_do_not_say_which(
    made: dict[str, Any], tmp_path: Path
) -> None:
    both = publication(made, tmp_path / "a").warnings
    assert [w.split(":")[0] for w in both] == [
        "all questions of images/ are from source 91",
        "all questions of without_images/ are from source 92",
    ]
    assert "passed on" not in (tmp_path / "a" / "LICENSES.md").read_text()
    more = SOURCES | {"94": SOURCES["94"].model_copy(update={"redistribution": Redistribution.DERIVED})}
    assert [w.split(" are")[0] for w in publication(made, tmp_path / "b", sources=more).warnings] == [
        "all questions of images/"
    ]
    drawn = [of_source(label, "phantoms") for label in made["labels"]]
    known = {"phantoms": source("phantoms")}
    assert publication(made, tmp_path / "c", sources=known, labels=drawn).warnings == []


def test_one_picture_under_two_names_stops_it(made: dict[str, Any], tmp_path: Path) -> None:
    first, other = made["labels"][0].slice, made["labels"][2].slice
    Image.open(made["root"] / first.image_path).save(made["root"] / other.image_path)
    data = (made["root"] / other.image_path).read_bytes()
    changed = made["labels"][2].model_copy(
        update={"slice": other.model_copy(update={"image_sha256": hashlib.sha256(data).hexdigest()})}
    )
    with pytest.raises(InputError, match="SAME_PIXELS"):
        published(made, tmp_path / "out", labels=[*made["labels"][:2], changed, *made["labels"][3:]])


@pytest.mark.parametrize("number", [0, 5])
def test_a_file_that_changed_or_has_no_hash_stops_it_with_and_without_its_image(
    made: dict[str, Any], tmp_path: Path, number: int
) -> None:
    label = made["labels"][number]
    rest = [one for one in made["labels"] if one is not label]
    unhashed = label.model_copy(update={"slice": label.slice.model_copy(update={"image_sha256": ""})})
    with pytest.raises(InputError, match="HASH_MISSING"):
        published(made, tmp_path / "out", labels=[*rest, unhashed])
    path = made["root"] / label.slice.image_path
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match="FILE_CHANGED"):
        published(made, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


def test_a_question_is_to_be_asked_alone(made: dict[str, Any], tmp_path: Path) -> None:
    published(made, tmp_path / "out")
    assert "in a conversation of its own" in (tmp_path / "out" / "README.md").read_text()


# --- the key ---


def test_a_missing_key_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "publish.key"
    before = os.umask(0)
    try:
        key, made = key_at(path)
    finally:
        os.umask(before)
    assert made
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == len(KEY_HEADER) + KEY_BYTES
    assert path.read_bytes().startswith(KEY_HEADER)
    assert [p.name for p in path.parent.iterdir()] == ["publish.key"]
    again, made = key_at(path)
    assert not made
    assert again.name("a", "b") == key.name("a", "b")
    assert key_at(tmp_path / "other.key")[0].name("a", "b") != key.name("a", "b")


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [
        (KEY_HEADER + SECRET, 0o640, "KEY_NOT_PRIVATE"),
        (KEY_HEADER + SECRET, 0o604, "KEY_NOT_PRIVATE"),
        (KEY_HEADER + SECRET, 0o620, "KEY_NOT_PRIVATE"),
        (KEY_HEADER + SECRET[:-1], 0o600, "KEY_UNKNOWN"),
        (b"Apache License, Version 2.0", 0o644, "KEY_UNKNOWN"),
        (KEY_HEADER + SECRET + b"\n", 0o600, "KEY_UNKNOWN"),
        (KEY_HEADER, 0o600, "KEY_UNKNOWN"),
        (SECRET, 0o600, "KEY_UNKNOWN"),
        (b"", 0o600, "KEY_UNKNOWN"),
        (SECRET * 200, 0o600, "KEY_UNKNOWN"),
        (b"correct horse battery staple, and some more of it", 0o600, "KEY_UNKNOWN"),
    ],
)
def test_unfit_keys_are_refused_and_not_shown(tmp_path: Path, content: bytes, mode: int, code: str) -> None:
    path = tmp_path / "publish.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(InputError) as caught:
        key_at(path)
    assert caught.value.code == code
    assert path.read_bytes() == content
    for shown in (content.hex(), content.decode("latin-1")):
        assert not shown or shown not in caught.value.line


def test_a_key_in_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for path, code in ((tmp_path, "NOT_A_FILE"), (tmp_path / "link", "FILE_MISSING")):
        with pytest.raises(InputError, match=code):
            key_at(path)
    with pytest.raises(InputError, match="FILE_MISSING"):
        read_key(tmp_path / "none")


def test_a_key_does_not_show_itself() -> None:
    for shown in (repr(KEY), str(KEY), f"{KEY!r}"):
        assert SECRET.hex() not in shown
        assert str(SECRET) not in shown


@given(
    st.lists(st.text(max_size=4), max_size=3),
    st.lists(st.text(max_size=4), max_size=3),
    st.binary(min_size=32, max_size=40),
)
def test_different_things_have_different_names(first: list[str], second: list[str], secret: bytes) -> None:
    """Also where their parts joined together read the same."""
    key = Key(secret)
    assert (key.name("p", *first) == key.name("p", *second)) == (first == second)
    assert key.name("p", *first) != key.name("q", *first)


def test_private_files_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    write_private(path, "a\n")
    path.chmod(0o644)
    write_private(path, "a\n")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="PRIVATE_EXISTS"):
        write_private(path, "b\n")
    assert path.read_text() == "a\n"
    assert [p.name for p in tmp_path.iterdir()] == ["m.jsonl"]


# --- the command ---


def saved(made: dict[str, Any], folder: Path) -> tuple[str, ...]:
    store.save(folder / "b" / "closed.parquet", made["closed"], ClosedItem)
    store.save(folder / "b" / "open.parquet", made["opened"], type(made["opened"][0]))
    files = {path.name: store.sha256_file(path) for path in (folder / "b").iterdir()}
    store.write_json(folder / "b" / "benchmark.json", {"files": files})
    store.save(folder / "labels.parquet", made["labels"], AuditedLabel)
    described = folder / "sources"
    described.mkdir()
    text = (Path(images.__file__).parent / "sources" / "phantoms.toml").read_text("utf-8")
    for name, spec in SOURCES.items():
        lines = [
            f'redistribution = "{spec.redistribution}"' if x.startswith("redistribution") else x
            for x in text.splitlines()
        ]
        lines = [f'id = "{name}"' if x.startswith("id =") else x for x in lines]
        (described / f"{name}.toml").write_text("\n".join(lines))
    given = ("--labels", folder / "labels.parquet", "--sources", described, "--root", made["root"])
    return ("publish", "benchmark", str(folder / "b"), *map(str, given))


def test_the_command_publishes_what_was_built(
    made: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = saved(made, tmp_path)
    assert run([*arguments, "--out", str(tmp_path / "out"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["images"] == 7
    secret = (tmp_path / "publish.key").read_bytes().removeprefix(KEY_HEADER)
    assert "made a new key" in err
    assert "questions are not in the published files" in err
    assert secret.hex() not in out + err
    held = everything(tmp_path / "out")
    assert secret not in held
    assert secret.hex().encode() not in held
    assert run([*arguments, "--out", str(tmp_path / "again"), "--json"]) == 0
    assert "made a new key" not in capsys.readouterr().err
    assert everything(tmp_path / "again") == held

    for extra, code, exit_code in (
        (("--out", tmp_path / "x", "--key", tmp_path / "x" / "k"), "PRIVATE_IN_PACKAGE", 2),
        (("--out", tmp_path / "x", "--key", tmp_path / "k", "--mapping", tmp_path / "k"), "KEY_IS_MAPPING", 2),
        (("--out", tmp_path / "x", "--mapping", tmp_path / "x" / "m"), "PRIVATE_IN_PACKAGE", 2),
        (("--out", tmp_path / "out"), "OUT_NOT_EMPTY", 3),
    ):
        assert run([*arguments, *map(str, extra)]) == exit_code
        err = capsys.readouterr().err
        assert f"error[{code}]" in err
        assert "Traceback" not in err
    without = [a for i, a in enumerate(arguments) if "--labels" not in arguments[max(0, i - 1) : i + 1]]
    assert run([*without, "--out", str(tmp_path / "x")]) == 2
    assert "LABELS_NEEDED" in capsys.readouterr().err


def test_the_command_refuses_what_the_check_finds_faulty(
    made: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, changes, code, exit_code in (
        ("twice", {"options": (Option(letter="A", text="Glioma"), Option(letter="B", text="Gliomas"))}, "FAULTY", 3),
        ("seed", {"seed": 2602}, "SEED_GUESSABLE", 3),
        ("words", {"question": "What is it?"}, "QUESTIONS_UNKNOWN", 2),
    ):
        (tmp_path / name).mkdir()
        arguments = saved(made | {"closed": with_first(made, **changes)}, tmp_path / name)
        assert run([*arguments, "--out", str(tmp_path / name / "out")]) == exit_code, name
        err = capsys.readouterr().err.splitlines()
        assert code in err[-1]
        assert err[-1].startswith("error[")
        assert not (tmp_path / name / "out").exists()
        if name != "twice":
            allow = ("--guessable-seed",) if name == "seed" else ("--own-questions",)
            assert run([*arguments, *allow, "--out", str(tmp_path / name / "out"), "--json"]) == 0
            err = capsys.readouterr().err
            assert ("the seed can be guessed" in err) == (name == "seed")


def test_the_mapping_lies_beside_the_key(made: dict[str, Any], tmp_path: Path) -> None:
    arguments = saved(made, tmp_path)
    (tmp_path / "site").mkdir()
    key = tmp_path / "safe" / "k"
    assert run([*arguments, "--out", str(tmp_path / "site" / "out"), "--key", str(key)]) == 0
    assert [p.name for p in (tmp_path / "site").iterdir()] == ["out"]
    assert sorted(p.name for p in (tmp_path / "safe").iterdir()) == ["k", "out.mapping.jsonl"]
    assert run([*arguments, "--out", str(tmp_path / "site" / "b"), "--key", str(tmp_path / "site/out/k")]) == 2


# --- the package of a run, beside its benchmark ---


def as_run(made: dict[str, Any], run_: Path, asked: set[int]) -> None:
    """The files of a run that publishing reads; some of its labels are asked about in its benchmark."""
    ids = {made["labels"][n].slice_id for n in asked}
    closed = [i for i in made["closed"] if i.slice_id in ids]
    opened = [i for i in made["opened"] if i.slice_id in ids]
    profile = {"name": "r", "description": "d", "seed": SEED, "sources": {"91": "x"}}
    store.write_json(run_ / "run.json", profile)
    store.write_json(run_ / "01-catalog" / "sources.json", [s.model_dump(mode="json") for s in SOURCES.values()])
    store.save(run_ / "02-curate" / "duplicate_groups.parquet", [], DuplicateGroup)
    store.save(run_ / "07-audit" / "records.parquet", made["labels"], AuditedLabel)
    store.save(run_ / "08-build" / "benchmark" / "closed.parquet", closed, ClosedItem)
    store.save(run_ / "08-build" / "benchmark" / "open.parquet", opened, type(made["opened"][0]))
    store.save(run_ / "09-review" / "records.parquet", closed, ClosedItem)


def pngs(out: Path) -> set[bytes]:
    return {p.read_bytes() for p in (out / "images").iterdir()}


def test_the_packages_of_a_run_share_no_picture_unless_that_is_wanted(
    made: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels 0 and 1 are one patient, 8 and 9 one file; of each the benchmark asks about one."""
    as_run(made, tmp_path / "r", {0, 8})
    root = ("--root", str(made["root"]), "--json")
    assert run(["publish", "benchmark", str(tmp_path / "r"), *root, "--out", str(tmp_path / "b")]) == 0
    capsys.readouterr()
    assert run(["publish", str(tmp_path / "r"), *root, "--out", str(tmp_path / "p")]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "with_image": 3,
        "labels_only": 1,
        "pointers": 1,
        "withheld": 1,
        "held_for_benchmark": 4,
    }
    assert "4 slices are left out" in err
    assert len(pngs(tmp_path / "b")) == 2
    assert not pngs(tmp_path / "b") & pngs(tmp_path / "p")
    mapped = names_of(tmp_path / "p.mapping.jsonl")
    assert not set(mapped) & {made["labels"][n].slice_id for n in (0, 1, 8, 9)}

    assert run(["publish", str(tmp_path / "r"), *root, "--with-benchmark", "--out", str(tmp_path / "w")]) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["with_image"], json.loads(out)["held_for_benchmark"]) == (7, 0)
    assert "do not publish that benchmark as well" in err
    assert pngs(tmp_path / "b") < pngs(tmp_path / "w")

    (tmp_path / "r" / "09-review" / "records.parquet").unlink()
    assert run(["publish", str(tmp_path / "r"), *root, "--out", str(tmp_path / "q")]) == 3
    assert "RUN_UNFINISHED" in capsys.readouterr().err
    assert not (tmp_path / "q").exists()
