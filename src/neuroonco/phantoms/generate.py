"""Draw one slice with known truth."""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from neuroonco.head import Box
from neuroonco.images import Gray, Mask
from neuroonco.phantoms.acquire import acquire
from neuroonco.phantoms.anatomy import draw_head
from neuroonco.phantoms.conspicuity import SEEN_FROM, conspicuity
from neuroonco.phantoms.contrast import paint_head, white_level
from neuroonco.phantoms.drawn_signs import Drawing, signs_of, size_of, spread_of
from neuroonco.phantoms.edema import paint_edema, spread_edema
from neuroonco.phantoms.fields import Field, distance_inside
from neuroonco.phantoms.head import Head, Site
from neuroonco.phantoms.lesion import Focus, Room, foci_plan, place, union
from neuroonco.phantoms.lesion_paint import Brush, paint_lesion
from neuroonco.phantoms.mass_effect import displace
from neuroonco.phantoms.plan import LesionPlan, SlicePlan, plan_slice
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings.records import Signs
from neuroonco.semantics.regions import place_of, region_of
from neuroonco.vocabulary import Enhancement, HardCase, PhantomStyle, Sign, SignalIntensity, TumorType, assessable

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
OUTSIDE_BRAIN = (Site.SELLA, Site.ANGLE, Site.VERMIS, Site.DURA)
"""Sites where a lesion may touch the skull."""
MIN_REFERENCE_PX = 50
"""The other side is the reference if it shows at least this much normal white matter."""
CLEAR_OF_GRID_PX = 2.5
"""How far from the lines of the 3 x 3 grid over the head a centroid is kept where that can be had."""
RIM_PX = 4.0
"""A lesion is near the rim if some of it is so close to the skull."""
DRAWS = 4
"""So often is a lesion drawn anew that does not show what was planned."""
STYLES = tuple(PhantomStyle)
Raster = TypeVar("Raster", Gray, Mask, Field)


@dataclass(frozen=True)
class Phantom:
    """A drawn slice.

    Attributes:
        image: (256, 256) gray values with shading and noise.
        mask: the lesion without its oedema; None if healthy.
        truth: what was drawn.
        noise_free: gray values before shading, blur, noise and motion.
        edema: pixels of oedema; None if there is none.
        reference_white: normal white matter, on the other side where the plane has two.
    """

    image: Gray
    mask: Mask | None
    truth: PhantomTruth
    noise_free: Field
    edema: Mask | None
    reference_white: Mask


@dataclass(frozen=True)
class _Scene:
    """A slice before it is acquired."""

    head: Head
    noise_free: Field
    foci: list[Focus]
    edema: Mask | None
    reference_white: Mask
    signs: Signs


def draw_phantom(seed: int, number: int, style: PhantomStyle = PhantomStyle.TUNED) -> Phantom:
    """Draw slice ``number`` of the series ``seed``; the same arguments give the same pixels.

    >>> draw_phantom(7, 5).truth.number
    5
    """
    plan = plan_slice(seed, number, style)
    rng = np.random.default_rng(np.random.SeedSequence([seed, number, STYLES.index(style)]))
    head = draw_head(plan.plane, SITES.get(plan.tumor_type), rng, style)
    box = head.box(stripped=plan.stripped)
    if plan.lesion is None:
        scene = _Scene(head, paint_head(head, plan.sequence, style, rng), [], None, head.deep_white, Signs())
    else:
        scene = _drawn_as_planned(plan, plan.lesion, head, style, rng)
    image = acquire(scene.noise_free, scene.head, style, plan.hard_cases, rng, stripped=plan.stripped)
    truth = _truth(seed, number, style, plan, scene, image, box)
    mask = union(scene.foci) if scene.foci else None
    noise_free = np.asarray(scene.noise_free * scene.head.cranium, np.float32) if plan.stripped else scene.noise_free
    phantom = Phantom(image, mask, truth, noise_free, scene.edema, scene.reference_white)
    return mirrored(phantom) if HardCase.MIRRORED in plan.hard_cases else phantom


def _drawn_as_planned(
    plan: SlicePlan, lesion: LesionPlan, head: Head, style: PhantomStyle, rng: np.random.Generator
) -> _Scene:
    """The first drawing that shows all that was planned, or the last one, which says of itself what it shows."""
    for _ in range(DRAWS):
        scene = _with_lesion(plan, lesion, head, style, rng)
        if _as_planned(plan, lesion, scene):
            break
    return scene


def _as_planned(plan: SlicePlan, lesion: LesionPlan, scene: _Scene) -> bool:
    signs = all(
        scene.signs.get(sign) == getattr(lesion, sign.value) for sign in Sign if assessable(sign, plan.sequence)
    )
    if HardCase.NEAR_RIM in plan.hard_cases:
        signs = signs and is_near_rim(union(scene.foci), scene.head)
    return signs and spread_of([int(f.mask.sum()) for f in scene.foci]) is lesion.spread


