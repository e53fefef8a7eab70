"""What browsing needs to know of a run; who reads its files supplies it."""

from typing import Protocol

from neuroonco.browse.index import SliceIndex
from neuroonco.browse.records import SlicePage
from neuroonco.images import Mask
from neuroonco.outcomes import Record
from neuroonco.viewer.records import SliceFacts
from neuroonco.viewer.values import Stored


class Terms(Record):
    """What of a slice may be passed on.

    Attributes:
        picture: its pixels.
        facts: what is known and was read of it.
        reason: why not all of it; None where all may be.
    """

    picture: bool
    facts: bool
    reason: str | None = None


class Archive(Protocol):
    """A run, finished or not, to look at. Methods may be called from several threads."""

    @property
    def title(self) -> str:
        """Name of the run."""
        ...

    def index(self) -> SliceIndex:
        """The slices; read again where the run has changed."""
        ...

    def page(self, slice_id: str) -> SlicePage:
        """All about one slice of the index; what cannot be read now is left out, with a remark."""
        ...

    def thumbnail(self, slice_id: str) -> bytes:
        """A small JPEG of a slice.

        Raises:
            InputError: there is no picture, or it cannot be read.
            PrerequisiteError: it lies in a volume, and what reads these is not installed.
        """
        ...

    def values(self, slice_id: str) -> tuple[Stored, SliceFacts]:
        """Pixel values for the viewer.

        Raises:
            InputError, PrerequisiteError: as :meth:`thumbnail`.
        """
        ...

    def mask(self, slice_id: str) -> Mask | None:
        """The lesion mask, (height, width); None where there is none, or only boxes.

        Raises:
            InputError, PrerequisiteError: as :meth:`thumbnail`.
        """
        ...

    def terms(self, slice_id: str) -> Terms:
        """What of a slice may be passed on: the strictest of all collections that have a copy of it."""
        ...

    def licenses(self, source_ids: set[str]) -> str:
        """Licences and attribution of some collections, as text."""
        ...
