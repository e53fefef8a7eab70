"""What tests of model clients share: a clock that never waits, calls, and a model behind a fault server."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from fault_server import FaultServer, serving
from neuroonco.models.endpoints import ResolvedModel, resolve
from neuroonco.models.pacing import Clock, CostBudget
from neuroonco.models.records import AnswerSchema, ModelAnswer, ModelCall, Turn
from neuroonco.models.retry import Patience
from neuroonco.models.served import ServedClient

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCHEMA = AnswerSchema(
    name="sign",
    document=json.dumps(
        {
            "type": "object",
            "properties": {
                "shape": {"enum": ["Round", "Oval"], "type": "string"},
                "size": {"type": "number", "minimum": 0},
            },
            "required": ["shape", "size"],
            "additionalProperties": False,
        }
    ),
)


class FakeTime:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(seconds=lambda: self.now_s, utc=lambda: START + timedelta(seconds=self.now_s), sleep=self.sleep)


def call(text: str = "What is it?", **changes: Any) -> ModelCall:
    """One call of one turn."""
    fields = {"purpose": "test", "prompt_name": "none", "prompt_sha256": "0", "turns": (Turn(role="user", text=text),)}
    return ModelCall(**{**fields, **changes})


def model_at(url: str, provider: str = "vllm", **changes: Any) -> ResolvedModel:
    """A model behind a URL, with a changed endpoint."""
    found = resolve(f"{provider}:fake@{url}")
    return found.model_copy(update={"endpoint": found.endpoint.model_copy(update=changes)})


@asynccontextmanager
async def client_of(
    server: FaultServer,
    *,
    time: FakeTime | None = None,
    budget: CostBudget | None = None,
    patience: Patience | None = None,
    provider: str = "vllm",
    **changes: Any,
) -> AsyncIterator[ServedClient]:
    """A client of a fault server in the same loop, with time that does not pass."""
    clock = (time or FakeTime()).clock
    async with serving(server) as url:
        model = model_at(url, provider, **changes)
        async with ServedClient(model, budget=budget, patience=patience, clock=clock) as client:
            yield client


def answers_of(
    server: FaultServer, calls: Sequence[ModelCall], image: bytes | None = None, **options: Any
) -> list[ModelAnswer]:
    """Answers to some calls that are asked at once."""

    async def run() -> list[ModelAnswer]:
        async with client_of(server, **options) as client:
            return list(await asyncio.gather(*(client.ask(one, image) for one in calls)))

    return asyncio.run(run())


def answer_of(server: FaultServer, image: bytes | None = None, **options: Any) -> ModelAnswer:
    """Answer to one call."""
    return answers_of(server, [call()], image, **options)[0]
