"""Pictures, records and matches for tests of curation."""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.candidates import hash_pairs
from neuroonco.curate.keypoints import keypoints_of, working_picture
from neuroonco.curate.matches import CandidatePair, View, match_pictures
from neuroonco.curate.pictures import picture_of
from neuroonco.curate.records import PictureMatch
from neuroonco.curate.rules import DuplicateRules
from neuroonco.images import Gray
from neuroonco.inspection.content import reduce_picture
from neuroonco.inspection.fingerprint import fingerprint_of, orientations
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.rules import load_rules
from neuroonco.vocabulary import DuplicateKind

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
DUPLICATES = load_rules("default").section("duplicates", DuplicateRules)


def record(number: int, **changes: Any) -> SliceRecord:
    """A catalogued slice ``s<number>``."""
    base = {
        "slice_id": f"s{number}",
        "sample_id": f"x{number}",
        "source_id": "01",
        "image_path": f"{number}.png",
        "image_sha256": "a" * 64,
        "height_px": 128,
        "width_px": 128,
        "channels": 1,
        "bit_depth": 8,
    }
    return SliceRecord.model_validate(base | changes)


def match(first: int, second: int, kind: DuplicateKind | None = DuplicateKind.NEAR, **changes: Any) -> PictureMatch:
    """A match of two slices."""
    return PictureMatch(first=f"s{first}", second=f"s{second}", kind=kind, **changes)


@cache
def phantom(number: int) -> Gray:
    """A drawn slice, higher than wide (256, 208)."""
    return np.ascontiguousarray(draw_phantom(11, number).image[:, 24:232])


def matched(first: Gray, second: Gray) -> PictureMatch | None:
    """What verification says of two pictures."""
    small = [working_picture(picture) for picture in (first, second)]
    hashes = [orientations(fingerprint_of(reduce_picture(picture))) for picture in (first, second)]
    limit, common = DUPLICATES.max_hash_distance, DUPLICATES.max_pictures_a_word
    near = hash_pairs(np.stack(hashes), max_distance=limit, max_pictures_a_word=common)
    views = [View(picture_of(record(i)), keypoints_of(picture)) for i, picture in enumerate(small)]
    return match_pictures(small[0], small[1], CandidatePair(views[0], views[1], len(near) > 0), DUPLICATES)


def png(picture: Gray, compression: int = 3) -> bytes:
    """A PNG file."""
    return bytes(cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, compression])[1].tobytes())


def jpeg(picture: Gray, quality: int = 90) -> bytes:
    """A JPEG file."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


@cache
def copies() -> ModuleType:
    """The generator of copies, ``benchmarks/copies.py``."""
    spec = importlib.util.spec_from_file_location("copies", BENCHMARKS / "copies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["copies"] = module
    spec.loader.exec_module(module)
    return module
