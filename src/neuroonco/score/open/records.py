"""Records of scores of open questions: every figure with its n and its interval over clusters (images or groups)."""

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.score.closed.records import Clusters


class AttributeMatch(Record):
    """Terms of the vocabulary that an answer states, against those that the reference states; negation counts.

    A term of the reference is right if the answer states it or a declared coarser term, wrong if the answer states
    another value of the same attribute or denies it, and omitted if the answer says nothing of the attribute.

    Attributes:
        recall: right ones of the reference's terms. ``n``: terms of the reference.
        precision: right ones of the answer's statements about the reference's attributes. ``n``: these statements.
        f1: of the two.
        contradicted, omitted: wrong and omitted terms, of the reference's terms.
        extra: statements about attributes of which the reference says nothing; they are in no share.
        unassessable: questions whose reference states no term of the vocabulary; in no share.
    """

    recall: Estimate
    precision: Estimate
    f1: Estimate
    contradicted: Estimate
    omitted: Estimate
    extra: int
    unassessable: int


class KeywordMatch(Record):
    """The reference system's keyword recall, made fair: whole words, and less what the question alone scores.

    Attributes:
        f1: mean over questions of the harmonic mean of keyword recall and precision (keywords of the benchmark's own
            list for that question type that the answer names without being asked).
        echo: the same of the question's own text as the answer.
        gain: f1 minus echo.
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
        mean: over judged answers. unscored: answers for which the judge gave no usable mark; in no figure.
        agreement: with human marks on the same answers, where there are any: share within one step of the rubric.
        kappa: quadratically weighted, with its interval; None without human marks or where it is not defined.
        human_n: answers with both marks.
    """

    model: str
    rubric_sha256: str
    mean: Estimate
    unscored: int
    agreement: Estimate
    kappa: Estimate
    human_n: int


class OpenScore(Record):
    """Open questions scored; each question counts, and one that was not answered states nothing.

    Attributes:
        attributes: the primary score. by_type: its recall by question type.
        keywords: see there. rouge_l, bleu, chrf: mean ROUGE-L F1 and sentence BLEU and chrF, 0 to 1.
        judge: None without a judge.
        status: questions by what became of them, as in closed scores. complete: as there.
    """

    attributes: AttributeMatch
    by_type: dict[str, Estimate]
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
