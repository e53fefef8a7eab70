"""Score closed questions: every question counts, and what was not answered is wrong and said to be so.

Twins, which repeat a question with the truth put in or taken out, are no questions of their own: they count in no
accuracy, only together with the question that they repeat.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from neuroonco.build.records import REJECTION_SHARE, REPORTED_TYPES, ClosedItem, is_none
from neuroonco.errors import InputError
from neuroonco.intervals import Estimate, wilson
from neuroonco.predict.records import Prediction
from neuroonco.score.closed.records import Rejection, Score, TwinPairs
from neuroonco.vocabulary import MRSequence, PredictionStatus

MISSING, CONFLICTING, INVALID_LETTER = "missing", "conflicting", "invalid_letter"
STATUSES = (*(status.value for status in PredictionStatus), MISSING, CONFLICTING, INVALID_LETTER)
"""What can become of a question, in the order in which it is reported."""
_NOT_ANSWERED = (MISSING, CONFLICTING, PredictionStatus.API_ERROR.value, PredictionStatus.MISSING_IMAGE.value)


@dataclass(frozen=True)
class Judged:
    """One question and what became of it.

    Attributes:
        status: one of :data:`STATUSES`.
        letter: the answer that counts; None unless the status is ``ok``.
    """

    item: ClosedItem
    status: str
    letter: str | None

    @property
    def is_right(self) -> bool:
        """The offered letter chosen is the answer."""
        return self.letter is not None and self.letter == self.item.answer

    @property
    def text(self) -> str | None:
        """Text of the option chosen."""
        return None if self.letter is None else self.item.text_of(self.letter)

    @property
    def rejects(self) -> bool:
        """True if "None of the above" was answered."""
        return self.text is not None and is_none(self.text)


def counted(items: Iterable[ClosedItem]) -> list[ClosedItem]:
    """The questions that count one by one: all but the twins."""
    return [item for item in items if item.twin_of is None]


def judge(items: Sequence[ClosedItem], predictions: Iterable[Prediction]) -> list[Judged]:
    """What became of each question, in benchmark order.

    Several predictions for one question count once if they agree; if they differ, none counts. Ids compare as
    strings.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    by_key: dict[tuple[str, int], list[Prediction]] = {}
    for prediction in predictions:
        by_key.setdefault((prediction.id, prediction.q_index), []).append(prediction)
    seen: set[tuple[str, int]] = set()
    judged = []
    for item in items:
        key = (item.image_id, item.q_index)
        if key in seen:
            where = f"id {item.image_id}, question {item.q_index}"
            raise InputError("QUESTION_TWICE", "the benchmark has this question twice", where=where)
        seen.add(key)
        judged.append(_judge(item, by_key.get(key, [])))
    return judged


def _judge(item: ClosedItem, predictions: Sequence[Prediction]) -> Judged:
    if not predictions:
        return Judged(item, MISSING, None)
    first = predictions[0]
    if any((other.status, other.pred) != (first.status, first.pred) for other in predictions[1:]):
        return Judged(item, CONFLICTING, None)
    if first.status is not PredictionStatus.OK:
        return Judged(item, first.status.value, None)
    if first.pred is None:
        return Judged(item, PredictionStatus.UNPARSED.value, None)
    if item.text_of(first.pred) is None:
        return Judged(item, INVALID_LETTER, None)
    return Judged(item, PredictionStatus.OK.value, first.pred)


def score_closed(
    items: Sequence[ClosedItem],
    predictions: Sequence[Prediction],
    sequences: Mapping[str, MRSequence | None] | None = None,
    *,
    rejection_share: float = REJECTION_SHARE,
) -> Score:
    """Score the predictions of one model; the order of either argument does not matter.

    The intervals treat questions as independent. Those about one image are not, so that two models are compared
    with ``compare``, which resamples images.

    Args:
        items: the benchmark; its twins count as pairs alone.
        predictions: of one model.
        sequences: MR sequence by ``slice_id``, where known, for ``by_sequence``.
        rejection_share: of the rule set, for the chance.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    every = judge(items, predictions)
    judged = [question for question in every if question.item.twin_of is None]
    known = {(item.image_id, item.q_index) for item in items}
    matched = [(p.id, p.q_index) for p in predictions if (p.id, p.q_index) in known]
    status = dict.fromkeys(STATUSES, 0)
    for question in judged:
        status[question.status] += 1
    by_type = _grouped(judged, lambda q: q.item.reported_type)
    by_type = {kind: by_type[kind] for kind in REPORTED_TYPES if kind in by_type}
    own = counted(items)
    shares = [estimate.value for estimate in by_type.values() if estimate.value is not None]
    return Score(
        accuracy=_accuracy(judged),
        by_type=by_type,
        rejection=_rejection(judged),
        binary=_accuracy([q for q in judged if q.item.is_binary]),
        multiple_choice=_accuracy([q for q in judged if not q.item.is_binary]),
        by_source=_grouped(judged, lambda q: q.item.source_id),
        by_sequence=None if sequences is None else _grouped(judged, lambda q: sequences.get(q.item.slice_id)),
        status=status,
        unmatched_predictions=len(predictions) - len(matched),
        duplicate_predictions=len(matched) - len(set(matched)),
        macro_by_type=sum(shares) / len(shares) if shares else None,
        chance=_chance(own, rejection_share) if own else None,
        chance_by_type={
            kind: _chance([item for item in own if item.reported_type == kind], rejection_share) for kind in by_type
        },
        complete=not any(status[name] for name in _NOT_ANSWERED),
        twins=_twins(every),
    )


def _accuracy(judged: Sequence[Judged]) -> Estimate:
    return wilson(sum(q.is_right for q in judged), len(judged))


def _grouped(judged: Sequence[Judged], group_of: Callable[[Judged], str | None]) -> dict[str, Estimate]:
    groups: dict[str, list[Judged]] = {}
    for question in judged:
        groups.setdefault(group_of(question) or "(none)", []).append(question)
    return {str(name): _accuracy(groups[name]) for name in sorted(groups)}


def _rejection(judged: Sequence[Judged]) -> Rejection:
    offering = [q for q in judged if q.item.none_letter is not None]
    rejections = [q for q in offering if q.item.rejects]
    answerable = [q for q in offering if not q.item.rejects]
    right, false = sum(q.rejects for q in rejections), sum(q.rejects for q in answerable)
    return Rejection(
        recall=wilson(right, len(rejections)),
        precision=wilson(right, right + false),
        false_rejection_rate=wilson(false, len(answerable)),
    )


def _twins(judged: Sequence[Judged]) -> TwinPairs | None:
    twins = [q for q in judged if q.item.twin_of is not None]
    if not twins:
        return None
    own = {(q.item.image_id, q.item.q_index): q for q in judged if q.item.twin_of is None}
    found = [(own.get((q.item.image_id, q.item.twin_of)), q) for q in twins if q.item.twin_of is not None]
    pairs = [(first, second) for first, second in found if first is not None]
    n = len(pairs)
    return TwinPairs(
        both_right=wilson(sum(a.is_right and b.is_right for a, b in pairs), n),
        both_rejected=wilson(sum(a.rejects and b.rejects for a, b in pairs), n),
        same_text=wilson(sum(not a.rejects and a.text is not None and a.text == b.text for a, b in pairs), n),
        unanswered=sum(a.letter is None or b.letter is None for a, b in pairs),
        unpaired=len(twins) - n,
    )


def _chance(items: Sequence[ClosedItem], rejection_share: float) -> float:
    # The sum is exact, so that it does not depend on the order of the questions.
    return fsum(item.chance(rejection_share) if item.options else 0.0 for item in items) / len(items)
