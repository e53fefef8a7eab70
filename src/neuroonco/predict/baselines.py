"""Baselines without a network: what a score means is seen only beside them.

None of them but ``measuring`` looks at the image. ``majority`` peeks at the benchmark's answers.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from neuroonco.build.records import ClosedItem, is_none
from neuroonco.errors import UsageError
from neuroonco.images import Gray
from neuroonco.models.protocol import ClosedRequest, Reply, VisionLanguageModel
from neuroonco.readings.records import Signs
from neuroonco.vocabulary import (
    SIGN_VALUES,
    ImageRegion,
    MRSequence,
    QuestionType,
    Sign,
    TumorType,
    coarsenings,
    recode,
)

BASELINES = ("random", "majority", "always-e")
"""Names that :func:`baseline` knows; ``measuring`` needs a reader and comes from :func:`measuring_baseline`."""
_ABSTAINS = Reply(text="", refused=True)


class Findings(Protocol):
    """What a reader says about one slice, whoever reads."""

    @property
    def lesion_found(self) -> bool | None:
        """None if the reader cannot say."""
        ...

    @property
    def sequence(self) -> MRSequence | None:
        """Sequence as inferred from the image."""
        ...

    @property
    def region(self) -> ImageRegion | None:
        """Cell of the image grid."""
        ...

    @property
    def signs(self) -> Signs:
        """The six signs."""
        ...


def baseline(name: str, items: Sequence[ClosedItem], seed: int) -> VisionLanguageModel:
    """A baseline by name.

    Args:
        name: ``random``: an offered letter, each equally likely. ``majority``: per question type the offered text
            that is most often right in ``items``; it peeks at the answers, so that it bounds what guessing by the
            text of the options can reach. ``always-e``: "None of the above" wherever it is offered.
        items: the benchmark, for ``majority``.
        seed: for ``random``.

    Raises:
        UsageError: no such baseline.
    """
    if name == "random":
        return RandomBaseline(seed)
    if name == "majority":
        return MajorityBaseline.of(items)
    if name == "always-e":
        return AlwaysNone()
    raise UsageError("BASELINE_UNKNOWN", f"no baseline {name!r}", fix=f"use one of {', '.join(BASELINES)}")


def none_letter(options: Sequence[tuple[str, str]]) -> str | None:
    """Letter under which "None of the above" is offered.

    >>> none_letter([("A", "Glioma"), ("E", "none of the above.")])
    'E'
    """
    return next((letter for letter, text in options if is_none(text)), None)


@dataclass(frozen=True)
class RandomBaseline:
    """Each offered letter with equal chance; one draw a question, whatever the order of the questions."""

    seed: int
    looks_at_image: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        """With the seed, because another seed is another set of answers."""
        return f"random-{self.seed}"

    def answer(self, request: ClosedRequest, image: Gray | None) -> Reply:  # noqa: ARG002 - the protocol's
        """Draw a letter."""
        draw = random.Random(f"{self.seed}/{request.question_id}")
        return Reply(text=draw.choice([letter for letter, _ in request.options]))


@dataclass(frozen=True)
class AlwaysNone:
    """Says "None of the above" wherever it is offered and abstains elsewhere.

    It shows what a rejection recall of 100 % is worth on its own.
    """

    name: str = field(default="always-e", init=False)
    looks_at_image: bool = field(default=False, init=False)

    def answer(self, request: ClosedRequest, image: Gray | None) -> Reply:  # noqa: ARG002 - the protocol's
        """Choose "None of the above"."""
        letter = none_letter(request.options)
        return _ABSTAINS if letter is None else Reply(text=letter)


@dataclass(frozen=True)
class MajorityBaseline:
    """The offered text that is most often the right answer of the question's type; ties by text.

    It has seen the answers of the benchmark it is scored on: a bound, not a fair competitor.

    Attributes:
        right: how often each text is the right answer, by question type.
    """

    right: dict[QuestionType, dict[str, int]]
    name: str = field(default="majority", init=False)
    looks_at_image: bool = field(default=False, init=False)

    @classmethod
    def of(cls, items: Sequence[ClosedItem]) -> "MajorityBaseline":
        """Count the right texts of a benchmark."""
        right: dict[QuestionType, dict[str, int]] = {}
        for item in items:
            text = item.text_of(item.answer)
            if text is not None:
                counts = right.setdefault(item.question_type, {})
                counts[text] = counts.get(text, 0) + 1
        return cls(right)

    def answer(self, request: ClosedRequest, image: Gray | None) -> Reply:  # noqa: ARG002 - the protocol's
        """Choose by count, then text, then letter."""
        counts = self.right.get(request.question_type, {})
        ranked = sorted((-counts.get(text, 0), text, letter) for letter, text in request.options)
        return Reply(text=ranked[0][2])


def measuring_baseline(read: Callable[[Gray], Findings]) -> VisionLanguageModel:
    """The measuring reader as a model: it sees the image without its mask and knows no tumour types.

    It answers modality, location and the six signs where it measured a value, and the binary diagnosis. It
    abstains (status ``refused``) where it measured nothing, where the question asks for something else, and where
    an option is outside the vocabulary or finer than its value, so that "None of the above" would be a guess.

    Args:
        read: (height, width) image to findings.
    """
    return MeasuringBaseline(read)


class MeasuringBaseline:
    """See :func:`measuring_baseline`."""

    name = "measuring"
    looks_at_image = True

    def __init__(self, read: Callable[[Gray], Findings]) -> None:
        self._read = read
        self._last: tuple[Gray, Findings] | None = None

    def answer(self, request: ClosedRequest, image: Gray | None) -> Reply:
        """Measure, then look for the measured value among the options."""
        if image is None:
            return _ABSTAINS
        if self._last is None or self._last[0] is not image:  # several questions, one reading
            self._last = (image, self._read(image))
        letter = chosen_letter(self._last[1], request.question_type, request.options)
        return _ABSTAINS if letter is None else Reply(text=letter)


def chosen_letter(findings: Findings, question_type: QuestionType, options: Sequence[tuple[str, str]]) -> str | None:
    """Letter that findings support, or None where they support none."""
    if question_type is QuestionType.DIAGNOSIS:
        return _diagnosis_letter(findings.lesion_found, options)
    value: StrEnum | None
    if question_type is QuestionType.MODALITY:
        value = findings.sequence
    elif question_type is QuestionType.LOCATION:
        value = findings.region
    elif question_type.value in {sign.value for sign in SIGN_VALUES}:
        value = findings.signs.get(Sign(question_type.value))
    else:
        value = None
    return None if value is None else _matching_letter(value, options)


def _diagnosis_letter(lesion_found: bool | None, options: Sequence[tuple[str, str]]) -> str | None:
    healthy = [letter for letter, text in options if recode(TumorType, text) is TumorType.HEALTHY]
    other = [letter for letter, _ in options if letter not in healthy]
    if lesion_found is None or len(healthy) != 1 or len(other) != 1:
        return None
    return other[0] if lesion_found else healthy[0]


def _matching_letter(value: StrEnum, options: Sequence[tuple[str, str]]) -> str | None:
    nothing = none_letter(options)
    offered = [(letter, recode(type(value), text)) for letter, text in options if letter != nothing]
    for candidate in coarsenings(value):  # the value itself first, then what may also be said of it
        found = [letter for letter, term in offered if term is candidate]
        if found:
            return found[0] if len(found) == 1 else None
    if any(term is None or value in coarsenings(term) for _, term in offered):
        return None
    return nothing
