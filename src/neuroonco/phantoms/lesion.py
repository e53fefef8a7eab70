"""Where the foci of a lesion lie, and their pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

from neuroonco.images import Mask
from neuroonco.phantoms.fields import SIDE_PX, Field, signed_distance, smooth_noise
from neuroonco.phantoms.outline import ANGLES, outline, points_of
from neuroonco.vocabulary import LesionSize, LesionSpread, Shape

AREA_SHARES = {
    LesionSize.SMALL: (0.0068, 0.0118),
    LesionSize.MEDIUM: (0.0178, 0.0600),
    LesionSize.LARGE: (0.0780, 0.1700),
}
"""Drawn area as a share of the head's box, well inside each class of the rules (limits 0.014 and 0.07)."""
TINY_SHARE = (0.0030, 0.0055)
"""The same, of lesions that are small on purpose."""
FOCUS_SHARES = {
    LesionSpread.SOLITARY: ((1.0,),),
    LesionSpread.DOMINANT_WITH_SATELLITES: ((0.82, 0.18), (0.78, 0.12, 0.10), (0.80, 0.20)),
    LesionSpread.SCATTERED: ((0.42, 0.33, 0.25), (0.52, 0.48), (0.34, 0.26, 0.22, 0.18)),
}
"""How foci share the area; the limit of dominance in the rules is 0.7."""
TWO_SHARES = ((0.52, 0.48), (0.6, 0.4))
"""The same, of two lesions at once."""
GAP_PX = 6.0
"""Least distance between two foci."""
BEND, BEND_IRREGULAR = 0.035, 0.1
"""How far an outline is bent out of its curve, as a share of its radius."""
FAR_PX = 24
"""Up to this distance from a focus is its depth exact."""
WIDER_PX = 10
"""By so much the places for a centre grow with each attempt."""
ATTEMPTS = 8
TRIES = 16
STEPS = 18
"""Between a wanted center and the middle of the free room."""


@dataclass(frozen=True)
class Focus:
    """One separate part of a lesion.

    Attributes:
        mask: its pixels.
        depth: signed distance to its outline in pixels, positive inside; at most FAR_PX away from it.
        center: (x, y) in pixels.
        radius_px: of the disc of equal area.
    """

    mask: Mask
    depth: Field
    center: tuple[float, float]
    radius_px: float


@dataclass(frozen=True)
class Room:
    """Where foci may lie.

    Attributes:
        allowed: every pixel of every focus lies here.
        first: candidate centers of the largest focus.
        others: candidate centers of further foci; satellites lie around the largest.
        box_px: area of the head's box, of which sizes are shares.
    """

    allowed: Mask
    first: Mask
    others: Mask
    box_px: int


@dataclass(frozen=True)
class FociPlan:
    """Shape, least and largest whole area as shares of the box, and the options for how foci share it."""

    shape: Shape
    area_shares: tuple[float, float]
    options: tuple[tuple[float, ...], ...]
    satellites: bool


def foci_plan(shape: Shape, size: LesionSize, spread: LesionSpread, *, tiny: bool, two: bool) -> FociPlan:
    """What :func:`place` needs, from the words of the plan."""
    options = TWO_SHARES if two else FOCUS_SHARES[spread]
    low, high = TINY_SHARE if tiny else AREA_SHARES[size]
    if len(options[0]) > 1:
        low = (low + high) / 2  # else the outlines of small foci could not be told apart
    return FociPlan(shape, (low, high), options, spread is LesionSpread.DOMINANT_WITH_SATELLITES)


def place(plan: FociPlan, room: Room, rng: np.random.Generator) -> list[Focus]:
    """Draw the foci of a lesion so that all lie apart and inside the room.

    Returns:
        The foci, largest first. Where there is no room, it is tried again with a smaller area of the same
        class, fewer foci and other places, at last a smaller one; what was drawn is to be judged from the masks.
    """
    low, high = plan.area_shares
    shares = plan.options[int(rng.integers(len(plan.options)))]
    total_px = rng.uniform(low, high) * room.box_px
    best: list[Focus] = []
    for attempt in range(ATTEMPTS):
        foci: list[Focus] = []
        free = room.allowed
        for n, share in enumerate(shares):
            radius_px = float(np.sqrt(total_px * share / np.pi))
            near = (foci[0], radius_px) if n and plan.satellites else None
            anywhere = n > 0 and attempt >= ATTEMPTS // 2
            candidates = free if anywhere else _wider(room.others if n else room.first, attempt)
            focus = _settle(plan.shape, radius_px, free, candidates, near, rng)
            if focus is None:
                break
            foci.append(focus)
            free = free & (focus.depth < -GAP_PX)
        if len(foci) > len(best):
            best = foci
        if len(foci) == len(shares):
            break
        total_px = (low + rng.uniform(0, 0.5) * (high - low)) * room.box_px
        if attempt >= 1:
            shares = min(plan.options, key=len)
    while not best:  # a slice through the skull base may have no room for a lesion of this size
        total_px *= 0.6
        focus = _settle(plan.shape, float(np.sqrt(total_px / np.pi)), room.allowed, room.allowed, None, rng)
        best = [] if focus is None else [focus]
    return best


