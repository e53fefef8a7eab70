"""What is known of an endpoint of models: how to speak to it, what it takes, what it costs."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, model_validator

from neuroonco.outcomes import Record

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
MaxTokensName = Literal["max_tokens", "max_completion_tokens"]
JsonSchemaSupport = Literal["strict", "object", "none"]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
Dollars = Annotated[float, Field(ge=0, le=1e6, strict=True, allow_inf_nan=False)]
"""A number as such: no text and no true or false; a dollar for every token is the most."""


class Price(Record):
    """US dollars for a million tokens."""

    input: Dollars
    output: Dollars

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        """Price of one call.

        >>> Price(input=2.0, output=8.0).cost_usd(1000, 500)
        0.006
        """
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


class ModelTerms(Record):
    """What is different for some models of an endpoint; None leaves it as the endpoint has it."""

    max_tokens_name: MaxTokensName | None = None
    json_schema: JsonSchemaSupport | None = None
    image_max_side_px: Annotated[int, Field(ge=32, le=8192)] | None = None
    image_tokens_max: PositiveInt | None = None
    reasoning_effort: ReasoningEffort | None = None
    reasoning_tokens: Annotated[int, Field(ge=0)] | None = None
    price_usd_per_million: Price | None = None
    requests_per_minute: PositiveFloat | None = None
    tokens_per_minute: PositiveFloat | None = None
    concurrency: PositiveInt | None = None
    timeout_s: PositiveFloat | None = None
    temperature_supported: bool | None = None
    seed_supported: bool | None = None


class Endpoint(Record):
    """One place that serves models.

    Attributes:
        name: as it is written before the colon of a model's name.
        base_url: without it, a model's name has to end in ``@URL``.
        key_variable: environment variable that holds the key; None where there is none.
        key_required: False where a server may or may not ask for a key.
        plain_http_allowed: permits a key over ``http://`` to another machine.
        adapter: the API that is spoken.
        max_tokens_name: spelling of the limit of an answer.
        json_schema: ``strict`` where a schema is enforced, ``object`` where only JSON is, ``none`` where neither is.
        image_max_side_px: pictures are made smaller than this; never larger than they are.
        image_detail: OpenAI's ``detail`` of a picture; None leaves it to the endpoint.
        image_tokens_max: the most tokens that a picture is billed as; None: one for 750 pixels of the largest side.
        reasoning_effort: how much a model thinks that can be told so; None leaves it to the endpoint.
        reasoning_tokens: how many a model may spend on thoughts before it answers; added to the limit of its answer.
        price_usd_per_million: None where it is not known; then no limit of cost can be kept.
        requests_per_minute, tokens_per_minute: limits of an account; None for none.
        concurrency: most requests under way at once.
        timeout_s: of one request, from its start to the last byte of its answer.
        temperature_supported, seed_supported: what is not supported is not sent.
        batch_files: takes batches as files, as OpenAI does.
        models: pattern of a model id (``*`` and ``?``) -> what is different for it; the first that fits counts.
    """

    name: str
    base_url: str | None = None
    key_variable: str | None = None
    key_required: bool = True
    plain_http_allowed: bool = False
    adapter: Literal["openai", "anthropic"] = "openai"
    max_tokens_name: MaxTokensName = "max_tokens"
    json_schema: JsonSchemaSupport = "none"
    image_max_side_px: Annotated[int, Field(ge=32, le=8192)] = 1024
    image_format: Literal["png", "jpeg"] = "png"
    image_detail: Literal["low", "high", "auto"] | None = None
    image_tokens_max: PositiveInt | None = None
    reasoning_effort: ReasoningEffort | None = None
    reasoning_tokens: Annotated[int, Field(ge=0)] = 0
    price_usd_per_million: Price | None = None
    requests_per_minute: PositiveFloat | None = None
    tokens_per_minute: PositiveFloat | None = None
    concurrency: PositiveInt = 8
    timeout_s: PositiveFloat = 120.0
    temperature_supported: bool = True
    seed_supported: bool = True
    batch_files: bool = False
    models: dict[str, ModelTerms] = Field(default_factory=dict)
    description: str
    source: str

    @model_validator(mode="after")
    def _can_be_said(self) -> "Endpoint":
        told = (self.reasoning_effort, *(terms.reasoning_effort for terms in self.models.values()))
        if self.adapter != "openai" and any(effort is not None for effort in told):
            raise ValueError("reasoning_effort is for the adapter openai")
        return self

    def terms_of(self, model_id: str) -> "Endpoint":
        """The endpoint as it is for one of its models."""
        for pattern, terms in self.models.items():
            if fnmatchcase(model_id, pattern):
                different = {name: value for name, value in terms if value is not None}
                return self.model_copy(update=different)
        return self
