"""Ask a model about many slices: through the ledger, many at a time, with memory that does not grow.

Stages ask twice. First everything is put to the model here, in one event loop, and all that is kept is in the ledger.
Then the stage runs as every other one does, in shards and processes, and takes its answers from the ledger alone: what
it writes does not depend on the order in which answers came, and a replay without a network writes the same bytes.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from neuroonco.errors import InputError, ProviderError, UsageError
from neuroonco.models.as_sent import AsSent
from neuroonco.models.crowd import Brake, run_crowd
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.endpoints import ResolvedModel, resolve
from neuroonco.models.prices import load_prices
from neuroonco.models.protocol import ModelClient
from neuroonco.walk.local_model import AsAsked, LocalModel

if TYPE_CHECKING:
    from neuroonco.models.pacing import CostBudget
    from neuroonco.models.recorded import CallCounts
    from neuroonco.models.retry import Patience

T = TypeVar("T")
R = TypeVar("R")
Ask = Callable[[ModelClient, T], Coroutine[Any, Any, R]]
LEDGER_FILE = "ledger.sqlite"
"""Name of the ledger where none is named: in a run's folder, or beside the file that is written."""


class Respondent(Protocol):
    """Whom to ask: a :class:`~neuroonco.models.endpoints.ResolvedModel`, or a model of this machine."""

    @property
    def name(self) -> str:
        """A part of every request hash."""
        ...

    @property
    def endpoint(self) -> Endpoint:
        """How it is spoken to."""
        ...


class ClosableClient(ModelClient, Protocol):
    """A client that holds connections, or a model."""

    async def aclose(self) -> None:
        """Let go of them."""
        ...


@dataclass
class Asking:
    """How models are asked in one command; nothing of it changes what an answer that is there says.

    Attributes:
        ledger: file or URL; None: :data:`LEDGER_FILE` in the folder of the run.
        endpoints: the user's TOML of endpoints.
        replay: take every answer from the ledger.
        max_cost_usd: of all models and stages together, in this command.
        concurrency: calls under way at once; None: as the endpoint says.
        patience: how long a call is tried; None: as long as the client thinks right.
        batch: hand calls to the provider as files, and collect the answers in a later run.
        say: is given a line on what was asked.
        prices: the user's TOML of prices, laid over those of the endpoints.
        budget: what all stages share, from the first that asks.
        counts: what became of the calls to the last model that was asked, also while it is asked; None in batches.
    """

    ledger: str | Path | None = None
    endpoints: Path | None = None
    replay: bool = False
    max_cost_usd: float | None = None
    concurrency: int | None = None
    patience: "Patience | None" = None
    batch: bool = False
    say: Callable[[str], None] = lambda _line: None
    prices: Path | None = None
    budget: "CostBudget | None" = field(default=None, init=False)
    counts: "CallCounts | None" = field(default=None, init=False)

    @property
    def spent_usd(self) -> float:
        """So far; an answer without counted tokens, or a lost one, with the most that it was thought to cost."""
        return 0.0 if self.budget is None else self.budget.spent_usd

    def resolved(self, name: str) -> ResolvedModel:
        """A model by its name.

        Raises:
            UsageError, InputError: see :func:`neuroonco.models.endpoints.resolve` and
                :func:`neuroonco.models.prices.load_prices`.
        """
        model = resolve(name, self.endpoints)
        changed: dict[str, Any] = {} if self.concurrency is None else {"concurrency": self.concurrency}
        if self.prices is not None and (price := load_prices(self.prices).of(model.name)) is not None:
            changed["price_usd_per_million"] = price
        return model.model_copy(update={"endpoint": model.endpoint.model_copy(update=changed)}) if changed else model

    def place(self, folder: Path) -> str:
        """Where the ledger of a command is that writes into ``folder``."""
        place = str(self.ledger or folder / LEDGER_FILE)
        return place if "://" in place else str(Path(place).absolute())


