"""Records of browsing a run: what is shown of each slice. No record holds an absolute path."""

from neuroonco.outcomes import Record
from neuroonco.vocabulary import DuplicateKind


class Named(Record):
    """A name and its value, both as text; the value of a record of data is shown as JSON.

    Attributes:
        tellable: False for what a shared folder leaves out: paths, hashes of files, ids of patients, free text that a
            file name may have come into.
    """

    name: str
    value: str
    tellable: bool = True


class Card(Record):
    """A slice in a list.

    Attributes:
        lines: what is shown below the picture, e.g. tumor type and sequence.
        missing: why there is no picture; None where there may be one.
    """

    slice_id: str
    lines: tuple[str, ...]
    missing: str | None = None


class WayPart(Record):
    """What one stage made of the slice: a row of one of its files."""

    stage: str
    outcome: str
    fields: tuple[Named, ...]


class LabelCell(Record):
    """One reader's word on one field.

    Attributes:
        text: None where nothing is stated.
        confidence: 0 to 1.
    """

    text: str | None = None
    confidence: float | None = None


class LabelRow(Record):
    """One field of a label, as four columns say it.

    Attributes:
        readings: one cell a column of :attr:`LabelTable.readers`.
        differ: the readings that are there say different things.
        why: what was changed, by which rule.
    """

    field: str
    readings: tuple[LabelCell, ...]
    fused: LabelCell
    audited: LabelCell
    differ: bool
    why: tuple[str, ...] = ()


class LabelTable(Record):
    """The readings beside each other, with what came of them.

    Attributes:
        readers: headings of the readings, e.g. ``conservative: measuring``.
        rows: one a field.
        remarks: what holds for a whole reading: that it failed, why it abstained, words outside the vocabulary.
    """

    readers: tuple[str, ...]
    rows: tuple[LabelRow, ...]
    remarks: tuple[str, ...] = ()


class OfferedOption(Record):
    """One option of a closed question."""

    letter: str
    text: str
    right: bool


class ModelAnswer(Record):
    """What a model answered.

    Attributes:
        right: None where there is no answer to judge.
        raw: the reply as it came.
    """

    model: str
    status: str
    answer: str | None = None
    right: bool | None = None
    raw: str | None = None


class AskedQuestion(Record):
    """A question about the slice, with the answer that the benchmark holds right.

    Attributes:
        kind: ``closed`` or ``open``.
        sort: the question's type, for people.
        answer: of an open question, the reference answer.
        source: where the answer is from.
    """

    kind: str
    sort: str
    text: str
    options: tuple[OfferedOption, ...] = ()
    answer: str | None = None
    source: str | None = None
    answers: tuple[ModelAnswer, ...] = ()


class Neighbor(Record):
    """One picture of the slice's duplicate group.

    Attributes:
        kind: how it relates to the member it was matched with; None for the one that stands for the group.
        path: relative to the root; None where paths are not shown.
        missing: why there is no picture of it.
        linked: it has a page.
    """

    slice_id: str
    source_id: str
    label: str | None
    split: str | None
    is_self: bool
    represents: bool
    kind: DuplicateKind | None = None
    matched: str | None = None
    transform: str | None = None
    score: float | None = None
    path: str | None = None
    missing: str | None = None
    linked: bool = True


class SlicePage(Record):
    """All that is shown of one slice.

    Attributes:
        source: name, licence and terms of its collection.
        missing: why there is no picture.
        has_mask: the catalogue knows a mask.
        names: path, file name and the like, by which free text that tells a file name is known; never shown.
        withheld: why the facts are left out too, in a shared folder.
    """

    slice_id: str
    source_id: str | None
    source: tuple[Named, ...]
    facts: tuple[Named, ...]
    has_mask: bool = False
    missing: str | None = None
    withheld: str | None = None
    way: tuple[WayPart, ...] = ()
    labels: LabelTable | None = None
    questions: tuple[AskedQuestion, ...] = ()
    group: str | None = None
    neighbors: tuple[Neighbor, ...] = ()
    names: tuple[str, ...] = ()
