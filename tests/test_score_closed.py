"""Scoring of closed questions: every question counts."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closed_items import closed_item, predicted
from neuroonco.build.interop import read_closed
from neuroonco.build.records import REPORTED_TYPES, ClosedItem
from neuroonco.errors import InputError
from neuroonco.predict.baselines import baseline
from neuroonco.predict.predict import predict
from neuroonco.predict.records import Prediction
from neuroonco.score.closed.judge import STATUSES
from neuroonco.score.closed.records import Score
from neuroonco.score.closed.score import score_closed
from neuroonco.vocabulary import MRSequence, PredictionStatus, QuestionType

GOLDEN = Path(__file__).parent / "golden"
BINARY = ("Abnormal", "Healthy")


def small_benchmark() -> list[ClosedItem]:
    """Four questions on three images: two answerable, one rejection, one binary."""
    return [
        closed_item("1", "A", source_id="16"),
        closed_item("1", "B", q_index=1, question_type=QuestionType.SHAPE, texts=("Round", "Oval", "Irregular", "E")),
        closed_item("2", "E", source_id="07"),
        closed_item("3", "B", texts=BINARY, source_id=None),
    ]


def small_predictions() -> list[Prediction]:
    """One right, one unreadable, one right rejection, one missing, one for a question that is not there."""
    one, two, three, _ = small_benchmark()
    return [
        predicted(one, "A"),
        predicted(two, None, PredictionStatus.UNPARSED),
        predicted(three, "E"),
        Prediction(id="9", q_index=0, model="m", status=PredictionStatus.OK, pred="A"),
    ]


def test_the_score_json_is_as_published() -> None:
    score = score_closed(small_benchmark(), small_predictions())
    golden = json.loads((GOLDEN / "score.json").read_text("utf-8"))
    assert score.model_dump(mode="json") == golden


def test_every_question_counts() -> None:
    score = score_closed(small_benchmark(), small_predictions())
    assert (score.accuracy.value, score.accuracy.n) == (0.5, 4)
    assert score.status["missing"] == 1
    assert score.status["unparsed"] == 1
    assert score.unmatched_predictions == 1
    assert not score.complete
    assert score.binary.value == 0.0
    assert score.multiple_choice.n == 3
    assert score.by_source.keys() == {"01", "07", "16", "(none)"}
    assert score.chance == pytest.approx((0.2 + 0.25 + 0.2 + 0.5) / 4)
    assert score.macro_by_type.value == pytest.approx((1 + 0 + 0) / 3)


def test_binary_questions_are_no_part_of_their_type() -> None:
    """A binary diagnosis (abnormal or healthy) and binary margins are mixed neither with the others nor together."""
    margins = closed_item("4", "A", texts=("Smooth", "Irregular"), question_type=QuestionType.MARGINS)
    items = [*small_benchmark(), margins]
    score = score_closed(items, [*small_predictions(), predicted(margins, "A")])
    assert {kind: (e.value, e.n) for kind, e in score.by_type.items()} == {
        "diagnosis": (1.0, 2),
        "diagnosis_binary": (0.0, 1),
        "shape": (0.0, 1),
        "margins_binary": (1.0, 1),
    }
    assert list(score.by_type) == [kind for kind in REPORTED_TYPES if kind in score.by_type]
    assert score.chance_by_type == {"diagnosis": 0.2, "diagnosis_binary": 0.5, "shape": 0.25, "margins_binary": 0.5}
    assert score.macro_by_type.value == pytest.approx((1 + 0 + 0 + 1) / 4)


def test_none_of_the_above_is_known_in_any_spelling() -> None:
    texts = ("Glioma", "Meningioma", "Metastasis", "Ependymoma", "none  of the above.")
    items = [closed_item("1", "E", texts=texts), closed_item("2", "A", texts=texts)]
    assert score_closed(items, []).chance == pytest.approx(0.2)
    rejection = of_baseline("always-e", items).rejection
    assert (rejection.recall.value, rejection.recall.n) == (1.0, 1)
    assert (rejection.false_rejection_rate.value, rejection.precision.n) == (1.0, 2)


def test_rejection_figures_use_their_own_denominators() -> None:
    items = [closed_item(str(n), "E") for n in range(4)] + [closed_item(str(n), "A") for n in range(4, 10)]
    items.append(closed_item("b", "A", texts=BINARY))
    answers = ["E", "E", "E", "B", "E", "A", "A", "A", "A", "E", "B"]
    score = score_closed(items, [predicted(i, a) for i, a in zip(items, answers, strict=True)])
    assert (score.rejection.recall.value, score.rejection.recall.n) == (0.75, 4)
    assert (score.rejection.precision.value, score.rejection.precision.n) == (0.6, 5)
    assert score.rejection.false_rejection_rate.value == pytest.approx(2 / 6)
    assert score.rejection.false_rejection_rate.n == 6


def test_a_letter_that_is_not_offered_is_wrong_and_counted() -> None:
    item = closed_item("1", "A", texts=BINARY)
    score = score_closed([item], [predicted(item, "E")])
    assert score.accuracy.value == 0.0
    assert score.status["invalid_letter"] == 1
    assert score.rejection.precision.n == 0
    assert score.complete


def test_predictions_that_differ_count_as_wrong_and_equal_ones_once() -> None:
    one, two = closed_item("1", "A"), closed_item("2", "A")
    rows = [
        predicted(one, "A"),
        predicted(one, "B"),
        predicted(two, "A"),
        predicted(two, "A"),
        predicted(two, "A"),
    ]
    score = score_closed([one, two], rows)
    assert (score.accuracy.value, score.accuracy.n) == (0.5, 2)
    assert score.status["conflicting"] == 1
    assert score.status["ok"] == 1
    assert score.duplicate_predictions == 3


@pytest.mark.parametrize("status", [s for s in PredictionStatus if s is not PredictionStatus.OK])
def test_a_letter_with_a_failed_status_is_not_believed(status: PredictionStatus) -> None:
    item = closed_item("1", "A")
    score = score_closed([item], [predicted(item, "A", status)])
    assert score.accuracy.value == 0.0
    assert score.status[status.value] == 1


def test_numbers_and_strings_are_the_same_id() -> None:
    item = closed_item("7", "A")
    row = Prediction.model_validate({"id": 7, "q_index": 0, "model": "m", "status": "ok", "pred": "A"})
    assert score_closed([item], [row]).accuracy.value == 1.0


def test_sequences_are_those_given_else_those_of_the_images_own_question() -> None:
    texts = ("T1", "T1C+", "FLAIR", "T2", "None of the above")
    asked = closed_item("1", "B", q_index=1, question_type=QuestionType.MODALITY, texts=texts)
    removed = closed_item("2", "E", q_index=1, question_type=QuestionType.MODALITY, texts=texts)
    removed = removed.model_copy(update={"removed_answer": "T2 FLAIR"})
    unclear = [
        closed_item("3", a, q_index=q, question_type=QuestionType.MODALITY, texts=texts)
        for q, a in ((1, "A"), (2, "D"))
    ]
    items = [closed_item(str(n), "A") for n in (1, 2, 3, 4)] + [asked, removed, *unclear]
    rows = [predicted(items[0], "A"), predicted(asked, "B")]
    score = score_closed(items, rows)
    assert {name: (e.value, e.n) for name, e in score.by_sequence.items()} == {
        "t1ce": (1.0, 2),
        "flair": (0.0, 2),
        "(none)": (0.0, 4),
    }
    assert score.macro_by_sequence.value == pytest.approx(1 / 3)
    # What the catalogue knows goes before what a question says, and silence does not.
    told = score_closed(items, rows, {"s1": MRSequence.T2, "s4": MRSequence.T1, "s2": None}).by_sequence
    assert {name: e.n for name, e in told.items()} == {"t2": 2, "flair": 2, "(none)": 3, "t1": 1}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("ependymoma/08_t1ce/ependymoma_08_t1ce (1).jpg", "08"),
        ("glioma/16_t1_t2_mask/BraTS2021_01648/x.png", "16"),
        ("meningioma/17/meningioma_17 (536).jpg", "17"),
        ("images/08_t1ce.png", "(none)"),
        ("patients/07/x.png", "(none)"),
        ("train/12_flair/a.png", "(none)"),
        ("data/glioma/16_t1/x.png", "(none)"),
        ("Glioma/16_t1/x.png", "(none)"),
        ("a/081/x.png", "(none)"),
    ],
)
def test_the_references_paths_name_the_collection(path: str, source: str) -> None:
    item = closed_item("1", "A", source_id=None, image_path=path)
    assert list(score_closed([item], []).by_source) == [source]
    assert list(score_closed([item.model_copy(update={"source_id": "x"})], []).by_source) == ["x"]


def test_confusion_is_of_terms_and_keeps_silence_apart() -> None:
    texts = ("glioma", "Meningioma", "Metastasis", "Ependymoma", "None of the above")
    items = [
        closed_item("1", "A", texts=texts),
        closed_item("2", "A"),
        closed_item("3", "E"),
        closed_item("4", "B", texts=("Abnormal", "Healthy")),
    ]
    found = score_closed(
        items, [predicted(items[0], "B"), predicted(items[1], "A"), predicted(items[3], "A")]
    ).confusion
    assert [c.question_type for c in found] == [QuestionType.DIAGNOSIS]
    assert found[0].terms == ("Glioma", "Meningioma", "None of the above", "no answer")
    assert found[0].matrix == ((1, 1, 0, 0), (0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 0))


def test_a_benchmark_with_a_question_twice_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        score_closed([closed_item("1", "A"), closed_item("1", "B")], [])
    assert caught.value.code == "QUESTION_TWICE"


def test_no_questions_give_none() -> None:
    score = score_closed([], [])
    assert score.accuracy.value is None
    assert (score.macro_by_type.value, score.macro_by_type.n) == (None, 0)
    assert score.chance is None
    assert score.rejection.recall.value is None


ANSWERS = st.lists(
    st.tuples(st.sampled_from("ABCDE"), st.sampled_from([None, *"ABCDEF"]), st.sampled_from(list(QuestionType))),
    min_size=1,
    max_size=30,
)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_order_does_not_matter(answers: list[tuple[str, str | None, QuestionType]], shuffle: random.Random) -> None:
    items = [closed_item(str(n), a, question_type=kind) for n, (a, _, kind) in enumerate(answers)]
    rows = [predicted(i, pred) for i, (_, pred, _) in zip(items, answers, strict=True)] + [predicted(items[0], "A")]
    before = score_closed(items, rows, resamples=40)
    assert sum(before.status.values()) == before.accuracy.n == len(items)
    assert tuple(before.status) == STATUSES
    shuffle.shuffle(items)
    shuffle.shuffle(rows)
    assert score_closed(items, rows, resamples=40) == before


@given(ANSWERS)
def test_perfect_is_one_and_absent_is_zero(answers: list[tuple[str, str | None, QuestionType]]) -> None:
    items = [closed_item(str(n), a, question_type=kind) for n, (a, _, kind) in enumerate(answers)]
    perfect = score_closed(items, [predicted(i, i.answer) for i in items], resamples=40)
    assert perfect.accuracy.value == 1.0
    assert perfect.complete
    assert {e.value for e in perfect.by_type.values()} == {1.0}
    absent = score_closed(items, [], resamples=40)
    assert (absent.accuracy.value, absent.accuracy.n) == (0.0, len(items))
    assert absent.status["missing"] == len(items)


@pytest.fixture(scope="module")
def published(upstream_root: Path) -> list[ClosedItem]:
    """The reference's closed benchmark."""
    loaded = read_closed(upstream_root / "mm-neuroonco_benchmark_closed_v1.0.json")
    assert not loaded.unreadable
    return loaded.records


