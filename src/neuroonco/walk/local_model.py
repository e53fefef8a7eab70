"""A model of this machine, as commands name it: ``local:PATH_OR_ID``."""

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Protocol

from neuroonco.errors import PrerequisiteError
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelAnswer, ModelCall

LOCAL = "local"
ENDPOINT = Endpoint(
    name=LOCAL,
    json_schema="none",
    seed_supported=False,
    description="A model of this machine, run by the extra `train`.",
    source="neuroonco",
)


class LocalClient(ModelClient, Protocol):
    """What is needed here of :class:`neuroonco.models.local.LocalClient`."""

    @property
    def at_once(self) -> int:
        """Calls to keep under way."""
        ...

    @property
    def ways(self) -> tuple[str, ...]:
        """What decides an answer beside the call and the weights, as ``name=value``."""
        ...

    def as_asked(self, call: ModelCall) -> ModelCall:
        """A call as this model takes it; its hash stands for what is asked, and how."""
        ...

    async def aclose(self) -> None:
        """Let go of the model."""
        ...


class AsAsked:
    """A :class:`~neuroonco.models.protocol.ModelClient` before the ledger, whose calls are as a local model takes them.

    Args:
        client: takes the calls.
        local: the model.
    """

    def __init__(self, client: ModelClient, local: LocalClient) -> None:
        self._client, self._local = client, local

    @property
    def name(self) -> str:
        """See :attr:`neuroonco.models.protocol.ModelClient.name`."""
        return self._client.name

    async def ask(self, call: ModelCall, image: bytes | None) -> ModelAnswer:
        """See :meth:`neuroonco.models.protocol.ModelClient.ask`."""
        return await self._client.ask(self._local.as_asked(call), image)


@dataclass(frozen=True)
class LocalOptions:
    """How a model of this machine is run.

    Attributes:
        batch_size: calls that are answered together.
        device: None for the best there is.
        dtype: of its numbers; ``auto`` as they are stored.
    """

    batch_size: int = 8
    device: str | None = None
    dtype: str = "auto"


class LocalModel:
    """A model of this machine; its weights are loaded when it is first asked.

    Args:
        place: folder or id.
        options: how it is run.
    """

    def __init__(self, place: str, options: LocalOptions) -> None:
        self.place, self.options = place, options

    @cached_property
    def client(self) -> LocalClient:
        """Whom to ask.

        Raises:
            PrerequisiteError: the extra is not installed.
            InputError, UsageError: no such model, or no such device.
        """
        try:
            local = import_module("neuroonco.models.local")
        except ImportError as error:
            missing = (error.name or "a library").partition(".")[0]
            what = f"local models need {missing}, which is not installed"
            raise PrerequisiteError("EXTRA_MISSING", what, fix="pip install 'neuroonco[train]'") from None
        chosen = self.options
        made: LocalClient = local.LocalClient(
            self.place, batch_size=chosen.batch_size, device=chosen.device, dtype=chosen.dtype
        )
        return made

    @property
    def name(self) -> str:
        """See :attr:`neuroonco.walk.asking.Respondent.name`; it holds the weights' fingerprint."""
        return self.client.name

    @property
    def endpoint(self) -> Endpoint:
        """See :attr:`neuroonco.walk.asking.Respondent.endpoint`."""
        return ENDPOINT.model_copy(update={"concurrency": self.client.at_once})
