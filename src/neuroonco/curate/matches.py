"""Verify candidate pairs: lay one picture over the other and measure how alike they are."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from neuroonco.curate.keypoints import Keypoints, working_picture
from neuroonco.curate.pictures import Picture
from neuroonco.curate.records import PictureMatch
from neuroonco.curate.registration import Alignment, change_of, from_keypoints, from_orientation, refine
from neuroonco.curate.rules import DuplicateRules
from neuroonco.curate.similarity import share_alike
from neuroonco.errors import InputError
from neuroonco.images import Gray
from neuroonco.outcomes import StageOutcome, quarantine_slice
from neuroonco.vocabulary import DuplicateKind

HOPELESS_BELOW = 0.03
"""A map from keypoints on which fewer blocks are alike is not refined: no copy seen began so low."""
PICTURES_HELD = 256
_ORIENTATIONS_REFINED = 2


@dataclass(frozen=True)
class View:
    """A picture to be compared, and the keypoints of its working picture."""

    picture: Picture
    keypoints: Keypoints


@dataclass(frozen=True)
class CandidatePair:
    """Two pictures that may be copies.

    Attributes:
        by_hash: their hashes are close, so that they may lie over each other whole.
    """

    first: View
    second: View
    by_hash: bool


def verify_pairs(
    pairs: Iterable[CandidatePair], *, read: Callable[[Picture], Gray], rules: DuplicateRules
) -> StageOutcome[PictureMatch]:
    """Matches among candidate pairs; pairs that are not alike leave nothing.

    Args:
        pairs: independent of each other.
        read: gives the full picture of a slice.
        rules: thresholds.
    """
    outcome: StageOutcome[PictureMatch] = StageOutcome()
    kept: OrderedDict[str, Gray] = OrderedDict()
    for pair in pairs:
        pictures = []
        for view in (pair.first, pair.second):
            try:
                pictures.append(_working(view.picture, read, kept))
            except InputError as error:  # it was readable a moment ago
                outcome.quarantined.append(quarantine_slice(error, view.picture))
        if len(pictures) < 2:
            continue
        match = match_pictures(pictures[0], pictures[1], pair, rules)
        if match is not None:
            outcome.kept.append(match)
    return outcome


def match_pictures(first: Gray, second: Gray, pair: CandidatePair, rules: DuplicateRules) -> PictureMatch | None:
    """The match of two working pictures, or None if they are neither copies nor neighbors."""
    best: tuple[float, int, Alignment] | None = None
    for alignment in _alignments(first, second, pair, rules):
        score, blocks = _share(first, second, alignment, rules)
        if blocks >= rules.min_blocks and (best is None or score > best[0]):
            best = score, blocks, alignment
    if best is None:
        return None
    score, blocks, alignment = best
    change = change_of(alignment)
    is_copy = score >= rules.copy_from
    upright = not change.mirrored and abs(change.rotation_deg) <= rules.near_rotation_to_deg
    if not is_copy and (score < rules.neighbor_from or alignment.inliers < rules.neighbor_min_inliers):
        return None
    kind = None
    if is_copy:
        kind = DuplicateKind.NEAR if upright else DuplicateKind.AUGMENTED
    return PictureMatch(
        first=pair.first.picture.slice_id,
        second=pair.second.picture.slice_id,
        kind=kind,
        mirrored=change.mirrored,
        rotation_deg=round(change.rotation_deg, 2),
        scale=round(change.scale, 4),
        stretch=round(change.stretch, 4),
        score=round(score, 4),
        blocks=blocks,
        inliers=alignment.inliers,
    )


def _alignments(first: Gray, second: Gray, pair: CandidatePair, rules: DuplicateRules) -> Sequence[Alignment]:
    found = from_keypoints(pair.first.keypoints, pair.second.keypoints, min_inliers=rules.min_inliers)
    if found is not None and _share(first, second, found, rules)[0] >= HOPELESS_BELOW:
        better = refine(first, second, found)
        # Beside a white frame the refinement may follow the frame: the better of both maps counts.
        return [found] if better is None else [better, found]
    if not pair.by_hash:
        return []
    whole = from_orientation((first.shape[0], first.shape[1]), (second.shape[0], second.shape[1]))
    ranked = sorted(whole, key=lambda a: -_share(first, second, a, rules)[0])[:_ORIENTATIONS_REFINED]
    return [better for one in ranked if (better := refine(first, second, one)) is not None]


def _share(first: Gray, second: Gray, alignment: Alignment, rules: DuplicateRules) -> tuple[float, int]:
    return share_alike(
        first,
        second,
        alignment,
        block_correlation=rules.block_correlation,
        min_texture=rules.min_texture,
        min_texture_share=rules.min_texture_share,
    )


def _working(picture: Picture, read: Callable[[Picture], Gray], kept: OrderedDict[str, Gray]) -> Gray:
    """The working picture, read once as long as its pairs follow each other."""
    if picture.slice_id in kept:
        kept.move_to_end(picture.slice_id)
    else:
        kept[picture.slice_id] = working_picture(read(picture))
        if len(kept) > PICTURES_HELD:
            kept.popitem(last=False)
    return kept[picture.slice_id]
