"""A served model on a whole closed benchmark: is every question answered once, what does it cost, and after a kill?

    python benchmarks/evaluate.py [--benchmark FILE] [--concurrency 16] [--rounds 3] [--kills 1] [--json]

Pictures are drawn at the paths of the published closed benchmark (1,000 images, 3,190 questions; without the file, one
of the same shape is made). `tests/fault_server.py` answers as an OpenAI-compatible endpoint on loopback after 50 ms, in
a process of its own. Then:

- even: `neuroonco predict` as it is started by hand, and in turn with it the bare loops of `evaluate_baseline.py`,
  which send the picture's file as it is, or the same PNG as we. CPU a question is user and system time of the process,
  less that of a run over one question, by the other questions.
- faults: 5 % of requests get 429 with Retry-After, 2 % 500, 1 % a dropped connection, 1 % garbage under HTTP 200.
- kill: SIGKILL once the server has answered 40 % of the questions (with `--kills N`, N times up to 80 %), and the same
  command again. The second run's requests have to be those whose answer the ledger does not hold, and no others.

A claim fails where a question is lost, answered twice, or not answered; then the exit code is 1. Time is printed and
fails nothing. Linux.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evaluate_baseline import questions_of
from evaluate_material import loaded, pictures
from evaluate_watch import SETTLE_S, Seen, ServerLog, Spent, spent_by

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fault_server import Fault, started
from neuroonco.models.ledger import Ledger

PUBLISHED = Path(__file__).resolve().parent.parent.parent / "shared/upstream/mm-neuroonco_benchmark_closed_v1.0.json"
SHARES = {Fault.RATE_LIMITED_AFTER: 0.05, Fault.SERVER_ERROR: 0.02, Fault.DROPPED: 0.01, Fault.GARBAGE: 0.01}
LAST_KILL = 0.8
KINDS = ("predict", "bare, file as it is", "bare, same PNG")


@dataclass
class Show:
    """What all parts share.

    Attributes:
        questions: of the benchmark, in its form for the bare loop.
        claims: what was claimed, and whether it holds.
    """

    given: argparse.Namespace
    folder: Path
    benchmark: Path
    root: Path
    questions: int
    claims: dict[str, bool]

    @contextmanager
    def server(self, name: str, *options: str) -> Iterator[tuple[str, ServerLog]]:
        """A fault server of a part; its URL and its log."""
        path = self.folder / f"{name}.server.jsonl"
        path.touch()
        with started("--latency", str(self.given.latency), "--log", str(path), *options) as url:
            yield url, ServerLog(path)

    def command(self, url: str, out: Path, benchmark: Path | None = None) -> list[str]:
        """Our command."""
        words = [sys.executable, "-m", "neuroonco", "predict", benchmark or self.benchmark, "--root", self.root]
        words += ["--model", f"vllm:fake@{url}", "--out", out, "--concurrency", self.given.concurrency, "--json"]
        return [str(word) for word in words]

    def bare(self, url: str, *options: str) -> list[str]:
        """The bare loop."""
        script = Path(__file__).with_name("evaluate_baseline.py")
        return [sys.executable, *map(str, (script, self.benchmark, self.root, url, self.given.concurrency)), *options]

    def claim(self, what: str, holds: bool) -> None:
        """Note whether something holds."""
        self.claims[what] = holds

    def check(self, part: str, out: Path, log: ServerLog, *, kills_in_flight: int = 0) -> dict[str, Any]:
        """Hold the predictions and the server's counts against the questions."""
        log.look()
        lines = (out / "predictions.jsonl").read_text("utf-8").splitlines() if out.exists() else []
        rows = [json.loads(line) for line in lines]
        keys = Counter((row["id"], row["q_index"]) for row in rows)
        document = json.loads(self.benchmark.read_text("utf-8"))
        asked = {(str(image["id"]), n) for image in document for n in range(len(image["vqa_pairs"]))}
        found = {
            "questions": len(asked),
            "status": dict(Counter(row["status"] for row in rows)),
            "lost": len(asked - keys.keys()),
            "predicted twice": sum(n - 1 for n in keys.values()),
            "requests": log.whole.received.total(),
            "answered requests": len(log.whole.answered),
            "answered twice": log.whole.doubled,
            "faults": {name: n for name, n in sorted(log.whole.faults.items()) if name != "none"},
        }
        self.claim(f"{part}: all {len(asked)} questions have one prediction each", keys.keys() == asked and
                   max(keys.values(), default=0) == 1)  # fmt: skip
        self.claim(f"{part}: all are answered (status ok)", found["status"] == {"ok": len(asked)})
        self.claim(f"{part}: the server answered each question", len(log.whole.answered) == len(asked))
        self.claim(f"{part}: none was answered twice, but for what was under way at a kill",
                   log.whole.doubled <= kills_in_flight)  # fmt: skip
        return found