def _wider(candidates: Mask, attempt: int) -> Mask:
    """Candidate centers, and from the third attempt on their surroundings too."""
    reach_px = max(0, attempt - 1) * WIDER_PX
    return (
        cv2.dilate(candidates.astype(np.uint8), np.ones((2 * reach_px + 1,) * 2, np.uint8)).astype(bool)
        if reach_px
        else candidates
    )


def _settle(
    shape: Shape,
    radius_px: float,
    free: Mask,
    candidates: Mask,
    near: tuple[Focus, float] | None,
    rng: np.random.Generator,
) -> Focus | None:
    """Place one focus: at a candidate pixel, moved inwards until it fits."""
    inner = np.argwhere(free)
    if len(inner) == 0:
        return None
    middle = inner.mean(axis=0)[::-1]
    pool = np.argwhere(candidates)
    bend = BEND_IRREGULAR if shape is Shape.IRREGULAR else BEND
    curve = outline(shape, rng)
    for _ in range(TRIES):
        curve = np.roll(curve, int(rng.integers(len(curve))))
        if near is not None:
            main, own = near
            angle = rng.uniform(0, 2 * np.pi)
            away = main.radius_px * 1.25 + own + GAP_PX + rng.uniform(0, 14)
            start = np.array(main.center) + away * np.array([np.cos(angle), np.sin(angle)])
        elif len(pool):
            # The outermost of three: most of a head's area would else put the centroid in the middle cell.
            three = pool[rng.integers(len(pool), size=3)][:, ::-1].astype(float)
            start = three[int(np.hypot(*(three - middle).T).argmax())]
        else:
            start = inner[int(rng.integers(len(inner)))][::-1].astype(float)
        steps = np.linspace(0, 1, 1 if near is not None else STEPS)[:, None]
        centers = start + steps * (middle - start)
        fitting = np.flatnonzero(_fits(points_of(curve) * np.float32(radius_px), centers, free))
        for x, y in centers[fitting[:2]].tolist():
            focus = _fill(curve, bend, radius_px, (x, y), rng)
            if not (focus.mask & ~free).any():
                return focus
    return None


def _fits(points: npt.NDArray[np.float32], centers: npt.NDArray[np.float64], free: Mask) -> npt.NDArray[np.bool_]:
    """For each center (n, 2), whether the curve (m, 2) around it lies on free pixels."""
    placed = np.rint(points[None, ::2] + centers[:, None].astype(np.float32)).astype(int)
    inside = ((placed >= 0) & (placed < SIDE_PX)).all(axis=(1, 2))
    columns, rows = np.clip(placed, 0, SIDE_PX - 1).transpose(2, 0, 1)
    return np.asarray(inside & free[rows, columns].all(axis=1))


def _fill(curve: Field, bend: float, radius_px: float, center: tuple[float, float], rng: np.random.Generator) -> Focus:
    """Pixels inside the curve, slightly bent, so that no outline is a star around its center."""
    reach = int(np.ceil(radius_px * float(curve.max()) * (1 + 3 * bend))) + 2
    left, top = (max(0, round(v) - reach) for v in center)
    right, bottom = (min(SIDE_PX, round(v) + reach + 1) for v in center)
    x, y = np.meshgrid(
        np.arange(left, right, dtype=np.float32) - np.float32(center[0]),
        np.arange(top, bottom, dtype=np.float32) - np.float32(center[1]),
    )
    side_px = max(x.shape)
    bend_px = np.float32(bend * radius_px)
    x = x + bend_px * smooth_noise(rng, 0.9 * radius_px, side_px)[: x.shape[0], : x.shape[1]]
    y = y + bend_px * smooth_noise(rng, 0.9 * radius_px, side_px)[: y.shape[0], : y.shape[1]]
    limit = np.interp(np.arctan2(y, x), ANGLES, curve, period=2 * np.pi) * radius_px
    parts, count = label(np.hypot(x, y) < limit, structure=np.ones((3, 3)))
    # The tip of a thin tongue may have come loose on the grid.
    largest = parts == 1 + int(np.bincount(parts.ravel(), minlength=count + 1)[1:].argmax())
    mask = np.zeros((SIDE_PX, SIDE_PX), dtype=bool)
    mask[top:bottom, left:right] = largest
    return Focus(mask, depth_of(mask), center, radius_px)


def depth_of(mask: Mask) -> Field:
    """Signed distance to the outline of a mask, exact up to FAR_PX away from it and clipped there."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    window = tuple(
        slice(max(0, int(v[0]) - FAR_PX - 1), min(n, int(v[-1]) + FAR_PX + 2))
        for v, n in zip((rows, columns), mask.shape, strict=True)
    )
    depth = np.full(mask.shape, -FAR_PX, dtype=np.float32)
    depth[window] = np.maximum(signed_distance(mask[window]), -FAR_PX)
    return depth


def union(foci: list[Focus]) -> Mask:
    """Pixels of all foci."""
    return np.asarray(np.logical_or.reduce([f.mask for f in foci]))
