"""Conservative evidence of a lesion: what the other half has not, or what stands out from its surroundings by an edge.

Nothing here depends on how bright a tissue is on a sequence: only on comparisons of places in one slice.
"""

import cv2
import numpy as np
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.readings.brain import View
from neuroonco.readings.candidates import SHAPE_FEATURES, Candidate, pieces_of, shape_features
from neuroonco.readings.evened import Evened
from neuroonco.readings.morphology import Pixels, blurred, disc
from neuroonco.readings.symmetry import Midline

LEVELS = (0.06, 0.1, 0.15, 0.21, 0.28, 0.37, 0.5, 0.7, 0.95)
"""Excesses, in units of the brain's median, at which pieces are cut."""
MOST = 18
"""So many pieces of each comparison are looked at."""
TOLERANCE = 0.022
"""Halves are never in register: a place is compared with all others within this share of the head's diameter."""
SURROUNDINGS = (0.05, 0.11)
"""Widths of the surroundings with which a place is compared, as shares of the head's diameter."""
MIRROR_FEATURES = ("mirror", "mirror_far", "mirror_share", "mirror_spread", "symmetry")
FEATURES = (*SHAPE_FEATURES, "contrast", "ring_worst", "ring_known", "edge", "closed", *MIRROR_FEATURES)
BEYOND = 0.012
"""Where the ring around a candidate begins, as a share of the head's diameter, and its width twice over."""


class Comparison:
    """The evened slice against its mirror image and its surroundings, done once for all candidates."""

    def __init__(self, view: View, even: Evened) -> None:
        self.view, self.even = view, even
        self.other: tuple[Pixels, Pixels, Pixels] | None = None
        self.both = even.inner
        if view.midline is not None:
            mirrored, inside = _mirror_of(view.midline, even)
            element = disc(TOLERANCE * view.head_diameter_px)
            self.both = even.inner & inside
            self.other = (
                mirrored,
                np.asarray(cv2.dilate(mirrored, element), np.float32),
                np.asarray(cv2.erode(mirrored, element), np.float32),
            )
        down, across = np.gradient(even.values)
        self.down: Pixels = np.asarray(down, np.float32)
        self.across: Pixels = np.asarray(across, np.float32)

    def candidates(self) -> list[Candidate]:
        """Places that exceed the other half, and places that exceed their surroundings, brighter and darker."""
        found: list[Candidate] = []
        values, inner = self.even.values, self.even.inner
        for bright in (True, False):
            sign = 1 if bright else -1
            if self.other is not None:
                excess = np.asarray(sign * (values - self.other[1 if bright else 2]), np.float32)
                # The tolerance eats the rim of what differs: what differs plainly from the exact mirror image is added.
                plain = np.asarray(sign * (values - self.other[0]), np.float32)
                reach = disc(1.2 * TOLERANCE * self.view.head_diameter_px)
                seen = np.asarray(cv2.dilate(excess, reach), np.float32)
                found += pieces_of(np.minimum(plain, seen), self.both, LEVELS, self.view, bright=bright, most=MOST)
            for width in SURROUNDINGS:
                usual = _surroundings(values, inner, width * self.view.head_diameter_px)
                excess = np.asarray(sign * (values - usual), np.float32)
                found += pieces_of(excess, inner, LEVELS, self.view, bright=bright, most=MOST)
        return found

    def features(self, candidate: Candidate) -> dict[str, float | None]:
        """Excess over the mirror image and over a ring around, and how steep and closed the edge is."""
        sign = 1.0 if candidate.bright else -1.0
        window, mask = candidate.window, candidate.mask
        values, inner = self.even.values[window], self.even.inner[window]
        unit = self.view.head_diameter_px
        near = np.asarray(ndimage.distance_transform_edt(~mask))
        ring = inner & (near > BEYOND * unit) & (near <= 3 * BEYOND * unit)
        here = float(values[mask].mean())
        found = shape_features(candidate, self.view, self.even.area_px, self.even.center)
        found["contrast"] = found["ring_worst"] = found["ring_known"] = None
        if ring.sum() >= 10:
            found["contrast"] = sign * (here - float(values[ring].mean()))
            found["ring_worst"] = sign * here - float(np.percentile(sign * values[ring], 85))
            around = (near > BEYOND * unit) & (near <= 3 * BEYOND * unit)
            found["ring_known"] = float(ring.sum() / around.sum())
        found.update(self._edge(candidate, near, sign))
        found.update(self._mirror(candidate, sign, here))
        return found

    def _edge(self, candidate: Candidate, near: Pixels, sign: float) -> dict[str, float | None]:
        """Steepness across the outline, and the share of the outline that has an edge."""
        inside = np.asarray(ndimage.distance_transform_edt(candidate.mask))
        away = np.asarray(near - inside, np.float64)
        normal = np.asarray(np.gradient(away))
        rim = (np.abs(away) < 1.6) & self.even.inner[candidate.window]
        if rim.sum() < 8:
            return {"edge": None, "closed": None}
        outwards = self.down[candidate.window][rim] * normal[0][rim]
        outwards += self.across[candidate.window][rim] * normal[1][rim]
        across = np.asarray(-sign * outwards, np.float64)
        return {"edge": float(across.mean()) * 10, "closed": float((across > 0.02).mean())}

    def _mirror(self, candidate: Candidate, sign: float, here: float) -> dict[str, float | None]:
        """What the mirror image of the place lacks; nothing is known where there is none or it lies on the midline."""
        if self.other is None:
            return dict.fromkeys(MIRROR_FEATURES)
        window, mask = candidate.window, candidate.mask & self.both[candidate.window]
        if mask.sum() < 0.3 * candidate.mask.sum():
            return dict.fromkeys(MIRROR_FEATURES)
        values, exact = self.even.values[window][mask], self.other[0][window][mask]
        far = self.other[1 if candidate.bright else 2][window][mask]
        return {
            "mirror": sign * (here - float(exact.mean())),
            "mirror_far": sign * float((values - far).mean()),
            "mirror_share": float((sign * (values - far) > 0.05).mean()),
            "mirror_spread": float(values.std() - exact.std()),
            "symmetry": self.view.symmetry,
        }


def _mirror_of(midline: Midline, even: Evened) -> tuple[Pixels, Mask]:
    """The evened slice reflected, and where the reflection shows brain."""
    values = midline.reflected(np.where(even.inner, even.values, 1).astype(np.float32))
    inside = midline.reflected(even.inner.astype(np.float32))
    return values, np.asarray(inside > 0.5)


def _surroundings(values: Pixels, inner: Mask, sigma_px: float) -> Pixels:
    """Mean of the brain around each pixel, wide enough to see past a lesion, extremes cut off."""
    cut = np.clip(values, 0.4, 1.8) * inner
    weight = np.maximum(blurred(inner.astype(np.float32), sigma_px), 0.05)
    return np.asarray(blurred(cut.astype(np.float32), sigma_px) / weight, np.float32)