def even(show: Show) -> dict[str, Any]:
    """Ours and the bare loops in turn, without faults."""
    spent: dict[str, list[tuple[Spent, float]]] = {kind: [] for kind in KINDS}
    found: dict[str, Any] = {}
    one = show.folder / "one.json"
    first = json.loads(show.benchmark.read_text("utf-8"))[0]
    one.write_text(json.dumps([first | {"vqa_pairs": first["vqa_pairs"][:1]}]), "utf-8")
    for number in range(show.given.rounds):
        for kind in (*KINDS[number % 3 :], *KINDS[: number % 3]):
            name = f"even{number}-{KINDS.index(kind)}"
            out, notes = show.folder / name, show.folder / f"{name}.out"
            with show.server(name) as (url, log):
                options = ["--encode"] if kind == KINDS[2] else []
                if kind == KINDS[0]:
                    start = spent_by(show.command(url, show.folder / f"{name}-one", one), notes)
                else:
                    start = spent_by(show.bare(url, *options, "--first", "1"), notes)
                log.begin()
                log.whole = Seen()
                command = show.command(url, out) if kind == KINDS[0] else show.bare(url, *options)
                whole = spent_by(command, notes)
                require(whole, kind, notes)
                if kind == KINDS[0]:
                    found = show.check(f"even, round {number + 1}", out, log)
                else:
                    show.claim(f"{kind}, round {number + 1}: all replies came", int(whole.shown) == show.questions)
            spent[kind].append((whole, (whole.cpu_s - start.cpu_s) / (show.questions - 1)))
            say(f"{kind}: {whole.wall_s:.1f} s, {whole.cpu_s:.1f} s CPU of which {start.cpu_s:.1f} s to start")
    rows = {
        kind: {
            "wall_s": statistics.median(one.wall_s for one, _ in runs),
            "cpu_ms_a_question": 1000 * statistics.median(cpu_s for _, cpu_s in runs),
            "peak_mib": max(one.peak_mib for one, _ in runs),
        }
        for kind, runs in spent.items()
    }
    ours = [cpu_s for _, cpu_s in spent[KINDS[0]]]
    ratios = {kind: statistics.median(a / b for a, (_, b) in zip(ours, spent[kind], strict=True)) for kind in KINDS[1:]}
    return {"spent": rows, "cpu_ratio": ratios, "rounds": show.given.rounds} | found


def require(spent: Spent, what: str, notes: Path) -> None:
    """Stop where a command did not do its work."""
    if spent.code:
        why = notes.with_suffix(".stderr").read_text("utf-8", "replace")[-2000:]
        raise SystemExit(f"{what} ended with exit code {spent.code}:\n{why}")


def faults(show: Show) -> dict[str, Any]:
    """With everything that can go wrong with a request."""
    out = show.folder / "faults"
    shares = [f"{fault.value}={share}" for fault, share in SHARES.items()]
    options = ("--seed", str(show.given.seed), "--retry-after", show.given.retry_after, "--shares", *shares)
    with show.server("faults", *options) as (url, log):
        spent = spent_by(show.command(url, out), show.folder / "faults.out")
        found = show.check("faults", out, log)
    return {"exit": spent.code, "wall_s": spent.wall_s, "cpu_s": spent.cpu_s, "peak_mib": spent.peak_mib} | found


def kill(show: Show, undisturbed: Path) -> dict[str, Any]:
    """Kill and start again, and count what is asked."""
    out, notes, kills = show.folder / "killed", show.folder / "killed.out", show.given.kills
    at_kill: list[tuple[set[str], int]] = []
    asked: list[set[str]] = []
    seconds: list[float] = []
    with show.server("killed") as (url, log):
        for number in range(kills + 1):
            log.begin()
            until = None
            if number < kills:
                share = LAST_KILL * (number + 1) / (kills + 1 if kills == 1 else kills)
                until = partial(has_answered, log, share * show.questions)
            spent = spent_by(show.command(url, out), notes, until)
            seconds.append(spent.wall_s)
            time.sleep(SETTLE_S)
            asked.append(set(log.look().received))
            if spent.code == 0:
                break
            if until is None:
                require(spent, "predict after the kill", notes)
            at_kill.append((set(log.whole.answered), recorded(out / "ledger.sqlite")))
            say(f"killed after {len(log.whole.answered)} answers, {at_kill[-1][1]} of them in the ledger")
        in_flight = [len(answered) - held for answered, held in at_kill]
        found = show.check("kill", out, log, kills_in_flight=sum(in_flight))
    again = [
        len(set().union(*asked[number + 1 :]) & answered) - (len(answered) - held)
        for number, (answered, held) in enumerate(at_kill)
    ]
    missing = show.questions - at_kill[-1][1] if at_kill else show.questions
    same = (out / "predictions.jsonl").read_bytes() == (undisturbed / "predictions.jsonl").read_bytes()
    show.claim(f"kill: {kills} kills took place", len(at_kill) == kills)
    show.claim("kill: the last run asked what was missing, and nothing else", len(asked[-1]) == missing)
    show.claim("kill: nothing that was recorded was asked again", not any(again))
    show.claim("kill: at most the concurrency was answered and not recorded",
               all(0 <= n <= show.given.concurrency for n in in_flight))  # fmt: skip
    show.claim("kill: predictions are the bytes of an undisturbed run", same)
    runs = {"answered_at_kill": [len(answered) for answered, _ in at_kill], "recorded": [held for _, held in at_kill]}
    runs |= {"answered_not_recorded": in_flight, "asked_by_run": [len(one) for one in asked], "recorded_again": again}
    return {"wall_s": seconds, "missing_before_last": missing, "same_bytes": same} | runs | found


