"""Records of checks: faults of wording, and how far text alone gets."""

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record

ERROR, WARNING, INFO = "error", "warning", "info"
ALL, PLAIN, REJECTION, BINARY = "all", "plain", "rejection", "binary"
"""Which questions a row of :class:`BlindRow` counts: every one; those whose truth is offered beside ``None of the
above``; those whose truth is not; those without ``None of the above``."""


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
        guesser: ``uniform``, ``majority``, ``always-e`` or ``ranker``.
        question_type: None for all types together.
        subset: one of :data:`ALL`, :data:`PLAIN`, :data:`REJECTION`, :data:`BINARY`.
        accuracy: interval by bootstrap over images; None with n = 0.
        chance: the best that can be done where text says nothing, see ``neuroonco.check.guessers.chance_of``; None
            with n = 0.
        limit: accuracy above which the gate fails; None where this row is not judged.
    """

    guesser: str
    question_type: str | None
    subset: str
    accuracy: Estimate
    chance: float | None
    limit: float | None = None

    @property
    def passes(self) -> bool | None:
        """None where the row is not judged."""
        if self.limit is None or self.accuracy.value is None:
            return None
        return self.accuracy.value <= self.limit


class BenchmarkCheck(Record):
    """What a check found, and whether the benchmark passes.

    Attributes:
        blind: empty for open questions, which have no options to choose from.
        reasons: why it does not pass; empty if it does.
    """

    findings: tuple[Finding, ...]
    blind: tuple[BlindRow, ...]
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """No finding of level error, and no guesser above its limit."""
        return not self.reasons
