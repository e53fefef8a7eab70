"""Contrast of a phantom: tissues, lesion and oedema as gray values, then shading and noise."""

import cv2
import numpy as np

from neuroonco.images import Gray, Mask
from neuroonco.phantoms.fields import SIDE_PX, Field, Values, distance_inside, edge, smooth_noise
from neuroonco.phantoms.head import Head, Tissue
from neuroonco.phantoms.lesion import Focus
from neuroonco.phantoms.plan import LesionPlan
from neuroonco.vocabulary import Edema, Enhancement, Margins, MRSequence, SignalIntensity, Texture

GRAY_VALUES: dict[MRSequence, dict[Tissue, float]] = {
    MRSequence.T1: {
        Tissue.SCALP: 190, Tissue.BONE: 22, Tissue.MARROW: 120, Tissue.MUSCLE: 85, Tissue.FLUID: 26,
        Tissue.GRAY: 90, Tissue.DEEP_GRAY: 104, Tissue.WHITE: 136, Tissue.VESSEL: 40, Tissue.CHOROID: 70,
        Tissue.MUCOSA: 80, Tissue.FAT: 205, Tissue.GLAND: 108,
    },
    MRSequence.T1CE: {
        Tissue.SCALP: 185, Tissue.BONE: 24, Tissue.MARROW: 122, Tissue.MUSCLE: 100, Tissue.FLUID: 26,
        Tissue.GRAY: 92, Tissue.DEEP_GRAY: 106, Tissue.WHITE: 128, Tissue.VESSEL: 235, Tissue.CHOROID: 205,
        Tissue.MUCOSA: 210, Tissue.FAT: 195, Tissue.GLAND: 190,
    },
    MRSequence.T2: {
        Tissue.SCALP: 135, Tissue.BONE: 14, Tissue.MARROW: 75, Tissue.MUSCLE: 48, Tissue.FLUID: 225,
        Tissue.GRAY: 122, Tissue.DEEP_GRAY: 102, Tissue.WHITE: 80, Tissue.VESSEL: 22, Tissue.CHOROID: 150,
        Tissue.MUCOSA: 190, Tissue.FAT: 150, Tissue.GLAND: 100,
    },
    MRSequence.FLAIR: {
        Tissue.SCALP: 120, Tissue.BONE: 16, Tissue.MARROW: 70, Tissue.MUSCLE: 60, Tissue.FLUID: 22,
        Tissue.GRAY: 126, Tissue.DEEP_GRAY: 112, Tissue.WHITE: 94, Tissue.VESSEL: 30, Tissue.CHOROID: 95,
        Tissue.MUCOSA: 140, Tissue.FAT: 135, Tissue.GLAND: 110,
    },
}  # fmt: skip
"""Gray value of each tissue: an order as in clinical images, not a simulation of relaxation times."""
TISSUE_GRAIN = 0.018
"""Unevenness of normal tissue, as a share of its gray value."""
EDEMA_FACTOR = 1.6
"""Oedema against white matter on T2 and FLAIR."""
BRIGHT = {MRSequence.T1: (1.5, 1.22), MRSequence.T2: (2.2, 1.75), MRSequence.FLAIR: (2.15, 1.75)}
"""Hyperintense lesions against white matter: their base, and the other part of a heterogeneous one."""
DARK = (0.5, 0.75)
"""Hypointense lesions, in the same way."""
ENHANCED = 1.7
"""Enhancing tissue against white matter."""
CAPSULE = 0.2
"""How much the faint outline of an isointense lesion differs from it."""
SIGNAL_MARGIN = 0.12
"""A pixel this share away from white matter is brighter or darker than it."""
MIXED_FROM = 0.3
"""Least share of brighter, and of darker, pixels in a mixed lesion."""
EDEMA_RATIOS = {Edema.MILD: (0.45, 0.7), Edema.EXTENSIVE: (1.3, 2.4)}
"""Area of the oedema over that of the lesion."""


