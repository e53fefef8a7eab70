"""Oedema: spreads from a lesion along the white matter of its hemisphere."""

import cv2
import numpy as np

from neuroonco.images import Mask
from neuroonco.phantoms.fields import Field, smooth_noise
from neuroonco.phantoms.head import Head
from neuroonco.vocabulary import Edema, LesionSize, MRSequence

WANTED = {
    (Edema.MILD, LesionSize.SMALL): (0.5, 0.75),
    (Edema.MILD, LesionSize.MEDIUM): (0.35, 0.7),
    (Edema.MILD, LesionSize.LARGE): (0.22, 0.5),
    (Edema.EXTENSIVE, LesionSize.SMALL): (1.8, 3.8),
    (Edema.EXTENSIVE, LesionSize.MEDIUM): (1.4, 2.4),
    (Edema.EXTENSIVE, LesionSize.LARGE): (1.25, 1.6),
}
"""Area of the oedema over that of the lesion."""
MILD_FROM, EXTENSIVE_FROM = 0.15, 1.0
"""The same, from which what was drawn is called so."""
SLACK = 1.12
"""Where there is no room for so many times EXTENSIVE_FROM, mild oedema is drawn instead."""
LEVEL = {MRSequence.T1: (0.84, 0.9), MRSequence.T1CE: (0.84, 0.9), MRSequence.T2: (1.72, 1.5),
         MRSequence.FLAIR: (1.78, 1.55)}  # fmt: skip
"""Signal against white matter, near the lesion and at the far end."""
UNEVEN = 0.035
"""Unevenness of oedematous tissue, as a share of its gray value."""
ASTRIDE_FROM = 0.2
"""A lesion of which each half of the brain holds at least this share gives oedema on both sides."""
STEPS = 70
"""So many pixels away from the lesion oedema may reach."""
CROSS, SQUARE = (cv2.getStructuringElement(kind, (3, 3)) for kind in (cv2.MORPH_CROSS, cv2.MORPH_RECT))


def spread_edema(kind: Edema, size: LesionSize, lesion: Mask, head: Head, rng: np.random.Generator) -> Mask | None:
    """Grow oedema from a lesion through white matter, unevenly; it stops at cortex, ventricles and midline.

    Returns:
        Its pixels, without the lesion; None if there is to be none or there is no room for any.
    """
    if kind is Edema.ABSENT:
        return None
    steps = _steps_through(_open_to_edema(lesion, head), lesion)
    reached = steps > 0
    room_px, lesion_px = int(reached.sum()), int(lesion.sum())
    if kind is Edema.EXTENSIVE and room_px < SLACK * EXTENSIVE_FROM * lesion_px:
        kind = Edema.MILD
    low, high = WANTED[kind, size]
    wanted_px = min(int(rng.uniform(low, high) * lesion_px), room_px)
    if wanted_px < MILD_FROM * lesion_px:
        return None
    order = steps * (1 + 0.35 * np.tanh(smooth_noise(rng, 16))) + 0.5 * smooth_noise(rng, 7)
    order = np.where(reached, order, np.inf)
    limit = np.partition(order, wanted_px - 1, axis=None)[wanted_px - 1]
    return np.asarray(order <= limit)


def edema_drawn(edema: Mask | None, lesion: Mask) -> Edema:
    """What the drawn oedema is to be called, by its area over that of the lesion."""
    ratio = 0.0 if edema is None else float(edema.sum()) / float(lesion.sum())
    if ratio < MILD_FROM:
        return Edema.ABSENT
    return Edema.MILD if ratio < EXTENSIVE_FROM else Edema.EXTENSIVE


def _open_to_edema(lesion: Mask, head: Head) -> Mask:
    """White matter on the lesion's side; on both, where the lesion itself lies astride the midline."""
    tissue = head.white_matter & ~head.ventricles & ~lesion
    halves = [np.asarray(head.side > 0), np.asarray(head.side < 0)]
    if not any(half.any() for half in halves):
        return np.asarray(tissue)
    held = [float((lesion & half).sum()) / float(lesion.sum()) for half in halves]
    least = min(ASTRIDE_FROM, max(held))
    sides = [half for half, share in zip(halves, held, strict=True) if share >= least]
    return np.asarray(tissue & np.logical_or.reduce(sides))


def _steps_through(tissue: Mask, lesion: Mask) -> Field:
    """Number of pixels to walk from the lesion inside the tissue; 0 where it is not reached."""
    steps: Field = np.zeros(lesion.shape, dtype=np.float32)
    # A thin cortex between lesion and white matter does not hold it up.
    grown = np.asarray(cv2.dilate(lesion.astype(np.uint8), SQUARE, iterations=2), dtype=np.uint8)
    allowed = tissue.astype(np.uint8)
    reached = grown & allowed
    steps[reached > 0] = 1
    for step in range(2, STEPS):
        further = np.asarray(cv2.dilate(reached, SQUARE if step % 2 else CROSS), dtype=np.uint8) & allowed
        new = (further > 0) & (reached == 0)
        if not new.any():
            break
        steps[new] = step
        reached = further
    return steps


def paint_edema(
    image: Field, edema: Mask, lesion: Mask, sequence: MRSequence, white: float, rng: np.random.Generator
) -> Field:
    """Change tissue where it is oedematous, and a little way under the lesion, whose edge may be blurred."""
    around = cv2.dilate(edema.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13)))
    wet = edema | (lesion & (around > 0))
    coverage = cv2.GaussianBlur(wet.astype(np.float32), (0, 0), 1.6)
    near = cv2.GaussianBlur(lesion.astype(np.float32), (0, 0), 9.0)
    close, far = LEVEL[sequence]
    uneven = 1 + np.float32(UNEVEN) * np.clip(smooth_noise(rng, 11), -2, 2)
    level = np.float32(white) * (far + (close - far) * np.minimum(1, 2.5 * near)) * uneven
    return np.asarray(image + coverage * (level - image), dtype=np.float32)
