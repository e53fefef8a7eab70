"""Commands about the ledger: what was asked and answered, safe on a terminal, and the same elsewhere."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from neuroonco.cli import run
from neuroonco.models import batch_store
from neuroonco.models.ledger import Ledger
from neuroonco.models.records import ModelAnswer, ModelCall, Turn
from neuroonco.vocabulary import CallStatus

MODEL = "served:test"
EVIL = "\x1b]0;owned\x07 <b>line</b>\nsecond \u202e line"


def call(text: str, purpose: str = "audit") -> ModelCall:
    turns = (Turn(role="system", text="You audit."), Turn(role="user", text=text))
    return ModelCall(purpose=purpose, prompt_name=purpose, prompt_sha256="a" * 64, turns=turns)


def answer(to: ModelCall, status: CallStatus, text: str | None, number: int) -> ModelAnswer:
    return ModelAnswer(
        request_hash=to.request_hash(MODEL),
        model=MODEL,
        status=status,
        text=text,
        error=None if text else "HTTP 503: overload",
        asked_at=f"2026-01-0{number + 1}T00:00:00",
        attempts=number + 1,
        latency_s=float(number),
        cost_usd=0.5,
        input_tokens=10,
        output_tokens=1,
    )


CALLS = [call("first"), call(EVIL, "read_skeptical"), call("third"), call("fourth")]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of four calls at the default place; one failed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEUROONCO_LEDGER", raising=False)
    path = tmp_path / "runs" / "ledger.sqlite"
    texts = ["yes", EVIL, None, "no"]
    with Ledger(path) as opened:
        opened.put_many(
            (one, answer(one, CallStatus.OK if text else CallStatus.FAILED, text, number))
            for number, (one, text) in enumerate(zip(CALLS, texts, strict=True))
        )
    return path


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> tuple[str, str]:
    ended = run(["ledger", *map(str, arguments)])
    captured = capsys.readouterr()
    assert ended == code, captured.err
    return captured.out, captured.err


def test_show_prints_a_call_safely(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = CALLS[1].request_hash(MODEL)
    out, err = said(capsys, "show", key[:12])
    assert err == ""
    assert key in out
    assert "    \\x1b]0;owned\\x07 <b>line</b>\n    second \\u202e line\n" in out
    assert all(c.isprintable() or c == "\n" for c in out)
    for part in ("read_skeptical", "status: ok", "2 requests", "0.500000 USD", "You audit."):
        assert part in out
    shown = json.loads(said(capsys, "show", key[:12], "--json")[0])
    assert [row["answer"]["text"] for row in shown] == [EVIL]


def test_show_prints_the_last_calls(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(said(capsys, "show", "--last", "2", "--json")[0])
    assert [row["call"]["turns"][1]["text"] for row in shown] == ["fourth", "third"]
    out, _ = said(capsys, "show", "--last", "1", "--purpose", "read_skeptical")
    assert out.count("call: ") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("show", "0" * 64), 3, "error[CALL_UNKNOWN]"),
        (("show", "*"), 2, "error[HASH_PREFIX]"),
        (("stats", "--ledger", "none.sqlite"), 3, "error[LEDGER_MISSING]"),
        (("export", "--out", "x.parquet"), 3, "error[FORMAT_UNKNOWN]"),
        (("import", "none.jsonl"), 3, "error[FILE_MISSING]"),
        (("batches", "--release", "x"), 2, "error[BATCH_UNKNOWN]"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    ledger: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, line: str
) -> None:
    out, err = said(capsys, *arguments, code=code)
    assert (out, err.count("\n"), err.startswith(line)) == ("", 1, True), err
    assert not Path("none.sqlite").exists()


def test_a_prefix_of_several_calls_asks_for_more(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Ledger(ledger) as opened:
        more = [call(f"{n}") for n in range(40)]
        opened.put_many((one, answer(one, CallStatus.OK, "x", 1)) for one in more)
        hashes = [entry.request_hash for entry in opened.entries()]
    common = next(c for c in "0123456789abcdef" if sum(h.startswith(c) for h in hashes) > 1)
    _, err = said(capsys, "show", common, "--last", "1", code=2)
    assert "more than 1" in err


def test_stats(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(said(capsys, "stats", "--json")[0])
    assert [(r["purpose"], r["status"], r["n"], r["attempts"]) for r in rows] == [
        ("audit", "failed", 1, 3),
        ("audit", "ok", 2, 5),
        ("read_skeptical", "ok", 1, 2),
    ]
    out, _ = said(capsys, "stats")
    assert "served:test, audit, ok\n    calls: 2, in 5 requests\n    tokens: 20 in, 2 out (n = 2)\n" in out
    assert "    cost: 1.0000 USD (n = 2)\n    latency: median 0.000 s, 95th percentile 3.000 s (n = 2)\n" in out


def test_the_environment_names_the_ledger_and_the_option_wins(
    ledger: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger("other.sqlite").close()
    monkeypatch.setenv("NEUROONCO_LEDGER", "other.sqlite")
    assert json.loads(said(capsys, "stats", "--json")[0]) == []
    assert len(json.loads(said(capsys, "stats", "--json", "--ledger", ledger)[0])) == 3


def test_replay_prints_recorded_answers_of_a_purpose(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "replay", "--purpose", "audit")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["request_hash"] for line in lines] == sorted(c.request_hash(MODEL) for c in CALLS if c != CALLS[1])
    assert {(line["status"], line["text"]) for line in lines} == {("ok", "yes"), ("failed", None), ("ok", "no")}
    assert err == "3 recorded calls\n"
    assert len(said(capsys, "replay")[0].splitlines()) == 4  # a model's line breaks make no lines of ours


def test_an_export_is_imported_elsewhere(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "export", "--out", "calls.jsonl")
    counts = json.loads(said(capsys, "import", "calls.jsonl", "--ledger", "new.sqlite", "--json")[0])
    assert counts == {"calls": 4, "taken": 4}
    assert "4 calls, 0 of them new here" in said(capsys, "import", "calls.jsonl", "--ledger", "new.sqlite")[1]
    said(capsys, "export", "--out", "again.jsonl", "--ledger", "new.sqlite")
    assert Path("calls.jsonl").read_bytes() == Path("again.jsonl").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        ("You audit.", "You obey."),
        ('"model":"served:test"', '"model":"served:best"'),
        ('"status":"ok"', '"status":"x"'),
    ],
)
def test_a_changed_export_is_not_imported(
    ledger: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str]
) -> None:
    said(capsys, "export", "--out", "calls.jsonl")
    text = Path("calls.jsonl").read_text("utf-8")
    lines = text.splitlines()
    where = max(n for n, line in enumerate(lines) if change[0] in line)
    lines[where] = lines[where].replace(change[0], change[1], 1)
    Path("calls.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    _, err = said(capsys, "import", "calls.jsonl", "--ledger", "new.sqlite", code=3)
    assert f"{where + 1}" in err.partition("calls.jsonl")[2] or f"{where}" in err.partition("calls.jsonl")[2]
    assert not Path("new.sqlite").exists()


def test_batches_are_listed_and_given_up(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = call("waits")
    with Ledger(ledger) as opened:
        batch_store.prepare(opened, "k1", MODEL, {waiting.request_hash(MODEL): waiting})
        assert batch_store.waiting_in(opened, waiting.request_hash(MODEL)) == "k1"
    assert "k1" in said(capsys, "batches")[0]
    rows = json.loads(said(capsys, "batches", "--release", "k1", "--json")[0])
    assert [(row["state"], row["n"], row["waiting"]) for row in rows] == [("released", 1, 0)]
    with Ledger(ledger) as opened:
        assert batch_store.waiting_in(opened, waiting.request_hash(MODEL)) is None


def test_neither_keys_nor_the_environment_reach_a_ledger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROONCO_LEDGER", "postgresql+nodriver://me:s3cret@host/db")
    _, err = said(capsys, "stats", code=4)
    assert "s3cret" not in err
    assert "LEDGER_DRIVER" in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o500)
    said(capsys, "import", "x.jsonl", "--ledger", tmp_path / "deep" / "l.sqlite", code=3)


def test_a_ledger_without_its_tables_is_one_line(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(ledger)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("DROP TABLE neuroonco_calls")
    connection.commit()
    connection.close()
    _, err = said(capsys, "stats", code=3)
    assert err.startswith("error[LEDGER_FAILED]: no such table")
