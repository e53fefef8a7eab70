"""Records of model calls: what is asked, and what came back. Pictures travel beside them, as bytes."""

from neuroonco.outcomes import Record
from neuroonco.store import sha256_text
from neuroonco.vocabulary import CallStatus

HASH_VERSION = "call 2"
"""Changes with the way in which hashes are made, so that no hash of one way is taken for one of another."""
LABELS = {"purpose", "prompt_name", "prompt_sha256"}
"""What says where a call comes from, and does not reach the model."""


class Turn(Record):
    """One message of a conversation.

    Attributes:
        role: ``system``, ``user`` or ``assistant``; the picture belongs to the first turn of the user.
    """

    role: str
    text: str


class AnswerSchema(Record):
    """The JSON schema that an answer is to follow, where the endpoint can enforce one.

    Attributes:
        name: as providers want it: letters, digits and underscores.
        document: the schema as canonical JSON text (keys sorted, no spaces).
    """

    name: str
    document: str


class ModelCall(Record):
    """Everything that decides an answer, and nothing that names the slice: no path, no file name, no id.

    Attributes:
        purpose: what the answer is for, e.g. ``read_conservative``; for statistics, no part of the hash.
        prompt_name, prompt_sha256: the versioned prompt that the turns were rendered from; no part of it either.
        turns: the messages in order.
        image_sha256: of the bytes of the picture as sent; None where no picture is sent.
        schema_: what the answer is to follow.
        max_tokens: limit of the answer.
        temperature, seed: None leaves them to the endpoint.
        settings: how the endpoint is asked beside that, as ``name=value``; see :mod:`neuroonco.models.as_sent`.
    """

    purpose: str
    prompt_name: str
    prompt_sha256: str
    turns: tuple[Turn, ...]
    image_sha256: str | None = None
    schema_: AnswerSchema | None = None
    max_tokens: int = 1024
    temperature: float | None = 0.0
    seed: int | None = None
    settings: tuple[str, ...] = ()

    def request_hash(self, model: str) -> str:
        """Key of this call to one model in the ledger: equal requests have equal hashes, whoever makes them.

        Fields at their defaults are left out, so that a new field with a default changes no hash.

        >>> call = ModelCall(purpose="a", prompt_name="p", prompt_sha256="0", turns=(Turn(role="user", text="Hi"),))
        >>> call.request_hash("x") == call.model_copy(update={"purpose": "b"}).request_hash("x")
        True
        >>> call.request_hash("x") == call.request_hash("y")
        False
        """
        return sha256_text(HASH_VERSION, model, self.model_dump_json(exclude=LABELS, exclude_defaults=True))


class ModelAnswer(Record):
    """What came back from one call, after all of its retries.

    Attributes:
        model: name under which the model was asked, e.g. ``vllm:Qwen/Qwen3-VL-8B-Instruct``; a part of the hash.
        text: raw, as it came; None unless there is any.
        finish_reason, served_model: as the endpoint says.
        input_tokens, output_tokens: None where the endpoint does not count.
        cost_usd: of all attempts; one whose tokens the endpoint did not count is in it with the most that it was
            thought to cost. None where no price is known.
        latency_s: of the last attempt.
        attempts: how many requests were sent.
        error: one line, without keys, where there is no whole answer.
        asked_at: UTC, ISO 8601, when the last attempt began.
    """

    request_hash: str
    model: str
    status: CallStatus
    text: str | None = None
    finish_reason: str | None = None
    served_model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    attempts: int = 0
    error: str | None = None
    asked_at: str | None = None
