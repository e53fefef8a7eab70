"""Kill a run of model calls at random moments, run it again until it is done, and count what was lost or asked twice.

    python benchmarks/ledger_kills.py [--slices 1000] [--kills 20] [--faults 0.3] [--at-once 32] [--seed 1]

Every slice is three calls: two readings, and an audit that quotes their answers. They go through the ledger and the
served client to the fault server of the tests, in a process of its own, which logs every request. The worker is killed
by SIGKILL after a random number of calls. At the end a replay without network must know every call. A call that the
server gave a usable answer more than once must have been under way at a kill.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fault_answers import request_hash
from fault_server import Fault, started
from neuroonco.models.chat_completions import ChatCompletions
from neuroonco.models.crowd import run_crowd
from neuroonco.models.endpoints import resolve
from neuroonco.models.ledger import Ledger
from neuroonco.models.protocol import ModelClient
from neuroonco.models.recorded import RecordedClient
from neuroonco.models.records import ModelAnswer, ModelCall, Turn
from neuroonco.models.retry import Patience
from neuroonco.models.served import ServedClient
from neuroonco.store import sha256_bytes, sha256_text
from neuroonco.vocabulary import CallStatus

LINES_A_SLICE = 6
PATIENCE = Patience(first_wait_s=0.01, longest_wait_s=0.1)


def picture_of(number: int) -> bytes:
    """Bytes that stand for a picture."""
    return b"\x89PNG" + str(number).encode() * 40


def call_of(purpose: str, text: str, number: int) -> ModelCall:
    """One call about a slice."""
    turns = (Turn(role="system", text=f"You {purpose}."), Turn(role="user", text=text))
    sha256 = sha256_bytes(picture_of(number))
    return ModelCall(purpose=purpose, prompt_name=purpose, prompt_sha256="0", turns=turns, image_sha256=sha256)


async def slice_calls(client: ModelClient, number: int, note: Callable[[str, str], None]) -> list[ModelAnswer]:
    """Two readings and the audit that follows from them."""

    async def ask(call: ModelCall) -> ModelAnswer:
        key = call.request_hash(client.name)
        note("begins", key)
        answer = await client.ask(call, picture_of(number))
        note("ends", key)
        return answer

    readings = await asyncio.gather(
        *(ask(call_of(purpose, f"Slice {number}.", number)) for purpose in ("read_conservative", "read_skeptical"))
    )
    quoted = sha256_text(*(str(answer.text) for answer in readings))
    return [*readings, await ask(call_of("audit", f"Slice {number}; readings {quoted}.", number))]


def work(url: str, ledger: Path, slices: int, at_once: int) -> None:
    """What is killed: all slices, with a line on stdout when a call begins and when its answer is there."""

    def note(what: str, key: str) -> None:
        os.write(1, f"{what} {key}\n".encode())

    with Ledger(ledger) as opened:
        served: list[ServedClient] = []

        async def one(number: int) -> list[ModelAnswer]:
            if not served:
                served.append(ServedClient(resolve(f"vllm:fake@{url}"), patience=PATIENCE))
                clients.append(RecordedClient(opened, served[0]))
            return await slice_calls(clients[0], number, note)

        async def close() -> None:
            await served[0].aclose()

        clients: list[RecordedClient] = []
        run_crowd(range(slices), one, at_once=at_once, each=lambda _: None, close=close)


@dataclass
class Outcome:
    """What a series of kills did.

    Attributes:
        under_way: request hashes that had begun and not ended, kill by kill.
        statuses: of all calls, in a replay without network.
        requests, answered: of the server: received, and given a usable answer.
        repeated: usable answers beyond the first, by request of the server.
        unexplained: repeated requests that were under way at no kill.
    """

    slices: int
    under_way: list[set[str]] = field(default_factory=list)
    statuses: Counter[CallStatus] = field(default_factory=Counter)
    missing: int = 0
    requests: int = 0
    answered: int = 0
    repeated: int = 0
    unexplained: int = 0
    seconds: float = 0.0


def kill_and_resume(slices: int, kills: int, *, faults: float, at_once: int, seed: int, folder: Path) -> Outcome:
    """Run the show."""
    outcome, rng, log, ledger = Outcome(slices), random.Random(seed), folder / "server.jsonl", folder / "ledger.sqlite"
    options = ("--faults", str(faults), "--seed", str(seed), "--latency", "0.01", "--slow", "0.1", "--log", str(log))
    began = time.monotonic()
    known: dict[str, str] = {}
    with started(*options) as url:
        command = [sys.executable, __file__, "--work", url, str(ledger), str(slices), str(at_once)]
        # In order, as what is recorded goes by fast: so every kill meets calls that are new.
        for lines in sorted(rng.sample(range(1, LINES_A_SLICE * slices), kills)):
            outcome.under_way.append(_killed_after(lines, command))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with Ledger(ledger, create=False) as opened:
        replay = RecordedClient(opened, None, replay=True, name="vllm:fake")

        async def one(number: int) -> list[ModelAnswer]:
            return await slice_calls(replay, number, lambda *_: None)

        run_crowd(range(slices), one, at_once=at_once, each=lambda a: outcome.statuses.update(x.status for x in a))
        outcome.missing = replay.counts.missing
        known = {_as_logged(entry.call): entry.request_hash for entry in opened.entries()}
    _count(outcome, log, known)
    outcome.seconds = time.monotonic() - began
    return outcome


def _killed_after(lines: int, command: list[str]) -> set[str]:
    """Start a worker, kill it after it has said so many lines; the calls that were under way then."""
    under_way: set[str] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        for number, line in enumerate(worker.stdout):
            what, key = line.split()
            under_way.add(key) if what == "begins" else under_way.discard(key)
            if number == lines:
                worker.send_signal(signal.SIGKILL)
    return under_way


def _as_logged(call: ModelCall) -> str:
    """The hash that the server logs for a call."""
    model = resolve("vllm:fake")
    number = int(call.turns[1].text.removeprefix("Slice ").split(";")[0].split(".")[0])
    return request_hash(ChatCompletions().body(call, picture_of(number), model.endpoint, model.model_id))


def _count(outcome: Outcome, log: Path, known: dict[str, str]) -> None:
    """Hold the server's log against the calls that were under way at the kills."""
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    usable = Counter(e["request"] for e in events if e["answered"] and e["fault"] != Fault.EMPTY)
    outcome.requests = sum(e["event"] == "received" for e in events)
    outcome.answered = sum(usable.values())
    outcome.repeated = sum(n - 1 for n in usable.values())
    for request, n in usable.items():
        kills = sum(known.get(request, request) in under_way for under_way in outcome.under_way)
        outcome.unexplained += max(0, n - 1 - kills)


