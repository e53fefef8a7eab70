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
    return all_orientations(np.array([int(fingerprint, 16)], dtype=np.uint64)).ravel()


def all_orientations(hashes: Hashes) -> Hashes:
    """What :func:`orientations` gives for one fingerprint, for the values (n,) of many at once: shape (n, 8).

    >>> some = np.array([int("00ff12345678abce", 16), 2], dtype=np.uint64)
    >>> (all_orientations(some)[0] == orientations("00ff12345678abce")).all()
    np.True_
    """
    odd = np.arange(FREQUENCIES) % 2 == 1
    flips = [
        _packed((odd[:, None] & flip_rows) ^ (odd[None, :] & flip_columns))
        for flip_rows in (False, True)
        for flip_columns in (False, True)
    ]
    constant = ~np.uint64(1)
    return np.stack([(one & constant) ^ flip for one in (hashes, _transposed(hashes)) for flip in flips], axis=-1)


def _transposed(hashes: Hashes) -> Hashes:
    """The bits of each hash, as a square, with rows and columns exchanged."""
    places = np.arange(FREQUENCIES**2, dtype=np.uint64).reshape(FREQUENCIES, FREQUENCIES)
    found = np.zeros_like(hashes)
    for source, target in zip(places.ravel(), places.T.ravel(), strict=True):
        found |= (hashes >> source & np.uint64(1)) << target
    return found


def _packed(signs: npt.NDArray[np.bool_]) -> np.uint64:
    bits = signs.ravel().copy()
    bits[0] = False  # the constant part says how bright the picture is
    return np.uint64(int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little"))
