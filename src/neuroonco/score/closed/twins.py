"""Pairs of a question and its twin."""

from collections.abc import Sequence

import numpy as np

from neuroonco.score.closed.clustering import ClusteredQuestions
from neuroonco.score.closed.judge import Judged
from neuroonco.score.closed.records import TwinPairs
from neuroonco.score.replies import MISSING


def twin_pairs(every: Sequence[Judged], questions: ClusteredQuestions) -> TwinPairs | None:
    """How the questions were answered together with their twins.

    A twin without a prediction was not put to the model, as in exports, which leave twins out: its pair says nothing.

    Args:
        every: all questions, twins included.
        questions: clusters of the ones that are no twins, in the same order.

    Returns:
        None where there is no twin.
    """
    twins = [q for q in every if q.item.twin_of is not None]
    if not twins:
        return None
    own = [q for q in every if q.item.twin_of is None]
    place = {(q.item.image_id, q.item.q_index): n for n, q in enumerate(own)}
    counts = np.zeros((len(own), 4), np.int64)
    unanswered = unpaired = not_asked = 0
    for twin in twins:
        at = place.get((twin.item.image_id, twin.item.twin_of or 0))
        if at is None:
            unpaired += 1
            continue
        if twin.status == MISSING:
            not_asked += 1
            continue
        first = own[at]
        unanswered += first.letter is None or twin.letter is None
        same = not first.rejects and first.text is not None and first.text == twin.text
        counts[at] += (1, first.is_right and twin.is_right, first.rejects and twin.rejects, same)
    shares = questions.shares(counts[:, 1:], np.repeat(counts[:, :1], 3, axis=1))
    return TwinPairs(
        both_right=shares[0],
        both_rejected=shares[1],
        same_text=shares[2],
        unanswered=unanswered,
        unpaired=unpaired,
        not_asked=not_asked,
    )
