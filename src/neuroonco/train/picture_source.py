"""The picture that a row is trained with: its own, a blank one, or another image's."""

import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image, UnidentifiedImageError

from neuroonco import images
from neuroonco.control_pictures import PictureName, blank, deal_pictures
from neuroonco.errors import InputError
from neuroonco.images import Gray
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.local_processor import picture_of
from neuroonco.models.picture import encode_picture
from neuroonco.train.records import Pictures

AS_ASKED: Final = Endpoint(name="local", description="How a local model is shown a picture.", source="neuroonco")
"""Largest side and format of a picture in ``predict``; as the endpoint of :mod:`neuroonco.walk.local_model`."""
_ORIENTATION, _LYING = 0x0112, (5, 6, 7, 8)
_ORIENTED_BEFORE_PIXELS = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
"""Where Pillow keeps what a PNG says of its orientation."""


class PictureSource:
    """Shows pictures as ``predict`` does: 8-bit gray under one root, as RGB, large ones made smaller.

    A shuffled picture is shown at its own size, and not at that of the picture whose place it takes.

    Args:
        root: folder to which paths are relative; nothing outside is read.
        content: what is shown.
        paths: of all pictures of the training; a shuffled picture is dealt among them, no picture to itself.
        seed: of the dealing.

    Raises:
        InputError: shuffled pictures, and there is one only.
    """

    def __init__(self, root: Path, content: Pictures, paths: Sequence[str], seed: int) -> None:
        self._root, self._content = root, content
        self._given = _dealt(paths, seed) if content is Pictures.SHUFFLED else {}

    def read(self, path: str) -> Any:
        """The PIL picture (RGB) that is shown for a row's picture.

        Raises:
            InputError: outside the root, missing, or no picture; of shuffled pictures also one that was not dealt.
            PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
        """
        if self._content is Pictures.SHUFFLED:
            if path not in self._given:
                raise InputError("PICTURE_NOT_DEALT", "no picture of this training", where=path[:200])
            path = self._given[path]
        pixels = images.read_picture(self._root, PictureName(path))
        return _shown(blank(pixels) if self._content is Pictures.BLANK else pixels)


def require_dealable(paths: Sequence[str]) -> None:
    """Refuse shuffled pictures where there are not two.

    Raises:
        InputError: ``SHUFFLE_IMPOSSIBLE``.
    """
    if (n := len(set(paths))) < 2:
        what = f"{n} {'picture' if n == 1 else 'pictures'}, so that no other can be shown"
        fix = 'pass rows of several pictures, or set data.pictures = "blank"'
        raise InputError("SHUFFLE_IMPOSSIBLE", what, where="data.pictures", fix=fix)


def size_of(root: Path, path: str) -> tuple[int, int]:
    """(height, width) in px of the picture that is shown for a path, from the head of its file alone.

    The orientation is heeded where it is stated before the pixels. A volume, which has no such head, is read whole.

    Raises:
        InputError: ``PATH_OUTSIDE_ROOT``, ``FILE_MISSING``, or what :func:`neuroonco.images.decode` says of a file that
            is no picture or of absurd size.
        PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
    """
    if images.is_volume(path):
        height_px, width_px = images.read_picture(root, PictureName(path)).shape
    else:
        height_px, width_px = _stored_size(images.resolve(root, path), path[:200])
    scale = AS_ASKED.image_max_side_px / max(height_px, width_px)
    if scale < 1:  # as in encode_picture
        return max(1, round(height_px * scale)), max(1, round(width_px * scale))
    return height_px, width_px


def _stored_size(file: Path, where: str) -> tuple[int, int]:
    """(height, width) by a file's head; refused are the files that :func:`neuroonco.images.read_image` refuses."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError("FILE_MISSING", "no such file", where=where)
        if not status.st_size:
            raise InputError("IMAGE_EMPTY", "the file has no bytes", where=where)
        if status.st_size > images.MAX_FILE_BYTES:
            what = f"{status.st_size} bytes, at most {images.MAX_FILE_BYTES}"
            raise InputError("IMAGE_TOO_LARGE", what, where=where)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file, formats=images.FORMATS) as image:
                width_px, height_px = image.size
                # Pillow turns a TIFF by itself, and reads all of a PNG to look for an orientation behind the pixels.
                silent = image.format == "PNG" and image.info.keys().isdisjoint(_ORIENTED_BEFORE_PIXELS)
                may_lie = image.format != "TIFF" and not silent
                is_lying = may_lie and image.getexif().get(_ORIENTATION) in _LYING
    except InputError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise InputError("FILE_MISSING", "no such file", where=where) from None
    except UnidentifiedImageError:
        raise InputError("IMAGE_UNDECODABLE", "not an image of a known format", where=where) from None
    except Image.DecompressionBombError:
        raise InputError("IMAGE_TOO_LARGE", "decompression bomb", where=where) from None
    except Exception as error:  # bytes from outside: as in neuroonco.images.decode
        if isinstance(error, OSError) and error.strerror:  # the system's, and not Pillow's
            raise InputError("FILE_UNREADABLE", error.strerror, where=where) from None
        raise InputError("IMAGE_UNDECODABLE", str(error)[:120] or type(error).__name__, where=where) from None
    if max(width_px, height_px) > images.MAX_SIDE_PX or width_px * height_px > images.MAX_PIXELS:
        limit = f"at most {images.MAX_SIDE_PX} px a side and {images.MAX_PIXELS} px in all"
        raise InputError("IMAGE_TOO_LARGE", f"{width_px} x {height_px} px, {limit}", where=where)
    if min(width_px, height_px) < images.MIN_SIDE_PX:
        what = f"{width_px} x {height_px} px, at least {images.MIN_SIDE_PX} a side"
        raise InputError("IMAGE_TOO_SMALL", what, where=where)
    return (width_px, height_px) if is_lying else (height_px, width_px)


def _shown(pixels: Gray) -> Any:
    """A picture as a local model gets it in ``predict``, without the way through a PNG where that changes nothing."""
    if max(pixels.shape) > AS_ASKED.image_max_side_px:
        return picture_of(encode_picture(pixels, AS_ASKED).data)
    return Image.fromarray(pixels).convert("RGB")


@dataclass(frozen=True)
class _Dealt:
    """A picture of a training, as :func:`neuroonco.control_pictures.deal_pictures` takes it."""

    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None
    group_id: str | None = None

    @property
    def image_id(self) -> str:
        """The path, too: nothing else is known of it."""
        return self.image_path


def _dealt(paths: Sequence[str], seed: int) -> dict[str, str]:
    """The path shown, by the path that belongs there."""
    require_dealable(paths)
    different = sorted(set(paths))
    deal = deal_pictures([_Dealt(path) for path in different], seed)
    return {own.image_path: other.image_path for own, other in deal.given.items()}
