"""The processor of a local model: conversations and pictures to tensors, and letters to tokens."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.models.local_checkpoint import AGAIN, Checkpoint
from neuroonco.models.local_libraries import import_extra, quiet
from neuroonco.models.records import Turn

PROBE: Final = "probe of the system turn"
VOCABULARIES: Final = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", "*.tiktoken")
"""Without one of these the library makes an empty tokenizer of many classes, and says nothing."""


class LocalProcessor:
    """Tokenizer, picture processor and chat template of one model.

    Args:
        checkpoint: the model's files.

    Raises:
        InputError: a part is missing or cannot be used.
        PrerequisiteError: a library is missing.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        if not any(any(checkpoint.folder.glob(name)) for name in VOCABULARIES):
            what = f"no tokenizer ({', '.join(VOCABULARIES)})"
            raise InputError("MODEL_INCOMPLETE", what, where=checkpoint.label, fix=AGAIN)
        self._processor = _load(checkpoint)
        self.tokenizer: Any = getattr(self._processor, "tokenizer", None)
        pictures = getattr(self._processor, "image_processor", None)
        where = checkpoint.label
        if self.tokenizer is None or pictures is None:
            fix = "the folder needs the files of the processor: preprocessor_config.json, tokenizer.json"
            raise InputError("MODEL_INCOMPLETE", "no processor for pictures and text", where=where, fix=fix)
        if not getattr(self._processor, "chat_template", None):
            fix = (
                "put the model's chat_template.jinja beside config.json; a model without one was not made for questions"
            )
            raise InputError("MODEL_INCOMPLETE", "no chat template", where=where, fix=fix)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        if self.tokenizer.pad_token is None:
            what = "the tokenizer has no token to pad or to end with"
            raise InputError("MODEL_INCOMPLETE", what, where=where, fix=AGAIN)
        self.picture_class = type(pictures).__name__
        self._has_system = self._shows_system()
        self._tokens: dict[str, tuple[int, ...]] = {}

    def _rendered(self, turns: Sequence[Turn], *, is_open: bool) -> str:
        """Text of a conversation; ``is_open`` ends it where the model's answer begins."""
        messages = messages_of(turns, None)
        return str(self._processor.apply_chat_template(messages, add_generation_prompt=is_open, tokenize=False))

    def _shows_system(self) -> bool:
        """Whether the chat template has a place for a system turn: some refuse it, some leave it out in silence."""
        try:
            shown = self._rendered((Turn(role="system", text=PROBE), Turn(role="user", text="?")), is_open=True)
        except Exception:
            return False
        return PROBE in shown

    def tensors(self, prompts: Sequence[tuple[Sequence[Turn], Any]]) -> Any:
        """Inputs of the model for a batch, padded on the left, so that every answer begins where its prompt ends.

        Text is data: a control token that is spelled in it is encoded as text, so that no question can end its turn.

        Args:
            prompts: turns and picture (None for none) of each; all with a picture, or all without.
        """
        conversations = [messages_of(self.folded(turns), picture) for turns, picture in prompts]
        return self._processor.apply_chat_template(
            conversations,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            sanitize_control_tokens=True,
            processor_kwargs={"padding": True, "padding_side": "left", "return_tensors": "pt"},
        )

    def folded(self, turns: Sequence[Turn]) -> tuple[Turn, ...]:
        """Turns as the chat template takes them: without a place for a system turn, it opens the user's first."""
        if self._has_system:
            return tuple(turns)
        system = [turn.text for turn in turns if turn.role == "system"]
        others = [turn for turn in turns if turn.role != "system"]
        for index, turn in enumerate(others):
            if turn.role == "user" and system:
                others[index] = turn.model_copy(update={"text": "\n\n".join([*system, turn.text])})
                break
        return tuple(others)

    def letter_tokens(self, letter: str) -> tuple[int, ...]:
        """Tokens of a letter as it stands at the start of an answer.

        The chat template decides: whatever it writes between the end of the prompt and an answer (in some a space)
        belongs to the letter, and the tokens are those that come after the prompt's own.
        """
        if letter not in self._tokens:
            before, lead, _ = self._around(letter)
            prompt, both = self._encoded(before), self._encoded(before + lead + letter)
            tokens = both[len(prompt) :] if both[: len(prompt)] == prompt else self._encoded(lead + letter)
            if not tokens or self.tokenizer.unk_token_id in tokens:
                raise ValueError(f"the tokenizer has no token for the letter {letter!r}")
            self._tokens[letter] = tuple(tokens)
        return self._tokens[letter]

    def _around(self, answer: str) -> tuple[str, str, str | None]:
        """What the chat template writes before and after an answer to a short question.

        Returns:
            The prompt; the space, if any, between it and the answer; and what comes after the answer, or None where the
            whole conversation does not begin with the prompt, or says the answer in other words.
        """
        question, said = Turn(role="user", text="?"), Turn(role="assistant", text=answer)
        before, whole = self._rendered((question,), is_open=True), self._rendered((question, said), is_open=False)
        between, found, after = whole[len(before) :].partition(answer)
        if not whole.startswith(before) or not found:
            return before, "", None
        return before, "" if between.strip() else between, after

    def _encoded(self, text: str) -> list[int]:
        return [int(token) for token in self.tokenizer.encode(text, add_special_tokens=False)]

    def text_of(self, tokens: Any) -> str:
        """Text of an answer's tokens, without control tokens."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def picture_of(data: bytes) -> Any:
    """RGB picture from the bytes of a PNG or JPEG."""
    from PIL import Image

    with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as opened:
        return opened.convert("RGB")


def messages_of(turns: Sequence[Turn], picture: Any) -> list[dict[str, Any]]:
    """Turns as chat templates take them; the picture (None for none) opens the user's first."""
    messages: list[dict[str, Any]] = []
    for turn in turns:
        parts: list[dict[str, Any]] = [{"type": "text", "text": turn.text}]
        if picture is not None and turn.role == "user":
            parts.insert(0, {"type": "image", "image": picture})
            picture = None
        messages.append({"role": turn.role, "content": parts})
    return messages