def paint_head(head: Head, sequence: MRSequence, rng: np.random.Generator) -> Field:
    """Noise-free gray values of a head; tissue is never quite even."""
    values = GRAY_VALUES[sequence]
    image: Values = np.full((SIDE_PX, SIDE_PX), 3.0, dtype=np.float32)
    for tissue, coverage in head.layers:
        image += coverage * (np.float32(values[tissue]) - image)
    grain = smooth_noise(rng, 5) * np.float32(0.5) + smooth_noise(rng, 16)
    return np.asarray(image * (1 + np.float32(TISSUE_GRAIN) * grain), dtype=np.float32)


def spread_edema(kind: Edema, lesion: Mask, head: Head, rng: np.random.Generator) -> Mask | None:
    """Grow oedema from a lesion through the white matter, unevenly; gray matter resists."""
    if kind is Edema.ABSENT:
        return None
    low, high = EDEMA_RATIOS[kind]
    wanted = int(rng.uniform(low, high) * lesion.sum())
    away = distance_inside(~lesion)
    cost = away * (1 + 0.3 * np.tanh(smooth_noise(rng, 18)))
    cost = cost + np.where(head.white, 0, 5 if kind is Edema.EXTENSIVE else 2)
    cost[lesion | ~head.parenchyma] = 1e6
    limit = np.partition(cost, wanted, axis=None)[wanted]
    return np.asarray((cost < limit) & (cost < 1e6))


def patches(focus: Focus, share: float, rng: np.random.Generator) -> Field:
    """Coverage of patches that fill ``share`` of a focus, as much of its rim as of its core."""
    noise = smooth_noise(rng, max(4.0, focus.radius_px * 0.45))
    inside = focus.mask
    depth = focus.depth[inside]
    level: Field = np.empty_like(depth)
    order = np.argsort(depth, kind="stable")
    for part in np.array_split(order, 3):
        level[part] = np.quantile(noise[inside][part], 1 - share)
    field: Field = np.full_like(noise, float(level.mean()))
    field[inside] = level
    blurred = cv2.GaussianBlur(field, (0, 0), 1.0)
    return edge(noise - blurred, 0.22)


def focus_values(focus: Focus, plan: LesionPlan, sequence: MRSequence, rng: np.random.Generator) -> Field:
    """Signal of one focus as a multiple of that of white matter."""
    uneven = plan.texture is Texture.HETEROGENEOUS
    if plan.enhancement is Enhancement.RING:
        rim_px = max(2.6, 0.24 * focus.radius_px)
        hollow = 0.5 + 0.12 * patches(focus, 0.3, rng)
        inward = edge(focus.depth - np.float32(rim_px), 0.8)
        return np.asarray(1.75 + inward * (hollow - 1.75), dtype=np.float32)
    if plan.enhancement is Enhancement.PATCHY:
        return 0.75 + (ENHANCED - 0.75) * patches(focus, 0.42, rng)
    if plan.enhancement is Enhancement.SOLID:
        base, other = ENHANCED, 1.3
    elif plan.enhancement is Enhancement.ABSENT:
        base, other = 0.72, 0.42
    elif plan.signal_intensity is SignalIntensity.MIXED:
        # A little less of the bright part, because a blurred border between the two counts as bright.
        base, other = BRIGHT[sequence][0], DARK[0]
        return other + np.float32(base - other) * patches(focus, 0.46, rng)
    elif plan.signal_intensity is SignalIntensity.HYPERINTENSE:
        base, other = BRIGHT[sequence]
    elif plan.signal_intensity is SignalIntensity.HYPOINTENSE:
        base, other = DARK
    else:
        base, other = float(rng.uniform(0.98, 1.02)), 1.0
        if uneven:
            bright, dark = patches(focus, 0.2, rng), patches(focus, 0.2, rng)
            return np.asarray(base + 0.45 * bright - 0.4 * dark, dtype=np.float32)
    if not uneven:
        return np.full_like(focus.depth, base)
    return base + np.float32(other - base) * patches(focus, 0.4, rng)


