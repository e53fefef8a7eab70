"""The ledger: nothing lost, nothing replaced that was used, nothing in it that does not belong there."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuroonco import database, store
from neuroonco.errors import InputError, NeuroOncoError, PrerequisiteError, UsageError
from neuroonco.models import batch_store
from neuroonco.models.ledger import Ledger
from neuroonco.models.ledger_records import LedgerEntry
from neuroonco.models.ledger_stats import ledger_stats
from neuroonco.models.records import AnswerSchema, ModelAnswer, ModelCall, Turn
from neuroonco.vocabulary import CallStatus

MODEL = "served:test"
SYSTEM = "You read one slice. " * 50


def call(text: str = "Read.", purpose: str = "read_conservative") -> ModelCall:
    return ModelCall(
        purpose=purpose,
        prompt_name=purpose,
        prompt_sha256="0" * 64,
        turns=(Turn(role="system", text=SYSTEM), Turn(role="user", text=text)),
        image_sha256="1" * 64,
        schema_=AnswerSchema(name="reading", document='{"type":"object"}'),
    )


def answer(to: ModelCall, status: CallStatus = CallStatus.OK, text: str | None = "yes", **more: object) -> ModelAnswer:
    values = {"attempts": 1, "asked_at": "2026-01-01T00:00:00", "cost_usd": 0.25} | more
    return ModelAnswer(request_hash=to.request_hash(MODEL), model=MODEL, status=status, text=text, **values)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "runs" / "ledger.sqlite") as opened:
        yield opened


async def put_all(ledger: Ledger, pairs: list[tuple[ModelCall, ModelAnswer]]) -> list[ModelAnswer]:
    return await asyncio.gather(*(ledger.put(*pair) for pair in pairs))


# --- keeping ---


def test_what_is_put_is_there_for_another_process_at_once(ledger: Ledger) -> None:
    one = call()
    kept = asyncio.run(ledger.put(one, answer(one)))
    assert kept == answer(one)
    with Ledger(ledger.where, create=False) as other:
        assert other.get_many([one.request_hash(MODEL), "f" * 64]) == {kept.request_hash: kept}
        entry = next(other.entries())
    assert (entry.call, entry.answer, entry.attempts_total, entry.cost_usd_total) == (one, kept, 1, 0.25)


def test_a_final_answer_is_never_replaced_and_attempts_add_up(ledger: Ledger) -> None:
    one = call()
    first = answer(one, CallStatus.FAILED, None, attempts=4, error="overload", cost_usd=None)
    second = answer(one, attempts=2, text="yes", asked_at="2026-01-02T00:00:00", cost_usd=0.5)
    third = answer(one, attempts=3, text="no", asked_at="2026-01-03T00:00:00")
    fourth = answer(one, CallStatus.FAILED, None, attempts=1)
    held = [asyncio.run(ledger.put(one, given)) for given in (first, second, third, fourth)]
    assert held == [first, second, second, second]
    entry = next(ledger.entries())
    assert (entry.answer, entry.attempts_total, entry.cost_usd_total) == (second, 10, 1.0)
    assert entry.first_asked_at == "2026-01-01T00:00:00"


def test_one_look_says_what_is_held_and_what_waits_in_a_batch(ledger: Ledger) -> None:
    held, failed, waits, unknown = (call(text) for text in ("held", "failed", "waits", "unknown"))
    keys = [one.request_hash(MODEL) for one in (held, failed, waits, unknown)]
    asyncio.run(put_all(ledger, [(held, answer(held)), (failed, answer(failed, CallStatus.FAILED, None))]))
    batch_store.prepare(ledger, "k1", MODEL, {keys[1]: failed, keys[2]: waits})

    async def look() -> list[tuple[ModelAnswer | None, str | None]]:
        return await asyncio.gather(*(ledger.look_up(key) for key in keys))

    expected = [(answer(held), None), (answer(failed, CallStatus.FAILED, None), "k1"), (None, "k1"), (None, None)]
    assert asyncio.run(look()) == expected
    batch_store.settle(ledger, "k1", keys, batch_store.DONE)
    assert [key for _, key in asyncio.run(look())] == [None] * 4


def test_equal_calls_in_one_commit_get_one_answer(ledger: Ledger) -> None:
    one = call()
    answers = [answer(one, CallStatus.EMPTY, None), *(answer(one, text=str(n)) for n in range(5))]
    held = asyncio.run(put_all(ledger, [(one, given) for given in answers]))
    assert next(ledger.entries()).attempts_total == 6
    assert asyncio.run(ledger.get(one.request_hash(MODEL))) == answers[1] == held[-1]


def test_one_answer_that_cannot_be_kept_spoils_no_other(ledger: Ledger) -> None:
    pairs = [(call(f"{n}"), answer(call(f"{n}"))) for n in range(6)]
    pairs[3] = (call("another"), answer(call("3")))

    async def put() -> list[object]:
        return await asyncio.gather(*(ledger.put(*pair) for pair in pairs), return_exceptions=True)

    held = asyncio.run(put())
    assert [type(one).__name__ for one in held] == ["ModelAnswer"] * 3 + ["ValueError"] + ["ModelAnswer"] * 2
    assert len(list(ledger.entries())) == 5


def test_an_answer_to_another_call_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="another call"):
        asyncio.run(ledger.put(call("a"), answer(call("b"))))
    assert list(ledger.entries()) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(list(CallStatus)), st.integers(1, 5)), max_size=12))
def test_any_order_of_answers_ends_with_the_first_final_one(
    tmp_path_factory: pytest.TempPathFactory, given_answers: list[tuple[str, CallStatus, int]]
) -> None:
    pairs = [
        (call(text), answer(call(text), status, f"{n}", attempts=attempts))
        for n, (text, status, attempts) in enumerate(given_answers)
    ]
    with Ledger(tmp_path_factory.mktemp("ledger") / "l.sqlite") as ledger:
        asyncio.run(put_all(ledger, pairs))
        entries = {entry.request_hash: entry for entry in ledger.entries()}
    for text in {text for text, _, _ in given_answers}:
        mine = [given for to, given in pairs if to == call(text)]
        expected = next((given for given in mine if given.status.is_final), mine[-1])
        entry = entries[expected.request_hash]
        assert (entry.answer, entry.attempts_total) == (expected, sum(given.attempts for given in mine))


def test_texts_come_back_as_they_were_and_absurd_counts_do_not(ledger: Ledger) -> None:
    text = 'Größe "ü" 🧠\r\n\x1b[31m {"a": 1} \u2028'
    one = call(text)
    asyncio.run(ledger.put(one, answer(one, text=text + "\0", input_tokens=10**30, output_tokens=5)))
    entry = next(ledger.entries())
    assert entry.call.turns[1].text == text
    assert entry.answer.text == text + "\ufffd"
    assert (entry.answer.input_tokens, entry.answer.output_tokens) == (None, 5)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcDEF123456789",
        "Bearer eyJhbGciOi.J9",
        "api_key=abcdef123456",
        "AIzaSyA1234567890abcdef",
        "key: zzzzzzzz9",
    ],
)
def test_keys_in_error_messages_are_not_kept(ledger: Ledger, secret: str) -> None:
    one = call()
    asyncio.run(ledger.put(one, answer(one, CallStatus.REJECTED, None, error=f"Incorrect: {secret}.")))
    ledger.close()
    kept = b"".join(path.read_bytes() for path in Path(ledger.where).parent.iterdir())
    assert secret.split()[-1].split("=")[-1].encode() not in kept
    assert b"Incorrect: [key]" in kept


def test_a_shared_prompt_is_kept_once(ledger: Ledger) -> None:
    calls = [call(f"slice {n}") for n in range(50)]
    asyncio.run(put_all(ledger, [(one, answer(one)) for one in calls]))
    ledger.close()
    assert Path(ledger.where).read_bytes().count(SYSTEM.encode()) == 1
    with Ledger(ledger.where) as again:
        assert {entry.call for entry in again.entries()} == set(calls)


# --- looking ---


def test_entries_are_found_by_purpose_prefix_and_time(ledger: Ledger) -> None:
    calls = [call(f"{n}", "audit" if n % 3 == 0 else "read_skeptical") for n in range(9)]
    ledger.put_many((one, answer(one, asked_at=f"2026-01-0{n + 1}T00:00:00")) for n, one in enumerate(calls))
    hashes = sorted(one.request_hash(MODEL) for one in calls)
    assert [entry.request_hash for entry in ledger.entries()] == hashes
    assert sum(1 for _ in ledger.entries(purpose="audit")) == 3
    assert [entry.call.turns[1].text for entry in ledger.entries(last=2)] == ["8", "7"]
    assert [entry.request_hash for entry in ledger.entries(prefix=hashes[4][:20])] == [hashes[4]]
    for wrong in ("%", "g", "0" * 65, "A"):
        with pytest.raises(UsageError, match="request hash"):
            list(ledger.entries(prefix=wrong))


def test_stats_by_model_purpose_and_status(ledger: Ledger) -> None:
    calls = [call(f"{n}") for n in range(20)]
    ledger.put_many(
        (one, answer(one, latency_s=float(n + 1), input_tokens=100, output_tokens=None if n else 7))
        for n, one in enumerate(calls)
    )
    failed = call("x", "audit")
    ledger.put_many([(failed, answer(failed, CallStatus.FAILED, None, attempts=5, cost_usd=None))])
    audit, reading = ledger_stats(ledger)
    assert (reading.n, reading.timed, reading.latency_median_s, reading.latency_p95_s) == (20, 20, 10.0, 19.0)
    assert (reading.counted, reading.input_tokens, reading.output_tokens) == (20, 2000, 7)
    assert (reading.priced, reading.cost_usd) == (20, 5.0)
    assert (audit.purpose, audit.status, audit.n, audit.attempts) == ("audit", CallStatus.FAILED, 1, 5)
    assert (audit.timed, audit.latency_median_s, audit.priced, audit.cost_usd) == (0, None, 0, None)


# --- leaving and coming back ---


def test_an_export_replays_elsewhere_byte_for_byte(ledger: Ledger, tmp_path: Path) -> None:
    calls = [call(f"{n}") for n in range(700)]
    ledger.put_many((one, answer(one, text=f"{n}", latency_s=0.1 * n)) for n, one in enumerate(calls))
    ledger.put_many([(calls[0], answer(calls[0], CallStatus.FAILED, None, attempts=3))])
    store.save(tmp_path / "a.jsonl", ledger.entries(), LedgerEntry)
    with Ledger(tmp_path / "other.sqlite") as other:
        assert other.take(store.stream(tmp_path / "a.jsonl", LedgerEntry)) == 700
        assert other.take(store.stream(tmp_path / "a.jsonl", LedgerEntry)) == 0
        store.save(tmp_path / "b.jsonl", other.entries(), LedgerEntry)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_an_import_replaces_failures_but_no_answers(ledger: Ledger, tmp_path: Path) -> None:
    failed, whole = call("failed"), call("whole")
    ledger.put_many([(failed, answer(failed, CallStatus.FAILED, None)), (whole, answer(whole, text="mine"))])
    with Ledger(tmp_path / "other.sqlite") as other:
        other.put_many([(failed, answer(failed, text="late")), (whole, answer(whole, text="theirs"))])
        assert ledger.take(list(other.entries())) == 1
    held = ledger.get_many([failed.request_hash(MODEL), whole.request_hash(MODEL)])
    assert [held[one.request_hash(MODEL)].text for one in (failed, whole)] == ["late", "mine"]


def test_memory_does_not_grow_with_the_ledger(ledger: Ledger) -> None:
    calls = (call(f"{n}" + "x" * 2000) for n in range(2500))
    ledger.put_many((one, answer(one)) for one in calls)
    tracemalloc.start()
    try:
        count = sum(1 for _ in ledger.entries())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 2500
    assert peak < 4 * 2**20  # the requests alone are 5 MB


# --- many at once ---

WRITER = """
import asyncio, sys
from neuroonco.models import ledger_opening
from neuroonco.models.ledger import Ledger
sys.path.insert(0, sys.argv[3])
from test_models_ledger import answer, call
async def main():
    with Ledger(sys.argv[1]) as ledger:
        calls = [call(str(n)) for n in range(60)]
        await asyncio.gather(*(ledger.put(one, answer(one, text=sys.argv[2])) for one in calls))