def main() -> None:
    """Run the show and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--faults", type=float, default=0.3)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        url, ledger, slices, at_once = given.work
        work(url, Path(ledger), int(slices), int(at_once))
        return
    with tempfile.TemporaryDirectory() as folder:
        options = {"faults": given.faults, "at_once": given.at_once, "seed": given.seed, "folder": Path(folder)}
        outcome = kill_and_resume(given.slices, given.kills, **options)
    statuses = ", ".join(f"{n} {status.value}" for status, n in outcome.statuses.most_common())
    print(f"calls                       {3 * outcome.slices}: {statuses}")
    print(f"lost                        {outcome.missing}")
    print(f"kills                       {len(outcome.under_way)}")
    print(f"under way at the kills      {sum(map(len, outcome.under_way))}: {[len(u) for u in outcome.under_way]}")
    print(f"requests at the server      {outcome.requests}, of them {outcome.answered} with a usable answer")
    print(f"answered more than once     {outcome.repeated}, of them {outcome.unexplained} not under way at a kill")
    print(f"seconds                     {outcome.seconds:.0f}")
    whole = outcome.statuses.total() == 3 * outcome.slices
    raise SystemExit(0 if whole and not outcome.missing and not outcome.unexplained else 1)


if __name__ == "__main__":
    main()
