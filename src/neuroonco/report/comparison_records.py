"""Records of the comparison: all that its page and tables show, so that writing them computes no figure."""

from enum import StrEnum

from neuroonco.outcomes import Record
from neuroonco.report.picture_records import Picture
from neuroonco.report.records import Fact
from neuroonco.score.closed.records import Clusters, Pair, Score
from neuroonco.score.open.records import OpenScore


class Verdict(StrEnum):
    """Where an accuracy lies beside chance, by its interval."""

    ABOVE = "above chance"
    NOT_ABOVE = "not above chance"
    BELOW = "below chance"
    UNKNOWN = "not comparable with chance"


class ComparedRun(Record):
    """How one model was asked.

    Attributes:
        number: 1 for the first in the order of the page; marks the model in charts and column heads.
        name: of the model; unique on the page.
        asked: what a reader has to know of how it was asked, in words; empty where nothing was out of the ordinary.
        sees_picture: False for whoever answers without the question's own picture; ``sees_instead``: what such a one
            sees, in words.
        abstains: a built-in baseline, which refuses nothing: where it has no answer it abstains.
        unreadable: rows of its file that could not be read, whichever model they are of.
    """

    number: int
    name: str
    asked: tuple[str, ...] = ()
    sees_picture: bool = True
    sees_instead: str = "sees no picture"
    abstains: bool = False
    unreadable: int = 0


class ClosedModel(ComparedRun):
    """One model on closed questions.

    Attributes:
        verdict: its accuracy beside chance.
        verdict_by_type: the same by question type, for the types that have questions.
    """

    score: Score
    verdict: Verdict
    verdict_by_type: dict[str, Verdict]


class OpenModel(ComparedRun):
    """One model on open questions."""

    score: OpenScore


class OfferedOption(Record):
    """An option as the page shows it.

    Attributes:
        chosen_by: numbers of the models that chose it.
    """

    letter: str
    text: str
    is_right: bool
    chosen_by: tuple[int, ...]


class ShownReply(Record):
    """What one model said to one question.

    Attributes:
        status: what became of the question, as in the score.
        letter: of the option that it chose, as the benchmark letters it.
        raw: its reply as it came, shortened; None where none was kept.
        shown_order: the benchmark's letters in the order in which it was shown the options; None for as they stand.
    """

    model: int
    name: str
    status: str
    letter: str | None
    raw: str | None
    shown_order: str | None
    confidence: float | None
    is_right: bool


class ShownError(Record):
    """A question that was answered wrong.

    Attributes:
        wrong, models: how many of how many models that see the picture are wrong.
        removed_answer: the true answer where it is not offered.
    """

    picture: Picture
    image_id: str
    q_index: int
    question_type: str
    question: str
    options: tuple[OfferedOption, ...]
    removed_answer: str | None
    source_id: str | None
    replies: tuple[ShownReply, ...]
    wrong: int
    models: int


class ErrorGallery(Record):
    """Errors under one heading.

    Attributes:
        model: number of the model whose errors they are; None for questions that all models have wrong.
        found: how many there are, shown or not; ``alone``: those of them that only this model has wrong.
        left_out: wrong for want of a reply (missing, failed, without image): nothing can be learned from them here.
    """

    model: int | None
    name: str
    found: int
    alone: int
    left_out: int
    shown: tuple[ShownError, ...]


class ComparisonHead(Record):
    """What both kinds of comparison say first.

    Attributes:
        benchmark: name of its file.
        warnings: what a reader must know before any figure, in words.
    """

    title: str
    benchmark: str
    benchmark_sha256: str
    questions: int
    images: int
    facts: tuple[Fact, ...]
    warnings: tuple[str, ...]


class ComparisonPage(ComparisonHead):
    """Models on the same closed questions.

    Attributes:
        models: the most accurate first.
        pairs: differences of accuracy: ``own_pairs`` of models with their own runs without the picture come first;
            ``of_first``: the others are of the first model with each other one alone; ``reference``: of the model that
            was named beforehand with each other one. tests: pairs that their p is corrected for: all, or with a
            reference the shown ones.
        types: keys of the scores' ``by_type`` that have questions, in the order of reports.
        galleries: of errors, the one of all models first.
    """

    models: tuple[ClosedModel, ...]
    pairs: tuple[Pair, ...]
    tests: int
    of_first: bool
    own_pairs: int = 0
    reference: str | None = None
    clusters: Clusters
    chance: float | None
    types: tuple[str, ...]
    galleries: tuple[ErrorGallery, ...]


class OpenComparisonPage(ComparisonHead):
    """Models on the same open questions.

    Attributes:
        models: the highest attribute F1 first.
        types: keys of the scores' ``by_type``.
    """

    models: tuple[OpenModel, ...]
    types: tuple[str, ...]
