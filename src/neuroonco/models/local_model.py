"""A model on this machine: its weights, what it writes after a batch of prompts, and how likely it finds letters."""

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from neuroonco.errors import InputError
from neuroonco.models.local_checkpoint import AGAIN, Checkpoint
from neuroonco.models.local_libraries import device_of, dtype_name, import_extra, quiet
from neuroonco.models.local_processor import LocalProcessor, picture_of
from neuroonco.models.local_weights import load_weights
from neuroonco.models.records import Turn

OF_THE_CHECKPOINT: Final = ("eos_token_id", "pad_token_id", "bos_token_id", "suppress_tokens", "bad_words_ids")
"""What of a checkpoint's own generation settings is kept: which tokens end or never stand in an answer. Its sampling
and penalties are not: the call says how to sample, and a penalty over padding would depend on the batch."""


@dataclass(frozen=True)
class Prompt:
    """What a model is shown: turns, and the bytes of a PNG or JPEG, or None."""

    turns: tuple[Turn, ...]
    picture: bytes | None


@dataclass(frozen=True)
class Written:
    """What a model wrote.

    Attributes:
        text: without control tokens.
        ended: the model ended the answer itself, before the limit of tokens.
        input_tokens: of the prompt with its picture, without padding.
        output_tokens: with the one that ends the answer.
    """

    text: str
    ended: bool
    input_tokens: int
    output_tokens: int


