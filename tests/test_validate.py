"""A validation end to end on few phantoms: what is hidden, what is written, and what it costs to run it twice."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from factories_validation import reading_of, truth_of
from neuroonco import store
from neuroonco.catalog.records import SliceRecord
from neuroonco.errors import InputError, UsageError
from neuroonco.executors import InProcess
from neuroonco.fusion.records import FusedLabel
from neuroonco.intervals import Estimate, wilson
from neuroonco.outcomes import Quarantined
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.pipeline import Workspace
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.report.records import Fact
from neuroonco.report.validation import render_validation
from neuroonco.report.validation_charts import curve_chart, reliability_chart, shade
from neuroonco.report.validation_records import ErrorExample, ExampleRow, ExampleValue, ValidationPage
from neuroonco.rules import load_rules
from neuroonco.score.confidence_records import Curve, CurvePoint
from neuroonco.score.curves import reliability
from neuroonco.score.judged import Statement
from neuroonco.score.validation import KINDS, evaluate
from neuroonco.score.validation_records import (
    Aim,
    Condition,
    RealFigures,
    RealReport,
    ValidationReport,
)
from neuroonco.score.validation_rules import ValidateRules, aims_of
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import PhantomStyle, Shape, Sign, TumorType
from neuroonco.walk.figures import labels_of, truth_figures
from neuroonco.walk.folders import MEASURE, READ
from neuroonco.walk.validate import CONDITIONS, trials_of, validate
from neuroonco.walk.validate_files import validate_files, validate_run
from neuroonco.walk.validation_figures import Labels, examples_of, real_report
from neuroonco.walk.validation_sets import by_slice, drawn_set, found_set, masks_of, real_set, refuse_fit_seed
from neuroonco.walk.validation_stages import LOCATE, Readers, Stopwatch, locate_stage

PHANTOMS = 8
RULES = load_rules("default").section("validate", ValidateRules)
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=y>\x1b[31m"
VOID = {"meta", "img", "br", "hr", "link", "input"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("validate") / "out"
    sets = [drawn_set(out, PhantomStyle.TUNED, 2, PHANTOMS)]
    validated = validate(out, trials_of(sets, [True, False]), Readers())
    assert set(validated.cpu_s) == {c.condition.name for c in validated.report.conditions}
    assert all(cpu_s > 0 for cpu_s in validated.cpu_s.values())
    return out


def document_of(out: Path) -> ValidationReport:
    return ValidationReport.model_validate(store.read_json(out / "validation.json"))


def test_the_matrix_of_conditions() -> None:
    sets = [drawn_set(Path("x"), PhantomStyle.TUNED, 2, 8), drawn_set(Path("x"), PhantomStyle.HELD_OUT, 3, 8)]
    assert [t.condition.name for t in trials_of(sets, [False, True])] == [
        "tuned_2_masks_given",
        "tuned_2_masks_hidden",
        "held_out_3_masks_given",
        "held_out_3_masks_hidden",
        "tuned_2_masks_given_sequence_hidden",
    ]
    assert [t.condition.name for t in trials_of(sets[:1], [False])] == ["tuned_2_masks_hidden"]


def test_what_is_hidden_is_hidden(finished: Path) -> None:
    def shown(name: str) -> list[DescribedSlice]:
        return store.load_strict(finished / CONDITIONS / name / "04-describe" / "records.parquet", DescribedSlice)

    given, hidden = shown("tuned_2_masks_given"), shown("tuned_2_masks_hidden")
    assert len(given) == len(hidden) == PHANTOMS
    assert sum(r.mask is not None for r in given) == sum(r.semantics is not None for r in given) > 0
    assert all(r.mask is None and r.semantics is None and r.sequence is not None for r in hidden)
    silent = shown("tuned_2_masks_given_sequence_hidden")
    assert all(r.sequence is None for r in silent)
    assert [r.mask for r in silent] == [r.mask for r in given]
    assert not any("T1" in (r.description or "") or "T2" in (r.description or "") for r in silent)


def test_the_document_has_every_figure_with_its_n(finished: Path) -> None:
    report = document_of(finished)
    assert report.kind == "phantom, not clinical"
    assert (report.reader, report.auditor) == ("measuring", "physics")
    for condition in report.conditions:
        assert condition.slices == PHANTOMS == condition.lesions + condition.healthy
        assert list(condition.labels) == list(KINDS)
        assert condition.unmatched == 0
        for label in condition.labels.values():
            assert set(label.by_sign) == set(label.by_sign_and_sequence) == {sign.value for sign in Sign}
            assert set(label.curves) == set(label.calibration) == {"overall", *(sign.value for sign in Sign)}
            assert label.curves["overall"].points[0].precision == label.overall.precision
            by_sign = label.by_sign.values()
            assert sum(q.precision.n for q in by_sign) == label.overall.precision.n
            assert sum(q.omission.n for q in by_sign) == label.overall.omission.n
            assert label.lesion.found.n == condition.lesions
            assert label.overall.exact.n == label.overall.precision.n
            assert sum(sum(row.values()) for row in label.sequence.matrix.values()) == PHANTOMS
    given = report.conditions[0].labels["fused"]
    assert given.lesion.found.value == 1.0
    assert given.overall.precision.n > 0
    overall = report.conditions[0].errors_where_both_state.overall
    assert overall.n == overall.both + overall.only_first + overall.only_second + overall.neither > 0


def test_the_shape_of_the_document(finished: Path) -> None:
    document = store.read_json(finished / "validation.json")
    assert list(document) == [
        *("kind", "neuroonco", "reader", "auditor", "aims", "resamples", "seed", "conditions", "real"),
    ]
    condition = document["conditions"][0]
    assert list(condition) == [
        *("condition", "slices", "lesions", "healthy", "labels", "errors_where_both_state"),
        *("errors_where_assessable", "equal_omission", "unmatched", "dropped"),
    ]
    assert condition["condition"] == {
        "name": "tuned_2_masks_given",
        "style": "tuned",
        "seed": 2,
        "masks_given": True,
        "sequence_stated": True,
    }
    label = condition["labels"]["audited"]
    assert list(label) == [
        *("labels", "overall", "by_sign", "by_sequence", "by_sign_and_sequence", "by_hard_case", "by_size"),
        *("by_conspicuous", "lesion", "curves", "calibration", "sequence"),
    ]
    assert list(label["overall"]["precision"]) == ["value", "low", "high", "n"]
    assert list(label["curves"]["shape"]["points"][0]) == ["threshold", "precision", "exact", "omission"]


def test_a_second_run_reads_nothing_and_writes_the_same(finished: Path) -> None:
    names = ("validation.json", "validation.html")
    before = {name: store.sha256_file(finished / name) for name in names}
    sets = [drawn_set(finished, PhantomStyle.TUNED, 2, PHANTOMS)]
    again = validate(finished, trials_of(sets, [True, False]), Readers())
    assert again.cpu_s == {}
    assert {name: store.sha256_file(finished / name) for name in names} == before


def test_phantoms_brought_along_give_the_same_figures(finished: Path, tmp_path: Path) -> None:
    drawn = finished / "sets" / "tuned_2" / "00-phantoms"
    one = found_set(drawn)
    assert (one.name, one.root, one.seed) == ("tuned_2", drawn / "images", 2)
    again = validate(tmp_path, trials_of([one], [True])[:1], Readers())
    assert again.report.conditions[0] == document_of(finished).conditions[0]


def test_phantoms_without_truth_or_of_two_series_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TRUTH_MISSING"):
        found_set(tmp_path)
    truths = [truth_of(0), truth_of(1, seed=3)]
    store.save(tmp_path / "truth.jsonl", truths, PhantomTruth)
    with pytest.raises(InputError, match="TRUTH_MIXED"):
        found_set(tmp_path)


def test_the_fit_seed_is_refused() -> None:
    other = drawn_set(Path("x"), PhantomStyle.TUNED, RULES.fit_seed + 1, 8)
    fitted = drawn_set(Path("x"), PhantomStyle.TUNED, RULES.fit_seed, 8)
    with pytest.raises(UsageError, match="FIT_SEED"):
        refuse_fit_seed([other, fitted], RULES.fit_seed)
    # The same seed in another style draws other phantoms.
    refuse_fit_seed([other, drawn_set(Path("x"), PhantomStyle.HELD_OUT, RULES.fit_seed, 8)], RULES.fit_seed)


def test_readings_from_files_are_measured_like_those_of_the_run(finished: Path, tmp_path: Path) -> None:
    condition = finished / CONDITIONS / "tuned_2_masks_given"
    readings = store.load_strict(condition / "05-read" / "records.parquet", LesionReading)
    for name, kind in (("a", "conservative"), ("b", "skeptical")):
        store.save(tmp_path / f"{name}.parquet", [r for r in readings if r.kind == kind], LesionReading)
    drawn = finished / "sets" / "tuned_2" / "00-phantoms"
    validated = validate_files(
        tmp_path / "out",
        tmp_path / "a.parquet",
        tmp_path / "b.parquet",
        drawn / "truth.jsonl",
        slices=condition / "04-describe" / "records.parquet",
        root=drawn / "images",
    )
    theirs, ours = validated.report.conditions[0], document_of(finished).conditions[0]
    assert theirs.errors_where_both_state == ours.errors_where_both_state
    for kind in KINDS:
        assert theirs.labels[kind].overall == ours.labels[kind].overall
        assert theirs.labels[kind].lesion == ours.labels[kind].lesion
    bare = validate_files(
        tmp_path / "bare", tmp_path / "a.parquet", tmp_path / "b.parquet", drawn / "truth.jsonl"
    ).report
    assert (bare.auditor, list(bare.conditions[0].labels)) == (None, list(KINDS[:3]))
    assert bare.conditions[0].labels["fused"].overall == ours.labels["fused"].overall


def test_a_phantom_that_nobody_read_counts_as_left_empty(tmp_path: Path) -> None:
    truths = [truth_of(i, signs=Signs(shape=Shape.ROUND)) for i in range(3)]
    store.save(tmp_path / "truth.jsonl", truths, PhantomTruth)
    reading = reading_of(0, Signs(shape=Shape.ROUND), image_path="0.png")
    store.save(tmp_path / "a.jsonl", [reading], LesionReading)
    report = validate_files(tmp_path / "o", tmp_path / "a.jsonl", tmp_path / "a.jsonl", tmp_path / "truth.jsonl").report
    fused = report.conditions[0].labels["fused"]
    assert (fused.overall.omission.value, fused.overall.precision.value) == (2 / 3, 1.0)
    store.save(tmp_path / "sure.jsonl", [reading_of(0, confidences={"shape": 87.0})], LesionReading)
    with pytest.raises(InputError, match="CONFIDENCE_RANGE"):
        validate_files(tmp_path / "o", tmp_path / "a.jsonl", tmp_path / "sure.jsonl", tmp_path / "truth.jsonl")
    store.save(tmp_path / "else.jsonl", [reading_of(0, image_path="x.png")], LesionReading)
    with pytest.raises(InputError, match="TRUTH_UNMATCHED"):
        validate_files(tmp_path / "o", tmp_path / "else.jsonl", tmp_path / "else.jsonl", tmp_path / "truth.jsonl")


def test_the_labels_of_a_run_are_measured(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for folder in (finished / "sets" / "tuned_2", finished / CONDITIONS / "tuned_2_masks_given"):
        shutil.copytree(folder, run, dirs_exist_ok=True)
    measured = validate_run(tmp_path / "out", run).report
    ours = document_of(finished).conditions[0]
    assert (measured.reader, measured.conditions[0].condition.name) == ("measuring", "run")
    assert measured.conditions[0].model_copy(update={"condition": ours.condition}) == ours
    # The page of the run shows the same figures, healthy slices included.
    slices = {r.slice_id: r for r in store.load_strict(run / "01-catalog" / "records.parquet", SliceRecord)}
    shown = truth_figures(run, slices, labels_of(run), RULES.resamples)
    assert shown is not None
    for kind, label in ours.labels.items():
        assert shown[kind]["overall"] == label.overall.model_dump(mode="json")
        assert shown[kind]["by_sign"] == {k: q.model_dump(mode="json") for k, q in label.by_sign.items()}
        assert shown[kind]["lesion_found"] == label.lesion.found.model_dump()
        assert shown[kind]["n"] == PHANTOMS


def test_a_run_without_phantoms_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TRUTH_MISSING"):
        validate_run(tmp_path / "out", tmp_path)


@pytest.mark.parametrize(("folder", "source_id"), [("07_figshare", "07"), ("lgg_tcga", "lgg-tcga")])
def test_lesions_of_real_slices_are_located(real_root: Path, tmp_path: Path, folder: str, source_id: str) -> None:
    if not (real_root / folder).is_dir():
        pytest.skip(f"no {folder} among the real slices")
    masks = sorted((real_root / folder).rglob("*_mask.*"))[::20]
    for mask in masks:
        for path in (mask, mask.with_name(mask.name.replace("_mask", ""))):
            target = tmp_path / folder / path.relative_to(real_root / folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    one = real_set(tmp_path / folder, source_id)
    report = validate(tmp_path / "out", trials_of([one], [True, False]), Readers()).report
    given, hidden = report.real
    assert (given.masks_given, hidden.masks_given) == (True, False)
    assert given.slices + given.empty == hidden.slices + hidden.empty >= len(masks) > 1
    reading = given.labels["conservative"]
    assert reading.found.value == 1.0
    assert reading.false_lesion.value in (0.0, None)
    assert reading.localization is not None
    assert reading.localization.with_box.n == given.slices > 0
    blind = hidden.labels["conservative"]
    assert blind.found.n == given.slices
    assert blind.localization is not None
    assert blind.localization.iou_from_half.n <= round((blind.found.value or 0) * given.slices)
    assert "phantom" not in report.kind


def test_outlined_slices_count_whether_they_were_read_or_not(finished: Path, tmp_path: Path) -> None:
    """One slice without any reading, one whose readings failed, one whose mask is gone: two of three stay in the n."""
    condition = finished / CONDITIONS / "tuned_2_masks_hidden"
    drawn = drawn_set(finished, PhantomStyle.TUNED, 2, PHANTOMS)
    catalogue = masks_of(drawn, finished)
    outlined = sorted(i for i, t in by_slice(drawn.truths(), catalogue).items() if t.mask_path is not None)
    unread, failed, bare = outlined[:3]
    records = store.load_strict(catalogue, SliceRecord)
    root = tmp_path / "images"
    shutil.copytree(drawn.root, root)
    for record in records:
        if record.slice_id == bare:
            assert record.mask is not None
            (root / record.mask.path).write_bytes(b"no picture")
    readings = store.load_strict(condition / READ / "records.parquet", LesionReading)
    kept = [
        r.model_copy(update={"error": "timeout", "lesion_found": None} if r.slice_id == failed else {})
        for r in readings
        if r.slice_id != unread
    ]
    run = tmp_path / "run"
    shutil.copytree(condition, run)
    store.save(run / READ / "records.parquet", kept, LesionReading)
    aside = Quarantined(slice_id=unread, code="X", message="x")
    store.save(run / MEASURE / "quarantined.parquet", [aside], Quarantined)
    store.save(run / READ / "quarantined.parquet", [aside, aside], Quarantined)
    workspace = Workspace(run=run, folder=run / LOCATE, rules=load_rules("default"), executor=InProcess())
    locate_stage(root, catalogue).work(workspace)
    report = real_report(run, "07", catalogue, masks_given=False)
    assert (report.slices, report.empty, report.masks_unreadable) == (len(outlined) - 1, 0, 1)
    assert report.unlabeled == PHANTOMS - len(outlined)
    assert report.unreadable == 1  # three lines about one slice
    seen = report.labels["conservative"]
    said = {r.slice_id for r in kept if r.lesion_found and r.kind == "conservative"} & set(outlined) - {bare}
    assert seen.found == wilson(len(said), len(outlined) - 1)
    assert seen.localization is not None
    assert seen.localization.with_box.n == len(outlined) - 1


def test_the_stopwatch_adds_up_what_the_work_costs() -> None:
    watch = Stopwatch(InProcess())
    assert list(watch.map_ordered(lambda n: sum(range(n)), [10, 100_000])) == [45, 4_999_950_000]
    assert watch.pieces == 2
    assert watch.cpu_s > 0
    watch.restart()
    assert (watch.pieces, watch.cpu_s) == (0, 0.0)


# --- the page ---


class Page(HTMLParser):
    """Elements and text, with a check that the markup closes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += " " + data.strip()


