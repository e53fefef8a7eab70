"""Gray values of lesions: cuts through uneven bodies, as multiples of the signal of normal white matter."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import expit

from neuroonco.phantoms.fields import SIDE_PX, Field, Values, edge, smooth_noise
from neuroonco.phantoms.lesion import Focus
from neuroonco.phantoms.plan import LesionPlan
from neuroonco.vocabulary import Enhancement, Margins, MRSequence, PhantomStyle, SignalIntensity, Texture

BRIGHT = {MRSequence.T1: (1.42, 1.22), MRSequence.T2: (2.1, 1.72), MRSequence.FLAIR: (2.0, 1.62)}
"""Hyperintense lesions against white matter: their base, and the other part of a heterogeneous one."""
DARK = (0.52, 0.78)
"""Hypointense lesions, in the same way."""
SOLID = (1.72, 1.36)
"""Solid enhancement, in the same way."""
UNENHANCED = (0.58, 0.36)
"""Lesions without enhancement on T1 with contrast, in the same way."""
SLOPE = 0.07
"""How much the contrast changes from the middle to one side."""
JITTER = 0.14
"""How far the contrast of two lesions of one kind may lie from the middle, as a share of it."""
GRAIN = 0.026
"""Unevenness of a homogeneous lesion, a little more than that of normal tissue."""
DOME = 0.07
"""How much weaker the signal is at the outline than in the middle: there the slice holds less of the body."""
SOFTNESS = {PhantomStyle.TUNED: 0.42, PhantomStyle.HELD_OUT: 0.34}
"""Width of the border between two parts of a lesion, in standard deviations of the noise that divides them."""
CAPSULE, FAINT_CAPSULE = 0.2, 0.09
"""How much the outline of an isointense lesion differs from it; the faint one where it is hard on purpose."""
SLAB_PX = 2.6
"""Thickness of the slice: a surface that leaves the body at a slant is blurred over part of it."""


@dataclass(frozen=True)
class Brush:
    """What a lesion is painted with.

    Attributes:
        plan: its signs.
        sequence, style: of the slice.
        white: gray value of normal white matter.
        faint: isointense on purpose, with as little outline as can be seen.
    """

    plan: LesionPlan
    sequence: MRSequence
    style: PhantomStyle
    white: float
    faint: bool


def body_noise(radius_px: float, style: PhantomStyle, rng: np.random.Generator, side_px: int = SIDE_PX) -> Field:
    """Standard-normal unevenness inside a lesion of that radius.

    Tuned: three octaves that halve, a cloud. Held out: creases of one width, a mesh; another spectrum.
    """
    if style is PhantomStyle.HELD_OUT:
        width_px = max(3.5, 0.42 * radius_px)
        crease = np.abs(smooth_noise(rng, width_px, side_px)) + 0.3 * np.abs(smooth_noise(rng, 0.5 * width_px, side_px))
        noise = np.sqrt(crease)
    else:
        scales_px = [max(2.5, share * radius_px) for share in (0.62, 0.31, 0.16)]
        noise = sum(
            (w * smooth_noise(rng, s, side_px) for w, s in zip((1.0, 0.55, 0.3), scales_px, strict=True)),
            start=np.zeros((side_px, side_px), dtype=np.float32),
        )
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def parts(focus: Focus, share: float, style: PhantomStyle, rng: np.random.Generator) -> Field:
    """Coverage of a soft-edged part that fills ``share`` of a focus, as much of its rim as of its core."""
    noise = body_noise(focus.radius_px, style, rng)
    inside = focus.mask
    depth, values = focus.depth[inside], noise[inside]
    level: Field = np.empty_like(depth)
    for third in np.array_split(np.argsort(depth, kind="stable"), 3):
        level[third] = np.quantile(values[third], 1 - share)
    field: Field = np.full_like(noise, float(level.mean()))
    field[inside] = level
    smooth = cv2.GaussianBlur(field, (0, 0), 1.5)
    # The held-out mesh is split at its creases, which are thin: a soft border would close them.
    return np.asarray(expit((noise - smooth) / SOFTNESS[style] * 1.7), dtype=np.float32)


def edge_width_px(focus: Focus, margins: Margins, rng: np.random.Generator) -> Field:
    """Sigma of the blending at each place of the outline; the mask lies at half height either way.

    The slice cuts the body off its middle, so that one side is steeper than the other.
    """
    if margins is Margins.WELL_CIRCUMSCRIBED:
        base_px, uneven = 0.7, 0.15
    else:
        base_px, uneven = float(np.clip(0.2 * focus.radius_px, 1.7, 5.5)), 0.3
    off_center, towards = rng.uniform(0, 0.55), rng.uniform(0, 2 * np.pi)
    grid = np.arange(SIDE_PX, dtype=np.float32)
    x, y = np.meshgrid(grid - np.float32(focus.center[0]), grid - np.float32(focus.center[1]))
    slant = off_center * (1 + 0.7 * np.cos(np.arctan2(y, x) - np.float32(towards)))
    slab_px = SLAB_PX / np.sqrt(12) * slant / np.sqrt(1 - off_center**2)
    rough = 1 + uneven * np.clip(smooth_noise(rng, max(4.0, 0.5 * focus.radius_px)), -2, 2)
    return np.asarray(np.hypot(base_px * rough, slab_px), dtype=np.float32)


def focus_values(focus: Focus, brush: Brush, rng: np.random.Generator) -> Field:
    """Signal of one focus as a multiple of that of white matter."""
    grain = np.float32(GRAIN) * body_noise(focus.radius_px, brush.style, rng)
    deep = np.clip(focus.depth / np.float32(0.6 * focus.radius_px), 0, 1)
    values = _signal(focus, brush, rng)
    values = 1 + (values - 1) * (1 - np.float32(2 * DOME) * (1 - deep) ** 2) * _slope(focus, rng)
    return np.asarray(values + (1 + values) / 2 * grain, dtype=np.float32)


def _slope(focus: Focus, rng: np.random.Generator) -> Field:
    """Contrast that rises a little from one side of a focus to the other."""
    towards = rng.uniform(0, 2 * np.pi)
    grid = np.arange(SIDE_PX, dtype=np.float32)
    along = np.cos(towards) * (grid[None, :] - focus.center[0]) + np.sin(towards) * (grid[:, None] - focus.center[1])
    return np.asarray(1 + SLOPE * np.clip(along / focus.radius_px, -1.5, 1.5), dtype=np.float32)


def _signal(focus: Focus, brush: Brush, rng: np.random.Generator) -> Values:
    plan = brush.plan
    if plan.enhancement is Enhancement.RING:
        return _ring(focus, brush.style, rng)
    if plan.enhancement is Enhancement.PATCHY:
        dark, bright = rng.uniform(0.72, 0.85), rng.uniform(1.6, 1.8)
        return dark + (bright - dark) * parts(focus, float(rng.uniform(0.36, 0.5)), brush.style, rng)
    if plan.enhancement is None and plan.signal_intensity is SignalIntensity.MIXED:
        # A little less of the bright part, because a blurred border between the two counts as bright.
        bright, dark = BRIGHT[brush.sequence][0], DARK[0]
        return dark + np.float32(bright - dark) * parts(focus, 0.46, brush.style, rng)
    uneven = plan.texture is Texture.HETEROGENEOUS
    base, other = (1 + (level - 1) * rng.uniform(1 - JITTER, 1 + JITTER) for level in _levels(brush))
    if plan.signal_intensity is SignalIntensity.ISOINTENSE and uneven:
        brighter, darker = parts(focus, 0.22, brush.style, rng), parts(focus, 0.22, brush.style, rng)
        return base + np.float32(0.42) * brighter - np.float32(0.38) * darker
    if not uneven:
        return np.full_like(focus.depth, base)
    return base + np.float32(other - base) * parts(focus, 0.4, brush.style, rng)


def _levels(brush: Brush) -> tuple[float, float]:
    """Base and other part of a lesion that is not mixed, ring or patchy."""
    plan = brush.plan
    if plan.enhancement is Enhancement.SOLID:
        return SOLID
    if plan.enhancement is Enhancement.ABSENT:
        return (0.95, 0.6) if brush.faint else UNENHANCED
    if plan.signal_intensity is SignalIntensity.HYPERINTENSE:
        return BRIGHT[brush.sequence]
    return DARK if plan.signal_intensity is SignalIntensity.HYPOINTENSE else (1.0, 1.0)


def _ring(focus: Focus, style: PhantomStyle, rng: np.random.Generator) -> Values:
    """A wall of uneven thickness around a core that is dark but not empty."""
    wall = 1 + 0.28 * np.clip(smooth_noise(rng, max(5.0, 0.9 * focus.radius_px)), -1.6, 1.8)
    wall_px = np.maximum(2.2, rng.uniform(0.2, 0.3) * focus.radius_px * wall)
    core = rng.uniform(0.42, 0.6) + 0.14 * parts(focus, 0.35, style, rng)
    bright = rng.uniform(1.65, 1.85) * (1 + 0.06 * smooth_noise(rng, max(4.0, 0.4 * focus.radius_px)))
    inward = edge(focus.depth - wall_px, max(0.8, 0.05 * focus.radius_px))
    return np.asarray(bright + inward * (core - bright), dtype=np.float32)


def paint_lesion(image: Field, foci: list[Focus], brush: Brush, rng: np.random.Generator) -> tuple[Field, Field]:
    """Blend the foci into noise-free gray values.

    Returns:
        The picture, and the coverage by lesion, 0 to 1.
    """
    blended: Values = image.copy()
    total: Field = np.zeros_like(image)
    isointense = brush.plan.signal_intensity is SignalIntensity.ISOINTENSE or brush.faint
    for focus in foci:
        width_px = edge_width_px(focus, brush.plan.margins, rng)
        coverage = edge(focus.depth / width_px, 1.0)
        level = np.float32(brush.white) * focus_values(focus, brush, rng)
        blended = blended + coverage * (level - blended)
        total = np.maximum(total, coverage)
        if isointense:
            blended = blended * _capsule(focus, brush, float(np.median(width_px[focus.mask])), rng)
    return np.asarray(np.clip(blended, 0, 252), dtype=np.float32), total


def _capsule(focus: Focus, brush: Brush, width_px: float, rng: np.random.Generator) -> Field:
    """Without a faint, broken capsule an isointense lesion in white matter would not be there to see."""
    tone = FAINT_CAPSULE if brush.faint else CAPSULE
    tone *= 1 if brush.sequence in (MRSequence.T2, MRSequence.FLAIR) else -1
    line_px = 0.9 if brush.plan.margins is Margins.WELL_CIRCUMSCRIBED else max(1.0, 0.5 * width_px)
    broken = 0.8 + 0.3 * np.clip(smooth_noise(rng, max(5.0, 0.7 * focus.radius_px)), -2, 2)
    return np.asarray(1 + tone * broken * 0.9 / line_px * np.exp(-0.5 * (focus.depth / line_px) ** 2), np.float32)
