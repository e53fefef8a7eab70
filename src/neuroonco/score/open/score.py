"""Score the answers to open questions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neuroonco.build.records import OpenItem
from neuroonco.intervals import Estimate
from neuroonco.predict.records import OpenPrediction
from neuroonco.resampling import RESAMPLES, SEED
from neuroonco.score.closed.clustering import ClusteredQuestions, in_clusters
from neuroonco.score.open.agreement import agreement, medians
from neuroonco.score.open.answers import STATUSES, Answered, answers
from neuroonco.score.open.attributes import Matched, asked, match
from neuroonco.score.open.averages import mean, mean_difference, ratio, ratio_difference
from neuroonco.score.open.floor import constant_matches
from neuroonco.score.open.keywords import Keywords
from neuroonco.score.open.overlap import overlap_of
from neuroonco.score.open.records import (
    HIGHEST_MARK,
    AttributeFloor,
    AttributeMatch,
    HumanMark,
    Judged,
    JudgeScore,
    KeywordMatch,
    OpenScore,
    Verdict,
)
from neuroonco.score.replies import NOT_ANSWERED


def score_open(
    items: Sequence[OpenItem],
    predictions: Sequence[OpenPrediction],
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    judged: Judged | None = None,
    marks: Iterable[HumanMark] = (),
) -> OpenScore:
    """Score open answers; every question counts, and one without an answer states nothing.

    Args:
        items: the benchmark.
        predictions: of one model.
        seed, resamples: of the intervals.
        judged: what a judge model says of these answers.
        marks: what people say of them; used only beside ``judged``.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    given = answers(items, predictions)
    clusters = in_clusters(items, seed=seed, resamples=resamples)
    matched = [match(one.item, one.text) for one in given]
    constant = constant_matches(items)
    overlaps = [overlap_of(one.item.reference_answer, one.text or "") for one in given]
    status = Counter(one.status for one in given)
    matching = {(item.image_id, item.question_id) for item in items}
    rows = [(one.id, one.question_id) for one in predictions]
    complete = not any(status[name] for name in NOT_ANSWERED)
    return OpenScore(
        attributes=_attributes(items, matched, constant, clusters),
        by_type=_by_type(items, matched, clusters),
        floor_by_type=_by_type(items, constant, clusters),
        keywords=_keywords(given, clusters),
        rouge_l=mean(clusters, [overlap.rouge_l for overlap in overlaps]),
        bleu=mean(clusters, [overlap.bleu for overlap in overlaps]),
        chrf=mean(clusters, [overlap.chrf for overlap in overlaps]),
        judge=None if judged is None else _judge(given, judged, marks, clusters),
        clusters=clusters.clusters,
        status={name: status[name] for name in STATUSES},
        unmatched_predictions=sum(row not in matching for row in rows),
        duplicate_predictions=len(rows) - len(set(rows)),
        complete=complete and not (judged is not None and judged.unscored),
    )


@dataclass(frozen=True)
class _Counts:
    """Terms of each question's reference, and what an answer does with them."""

    terms: list[int]
    right: list[int]
    wrong: list[int]
    omitted: list[int]

    @classmethod
    def of(cls, matched: Sequence[Matched]) -> "_Counts":
        verdicts = (Verdict.RIGHT, Verdict.CONTRADICTED, Verdict.OMITTED)
        return cls([len(one.verdicts) for one in matched], *([one.count(v) for one in matched] for v in verdicts))

    @property
    def stated(self) -> list[int]:
        return [a + b for a, b in zip(self.right, self.wrong, strict=True)]

    @property
    def f1(self) -> tuple[list[int], list[int]]:
        """What F1 divides, and by what: twice the right ones, by the terms and the statements."""
        return [2 * n for n in self.right], [a + b for a, b in zip(self.terms, self.stated, strict=True)]


def _attributes(
    items: Sequence[OpenItem], matched: Sequence[Matched], constant: Sequence[Matched], clusters: ClusteredQuestions
) -> AttributeMatch:
    ours, blind = _Counts.of(matched), _Counts.of(constant)
    return AttributeMatch(
        recall=ratio(clusters, ours.right, ours.terms),
        precision=ratio(clusters, ours.right, ours.stated),
        f1=ratio(clusters, *ours.f1, among=ours.terms),
        floor=AttributeFloor(
            recall=ratio(clusters, blind.right, blind.terms),
            precision=ratio(clusters, blind.right, blind.stated),
            f1=ratio(clusters, *blind.f1, among=blind.terms),
        ),
        gain=ratio_difference(clusters, ours.f1, blind.f1, among=ours.terms),
        contradicted=ratio(clusters, ours.wrong, ours.terms),
        omitted=ratio(clusters, ours.omitted, ours.terms),
        extra=sum(one.extra for one in matched),
        given=sum(asked(item).given_terms for item in items),
        unassessable=ours.terms.count(0),
    )


def _by_type(
    items: Sequence[OpenItem], matched: Sequence[Matched], clusters: ClusteredQuestions
) -> dict[str, Estimate]:
    found = {}
    for kind in sorted({item.question_type for item in items}):
        of_kind = [one if item.question_type == kind else None for item, one in zip(items, matched, strict=True)]
        right = (0 if one is None else one.count(Verdict.RIGHT) for one in of_kind)
        found[kind] = ratio(clusters, right, (0 if one is None else len(one.verdicts) for one in of_kind))
    return found


def _keywords(given: Sequence[Answered], clusters: ClusteredQuestions) -> KeywordMatch:
    keywords = Keywords.of(one.item for one in given)
    scores = [keywords.f1(one.item, one.text or "") for one in given]
    echoes = [keywords.f1(one.item, one.item.question) for one in given]
    gains = [None if f1 is None or echo is None else f1 - echo for f1, echo in zip(scores, echoes, strict=True)]
    return KeywordMatch(
        f1=mean(clusters, scores),
        echo=mean(clusters, echoes),
        gain=mean_difference(clusters, gains),
        without_keywords=scores.count(None),
    )


def _judge(
    given: Sequence[Answered], judged: Judged, marks: Iterable[HumanMark], clusters: ClusteredQuestions
) -> JudgeScore:
    ours = {(mark.id, mark.question_id): mark.mark for mark in judged.marks}
    theirs = medians(marks)
    answered = {(one.item.image_id, one.item.question_id) for one in given if one.text is not None}
    ours = {question: mark for question, mark in ours.items() if question in answered}
    values: list[float | None] = []
    for one in given:
        mark = ours.get((one.item.image_id, one.item.question_id))
        values.append(0.0 if one.text is None else None if mark is None else mark / HIGHEST_MARK)
    close, kappa = agreement([one.item for one in given], ours, theirs, clusters)
    return JudgeScore(
        model=judged.model,
        rubric_sha256=judged.rubric_sha256,
        mean=mean(clusters, values),
        judged=len(ours),
        unscored=sum(judged.unscored.values()),
        unscored_by_code=dict(sorted(judged.unscored.items())),
        agreement=close,
        kappa=kappa,
        human_n=close.n,
        unmatched_marks=len(theirs.keys() - ours.keys()),
    )
