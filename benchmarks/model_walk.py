"""Models as both readers and auditor of many slices, behind a server that misbehaves: does every slice end somewhere?

    python benchmarks/model_walk.py [--slices 1000] [--faults 0.3] [--kills 20] [--seed 1] [--keep DIR]

Phantoms are drawn and described; then two models read and a third one audits, all served by `tests/fault_server.py` in
a process of its own, where that share of requests meets a fault: 429 with and without Retry-After, 500, dropped, slow,
broken and truncated answers, wrong words, prose, nothing at all. Prints what became of the slices in each stage and
why, the calls, the seconds and the peak memory of asking. Then the server is stopped, and the ledger alone has to give
the same bytes. Last, `neuroonco read` is killed with SIGKILL at random moments and started again until it is through:
printed are the slices that are lost and the answers that were given twice, beside the most that can be under way at a
kill. Linux.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.executors import ExecutorKind, executor
from neuroonco.models.retry import Patience
from neuroonco.pipeline import Workspace, run_stage
from neuroonco.rules import load_rules
from neuroonco.walk.asking import Asking
from neuroonco.walk.folders import AUDIT, DESCRIBE, FUSE, PHANTOM_IMAGES, PHANTOMS, READ
from neuroonco.walk.profile import PhantomPlan, Profile, ReaderPlan
from neuroonco.walk.stages import stages_of

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from fault_server import started

ASKED = (READ, FUSE, AUDIT)
CONCURRENCY = 32
PATIENCE = Patience(first_wait_s=0.05, longest_wait_s=1.0)
WHOLE = {None, "slow", "prose", "wrong_word", "cut_stop", "cut_length"}
"""Faults, or none, after which a model's answer was sent whole."""


