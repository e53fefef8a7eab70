"""Whether a lesion can be seen at all: its contrast over what lies around it, relative to the noise."""

import numpy as np

from neuroonco.images import Gray, Mask
from neuroonco.phantoms.fields import Field
from neuroonco.phantoms.lesion import Focus

SECTORS = 8
"""Directions in which the outline of a lesion is judged."""
RIM_PX, AROUND_PX = (1.0, 6.0), (-6.0, -1.0)
"""Depth of the lesion's rim and of its surroundings."""
MIN_PX = 3
"""A direction with fewer pixels on either side is not judged."""
STEP_PX = 3
"""Pixels so far apart have noise of their own, also where a scanner has smoothed it."""
CLUTTER = 0.35
"""Share of the unevenness of the surroundings that acts as noise."""
UNEVENNESS = 0.5
"""What a difference of unevenness counts, beside a difference of means."""
SEEN_FROM = 2.0
"""Least contrast over noise on half of the outline; Rose's limit of 5 is met by a patch of seven such pixels."""


def conspicuity(noise_free: Field, image: Gray, foci: list[Focus], seen: Mask) -> float:
    """Contrast over noise that the outline of the largest focus reaches in half of its directions.

    In each direction the lesion's rim is held against what lies outside it: the difference of their means and
    half that of their unevenness, over the noise of the picture and a share of the unevenness outside, in which the
    eye gets lost.

    Args:
        noise_free: gray values before shading and noise.
        image: the slice as acquired.
        foci: of the lesion, largest first.
        seen: pixels that belong to the picture; where skull and scalp are left out, what lies there is not judged.
    """
    focus = foci[0]
    grid = np.arange(noise_free.shape[0])
    x, y = np.meshgrid(grid - focus.center[0], grid - focus.center[1])
    sector = np.floor((np.arctan2(y, x) / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
    outside = np.logical_and.reduce([f.depth <= AROUND_PX[1] for f in foci]) & (focus.depth >= AROUND_PX[0]) & seen
    inside = (focus.depth >= RIM_PX[0]) & (focus.depth <= RIM_PX[1])
    noise = noise_of(noise_free, image, seen)
    contrasts = []
    for direction in range(SECTORS):
        rim, around = (noise_free[band & (sector == direction)] for band in (inside, outside))
        if min(rim.size, around.size) >= MIN_PX:
            contrast = np.hypot(rim.mean() - around.mean(), UNEVENNESS * (rim.std() - around.std()))
            contrasts.append(float(contrast / np.hypot(noise, CLUTTER * around.std())))
    return float(np.median(contrasts)) if contrasts else 0.0


def noise_of(noise_free: Field, image: Gray, seen: Mask) -> float:
    """Standard deviation of the noise in the picture, from differences over so short a way that shading is even."""
    added = image.astype(np.float32) - noise_free
    steps = (added[:, STEP_PX:] - added[:, :-STEP_PX])[seen[:, STEP_PX:] & seen[:, :-STEP_PX]]
    return max(1.0, float(1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2)))
