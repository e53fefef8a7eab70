"""How well outlines are named: lesions drawn in four shapes, measured with the default rules and with the reference's.

    python benchmarks/shapes.py [n per shape and size] [seed]

A shape is defined by how it is drawn, not by the numbers that the rules look at: a disc pulled by at most 15 %, an
ellipse of 1.35 to 2.4, three to six overlapping discs, a jagged or ragged curve. Each is drawn at a random angle and
sub-pixel position, at six sizes, with the outline disturbed as a hand or a segmentation network disturbs it.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.intervals import wilson
from neuroonco.rules import load_rules
from neuroonco.semantics.contour import DefaultMeasureRules
from neuroonco.semantics.lesions import measure_default
from neuroonco.semantics.paper import PaperMeasureRules, measure_paper
from neuroonco.vocabulary import Shape

RADII_PX = (6, 9, 14, 22, 35, 55)
SHAPES = (Shape.ROUND, Shape.OVAL, Shape.LOBULATED, Shape.IRREGULAR)
SUPERSAMPLING = 4
"""The curve is filled on a grid this much finer, then averaged: where a pixel is half inside, it counts."""
ANGLES = np.linspace(0, 2 * np.pi, 720, endpoint=False)
Curve = npt.NDArray[np.float64]


def wave(rng: np.random.Generator, amplitude: float, orders: range) -> Curve:
    """Smooth random curve around the circle: a sum of sines of these orders, of this standard deviation."""
    total = np.zeros_like(ANGLES)
    for order in orders:
        total += rng.normal() * np.cos(order * ANGLES + rng.uniform(0, 2 * np.pi))
    return np.asarray(amplitude * total / (total.std() + 1e-9))


def ellipse(elongation: float) -> Curve:
    """Radius of an ellipse of that ratio of axes."""
    return np.asarray(1 / np.hypot(np.cos(ANGLES), elongation * np.sin(ANGLES)))


def lobes(rng: np.random.Generator) -> Curve:
    """Outline of three to six discs of unequal size around a center."""
    count = int(rng.integers(3, 7))
    towards = (np.arange(count) + rng.uniform(-0.25, 0.25, count)) * 2 * np.pi / count
    sizes, distance = rng.uniform(0.75, 1.15, count), rng.uniform(0.65, 1.0)
    turn = ANGLES[:, None] - towards[None, :]
    inside = sizes**2 - (distance * np.sin(turn)) ** 2
    far = distance * np.cos(turn) + np.sqrt(np.maximum(inside, 0))
    return np.asarray(np.where((inside > 0) & (far > 0), far, 0.35).max(axis=1))


def jags(rng: np.random.Generator) -> Curve:
    """Straight edges between 11 to 24 corners, alternately out and in."""
    count = int(rng.integers(11, 25))
    knots = (np.arange(count) + rng.uniform(-0.4, 0.4, count)) * 2 * np.pi / count
    out = np.where(np.arange(count) % 2 == 0, 1.0, -1.0) * rng.uniform(0.3, 1.0, count)
    return np.asarray(np.interp(ANGLES, knots, 1 + rng.uniform(0.25, 0.45) * out, period=2 * np.pi))


def rags(rng: np.random.Generator) -> Curve:
    """A rough curve of many orders with deep bays."""
    return np.asarray(np.maximum(1 + wave(rng, rng.uniform(0.13, 0.2), range(4, 14)), 0.25))


def radius_of(shape: Shape, rng: np.random.Generator) -> Curve:
    """Radius of one outline at :data:`ANGLES`."""
    if shape is Shape.ROUND:
        return np.asarray(ellipse(rng.uniform(1, 1.15)) * (1 + wave(rng, rng.uniform(0, 0.02), range(3, 9))))
    if shape is Shape.OVAL:
        return np.asarray(ellipse(rng.uniform(1.35, 2.4)) * (1 + wave(rng, rng.uniform(0, 0.02), range(3, 9))))
    if shape is Shape.LOBULATED:
        return np.asarray(lobes(rng) * (1 + wave(rng, rng.uniform(0, 0.02), range(5, 12))))
    return rags(rng) if rng.random() < 0.5 else jags(rng)


def drawn(shape: Shape, radius_px: float, rng: np.random.Generator) -> Mask:
    """A mask of one lesion, of the area of a disc of that radius."""
    radius = radius_of(shape, rng)
    angle = ANGLES + rng.uniform(0, 2 * np.pi)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    area = 0.5 * abs(np.sum(points[:, 0] * np.roll(points[:, 1], -1) - points[:, 1] * np.roll(points[:, 0], -1)))
    points *= radius_px * np.sqrt(np.pi / area)
    side = int(2 * np.abs(points).max()) + 12
    fine = (points + side / 2 + rng.uniform(-0.5, 0.5, 2)) * SUPERSAMPLING
    canvas = np.zeros((side * SUPERSAMPLING,) * 2, np.uint8)
    cv2.fillPoly(canvas, [np.round(fine).astype(np.int32)], 255)
    share = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA) / 255
    # Hands and networks are off by a fraction of a pixel here and there.
    wobble = ndimage.gaussian_filter(rng.normal(size=share.shape), 1.0)
    return np.asarray(share + 0.25 * wobble / wobble.std() * ((share > 0) & (share < 1)) > 0.5)


def lesions(n: int, seed: int) -> Iterator[tuple[Shape, float, Mask]]:
    """Shape, radius and mask of ``n`` lesions for each shape and size."""
    for shape in SHAPES:
        for radius_px in RADII_PX:
            for number in range(n):
                rng = np.random.default_rng([seed, SHAPES.index(shape), radius_px, number])
                yield shape, radius_px, drawn(shape, radius_px, rng)


def namers() -> dict[str, Callable[[Mask], Shape | None]]:
    """The two rule sets as functions from a mask to a shape."""
    ours = load_rules("default").section("measure", DefaultMeasureRules)
    theirs = load_rules("paper").section("measure", PaperMeasureRules)

    def default(mask: Mask) -> Shape | None:
        found = measure_default(mask, ours)
        return None if found is None else found.shape

    def paper(mask: Mask) -> Shape | None:
        found = measure_paper(mask.astype(np.uint8) * np.uint8(255), theirs)
        return None if found is None else found.shape

    return {"default": default, "paper": paper}


def right(shape: Shape, named: Shape | None) -> bool:
    """Whether a name fits; the reference has one word for round and oval."""
    return named is shape or (named is Shape.ROUND_OR_OVAL and shape in (Shape.ROUND, Shape.OVAL))


def main(n: int = 50, seed: int = 1) -> None:
    """Print accuracy, overall and by shape and size, and what is taken for what."""
    for name, named in namers().items():
        rows = [(shape, radius, named(mask)) for shape, radius, mask in lesions(n, seed)]
        total = wilson(sum(right(s, w) for s, _, w in rows), len(rows))
        print(f"{name}: {total.value:.3f} ({total.low:.3f} to {total.high:.3f}), n = {total.n}")
        for shape in SHAPES:
            part = [right(s, w) for s, _, w in rows if s is shape]
            seen = Counter(str(w) for s, _, w in rows if s is shape)
            print(f"  {shape:10} {np.mean(part):.3f}  {dict(seen.most_common())}")
        for radius_px in RADII_PX:
            print(f"  radius {radius_px:3} px {np.mean([right(s, w) for s, r, w in rows if r == radius_px]):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", nargs="?", type=int, default=50, help="lesions per shape and size; default: 50")
    parser.add_argument("seed", nargs="?", type=int, default=1, help="default: 1")
    given = parser.parse_args()
    main(given.n, given.seed)
