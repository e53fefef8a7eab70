"""A 63-bit perceptual hash: signs of the lowest frequencies of a small picture.

Flips and right-angle rotations of a picture only change signs and places of its frequencies, so the hashes of all
eight orientations follow from one transform. Source: the discrete cosine transform hash, as used for finding copies
of photographs; thresholds are chosen in :mod:`neuroonco.curate`.
"""

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Gray

SIDE_PX = 32
FREQUENCIES = 8
"""Lowest horizontal and vertical frequencies; the constant one is left out."""

Hashes = npt.NDArray[np.uint64]


def fingerprint_of(small: Gray) -> str:
    """Hash of a picture (height, width), already reduced or not, as 16 hexadecimal digits.

    >>> ramp = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    >>> len(fingerprint_of(ramp)), fingerprint_of(ramp) == fingerprint_of(ramp // 2 + 60)
    (16, True)
    """
    reduced = cv2.resize(small, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    return f"{int(_packed(cv2.dct(reduced)[:FREQUENCIES, :FREQUENCIES] > 0)):016x}"


def orientations(fingerprint: str) -> Hashes:
    """Hashes of a picture's eight flips and right-angle rotations, the picture itself first: shape (8,).

    >>> rng = np.random.default_rng(3)
    >>> picture = cv2.GaussianBlur(rng.integers(0, 255, (64, 64), dtype=np.uint8), (0, 0), 4)
    >>> turned = int(fingerprint_of(np.ascontiguousarray(np.rot90(picture))), 16)
    >>> int(np.bitwise_count(orientations(fingerprint_of(picture)) ^ np.uint64(turned)).min())
    0
    """
    value = int(fingerprint, 16)
    bits = np.array([value >> place & 1 for place in range(FREQUENCIES**2)], dtype=bool)
    signs = bits.reshape(FREQUENCIES, FREQUENCIES)
    odd = np.arange(FREQUENCIES) % 2 == 1
    found = []
    for picture in (signs, signs.T):
        for flip_rows in (False, True):
            for flip_columns in (False, True):
                turned = picture ^ (odd[:, None] & flip_rows) ^ (odd[None, :] & flip_columns)
                found.append(_packed(turned))
    return np.array(found, dtype=np.uint64)


def _packed(signs: npt.NDArray[np.bool_]) -> np.uint64:
    bits = signs.ravel().copy()
    bits[0] = False  # the constant part says how bright the picture is
    return np.uint64(sum(1 << int(place) for place in np.flatnonzero(bits)))
