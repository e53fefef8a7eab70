"""Records of curation: the slices that remain, and what was found across sources."""

from neuroonco.catalog.records import SliceRecord
from neuroonco.outcomes import Record
from neuroonco.vocabulary import DuplicateKind, QualityFlag, TumorType


class CuratedSlice(SliceRecord):
    """A catalogued slice that passed curation.

    Attributes:
        duplicate_group: id shared by all copies of one picture; None if there is only one.
        duplicate_count: how many members the group has, itself included.
        patient_group: id shared by all slices that may come from one patient: a split must not cut through it.
            Slices of a stated patient, and of all patients and pictures that duplicates link to it.
        flags: findings that did not lead to a drop, e.g. ``split_leak``, ``label_conflict`` or a
            :class:`~neuroonco.vocabulary.QualityFlag`.
    """

    duplicate_group: str | None = None
    duplicate_count: int = 1
    patient_group: str | None = None
    flags: tuple[str, ...] = ()


class PictureMatch(Record):
    """Two pictures that are alike.

    Attributes:
        first, second: slice ids.
        kind: how the second is a copy of the first; None if they are no copies but alike enough to be neighboring
            slices, or two sequences, of one patient.
        mirrored, rotation_deg, scale, stretch: what turns the first into the second, see
            :class:`neuroonco.curate.registration.Change`.
        score: share of textured blocks that are alike; 1 for identical pictures.
        blocks: how many textured blocks were compared; 0 for identical pictures.
        inliers: keypoints that agree on the transform; 0 where it is not from keypoints.
    """

    first: str
    second: str
    kind: DuplicateKind | None
    mirrored: bool = False
    rotation_deg: float = 0.0
    scale: float = 1.0
    stretch: float = 1.0
    score: float = 1.0
    blocks: int = 0
    inliers: int = 0


class PictureKeypoints(Record):
    """Keypoints of one picture as text, see :mod:`neuroonco.curate.keypoints`.

    Attributes:
        points: base64 of float32 x and y in the working picture.
        signatures, mirrored: base64 of the signatures.
    """

    slice_id: str
    width_px: int
    points: str
    signatures: str
    mirrored: str


class GroupMember(Record):
    """One picture of a duplicate group.

    Attributes:
        representative: it stands for the group; the others are its copies.
        kind: how it relates to the member it was matched with; None for the representative.
        matched: ``slice_id`` of that member.
        transform: what turns that member into this one, in words, e.g. ``flip left-right, rotate 5.1 deg``; None for
            an exact copy and for the representative.
        score: similarity at which the match was verified, 0 to 1; None for the representative.
    """

    slice_id: str
    source_id: str
    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None
    tumor_type: TumorType | None
    split: str | None
    patient_id: str | None = None
    representative: bool
    kind: DuplicateKind | None = None
    matched: str | None = None
    transform: str | None = None
    score: float | None = None


class DuplicateGroup(Record):
    """Copies of one picture, and what their sources disagree about.

    Attributes:
        kind: the least alike kind among its members.
        conflicting_types: more than one tumour type, where a generic "tumor" does not contradict a specific one.
        leaking_splits: the group lies in a training and in a held-out part, of one source or of two.
        decided_type: the label that the policy gave the group in a conflict; None if it was dropped or kept as is.
    """

    group_id: str
    kind: DuplicateKind = DuplicateKind.EXACT_BYTES
    members: tuple[GroupMember, ...]
    conflicting_types: bool
    leaking_splits: bool
    decided_type: TumorType | None = None


class QualityFinding(Record):
    """One thing that is wrong with one picture.

    Attributes:
        score: the measured value.
        limit: the rule's threshold that it crossed.
        dropped: False if it is only flagged.
    """

    slice_id: str
    source_id: str
    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None
    flag: QualityFlag
    score: float
    limit: float
    dropped: bool
