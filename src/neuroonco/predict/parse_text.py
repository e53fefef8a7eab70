r"""What a model says, without what it thinks and without the marks around it.

Thoughts come in the tags of several model families. They are no answer, however they read; a block of thoughts that
does not end means that nothing was answered. Every search here is bounded or moves forward only, so that the work grows
with the length of a reply and not with its square.
"""

import json
import re
from typing import Any

MAX_REPLY_CHARS = 100_000
"""A longer reply, thoughts apart, is no answer to a question."""
MAX_JSON_STARTS = 16
"""At how many opening braces of a reply a JSON object is looked for."""

_NAMES = r"think(?:ing)?|thoughts?|reasoning|reflection|analysis|scratchpad"
_THOUGHT_ENDS = re.compile(
    rf"</(?:{_NAMES})>|\[/think\]|◁/think▷|<\|end_of_thought\|>|<unused95>"
    r"|<\|channel\|>final(?:\s*<\|constrain\|>\w+)?\s*<\|message\|>|\bassistantfinal(?=\W|[A-Z])"
    r"|(?<!#)#{1,6}[ \t]{0,9}final response\b:?",
    re.IGNORECASE,
)
_THOUGHT_STARTS = re.compile(
    rf"<(?:{_NAMES})>|\[think\]|◁think▷|<\|begin_of_thought\|>|<unused94>|<\|channel\|>(?:analysis|commentary)"
    r"|\A\s*analysis(?=[A-Z])|\A\s*#+[ \t]*thinking\b|\A\s*thought[ \t]*\n",
    re.IGNORECASE,
)
_TURN_ENDS = re.compile(
    r"<\|(?:im_end|eot_id|endoftext|end_of_text|eot|return)\|>|</s>|<end_of_turn>|<eos>", re.IGNORECASE
)
_TOKENS = re.compile(
    r"<\|(?!(?:begin|end)_of_box)[^|<>\n]{1,40}\|>|</?s>|<(?:bos|eos|pad|unk|(?:start|end)_of_turn)>|\[/?INST\]",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"^[ \t]{0,9}(?:(?P<model>assistant)[ \t]{0,9}(?::|$)|(?:user|human)[ \t]{0,9}:)", re.IGNORECASE | re.MULTILINE
)


def spoken(text: str) -> str | None:
    """A reply without thoughts, control tokens and the marks of turns; None if it is cut off in its thoughts.

    >>> spoken("<think>Could it be A?</think>\\n(C)<|im_end|>")
    '(C)'
    >>> spoken("<think>Could it be") is None
    True
    """
    start = 0
    for end in _THOUGHT_ENDS.finditer(text):
        start = end.end()
    if _THOUGHT_STARTS.search(text, start):
        return None
    said = _first_reply(text[start:])
    if not said and (opening := _THOUGHT_STARTS.search(text)) is not None:
        said = _first_reply(text[: opening.start()])  # the answer stands before its reasons
    return said if len(said) <= MAX_REPLY_CHARS else None


def _first_reply(text: str) -> str:
    """A reply without control tokens; what a model goes on to write behind the end of its turn is no part of it."""
    turns = (_TOKENS.sub(" ", turn).strip() for turn in _TURN_ENDS.split(text))
    return _first_turn(next((turn for turn in turns if turn), ""))


def _first_turn(said: str) -> str:
    """What stands before the first name of a speaker, or behind the model's own if nothing does."""
    roles = list(_ROLE.finditer(said))
    starts = [0, *(role.end() for role in roles)]
    ends = [*(role.start() for role in roles), len(said)]
    is_model = [True, *(role["model"] is not None for role in roles)]
    spans = zip(starts, ends, is_model, strict=True)
    return next((said[a:b].strip() for a, b, model in spans if model and said[a:b].strip()), "")


def unfenced(text: str) -> str:
    r"""The inside of a reply that is one fenced block, and any other reply as it is.

    >>> unfenced('```json\n{"answer": "C"}\n```')
    '{"answer": "C"}'
    """
    if not (text.startswith("```") and text.endswith("```") and len(text) > 6):
        return text
    first, newline, rest = text[3:-3].partition("\n")
    if not newline:
        return first.strip()
    return rest.strip() if not first.strip() or first.strip().isalnum() else text[3:-3].strip()


class Pairs(list[tuple[str, Any]]):
    """The fields of a JSON object in their order, a key twice where it is written twice."""


def json_objects(text: str) -> list[Pairs]:
    """JSON objects in a text, without what stands around them; see :func:`json_objects_at`.

    >>> json_objects('Here: {"answer": "C"} and {braces}')
    [[('answer', 'C')]]
    """
    return [document for _, _, document in json_objects_at(text)]


def json_objects_at(text: str, starts: int = MAX_JSON_STARTS) -> list[tuple[int, int, Pairs]]:
    """Start, end and fields of the JSON objects in a text.

    Args:
        starts: at how many opening braces one is looked for.
    """
    found: list[tuple[int, int, Pairs]] = []
    at = 0
    for _ in range(starts):
        at = text.find("{", at)
        if at < 0:
            break
        try:
            document, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        found.append((at, end, document))
        at = end
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=Pairs, strict=False)
"""Models break lines inside their strings."""
