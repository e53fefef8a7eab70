"""Draw one slice with known truth."""

from dataclasses import dataclass

import cv2
import numpy as np

from neuroonco.head import Box
from neuroonco.images import Gray, Mask
from neuroonco.phantoms.axial import axial_fossa, axial_supratentorial
from neuroonco.phantoms.coronal import Coronal, coronal
from neuroonco.phantoms.fields import SIDE_PX, Field, signed_distance
from neuroonco.phantoms.head import Head, Site, Tissue
from neuroonco.phantoms.lesion import Focus, place, union
from neuroonco.phantoms.plan import LesionPlan, SlicePlan, plan_slice
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.phantoms.render import (
    GRAY_VALUES,
    acquire,
    core,
    paint_edema,
    paint_head,
    paint_lesion,
    signal_against,
    spread_edema,
)
from neuroonco.phantoms.sagittal import sagittal
from neuroonco.readings.records import Signs
from neuroonco.semantics.regions import place_of, region_of
from neuroonco.vocabulary import LesionSize, LesionSpread, Plane, TumorType

SITES: dict[TumorType, Site] = {
    TumorType.GLIOMA: Site.DEEP_WHITE,
    TumorType.MENINGIOMA: Site.DURA,
    TumorType.PITUITARY: Site.SELLA,
    TumorType.NEURONAL: Site.CORTEX,
    TumorType.SCHWANNOMA: Site.ANGLE,
    TumorType.METASTASIS: Site.JUNCTION,
    TumorType.EMBRYONAL: Site.VERMIS,
    TumorType.EPENDYMOMA: Site.VENTRICLE,
}
CORONAL_LEVELS = {
    Site.SELLA: Coronal.SELLAR,
    Site.ANGLE: Coronal.PONTINE,
    Site.VERMIS: Coronal.CEREBELLAR,
}
"""Sites below the cerebrum, and the coronal slice that shows them."""
BASAL = tuple(CORONAL_LEVELS)
"""Sites that only an axial slice through the skull base shows."""
STRIPPED_SHARE = 0.25
"""Share of slices without skull and scalp."""
MIN_REFERENCE_PX = 50
"""The other side is the reference if it shows at least this much normal white matter."""
CLEAR_OF_GRID_PX = 2.5
"""How far from the lines of the 3 x 3 grid over the head a centroid is kept where that can be had."""
SMALL_BELOW, LARGE_FROM, DOMINANT_FROM = 0.014, 0.07, 0.7
"""Limits of the default rules, which define the words of the truth; sizes are shares of the head's box."""


@dataclass(frozen=True)
class Phantom:
    """A drawn slice.

    Attributes:
        image: (256, 256) gray values with shading and noise.
        mask: the lesion without its oedema; None if healthy.
        truth: what was drawn.
        noise_free: gray values before shading, blur and noise.
        edema: pixels of oedema; None if there is none.
        reference_white: normal white matter, on the other side where the plane has two.
    """

    image: Gray
    mask: Mask | None
    truth: PhantomTruth
    noise_free: Field
    edema: Mask | None
    reference_white: Mask


def draw_phantom(seed: int, number: int) -> Phantom:
    """Draw slice ``number`` of the series ``seed``; the same arguments give the same pixels."""
    plan = plan_slice(seed, number)
    rng = np.random.default_rng(np.random.SeedSequence([seed, number]))
    head = _head(plan, rng)
    stripped = rng.random() < STRIPPED_SHARE
    box = head.box(stripped=stripped)
    image = paint_head(head, plan.sequence, rng)
    foci: list[Focus] = []
    edema: Mask | None = None
    if plan.lesion is not None:
        foci = _foci(plan.tumor_type, plan.lesion, head, box, rng)
        image, head = _displace(image, head, foci)
        if plan.lesion.edema is not None:
            edema = spread_edema(plan.lesion.edema, union(foci), head, rng)
        if edema is not None:
            image = paint_edema(image, edema, union(foci), plan.sequence)
        image = paint_lesion(image, foci, plan.lesion, plan.sequence, rng)
    if stripped:
        image = image * head.cranium
    return Phantom(
        image=acquire(image, rng),
        mask=union(foci) if foci else None,
        truth=_truth(seed, number, plan, foci, image, box),
        noise_free=image,
        edema=edema,
        reference_white=_reference_white(head, foci, edema),
    )


def _head(plan: SlicePlan, rng: np.random.Generator) -> Head:
    """A slice in which the typical site of the type can be seen, at a level that others share."""
    site = SITES.get(plan.tumor_type)
    chance = rng.random()
    if plan.plane is Plane.SAGITTAL:
        return sagittal(rng)
    if plan.plane is Plane.CORONAL:
        free = list(Coronal)[int(chance * len(Coronal))]
        return coronal(rng, free if site is None else CORONAL_LEVELS.get(site, free))
    if site in BASAL or (chance < 0.2 and site is not Site.VENTRICLE):
        return axial_fossa(rng)
    return axial_supratentorial(rng, ventricles=site is Site.VENTRICLE or chance < 0.75)


