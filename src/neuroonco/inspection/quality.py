"""Pixels to quality scores: sharpness, contrast, exposure, borders, overlays, tiles, and bone as on CT."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Gray
from neuroonco.inspection.content import Content, find_content, percentiles, reduce_picture
from neuroonco.inspection.overlays import color_excess, mark_edge
from neuroonco.inspection.records import QualityScores

CLIPPED_FROM = 250
"""Gray values from here count as clipped: JPEG moves a clipped white by a few values."""
FINE_SHARE = 1 / 256
"""Fine distance over which sharpness is taken, as a share of the head."""
SAMPLED_EVERY = 8
"""Rows that sharpness is taken from."""
TILE_SIDE_PX = 24
"""Side of the copy whose halves and thirds are compared; divisible by both."""
TILES_OUTSIDE_TO = 0.25
"""Tiles are compared only where less of the canvas than this lies outside the head: else they would count as heads."""
CORNER_SHARE = 0.1
"""Side of the corners that are searched for air, as a share of the picture's."""
HEAD_ALIKE = 0.5
"""Area over the largest part's from which a part is another head."""
HEAD_ASPECT_TO = 1.8
"""Longer over shorter side of a head's box, at most."""
RAYS = 48
"""Directions in which a ring of bone is looked for."""
RAY_PX = 64
"""Samples along each ray, of which the head's half length takes 57."""
BONE_LEVEL = 0.8
"""Bone is at least this share of the picture's top level."""
PLATEAU_LEVEL = 0.92
"""A clipped value is at least this share of the top level; fat on MR varies more."""
SLOPE_LEVEL = 0.75
"""Bright pixels below the plateau, but above this share of the top level, speak against bone."""
BONE_SAMPLES = 3
"""Samples that the ring is thick at least: 3 % of the head's half length each two."""
TISSUE_SAMPLES = 5
"""Samples inside the ring in which no dark gap may lie: on MR the skull is dark."""
GAP_LEVEL = 0.15
"""Darker than this share of the top level is a gap."""
CORE = slice(2, 24)
"""Samples that lie in the brain."""
CORE_TO = 0.6
"""Brain on CT is darker than this share of the top level."""
CORE_BRIGHT_TO = 0.1
"""Share of the brain that may be brighter: calcification and blood."""
MIN_BONE_SHARE = 0.06
"""Share of the head that has to be nearly as bright as bone for a ring to be looked for."""
MIN_CLIPPED_SHARE = 0.5
"""Share of that which has to lie on the plateau for a ring to be looked for: saves most MR slices the search."""


def score_quality(gray: Gray, color: npt.NDArray[np.uint8] | None = None, small: Gray | None = None) -> QualityScores:
    """Measure a picture.

    Nearly everything is measured on the small copy; only sharpness, frames and letters look at full resolution, and
    only at some rows, the edges and a few patches.

    Args:
        gray: full picture (height, width).
        color: (h, w, 3) red, green, blue at any scale; None where the file has no color or the picture is one
            channel of a file with several sequences.
        small: ``gray`` shrunk to at most 128 px by :func:`~neuroonco.inspection.content.reduce_picture`, if the
            caller has it already.

    >>> picture = np.zeros((200, 200), np.uint8)
    >>> _ = cv2.circle(picture, (100, 100), 50, 120, -1)
    >>> scores = score_quality(picture)
    >>> scores.head_level, scores.outside_share
    (120.0, 0.7399)
    """
    if small is None:
        small = reduce_picture(gray)
    content = find_content(gray, small)
    levels = content.levels
    always: dict[str, Any] = {
        "top_level": levels.top,
        "frame_share": round(content.frame_share, 4),
        "color_excess": round(color_excess(color), 1),
    }
    if content.hull is None:
        return QualityScores(**always)
    left, top, width, height = cv2.boundingRect(content.hull)
    mask = np.zeros(content.area.shape, np.uint8)
    cv2.drawContours(mask, content.parts, -1, 255, cv2.FILLED)
    counts = cv2.calcHist([content.area], [0], mask, [256], [0, 256]).ravel()
    low, middle, high = percentiles(counts, 0.05, 0.5, 0.95)
    head_px = float(counts.sum())
    scale = gray.shape[1] / small.shape[1]
    rows = slice(int((top + content.top) * scale), int((top + content.top + height) * scale))
    columns = slice(int((left + content.left) * scale), int((left + content.left + width) * scale))
    outside = 1 - width * height / small.size
    sharpness = measure_sharpness(gray[rows, columns])
    return QualityScores(
        **always,
        sharpness=None if sharpness is None else round(sharpness, 4),
        contrast=high - low,
        head_level=middle,
        clipped_share=round(float(counts[CLIPPED_FROM:].sum()) / head_px, 4),
        outside_share=round(outside, 4),
        mark_edge=mark_edge(gray, small, content),
        corner_air=round(_corner_air(content), 4),
        head_solidity=round(head_px / max(1.0, cv2.contourArea(content.hull)), 4),
        tile_similarity=round(tile_similarity(content.area), 4) if outside < TILES_OUTSIDE_TO else None,
        head_count=_count_heads(content),
        bone_ring=round(measure_bone_ring(content, counts), 4),
    )


def _corner_air(content: Content) -> float:
    """Share of air in the four corners: heads are round, and photographs and charts are not."""
    height, width = content.area.shape
    rows, columns = max(1, round(CORNER_SHARE * height)), max(1, round(CORNER_SHARE * width))
    limit = content.levels.tissue_from
    ends = content.area[:rows], content.area[-rows:]
    corners = [corner for end in ends for corner in (end[:, :columns], end[:, -columns:])]
    air_px = sum(int(np.count_nonzero(corner <= limit)) for corner in corners)
    return float(air_px / (4 * rows * columns))


