"""Records of the report: all that the page shows, so that rendering reads no file and computes no figure."""

from neuroonco.check.records import Finding
from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.score.closed.records import Score
from neuroonco.score.records import AgreementReport, AirReport, AttributeReport
from neuroonco.vocabulary import DropReason, QuestionType, Redistribution


class Fact(Record):
    """A named value: a run fact, a label term."""

    name: str
    value: str


class StageCount(Record):
    """What became of the records that entered a stage."""

    stage: str
    kept: int
    dropped: int
    quarantined: int


class SourceCount(Record):
    """Slices of one collection.

    Attributes:
        name: title of the collection; None if it is not a known one.
        curated: of the catalogued slices those that passed curation.
        with_mask: of the curated slices those with a lesion mask.
    """

    source_id: str
    name: str | None = None
    catalogued: int
    curated: int
    with_mask: int
    redistribution: Redistribution | None = None


class DropCount(Record):
    """How many records a stage dropped for one reason."""

    stage: str
    reason: DropReason
    count: int


class QuarantineRow(Record):
    """One record that could not be processed.

    Attributes:
        name: relative image path, or the record's id.
    """

    stage: str
    name: str
    code: str
    message: str


class DuplicateExample(Record):
    """One duplicate group, shown.

    Attributes:
        png: thumbnail of the shared image; None if it could not be drawn.
        members: relative paths of its files.
        finding: what is wrong with the group, in words; None if it is a mere copy.
    """

    png: bytes | None = None
    members: tuple[str, ...]
    finding: str | None = None


class DuplicateSummary(Record):
    """Groups of pictures that are copies of one another.

    Attributes:
        files: pictures in all groups together.
        conflicting: groups whose members carry different tumour types.
        leaking: groups with members in the training and the held-out part of a source.
    """

    groups: int
    files: int
    conflicting: int
    leaking: int
    examples: tuple[DuplicateExample, ...] = ()


class SampleSlice(Record):
    """One slice, shown with its label.

    Attributes:
        png: thumbnail, the mask's outline drawn.
        labels: label terms as displayed.
        description: its rule-based text.
    """

    png: bytes
    labels: tuple[Fact, ...]
    description: str | None = None


class AirRow(Record):
    """AIR of one set of labels: a reading, the fused or the audited labels."""

    label: str
    report: AirReport


class TruthRow(Record):
    """Signs of one set of labels against the truth of the phantoms."""

    label: str
    report: AttributeReport


class TypeCount(Record):
    """Benchmark questions of one type.

    Attributes:
        rejections: of them those with "None of the above" as the right answer.
        binary: of them those with two options.
    """

    question_type: QuestionType
    questions: int
    rejections: int
    binary: int = 0


class BenchmarkSummary(Record):
    """What the benchmark is made of; twins are counted apart and in no other figure.

    Attributes:
        twins: questions that repeat another one with the truth put in or taken out.
    """

    images: int
    questions: int
    by_type: tuple[TypeCount, ...]
    twins: int = 0


class BlindFigure(Record):
    """What one guesser that sees no image gets right on one set of questions.

    Attributes:
        share: of the questions that it tries; a value of None where it tries none.
        chance: on those, the best that can be done where text says nothing.
        limit: above it the check fails; None where it is not judged.
        failed: whether it is above the limit; None where it is not judged.
        is_below: it learns, is one of the judged, and its whole interval is below chance.
    """

    share: Estimate
    chance: float | None = None
    limit: float | None = None
    failed: bool | None = None
    is_below: bool = False


class BlindLine(Record):
    """What each guesser that sees no image gets right on one set of questions.

    Attributes:
        name: of the question type, or of the set.
        n: questions.
        chance, limit: of those who try all of the questions.
        figures: by guesser, in the order of :attr:`BlindCheck.guessers`.
        strongest: place of the judged guesser that is furthest above its own chance, or least below it; None where
            none of them tries a question.
    """

    name: str
    n: int
    chance: float | None
    limit: float | None
    figures: tuple[BlindFigure, ...]
    strongest: int | None = None


class BlindCheck(Record):
    """How far guessers that see no image get, and what is wrong with the wording.

    Attributes:
        guessers: names in words.
        by_type: all questions first, then by type, binary questions apart.
        subsets: all types together, by whether the truth is offered; chance, which text cannot tell, is None.
        siblings: place among the guessers of the one that also reads an image's other questions; None without it.
        twins: of each guesser, pairs of a question and its twin that it gets right; empty without twins.
        passed: of the gate.
        reasons: why it does not pass.
    """

    guessers: tuple[str, ...]
    by_type: tuple[BlindLine, ...]
    subsets: tuple[BlindLine, ...] = ()
    siblings: int | None = None
    twins: tuple[Estimate, ...] = ()
    passed: bool
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class ModelScore(Record):
    """The score of one model."""

    model: str
    score: Score


class ReportContext(Record):
    """All that one page shows; an empty section says so.

    Attributes:
        facts: profile, rules, seed, version; no times and no absolute paths, so that the page is reproducible.
        quarantined: all or the first of them; the page shows at most 50.
        quarantined_total: how many there are.
        phantom_truth: empty without phantoms in the run.
        curation: relative address of the curation report; None if there is none.
        agreement: of the two readings; None if nothing was read twice.
        conflicts: relative address of the page of contradictions; None if there is none.
        conflicting: slices with at least one contradiction.
        questions: relative address of the page on benchmark and instructions; None if there is none.
    """

    title: str
    facts: tuple[Fact, ...] = ()
    funnel: tuple[StageCount, ...] = ()
    sources: tuple[SourceCount, ...] = ()
    drops: tuple[DropCount, ...] = ()
    quarantined: tuple[QuarantineRow, ...] = ()
    quarantined_total: int = 0
    duplicates: DuplicateSummary | None = None
    curation: str | None = None
    samples: tuple[SampleSlice, ...] = ()
    agreement: AgreementReport | None = None
    conflicts: str | None = None
    conflicting: int = 0
    air: tuple[AirRow, ...] = ()
    phantom_truth: tuple[TruthRow, ...] = ()
    benchmark: BenchmarkSummary | None = None
    blind: BlindCheck | None = None
    questions: str | None = None
    scores: tuple[ModelScore, ...] = ()
