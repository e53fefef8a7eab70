"""Bake slices of the MNI152 2009a template, and a head around them, into the asset of the phantoms.

Run with a Python that has nilearn 0.14 (whose wheel holds the template) and SciPy, from the root of the repository::

    python scripts/bake_template.py

It writes ``src/neuroonco/phantoms/template.npz``; the same versions give the same bytes. nilearn is not needed to use
the package. The template shows the brain only: everything around it comes from ``scripts/head_model.py``.

Arrays of the asset, one row per slice, in radiological display (patient's left at the right; sagittal: face left):

- at 1 mm per pixel ``white`` and ``fluid`` (shares as 0 to 31; fluid is mask - gray - white), ``mask``, ``sulci`` and
  ``nuclei`` (0 to 15), ``around`` and ``inside`` (labels of ``Part``);
- as 128 + 4 x distance in mm, negative inside: ``outside`` (from the inner surface of the skull, 4 mm per cell),
  ``skin`` (from the surface of the head, 2 mm) and ``wet`` (from the ventricles, 2 mm).

The smooth arrays are stored as differences along rows and columns, modulo 256.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import nilearn
import numpy as np
import numpy.typing as npt
from head_model import Space, Values, ball, blend, cisterns, contents, parts, skin
from nibabel import load
from nilearn.datasets import load_mni152_brain_mask
from scipy import ndimage

ASSET = Path(__file__).parents[1] / "src/neuroonco/phantoms/template.npz"
DATA = Path(nilearn.__file__).parent / "datasets/data"
ORIGIN_MM = np.array((-98.0, -134.0, -72.0))
"""Of voxel (0, 0, 0); index 0 is the patient's left."""
PADDING = ((2, 2), (2, 2), (60, 4))
"""Voxels added around the template so that the head below it has coordinates."""
SIDE = 256
AXIAL = (-48, -44, -40, -36, -31, -26, -20, -14, -8, -2, 4, 10, 16, 22, 28, 35, 43, 51)
CORONAL = (-82, -74, -67, -61, -55, -47, -39, -31, -24, -17, -9, -2, 4, 9, 18, 30)
SAGITTAL = (2, 4, 6, 9, 13, 18, 20, 24, 29, 34, 39, 44)
DIFFERENCED = ("white", "fluid", "outside", "skin", "wet")
"""Smooth arrays, which deflate better as differences."""
Volume = npt.NDArray[np.float32]


def volumes() -> dict[str, Volume]:
    """The template, 0 to 1, padded."""
    name = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
    out = {kind: np.asarray(load(DATA / name.format(kind)).dataobj, np.float32) / 255 for kind in ("gm", "wm")}
    out["mask"] = np.asarray(load_mni152_brain_mask(resolution=1).dataobj, np.float32)
    return {kind: np.pad(volume, PADDING) for kind, volume in out.items()}


def signed(mask: npt.NDArray[np.bool_]) -> Volume:
    """Distance in mm to the surface of a mask, negative inside."""
    out = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
    return np.asarray(out, np.float32)


def hull(mask: npt.NDArray[np.bool_], reach_mm: float, smooth_mm: float) -> Volume:
    """Distance to the brain with all that is narrower than twice ``reach_mm`` closed."""
    grown = ndimage.distance_transform_edt(~mask) < reach_mm
    closed = ndimage.distance_transform_edt(grown) > reach_mm
    return np.asarray(ndimage.gaussian_filter(signed(closed | mask), smooth_mm), np.float32)


def ventricles(fluid: Volume, depth: Volume) -> npt.NDArray[np.bool_]:
    """The lateral, third and fourth ventricles: fluid far from the surface."""
    x, y, z = grid_mm(fluid.shape)
    lateral = np.abs(x)
    upper = (depth < -20) & (lateral < 42) & (z > -22) & (z < 29) & (y < 36) & (y > -70)
    third = (lateral < 4.5) & (y > -32) & (y < 5) & (z > -14) & (z < 10)
    upper &= third | ((lateral > 2.5) & ~((lateral < 10) & (z < 0)) & ~((lateral < 10) & (y < -28)))
    upper &= ~((lateral > 26) & (y > -12) & (z > -12)) & ~((lateral > 32) & (z > 0))
    lower = (lateral < 10) & (y < -37) & (y > -51) & (z < -24) & (z > -50)
    wet = (fluid > 0.45) & (upper | lower)
    labels, n = ndimage.label(wet)
    sizes = np.asarray(ndimage.sum_labels(wet, labels, np.arange(1, n + 1)))
    return np.isin(labels, 1 + np.flatnonzero(sizes > 60))


def sulci(white: Volume, mask: npt.NDArray[np.bool_], depth: Volume) -> Volume:
    """Where a sulcus must run although the average brain has blurred it: ridges of the distance to white matter."""
    away = np.asarray(ndimage.distance_transform_edt(white < 0.45), np.float32)
    away = np.asarray(ndimage.gaussian_filter(away, 0.7), np.float32)
    ridge = -sum(np.minimum(ndimage.gaussian_filter(away, 0.9, order=o), 0) for o in ((2, 0, 0), (0, 2, 0), (0, 0, 2)))
    strength = np.clip((ridge - 0.12) * 3, 0, 1) * np.clip((away - 1.8) / 1.2, 0, 1)
    return np.asarray(np.where(mask & (depth < 0) & (depth > -32), strength, 0), np.float32)


