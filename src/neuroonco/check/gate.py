"""Check a benchmark before anyone is scored on it: its questions, and what its text gives away."""

from collections.abc import Sequence

from neuroonco.build.records import ClosedItem
from neuroonco.check.closed_lint import lint
from neuroonco.check.guessers import guess_blind
from neuroonco.check.records import ERROR, Finding
from neuroonco.check.rules import CheckRules
from neuroonco.intervals import Estimate, wilson
from neuroonco.outcomes import Record
from neuroonco.rules import RuleSet


class TypeShortcut(Record):
    """How often the image-blind guesser is right on one question type."""

    question_type: str
    accuracy: Estimate
    chance: float


class Shortcut(Record):
    """How often the image-blind guesser is right.

    Attributes:
        accuracy: of questions held out by image; None with n = 0 where there are fewer than two images.
        chance: mean of one over the number of options; None with n = 0.
    """

    accuracy: Estimate
    chance: float | None
    by_type: tuple[TypeShortcut, ...]


class BenchmarkCheck(Record):
    """What a check found, and whether the benchmark passes.

    Attributes:
        reasons: why it does not pass; empty if it does.
    """

    findings: tuple[Finding, ...]
    shortcut: Shortcut
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """No error-level finding, and no shortcut beyond the rule."""
        return not self.reasons

    def document(self) -> dict[str, object]:
        """The check as JSON for other programs."""
        return {
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
            "shortcut": {
                "accuracy": self.shortcut.accuracy.model_dump(),
                "chance": self.shortcut.chance,
                "by_type": {
                    one.question_type: one.accuracy.model_dump() | {"chance": one.chance}
                    for one in self.shortcut.by_type
                },
            },
            "passed": self.passed,
            "reasons": list(self.reasons),
        }


def check_benchmark(items: Sequence[ClosedItem], seed: int, rules: RuleSet) -> BenchmarkCheck:
    """Lint a benchmark and let an image-blind guesser try it.

    The gate fails on any error-level finding, and if the lower bound of the guesser's accuracy is above chance by
    more than the rule ``max_gain``.

    Args:
        seed: of the guesser's folds.
    """
    values = rules.section("check", CheckRules)
    findings = lint(items, values.min_occurrences)
    shortcut = measure_shortcut(items, seed)
    reasons = [f"{one.code}: {one.n}" for one in findings if one.level == ERROR]
    low, chance = shortcut.accuracy.low, shortcut.chance
    if low is not None and chance is not None and low - chance > values.max_gain:
        reasons.append(f"SHORTCUT: text alone is right in at least {low:.3f}, chance is {chance:.3f}")
    if not items:
        reasons.append("EMPTY: there is no question")
    return BenchmarkCheck(findings=tuple(findings), shortcut=shortcut, reasons=tuple(reasons))


def measure_shortcut(items: Sequence[ClosedItem], seed: int) -> Shortcut:
    """Accuracy of the image-blind guesser, overall and by type; questions without a right option are left out."""
    usable = [item for item in items if item.text_of(item.answer) is not None]
    guesses = guess_blind(usable, seed)
    by_type = []
    for kind in sorted({guess.item.question_type for guess in guesses}):
        own = [guess for guess in guesses if guess.item.question_type is kind]
        accuracy = wilson(sum(guess.correct for guess in own), len(own))
        chance = sum(guess.chance for guess in own) / len(own)
        by_type.append(TypeShortcut(question_type=kind.value, accuracy=accuracy, chance=chance))
    return Shortcut(
        accuracy=wilson(sum(guess.correct for guess in guesses), len(guesses)),
        chance=sum(guess.chance for guess in guesses) / len(guesses) if guesses else None,
        by_type=tuple(by_type),
    )
