"""Records of scores of open questions: every figure with its n and its interval over clusters (images or groups)."""

from enum import StrEnum

from pydantic import Field

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.score.closed.records import Clusters

HIGHEST_MARK = 4
"""Of the rubric, whose marks are 0, 1, 2, 3 and 4."""


class Verdict(StrEnum):
    """What an answer does with one term of its reference; defined in :mod:`neuroonco.score.open.attributes`."""

    RIGHT = "right"
    CONTRADICTED = "contradicted"
    OMITTED = "omitted"


class AttributeFloor(Record):
    """What the best constant answer reaches, which says the same to all questions of a type and sees no picture.

    It is made from the references that it is scored on, so that it is a bound and no competitor; see
    :mod:`neuroonco.score.open.floor`.

    Attributes:
        recall, precision, f1: as in :class:`AttributeMatch`.
    """

    recall: Estimate
    precision: Estimate
    f1: Estimate


class AttributeMatch(Record):
    """Terms of the vocabulary that an answer states, against those that the reference states; negation counts.

    A term of the reference is right if the answer states it, a declared coarser or a finer term, contradicted if the
    answer states a value that cannot hold beside it or denies it, and omitted otherwise. Terms that the question names
    are in no share: an answer that repeats them says nothing.

    Attributes:
        recall: right ones of the reference's terms. ``n``: terms of the reference that are asked for.
        precision: right ones of the answers' statements that are right or contradicted. ``n``: these statements.
        f1: of the two, pooled: the headline figure. ``n`` as for recall.
        floor: what a constant answer reaches. gain: f1 less the floor's, -1 to 1, on the same resamples.
        contradicted, omitted: of the reference's terms.
        extra: attributes stated of which neither the reference nor the question says anything; in no share.
        given: terms of the reference that the question gives away; in no share.
        unassessable: questions whose reference states no term that the question does not give away; in no share.
    """

    recall: Estimate
    precision: Estimate
    f1: Estimate
    floor: AttributeFloor
    gain: Estimate
    contradicted: Estimate
    omitted: Estimate
    extra: int
    given: int
    unassessable: int


class KeywordMatch(Record):
    """The reference system's keyword recall, made fair: whole words, and less what the question alone scores.

    Attributes:
        f1: mean over questions of the harmonic mean of keyword recall and precision; precision is over all keywords
            of the benchmark's questions of that type that the answer names.
        echo: the same of the question's own text as the answer.
        gain: f1 minus echo, -1 to 1.
        without_keywords: questions that have none; in no figure here.
    """

    f1: Estimate
    echo: Estimate
    gain: Estimate
    without_keywords: int


class JudgeScore(Record):
    """Marks of a judge model by a fixed rubric, 0 to 1.

    Attributes:
        model: who judged. rubric_sha256: of the prompt.
        mean: of mark/4 over all questions but those in ``unscored``; a question without an answer has 0, unasked.
        judged: answers with a mark.
        unscored: answers for which the judge gave no usable mark; in no figure. unscored_by_code: why.
        human_n: answers with a mark of the judge and one of people (the median of several readers).
        agreement: of these, the share that differs by at most one step of the rubric.
        kappa: of these, quadratically weighted, with its interval; None without them or where it is not defined.
        unmatched_marks: human marks of answers that have no mark of the judge.
    """

    model: str
    rubric_sha256: str
    mean: Estimate
    judged: int
    unscored: int
    unscored_by_code: dict[str, int]
    agreement: Estimate
    kappa: Estimate
    human_n: int
    unmatched_marks: int


class OpenScore(Record):
    """Open questions scored; each question counts, and one that was not answered states nothing.

    Attributes:
        attributes: the primary score. by_type: its recall by question type. floor_by_type: recall of the constant
            answer.
        keywords: see there. rouge_l, bleu, chrf: mean ROUGE-L F1 and sentence BLEU and chrF, 0 to 1.
        judge: None without a judge.
        status: questions by what became of them, as in closed scores. complete: as there, and no answer unscored by
            the judge.
    """

    attributes: AttributeMatch
    by_type: dict[str, Estimate]
    floor_by_type: dict[str, Estimate]
    keywords: KeywordMatch
    rouge_l: Estimate
    bleu: Estimate
    chrf: Estimate
    judge: JudgeScore | None = None
    clusters: Clusters
    status: dict[str, int]
    unmatched_predictions: int
    duplicate_predictions: int
    complete: bool


# --- marks ---


class JudgeMark(Record):
    """What a judge says of one answer.

    Attributes:
        id, question_id: of the question.
        mark: 0 to 4.
        reason: in the judge's words.
        request_hash: of its answer in the ledger.
    """

    id: str
    question_id: str
    mark: int = Field(ge=0, le=HIGHEST_MARK)
    reason: str
    request_hash: str


class HumanMark(Record):
    """What a person says of one answer.

    Attributes:
        id, question_id: of the question.
        mark: 0 to 4, by the judge's rubric.
        reader: who; None where it is not said.
    """

    id: str
    question_id: str
    mark: int = Field(ge=0, le=HIGHEST_MARK)
    reader: str | None = None


class Judged(Record):
    """What a judge made of the answers of one model.

    Attributes:
        model: who judged. rubric_sha256: of the prompt.
        marks: at most one a question.
        unscored: answers without a usable mark, by code.
    """

    model: str
    rubric_sha256: str
    marks: tuple[JudgeMark, ...]
    unscored: dict[str, int] = Field(default_factory=dict)
