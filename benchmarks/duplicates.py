"""How well copies are found: recall by kind, precision, neighbors kept apart, on real pictures and known copies.

    python benchmarks/duplicates.py ROOT [--per-kind 150] [--seed 1] [--aims aims.json] [--curve]

ROOT holds folders of known sources. Its pictures and copies of them are curated together, as `neuroonco curate` does.
What is a copy of what is known from three places: equal bytes, the names of augmented files, and the generator in
copies.py. Of the originals' own groups nothing is known; they are listed to be looked at, and a copy may join them.
"""

import argparse
import csv
import hashlib
import re
import shutil
import tempfile
import time
from collections import defaultdict
from itertools import combinations
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from copies import AUGMENTED, KINDS, NEAR, jpeg_of

from neuroonco import images, store
from neuroonco.catalog.records import SliceRecord, slice_id_of
from neuroonco.catalog.scan import scan_root
from neuroonco.curate.duplicates import components
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, PictureMatch
from neuroonco.errors import InputError
from neuroonco.intervals import Estimate, wilson
from neuroonco.rules import RuleSet, load_rules
from neuroonco.vocabulary import QualityFlag
from neuroonco.walk.curate_file import curate_file

AUGMENTED_NAME = re.compile(r"(?P<folder>.*)augmented/(?P<label>[^/]+)/aug_(?P<stem>.+)_0_\d+$")
SLICE_NAME = re.compile(r"(?P<patient>.+)_(?P<number>\d+)$")
QUALITY_FLAGS = [flag.value for flag in QualityFlag]
PROCESSES = 2


def main() -> None:
    """Measure and print; exit code 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--per-kind", type=int, default=150, help="originals copied for each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--aims", type=Path, help="JSON for the curation report")
    parser.add_argument("--keep", type=Path, help="keep the curated files, with their pages, in this folder")
    parser.add_argument("--curve", type=Path, help="CSV of recall and false merges over the threshold")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        records, parent = gather(arguments.root, work / "root", arguments.per_kind, arguments.seed)
        out = arguments.keep or work / "curated"
        rules = everything_kept(load_rules("default"), 0.3 if arguments.curve else None)
        started = time.perf_counter()
        counts = curate_file(store.Loaded(records, []), root=work / "root", out=out, rules=rules, processes=PROCESSES)
        seconds = time.perf_counter() - started
        print(f"{len(records)} slices, {len(parent)} of them known copies; curated in {seconds:.0f} s: {counts}")
        matches = store.load_strict(out / "matches.parquet", PictureMatch)
        if arguments.curve:
            write_curve(arguments.curve, records, parent, matches)
        groups = store.load_strict(out / "duplicate_groups.parquet", DuplicateGroup)
        curated = store.load_strict(out / "records.parquet", CuratedSlice)
    aims = judge(records, parent, groups, curated)
    for aim in aims:
        print(f"{'met   ' if aim['met'] else 'MISSED'} {aim['name']}: {aim['figure']:.4f} "
              f"({aim['low']:.4f} to {aim['high']:.4f}, n {aim['n']}); aim {aim['aim']}")  # fmt: skip
    if arguments.aims:
        store.write_json(arguments.aims, aims)
    raise SystemExit(0 if all(aim["met"] for aim in aims) else 1)


def everything_kept(rules: RuleSet, copy_from: float | None) -> RuleSet:
    """The default rules without drops for quality, so that copies of bad pictures count too."""
    sections = {name: dict(section) for name, section in rules.sections.items()}
    for flag in QUALITY_FLAGS:
        entry = sections["curate"][f"on_{flag}"]
        sections["curate"][f"on_{flag}"] = entry.model_copy(update={"value": "ignore"})
    if copy_from is not None:
        entry = sections["duplicates"]["copy_from"]
        sections["duplicates"]["copy_from"] = entry.model_copy(update={"value": copy_from})
    return rules.model_copy(update={"sections": sections})


def gather(root: Path, target: Path, per_kind: int, seed: int) -> tuple[list[SliceRecord], dict[str, tuple[str, str]]]:
    """Originals, augmented files and generated copies under one root; slice id of a copy -> its parent's, and kind."""
    scanned = scan_root(root)
    originals = scanned.kept
    for record in originals:
        _copy_file(root, target, record.image_path)
    parent: dict[str, tuple[str, str]] = {}
    records = list(originals)
    by_stem = {PurePosixPath(r.image_path).with_suffix("").as_posix(): r for r in originals}
    for dropped in scanned.dropped:
        path = PurePosixPath(dropped.image_path or "")
        name = AUGMENTED_NAME.match(path.with_suffix("").as_posix())
        if name and path.suffix.lower() in images.IMAGE_SUFFIXES:
            original = by_stem.get(f"{name['folder']}{name['label']}/{name['stem']}")
            if original is not None:
                copy = record_of(target, _copy_file(root, target, str(path)), original)
                records.append(copy)
                parent[copy.slice_id] = (original.slice_id, "their own")
    rng = np.random.default_rng(seed)
    usable = [r for r in originals if _spans(images.read_picture(root, r))]
    seen: set[str] = set()
    different = [r for r in usable if not (_place(r) in seen or seen.add(_place(r)))]
    for kind in KINDS:
        for number in sorted(rng.permutation(len(different))[:per_kind]):
            original = different[number]
            path = f"copies/{kind}/{number:06d}.jpg"
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(jpeg_of(kind, images.read_picture(root, original), rng))
            copy = record_of(target, path, original)
            records.append(copy)
            parent[copy.slice_id] = (original.slice_id, kind)
    return records, parent


