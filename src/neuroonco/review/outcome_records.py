"""Records of a review's outcome: what became of each question, on whose word, and what was changed."""

from enum import StrEnum

from neuroonco.build.records import ClosedItem
from neuroonco.outcomes import Record
from neuroonco.review.records import Verdict
from neuroonco.review.room_records import ItemStatus, RejectReason, Round


class SettledBy(StrEnum):
    """On whose word a question stands."""

    CONSENSUS = "consensus"
    ADJUDICATION = "adjudication"


class Fate(StrEnum):
    """What became of a question.

    ``twin_alone``: a twin whose question is not in the benchmark, or no longer offers the truth where the twin does
    not; alone it would measure nothing.
    """

    KEPT = "kept"
    REJECTED = "rejected"
    UNANSWERABLE = "unanswerable"
    TWIN_ALONE = "twin_alone"
    PENDING = "pending"
    UNUSABLE = "unusable"


class GivenJudgement(Record):
    """A judgement in force, and how it came about.

    Attributes:
        by: who gave it. at: when; UTC, ISO 8601.
        answer: letter that the person holds right.
        elapsed_s: time that the question was before their eyes in this round, all saves together.
        mask_seen, models_seen: whether the outline of the lesion, or what models state, was shown to them before.
    """

    by: str
    round: Round
    verdict: Verdict
    answer: str | None = None
    reason: RejectReason | None = None
    new_question: str | None = None
    comment: str | None = None
    at: str
    elapsed_s: float
    mask_seen: bool = False
    models_seen: bool = False


class ItemChange(Record):
    """One field of a question that review changed."""

    field: str
    before: str | None
    after: str | None


class ItemProvenance(Record):
    """Where a question's present form is from; one for each question of a room.

    Attributes:
        key: the room's name of the question.
        settled_by: None where nothing stands yet.
        readers: how many agreed; 0 where nothing stands, 1 for the adjudicator's word.
        in_benchmark: whether the question is among the written ones; one that is not settled can be, if that was
            asked for, and ``fate`` says so.
        judgements: those in force, by round and person.
        changes: what of the question is not as it was imported; empty for one that is not in the benchmark.
    """

    key: str
    image_id: str
    q_index: int
    status: ItemStatus
    fate: Fate
    settled_by: SettledBy | None = None
    readers: int = 0
    in_benchmark: bool
    judgements: tuple[GivenJudgement, ...] = ()
    changes: tuple[ItemChange, ...] = ()


class LeftOut(Record):
    """A question that is not in the reviewed benchmark, whole, so that it can be put back.

    Attributes:
        why: in words.
        reasons: for which it was rejected, each once.
        comments: of those whose word stands, each once.
        item: as it was imported.
    """

    key: str
    status: ItemStatus
    fate: Fate
    why: str
    reasons: tuple[RejectReason, ...] = ()
    comments: tuple[str, ...] = ()
    item: ClosedItem
