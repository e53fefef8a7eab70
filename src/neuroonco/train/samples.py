"""Rows to tensors: the tokens of a conversation, and which of them are learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from neuroonco.errors import InputError
from neuroonco.models.local_checkpoint import Checkpoint
from neuroonco.models.local_libraries import import_extra
from neuroonco.models.local_processor import LocalProcessor
from neuroonco.models.records import Turn
from neuroonco.train.picture_source import PictureSource
from neuroonco.train.pixel_limits import limited, save_processor
from neuroonco.train.rows import RowFiles, TrainingRow
from neuroonco.train.text_tokens import SampleTokens, TextTokens

NOT_LEARNED = -100
"""Label of a token without loss, as PyTorch's cross entropy has it."""
OF_EACH_TOKEN: Final = {"token_type_ids": 0, "mm_token_type_ids": 0}
"""What processors say of each token, and what they say of one of text."""
OF_PICTURES: Final = ("pixel_", "image_", "patch_")
"""How the names of what they say of pictures begin."""
PROBE: Final = "probe of an answer"
QUESTION: Final = (Turn(role="user", text="?"),)
FORMULA_SIZES_PX: Final = ((96, 96), (224, 224), (480, 640), (37, 301), (1024, 768))
"""(height, width) at which a processor's own count of picture tokens must be true before it is believed."""


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
        InputError: the processor cannot be used, or has no place for such limits; the chat template does not repeat the
            prompt at the head of the conversation; no token ends an answer.
    """

    def __init__(self, checkpoint: Checkpoint, *, min_pixels: int | None = None, max_pixels: int | None = None) -> None:
        super().__init__(checkpoint)
        self._checkpoint, self._limits = checkpoint, (min_pixels, max_pixels)
        pictures = self._processor.image_processor
        self._processor.image_processor = limited(pictures, checkpoint.label, min_pixels, max_pixels)
        self._size_tokens: dict[tuple[int, int], int] = {}
        self._beside_formula: int | None = None
        try:
            before, lead, after = self._around(PROBE)
        except Exception as error:
            raise self._refused(f"its chat template takes no answers ({checkpoint.one_line(error)})") from None
        if after is None:
            raise self._refused("its chat template does not repeat the prompt at the head of the conversation")
        template = self._processor.chat_template
        template = str(template["default"] if isinstance(template, dict) else template)
        self._texts = TextTokens(checkpoint, self.tokenizer, template, before, lead, after)
        if self._asked(QUESTION, None) != self._texts.prompt((("user", "?"),), False):
            raise self._refused("its processor writes other tokens than its chat template")

    def __reduce__(self) -> tuple[Any, ...]:
        # The class of a processor without videos is made when it is loaded, and no pickle would find it.
        return _made_again, (self._checkpoint, *self._limits)

    def _refused(self, what: str) -> InputError:
        return InputError("MODEL_UNTRAINABLE", what, where=self._checkpoint.label, fix="train another base model")

    def save(self, folder: Path) -> None:
        """Write tokenizer, chat template and processors with these limits; see :func:`save_processor`.

        Raises:
            InputError: a file cannot be read or written.
        """
        is_limited = self._limits != (None, None)
        save_processor(self._checkpoint, self._processor.image_processor, folder, is_limited=is_limited)

    # --- lengths ---

    def length(self, row: TrainingRow, size_px: tuple[int, int] | None) -> SampleLength:
        """Tokens of a row without reading its picture.

        Args:
            row: the row.
            size_px: (height, width) of its picture; None where it has none.

        Raises:
            InputError: the row cannot be made a sample of, or the model takes no picture of this shape.
        """
        sample = self._sample(row, size_px is not None)
        tokens, of_pictures = len(sample.prompt) + len(sample.answer), 0
        if size_px is not None:
            of_pictures = self._tokens_of_size(size_px)
            tokens += of_pictures - 1
        return SampleLength(tokens, of_pictures, sample.learned)

    def _sample(self, row: TrainingRow, has_picture: bool) -> SampleTokens:
        where = f"{row.file}, line {row.line}"
        return self._texts.sample(self.folded(row.turns), has_picture=has_picture, where=where)

    def _tokens_of_size(self, size_px: tuple[int, int]) -> int:
        """Tokens in place of a picture's placeholder.

        Counted with a blank picture; by the processor's own formula where that was right at :data:`FORMULA_SIZES_PX`.
        """
        known = self._size_tokens
        if not known:
            known |= {size: self._tokens_of_blank(size) for size in FORMULA_SIZES_PX}
            stated = {size: self._stated(size) for size in FORMULA_SIZES_PX}
            # Some formulas count the tokens between a picture's rows and around it, and some do not.
            beside = {None if (said := stated[size]) is None else known[size] - said for size in FORMULA_SIZES_PX}
            self._beside_formula = beside.pop() if len(beside) == 1 else None
        if size_px not in known:
            said = None if self._beside_formula is None else self._stated(size_px)
            if said is None or self._beside_formula is None:
                known[size_px] = self._tokens_of_blank(size_px)
            else:
                known[size_px] = said + self._beside_formula
        return known[size_px]

    def _tokens_of_blank(self, size_px: tuple[int, int]) -> int:
        from PIL import Image

        height_px, width_px = size_px
        shown = self._asked(QUESTION, Image.new("RGB", (width_px, height_px)))
        return len(shown) - len(self._texts.prompt((("user", "?"),), True)) + 1

    def _stated(self, size_px: tuple[int, int]) -> int | None:
        """What the processor's formula says; None where it has none, or none for this size."""
        try:
            return int(self._processor._get_num_multimodal_tokens(image_sizes=[list(size_px)])["num_image_tokens"][0])
        except Exception:
            return None

    # --- tensors ---

    def _asked(self, turns: Sequence[Turn], picture: Any) -> tuple[int, ...]:
        inputs = self._inputs([(turns, picture)])
        return tuple(inputs["input_ids"][0].tolist())

    def _inputs(self, prompts: Sequence[tuple[Sequence[Turn], Any]]) -> dict[str, Any]:
        try:
            return {name: value for name, value in self.tensors(prompts).items() if value is not None}
        except (MemoryError, InputError):
            raise
        except Exception as error:
            what = f"the model's processor refuses it ({self._checkpoint.one_line(error)})"
            raise InputError("SAMPLE_REFUSED", what, where=self._checkpoint.label) from None

    def batch(self, rows: Sequence[TrainingRow], pictures: Sequence[Any]) -> dict[str, Any]:
        """Tensors of a batch, padded on the right: ``input_ids``, ``attention_mask``, ``labels`` (batch, tokens), and
        whatever the processor makes of the pictures.

        A label is the token itself, with one exception: where the chat template writes nothing that ends an earlier
        answer, the label of the first token after it is the one that ends answers.

        Args:
            rows: with and without pictures; nothing is cut off.
            pictures: of each, PIL RGB or None.

        Raises:
            InputError: a row cannot be made a sample of, or the processor says something of each token that is not
                known here.
        """
        torch = import_extra("torch")
        lines: list[dict[str, list[int]]] = [{} for _ in rows]
        extras: dict[str, Any] = {}
        with_picture = [place for place, picture in enumerate(pictures) if picture is not None]
        without = [place for place, picture in enumerate(pictures) if picture is None]
        for places in filter(None, (with_picture, without)):
            inputs = self._inputs([(rows[place].turns[:-1], pictures[place]) for place in places])
            mask = inputs.pop("attention_mask").bool()
            of_tokens = {name: inputs.pop(name) for name in ("input_ids", *OF_EACH_TOKEN) if name in inputs}
            self._require_of_pictures(inputs, mask.shape, extras)
            extras |= inputs
            for at, place in enumerate(places):
                sample = self._sample(rows[place], pictures[place] is not None)
                prompt = {name: values[at][mask[at]].tolist() for name, values in of_tokens.items()}
                lines[place] = _line(sample, prompt)
        fill = {"input_ids": self.tokenizer.pad_token_id, "attention_mask": 0, "labels": NOT_LEARNED, **OF_EACH_TOKEN}
        longest = max(len(line["input_ids"]) for line in lines)
        tensors = {}
        for name in {name: None for line in lines for name in line}:
            said = [line.get(name, []) for line in lines]
            padded = [[*values, *[fill[name]] * (longest - len(values))] for values in said]
            tensors[name] = torch.tensor(padded, dtype=torch.long)
        return {**tensors, **extras}

    def _require_of_pictures(self, inputs: dict[str, Any], shape: Any, before: dict[str, Any]) -> None:
        """Refuse what would have to grow with the answer and is not known here, e.g. a mask over pictures by token."""
        for name, value in inputs.items():
            is_of_tokens = tuple(getattr(value, "shape", ())[:2]) == tuple(shape) and not name.startswith(OF_PICTURES)
            if is_of_tokens or name in before:
                raise self._refused(f"its processor writes {name!r} for each token, which is not known here")


