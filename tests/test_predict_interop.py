"""Prediction files: ours, and the reference's rows."""

import json
from pathlib import Path

import pytest

from closed_items import closed_item, predicted
from neuroonco.build.interop import read_closed, read_open
from neuroonco.errors import InputError
from neuroonco.predict.interop import is_error_text, read_open_predictions, read_predictions, write_reference
from neuroonco.predict.records import LetterLogprob, OpenPrediction, Prediction
from neuroonco.store import save
from neuroonco.vocabulary import PredictionStatus

GOLDEN = Path(__file__).parent / "golden"
UPSTREAM = Path(__file__).parents[2] / "shared" / "upstream"
published = pytest.mark.skipif(not UPSTREAM.is_dir(), reason="the published benchmark is not here")


def written(path: Path, rows: list[object]) -> Path:
    """Rows as a file of the suffix's format."""
    text = json.dumps(rows) if path.suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text, "utf-8")
    return path


def test_reference_rows_are_written_as_published(tmp_path: Path) -> None:
    items = [
        closed_item("1", "A"),
        closed_item("2", "E", image_path="glioma/07/ä 1.jpg"),
        closed_item("007", "B", texts=("Abnormal", "Healthy")),
    ]
    rows = [predicted(items[1], "E"), predicted(items[0], "B"), predicted(items[2], "B", PredictionStatus.REFUSED)]
    path = tmp_path / "rows.jsonl"
    write_reference(path, items, rows)
    assert path.read_text("utf-8") == (GOLDEN / "reference_predictions.jsonl").read_text("utf-8")


def test_reference_rows_are_read_without_believing_them(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "q_index": 0, "type": "diagnosis", "is_mcq": True, "is_trap": False, "gt": "B", "pred": "B",
         "correct": False, "image_path": "x", "elapsed": 3},
        {"id": "2", "q_index": 1, "pred": None, "correct": True},
        {"id": 3, "q_index": 0, "pred": "A or B"},
        {"id": 4, "q_index": 0, "pred": "E", "error": "429 (e.g. check quota)"},
        {"id": 5, "q_index": 0},
        {"id": 6, "q_index": True, "pred": "A"},
        {"id": 7, "q_index": "x", "pred": "A"},
        [1, 2],
    ]  # fmt: skip
    path = tmp_path / "gpt.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n{broken\n", "utf-8")
    loaded = read_predictions(path)
    assert [(p.id, p.q_index, p.status.value, p.pred, p.model) for p in loaded.records] == [
        ("1", 0, "ok", "B", "gpt"),
        ("2", 1, "unparsed", None, "gpt"),
        ("3", 0, "unparsed", None, "gpt"),
        ("4", 0, "api_error", None, "gpt"),
    ]
    assert [(q.slice_id, q.code) for q in loaded.unreadable] == [
        ("gpt.jsonl#4", "FIELD_MISSING"),
        ("gpt.jsonl#5", "FIELD_INVALID"),
        ("gpt.jsonl#6", "FIELD_INVALID"),
        ("gpt.jsonl#7", "ROW_NOT_AN_OBJECT"),
        ("gpt.jsonl#8", "JSON_BROKEN"),
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_our_rows_come_back_as_written(tmp_path: Path, suffix: str) -> None:
    rows = [
        Prediction(id="1", q_index=0, model="m", status=PredictionStatus.OK, pred="A", raw="the answer is A"),
        Prediction(id="2", q_index=3, model="m", status=PredictionStatus.API_ERROR, error="X: x"),
    ]
    save(tmp_path / f"p{suffix}", rows, Prediction)
    loaded = read_predictions(tmp_path / f"p{suffix}")
    assert loaded.records == rows
    assert not loaded.unreadable


def test_a_row_of_ours_with_an_unknown_field_is_set_aside(tmp_path: Path) -> None:
    row = {"id": "1", "q_index": 0, "model": "m", "status": "ok", "pred": "A", "gt": "A"}
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(row) + "\n", "utf-8")
    assert [q.code for q in read_predictions(path).unreadable] == ["FIELD_INVALID"]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="FILE_MISSING"):
        read_predictions(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="FORMAT_UNKNOWN"):
        read_predictions(tmp_path / "none.csv")


