"""A head around the MNI152 brain, as implicit surfaces in MNI millimetres: what the template itself does not show.

Coordinates: x to the patient's right, y forwards, z upwards, 0 at the anterior commissure. Each surface is a signed
distance in mm, negative inside. Build-time only: ``scripts/bake_template.py`` samples it on the chosen slices.
"""

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]
Point = tuple[float, float, float]
FAR = np.float32(1e3)


class Part(IntEnum):
    """Labels of the asset; :mod:`neuroonco.phantoms.atlas` names the same numbers."""

    NONE = 0
    MUSCLE = 1
    FAT = 2
    BONE = 3
    MARROW = 4
    AIR = 5
    MUCOSA = 6
    EYE = 7
    NERVE = 8
    GLAND = 9
    CORD = 10
    FLUID = 11
    SINUS = 12
    ARTERY = 13
    CHOROID = 14
    DURA = 15
    FASCIA = 16


class Put(Protocol):
    """The pen that :func:`parts` hands on."""

    def __call__(self, part: Part, distance: Values, where: npt.NDArray[np.bool_] | None = None) -> None:
        """Draw a part where the distance is negative and ``where`` allows it."""


@dataclass(frozen=True)
class Space:
    """Coordinates of the pixels of one slice; ``lateral`` is the distance from the midline."""

    x: Values
    y: Values
    z: Values

    @property
    def lateral(self) -> Values:
        """Distance from the midplane."""
        return np.abs(self.x)


def ball(at: Space, center: Point, radii: Point, *, both: bool = True) -> Values:
    """Ellipsoid, mirrored to the other side unless its center lies on the midplane."""
    x = (at.lateral if both else at.x) - np.float32(center[0])
    q = np.sqrt((x / radii[0]) ** 2 + ((at.y - center[1]) / radii[1]) ** 2 + ((at.z - center[2]) / radii[2]) ** 2)
    return np.asarray((q - 1) * min(radii), np.float32)


def rod(at: Space, *points: tuple[float, float, float, float]) -> Values:
    """Bent rod of varying radius, on both sides; each point is (lateral, y, z, radius)."""
    best = np.full_like(at.x, FAR)
    for a, b in pairwise(points):
        step = np.subtract(b[:3], a[:3]).astype(np.float32)
        away = (at.lateral - a[0], at.y - a[1], at.z - a[2])
        t = np.clip(sum(v * s for v, s in zip(away, step, strict=True)) / float(step @ step), 0, 1)
        reach = np.sqrt(sum((v - t * s) ** 2 for v, s in zip(away, step, strict=True)))
        best = np.minimum(best, reach - (a[3] + t * (b[3] - a[3])))
    return np.asarray(best, np.float32)


def blend(a: Values, b: Values, width_mm: float) -> Values:
    """Union with a rounded seam."""
    h = np.clip(0.5 + 0.5 * (b - a) / width_mm, 0, 1)
    return np.asarray(b + h * (a - b) - width_mm * h * (1 - h), np.float32)


def ripple(at: Space, length_mm: float, phase: float = 0.0) -> Values:
    """Smooth irregular field of order 1 that varies over about ``length_mm``: planes between muscles, air cells."""
    k = np.float32(2 * np.pi / length_mm)
    x, y, z = at.x * k, at.y * k, at.z * k
    bent = np.sin(0.61 * x + 1.3 * np.sin(0.37 * y + phase) + 0.29 * z + phase)
    return np.asarray(
        (bent + np.sin(0.53 * y + 1.2 * np.sin(0.43 * z - phase) - 0.31 * x) + np.sin(0.71 * z + 1.1 * bent + phase))
        / 1.7,
        np.float32,
    )