def page_of(report: ValidationReport, *examples: ErrorExample) -> Page:
    facts = (Fact(name="Reader", value=HOSTILE),)
    html = render_validation(ValidationPage(title="Validation", facts=facts, report=report, examples=examples))
    return Page(html)


def report_with_everything() -> ValidationReport:
    truth = {
        "s0": truth_of(0, signs=Signs(shape=Shape.ROUND)),
        "s1": truth_of(1, tumor_type=TumorType.HEALTHY),
    }
    reading = reading_of(0, Signs(shape=Shape.OVAL), confidences={"shape": 0.7}, lesion_box=(0, 0, 4, 4))
    fused = FusedLabel(slice_id="s0", sample_id="s0", lesion_found=True, signs=Signs(shape=Shape.OVAL))
    condition = evaluate(
        truth,
        {"conservative": {"s0": reading}, "skeptical": {"s0": reading}, "fused": {"s0": fused}},
        Condition(name=HOSTILE, masks_given=None, sequence_stated=None),
        dropped={"05-read": {HOSTILE: 3}},
        resamples=10,
    )
    real = RealReport(
        source_id=HOSTILE,
        masks_given=False,
        slices=3,
        empty=1,
        unlabeled=0,
        masks_unreadable=1,
        unreadable=2,
        labels={
            "conservative": RealFigures(
                found=wilson(2, 3), missed=wilson(0, 3), false_lesion=wilson(0, 1), localization=None
            )
        },
    )
    return ValidationReport(
        kind=f"phantom, not clinical {HOSTILE}",
        neuroonco="0",
        reader=HOSTILE,
        auditor=None,
        aims=(*aims_of(RULES), Aim(name=HOSTILE)),
        resamples=10,
        seed=0,
        conditions=(condition,),
        real=(real,),
    )