# --- the reference's files, unchanged ---


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_a_reference_file_is_read_unchanged(tmp_path: Path, suffix: str) -> None:
    lines = (GOLDEN / "reference_predictions.jsonl").read_text("utf-8").splitlines()
    path = written(tmp_path / f"qwen{suffix}", [json.loads(line) for line in lines])
    loaded = read_predictions(path)
    assert not loaded.unreadable
    assert [(p.id, p.q_index, p.status.value, p.pred, p.model) for p in loaded.records] == [
        ("1", 0, "ok", "B", "qwen"),
        ("2", 0, "ok", "E", "qwen"),
        ("007", 0, "unparsed", None, "qwen"),
    ]


QUOTA = "Error code: 429 - {'error': {'message': 'quota (e.g. check quota)'}}"


@pytest.mark.parametrize(
    "row",
    [
        {"pred": QUOTA},
        {"pred": "E", "raw": QUOTA},
        {"pred": "E", "response": QUOTA},
        {"pred": "E", "raw_output": "APIConnectionError: Connection error."},
        {"pred": "A", "raw": "429 Too Many Requests"},
        {"pred": "E", "raw": "HTTP 502: Bad Gateway"},
        {"pred": "E", "raw": "openai.RateLimitError: Error code: 429"},
        {"pred": "ERROR"},
        {"pred": "E", "error": {"code": 500}},
        {"pred": "E", "raw": "Traceback (most recent call last):"},
    ],
)
def test_the_text_of_an_error_is_no_answer(tmp_path: Path, row: dict[str, object]) -> None:
    (prediction,) = read_predictions(written(tmp_path / "m.jsonl", [{"id": 1, "q_index": 0, **row}])).records
    assert (prediction.status.value, prediction.pred) == ("api_error", None)
    assert prediction.error


@pytest.mark.parametrize(
    ("row", "status", "letter"),
    [
        ({"pred": "A", "raw": "A large lesion, so the answer is C"}, "ok", "C"),
        ({"pred": "E", "raw": "Unable to answer"}, "unparsed", None),
        ({"pred": "A", "raw": "glioma"}, "unparsed", None),
        ({"pred": "C", "raw": "C. Metastasis"}, "unparsed", None),
        ({"pred": "C", "raw": "A. Glioma\nC. Metastasis"}, "unparsed", None),
        ({"pred": "E", "raw": "E. coli"}, "unparsed", None),
        ({"pred": None, "raw": "Final: D\nExplanation: x"}, "ok", "D"),
        ({"pred": "C", "raw": None}, "ok", "C"),
        ({"pred": "C", "raw": "B or C"}, "unparsed", None),
        ({"pred": "none"}, "unparsed", None),
        ({"pred": ["C"]}, "unparsed", None),
        ({"pred": "Ａ"}, "unparsed", None),
    ],
)
def test_a_stored_reply_is_read_again(tmp_path: Path, row: dict[str, object], status: str, letter: str | None) -> None:
    (prediction,) = read_predictions(written(tmp_path / "m.jsonl", [{"id": 1, "q_index": 0, **row}])).records
    assert (prediction.status.value, prediction.pred) == (status, letter)


WITH_OPTIONS = [
    ("A", "A. Unable to determine", None),
    ("A", "A. I cannot see the image", None),
    ("A", "A. This option is wrong. The lesion is dural.", None),
    ("A", "A. Glioma - unlikely", None),
    ("A", "A. No. The correct choice would be C", "C"),
    ("A", "A: 0.1, B: 0.1, C: 0.1, D: 0.7", None),
    ("A", "A. Glioma\nB. Meningioma\nC. Metastasis", None),
    ("A", "A: Not possible to say", None),
    ("C", "C. Metastasis", "C"),
    ("C", "**C. Metastasis**\nReason: foci.", "C"),
    ("E", "E. None of the above", "E"),
    ("A", "Metastasis", "C"),
    ("C", "C. Glioma", None),
    ("A", "A", "A"),
]


