"""Outlines of lesions and where they lie."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Mask
from neuroonco.phantoms.fields import SIDE_PX, Field, ring_noise, signed_distance
from neuroonco.vocabulary import LesionSize, LesionSpread, Shape

ANGLES: Field = np.linspace(0, 2 * np.pi, 360, endpoint=False, dtype=np.float32)
AREA_SHARES = {
    LesionSize.SMALL: (0.0072, 0.0116),
    LesionSize.MEDIUM: (0.0178, 0.0550),
    LesionSize.LARGE: (0.0770, 0.1100),
}
"""Drawn area as a share of the head's box, well inside each class of the rules (limits 0.014 and 0.07)."""
FOCUS_SHARES = {
    LesionSpread.SOLITARY: ((1.0,),),
    LesionSpread.DOMINANT_WITH_SATELLITES: ((0.82, 0.18), (0.78, 0.12, 0.10), (0.80, 0.20)),
    LesionSpread.SCATTERED: ((0.42, 0.33, 0.25), (0.52, 0.48), (0.34, 0.26, 0.22, 0.18)),
}
"""How foci share the area; the limit of dominance in the rules is 0.7."""
GAP_PX = 6.0
"""Least distance between two foci."""
ATTEMPTS = 8
TRIES = 24


@dataclass(frozen=True)
class Focus:
    """One separate part of a lesion.

    Attributes:
        mask: its pixels.
        depth: signed distance to its outline in pixels, positive inside.
        center: (x, y) in pixels.
        radius_px: of the disc of equal area.
    """

    mask: Mask
    depth: Field
    center: tuple[float, float]
    radius_px: float


def outline(shape: Shape, rng: np.random.Generator) -> Field:
    """Radius of a closed curve at :data:`ANGLES`, scaled to the area of the unit disc."""
    if shape is Shape.ROUND:
        radius = _ellipse(rng.uniform(1.0, 1.07)) * (1 + 0.008 * ring_noise(rng, ANGLES, 4))
    elif shape is Shape.OVAL:
        radius = _ellipse(rng.uniform(1.5, 1.85)) * (1 + 0.006 * ring_noise(rng, ANGLES, 4))
    elif shape is Shape.LOBULATED:
        radius = _lobes(rng, float(rng.uniform(0.928, 0.946)))
    else:
        radius = _spikes(rng, float(rng.uniform(0.64, 0.72)))
    radius = np.roll(radius, int(rng.integers(len(ANGLES))))
    return np.asarray(radius * np.sqrt(np.pi / _area(radius)), dtype=np.float32)


def _ellipse(elongation: float) -> Field:
    return np.asarray(1 / np.hypot(np.cos(ANGLES), elongation * np.sin(ANGLES)), dtype=np.float32)


def _lobes(rng: np.random.Generator, solidity: float) -> Field:
    """Three to five discs around a center, moved apart until the outline has the wanted solidity."""
    n = int(rng.integers(3, 6))
    towards = (np.arange(n) + rng.uniform(-0.16, 0.16, n)) * 2 * np.pi / n
    sizes = rng.uniform(0.92, 1.08, n)

    def at(distance: float) -> Field:
        turn = ANGLES[:, None] - towards[None, :]
        reach = np.maximum(sizes**2 - (distance * np.sin(turn)) ** 2, 0)
        far = np.where(np.cos(turn) > 0, distance * np.cos(turn) + np.sqrt(reach), 0)
        far = np.where(reach > 0, far, 0)
        return np.asarray(far.max(axis=1), dtype=np.float32)

    return _bisect(at, solidity, 0.2, 1.6)


def _spikes(rng: np.random.Generator, solidity: float) -> Field:
    """A jagged outline of straight edges whose corners grow until it has the wanted solidity."""
    n = int(rng.integers(15, 24))
    knots = (np.arange(n) + rng.uniform(-0.35, 0.35, n)) * 2 * np.pi / n
    heights = np.clip(rng.normal(0, 0.5, n), -0.9, 0.9) + np.where(np.arange(n) % 2 == 0, 0.55, -0.55)
    drift = 0.08 * rng.normal(size=2)

    def at(amplitude: float) -> Field:
        radius = np.interp(ANGLES, knots, np.maximum(1 + amplitude * heights, 0.3), period=2 * np.pi)
        radius = radius * (1 + drift[0] * np.cos(2 * ANGLES) + drift[1] * np.sin(2 * ANGLES))
        return np.asarray(radius, dtype=np.float32)

    return _bisect(at, solidity, 0.05, 1.2)


