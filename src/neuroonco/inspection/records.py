"""Records of inspection: what the pixels of one slice say, before any rule judges it."""

from neuroonco.outcomes import Record


class QualityScores(Record):
    """Measured properties of a picture; None where one cannot be measured. No threshold is applied here.

    Attributes:
        sharpness: change over a fine distance over the change over four times it, inside the head. The fine distance
            is 1/256 of the head, so that enlarging a picture does not count as blur. White noise gives 1.
        contrast: gray values between the 5th and the 95th percentile of the head.
        head_level: median gray value of the head.
        top_level: 99.5th percentile of the picture.
        clipped_share: share of the head at gray value 250 or more.
        outside_share: share of the canvas outside the box of the head.
        frame_share: share of the canvas in bright straight lines along its edges, or in bright surroundings.
        mark_edge: steepest edge, in gray values from one pixel to the next, of letter-like parts beside the head;
            0 without any.
        color_excess: how much more colored the most colored spot is than nine tenths of the picture, in gray values;
            0 for a gray picture.
        corner_air: share of air in the corners of the picture.
        head_solidity: area of what stands out over that of its convex hull; None if nothing stands out.
        tile_similarity: correlation of the halves of the picture, or of the least alike neighbors among its thirds,
            in the direction in which it is largest; None where a single head leaves much of the canvas free.
        head_count: separate parts of about equal size and of heads' proportions.
        bone_ring: how much the head looks as on CT, 0 to 1: share of rays from its center that meet an evenly bright
            ring right outside gray tissue.
    """

    sharpness: float | None = None
    contrast: float | None = None
    head_level: float | None = None
    top_level: float = 0.0
    clipped_share: float | None = None
    outside_share: float | None = None
    frame_share: float = 0.0
    mark_edge: float = 0.0
    color_excess: float = 0.0
    corner_air: float | None = None
    head_solidity: float | None = None
    tile_similarity: float | None = None
    head_count: int = 0
    bone_ring: float = 0.0


class Inspection(Record):
    """Facts about the pixels of one slice.

    Attributes:
        pixels_hash: of the gray values and the size of the picture.
        gray_range: gray values between the 0.5th and the 99.5th percentile of the reduced picture.
        quality: scores.
        fingerprint: perceptual hash, 16 hexadecimal digits; see :mod:`neuroonco.inspection.fingerprint`.
    """

    slice_id: str
    pixels_hash: str
    gray_range: int
    quality: QualityScores
    fingerprint: str
