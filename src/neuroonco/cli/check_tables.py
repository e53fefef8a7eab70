"""What a check found, as tables for a person."""

from collections.abc import Iterable, Iterator, Sequence

from neuroonco.check.records import (
    ALL,
    BINARY,
    JUDGED,
    MAJORITY,
    RANKER,
    REJECTION,
    SIBLINGS,
    UNIFORM,
    BenchmarkCheck,
    BlindRow,
    Finding,
)
from neuroonco.cli.output import result, table

CHANCE = (
    "chance: the best that can be done where the text says nothing, which is the larger of 20 % for E and 80 % shared "
    "by the others, or 1/options without E; of rejection items that of a uniform draw; limit: "
    "what the gate allows; rows without one are not judged"
)
SHOWN_EXAMPLES = 2
SHOWN_CHARACTERS = 120


def show_check(checked: BenchmarkCheck, name: str) -> None:
    """Findings, blind accuracy and the verdict on one file."""
    result(f"{name}: {checked.questions} questions")
    show_findings(f"Findings in {name}", checked.findings)
    if checked.blind:
        columns = ("questions", "guesser", "n", "right", "95 %", "chance", "limit", "gate")
        table("Right without the image, in %", columns, blind_lines(checked.blind), to_stdout=True)
        result(CHANCE)
    if checked.twins:
        pairs = ((row.guesser, row.both_right.n, _percent(row.both_right.value)) for row in checked.twins)
        table("Right in a question and its twin, without the image", ("guesser", "pairs", "%"), pairs, to_stdout=True)
    if checked.passed:
        result(f"{name} passes")
    else:
        result(f"{name} fails:")
        for reason in checked.reasons:
            result(f"  {reason}")


def show_findings(title: str, findings: Sequence[Finding]) -> None:
    """Findings with their first examples."""
    if not findings:
        result(f"{title}: none")
        return
    rows = ((f.code, f.level, f.n, "; ".join(map(_short, f.examples[:SHOWN_EXAMPLES]))) for f in findings)
    table(title, ("code", "level", "n", "examples"), rows, to_stdout=True)


def blind_lines(rows: Sequence[BlindRow]) -> Iterator[tuple[str, ...]]:
    """All types together with every guesser; then each type, binary questions apart, with those that are judged.

    The rejection items and the binary questions follow, over all types.
    """
    yield from _block("all", [row for row in rows if row.question_type is None and row.subset == ALL])
    for kind in sorted({row.question_type for row in rows if row.question_type is not None}):
        own = [row for row in rows if row.question_type == kind and row.subset == ALL]
        yield from _block(kind, [row for row in own if row.guesser in JUDGED and row.guesser != UNIFORM])
    for subset in (REJECTION, BINARY):
        own = [row for row in rows if row.question_type is None and row.subset == subset]
        yield from _block(f"all {subset}", [row for row in own if row.guesser in (MAJORITY, RANKER, SIBLINGS)])


def _block(name: str, rows: Iterable[BlindRow]) -> Iterator[tuple[str, ...]]:
    for place, row in enumerate(rows):
        verdict = {True: "ok", False: "FAILS", None: ""}[row.passes]
        interval = f"{_percent(row.accuracy.low)}-{_percent(row.accuracy.high)}"
        limit = "" if row.limit is None else _percent(row.limit)
        cells = (str(row.accuracy.n), _percent(row.accuracy.value), interval, _percent(row.chance), limit, verdict)
        yield ("" if place else name, row.guesser, *cells)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " ..."


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
