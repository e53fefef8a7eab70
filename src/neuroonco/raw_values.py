"""The values of a slice as its file states them, where :mod:`neuroonco.images` gives 8-bit gray for measuring."""

import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from neuroonco import images
from neuroonco.errors import InputError
from neuroonco.images import PictureRef
from neuroonco.volumes.rules import volume_rules
from neuroonco.volumes.window import Window, window_of


@dataclass(frozen=True)
class RawValues:
    """A slice in the units of its file.

    Attributes:
        values: (height, width), or (height, width, 3) uint8 for a picture with color. Upright.
        window: the values that the measuring code takes as black and white; None for pictures of 8 bits, which it
            takes as they are.
    """

    values: npt.NDArray[Any]
    window: Window | None


def read_raw(root: Path, ref: PictureRef) -> RawValues:
    """Read the values of a slice, whatever kind of file it lies in; the limits are those of the measuring code.

    Raises:
        InputError: as :func:`neuroonco.images.read_picture`, but for slices in which no value differs from zero: they
            have the window of their own least and largest value.
        PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
    """
    where = ref.image_path
    if ref.image_slice is None and not images.is_volume(where):
        return _picture(images.read_bytes(images.resolve(root, where), where), where, ref.image_channel)
    from neuroonco.volumes.read import slice_values  # here: most collections have no volumes

    values, volume = slice_values(root, where, ref.image_slice)
    try:
        return RawValues(values, volume.window if volume is not None else _window(values, where))
    except InputError as error:
        if error.code != "VOLUME_EMPTY":
            raise
        return RawValues(values, range_of(values))


def range_of(values: npt.NDArray[Any]) -> Window:
    """The least and the largest finite value; zero and zero where there is none.

    >>> range_of(np.array([np.nan, 2.0, np.inf, -1.0]))
    (-1.0, 2.0)
    """
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _picture(data: bytes, where: str, channel: int | None) -> RawValues:
    decoded = images.decode(data, where)
    if channel is not None and (decoded.channels != 3 or channel not in range(3)):
        what = f"channel {channel} of a picture of {decoded.channels}"
        raise InputError("CHANNEL_MISSING", what, where=where)
    if decoded.bit_depth <= 8:
        whole = decoded.color if channel is None and decoded.color is not None else decoded.gray(channel)
        return RawValues(whole, None)
    values = _stored(data)
    try:
        return RawValues(values, _window(values, where))
    except InputError:  # nothing but zeros
        return RawValues(values, range_of(values))


def _window(values: npt.NDArray[Any], where: str) -> Window:
    rules = volume_rules()
    return window_of(values, rules.window_low_percentile, rules.window_high_percentile, where)


def _stored(data: bytes) -> npt.NDArray[Any]:
    """Values of a picture of more than 8 bits that :func:`neuroonco.images.decode` has accepted: what decoding it to
    8 bits loses. Such files are few, so that they may be decoded twice, and size and faults are judged in one place.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(data), formats=images.FORMATS) as image:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return np.asarray(image)