def record_of(root: Path, path: str, original: SliceRecord) -> SliceRecord:
    """Catalogue record of a copy: nothing is known about it but its picture."""
    data = (root / path).read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    height, width = images.read_image(root, path).shape
    return SliceRecord(
        slice_id=slice_id_of("copies", path, None, sha256),
        sample_id=path,
        source_id="copies",
        image_path=path,
        image_sha256=sha256,
        height_px=height,
        width_px=width,
        channels=1,
        bit_depth=8,
        tumor_type=original.tumor_type,
    )


def _copy_file(root: Path, target: Path, path: str) -> str:
    (target / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / path, target / path)
    return path


def _spans(image: images.Gray) -> bool:
    """Whether there is a picture at all: of blank slices no copy can be told from another."""
    low, high = np.percentile(cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA), [0.5, 99.5])
    return bool(high - low >= 16)


def _place(record: SliceRecord) -> str:
    return f"{record.image_sha256}/{record.image_channel}/{record.image_slice}"


def judge(
    records: list[SliceRecord],
    parent: dict[str, tuple[str, str]],
    groups: list[DuplicateGroup],
    curated: list[CuratedSlice],
) -> list[dict[str, object]]:
    """Figures against aims."""
    group_of = {m.slice_id: g.group_id for g in groups for m in g.members}
    found = {name: group_of.get(name) is not None and group_of.get(name) == group_of.get(parent[name][0])
             for name in parent}  # fmt: skip
    # Families: originals that are grouped with each other are one, as far as eyes tell; see the list that is printed.
    original_groups = [[m.slice_id for m in g.members if m.slice_id not in parent] for g in groups]
    joined = [members for members in original_groups if len(members) > 1]
    print(f"{len(joined)} groups join originals; look at them in the curation report")
    false = sum(1 for name in parent if group_of.get(name) and not found[name])
    true = sum(found.values())
    by_kind = {kind: [found[n] for n in parent if parent[n][1] == kind] for kind in [*KINDS, "their own"]}
    for kind, hits in by_kind.items():
        if hits:
            one = wilson(sum(hits), len(hits))
            print(f"  {kind:15s} {one.value:.4f} ({one.low:.4f} to {one.high:.4f}, n {one.n})")
    same, merged = neighbors(records, group_of)
    exact = [(a.slice_id, b.slice_id) for a, b in _equal(records)]
    together = sum(group_of.get(a) == group_of.get(b) is not None for a, b in exact)
    patients = {r.slice_id: r.patient_group for r in curated}
    kept_pairs = [(a, b) for a, b in same if a in patients and b in patients]
    linked = sum(patients[a] is not None and patients[a] == patients[b] for a, b in kept_pairs)
    near = [h for kind in ("reencoded", "resized", "squashed") for h in by_kind[kind]]
    turned = [h for kind in AUGMENTED for h in by_kind[kind]] + by_kind["their own"]
    other = [h for kind in NEAR if kind not in ("reencoded", "resized", "squashed") for h in by_kind[kind]]
    how = "benchmarks/duplicates.py"
    return [
        _aim("byte-identical files in one group", 1.0, wilson(together, len(exact)), how),
        _aim("re-encoded and resized copies found", 0.99, wilson(sum(near), len(near)), how),
        _aim("other near copies found", 0.90, wilson(sum(other), len(other)), how),
        _aim("augmented copies found", 0.90, wilson(sum(turned), len(turned)), how),
        _aim("precision of the copies found", 0.995, wilson(true, true + false), how),
        _aim("neighboring slices wrongly merged", 0.005, wilson(merged, len(same)), how, at_most=True),
        _aim("neighboring slices in one patient group", 0.99, wilson(linked, len(kept_pairs)), how),
    ]


