"""Evaluation runs on disk: what kind a benchmark is, its hash in every format, and runs read back."""

import json
from pathlib import Path
from typing import Any

import pytest

from closed_items import closed_item, predicted
from neuroonco.build.interop import closed_document, open_document, read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.predict.records import EvaluationRun, OpenPrediction, Prediction, QuestionKind
from neuroonco.predict.run_files import (
    RunFiles,
    benchmark_hash,
    kind_of_benchmark,
    read_about,
    read_closed_run,
    read_open_run,
    write_run,
)
from neuroonco.store import save, write_json
from neuroonco.vocabulary import PredictionStatus

UPSTREAM = Path(__file__).parents[2] / "shared" / "upstream"
CLOSED = [
    closed_item("2", "A"),
    closed_item("2", "E", q_index=1).model_copy(update={"twin_of": 0}),
    closed_item("007", "B", texts=("Abnormal", "Healthy")),
]
OPEN = [
    OpenItem(image_id="2", question_id="2_q1", slice_id="2", image_path="a.png", question_type="Location",
             question="Where?", reference_answer="Left.", key_terms=("Left",)),
    OpenItem(image_id="3", question_id="3_q1", slice_id="3", image_path="b.png", question_type="Detail",
             question="How large?", reference_answer="Small.", key_terms=("Small",)),
]  # fmt: skip


def about(kind: QuestionKind = QuestionKind.CLOSED, items: list[Any] | None = None) -> EvaluationRun:
    """Of a run that was asked these questions; None: all of its kind."""
    asked = (CLOSED if kind is QuestionKind.CLOSED else OPEN) if items is None else items
    return EvaluationRun(model="m", kind=kind, benchmark="b.json", benchmark_sha256=benchmark_hash(asked), version="1")


def closed_file(path: Path, items: list[ClosedItem] = CLOSED) -> Path:
    if path.suffix == ".json":
        write_json(path, closed_document(items))
    else:
        save(path, items, ClosedItem)
    return path


def open_file(path: Path) -> Path:
    if path.suffix == ".json":
        write_json(path, open_document(OPEN))
    else:
        save(path, OPEN, OpenItem)
    return path


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet"])
def test_the_kind_of_a_benchmark_is_what_it_asks(tmp_path: Path, suffix: str) -> None:
    assert kind_of_benchmark(closed_file(tmp_path / f"x{suffix}")) is QuestionKind.CLOSED
    assert kind_of_benchmark(open_file(tmp_path / f"y{suffix}")) is QuestionKind.OPEN


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.json", "[]"),
        ("empty.jsonl", ""),
        ("blank.jsonl", "\n\n"),
        ("object.json", "{}"),
        ("numbers.json", "[1, 2]"),
        ("text.json", '"vqa_pairs"'),
        ("null.json", "null"),
        ("other.json", '[{"id": 1, "captions": []}]'),
        ("other.jsonl", '{"id": 1, "q_index": 0, "pred": "A"}\n'),
        ("both.json", '[{"vqa_pairs": [], "qa_pairs": []}]'),
        ("mixed.json", '[{"vqa_pairs": []}, {"qa_pairs": []}]'),
        ("broken.json", '[{"vqa_pairs": ['),
        ("broken.jsonl", "{broken\n"),
        ("bytes.json", "\x00\x01"),
        ("list.jsonl", "[1]\n"),
        ("bytes.parquet", "no parquet"),
        ("questions.csv", "id,question\n"),
    ],
)
def test_what_is_no_benchmark_is_one_line(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(InputError) as caught:
        kind_of_benchmark(path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value).strip()


def test_a_missing_benchmark_is_one_line(tmp_path: Path) -> None:
    for suffix in (".json", ".jsonl", ".parquet"):
        with pytest.raises(InputError, match="FILE_MISSING"):
            kind_of_benchmark(tmp_path / f"none{suffix}")


def test_a_benchmark_has_the_same_hash_in_every_format_and_order(tmp_path: Path) -> None:
    suffixes = (".json", ".jsonl", ".parquet")
    closed = {benchmark_hash(read_closed(closed_file(tmp_path / f"c{suffix}")).records) for suffix in suffixes}
    opened = {benchmark_hash(read_open(open_file(tmp_path / f"o{suffix}")).records) for suffix in suffixes}
    apart = [CLOSED[0], CLOSED[2], CLOSED[1]]  # the questions of an image need not be neighbors
    assert closed == {benchmark_hash(CLOSED)} == {benchmark_hash(apart)}
    assert opened == {benchmark_hash(OPEN)}
    assert len(closed | opened) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"question": "What is it?"},
        {"answer": "B"},
        {"options": CLOSED[0].options[::-1]},
        {"image_path": "images/other.png"},
        {"image_channel": 1},
        {"image_slice": 4},
        {"q_index": 3},
        {"twin_of": 2},
    ],
)
def test_another_question_is_another_hash(change: dict[str, Any]) -> None:
    assert benchmark_hash([CLOSED[0].model_copy(update=change)]) != benchmark_hash(CLOSED[:1])


