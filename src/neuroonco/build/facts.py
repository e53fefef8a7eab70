"""What may be asked about a slice, and the answer that its label supports."""

from dataclasses import dataclass
from enum import StrEnum

from neuroonco.audit.records import AuditedLabel
from neuroonco.vocabulary import MeasureFrame, QuestionType, Sign, TumorType, assessable

ASKED_OF_SIGNS = (Sign.MARGINS, Sign.TEXTURE, Sign.ENHANCEMENT, Sign.EDEMA, Sign.SIGNAL_INTENSITY)
"""Signs whose questions are answered by the audited label; the shape is answered by the mask."""
RELATIVE_TO_A_FRAME = (QuestionType.SIZE, QuestionType.LOCATION)
"""What is asked of the head where it was measured in the head's box, and of the picture where it was not."""


@dataclass(frozen=True)
class Fact:
    """One thing that is known about a slice.

    Attributes:
        question_type: the question it answers.
        value: the canonical answer; ``absent`` is an answer like any other.
        label_source: ``source``, ``mask`` or ``audited``.
        frame: what a size or location is relative to; None is the canvas.
    """

    question_type: QuestionType
    value: StrEnum
    label_source: str
    frame: MeasureFrame | None = None

    @property
    def wording(self) -> str:
        """Key of its wording in ``prompts/questions.toml``.

        Healthy and untyped slices have one of their own, as have sizes and locations in the head: a wording is a pool
        of its own, so that what is asked and what was measured agree and no frame tells the answer.
        """
        if isinstance(self.value, TumorType) and not self.value.is_specific:
            return "diagnosis_binary"
        if self.frame is MeasureFrame.BRAIN_BOX and self.question_type in RELATIVE_TO_A_FRAME:
            return f"{self.question_type.value}_in_head"
        return self.question_type.value


def facts(label: AuditedLabel) -> tuple[Fact, ...]:
    """Everything that may be asked about one slice, in the order of :class:`QuestionType`.

    - The diagnosis is the source's, and asked only where nothing speaks against it: a tumour type needs a slice
      that the source does not mark as free of tumour and readings that do not deny a lesion; healthy needs
      readings that found none or did not decide.
    - The sequence is the source's alone: what a reading saw is no truth.
    - Lesion attributes need a lesion: size, shape, spread and location come from the mask, the other signs
      from the audited label, and only where the sequence lets them be seen.
    """
    found: list[Fact] = []
    record = label.slice
    if record.tumor_type is not None and _shows(label, record.tumor_type):
        found.append(Fact(QuestionType.DIAGNOSIS, record.tumor_type, "source"))
    if record.sequence is not None:
        found.append(Fact(QuestionType.MODALITY, record.sequence, "source"))
    if record.tumor_type is TumorType.HEALTHY or record.tumor_present is False:
        return tuple(found)
    if record.semantics is not None:
        measured: tuple[tuple[QuestionType, StrEnum | None], ...] = (
            (QuestionType.SIZE, record.semantics.size),
            (QuestionType.SHAPE, record.semantics.shape),
            (QuestionType.SPREAD, record.semantics.spread),
            (QuestionType.LOCATION, record.semantics.location),
        )
        frame = record.semantics.frame
        found.extend(Fact(question, value, "mask", frame) for question, value in measured if value is not None)
    if label.lesion_found:
        sequence = record.sequence or label.sequence
        for sign in ASKED_OF_SIGNS:
            value = label.signs.get(sign)
            if value is not None and assessable(sign, sequence):
                found.append(Fact(QuestionType(sign.value), value, "audited"))
    return tuple(found)


def _shows(label: AuditedLabel, tumor_type: TumorType) -> bool:
    """Whether readings leave the source's diagnosis standing; readings that did not decide do."""
    healthy = tumor_type is TumorType.HEALTHY
    stated, seen = label.slice.tumor_present, label.lesion_found
    return stated in (None, not healthy) and seen in (None, not healthy)
