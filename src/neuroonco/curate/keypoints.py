"""Keypoints of a small picture, with signatures that copies share whatever their size, place, turn or contrast.

A keypoint's SIFT descriptor (Lowe 2004, as OpenCV computes it) is reduced to 192 bits: on which side of 192 fixed
random planes it lies. The share of equal bits of two signatures estimates the angle between the descriptors, and any
24 of the bits are a word under which equal details are filed. The signature of the mirrored detail follows from the
same descriptor.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Gray

WORKING_SIDE_PX = 160
"""Pictures are compared at this size of their longer side."""
MAX_KEYPOINTS = 120
BITS_PER_WORD = 24
WORDS = 8
"""Words a signature; a signature has ``WORDS * BITS_PER_WORD`` bits."""
SIGNATURE_BYTES = WORDS * BITS_PER_WORD // 8
_PLANES_SEED = 5
# Mean square root of SIFT descriptors (per mille) of 120 phantoms, equal for mirrored ones: the planes go through it.
_MEAN_PERMILLE = """
76 41 36 49 69 33 34 55 135 65 42 44 55 38 45 89 121 64 45 42 55 52 64 91 53 42 42 42 60 62 65 58 98 48 37 52 84 43 33
55 172 79 44 52 72 47 45 99 160 84 50 53 72 62 63 95 71 51 48 55 75 67 62 58 98 55 33 43 84 52 37 48 172 99 45 47 72 52
44 79 160 95 63 62 72 53 50 84 71 58 62 67 75 55 48 51 76 55 34 33 69 49 36 41 135 89 45 38 55 44 42 65 121 91 64 52 55
42 45 64 53 58 65 62 60 42 42 42
"""

Signatures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Keypoints:
    """Details of one picture, strongest first.

    Attributes:
        points: (n, 2) of x and y in the working picture, float32.
        signatures: (n, 24) uint8.
        mirrored: (n, 24) uint8, the signatures that the details have in the picture mirrored left to right.
        width_px: of the working picture.
    """

    points: npt.NDArray[np.float32]
    signatures: Signatures
    mirrored: Signatures
    width_px: int

    def mirror(self) -> "Keypoints":
        """The keypoints of the picture mirrored left to right."""
        points = self.points.copy()
        points[:, 0] = self.width_px - 1 - points[:, 0]
        return Keypoints(points, self.mirrored, self.signatures, self.width_px)


def working_picture(image: Gray) -> Gray:
    """The picture at the size at which copies are compared: its longer side has ``WORKING_SIDE_PX`` pixels."""
    height, width = image.shape
    scale = WORKING_SIDE_PX / max(height, width)
    whole = int(1 / scale)
    if whole >= 2:  # whole steps first: they are fast, and nothing is lost before the last fraction
        size = (max(1, width // whole), max(1, height // whole))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    method = cv2.INTER_AREA if image.shape[1] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)


def keypoints_of(picture: Gray) -> Keypoints:
    """Keypoints of a working picture (height, width); there may be none."""
    found, descriptors = _sift().detectAndCompute(picture, None)
    if descriptors is None:
        empty = np.zeros((0, SIGNATURE_BYTES), dtype=np.uint8)
        return Keypoints(np.zeros((0, 2), dtype=np.float32), empty, empty, picture.shape[1])
    # OpenCV keeps the strongest but not always exactly as many as asked for.
    order = np.argsort([-k.response for k in found], kind="stable")[:MAX_KEYPOINTS]
    points = np.array([found[i].pt for i in order], dtype=np.float32)
    descriptors = np.asarray(descriptors, dtype=np.float32)[order]
    roots = np.sqrt(descriptors / (descriptors.sum(axis=1, keepdims=True) + 1e-6))
    return Keypoints(points, _signatures(roots), _signatures(roots[:, _mirrored_places()]), picture.shape[1])


def words_of(signatures: Signatures) -> npt.NDArray[np.uint32]:
    """The words of signatures (n, 24): shape (n, 8), each below 2 to the 24th."""
    parts = signatures.reshape(len(signatures), WORDS, BITS_PER_WORD // 8).astype(np.uint32)
    return np.asarray(parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2], dtype=np.uint32)


@cache
def _sift() -> Any:
    # OpenCV's type stubs lack the constructor.
    return cv2.SIFT_create(  # type: ignore[attr-defined]
        nfeatures=MAX_KEYPOINTS, contrastThreshold=0.02, edgeThreshold=15
    )


@cache
def _mirrored_places() -> npt.NDArray[np.intp]:
    """Where each number of a descriptor stands in that of the mirrored detail: rows turned over, angles negated."""
    places = np.arange(128).reshape(4, 4, 8)
    return places[::-1, :, :][:, :, -np.arange(8) % 8].ravel()


@cache
def _planes() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    directions = np.random.default_rng(_PLANES_SEED).standard_normal((128, WORDS * BITS_PER_WORD)).astype(np.float32)
    mean = np.array(_MEAN_PERMILLE.split(), dtype=np.float32) / np.float32(1000)
    return directions, np.asarray(mean @ directions, dtype=np.float32)


def _signatures(roots: npt.NDArray[np.float32]) -> Signatures:
    directions, offsets = _planes()
    return np.packbits(roots @ directions > offsets, axis=1)
