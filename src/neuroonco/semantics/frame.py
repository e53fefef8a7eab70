"""What a lesion is measured against: the brain box where there is one, the size of a pixel and sides where known."""

from dataclasses import dataclass

from neuroonco.catalog.records import SliceRecord
from neuroonco.head import Box
from neuroonco.semantics.regions import region_of
from neuroonco.vocabulary import ImageRegion, Laterality, MeasureFrame, PatientSide, Plane

PLANES_WITH_SIDES = (Plane.AXIAL, Plane.CORONAL)
"""Only these show both sides of the patient."""


@dataclass(frozen=True)
class Frame:
    """A box in a picture and what is known about the picture's scale and orientation.

    Attributes:
        kind: whether the box is the head's or the whole picture.
        box: half-open pixel box.
        spacing_mm: distance between rows and between columns; None if not known.
        display_left: the patient's side at the picture's left edge; None if not known, or without meaning.
    """

    kind: MeasureFrame
    box: Box
    spacing_mm: tuple[float, float] | None = None
    display_left: PatientSide | None = None

    def share_of(self, x: float, y: float) -> tuple[float, float]:
        """A point of the picture in pixels as shares of the frame's width and height."""
        return (x - self.box.left) / self.box.width_px, (y - self.box.top) / self.box.height_px

    def region_at(self, x: float, y: float) -> ImageRegion:
        """Cell of the 3 x 3 grid over the frame in which a point of the picture lies, or to which it is nearest."""
        return region_of(*self.share_of(x, y))

    def side_at(self, x: float, midline_tolerance: float) -> Laterality | None:
        """Side of the patient on which a column of the picture lies.

        The middle of the box is taken for the midline, so that there is no side without a brain box.

        >>> frame = Frame(MeasureFrame.BRAIN_BOX, Box(0, 100, 200, 300), display_left=PatientSide.RIGHT)
        >>> frame.side_at(120.0, 0.05), frame.side_at(205.0, 0.05), frame.side_at(280.0, 0.05)
        (<Laterality.RIGHT: 'right'>, <Laterality.MIDLINE: 'midline'>, <Laterality.LEFT: 'left'>)
        """
        if self.display_left is None or self.kind is MeasureFrame.CANVAS:
            return None
        off = self.share_of(x, 0)[0] - 0.5
        if abs(off) <= midline_tolerance:
            return Laterality.MIDLINE
        at_left = Laterality(self.display_left.value)
        return at_left if off < 0 else _opposite(at_left)


def _opposite(side: Laterality) -> Laterality:
    return Laterality.RIGHT if side is Laterality.LEFT else Laterality.LEFT


def frame_of(box: Box | None, shape: tuple[int, int], record: SliceRecord | None = None) -> Frame:
    """The frame of a picture of that (height, width), with what its record states; the canvas without a box."""
    kind = MeasureFrame.CANVAS if box is None else MeasureFrame.BRAIN_BOX
    box = Box(0, 0, *shape) if box is None else box
    if record is None:
        return Frame(kind, box)
    display_left = record.display_left if record.plane in PLANES_WITH_SIDES else None
    return Frame(kind, box, record.spacing_mm, display_left)
