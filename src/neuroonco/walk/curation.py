"""The stage `curate`: judge pictures, find copies, settle what sources disagree about, group patients.

In memory are a few hundred bytes a slice: names, hashes and places. Keypoints lie in a file; records pass by in
batches.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuroonco import images, pipeline, store
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.candidates import hash_pairs, voted_pairs
from neuroonco.curate.curate import Verdict, curate_slice, settle_conflicts
from neuroonco.curate.duplicates import group_copies, identical
from neuroonco.curate.keypoints import SIGNATURE_BYTES, Keypoints, keypoints_of, words_of, working_picture
from neuroonco.curate.matches import CandidatePair, View, verify_pairs
from neuroonco.curate.patients import patient_groups
from neuroonco.curate.pictures import Picture, decode_keypoints, encode_keypoints, picture_of
from neuroonco.curate.quality import CurateRules, judge_quality, require_usable
from neuroonco.curate.records import (
    CuratedSlice,
    DuplicateGroup,
    PictureKeypoints,
    PictureMatch,
    QualityFinding,
)
from neuroonco.curate.rules import DuplicateRules
from neuroonco.errors import InputError
from neuroonco.inspection.fingerprint import all_orientations
from neuroonco.inspection.records import Inspection
from neuroonco.outcomes import Dropped, Quarantined, StageOutcome, quarantine_slice
from neuroonco.pipeline import Workspace
from neuroonco.streams import RECORDS, ShardOutcome, Shards, models_of, save_shard
from neuroonco.vocabulary import DuplicateKind
from neuroonco.walk.catalogue import one_thread

GROUPS, QUALITY, MATCHES = "duplicate_groups.parquet", "quality.parquet", "matches.parquet"
PAIRS_A_PIECE = 64


@dataclass
class Survey:
    """What one pass over catalogue and inspections leaves of every usable slice.

    Attributes:
        pictures: in the order of the catalogue.
        contents: slice id, and hash of the file's bytes with the place of the picture in it.
        pixels: slice id, and hash of the gray values.
        fingerprints: perceptual hashes.
        patients: slice id, source id, the source's patient id.
        findings: of each slice whose picture has a fault.
        quarantined: slices that cannot be used at all.
    """

    pictures: list[Picture] = field(default_factory=list)
    contents: list[tuple[str, str]] = field(default_factory=list)
    pixels: list[tuple[str, str]] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)
    patients: list[tuple[str, str, str | None]] = field(default_factory=list)
    findings: dict[str, list[QualityFinding]] = field(default_factory=dict)
    quarantined: dict[str, Quarantined] = field(default_factory=dict)


class KeypointFile(NamedTuple):
    """Keypoints of all compared pictures, in files that the system pages in and out.

    Attributes:
        starts: (pictures + 1,) where each picture's keypoints begin.
        widths: (pictures,) of the working pictures, in pixels.
        points, signatures, mirrored: of all keypoints, see :class:`neuroonco.curate.keypoints.Keypoints`.
    """

    starts: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int64]
    points: npt.NDArray[np.float32]
    signatures: npt.NDArray[np.uint8]
    mirrored: npt.NDArray[np.uint8]

    def of(self, number: int) -> Keypoints:
        """Keypoints of one picture."""
        part = slice(int(self.starts[number]), int(self.starts[number + 1]))
        return Keypoints(
            np.array(self.points[part]),
            np.array(self.signatures[part]),
            np.array(self.mirrored[part]),
            int(self.widths[number]),
        )


def curate_catalog(
    ws: Workspace,
    *,
    records: Path,
    inspections: Path,
    root: Path,
    priority: Mapping[str, int],
    rest: StageOutcome[CuratedSlice] | None = None,
) -> dict[str, Any]:
    """Curate a catalogue into the workspace's folder, and return the counts.

    Args:
        ws: where to work.
        records: the catalogue, as Parquet ordered by ``slice_id``.
        inspections: of the same slices, in the same order.
        root: folder to which image paths are relative.
        priority: of each source.
        rest: what was set aside before, written with the rest.

    Raises:
        InputError: a file is missing, or the two do not belong together.
    """
    limits, rules = ws.rules.section("curate", CurateRules), ws.rules.section("duplicates", DuplicateRules)
    survey = survey_slices(records, inspections, limits)
    matches = find_copies(ws, survey, root, rules)
    involved = {name for m in matches for name in (m.first, m.second) if m.kind is not None}
    copied = {r.slice_id: r for r in store.stream(records, SliceRecord) if r.slice_id in involved}
    found = group_copies(matches, copied, priority, _bytes_per_px(root, copied.values()))
    groups, verdicts = settle_conflicts(found, policy=limits.label_conflict_policy, trust=priority)
    patients = patient_groups(survey.patients, matches)
    store.save(ws.folder / GROUPS, groups, DuplicateGroup)
    store.save(ws.folder / MATCHES, sorted(matches, key=lambda m: (m.first, m.second)), PictureMatch)
    findings = [f for name in sorted(survey.findings) for f in survey.findings[name]]
    store.save(ws.folder / QUALITY, findings, QualityFinding)
    shards = _slice_shards(ws, records, survey, verdicts, patients)
    counts = ws.save_shards(shards, rest=rest)
    kinds = [g.kind for g in groups]
    return counts | {
        "duplicate_groups": len(groups),
        "groups_by_kind": {kind.value: kinds.count(kind) for kind in DuplicateKind},
        "conflicting_groups": sum(g.conflicting_types for g in groups),
        "leaking_groups": sum(g.leaking_splits for g in groups),
        "neighbor_links": sum(m.kind is None for m in matches),
        "patient_groups": len(set(patients.values())),
    }


def survey_slices(records: Path, inspections: Path, limits: CurateRules) -> Survey:
    """Judge every picture and keep what the search for copies needs.

    Raises:
        InputError: catalogue and inspections are not of the same slices.
    """
    survey = Survey()
    pairs = zip(store.stream(records, SliceRecord), store.stream(inspections, Inspection), strict=False)
    for record, inspection in pairs:
        if record.slice_id != inspection.slice_id:
            what = f"{record.slice_id} is not {inspection.slice_id}"
            raise InputError("INSPECTIONS_OTHER", what, where=str(inspections), fix="catalogue again")
        try:
            require_usable(record, inspection.gray_range, limits)
        except InputError as error:
            survey.quarantined[record.slice_id] = quarantine_slice(error, record)
            continue
        findings = judge_quality(record, inspection.quality, limits)
        if findings:
            survey.findings[record.slice_id] = findings
        if any(finding.dropped for finding in findings):
            continue
        survey.pictures.append(picture_of(record))
        place = f"{record.image_channel}/{record.image_slice}"
        survey.contents.append((record.slice_id, f"{record.image_sha256}/{place}" if record.image_sha256 else ""))
        survey.pixels.append((record.slice_id, inspection.pixels_hash))
        survey.fingerprints.append(inspection.fingerprint)
        survey.patients.append((record.slice_id, record.source_id, record.patient_id))
    return survey


def find_copies(ws: Workspace, survey: Survey, root: Path, rules: DuplicateRules) -> list[PictureMatch]:
    """Matches among all usable slices: identical files, identical pictures, near and augmented copies, neighbors."""
    matches = identical(survey.contents, DuplicateKind.EXACT_BYTES)
    if rules.search == "bytes":
        return matches
    same_bytes = {m.second for m in matches}
    first_of_bytes = [pair for pair in survey.pixels if pair[0] not in same_bytes]
    matches += identical(first_of_bytes, DuplicateKind.EXACT_PIXELS)
    if rules.search == "pixels":
        return matches
    known = {m.second for m in matches}
    numbers = [i for i, picture in enumerate(survey.pictures) if picture.slice_id not in known]
    pictures = [survey.pictures[i] for i in numbers]
    pieces = [pictures[i : i + pipeline.SHARD_SIZE] for i in range(0, len(pictures), pipeline.SHARD_SIZE)]
    shards = ws.stream(pieces, PictureKeypoints, partial(_keypoints, root=root), part="keypoints")
    keypoints = _keypoint_file(ws.folder / "shards", shards, len(pictures))
    hashes = all_orientations(np.array([int(survey.fingerprints[i], 16) for i in numbers], dtype=np.uint64))
    jobs = _jobs(pictures, keypoints, hashes, rules)
    verified = ws.stream(jobs, PictureMatch, partial(_verify, root=root, rules=rules), part="pairs")
    return matches + list(verified.records(RECORDS, PictureMatch))


def _keypoints(pictures: list[Picture], *, root: Path) -> StageOutcome[PictureKeypoints]:
    """A picture that cannot be read any more has no keypoints; it was read a moment ago."""
    outcome: StageOutcome[PictureKeypoints] = StageOutcome()
    with one_thread():
        for picture in pictures:
            try:
                found = keypoints_of(working_picture(images.read_picture(root, picture)))
            except InputError:
                found = Keypoints(*_no_keypoints(), width_px=0)
            outcome.kept.append(encode_keypoints(picture.slice_id, found))
    return outcome


def _no_keypoints() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    empty = np.zeros((0, SIGNATURE_BYTES), dtype=np.uint8)
    return np.zeros((0, 2), dtype=np.float32), empty, empty


def _keypoint_file(folder: Path, shards: Shards, pictures: int) -> KeypointFile:
    folder.mkdir(parents=True, exist_ok=True)
    starts, widths = np.zeros(pictures + 1, dtype=np.int64), np.zeros(pictures, dtype=np.int64)
    with (
        (folder / "points").open("wb") as a,
        (folder / "signatures").open("wb") as b,
        (folder / "mirrored").open("wb") as c,
    ):
        for number, record in enumerate(shards.records(RECORDS, PictureKeypoints)):
            one = decode_keypoints(record)
            starts[number + 1], widths[number] = starts[number] + len(one.points), one.width_px
            for file, values in ((a, one.points), (b, one.signatures), (c, one.mirrored)):
                file.write(values.tobytes())
    total = int(starts[-1])
    if total == 0:
        return KeypointFile(starts, widths, *_no_keypoints())
    return KeypointFile(
        starts,
        widths,
        np.memmap(folder / "points", dtype=np.float32, mode="r", shape=(total, 2)),
        np.memmap(folder / "signatures", dtype=np.uint8, mode="r", shape=(total, SIGNATURE_BYTES)),
        np.memmap(folder / "mirrored", dtype=np.uint8, mode="r", shape=(total, SIGNATURE_BYTES)),
    )


class _Jobs:
    """Pieces of candidate pairs, made when they are taken: a pair with its keypoints is 14 kB."""

    def __init__(
        self,
        pairs: npt.NDArray[np.int64],
        by_hash: frozenset[tuple[int, int]],
        pictures: list[Picture],
        keypoints: KeypointFile,
    ) -> None:
        self._pairs, self._by_hash, self._pictures, self._keypoints = pairs, by_hash, pictures, keypoints

    def __len__(self) -> int:
        return -(-len(self._pairs) // PAIRS_A_PIECE)

    def __getitem__(self, number: int) -> list[CandidatePair]:
        if not 0 <= number < len(self):
            raise IndexError(number)
        part = self._pairs[number * PAIRS_A_PIECE : (number + 1) * PAIRS_A_PIECE]
        views: dict[int, View] = {}
        for i in part.ravel().tolist():
            if i not in views:
                views[i] = View(self._pictures[i], self._keypoints.of(i))
        return [CandidatePair(views[i], views[j], (i, j) in self._by_hash) for i, j in part.tolist()]


def _jobs(
    pictures: list[Picture],
    keypoints: KeypointFile,
    hashes: npt.NDArray[np.uint64],
    rules: DuplicateRules,
) -> Any:
    owners = np.repeat(np.arange(len(pictures), dtype=np.int64), np.diff(keypoints.starts))
    voted = voted_pairs(
        words_of(keypoints.signatures),
        words_of(keypoints.mirrored),
        owners,
        len(pictures),
        min_votes=rules.min_votes,
        max_neighbors=rules.max_neighbors,
        max_pictures_a_word=rules.max_pictures_a_word,
    )
    hashed = hash_pairs(hashes, max_distance=rules.max_hash_distance, max_pictures_a_word=rules.max_pictures_a_word)
    pairs = np.unique(np.concatenate([voted[:, :2], hashed[:, :2]]), axis=0)
    by_hash = frozenset((int(i), int(j)) for i, j in hashed[:, :2])
    return _Jobs(pairs, by_hash, pictures, keypoints)


def _verify(pairs: list[CandidatePair], *, root: Path, rules: DuplicateRules) -> StageOutcome[PictureMatch]:
    with one_thread():
        return verify_pairs(pairs, read=partial(images.read_picture, root), rules=rules)


def _bytes_per_px(root: Path, records: Iterable[SliceRecord]) -> dict[str, float]:
    """How little each file is compressed; one that is gone counts as nothing."""
    found: dict[str, float] = {}
    for record in records:
        try:
            size = images.resolve(root, record.image_path).stat().st_size
        except (InputError, OSError):
            size = 0
        found[record.slice_id] = size / (record.height_px * record.width_px)
    return found


def _slice_shards(
    ws: Workspace,
    records: Path,
    survey: Survey,
    verdicts: Mapping[str, Verdict],
    patients: Mapping[str, str],
) -> Shards:
    """Pass over the catalogue once more and say what became of each slice."""
    rest = store.stream(records, SliceRecord)
    number = 0
    folders: list[Path] = []
    while batch := list(islice(rest, pipeline.LIGHT_SHARD_SIZE * 16)):
        outcome: ShardOutcome[CuratedSlice] = ShardOutcome()
        for record in batch:
            if record.slice_id in survey.quarantined:
                outcome.quarantined.append(survey.quarantined[record.slice_id])
                continue
            curated = curate_slice(
                record,
                verdict=verdicts.get(record.slice_id),
                patient_group=patients.get(record.slice_id),
                findings=survey.findings.get(record.slice_id, ()),
            )
            if isinstance(curated, Dropped):
                outcome.dropped.append(curated)
            else:
                outcome.kept.append(curated)
        folders.append(ws.folder / "shards" / "slices" / f"{number:06d}")
        save_shard(folders[-1], outcome, models_of(CuratedSlice, {}))
        number += 1
    return Shards(folders, models_of(CuratedSlice, {}))
