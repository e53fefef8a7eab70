"""Pictures as they are exported: the very PNG that ``neuroonco predict`` sends, pixels and nothing else."""

from pathlib import Path

from neuroonco.images import PictureRef
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.picture import encode_picture
from neuroonco.predict.pictures import PictureFinder

AS_SENT = Endpoint(name="export", description="A program that an export is for.", source="neuroonco")
"""Size and format of pictures are those of an endpoint that states none of its own."""


class PictureFiles:
    """Pictures below a root."""

    def __init__(self, root: Path) -> None:
        self._finder = PictureFinder(root)

    def png(self, ref: PictureRef) -> bytes:
        """The picture of a slice, gray and lossless, without metadata, as small as most endpoints are sent it.

        Raises:
            InputError: it is missing, outside the root, or cannot be read.
            PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
        """
        return encode_picture(self._finder.read(ref), AS_SENT).data

    @property
    def warning(self) -> str | None:
        """One line where pictures were found under another extension."""
        return self._finder.warning