def _foci(tumor_type: TumorType, plan: LesionPlan, head: Head, box: Box, rng: np.random.Generator) -> list[Focus]:
    site = SITES[tumor_type]
    margin_px = 1.0 if site in (*BASAL, Site.DURA) else 4.0
    allowed = signed_distance(head.intracranial) > margin_px
    for _ in range(4):
        first, others = head.sites[site], head.sites[Site.JUNCTION]
        foci = place(plan.shape, plan.spread, plan.size, box.area_px, allowed, first, others, rng)
        (x, y), sides = place_of(union(foci), box), (box.width_px, box.height_px)
        away = [abs(v - k / 3) * side for v, side in zip((x, y), sides, strict=True) for k in (1, 2)]
        if min(away) > CLEAR_OF_GRID_PX:
            break
    return foci


def _displace(image: Field, head: Head, foci: list[Focus]) -> tuple[Field, Head]:
    """Mass effect: push the anatomy away from each focus, less so towards the skull."""
    grid = np.arange(SIDE_PX, dtype=np.float32)
    columns, rows = np.meshgrid(grid, grid)
    firm = np.clip(signed_distance(head.intracranial) / 20, 0, 1)
    from_x, from_y = columns.copy(), rows.copy()
    for focus in foci:
        dx, dy = columns - np.float32(focus.center[0]), rows - np.float32(focus.center[1])
        reach = np.hypot(dx, dy) + np.float32(1e-3)
        r = np.float32(focus.radius_px)
        push = 0.25 * r * np.exp(-np.maximum(reach - r, 0) / (1.4 * r)) * np.minimum(reach / r, 1) * firm
        from_x -= push * dx / reach
        from_y -= push * dy / reach

    def moved(field: Field) -> Field:
        return np.asarray(cv2.remap(field, from_x, from_y, cv2.INTER_LINEAR), dtype=np.float32)

    def moved_mask(mask: Mask) -> Mask:
        return np.asarray(moved(mask.astype(np.float32)) > 0.5)

    warped = Head(
        layers=head.layers,
        side=head.side,
        intracranial=head.intracranial,
        parenchyma=moved_mask(head.parenchyma),
        white=moved_mask(head.white),
        deep_white=moved_mask(head.deep_white),
        cranium=head.cranium,
        sites=head.sites,
    )
    return moved(image), warped


def _reference_white(head: Head, foci: list[Focus], edema: Mask | None) -> Mask:
    normal = head.deep_white.copy()
    for focus in foci:
        normal &= focus.depth < -6
    if edema is not None:
        normal &= ~cv2.dilate(edema.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    if foci:
        column, row = (round(v) for v in foci[0].center)
        opposite = normal & (head.side * head.side[row, column] < 0)
        if opposite.sum() >= MIN_REFERENCE_PX:
            return np.asarray(opposite)
    return np.asarray(normal)


def size_of(mask: Mask, box: Box) -> LesionSize:
    """Size class of a mask by its area as a share of the head's box."""
    share = float(mask.sum()) / box.area_px
    if share < SMALL_BELOW:
        return LesionSize.SMALL
    return LesionSize.MEDIUM if share < LARGE_FROM else LesionSize.LARGE


def spread_of(areas_px: list[int]) -> LesionSpread:
    """Spread of foci from their areas."""
    if len(areas_px) == 1:
        return LesionSpread.SOLITARY
    dominant = max(areas_px) / sum(areas_px) >= DOMINANT_FROM
    return LesionSpread.DOMINANT_WITH_SATELLITES if dominant else LesionSpread.SCATTERED


def _truth(seed: int, number: int, plan: SlicePlan, foci: list[Focus], image: Field, box: Box) -> PhantomTruth:
    stem = f"{plan.tumor_type}/phantoms_{plan.sequence}/{plan.plane}_{number:06d}"
    signs, mask = Signs(), None
    if plan.lesion is not None:
        mask = union(foci)
        signal = plan.lesion.signal_intensity
        if signal is not None:
            inside = core(foci, plan.lesion.margins)
            signal = signal_against(image[inside], GRAY_VALUES[plan.sequence][Tissue.WHITE])
        signs = Signs(
            shape=plan.lesion.shape,
            margins=plan.lesion.margins,
            texture=plan.lesion.texture,
            enhancement=plan.lesion.enhancement,
            edema=plan.lesion.edema,
            signal_intensity=signal,
        )
    return PhantomTruth(
        image_path=f"{stem}.png",
        mask_path=None if mask is None else f"{stem}_mask.png",
        seed=seed,
        number=number,
        tumor_type=plan.tumor_type,
        sequence=plan.sequence,
        plane=plan.plane,
        signs=signs,
        size=None if mask is None else size_of(mask, box),
        spread=None if mask is None else spread_of([int(f.mask.sum()) for f in foci]),
        region=None if mask is None else region_of(*place_of(mask, box)),
        head_box=box,
    )
