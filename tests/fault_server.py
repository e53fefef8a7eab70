"""A model endpoint on loopback that misbehaves on purpose, the same way on every run.

    python tests/fault_server.py --port 0 --faults 0.3 --seed 7 --log calls.jsonl      prints "port 43127" first

Routes: ``POST /v1/chat/completions`` and ``GET /v1/models`` (OpenAI), ``POST /v1/messages`` (Anthropic). With
probability ``--faults`` a request meets one of :class:`Fault`, drawn from the seed, the content of the request and how
often that content came, so that neither order nor timing matters. Everything else is answered by
``answer_for(request) -> str``: by default :func:`fault_answers.valid_answer`, what the JSON schema of the request
permits or, without one, a reading or an audit. ``--answers MODULE:FUNCTION`` names another one.

The log has one JSON line when a request was read and one when its response was sent whole::

    {"event": "received", "request": HASH, "attempt": 1, "fault": null, "answered": false, "at_s": 0.013}
    {"event": "finished", "request": HASH, "attempt": 1, "fault": null, "answered": true, "at_s": 0.019}

``answered`` is true where a model's answer, good or bad, was sent. HASH is :func:`fault_answers.request_hash`. In a
test use ``async with serving(FaultServer(...)) as url``; in a process of its own, :func:`started`.
"""

import argparse
import asyncio
import importlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from fault_answers import request_hash, valid_answer

AnswerFor = Callable[[dict[str, Any]], str]


class Fault(StrEnum):
    """What can go wrong with a request: the first eight with the call, the others with the answer.

    ``GARBAGE``, bytes that no JSON holds, comes only where it is named.
    """

    RATE_LIMITED = "rate_limited"
    RATE_LIMITED_AFTER = "rate_limited_after"
    SERVER_ERROR = "server_error"
    DROPPED = "dropped"
    DROPPED_BODY = "dropped_body"
    BROKEN_BODY = "broken_body"
    SLOW = "slow"
    CUT_STOP = "cut_stop"
    CUT_LENGTH = "cut_length"
    WRONG_WORD = "wrong_word"
    PROSE = "prose"
    EMPTY = "empty"
    GARBAGE = "garbage"


STATUS_OF = {Fault.RATE_LIMITED: 429, Fault.RATE_LIMITED_AFTER: 429, Fault.SERVER_ERROR: 500}
UNANSWERED = {*STATUS_OF, Fault.DROPPED, Fault.DROPPED_BODY, Fault.BROKEN_BODY, Fault.GARBAGE}
USUAL = tuple(fault for fault in Fault if fault is not Fault.GARBAGE)