def ask_all(
    items: Iterable[T],
    ask: Ask[T, R],
    model: Respondent,
    asking: Asking,
    place: str,
    *,
    what: str = "",
    whom: str | None = None,
    each: Callable[[R], None] = lambda _result: None,
    progress: Callable[[int], None] = lambda _done: None,
) -> int:
    """Put all items to a model.

    Args:
        items: taken as there is room.
        ask: what to ask of one.
        model: whom.
        asking: how.
        place: of the ledger.
        what: is asked, in the line that says what became of it.
        whom: is named there; None: the model by its own name.
        each: takes the results, in the order of the items.
        progress: told how many have come.

    Returns:
        How many answers the ledger did not hold before.

    Raises:
        PrerequisiteError: no key.
        ProviderError: the limit of cost is reached, or no call was answered; what was answered is in the ledger.
        InputError: the ledger cannot be used, or holds none of the answers that are to be replayed.
        UsageError: options that exclude each other.
        PendingError: the provider works on batches.
    """
    ask, asking.counts = asked_as_sent(ask, model), None
    if asking.batch and not asking.replay:
        from neuroonco.walk.batching import ask_in_batches

        if asking.max_cost_usd is not None:
            what = "what a batch costs is known when it is done"
            raise UsageError("BATCH_COST", what, fix="leave --max-cost or --batch out")
        if not isinstance(model, ResolvedModel):
            raise UsageError("BATCH_UNSUPPORTED", f"{model.name} takes no batches of files", fix="leave --batch out")
        return ask_in_batches(items, ask, model, place, each=each, progress=progress)
    shown = f"{what} by {whom or model.name}" if what else whom or model.name
    counts = _ask_at_once(items, ask, model, asking, place, shown, each, progress)
    _require_answers(model, counts)
    return sum(counts.asked.values())


def asked_as_sent(ask: Ask[T, R], model: Respondent) -> Ask[T, R]:
    """The same question, whose calls the ledger knows by what the model is sent."""
    if isinstance(model, LocalModel):
        local = model.client
        return lambda client, item: ask(AsAsked(client, local), item)
    return lambda client, item: ask(AsSent(client, model.endpoint), item)


def _ask_at_once(
    items: Iterable[T],
    ask: Ask[T, R],
    model: Respondent,
    asking: Asking,
    place: str,
    shown: str,
    each: Callable[[R], None],
    progress: Callable[[int], None],
) -> "CallCounts":
    """What became of the calls."""
    from neuroonco.models.ledger import Ledger
    from neuroonco.models.recorded import RecordedClient

    brake = Brake()
    served = None if asking.replay else _served(model, asking, brake.stopping)
    with Ledger(place, create=not asking.replay) as ledger:
        client = RecordedClient(
            ledger,
            served,
            replay=asking.replay,
            name=model.name,
            repeats_itself=isinstance(model, LocalModel),
            stopping=brake.stopping,
        )
        asking.counts = client.counts
        try:
            run_crowd(
                items,
                lambda item: ask(client, item),
                at_once=model.endpoint.concurrency,
                each=each,
                progress=progress,
                brake=brake,
                close=None if served is None else served.aclose,
            )
        finally:
            asking.say(line_of(shown, client.counts))
    return client.counts


def _served(model: Respondent, asking: Asking, stopping: Callable[[], bool]) -> ClosableClient:
    if isinstance(model, LocalModel):
        return model.client
    if not isinstance(model, ResolvedModel):
        raise TypeError(f"nobody can be asked by {type(model).__name__}")
    from neuroonco.models.pacing import CostBudget
    from neuroonco.models.served import ServedClient

    if asking.budget is None:
        asking.budget = CostBudget(asking.max_cost_usd)
    return ServedClient(model, budget=asking.budget, patience=asking.patience, stopping=stopping, say=asking.say)


def _require_answers(model: Respondent, counts: "CallCounts") -> None:
    """Refuse to call it done where not one call was answered, well or not."""
    if counts.from_ledger:
        return
    if counts.missing:
        fix = "pass the ledger that was written when the model was asked, or leave --replay out"
        raise InputError("LEDGER_MISSES", f"the ledger holds no answer of {model.name} to these calls", fix=fix)
    from neuroonco.models.recorded import FAILED

    if counts.asked and FAILED.issuperset(counts.asked):
        what = f"{counts.failure or 'no reason given'}; none of {sum(counts.asked.values())} calls was answered"
        is_served = isinstance(model, ResolvedModel)
        where = model.shown if isinstance(model, ResolvedModel) else model.name
        fix = f"check the {'endpoint' if is_served else 'model'} and run it again"
        raise ProviderError("MODEL_UNANSWERED", what, where=where, fix=fix)


def line_of(what: str, counts: "CallCounts") -> str:
    """One line on what was asked of whom, and what it cost."""
    asked = sum(counts.asked.values())
    ends = _list({status.value: n for status, n in counts.asked.items()})
    parts = [f"{what}: {asked} calls asked{ends}"]
    if counts.retries:
        parts.append(f"{counts.retries} requests tried again")
    parts.append(f"{counts.from_ledger} answered by the ledger")
    if counts.joined:
        parts.append(f"{counts.joined} the same as another, asked once")
    if counts.missing:
        parts.append(f"{counts.missing} not in the ledger")
    parts.append(f"{counts.input_tokens} tokens in, {counts.output_tokens} out")
    parts.append("cost unknown" if counts.unpriced and not counts.cost_usd else f"{counts.cost_usd:.4f} USD")
    return ", ".join(parts)


def _list(counts: Mapping[str, int]) -> str:
    shown = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()) if n)
    return f" ({shown})" if shown else ""
