"""Record of a question answered together with its twin."""

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record


class TwinPairs(Record):
    """How a model answers a question together with its twin, which offers the truth where the question does not.

    The image and the wording are the same, so that who reads the image gets both right; who always rejects, or has a
    favorite among the options, gets one of the two at most. Shares are of all pairs, answered or not.

    Attributes:
        both_right: pairs with two right answers.
        both_rejected: pairs answered with "None of the above" twice.
        same_text: pairs answered with the same other option twice, whatever its letter; it is wrong at least once.
        unanswered: pairs of which at least one question has no valid answer.
        unpaired: twins whose question is not in the benchmark, e.g. rejected in review; they are in no pair.
    """

    both_right: Estimate
    both_rejected: Estimate
    same_text: Estimate
    unanswered: int
    unpaired: int
