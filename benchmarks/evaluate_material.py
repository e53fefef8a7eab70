"""What :mod:`evaluate` asks about: pictures like slices at the paths of a benchmark, and a benchmark where none is."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

SIDE_PX = 512
JPEG_QUALITY = 90
TYPES = ("diagnosis", "modality", "size", "shape", "spread", "location")
SHAPE = ((655, 2), (307, 6), (38, 1))
"""Images, and questions of each, of the published closed benchmark: 1,000 and 3,190."""


def pictures(root: Path, paths: list[str], seed: int) -> float:
    """Draw a picture at every path, each with pixels of its own; gives their mean size in KiB.

    A head of fine texture on black, 512 x 512 pixels; JPEG with three equal channels, PNG with one, as collections
    have them.
    """
    rng = np.random.default_rng(seed)
    fields = [cv2.GaussianBlur(rng.normal(0, 1, (SIDE_PX, SIDE_PX)), (0, 0), sigma) for sigma in (1.2, 4.0, 25.0)]
    fields = [field / field.std() for field in fields]
    y, x = np.mgrid[-1 : 1 : SIDE_PX * 1j, -1 : 1 : SIDE_PX * 1j]
    total = 0
    for path in paths:
        weights = (rng.uniform(4, 8), rng.uniform(6, 14), rng.uniform(10, 25))
        moved = [np.roll(field, rng.integers(0, SIDE_PX, 2), (0, 1)) for field in fields]
        texture = sum(weight * field for weight, field in zip(weights, moved, strict=True))
        head = (y / rng.uniform(0.75, 0.9)) ** 2 + (x / rng.uniform(0.6, 0.75)) ** 2 < 1
        pixels = np.where(head, np.clip(rng.uniform(80, 120) + texture, 0, 255), 2).astype(np.uint8)
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        total += target.write_bytes(encoded(pixels, target.suffix))
    return total / len(paths) / 1024


def encoded(pixels: npt.NDArray[np.uint8], suffix: str) -> bytes:
    """A picture file."""
    if suffix.lower() in (".jpg", ".jpeg"):
        colored = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
        done, data = cv2.imencode(".jpg", colored, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    else:
        done, data = cv2.imencode(suffix, pixels)
    if not done:
        raise SystemExit(f"no picture of the kind {suffix} can be written")
    return bytes(data)


def like_published(rng: np.random.Generator) -> list[dict[str, Any]]:
    """A closed benchmark of the published one's shape, with words of its own."""
    counts = np.repeat([n for _, n in SHAPE], [images for images, _ in SHAPE])
    rng.shuffle(counts)
    return [
        {
            "id": number,
            "image_path": f"glioma/{number % 20:02d}_t1ce/slice ({number}).{('jpg', 'png')[number % 4 == 0]}",
            "vqa_pairs": [_question(kind, rng) for kind in TYPES[:count]],
        }
        for number, count in enumerate(counts.tolist(), start=1)
    ]


def _question(kind: str, rng: np.random.Generator) -> dict[str, Any]:
    offered = [f"{kind} {word}" for word in rng.permutation(12)[:4]]
    options = dict(zip("ABCDE", [*offered, "None of the above"], strict=True))
    return {"question_type": kind, "question": f"What is the {kind}?", "options": options, "answer": "A"}


def loaded(published: Path | None, folder: Path, seed: int, images: int | None) -> Path:
    """The benchmark as a file: the published one unchanged, its first images, or one of the same shape."""
    if published is not None and images is None:
        return published
    own = like_published(np.random.default_rng(seed))
    document = json.loads(published.read_text("utf-8")) if published is not None else own
    target = folder / "benchmark.json"
    target.write_text(json.dumps(document[:images]), "utf-8")
    return target
