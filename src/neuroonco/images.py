"""Decode images and masks safely: bounded, under one root, always 8-bit gray for the measuring code."""

import os
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from neuroonco.errors import InputError
from neuroonco.jpeg import START, decode_jpeg, gray_and_color

Gray = npt.NDArray[np.uint8]
"""Image of shape (height, width), 0 to 255."""
Mask = npt.NDArray[np.bool_]
"""Lesion mask of shape (height, width)."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
VOLUME_SUFFIXES = (".nii", ".nii.gz", ".mat", ".dcm")
"""Files that :mod:`neuroonco.volumes` reads."""
FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "GIF", "WEBP", "PPM")
MIN_SIDE_PX = 32
MAX_SIDE_PX = 8192
MAX_PIXELS = 40_000_000
MAX_FILE_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Decoded:
    """An image as stored and as used: EXIF orientation applied, alpha dropped.

    Attributes:
        luma: (height, width) uint8; of a color JPEG as libjpeg decodes it, of other color images weighted as BT.601.
        color: (height, width, 3) uint8; None where all color channels are equal, or there is one.
        channels: 1 or 3, as stored.
        bit_depth: bits per channel before the reduction to 8: 1, 8, 16 or 32 (floating point). 16-bit color files
            are read as 8.
        mode: the file's color mode as Pillow names it.
    """

    luma: Gray
    color: npt.NDArray[np.uint8] | None
    channels: int
    bit_depth: int
    mode: str

    @property
    def height_px(self) -> int:
        """Height after orientation."""
        return int(self.luma.shape[0])

    @property
    def width_px(self) -> int:
        """Width after orientation."""
        return int(self.luma.shape[1])

    @property
    def is_gray(self) -> bool:
        """True if all color channels are equal."""
        return self.color is None

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """The image as (height, width), or (height, width, 3) if it is stored with three channels."""
        if self.color is not None:
            return self.color
        return self.luma if self.channels == 1 else np.repeat(self.luma[..., None], 3, axis=2)

    def gray(self, channel: int | None = None) -> Gray:
        """The image as (height, width) uint8: one color channel if asked, else luma."""
        if channel is None or self.color is None:
            return self.luma
        return np.ascontiguousarray(self.color[..., channel])


Decode = Callable[[bytes, str], Decoded]
"""From a file's bytes, and its name for messages, to pixels; raises ``InputError`` as :func:`decode` does."""


def resolve(root: Path, relative: str) -> Path:
    """Path of a file under ``root``, refusing to leave it.

    Raises:
        InputError: absolute path, ``..``, NUL, backslash, or a link that leads outside.
    """
    drive = relative[1:2] == ":"
    parts = relative.split("/")
    if not relative or relative[0] == "/" or ".." in parts or "\0" in relative or "\\" in relative or drive:
        raise InputError("PATH_OUTSIDE_ROOT", "path must be relative and inside the root", where=relative[:200])
    path = root / relative
    if not _has_link(root, parts):
        return path
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        inside = False
    if not inside:
        raise InputError("PATH_OUTSIDE_ROOT", "a link leads outside the root or in a circle", where=relative[:200])
    return path


def _has_link(root: Path, parts: list[str]) -> bool:
    """Whether some part of a path below the root is a link, or cannot be looked at: the cheap look at each file."""
    place = str(root)
    for part in parts:
        if part in ("", "."):
            continue
        place = f"{place}/{part}"
        try:
            if stat.S_ISLNK(os.lstat(place).st_mode):
                return True
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True
    return False


