"""The review room under eight clients, and killed while they save: is every acknowledged save there, once?

    python benchmarks/review.py [--seconds 30] [--clients 8] [--kills 5] [--place URL] [--json]

A room of 3,190 questions over drawn pictures is served by `neuroonco review serve`, as it is started by hand. Clients
do what a browser does: sign in, open a question, fetch its picture now and then, answer, and take one answer in ten
back. Half of the clients are readers of their own, the others are pairs of tabs of one reader on the same few
questions, so that they conflict.

- load: for some seconds, without pause. Lost is an acknowledged save without its event, doubled one with two; a
  conflict has to be kept as such, unless both tabs said the same. What is in force has to follow from the events.
- baseline: the same number of clients against `review_baseline.py`, which commits one row a POST and checks nothing.
- kill: SIGKILL as soon as a number of further saves is acknowledged, and the server again on the same port; clients
  send again what was cut off, with the same id.

A claim fails where something is lost, doubled or refused; then the exit code is 1. Time is printed and fails nothing.
Linux.
"""

import argparse
import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from evaluate_material import like_published, pictures
from review_clients import Acknowledged, Reader, Seen

from neuroonco.review.room import Room
from neuroonco.review.room_records import EventKind, ReviewEvent

HERE = Path(__file__).resolve().parent
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
SHARED_QUESTIONS = 5
SAVES_BEFORE_A_KILL = 60
SEED = 2602


def command(*words: object) -> list[str]:
    """Our command."""
    return [sys.executable, "-m", "neuroonco", *(str(word) for word in words)]


@contextmanager
def served(arguments: list[str]) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A server that prints its address; ended by SIGTERM where it still runs."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    try:
        yield _address(process), process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := ADDRESS.search(line):
            return found[0]
    raise SystemExit(f"the server did not start: {process.communicate()[1]}")


def material(folder: Path, place: str, readers: list[str]) -> tuple[dict[str, str], Path]:
    """A room with its pictures; gives the readers' tokens and the root."""
    benchmark, root = folder / "benchmark_closed.json", folder / "images"
    images = like_published(np.random.default_rng(SEED))
    benchmark.write_text(json.dumps(images), encoding="utf-8")
    pictures(root, [image["image_path"] for image in images], SEED)
    names = [word for name in readers for word in ("--reader", name)]
    everyone = ("--per-item", len(readers))
    subprocess.run(command("review", "import", benchmark, "--room", place, *names, *everyone), check=True)
    tokens = {}
    for name in readers:
        done = subprocess.run(command("review", "invite", place, name), check=True, capture_output=True, text=True)
        tokens[name] = done.stdout.strip().split()[-1]
    return tokens, root


def clients_of(number: int, tokens: dict[str, str], address: Callable[[], str], seen: Seen) -> list[Reader]:
    """Half of them readers of their own, the others in pairs of tabs on the same few questions."""
    own = number // 2
    alone = [Reader(f"reader {n}", tokens[f"reader {n}"], address, n, seen) for n in range(own)]
    names = [(f"pair {n // 2}", own + n) for n in range(number - own)]
    return alone + [Reader(name, tokens[name], address, n, seen, SHARED_QUESTIONS) for name, n in names]