class LocalModel:
    """One checkpoint. Configuration and processor are loaded at once, weights when they are first used.

    Args:
        checkpoint: the model's files.
        device, dtype: see :func:`neuroonco.models.local_libraries.device_of` and ``dtype_name``.

    Raises:
        UsageError, PrerequisiteError, InputError: the device, the libraries or the files cannot be used.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: str | None, dtype: str) -> None:
        self._torch, self._library = import_extra("torch"), import_extra("transformers")
        import_extra("accelerate")
        self.checkpoint = checkpoint
        self.device = device_of(self._torch, device)
        self.dtype = dtype_name(dtype, self.device)
        _check_kind(checkpoint, self._library)
        self.processor = LocalProcessor(checkpoint)
        self.stopping = threading.Event()
        self._model: Any = None

    def load(self) -> None:
        """Load the weights, unless they are loaded.

        Raises:
            InputError: they are damaged, or not those of the configuration.
            PrerequisiteError: they do not fit into memory.
        """
        if self._model is not None:
            return
        model = load_weights(
            self.checkpoint,
            lacks_memory=(
                f"the weights do not fit on {self.device}",
                "a smaller model, a larger GPU, or serve it over several (vllm serve MODEL)",
            ),
            dtype=getattr(self._torch, self.dtype),
            device_map={"": self.device},
        )
        own = model.generation_config.to_dict()
        kept = {name: own[name] for name in OF_THE_CHECKPOINT if own.get(name) is not None}
        tokenizer = self.processor.tokenizer
        kept.setdefault("pad_token_id", tokenizer.pad_token_id)
        if tokenizer.eos_token_id is not None:
            kept.setdefault("eos_token_id", tokenizer.eos_token_id)
        model.generation_config = self._library.GenerationConfig(**kept)
        self._kept, self._model = kept, model.eval()

    def free(self) -> None:
        """Give back what a batch left on the GPU."""
        if self.device.startswith("cuda"):
            self._torch.cuda.empty_cache()

    def unload(self) -> None:
        """Let go of the weights."""
        self._model = None
        self.free()

    def _inputs(self, prompts: Sequence[Prompt]) -> Any:
        shown = [(p.turns, None if p.picture is None else picture_of(p.picture)) for p in prompts]
        return self.processor.tensors(shown).to(self.device, dtype=getattr(self._torch, self.dtype))

    def _generated(self, inputs: Mapping[str, Any], **settings: Any) -> Any:
        config = self._library.GenerationConfig(**self._kept, num_beams=1, return_dict_in_generate=True, **settings)
        with self._torch.inference_mode():
            return self._model.generate(
                **inputs, generation_config=config, stopping_criteria=[lambda *_, **__: self._stops(inputs)]
            )

    def _stops(self, inputs: Mapping[str, Any]) -> Any:
        rows = inputs["input_ids"].shape[0]
        return self._torch.full((rows,), self.stopping.is_set(), device=self.device, dtype=self._torch.bool)

    def write(
        self, prompts: Sequence[Prompt], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> list[Written]:
        """Answers to a batch, in its order: the likeliest token each time, or drawn at a temperature.

        Args:
            prompts: all with a picture, or all without.
            max_tokens: limit of each answer.
            temperature: 0 for the likeliest token.
            seed: of the drawing. What is drawn for a prompt depends on its place in a batch.
        """
        self.load()
        settings: dict[str, Any] = {"do_sample": False}
        if temperature > 0:
            settings = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
            self._torch.manual_seed(seed)
        inputs = self._inputs(prompts)
        whole = self._generated(inputs, max_new_tokens=max_tokens, **settings).sequences.cpu()
        ends = self._kept.get("eos_token_id", ())
        ends = {ends} if isinstance(ends, int) else set(ends)
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        return [
            self._written(row.tolist(), ends, int(length))
            for row, length in zip(whole[:, inputs["input_ids"].shape[1] :], lengths, strict=True)
        ]

    def _written(self, tokens: list[int], ends: set[int], input_tokens: int) -> Written:
        end = next((n for n, token in enumerate(tokens) if token in ends), None)
        answer = tokens if end is None else tokens[: end + 1]
        return Written(self.processor.text_of(answer), end is not None, input_tokens, len(answer))

    def letter_logprobs(self, prompts: Sequence[Prompt], letters: Sequence[str]) -> list[tuple[dict[str, float], int]]:
        """Natural logarithms of the probabilities of letters as the start of the answer, over the whole vocabulary.

        A letter of several tokens has the sum over its tokens, each after those before it. Computed in float32.

        Args:
            prompts: all with a picture, or all without.
            letters: to be judged.

        Returns:
            For each prompt letter -> logarithm, and the tokens of the prompt.

        Raises:
            ValueError: the tokenizer does not know the letters, or a logarithm is not finite.
        """
        self.load()
        inputs = self._inputs(prompts)
        tokens = {letter: self.processor.letter_tokens(letter) for letter in letters}
        if len(set(tokens.values())) < len(letters):
            raise ValueError("the tokenizer does not tell the letters apart")
        beginnings = sorted({spelled[:n] for spelled in tokens.values() for n in range(len(spelled))})
        after = {beginning: self._next_logprobs(inputs, beginning) for beginning in beginnings}
        found = []
        for row, length in enumerate(inputs["attention_mask"].sum(dim=1).tolist()):
            sums = {
                letter: math.fsum(float(after[spelled[:n]][row, token]) for n, token in enumerate(spelled))
                for letter, spelled in tokens.items()
            }
            if not all(math.isfinite(value) for value in sums.values()):
                raise ValueError("the model gives no finite probabilities")
            found.append((sums, int(length)))
        return found

    def _next_logprobs(self, inputs: Mapping[str, Any], beginning: tuple[int, ...]) -> Any:
        """Logarithms of all next tokens after the prompt and the beginning of an answer: (batch, vocabulary)."""
        given = dict(inputs)
        if beginning:
            ids = given["input_ids"]
            added = ids.new_tensor(beginning).expand(ids.shape[0], -1)
            for name, value in {"input_ids": added, "attention_mask": self._torch.ones_like(added)}.items():
                given[name] = self._torch.cat([given[name], value.to(given[name].dtype)], dim=1)
            for name in ("mm_token_type_ids", "token_type_ids"):  # an answer is text: kind 0
                if name in given:
                    given[name] = self._torch.cat([given[name], self._torch.zeros_like(added)], dim=1)
        logits = self._generated(given, do_sample=False, max_new_tokens=1, output_logits=True).logits[0]
        return logits.float().log_softmax(dim=-1).cpu()


def _check_kind(checkpoint: Checkpoint, library: Any) -> None:
    """Refuse what does not answer questions on pictures by going on from the prompt."""
    where = checkpoint.label
    try:
        with quiet(library):
            config = library.AutoConfig.from_pretrained(
                checkpoint.folder, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:
        what = f"its configuration cannot be read ({checkpoint.one_line(error)})"
        fix = f"{AGAIN}; a model with code of its own is not run; a newer transformers may know others"
        raise InputError("MODEL_UNREADABLE", what, where=where, fix=fix) from None
    if type(config) not in library.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        what = f"a model of type {config.model_type} takes no pictures with text"
        fix = "a vision-language model, one that AutoModelForImageTextToText loads"
        raise InputError("MODEL_UNSUITED", what, where=where, fix=fix)
    if getattr(config, "is_encoder_decoder", False):
        what = f"a model of type {config.model_type} does not go on from a prompt (encoder and decoder)"
        raise InputError("MODEL_UNSUITED", what, where=where, fix="a model that was made for chat")
