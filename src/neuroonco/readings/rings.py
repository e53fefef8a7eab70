"""Conservative evidence of what a lesion holds: means of its rings and sectors against the other half of the brain."""

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from neuroonco.readings.brain import disc
from neuroonco.readings.site import MIN_SIGNAL, Evidence, Floats, Site, log_ratio, smoothed
from neuroonco.vocabulary import MRSequence

RINGS = (0.0, 0.3, 0.6, 1.01)
"""Limits of core, middle and rim, as shares of the way from the deepest point to the outline."""
SECTORS = 8
EDGE_PX = 1.0
"""So much of the outline is mixed signal and left out."""
TOLERANCE = 0.12
"""A mean this share away from white matter is brighter or darker than it."""


def contralateral_white(site: Site) -> float | None:
    """Gray value of deep white matter on the other side; of all that lies far away where there are no two sides.

    Three tissues are told apart by their signal; which is white matter follows from the sequence. None where too
    little tissue is left.
    """
    view, lesion, sequence = site.view, site.on_slice(), site.sequence
    clear = cv2.dilate(lesion.astype(np.uint8), disc(0.06 * view.head_diameter_px)) == 0
    deep = clear & (view.depth_px > 0.1 * view.head_diameter_px)
    if view.side is not None:
        center = float(np.median(view.side[lesion]))
        if abs(center) > 0.03 * view.head_diameter_px:
            deep &= view.side * np.sign(center) < -0.03 * view.head_diameter_px
    if deep.sum() < 120:
        deep = clear & (view.depth_px > 0.05 * view.head_diameter_px)
    values = cv2.GaussianBlur(view.pixels, (0, 0), 1.2)[deep]
    if values.size < 120:
        return None
    centers, shares = _three_tissues(values)
    order = np.argsort(centers)
    if sequence in (MRSequence.T1, MRSequence.T1CE):
        ranked = order[::-1]
    elif sequence is MRSequence.FLAIR:
        ranked = np.array([order[1], order[2], order[0]])
    else:
        ranked = order
    # The first tissue of the order that is no small rest (vessels, a choroid plexus, partial volume).
    level = next((float(centers[i]) for i in ranked if shares[i] >= 0.2), float(centers[int(np.argmax(shares))]))
    return level if level >= MIN_SIGNAL else None


