"""Which part of the head is brain: the deep piece of tissue that a dark ring parts from scalp, face and neck."""

import cv2
import numpy as np
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.readings.morphology import Pixels, blurred, closed, disc, distance

DARK, BRIGHT = 0.45, 1.8
"""Multiples of the brain's level outside which a pixel is no brain tissue: skull and air, or fat."""
VALLEY = 0.18
"""A thin place darker than both sides by this share of the level is skull, even where blur leaves it grey."""
CUTS = (0.012, 0.018, 0.025, 0.035, 0.045, 0.06)
"""Widths of the cut that parts brain from scalp, as shares of the head's diameter: the thinnest that does."""
OUTER = 0.035
"""Width of the scalp at least, as a share of the head's diameter."""
LAYER, LAYERS = 0.01, 12
"""Thickness of a layer of the head as a share of its diameter, and how many are looked at from outside inwards."""
SKULL_FROM = 0.06
"""By this share of its pixels a layer must be darker than one outside it if there is a skull."""
TOUCHES = 0.12
"""A piece that takes in more than this share of the outermost layer of the head has not been parted from it."""
REACH = 0.14
"""Bays of the brain's edge narrower than two of these shares of the head's diameter belong to it."""
MARGIN = 0.015
"""The outermost share of the head's diameter that is never taken for brain."""
MIN_SHARE = 0.22
"""The brain is at least this share of the head."""


def brain_of(pixels: Pixels, head: Mask, diameter_px: float) -> Mask:
    """The brain with its coverings, without skull and scalp.

    Where no ring parts them, which includes slices whose skull was removed beforehand, the head itself without a
    thin border.

    Args:
        pixels: (height, width) gray values.
        head: everything that is not air.
        diameter_px: of the head.
    """
    depth = distance(head)
    core = depth > 0.5 * float(depth.max())
    smooth = blurred(pixels, 1.0)
    level = float(np.median(smooth[core]))
    if level < 1 or not _has_skull(smooth, depth, level, diameter_px):
        return np.asarray(depth > MARGIN * diameter_px)
    valley = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, disc(0.03 * diameter_px)) - smooth > VALLEY * level
    near_skull = depth < 0.2 * diameter_px
    tissue = head & (smooth > DARK * level) & (smooth < BRIGHT * level) & ~(valley & near_skull)
    inwards = distance(tissue)
    outer = head & (depth < OUTER * diameter_px)
    for share in CUTS:
        radius = share * diameter_px
        piece = _deepest(inwards > radius, core)
        if piece is None:
            break
        piece = ndimage.distance_transform_edt(~piece) <= radius
        if (outer & piece).sum() > TOUCHES * outer.sum():
            continue
        if piece.sum() >= MIN_SHARE * head.sum():
            # Bright or dark lesions at the edge were cut out with scalp and skull.
            smoothed = np.asarray(ndimage.binary_fill_holes(closed(piece, REACH * diameter_px)))
            return smoothed & (depth > MARGIN * diameter_px)
    return np.asarray(depth > MARGIN * diameter_px)


def _has_skull(smooth: Pixels, depth: Pixels, level: float, diameter_px: float) -> bool:
    """Whether the layers under the surface of the head get darker inwards: bone under scalp, or only brain."""
    layer = (depth / (LAYER * diameter_px)).astype(np.int64)
    seen = (layer >= 1) & (layer <= LAYERS)
    pixels = np.bincount(layer[seen], minlength=LAYERS + 1)[1:]
    dark = np.bincount(layer[seen & (smooth < 0.5 * level)], minlength=LAYERS + 1)[1:] / np.maximum(pixels, 1)
    return bool((dark - np.minimum.accumulate(dark)).max() > SKULL_FROM)


def _deepest(mask: Mask, core: Mask) -> Mask | None:
    """The piece with the most pixels deep inside the head; None where none has any."""
    labels, count = ndimage.label(mask)
    votes = np.bincount(labels[core & mask], minlength=count + 1)
    if votes.size < 2 or votes.max() == 0:
        return None
    return np.asarray(labels == int(votes.argmax()))