def test_hostile_text_is_shown_as_text_and_nothing_is_loaded() -> None:
    example = ErrorExample(
        condition=HOSTILE,
        title=HOSTILE,
        png=b"\x89PNG",
        columns=(HOSTILE,),
        rows=(ExampleRow(sign=HOSTILE, truth=HOSTILE, values=(ExampleValue(value=HOSTILE, right=False),)),),
    )
    page = page_of(report_with_everything(), example)
    assert page.open == []
    assert "script" not in {tag for tag, _ in page.tags}
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")]
        assert tag not in {"link", "iframe", "object"}
        if (source := attrs.get("src")) is not None:
            assert source.startswith("data:image/png;base64,")
        if (target := attrs.get("href")) is not None:
            assert target.startswith("#")
    assert sum(tag == "img" for tag, _ in page.tags) == 1
    assert page.text.count("<script>alert('x')</script>") >= 12
    assert "\x1b" not in page.text
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_the_page_says_what_it_is_about_and_marks_what_is_unknown() -> None:
    page = page_of(report_with_everything())
    text = " ".join(page.text.split())
    assert text.count("phantom, not clinical") == 2
    assert "2 phantoms, 1 with lesion, 1 healthy" in text
    assert "Masks not known to be given, sequence not known to be stated" in text
    assert "ECE 0.70, n = 1" in text
    assert "n = 0" in text
    assert "3 slices with an outlined lesion, 1 with an empty mask" in text
    assert "1 whose mask cannot be read; 2 slices dropped or unreadable on the way" in text
    assert "From the label as given (the dot) to the right" in text
    assert "At equal omission" in text