def _with_lesion(
    plan: SlicePlan, lesion: LesionPlan, head: Head, style: PhantomStyle, rng: np.random.Generator
) -> _Scene:
    foci = _foci(plan, lesion, head, rng)
    mask = union(foci)
    moved = displace(head, foci)
    image = paint_head(moved, plan.sequence, style, rng)
    edema = spread_edema(lesion.edema, lesion.size, mask, moved, rng)
    reference = _reference_white(moved, foci, edema)
    white = float(image[reference].mean()) if reference.sum() >= MIN_REFERENCE_PX else white_level(plan.sequence, style)
    if edema is not None:
        image = paint_edema(image, edema, mask, plan.sequence, white, rng)
    brush = Brush(lesion, plan.sequence, style, white, faint=HardCase.ISOINTENSE in plan.hard_cases)
    image, coverage = paint_lesion(image, foci, brush, rng)
    drawing = Drawing(lesion, plan.sequence, foci, coverage, edema, image, white)
    return _Scene(moved, image, foci, edema, reference, signs_of(drawing))


def _foci(plan: SlicePlan, lesion: LesionPlan, head: Head, rng: np.random.Generator) -> list[Focus]:
    site = SITES[plan.tumor_type]
    rim, two = HardCase.NEAR_RIM in plan.hard_cases, HardCase.TWO_LESIONS in plan.hard_cases
    inner_px = distance_inside(head.intracranial)
    first = head.sites.get(site, head.parenchyma)
    if rim:
        first = np.asarray((inner_px > 1) & (inner_px < 5))
    margin_px = 1.0 if rim or site in OUTSIDE_BRAIN else 4.0
    box = head.box(stripped=plan.stripped)
    room = Room(
        allowed=np.asarray(inner_px > margin_px),
        first=first,
        others=head.sites.get(Site.JUNCTION, head.parenchyma),
        box_px=box.area_px,
    )
    wanted = foci_plan(lesion.shape, lesion.size, lesion.spread, tiny=HardCase.SMALL in plan.hard_cases, two=two)
    for _ in range(4):
        foci = place(wanted, room, rng)
        (x, y), sides = place_of(union(foci), box), (box.width_px, box.height_px)
        away = [abs(v - k / 3) * side for v, side in zip((x, y), sides, strict=True) for k in (1, 2)]
        if min(away) > CLEAR_OF_GRID_PX:
            break
    return foci


def is_near_rim(mask: Mask, head: Head) -> bool:
    """Whether a lesion comes close to the inside of the skull."""
    return float(distance_inside(head.intracranial)[mask].min()) <= RIM_PX


def _reference_white(head: Head, foci: list[Focus], edema: Mask | None) -> Mask:
    normal = head.deep_white & np.logical_and.reduce([f.depth < -6 for f in foci])
    if edema is not None:
        normal &= ~cv2.dilate(edema.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    column, row = (round(v) for v in foci[0].center)
    opposite = normal & (head.side * head.side[row, column] < 0)
    return np.asarray(opposite if opposite.sum() >= MIN_REFERENCE_PX else normal)


def mirrored(phantom: Phantom) -> Phantom:
    """The slice as stored by an archive that swaps left and right: picture, masks, region and box."""

    def flip(raster: Raster) -> Raster:
        return np.ascontiguousarray(raster[:, ::-1])

    width_px = phantom.image.shape[1]
    top, left, bottom, right = phantom.truth.head_box
    box = Box(top, width_px - right, bottom, width_px - left)
    mask = None if phantom.mask is None else flip(phantom.mask)
    region = None if mask is None else region_of(*place_of(mask, box))
    return Phantom(
        image=flip(phantom.image),
        mask=mask,
        truth=phantom.truth.model_copy(update={"head_box": tuple(box), "region": region}),
        noise_free=flip(phantom.noise_free),
        edema=None if phantom.edema is None else flip(phantom.edema),
        reference_white=flip(phantom.reference_white),
    )


def _truth(
    seed: int, number: int, style: PhantomStyle, plan: SlicePlan, scene: _Scene, image: Gray, box: Box
) -> PhantomTruth:
    stem = f"{plan.tumor_type}/phantoms_{plan.sequence}/{plan.plane}_{number:06d}"
    healthy = PhantomTruth(
        image_path=f"{stem}.png",
        mask_path=None,
        seed=seed,
        number=number,
        style=style,
        tumor_type=plan.tumor_type,
        sequence=plan.sequence,
        plane=plan.plane,
        signs=scene.signs,
        size=None,
        spread=None,
        region=None,
        head_box=box,
        hard_cases=plan.hard_cases,
        stripped=plan.stripped,
    )
    if not scene.foci:
        return healthy
    mask = union(scene.foci)
    shown = scene.head.cranium >= 0.5 if plan.stripped else np.ones_like(mask)
    contrast = conspicuity(scene.noise_free, image, scene.foci, np.asarray(shown))
    return healthy.model_copy(
        update={
            "mask_path": f"{stem}_mask.png",
            "size": size_of(mask, box),
            "spread": spread_of([int(f.mask.sum()) for f in scene.foci]),
            "region": region_of(*place_of(mask, box)),
            "conspicuity": round(contrast, 3),
            "conspicuous": contrast >= SEEN_FROM,
            "hard_cases": tuple(h for h in plan.hard_cases if _is_hard(h, scene)),
        }
    )


def _is_hard(hard: HardCase, scene: _Scene) -> bool:
    """Whether a slice is hard in the way that was planned; two lesions, or one at the rim, may have found no room."""
    if hard is HardCase.TWO_LESIONS:
        return len(scene.foci) == 2
    if hard is HardCase.ISOINTENSE:
        as_white = scene.signs.signal_intensity is SignalIntensity.ISOINTENSE
        return as_white or scene.signs.enhancement is Enhancement.ABSENT
    return hard is not HardCase.NEAR_RIM or is_near_rim(union(scene.foci), scene.head)
