"""Coronal heads at three depths: through the sella, the pons and the cerebellum."""

from enum import Enum, auto

import numpy as np

from neuroonco.images import Mask
from neuroonco.phantoms.fields import Field, edge, ellipse, mirrored, smooth_noise, tube
from neuroonco.phantoms.head import Head, Layers, Site, Tissue, assemble, folia, frame, mantle, vault


class Coronal(Enum):
    """Which coronal slice."""

    SELLAR = auto()
    PONTINE = auto()
    CEREBELLAR = auto()


def coronal(rng: np.random.Generator, level: Coronal) -> Head:
    """A coronal slice; the top of the image is the top of the head."""
    at = frame(rng)
    x, y = at.x, at.y
    middle = at.about(0, -12)
    dome = vault(middle, rng, (79.0, 84.0))
    back = level is Coronal.CEREBELLAR
    floor = np.float32(66 if back else 46) - y - np.float32(0.06 if back else 0.0) * np.abs(x)
    floor = floor + smooth_noise(rng, 24) * np.float32(1.2)
    cranium = np.minimum(dome, floor)
    if level is Coronal.PONTINE:
        cranium = np.maximum(cranium, tube(x, y, [(0, 40, 17), (0, 62, 14), (0, 130, 10)]))
    elif level is Coronal.SELLAR:
        cranium = np.maximum(cranium, ellipse(x, y, (0, 42), (21, 9)))
    sites: dict[Site, Mask] = {}
    cistern = ellipse(x, y, (0, 34), (21, 13))
    tentorium = np.float32(20) + np.float32(0.16) * np.abs(x) - y
    cerebrum = np.minimum(np.minimum(dome, floor) - 3, tentorium - 1.5 if back else -cistern)
    sylvian = [(77.0, 2.0, 1.3), (62.0, 0.0, 1.0), (50.0, -4.0, 1.0), (46.0, -14.0, 0.5)]
    center_line = 0.8 - np.abs(x + 1.2 * smooth_noise(rng, 40))
    if back:
        fissures = center_line
    else:
        fissures = np.minimum(center_line, -ellipse(x, y, (0, 8), (14, 41)))
        fissures = np.maximum(fissures, np.maximum(tube(x, y, sylvian), tube(x, y, mirrored(sylvian))))
    folded = mantle(middle, rng, cerebrum, sulcus_px=17, fissures=fissures.astype(np.float32))
    inside, wet = _ventricles(x, y, rng, back)
    if back:
        low, lobe = _cerebellum(x, y, np.minimum(dome, floor) - 3, tentorium, rng)
        sites[Site.VERMIS] = ellipse(x, y, (0, 42), (6, 7)) > 0
        sites[Site.VENTRICLE] = np.abs(wet) < 2.5
    elif level is Coronal.PONTINE:
        pons = np.maximum(ellipse(x, y, (0, 36), (16, 16)), tube(x, y, [(0, 46, 9), (0, 130, 6)]))
        low, lobe = [(Tissue.WHITE, edge(pons, 1.0) * np.float32(0.9))], pons
        sites[Site.ANGLE] = np.hypot(np.abs(x) - 21, y - 37) < 4
        sites[Site.VENTRICLE] = np.abs(wet) < 2.5
    else:
        low, lobe = _sella(x, y), np.full_like(x, -1e6)
        sites[Site.SELLA] = ellipse(x, y, (0, 44), (5, 4)) > 0
        sites[Site.VENTRICLE] = np.abs(wet) < 2.5
    layers: Layers = [
        *_outer_head(x, y, dome, cranium, rng),
        (Tissue.FLUID, edge(cranium)),
        (Tissue.WHITE, edge(cerebrum)),
        (Tissue.GRAY, folded.gray * edge(cerebrum)),
        (Tissue.FLUID, folded.fluid * edge(np.minimum(dome, floor)) * edge(-lobe)),
        *inside,
        *low,
        (Tissue.VESSEL, edge(tube(x, y, [(0, -93.5, 3.4), (0.5, -93, 3.4)]))),
    ]
    return assemble(layers, x, np.minimum(cranium, 74 - y), cerebrum, sites)