def measure_sharpness(head: Gray) -> float | None:
    """Change over a fine distance over that over four times it, both directions; None if flat or tiny."""
    fine = max(1, round(max(head.shape) * FINE_SHARE))
    wide = 4 * fine
    if min(head.shape) <= wide:
        return None
    across = head[::SAMPLED_EVERY]
    count = (head.shape[0] - wide - 1) // SAMPLED_EVERY + 1
    down, last = head[: head.shape[0] - wide : SAMPLED_EVERY], head[wide::SAMPLED_EVERY][:count]
    near = head[fine::SAMPLED_EVERY][:count]
    cut = across.shape[1] - wide
    changed = cv2.norm(across[:, :cut], across[:, fine : fine + cut], cv2.NORM_L2SQR)
    changed += cv2.norm(down, near, cv2.NORM_L2SQR)
    changed_wide = cv2.norm(across[:, :cut], across[:, wide:], cv2.NORM_L2SQR) + cv2.norm(down, last, cv2.NORM_L2SQR)
    return float(np.sqrt(changed / changed_wide)) if changed_wide > 0 else None


def tile_similarity(small: Gray) -> float:
    """Correlation of the halves, or of the least alike neighbors among thirds, in the best direction; -1 to 1."""
    square = cv2.resize(small, (TILE_SIDE_PX, TILE_SIDE_PX), interpolation=cv2.INTER_LINEAR)
    half, third = TILE_SIDE_PX // 2, TILE_SIDE_PX // 3
    best = max(_correlation(square[:half], square[half:]), _correlation(square[:, :half], square[:, half:]))
    for thirds in (
        (square[:third], square[third : 2 * third], square[2 * third :]),
        (square[:, :third], square[:, third : 2 * third], square[:, 2 * third :]),
    ):
        first = _correlation(thirds[0], thirds[1])
        if first > best:
            best = max(best, min(first, _correlation(thirds[1], thirds[2])))
    return best


def _correlation(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    value = float(cv2.matchTemplate(one, other, cv2.TM_CCOEFF_NORMED)[0, 0])
    return value if -1 <= value <= 1 else 0.0  # flat tiles divide by zero


def _count_heads(content: Content) -> int:
    """Parts of about the largest one's size, with heads' proportions, whose boxes do not overlap."""
    if len(content.parts) == 1:
        return 1
    largest = cv2.contourArea(content.parts[0])
    boxes: list[tuple[int, int, int, int]] = []
    for part in content.parts:
        x, y, width, height = cv2.boundingRect(part)
        alike = cv2.contourArea(part) >= HEAD_ALIKE * largest
        if alike and max(width, height) <= HEAD_ASPECT_TO * min(width, height):
            apart = all(x >= b[0] + b[2] or b[0] >= x + width or y >= b[1] + b[3] or b[1] >= y + height for b in boxes)
            if apart:
                boxes.append((x, y, width, height))
    return max(1, len(boxes))


def measure_bone_ring(content: Content, counts: npt.NDArray[Any]) -> float:
    """How much the head looks as on CT, 0 to 1.

    On CT bone is the brightest, clipped to one value, and lies on gray brain; on MR the bright ring is fat, varies,
    and dark bone and fluid lie between it and the brain. From the head's center rays go out; those whose outermost
    thick bright run has no dark gap inside it are counted, and weighted by how much of the bright is clipped.
    ``counts`` is the histogram of the head.
    """
    top = content.levels.top
    bright, clipped = counts[int(SLOPE_LEVEL * top) :].sum(), counts[int(PLATEAU_LEVEL * top) :].sum()
    if bright < MIN_BONE_SHARE * counts.sum() or clipped < MIN_CLIPPED_SHARE * bright:
        return 0.0
    x, y, width, height = cv2.boundingRect(content.parts[0])
    # Without FILL_OUTLIERS samples outside the picture are left as whatever lay in memory.
    flags = cv2.INTER_LINEAR | cv2.WARP_POLAR_LINEAR | cv2.WARP_FILL_OUTLIERS
    center = (x + width / 2, y + height / 2)
    rays = cv2.warpPolar(content.area, (RAY_PX, RAYS), center, 0.56 * max(width, height), flags)
    if np.count_nonzero(rays[:, CORE] >= CORE_TO * top) > CORE_BRIGHT_TO * RAYS * (CORE.stop - CORE.start):
        return 0.0
    bone = rays >= BONE_LEVEL * top
    thick = bone.copy()
    for shift in range(1, BONE_SAMPLES):
        thick[:, shift:] &= bone[:, :-shift]
    thick[:, : BONE_SAMPLES - 1] = False
    outer = RAY_PX - 1 - thick[:, ::-1].argmax(axis=1)
    place = np.arange(RAY_PX)
    inner = np.where(~bone & (place < outer[:, None]), place, -1).max(axis=1) + 1
    inside = (place >= inner[:, None] - TISSUE_SAMPLES) & (place < inner[:, None])
    darkest = np.where(inside, rays, 255).min(axis=1)
    ring = thick.any(axis=1) & (darkest >= GAP_LEVEL * top) & (inner > RAY_PX // 5)
    plateau = int(np.count_nonzero(rays >= PLATEAU_LEVEL * top)) / max(
        1, int(np.count_nonzero(rays >= SLOPE_LEVEL * top))
    )
    return float(ring.mean()) * plateau
