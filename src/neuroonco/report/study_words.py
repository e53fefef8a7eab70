"""What a study says in words: the gain that remains over text alone, and nothing that its intervals do not carry."""

from collections import Counter
from collections.abc import Sequence

from neuroonco.report.study_records import Contrast, Finding, MeanOfSeeds, SeedStudy, StatedGain, StudyRole, StudyRun
from neuroonco.score.closed.records import Difference, Pair
from neuroonco.vocabulary import PredictionStatus

SURE_P = 0.05
TEXT_ALONE = (StudyRole.BLANK_ON_BLANK, StudyRole.BLANK_ON_REAL)
NOTHING_SEEN = "a model that was trained on the same text and saw nothing"
NOT_READ = (PredictionStatus.UNPARSED.value, PredictionStatus.REFUSED.value, "invalid_letter")
"""What :func:`neuroonco.score.closed.judge.judge` calls a reply without an answer: wrong, whatever the model knows."""


def is_clear(pair: Pair) -> bool:
    """Whether a difference is stated as one: its interval does not hold 0, and its corrected p is below 0.05."""
    low, high = pair.difference.low, pair.difference.high
    if low is None or high is None or pair.holm_p is None:
        return False
    return (low > 0 or high < 0) and pair.holm_p < SURE_P


def stated_gain(runs: Sequence[StudyRun], contrasts: Sequence[Contrast]) -> StatedGain:
    """The finding of one seed.

    Text alone is credited with the better of two answers of the model that was trained without pictures, asked without
    and with them: the smaller gain over it is the one that is stated. Which is the better one is seen only afterwards,
    so that a gain counts as one where it is clear over both of them: each is then tested as if it were the one.

    Args:
        runs: of each role one.
        contrasts: of the tuned model with each of the others.
    """
    accuracy = {run.role: run.accuracy.value or 0.0 for run in runs}
    pairs = {contrast.second: contrast.pair for contrast in contrasts}
    text_alone = max(TEXT_ALONE, key=accuracy.__getitem__)  # of equals the pre-specified one
    other_way = next(role for role in TEXT_ALONE if role is not text_alone)
    added, remaining, otherwise = pairs[StudyRole.BASE], pairs[text_alone], pairs[other_way]
    finding = _finding(added, (remaining, otherwise), is_complete=all(run.complete for run in runs))
    sentence = _sentence(finding, added, remaining, otherwise)
    base = next(run for run in runs if run.role is StudyRole.BASE)
    if finding in (Finding.PICTURES, Finding.TEXT) and (unreadable := unread_replies(base)):
        form = min(added.difference.value or 0.0, unreadable / base.accuracy.n)
        sentence += (
            f" The base gave no readable answer to {unreadable:,} of {base.accuracy.n:,} questions, which count as "
            f"wrong: up to {_points(form)} of the points that were added can be the form of a reply alone."
        )
    return StatedGain(
        finding=finding,
        added=added.difference,
        text_alone=text_alone,
        remaining=remaining.difference,
        sentence=sentence,
    )


def unread_replies(run: StudyRun) -> int:
    """Questions that were put to a model and came back without an answer that can be read."""
    return sum(run.status.get(status, 0) for status in NOT_READ)


def only_letter(run: StudyRun) -> str | None:
    """The letter of a model that answered with one letter whatever it was asked; None where it used several."""
    used = [letter for letter, number in run.letters.items() if number]
    return used[0] if len(used) == 1 and run.letters[used[0]] > 1 else None


def headline(seeds: Sequence[SeedStudy], mean: MeanOfSeeds | None = None) -> str:
    """The sentence of the first seed, how far the others agree, and their mean where there are several."""
    first = seeds[0].stated
    if len(seeds) == 1:
        return first.sentence
    same = Counter(one.stated.finding for one in seeds)[first.finding]
    said = f"{first.sentence} This is of seed {seeds[0].seed}; {same} of {len(seeds)} seeds find the same."
    if mean is None or any(one.stated.finding is Finding.INCOMPLETE for one in seeds):
        return said
    rest = mean.remaining
    return f"{said} The mean over these seeds is {_amount(rest)} over text alone {_interval(rest)}."


def _finding(added: Pair, over_text: Sequence[Pair], *, is_complete: bool) -> Finding:
    if not is_complete:
        return Finding.INCOMPLETE
    gain = added.difference.value or 0.0
    if not is_clear(added):
        return Finding.NOTHING
    if gain < 0:
        return Finding.WORSE
    return Finding.PICTURES if _is_above(over_text) else Finding.TEXT


def _is_above(pairs: Sequence[Pair]) -> bool:
    return all(is_clear(pair) and (pair.difference.value or 0.0) > 0 for pair in pairs)


def _sentence(finding: Finding, added: Pair, remaining: Pair, otherwise: Pair) -> str:
    gain, rest = added.difference, remaining.difference
    if finding is Finding.INCOMPLETE:
        return "Not every question was answered by every model, so that nothing is stated: run the study again."
    if finding is Finding.WORSE:
        return f"Training took {_amount(gain, signed=False)} away {_interval(gain)}."
    if finding is Finding.NOTHING:
        said = f"It is not shown that training added anything: the difference is {_amount(gain)} {_interval(gain)}"
        said += f"{_corrected(added)}."
        is_above = (rest.value or 0.0) > 0
        if not (_is_above((remaining, otherwise)) if is_above else is_clear(remaining)):
            return said
        side = "above" if is_above else "below"
        return f"{said} The tuned model is {_amount(rest, signed=False)} {side} {NOTHING_SEEN} {_interval(rest)}."
    if finding is Finding.TEXT:
        said = (
            f"Training added {_amount(gain)} {_interval(gain)}, and it is not shown that the pictures have a part in "
            f"it: the difference from {NOTHING_SEEN} is {_amount(rest)} {_interval(rest)}{_corrected(remaining)}"
        )
        if not _is_above((remaining,)):
            return f"{said}."
        other = otherwise.difference
        return f"{said}; from the same model asked the other way it is {_amount(other)} {_interval(other)}" + (
            f"{_corrected(otherwise)}."
        )
    if (rest.value or 0.0) > (gain.value or 0.0):
        return (
            f"Training added {_amount(gain)} {_interval(gain)}, and the tuned model is {_amount(rest)} above "
            f"{NOTHING_SEEN} {_interval(rest)}. That is more than training added: what is over may be what the base "
            "could see before."
        )
    remain = "remains" if _points(rest.value) == "1.0" else "remain"
    return (
        f"Of {_amount(gain)} that training added {_interval(gain)}, {_points(rest.value)} {remain} over "
        f"{NOTHING_SEEN} {_interval(rest)}."
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
        return f"(no interval; n = {difference.n:,})"
    return f"(95 % {_points(difference.low)} to {_points(difference.high)}; n = {difference.n:,})"


def _corrected(pair: Pair) -> str:
    """The corrected p, where the interval alone would let a reader take the difference for one."""
    low, high = pair.difference.low, pair.difference.high
    if is_clear(pair) or pair.holm_p is None or low is None or high is None or low <= 0 <= high:
        return ""
    return f", corrected p = {pair.holm_p:.3f}"
