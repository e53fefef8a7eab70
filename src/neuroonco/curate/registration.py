"""Lay one picture over another: from matching keypoints, or from one of the eight orientations, to an affine map."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.curate.keypoints import Keypoints
from neuroonco.images import Gray

Affine = npt.NDArray[np.float32]
"""(2, 3): maps x and y in the second picture to x and y in the first one, after it was mirrored if so said."""

MATCH_BITS = 48
"""Signatures of one detail differ in fewer of their 192 bits."""
_REPROJECTION_PX = 3.0
_FINE_PX, _COARSE_PX = 0.8, 6.0
_ITERATIONS = 25


@dataclass(frozen=True)
class Alignment:
    """How a second picture lies over a first one.

    Attributes:
        mirrored: the first picture has to be mirrored left to right.
        affine: see :data:`Affine`.
        inliers: keypoints that agree with the map; 0 where it is not from keypoints.
    """

    mirrored: bool
    affine: Affine
    inliers: int


@dataclass(frozen=True)
class Change:
    """What turns the first picture into the second one, in terms of people.

    Attributes:
        mirrored: left to right, before it is turned.
        rotation_deg: counterclockwise, -180 to 180.
        scale: of lengths, mean of both axes.
        stretch: longer over shorter axis of the map, 1 for equal axes.
    """

    mirrored: bool
    rotation_deg: float
    scale: float
    stretch: float

    def inverse(self) -> "Change":
        """What turns the second picture back into the first one.

        >>> Change(False, 10.0, 0.5, 1.0).inverse().words
        'rotate -10.0 deg, scale 2.00'
        """
        rotation = self.rotation_deg if self.mirrored else -self.rotation_deg
        return Change(self.mirrored, rotation, 1 / self.scale, self.stretch)

    @property
    def words(self) -> str:
        """In words, the parts that matter.

        >>> Change(True, 180.0, 1.0, 1.0).words, Change(False, 5.2, 0.91, 1.0).words
        ('flip top-bottom', 'rotate 5.2 deg, scale 0.91')
        """
        rotation, flip = self.rotation_deg, ""
        if self.mirrored:
            flip = "flip left-right"
            if abs(rotation) > 90:  # mirrored and turned over is flipped the other way
                flip, rotation = "flip top-bottom", rotation - math.copysign(180, rotation)
        parts = [flip] if flip else []
        if abs(rotation) >= 0.5:
            parts.append(f"rotate {rotation:.1f} deg")
        if abs(self.scale - 1) >= 0.01:
            parts.append(f"scale {self.scale:.2f}")
        if self.stretch >= 1.02:
            parts.append(f"stretch {self.stretch:.2f}")
        return ", ".join(parts) or "same place"


def from_keypoints(first: Keypoints, second: Keypoints, *, min_inliers: int) -> Alignment | None:
    """The map on which most keypoints agree, directly or mirrored; None if too few do or the map is implausible."""
    direct = _agreeing(first, second, min_inliers)
    mirror = _agreeing(first.mirror(), second, min_inliers)
    mirrored = mirror[1] > direct[1]
    affine, inliers = mirror if mirrored else direct
    if affine is None or inliers < min_inliers or not plausible(affine):
        return None
    return Alignment(mirrored, affine, inliers)


def _agreeing(first: Keypoints, second: Keypoints, min_inliers: int) -> tuple[Affine | None, int]:
    if min(len(first.points), len(second.points)) < min_inliers:
        return None, 0
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(second.signatures, first.signatures)
    near = [m for m in matches if m.distance < MATCH_BITS]
    if len(near) < min_inliers:
        return None, 0
    here, there = second.points[[m.queryIdx for m in near]], first.points[[m.trainIdx for m in near]]
    cv2.setRNGSeed(1)  # the same pair always gives the same map
    affine, agree = cv2.estimateAffine2D(
        here, there, method=cv2.RANSAC, ransacReprojThreshold=_REPROJECTION_PX, maxIters=500, confidence=0.995
    )
    return (None, 0) if affine is None else (affine.astype(np.float32), int(agree.sum()))


def from_orientation(first: tuple[int, int], second: tuple[int, int]) -> list[Alignment]:
    """The eight maps that lay the whole first picture over the whole second one; sizes are (height, width)."""
    found = []
    for mirrored in (False, True):
        for quarter_turns in range(4):
            turn = np.round(
                [
                    [math.cos(quarter_turns * math.pi / 2), math.sin(quarter_turns * math.pi / 2)],
                    [-math.sin(quarter_turns * math.pi / 2), math.cos(quarter_turns * math.pi / 2)],
                ]
            )
            turned = (second[1], second[0]) if quarter_turns % 2 == 0 else second  # width and height, turned back
            linear = np.diag([first[1] / turned[0], first[0] / turned[1]]) @ turn
            middle = np.array([(second[1] - 1) / 2, (second[0] - 1) / 2])
            shift = np.array([(first[1] - 1) / 2, (first[0] - 1) / 2]) - linear @ middle
            affine = np.concatenate([linear, shift[:, None]], axis=1).astype(np.float32)
            found.append(Alignment(mirrored, affine, 0))
    return found


def refine(first: Gray, second: Gray, alignment: Alignment) -> Alignment | None:
    """Improve a map until the pictures agree best; None if that leads nowhere plausible.

    Enhanced correlation coefficient (Evangelidis and Psarakis 2008) on band-passed pictures, so that brightness and
    contrast do not count.
    """
    moving, affine = _band(mirrored(first, alignment)), alignment.affine
    try:
        limit = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ITERATIONS, 1e-4)
        whole = np.full(moving.shape, 255, dtype=np.uint8)
        found = cv2.findTransformECC(_band(second), moving, affine.copy(), cv2.MOTION_AFFINE, limit, whole, 1)[1]
        affine = np.asarray(found, dtype=np.float32)
    except cv2.error as error:
        if error.code != cv2.Error.StsNoConv:
            raise
        affine = alignment.affine  # it did not converge: the map it began with stands
    if not plausible(affine):
        return None
    return Alignment(alignment.mirrored, affine, alignment.inliers)


def mirrored(first: Gray, alignment: Alignment) -> Gray:
    """The first picture as the map expects it."""
    return np.ascontiguousarray(first[:, ::-1]) if alignment.mirrored else first


def plausible(affine: Affine) -> bool:
    """Whether a copy may be made by this map: no turning inside out, no extreme scale or stretch."""
    if not np.isfinite(affine).all() or np.linalg.det(affine[:, :2]) <= 0:
        return False
    long, short = np.linalg.svd(affine[:, :2], compute_uv=False)
    return bool(short > 0.25 and long < 4 and long / short < 1.8)


def change_of(alignment: Alignment) -> Change:
    """What the map does to the first picture, seen from the second one."""
    linear = alignment.affine[:, :2].astype(np.float64)
    rotation = math.degrees(math.atan2(linear[0, 1] - linear[1, 0], linear[0, 0] + linear[1, 1]))
    long, short = np.linalg.svd(linear, compute_uv=False)
    # The map leads back from the second picture: its rotation on an upright grid is seen counterclockwise.
    rotation = 180.0 if rotation >= 179.95 else -rotation
    return Change(alignment.mirrored, rotation, float(1 / math.sqrt(long * short)), float(long / short))


def _band(picture: Gray) -> npt.NDArray[np.float32]:
    values = picture.astype(np.float32)
    fine = cv2.GaussianBlur(values, (0, 0), _FINE_PX)
    return np.asarray(fine - cv2.GaussianBlur(values, (0, 0), _COARSE_PX), dtype=np.float32)