def cisterns(at: Space) -> Values:
    """Room inside the skull that the brain leaves free at its base."""
    rooms = (
        ball(at, (0, 4, -31), (10, 8.5, 8)),
        ball(at, (0, 1, -20), (13, 11, 7)),
        ball(at, (0, -11, -40), (12, 6, 15)),
        ball(at, (21, -27, -40), (10, 9, 9)),
        rod(at, (0, -43, -58, 13), (0, -46, -76, 10), (0, -48, -170, 8)),
    )
    return np.asarray(np.minimum.reduce(rooms), np.float32)


def skin(at: Space, vault: Values) -> Values:
    """Surface of the head; ``vault`` is the distance to a smooth surface around the brain."""
    face = blend(ball(at, (0, 40, -46), (64, 50, 56)), ball(at, (0, 44, -90), (47, 46, 40)), 22)
    face = blend(face, ball(at, (0, 76, -112), (17, 14, 14)), 14)
    nose = rod(at, (0, 83, -24, 6), (0, 102, -50, 7.5))
    nose = blend(nose, ball(at, (10, 92, -54), (7, 9, 7)), 6)
    face = blend(face, nose, 7)
    lips = blend(ball(at, (0, 88, -78), (20, 8, 5)), ball(at, (0, 87, -89), (19, 8, 5)), 3)
    face = blend(face, lips, 6)
    bent = Space(at.x, at.y * np.float32(0.94), at.z)
    neck = rod(Space(bent.x * np.float32(0.95), bent.y, bent.z), (0, -36, -66, 59), (0, -42, -180, 57))
    jaw = ball(at, (52, 6, -76), (20, 34, 46))
    temple = ball(at, (57, 22, -14), (19, 36, 38))
    body = blend(np.asarray(vault - 9.0, np.float32), blend(neck, jaw, 16), 14)
    body = blend(blend(body, face, 16), temple, 10)
    pinna = np.maximum(ball(at, (82, -24, -36), (6, 16, 27)), -ball(at, (87, -19, -36), (5, 9, 17)))
    body = blend(body, np.asarray(pinna, np.float32), 5)
    socket = ball(at, (33, 94, -38), (17, 11, 9))
    return -blend(-body, socket, 6)


def parts(at: Space, outside: Values, surface: Values) -> npt.NDArray[np.uint8]:
    """Label of each pixel outside the brain; 0 in air, in the brain, and in the vault and scalp, drawn later."""
    label = np.zeros(at.x.shape, np.uint8)
    inside = (surface < -1.5) & (outside > 6)
    # Below the vault: muscle with planes of fat between, under the fat of the skin.
    along = Space(at.x, at.y, at.z * np.float32(0.35))
    planes = (np.abs(ripple(along, 30)) < 0.07) | (np.abs(ripple(along, 41, 4.0)) < 0.05)
    thick = 5 + 3 * np.clip((-at.z - 40) / 40, 0, 1) + ripple(at, 60, 2.0)
    label[inside] = Part.MUSCLE
    label[inside & planes] = Part.FASCIA
    label[inside & (surface > -thick)] = Part.FAT

    def put(part: Part, distance: Values, where: npt.NDArray[np.bool_] | None = None) -> None:
        chosen = (distance < 0) & (surface < -2)
        label[chosen if where is None else chosen & where] = part

    _face(at, put)
    _base(at, outside, put)
    _neck(at, put)
    return label


