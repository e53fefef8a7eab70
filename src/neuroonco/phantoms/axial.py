"""Axial heads at three heights: through the ventricles, above them, and through the posterior fossa."""

import numpy as np

from neuroonco.images import Mask
from neuroonco.phantoms.fields import Field, edge, ellipse, mirrored, smooth_noise, tube
from neuroonco.phantoms.head import (
    Head,
    Layers,
    Site,
    Tissue,
    assemble,
    folia,
    frame,
    mantle,
    shell,
    vault,
)


def axial_supratentorial(rng: np.random.Generator, *, ventricles: bool) -> Head:
    """A slice through the ventricles and basal nuclei, or above them through the centrum semiovale."""
    at = frame(rng)
    x, y = at.x, at.y
    axes = (79.0, 101.0) if ventricles else (73.0, 93.0)
    cranium = vault(at, rng, axes)
    brain = cranium - np.float32(rng.uniform(2.0, 3.5))
    midline = np.abs(x + 1.2 * smooth_noise(rng, 40))
    fissures = 0.8 - midline
    open_middle = ellipse(x, y, (0, 0), (12, 38))
    inside: Layers = []
    sites: dict[Site, Mask] = {}
    if ventricles:
        fissures = np.minimum(fissures, -open_middle)
        sylvian = [
            (77.0, -24.0, 1.3),
            (64.0, -20.0, 1.0),
            (54.0, -13.0, 1.0),
            (49.0, -2.0, 0.9),
            (49.5, 12.0, 0.4),
        ]
        fissures = np.maximum(fissures, np.maximum(tube(x, y, sylvian), tube(x, y, mirrored(sylvian))))
        inside, wet = _deep_structures(x, y, rng)
        sites[Site.VENTRICLE] = (np.abs(wet) < 2.5) & (np.abs(x) < 34)
    folded = mantle(at, rng, brain, sulcus_px=17 if ventricles else 22, fissures=fissures.astype(np.float32))
    sinus = tube(x, y, [(0, axes[1] - 3, 3.6), (0.5, axes[1] - 2, 3.6)])
    front = tube(x, y, [(0, -axes[1] + 2.5, 2.0), (0.5, -axes[1] + 2, 2.0)])
    layers = [
        *shell(cranium, rng.uniform(5, 7), rng.uniform(4, 7)),
        (Tissue.FLUID, edge(cranium)),
        (Tissue.WHITE, edge(brain)),
        (Tissue.GRAY, folded.gray * edge(brain)),
        (Tissue.FLUID, folded.fluid * edge(cranium)),
        *inside,
        (Tissue.VESSEL, edge(np.maximum(sinus, front))),
    ]
    return assemble(layers, x, cranium, brain, sites)


def _deep_structures(x: Field, y: Field, rng: np.random.Generator) -> tuple[Layers, Field]:
    """Ventricles, basal nuclei and thalami; the signed distance to the ventricles."""
    w = float(rng.uniform(0.8, 1.25))
    k = float(rng.uniform(0.95, 1.05))
    horn = [
        (4.0, -6.0 * k, 1.8 * w),
        (6.0, -16.0 * k, 3.0 * w),
        (9.0, -26.0 * k, 3.8 * w),
        (14.5, -33.0 * k, 2.6 * w),
        (18.5, -35.0 * k, 1.0 * w),
    ]
    atrium = [
        (14.0, 24.0 * k, 1.6 * w),
        (20.0, 29.0 * k, 3.6 * w),
        (25.0, 37.0 * k, 4.4 * w),
        (26.0, 47.0 * k, 2.8 * w),
        (23.0, 56.0 * k, 1.0 * w),
    ]
    third = [(0.0, 2.0, 1.0 * w), (0.0, 16.0, 1.5 * w)]
    wet = tube(x, y, third)
    for points in (horn, atrium):
        wet = np.maximum(wet, np.maximum(tube(x, y, points), tube(x, y, mirrored(points))))
    wobble = smooth_noise(rng, 12) * np.float32(0.5)
    gray = np.full_like(x, -1e6)
    for side in (-1.0, 1.0):
        gray = np.maximum(gray, ellipse(x, y, (side * 11, 11), (9.5, 15), side * 0.35))
        gray = np.maximum(gray, ellipse(x, y, (side * 29, -7), (7.5, 17), side * -0.25))
        gray = np.maximum(gray, ellipse(x, y, (side * 16, -22), (5, 11), side * 0.45))
    gray = gray + wobble
    plexus = np.full_like(x, -1e6)
    for side in (-1.0, 1.0):
        plexus = np.maximum(plexus, ellipse(x, y, (side * 22, 34 * k), (2.6 * w, 4.5 * w), side * -0.6))
    layers: Layers = [
        (Tissue.DEEP_GRAY, edge(gray, 1.2)),
        (Tissue.FLUID, edge(wet)),
        (Tissue.CHOROID, edge(np.minimum(plexus, wet - 0.5))),
    ]
    return layers, wet


