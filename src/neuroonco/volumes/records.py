"""What a mask volume says about a lesion in space."""

from typing import Annotated

from pydantic import Field

from neuroonco.outcomes import Record

Size = Annotated[float, Field(gt=0)]


class LesionExtent(Record):
    """Size of everything in a volume that is marked as lesion.

    Attributes:
        volume_mm3: number of voxels times the size of one.
        extent_mm: edges of the box around all lesion voxels: left to right, anterior to posterior, inferior to
            superior.
        slice_count: axial slices with lesion.
    """

    volume_mm3: Size
    extent_mm: tuple[Size, Size, Size]
    slice_count: Annotated[int, Field(ge=1)]