def test_what_built_a_question_is_not_hashed() -> None:
    built = CLOSED[0].model_copy(update={"seed": 9, "rules": "paper", "source_id": "16", "slice_id": "other"})
    assert benchmark_hash([built]) == benchmark_hash(CLOSED[:1])


def test_the_published_benchmark_keeps_its_hash_through_our_table(tmp_path: Path) -> None:
    if not UPSTREAM.is_dir():
        pytest.skip("the published benchmark is not here")
    items = read_closed(UPSTREAM / "mm-neuroonco_benchmark_closed_v1.0.json").records
    assert benchmark_hash(read_closed(closed_file(tmp_path / "c.parquet", items)).records) == benchmark_hash(items)
    assert kind_of_benchmark(UPSTREAM / "mm-neuroonco_benchmark_closed_v1.0.json") is QuestionKind.CLOSED
    assert kind_of_benchmark(UPSTREAM / "mm-neuroonco_benchmark_open_v1.0.json") is QuestionKind.OPEN


# --- runs ---


def test_a_folder_holds_all_of_a_closed_run(tmp_path: Path) -> None:
    predictions = [predicted(CLOSED[0], "A"), predicted(CLOSED[1], None, PredictionStatus.UNPARSED)]
    write_run(tmp_path / "run", CLOSED, predictions, about())
    run = read_closed_run(tmp_path / "run")
    assert (run.items, run.predictions, run.about, run.unreadable) == (CLOSED, predictions, about(), 0)
    other = closed_file(tmp_path / "other.json", CLOSED[:1])
    assert len(read_closed_run(tmp_path / "run", other).items) == 1


