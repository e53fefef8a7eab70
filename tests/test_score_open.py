"""Scores of open answers: keywords, overlap, intervals, marks of a judge and of people, and the command."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from neuroonco import store
from neuroonco.build.interop import read_open
from neuroonco.build.records import OpenItem
from neuroonco.cli import run as run_cli
from neuroonco.errors import InputError
from neuroonco.predict.records import EvaluationRun, OpenPrediction, QuestionKind
from neuroonco.predict.run_files import benchmark_hash
from neuroonco.score.open.agreement import medians, weighted_kappa
from neuroonco.score.open.floor import constant_answer
from neuroonco.score.open.interop import read_marks
from neuroonco.score.open.keywords import Keywords, mean_recall, wanted
from neuroonco.score.open.overlap import LONGEST_TEXT_CHARS, overlap_of
from neuroonco.score.open.records import HumanMark, Judged, JudgeMark
from neuroonco.score.open.score import score_open
from neuroonco.vocabulary import PredictionStatus
from open_answers import answered, item

PUBLISHED = Path(__file__).parents[2] / "shared" / "upstream" / "mm-neuroonco_benchmark_open_v1.0.json"
ITEMS = (
    item("The lesion is lobulated.", keys=("lobulated",), image="1", number=1),
    item("It is a solitary lesion.", "How many foci does the glioma have?", keys=("solitary", "glioma"), number=2),
    item("It lies in the upper left of the image.", keys=("upper left",), image="2", question_type="Location"),
    item("No finding of the vocabulary.", image="3"),
)


def reference(one: OpenItem) -> str:
    return one.reference_answer


# --- every question counts ---


def test_shares_are_of_all_terms_and_an_unanswered_question_omits_them() -> None:
    said = {"1_q1": "Lobulated.", "1_q2": "Several, multifocal foci.", "2_q1": None, "3_q1": "Round."}
    score = score_open(ITEMS, answered(ITEMS, lambda one: said[one.question_id]))
    found = score.attributes
    assert (found.recall.value, found.recall.n) == (pytest.approx(1 / 3), 3)
    assert (found.precision.value, found.precision.n) == (0.5, 2)
    assert (found.f1.value, found.f1.n) == (pytest.approx(0.4), 3)
    assert (found.contradicted.value, found.omitted.value) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert (found.extra, found.given, found.unassessable) == (1, 0, 1)
    assert {kind: (of.value, of.n) for kind, of in score.by_type.items()} == {"Detail": (0.5, 2), "Location": (0.0, 1)}
    assert score.status["ok"] == 3
    assert score.status["refused"] == 1
    assert sum(score.status.values()) == len(ITEMS)
    assert score.complete
    assert score.clusters.unit == "image"
    assert score.clusters.n == 3


@pytest.mark.parametrize(
    ("status", "complete"),
    [("ok", True), ("unparsed", True), ("refused", True), ("api_error", False), ("missing_image", False)],
)
def test_what_did_not_come_back_makes_a_score_incomplete(status: str, complete: bool) -> None:
    one, found = ITEMS[0], PredictionStatus(status)
    text = "Lobulated." if found is PredictionStatus.OK else None
    failed = OpenPrediction(id=one.image_id, question_id=one.question_id, model="m", status=found, text=text)
    score = score_open(ITEMS[:1], [failed])
    assert score.complete is complete
    assert score.attributes.recall.value == (1.0 if status == "ok" else 0.0)
    assert not score_open(ITEMS[:1], []).complete


def test_predictions_that_differ_do_not_count_and_others_are_counted() -> None:
    first, second = (answered(ITEMS[:1], text)[0] for text in ("Lobulated.", "Round."))
    stranger = first.model_copy(update={"id": "9"})
    assert score_open(ITEMS[:1], [first, first]).status["ok"] == 1
    score = score_open(ITEMS[:1], [first, second, stranger])
    assert score.status["conflicting"] == 1
    assert (score.unmatched_predictions, score.duplicate_predictions) == (1, 1)
    assert not score.complete


@pytest.mark.parametrize("failure", [PredictionStatus.API_ERROR, PredictionStatus.MISSING_IMAGE])
@pytest.mark.parametrize("turned", [False, True])
def test_a_failed_call_beside_a_reply_is_no_contradiction(failure: PredictionStatus, turned: bool) -> None:
    reply = answered(ITEMS[:1], "Lobulated.")[0]
    failed = OpenPrediction(id=reply.id, question_id=reply.question_id, model="m", status=failure, error="x")
    score = score_open(ITEMS[:1], [failed, reply] if turned else [reply, failed])
    assert (score.status["ok"], score.status["conflicting"], score.complete) == (1, 0, True)


def test_an_answer_without_a_word_is_unparsed() -> None:
    assert score_open(ITEMS[:1], answered(ITEMS[:1], " .\n")).status["unparsed"] == 1


def test_a_question_twice_is_an_error() -> None:
    with pytest.raises(InputError, match="QUESTION_TWICE"):
        score_open([ITEMS[0], ITEMS[0]], [])


def test_nothing_to_score_has_no_value() -> None:
    score = score_open([ITEMS[3]], answered([ITEMS[3]], "Round."))
    assert score.attributes.recall == score.attributes.precision
    assert (score.attributes.recall.value, score.attributes.recall.n) == (None, 0)
    assert score.keywords.gain.value is None
    assert score.keywords.without_keywords == 1


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(len(ITEMS))), st.permutations(range(len(ITEMS))))
def test_the_order_of_rows_does_not_matter(of_items: Sequence[int], of_predictions: Sequence[int]) -> None:
    predictions = answered(ITEMS, reference)
    score = score_open(ITEMS, predictions, resamples=100)
    assert score == score_open([ITEMS[i] for i in of_items], [predictions[i] for i in of_predictions], resamples=100)


# --- the floor ---


def of_spread_and_shape(*facts: str, kind: str = "Detail") -> list[OpenItem]:
    return [item(f"The lesion is {fact}.", image=f"{kind}{n}", question_type=kind) for n, fact in enumerate(facts)]


def test_the_floor_is_the_most_frequent_value_of_each_type() -> None:
    many = of_spread_and_shape("lobulated", "lobulated", "round") + of_spread_and_shape(
        "oval", "irregular", "oval", kind="B"
    )
    assert {kind: list(said.values()) for kind, said in constant_answer(many).items()} == {
        "Detail": ["lobulated"],
        "B": ["oval"],
    }
    found = score_open(many, answered(many, "A round lesion."), resamples=500)
    floor, gain = found.attributes.floor, found.attributes.gain
    assert (floor.recall.value, floor.precision.value, floor.f1.value) == (pytest.approx(2 / 3),) * 3
    assert (found.attributes.f1.value, gain.value) == (pytest.approx(1 / 6), pytest.approx(-0.5))
    assert gain.low is not None
    assert gain.low < -0.5 < (gain.high or 1)
    assert {kind: (of.value, of.n) for kind, of in found.floor_by_type.items()} == {
        "Detail": (pytest.approx(2 / 3), 3),
        "B": (pytest.approx(2 / 3), 3),
    }


def test_a_coarser_term_that_is_right_more_often_is_the_floor() -> None:
    many = of_spread_and_shape("round", "round", "oval", "oval", "lobulated")
    assert list(constant_answer(many)["Detail"].values()) == ["round_or_oval"]
    assert score_open(many, []).attributes.floor.recall.value == pytest.approx(0.8)


def test_a_value_that_costs_more_than_it_brings_is_left_unsaid() -> None:
    """Nine places that are all different: one of nine would be right, where F1 without them is higher."""
    places = [
        item(f"It lies in the {row} {column} of the image. It is a solitary lesion.", image=f"{row}{column}")
        for row in ("upper", "lower")
        for column in ("left", "center", "right")
    ]
    places += [item("It is a solitary lesion.", image=str(n)) for n in range(3)]
    assert list(constant_answer(places)["Detail"].values()) == ["solitary"]
    found = score_open(places, []).attributes.floor
    assert (found.recall.value, found.precision.value) == (pytest.approx(9 / 15), 1.0)


def test_the_constant_answer_scores_the_floor_and_gains_nothing() -> None:
    many = of_spread_and_shape(*["lobulated"] * 6, *["round"] * 5)
    found = score_open(many, answered(many, "A lobulated lesion.")).attributes
    assert found.f1 == found.floor.f1
    assert (found.gain.value, found.gain.low, found.gain.high, found.gain.n) == (0.0, None, None, 11)


def test_the_gain_is_paired() -> None:
    """One image more than the floor in forty: the interval of the difference is far narrower than that of F1."""
    many = of_spread_and_shape(*["lobulated"] * 25, *["round"] * 15)
    better = answered(many, lambda one: "Round." if one.image_id == "Detail39" else "Lobulated.")
    found = score_open(many, better, resamples=1000).attributes
    widths = [e.high - e.low for e in (found.f1, found.gain) if e.low is not None and e.high is not None]
    assert found.gain.value == pytest.approx(1 / 40)
    assert found.gain.low == 0.0
    assert widths[1] < widths[0] / 2


FACTS = st.tuples(
    st.sampled_from(["round", "lobulated", "irregular"]),
    st.sampled_from(["", "It is a solitary lesion.", "It is multifocal."]),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("AB"), FACTS), min_size=1, max_size=12))
def test_no_constant_answer_beats_the_floor(drawn: list[tuple[str, tuple[str, str]]]) -> None:
    many = [
        item(f"The lesion is {shape}. {spread}", image=str(n), question_type=kind)
        for n, (kind, (shape, spread)) in enumerate(drawn)
    ]
    floor = score_open(many, [], resamples=2).attributes.floor.f1.value
    assert floor is not None
    for shape in ("", "Round.", "Lobulated.", "Irregular."):
        for spread in ("", "It is a solitary lesion.", "It is multifocal."):
            reached = score_open(many, answered(many, f"{shape} {spread}"), resamples=2).attributes.f1.value
            assert (reached or 0.0) <= floor + 1e-9


# --- intervals ---


def test_questions_of_one_image_are_one_case() -> None:
    """Ten images with four questions each, right together: the interval is that of ten cases, not of forty."""
    many = [item("The lesion is lobulated.", image=str(i), number=n) for i in range(10) for n in range(4)]
    given = answered(many, lambda one: "Lobulated." if int(one.image_id) % 2 else "Round.")
    recall = score_open(many, given, resamples=1000).attributes.recall
    assert recall.low is not None
    assert recall.high is not None
    assert (recall.value, recall.n) == (0.5, 40)
    assert recall.high - recall.low > 0.5
    apart = [one.model_copy(update={"image_id": f"{one.image_id}-{one.question_id}"}) for one in many]
    alone = answered(apart, lambda one: "Lobulated." if int(one.image_id.split("-")[0]) % 2 else "Round.")
    narrower = score_open(apart, alone, resamples=1000).attributes.recall
    assert narrower.low is not None
    assert narrower.high is not None
    assert narrower.high - narrower.low < 0.35


def test_groups_are_drawn_together() -> None:
    grouped = [one.model_copy(update={"group_id": "patient"}) for one in ITEMS]
    clusters = score_open(grouped, answered(grouped, reference)).clusters
    assert (clusters.unit, clusters.n) == ("group", 1)


def test_a_figure_without_spread_claims_no_certainty() -> None:
    score = score_open(ITEMS, answered(ITEMS, reference))
    for estimate in (score.attributes.recall, score.rouge_l, score.bleu):
        assert estimate.value == pytest.approx(1.0)
        assert estimate.low is not None
        assert estimate.low < 0.9
    echo = score_open(ITEMS, answered(ITEMS, lambda one: one.question)).keywords.gain
    assert (echo.value, echo.low, echo.high) == (0.0, None, None)


# --- keywords ---


def test_keywords_are_whole_words_and_all_of_them_cost_precision() -> None:
    keywords = Keywords.of(ITEMS)
    second = ITEMS[1]
    assert wanted(second) == {"solitary", "glioma"}
    assert keywords.f1(second, "A solitary glioma.") == 1.0
    assert keywords.f1(second, "Solitary.") == pytest.approx(2 / 3)
    assert keywords.f1(second, "A lobulated, solitary glioma.") == pytest.approx(0.8)
    assert keywords.f1(second, "Gliomas, solitarily.") == 0.0
    assert keywords.f1(ITEMS[3], "Anything.") is None
    assert keywords.f1(second, "In the upper-left.") == 0.0  # a keyword of another question type
    score = score_open(ITEMS, answered(ITEMS, "A solitary glioma."))
    assert (score.keywords.f1.value, score.keywords.f1.n) == (pytest.approx(1 / 3), 3)
    assert score.keywords.echo.value == pytest.approx((2 / 3) / 3)
    assert score.keywords.gain.value == pytest.approx((1 / 3) / 3)


# --- overlap ---


def test_overlap_is_that_of_known_examples() -> None:
    found = overlap_of("the cat sat on the mat", "the cat is on the mat")
    assert found.rouge_l == pytest.approx(5 / 6)
    # 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, 0 of 3 fours that count as 1/2 of one.
    assert found.bleu == pytest.approx(math.exp(sum(map(math.log, (5 / 6, 3 / 5, 1 / 4, 1 / 6))) / 4))
    assert 0 < found.chrf < 1
    assert overlap_of("a b", "B A").rouge_l == pytest.approx(0.5)
    assert overlap_of("round lesion", "").bleu == 0.0
    assert overlap_of("round", "round " * LONGEST_TEXT_CHARS).rouge_l < 0.01


# --- marks ---


def judged(marks: dict[str, int], **fields: object) -> Judged:
    given = tuple(
        JudgeMark(id=one.image_id, question_id=one.question_id, mark=marks[one.question_id], reason="", request_hash="")
        for one in ITEMS
        if one.question_id in marks
    )
    return Judged(model="vllm:judge", rubric_sha256="0" * 64, marks=given, **fields)  # type: ignore[arg-type]


def test_a_judges_mean_counts_silence_as_nothing_and_leaves_out_what_it_could_not_mark() -> None:
    given = answered(ITEMS, lambda one: None if one.question_id == "1_q1" else "Round.")
    marks = judged({"1_q2": 4, "2_q1": 2}, unscored={"MODEL_REFUSED": 1})
    found = score_open(ITEMS, given, judged=marks)
    assert found.judge is not None
    assert (found.judge.mean.value, found.judge.mean.n) == (pytest.approx((0 + 1 + 0.5) / 3), 3)
    assert (found.judge.judged, found.judge.unscored, found.judge.unscored_by_code) == (2, 1, {"MODEL_REFUSED": 1})
    assert (found.judge.human_n, found.judge.kappa.value, found.judge.agreement.value) == (0, None, None)
    assert not found.complete


def test_agreement_with_the_median_of_readers() -> None:
    marks = judged({"1_q1": 4, "1_q2": 0, "2_q1": 2, "3_q1": 1})
    human = [HumanMark(id="1", question_id="1_q1", mark=mark, reader=str(n)) for n, mark in enumerate((4, 3, 0))] + [
        HumanMark(id="1", question_id="1_q2", mark=2),
        HumanMark(id="2", question_id="2_q1", mark=2),
        HumanMark(id="9", question_id="9_q1", mark=2),
    ]
    found = score_open(ITEMS, answered(ITEMS, "Round."), judged=marks, marks=human).judge
    assert found is not None
    assert (found.human_n, found.unmatched_marks) == (3, 1)
    assert (found.agreement.value, found.agreement.n) == (pytest.approx(2 / 3), 3)
    kappa = cohen_kappa_score([4, 0, 2], [3, 2, 2], labels=range(5), weights="quadratic")
    assert found.kappa.value == pytest.approx(kappa)
    assert found.kappa.n == 3


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8)), min_size=2, max_size=40))
def test_kappa_is_that_of_the_kept_library(marks: list[tuple[int, int]]) -> None:
    """Half steps, as the median of two readers gives them, are steps of a scale of twice as many."""
    x, y = (np.array(column, float) for column in zip(*((2 * a, b) for a, b in marks), strict=True))
    sums = np.array([[len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), ((x - y) ** 2).sum()]])
    found = weighted_kappa(sums)[0]
    if len({*x, *y}) == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(cohen_kappa_score(x, y, labels=range(9), weights="quadratic"), abs=1e-9)


def test_medians_lie_between_two_readers() -> None:
    assert medians([HumanMark(id="1", question_id="q", mark=m, reader=str(m)) for m in (1, 4)]) == {("1", "q"): 2.5}


def test_marks_are_read_and_bad_rows_named(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    rows = ["id,question_id,mark,reader", "1,1_q1,4,ada", "1,1_q1,3,ben", "1,1_q1,2,ada", "1,1_q2,5,ada"]
    rows += ["1,1_q2,,ada", ",1_q2,3,ada", "2,2_q1,2.5,", "2,2_q1, 2 ,"]
    path.write_text("\ufeff" + "\n".join(rows) + "\n", "utf-8")
    loaded = read_marks(path)
    assert [(m.question_id, m.mark, m.reader) for m in loaded.records] == [
        ("1_q1", 4, "ada"),
        ("1_q1", 3, "ben"),
        ("2_q1", 2, None),
    ]
    assert [(row.slice_id, row.code) for row in loaded.unreadable] == [
        ("marks.csv#4", "MARK_TWICE"),
        ("marks.csv#5", "MARK_INVALID"),
        ("marks.csv#6", "MARK_INVALID"),
        ("marks.csv#7", "FIELD_MISSING"),
        ("marks.csv#8", "MARK_INVALID"),
    ]
    lines = [{"id": 1, "question_id": "1_q1", "mark": 0}, {"id": 1, "question_id": "1_q2", "mark": True}, [1]]
    jsonl = tmp_path / "marks.jsonl"
    jsonl.write_text("\n".join(map(json.dumps, lines)) + "\n{", "utf-8")
    found = read_marks(jsonl)
    assert [mark.id for mark in found.records] == ["1"]
    assert [row.code for row in found.unreadable] == ["MARK_INVALID", "ROW_NOT_AN_OBJECT", "JSON_BROKEN"]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.csv", "id,mark\n1,2\n", "COLUMN_MISSING"),
        ("a.csv", "", "COLUMN_MISSING"),
        ("a.csv", 'id,question_id,mark\n1,"q"x,3\n', "CSV_BROKEN"),
        ("a.xlsx", "", "FORMAT_UNKNOWN"),
        ("b.csv", None, "FILE_MISSING"),
    ],
)
def test_a_file_that_holds_no_marks_is_one_line(tmp_path: Path, name: str, text: str | None, code: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(InputError, match=code):
        read_marks(tmp_path / name)


# --- the published questions ---


@pytest.fixture(scope="module")
def published() -> list[OpenItem]:
    if not PUBLISHED.exists():
        pytest.skip("the published benchmark is not here")
    return read_open(PUBLISHED).records


def test_the_reference_rule_rewards_repeating_and_listing(published: list[OpenItem]) -> None:
    listed = " ".join(sorted({word for one in published for word in wanted(one)}))
    assert len(listed.split()) == 19
    questions = [one.question for one in published]
    assert mean_recall(published, questions, whole_words=False) == pytest.approx(0.405, abs=0.0005)
    assert mean_recall(published, [listed] * len(published), whole_words=False) == 1.0


def test_ours_does_not(published: list[OpenItem]) -> None:
    listed = ", ".join(sorted({word for one in published for word in wanted(one)}))
    scores = {
        name: score_open(published, answered(published, text), resamples=30)
        for name, text in {"echo": lambda one: one.question, "listed": listed, "reference": reference, "": ""}.items()
    }
    recall = {name: score.attributes.recall.value for name, score in scores.items()}
    assert recall == {"echo": 0.0, "listed": 0.0, "reference": 1.0, "": 0.0}
    gain = {name: score.keywords.gain.value for name, score in scores.items()}
    assert gain["echo"] == 0.0
    assert gain["listed"] is not None
    assert gain["listed"] < 0
    assert gain["reference"] is not None
    assert gain["reference"] > 0.5
    assert scores["reference"].attributes.precision.value == 1.0
    floor = scores["reference"].attributes.floor.f1
    assert floor.value == pytest.approx(0.683, abs=0.0005)
    assert all(score.attributes.floor.f1 == floor for score in scores.values())
    assert scores["reference"].attributes.extra == 0
    assert scores["reference"].keywords.without_keywords == 83
    assert scores["reference"].attributes.recall.n > 1500
    constant = "The lesion is solitary. It is located in the center of the image. It is medium. Its shape is irregular."
    found = score_open(published, answered(published, constant), resamples=30).attributes
    assert found.f1.value is not None
    assert 0.6 < found.f1.value <= floor.value
    assert scores[""].status["unparsed"] == len(published) == 1215


# --- the command ---


def written(folder: Path, items: Sequence[OpenItem], predictions: Sequence[OpenPrediction]) -> tuple[str, str]:
    benchmark, given = folder / "open.parquet", folder / "given.jsonl"
    store.save(benchmark, items, OpenItem)
    store.save(given, predictions, OpenPrediction)
    return str(benchmark), str(given)


def test_the_command_prints_each_figure_with_its_n(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = written(tmp_path, ITEMS, answered(ITEMS, reference))
    assert run_cli(["score", *files]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "attributes: F1 (primary) │ 100.0%" in out
    assert "F1 of the best constant answer │ 100.0%" in out
    assert "gain over the constant answer │ 0.0% │ │ 3" in out
    assert "4 ok" in out
    assert "incomplete" not in out.casefold()
    assert run_cli(["score", *files, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["attributes"]["recall"]["n"] == 3
    assert document["attributes"]["floor"]["f1"]["n"] == document["attributes"]["gain"]["n"] == 3
    assert document["floor_by_type"].keys() == document["by_type"].keys()
    assert document["models"] == ["model"]
    assert document["judge"] is None


def test_the_command_says_incomplete_and_reads_a_run_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    benchmark, _ = written(tmp_path, ITEMS, [])
    store.save(folder / "predictions.jsonl", answered(ITEMS[1:], reference), OpenPrediction)
    about = EvaluationRun(
        model="model",
        kind=QuestionKind.OPEN,
        benchmark="open.parquet",
        benchmark_sha256=benchmark_hash(ITEMS[1:]),
        version="0",
    )
    store.write_json(folder / "run.json", about.model_dump(mode="json"))
    assert run_cli(["score", benchmark, str(folder)]) == 1
    seen = capsys.readouterr()
    assert "INCOMPLETE" in seen.out
    assert "1 missing; incomplete" in seen.out
    assert "answers another benchmark" not in seen.err  # a part of it, which the counts say
    reworded = [one.model_copy(update={"question": "Is it round?"}) for one in ITEMS]
    other, _ = written(tmp_path / "run", reworded, [])
    assert run_cli(["score", other, str(folder)]) == 3
    assert "error[BENCHMARKS_DIFFER]" in capsys.readouterr().err


def test_bad_rows_are_named_and_change_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark, given = written(tmp_path, ITEMS, answered(ITEMS, reference))
    with Path(given).open("a", encoding="utf-8") as file:
        file.write('{"id": "1", "question_id": "x"}\n')
    assert run_cli(["score", benchmark, given]) == 1
    seen = capsys.readouterr()
    assert seen.err.count("unreadable[FIELD_") == 1
    assert "1 predictions that cannot be read" in " ".join(seen.out.split())


ANSWER = '{"id": "1", "question_id": "1_q1", "model": "m", "status": "ok", "text": "Round."}\n'


@pytest.mark.parametrize(
    ("rows", "options", "code", "status"),
    [
        ('{"id": "1", "q_index": 0, "pred": "A"}\n', (), "PREDICTIONS_CLOSED", 3),
        ("", ("--marks", "marks.csv"), "MARKS_WITHOUT_JUDGE", 2),
        (ANSWER, ("--judge", "majority"), "JUDGE_UNFIT", 2),
        (ANSWER, ("--judge", "blind:vllm:a@http://127.0.0.1:9/v1"), "JUDGE_UNFIT", 2),
        (ANSWER, ("--judge", "nobody"), "MODEL_UNKNOWN", 2),
        (None, (), "FILE_MISSING", 3),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rows: str | None,
    options: tuple[str, ...],
    code: str,
    status: int,
) -> None:
    benchmark, given = written(tmp_path, ITEMS, [])
    if rows is None:
        Path(given).unlink()
    else:
        Path(given).write_text(rows, "utf-8")
    assert run_cli(["score", benchmark, given, *options]) == status
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert f"error[{code}]" in error[0]
