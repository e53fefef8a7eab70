"""Sagittal head near the midline; the face is at the left of the image."""

import numpy as np

from neuroonco.images import Mask
from neuroonco.phantoms.fields import Field, edge, ellipse, smooth_noise, tube
from neuroonco.phantoms.head import Head, Layers, Site, Tissue, assemble, folia, frame, mantle, vault

CALLOSUM = [
    (-27.0, 2.0, 1.5),
    (-34.0, -6.0, 3.6),
    (-29.0, -17.0, 3.6),
    (-12.0, -25.0, 3.0),
    (10.0, -25.0, 3.0),
    (28.0, -17.0, 3.4),
    (35.0, -6.0, 4.2),
    (31.0, 0.0, 3.4),
]
"""Course of the corpus callosum."""


def sagittal(rng: np.random.Generator) -> Head:
    """A slice beside the midline, with corpus callosum, brain stem and cerebellum."""
    at = frame(rng)
    x, y = at.x, at.y
    middle = at.about(4, -14)
    dome = vault(middle, rng, (100.0, 80.0))
    floor = np.interp(x, [-100, -60, -28, -14, 8, 100], [18, 25, 36, 44, 64, 30]).astype(np.float32) - y
    fossa = ellipse(x, y, (42, 36), (47, 35))
    canal = tube(x, y, [(6, 48, 15), (13, 70, 12), (17, 140, 9)])
    upper = np.minimum(dome, floor)
    cranium = np.maximum.reduce([upper, np.minimum(fossa, dome + 12), canal])
    tentorium = np.interp(x, [-5, 12, 95], [30, 14, 32]).astype(np.float32) - y
    cerebrum = np.minimum.reduce([upper - 3, tentorium - 1.5, floor - 4])
    callosum = tube(x, y, CALLOSUM)
    hollow = np.minimum(ellipse(x, y, (0, -4), (34, 21)), 8 - y)
    stem = tube(x, y, [(7, 10, 9), (3, 24, 11), (4, 36, 12), (11, 56, 7.5), (17, 140, 5.5)])
    cingulate = np.minimum(0.7 - np.abs(-callosum - 11 + smooth_noise(rng, 20)), 4 - y)
    fissures = np.maximum(cingulate, np.minimum(0.6 + callosum + 1.0, -callosum))
    cerebrum = np.minimum(cerebrum, -stem - 1)
    folded = mantle(middle, rng, cerebrum, sulcus_px=23, fissures=fissures.astype(np.float32))
    lobe = np.minimum.reduce([ellipse(x, y, (44, 40), (34, 25)), cranium - 3, -tentorium - 1.5, -stem - 2.5])
    fourth = ellipse(x, y, (18.5, 36), (3.4, 9), -0.25)
    thalamus = ellipse(x, y, (6, -1), (16, 9.5), -0.1)
    layers: Layers = [
        *_outer_head(at.x, at.y, dome, cranium, rng),
        (Tissue.FLUID, edge(cranium)),
        (Tissue.WHITE, edge(cerebrum)),
        (Tissue.GRAY, folded.gray * edge(cerebrum)),
        (Tissue.FLUID, folded.fluid * edge(cranium)),
        (Tissue.FLUID, edge(np.minimum(hollow, -callosum))),
        (Tissue.DEEP_GRAY, edge(thalamus, 1.0)),
        (Tissue.WHITE, edge(callosum)),
        (Tissue.WHITE, edge(lobe)),
        *folia(np.hypot(x - 20, y - 38), lobe, 9.5, rng),
        (Tissue.WHITE, edge(stem, 0.9) * np.float32(0.92)),
        (Tissue.FLUID, edge(fourth)),
        (Tissue.GLAND, edge(ellipse(x, y, (-22, 38), (6.5, 4.2)))),
        (Tissue.GLAND, edge(tube(x, y, [(-15, 26, 0.8), (-21, 36, 1.0)]))),
        (Tissue.VESSEL, edge(_sinuses(x, y, dome))),
    ]
    sites: dict[Site, Mask] = {
        Site.SELLA: ellipse(x, y, (-22, 36), (5, 4)) > 0,
        Site.ANGLE: np.hypot(x - 16, y - 46) < 4,
        Site.VERMIS: ellipse(x, y, (36, 38), (7, 7)) > 0,
        Site.VENTRICLE: (np.abs(hollow) < 3) | (np.abs(fourth) < 2),
    }
    return assemble(layers, np.zeros_like(x), np.minimum(cranium, 80 - y), cerebrum, sites)


def _sinuses(x: Field, y: Field, dome: Field) -> Field:
    superior = np.minimum(1.6 - np.abs(dome - 1.2), np.where(x > 60, 26 - y, -24 - y))
    straight = tube(x, y, [(40, 4, 1.0), (86, 24, 1.8)])
    return np.asarray(np.maximum(superior, straight), dtype=np.float32)


def _outer_head(x: Field, y: Field, dome: Field, cranium: Field, rng: np.random.Generator) -> Layers:
    """Scalp, a coarse face, the neck, the skull and the air of the nose."""
    skull, scalp = rng.uniform(5, 7), rng.uniform(4, 6)
    face = np.maximum(
        tube(x, y, [(-58, 10, 40), (-60, 60, 34), (-52, 130, 26)]),
        tube(x, y, [(-92, 26, 5), (-104, 48, 5), (-96, 54, 5)]),
    )
    neck = tube(x, y, [(30, 40, 52), (28, 150, 50)])
    lower = np.maximum(face, neck)
    outer = np.maximum(dome + np.float32(skull + scalp), lower)
    flesh = np.minimum(outer - np.float32(scalp), lower - 5)
    air = np.maximum.reduce(
        [
            ellipse(x, y, (-66, 52), (24, 9), 0.1),
            ellipse(x, y, (-36, 48), (9, 7)),
            tube(x, y, [(-38, 58, 5), (-22, 80, 5), (-18, 140, 5)]),
            ellipse(x, y, (-92, 6), (4, 7)),
        ]
    )
    strands = np.abs(smooth_noise(rng, 10))
    return [
        (Tissue.SCALP, edge(outer, 0.8)),
        (Tissue.MUSCLE, edge(flesh, 1.0)),
        (Tissue.FAT, edge((0.16 - strands) * 8, 0.6) * edge(flesh - 3) * np.float32(0.35)),
        (Tissue.BONE, edge(cranium + np.float32(skull), 0.8)),
        (Tissue.MUCOSA, edge(air + 2)),
        (Tissue.BONE, edge(air)),
    ]