def _line(sample: SampleTokens, prompt: dict[str, list[int]]) -> dict[str, list[int]]:
    """Values of each token of one sample, without padding; a prompt's picture has all its tokens."""
    before, answer = prompt["input_ids"], sample.answer
    labels = [*[NOT_LEARNED] * len(before), *answer]
    for from_end, said in sample.earlier:
        begin = len(before) - from_end
        labels[begin : begin + len(said)] = said
    line = {"input_ids": [*before, *answer], "attention_mask": [1] * len(labels), "labels": labels}
    return line | {
        name: prompt[name] + [value] * len(answer) for name, value in OF_EACH_TOKEN.items() if name in prompt
    }


class Collator:
    """What makes a batch for the trainer of ``{"place": n}``; pictures are read here, in the loader's workers.

    It can be pickled; the processor is then loaded anew from the model's files.

    Args:
        processor: of the model that is trained.
        rows: of the training.
        pictures: where they are read.
    """

    def __init__(self, processor: TrainingProcessor, rows: RowFiles, pictures: PictureSource) -> None:
        self._processor, self._rows, self._pictures = processor, rows, pictures

    def __call__(self, examples: Sequence[dict[str, int]]) -> dict[str, Any]:
        """Tensors of the rows at these places; rows with and without pictures may stand together.

        Raises:
            InputError: a row has changed since it was checked, or its picture cannot be read.
        """
        rows = [self._rows[example["place"]] for example in examples]
        shown = [self._pictures.read(row.images[0]) if row.images else None for row in rows]
        return self._processor.batch(rows, shown)


def _made_again(checkpoint: Checkpoint, min_pixels: int | None, max_pixels: int | None) -> TrainingProcessor:
    return TrainingProcessor(checkpoint, min_pixels=min_pixels, max_pixels=max_pixels)
