"""Records of a review room: the questions in it, who reads them, what they did, and where each question stands."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from neuroonco.build.records import ClosedItem
from neuroonco.catalog.records import MaskRef
from neuroonco.outcomes import Record
from neuroonco.review.records import Verdict

MAX_TEXT = 2000
"""Characters of a wording or a comment."""
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Name = Annotated[str, Field(pattern=r"^[\w][\w .'-]{0,59}$")]
"""Of a person: letters of any script, digits, space, and ``_ . ' -``."""


class Role(StrEnum):
    """What a person may do in a room."""

    READER = "reader"
    ADJUDICATOR = "adjudicator"


class Round(StrEnum):
    """When a question is judged."""

    FIRST = "first"
    SECOND = "second"
    ADJUDICATION = "adjudication"


class RejectReason(StrEnum):
    """Why a question should not be asked."""

    SEVERAL_RIGHT = "several_right"
    NOT_OFFERED = "not_offered"
    UNCLEAR_WORDING = "unclear_wording"
    ANSWER_GIVEN_AWAY = "answer_given_away"
    POOR_IMAGE = "poor_image"
    WRONG_IMAGE = "wrong_image"
    IDENTIFIABLE = "identifiable"
    OTHER = "other"


REJECT_REASONS: dict[RejectReason, str] = {
    RejectReason.SEVERAL_RIGHT: "more than one option is right",
    RejectReason.NOT_OFFERED: "the right answer is not among the options, and there is no way to say so",
    RejectReason.UNCLEAR_WORDING: "the question cannot be understood or has no single answer",
    RejectReason.ANSWER_GIVEN_AWAY: "wording, marks or text in the picture give the answer away",
    RejectReason.POOR_IMAGE: "the picture is too poor for any question",
    RejectReason.WRONG_IMAGE: "no brain MRI, or not the slice that the question is about",
    RejectReason.IDENTIFIABLE: "the picture may identify a person",
    RejectReason.OTHER: "another reason, which the comment states",
}
"""In words, as readers see them."""


class Judgement(Record):
    """What one person says of one question, once they have said it.

    Attributes:
        verdict: ``accept`` and ``change`` follow from the chosen answer; see
            :func:`neuroonco.review.judgement.judge`.
        answer: letter of the option that the person holds right; with ``accept`` and ``change`` only.
        reason: with ``reject`` only.
        new_question: the question in better words; None where it may stay as it is.
        comment: for the other readers; needed with the reason ``other``.
    """

    verdict: Verdict
    answer: str | None = None
    reason: RejectReason | None = None
    new_question: Text | None = None
    comment: Text | None = None


class ModelNote(Record):
    """What a model (or the measuring reader) stated about the picture, for adjudicators who ask for it.

    Attributes:
        reader: its name. kind: ``conservative``, ``skeptical``, ``audited`` or ``prediction``.
        statements: attribute to statement, in display words; a prediction has ``answer``.
    """

    reader: str
    kind: str
    statements: dict[str, str]


class RoomItem(Record):
    """One question in a room.

    Attributes:
        key: opaque, see :func:`neuroonco.review.sheet.item_key`; the only name that pages and addresses know.
        item: the question as it was imported; never changed.
        mask: outline of the lesion, where the collection has one.
        notes: what models stated.
    """

    key: str
    item: ClosedItem
    mask: MaskRef | None = None
    notes: tuple[ModelNote, ...] = ()


class RoomSettings(Record):
    """How a room works; fixed when it is set up.

    Attributes:
        title: shown on every page; no path.
        rounds: 1: differing judgements go to the adjudicator at once; 2: the readers look again first, knowing
            each other's.
        proposed_shown: whether round one shows the benchmark's own answer. Hidden, readers answer by themselves, and
            agreement with the benchmark is measured.
        benchmark_sha256: of the imported file.
        version: of the package that set it up.
        created_at: UTC, ISO 8601.
    """

    title: str
    rounds: Annotated[int, Field(ge=1, le=2)] = 2
    proposed_shown: bool = False
    benchmark_sha256: str
    version: str
    created_at: str


class Person(Record):
    """Someone who reads or adjudicates.

    Attributes:
        has_token: whether an invitation is in force; the token itself is nowhere.
    """

    name: Name
    role: Role = Role.READER
    has_token: bool = False


class Assignment(Record):
    """One question for one reader."""

    key: str
    reader: Name


