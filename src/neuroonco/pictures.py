"""Decode a file once for everyone who needs its pixels in the same breath."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from neuroonco import images
from neuroonco.errors import InputError
from neuroonco.images import Decoded, Gray, PictureRef


class LastPicture:
    """A decoder that remembers the file it decoded last, so that what follows need not decode it again.

    It is given to the catalogue in place of :func:`neuroonco.images.decode`; the inspection then takes the picture
    from it. One file is held, so that memory does not grow.
    """

    def __init__(self) -> None:
        self._where: str | None = None
        self._decoded: Decoded | None = None

    def decode(self, data: bytes, where: str) -> Decoded:
        """Decode as :func:`neuroonco.images.decode` does, and remember.

        Raises:
            InputError: see :func:`neuroonco.images.decode`; nothing is remembered then.
        """
        self._where = self._decoded = None
        decoded = images.decode(data, where)
        self._where, self._decoded = where, decoded
        return decoded

    def picture(self, where: str) -> Decoded | None:
        """What was decoded last, if it was that file."""
        return self._decoded if self._where == where else None

    def read(self, root: Path, ref: PictureRef) -> tuple[Gray, npt.NDArray[np.uint8] | None]:
        """The picture of a slice as gray (height, width), and its colors (height, width, 3) if it has any.

        One channel of a file with several sequences has no colors.

        Raises:
            InputError: see :func:`neuroonco.images.read_picture`.
        """
        if ref.image_slice is not None or images.is_volume(ref.image_path):
            return images.read_picture(root, ref), None
        path = ref.image_path
        decoded = self.picture(path)
        if decoded is None:
            decoded = self.decode(images.read_bytes(images.resolve(root, path), path), path)
        if ref.image_channel is None:
            return decoded.gray(), decoded.color
        if decoded.channels != 3:
            raise InputError("CHANNEL_MISSING", f"channel {ref.image_channel} of a one-channel image", where=path)
        return decoded.gray(ref.image_channel), None