def neighbors(records: list[SliceRecord], group_of: dict[str, str]) -> tuple[list[tuple[str, str]], int]:
    """Adjacent slices, and other sequences of one slice, of a known patient; and how many of them are grouped."""
    places: dict[tuple[str, str, int], str] = {}
    for record in records:
        name = SLICE_NAME.match(PurePosixPath(record.image_path).stem)
        if record.patient_id is not None and name:
            places[name["patient"], str(record.image_channel), int(name["number"])] = record.slice_id
    pairs = [
        (slice_id, places[patient, channel, number + 1])
        for (patient, channel, number), slice_id in places.items()
        if (patient, channel, number + 1) in places
    ]
    by_slice: dict[tuple[str, int], list[str]] = defaultdict(list)
    for (patient, _, number), slice_id in places.items():
        by_slice[patient, number].append(slice_id)
    pairs += [pair for ids in by_slice.values() for pair in combinations(sorted(ids), 2)]
    return pairs, sum(group_of.get(a) is not None and group_of.get(a) == group_of.get(b) for a, b in pairs)


def _equal(records: list[SliceRecord]) -> list[tuple[SliceRecord, SliceRecord]]:
    by_place: dict[str, list[SliceRecord]] = defaultdict(list)
    for record in records:
        by_place[_place(record)].append(record)
    return [pair for same in by_place.values() for pair in combinations(same, 2)]


def _aim(name: str, aim: float, one: Estimate, how: str, *, at_most: bool = False) -> dict[str, object]:
    value = one.value if one.value is not None else float("nan")
    met = one.n > 0 and (value <= aim if at_most else value >= aim)
    said = f"{'at most' if at_most else 'at least'} {aim:.1%}"
    return {"name": name, "aim": said, "figure": one.value, "low": one.low, "high": one.high, "n": one.n,
            "met": met, "how": how}  # fmt: skip


def write_curve(
    path: Path, records: list[SliceRecord], parent: dict[str, tuple[str, str]], matches: list[PictureMatch]
) -> None:
    """Recall of copies and share of neighbors merged, over the threshold on the share of alike blocks."""
    family = {r.slice_id: parent.get(r.slice_id, (r.slice_id, ""))[0] for r in records}
    same, _ = neighbors(records, {})
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["copy_from", *KINDS, "their own", "neighbors merged", "copies in other families"])
        for step in range(30, 101, 2):
            limit = step / 100
            pairs = [(m.first, m.second) for m in matches if m.kind is not None and m.score >= limit]
            group_of = {name: members[0] for members in components(pairs) for name in members}
            hits: dict[str, list[bool]] = defaultdict(list)
            for name, (original, kind) in parent.items():
                hits[kind].append(group_of.get(name, name) == group_of.get(original, original))
            merged = sum(group_of.get(a, a) == group_of.get(b, b) for a, b in same)
            wrong = sum(
                1 for name in parent
                if group_of.get(name, name) != group_of.get(family[name], family[name]) and name in group_of
            )  # fmt: skip
            row = [np.mean(hits[kind]).round(4) if hits[kind] else "" for kind in [*KINDS, "their own"]]
            table.writerow([limit, *row, round(merged / max(1, len(same)), 4), wrong])


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(error.line) from None
