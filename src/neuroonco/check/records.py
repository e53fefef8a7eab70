"""Records of checks: faults of wording, and how far text alone gets."""

from typing import Any

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record

ERROR, WARNING, INFO = "error", "warning", "info"
ALL, PLAIN, REJECTION, BINARY = "all", "plain", "rejection", "binary"
"""Which questions a row of :class:`BlindRow` counts: every one; those whose truth is offered beside ``None of the
above``; those whose truth is not; those without ``None of the above``."""
SUBSETS = (ALL, PLAIN, REJECTION, BINARY)

UNIFORM, MAJORITY, ALWAYS_E, RANKER, SIBLINGS = "uniform", "majority", "always-e", "ranker", "siblings"
GUESSERS = (UNIFORM, MAJORITY, ALWAYS_E, RANKER, SIBLINGS)
"""Who guesses without an image, see ``neuroonco.check.guessers``."""
JUDGED = (UNIFORM, MAJORITY, ALWAYS_E, RANKER)
"""The guessers that the gate judges; the last one also sees the other questions of the image."""


class Finding(Record):
    """One kind of fault.

    Attributes:
        code: stable, in capitals.
        level: ``error`` (fails the gate), ``warning`` or ``info``.
        n: how many questions have it, or options for the codes about options.
        examples: the first few, as ``image_id#q_index`` with what was seen.
    """

    code: str
    level: str
    n: int
    examples: tuple[str, ...]


class BlindRow(Record):
    """How often one guesser that sees no image is right on some questions.

    Attributes:
        guesser: one of :data:`GUESSERS`.
        question_type: key of ``neuroonco.build.records.REPORTED_TYPES``, which has binary questions apart; None for all
            types together.
        subset: one of :data:`SUBSETS`.
        accuracy: interval by bootstrap over images; None with n = 0.
        chance: for all questions and the binary ones the best that can be done where text says nothing, see
            ``neuroonco.build.records.ClosedItem.chance``; for the plain and the rejection ones, which no guesser can
            tell apart, that of a uniform draw; None with n = 0.
        limit: accuracy above which the gate fails; None where this row is not judged.
        judged_by: ``value``, or ``low`` where the lower end of the interval is held against the limit.
    """

    guesser: str
    question_type: str | None
    subset: str
    accuracy: Estimate
    chance: float | None
    limit: float | None = None
    judged_by: str = "value"

    @property
    def passes(self) -> bool | None:
        """None where the row is not judged."""
        judged = self.accuracy.low if self.judged_by == "low" else self.accuracy.value
        if self.limit is None or judged is None:
            return None
        return judged <= self.limit


class TwinRow(Record):
    """How often one guesser is right on both of a question and its twin, which has the truth put in or taken out.

    Attributes:
        both_right: of the pairs; interval by bootstrap over images.
    """

    guesser: str
    both_right: Estimate


class BenchmarkCheck(Record):
    """What a check found, and whether the benchmark passes.

    Attributes:
        questions: how many were read, twins and those without a right option included.
        blind: empty for open questions, which have no options to choose from.
        twins: empty where no question has a twin.
        reasons: why it does not pass; empty if it does.
    """

    questions: int
    findings: tuple[Finding, ...]
    blind: tuple[BlindRow, ...]
    twins: tuple[TwinRow, ...] = ()
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """No finding of level error, and no guesser above its limit."""
        return not self.reasons

    def row(self, guesser: str, question_type: str | None = None, subset: str = ALL) -> BlindRow | None:
        """One figure of the blind guessers, or None where it has no question."""
        wanted = (guesser, question_type, subset)
        return next((one for one in self.blind if (one.guesser, one.question_type, one.subset) == wanted), None)

    def document(self) -> dict[str, Any]:
        """The check as JSON for other programs: the fields of the records, with what follows from them.

        ``questions``, ``findings`` (``code``, ``level``, ``n``, ``examples``), ``blind`` (``guesser``,
        ``question_type``, ``subset``, ``accuracy`` with ``value``, ``low``, ``high``, ``n``, then ``chance``,
        ``limit``, ``judged_by``, ``passes``), ``twins`` (``guesser``, ``both_right``), ``passed`` and ``reasons``.
        """
        return {
            "questions": self.questions,
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
            "blind": [row.model_dump(mode="json") | {"passes": row.passes} for row in self.blind],
            "twins": [row.model_dump(mode="json") for row in self.twins],
            "passed": self.passed,
            "reasons": list(self.reasons),
        }
