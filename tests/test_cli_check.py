"""The commands `check benchmark` and `check instructions`: files of every form, exit codes, copies, one-line errors."""

import json

import pytest

from factories_check import VALUES, drawn_by_the_law, question
from neuroonco import store
from neuroonco.build.interop import closed_document, read_closed
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.cli import run
from neuroonco.vocabulary import QuestionType
from test_check_instructions import line_of, row, written

LOCATION = QuestionType.LOCATION


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run(["check", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def sound() -> list[ClosedItem]:
    return drawn_by_the_law(300, seed=8)


def given_away() -> list[ClosedItem]:
    return [question(f"i{n}", LOCATION, VALUES[LOCATION][:4], VALUES[LOCATION][0]) for n in range(60)]


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet"])
def test_every_form_of_a_closed_benchmark(tmp_path, capsys, suffix):
    for name, items, expected in (("sound", sound(), 0), ("leaky", given_away(), 1)):
        path = tmp_path / f"{name}{suffix}"
        if suffix == ".json":
            store.write_json(path, closed_document(items))
        else:
            store.save(path, items, ClosedItem)
        code, out, err = call(capsys, "benchmark", path, "--json")
        document = json.loads(out)
        assert (code, err) == (expected, "")
        assert (document["kind"], document["questions"], document["unreadable"]) == ("closed", len(items), 0)
        assert document["passed"] is (expected == 0)
        ranker = next(r for r in document["blind"] if r["guesser"] == "ranker" and r["question_type"] is None)
        assert ranker["accuracy"]["n"] == len(items)
        assert ranker["passes"] is (expected == 0)


def test_the_table_names_who_fails_where(tmp_path, capsys):
    path = tmp_path / "leaky.jsonl"
    store.save(path, given_away(), ClosedItem)
    code, out, _ = call(capsys, "benchmark", path)
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "leaky.jsonl: 60 questions"
    cells = [[cell.strip() for cell in line.split("│")] for line in lines if "│" in line]
    ranker = next(row for row in cells if row[1] == "ranker")
    assert (ranker[2], ranker[3], ranker[7]) == ("60", "100.0", "FAILS")
    assert "ALWAYS_RIGHT" in out
    assert "leaky.jsonl fails:" in lines
    assert any(line.startswith("  SHORTCUT: ranker is right in at least") for line in lines)


def test_unreadable_questions_are_named_and_fail(tmp_path, capsys):
    document = closed_document(sound())
    document[0]["vqa_pairs"][0]["question_type"] = "mood"
    store.write_json(tmp_path / "b.json", document)
    code, out, err = call(capsys, "benchmark", tmp_path / "b.json", "--json")
    assert code == 1
    assert err.startswith("unreadable[QUESTION_TYPE_UNKNOWN]")
    assert json.loads(out)["passed"] is True


# --- open ---


def open_item(**changes: object) -> OpenItem:
    fields = {
        "image_id": "a",
        "question_id": "a_q1",
        "slice_id": "a",
        "image_path": "x/a.png",
        "question_type": "Detail",
        "question": "What is seen?",
        "reference_answer": "The lesion is round.",
        "key_terms": ("Round",),
    }
    return OpenItem.model_validate(fields | changes)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_open_questions_are_known_by_their_fields(tmp_path, capsys, suffix):
    path = tmp_path / f"open{suffix}"
    store.save(path, [open_item()], OpenItem)
    code, out, _ = call(capsys, "benchmark", path, "--json")
    document = json.loads(out)
    assert (document["kind"], document["questions"], document["blind"]) == ("open", 1, [])
    assert code == (0 if document["passed"] else 1)
    code, out, err = call(capsys, "benchmark", path, "--repair", tmp_path / "mended.json")
    assert code == 2
    assert err.startswith("error[REPAIR_CLOSED_ONLY]")


def test_the_published_open_benchmark_fails(upstream_root, capsys):
    code, out, _ = call(capsys, "benchmark", upstream_root / "mm-neuroonco_benchmark_open_v1.0.json")
    assert code == 1
    assert "KEYWORDS_MISSING" in out
    assert "open questions have no options" in out


# --- repair ---


def broken_and_sound() -> list[ClosedItem]:
    items = sound()
    terms = VALUES[LOCATION]
    twice = question("broken", LOCATION, [terms[0], terms[1], terms[1], terms[2]], terms[0])
    return [twice, *items]


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet"])
def test_the_copy_is_written_and_checked_and_the_exit_code_is_of_the_original(tmp_path, capsys, suffix):
    path, out_path = tmp_path / "b.jsonl", tmp_path / f"mended{suffix}"
    store.save(path, broken_and_sound(), ClosedItem)
    before = path.read_bytes()
    code, out, _ = call(capsys, "benchmark", path, "--repair", out_path, "--json")
    document = json.loads(out)
    assert code == 1
    assert "DUPLICATE_OPTION: 1" in document["reasons"]
    assert document["repaired"]["changes"]["DUPLICATE_OPTION"] == 1
    assert not any(reason.startswith("DUPLICATE") for reason in document["repaired"]["reasons"])
    assert path.read_bytes() == before
    assert len(read_closed(out_path).records) == len(broken_and_sound())
    again = tmp_path / f"again{suffix}"
    code, out, _ = call(capsys, "benchmark", path, "--repair", again)
    assert again.read_bytes() == out_path.read_bytes()
    assert "Changes in again" in out
    assert "the exit code is that of the file given" in out


def test_the_original_is_never_replaced(tmp_path, capsys):
    path = tmp_path / "b.jsonl"
    store.save(path, sound(), ClosedItem)
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    hard = tmp_path / "hard.jsonl"
    hard.hardlink_to(path)
    before = path.read_bytes()
    for out in (path, link, hard, tmp_path / "x" / ".." / "b.jsonl"):
        code, _, err = call(capsys, "benchmark", path, "--repair", out)
        assert code == 2, out
        assert err.startswith("error[REPAIR_OVERWRITES]")
    code, _, err = call(capsys, "benchmark", path, "--repair", tmp_path / "b.csv")
    assert (code, err.split("]")[0]) == (2, "error[FORMAT_UNKNOWN")
    assert path.read_bytes() == before


# --- bad input ---


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("absent.json", None, "FILE_MISSING"),
        ("absent.parquet", None, "FILE_MISSING"),
        ("b.parquet", "no", "PARQUET_BROKEN"),
        ("b.json", "{}", "JSON_NOT_A_LIST"),
        ("b.json", "[]", "BENCHMARK_EMPTY"),
        ("b.json", "[", "JSON_BROKEN"),
        ("b.jsonl", "", "BENCHMARK_EMPTY"),
        ("b.csv", "a,b", ""),
        ("b.jsonl", json.dumps(row()), "NOT_A_BENCHMARK"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, name, content, code):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    status, out, err = call(capsys, "benchmark", path)
    assert (status, out) == (3, "")
    assert err.startswith(f"error[{code}")
    assert len(err.splitlines()) == 1


def test_a_root_that_is_not_there(tmp_path, capsys):
    store.save(tmp_path / "b.jsonl", sound(), ClosedItem)
    code, _, err = call(capsys, "benchmark", tmp_path / "b.jsonl", "--root", tmp_path / "none")
    assert code == 3
    assert err.startswith("error[ROOT_MISSING]")


# --- instructions ---


@pytest.mark.parametrize("explained", [False, True])
def test_instructions_by_the_law_pass_and_leaky_ones_fail(tmp_path, capsys, explained):
    for name, items, expected in (("sound", sound(), 0), ("leaky", given_away(), 1)):
        path = written(tmp_path / f"{name}.jsonl", [line_of(item, explained=explained) for item in items])
        code, out, err = call(capsys, "instructions", path, "--json")
        document = json.loads(out)
        assert (code, err) == (expected, ""), document["reasons"]
        counts = [document[k] for k in ("closed_pairs", "tried", "open_pairs", "unreadable")]
        assert counts == [len(items), len(items), 0, 0]
        assert not any(r["guesser"] == "siblings" for r in document["blind"])


def test_unreadable_pairs_fail_and_open_ones_are_left_out(tmp_path, capsys):
    lines = [line_of(item) for item in sound()]
    open_pair = json.dumps(row("<image>\nWhat is seen?", "A lesion."))
    code, out, _ = call(capsys, "instructions", written(tmp_path / "a.jsonl", [*lines, open_pair]))
    assert code == 0
    assert "1 open pairs are left out" in out
    code, _, err = call(capsys, "instructions", written(tmp_path / "b.jsonl", [*lines, "{"]))
    assert code == 1
    assert err.startswith("unreadable[JSON_BROKEN]")
    code, _, err = call(capsys, "instructions", written(tmp_path / "c.jsonl", [open_pair]))
    assert code == 3
    assert err.startswith("error[PAIRS_OPEN]")
    code, out, _ = call(capsys, "instructions", written(tmp_path / "d.jsonl", [""]))
    assert code == 1
    assert "EMPTY: there is no question" in out


# --- where the copy goes, and broken text ---


def test_a_copy_replaces_no_file_and_makes_no_folder(tmp_path, capsys):
    path, other = tmp_path / "b.jsonl", tmp_path / "other.json"
    store.save(path, given_away(), ClosedItem)
    other.write_text("mine")
    dangling = tmp_path / "dangling.json"
    dangling.symlink_to(tmp_path / "nowhere.json")
    for out, expected in (
        (other, "OUT_EXISTS"),
        (dangling, "OUT_EXISTS"),
        (tmp_path / "new" / "x.json", "FOLDER_MISSING"),
    ):
        code, printed, err = call(capsys, "benchmark", path, "--repair", out)
        assert (code, printed) == (2, "")
        assert err.startswith(f"error[{expected}]")
        assert err.count("\n") == 1
    assert other.read_text() == "mine"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["b.jsonl", "dangling.json", "other.json"]


def test_half_a_character_is_an_unreadable_question(tmp_path, capsys):
    document = closed_document(sound())
    text = json.dumps(document).replace("What is the location", "What is the \\ud800 location", 1)
    path = tmp_path / "b.json"
    path.write_text(text)
    code, out, err = call(capsys, "benchmark", path, "--json")
    assert code == 1
    assert json.loads(out)["unreadable"] == 1
    assert err.startswith("unreadable[TEXT_INVALID]")
    path.write_text(text.replace(r"\ud800 ", "").replace('"image00000"', r'"\ud800"', 1))
    code, _, err = call(capsys, "benchmark", path, "--json")
    assert code == 1
    assert err.startswith("unreadable[TEXT_INVALID]")
    opened = [{"id": 1, "image_path": "a.png", "qa_pairs": [{"question_type": "Detail", "question": "\ud800"}]}]
    path.write_text(json.dumps(opened))
    code, _, err = call(capsys, "benchmark", path)
    assert code == 3
    assert err.splitlines()[0].startswith("unreadable[TEXT_INVALID]")
