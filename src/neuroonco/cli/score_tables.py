"""A closed score and a comparison as tables for a person."""

from collections.abc import Callable, Sequence

from neuroonco.cli.output import result, table
from neuroonco.errors import printable
from neuroonco.intervals import Estimate
from neuroonco.score.closed.forest import forest_line, p_text, points, reach_of
from neuroonco.score.closed.records import Calibration, Clusters, Comparison, PositionBias, Rejection, Score
from neuroonco.score.replies import NOT_ANSWERED
from neuroonco.walk.comparison_models import abstains

Row = tuple[str, str, str, int]
DRAWN = 41
"""Characters of a line of the forest plot."""


def print_score(score: Score, models: Sequence[str], unreadable_questions: int, unreadable_predictions: int) -> None:
    """All figures of one model's predictions."""
    _incomplete(score.status, unreadable_questions)
    rows = [(*_row("all questions", score.accuracy), _percent(score.chance))]
    rows += [
        (*_row(f"type: {name}", found), _percent(score.chance_by_type.get(name)))
        for name, found in score.by_type.items()
    ]
    rows += [(*row, "") for row in _rows_over_all_types(score)]
    columns = ("", "value", "95 % interval", "n", "chance")
    table(f"Score of {printable(', '.join(models)) or 'nobody'}", columns, rows, to_stdout=True)
    _print_rejection(score.rejection, score.always_none)
    if score.position is not None:
        _print_position(score.position)
    if score.calibration is not None:
        _print_calibration(score.calibration)
    if score.permutation is not None:
        found = score.permutation
        rows_of_runs = [_row(f"run {n}: accuracy", run) for n, run in enumerate(found.accuracy_by_run, 1)]
        rows_of_runs += [
            _row("right in every run", found.always_right),
            _row("right in some run", found.ever_right),
            _row("same choice in every run", found.same_choice),
            _row("accuracy of the majority", found.majority),
        ]
        table(f"Options in {found.runs} orders", columns[:4], rows_of_runs, to_stdout=True)
    result(f"intervals: {drawn_text(score.clusters)}; of types, sources and sequences Wilson's")
    if left := _left_over(score, unreadable_questions, unreadable_predictions):
        result("; ".join(left))
    refused = "abstained" if all(map(abstains, models)) else "refused"
    statuses = ", ".join(f"{n} {refused if status == 'refused' else status}" for status, n in score.status.items() if n)
    result(f"chance {_percent(score.chance) or 'none'}; {statuses}" + ("" if score.complete else "; incomplete"))


def print_comparison(comparison: Comparison) -> None:
    """Accuracies, and each pair with its difference drawn."""
    incomplete = [model.model for model in comparison.models if not model.complete]
    if incomplete:
        result(f"INCOMPLETE: questions without an answer count as wrong; models: {printable(', '.join(incomplete))}")
    rows = [
        (*_row(model.model, model.accuracy), *_cells(model.macro_by_type)[:2], "" if model.complete else "incomplete")
        for model in comparison.models
    ]
    columns = ("", "accuracy", "95 % interval", "n", "mean of types", "95 % interval", "")
    table("Accuracy", columns, rows, to_stdout=True)
    pairs = [
        (
            f"{pair.a} minus {pair.b}",
            "none" if pair.difference.value is None else points(pair.difference.value),
            _between(pair.difference.low, pair.difference.high, points),
            str(pair.only_a),
            str(pair.only_b),
            p_text(pair.mcnemar_p),
            p_text(pair.sign_flip_p),
            p_text(pair.holm_p),
        )
        for pair in comparison.pairs
    ]
    heads = ("", "points", "95 % interval", "only 1st", "only 2nd", "McNemar p", "sign-flip p", "Holm p")
    table("Differences in accuracy, percentage points", heads, pairs, to_stdout=True)
    reach = reach_of(comparison.pairs)
    left, right = points(-reach), points(reach)
    result(f"{left}{right:>{DRAWN - len(left)}}")
    for pair in comparison.pairs:
        result(f"{forest_line(pair, reach, DRAWN)}  {printable(pair.a)} minus {printable(pair.b)}")
    result(
        f"intervals and sign-flip p: {drawn_text(comparison.clusters)}; Holm over {comparison.tests} pairs; "
        "McNemar takes questions as independent"
    )


def drawn_text(clusters: Clusters) -> str:
    """What the intervals rest on."""
    unit = "groups" if clusters.unit == "group" else "images"
    return f"{clusters.resamples} resamples of {clusters.n} {unit}, seed {clusters.seed}"


def _incomplete(status: dict[str, int], unreadable_questions: int) -> None:
    lost = [f"{status[name]} {name}" for name in NOT_ANSWERED if status.get(name)]
    if lost:
        result(f"INCOMPLETE: questions that no answer came back for count as wrong: {', '.join(lost)}")
    if unreadable_questions:
        result(f"INCOMPLETE: {unreadable_questions} questions of the benchmark cannot be read and are in no figure")


