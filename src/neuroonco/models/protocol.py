"""What a model is to the rest of the package: something that answers a request about an image."""

from typing import Protocol

from neuroonco.images import Gray
from neuroonco.outcomes import Record


class ClosedRequest(Record):
    """What a model may know of a closed question: its text and options, and nothing that names the image."""

    question: str
    options: tuple[tuple[str, str], ...]


class Reply(Record):
    """A model's raw answer."""

    text: str


class VisionLanguageModel(Protocol):
    """A model that answers closed questions; baselines and served models look the same from outside."""

    @property
    def name(self) -> str:
        """Name that is written into every prediction."""
        ...

    def answer(self, request: ClosedRequest, image: Gray | None) -> Reply:
        """Answer one question about one (height, width) image; None where the model does not look."""
        ...
