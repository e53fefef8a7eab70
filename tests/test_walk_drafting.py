"""Drafts of a model for many slices: faults, kills, batches, money, and a second pass that asks nobody."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from batch_provider import Line, Provider, answered, provided
from fault_answers import texts_of
from fault_server import started
from instruct_answers import Case, cases, scripted_answer, written
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.instruct.model import WriterBrief
from neuroonco.build.instruct.records import Draft
from neuroonco.cli import run as run_cli
from neuroonco.errors import InputError, PendingError, ProviderError
from neuroonco.models.endpoint_records import Price
from neuroonco.models.endpoints import ResolvedModel, resolve
from neuroonco.models.ledger import Ledger
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.models.retry import Patience
from neuroonco.outcomes import Quarantined
from neuroonco.vocabulary import CallStatus
from neuroonco.walk import asking as asking_module
from neuroonco.walk.asking import Asking
from neuroonco.walk.drafting import DraftCounts, ask_drafts, drafter
from scripted_client import ScriptedClient

SLICES = 40
BRIEF = WriterBrief()
IMPATIENT = Patience(first_wait_s=0.01, longest_wait_s=0.05, attempts=4)
WORDED = cases(SLICES, seed=5)
SERVED = ("--answers", "instruct_answers:answer", "--slow", "0.05")
Found = list[Draft | Quarantined]


def drafts(
    model: ResolvedModel, ledger: Path, given: list[Case] = WORDED, brief: WriterBrief = BRIEF
) -> tuple[Found, DraftCounts]:
    """What the ledger has to say of some slices."""
    with drafter(model, str(ledger), brief=brief) as draft:
        return [draft(*case) for case in given], draft.counts


def bytes_of(found: Found) -> bytes:
    return "\n".join(one.model_dump_json() for one in found).encode()


def ask(model: ResolvedModel, ledger: Path, given: list[Case] = WORDED, **options: Any) -> tuple[int, list[str]]:
    """Ask for some slices; how many answers are new, and what was said."""
    said: list[str] = []
    asking = Asking(say=said.append, **({"patience": IMPATIENT} | options))
    return ask_drafts(given, model, asking, str(ledger), brief=BRIEF), said


def scripted(monkeypatch: pytest.MonkeyPatch, script: Callable[[ModelCall], str | ModelAnswer]) -> ScriptedClient:
    """Let a double answer in place of any endpoint."""
    client = ScriptedClient(script)

    async def aclose() -> None:
        return None

    def served(model: ResolvedModel, _asking: Asking, _stopping: object) -> ScriptedClient:
        client.name = model.name
        return client

    client.aclose = aclose  # type: ignore[attr-defined]
    monkeypatch.setattr(asking_module, "_served", served)
    return client


def failing(status: CallStatus) -> ModelAnswer:
    return ModelAnswer(request_hash="", model="", status=status, error="as planned")


# --- through a server with faults ---


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[ResolvedModel, Path, Path, list[str]]:
    """A ledger that was filled through 30 % faults; the server is gone afterwards."""
    folder = tmp_path_factory.mktemp("faulty")
    log, ledger = folder / "log.jsonl", folder / "ledger.sqlite"
    with started(*SERVED, "--faults", "0.3", "--seed", "5", "--log", str(log)) as url:
        model = resolve(f"vllm:a@{url}")
        _, said = ask(model, ledger)
    return model, ledger, log, said


def test_every_slice_has_a_draft_or_a_named_reason(faulty: tuple[ResolvedModel, Path, Path, list[str]]) -> None:
    model, ledger, log, said = faulty
    found, counts = drafts(model, ledger)
    assert [one.slice_id for one in found] == [label.slice_id for label, _, _ in WORDED]
    worded = [one for one in found if isinstance(one, Draft)]
    failed = [one for one in found if isinstance(one, Quarantined)]
    assert len(worded) > 0.8 * SLICES
    assert {one.code for one in failed} <= {"MODEL_CALL_FAILED", "MODEL_ANSWER_UNREADABLE", "MODEL_ANSWER_EMPTY"} | {
        "MODEL_ANSWER_TRUNCATED"
    }
    assert all(one.message.startswith("draft by vllm:a: ") for one in failed)
    assert counts.slices == SLICES
    assert counts.failed == Counter(one.code for one in failed)
    assert counts.parts == sum(len(known) + len(items) for _, known, items in WORDED)
    assert counts.parts - counts.missing == sum(
        sum(part.writer is None for part in one.open) + len(one.closed) for one in worded
    )
    faults = {json.loads(line)["fault"] for line in log.read_text().splitlines()}
    assert len(faults) > 6, "few kinds of fault were met"
    assert said[0].startswith("instructions by vllm:a: ")


def test_nothing_that_names_a_slice_is_in_the_ledger(faulty: tuple[ResolvedModel, Path, Path, list[str]]) -> None:
    _, ledger, _, _ = faulty
    with Ledger(ledger) as held:
        sent = [entry.call.model_dump_json() for entry in held.entries()]
    assert len(sent) >= SLICES - 3
    names = [n for label, _, _ in WORDED for n in (label.slice_id, label.sample_id, label.slice.image_path)]
    assert not [name for name in names for text in sent if name in text]


def test_the_ledger_alone_gives_the_same_bytes_and_asks_nobody(
    faulty: tuple[ResolvedModel, Path, Path, list[str]],
) -> None:
    model, ledger, log, _ = faulty
    before = log.read_bytes()
    fresh, said = ask(model, ledger, replay=True)
    assert fresh == 0
    assert ": 0 calls asked, " in said[0]
    first, _ = drafts(model, ledger)
    again, _ = drafts(model, ledger, WORDED[::-1])
    assert bytes_of(again[::-1]) == bytes_of(first), "and in any order"
    assert log.read_bytes() == before


def test_killed_and_run_again_it_asks_for_the_rest_alone(tmp_path: Path) -> None:
    log, ledger, calm = tmp_path / "log.jsonl", tmp_path / "ledger.sqlite", tmp_path / "calm.sqlite"
    with started(*SERVED, "--faults", "0", "--latency", "0.01", "--log", str(log)) as url:
        model = resolve(f"vllm:a@{url}")
        for done in (7, 20):
            with subprocess.Popen(
                [sys.executable, __file__, url, str(ledger)], stdout=subprocess.PIPE, text=True
            ) as worker:
                assert worker.stdout is not None
                while int(worker.stdout.readline()) < done:
                    pass
                worker.kill()
        with Ledger(ledger) as held:
            kept = sum(1 for _ in held.entries())
        fresh, _ = ask(model, ledger)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        whole = Counter(line["request"] for line in lines if line["answered"])
        assert 20 <= kept < len(whole)
        assert fresh == len(whole) - kept
        repeated = sum(n - 1 for n in whole.values())
        assert repeated <= 2 * AT_ONCE, "only what was under way at a kill"
        ask(model, calm)
    found, counts = drafts(model, ledger)
    assert bytes_of(found) == bytes_of(drafts(model, calm)[0])
    assert counts.missing == 0
    assert not counts.failed


# --- with a double ---


def test_the_slices_are_taken_as_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, scripted_answer)
    model = resolve("vllm:a")
    model = model.model_copy(update={"endpoint": model.endpoint.model_copy(update={"concurrency": 1})})
    taken, most, done = [0], [0], [0]

    def slices() -> Iterator[Case]:
        for case in WORDED:
            taken[0] += 1
            most[0] = max(most[0], taken[0] - done[0])
            yield case

    def progress(number: int) -> None:
        done[0] = number

    ask_drafts(slices(), model, Asking(), str(tmp_path / "l.sqlite"), brief=BRIEF, progress=progress)
    assert done[0] == taken[0] == SLICES
    assert most[0] <= 4 * 2 + 1


def test_slices_with_equal_facts_and_style_are_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client, ledger = scripted(monkeypatch, scripted_answer), tmp_path / "l.sqlite"
    label, known, _ = WORDED[0]
    same = [(label.model_copy(update={"slice_id": f"s{n}"}), known, ()) for n in range(60)]
    ask(resolve("vllm:a"), ledger, same)
    assert 1 < len(client.calls) < 12, "as many as there are styles"
    found, _ = drafts(resolve("vllm:a"), ledger, same)
    assert [one.slice_id for one in found] == [f"s{n}" for n in range(60)]
    said = {tuple(part.answer for part in one.open if part.writer is None) for one in found if isinstance(one, Draft)}
    assert len(said) == 1, "one double, one style"


def test_a_failed_call_waits_and_the_next_run_asks_for_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, model, down = tmp_path / "l.sqlite", resolve("vllm:a"), [True]

    def flaky(call: ModelCall) -> str | ModelAnswer:
        return (
            failing(CallStatus.FAILED) if down[0] and "FLAIR | stated" in call.turns[1].text else scripted_answer(call)
        )

    client = scripted(monkeypatch, flaky)
    ask(model, ledger)
    found, counts = drafts(model, ledger)
    assert 0 < counts.waiting < SLICES
    assert counts.failed == {"MODEL_CALL_FAILED": counts.waiting}
    assert counts.missing == sum(
        len(known) + len(items)
        for (_, known, items), one in zip(WORDED, found, strict=True)
        if isinstance(one, Quarantined)
    )
    down[0], asked = False, len(client.calls)
    ask(model, ledger)
    assert 0 < len(client.calls) - asked <= counts.waiting
    assert drafts(model, ledger)[1].missing == 0


def test_a_refusal_and_a_wrong_answer_are_settled_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, model = tmp_path / "l.sqlite", resolve("vllm:a")
    healthy = {label.slice_id for label, known, _ in WORDED if len(known) == 2}

    def stubborn(call: ModelCall) -> str | ModelAnswer:
        if "\nshape | " not in call.turns[1].text:
            return failing(CallStatus.REFUSED)
        document = json.loads(scripted_answer(call))
        document["closed"]["question_1"]["answer"] = "Z"
        return json.dumps(document)

    client = scripted(monkeypatch, stubborn)
    ask(model, ledger)
    asked = len(client.calls)
    found, counts = drafts(model, ledger)
    assert {one.slice_id for one in found if isinstance(one, Quarantined)} == healthy != set()
    assert counts.failed == {"MODEL_REFUSED": len(healthy)}
    assert counts.waiting == 0
    refused = sum(len(known) + len(items) for label, known, items in WORDED if label.slice_id in healthy)
    assert counts.missing == SLICES - len(healthy) + refused
    for one in found:
        if isinstance(one, Draft):
            (missing,) = one.missing
            assert (missing.q_index, missing.wording) == (1, None)
            assert "'Z' is not the right letter" in missing.reason
    assert ask(model, ledger)[0] == 0
    assert len(client.calls) == asked


def test_another_seed_or_limit_is_another_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, scripted_answer)
    ledger, model = tmp_path / "l.sqlite", resolve("vllm:a")
    ask(model, ledger)
    assert not drafts(model, ledger)[1].failed
    for brief, some in ((WriterBrief(seed=1), 1), (WriterBrief(max_tokens=99), SLICES)):
        _, counts = drafts(model, ledger, brief=brief)
        assert counts.failed["MODEL_CALL_FAILED"] >= some, "the ledger holds no answer to these"


def test_a_replay_from_the_wrong_ledger_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, scripted_answer)
    ask(resolve("vllm:b"), tmp_path / "l.sqlite")
    with pytest.raises(InputError, match="holds no answer of vllm:a"):
        ask(resolve("vllm:a"), tmp_path / "l.sqlite", replay=True)
    with pytest.raises(InputError), drafter(resolve("vllm:a"), str(tmp_path / "none.sqlite"), brief=BRIEF):
        pass
    assert not (tmp_path / "none.sqlite").exists()


def test_the_share_of_nothing_is_none() -> None:
    counts = DraftCounts()
    assert counts.line("m") == "m: 0 slices; 0 of 0 parts missing"


# --- money and batches ---


def test_the_limit_of_cost_stops_it_and_what_was_answered_stays(tmp_path: Path) -> None:
    ledger = tmp_path / "l.sqlite"
    with started(*SERVED, "--faults", "0") as url:
        model = resolve(f"vllm:a@{url}")
        priced = {"price_usd_per_million": Price(input=10, output=100), "concurrency": 1}
        model = model.model_copy(update={"endpoint": model.endpoint.model_copy(update=priced)})
        # An answer costs 100 tokens in and 20 out here; before it comes, all its 4096 tokens are reserved.
        with pytest.raises(ProviderError, match="COST_LIMIT"):
            ask(model, ledger, max_cost_usd=0.5)
        with Ledger(ledger) as held:
            kept = sum(1 for _ in held.entries())
        assert 0 < kept < SLICES
        ask(model, ledger)
    assert not drafts(model, ledger)[1].failed


def test_batches_are_collected_by_later_runs_and_a_repair_takes_one_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "looks-like-no-key")
    ledger, given = tmp_path / "l.sqlite", WORDED[:6]

    def result(line: Line) -> Line | None:
        text, found = texts_of(line["body"]), answered(line)
        assert found is not None
        first = "could not be used" not in text
        said = "Certainly!" if first and "\nshape | " in text else written(text)
        found["response"]["body"]["choices"][0]["message"]["content"] = said
        return found

    with provided(Provider(result=result)) as url:
        model = resolve(f"openai:fake@{url}")
        for _ in range(2):  # the answers, and then the repairs
            with pytest.raises(PendingError, match="wait in batches"):
                ask(model, ledger, given, batch=True)
        ask(model, ledger, given, batch=True)
    found, counts = drafts(model, ledger, given)
    assert counts.missing == 0
    assert all(isinstance(one, Draft) and one.writer == "openai:fake" for one in found)


# --- the command ---


def command(out: Path, labels: Path, *options: str) -> int:
    return run_cli(["build", "instruct", str(labels), "--out", str(out), "--whole", *options])


@pytest.fixture
def labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of labels, and a ledger that is not the machine's."""
    monkeypatch.setenv("NEUROONCO_LEDGER", str(tmp_path / "ledger.sqlite"))
    store.save(tmp_path / "labels.parquet", [label for label, _, _ in WORDED], AuditedLabel)
    return tmp_path / "labels.parquet"


