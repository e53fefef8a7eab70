"""What a model is to the rest of the package: something that answers a request about an image."""

from typing import Protocol

from neuroonco.images import Gray
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.outcomes import Record
from neuroonco.vocabulary import QuestionType


class ClosedRequest(Record):
    """What a model may know of a closed question: its text and options, and nothing that names the image.

    Attributes:
        question_id: opaque and stable, so that a seeded baseline does not depend on the order of questions. It is
            no part of the prompt.
        question_type: what is asked for; no part of the prompt either.
        options: (letter, text) as offered.
    """

    question_id: str
    question_type: QuestionType
    question: str
    options: tuple[tuple[str, str], ...]


class Reply(Record):
    """A model's raw answer.

    Attributes:
        text: as it came; the letter is read from it by ``predict.parse`` alone.
        refused: the model declined to answer (a provider's refusal, a baseline's abstention).
    """

    text: str
    refused: bool = False


class VisionLanguageModel(Protocol):
    """A model that answers closed questions; baselines and served models look the same from outside."""

    @property
    def name(self) -> str:
        """Name that is written into every prediction."""
        ...

    @property
    def looks_at_image(self) -> bool:
        """False for a model that answers without the image; then none is read."""
        ...

    def answer(self, request: ClosedRequest, image: Gray | None) -> Reply:
        """Answer one question about one (height, width) image; None where the model does not look.

        Raises:
            ProviderError: this call failed after all retries; the question is recorded as an API error.
        """
        ...


class ModelClient(Protocol):
    """Something that takes calls: a served model, the ledger in front of one, a replay, a double in tests.

    Clients wrap each other: the ledger asks the client behind it only for what it does not hold.
    """

    @property
    def name(self) -> str:
        """Name under which the model is asked; a part of every request hash."""
        ...

    async def ask(self, call: ModelCall, image: bytes | None) -> ModelAnswer:
        """Put one call; many may be under way at once.

        Args:
            call: what to ask.
            image: bytes of the picture whose hash is ``call.image_sha256``, PNG or JPEG; None where there is none.

        Returns:
            The answer, also where there is none to read: its status says so. A call that failed after all retries
            is no exception, so that the others go on.

        Raises:
            PrerequisiteError: no key.
            ProviderError: nothing more is to be asked: the limit of cost is reached, or every call is refused.
        """
        ...
