"""Records of the page on questions: what benchmark and instructions hold, and what their text gives away."""

from typing import Annotated

from pydantic import Field

from neuroonco.outcomes import Record
from neuroonco.report.picture_records import Picture
from neuroonco.report.records import BenchmarkSummary, BlindCheck, Fact
from neuroonco.vocabulary import QuestionType

Count = Annotated[int, Field(ge=0)]
"""Of questions, pairs or slices: a file that gives a negative one is broken."""
Part = Annotated[float, Field(ge=0, le=1)]
"""Of a whole."""


class AnswerCount(Record):
    """How often one term is the answer of a question, and how often it is merely offered.

    Attributes:
        right: questions in which it is offered and right.
        removed: rejection items from which it was taken out.
        offered: questions that offer it, right or not.
    """

    text: str
    right: Count
    removed: Count
    offered: Count


class AnswerSpread(Record):
    """The answers of one question type, most frequent first.

    Attributes:
        binary: of the questions with two options; the others of the type are counted apart.
        most: the largest count of an answer, right and removed together.
    """

    question_type: QuestionType
    binary: bool
    most: Count
    answers: tuple[AnswerCount, ...]


class AnswerShortage(Record):
    """How far one answer falls short.

    Attributes:
        available: slices whose label gives this answer.
        missing: how many more the wanted number needs; 0 if there are enough.
    """

    text: str
    available: Count
    missing: Count


class LetterTable(Record):
    """How often each letter is right, by what is offered.

    Attributes:
        columns: letters.
        rows: what is offered, in words, and the counts by letter; None where the letter is not offered.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int | None, ...]], ...]


class Shortage(Record):
    """A question that could not be asked as often as wanted.

    Attributes:
        name: of the question, in words.
        wanted, built: questions.
        said: what stands in the way, as the build says it; empty if it says nothing.
        answers: what falls short first.
    """

    name: str
    wanted: Count
    built: Count
    said: str = ""
    answers: tuple[AnswerShortage, ...]


class Counted(Record):
    """How often there is something."""

    name: str
    count: Count


class Share(Counted):
    """A part of a whole.

    Attributes:
        share: None where the whole is empty.
    """

    share: Part | None


class TypeShare(Share):
    """Instruction pairs of one question type.

    Attributes:
        kinds: (kind of file, pairs), in the order of the files.
    """

    kinds: tuple[tuple[str, Count], ...]


class InstructionExample(Record):
    """One instruction pair, shown.

    Attributes:
        kind: of its file.
        facts: question type, kind of options, source.
        user, assistant: lines of the texts as training reads them, without the image's placeholder.
    """

    picture: Picture
    kind: str
    facts: tuple[Fact, ...]
    user: tuple[str, ...]
    assistant: tuple[str, ...]


class InstructionSummary(Record):
    """What the instruction files hold.

    Attributes:
        kinds: pairs by kind of file.
        distinct_questions: wordings, options not counted.
        classes: images by class, largest first.
        types: pairs by question type, largest first.
        most: pairs of the most frequent type.
        subtypes, sources: pairs.
        faults: pairs left out by what was wrong with them.
    """

    pairs: Count
    images: Count
    distinct_questions: Count
    kinds: tuple[Share, ...]
    classes: tuple[Share, ...]
    types: tuple[TypeShare, ...]
    most: Count
    subtypes: tuple[Share, ...]
    sources: tuple[Share, ...]
    faults: tuple[Counted, ...] = ()


class LeakSummary(Record):
    """What benchmark and instructions were found to share.

    Attributes:
        found: things shared.
        compared: what was compared, in words.
        kinds: number by kind, in words.
        not_compared: rows or pictures that could not be read.
    """

    found: Count
    benchmark_slices: Count
    instruction_slices: Count
    compared: str
    kinds: tuple[Counted, ...] = ()
    not_compared: Count = 0


class QuestionsPage(Record):
    """What the page shows; a part that is None says what is missing.

    Attributes:
        home: relative address of the run's own report.
        letters, spread: empty without benchmark.
        shortages: None if the build wrote none down.
        instructions: None without statistics.
        missing: files that were looked for and are not there, relative to the run.
        leaks: None if nothing was compared.
    """

    title: str
    home: str
    facts: tuple[Fact, ...] = ()
    benchmark: BenchmarkSummary | None = None
    letters: LetterTable = LetterTable(columns=(), rows=())
    spread: tuple[AnswerSpread, ...] = ()
    shortages: tuple[Shortage, ...] | None = None
    blind: BlindCheck | None = None
    instructions: InstructionSummary | None = None
    examples: tuple[InstructionExample, ...] = ()
    leaks: LeakSummary | None = None
    missing: tuple[str, ...] = ()