def _rows_over_all_types(score: Score) -> list[Row]:
    rows = [
        _row("mean of types", score.macro_by_type),
        _row("binary, all types", score.binary),
        _row("multiple choice, all types", score.multiple_choice),
    ]
    for name, cells, mean in (
        ("source", score.by_source, score.macro_by_source),
        ("sequence", score.by_sequence, score.macro_by_sequence),
    ):
        if set(cells) - {"(none)"}:
            rows += [_row(f"{name}: {value}", found) for value, found in cells.items()]
            rows.append(_row(f"mean of {name}s", mean))
    if (twins := score.twins) is not None:
        rows += [
            _row("twin pairs: both right", twins.both_right),
            _row("twin pairs: both rejected", twins.both_rejected),
            _row("twin pairs: same other option", twins.same_text),
        ]
    return rows


def _print_rejection(found: Rejection, always: Rejection) -> None:
    rows = [
        (*_row("recall", found.recall), _percent(always.recall.value)),
        (*_row("precision", found.precision), _percent(always.precision.value)),
        (*_row("F1", found.f1), _percent(always.f1.value)),
        (*_row("false rejection rate", found.false_rejection_rate), _percent(always.false_rejection_rate.value)),
        (*_signed_row("Youden's J", found.youden_j), _signed(always.youden_j.value)),
        (*_signed_row("Matthews' correlation", found.mcc), _signed(always.mcc.value)),
    ]
    columns = ("", "value", "95 % interval", "n", "always E")
    table('Rejection: saying "None of the above" where it is offered', columns, rows, to_stdout=True)


def _print_position(found: PositionBias) -> None:
    rows = [
        (p.letter, _percent(p.chosen.value), _percent(p.right.value), *_row("", p.recall)[1:]) for p in found.by_letter
    ]
    columns = ("letter shown", "chosen", "right", "recall", "95 % interval", "n")
    table("Position", columns, rows, to_stdout=True)
    excess = _row("", found.excess)
    spread = "" if found.recall_spread is None else f"; recalls spread by {found.recall_spread:.3f}"
    chance = "" if found.excess_by_chance is None else f", {found.excess_by_chance:.1%} by chance alone"
    lost = f"; {found.left_out} answers whose order does not fit" if found.left_out else ""
    result(
        f"position: {excess[1]} of answers would have to move ({excess[2] or 'no interval'}, n {excess[3]}{chance}); "
        f"chosen against right p {p_text(found.p_value)}{spread}{lost}"
    )


def _print_calibration(found: Calibration) -> None:
    rows = [
        _row("accuracy", found.accuracy),
        ("mean confidence", _percent(found.mean_confidence), "", found.n),
        _row("expected calibration error", found.ece),
        ("  by chance alone, if calibrated", _percent(found.ece_by_chance), "", found.ece.n),
        _plain_row("Brier score", found.brier),
        _row("AUROC of right against wrong", found.auroc),
        _row("area under risk-coverage", found.aurc),
    ]
    table(f"Calibration ({found.source})", ("", "value", "95 % interval", "n"), rows, to_stdout=True)
    if found.without_confidence:
        result(f"calibration: {found.without_confidence} questions have no confidence and are in none of its figures")


def _left_over(score: Score, unreadable_questions: int, unreadable_predictions: int) -> list[str]:
    twins = score.twins
    counts = (
        ("predictions for no question of the benchmark", score.unmatched_predictions),
        ("predictions beyond the first of a question", score.duplicate_predictions),
        ("questions that cannot be read, in no figure", unreadable_questions),
        ("predictions that cannot be read", unreadable_predictions),
        ("twin pairs without two valid answers", 0 if twins is None else twins.unanswered),
        ("twins without their question, in no pair", 0 if twins is None else twins.unpaired),
        ("twins that were not asked, in no pair", 0 if twins is None else twins.not_asked),
    )
    return [f"{n} {what}" for what, n in counts if n]


def _row(name: str, estimate: Estimate) -> Row:
    return (name, *_cells(estimate))


def _cells(estimate: Estimate) -> tuple[str, str, int]:
    value = _percent(estimate.value) or "none"
    return value, _between(estimate.low, estimate.high, _percent), estimate.n


def _signed_row(name: str, estimate: Estimate) -> Row:
    return name, _signed(estimate.value), _between(estimate.low, estimate.high, _signed), estimate.n


def _plain_row(name: str, estimate: Estimate) -> Row:
    return name, _plain(estimate.value), _between(estimate.low, estimate.high, _plain), estimate.n


def _plain(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _between(low: float | None, high: float | None, text: Callable[[float], str]) -> str:
    return "" if low is None or high is None else f"{text(low)} to {text(high)}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.2f}"