def _face(at: Space, put: Put) -> None:
    cheek = ball(at, (38, 62, -66), (16, 16, 18))
    put(Part.FAT, cheek)
    for r, part in ((9.0, Part.BONE), (5.5, Part.MARROW)):
        put(
            part,
            rod(at, (49, -2, -54, r * 0.7), (47, 14, -92, r), (42, 24, -108, r), (22, 66, -116, r), (0, 76, -112, r)),
        )
    put(Part.FAT, ball(at, (26, 14, -60), (14, 12, 14)))
    put(Part.MUSCLE, ball(at, (24, 8, -66), (8, 14, 18)))
    put(Part.BONE, rod(at, (52, 48, -46, 4), (66, 32, -47, 3), (67, 4, -44, 3)))
    orbit = rod(at, (33, 68, -37, 17.5), (30, 50, -36, 15), (15, 24, -30, 4))
    put(Part.BONE, orbit - 2.2)
    put(Part.FAT, orbit)
    put(Part.MUSCLE, rod(at, (46, 62, -37, 1.5), (38, 44, -36, 2.2), (17, 26, -31, 1.6)))
    put(Part.MUSCLE, rod(at, (20.5, 62, -37, 1.5), (18.5, 44, -36, 2.2), (14, 26, -31, 1.6)))
    put(Part.MUSCLE, rod(at, (33, 62, -25, 1.4), (31, 44, -27, 2.2), (17, 26, -28, 1.6)))
    put(Part.MUSCLE, rod(at, (33, 62, -50, 1.4), (31, 44, -46, 2.2), (17, 26, -33, 1.6)))
    put(Part.NERVE, rod(at, (32, 58, -37, 2.0), (24, 38, -34, 2.0), (12, 18, -27, 2.0)))
    eye = ball(at, (33, 68, -38), (12.2, 12.2, 12.2))
    put(Part.MUSCLE, eye - 1.0)
    put(Part.EYE, eye)
    put(Part.MUSCLE, ball(at, (33, 77.5, -38), (4.6, 2.0, 4.6)))
    cells = np.minimum(np.abs(ripple(at, 13, 1.0)), np.abs(ripple(at, 19, 4.0)))
    ethmoid = ball(at, (0, 50, -35), (14, 30, 14))
    put(Part.BONE, ethmoid - 1)
    put(Part.AIR, ethmoid)
    put(Part.MUCOSA, ethmoid, cells < 0.17)
    nasal = 1.5 * ripple(at, 27, 3.0) + blend(
        ball(at, (0, 52, -60), (13.5, 38, 17)), ball(at, (0, 78, -54), (10, 16, 12)), 6
    )
    put(Part.BONE, nasal - 2)
    put(Part.MUCOSA, nasal)
    put(Part.AIR, nasal + 1.6)
    for z, r in ((-67.0, 5.6), (-55.5, 4.8), (-46.0, 3.4)):
        put(Part.MUCOSA, rod(at, (7.5, 24, z, r * 0.7), (7.0, 48, z, r), (6.0, 74, z - 1, r * 0.6)))
    put(Part.MUCOSA, np.asarray(np.maximum(nasal, at.lateral - 1.3 - 0.3 * ripple(at, 30)), np.float32))
    maxilla = blend(ball(at, (31, 44, -62), (13, 18, 16)), ball(at, (30, 58, -56), (9, 9, 9)), 5) + 2 * ripple(at, 34)
    put(Part.BONE, maxilla - 2)
    put(Part.MUCOSA, maxilla)
    put(Part.AIR, np.asarray(maxilla + 0.9 + 0.5 * ripple(at, 18), np.float32))
    palate = ball(at, (0, 52, -82), (26, 36, 5.5))
    put(Part.BONE, palate)
    put(Part.MARROW, palate + 2.5)
    gums = np.maximum(np.abs(ball(at, (0, 50, -92), (27, 40, 60))) - 5, np.abs(at.z + 92) - 12)
    jaws = (at.y > 22) & (np.abs(at.z + 92) > 0.8 + 0.3 * ripple(at, 12))
    put(Part.MARROW, np.asarray(gums + 0.8 * ripple(at, 16), np.float32), jaws)
    teeth = np.maximum(gums + 1.8, np.abs(at.z + 92) - 7.5 - 2 * ripple(at, 9))
    put(Part.BONE, np.asarray(teeth, np.float32), jaws)
    tongue = ball(at, (0, 44, -102), (23, 32, 16))
    put(Part.AIR, tongue - 2.0)
    put(Part.MUSCLE, tongue)
    put(Part.FASCIA, tongue + 3, np.abs(ripple(at, 14, 2.0)) < 0.16)
    put(Part.MUSCLE, ball(at, (0, 16, -82), (13, 12, 4)))


