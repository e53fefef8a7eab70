"""Records of agreement: how well first-round readers agree with each other and with the benchmark."""

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record


class PairAgreement(Record):
    """Two readers.

    Attributes:
        raw: share of the questions that both rated with the same answer.
        kappa: Cohen's.
        ac1: Gwet's.
        prevalence: share of the two readers' ratings that are the most frequent answer of their type.
        bias: how differently the two use the answers: half the sum of absolute differences of their shares, 0 to 1;
            with two answers it is Byrt's bias index. Types weigh as their questions.
        warnings: where kappa misleads, in words.
    """

    first: str
    second: str
    raw: Estimate
    kappa: Estimate
    ac1: Estimate
    prevalence: float | None
    bias: float | None
    warnings: tuple[str, ...] = ()


class OrdinalAgreement(Record):
    """Agreement where answers have an order, so that neighbors differ less than the ends.

    Attributes:
        order: the answers, lowest first.
        alpha: Krippendorff's, ordinal.
        left_out: ratings outside the order, such as not judgeable, which count as missing here.
    """

    order: tuple[str, ...]
    alpha: Estimate
    left_out: int


class ProposedAgreement(Record):
    """One reader's ratings, or those of all, beside the benchmark's own answers.

    Attributes:
        reader: None for all readers together.
        agreement: share of the ratings that are the benchmark's own answer.
        accept, change, unanswerable, reject: ratings with each verdict.
    """

    reader: str | None
    agreement: Estimate
    accept: int
    change: int
    unanswerable: int
    reject: int


class Difference(Record):
    """Two answers that two readers gave to one question.

    Attributes:
        count: pairs of readers and questions, over all readers, whoever gave which.
    """

    first: str
    second: str
    count: int


class AgreementRow(Record):
    """Agreement on some of the questions: all, those of a type, or those of a collection.

    In every figure ``n`` is the number of questions with enough ratings for it. A figure that is not defined is None.
    An interval is None where fewer than ten images or groups have such questions, or where no resample differs.

    Attributes:
        name: ``all``, a question type, or the id of a collection.
        questions: with one rating or more.
        ratings: judgements in force.
        outline_shown: how many of these were given after the reader had asked for the outline of the lesion.
        raw: share of a question's pairs of readers that gave the same answer, mean over questions.
        guessed: raw agreement of readers who guess, each offered answer as often as the others.
        kappa: Fleiss', over the questions with ``kappa_ratings`` ratings each.
        kappa_ratings: the number that most of them have; None where none has two.
        alpha: Krippendorff's, nominal.
        ordinal: None where the answers have no order, or fewer than two that have a place in it were given.
        ac1: Gwet's.
        prevalence: share of the ratings that are the most frequent answer of their type.
        prevalent: that answer, where there is one type.
        pairs: of readers, those that have a question in common.
        proposed: all readers together, then each.
        differences: most frequent first.
        warnings: where kappa misleads, in words.
    """

    name: str
    questions: int
    ratings: int
    outline_shown: int
    raw: Estimate
    guessed: float | None
    kappa: Estimate
    kappa_ratings: int | None
    alpha: Estimate
    ordinal: OrdinalAgreement | None
    ac1: Estimate
    prevalence: float | None
    prevalent: str | None
    pairs: tuple[PairAgreement, ...]
    proposed: tuple[ProposedAgreement, ...]
    differences: tuple[Difference, ...]
    warnings: tuple[str, ...] = ()


class AgreementReport(Record):
    """Agreement of a room's readers in the first round, which is blind.

    Attributes:
        version: of the package that computed it.
        benchmark_sha256: of the imported file; None where the ratings are from no room.
        last_seq: of the events that it takes in; 0 for none.
        last_at: when the latest of them was; UTC, ISO 8601.
        proposed_shown: whether readers saw the benchmark's answer; agreement is then no independent one.
        readers: who is assigned anything, by name.
        questions: with one rating or more; those with one only are in no figure of agreement between readers.
        assigned: questions that have readers.
        unit: what is resampled: ``group`` where the benchmark knows patients or groups of copies (an image that is in
            none stands for itself), else ``image``.
        clusters: how many there are.
        resamples, seed: of the intervals.
        pooled: all questions, chance being taken within each type.
        by_type, by_source: one row each.
    """

    version: str
    benchmark_sha256: str | None = None
    last_seq: int = 0
    last_at: str | None = None
    proposed_shown: bool
    readers: tuple[str, ...]
    assigned: int
    questions: int
    unit: str
    clusters: int
    resamples: int
    seed: int
    pooled: AgreementRow
    by_type: tuple[AgreementRow, ...]
    by_source: tuple[AgreementRow, ...]