def _bisect(curve: Callable[[float], Field], solidity: float, low: float, high: float) -> Field:
    for _ in range(18):
        middle = (low + high) / 2
        if _solidity(curve(middle)) > solidity:
            low = middle
        else:
            high = middle
    return curve((low + high) / 2)


def _points(radius: Field) -> npt.NDArray[np.float32]:
    return np.stack([radius * np.cos(ANGLES), radius * np.sin(ANGLES)], axis=1).astype(np.float32)


def _area(radius: Field) -> float:
    return float(cv2.contourArea(_points(radius)))


def _solidity(radius: Field) -> float:
    points = _points(radius)
    return float(cv2.contourArea(points) / cv2.contourArea(cv2.convexHull(points)))


def place(
    plan_shape: Shape,
    spread: LesionSpread,
    size: LesionSize,
    box_px: int,
    allowed: Mask,
    first: Mask,
    others: Mask,
    rng: np.random.Generator,
) -> list[Focus]:
    """Draw the foci of a lesion so that all lie apart and inside ``allowed``.

    Args:
        plan_shape: of every focus.
        spread: how many foci there are and how they share the area.
        size: class of the whole area.
        box_px: area of the head's box, of which it is a share.
        allowed: where a lesion may lie.
        first: candidate centers of the largest focus.
        others: candidate centers of scattered foci; satellites lie around the largest.
        rng: randomness.

    Returns:
        The foci, largest first. Where there is no room, it is tried again with a smaller area of the same
        class, fewer foci and other places; what was drawn is to be judged from the masks.
    """
    low, high = AREA_SHARES[size]
    options = FOCUS_SHARES[spread]
    shares = options[int(rng.integers(len(options)))]
    if len(shares) > 1:
        low = (low + high) / 2  # else the outlines of small foci could not be told apart
    total_px = rng.uniform(low, high) * box_px
    best: list[Focus] = []
    for attempt in range(ATTEMPTS):
        foci: list[Focus] = []
        free = allowed
        for n, share in enumerate(shares):
            radius_px = float(np.sqrt(total_px * share / np.pi))
            near = (foci[0], radius_px) if n and spread is LesionSpread.DOMINANT_WITH_SATELLITES else None
            candidates = free if attempt >= ATTEMPTS // 2 else others if n else first
            focus = _settle(plan_shape, radius_px, free, candidates, near, rng)
            if focus is None:
                break
            foci.append(focus)
            free = free & (focus.depth < -GAP_PX)
        if len(foci) > len(best):
            best = foci
        if len(foci) == len(shares):
            break
        total_px = (low + rng.uniform(0, 0.5) * (high - low)) * box_px
        if attempt >= 1:
            shares = min(options, key=len)
    return best


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
    for _ in range(TRIES):
        curve = outline(shape, rng)
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
        points = _points(curve) * radius_px
        steps = [0.0] if near is not None else np.linspace(0, 1, 26).tolist()
        for step in steps:
            center = start + step * (middle - start)
            if _fits(points + center.astype(np.float32), free):
                focus = _fill(curve, radius_px, (float(center[0]), float(center[1])))
                if not (focus.mask & ~free).any():
                    return focus
    return None


def _fits(points: npt.NDArray[np.float32], free: Mask) -> bool:
    columns, rows = np.rint(points).astype(int).T
    inside = (columns >= 0) & (rows >= 0) & (columns < SIDE_PX) & (rows < SIDE_PX)
    return bool(inside.all() and free[rows, columns].all())


def _fill(curve: Field, radius_px: float, center: tuple[float, float]) -> Focus:
    grid = np.arange(SIDE_PX, dtype=np.float32)
    x, y = np.meshgrid(grid - center[0], grid - center[1])
    limit = np.interp(np.arctan2(y, x), ANGLES, curve, period=2 * np.pi) * radius_px
    filled = (np.hypot(x, y) < limit).astype(np.uint8)
    _, labels, table, _ = cv2.connectedComponentsWithStats(filled, connectivity=8)
    # The tip of a thin spike may have come loose on the grid.
    mask = np.asarray(labels == 1 + int(table[1:, cv2.CC_STAT_AREA].argmax()))
    return Focus(mask=mask, depth=signed_distance(mask), center=center, radius_px=radius_px)


def union(foci: list[Focus]) -> Mask:
    """Pixels of all foci."""
    return np.asarray(np.logical_or.reduce([f.mask for f in foci]))