def files_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_command_writes_a_models_words_and_a_replay_the_same_bytes(
    tmp_path: Path, labels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = scripted(monkeypatch, scripted_answer)
    assert command(tmp_path / "a", labels, "--model", "vllm:a", "--json") == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts["parts_missing"] == counts["pairs_faulty"] == counts["quarantined"] == 0
    assert counts["closed_nocot"] == counts["closed_cot"] > SLICES
    several = counts["pairs_of_templates"] - counts["closed_nocot"]
    assert counts["parts_wanted"] == counts["open"] - several + counts["closed_cot"]
    opened = lines_of(tmp_path / "a" / "instruction_open_train.jsonl")
    own = [line for line in opened if line["meta"]["subtype"] != "open"]
    assert len(own) == several > SLICES
    worded = [line["messages"][1]["content"].startswith("Seen here: ") for line in opened]
    assert worded == [line["meta"]["subtype"] == "open" for line in opened]
    by_writer = store.read_json(tmp_path / "a" / "statistics.json")["by_writer"]
    assert by_writer["open"] == {"vllm:a": counts["open"] - several, "templates": several}
    assert by_writer["closed_nocot"] == {"templates": counts["closed_nocot"]}
    assert by_writer["closed_cot"] == {"vllm:a": counts["closed_cot"]}
    reasoned = lines_of(tmp_path / "a" / "instruction_closed_cot_train.jsonl")
    assert all("\nExplanation: " in line["messages"][1]["content"] for line in reasoned)
    asked = len(client.calls)
    assert 0 < asked <= SLICES
    assert command(tmp_path / "b", labels, "--model", "vllm:a", "--replay") == 0
    assert len(client.calls) == asked
    assert files_of(tmp_path / "b") == files_of(tmp_path / "a")


def test_questions_options_and_letters_are_those_of_the_templates(
    tmp_path: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, scripted_answer)
    assert command(tmp_path / "a", labels, "--model", "vllm:a") == 0
    assert command(tmp_path / "b", labels) == 0
    name = "instruction_closed_nocot_train.jsonl"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    for kind in ("open", "closed_cot"):
        files = [tmp_path / out / f"instruction_{kind}_train.jsonl" for out in "ab"]
        asked = [[line["messages"][0] for line in lines_of(file)] for file in files]
        assert asked[0] == asked[1]


def test_words_that_leak_or_invent_are_dropped_by_name(
    tmp_path: Path, labels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def inventive(call: ModelCall) -> str:
        document = json.loads(scripted_answer(call))
        if "texture" in document["open"]:
            document["open"]["texture"]["answer"] = "The lesion shows necrosis."
            document["open"]["shape"]["answer"] = "In this 54-year-old man it is round."
        if "question_0" in document["closed"]:
            document["closed"]["question_0"]["explanation"] += " There is a midline shift of 4 mm."
        return json.dumps(document)

    scripted(monkeypatch, inventive)
    assert command(tmp_path / "a", labels, "--model", "vllm:a", "--json") == 0
    captured = capsys.readouterr()
    counts = json.loads(captured.out)
    dropped = store.pq.read_table(tmp_path / "a" / "dropped.parquet").to_pylist()
    details = [row["detail"] for row in dropped if row["reason"] == "pair_fault"]
    assert len(details) == counts["pairs_faulty"] == counts["dropped_by_reason"]["pair_fault"]
    for kind, fault in (("open", "other_attribute"), ("open", "invented_history"), ("closed_cot", "measurement")):
        assert [one for one in details if one.startswith(kind) and fault in one], fault
    made = counts["pairs_faulty"] + counts["open"] + counts["closed_nocot"] + counts["closed_cot"]
    assert f"{counts['pairs_faulty']} of {made} pairs had a fault" in captured.err
    written = (tmp_path / "a" / "instruction_open_train.jsonl").read_text()
    assert "54-year-old" not in written
    assert "necrosis" not in written


def test_what_the_model_left_out_and_what_waits_is_said(
    tmp_path: Path, labels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def sparing(call: ModelCall) -> str | ModelAnswer:
        if "\nshape | " not in call.turns[1].text:
            return failing(CallStatus.FAILED)
        document = json.loads(scripted_answer(call))
        del document["open"]["shape"]
        return json.dumps(document)

    scripted(monkeypatch, sparing)
    assert command(tmp_path / "a", labels, "--model", "vllm:a", "--json") == 0
    captured = capsys.readouterr()
    counts = json.loads(captured.out)
    healthy = sum(len(known) == 2 for _, known, _ in WORDED)
    assert counts["quarantined"] == healthy
    assert counts["dropped_by_reason"]["draft_missing"] == SLICES - healthy
    assert f"{healthy} slices wait for a call that failed" in captured.err
    quarantined = store.pq.read_table(tmp_path / "a" / "quarantined.parquet").to_pylist()
    assert {row["code"] for row in quarantined} == {"MODEL_CALL_FAILED"}


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--model", "somebody"), 2, "error[READER_UNKNOWN]"),
        (("--model", "nowhere:a"), 2, "nowhere"),
        (("--model", "vllm:a", "--replay"), 3, "ledger"),
        (("--replay",), 2, "error[MODEL_NEEDED]: --replay without a model"),
        (("--batch", "--max-cost", "1"), 2, "--max-cost and --batch without a model"),
        (("--ledger", "l.sqlite"), 2, "--ledger without"),
        (("--concurrency", "4"), 2, "--concurrency without"),
        (("--endpoints", "e.toml"), 2, "--endpoints without"),
        (("--model", "templates", "--max-tokens", "99"), 2, "--max-tokens without"),
    ],
)
def test_who_cannot_be_asked_is_one_line_and_nothing_is_written(
    tmp_path: Path, labels: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code: int, said: str
) -> None:
    assert command(tmp_path / "a", labels, *options) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "a").exists()


AT_ONCE = 4


def work(url: str, ledger: str) -> None:
    """What is killed: asks for all slices, with a line on stdout for each that is done."""
    model = resolve(f"vllm:a@{url}")
    ask_drafts(
        WORDED,
        model.model_copy(update={"endpoint": model.endpoint.model_copy(update={"concurrency": AT_ONCE})}),
        Asking(patience=IMPATIENT),
        ledger,
        brief=BRIEF,
        progress=lambda done: print(done, flush=True),
    )


if __name__ == "__main__":
    work(*sys.argv[1:])
