"""What a study says in words: the gain that remains over text alone, and nothing that its intervals do not carry."""

from collections import Counter
from collections.abc import Sequence

from neuroonco.report.study_records import Contrast, Finding, SeedStudy, StatedGain, StudyRole, StudyRun
from neuroonco.score.closed.records import Difference, Pair

SURE_P = 0.05
TEXT_ALONE = (StudyRole.BLANK_ON_BLANK, StudyRole.BLANK_ON_REAL)
NOTHING_SEEN = "a model that was trained on the same text and saw nothing"


def is_clear(pair: Pair) -> bool:
    """Whether a difference is stated as one: its interval does not hold 0, and its corrected p is below 0.05."""
    low, high = pair.difference.low, pair.difference.high
    if low is None or high is None or pair.holm_p is None:
        return False
    return (low > 0 or high < 0) and pair.holm_p < SURE_P


def stated_gain(runs: Sequence[StudyRun], contrasts: Sequence[Contrast]) -> StatedGain:
    """The finding of one seed.

    Text alone is credited with the better of two answers of the model that was trained without pictures, asked without
    and with them: the smaller gain over it is the one that is stated.

    Args:
        runs: of each role one.
        contrasts: of the tuned model with each of the others.
    """
    accuracy = {run.role: run.accuracy.value or 0.0 for run in runs}
    pairs = {contrast.second: contrast.pair for contrast in contrasts}
    text_alone = max(TEXT_ALONE, key=accuracy.__getitem__)  # of equals the pre-specified one
    added, remaining = pairs[StudyRole.BASE], pairs[text_alone]
    finding = _finding(added, remaining, is_complete=all(run.complete for run in runs))
    return StatedGain(
        finding=finding,
        added=added.difference,
        text_alone=text_alone,
        remaining=remaining.difference,
        sentence=_sentence(finding, added, remaining),
    )


def headline(seeds: Sequence[SeedStudy]) -> str:
    """The sentence of the first seed, and how far the others agree."""
    first = seeds[0].stated
    if len(seeds) == 1:
        return first.sentence
    same = Counter(one.stated.finding for one in seeds)[first.finding]
    gains = [one.stated.remaining.value for one in seeds if one.stated.remaining.value is not None]
    span = f", with {_points(min(gains))} to {_points(max(gains))} points over text alone" if gains else ""
    return f"{first.sentence} This is of seed {seeds[0].seed}; {same} of {len(seeds)} seeds find the same{span}."


def _finding(added: Pair, remaining: Pair, *, is_complete: bool) -> Finding:
    if not is_complete:
        return Finding.INCOMPLETE
    gain = added.difference.value or 0.0
    if not is_clear(added):
        return Finding.NOTHING
    if gain < 0:
        return Finding.WORSE
    return Finding.PICTURES if is_clear(remaining) and (remaining.difference.value or 0.0) > 0 else Finding.TEXT


def _sentence(finding: Finding, added: Pair, remaining: Pair) -> str:
    gain, rest = added.difference, remaining.difference
    if finding is Finding.INCOMPLETE:
        return "Not every question was answered by every model, so that nothing is stated: run the study again."
    if finding is Finding.WORSE:
        return f"Training took {_amount(gain, signed=False)} away {_interval(gain)}."
    if finding is Finding.NOTHING:
        said = f"It is not shown that training added anything: the difference is {_amount(gain)} {_interval(gain)}."
        if not is_clear(remaining):
            return said
        side = "above" if (rest.value or 0.0) > 0 else "below"
        return f"{said} The tuned model is {_amount(rest, signed=False)} {side} {NOTHING_SEEN} {_interval(rest)}."
    if finding is Finding.TEXT:
        return (
            f"Training added {_amount(gain)} {_interval(gain)}, and it is not shown that the pictures have a part in "
            f"it: the difference from {NOTHING_SEEN} is {_amount(rest)} {_interval(rest)}."
        )
    if (rest.value or 0.0) > (gain.value or 0.0):
        return (
            f"Training added {_amount(gain)} {_interval(gain)}, and the tuned model is {_amount(rest)} above "
            f"{NOTHING_SEEN} {_interval(rest)}: text alone did not help."
        )
    remain = "remains" if _points(rest.value) == "1.0" else "remain"
    return (
        f"Of {_amount(gain)} that training added, {_points(rest.value)} {remain} over {NOTHING_SEEN} {_interval(rest)}."
    )


def _points(value: float | None) -> str:
    """Percentage points, with a sign where they are fewer than none.

    >>> _points(0.1234), _points(-0.05), _points(-0.0001), _points(None)
    ('12.3', '−5.0', '0.0', '–')
    """
    return "–" if value is None else f"{value * 100:z.1f}".replace("-", "\N{MINUS SIGN}")


def _amount(difference: Difference, *, signed: bool = True) -> str:
    value = difference.value
    shown = _points(value if signed or value is None else abs(value))
    return f"{shown} point{'' if shown == '1.0' else 's'}"


def _interval(difference: Difference) -> str:
    if difference.low is None or difference.high is None:
        return "(no interval)"
    return f"(95 % {_points(difference.low)} to {_points(difference.high)})"
