"""Records of reading: what one reader saw in one slice."""

from neuroonco.outcomes import Record
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
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


class LesionReading(Record):
    """One reading of one slice.

    Attributes:
        reader: ``measuring`` or the model's name.
        error: set when the reading failed; then nothing else is to be believed, least of all "no lesion".
        lesion_found: None where the reader cannot tell, which is not "no lesion", and where the reading failed.
        unrecognized: answers outside the vocabulary, as ``field=text``; their field is None.
    """

    slice_id: str
    sample_id: str
    image_path: str | None = None
    kind: ReadingKind | None = None
    reader: str
    error: str | None = None
    lesion_found: bool | None = None
    sequence: MRSequence | None = None
    region: ImageRegion | None = None
    signs: Signs = Signs()
    unrecognized: tuple[str, ...] = ()
