"""Records of what the curation report shows with pictures: duplicate groups and contact sheets."""

from neuroonco.outcomes import Record
from neuroonco.report.records import Fact
from neuroonco.vocabulary import DuplicateKind, QualityFlag, TumorType


class Picture(Record):
    """A thumbnail, or why there is none.

    Attributes:
        jpeg: the thumbnail; None if it could not be drawn.
        missing: an error code, or in words why it was left out.
        alt: what a reader who sees no pictures is told.
    """

    jpeg: bytes | None = None
    missing: str | None = None
    alt: str


class MemberView(Record):
    """One picture of a group.

    Attributes:
        place: channel or slice of the file, in words.
        spelled: the label as the source spells it.
        matched: relative path of the picture that it was matched with, if that is not the representative.
        outcome: what curation did with it, in words; None if its outcome is not in the files.
    """

    picture: Picture
    path: str
    place: str | None = None
    source_id: str
    tumor_type: TumorType | None
    spelled: str | None = None
    split: str | None
    patient_id: str | None
    representative: bool
    kind: DuplicateKind | None = None
    transform: str | None = None
    score: float | None = None
    matched: str | None = None
    outcome: str | None = None


class GroupView(Record):
    """One duplicate group, shown.

    Attributes:
        total: members of the group, shown or not.
        findings: what is wrong with it, in words.
        decision: what was decided on a conflict, in words.
    """

    group_id: str
    kind: DuplicateKind
    members: tuple[MemberView, ...]
    total: int
    findings: tuple[str, ...] = ()
    decision: str | None = None


class GroupSection(Record):
    """Groups shown under one heading, and how many there are."""

    title: str
    lead: str
    shown: tuple[GroupView, ...]
    total: int


class SheetPicture(Record):
    """One picture of a contact sheet."""

    picture: Picture
    path: str
    place: str | None = None
    source_id: str
    score: float
    dropped: bool


class ContactSheet(Record):
    """Pictures with one quality finding, worst first.

    Attributes:
        limits: thresholds of the rules; more than one if they differ between pictures.
        action: in words what follows from the finding.
        scores: range of the measured values.
    """

    flag: QualityFlag
    limits: tuple[float, ...]
    action: str
    found: int
    dropped: int
    scores: tuple[float, float]
    by_source: tuple[Fact, ...]
    shown: tuple[SheetPicture, ...]
