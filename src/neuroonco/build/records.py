"""Records of building: instruction pairs and benchmark questions."""

from neuroonco.outcomes import Record
from neuroonco.vocabulary import QuestionType

OPTION_LETTERS = ("A", "B", "C", "D", "E")
NONE_OF_THE_ABOVE = "None of the above"


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
        rules, seed: what built the question; None if it was read from a file that does not say.
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

    @property
    def is_whole_file(self) -> bool:
        """False for one channel or slice of a file with several."""
        return self.image_channel is None and self.image_slice is None

    @property
    def is_binary(self) -> bool:
        """True for a question with two options, reported apart."""
        return len(self.options) == 2

    def text_of(self, letter: str) -> str | None:
        """Text of an option, or None if the letter is not offered."""
        return next((o.text for o in self.options if o.letter == letter), None)


class OpenItem(Record):
    """One open question about one slice, with a reference answer made from the label's terms."""

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

    @property
    def is_whole_file(self) -> bool:
        """False for one channel or slice of a file with several."""
        return self.image_channel is None and self.image_slice is None


class InstructionPair(Record):
    """One question and answer for training.

    Attributes:
        file_kind: ``open``, ``closed_nocot`` or ``closed_cot``: the file it belongs to.
        subtype: ``open``, ``binary``, ``options`` or ``none_of_the_above``.
        answer: the assistant's whole text.
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