def read_bytes(path: Path, where: str) -> bytes:
    """All bytes of an image file, with one-line errors.

    Raises:
        InputError: missing, unreadable, empty or absurdly large.
    """
    try:
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise InputError("FILE_MISSING", "no such file", where=where) from None
        if not stat.S_ISREG(status.st_mode):
            raise InputError("FILE_MISSING", "no such file", where=where)
        size = status.st_size
        if size == 0:
            raise InputError("IMAGE_EMPTY", "the file has no bytes", where=where, fix="download it again")
        if size > MAX_FILE_BYTES:
            raise InputError("IMAGE_TOO_LARGE", f"{size} bytes, at most {MAX_FILE_BYTES}", where=where)
        with path.open("rb", buffering=0) as file:  # in one piece, so a buffer would only cost time
            return file.read()
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=where) from None


def decode(data: bytes, where: str, *, min_side_px: int = MIN_SIDE_PX, is_mask: bool = False) -> Decoded:
    """Decode image bytes to 8-bit pixels.

    Images of 16 or more bits a channel are windowed as volumes are: the 0.5th percentile of the values that are not
    zero becomes 0 and the 99.5th 255 (section ``[volumes]`` of the rules), so that one hot pixel does not darken the
    rest; a picture of one value is 0. Masks are scaled by their minimum and maximum. Palette, CMYK and alpha images
    become RGB; EXIF orientation is applied.

    Args:
        data: the file's bytes.
        where: name for messages.
        min_side_px: the shorter side must have at least this many pixels.
        is_mask: the values are labels, so that the smallest of them is not background.

    Raises:
        InputError: not an image, truncated, or of absurd size; the size is read from the header before any
            pixel is decoded.
    """
    plain = decode_jpeg(data, lambda size: _check_size(size, where, min_side_px))
    if plain is not None:
        return Decoded(plain.gray, plain.color, plain.channels, 8, "L" if plain.channels == 1 else "RGB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                _check_size(image.size, where, min_side_px)
                mode = image.mode
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
                pixels, bit_depth = _to_uint8(image, is_mask)
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError("IMAGE_UNDECODABLE", "not an image of a known format", where=where) from None
    except Image.DecompressionBombError:
        raise InputError("IMAGE_TOO_LARGE", "decompression bomb", where=where) from None
    except Exception as error:
        # Pillow's decoders raise many types on hostile bytes (OSError, SyntaxError, struct.error, ...): the
        # boundary to untrusted data is here, and every one of them means the same to a user.
        truncated = "truncated" in str(error).lower()
        code = "IMAGE_TRUNCATED" if truncated else "IMAGE_UNDECODABLE"
        raise InputError(code, str(error)[:120] or type(error).__name__, where=where) from None
    if pixels.ndim == 2:
        return Decoded(pixels, None, 1, bit_depth, mode)
    return Decoded(*gray_and_color(pixels), 3, bit_depth, mode)


def _check_size(size: tuple[int, int], where: str, min_side_px: int) -> None:
    width, height = size
    if max(size) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        limit = f"at most {MAX_SIDE_PX} px a side and {MAX_PIXELS} px in all"
        raise InputError("IMAGE_TOO_LARGE", f"{width} x {height} px, {limit}", where=where)
    if min(size) < min_side_px:
        raise InputError("IMAGE_TOO_SMALL", f"{width} x {height} px, at least {min_side_px} a side", where=where)


def _to_uint8(image: Image.Image, is_mask: bool) -> tuple[npt.NDArray[np.uint8], int]:
    mode = image.mode
    if mode in ("L", "RGB", "RGBA", "RGBX", "RGBa"):
        return _stored(image), 8
    if mode == "1":
        return np.asarray(image.convert("L"), dtype=np.uint8), 1
    if mode == "LA":
        return np.asarray(image.getchannel("L"), dtype=np.uint8), 8
    if mode.startswith("I") or mode == "F":
        return _windowed(np.asarray(image), is_mask), 32 if mode == "F" else 16
    return np.asarray(image.convert("RGB"), dtype=np.uint8), 8


def _windowed(values: npt.NDArray[Any], is_mask: bool) -> Gray:
    """Values of more than 8 bits as 8-bit gray; see :func:`decode`. What is not a number becomes 0."""
    # Here, because these modules know this one, and few pictures have so many bits.
    from neuroonco.volumes.rules import volume_rules
    from neuroonco.volumes.window import to_gray, window_of

    finite = values[np.isfinite(values)]
    if not finite.size or finite.min() == finite.max():
        return np.zeros(values.shape, dtype=np.uint8)
    if is_mask:
        return to_gray(values, (float(finite.min()), float(finite.max())))
    rules = volume_rules()
    return to_gray(values, window_of(values, rules.window_low_percentile, rules.window_high_percentile))


def _stored(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Pixels of an 8-bit image as Pillow holds them, without a copy where they lie in one piece of memory.

    Returns:
        (height, width), or (height, width, 3 or 4).
    """
    import pyarrow as pa  # here, because nothing else that looks at pictures needs it

    width, height = image.size
    try:
        values = pa.array(image)
    except (pa.ArrowException, ValueError, TypeError):
        return np.asarray(image, dtype=np.uint8)
    if image.mode == "L":
        return np.asarray(values).reshape(height, width)
    return np.asarray(values.flatten()).reshape(height, width, -1)


class PictureRef(Protocol):
    """Anything that names the picture of a slice: a file, and which channel or slice of it."""

    @property
    def image_path(self) -> str:
        """Relative to the root."""
        ...

    @property
    def image_channel(self) -> int | None:
        """Color channel of the file that is the picture."""
        ...

    @property
    def image_slice(self) -> int | None:
        """Slice of the volume that is the picture."""
        ...


def is_volume(relative: str) -> bool:
    """Whether a file is one of those that :mod:`neuroonco.volumes` reads, by its name.

    >>> is_volume("case/case_flair.NII.gz"), is_volume("case/case_flair.png")
    (True, False)
    """
    return relative.lower().endswith(VOLUME_SUFFIXES)


def read_picture(root: Path, ref: PictureRef) -> Gray:
    """Read the picture of a slice as (height, width) uint8, whatever kind of file it lies in.

    Raises:
        InputError: see :func:`read_image` and :func:`neuroonco.volumes.read_slice`.
        PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
    """
    if ref.image_slice is not None or is_volume(ref.image_path):
        from neuroonco.volumes.read import read_slice  # here: most collections have none, and it knows images

        return read_slice(root, ref.image_path, ref.image_slice)
    return read_image(root, ref.image_path, ref.image_channel)


def read_image(root: Path, relative: str, channel: int | None = None) -> Gray:
    """Read one slice as (height, width) uint8.

    Raises:
        InputError: see :func:`resolve`, :func:`read_bytes` and :func:`decode`.
    """
    decoded = decode(read_bytes(resolve(root, relative), relative), relative)
    if channel is not None and decoded.channels != 3:
        raise InputError("CHANNEL_MISSING", f"channel {channel} of a one-channel image", where=relative)
    return decoded.gray(channel)


def read_mask_values(root: Path, relative: str) -> Gray:
    """Read a mask image as its stored gray values (height, width); label values are kept, not scaled.

    Raises:
        InputError: see :func:`resolve`, :func:`read_bytes` and :func:`decode`.
    """
    data = read_bytes(resolve(root, relative), relative)
    if data.startswith(START):  # a JPEG has no labels in a palette or in 16 bits
        return decode(data, relative, min_side_px=1, is_mask=True).gray()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                _check_size(image.size, relative, 1)
                if image.mode == "P":  # a palette mask stores labels as indices; colours are decoration
                    return np.asarray(image, dtype=np.uint8)
                if image.mode.startswith("I"):
                    values: npt.NDArray[Any] = np.asarray(image)
                    if values.max(initial=0) <= 255 and values.min(initial=0) >= 0:
                        return values.astype(np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        pass  # decode() below meets the same bytes and words the error
    return decode(data, relative, min_side_px=1, is_mask=True).gray()