def test_a_file_of_predictions_needs_its_questions(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    save(path, [predicted(CLOSED[0], "A")], Prediction)
    with path.open("a", encoding="utf-8") as file:
        file.write("{broken\n")
    with pytest.raises(InputError, match="BENCHMARK_MISSING"):
        read_closed_run(path)
    run = read_closed_run(path, closed_file(tmp_path / "c.json"))
    assert (len(run.items), len(run.predictions), run.about, run.unreadable) == (3, 1, None, 1)
    write_json(RunFiles.at(path).run, about().model_dump(mode="json"))
    assert read_closed_run(path, tmp_path / "c.json").about == about()


def test_a_reference_file_is_a_run_too(tmp_path: Path) -> None:
    path = tmp_path / "gpt.json"
    path.write_text(json.dumps([{"id": 2, "q_index": 0, "pred": "A", "gt": "B", "correct": False}]), "utf-8")
    run = read_closed_run(path, closed_file(tmp_path / "c.json"))
    assert [(p.id, p.pred, p.model) for p in run.predictions] == [("2", "A", "gpt")]


def test_a_folder_holds_all_of_an_open_run(tmp_path: Path) -> None:
    answer = OpenPrediction(id="2", question_id="2_q1", model="m", status=PredictionStatus.OK, text="Left.")
    write_run(tmp_path / "run", OPEN, [answer], about(QuestionKind.OPEN))
    run = read_open_run(tmp_path / "run")
    assert (run.items, run.predictions, run.unreadable) == (OPEN, [answer], 0)
    with pytest.raises(InputError, match="RUN_OF_OTHER_KIND"):
        read_closed_run(tmp_path / "run")
    write_run(tmp_path / "closed", CLOSED, [], about())
    with pytest.raises(InputError, match="RUN_OF_OTHER_KIND"):
        read_open_run(tmp_path / "closed")


# --- the questions that a run was asked ---

REWORDED = [CLOSED[0].model_copy(update={"question": "Which?"}), *CLOSED[1:]]
REORDERED = [closed_item("2", "A", texts=("Meningioma", "Glioma", "Cyst")), *CLOSED[1:]]
OTHERS = [closed_item("9", "A"), closed_item("9", "B", q_index=1)]


@pytest.mark.parametrize("items", [REWORDED, REORDERED, OTHERS, [CLOSED[0], *OTHERS]])
def test_a_folder_is_not_scored_by_questions_that_it_was_not_asked(tmp_path: Path, items: list[ClosedItem]) -> None:
    write_run(tmp_path / "run", CLOSED, [predicted(CLOSED[0], "A")], about())
    other = closed_file(tmp_path / "other.parquet", items)
    with pytest.raises(InputError, match=r"BENCHMARKS_DIFFER.*b\.json.*other\.parquet.*run; fix: predict again"):
        read_closed_run(tmp_path / "run", other)


@pytest.mark.parametrize(
    "items",
    [
        CLOSED[:1],
        [*CLOSED, closed_item("9", "A")],
        [CLOSED[0].model_copy(update={"answer": "B"}), *CLOSED[1:]],
    ],
    ids=["a part", "more", "an answer that was put right"],
)
def test_a_folder_is_scored_by_a_part_of_its_questions_or_by_more(tmp_path: Path, items: list[ClosedItem]) -> None:
    write_run(tmp_path / "run", CLOSED, [predicted(CLOSED[0], "A")], about())
    run = read_closed_run(tmp_path / "run", closed_file(tmp_path / "other.parquet", items))
    assert len(run.items) == len(items)


def test_a_folder_whose_questions_were_exchanged_is_broken(tmp_path: Path) -> None:
    write_run(tmp_path / "run", CLOSED, [predicted(CLOSED[0], "A")], about())
    closed_file(tmp_path / "run" / "benchmark.parquet", REWORDED)
    with pytest.raises(InputError, match="RUN_BROKEN"):
        read_closed_run(tmp_path / "run")


def test_a_file_is_scored_by_what_its_hash_can_tell(tmp_path: Path) -> None:
    path, asked = tmp_path / "p.jsonl", CLOSED[:2]
    save(path, [predicted(item, "A") for item in asked], Prediction)
    whole = closed_file(tmp_path / "c.parquet")
    write_json(RunFiles.at(path).run, about(items=asked).model_dump(mode="json"))
    assert len(read_closed_run(path, whole).items) == 3  # the two that it answers have the hash of its run
    for items in (CLOSED[:1], REWORDED, OTHERS):
        other = closed_file(tmp_path / "other.parquet", items)
        fix = rf"remove {RunFiles.at(path).run.name} if you are sure"
        with pytest.raises(InputError, match=rf"BENCHMARKS_DIFFER.*b\.json.*other\.parquet.*{fix}"):
            read_closed_run(path, other)
    RunFiles.at(path).run.unlink()
    assert len(read_closed_run(path, other).items) == 2


def test_an_open_run_is_checked_too(tmp_path: Path) -> None:
    answer = OpenPrediction(id="2", question_id="2_q1", model="m", status=PredictionStatus.OK, text="Left.")
    write_run(tmp_path / "run", OPEN, [answer], about(QuestionKind.OPEN))
    reworded = [OPEN[0].model_copy(update={"question": "On which side?"})]
    save(tmp_path / "part.parquet", OPEN[:1], OpenItem)
    save(tmp_path / "other.parquet", reworded, OpenItem)
    assert len(read_open_run(tmp_path / "run", tmp_path / "part.parquet").items) == 1
    with pytest.raises(InputError, match="BENCHMARKS_DIFFER"):
        read_open_run(tmp_path / "run", tmp_path / "other.parquet")


def test_stored_replies_of_a_run_are_read_with_its_options(tmp_path: Path) -> None:
    path = tmp_path / "gpt.jsonl"
    path.write_text(json.dumps({"id": 2, "q_index": 0, "pred": "A", "raw": "Metastasis"}) + "\n", "utf-8")
    assert [p.pred for p in read_closed_run(path, closed_file(tmp_path / "c.json")).predictions] == ["C"]


@pytest.mark.parametrize(
    ("text", "code"),
    [("{", "JSON_BROKEN"), ("[]", "RUN_BROKEN"), ('{"model": "m"}', "RUN_BROKEN"), ('{"x": 1}', "RUN_BROKEN")],
)
def test_a_broken_account_of_a_run_is_one_line(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "run.json").write_text(text, "utf-8")
    with pytest.raises(InputError, match=code):
        read_about(tmp_path)


def test_a_missing_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="FILE_MISSING"):
        read_closed_run(tmp_path / "none")
    assert read_about(tmp_path / "none") is None