def _base(at: Space, outside: Values, put: Put) -> None:
    base = (outside > 0) & (at.z < -14)
    sphenoid_body = ball(at, (0, 12, -44), (22, 20, 14))
    put(Part.BONE, sphenoid_body, base)
    put(Part.MARROW, sphenoid_body + 2, base)
    clivus = rod(at, (0, -6, -44, 7), (0, -16, -60, 6), (0, -22, -72, 4.5))
    put(Part.BONE, clivus, base)
    put(Part.MARROW, clivus + 1.8, base)
    sinus = blend(ball(at, (9, 15, -44), (9, 12, 10)), ball(at, (4, 9, -46), (5, 8, 7)), 3) + 1.8 * ripple(at, 28)
    put(Part.BONE, sinus - 1.2, base)
    put(Part.MUCOSA, sinus, base)
    put(Part.AIR, np.asarray(sinus + 0.9, np.float32), base)
    put(Part.BONE, np.asarray(np.maximum(-at.lateral + 0.7, sinus), np.float32) - 0.0, base & (at.lateral < 0.7))
    wing = rod(at, (18, 22, -28, 3), (40, 26, -24, 3), (58, 20, -18, 5))
    put(Part.BONE, wing, base)
    petrous = blend(
        rod(at, (54, -30, -42, 11), (32, -18, -42, 8), (14, -6, -42, 6)), ball(at, (54, -38, -48), (13, 17, 21)), 8
    )
    put(Part.BONE, petrous, base)
    put(Part.MARROW, rod(at, (26, -14, -43, 3), (14, -7, -43, 3.5)), base)
    put(Part.AIR, petrous + 2.5, base & (ripple(at, 11, 0.5) > 0.12) & (at.lateral > 38))
    put(Part.AIR, rod(at, (50, -22, -42, 3.5), (84, -22, -42, 3.0)), base)
    put(Part.FLUID, rod(at, (36, -24, -40, 1.6), (40, -30, -40, 1.6)), base)
    frontal = np.maximum(np.abs(outside - 3.4) - 1.7, ball(at, (7, 80, -17), (11, 18, 13)) + 2 * ripple(at, 22))
    put(Part.BONE, np.asarray(frontal - 1.5, np.float32), outside > 0)
    put(Part.AIR, np.asarray(frontal, np.float32), outside > 0)


def _neck(at: Space, put: Put) -> None:
    put(Part.FAT, rod(at, (0, -104, -58, 7), (0, -98, -90, 9), (0, -92, -180, 10)))
    put(Part.FAT, np.asarray(np.maximum(at.lateral - 1.2, at.y + 52), np.float32), at.z < -62)
    wide = Space(at.x * np.float32(0.7), at.y, at.z)
    throat = rod(wide, (0, 12, -60, 6.5), (0, 7, -84, 5), (0, -2, -108, 5.5), (0, 6, -128, 6), (0, 14, -180, 8))
    throat = throat + 1.2 * ripple(at, 24)
    put(Part.MUCOSA, throat - 2)
    put(Part.AIR, throat)
    spine = rod(at, (0, -24, -82, 8), (0, -27, -180, 10.5))
    put(Part.BONE, spine)
    put(Part.MARROW, spine + 1.5, np.abs(np.sin((at.z + 92) * np.pi / 18)) > 0.24)
    for level in (-84.0, -110.0, -128.0, -146.0):
        arch = rod(at, (13, -46, level, 4), (5, -60, level - 3, 4), (0, -72, level - 9, 4.5))
        put(Part.BONE, arch)
        put(Part.MARROW, arch + 1.6)
    put(Part.BONE, ball(at, (21, -38, -84), (13, 10, 9)))
    put(Part.MARROW, ball(at, (21, -38, -84), (11, 8, 7)))
    put(Part.ARTERY, rod(at, (22, -8, -62, 2.4), (26, -16, -85, 2.5), (24, -2, -112, 2.8), (22, 10, -180, 3)))
    put(Part.SINUS, rod(at, (30, -18, -62, 3.2), (36, -30, -86, 2.8), (34, -6, -116, 3.4), (30, 14, -180, 3.4)))
    put(Part.GLAND, ball(at, (58, -8, -74), (9, 13, 20)))


