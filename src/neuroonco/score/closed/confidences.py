"""How sure a model was of each answer: from the probabilities of letters, or in its own words."""

from collections.abc import Sequence
from math import exp

from neuroonco.score.closed.judge import Judged

LOGPROBS, STATED = "logprobs", "stated"


def confidences(judged: Sequence[Judged]) -> tuple[str, list[float | None]] | None:
    """Confidence of each valid answer, all of one source: probabilities where any answer has them, else words.

    Returns:
        The source, and a confidence for each question; None where no valid answer has any.
    """
    found = [letter_confidence(q) for q in judged]
    if any(c is not None for c in found):
        return LOGPROBS, found
    stated = [None if q.letter is None or q.prediction is None else q.prediction.confidence for q in judged]
    return (STATED, stated) if any(c is not None for c in stated) else None


def letter_confidence(question: Judged) -> float | None:
    """Share of the chosen letter in the probability of all offered letters; None where not each has one, once."""
    if question.letter is None or question.prediction is None or question.prediction.logprobs is None:
        return None
    rows = question.prediction.logprobs
    offered = {option.letter for option in question.item.options}
    given = {row.letter: row.logprob for row in rows if row.letter in offered}
    if given.keys() != offered or len({row.letter for row in rows}) != len(rows):
        return None
    top = max(given.values())
    weights = {letter: exp(logprob - top) for letter, logprob in given.items()}
    return weights[question.letter] / sum(weights.values())