class EventKind(StrEnum):
    """What was done. Only the first two change what is in force."""

    DECIDED = "decided"
    UNDONE = "undone"
    CONFLICTED = "conflicted"
    MASK_SHOWN = "mask_shown"
    PEERS_SHOWN = "peers_shown"
    MODELS_SHOWN = "models_shown"


class ReviewEvent(Record):
    """Something that was done in a room; events are appended and never changed.

    A *lane* is what one reader says of one question in one round; adjudicators share one lane a question.

    Attributes:
        seq: order of all events, from 1, without reuse.
        version: of the lane after this event, from 1; None for events that change nothing in force, such as a
            judgement that came too late (``conflicted``).
        judgement: with ``decided`` and ``conflicted``.
        undoes: with ``undone``: ``seq`` of the judgement taken back.
        elapsed_s: time the question was before the reader's eyes, as the browser measured it, this save only.
        save_id: chosen by the browser: a save sent twice is one event.
        at: UTC, ISO 8601, of the server.
    """

    seq: int
    key: str
    reader: Name
    round: Round
    kind: EventKind
    version: int | None = None
    judgement: Judgement | None = None
    undoes: int | None = None
    elapsed_s: Annotated[float, Field(ge=0, le=86400)] | None = None
    save_id: str
    at: str


class Lane(Record):
    """Where one reader is with one question in one round.

    Attributes:
        reader: None in the adjudication, whose lane is shared.
        version: 0 before anything was decided.
        judgement: in force; None where there is none, or it was undone.
        by, at: who decided it and when; None where nothing is in force.
        elapsed_s: sum over all saves in the lane.
    """

    key: str
    reader: Name | None
    round: Round
    version: int = 0
    judgement: Judgement | None = None
    by: Name | None = None
    at: str | None = None
    elapsed_s: float = 0.0


class ItemStatus(StrEnum):
    """Where a question stands, in the order of the way."""

    UNASSIGNED = "unassigned"
    FIRST_ROUND = "first_round"
    SECOND_ROUND = "second_round"
    DISPUTED = "disputed"
    AGREED = "agreed"
    ADJUDICATED = "adjudicated"

    @property
    def is_settled(self) -> bool:
        """Whether the question has a judgement that stands."""
        return self in (ItemStatus.AGREED, ItemStatus.ADJUDICATED)


class ItemState(Record):
    """A question's status and all of its lanes.

    Attributes:
        lanes: ordered by round, then reader.
        judgement: the one that stands; None while the status is not settled.
    """

    key: str
    status: ItemStatus
    lanes: tuple[Lane, ...]
    judgement: Judgement | None = None


class SaveOutcome(StrEnum):
    """What became of a save."""

    SAVED = "saved"
    REPEATED = "repeated"
    CONFLICT = "conflict"
    CLOSED = "closed"


class Saved(Record):
    """What the server says to a save; once it says it, the event is safe on disk.

    Attributes:
        outcome: ``saved``; ``repeated`` (the same save came again: nothing was added); ``conflict`` (the lane has moved
            on: the given judgement is kept as an event, but is not in force); ``closed`` (a later round has begun:
            kept, not in force).
        event: what was written, or was there before.
        lane: as it is now.
        status: of the question, as it is now.
    """

    outcome: SaveOutcome
    event: ReviewEvent
    lane: Lane
    status: ItemStatus


class QueueEntry(Record):
    """One line of a reader's queue.

    Attributes:
        position: from 1, in the whole queue.
        version: of the reader's lane; 0 where the question is still to do.
        decided: whether a judgement of the reader is in force in this round.
        open: False once a later round has begun.
        at: when the judgement in force was saved; None without one.
    """

    key: str
    round: Round
    position: int
    version: int
    decided: bool
    open: bool
    elapsed_s: float
    at: str | None = None


class QueueTotals(Record):
    """A reader's queue of a round, in numbers.

    Attributes:
        total: questions. done: those with a judgement in force. open: those that are still to do.
        elapsed_s: sum over all of them.
        next_open: the first that is still to do; None where all are done.
    """

    total: int
    done: int
    open: int
    elapsed_s: float
    next_open: str | None


class QueuePlace(Record):
    """Where a question stands in a reader's queue of a round.

    Attributes:
        entry: the question's line.
        total: questions in the queue. done: those with a judgement in force.
        previous, following: its neighbors; None at the ends.
        next_open: the next one that is still to do, from the start again after the end; None where there is no other.
    """

    entry: QueueEntry
    total: int
    done: int
    previous: str | None
    following: str | None
    next_open: str | None
