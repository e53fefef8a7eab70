"""The VLMEvalKit tables, read as VLMEvalKit reads them (restated from its documentation and its source)."""

import csv
import json
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from exported_benchmarks import closed_benchmark, open_benchmark, replies_to, written
from neuroonco.build.records import ClosedItem
from neuroonco.cli.app import run
from neuroonco.errors import InputError
from neuroonco.export.logs import FAILED_REPLY, predictions_of
from neuroonco.export.questions import exportable, question_names
from neuroonco.export.replies import Ending, prediction_of
from neuroonco.export.vlmevalkit import AS_ASKED, CHOICE, READ_AS_MISSING, write_vlmevalkit
from neuroonco.predict.pictures import PictureFinder
from neuroonco.predict.records import Prediction
from neuroonco.vocabulary import PredictionStatus

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def as_vlmevalkit_loads(path: Path) -> pd.DataFrame:
    """What ``ImageBaseDataset`` makes of a table: pictures of a row may be named by the index of another row."""
    data = pd.read_csv(path, sep="\t")
    data = data[~pd.isna(data["image"])]
    data["index"] = [str(x) for x in data["index"]]
    data["image"] = [str(x) for x in data["image"]]
    held = dict(zip(data["index"], data["image"], strict=True))
    for index, image in held.items():
        if len(image) <= 64:
            assert len(held[image]) > 64
            held[index] = held[image]
    data["image"] = [held[index] for index in data["index"]]
    data["index"] = [int(x) for x in data["index"]]
    return data


def options_of(row: Any) -> dict[str, str]:
    """The options that ``ImageMCQDataset.build_prompt`` lists."""
    return {letter: row[letter] for letter in LETTERS if letter in row and not pd.isna(row[letter])}


@pytest.fixture
def items(tmp_path: Path) -> list[ClosedItem]:
    return closed_benchmark(tmp_path, images=9)


def test_choice_table_holds_every_question_option_and_pixel(tmp_path: Path, items: list[ClosedItem]) -> None:
    write_vlmevalkit(exportable(items, tmp_path), tmp_path / "out")
    data = as_vlmevalkit_loads(tmp_path / "out" / f"{CHOICE}.tsv")
    assert {"index", "image", "question", "A", "B", "answer", "category", "l2-category"} <= set(data.columns)
    assert data["index"].is_unique
    assert len(data) == 27
    names, finder = question_names(items), PictureFinder(tmp_path)
    for _, row in data.iterrows():
        item = names[row["name"]]
        assert isinstance(item, ClosedItem)
        assert row["question"] == item.question
        assert {k: v.rstrip(" ") for k, v in options_of(row).items()} == {o.letter: o.text for o in item.options}
        assert row["answer"] == item.answer
        assert row["category"] == item.reported_type
        pixels = np.asarray(Image.open(BytesIO(b64decode(row["image"], validate=True))))
        np.testing.assert_array_equal(pixels, finder.read(item))


def test_the_option_none_is_not_an_empty_cell(tmp_path: Path, items: list[ClosedItem]) -> None:
    write_vlmevalkit(exportable(items, tmp_path), tmp_path / "out")
    data = as_vlmevalkit_loads(tmp_path / "out" / f"{CHOICE}.tsv")
    edema = data[data["category"] == "edema"]
    assert len(edema) == 9
    assert [options_of(row)["A"].strip() for _, row in edema.iterrows()] == ["None"] * 9


def test_pandas_takes_no_other_text_for_empty() -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    assert set(STR_NA_VALUES) <= READ_AS_MISSING


@given(st.sampled_from(sorted(READ_AS_MISSING - {"", " "})))
def test_a_space_keeps_a_text(text: str) -> None:
    table = BytesIO(f"a\tb\n1\t{text} \n2\tx\n".encode())
    assert pd.read_csv(table, sep="\t")["b"].tolist() == [f"{text} ", "x"]


def test_table_as_asked_tells_word_for_word_what_predict_tells(tmp_path: Path, items: list[ClosedItem]) -> None:
    found = exportable(items, tmp_path)
    write_vlmevalkit(found, tmp_path / "out")
    data = as_vlmevalkit_loads(tmp_path / "out" / f"{AS_ASKED['closed']}.tsv")
    assert "A" not in data.columns  # else it would be multiple choice
    assert "openended" in AS_ASKED["closed"]
    assert data["question"].tolist() == [one.prompt for one in found.questions]
    assert data["answer"].tolist() == [one.target for one in found.questions]


