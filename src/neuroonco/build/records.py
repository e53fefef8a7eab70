"""Records of building: benchmark questions, and which terms answer them."""

from enum import StrEnum

from neuroonco.outcomes import Record
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    QuestionType,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)

OPTION_LETTERS = ("A", "B", "C", "D", "E")
NONE_OF_THE_ABOVE = "None of the above"
REJECTION_SHARE = 0.2
"""Share of the questions with ``None of the above`` whose truth is not offered, as the rule sets have it."""
_NONE = frozenset(("none of the above", "none of these", "none of the options", "none of the above options"))
ANSWERS: dict[QuestionType, type[StrEnum]] = {
    QuestionType.DIAGNOSIS: TumorType,
    QuestionType.MODALITY: MRSequence,
    QuestionType.SIZE: LesionSize,
    QuestionType.SHAPE: Shape,
    QuestionType.SPREAD: LesionSpread,
    QuestionType.LOCATION: ImageRegion,
    QuestionType.MARGINS: Margins,
    QuestionType.TEXTURE: Texture,
    QuestionType.ENHANCEMENT: Enhancement,
    QuestionType.EDEMA: Edema,
    QuestionType.SIGNAL_INTENSITY: SignalIntensity,
}
"""The terms that answer each question type."""
BINARY_SUFFIX = "_binary"
REPORTED_TYPES: dict[str, tuple[QuestionType, bool]] = {
    kind.value + suffix: (kind, bool(suffix)) for kind in QuestionType for suffix in ("", BINARY_SUFFIX)
}
"""What figures by type are about: each question type, and apart from it those of its questions that offer two answers,
e.g. ``diagnosis`` and ``diagnosis_binary`` (abnormal or healthy); in the order of reports."""


def is_none(text: str) -> bool:
    """Whether an option says that none of the others is right.

    >>> is_none("none of the  Above."), is_none("None")
    (True, False)
    """
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split()).rstrip(".") in _NONE


class Option(Record):
    """One offered answer."""

    letter: str
    text: str


class ClosedItem(Record):
    """One closed question about one slice.

    Attributes:
        image_id: shared by all questions of the same slice.
        q_index: position of the question among the image's questions, from 0.
        image_path, image_channel: relative to the root; never shown to a model.
        answer: letter of the right option.
        is_rejection: the true answer was removed and ``None of the above`` is right.
        removed_answer: the true answer of a rejection item.
        label_source: where the answer is from: ``source`` (the collection), ``mask``, ``audited`` or ``review``;
            ``unknown`` for a question read from a file that does not say.
        source_id, group_id: collection, and the patient or duplicate group that must not cross a split.
        rules, seed, version: what built the question (version of the package and of the wordings); None if it was
            read from a file that does not say.
        is_hard: the other options are mimics of the answer (``--hard``), not drawn from all answers.
        twin_of: ``q_index`` of the question of the same image that this one repeats with the truth put in or taken
            out; None for every question of its own. Twins are scored as pairs and never count in an accuracy.
    """

    image_id: str
    q_index: int
    slice_id: str
    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None
    question_type: QuestionType
    question: str
    options: tuple[Option, ...]
    answer: str
    is_rejection: bool = False
    removed_answer: str | None = None
    label_source: str
    source_id: str | None = None
    group_id: str | None = None
    rules: str | None = None
    seed: int | None = None
    version: str | None = None
    is_hard: bool = False
    twin_of: int | None = None

    @property
    def is_whole_file(self) -> bool:
        """False for one channel or slice of a file with several."""
        return self.image_channel is None and self.image_slice is None

    @property
    def is_binary(self) -> bool:
        """True for a question with two options, reported apart."""
        return len(self.options) == 2

    @property
    def reported_type(self) -> str:
        """Key of :data:`REPORTED_TYPES`."""
        return self.question_type.value + (BINARY_SUFFIX if self.is_binary else "")

    @property
    def none_letter(self) -> str | None:
        """Letter of ``None of the above``; None where it is not offered."""
        return next((option.letter for option in self.options if is_none(option.text)), None)

    @property
    def rejects(self) -> bool:
        """Whether ``None of the above`` is right, whatever the question's marks say."""
        right = self.text_of(self.answer)
        return right is not None and is_none(right)

    def chance(self, rejection_share: float = REJECTION_SHARE) -> float:
        """The accuracy that no guesser exceeds where text says nothing: that of always taking the likelier choice.

        Without ``None of the above`` each of n options is right equally often: 1/n. With it and k other options, it is
        right in the rejection share, and each of the others in an equal part of the rest: max(share, (1 - share)/k),
        0.2 for four options and E, 0.27 for three, 0.4 for two.

        Args:
            rejection_share: from the rules, not from the file, whose own share may be what gives it away.

        Raises:
            ValueError: the question has no option.
        """
        n = len(self.options)
        if n == 0:
            raise ValueError(f"question {self.image_id}#{self.q_index} has no option")
        if self.none_letter is None:
            return 1 / n
        return 1.0 if n == 1 else max(rejection_share, (1 - rejection_share) / (n - 1))

    def text_of(self, letter: str) -> str | None:
        """Text of an option, or None if the letter is not offered."""
        return next((o.text for o in self.options if o.letter == letter), None)


class OpenItem(Record):
    """One open question about one slice, with a reference answer made from the label's terms.

    Attributes:
        key_terms: display names of the facts that the answer states; at least one, never two values of one attribute.
        label_sources: where the facts are from, each once, as in :class:`ClosedItem`.
    """

    image_id: str
    question_id: str
    slice_id: str
    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None
    question_type: str
    question: str
    reference_answer: str
    key_terms: tuple[str, ...]
    source_id: str | None = None
    group_id: str | None = None
    rules: str | None = None
    seed: int | None = None
    version: str | None = None
    label_sources: tuple[str, ...] = ()

    @property
    def is_whole_file(self) -> bool:
        """False for one channel or slice of a file with several."""
        return self.image_channel is None and self.image_slice is None
