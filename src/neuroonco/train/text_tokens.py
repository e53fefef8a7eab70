"""Tokens of a conversation's texts: those of its prompt, as at prediction, and those of answers, which are learned."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from neuroonco.errors import InputError
from neuroonco.models.local_checkpoint import AGAIN, Checkpoint
from neuroonco.models.local_libraries import import_extra, quiet
from neuroonco.models.local_processor import messages_of
from neuroonco.models.records import Turn

REMEMBERED: Final = 1 << 14
"""Texts whose tokens are held: questions and letters come again and again."""
MARKS: Final = ("\U000f0000", "\U000f0001")
"""Private-use characters with which the library marks what is data while it encodes; it drops them from all texts."""
Tokens = tuple[int, ...]


@dataclass(frozen=True)
class SampleTokens:
    """Tokens of a conversation, with one placeholder for its picture.

    Attributes:
        prompt: all before the last answer.
        answer: the last one, with the token that ends it.
        earlier: of each earlier answer, how many tokens before the prompt's end it begins, and its labels.
    """

    prompt: Tokens
    answer: Tokens
    earlier: tuple[tuple[int, Tokens], ...]

    @property
    def learned(self) -> int:
        """Tokens with a loss."""
        return len(self.answer) + sum(len(labels) for _, labels in self.earlier)


class TextTokens:
    """Tokens as a tokenizer and a chat template make them; control tokens that are spelled in a text are text.

    Args:
        checkpoint: the model's files.
        tokenizer: of the library.
        template: the chat template.
        before: the prompt of a short question.
        lead: the space that the template writes between a prompt and an answer, if any.
        after: what it writes after an answer that is the last turn.

    Raises:
        InputError: no token ends an answer.
    """

    def __init__(self, checkpoint: Checkpoint, tokenizer: Any, template: str, before: str, lead: str, after: str):
        self._checkpoint, self._tokenizer, self._template = checkpoint, tokenizer, template
        self._before, self._lead = before, lead
        self._fast = getattr(tokenizer, "backend_tokenizer", None)
        control = [*tokenizer.get_added_vocab(), *MARKS]
        self._control = re.compile("|".join(re.escape(token) for token in control if token))
        ends = ending_tokens(checkpoint, tokenizer)
        if not ends:
            what = "no token ends an answer: neither generation_config.json nor the tokenizer states one"
            raise InputError("MODEL_INCOMPLETE", what, where=checkpoint.label, fix=AGAIN)
        self._end, self._close = ends[0], ""
        for end in ends:
            space, found, _ = after.partition(text := str(tokenizer.convert_ids_to_tokens(end)))
            if found and not space.strip():
                self._end, self._close = end, space + text
                break
        self.prompt = lru_cache(REMEMBERED)(self._prompt)
        self._answer = lru_cache(REMEMBERED)(self._tokens_of_answer)

    def sample(self, turns: Sequence[Turn], *, has_picture: bool, where: str) -> SampleTokens:
        """Tokens of a conversation that ends with an answer.

        Args:
            turns: as the chat template takes them.
            has_picture: whether a picture opens the user's first turn.
            where: of the row, for messages.

        Raises:
            InputError: the template refuses the turns, or writes an earlier answer otherwise than it is learned.
        """
        said = tuple((turn.role, turn.text) for turn in turns)
        prompt, earlier = self.prompt(said[:-1], has_picture), []
        for place, (role, text) in enumerate(said[:-1]):
            if role != "assistant":
                continue
            opening, answer, closed = self.prompt(said[:place], has_picture), self._answer(text, ""), self._closed(text)
            rest = prompt[len(opening) :]
            if prompt[: len(opening)] != opening or rest[: len(answer)] != answer or len(rest) == len(answer):
                what = "the chat template writes an earlier answer otherwise than as an answer"
                raise InputError("HISTORY_REWRITTEN", what, where=where, fix="one answer a row, for this model")
            # Without an end in the text, the model still is to end there: the next token's place has the end as label.
            earlier.append((len(rest), closed if rest[: len(closed)] == closed else (*answer, self._end)))
        return SampleTokens(prompt, self._closed(said[-1][1]), tuple(earlier))

    def _prompt(self, said: tuple[tuple[str, str], ...], has_picture: bool) -> Tokens:
        """Of (role, text) of each turn, up to where the model's answer begins; a picture is its placeholder."""
        turns = [Turn(role=role, text=text) for role, text in said]
        messages = messages_of(turns, True if has_picture else None)
        return self._encoded(messages, [text for _, text in said], self._template, is_open=True)

    def _closed(self, answer: str) -> Tokens:
        """Of an answer and of what ends it."""
        tokens = self._answer(answer, self._close)
        return tokens if self._close else (*tokens, self._end)

    def _tokens_of_answer(self, answer: str, close: str) -> Tokens:
        """Of an answer as it stands behind a prompt: those after the prompt's own, as those of letters are."""
        before, both = self._framed(self._before, None, ""), self._framed(self._before + self._lead, answer, close)
        if both[: len(before)] == before:
            return both[len(before) :]
        return self._framed(self._lead, answer, close)

    def _framed(self, before: str, answer: str | None, after: str) -> Tokens:
        """Of text that the template has written, and of data between."""
        left, right = (f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}" for text in (before, after))
        middle = "{{ messages[0]['content'] }}" if answer is not None else ""
        # Which tokens are control tokens depends on the template: the whole of it is there, and never runs.
        template = f"{left}{middle}{right}{{% if false %}}{self._template}{{% endif %}}"
        return self._encoded([{"role": "assistant", "content": answer or ""}], [answer or ""], template, is_open=False)

    def _encoded(self, messages: list[dict[str, Any]], texts: list[str], template: str, *, is_open: bool) -> Tokens:
        tokenizer, options = self._tokenizer, {"chat_template": template, "add_generation_prompt": is_open}
        try:
            if self._fast is None or any(map(self._control.search, texts)):
                options |= {"tokenize": True, "return_dict": False, "sanitize_control_tokens": True}
                return tuple(tokenizer.apply_chat_template(messages, **options))
            text = tokenizer.apply_chat_template(messages, tokenize=False, **options)
        except Exception as error:
            what = f"the model's chat template refuses it ({self._checkpoint.one_line(error)})"
            raise InputError("TURNS_REFUSED", what, where=self._checkpoint.label) from None
        # The library's own way costs as much again as the tokens do; it leaves its settings of the last call behind.
        self._fast.no_padding()
        self._fast.no_truncation()
        self._fast.encode_special_tokens = False
        return tuple(self._fast.encode_batch_fast([text], add_special_tokens=False)[0].ids)


def ending_tokens(checkpoint: Checkpoint, tokenizer: Any) -> Tokens:
    """Tokens that end an answer of this model, the tokenizer's own first; as :class:`LocalModel` has them."""
    transformers = import_extra("transformers")
    options = {"local_files_only": True, "trust_remote_code": False}
    with quiet(transformers):
        if (checkpoint.folder / "generation_config.json").exists():
            settings = transformers.GenerationConfig.from_pretrained(checkpoint.folder, **options)
        else:
            config = transformers.AutoConfig.from_pretrained(checkpoint.folder, **options)
            settings = transformers.GenerationConfig.from_model_config(config)
    stated = tokenizer.eos_token_id if settings.eos_token_id is None else settings.eos_token_id
    ends = [] if stated is None else [int(end) for end in (stated if isinstance(stated, list) else [stated])]
    return tuple(sorted(ends, key=lambda end: end != tokenizer.eos_token_id))