def test_open_questions_are_one_table(tmp_path: Path) -> None:
    found = exportable(open_benchmark(tmp_path), tmp_path)
    write_vlmevalkit(found, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").glob("*.tsv")] == [f"{AS_ASKED['open']}.tsv"]
    data = as_vlmevalkit_loads(tmp_path / "out" / f"{AS_ASKED['open']}.tsv")
    assert data["question"].tolist() == [one.prompt for one in found.questions]
    assert data["answer"].tolist() == [one.target for one in found.questions]


HARD = (
    *(
        "a\rb",
        "a\r\nb",
        "a\nb",
        "\r",
        "\ra",
        "a\r",
        "\t",
        'a"b',
        '"',
        '""',
        "a\x0bb",
        "a\x85b",
        "a\u2028b",
        "a\x1eb",
        "a\x00b",
    ),
    *(
        "a\r\tb\r",
        "None",
        "nan",
        "N/A",
        " ",
        "\\",
        "a\\\r",
        "'",
        "#",
        "1.0",
        "007",
        "a, b",
        "A round lesion.\rTwo lines",
    ),
)


@pytest.mark.parametrize("text", HARD)
def test_no_character_of_an_answer_breaks_the_table(tmp_path: Path, text: str) -> None:
    items = [
        item.model_copy(update={"reference_answer": text if n == 1 else f"plain {n}", "question_type": f"Kind{text}"})
        for n, item in enumerate(open_benchmark(tmp_path))
    ]
    found = exportable(items, tmp_path)
    write_vlmevalkit(found, tmp_path / "out")
    path = tmp_path / "out" / f"{AS_ASKED['open']}.tsv"
    data = as_vlmevalkit_loads(path)
    assert data["name"].tolist() == [one.name for one in found.questions]
    assert data["question"].tolist() == [one.prompt for one in found.questions]
    kept = [one.target.replace("\0", "") for one in found.questions]
    assert [answer.rstrip(" ") for answer in data["answer"]] == [one.rstrip(" ") for one in kept]
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", strict=True))
    assert [row["name"] for row in rows] == data["name"].tolist()


def test_no_character_of_an_option_breaks_the_table(tmp_path: Path) -> None:
    first, *others = closed_benchmark(tmp_path, images=1)
    texts = ("a\rb", "c\r\nd", 'e\t"f', "g\x85h", "None of the above")
    options = tuple(o.model_copy(update={"text": t}) for o, t in zip(first.options, texts, strict=True))
    found = exportable([first.model_copy(update={"options": options, "question": "Which\rone?"}), *others], tmp_path)
    write_vlmevalkit(found, tmp_path / "out")
    for name in (CHOICE, AS_ASKED["closed"]):
        data = as_vlmevalkit_loads(tmp_path / "out" / f"{name}.tsv")
        assert data["name"].tolist() == [one.name for one in found.questions]
    row = as_vlmevalkit_loads(tmp_path / "out" / f"{CHOICE}.tsv").iloc[0]
    assert row["question"] == "Which one?"
    assert options_of(row) == dict(zip("ABCDE", ("a b", "c d", 'e "f', "g h", "None of the above"), strict=True))


def test_fields_larger_than_csv_allows_by_default(tmp_path: Path) -> None:
    items = closed_benchmark(tmp_path, images=1)
    path = tmp_path / items[0].image_path
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (512, 512), np.uint8)).save(path)
    write_vlmevalkit(exportable(items, tmp_path), tmp_path / "out")
    data = as_vlmevalkit_loads(tmp_path / "out" / f"{CHOICE}.tsv")
    assert len(data["image"][0]) > 131072
    pixels = np.asarray(Image.open(BytesIO(b64decode(data["image"][0]))))
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(path)))


def results(path: Path, rows: list[tuple[str, str]]) -> Path:
    """A file as VLMEvalKit writes it with ``PRED_FORMAT=tsv``."""
    data = pd.DataFrame({"index": range(len(rows)), "name": [n for n, _ in rows], "prediction": [t for _, t in rows]})
    data.to_csv(path, sep="\t", index=False, encoding="utf-8", quoting=csv.QUOTE_ALL)
    return path


