"""Score closed questions: every question counts, and what was not answered is wrong and said to be so.

Twins, which repeat a question with the truth put in or taken out, are no questions of their own: they count in no
accuracy, only together with the question that they repeat.
"""

from collections.abc import Mapping, Sequence
from math import fsum

import numpy as np

from neuroonco.build.records import REJECTION_SHARE, REPORTED_TYPES, ClosedItem
from neuroonco.intervals import Estimate, wilson
from neuroonco.predict.records import Prediction
from neuroonco.resampling import RESAMPLES, SEED
from neuroonco.score.closed.calibration import calibration
from neuroonco.score.closed.clustering import in_clusters
from neuroonco.score.closed.confusion import confusions
from neuroonco.score.closed.image_facts import sequence_names, source_name
from neuroonco.score.closed.judge import STATUSES, Judged, counted, is_complete, judge
from neuroonco.score.closed.permutation import permutation_report
from neuroonco.score.closed.position import position_bias
from neuroonco.score.closed.records import Score
from neuroonco.score.closed.rejection import rejection
from neuroonco.score.closed.twins import twin_pairs
from neuroonco.vocabulary import MRSequence


def score_closed(
    items: Sequence[ClosedItem],
    predictions: Sequence[Prediction],
    sequences: Mapping[str, MRSequence | None] | None = None,
    *,
    rejection_share: float = REJECTION_SHARE,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    permuted: Sequence[Sequence[Prediction]] = (),
) -> Score:
    """Score the predictions of one model; the order of either argument does not matter.

    Args:
        items: the benchmark; its twins count as pairs alone.
        predictions: of one model.
        sequences: slice id -> MR sequence, where somebody knows more than the questions tell.
        rejection_share: from the rules; share of the questions that offer "None of the above" that chance assumes to
            be right with it.
        seed, resamples: of the bootstrap over clusters.
        permuted: further predictions of the same model, to the same questions with their options in other orders.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    # Sums of floating point depend on the order of their parts.
    items = sorted(items, key=lambda item: (item.image_id, item.q_index))
    every = judge(items, predictions)
    judged = [question for question in every if question.item.twin_of is None]
    own = counted(items)
    known = {(item.image_id, item.q_index) for item in items}
    matched = [(p.id, p.q_index) for p in predictions if (p.id, p.q_index) in known]
    status = dict.fromkeys(STATUSES, 0)
    for question in judged:
        status[question.status] += 1
    questions = in_clusters(own, seed=seed, resamples=resamples)
    right = np.array([q.is_right for q in judged], bool)
    binary = np.array([item.is_binary for item in own], bool)
    types = [item.reported_type for item in own]
    sources = [source_name(item) for item in own]
    named = sequence_names(items, sequences)
    shown = [name for item, name in zip(items, named, strict=True) if item.twin_of is None]
    by_type = _cells(judged, types)
    by_type = {kind: by_type[kind] for kind in REPORTED_TYPES if kind in by_type}
    offered = np.array([item.none_letter is not None for item in own], bool)
    is_none = np.array([item.rejects for item in own], bool)
    said_none = np.array([q.rejects for q in judged], bool)
    return Score(
        accuracy=questions.share(right),
        macro_by_type=questions.mean_of_groups(right, types),
        by_type=by_type,
        rejection=rejection(offered, is_none, said_none, questions),
        always_none=rejection(offered, is_none, offered, questions),
        binary=questions.share(right & binary, binary),
        multiple_choice=questions.share(right & ~binary, ~binary),
        by_source=_cells(judged, sources),
        macro_by_source=questions.mean_of_groups(right, sources),
        by_sequence=_cells(judged, shown),
        macro_by_sequence=questions.mean_of_groups(right, shown),
        position=position_bias(judged, questions),
        calibration=calibration(judged, questions),
        permutation=permutation_report([judged, *(judge(own, run) for run in permuted)], questions),
        confusion=confusions(judged),
        clusters=questions.clusters,
        status=status,
        unmatched_predictions=len(predictions) - len(matched),
        duplicate_predictions=len(matched) - len(set(matched)),
        chance=_chance(own, rejection_share) if own else None,
        chance_by_type={
            kind: _chance([item for item in own if item.reported_type == kind], rejection_share) for kind in by_type
        },
        complete=is_complete(judged),
        twins=twin_pairs(every, questions),
    )


def _cells(judged: Sequence[Judged], names: Sequence[str]) -> dict[str, Estimate]:
    """Accuracy of each group of questions, Wilson."""
    tallies: dict[str, list[int]] = {}
    for question, name in zip(judged, names, strict=True):
        tally = tallies.setdefault(name, [0, 0])
        tally[0] += question.is_right
        tally[1] += 1
    return {name: wilson(*tallies[name]) for name in sorted(tallies)}


def _chance(items: Sequence[ClosedItem], rejection_share: float) -> float:
    # The sum is exact, so that it does not depend on the order of the questions.
    return fsum(item.chance(rejection_share) if item.options else 0.0 for item in items) / len(items)