def spoiled(text: str, fault: Fault | None) -> str:
    """The answer as a fault leaves it."""
    if fault in (Fault.CUT_STOP, Fault.CUT_LENGTH):
        return text[: max(1, len(text) * 2 // 3)]
    if fault is Fault.PROSE:
        return f"Certainly. This is what I see:\n\n```json\n{text}\n```\n\nPlease consult a radiologist."
    if fault is Fault.WRONG_WORD:
        for word in ("Round", "Oval", "Lobulated", "Irregular", "ACCEPT", "T2"):
            if f'"{word}"' in text:
                return text.replace(f'"{word}"', '"Butterfly"', 1)
        return text + " (roughly)"
    return "" if fault is Fault.EMPTY else text


@dataclass
class FaultServer:
    """The endpoint.

    Attributes:
        faults: share of requests that meet a fault.
        only: the faults that are drawn from.
        shares: share of requests that meet each fault, in place of ``faults`` and ``only``.
        latency_s: time of every answer; ``slow_s`` is added by ``Fault.SLOW``.
        retry_after: value of that header, as ``Fault.RATE_LIMITED_AFTER`` sends it.
        answer_for: text of an answer.
        respond: if it gives (status, headers, body), that is sent instead, whatever the route.
        key: if given, requests without it are answered 401 with the key they had in the text, as bad servers do.
        requests: bodies of all requests, kept where ``keep`` is true; ``headers`` and ``paths`` beside them.
    """

    faults: float = 0.0
    seed: int = 0
    only: tuple[Fault, ...] = USUAL
    shares: dict[Fault, float] = field(default_factory=dict)
    latency_s: float = 0.0
    slow_s: float = 0.2
    retry_after: str = "0"
    answer_for: AnswerFor = valid_answer
    respond: Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes] | None] | None = None
    key: str | None = None
    log: TextIO | None = None
    keep: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    connections: set[asyncio.Task[None]] = field(default_factory=set)
    under_way: int = 0
    most_under_way: int = 0
    started_at: float = field(default_factory=time.monotonic)

    def fault_of(self, digest: str, attempt: int) -> Fault | None:
        """The fault that an attempt meets."""
        rng = random.Random(f"{self.seed}|{digest}|{attempt}")
        if self.shares:
            nothing = 1 - sum(self.shares.values())
            return rng.choices([*self.shares, None], [*self.shares.values(), nothing])[0]
        return rng.choice(self.only) if rng.random() < self.faults else None

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side closes it, or the server does."""
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            with suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self.connections.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        if method == "GET":
            listed = {"object": "list", "data": [{"id": "fake", "object": "model"}]}
            await _send(writer, 200 if path.endswith("/models") else 404, {}, json.dumps(listed).encode())
            return True
        body = json.loads(raw)
        if self.keep:
            self.requests.append(body)
            self.headers.append(headers)
            self.paths.append(path)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self._answer(writer, path, headers, body)
        finally:
            self.under_way -= 1

    async def _answer(
        self, writer: asyncio.StreamWriter, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> bool:
        digest = request_hash(body, path)
        self.attempts[digest] += 1
        attempt = self.attempts[digest]
        fault = self.fault_of(digest, attempt)
        self._note("received", digest, attempt, fault, answered=False)
        if self.latency_s or fault is Fault.SLOW:
            await asyncio.sleep(self.latency_s + (self.slow_s if fault is Fault.SLOW else 0.0))
        if fault is Fault.DROPPED:
            return False
        status, extra, data = self._response(path, headers, body, fault)
        await _send(writer, status, extra, data, cut=fault is Fault.DROPPED_BODY)
        self._note("finished", digest, attempt, fault, answered=status == 200 and fault not in UNANSWERED)
        return fault is not Fault.DROPPED_BODY

    def _response(
        self, path: str, headers: dict[str, str], body: dict[str, Any], fault: Fault | None
    ) -> tuple[int, dict[str, str], bytes]:
        if self.respond is not None and (given := self.respond(body)) is not None:
            return given
        shown = " ".join(headers.get(name, "") for name in ("authorization", "x-api-key"))
        if self.key is not None and self.key not in shown:
            return 401, {}, _error(f"Incorrect API key provided: {shown}", "invalid_api_key")
        if fault in STATUS_OF:
            after = {"Retry-After": self.retry_after} if fault is Fault.RATE_LIMITED_AFTER else {}
            return STATUS_OF[fault], after, _error("as planned", fault.value)
        form = next((f for part, f in DIALECTS.items() if part in path), None)
        if form is None:
            return 404, {}, _error("no such route", "not_found")
        if fault is Fault.GARBAGE:
            return 200, {}, random.Random(self.seed).randbytes(300)
        text = spoiled(self.answer_for(body), fault)
        data = json.dumps(form(text, str(body.get("model", "fake")), fault is Fault.CUT_LENGTH)).encode()
        return 200, {}, data[: len(data) // 2] if fault is Fault.BROKEN_BODY else data

    def _note(self, event: str, digest: str, attempt: int, fault: Fault | None, *, answered: bool) -> None:
        if self.log is not None:
            at_s = round(time.monotonic() - self.started_at, 4)
            line = {"event": event, "request": digest, "attempt": attempt, "fault": fault, "answered": answered}
            self.log.write(json.dumps({**line, "at_s": at_s}) + "\n")
            self.log.flush()


def _error(message: str, code: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": code, "code": code}}).encode()


def _openai(text: str, model: str, cut: bool) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "length" if cut else "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    head = {"id": "c1", "object": "chat.completion", "created": 0, "model": model}
    return {**head, "choices": [choice], "usage": usage}


def _anthropic(text: str, model: str, cut: bool) -> dict[str, Any]:
    content = [{"type": "text", "text": text}] if text else []
    return {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "max_tokens" if cut else "end_turn",
        "usage": {"input_tokens": 100, "output_tokens": 20},
    }


DIALECTS = {"/chat/completions": _openai, "/messages": _anthropic}


async def _send(
    writer: asyncio.StreamWriter, status: int, extra: dict[str, str], data: bytes, *, cut: bool = False
) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), **extra}
    head = f"HTTP/1.1 {status} Status\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(head.encode("latin-1") + b"\r\n" + (data[: len(data) // 2] if cut else data))
    await writer.drain()


@asynccontextmanager
async def serving(server: FaultServer, port: int = 0) -> AsyncIterator[str]:
    """Run a server in this event loop; gives its base URL, e.g. ``http://127.0.0.1:43127/v1``."""
    listener = await asyncio.start_server(server.connection, "127.0.0.1", port, limit=2**20, backlog=512)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    finally:
        listener.close()
        open_ones = list(server.connections)
        for task in open_ones:
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)


@contextmanager
def started(*arguments: str) -> Iterator[str]:
    """Run a server in a process of its own with these options; gives its base URL."""
    command = [sys.executable, __file__, "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().split()[1]}/v1"
        finally:
            process.kill()


def main(argv: list[str] | None = None) -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="A model endpoint on loopback that misbehaves on purpose.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests that meet a fault")
    parser.add_argument("--only", nargs="*", default=[f.value for f in USUAL], help="faults that are drawn from")
    parser.add_argument("--shares", nargs="*", default=[], help="FAULT=SHARE of requests, in place of these two")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds of every answer")
    parser.add_argument("--slow", type=float, default=0.2, help="seconds more of a slow one")
    parser.add_argument("--retry-after", default="0", help="value of that header")
    parser.add_argument("--answers", default="", help="MODULE:FUNCTION that answers")
    parser.add_argument("--log", type=Path, default=None)
    options = parser.parse_args(argv)
    answer_for = valid_answer
    if options.answers:
        module, _, function = options.answers.partition(":")
        answer_for = getattr(importlib.import_module(module), function)
    server = FaultServer(
        faults=options.faults,
        seed=options.seed,
        only=tuple(Fault(name) for name in options.only),
        shares={Fault(name): float(share) for name, share in (given.split("=") for given in options.shares)},
        latency_s=options.latency,
        slow_s=options.slow,
        retry_after=options.retry_after,
        answer_for=answer_for,
        log=options.log.open("a", encoding="utf-8") if options.log else None,
    )

    async def serve() -> None:
        async with serving(server, options.port) as url:
            print("port", url.rsplit(":", 1)[1].removesuffix("/v1"), flush=True)
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
