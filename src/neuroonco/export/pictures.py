"""Pictures as they are exported: the pixels that ``neuroonco predict`` shows, as PNG, and nothing else."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from neuroonco.images import PictureRef
from neuroonco.predict.pictures import PictureFinder


class PictureFiles:
    """Pictures below a root."""

    def __init__(self, root: Path) -> None:
        self._finder = PictureFinder(root)

    def png(self, ref: PictureRef) -> bytes:
        """The picture of a slice, gray and lossless, without metadata.

        Raises:
            InputError: it is missing, outside the root, or cannot be read.
            PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
        """
        buffer = BytesIO()
        Image.fromarray(self._finder.read(ref)).save(buffer, "PNG", optimize=False, compress_level=6)
        return buffer.getvalue()

    @property
    def warning(self) -> str | None:
        """One line where pictures were found under another extension."""
        return self._finder.warning
