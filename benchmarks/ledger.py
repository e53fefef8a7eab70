"""What the ledger costs: calls a second through it and without it, reads, size and memory.

    python benchmarks/ledger.py [--calls 20000] [--rows 100000] [--at-once 64] [--folder DIR]

The model answers at once, so that only the ledger is measured. Rates are medians of three runs; "model of 50 ms" is a
model that takes that long, as many at once as given: there the ledger has to keep up, not to be free.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from neuroonco import store
from neuroonco.models.ledger import Ledger
from neuroonco.models.ledger_records import LedgerEntry
from neuroonco.models.ledger_stats import ledger_stats
from neuroonco.models.protocol import ModelClient
from neuroonco.models.recorded import RecordedClient
from neuroonco.models.records import AnswerSchema, ModelAnswer, ModelCall, Turn
from neuroonco.vocabulary import CallStatus

SYSTEM = "You read one slice of an MRI examination of the brain and answer in JSON. " * 60
SCHEMA = AnswerSchema(name="reading", document='{"type":"object"}' + " " * 2000)
ANSWER = '{"sequence": "T1CE", "shape": "Round", "margins": "Well-circumscribed"}' * 8
REPEATS = 3


class Silent:
    """A model that answers at once, or after a while."""

    name = "silent:model"

    def __init__(self, latency_s: float = 0.0) -> None:
        self._latency_s = latency_s

    async def ask(self, call: ModelCall, _image: bytes | None) -> ModelAnswer:
        """Answer."""
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        return ModelAnswer(
            request_hash=call.request_hash(self.name),
            model=self.name,
            status=CallStatus.OK,
            text=ANSWER,
            attempts=1,
            input_tokens=1500,
            output_tokens=150,
            latency_s=0.05,
        )


def call_of(number: int) -> ModelCall:
    """One call as a reader makes it, with a long prompt that all share."""
    turns = (Turn(role="system", text=SYSTEM), Turn(role="user", text=f"Slice {number}."))
    return ModelCall(purpose="read", prompt_name="read", prompt_sha256="0" * 64, turns=turns, schema_=SCHEMA)


async def ask_all(client: ModelClient, numbers: range, at_once: int) -> None:
    """Put all calls, so many at once."""
    rest = iter(numbers)

    async def asker() -> None:
        for number in rest:
            await client.ask(call_of(number), None)

    await asyncio.gather(*(asker() for _ in range(at_once)))


def rate(calls: int, run: Callable[[], Awaitable[None]]) -> float:
    """Calls a second."""
    began = time.perf_counter()
    asyncio.run(_awaited(run))
    return calls / (time.perf_counter() - began)


async def _awaited(run: Callable[[], Awaitable[None]]) -> None:
    await run()


def peak_mib() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def throughput(folder: Path, calls: int, at_once: int, latency_s: float) -> None:
    """Print one row: the model alone, through a new ledger, and from the ledger."""
    alone, through, again = [], [], []
    for repeat in range(REPEATS):
        with Ledger(folder / f"rate_{latency_s}_{repeat}.sqlite") as ledger:
            model = Silent(latency_s)
            for rates, client in (
                (alone, model),
                (through, RecordedClient(ledger, model)),
                (again, RecordedClient(ledger, None, replay=True, name=model.name)),
            ):
                rates.append(rate(calls, lambda client=client: ask_all(client, range(calls), at_once)))
    medians = [statistics.median(rates) for rates in (alone, through, again)]
    print(
        f"model of {latency_s * 1000:2.0f} ms, {calls} calls, {at_once} at once: alone {medians[0]:.0f}/s, "
        f"through the ledger {medians[1]:.0f}/s ({medians[1] / medians[0]:.2f}), from the ledger {medians[2]:.0f}/s",
        flush=True,
    )


def growth(folder: Path, rows: int, at_once: int) -> None:
    """Print size and memory while a ledger grows, and the time of what reads all of it."""
    model = Silent()
    with Ledger(folder / "growth.sqlite") as ledger:
        client = RecordedClient(ledger, model)
        print(f"{'rows':>8} {'peak MiB':>9} {'file MB':>8}")
        step = rows // 10
        for start in range(0, rows, step):
            asyncio.run(ask_all(client, range(start, start + step), at_once))
            size = sum(path.stat().st_size for path in folder.glob("growth.sqlite*")) / 1e6
            print(f"{start + step:>8} {peak_mib():9.0f} {size:8.0f}", flush=True)
        for what, run in (
            ("stats", lambda: len(ledger_stats(ledger))),
            ("export", lambda: store.save(folder / "e.jsonl", ledger.entries(), LedgerEntry)),
            ("last 5", lambda: len(list(ledger.entries(last=5)))),
        ):
            began = time.perf_counter()
            run()
            print(f"{what}: {time.perf_counter() - began:.2f} s, peak {peak_mib():.0f} MiB", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--folder", type=Path, help="where the ledgers are made; default: a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        throughput(Path(folder), given.calls, given.at_once, 0.0)
        throughput(Path(folder), given.calls // 4, given.at_once, 0.05)
        throughput(Path(folder), given.calls // 10, given.at_once, 0.5)
        growth(Path(folder), given.rows, given.at_once)


if __name__ == "__main__":
    main()
