"""Records of review: what a person is shown of a question, and what they decide about it."""

from enum import StrEnum

from neuroonco.outcomes import Record


class Verdict(StrEnum):
    """What a reader decides about one question."""

    ACCEPT = "accept"
    CHANGE = "change"
    REJECT = "reject"
    UNANSWERABLE = "unanswerable"


class SheetRow(Record):
    """One question as a reader sees it: no path, no class of the collection, no answer.

    Attributes:
        item: opaque key of the question; a decision refers to it.
        options: as ``letter. text``, in the order in which a model sees them.
    """

    item: str
    question: str
    options: tuple[str, ...]


class ReviewDecision(Record):
    """One reader's decision about one question.

    Attributes:
        item: the sheet's key of the question.
        new_answer: letter of the right option, with ``change`` only.
        new_question: the question in better words, with ``accept`` and ``change`` only.
        time: when it was decided, as the reader's tool gave it.
    """

    item: str
    reader: str
    verdict: Verdict
    new_answer: str | None = None
    new_question: str | None = None
    comment: str | None = None
    time: str | None = None
