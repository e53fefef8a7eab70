"""Mass effect: a lesion pushes the brain away."""

import numpy as np

from neuroonco.phantoms.fields import SIDE_PX, distance_inside
from neuroonco.phantoms.head import Head
from neuroonco.phantoms.lesion import Focus

PUSH = 0.25
"""Displacement at the outline, as a share of the radius."""
FADES_OVER = 1.4
"""Distance over which it falls to 1/e, as a share of the radius."""
FIRM_PX = 20.0
"""So near the skull the brain gives way less and less."""


def displace(head: Head, foci: list[Focus]) -> Head:
    """Push the anatomy away from each focus, less so towards the skull."""
    grid = np.arange(SIDE_PX, dtype=np.float32)
    columns, rows = np.meshgrid(grid, grid)
    firm = np.clip(distance_inside(head.intracranial) / np.float32(FIRM_PX), 0, 1)
    from_x, from_y = columns.copy(), rows.copy()
    for focus in foci:
        dx, dy = columns - np.float32(focus.center[0]), rows - np.float32(focus.center[1])
        reach = np.hypot(dx, dy) + np.float32(1e-3)
        r = np.float32(focus.radius_px)
        push = PUSH * r * np.exp(-np.maximum(reach - r, 0) / (FADES_OVER * r)) * np.minimum(reach / r, 1) * firm
        from_x -= push * dx / reach
        from_y -= push * dy / reach
    return head.warped(from_x.astype(np.float32), from_y.astype(np.float32))