def _outer_head(x: Field, y: Field, dome: Field, cranium: Field, rng: np.random.Generator) -> Layers:
    """Scalp, muscles of the neck, and skull; the skull is thicker at its base."""
    skull, scalp = rng.uniform(5, 7), rng.uniform(5, 7)
    neck = tube(x, y, [(0, 20, 70), (0, 150, 62)])
    outer = np.maximum(dome + np.float32(skull + scalp), np.minimum(neck, y - 10))
    flesh = np.minimum(outer - np.float32(scalp), (y - 24) / 3)
    strands = np.abs(smooth_noise(rng, 9))
    return [
        (Tissue.SCALP, edge(outer, 0.8)),
        (Tissue.MUSCLE, edge(flesh, 1.0)),
        (Tissue.FAT, edge(np.minimum(0.16 - strands, 1.0) * 8, 0.6) * edge(flesh - 3) * np.float32(0.35)),
        (Tissue.BONE, edge(cranium + np.float32(skull), 0.8)),
    ]


def _ventricles(x: Field, y: Field, rng: np.random.Generator, back: bool) -> tuple[Layers, Field]:
    """Ventricles and basal nuclei, and the signed distance to the ventricles."""
    w = float(rng.uniform(0.8, 1.3))
    if back:
        horn = [(19.0, -14.0, 2.0 * w), (23.0, -6.0, 4.2 * w), (27.0, 2.0, 2.4 * w)]
        wet = np.maximum(tube(x, y, horn), tube(x, y, mirrored(horn)))
        plexus = np.maximum(ellipse(x, y, (23, -5), (2.5 * w, 4 * w)), ellipse(x, y, (-23, -5), (2.5 * w, 4 * w)))
        return [(Tissue.FLUID, edge(wet)), (Tissue.CHOROID, edge(np.minimum(plexus, wet - 0.5)))], wet
    horn = [(3.0, -19.0, 1.6 * w), (8.0, -25.0, 3.6 * w), (15.0, -28.0, 2.8 * w), (20.0, -27.0, 1.0 * w)]
    temporal = [(31.0, 22.0, 1.2), (36.0, 24.0, 1.8 * w)]
    wet = tube(x, y, [(0.0, -12.0, 1.0 * w), (0.0, 12.0, 1.7 * w)])
    for points in (horn, temporal):
        wet = np.maximum(wet, np.maximum(tube(x, y, points), tube(x, y, mirrored(points))))
    gray = np.full_like(x, -1e6)
    for side in (-1.0, 1.0):
        gray = np.maximum(gray, ellipse(x, y, (side * 11, -2), (8.5, 11), side * 0.2))
        gray = np.maximum(gray, ellipse(x, y, (side * 29, -3), (8, 14), side * -0.3))
        gray = np.maximum(gray, ellipse(x, y, (side * 20, -21), (4.5, 7), side * -0.5))
    gray = gray + smooth_noise(rng, 12) * np.float32(0.5)
    return [(Tissue.DEEP_GRAY, edge(gray, 1.2)), (Tissue.FLUID, edge(wet))], wet


def _cerebellum(x: Field, y: Field, room: Field, tentorium: Field, rng: np.random.Generator) -> tuple[Layers, Field]:
    """Two hemispheres and the vermis below the tentorium."""
    lobe = np.minimum.reduce([room, -tentorium - 1.5, ellipse(x, y, (0, 42), (57, 27))])
    bend = y - 0.12 * np.abs(x)
    vermis = edge(ellipse(x, y, (0, 42), (7, 18)), 2.0) * np.float32(0.8)
    layers: Layers = [
        (Tissue.WHITE, edge(lobe)),
        *folia(bend, lobe, 9.0, rng),
        (Tissue.GRAY, vermis * edge(lobe)),
        (Tissue.VESSEL, edge(tube(x, y, [(-52, 29, 2.5), (-38, 26, 2.2)]))),
        (Tissue.VESSEL, edge(tube(x, y, [(52, 29, 2.5), (38, 26, 2.2)]))),
    ]
    return layers, lobe


def _sella(x: Field, y: Field) -> Layers:
    """Pituitary gland between the cavernous sinuses, above the sphenoid sinus."""
    sphenoid = np.maximum(ellipse(x, y, (-9, 62), (8, 7)), ellipse(x, y, (9, 62), (8, 7)))
    veins = np.maximum(ellipse(x, y, (-13, 45), (4.5, 6)), ellipse(x, y, (13, 45), (4.5, 6)))
    body = np.minimum.reduce([y - 47, 24 - np.abs(x), 76 - y])
    return [
        (Tissue.BONE, edge(body, 1.5)),
        (Tissue.MUCOSA, edge(sphenoid + 0.8)),
        (Tissue.BONE, edge(sphenoid)),
        (Tissue.GLAND, edge(ellipse(x, y, (0, 44), (7.5, 4.5)))),
        (Tissue.GLAND, edge(tube(x, y, [(0, 34, 0.8), (0, 42, 1.0)]))),
        (Tissue.VESSEL, edge(veins)),
    ]