def test_a_page_without_conditions_says_so() -> None:
    report = report_with_everything().model_copy(update={"conditions": (), "real": ()})
    assert "No phantoms were read." in page_of(report).text


def test_the_worst_errors_are_shown_with_their_pictures(finished: Path) -> None:
    drawn = drawn_set(finished, PhantomStyle.TUNED, 2, PHANTOMS)
    catalogue = masks_of(drawn, finished)
    truth = by_slice(drawn.truths(), catalogue)
    slices = {r.slice_id: r for r in store.stream(catalogue, SliceRecord)}
    lesions = sorted(i for i, t in truth.items() if t.mask_path is not None)[:2]
    healthy = next(i for i, t in truth.items() if t.mask_path is None)
    other = {i: Shape.OVAL if truth[i].signs.shape is Shape.ROUND else Shape.ROUND for i in lesions}
    said: Labels = {
        "conservative": {i: Statement(found=True, signs=truth[i].signs) for i in lesions},
        "skeptical": {},
        "fused": {
            lesions[0]: Statement(found=True, signs=Signs(shape=other[lesions[0]], texture=None)),
            lesions[1]: Statement(found=True, signs=truth[lesions[1]].signs),
            healthy: Statement(found=True, signs=Signs(shape=Shape.ROUND)),
        },
    }
    examples = examples_of("c", truth, said, slices, drawn.root)
    assert len(examples) == 2  # the healthy slice first: a lesion that is not there, and its shape
    assert [row.truth for row in examples[0].rows] == ["none", None]
    assert [v.right for v in examples[0].rows[0].values] == [None, None, False]
    shape = next(row for row in examples[1].rows if row.sign == "Shape")
    assert [v.right for v in shape.values] == [True, None, False]
    assert all(e.png is not None and e.png.startswith(b"\x89PNG") for e in examples)
    missing = examples_of("c", truth, said, slices, finished / "nowhere")
    assert [e.png for e in missing] == [None, None]