def _three_tissues(values: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Centres and shares of three clusters of values, started at fixed percentiles."""
    centers = np.percentile(values, [10, 50, 90]).astype(np.float64)
    nearest = np.zeros(values.size, np.int64)
    for _ in range(8):
        nearest = np.abs(values[:, None] - centers[None, :]).argmin(axis=1)
        for n in range(3):
            if (nearest == n).any():
                centers[n] = float(np.median(values[nearest == n]))
    return centers, np.bincount(nearest, minlength=3) / values.size


class Cells:
    """Means of the parts of a lesion by ring (core, middle, rim) and sector; NaN where a part has no pixel."""

    def __init__(self, site: Site) -> None:
        depth = -site.away_px
        deepest = float(depth.max())
        body = site.piece & (depth > min(EDGE_PX, 0.3 * deepest))
        ys, xs = np.nonzero(body)
        cy, cx = ndimage.center_of_mass(site.piece)
        turn = (np.arctan2(ys - cy, xs - cx) / (2 * np.pi) + 0.5) * SECTORS
        outward = 1 - depth[body] / deepest
        ring = np.digitize(outward, RINGS[1:-1])
        index = ring * SECTORS + np.minimum(turn.astype(np.int64), SECTORS - 1)
        size = (len(RINGS) - 1) * SECTORS
        self.values = site.pixels[body].astype(np.float64)
        self.index = index
        self.count = np.bincount(index, minlength=size).astype(np.float64)
        with np.errstate(invalid="ignore"):
            self.means = np.bincount(index, weights=self.values, minlength=size) / self.count
        self.ring_of_cell = np.repeat(np.arange(len(RINGS) - 1), SECTORS)

    def ring(self, n: int) -> Floats:
        """Means of one ring's sectors, as many as have pixels."""
        chosen: Floats = self.means[(self.ring_of_cell == n) & (self.count > 0)]
        return chosen

    def mean(self) -> float:
        """Mean of all pixels."""
        return float(self.values.mean())

    def share(self, chosen: npt.NDArray[np.bool_]) -> float:
        """Share of the pixels that lie in the chosen parts."""
        return float(self.count[chosen].sum() / max(1.0, self.count.sum()))


def texture_by_rings(site: Site) -> Evidence:
    """What of the signal inside is explained neither by depth nor by noise.

    Returns:
        ``ring_residual``: logarithm of the robust deviation from the rings' medians over the brain's level, noise
        taken off. ``ring_cells``: the same of the means of rings and sectors. ``ring_depth``: span of the rings'
        medians over the level. ``ring_noise``: logarithm of the robust deviation over the noise. ``ring_outliers``:
        share of pixels further than three such deviations from their ring.
    """
    names = ("residual", "cells", "depth", "noise", "outliers")
    depth = -site.away_px
    margin = max(1.5, 0.2 * float(depth.max()))
    body = site.piece & (depth > margin)
    if body.sum() < 25:
        return {f"ring_{name}": None for name in names}
    values = smoothed(site.pixels, 1.0)[body].astype(np.float64)
    level = np.minimum(((depth[body] - margin) / max(1e-6, float(depth.max()) - margin) * 4).astype(np.int64), 3)
    medians = np.array([np.median(values[level == n]) if (level == n).any() else np.nan for n in range(4)])
    rest = values - medians[level]
    noise = 0.29 * site.noise_sd  # what is left of white noise after the smoothing
    sd = 1.4826 * float(np.median(np.abs(rest)))
    ys, xs = np.nonzero(body)
    cy, cx = ndimage.center_of_mass(body)
    turn = ((np.arctan2(ys - cy, xs - cx) / (2 * np.pi) + 0.5) * SECTORS).astype(np.int64) % SECTORS
    index = (level // 2) * SECTORS + turn
    count = np.bincount(index, minlength=2 * SECTORS)
    with np.errstate(invalid="ignore"):
        means = (np.bincount(index, weights=rest, minlength=2 * SECTORS) / count)[count >= 4]
    cells = float(means.std()) if means.size >= 4 else 0.0
    found = (
        log_ratio(float(np.sqrt(max(0.0, sd * sd - noise * noise))), site.level, 0.005),
        log_ratio(cells, site.level, 0.005),
        float(np.nanmax(medians) - np.nanmin(medians)) / site.level,
        log_ratio(sd, site.noise_sd, 0.02),
        float((np.abs(rest) > 3 * max(sd, noise)).mean()),
    )
    return {f"ring_{name}": value for name, value in zip(names, found, strict=True)}


def surroundings(site: Site) -> float | None:
    """Gray value of the tissue around the lesion, a little way off: a reference that needs no tissue to be named."""
    around = site.brain & ~site.lesion & (site.away_px > 0.02 * site.head_px + 2)
    around &= site.away_px < 0.12 * site.head_px
    level = float(np.median(site.pixels[around])) if around.sum() >= 30 else 0.0
    return level if level >= MIN_SIGNAL else None


def signal_by_rings(site: Site) -> Evidence:
    """Rings and sectors against white matter of the other side, and against what surrounds the lesion.

    Returns:
        For each reference, ``side_…`` and ``next_…``: logarithm of the median part of core and of rim over it; share
        of the parts that are brighter and darker, and the smaller of the two; distance of the whole from it,
        either way. ``side_next``: logarithm of the surroundings over white matter.
    """
    cells = Cells(site)
    white, next_to = contralateral_white(site), surroundings(site)
    known = white is not None and next_to is not None
    return {
        **_signal(cells, white, "side"),
        **_signal(cells, next_to, "next"),
        "side_next": log_ratio(next_to or 1.0, white or 1.0) if known else None,
    }


def _signal(cells: Cells, reference: float | None, prefix: str) -> Evidence:
    names = ("core", "rim", "above", "below", "both", "off")
    if reference is None:
        return {f"{prefix}_{name}": None for name in names}
    known = cells.count > 0
    above = cells.share(known & (cells.means > (1 + TOLERANCE) * reference))
    below = cells.share(known & (cells.means < (1 - TOLERANCE) * reference))
    inner, rim = np.concatenate([cells.ring(0), cells.ring(1)]), cells.ring(2)
    found = (
        log_ratio(float(np.median(inner)), reference, 0.05) if inner.size else None,
        log_ratio(float(np.median(rim)), reference, 0.05) if rim.size else None,
        above,
        below,
        min(above, below),
        abs(log_ratio(cells.mean(), reference, 0.05)),
    )
    return {f"{prefix}_{name}": value for name, value in zip(names, found, strict=True)}


def enhancement_by_rings(site: Site) -> Evidence:
    """Where from rim to core, and on how many sides, the lesion is brighter than white matter.

    Returns:
        ``glow_core``, ``glow_rim``: logarithm of the ring's mean over white matter of the other side.
        ``glow_rim_all``: of its darkest quarter. ``glow_core_share``, ``glow_rim_share``: share of its sectors that
        are bright. ``glow_drop``: rim less core. ``glow_uneven``: spread among the rim's sectors. ``glow_next``:
        logarithm of the whole over its surroundings; ``glow_next_core``, ``glow_next_rim``: of the rings.
    """
    names = ("core", "rim", "rim_all", "core_share", "rim_share", "drop", "uneven", "next", "next_core", "next_rim")
    cells = Cells(site)
    white, next_to = contralateral_white(site), surroundings(site)
    core, rim = cells.ring(0), cells.ring(2)
    if white is None or core.size < 1 or rim.size < 4:
        return {f"glow_{name}": None for name in names}
    around = next_to or white
    found = (
        log_ratio(float(core.mean()), white, 0.05),
        log_ratio(float(rim.mean()), white, 0.05),
        log_ratio(float(np.percentile(rim, 25)), white, 0.05),
        float((core > (1 + TOLERANCE) * white).mean()),
        float((rim > (1 + TOLERANCE) * white).mean()),
        float(rim.mean() - core.mean()) / white,
        float(rim.std()) / white,
        log_ratio(cells.mean(), around, 0.05),
        log_ratio(float(core.mean()), around, 0.05),
        log_ratio(float(rim.mean()), around, 0.05),
    )
    return {f"glow_{name}": value for name, value in zip(names, found, strict=True)}
