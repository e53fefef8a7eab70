"""Prediction: one prediction a question, whatever happens, and nothing lost to a kill."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from closed_items import closed_item
from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError, PrerequisiteError, ProviderError
from neuroonco.images import Gray
from neuroonco.models.protocol import ClosedRequest, Reply
from neuroonco.predict.baselines import baseline
from neuroonco.predict.predict import predict, predict_to
from neuroonco.predict.records import Prediction
from neuroonco.vocabulary import PredictionStatus, QuestionType


class Scripted:
    """Answers in turn; an exception in the script is raised."""

    name = "scripted"
    looks_at_image = True

    def __init__(self, script: Sequence[str | Exception | Reply]) -> None:
        self.script = list(script)
        self.seen: list[tuple[ClosedRequest, int]] = []

    def answer(self, request: ClosedRequest, image: Gray | None) -> Reply:
        assert image is not None
        self.seen.append((request, int(image[0, 0])))
        step = self.script.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, Reply) else Reply(text=step)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Images 1 to 6, each of its own gray."""
    (tmp_path / "images").mkdir()
    for number in range(1, 7):
        cv2.imwrite(str(tmp_path / f"images/{number}.png"), np.full((40, 48), number, dtype=np.uint8))
    return tmp_path


def six() -> list[ClosedItem]:
    return [closed_item(str(n), "A") for n in range(1, 7)]


def test_each_status(root: Path) -> None:
    items = [*six(), closed_item("7", "A"), closed_item("8", "A", image_path="../secret.png")]
    (root / "images/5.png").write_bytes(b"not an image")
    model = Scripted(
        [
            "The answer is C",
            "I cannot determine",
            Reply(text="A", refused=True),
            ProviderError("PROVIDER_FAILED", "quota (e.g. check quota)"),
            "",
        ]
    )
    predictions = predict(items, model, root=root)
    assert [(p.id, p.status.value, p.pred) for p in predictions] == [
        ("1", "ok", "C"),
        ("2", "unparsed", None),
        ("3", "refused", None),
        ("4", "api_error", None),
        ("5", "missing_image", None),
        ("6", "unparsed", None),
        ("7", "missing_image", None),
        ("8", "missing_image", None),
    ]
    assert predictions[0].raw == "The answer is C"
    assert [p.error for p in predictions[6:]] == [
        "FILE_MISSING: no such file",
        "PATH_OUTSIDE_ROOT: path must be relative and inside the root",
    ]


def test_each_question_sees_its_own_image_and_nothing_that_names_it(root: Path) -> None:
    items = [item for n in (1, 2) for item in (closed_item(str(n), "A"), closed_item(str(n), "A", q_index=1))]
    model = Scripted(["A"] * 4)
    predict(items, model, root=root)
    assert [gray for _, gray in model.seen] == [1, 1, 2, 2]
    assert len({request.question_id for request, _ in model.seen}) == 4
    assert all(items[0].image_path not in request.model_dump_json() for request, _ in model.seen)


def test_a_model_that_does_not_look_needs_no_image() -> None:
    predictions = predict(six(), baseline("random", [], 3), root=Path("nowhere"))
    assert {p.status for p in predictions} == {PredictionStatus.OK}


def test_a_missing_key_ends_the_run(root: Path) -> None:
    model = Scripted([PrerequisiteError("KEY_MISSING", "no key")])
    with pytest.raises(PrerequisiteError):
        predict(six(), model, root=root)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_killed_run_repeats_nothing_and_ends_with_the_same_bytes(root: Path, suffix: str) -> None:
    items, answers = six(), ["A", "no idea", "C", "D", "E", "B"]
    whole, cut = root / f"whole{suffix}", root / f"cut{suffix}"
    predict_to(whole, items, Scripted(answers), root=root)
    with pytest.raises(KeyboardInterrupt):
        predict_to(cut, items, Scripted([*answers[:3], KeyboardInterrupt()]), root=root)  # type: ignore[list-item]
    assert not cut.exists()
    partial = root / f"cut{suffix}.partial"
    partial.write_bytes(partial.read_bytes()[:-9])  # the kill also tore the last line
    second = Scripted(answers[2:])
    predict_to(cut, items, second, root=root)
    assert len(second.seen) == 4
    assert cut.read_bytes() == whole.read_bytes()
    assert not partial.exists()


def test_failed_calls_and_images_are_asked_again(root: Path) -> None:
    items = six()[:4]
    (root / "images/2.png").rename(root / "away.png")
    path = root / "p.jsonl"
    with pytest.raises(KeyboardInterrupt):
        predict_to(
            path,
            items,
            Scripted([ProviderError("X", "x"), "C", KeyboardInterrupt()]),
            root=root,  # type: ignore[list-item]
        )
    (root / "away.png").rename(root / "images/2.png")
    predictions = predict_to(path, items, Scripted(["A", "B", "D"]), root=root)
    assert [p.pred for p in predictions] == ["A", "B", "C", "D"]


