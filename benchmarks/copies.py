"""Copies of pictures with known transforms, as collections make them of each other: re-encode, crop, turn, mark.

    python benchmarks/copies.py FOLDER OUT [--per-kind 20] [--seed 1]

writes copies of the pictures below FOLDER to OUT/<kind>/, with OUT/truth.csv (copy, original, kind).
"""

import argparse
import csv
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from neuroonco.errors import InputError
from neuroonco.images import IMAGE_SUFFIXES, Gray, read_image

Copier = Callable[[Gray, np.random.Generator], Gray]


def reencoded(image: Gray, rng: np.random.Generator) -> Gray:
    """JPEG of quality 25 to 90, which the caller saves once more."""
    quality = int(rng.integers(25, 90))
    return _gray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0))


def resized(image: Gray, rng: np.random.Generator) -> Gray:
    """0.45 to 1.8 times as large, but never below 100 px."""
    scale = max(float(rng.uniform(0.45, 1.8)), 100 / min(image.shape))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return _gray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=method))


def squashed(image: Gray, _rng: np.random.Generator) -> Gray:
    """256 x 256 whatever the proportions, as classifiers are fed."""
    return _gray(cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA))


def gamma_changed(image: Gray, rng: np.random.Generator) -> Gray:
    """Gamma of 0.55 to 1.7."""
    return _gray(255 * (image / 255.0) ** rng.uniform(0.55, 1.7))


def windowed(image: Gray, rng: np.random.Generator) -> Gray:
    """Contrast 0.6 to 1.5 times and brightness moved by up to 30, clipped."""
    return _gray((image.astype(float) - 128) * rng.uniform(0.6, 1.5) + 128 + rng.uniform(-30, 30))


def watermarked(image: Gray, rng: np.random.Generator) -> Gray:
    """White text somewhere across the picture."""
    marked = image.copy()
    height, width = image.shape
    place = (int(width * rng.uniform(0, 0.4)), int(height * rng.uniform(0.3, 0.95)))
    cv2.putText(marked, "www.scan.org", place, cv2.FONT_HERSHEY_SIMPLEX, width / 350, 255, max(1, width // 200))
    return marked


def padded(image: Gray, rng: np.random.Generator) -> Gray:
    """Up to 35 % more on each side, black or white."""
    height, width = image.shape
    sides = [int(rng.uniform(0, 0.35) * length) for length in (height, height, width, width)]
    return _gray(cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=[int(rng.choice([0, 0, 0, 255]))]))


def cropped(image: Gray, rng: np.random.Generator) -> Gray:
    """Up to 12 % less on each side."""
    height, width = image.shape
    top, bottom = (int(rng.uniform(0, 0.12) * height) for _ in "tb")
    left, right = (int(rng.uniform(0, 0.12) * width) for _ in "lr")
    return np.ascontiguousarray(image[top : height - bottom, left : width - right])


def flipped(image: Gray, rng: np.random.Generator) -> Gray:
    """Left to right, top to bottom, or both."""
    return _gray(cv2.flip(image, int(rng.choice([0, 1, -1]))))


def quarter_turned(image: Gray, rng: np.random.Generator) -> Gray:
    """By 90, 180 or 270 degrees."""
    return np.ascontiguousarray(np.rot90(image, int(rng.integers(1, 4))))


def turned(image: Gray, rng: np.random.Generator) -> Gray:
    """By 2 to 15 degrees either way, edges repeated."""
    return _warped(image, rng.choice([-1, 1]) * rng.uniform(2, 15))


def augmented(image: Gray, rng: np.random.Generator) -> Gray:
    """As common training code does at once: turn, shift, shear, flip, darken; edges repeated."""
    moved = _warped(
        image,
        rng.uniform(-10, 10),
        shift=(rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1)),
        shear=rng.uniform(-0.1, 0.1),
    )
    for axis in (0, 1):
        if rng.random() < 0.5:
            moved = _gray(cv2.flip(moved, axis))
    return _gray(moved * rng.uniform(0.4, 1.2))


def zoomed(image: Gray, rng: np.random.Generator) -> Gray:
    """Up to 20 degrees, 0.8 to 1.25 times as large, half of them flipped."""
    moved = _warped(image, rng.uniform(-20, 20), scale=rng.uniform(0.8, 1.25))
    return _gray(cv2.flip(moved, 1)) if rng.random() < 0.5 else moved


NEAR: dict[str, Copier] = {
    "reencoded": reencoded,
    "resized": resized,
    "squashed": squashed,
    "gamma": gamma_changed,
    "windowed": windowed,
    "watermarked": watermarked,
    "padded": padded,
    "cropped": cropped,
}
AUGMENTED: dict[str, Copier] = {
    "flipped": flipped,
    "quarter_turned": quarter_turned,
    "turned": turned,
    "augmented": augmented,
    "zoomed": zoomed,
}
KINDS = NEAR | AUGMENTED
JPEG_QUALITY = 85


def jpeg_of(kind: str, image: Gray, rng: np.random.Generator) -> bytes:
    """A copy of that kind, as a JPEG file."""
    copy = KINDS[kind](image, rng)
    return cv2.imencode(".jpg", copy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _warped(
    image: Gray, degrees: float, *, scale: float = 1.0, shift: tuple[float, float] = (0, 0), shear: float = 0.0
) -> Gray:
    height, width = image.shape
    turn = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), float(degrees), scale), [0, 0, 1]])
    sheared = np.array([[1, shear, -shear * height / 2], [0, 1, 0], [0, 0, 1]])
    affine = (turn @ sheared)[:2]
    affine[:, 2] += shift[0] * width, shift[1] * height
    return _gray(cv2.warpAffine(image, affine, (width, height), borderMode=cv2.BORDER_REPLICATE))


def _gray(values: np.ndarray) -> Gray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def main() -> None:
    """Write copies of every picture below a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--per-kind", type=int, default=math.inf, help="originals copied for each kind; default all")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    paths = sorted(
        p for p in arguments.folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and "mask" not in p.stem
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "truth.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["copy", "original", "kind"])
        for kind in KINDS:
            (arguments.out / kind).mkdir(exist_ok=True)
            chosen = rng.permutation(len(paths))[: int(min(arguments.per_kind, len(paths)))]
            for number in sorted(chosen):
                original = paths[number].relative_to(arguments.folder).as_posix()
                try:
                    image = read_image(arguments.folder, original)
                except InputError as error:
                    print(error.line)
                    continue
                name = f"{kind}/{number:06d}.jpg"
                (arguments.out / name).write_bytes(jpeg_of(kind, image, rng))
                table.writerow([name, original, kind])


if __name__ == "__main__":
    main()
