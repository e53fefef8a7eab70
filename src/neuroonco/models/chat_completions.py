"""OpenAI's chat completions, which most servers speak."""

import json
from typing import Any

from neuroonco.models.dialects import DialectReply, base64_text, count_of, joined_text, mapping, name_of
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.picture import media_type
from neuroonco.models.records import AnswerSchema, ModelCall
from neuroonco.models.retry import MalformedAnswerError


class ChatCompletions:
    """The dialect of OpenAI, vLLM, SGLang, Ollama, OpenRouter, and of Gemini's compatible layer."""

    path = "/chat/completions"

    def headers(self, key: str | None) -> dict[str, str]:
        """See :meth:`neuroonco.models.dialects.Dialect.headers`."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(self, call: ModelCall, image: bytes | None, endpoint: Endpoint, model_id: str) -> dict[str, Any]:
        """See :meth:`neuroonco.models.dialects.Dialect.body`; the picture goes with the first turn of the user."""
        body: dict[str, Any] = {"model": model_id, "messages": _messages(call, image, endpoint)}
        body[endpoint.max_tokens_name] = call.max_tokens + endpoint.reasoning_tokens
        if endpoint.reasoning_effort is not None:
            body["reasoning_effort"] = endpoint.reasoning_effort
        if call.temperature is not None and endpoint.temperature_supported:
            body["temperature"] = call.temperature
        if call.seed is not None and endpoint.seed_supported:
            body["seed"] = call.seed
        if call.schema_ is not None and endpoint.json_schema != "none":
            body["response_format"] = _response_format(call.schema_, strict=endpoint.json_schema == "strict")
        return body

    def reply(self, document: Any) -> DialectReply:
        """See :meth:`neuroonco.models.dialects.Dialect.reply`."""
        document = mapping(document, "JSON object")
        if "error" in document and document["error"] is not None:
            raise MalformedAnswerError("an error under HTTP 200")
        choices = document.get("choices")
        choice = mapping(choices[0] if isinstance(choices, list) and choices else None, "choice")
        message = mapping(choice.get("message"), "message")
        finish, refusal = name_of(choice.get("finish_reason")), message.get("refusal")
        if finish == "error":
            raise MalformedAnswerError("finish reason `error`")
        refused = finish == "content_filter" or bool(joined_text(refusal))
        usage = document.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        return DialectReply(
            text=joined_text(message.get("content")) or joined_text(refusal),
            finish_reason=finish,
            served_model=name_of(document.get("model")),
            truncated=finish == "length",
            refused=refused,
            input_tokens=count_of(usage.get("prompt_tokens")),
            output_tokens=count_of(usage.get("completion_tokens")),
        )


def _messages(call: ModelCall, image: bytes | None, endpoint: Endpoint) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for turn in call.turns:
        content: Any = turn.text
        if image is not None and turn.role == "user":
            content = [_image_part(image, endpoint), {"type": "text", "text": turn.text}]
            image = None
        messages.append({"role": turn.role, "content": content})
    return messages


def _image_part(image: bytes, endpoint: Endpoint) -> dict[str, Any]:
    shown = {"url": f"data:{media_type(image)};base64,{base64_text(image)}"}
    if endpoint.image_detail is not None:
        shown["detail"] = endpoint.image_detail
    return {"type": "image_url", "image_url": shown}


def _response_format(schema: AnswerSchema, *, strict: bool) -> dict[str, Any]:
    if not strict:
        return {"type": "json_object"}
    inner = {"name": schema.name, "schema": json.loads(schema.document), "strict": True}
    return {"type": "json_schema", "json_schema": inner}