asyncio.run(main())
"""


def test_several_processes_may_begin_and_write_one_ledger(tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"
    tests = str(Path(__file__).parent)
    started = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, tests]) for name in "ab"]
    assert [process.wait() for process in started] == [0, 0]
    with Ledger(path, create=False) as ledger:
        entries = list(ledger.entries())
    assert len(entries) == 60
    assert {entry.attempts_total for entry in entries} == {2}
    assert {entry.answer.text for entry in entries} <= {"a", "b"}


# --- files that are no ledger ---


def _foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE patients (name TEXT)")
    connection.commit()
    connection.close()


def _newer(path: Path) -> None:
    Ledger(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE neuroonco_ledger SET value = '99' WHERE name = 'schema_version'")
    connection.commit()
    connection.close()


def _torn(path: Path) -> None:
    Ledger(path).close()
    path.write_bytes(path.read_bytes()[:100] + os.urandom(8000))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_foreign, "LEDGER_FOREIGN"),
        (_newer, "LEDGER_NEWER"),
        (_torn, "LEDGER_DAMAGED"),
        (lambda path: path.write_text("no database, but a text that is long enough " * 30), "LEDGER_DAMAGED"),
        (lambda path: path.mkdir(), "NOT_A_FILE"),
    ],
    ids=["foreign", "newer", "torn", "text", "folder"],
)
def test_what_is_no_ledger_is_said_in_one_line(tmp_path: Path, make: object, code: str) -> None:
    path = tmp_path / "x.sqlite"
    make(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(InputError) as caught:
        Ledger(path)
    assert caught.value.code == code
    assert "\n" not in caught.value.line
    assert str(path) in caught.value.line
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_an_archived_ledger_is_read_as_it_lies_there(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    one = call()
    ledger.put_many([(one, answer(one))])
    ledger.close()
    monkeypatch.setattr(database, "_is_writable", lambda _: False)
    with Ledger(ledger.where, create=False) as archived:
        assert [entry.answer for entry in archived.entries()] == [answer(one)]
        with pytest.raises(InputError, match="readonly"):
            archived.put_many([(one, answer(one))])
        assert [path.name for path in Path(ledger.where).parent.iterdir()] == ["ledger.sqlite"]
        assert archived.where == ledger.where


def test_looking_makes_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such ledger"):
        Ledger(tmp_path / "none" / "l.sqlite", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "kind"), [("postgresql+nodriver://me:secret@h/d", PrerequisiteError), ("p q://me:secret@h", InputError)]
)
def test_an_unusable_url_is_said_without_its_password(url: str, kind: type[NeuroOncoError]) -> None:
    with pytest.raises(kind) as caught:
        Ledger(url)
    assert "secret" not in caught.value.line


def test_a_damaged_call_is_named(ledger: Ledger) -> None:
    one = call()
    ledger.put_many([(one, answer(one))])
    with sqlite3.connect(ledger.where) as connection:
        connection.execute("UPDATE neuroonco_calls SET request = '{'")
    connection.close()
    with pytest.raises(InputError, match="not as written") as caught:
        list(ledger.entries())
    assert one.request_hash(MODEL) in caught.value.line