@pytest.mark.parametrize(("stored", "raw", "letter"), WITH_OPTIONS)
def test_a_stored_reply_is_read_with_the_options_where_they_are_at_hand(
    tmp_path: Path, stored: str, raw: str, letter: str | None
) -> None:
    rows: list[object] = [{"id": 7, "q_index": 0, "pred": stored, "raw": raw}]
    path = written(tmp_path / "m.jsonl", rows)
    item = closed_item("7", "A")
    assert [p.pred for p in read_predictions(path, [item]).records] == [letter]
    assert {p.pred for p in read_predictions(path).records} <= {None, letter}  # less is read, and nothing else


def test_a_stored_letter_stays_one_where_the_options_are_at_hand(tmp_path: Path) -> None:
    path = written(tmp_path / "m.jsonl", [{"id": 7, "q_index": 0, "pred": "b"}])
    assert [p.pred for p in read_predictions(path, [closed_item("7", "A")]).records] == ["B"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"status": "api_error", "pred": "C", "error": "x"}, "status is api_error, and there is one ('C')"),
        ({"status": "unparsed", "pred": "C"}, "status is unparsed"),
        ({"status": "ok", "pred": None}, "status is ok, and there is none"),
        ({"status": "ok"}, "status is ok, and there is none"),
    ],
)
def test_a_letter_stands_where_the_status_is_ok_and_only_there(
    tmp_path: Path, row: dict[str, object], message: str
) -> None:
    good = {"id": "1", "q_index": 0, "model": "m", "status": "ok", "pred": "A"}
    loaded = read_predictions(written(tmp_path / "p.jsonl", [good, {**good, "q_index": 1, "pred": None, **row}]))
    assert [p.q_index for p in loaded.records] == [0]
    assert [q.slice_id for q in loaded.unreadable] == ["p.jsonl#1"]
    assert message in loaded.unreadable[0].message


def test_an_open_text_stands_where_the_status_is_ok_and_only_there(tmp_path: Path) -> None:
    row = {"id": "1", "question_id": "q", "model": "m"}
    rows: list[object] = [row | {"status": "ok"}, row | {"status": "refused", "text": "x"}]
    loaded = read_open_predictions(written(tmp_path / "p.jsonl", rows))
    assert (loaded.records, len(loaded.unreadable)) == ([], 2)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"output": "A mass."}, "A mass."),
        ({"response": '{"answer": "A mass."}', "answer": "A mass."}, "A mass."),
        ({"raw_output": "A mass.", "answer": "A mass."}, "A mass."),
        ({"pred": "A mass.", "answer": "The truth.", "output": "x"}, "A mass."),
        ({"pred": None, "response": "A mass."}, "A mass."),
        ({"answer": "A mass."}, "A mass."),
        ({"output": "A mass.", "answer": None}, "A mass."),
    ],
)
def test_an_open_reply_is_read_before_an_answer_that_may_be_the_truth(
    tmp_path: Path, row: dict[str, object], text: str
) -> None:
    loaded = read_open_predictions(written(tmp_path / "m.jsonl", [{"id": 3, "question_id": "q", **row}]))
    assert [p.text for p in loaded.records] == [text]


def test_an_open_row_with_a_reply_and_another_answer_is_set_aside(tmp_path: Path) -> None:
    rows: list[object] = [{"id": 3, "question_id": "q", "answer": "gold", "output": "model text"}]
    loaded = read_open_predictions(written(tmp_path / "m.jsonl", rows))
    (row,) = loaded.unreadable
    assert row.code == "FIELD_AMBIGUOUS"
    assert "answer and output differ" in row.message
    assert "give the model's answer as pred" in row.message


def test_an_answer_is_not_taken_for_an_error() -> None:
    replies = ["E", "Error-prone region", "A mass of 450 mm", "500 voxels", "The error is small", "None of the above"]
    assert [reply for reply in replies if is_error_text(reply)] == ["Error-prone region"][:0]


def test_half_a_character_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"id": 1, "q_index": 0, "pred": null, "raw": "\\ud800"}\n', "utf-8")
    loaded = read_predictions(path)
    assert ([q.code for q in loaded.unreadable], loaded.records) == (["TEXT_INVALID"], [])