def grid_mm(shape: tuple[int, ...]) -> list[npt.NDArray[np.float64]]:
    """Sparse coordinates in mm of the padded volume; x to the patient's right."""
    start = ORIGIN_MM - [before for before, _ in PADDING]
    axes = [start[i] + np.arange(shape[i]) for i in range(3)]
    return np.meshgrid(*axes, indexing="ij", sparse=True)


def plane_mm(plane: str, level: float) -> Space:
    """Coordinates of the pixels of a slice as displayed."""
    columns, rows = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    same = np.full((SIDE, SIDE), level, np.float32)
    if plane == "axial":
        return Space(128 - columns, 121 - rows, same)
    if plane == "coronal":
        return Space(128 - columns, same, 118 - rows)
    return Space(same, 120 - columns, 112 - rows)


def sampled(volume: Volume, at: Space, order: int = 1, outside: float = 0.0) -> Values:
    """A volume at the pixels of a slice; beyond the volume its last values if ``outside`` is NaN."""
    start = ORIGIN_MM - [before for before, _ in PADDING]
    places = [v - s for v, s in zip((at.x, at.y, at.z), start, strict=True)]
    mode, value = ("nearest", 0.0) if np.isnan(outside) else ("constant", outside)
    return np.asarray(ndimage.map_coordinates(volume, places, order=order, mode=mode, cval=value), np.float32)


def nuclei(at: Space) -> Values:
    """Coverage of thalamus, putamen and head of the caudate nucleus."""
    deep = blend(ball(at, (12, -18, 7), (12, 16, 11)), ball(at, (26, 1, 1), (9, 19, 11)), 1)
    deep = blend(deep, ball(at, (12, 12, 9), (8, 13, 12)), 1)
    return np.clip(0.5 - deep / 4, 0, 1)


def coded(distance: Values, step: int) -> npt.NDArray[np.uint8]:
    """A distance in cells of ``step`` mm, as 128 + 4 x mm, no farther than 20 mm."""
    cells = distance.reshape(SIDE // step, step, SIDE // step, step).mean((1, 3))
    return np.asarray(np.rint(128 + 4 * np.clip(cells, -20, 20)), np.uint8)


def steps(share: Values, highest: int) -> npt.NDArray[np.uint8]:
    """A share as 0 to ``highest``."""
    return np.asarray(np.clip(np.rint(share * highest), 0, highest), np.uint8)


def differences(stack: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Second differences modulo 256; two cumulative sums restore the stack."""
    for axis in (2, 1):
        stack = np.diff(stack, axis=axis, prepend=np.uint8(0))
    return stack


def baked(plane: str, level: float, source: dict[str, Volume]) -> dict[str, npt.NDArray[np.uint8]]:
    """All arrays of one slice."""
    at = plane_mm(plane, level)
    outside = blend(sampled(source["hull"], at, outside=np.nan) - np.float32(1.9), cisterns(at), 4)
    wet = sampled(source["wet"], at, outside=30.0)
    surface = skin(at, sampled(source["vault"], at, outside=np.nan) - np.float32(2.5))
    return {
        "white": steps(sampled(source["wm"], at), 31),
        "fluid": steps(sampled(source["fluid"], at), 31),
        "sulci": steps(sampled(source["sulci"], at), 15),
        "nuclei": steps(nuclei(at), 15),
        "mask": (sampled(source["mask"], at) > 0.5).astype(np.uint8),
        "around": parts(at, outside, surface),
        "inside": contents(at, outside, wet),
        "outside": coded(outside, 4),
        "skin": coded(surface, 2),
        "wet": coded(wet, 2),
    }


def write(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """An npz whose bytes depend on the arrays alone."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.save(buffer, arrays[name], allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)


def main() -> None:
    """Bake all slices."""
    source = volumes()
    brain = source["mask"] > 0.5
    source["hull"], source["vault"] = hull(brain, 9, 1.5), hull(brain, 28, 4)
    source["fluid"] = np.clip(source["mask"] - source["gm"] - source["wm"], 0, 1)
    source["wet"] = signed(ventricles(source["fluid"], source["hull"]))
    source["sulci"] = sulci(source["wm"], brain, source["hull"])
    slices = [("axial", v) for v in AXIAL] + [("coronal", v) for v in CORONAL] + [("sagittal", v) for v in SAGITTAL]
    rows = [baked(plane, level, source) for plane, level in slices]
    arrays = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    arrays.update({key: differences(arrays[key]) for key in DIFFERENCED})
    arrays["plane"] = np.array([("axial", "coronal", "sagittal").index(plane) for plane, _ in slices], np.uint8)
    arrays["level_mm"] = np.array([level for _, level in slices], np.int16)
    write(ASSET, arrays)
    print(f"{ASSET}: {len(slices)} slices, {ASSET.stat().st_size} bytes")  # noqa: T201


if __name__ == "__main__":
    main()