def of_baseline(name: str, items: list[ClosedItem]) -> Score:
    return score_closed(items, predict(items, baseline(name, items, 1), root=Path("nowhere")))


def test_always_e_on_the_published_benchmark(published: list[ClosedItem]) -> None:
    score = of_baseline("always-e", published)
    assert (score.rejection.recall.value, score.rejection.recall.n) == (1.0, 606)
    assert score.rejection.false_rejection_rate.value == 1.0
    assert score.rejection.precision.value == pytest.approx(606 / 3074)
    assert score.accuracy.value == pytest.approx(606 / 3190)
    assert score.status["refused"] == score.binary.n == 116
    assert score.complete


def test_random_is_at_chance_on_the_published_benchmark(published: list[ClosedItem]) -> None:
    score = of_baseline("random", published)
    assert score.chance == pytest.approx((3074 / 5 + 116 / 2) / 3190)
    assert score.accuracy.low is not None
    assert score.accuracy.high is not None
    assert score.accuracy.low < score.chance < score.accuracy.high


def test_the_majority_text_beats_chance_on_the_published_benchmark(published: list[ClosedItem]) -> None:
    score = of_baseline("majority", published)
    assert score.accuracy.low is not None
    assert score.chance is not None
    assert score.accuracy.low > 1.5 * score.chance