def main() -> None:
    """Draw, ask, replay, kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--faults", type=float, default=0.3)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder to work in; what is drawn there is not drawn again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.keep or Path(temporary)).absolute()
        options = ["--faults", str(given.faults), "--seed", str(given.seed), "--slow", "0.2", "--latency", "0.005"]
        options += ["--answers", "model_answers:answer"]
        folder.mkdir(parents=True, exist_ok=True)
        show(folder, given.slices, given.kills, given.seed, options)


def show(folder: Path, slices: int, kills: int, seed: int, options: list[str]) -> None:
    """All of it."""
    run, log = folder / "run", folder / "asked.jsonl"
    with started(*options, "--log", str(log)) as url:
        profile = Profile(
            name="benchmark",
            description="models behind faults",
            seed=1,
            phantoms=PhantomPlan(number=slices, seed=seed),
            readers=ReaderPlan(conservative=f"vllm:a@{url}", skeptical=f"vllm:b@{url}", auditor=f"vllm:c@{url}"),
        )
        seconds = timed(lambda: bring_up(run, profile, Asking(), before=READ))
        described = store.pq.read_metadata(run / DESCRIBE / "records.parquet").num_rows
        print(f"{slices} phantoms drawn, {described} described in {seconds:.0f} s")
        asking = Asking(concurrency=CONCURRENCY, patience=PATIENCE, say=print)
        seconds = timed(lambda: bring_up(run, profile, asking, before="08"))
    tell_what_became(run, log, described, seconds)
    again = folder / "again"
    again.mkdir()
    for stage in sorted(p for p in run.iterdir() if p.is_dir() and p.name < READ):
        shutil.copytree(stage, again / stage.name, copy_function=os.link)
    replay = Asking(ledger=run / "ledger.sqlite", replay=True, concurrency=CONCURRENCY)
    seconds = timed(lambda: bring_up(again, profile, replay, before="08"))
    print(f"replay without the server: {seconds:.1f} s, same bytes: {files_of(again) == files_of(run)}")
    kill_and_resume(folder, run, kills, random.Random(seed), options)


def bring_up(run: Path, profile: Profile, asking: Asking, *, before: str) -> None:
    """Work on the stages before one."""
    with executor(ExecutorKind.PROCESSES, 2) as workers:
        workspace = Workspace(run=run, folder=run, rules=load_rules("default"), executor=workers)
        for stage in stages_of(profile, run / PHANTOMS / PHANTOM_IMAGES, asking=asking):
            if stage.name < before:
                run_stage(stage, workspace)


def timed(work: Callable[[], None]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def files_of(run: Path) -> dict[str, str]:
    """Hashes of what the stages wrote that ask models."""
    found = (p for stage in ASKED for p in (run / stage).rglob("*") if p.is_file())
    return {p.relative_to(run).as_posix(): store.sha256_file(p) for p in found}


def column(path: Path, name: str) -> list[Any]:
    """One column of a Parquet file."""
    return store.pq.read_table(path, columns=[name])[name].to_pylist()


def tell_what_became(run: Path, log: Path, described: int, seconds: float) -> None:
    """Print where every slice ended, and what the server did."""
    before = set(column(run / DESCRIBE / "records.parquet", "slice_id"))
    for stage in ASKED:
        kept, dropped, quarantined = (
            set(column(run / stage / f"{name}.parquet", "slice_id")) for name in ("records", "dropped", "quarantined")
        )
        lost = before - kept - dropped - quarantined
        print(f"{stage}: {len(before)} slices in; {len(kept)} kept, {len(dropped)} dropped, "
              f"{len(quarantined)} quarantined ({len(kept & quarantined)} of these with one of two readings), "
              f"{len(lost)} lost")  # fmt: skip
        print(f"    {dict(Counter(column(run / stage / 'dropped.parquet', 'reason')))}"
              f" {dict(Counter(column(run / stage / 'quarantined.parquet', 'code')))}")  # fmt: skip
        before = kept
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    met = Counter(line["fault"] or "none" for line in lines if line["event"] == "received")
    total = sum(met.values())
    print(f"{total} requests in {seconds:.1f} s, {total / seconds:.0f} a second; faults: {dict(met.most_common())}")
    print(f"answers given twice: {twice(lines)}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB for {described} slices")


def twice(lines: list[dict[str, Any]]) -> int:
    """Whole answers that the server sent again."""
    sent = Counter(line["request"] for line in lines if line["event"] == "finished" and line["fault"] in WHOLE)
    return sum(n - 1 for n in sent.values())


def kill_and_resume(folder: Path, run: Path, kills: int, rng: random.Random, options: list[str]) -> None:
    """Kill a command again and again, and count what is lost and what is asked twice."""
    log, out = folder / "killed.jsonl", folder / "killed.parquet"
    expected = set(column(run / DESCRIBE / "records.parquet", "slice_id"))
    done, killed, code = 0, 0, None
    with started(*options, "--log", str(log)) as url:
        words = [sys.executable, "-m", "neuroonco", "read", run / DESCRIBE / "records.parquet"]
        words += ["--root", run / PHANTOMS / PHANTOM_IMAGES, "--out", out, "--ledger", folder / "killed.sqlite"]
        words += ["--reader", f"vllm:a@{url}", "--concurrency", str(CONCURRENCY)]
        while code is None:
            stop_at = done + rng.randint(1, 2 * len(expected) // (kills + 1)) if killed < kills else None
            command = [str(word) for word in words]
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
                while stop_at is None or (done := finished(log)) < stop_at:
                    with suppress(subprocess.TimeoutExpired):
                        code = process.wait(0.02)
                        break
                else:
                    process.kill()
                    killed += 1
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    ended = set(column(out, "slice_id"))
    beside = out.with_name("killed.quarantined.jsonl")
    if beside.exists():
        ended |= {json.loads(line)["slice_id"] for line in beside.read_text().splitlines()}
    print(f"{killed} kills, exit {code}: {len(expected - ended)} slices lost, {twice(lines)} answers given twice "
          f"(at most {killed * CONCURRENCY} were under way)")  # fmt: skip


def finished(log: Path) -> int:
    """Responses that the server has sent."""
    return log.read_text().count('"finished"') if log.exists() else 0


if __name__ == "__main__":
    main()
