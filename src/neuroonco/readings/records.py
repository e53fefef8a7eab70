"""Records of reading: what one reader saw in one slice."""

from neuroonco.outcomes import Record
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionBasis,
    Margins,
    MRSequence,
    ReadingKind,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
)

SignValue = Shape | Margins | Texture | Enhancement | Edema | SignalIntensity


class Signs(Record):
    """The six signs. None means not assessable or not assessed; ``absent`` is a value."""

    shape: Shape | None = None
    margins: Margins | None = None
    texture: Texture | None = None
    enhancement: Enhancement | None = None
    edema: Edema | None = None
    signal_intensity: SignalIntensity | None = None

    def get(self, sign: Sign) -> SignValue | None:
        """Value of one sign."""
        value: SignValue | None = getattr(self, sign.value)
        return value

    def with_value(self, sign: Sign, value: SignValue | None) -> "Signs":
        """A copy with one sign changed."""
        return self.model_copy(update={sign.value: value})


class SignConfidences(Record):
    """How sure a reader is of each sign that it states, from 0 to 1; None where it states none or does not say."""

    shape: float | None = None
    margins: float | None = None
    texture: float | None = None
    enhancement: float | None = None
    edema: float | None = None
    signal_intensity: float | None = None

    def get(self, sign: Sign) -> float | None:
        """Confidence in one sign."""
        value: float | None = getattr(self, sign.value)
        return value


class LesionReading(Record):
    """One reading of one slice.

    Attributes:
        reader: ``measuring`` or the model's name.
        error: set when the reading failed; then nothing else is to be believed, least of all "no lesion".
        lesion_found: None where the reader cannot tell, which is not "no lesion", and where the reading failed.
        lesion_basis: where the lesion is known from; None where none was found.
        lesion_confidence: from 0 to 1; None where the reader does not say.
        sequence: the sequence by which the signs were read: as the source states it, else as seen.
        sequence_seen: what the reader takes the sequence for on looking; None where it cannot tell. The measuring
            reader goes by the pixels alone; a model was told the stated one in its notes.
        sequence_confidence: from 0 to 1, in ``sequence_seen``; None where the reader does not say.
        lesion_box: half-open pixel box (top, left, bottom, right) of the lesion in the slice, where the reader has one.
        abstained: why signs that the sequence could show were left out, e.g. ``no brain found``; None where none was
            left out for a reason of the whole slice.
        unrecognized: answers outside the vocabulary, as ``field=text``; their field is None.
        request_hash: of the call of which this is the answer, in the call ledger; None for a measured reading.
    """

    slice_id: str
    sample_id: str
    image_path: str | None = None
    kind: ReadingKind | None = None
    reader: str
    error: str | None = None
    lesion_found: bool | None = None
    lesion_basis: LesionBasis | None = None
    lesion_confidence: float | None = None
    lesion_box: tuple[int, int, int, int] | None = None
    sequence: MRSequence | None = None
    sequence_seen: MRSequence | None = None
    sequence_confidence: float | None = None
    region: ImageRegion | None = None
    signs: Signs = Signs()
    confidences: SignConfidences = SignConfidences()
    abstained: str | None = None
    unrecognized: tuple[str, ...] = ()
    request_hash: str | None = None
