"""What the search for copies needs to know of each picture, small enough to hold for all of them."""

from base64 import b64decode, b64encode
from typing import NamedTuple

import numpy as np

from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.keypoints import SIGNATURE_BYTES, Keypoints
from neuroonco.curate.records import PictureKeypoints


class Picture(NamedTuple):
    """Where a picture is, and whose; see :class:`neuroonco.catalog.records.SliceRecord`."""

    slice_id: str
    sample_id: str
    source_id: str
    image_path: str
    image_channel: int | None
    image_slice: int | None


def picture_of(record: SliceRecord) -> Picture:
    """The picture of a record."""
    return Picture(
        slice_id=record.slice_id,
        sample_id=record.sample_id,
        source_id=record.source_id,
        image_path=record.image_path,
        image_channel=record.image_channel,
        image_slice=record.image_slice,
    )


def encode_keypoints(slice_id: str, keypoints: Keypoints) -> PictureKeypoints:
    """Keypoints as a record."""
    return PictureKeypoints(
        slice_id=slice_id,
        width_px=keypoints.width_px,
        points=b64encode(keypoints.points.astype("<f4").tobytes()).decode(),
        signatures=b64encode(keypoints.signatures.tobytes()).decode(),
        mirrored=b64encode(keypoints.mirrored.tobytes()).decode(),
    )


def decode_keypoints(record: PictureKeypoints) -> Keypoints:
    """Keypoints from their record.

    >>> one = Keypoints(np.ones((2, 2), np.float32), np.ones((2, 24), np.uint8), np.zeros((2, 24), np.uint8), 160)
    >>> decode_keypoints(encode_keypoints("s1", one)).signatures.shape
    (2, 24)
    """
    return Keypoints(
        points=np.frombuffer(b64decode(record.points), dtype="<f4").reshape(-1, 2).astype(np.float32),
        signatures=np.frombuffer(b64decode(record.signatures), dtype=np.uint8).reshape(-1, SIGNATURE_BYTES),
        mirrored=np.frombuffer(b64decode(record.mirrored), dtype=np.uint8).reshape(-1, SIGNATURE_BYTES),
        width_px=record.width_px,
    )
