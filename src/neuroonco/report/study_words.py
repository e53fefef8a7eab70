"""What a study says in words: the gain that remains over text alone, and nothing that its intervals do not carry."""

from collections import Counter
from collections.abc import Sequence

from neuroonco.intervals import wilson
from neuroonco.report.study_records import Contrast, Finding, MeanOfSeeds, SeedStudy, StatedGain, StudyRole, StudyRun
from neuroonco.score.closed.records import Difference, Pair
from neuroonco.vocabulary import PredictionStatus

SURE_P = 0.05
SAME = 1e-9
WIDENED = "*"
"""The mark of an interval that is not that of the bootstrap."""
NOT_ASKED = (PredictionStatus.API_ERROR.value, "missing")
"""Questions whose call failed, or that have no prediction."""
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


def is_widened(difference: Difference) -> bool:
    """Whether an interval is the wide one of :func:`neuroonco.score.closed.compare.paired_difference`.

    Where no resample differs, or clusters are few, it takes in what as many clusters could have missed: d - h (1 + d)
    to d + h (1 - d) for the difference d and h, the upper Wilson bound of 0. An interval of the resamples ends there by
    chance alone.

    >>> is_widened(Difference(value=0.0, low=-wilson(0, 74).high, high=wilson(0, 74).high, n=74, clusters=74))
    True
    >>> is_widened(Difference(value=0.0, low=-0.04, high=0.04, n=74, clusters=74))
    False
    """
    value, low, high = difference.value, difference.low, difference.high
    if value is None or low is None or high is None:
        return False
    unseen = wilson(0, difference.clusters).high or 0.0
    return abs(low - value + unseen * (1 + value)) < SAME or abs(high - value - unseen * (1 - value)) < SAME


def widened_note(differences: Sequence[Difference], unit: str) -> str | None:
    """What the mark of a widened interval says; None where no interval has it.

    Args:
        differences: that are shown.
        unit: what is drawn anew, e.g. images.
    """
    widened = [one for one in differences if is_widened(one)]
    if not widened:
        return None
    number = min(one.clusters for one in widened)
    most = (wilson(0, number).high or 0.0) * 100
    return (
        f"{WIDENED} Drawn anew, these {unit} show no spread, because both models do equally well on each of them, or "
        f"they are fewer than 10. The interval is then not that of the bootstrap: it allows that up to {most:.1f} % of "
        f"{unit} (the upper Wilson bound of 0 in {number:,}) behave in some other way."
    )


def unanswered_advice(runs: Sequence[StudyRun]) -> str | None:
    """What to do about questions without an answer, by what became of them; None where all have one."""
    if all(run.complete for run in runs):
        return None
    no_picture = any(run.status.get(PredictionStatus.MISSING_IMAGE.value) for run in runs)
    failed = any(run.status.get(status) for run in runs for status in NOT_ASKED)
    said = []
    if no_picture:
        said.append("pictures could not be read: mend them or --benchmark-root, and run the study again")
    if failed or not no_picture:
        said.append("calls failed or were cut off: the same command asks them again")
    return "; ".join(said)


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
    sentence = _incomplete(runs) if finding is Finding.INCOMPLETE else _sentence(finding, added, remaining, otherwise)
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


def _incomplete(runs: Sequence[StudyRun]) -> str:
    return f"Not every question was answered by every model, so that nothing is stated: {unanswered_advice(runs)}."


def _sentence(finding: Finding, added: Pair, remaining: Pair, otherwise: Pair) -> str:
    gain, rest = added.difference, remaining.difference
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
