"""Twins count as pairs and never as questions."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closed_items import closed_item, predicted
from neuroonco import store
from neuroonco.build.records import NONE_OF_THE_ABOVE, REJECTION_SHARE, ClosedItem
from neuroonco.build.rules import BuildRules
from neuroonco.check.rules import CheckRules
from neuroonco.cli.app import run
from neuroonco.predict.baselines import baseline
from neuroonco.predict.predict import predict
from neuroonco.predict.records import Prediction
from neuroonco.rules import load_rules
from neuroonco.score.closed.compare import compare
from neuroonco.score.closed.records import Score
from neuroonco.score.closed.score import score_closed
from neuroonco.vocabulary import PredictionStatus

TRUTH = "Glioma"
WITH = ("Meningioma", TRUTH, "Metastasis", "Ependymoma", NONE_OF_THE_ABOVE)
WITHOUT = ("Metastasis", "Meningioma", "Schwannoma", "Ependymoma", NONE_OF_THE_ABOVE)
"""The same question without the truth; what both offer stands at other letters."""


def pair(image_id: str) -> tuple[ClosedItem, ClosedItem]:
    """A question that offers the truth (B is right) and its twin that does not (E is right)."""
    first = closed_item(image_id, "B", texts=WITH)
    second = closed_item(image_id, "E", q_index=1, texts=WITHOUT).model_copy(update={"twin_of": 0})
    return first, second


def answered(*answers: tuple[str | None, str | None]) -> Score:
    """The score of one pair an image, answered so; None is an answer that could not be read."""
    items, rows = [], list[Prediction]()
    for number, letters in enumerate(answers):
        for item, letter in zip(pair(str(number)), letters, strict=True):
            items.append(item)
            rows.append(predicted(item, letter, PredictionStatus.OK if letter else PredictionStatus.UNPARSED))
    return score_closed(items, rows)


def test_pairs_are_judged_together() -> None:
    # Both right; E twice; Meningioma twice, at A and B; the same letter for two texts; truth and another; not read.
    score = answered(("B", "E"), ("E", "E"), ("A", "B"), ("C", "C"), ("B", "A"), (None, "E"), ("B", None))
    twins = score.twins
    assert twins is not None
    assert (twins.both_right.value, twins.both_right.n) == (pytest.approx(1 / 7), 7)
    assert twins.both_rejected.value == pytest.approx(1 / 7)
    assert twins.same_text.value == pytest.approx(1 / 7)
    assert twins.unanswered == 2
    assert twins.unpaired == 0
    assert twins.both_right.low is not None
    assert twins.both_right.high is not None
    assert 0 <= twins.both_right.low < 1 / 7 < twins.both_right.high < 1


def test_twins_are_in_no_figure_of_questions() -> None:
    score = answered(("B", "A"), ("B", "A"), ("A", "E"))
    assert (score.accuracy.value, score.accuracy.n) == (pytest.approx(2 / 3), 3)
    assert score.by_type["diagnosis"].n == score.multiple_choice.n == score.by_source["01"].n == 3
    assert score.rejection.recall.n == 0
    assert score.rejection.false_rejection_rate.n == 3
    assert (score.rejection.precision.value, score.rejection.precision.n) == (None, 0)
    assert sum(score.status.values()) == 3
    assert score.unmatched_predictions == 0
    assert score.complete


def test_a_twin_that_was_not_asked_is_no_pair_and_no_missing_question() -> None:
    first, second = pair("1")
    score = score_closed([first, second], [predicted(first, "B")])
    assert score.complete
    assert score.status["missing"] == 0
    twins = score.twins
    assert twins is not None
    assert (twins.both_right.value, twins.both_right.n, twins.unanswered, twins.not_asked) == (None, 0, 0, 1)
    assert (twins.both_rejected.n, twins.same_text.n) == (0, 0)


@pytest.mark.parametrize("status", [status for status in PredictionStatus if status is not PredictionStatus.OK])
def test_a_twin_that_was_asked_is_a_pair_whatever_became_of_it(status: PredictionStatus) -> None:
    items = [item for n in range(3) for item in pair(str(n))]
    rows = [predicted(items[0], "B"), predicted(items[1], None, status), predicted(items[2], "B")]
    rows += [predicted(items[4], "B"), predicted(items[5], "E")]
    twins = score_closed(items, rows).twins
    assert twins is not None
    assert (twins.both_right.value, twins.both_right.n, twins.unanswered, twins.not_asked) == (0.5, 2, 1, 1)


def test_a_question_that_was_not_asked_with_its_twin_asked_is_an_unanswered_pair() -> None:
    first, second = pair("1")
    twins = score_closed([first, second], [predicted(second, "E")]).twins
    assert twins is not None
    assert (twins.both_right.value, twins.both_right.n, twins.unanswered, twins.not_asked) == (0.0, 1, 1, 0)


def test_a_twin_without_its_question_is_counted_and_in_no_pair() -> None:
    first, second = pair("1")
    lone = pair("2")[1]
    of_a_twin = second.model_copy(update={"q_index": 2, "twin_of": 1})
    items = [first, second, lone, of_a_twin]
    twins = score_closed(items, [predicted(i, i.answer) for i in items]).twins
    assert twins is not None
    assert (twins.both_right.value, twins.both_right.n, twins.unpaired) == (1.0, 1, 2)


def test_only_twins_leave_no_figures() -> None:
    score = score_closed([pair("1")[1]], [])
    assert score.accuracy.value is None
    assert score.chance is None
    assert score.twins is not None
    assert (score.twins.both_right.value, score.twins.both_right.n, score.twins.unpaired) == (None, 0, 1)


def test_a_benchmark_without_twins_writes_none() -> None:
    item = closed_item("1", "A")
    score = score_closed([item], [])
    assert score.twins is None
    assert "twins" not in score.model_dump(mode="json")
    written = answered(("B", "E"))
    assert json.loads(written.model_dump_json())["twins"]["both_right"]["value"] == 1.0
    assert Score.model_validate(written.model_dump(mode="json")) == written


LETTERS = st.tuples(st.sampled_from([None, *"ABCDE"]), st.sampled_from([None, *"ABCDE"]))


@given(st.lists(LETTERS, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_twins_change_nothing_else_and_order_does_not_matter(
    answers: list[tuple[str | None, str | None]], shuffle: random.Random
) -> None:
    items = [item for n in range(len(answers)) for item in pair(str(n))]
    rows = [
        predicted(item, letter, PredictionStatus.OK if letter else PredictionStatus.REFUSED)
        for item, letter in zip(items, [letter for both in answers for letter in both], strict=True)
    ]
    score = score_closed(items, rows, resamples=40)
    alone = score_closed(items[::2], rows[::2], resamples=40)
    assert score.model_copy(update={"twins": None}) == alone
    twins = score.twins
    assert twins is not None
    shares = [e.value for e in (twins.both_right, twins.both_rejected, twins.same_text)]
    # The three exclude each other, and both right needs the one question right.
    assert sum(s for s in shares if s is not None) <= 1 + 1e-9
    assert (shares[0] or 0) <= (alone.accuracy.value or 0) + 1e-9
    shuffle.shuffle(items)
    shuffle.shuffle(rows)
    assert score_closed(items, rows, resamples=40) == score


def test_two_models_are_compared_without_twins() -> None:
    items = [item for n in range(4) for item in pair(str(n))]
    a = [predicted(i, i.answer) for i in items]
    b = [predicted(i, i.answer if i.twin_of is None else "A") for i in items]
    (found,) = compare(items, {"a": a, "b": b}, resamples=20).pairs
    assert (found.both_right, found.only_a, found.only_b, found.neither) == (4, 0, 0, 0)
    assert found.difference.n == 4


def test_twins_are_answered_like_any_other_question() -> None:
    items = [item for n in range(3) for item in pair(str(n))]
    rows = predict(items, baseline("always-e", items, 1), root=Path("nowhere"))
    assert [(p.id, p.q_index, p.pred) for p in rows] == [(str(n), q, "E") for n in range(3) for q in (0, 1)]
    twins = score_closed(items, rows).twins
    assert twins is not None
    assert (twins.both_rejected.value, twins.both_rejected.n, twins.both_right.value) == (1.0, 3, 0.0)


@pytest.mark.parametrize("name", ["default", "paper"])
def test_the_rejection_share_is_that_of_the_rules(name: str) -> None:
    rules = load_rules(name)
    assert rules.section("check", CheckRules).rejection_share == REJECTION_SHARE
    assert rules.section("build", BuildRules).rejection_share == REJECTION_SHARE


def test_chance_is_the_best_that_needs_no_image() -> None:
    three = closed_item("1", "A", texts=("T1", "T2", "FLAIR", NONE_OF_THE_ABOVE))
    six = closed_item("2", "A", texts=("a", "b", "c", "d", "e", NONE_OF_THE_ABOVE))
    binary = closed_item("3", "A", texts=("Abnormal", "Healthy"))
    assert score_closed([three], []).chance == pytest.approx(0.8 / 3)
    assert score_closed([six], []).chance == pytest.approx(0.2)
    assert score_closed([binary], []).chance == 0.5
    assert score_closed([three], [], rejection_share=0.4).chance == 0.4
    assert score_closed([three, six, binary], []).chance == pytest.approx((0.8 / 3 + 0.2 + 0.5) / 3)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    items = [item for n in range(2) for item in pair(str(n))]
    rows = [predicted(item, item.answer) for item in items[:3]]
    rows.append(Prediction(id="9", q_index=0, model="m", status=PredictionStatus.OK, pred="A"))
    benchmark, predictions = tmp_path / "closed.parquet", tmp_path / "predictions.jsonl"
    store.save(benchmark, items, ClosedItem)
    store.save(predictions, rows, Prediction)
    return benchmark, predictions


def test_the_command_prints_pairs_and_what_matched_nothing(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["score", *map(str, files)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "twin pairs: both right" in text
    assert "100.0%" in text
    assert "1 predictions for no question of the benchmark; 1 twins that were not asked, in no pair" in text


def test_the_command_prints_no_pairs_where_there_are_no_twins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = closed_item("1", "A")
    store.save(tmp_path / "closed.parquet", [item], ClosedItem)
    store.save(tmp_path / "predictions.jsonl", [predicted(item, "A")], Prediction)
    paths = [str(tmp_path / name) for name in ("closed.parquet", "predictions.jsonl")]
    assert run(["score", *paths]) == 0
    text = capsys.readouterr().out
    assert "twin" not in text
    assert text.rstrip().endswith("chance 20.0%; 1 ok")
    assert run(["score", *paths, "--json"]) == 0
    assert "twins" not in json.loads(capsys.readouterr().out)
