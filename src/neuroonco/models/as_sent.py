"""Calls as their endpoint is sent them, so that a request's hash stands for what was asked, and how."""

from typing import Any

from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelAnswer, ModelCall

WAYS = {
    *("adapter", "image_detail", "image_format", "image_max_side_px", "json_schema"),
    *("reasoning_effort", "reasoning_tokens", "seed_supported", "temperature_supported"),
}


def as_sent(call: ModelCall, endpoint: Endpoint) -> ModelCall:
    """A call without what its endpoint is not sent, and with what is sent beside it; done twice it stays the same.

    >>> from neuroonco.models.endpoints import resolve
    >>> from neuroonco.models.records import Turn
    >>> call = ModelCall(purpose="a", prompt_name="p", prompt_sha256="0", turns=(Turn(role="user", text="Hi"),))
    >>> sent = as_sent(call, resolve("openai:gpt-5").endpoint)
    >>> sent.temperature, sent.settings
    (None, ('reasoning_tokens=16384',))
    """
    openai = endpoint.adapter == "openai"
    takes_schema = endpoint.json_schema == "strict" or (openai and endpoint.json_schema == "object")
    has_schema, has_picture = takes_schema and call.schema_ is not None, call.image_sha256 is not None
    said = {
        "adapter": None if openai else endpoint.adapter,
        "image_detail": endpoint.image_detail if openai and has_picture else None,
        "json_schema": endpoint.json_schema if has_schema and endpoint.json_schema != "strict" else None,
        "reasoning_effort": endpoint.reasoning_effort,
        "reasoning_tokens": endpoint.reasoning_tokens or None,
    }
    return call.model_copy(
        update={
            "schema_": call.schema_ if takes_schema else None,
            "temperature": call.temperature if endpoint.temperature_supported else None,
            "seed": call.seed if openai and endpoint.seed_supported else None,
            "settings": tuple(f"{name}={value}" for name, value in said.items() if value is not None),
        }
    )


def ways_of_asking(endpoint: Endpoint) -> dict[str, Any]:
    """What of an endpoint decides how its models are asked, and so what they answer; where it is does not."""
    return endpoint.model_dump(mode="json", include=WAYS)


class AsSent:
    """A :class:`~neuroonco.models.protocol.ModelClient` whose calls are those that the endpoint is sent.

    It stands before the ledger: what the ledger holds for one way of asking is no answer to another.

    Args:
        client: takes the calls.
        endpoint: of the model.
    """

    def __init__(self, client: ModelClient, endpoint: Endpoint) -> None:
        self._client, self._endpoint = client, endpoint

    @property
    def name(self) -> str:
        """See :attr:`neuroonco.models.protocol.ModelClient.name`."""
        return self._client.name

    async def ask(self, call: ModelCall, image: bytes | None) -> ModelAnswer:
        """See :meth:`neuroonco.models.protocol.ModelClient.ask`."""
        return await self._client.ask(as_sent(call, self._endpoint), image)
