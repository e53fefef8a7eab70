"""Find copies among all pictures of a catalogue: keypoints in a file, candidates by words, pairs verified in shards.

Keypoints lie in files that the system pages in and out. While candidates are counted, the words that pictures share
are in memory: about 17 kB a picture.
"""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuroonco import images, pipeline
from neuroonco.curate.candidates import hash_pairs, voted_pairs
from neuroonco.curate.duplicates import identical, tell_apart
from neuroonco.curate.keypoints import SIGNATURE_BYTES, WORDS, Keypoints, keypoints_of, words_of, working_picture
from neuroonco.curate.matches import CandidatePair, View, verify_pairs
from neuroonco.curate.pictures import Picture, decode_keypoints, encode_keypoints
from neuroonco.curate.records import PictureKeypoints, PictureMatch
from neuroonco.curate.rules import DuplicateRules
from neuroonco.errors import InputError
from neuroonco.inspection.fingerprint import all_orientations
from neuroonco.outcomes import Quarantined, StageOutcome, quarantine_slice
from neuroonco.pipeline import Workspace
from neuroonco.streams import QUARANTINED, RECORDS, Shards
from neuroonco.vocabulary import DuplicateKind
from neuroonco.walk.catalogue import one_thread
from neuroonco.walk.survey import Survey

PAIRS_A_PIECE = 64
COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "points": (np.float32, 2),
    "signatures": (np.uint8, SIGNATURE_BYTES),
    "mirrored": (np.uint8, SIGNATURE_BYTES),
    "words": (np.uint32, WORDS),
    "mirrored_words": (np.uint32, WORDS),
}


class KeypointFile(NamedTuple):
    """Keypoints of all compared pictures, in files that the system pages in and out.

    Attributes:
        starts: (pictures + 1,) where each picture's keypoints begin.
        widths: (pictures,) of the working pictures, in pixels.
        points, signatures, mirrored: of all keypoints, see :class:`neuroonco.curate.keypoints.Keypoints`.
        words, mirrored_words: (keypoints, 8), see :func:`neuroonco.curate.keypoints.words_of`.
    """

    starts: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int64]
    points: npt.NDArray[np.float32]
    signatures: npt.NDArray[np.uint8]
    mirrored: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint32]
    mirrored_words: npt.NDArray[np.uint32]

    def of(self, number: int) -> Keypoints:
        """Keypoints of one picture."""
        part = slice(int(self.starts[number]), int(self.starts[number + 1]))
        return Keypoints(
            np.array(self.points[part]),
            np.array(self.signatures[part]),
            np.array(self.mirrored[part]),
            int(self.widths[number]),
        )


def find_copies(ws: Workspace, survey: Survey, root: Path, rules: DuplicateRules) -> list[PictureMatch]:
    """Matches among all usable slices: identical files, identical pictures, near and augmented copies, neighbors.

    A picture that can no longer be read goes to the survey's quarantined slices.
    """
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
    for part in (shards, verified):
        survey.quarantined.update((row.slice_id, row) for row in part.records(QUARANTINED, Quarantined))
    files = {picture.slice_id: picture.image_path for picture in survey.pictures}
    found = tell_apart([*matches, *verified.records(RECORDS, PictureMatch)], survey.sequences, files)
    return [m for m in found if not {m.first, m.second} & survey.quarantined.keys()]


def _keypoints(pictures: list[Picture], *, root: Path) -> StageOutcome[PictureKeypoints]:
    """A picture that cannot be read any more, though it was a moment ago, has no keypoints and is quarantined."""
    outcome: StageOutcome[PictureKeypoints] = StageOutcome()
    with one_thread():
        for picture in pictures:
            try:
                found = keypoints_of(working_picture(images.read_picture(root, picture)))
            except InputError as error:
                found = Keypoints(*_no_keypoints(), width_px=0)
                outcome.quarantined.append(quarantine_slice(error, picture))
            outcome.kept.append(encode_keypoints(picture.slice_id, found))
    return outcome


def _no_keypoints() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    empty = np.zeros((0, SIGNATURE_BYTES), dtype=np.uint8)
    return np.zeros((0, 2), dtype=np.float32), empty, empty


def _keypoint_file(folder: Path, shards: Shards, pictures: int) -> KeypointFile:
    folder.mkdir(parents=True, exist_ok=True)
    starts, widths = np.zeros(pictures + 1, dtype=np.int64), np.zeros(pictures, dtype=np.int64)
    with ExitStack() as open_files:
        files = [open_files.enter_context((folder / name).open("wb")) for name in COLUMNS]
        for number, record in enumerate(shards.records(RECORDS, PictureKeypoints)):
            one = decode_keypoints(record)
            starts[number + 1], widths[number] = starts[number] + len(one.points), one.width_px
            own, mirrored = words_of(one.signatures), words_of(one.mirrored)
            values: list[npt.NDArray[Any]] = [one.points, one.signatures, one.mirrored, own, mirrored]
            for file, part in zip(files, values, strict=True):
                file.write(part.tobytes())
    return KeypointFile(starts, widths, *(_mapped(folder / name, int(starts[-1]), *COLUMNS[name]) for name in COLUMNS))


def _mapped(path: Path, rows: int, kind: type[np.generic], width: int) -> npt.NDArray[Any]:
    """A file as an array; an empty file cannot be mapped."""
    return np.memmap(path, kind, "r", shape=(rows, width)) if rows else np.zeros((0, width), dtype=kind)


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
        keypoints.words,
        keypoints.mirrored_words,
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