def axial_fossa(rng: np.random.Generator) -> Head:
    """A slice through temporal lobes, sella, brain stem and cerebellum."""
    at = frame(rng)
    x, y = at.x, at.y
    cranium = vault(at, rng, (78.0, 97.0))
    # The petrous bones and the sphenoid wings cut the space into three fossae.
    petrous = [(72.0, 36.0, 5.0), (46.0, 22.0, 5.0), (24.0, 10.0, 2.5)]
    wing = [(74.0, -40.0, 4.0), (44.0, -34.0, 2.5), (16.0, -26.0, 2.0)]
    bars = np.maximum.reduce(
        [tube(x, y, petrous), tube(x, y, mirrored(petrous)), tube(x, y, wing), tube(x, y, mirrored(wing))]
    )
    bars = bars + smooth_noise(rng, 14) * np.float32(0.8)
    cistern = np.maximum(ellipse(x, y, (0, -8), (15, 13)), ellipse(x, y, (0, -22), (9, 9)))
    pons = ellipse(x, y, (0, 21), (18, 16))
    fourth = ellipse(x, y, (0, 39.5), (8.5, 4.5)) + smooth_noise(rng, 8) * np.float32(0.3)
    behind = np.maximum(ellipse(x, y, (0, 62), (60, 36)), pons)
    cerebrum = np.minimum.reduce([cranium - 3, -bars - 2.5, -cistern])
    gap = np.where(y < -28, np.abs(x) - 1.2, 1e6)
    cerebrum = np.minimum(cerebrum, gap)
    hind = np.minimum.reduce([cranium - 3, -bars - 2, behind])
    tentorium = (y > 22 + 0.12 * np.abs(x)) | (hind > 0)
    cerebrum = np.asarray(np.where(tentorium, np.minimum(cerebrum, -np.abs(hind)), cerebrum), np.float32)
    folded = mantle(at, rng, cerebrum, sulcus_px=12)
    vermis = ellipse(x, y, (0, 62), (7, 20))
    artery = ellipse(x, y, (0.5, 2.5), (2.4, 2.4))
    sinus = np.maximum.reduce(
        [
            tube(x, y, [(0, 95, 3.5), (0.5, 94, 3.5)]),
            tube(x, y, [(62.0, 56.0, 3.2), (66.0, 48.0, 3.2)]),
            tube(x, y, [(-62.0, 56.0, 3.2), (-66.0, 48.0, 3.2)]),
            tube(x, y, [(13.0, -12.0, 3.0), (13.5, -4.0, 3.0)]),
            tube(x, y, [(-13.0, -12.0, 3.0), (-13.5, -4.0, 3.0)]),
        ]
    )
    gland = ellipse(x, y, (0, -12), (6.5, 5))
    whole = np.maximum(cerebrum, hind)
    layers = [
        *shell(cranium, rng.uniform(5, 7), rng.uniform(5, 8)),
        (Tissue.FLUID, edge(cranium)),
        (Tissue.WHITE, edge(whole)),
        (Tissue.GRAY, folded.gray * edge(cerebrum)),
        *folia(y + 0.25 * np.abs(x), np.minimum(hind, -pons - 2), 12.0, rng),
        (Tissue.GRAY, edge(vermis, 2.0) * np.float32(0.8) * edge(hind)),
        (Tissue.FLUID, folded.fluid * edge(cerebrum)),
        (Tissue.FLUID, edge(fourth)),
        (Tissue.BONE, edge(bars) * edge(cranium)),
        (Tissue.GLAND, edge(gland)),
        (Tissue.VESSEL, edge(np.maximum(sinus, artery))),
    ]
    sites: dict[Site, Mask] = {
        Site.SELLA: ellipse(x, y, (0, -12), (5, 5)) > 0,
        Site.ANGLE: np.hypot(np.abs(x) - 30, y - 27) < 4,
        Site.VERMIS: ellipse(x, y, (0, 54), (6, 8)) > 0,
        Site.VENTRICLE: np.abs(fourth) < 3,
    }
    return assemble(layers, x, cranium, cerebrum, sites)
