"""What the model client costs beside a bare loop over the openai SDK, and whether its memory grows with the calls.

    python benchmarks/model_client.py [--calls 2000] [--rounds 5] [--many 20000] [--side 512]

A fault server without faults answers on loopback after 5 ms, in a process of its own. Each round times both with 32
requests under way, the bare loop being its `chat.completions.create` and nothing else; the order turns
with every round. Prints calls a second and the median ratio (1.0: as fast as the bare loop), then peak memory after a
first and after all of `--many` streamed calls. A picture of `--side` pixels goes with every call. Linux.
"""

import argparse
import asyncio
import base64
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from openai import AsyncOpenAI

from neuroonco.models.endpoints import resolve
from neuroonco.models.picture import encode_picture
from neuroonco.models.records import ModelCall, Turn
from neuroonco.models.served import ServedClient
from neuroonco.vocabulary import CallStatus

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from fault_server import started

CONCURRENCY = 32
LATENCY_S = 0.005
Ask = Callable[[int], Awaitable[None]]


async def crowd(ask: Ask, numbers: Iterator[int]) -> None:
    """Ask for every number, 32 at a time."""

    async def worker() -> None:
        for number in numbers:
            await ask(number)

    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))


@asynccontextmanager
async def bare(url: str, image: bytes) -> AsyncIterator[Ask]:
    """The SDK alone."""
    shown = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    async with AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as sdk:

        async def ask(number: int) -> None:
            parts = [{"type": "image_url", "image_url": {"url": shown}}, {"type": "text", "text": f"slice {number}"}]
            done = await sdk.chat.completions.create(
                model="fake",
                messages=[{"role": "user", "content": parts}],  # type: ignore[list-item, misc]
                max_tokens=1024,
                temperature=0.0,
            )
            if not done.choices[0].message.content:
                raise SystemExit("the bare loop got no answer")

        yield ask


@asynccontextmanager
async def served(url: str, image: bytes) -> AsyncIterator[Ask]:
    """The project's client."""
    async with ServedClient(resolve(f"vllm:fake@{url}")) as client:

        async def ask(number: int) -> None:
            turn = Turn(role="user", text=f"slice {number}")
            call = ModelCall(purpose="benchmark", prompt_name="none", prompt_sha256="0", turns=(turn,))
            answer = await client.ask(call, image)
            if answer.status is not CallStatus.OK or answer.attempts != 1:
                raise SystemExit(f"the client got no answer: {answer}")

        yield ask


async def calls_per_s(kind: Callable[[str, bytes], object], url: str, image: bytes, calls: int) -> float:
    """Throughput of one kind of client, after some calls to warm up."""
    async with kind(url, image) as ask:  # type: ignore[attr-defined]
        await crowd(ask, iter(range(CONCURRENCY)))
        start = time.perf_counter()
        await crowd(ask, iter(range(calls)))
        return calls / (time.perf_counter() - start)


def peak_mb() -> float:
    """Peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    pixels = np.random.default_rng(0).integers(0, 40, (options.side, options.side), dtype=np.uint8)
    image = encode_picture(pixels, resolve("vllm:fake").endpoint).data
    print(f"{CONCURRENCY} under way, {LATENCY_S * 1000:g} ms an answer, {len(image) // 1024} KiB a picture")
    with started("--latency", str(LATENCY_S)) as url:
        ratios = []
        for number in range(options.rounds):
            order = (bare, served) if number % 2 else (served, bare)
            found = {kind: await calls_per_s(kind, url, image, options.calls) for kind in order}
            ratios.append(found[served] / found[bare])
            print(f"bare {found[bare]:.0f} calls/s, client {found[served]:.0f} calls/s, ratio {ratios[-1]:.3f}")
        print(f"median ratio {statistics.median(ratios):.3f} of {options.rounds} rounds of {options.calls} calls")
        async with served(url, image) as ask:
            await crowd(ask, iter(range(options.many // 10)))
            first = peak_mb()
            await crowd(ask, iter(range(options.many // 10, options.many)))
            print(
                f"peak memory: {first:.0f} MB after {options.many // 10} calls, {peak_mb():.0f} MB after {options.many}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Throughput and memory of the model client.")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=512, help="of the picture, in pixels")
    asyncio.run(main(parser.parse_args()))