def edge_width_px(margins: Margins, radius_px: float) -> float:
    """Sigma of the blending at the outline; the mask lies at half height either way."""
    return 0.6 if margins is Margins.WELL_CIRCUMSCRIBED else float(np.clip(0.2 * radius_px, 1.7, 5.5))


def paint_lesion(
    image: Field, foci: list[Focus], plan: LesionPlan, sequence: MRSequence, rng: np.random.Generator
) -> Field:
    """Blend the foci into noise-free gray values."""
    white = np.float32(GRAY_VALUES[sequence][Tissue.WHITE])
    blended: Values = image.copy()
    for focus in foci:
        width = edge_width_px(plan.margins, focus.radius_px)
        level = white * focus_values(focus, plan, sequence, rng)
        blended = blended + edge(focus.depth, width) * (level - blended)
        if plan.signal_intensity is SignalIntensity.ISOINTENSE:
            # Without a faint capsule an isointense lesion in white matter would not be there to see.
            tone = CAPSULE if sequence in (MRSequence.T2, MRSequence.FLAIR) else -CAPSULE
            line_px = 0.9 if plan.margins is Margins.WELL_CIRCUMSCRIBED else max(1.0, 0.5 * width)
            blended = blended * (1 + tone * 0.9 / line_px * np.exp(-0.5 * (focus.depth / line_px) ** 2))
    return np.asarray(blended, dtype=np.float32)


def core(foci: list[Focus], margins: Margins) -> Mask:
    """Pixels that consist of lesion for at least four fifths: where its signal is judged."""
    parts = [edge(f.depth, edge_width_px(margins, f.radius_px)) >= 0.8 for f in foci]
    return np.asarray(np.logical_or.reduce(parts))


def paint_edema(image: Field, edema: Mask, lesion: Mask, sequence: MRSequence) -> Field:
    """Brighten tissue where it is oedematous, and a little way under the lesion, whose edge may be blurred."""
    around = cv2.dilate(edema.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13)))
    wet = edema | (lesion & (around > 0))
    coverage = cv2.GaussianBlur(wet.astype(np.float32), (0, 0), 1.0)
    level = np.float32(GRAY_VALUES[sequence][Tissue.WHITE] * EDEMA_FACTOR)
    return np.asarray(image + coverage * (level - image), dtype=np.float32)


def signal_against(values: Values, white: float) -> SignalIntensity:
    """Judge the noise-free pixels of a lesion against the signal of normal white matter."""
    brighter = float((values > white * (1 + SIGNAL_MARGIN)).mean())
    darker = float((values < white * (1 - SIGNAL_MARGIN)).mean())
    if min(brighter, darker) > MIXED_FROM:
        return SignalIntensity.MIXED
    difference = float(values.mean()) / white - 1
    if abs(difference) <= SIGNAL_MARGIN:
        return SignalIntensity.ISOINTENSE
    return SignalIntensity.HYPERINTENSE if difference > 0 else SignalIntensity.HYPOINTENSE


def acquire(image: Field, rng: np.random.Generator) -> Gray:
    """Shade with a bias field, blur slightly, add Rician noise and store as 8 bit."""
    grid = np.linspace(-1, 1, SIDE_PX, dtype=np.float32)
    x, y = np.meshgrid(grid, grid)
    a, b, c = rng.uniform(-0.05, 0.05, 3).astype(np.float32)
    shaded = image * (1 + a * x + b * y + c * (x * x + y * y - 0.6))
    shaded = cv2.GaussianBlur(shaded, (0, 0), 0.55)
    sigma = rng.uniform(2.0, 4.0)
    real = shaded + sigma * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(image.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(np.hypot(real, imaginary)), 0, 255), dtype=np.uint8)
