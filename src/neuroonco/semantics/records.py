"""Records of measuring and describing: mask attributes and the text made from them."""

from neuroonco.curate.records import CuratedSlice
from neuroonco.outcomes import Record
from neuroonco.vocabulary import ImageRegion, Laterality, LesionSize, LesionSpread, MeasureFrame, Shape


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
        brain_box: half-open pixel box (top, left, bottom, right) of head or brain; None if it was not looked for or
            not found.
        area_share_of_box: foreground over the pixels of that box.
    """

    area_px: int
    area_share: float
    component_count: int
    largest_share: float
    circularity: float | None
    elongation: float
    centroid_x: float
    centroid_y: float
    brain_box: tuple[int, int, int, int] | None = None
    area_share_of_box: float | None = None


class LesionPart(Record):
    """One separate lesion of a slice.

    Attributes:
        area_px: its pixels.
        area_mm2: None where the size of a pixel is not known, as for all lengths in mm.
        share: of the area of all lesions of the slice.
        location: cell of the 3 x 3 grid over the frame that holds its centroid.
        side: of the patient; None where orientation or midline are not known.
        centroid_x, centroid_y: as shares of the frame's width and height, 0 to 1 within the frame.
        bbox: half-open pixel box (top, left, bottom, right).
        long_axis_px, long_axis_mm: longest diameter, as measured on a slice by RANO and RECIST.
        short_axis_px, short_axis_mm: longest diameter perpendicular to it.
    """

    area_px: int
    area_mm2: float | None = None
    share: float
    location: ImageRegion
    side: Laterality | None = None
    centroid_x: float
    centroid_y: float
    bbox: tuple[int, int, int, int]
    long_axis_px: float
    short_axis_px: float
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None


class LesionSemantics(Record):
    """Structured attributes of the lesions in one mask; None where the mask's kind does not permit one.

    Attributes:
        size: by the share of the frame that all lesions cover together.
        shape: of the largest lesion.
        spread: how many lesions, and how they share the area.
        location: of the largest lesion's centroid (rules ``paper``: of the centroid of all foreground).
        frame: what size and location are relative to; None where the rules ``paper`` or a file without this field
            leave it at the canvas.
        side: of the patient, all lesions together; None where orientation or midline are not known.
        area_mm2: of all lesions; None where the size of a pixel is not known.
        lesions: each lesion that counts, largest first.
        volume_mm3, extent_mm, slice_count: of everything that the mask's volume marks, see
            :class:`neuroonco.volumes.LesionExtent`; None if the mask is no volume.
    """

    size: LesionSize | None
    shape: Shape | None
    spread: LesionSpread | None
    location: ImageRegion | None
    geometry: MaskGeometry | None = None
    rules: str
    frame: MeasureFrame | None = None
    side: Laterality | None = None
    area_mm2: float | None = None
    lesions: tuple[LesionPart, ...] = ()
    volume_mm3: float | None = None
    extent_mm: tuple[float, float, float] | None = None
    slice_count: int | None = None


class MeasuredSlice(CuratedSlice):
    """A slice with its mask attributes; None without a mask or without foreground."""

    semantics: LesionSemantics | None = None


class DescribedSlice(MeasuredSlice):
    """A slice with its rule-based text."""

    description: str | None = None
