"""Check a benchmark before anyone is scored on it: its questions, and what its text gives away."""

from collections.abc import Sequence
from pathlib import Path

from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.check.blind_rows import blind_rows, twin_rows
from neuroonco.check.closed_lint import lint_closed
from neuroonco.check.guessers import Progress, guess_blind
from neuroonco.check.open_lint import lint_open
from neuroonco.check.records import ERROR, BenchmarkCheck, BlindRow, Finding
from neuroonco.check.rules import CheckRules
from neuroonco.rules import RuleSet


def check_benchmark(
    items: Sequence[ClosedItem],
    seed: int,
    rules: RuleSet,
    *,
    root: Path | None = None,
    siblings: bool = True,
    progress: Progress | None = None,
) -> BenchmarkCheck:
    """Lint closed questions and let guessers that see no image try them.

    The gate fails on any finding of level error; on any guesser whose accuracy is above chance by more than
    ``max_gain`` over all questions, or by more than ``max_gain_of_type`` within a type of at least ``min_questions``
    questions; and where nothing can be judged. With fewer than ``min_questions`` questions in all, the lower end of
    the interval takes the place of the accuracy.

    Args:
        items: closed questions; twins are linted and tried as pairs, and count in no accuracy.
        seed: of the guessers' folds.
        rules: section ``check`` is used.
        root: folder of the images, for the findings that read them; None leaves those out.
        siblings: also report the ranker that sees an image's other questions.
        progress: told of the guessers' finished folds.
    """
    values = rules.section("check", CheckRules)
    findings = lint_closed(items, values, root)
    guesses = guess_blind(items, seed, siblings=siblings, progress=progress)
    blind = blind_rows(guesses, values)
    return BenchmarkCheck(
        questions=len(items),
        findings=tuple(findings),
        blind=tuple(blind),
        twins=tuple(twin_rows(guesses, values)),
        reasons=(*_nothing_to_judge(items), *_errors(findings), *_shortcuts(blind)),
    )


def check_pairs(
    items: Sequence[ClosedItem], seed: int, rules: RuleSet, *, progress: Progress | None = None
) -> BenchmarkCheck:
    """As :func:`check_benchmark`, for closed instruction pairs: the same guessers, the same gate.

    A chat line names neither the slice of a volume nor a removed answer, so that findings about them are left out, and
    a model is trained on one pair at a time, so that no guesser sees an image's other questions.

    Args:
        items: from :func:`neuroonco.check.instructions.read_pairs`.
        seed: of the guessers' folds.
        rules: section ``check`` is used.
        progress: told of the guessers' finished folds.
    """
    found = check_benchmark(items, seed, rules, siblings=False, progress=progress)
    findings = tuple(finding for finding in found.findings if finding.code not in _NOT_OF_PAIRS)
    reasons = tuple(reason for reason in found.reasons if reason.split(":")[0] not in _NOT_OF_PAIRS)
    return found.model_copy(update={"findings": findings, "reasons": reasons})


_NOT_OF_PAIRS = {"ITEM_TWICE", "IMAGE_TWICE", "REJECTION_MISMARKED", "REMOVED_ANSWER_UNKNOWN", "ANSWER_IN_PATH"}


def check_open(items: Sequence[OpenItem], root: Path | None = None) -> BenchmarkCheck:
    """Lint open questions; there is nothing to choose from, so nobody can be asked to guess.

    Args:
        items: open questions.
        root: folder of the images, for the findings that read them; None leaves those out.
    """
    findings = lint_open(items, root)
    empty = () if items else (_EMPTY,)
    return BenchmarkCheck(
        questions=len(items), findings=tuple(findings), blind=(), reasons=(*empty, *_errors(findings))
    )


_EMPTY = "EMPTY: there is no question"


def _nothing_to_judge(items: Sequence[ClosedItem]) -> list[str]:
    if not items:
        return [_EMPTY]
    own = [item for item in items if item.twin_of is None and item.text_of(item.answer) is not None]
    images = len({item.image_id for item in own})
    if images < 2:
        return [f"NOT_JUDGED: {images} image with a question that can be tried; guessers learn on one and try another"]
    return []


def _errors(findings: Sequence[Finding]) -> list[str]:
    return [f"{one.code}: {one.n}" for one in findings if one.level == ERROR]


def _shortcuts(rows: Sequence[BlindRow]) -> list[str]:
    reasons = []
    for row in rows:
        if row.passes is False and row.limit is not None and row.chance is not None:
            judged = row.accuracy.low if row.judged_by == "low" else row.accuracy.value
            seen = f"at least {judged:.3f}" if row.judged_by == "low" else f"{judged:.3f}"
            where = row.question_type or "all questions"
            reasons.append(
                f"SHORTCUT: {row.guesser} is right in {seen} of {where}; chance {row.chance:.3f}, limit {row.limit:.3f}"
            )
    return reasons
