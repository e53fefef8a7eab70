"""Records of the curation report: all that its pages show, so that rendering reads no file and computes no figure."""

from pydantic import Field

from neuroonco.outcomes import Record
from neuroonco.report.picture_records import ContactSheet, GroupSection
from neuroonco.report.records import Fact
from neuroonco.vocabulary import DropReason, DuplicateKind

SHARE = "share"
"""The unit of a figure that is shown in percent."""


class Aim(Record):
    """A figure that curation should reach, and what it reached.

    Attributes:
        name: what is measured, e.g. ``Recall of re-encoded copies``.
        aim: the aim in words, e.g. ``at least 99 %``.
        figure: as measured; None if it was not.
        low, high: bounds of its 95 % interval; None where it has none.
        n: how many pairs, pictures or runs it rests on.
        met: None if not measured, or if the data cannot tell.
        how: on which data and how it was measured.
        unit: ``share`` is shown in percent; anything else stands behind the figure.
    """

    name: str
    aim: str
    figure: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = Field(default=None, ge=0)
    met: bool | None = None
    how: str = ""
    unit: str = SHARE


class SourceFlow(Record):
    """What became of one collection's records; each is counted once.

    Attributes:
        name: title of the collection; None if it is not a known one.
        listed_out: dropped by the catalogue, e.g. as excluded by the source's description; None if not known.
        copies, quality, conflicts, other: dropped by curation, by reason.
        quarantined: slices, by the catalogue or by curation.
        masks_set_aside: masks that the catalogue quarantined; their slices count on without mask. None if not known.
        with_mask: of the kept.
        patients: stated patients among the kept; None if the source states none.
    """

    source_id: str
    name: str | None = None
    listed_out: int | None = None
    copies: int = 0
    quality: int = 0
    conflicts: int = 0
    other: int = 0
    quarantined: int = 0
    masks_set_aside: int | None = None
    kept: int = 0
    with_mask: int = 0
    patients: int | None = None

    @property
    def entered(self) -> int:
        """Records that entered curation or were quarantined on the way."""
        return self.copies + self.quality + self.conflicts + self.other + self.quarantined + self.kept


class KindCount(Record):
    """Duplicate groups of one kind.

    Attributes:
        pictures: members of all groups.
        weakest: lowest score at which a match was verified; None if none is stated.
    """

    kind: DuplicateKind
    groups: int
    pictures: int
    conflicting: int
    leaking: int
    weakest: float | None = None


class ReasonCount(Record):
    """Records dropped for one reason."""

    stage: str
    reason: DropReason
    count: int


class Matrix(Record):
    """Counts by row and column.

    Attributes:
        corner: what rows and columns are.
        cells: text of each row's cells; a dash for none.
    """

    corner: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]


class NoteCount(Record):
    """A note that the catalogue left on slices of one source.

    Attributes:
        field: what it is about, e.g. ``label``.
        spelling: as the source spells it.
        example: relative path of one such slice.
    """

    field: str
    spelling: str
    source_id: str
    slices: int
    example: str


class NoteList(Record):
    """Notes of one sort, most frequent first, and how many of them are not shown."""

    shown: tuple[NoteCount, ...] = ()
    total: int = 0


class CurationSummary(Record):
    """The first page.

    Attributes:
        aims: None if none were measured.
        catalogued: whether the catalogue's files were there; without them drops of the catalogue are not known, nor
            notes of slices that curation dropped.
        types: kept slices by source and tumour type.
        shared: pictures of the row's source with a copy in the column's source.
    """

    title: str
    facts: tuple[Fact, ...] = ()
    catalogued: bool
    judged: bool
    flows: tuple[SourceFlow, ...] = ()
    reasons: tuple[ReasonCount, ...] = ()
    types: Matrix | None = None
    kinds: tuple[KindCount, ...] = ()
    shared: Matrix | None = None
    quality_found: int = 0
    quality_dropped: int = 0
    unknown: NoteList = NoteList()
    contradicted: NoteList = NoteList()
    other_notes: NoteList = NoteList()
    aims: tuple[Aim, ...] | None = None


class ConflictPage(Record):
    """Groups with contradicting labels.

    Attributes:
        policy: the rule's value; None if the caller did not state it.
        pairs: which labels stand against each other, by number of groups.
        decided: groups that were given one label.
        dropped, flagged: pictures dropped for the conflict, or kept with the flag.
    """

    policy: str | None
    total: int
    pairs: tuple[Fact, ...]
    decided: int
    dropped: int
    flagged: int
    section: GroupSection


class LeakPage(Record):
    """Groups that lie in a training and in a held-out part.

    Attributes:
        within, across: groups that leak inside one source, or from one source to another; a group can do both.
        by_split: pictures of leaking groups by source and split.
        pairs: held-out pictures of the column's source with a copy in the training part of the row's source.
        sections: examples of both.
    """

    total: int
    within: int
    across: int
    by_split: Matrix | None
    pairs: Matrix | None
    split_patients: int
    sections: tuple[GroupSection, ...]


class QualityPage(Record):
    """What was found wrong with pictures.

    Attributes:
        judged: False if quality was not judged, which is not the same as no finding.
        pictures: with at least one finding.
    """

    judged: bool
    pictures: int = 0
    sheets: tuple[ContactSheet, ...] = ()
