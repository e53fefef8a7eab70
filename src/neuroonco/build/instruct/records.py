"""Records of instruction data: what a writer drafts about one slice, and the pairs that training reads."""

from neuroonco.outcomes import Record
from neuroonco.vocabulary import QuestionType

OPEN, CLOSED, CLOSED_WITH_REASON = "open", "closed_nocot", "closed_cot"
FILE_KINDS = (OPEN, CLOSED, CLOSED_WITH_REASON)
"""The published files: ``instruction_<kind>_train.jsonl``."""
TEMPLATES = "templates"
"""Name of the writer that needs no model."""


class OpenDraft(Record):
    """An open question and its answer in a writer's words.

    Attributes:
        wording: key in ``prompts/questions.toml`` of the fact that is asked, e.g. ``location_in_head``, or of an open
            question about several facts, e.g. ``extent``.
        question: the stem, which must not depend on the answer.
        writer: of the answer, where it is not the draft's.
    """

    wording: str
    question: str
    answer: str
    writer: str | None = None


class ClosedDraft(Record):
    """How a writer words one closed question; options and letter are never a writer's.

    Attributes:
        q_index: of the closed item.
        question: the stem, which must not depend on the answer.
        explanation: why the answer is right, from the label's terms alone.
    """

    q_index: int
    question: str
    explanation: str


class MissingPart(Record):
    """One thing that a writer was asked to word and did not, or not in a way that can be used.

    Attributes:
        wording: of the fact of an open question; None for a closed one.
        q_index: of the closed item; None for an open question.
        reason: one line.
    """

    wording: str | None = None
    q_index: int | None = None
    reason: str


class Draft(Record):
    """What one writer says about one slice.

    Attributes:
        writer: :data:`TEMPLATES`, or the model's name.
        missing: what was asked for and is neither in ``open`` nor in ``closed``.
    """

    slice_id: str
    writer: str
    open: tuple[OpenDraft, ...] = ()
    closed: tuple[ClosedDraft, ...] = ()
    missing: tuple[MissingPart, ...] = ()


class InstructionPair(Record):
    """One question and answer for training.

    Attributes:
        file_kind: ``open``, ``closed_nocot`` or ``closed_cot``: the file it belongs to.
        question_type: of the fact that is asked; the first one where several are described, see ``subtype``.
        subtype: ``open``, ``detail`` or ``reasoning`` (several facts), ``binary``, ``options``, or
            ``none_of_the_above``.
        answer: the assistant's whole text.
        wording: key in ``prompts/questions.toml`` of what an open pair asks; None of a closed one.
        writer: whose words the answer is in: :data:`TEMPLATES`, or a model's name; of a letter, the templates'.
    """

    pair_id: str
    pair_index: int
    slice_id: str
    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None
    file_kind: str
    question_type: QuestionType
    subtype: str
    question: str
    answer: str
    source_id: str
    group_id: str | None = None
    wording: str | None = None
    writer: str = TEMPLATES