def test_results_become_predictions(tmp_path: Path, items: list[ClosedItem]) -> None:
    own = {name: item for name, item in question_names(items).items() if getattr(item, "twin_of", 0) is None}
    texts = [text for text, _ in replies_to([item for item in own.values() if isinstance(item, ClosedItem)])]
    texts[0], texts[1] = f"{FAILED_REPLY} via API.", "x" * 200_000
    log = results(tmp_path / f"some_model_{AS_ASKED['closed']}.tsv", list(zip(own, texts, strict=True)))
    found = [p for p in predictions_of(log, items) if isinstance(p, Prediction)]
    assert {p.model for p in found} == {"some_model"}
    assert found[0].status is PredictionStatus.API_ERROR
    assert found[0].pred is None
    assert found[1].status is PredictionStatus.UNPARSED
    expected = [prediction_of(i, t, "some_model", Ending.WHOLE) for i, t in zip(own.values(), texts, strict=True)]
    assert found[2:] == expected[2:]


def test_results_without_names_are_refused(tmp_path: Path, items: list[ClosedItem]) -> None:
    log = tmp_path / "results.tsv"
    log.write_text("index\tprediction\n0\tA\n")
    with pytest.raises(InputError, match="no columns"):
        predictions_of(log, items)


def test_log_of_another_benchmark_is_refused(tmp_path: Path, items: list[ClosedItem]) -> None:
    name = next(iter(question_names(items)))
    log = results(tmp_path / "results.tsv", [(name, "A")])
    assert len(predictions_of(log, items)) == 1
    with pytest.raises(InputError, match="does not have"):
        predictions_of(log, items[1:])


def test_log_with_a_question_twice_is_refused(tmp_path: Path, items: list[ClosedItem]) -> None:
    name = next(iter(question_names(items)))
    log = results(tmp_path / "results.tsv", [(name, "A"), (name, "B")])
    with pytest.raises(InputError, match="more than once"):
        predictions_of(log, items)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("samples.jsonl", ""),
        ("samples.jsonl", "\n\n"),
        ("samples.jsonl", " \n\t"),
        ("r.tsv", "name\tprediction\n"),
        ("r.tsv", ""),
    ],
)
def test_a_log_without_a_reply_is_refused(tmp_path: Path, items: list[ClosedItem], name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=r"no reply in this log|no columns"):
        predictions_of(tmp_path / name, items)


def test_a_log_with_failed_calls_ends_as_predict_does(
    tmp_path: Path, items: list[ClosedItem], capsys: pytest.CaptureFixture[str]
) -> None:
    own = [name for name, item in question_names(items).items() if getattr(item, "twin_of", 0) is None]
    benchmark, out = written(tmp_path, items), tmp_path / "run"
    for failed, code in ((0, 0), (2, 5)):
        texts = [f"{FAILED_REPLY} via API."] * failed + ["A"] * (len(own) - failed)
        log = results(tmp_path / f"m_{AS_ASKED['closed']}.tsv", list(zip(own, texts, strict=True)))
        assert run(["export", "predictions", str(benchmark), str(log), "--out", str(out)]) == code
        err = capsys.readouterr().err
        assert ("2 questions wait for a call that failed" in err) is bool(failed)
        assert (out / "predictions.jsonl").read_text().count("api_error") == failed


def test_twins_that_an_export_leaves_out_are_no_pairs(
    tmp_path: Path, items: list[ClosedItem], capsys: pytest.CaptureFixture[str]
) -> None:
    own = [name for name, item in question_names(items).items() if getattr(item, "twin_of", 0) is None]
    benchmark, out = written(tmp_path, items), tmp_path / "run"
    log = results(tmp_path / f"m_{AS_ASKED['closed']}.tsv", [(name, "A") for name in own])
    assert run(["export", "predictions", str(benchmark), str(log), "--out", str(out)]) == 0
    assert run(["score", str(benchmark), str(out), "--json"]) == 0
    twins = json.loads(capsys.readouterr().out)["twins"]
    for figure in ("both_right", "both_rejected", "same_text"):
        assert (twins[figure]["value"], twins[figure]["n"]) == (None, 0)
    assert (twins["not_asked"], twins["unanswered"], twins["unpaired"]) == (9, 0, 0)


@pytest.mark.parametrize("name", ["results.xlsx", "results"])
def test_unknown_logs_are_refused(tmp_path: Path, items: list[ClosedItem], name: str) -> None:
    (tmp_path / name).write_bytes(b"a")
    with pytest.raises(InputError, match="suffix"):
        predictions_of(tmp_path / name, items)
    with pytest.raises(InputError, match="no such file"):
        predictions_of(tmp_path / "missing.tsv", items)
