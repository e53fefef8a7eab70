"""Overlap of words with the reference: ROUGE-L, BLEU and chrF as their kept libraries compute them.

They measure how alike two texts are, not whether either is right: an answer that denies all that the reference says
can score high. They are here to be compared with what others publish.
"""

import re
from functools import cache
from typing import Any, NamedTuple

LONGEST_TEXT_CHARS = 4_000
"""Of either text that are compared; the longest common subsequence takes time by the product of the lengths."""
_SPACE = re.compile(r"\s+")


class Overlap(NamedTuple):
    """Overlap of one answer with its reference, each 0 to 1."""

    rouge_l: float
    bleu: float
    chrf: float


def overlap_of(reference: str, answer: str) -> Overlap:
    """ROUGE-L F1 (no stemming), sentence BLEU and chrF2 of one answer.

    BLEU is that of one sentence: 13a tokens, case kept, exponential smoothing, effective order, so that an answer
    of three words can be compared.

    >>> same = overlap_of("It is round.", "It is round.")
    >>> [round(value, 6) for value in same], overlap_of("It is round.", "")
    ([1.0, 1.0, 1.0], Overlap(rouge_l=0.0, bleu=0.0, chrf=0.0))
    """
    reference, answer = (_SPACE.sub(" ", text[:LONGEST_TEXT_CHARS]).strip() for text in (reference, answer))
    if not reference or not answer:
        return Overlap(0.0, 0.0, 0.0)
    rouge, bleu, chrf = _measures()
    return Overlap(
        rouge_l=float(rouge.score(reference, answer)["rougeL"].fmeasure),
        bleu=min(1.0, float(bleu.sentence_score(answer, [reference]).score) / 100),
        chrf=min(1.0, float(chrf.sentence_score(answer, [reference]).score) / 100),
    )


@cache
def _measures() -> tuple[Any, Any, Any]:
    # Loaded where they are used: together they take longer than all else that a command loads.
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return RougeScorer(["rougeL"]), BLEU(effective_order=True), CHRF()