def readers_for(number: int) -> list[str]:
    """Names of the readers behind so many clients."""
    own = number // 2
    return [f"reader {n}" for n in range(own)] + [f"pair {n}" for n in range((number - own + 1) // 2)]


def check(place: str, seen: Seen) -> dict[str, Any]:
    """Hold what was acknowledged against the events."""
    with Room(place) as room:
        events = list(room.events())
        keys = sorted({event.key for event in events})
        states = {key: room.state(key) for key in keys}
    by_save: dict[str, list[ReviewEvent]] = defaultdict(list)
    for event in events:
        by_save[event.save_id].append(event)
    last = {one.save_id: one for one in seen.acknowledged}
    same = _same_as_in_force(events)
    lost = [one for one in last.values() if not _is_there(one, by_save[one.save_id], same)]
    lanes: dict[tuple[str, str], list[ReviewEvent]] = defaultdict(list)
    for event in events:
        if event.version is not None:
            lanes[event.key, event.reader].append(event)
    gaps = [lane for lane, found in lanes.items() if [e.version for e in found] != list(range(1, len(found) + 1))]
    wrong = 0
    for (key, reader), found in lanes.items():
        stack: list[ReviewEvent] = []
        for event in found:
            if event.kind is EventKind.DECIDED:
                stack.append(event)
            else:
                stack.pop()
        state = states[key]
        assert state is not None
        lane = next(one for one in state.lanes if one.reader == reader and one.round.value == "first")
        wrong += lane.judgement != (stack[-1].judgement if stack else None) or lane.version != len(found)
    return {
        "acknowledged": len(last),
        "lost": len(lost),
        "doubled": sum(len(found) > 1 for found in by_save.values()),
        "gaps_in_versions": len(gaps),
        "lanes_wrong": wrong,
        "conflicts_kept": sum(event.kind is EventKind.CONFLICTED and event.save_id not in same for event in events),
        "conflicts_told": sum(one.kind == "conflicted" for one in last.values()),
    }


def _same_as_in_force(events: list[ReviewEvent]) -> set[str]:
    """Saves of stale pages that said what was in force already: the room keeps them and goes on without a question."""
    found: set[str] = set()
    lanes: dict[tuple[str, str], list[ReviewEvent]] = defaultdict(list)
    for event in events:
        stack = lanes[event.key, event.reader]
        if event.kind is EventKind.DECIDED:
            stack.append(event)
        elif event.kind is EventKind.UNDONE:
            stack.pop()
        elif event.kind is EventKind.CONFLICTED and stack and stack[-1].judgement == event.judgement:
            found.add(event.save_id)
    return found


def _is_there(one: Acknowledged, found: list[ReviewEvent], same: set[str]) -> bool:
    if len(found) != 1:
        return False
    event = found[0]
    answer = None if event.judgement is None else event.judgement.answer
    if (event.key, event.reader) != (one.key, one.reader) or one.answer not in (None, answer):
        return False
    kind = "decided" if one.save_id in same else event.kind.value
    return kind == one.kind


async def load(number: int, tokens: dict[str, str], address: str, seconds: float) -> Seen:
    """All clients for some seconds."""
    seen = Seen()
    clients = clients_of(number, tokens, lambda: address, seen)
    end = time.monotonic() + seconds
    await asyncio.gather(*(client.work(lambda: time.monotonic() > end) for client in clients))
    return seen


async def bare(number: int, address: str, seconds: float) -> list[float]:
    """The baseline's time a save, under as many clients."""
    spent: list[float] = []
    end = time.monotonic() + seconds

    async def one(client: httpx2.AsyncClient) -> None:
        while time.monotonic() < end:
            await client.get(address)
            begun = time.perf_counter()
            await client.post(address, data={"round": "first", "based_on": "0", "answer": "A", "elapsed_s": "3"})
            spent.append(time.perf_counter() - begun)

    async with httpx2.AsyncClient(timeout=30) as client:
        await asyncio.gather(*(one(client) for _ in range(number)))
    return spent


async def kills(number: int, tokens: dict[str, str], start: list[str], times: int) -> tuple[Seen, int]:
    """Kill the server some times while all clients save."""
    seen = Seen()
    process = subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    address = _address(process)
    port = address.rpartition(":")[2]
    again = [*start[: start.index("--port")], "--port", port]
    clients = clients_of(number, tokens, lambda: address, seen)
    over = False
    tasks = [asyncio.create_task(client.work(lambda: over)) for client in clients]
    try:
        for _ in range(times):
            goal = len(seen.acknowledged) + SAVES_BEFORE_A_KILL
            while len(seen.acknowledged) < goal and not all(task.done() for task in tasks):
                await asyncio.sleep(0.001)
            process.kill()
            process.communicate()
            process = subprocess.Popen(again, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
            await asyncio.to_thread(_address, process)
        over = True
        await asyncio.gather(*tasks)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
    return seen, times


def quantiles(spent: list[float]) -> dict[str, float]:
    """Milliseconds."""
    values = np.asarray(spent) * 1000
    return {name: round(float(np.percentile(values, q)), 1) for name, q in (("p50", 50), ("p95", 95), ("p99", 99))}


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser(prog="review.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--place", help="database URL of an empty database; default: SQLite in a temporary folder")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="review-") as name:
        folder = Path(name)
        place = given.place or str(folder / "room.sqlite")
        tokens, root = material(folder, place, readers_for(given.clients))
        start = command("review", "serve", place, "--root", root, "--port", 0)
        with served(start) as (address, _):
            seen = asyncio.run(load(given.clients, tokens, address, given.seconds))
        found: dict[str, Any] = {"load": check(place, seen) | {"errors": Counter(seen.errors)}}
        found["load"] |= {"saves_a_second": round(len(seen.save_s) / given.seconds, 1)}
        found["load"] |= {"save_ms": quantiles(seen.save_s), "page_ms": quantiles(seen.page_s)}
        with served([sys.executable, str(HERE / "review_baseline.py"), name]) as (address, _):
            base = quantiles(asyncio.run(bare(given.clients, address, min(given.seconds, 10))))
        ratio = round(found["load"]["save_ms"]["p99"] / base["p99"], 2)
        found["baseline"] = {"save_ms": base, "ratio_p99": ratio}
        if given.kills:
            seen, times = asyncio.run(kills(given.clients, tokens, start, given.kills))
            found["kill"] = check(place, seen) | {
                "errors": Counter(seen.errors),
                "kills": times,
                "cut_off": seen.unsure,
            }
    claims = {
        f"{part}: {what} is 0": found[part][what] == 0
        for part in found
        if part != "baseline"
        for what in ("lost", "doubled", "gaps_in_versions", "lanes_wrong")
    } | {f"{part}: no error": not found[part]["errors"] for part in found if part != "baseline"}
    if given.json:
        print(json.dumps(found | {"claims": claims}, indent=2))
    else:
        for part, figures in found.items():
            print(part, json.dumps(figures))
        for claim, holds in claims.items():
            print("holds" if holds else "FAILS", claim)
    raise SystemExit(0 if all(claims.values()) else 1)


if __name__ == "__main__":
    main()
