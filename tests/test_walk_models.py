"""Models as readers and auditor of a run: faults, replay, kills, money, and what a later run asks again."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from batch_provider import Provider, provided
from fault_server import started
from model_answers import answer
from neuroonco import images, store
from neuroonco.audit.records import AuditAnswer
from neuroonco.cli import run as run_cli
from neuroonco.errors import InputError, PrerequisiteError, ProviderError, UsageError
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.ledger import Ledger
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.models.retry import Patience
from neuroonco.pipeline import Workspace, is_current, run_stage
from neuroonco.readings.records import LesionReading
from neuroonco.rules import load_rules
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import CallStatus, ReadingKind
from neuroonco.walk import asking as asking_module
from neuroonco.walk import questions
from neuroonco.walk.asking import Asking
from neuroonco.walk.folders import AUDIT, DESCRIBE, FUSE, PHANTOM_IMAGES, PHANTOMS, READ
from neuroonco.walk.profile import PhantomPlan, Profile, ReaderPlan, load_profile
from neuroonco.walk.stages import stages_of
from scripted_client import ScriptedClient, audit_text, reading_text

SLICES = 24
ASKED = (READ, FUSE, AUDIT)
IMPATIENT = Patience(first_wait_s=0.01, longest_wait_s=0.05, attempts=4)


def profile(**readers: Any) -> Profile:
    return Profile(
        name="models",
        description="for tests",
        seed=1,
        phantoms=PhantomPlan(number=SLICES, seed=8),
        readers=ReaderPlan(**readers),
    )


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the ledger of the machine."""
    monkeypatch.setenv("NEUROONCO_LEDGER", str(tmp_path / "ledger.sqlite"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run up to the description."""
    run = tmp_path_factory.mktemp("drawn") / "run"
    bring_up(run, profile(), Asking(), before=READ)
    return run


def bring_up(run: Path, chosen: Profile, asking: Asking, *, before: str = "08") -> list[str]:
    """Work on the stages before one; names of those that were not up to date."""
    workspace = Workspace(run=run, folder=run, rules=load_rules("default"))
    stages = stages_of(chosen, run / PHANTOMS / PHANTOM_IMAGES, asking=asking)
    return [stage.name for stage in stages if stage.name < before and run_stage(stage, workspace)]


def fresh(drawn: Path, folder: Path) -> Path:
    """The same run once more, with nothing read yet; its pictures are the same files."""
    run = folder / "run"
    run.mkdir(parents=True)
    for stage in drawn.iterdir():
        if stage.is_dir():
            shutil.copytree(stage, run / stage.name, copy_function=os.link)
    return run


def scripted(monkeypatch: pytest.MonkeyPatch, client: ScriptedClient) -> ScriptedClient:
    """Let a double answer in place of any endpoint."""

    async def aclose() -> None:
        return None

    def served(model: ResolvedModel, _asking: Asking, _stopping: object) -> ScriptedClient:
        client.name = model.name
        return client

    client.aclose = aclose  # type: ignore[attr-defined]
    monkeypatch.setattr(asking_module, "_served", served)
    return client


def files_of(run: Path, stages: tuple[str, ...] = ASKED) -> dict[str, str]:
    found = (p for stage in stages for p in (run / stage).rglob("*") if p.is_file())
    return {p.relative_to(run).as_posix(): store.sha256_file(p) for p in found}


def ids(run: Path, stage: str, file: str) -> set[str]:
    return {row["slice_id"] for row in store.pq.read_table(run / stage / f"{file}.parquet").to_pylist()}


def manifest(run: Path, stage: str) -> dict[str, Any]:
    return json.loads((run / stage / "manifest.json").read_text())


def everything(call: ModelCall) -> str:
    """A model that keeps what two equal readings say."""
    if call.purpose.startswith("audit"):
        return audit_text(**dict.fromkeys(("predicted_modality", "predicted_location", "shape", "texture"), "KEEP"))
    return reading_text("T2", shape="Oval", texture="Homogeneous")


# --- through a server with faults ---


@pytest.fixture(scope="module")
def faulty(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], Profile, Path]:
    """A run whose readers and auditor are served with 30 % faults; the server is gone afterwards."""
    folder = tmp_path_factory.mktemp("faulty")
    run, log, said = fresh(drawn, folder), folder / "log.jsonl", []
    options = ("--faults", "0.3", "--seed", "5", "--slow", "0.05", "--log", str(log))
    with started(*options, "--answers", "model_answers:answer") as url:
        chosen = profile(conservative=f"vllm:a@{url}", skeptical=f"vllm:b@{url}", auditor=f"vllm:c@{url}")
        bring_up(run, chosen, Asking(patience=IMPATIENT, say=said.append))
    return run, said, chosen, log


def test_every_slice_ends_kept_dropped_or_quarantined_with_a_reason(
    faulty: tuple[Path, list[str], Profile, Path],
) -> None:
    run, said, _, log = faulty
    before = ids(run, DESCRIBE, "records")
    assert len(before) > 0.9 * SLICES
    for stage in ASKED:
        kept, dropped, quarantined = (ids(run, stage, name) for name in ("records", "dropped", "quarantined"))
        assert kept | dropped | quarantined == before, stage
        counts = manifest(run, stage)["counts"]
        assert counts["quarantined"] == store.pq.read_table(run / stage / "quarantined.parquet").num_rows
        before = kept
    assert len(before) > SLICES / 3
    for stage in (READ, AUDIT):
        for row in store.pq.read_table(run / stage / "quarantined.parquet").to_pylist():
            assert re.fullmatch(r"MODEL_(ANSWER|CALL)_[A-Z]+|MODEL_REFUSED", row["code"])
            assert row["message"]
    asked = (
        "05-read conservative reading by vllm:a: ",
        "05-read skeptical reading by vllm:b: ",
        "07-audit of labels by ",
    )
    assert all(line.startswith(beginning) for line, beginning in zip(said, asked, strict=True)), said
    faults = Counter(json.loads(line)["fault"] for line in log.read_text().splitlines())
    assert len(faults) > 8, "few kinds of fault were met"


def test_readings_say_who_read_and_which_call_it_was(faulty: tuple[Path, list[str], Profile, Path]) -> None:
    run = faulty[0]
    readings = store.load_strict(run / READ / "records.parquet", LesionReading)
    assert {(r.kind, r.reader) for r in readings} == {
        (ReadingKind.CONSERVATIVE, "vllm:a"),
        (ReadingKind.SKEPTICAL, "vllm:b"),
    }
    answers = store.load_strict(run / AUDIT / "answers.parquet", AuditAnswer)
    assert {a.auditor for a in answers} == {"vllm:c"}
    with Ledger(run / "ledger.sqlite") as ledger:
        held = ledger.get_many(r.request_hash for r in readings if r.request_hash)
    assert len(held) == len({r.request_hash for r in readings}) == len(readings)
    assert all(answer.status is CallStatus.OK for answer in held.values())


def test_the_ledger_alone_gives_the_same_bytes_with_the_server_gone(
    faulty: tuple[Path, list[str], Profile, Path], drawn: Path, tmp_path: Path
) -> None:
    run, _, chosen, _ = faulty
    again = fresh(drawn, tmp_path)
    bring_up(again, chosen, Asking(ledger=run / "ledger.sqlite", replay=True))
    assert files_of(again) == files_of(run)


def test_no_answer_was_paid_for_twice(faulty: tuple[Path, list[str], Profile, Path]) -> None:
    run, _, _, log = faulty
    with Ledger(run / "ledger.sqlite") as ledger:
        entries = list(ledger.entries())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    tries = Counter(line["request"] for line in lines if line["event"] == "received")
    assert len(tries) == len(entries)
    assert sum(tries.values()) == sum(entry.answer.attempts for entry in entries)
    whole = {None, "slow", "prose", "wrong_word", "cut_stop", "cut_length"}
    good = Counter(line["request"] for line in lines if line["event"] == "finished" and line["fault"] in whole)
    assert max(good.values()) == 1


def test_nothing_that_names_a_slice_was_sent(faulty: tuple[Path, list[str], Profile, Path]) -> None:
    run = faulty[0]
    slices = store.load_strict(run / DESCRIBE / "records.parquet", DescribedSlice)
    kinds = {s.tumor_type.value for s in slices if s.tumor_type} - {"tumor"}
    with Ledger(run / "ledger.sqlite") as ledger:
        calls = [e.call for e in ledger.entries() if e.call.purpose in ("read_conservative", "read_skeptical", "audit")]
    assert len(calls) > SLICES
    for call in calls:
        told = call.turns[-1].text.casefold()
        for word in (*kinds, "phantom", ".png", *(s.slice_id for s in slices), *(s.sample_id for s in slices)):
            assert word.casefold() not in told


# --- what a later run asks again ---


def test_a_stage_with_failed_calls_is_done_again_until_none_is_left(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, down = fresh(drawn, tmp_path), {"is": True}

    def flaky(call: ModelCall) -> str | ModelAnswer:
        if down["is"] and call.image_sha256 is not None and call.image_sha256[0] in "01234":
            return ModelAnswer(request_hash="", model="", status=CallStatus.FAILED, error="no answer in time")
        return everything(call)

    client = scripted(monkeypatch, ScriptedClient(flaky))
    chosen = profile(skeptical="vllm:b", conservative="vllm:a")
    assert bring_up(run, chosen, Asking(), before=FUSE) == [READ]
    waiting = manifest(run, READ)["counts"]
    assert 0 < waiting["incomplete"] == waiting["quarantined"] < 2 * SLICES
    codes = {row["code"] for row in store.pq.read_table(run / READ / "quarantined.parquet").to_pylist()}
    assert codes == {"MODEL_CALL_FAILED"}

    first = files_of(run, (READ,))
    asked = len(client.calls)
    assert bring_up(run, chosen, Asking(), before=FUSE) == [READ], "asked again, and failed again"
    assert len(client.calls) - asked == waiting["incomplete"], "only what failed"
    assert files_of(run, (READ,)) == first

    down["is"] = False
    assert bring_up(run, chosen, Asking(), before=FUSE) == [READ]
    counts = manifest(run, READ)["counts"]
    assert "incomplete" not in counts
    assert counts["quarantined"] == 0
    asked = len(client.calls)
    assert bring_up(run, chosen, Asking(), before=FUSE) == []
    assert len(client.calls) == asked


def test_an_unreadable_answer_is_settled_and_not_asked_again(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fresh(drawn, tmp_path)
    scripted(monkeypatch, ScriptedClient(lambda c: "I cannot." if c.purpose.startswith("read_s") else everything(c)))
    chosen = profile(skeptical="vllm:b", conservative="vllm:a")
    bring_up(run, chosen, Asking(), before=FUSE)
    assert "incomplete" not in manifest(run, READ)["counts"]
    assert len(ids(run, READ, "quarantined")) == len(ids(run, READ, "records")) > 0
    assert bring_up(run, chosen, Asking(), before=FUSE) == []


def test_one_reading_measured_and_one_by_a_model(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fresh(drawn, tmp_path)
    client = scripted(monkeypatch, ScriptedClient(everything))
    bring_up(run, profile(skeptical="vllm:b"), Asking(), before=FUSE)
    readings = store.load_strict(run / READ / "records.parquet", LesionReading)
    assert {(r.kind, r.reader) for r in readings} == {
        (ReadingKind.CONSERVATIVE, "measuring"),
        (ReadingKind.SKEPTICAL, "vllm:b"),
    }
    assert {call.purpose for call in client.calls} == {"read_skeptical"}


def test_what_is_told_and_who_is_asked_decide_whether_a_stage_is_current(drawn: Path) -> None:
    def fingerprint(**readers: Any) -> Any:
        stages = stages_of(profile(**readers), drawn / PHANTOMS / PHANTOM_IMAGES)
        return {s.name: json.dumps(s.parameters, sort_keys=True) for s in stages if s.name in (READ, AUDIT)}

    plain = fingerprint(conservative="vllm:a", auditor="vllm:c")
    assert fingerprint(conservative="vllm:a@http://127.0.0.1:1/v1", auditor="vllm:c") == plain, "where is not who"
    for change in ({"tell_tumor_type": True}, {"max_tokens": 99}, {"conservative": "vllm:z", "auditor": "vllm:z"}):
        other = fingerprint(**({"conservative": "vllm:a", "auditor": "vllm:c"} | change))
        assert all(other[stage] != plain[stage] for stage in (READ, AUDIT)), change
    assert fingerprint() == {READ: '{"reader": "measuring"}', AUDIT: '{"auditor": "physics"}'}


def test_an_incomplete_folder_is_not_current(tmp_path: Path) -> None:
    for counts, current in (({"kept": 1}, True), ({"kept": 1, "incomplete": 2}, False)):
        store.write_json(tmp_path / "manifest.json", {"fingerprint": "f", "counts": counts, "outputs": {}})
        assert is_current(tmp_path, "f") is current


def test_a_profile_names_its_readers(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    head = 'name = "mine"\ndescription = "x"\nseed = 1\n[phantoms]\nnumber = 1\nseed = 1\n[readers]\n'
    path.write_text(head + 'conservative = "openai:gpt-x"\nskeptical = "vllm:y"\nauditor = "physics"\n')
    plan = load_profile(str(path)).readers
    assert plan.models == ("openai:gpt-x", "vllm:y")
    assert not plan.reads_twice_with_one_model
    assert ReaderPlan(conservative="a:b", skeptical="a:b").reads_twice_with_one_model
    assert not ReaderPlan().reads_twice_with_one_model
    path.write_text(head + 'third = "openai:gpt-x"\n')
    with pytest.raises(InputError, match="readers"):
        load_profile(str(path))


# --- a replay, and shards of a run that was cut off ---


def test_a_replay_from_the_wrong_ledger_leaves_a_finished_run_as_it_is(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fresh(drawn, tmp_path)
    scripted(monkeypatch, ScriptedClient(everything))
    chosen = profile(conservative="vllm:a", skeptical="vllm:b", auditor="vllm:c")
    bring_up(run, chosen, Asking())
    before = files_of(run)
    Ledger(tmp_path / "empty.sqlite").close()
    wrong = Asking(ledger=tmp_path / "empty.sqlite", replay=True)
    for readers, asked in (({"conservative": "vllm:a", "skeptical": "vllm:z"}, "vllm:a"), ({"auditor": "vllm:z"}, "")):
        with pytest.raises(InputError, match=f"holds no answer of {asked}"):
            # Another model, so that the stage has to be done again.
            bring_up(run, profile(**({"conservative": "vllm:a", "skeptical": "vllm:b"} | readers)), wrong)
    with pytest.raises(InputError, match="ledger"):
        bring_up(run, profile(conservative="vllm:y"), Asking(ledger=tmp_path / "none.sqlite", replay=True))
    assert files_of(run) == before
    assert bring_up(run, chosen, Asking()) == []


@pytest.mark.parametrize("replay", [False, True])
def test_shards_that_wait_for_a_call_do_not_outlive_a_cut_off(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replay: bool
) -> None:
    """Calls fail, their shards are written, the run is cut off; then the ledger gets the answers elsewhere."""
    run, whole = fresh(drawn, tmp_path / "cut"), fresh(drawn, tmp_path / "whole")
    down = {"is": True}

    def flaky(call: ModelCall) -> str | ModelAnswer:
        if down["is"] and call.image_sha256 is not None and call.image_sha256[0] in "01234":
            return ModelAnswer(request_hash="", model="", status=CallStatus.FAILED, error="no answer in time")
        return everything(call)

    scripted(monkeypatch, ScriptedClient(flaky))
    chosen = profile(conservative="vllm:a", skeptical="vllm:b")
    shared = tmp_path / "shared.sqlite"

    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(Workspace, "save_shards", cut_off)
        with pytest.raises(KeyboardInterrupt):
            bring_up(run, chosen, Asking(ledger=shared), before=FUSE)
    assert list((run / f"{READ}.partial" / "shards").glob("*/quarantined.arrow")), "nothing was left waiting"
    down["is"] = False
    bring_up(whole, chosen, Asking(ledger=shared), before=FUSE)
    bring_up(run, chosen, Asking(ledger=shared, replay=replay), before=FUSE)
    assert "incomplete" not in manifest(run, READ)["counts"]
    assert files_of(run, (READ,)) == files_of(whole, (READ,))


def test_a_picture_that_cannot_be_read_is_one_row(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fresh(drawn, tmp_path)
    first = store.load_strict(run / DESCRIBE / "records.parquet", DescribedSlice)[0]

    def read_picture(root: Path, record: DescribedSlice) -> Any:
        if record.slice_id == first.slice_id:
            raise InputError("IMAGE_UNREADABLE", "not a picture")
        return images.read_picture(root, record)

    monkeypatch.setattr(questions, "read_picture", read_picture)
    # All answers are unusable, by one name: these are faults of two answers, and stay two.
    scripted(monkeypatch, ScriptedClient(lambda _: "I cannot."))
    bring_up(run, profile(conservative="vllm:a", skeptical="vllm:a"), Asking(), before=FUSE)
    rows = store.pq.read_table(run / READ / "quarantined.parquet").to_pylist()
    counts = Counter((row["slice_id"], row["code"]) for row in rows)
    assert counts.pop((first.slice_id, "IMAGE_UNREADABLE")) == 1
    assert {(code, n) for (_, code), n in counts.items()} == {("MODEL_ANSWER_UNREADABLE", 2)}
    assert len(counts) == len(ids(run, DESCRIBE, "records")) - 1


# --- the commands ---


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server without faults, and its log."""
    log = tmp_path_factory.mktemp("endpoint") / "log.jsonl"
    with started("--answers", "model_answers:answer", "--latency", "0.02", "--log", str(log)) as url:
        yield url, log


def command(drawn: Path, out: Path, reader: str, *more: str) -> list[str]:
    described, root = drawn / DESCRIBE / "records.parquet", drawn / PHANTOMS / PHANTOM_IMAGES
    return ["read", str(described), "--root", str(root), "--reader", reader, "--out", str(out), *more]


def test_read_and_audit_by_a_model_and_by_the_ledger_alone(
    drawn: Path, tmp_path: Path, endpoint: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = endpoint
    described, root = drawn / DESCRIBE / "records.parquet", drawn / PHANTOMS / PHANTOM_IMAGES
    rooted, made = ["--root", str(root)], dict[str, bytes]()
    for how in ("asked", "replayed"):
        folder = tmp_path / how
        more = ["--ledger", str(tmp_path / "calls.sqlite"), *(["--replay"] if how == "replayed" else [])]
        where = url if how == "asked" else "http://127.0.0.1:9/v1"
        a, b, fused, gold = (folder / f"{name}.jsonl" for name in ("a", "b", "fused", "gold"))
        steps = (
            command(drawn, a, f"vllm:one@{where}", *more),
            command(drawn, b, f"vllm:two@{where}", "--reading", "skeptical", *more),
            ["fuse", a, b, "--source", described, "--out", fused, "--healthy-out", folder / "healthy.jsonl"],
            ["audit", fused, "--model", f"vllm:three@{where}", "--source", described, "--out", gold, *rooted, *more],
        )
        for step in steps:
            assert run_cli([str(word) for word in step]) == 0, capsys.readouterr().err
        for path in (a, b, gold):
            made.setdefault(path.name, path.read_bytes())
            assert path.read_bytes() == made[path.name]
    err = capsys.readouterr().err
    assert re.search(r"vllm:one: \d+ calls asked \(\d+ ok\), 0 answered by the ledger, \d+ tokens in, \d+ out", err)
    assert re.search(r"vllm:one: 0 calls asked, \d+ answered by the ledger", err)
    readings = store.load_strict(tmp_path / "asked" / "a.jsonl", LesionReading)
    assert [r.slice_id for r in readings] == [r.slice_id for r in store.load_strict(described, DescribedSlice)]


@pytest.mark.parametrize(
    ("reader", "more", "code", "name"),
    [
        ("openai:gpt-x", (), 4, "KEY_MISSING"),
        ("nobody", (), 2, "READER_UNKNOWN"),
        ("nobody:x", (), 2, "PROVIDER_UNKNOWN"),
        ("vllm:x", ("--max-cost", "1"), 2, "PRICE_UNKNOWN"),
        ("vllm:x", ("--replay",), 3, "LEDGER_MISSING"),
        ("vllm:x", ("--endpoints", "none.toml"), 3, "ENDPOINTS_UNREADABLE"),
    ],
)
def test_what_cannot_work_is_one_line(
    drawn: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    reader: str,
    more: tuple[str, ...],
    code: int,
    name: str,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert run_cli(command(drawn, tmp_path / "x.jsonl", reader, *more)) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(lines) == 1
    assert lines[0].startswith(f"error[{name}]"), lines
    assert not (tmp_path / "x.jsonl").exists()


def test_a_run_without_a_key_ends_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neuroonco.walk.run import walk

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(PrerequisiteError, match="no key for openai:gpt-x"):
        walk(profile(auditor="openai:gpt-x"), tmp_path / "run")
    with pytest.raises(UsageError, match="no provider 'nobody'"):
        walk(profile(auditor="nobody:gpt-x"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_call_answered_is_a_failure_of_the_provider(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = ModelAnswer(request_hash="", model="", status=CallStatus.FAILED, error="connection failed")
    scripted(monkeypatch, ScriptedClient(lambda _: failed))
    assert run_cli(command(drawn, tmp_path / "x.jsonl", "vllm:x")) == 5
    assert "error[MODEL_UNANSWERED]: connection failed; none of " in capsys.readouterr().err
    assert not (tmp_path / "x.jsonl").exists()
    with pytest.raises(ProviderError, match="none of"):
        bring_up(fresh(drawn, tmp_path), profile(conservative="vllm:x"), Asking(), before=FUSE)


def test_a_replay_from_the_wrong_ledger_says_so(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Ledger(tmp_path / "ledger.sqlite").close()
    assert run_cli(command(drawn, tmp_path / "x.jsonl", "vllm:x", "--replay")) == 3
    assert "error[LEDGER_MISSES]" in capsys.readouterr().err


def test_the_limit_of_cost_stops_and_keeps_what_was_done(
    drawn: Path, tmp_path: Path, endpoint: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = endpoint
    endpoints = tmp_path / "mine.toml"
    endpoints.write_text(
        f'[mine]\ndescription = "test"\nsource = "test"\nbase_url = "{url}"\njson_schema = "strict"\n'
        "price_usd_per_million = { input = 1000.0, output = 1000.0 }\nconcurrency = 4\n"
    )
    out, more = tmp_path / "x.jsonl", ("--endpoints", str(endpoints), "--max-cost")
    assert run_cli(command(drawn, out, "mine:m", *more, "6")) == 5
    err = capsys.readouterr().err
    assert "error[COST_LIMIT]" in err
    assert not out.exists()
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        done = sum(1 for _ in ledger.entries())
    assert 0 < done < SLICES
    assert run_cli(command(drawn, out, "mine:m", *more, "1000")) == 0
    err = capsys.readouterr().err
    assert f"{done} answered by the ledger" in err
    assert out.exists()


def test_a_killed_command_goes_on_and_asks_nothing_twice_beyond_what_was_under_way(drawn: Path, tmp_path: Path) -> None:
    log, out, concurrency, kills = tmp_path / "log.jsonl", tmp_path / "x.jsonl", 4, 0
    with started("--answers", "model_answers:answer", "--latency", "0.03", "--log", str(log)) as url:
        words = command(drawn, out, f"vllm:x@{url}", "--concurrency", str(concurrency))
        for answered in (7,):
            with subprocess.Popen([sys.executable, "-m", "neuroonco", *words], stderr=subprocess.DEVNULL) as process:
                while finished(log) < answered:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(0.01)
                        break
                else:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
        last = subprocess.run([sys.executable, "-m", "neuroonco", *words], capture_output=True, text=True, check=False)
    assert (last.returncode, kills) == (0, 1), last.stderr
    readings = store.load_strict(out, LesionReading)
    assert len(readings) == len(ids(drawn, DESCRIBE, "records"))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    asked = Counter(line["request"] for line in lines if line["event"] == "received")
    assert len(asked) >= len({r.request_hash for r in readings})
    assert sum(n - 1 for n in asked.values()) <= kills * concurrency
    assert not list(tmp_path.glob(".*.tmp"))


def finished(log: Path) -> int:
    return log.read_text().count('"finished"') if log.exists() else 0


def test_the_double_of_the_server_answers_what_the_reader_can_read() -> None:
    request = {"messages": [{"role": "user", "content": "<data>\nA brain MRI slice, stated to be axial T2.\n</data>"}]}
    assert json.loads(answer(request))["meta_info"]["predicted_modality"] == "T2"


def test_batches_are_submitted_then_collected_and_repaired(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three passes: everything is submitted; one answer needs a repair; then the file is written."""
    spoilt: list[str] = []

    def result(line: dict[str, Any]) -> dict[str, Any]:
        text = answer(line["body"])
        if not spoilt or line["custom_id"] == spoilt[0]:
            spoilt.append(line["custom_id"])
            text = "no JSON here"
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        body = {"id": "x", "object": "chat.completion", "model": "served", "choices": [choice]}
        return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}

    monkeypatch.setenv("OPENAI_API_KEY", "none")
    out, provider = tmp_path / "x.jsonl", Provider(result=result)
    with provided(provider) as url:
        step = command(drawn, out, f"openai:m@{url}", "--batch")
        assert run_cli([*step, "--max-cost", "1"]) == 2
        assert "error[BATCH_COST]" in capsys.readouterr().err
        for waiting in (len(ids(drawn, DESCRIBE, "records")), 1):
            assert run_cli(step) == 6
            err = capsys.readouterr().err
            assert f"error[BATCH_PENDING]: {waiting} calls wait in batches: batch_" in err
            assert not out.exists()
        assert run_cli(step) == 0
    assert len(provider.submitted()) == len(set(provider.submitted()))
    readings = store.load_strict(out, LesionReading)
    assert len(readings) == len(ids(drawn, DESCRIBE, "records"))
    assert run_cli([*command(drawn, tmp_path / "y.jsonl", f"openai:m@{url}"), "--replay"]) == 0
    assert (tmp_path / "y.jsonl").read_bytes() == out.read_bytes()
