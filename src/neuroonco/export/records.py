"""Records of exports: a question as it leaves for another program, and what an exported folder holds."""

from enum import StrEnum

from neuroonco.build.records import ClosedItem, OpenItem, Option
from neuroonco.outcomes import Record
from neuroonco.predict.records import QuestionKind
from neuroonco.vocabulary import QuestionType


class Target(StrEnum):
    """A program that a benchmark is exported for."""

    INSPECT = "inspect"
    LMMS_EVAL = "lmms-eval"
    VLMEVALKIT = "vlmevalkit"


class ExportedQuestion(Record):
    """One closed question, with nothing that names its file, its source or its patient.

    Attributes:
        name: of the question; opaque, the same in every export of the same benchmark.
        image: name of the picture; opaque as well. Questions of one image share it.
        q_index: position among the questions of the image, as in the benchmark.
        prompt: all that a model is told, word for word as ``neuroonco predict`` asks it.
        answer: letter of the right option.
    """

    name: str
    image: str
    q_index: int
    question_type: QuestionType
    prompt: str
    question: str
    options: tuple[Option, ...]
    answer: str

    @property
    def target(self) -> str:
        """What is right."""
        return self.answer

    @property
    def texts(self) -> dict[str, str]:
        """Letter to text of each option, in the order in which they are offered."""
        return {option.letter: option.text for option in self.options}

    def item(self) -> ClosedItem:
        """The question as the scorer takes it, under its opaque names."""
        return ClosedItem(
            image_id=self.image,
            q_index=self.q_index,
            slice_id=self.image,
            image_path=f"{self.image}.png",
            question_type=self.question_type,
            question=self.question,
            options=self.options,
            answer=self.answer,
            label_source="unknown",
        )


class ExportedOpenQuestion(Record):
    """One open question; see :class:`ExportedQuestion`.

    Attributes:
        reference_answer, key_terms, version: as in :class:`neuroonco.build.records.OpenItem`; the score needs them.
    """

    name: str
    image: str
    question_type: str
    prompt: str
    question: str
    reference_answer: str
    key_terms: tuple[str, ...]
    version: str | None = None

    @property
    def target(self) -> str:
        """What is right."""
        return self.reference_answer

    def item(self) -> OpenItem:
        """The question as the scorer takes it, under its opaque names."""
        return OpenItem(
            image_id=self.image,
            question_id=self.name,
            slice_id=self.image,
            image_path=f"{self.image}.png",
            question_type=self.question_type,
            question=self.question,
            reference_answer=self.reference_answer,
            key_terms=self.key_terms,
            version=self.version,
        )


Question = ExportedQuestion | ExportedOpenQuestion


class Export(Record):
    """What an exported folder is: written into it as ``export.json``, by which a later export knows it.

    Attributes:
        benchmark_sha256: of the questions as they were before the export, see
            :func:`neuroonco.predict.run_files.benchmark_hash`; names are not made with it.
        questions, images: how many are in the folder.
        left_out: how many questions are not, by reason: ``twin``, ``missing_image``.
        prompts: name -> sha256 of what the questions are asked with.
        entries: files and folders that the export wrote, at the top of its folder, without this file.
        version: of neuroonco.
    """

    target: Target
    kind: QuestionKind
    benchmark_sha256: str
    questions: int
    images: int
    left_out: dict[str, int]
    prompts: dict[str, str]
    entries: tuple[str, ...]
    version: str