def test_a_partial_file_of_another_benchmark_is_not_reused(root: Path) -> None:
    path = root / "p.jsonl"
    with pytest.raises(KeyboardInterrupt):
        predict_to(path, six(), Scripted(["A", KeyboardInterrupt()]), root=root)  # type: ignore[list-item]
    other = [closed_item(str(n), "B", question_type=QuestionType.SHAPE) for n in range(1, 7)]
    model = Scripted(["B"] * 6)
    predict_to(path, other, model, root=root)
    assert len(model.seen) == 6


def test_predictions_are_written_in_benchmark_order_without_a_second_copy(root: Path) -> None:
    items = six()
    path = root / "p.jsonl"
    predict_to(path, items, baseline("random", items, 0), root=root)
    rows = [Prediction.model_validate_json(line) for line in path.read_text("utf-8").splitlines()]
    assert [row.id for row in rows] == [item.image_id for item in items]


def test_a_target_that_cannot_be_written_is_one_line(root: Path) -> None:
    (root / "file").write_text("x", "utf-8")
    with pytest.raises(InputError) as caught:
        predict_to(root / "file" / "p.jsonl", six(), baseline("random", [], 0), root=root)
    assert caught.value.code == "CANNOT_WRITE"
    with pytest.raises(InputError, match="FORMAT_UNKNOWN"):
        predict_to(root / "p.csv", six(), baseline("random", [], 0), root=root)


def cut_after(root: Path, items: list[ClosedItem], answers: list[str], rules: str = "") -> Path:
    """A run that was killed when so many questions had been answered."""
    path = root / "p.jsonl"
    script = [*answers, KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        predict_to(path, items, Scripted(script), root=root, rules=rules)  # type: ignore[arg-type]
    return path


def test_a_picture_that_changed_is_looked_at_again(root: Path) -> None:
    path = cut_after(root, six(), ["A", "B", "C"])
    cv2.imwrite(str(root / "images/2.png"), np.full((40, 48), 99, dtype=np.uint8))
    (root / "images/3.png").unlink()
    model = Scripted(["E", "D", "D", "D"])
    predictions = predict_to(path, six(), model, root=root)
    assert [p.pred for p in predictions] == ["A", "E", None, "D", "D", "D"]
    assert [gray for _, gray in model.seen] == [99, 4, 5, 6]


def test_another_root_is_looked_at_again_where_its_pictures_differ(root: Path, tmp_path: Path) -> None:
    path = cut_after(root, six(), ["A", "B", "C"])
    other = tmp_path / "other"
    (other / "images").mkdir(parents=True)
    for number in range(1, 7):
        gray = number if number == 1 else 50 + number
        cv2.imwrite(str(other / f"images/{number}.png"), np.full((40, 48), gray, dtype=np.uint8))
    model = Scripted(["E"] * 5)
    predictions = predict_to(path, six(), model, root=other)
    assert [p.pred for p in predictions] == ["A", "E", "E", "E", "E", "E"]
    assert [gray for _, gray in model.seen] == [52, 53, 54, 55, 56]


@pytest.mark.parametrize("changed", ["rules", "version"])
def test_what_was_answered_by_other_rules_or_another_version_is_not_reused(
    root: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    path = cut_after(root, six(), ["A", "B", "C"], rules="one")
    if changed == "version":
        monkeypatch.setattr("neuroonco.predict.predict.__version__", "0.0.0")
    model = Scripted(["D"] * 6)
    predict_to(path, six(), model, root=root, rules="two" if changed == "rules" else "one")
    assert len(model.seen) == 6


@pytest.mark.parametrize(
    "image_path",
    ["x" * 300 + ".png", "x" * 300, "images/" + "é" * 130 + ".png", "a/" * 3000 + "b.png", "images/1.png/2.png"],
)
def test_a_path_that_no_file_can_have_is_a_missing_image(root: Path, image_path: str) -> None:
    items = [closed_item("1", "A", image_path=image_path), closed_item("2", "A")]
    first, second = predict_to(root / "p.jsonl", items, Scripted(["B"]), root=root)
    assert (first.status, second.pred) == (PredictionStatus.MISSING_IMAGE, "B")
    assert str(first.error).split(":")[0] in {"FILE_UNREADABLE", "FILE_MISSING"}


def test_an_error_of_the_model_is_not_taken_for_one_of_writing(root: Path) -> None:
    with pytest.raises(ConnectionError):
        predict_to(root / "p.jsonl", six(), Scripted([ConnectionError("gone")]), root=root)


def test_questions_that_cannot_be_told_apart_are_refused_before_anybody_answers(root: Path) -> None:
    model = Scripted(["A"] * 3)
    for answer in (predict, lambda items, model, root: predict_to(root / "p.jsonl", items, model, root=root)):
        with pytest.raises(InputError, match="QUESTION_TWICE"):
            answer([*six()[:2], six()[1]], model, root=root)
    assert model.seen == []
    assert not (root / "p.jsonl.partial").exists()