def test_charts_draw_what_they_are_given() -> None:
    def point(threshold: float, right: int, n: int, omitted: int) -> CurvePoint:
        return CurvePoint(
            threshold=threshold, precision=wilson(right, n), exact=wilson(right, n), omission=wilson(omitted, 100)
        )

    curve = Curve(points=(point(0, 75, 100, 0), point(0.5, 50, 50, 50), point(0.9, 5, 5, 95)), without_confidence=0)
    drawn = curve_chart([("fused", curve)], [("own", Aim(name="x", precision=0.95, omission=0.5))])
    # precision 0.75 is half-way up an axis from 0.5 to 1; five values are too few for a point
    assert "<polyline class='line fused' points='46,140 236,10'/>" in drawn
    assert "<circle class='mark fused' cx='46' cy='140' r='4'/>" in drawn
    assert "<path class='aim own' d='M230 36h12M236 30v12'/>" in drawn
    nothing = Curve(
        points=(CurvePoint(threshold=0, precision=wilson(0, 0), exact=wilson(0, 0), omission=wilson(0, 0)),),
        without_confidence=0,
    )
    assert "line fused" not in curve_chart([("fused", nothing)])
    marks = reliability_chart(reliability(np.array([0.75, 0.75]), np.array([True, False])))
    assert "<circle class='mark' cx='331' cy='140' r='4'/>" in marks
    assert shade(0.999) == "s9"


def test_aims_are_those_of_the_rules() -> None:
    by_name = {aim.name: (aim.precision, aim.omission, aim.error_correlation) for aim in aims_of(RULES)}
    assert by_name["Aim with masks"] == (0.95, 0.18, None)
    assert by_name["Aim without masks"] == (0.94, 0.60, None)
    assert by_name["Published model pipeline"] == (0.897, 0.1765, None)
    assert by_name["Aim, errors of the two readings"] == (None, None, 0.4)


def test_json_of_estimates_is_plain() -> None:
    assert json.loads(wilson(0, 0).model_dump_json()) == Estimate(value=None, low=None, high=None, n=0).model_dump()