def test_a_document_that_is_no_list_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"accuracy": 0.4}', "utf-8")
    for read in (read_predictions, read_open_predictions):
        with pytest.raises(InputError, match="JSON_NOT_A_LIST"):
            read(path)


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_plain_open_rows_are_read(tmp_path: Path, suffix: str) -> None:
    rows: list[object] = [
        {"id": 3, "question_id": "3_q1", "pred": "A round mass."},
        {"id": "3", "question_id": 2, "prediction": "<think>x</think>Left.", "gt": "Right.", "answer": "Right."},
        {"id": 3, "question_id": "3_q3", "answer": '{"answer": "Small."}', "model": "other"},
        {"id": 3, "question_id": "3_q4", "response": QUOTA},
        {"id": 3, "question_id": "3_q5", "pred": ""},
        {"id": 3, "question_id": "3_q6", "pred": None},
        {"id": 3, "question_id": "3_q7"},
        {"id": 3, "pred": "x"},
        {"id": 3, "question_id": "3_q8", "pred": 4},
    ]
    loaded = read_open_predictions(written(tmp_path / f"m{suffix}", rows))
    assert [(p.id, p.question_id, p.status.value, p.text, p.model) for p in loaded.records] == [
        ("3", "3_q1", "ok", "A round mass.", "m"),
        ("3", "2", "ok", "Left.", "m"),
        ("3", "3_q3", "ok", "Small.", "other"),
        ("3", "3_q4", "api_error", None, "m"),
        ("3", "3_q5", "unparsed", None, "m"),
        ("3", "3_q6", "unparsed", None, "m"),
    ]
    assert [q.code for q in loaded.unreadable] == ["FIELD_MISSING", "FIELD_MISSING", "FIELD_INVALID"]


# --- our own rows with everything that a run can hold ---


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_every_field_comes_back(tmp_path: Path, suffix: str) -> None:
    pairs = tuple(LetterLogprob(letter=letter, logprob=-0.5 - n) for n, letter in enumerate("ABCDE"))
    full = Prediction(
        id="1", q_index=0, model="m", status=PredictionStatus.OK, pred="A", raw="B", shown_order="CABDE",
        logprobs=pairs, confidence=0.25, request_hash="ab" * 32,
    )  # fmt: skip
    bare = Prediction(id="1", q_index=1, model="m", status=PredictionStatus.UNPARSED, raw="?", error="no option")
    path = tmp_path / f"p{suffix}"
    save(path, [full, bare], Prediction)
    assert read_predictions(path).records == [full, bare]
    if suffix == ".jsonl":
        assert "logprobs" not in path.read_text("utf-8").splitlines()[1]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_every_open_field_comes_back(tmp_path: Path, suffix: str) -> None:
    answered = {"status": PredictionStatus.OK, "text": "A.", "raw": "R", "request_hash": "a"}
    failed = {"status": PredictionStatus.API_ERROR, "error": "X: x"}
    rows = [
        OpenPrediction.model_validate({"id": "3", "question_id": question_id, "model": "m", **fields})
        for question_id, fields in (("q", answered), ("r", failed))
    ]
    save(tmp_path / f"p{suffix}", rows, OpenPrediction)
    assert read_open_predictions(tmp_path / f"p{suffix}").records == rows


@pytest.mark.parametrize(
    "field", [{"confidence": 1.5}, {"confidence": float("nan")}, {"logprobs": [{"letter": "A", "logprob": 0.5}]}]
)
def test_a_share_or_probability_that_is_none_is_set_aside(tmp_path: Path, field: dict[str, object]) -> None:
    row = {"id": "1", "q_index": 0, "model": "m", "status": "ok", "pred": "A", **field}
    loaded = read_predictions(written(tmp_path / "p.jsonl", [row]))
    assert (len(loaded.records), len(loaded.unreadable)) == (0, 1)


# --- the published benchmark, unchanged ---


@published
def test_the_published_benchmark_is_read_whole() -> None:
    closed = read_closed(UPSTREAM / "mm-neuroonco_benchmark_closed_v1.0.json")
    opened = read_open(UPSTREAM / "mm-neuroonco_benchmark_open_v1.0.json")
    assert (len(closed.records), closed.unreadable) == (3_190, [])
    assert (len(opened.records), opened.unreadable) == (1_215, [])
    assert len({item.image_id for item in closed.records}) == 1_000
    assert sum(item.is_binary for item in closed.records) == 116
    assert sum(item.rejects for item in closed.records) == 606