def has_answered(log: ServerLog, number: float) -> bool:
    """Whether the server has answered so many questions."""
    log.look()
    return len(log.whole.answered) >= number


def recorded(ledger: Path) -> int:
    """Final answers in a ledger."""
    with Ledger(ledger, create=False) as opened:
        return sum(entry.answer.status.is_final for entry in opened.entries())


def say(line: str) -> None:
    """Tell on stderr how far it is."""
    print(line, file=sys.stderr, flush=True)


def table(show: Show, found: dict[str, Any], floor_s: float) -> None:
    """Print everything."""
    given, n = show.given, show.questions
    print(
        f"{n} questions, {given.concurrency} under way, {given.latency * 1000:g} ms an answer: at least {floor_s:.1f} s"
    )
    print(f"{'':24}{'wall s':>8}{'a second':>10}{'of floor':>10}{'CPU ms/question':>17}{'peak MiB':>10}")
    for kind, row in found["even"]["spent"].items():
        wall_s = row["wall_s"]
        print(f"{kind:24}{wall_s:8.1f}{n / wall_s:10.0f}{wall_s / floor_s:9.2f}x"
              f"{row['cpu_ms_a_question']:17.2f}{row['peak_mib']:10.0f}")  # fmt: skip
    row = found["faults"]
    print(f"{'predict with faults':24}{row['wall_s']:8.1f}{n / row['wall_s']:10.0f}{row['wall_s'] / floor_s:9.2f}x"
          f"{1000 * row['cpu_s'] / n:16.2f}*{row['peak_mib']:10.0f}")  # fmt: skip
    print("* with the start")
    for kind, ratio in found["even"]["cpu_ratio"].items():
        print(f"CPU a question, predict by {kind}: {ratio:.2f} (median of {given.rounds} rounds; aim: 1.3 at most)")
    for part in ("even", "faults", "kill"):
        shown = found[part]
        ends = f"{shown['status']}, {shown['lost']} lost, {shown['predicted twice']} predicted twice"
        server = f"{shown['requests']} requests, {shown['answered twice']} answered twice, faults {shown['faults']}"
        print(f"{part}: {ends}; server: {server}")
    k = found["kill"]
    print(f"kill: the server had answered {k['answered_at_kill']}, the ledger held {k['recorded']}, "
          f"answered and not recorded {k['answered_not_recorded']}")  # fmt: skip
    print(f"kill: calls by run {k['asked_by_run']}, missing before the last {k['missing_before_last']}, "
          f"recorded and asked again {k['recorded_again']}, same bytes {k['same_bytes']}")  # fmt: skip
    for what, holds in show.claims.items():
        print(f"{'holds' if holds else 'FAILS':7}{what}")


def main() -> None:
    """Draw, ask, compare, disturb, kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmark", type=Path, help="closed, in the published form")
    parser.add_argument("--images", type=int, help="only the first so many")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds of every answer")
    parser.add_argument("--retry-after", default="1", help="seconds, as the header says")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--keep", type=Path, help="new folder to work in, which stays")
    given = parser.parse_args()
    published = given.benchmark or (PUBLISHED if PUBLISHED.exists() else None)
    folder = Path(tempfile.mkdtemp()) if given.keep is None else given.keep.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        benchmark = loaded(published, folder, given.seed, given.images)
        paths = list(dict.fromkeys(image["image_path"] for image in json.loads(benchmark.read_text("utf-8"))))
        size_kib = pictures(folder / "root", paths, given.seed)
        say(f"{len(paths)} pictures of {size_kib:.0f} KiB on average; benchmark {benchmark.name}")
        show = Show(given, folder, benchmark, folder / "root", len(questions_of(benchmark)), {})
        load = [round(one, 1) for one in os.getloadavg()]
        found: dict[str, Any] = {"even": even(show)}
        found |= {"faults": faults(show), "kill": kill(show, folder / "even0-0")}
        floor_s = show.questions * given.latency / given.concurrency
        if given.json:
            machine = {"cores": os.cpu_count(), "load_before": load, "picture_kib": size_kib, "floor_s": floor_s}
            print(json.dumps(machine | found | {"claims": show.claims}, indent=2))
        else:
            table(show, found, floor_s)
    finally:
        if given.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    raise SystemExit(0 if all(show.claims.values()) else 1)


if __name__ == "__main__":
    main()
