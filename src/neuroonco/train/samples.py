"""Rows to tensors: the tokens of a conversation, and which of them are learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neuroonco.models.local_checkpoint import Checkpoint
from neuroonco.models.local_processor import LocalProcessor
from neuroonco.train.picture_source import PictureSource
from neuroonco.train.rows import RowFiles, TrainingRow

NOT_LEARNED = -100
"""Label of a token without loss, as PyTorch's cross entropy has it."""


@dataclass(frozen=True)
class SampleLength:
    """Tokens of one sample: all, those of the picture, those that are learned."""

    tokens: int
    of_pictures: int
    learned: int


class TrainingProcessor(LocalProcessor):
    """A model's processor that also makes samples.

    The prompt of a sample has the very tokens that :meth:`LocalProcessor.tensors` makes of the same turns, so that a
    model is trained on what it will be asked. What is learned is the assistant's text with the token that ends it.

    Args:
        checkpoint: the model's files.
        min_pixels, max_pixels: limits of a picture (height x width); None leaves the processor's own.

    Raises:
        InputError: the processor cannot be used, or has no place for such limits.
    """

    def __init__(self, checkpoint: Checkpoint, *, min_pixels: int | None = None, max_pixels: int | None = None) -> None:
        super().__init__(checkpoint)
        raise NotImplementedError

    def length(self, row: TrainingRow, size_px: tuple[int, int] | None) -> SampleLength:
        """Tokens of a row without reading its picture.

        Args:
            row: the row.
            size_px: (height, width) of its picture; None where it has none.
        """
        raise NotImplementedError

    def batch(self, rows: Sequence[TrainingRow], pictures: Sequence[Any]) -> dict[str, Any]:
        """Tensors of a batch, padded on the right: ``input_ids``, ``attention_mask``, ``labels`` (batch, tokens), and
        whatever the processor makes of the pictures.

        Args:
            rows: all with a picture, or all without.
            pictures: of each, PIL RGB or None.

        Raises:
            InputError: the chat template does not repeat the prompt at the head of the conversation.
        """
        raise NotImplementedError


class Collator:
    """What makes a batch for the trainer of ``{"place": n}``; pictures are read here, in the loader's workers."""

    def __init__(self, processor: TrainingProcessor, rows: RowFiles, pictures: PictureSource) -> None:
        raise NotImplementedError

    def __call__(self, examples: Sequence[dict[str, int]]) -> dict[str, Any]:
        """Tensors of the rows at these places; rows with and without pictures may stand together."""
        raise NotImplementedError
