"""Records of measuring and describing: mask attributes and the text made from them."""

from neuroonco.curate.records import CuratedSlice
from neuroonco.outcomes import Record
from neuroonco.vocabulary import ImageRegion, LesionSize, LesionSpread, Shape


class MaskGeometry(Record):
    """The numbers behind the attributes.

    Attributes:
        area_px: foreground pixels.
        area_share: foreground over all pixels.
        component_count: 8-connected components that count.
        largest_share: the largest component's share of the foreground.
        circularity: 4 pi area / perimeter squared of the largest component; None without a perimeter.
        elongation: major over minor axis of the largest component.
        centroid_x, centroid_y: of the foreground, as shares of width and height.
    """

    area_px: int
    area_share: float
    component_count: int
    largest_share: float
    circularity: float | None
    elongation: float
    centroid_x: float
    centroid_y: float


class LesionSemantics(Record):
    """Structured attributes of the lesions in one mask; None where the mask's kind does not permit one."""

    size: LesionSize | None
    shape: Shape | None
    spread: LesionSpread | None
    location: ImageRegion | None
    geometry: MaskGeometry | None = None
    rules: str


class MeasuredSlice(CuratedSlice):
    """A slice with its mask attributes; None without a mask or without foreground."""

    semantics: LesionSemantics | None = None


class DescribedSlice(MeasuredSlice):
    """A slice with its rule-based text."""

    description: str | None = None
