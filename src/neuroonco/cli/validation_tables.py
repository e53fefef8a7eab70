"""What `validate` prints: the pooled figures and those of each sign, beside what they are to be."""

from neuroonco.cli.output import result, result_json, say, table
from neuroonco.intervals import Estimate
from neuroonco.score.confidence_records import EqualOmission
from neuroonco.score.curves import OVERALL, at_omission
from neuroonco.score.validation import READINGS
from neuroonco.score.validation_records import ConditionReport, Correlation, RealReport, ValidationReport
from neuroonco.score.validation_rules import ValidateRules, limits_for
from neuroonco.vocabulary import Sign, display
from neuroonco.walk.validate import Validated

LESION_ROWS = {"found": "lesions found", "false_lesion": "false lesions"}
STAGES = {"conservative": "A", "skeptical": "B", "fused": "fused", "audited": "audited"}


def show(validated: Validated, rules: ValidateRules, *, as_json: bool) -> None:
    """Print a validation's tables, or its pooled figures as JSON."""
    report = validated.report
    if as_json:
        document = {"document": str(validated.document), "page": str(validated.page), "cpu_s": validated.cpu_s}
        result_json(document | {"summary": summary_of(report)})
        return
    result(report.kind)
    for condition in report.conditions:
        _print_condition(condition, rules)
    for one in report.real:
        _print_real(one)
    for aim in report.aims:
        numbers = {
            "precision": aim.precision,
            "omission": aim.omission,
            "error correlation at most": aim.error_correlation,
        }
        result(f"{aim.name}: " + ", ".join(f"{name} {v:g}" for name, v in numbers.items() if v is not None))
    for name, cpu_s in validated.cpu_s.items():
        say(f"{name}: {cpu_s:.3f} CPU seconds a slice and reading")
    result(f"figures: {validated.document}")
    result(f"page: {validated.page}")


def summary_of(report: ValidationReport) -> dict[str, object]:
    """The pooled figures of each condition, JSON-ready; all others are in the document."""
    return {
        c.condition.name: {
            "labels": {
                kind: {
                    "precision": label.overall.precision.model_dump(),
                    "exact": label.overall.exact.model_dump(),
                    "omission": label.overall.omission.model_dump(),
                    "lesion_found": label.lesion.found.model_dump(),
                    "false_lesion": label.lesion.false_lesion.model_dump(),
                }
                for kind, label in c.labels.items()
            },
            "error_correlation": c.errors_where_both_state.overall.model_dump(),
            "equal_omission": {
                made: {kind: cut.model_dump() for kind, cut in of.items()} for made, of in c.equal_omission.items()
            },
        }
        for c in report.conditions
    } | {
        f"{r.source_id} masks {'given' if r.masks_given else 'hidden'}": {
            kind: figures.model_dump(mode="json") for kind, figures in r.labels.items()
        }
        for r in report.real
    }


def _print_condition(condition: ConditionReport, rules: ValidateRules) -> None:
    kinds, labels = list(condition.labels), list(condition.labels.values())
    rows: list[tuple[str, ...]] = []
    for sign in [*Sign, None]:
        qualities = [label.overall if sign is None else label.by_sign[sign.value] for label in labels]
        values = [f"{_share(q.precision)} / {_share(q.omission)}" for q in qualities]
        rows.append(("all signs" if sign is None else display(sign).lower(), *values))
        rows.append(("", *(_span(q.precision) for q in qualities)))
    exact = [label.overall.exact for label in labels]
    rows += [("all, exact", *map(_share, exact)), ("", *map(_span, exact))]
    for name in ("found", "false_lesion"):
        estimates: list[Estimate] = [getattr(label.lesion, name) for label in labels]
        rows.append((LESION_ROWS[name], *map(_share, estimates)))
        rows.append(("", *map(_span, estimates)))
    result(f"{condition.condition.name}: {condition.slices} phantoms, {condition.healthy} of them healthy")
    columns = ("", *(STAGES[kind] for kind in kinds))
    title = "precision / omission; below: interval of the precision, n; exact: a coarser term is wrong"
    table(title, columns, rows, to_stdout=True)
    precision, omission = limits_for(rules, masks_given=bool(condition.condition.masks_given))
    last = condition.labels[kinds[-1]]
    point = at_omission(last.curves[OVERALL], omission)
    strict = "none: more is left out as given"
    if point is not None:
        strict = f"{_cell(point.precision)}; exact {_cell(point.exact)}"
    result(f"aim: precision {precision:g} at omission {omission:g}; {STAGES[kinds[-1]]} within that omission: {strict}")
    _print_equal_omission(condition)
    both, all_ = condition.errors_where_both_state, condition.errors_where_assessable
    result(
        f"error correlation: {_phi(both.overall)} where both state, {_phi(all_.overall)} over all assessable; "
        f"aim at most {rules.error_correlation_to:g}"
    )
    for kind in READINGS:
        sequence = condition.labels[kind].sequence
        if sequence.coverage.value:
            seen = f"{_cell(sequence.precision)} of those seen; seen {_share(sequence.coverage)}"
            result(f"sequence, {STAGES[kind]}: right {seen}")
    result("")


def _print_equal_omission(condition: ConditionReport) -> None:
    """What fusing and auditing buy over each reading cut to the same omission."""
    for made, readings in condition.equal_omission.items():
        omission = condition.labels[made].overall.omission
        parts = [f"{STAGES[kind]} {_share(cut.precision)}, gain {_gain(cut)}" for kind, cut in readings.items()]
        result(f"at the omission of {STAGES[made]}, {_share(omission)}: " + "; ".join(parts))


def _gain(cut: EqualOmission) -> str:
    gain = cut.difference
    if gain.value is None:
        return "none: cannot be cut to it"
    if gain.low is None or gain.high is None:
        return f"{gain.value:+.3f} ({gain.n} slices)"
    return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}, {gain.n} slices)"


def _print_real(report: RealReport) -> None:
    rows = []
    for kind, figures in report.labels.items():
        boxes = figures.localization
        cells = [_cell(figures.found), _cell(figures.false_lesion)]
        cells += ["", ""] if boxes is None else [_cell(boxes.iou_from_half), _cell(boxes.center_in_mask)]
        rows.append((STAGES[kind], *cells))
    shown = "given" if report.masks_given else "hidden"
    title = f"{report.source_id}, masks {shown}: {report.slices} slices with an outlined lesion, read or not"
    columns = ("", "found", "empty mask called lesion", "box: IoU from 0.5", "box: center in mask")
    table(title, columns, rows, to_stdout=True)
    result("")


def _cell(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "none"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f}, {estimate.n})"


def _span(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "0"
    return f"{estimate.low:.2f}-{estimate.high:.2f} {estimate.n}".replace("0.", ".")


def _share(estimate: Estimate) -> str:
    return "none" if estimate.value is None else f"{estimate.value:.3f}"


def _phi(correlation: Correlation) -> str:
    if correlation.value is None:
        return f"none (n = {correlation.n})"
    if correlation.low is None or correlation.high is None:
        return f"{correlation.value:.2f} (n = {correlation.n})"
    return f"{correlation.value:.2f} ({correlation.low:.2f} to {correlation.high:.2f}, n = {correlation.n})"