@pytest.mark.parametrize("failed", ["api_error", "missing_image"])
@pytest.mark.parametrize("first", [True, False])
def test_a_failed_call_contradicts_no_answer(failed: str, first: bool) -> None:
    item = closed_item("1", "A")
    call = predicted(item, None, PredictionStatus(failed))
    rows = [call, predicted(item, "A")] if first else [predicted(item, "A"), call]
    score = score_closed([item], rows, resamples=100)
    assert (score.accuracy.value, score.status["ok"], score.status["conflicting"], score.complete) == (1.0, 1, 0, True)
    assert score.duplicate_predictions == 1
    # Replies that differ still do.
    both = score_closed([item], [*rows, predicted(item, "B")], resamples=100)
    assert both.status["conflicting"] == 1
    silent = score_closed([item], [call, predicted(item, None, PredictionStatus.REFUSED)], resamples=100)
    assert silent.status["refused"] == 1
    assert score_closed([item], [call, call], resamples=100).status[failed] == 1


def test_calls_that_failed_in_two_ways_failed() -> None:
    item = closed_item("1", "A")
    rows = [predicted(item, None, PredictionStatus(name)) for name in ("missing_image", "api_error")]
    for one in (rows, rows[::-1]):
        score = score_closed([item], one, resamples=100)
        assert (score.status["api_error"], score.status["conflicting"], score.complete) == (1, 0, False)