def contents(at: Space, outside: Values, ventricle: Values) -> npt.NDArray[np.uint8]:
    """Label of vessels, dura, choroid plexus and pituitary gland inside the skull, else 0."""
    label = np.zeros(at.x.shape, np.uint8)
    within = outside < 1.5

    def put(part: Part, distance: Values, where: npt.NDArray[np.bool_] | None = None) -> None:
        label[(distance < 0) & within & (True if where is None else where)] = part

    rim = np.asarray(outside, np.float32)
    top = (at.z > 8) | (at.y < -96)
    put(Part.DURA, at.lateral - 0.8, (outside > -16) & top & (at.z > -12))
    put(Part.SINUS, np.maximum(at.lateral - 4.2 - 0.9 * rim, np.abs(rim + 1.5) - 3.2), top & (at.z > -16) & (at.y < 60))
    gutter = np.maximum(np.abs(rim + 1.2) - 3.0, np.abs(at.z + 16 + 0.1 * at.lateral) - 3.6)
    put(Part.SINUS, np.asarray(gutter, np.float32), (at.y < -42) & (at.lateral < 62))
    put(Part.SINUS, rod(at, (57, -46, -23, 4), (49, -42, -36, 4), (40, -38, -56, 4)))
    put(Part.SINUS, rod(at, (0, -40, 6, 2.0), (0, -58, 2, 2.0), (0, -92, -12, 2.6)))
    put(Part.SINUS, rod(at, (1.5, 4, 17, 0.9), (2, -20, 15, 0.9), (1, -38, 9, 1.4)))
    put(Part.SINUS, ball(at, (13, 4, -34), (4.5, 10, 6.5)))
    put(Part.ARTERY, rod(at, (13, -2, -38, 2.4), (13, 8, -34, 2.4), (11, 6, -24, 2.2)))
    put(
        Part.ARTERY,
        rod(at, (11, 6, -22, 1.5), (24, 6, -19, 1.5), (38, 2, -16, 1.3), (44, -8, -6, 1.0), (46, -22, 8, 0.9)),
    )
    put(
        Part.ARTERY, rod(at, (10, 8, -21, 1.2), (2, 18, -18, 1.2), (2, 36, -4, 1.1), (2, 40, 14, 1.0), (2, 24, 32, 0.8))
    )
    put(Part.ARTERY, rod(at, (0, -12, -24, 1.6), (0, -15, -34, 1.8), (0, -19, -52, 1.8), (7, -24, -66, 1.5)))
    put(Part.ARTERY, rod(at, (2, -13, -24, 1.2), (14, -18, -20, 1.1), (24, -34, -14, 1.0)))
    plexus = ball(at, (24, -40, 8), (5.5, 9, 7)) + 0.8 * ripple(at, 9)
    put(Part.CHOROID, np.maximum(plexus, ventricle + 0.6))
    put(Part.CHOROID, np.maximum(rod(at, (3, 2, 16, 1.4), (12, -26, 18, 1.6), (23, -38, 12, 2)), ventricle + 0.3))
    put(Part.CHOROID, np.maximum(ball(at, (0, -50, -40), (4, 3, 5)), ventricle + 0.5))
    put(Part.CORD, rod(at, (0, -45, -70, 5.5), (0, -47, -90, 5.0), (0, -48, -180, 4.5)))
    gland = ball(at, (0, 4, -34), (7.2, 5.5, 4.2))
    put(Part.GLAND, blend(gland, rod(at, (0, 1, -20, 1.0), (0, 3, -31, 1.1)), 2))
    return label
