"""Anthropic's own API, because its compatible layer ignores the schema of an answer.

Source:
    platform.claude.com/docs, "OpenAI SDK compatibility" (``response_format``: ignored) and "Structured outputs".
"""

import json
from typing import Any

from neuroonco.models.dialects import DialectReply, base64_text, count_of, joined_text, mapping, name_of
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.picture import media_type
from neuroonco.models.records import ModelCall

API_VERSION = "2023-06-01"
UNSUPPORTED_KEYWORDS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems"}
)
"""Of JSON schema; they are left out, and the answer is checked by us in any case."""
TRUNCATED = ("max_tokens", "model_context_window_exceeded")


class AnthropicMessages:
    """The dialect of ``/v1/messages``."""

    path = "/messages"

    def headers(self, key: str | None) -> dict[str, str]:
        """See :meth:`neuroonco.models.dialects.Dialect.headers`."""
        return {"anthropic-version": API_VERSION} | ({"x-api-key": key} if key else {})

    def body(self, call: ModelCall, image: bytes | None, endpoint: Endpoint, model_id: str) -> dict[str, Any]:
        """See :meth:`neuroonco.models.dialects.Dialect.body`; turns of the system go before all others."""
        messages: list[dict[str, Any]] = []
        for turn in call.turns:
            if turn.role == "system":
                continue
            content: list[dict[str, Any]] = [{"type": "text", "text": turn.text}]
            if image is not None and turn.role == "user":
                source = {"type": "base64", "media_type": media_type(image), "data": base64_text(image)}
                content.insert(0, {"type": "image", "source": source})
                image = None
            messages.append({"role": turn.role, "content": content})
        max_tokens = call.max_tokens + endpoint.reasoning_tokens
        body: dict[str, Any] = {"model": model_id, "max_tokens": max_tokens, "messages": messages}
        if system := "\n\n".join(turn.text for turn in call.turns if turn.role == "system"):
            body["system"] = system
        if call.temperature is not None and endpoint.temperature_supported:
            body["temperature"] = call.temperature
        if call.schema_ is not None and endpoint.json_schema == "strict":
            schema = _supported(json.loads(call.schema_.document))
            body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        return body

    def reply(self, document: Any) -> DialectReply:
        """See :meth:`neuroonco.models.dialects.Dialect.reply`."""
        document = mapping(document, "JSON object")
        mapping(document if isinstance(document.get("content"), list) else None, "content")
        finish, usage = name_of(document.get("stop_reason")), document.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        return DialectReply(
            text=joined_text(document["content"]),
            finish_reason=finish,
            served_model=name_of(document.get("model")),
            truncated=finish in TRUNCATED,
            refused=finish == "refusal",
            input_tokens=count_of(usage.get("input_tokens")),
            output_tokens=count_of(usage.get("output_tokens")),
        )


def _supported(schema: Any, *, is_names: bool = False) -> Any:
    """A schema without what the API does not take; names of fields are no keywords."""
    if isinstance(schema, list):
        return [_supported(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: inner for name, inner in schema.items() if is_names or name not in UNSUPPORTED_KEYWORDS}
    named = ("properties", "$defs", "definitions")
    return {name: _supported(inner, is_names=not is_names and name in named) for name, inner in kept.items()}