def _load(checkpoint: Checkpoint) -> Any:
    transformers = import_extra("transformers")
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet(transformers):
            try:
                return transformers.AutoProcessor.from_pretrained(checkpoint.folder, **options)
            except (ImportError, ValueError) as error:  # the latter where a video processor's type is not stated
                if "torchvision" not in str(error).casefold():
                    raise
                return _without_videos(checkpoint, options)
    except ImportError as error:
        library = "torchvision" if "torchvision" in str(error).casefold() else "another library"
        raise PrerequisiteError(
            "EXTRA_MISSING",
            f"the processor of this model needs {library}",
            where=checkpoint.label,
            fix="pip install torchvision, from the index that torch came from"
            if library == "torchvision"
            else checkpoint.one_line(error),
        ) from None
    except Exception as error:
        what = f"its processor cannot be loaded ({checkpoint.one_line(error)})"
        raise InputError("MODEL_UNREADABLE", what, where=checkpoint.label, fix=AGAIN) from None


def _without_videos(checkpoint: Checkpoint, options: dict[str, Any]) -> Any:
    """A processor without its part for videos, which alone needs torchvision in many models; no video is shown here.

    Pictures then go through the library's own processor on PIL, as they do for any model where torchvision is absent.

    Raises:
        ImportError: this processor's part for pictures needs torchvision too.
    """
    from transformers import AutoConfig
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    config = AutoConfig.from_pretrained(checkpoint.folder, **options)
    whole = PROCESSOR_MAPPING[type(config)]
    *others, last = whole.get_attributes()
    if last != "video_processor":
        raise ImportError("torchvision")
    # The library loads and checks the parts that `get_attributes` lists; the arguments follow in the same order.
    pictures_only: Any = type(whole.__name__, (whole,), {"get_attributes": classmethod(lambda _: list(others))})
    return pictures_only.from_pretrained(checkpoint.folder, **options)
