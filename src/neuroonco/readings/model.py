"""The model reader: one slice, one attitude, one conversation; a reading, or the reason why there is none."""

from dataclasses import dataclass

from neuroonco.errors import ProviderError
from neuroonco.models.conversation import Unreadable, converse
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelCall, Turn
from neuroonco.outcomes import Quarantined, quarantine_slice
from neuroonco.prompts import prompt
from neuroonco.prompts.render import as_data, render
from neuroonco.readings.answer_schema import ReadAnswer, read_answer, reader_schema, unreadable_signs, without
from neuroonco.readings.records import LesionReading
from neuroonco.semantics.records import DescribedSlice
from neuroonco.store import sha256_bytes
from neuroonco.vocabulary import LesionBasis, ReadingKind, display

UNDECIDED = "the model cannot tell whether there is a lesion"


@dataclass(frozen=True)
class Brief:
    """What a model is told as a reader or auditor, and how long its answer may be.

    Attributes:
        tell_tumor_type: give them the whole text of the slice, with the source's diagnosis and what its mask shows,
            as the reference does; else they know the sequence and the plane that the source states, and no more.
        max_tokens: limit of an answer.
    """

    tell_tumor_type: bool = False
    max_tokens: int = 1024


def prompt_name(kind: ReadingKind) -> str:
    """Name of the prompt of a reading."""
    return f"read_{kind.value}"


def notes_of(record: DescribedSlice, brief: Brief) -> str:
    """What a model is told of a slice beside the picture; never a path, a name or an id."""
    if brief.tell_tumor_type and record.description is not None:
        return as_data(record.description)
    words = [display(record.plane).lower()] if record.plane is not None else []
    words += [display(record.sequence)] if record.sequence is not None else []
    told = f"A brain MRI slice, stated to be {' '.join(words)}." if words else "A brain MRI slice."
    return told if record.sequence is not None else f"{told} The sequence is not stated."


def reading_call(record: DescribedSlice, image: bytes, kind: ReadingKind, brief: Brief) -> ModelCall:
    """The request for one reading.

    Args:
        record: of which only the text that ``brief`` permits goes in.
        image: bytes of the picture as it is sent.
        kind: with which attitude.
        brief: what is told.
    """
    asked = prompt(prompt_name(kind))
    turns = render(asked, {"notes": notes_of(record, brief)})
    return ModelCall(
        purpose=asked.name,
        prompt_name=asked.name,
        prompt_sha256=asked.sha256,
        turns=tuple(Turn(role=role, text=text) for role, text in turns),
        image_sha256=sha256_bytes(image),
        schema_=reader_schema(),
        max_tokens=brief.max_tokens,
    )


async def read_with_model(
    client: ModelClient, record: DescribedSlice, image: bytes, kind: ReadingKind, brief: Brief
) -> LesionReading | Quarantined:
    """Let a model read one slice.

    Signs are kept if the sequence that the model saw and the one that the source states can both show them; the
    others are emptied and listed in ``unrecognized``.

    Args:
        client: the model.
        record: the slice.
        image: bytes of its picture as it is sent, PNG or JPEG.
        kind: with which attitude.
        brief: what is told.

    Returns:
        The reading; quarantined if there is no usable answer, see :mod:`neuroonco.models.conversation` for the codes.

    Raises:
        PrerequisiteError, ProviderError: see :class:`neuroonco.models.protocol.ModelClient`.
    """
    outcome = await converse(client, reading_call(record, image, kind, brief), image, read_answer)
    if isinstance(outcome, Unreadable):
        what = f"{kind.value} reading by {client.name}: {outcome.message}"
        return quarantine_slice(ProviderError(outcome.code, what), record)
    return _reading(record, outcome.value, kind, client.name, outcome.request_hash)


def _reading(
    record: DescribedSlice, answer: ReadAnswer, kind: ReadingKind, reader: str, request_hash: str
) -> LesionReading:
    sequence = record.sequence or answer.sequence
    signs, emptied = without(answer.signs, unreadable_signs(answer.signs, sequence))
    return LesionReading(
        slice_id=record.slice_id,
        sample_id=record.sample_id,
        image_path=record.image_path,
        kind=kind,
        reader=reader,
        lesion_found=answer.lesion_found,
        lesion_basis=LesionBasis.MODEL if answer.lesion_found else None,
        sequence=sequence,
        sequence_seen=answer.sequence,
        region=answer.region,
        signs=signs,
        abstained=UNDECIDED if answer.lesion_found is None else None,
        unrecognized=(*answer.emptied, *emptied),
        request_hash=request_hash,
    )
