r"""A reply without markup: what marks an answer becomes a line of its own, everything else is made plain.

Boxes, answer tags, ticked lines and the answer field of a JSON object all mean the same and become ``Final: …``, so
that the words of a reply are read by one set of rules.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from neuroonco.predict.parse_context import leaves_open, stands_alone
from neuroonco.predict.parse_text import Pairs, json_objects_at, unfenced

ANSWER_KEYS = frozenset({"answer", "final", "final answer", "choice", "option", "prediction"})
"""Names of the field of a JSON object that holds the answer."""
_INNER_KEYS = frozenset({*ANSWER_KEYS, "letter"})
_SURE_KEYS = frozenset({"answer", "final", "final answer"})
_VERDICTS = frozenset({"correct", "is correct", "right", "chosen", "is chosen", "selected", "valid", "verdict", "fits"})
"""Names of the field that says whether an option is the one."""
_REFUTED = frozenset({"false", "no", "0", "incorrect", "wrong", "unlikely", "excluded", "rejected"})
_WEIGHTS = frozenset({"probability", "likelihood", "score", "weight", "rank", "p", "percent", "percentage", "prob"})
_LATEX_DEPTH = 3
_MARKED = "\nFinal: {}\n"

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufe0e\ufe0f\ufeff]")
_LATEX = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathsf|mathit|operatorname|emph)\{([^{}]{0,400})\}")
_BOXED = re.compile(r"\\f?boxed\{([^{}]{0,400})\}")
_MATH = re.compile(r"\\[()\[\],;! ]|\$")
_ANSWER_OPENS = re.compile(r"<(?:final_)?answer>|<conclusion>|<\|begin_of_box\|>", re.IGNORECASE)
_ANSWER_CLOSES = re.compile(r"</(?:(?:final_)?answer|conclusion)>|<\|end_of_box\|>", re.IGNORECASE)
_INLINE_TAG = re.compile(r"</?(?:b|i|u|em|strong|span|code|mark|sub|sup)\b[^<>]{0,200}>", re.IGNORECASE)
_BLOCK_TAG = re.compile(r"</?(?:p|br|div|li|ul|ol|h[1-6]|hr|center)\b[^<>]{0,200}>", re.IGNORECASE)
_EMPHASIS = re.compile(r"[*`]+|_+")
_BULLET = r"^[ \t>#•\-+]{0,20}"
_TICKED = re.compile(rf"{_BULLET}(?:[✅✔☑]|\[[xX]\])|[✅✔☑][ \t.]{{0,20}}$")
_CROSSED = re.compile(rf"{_BULLET}(?:[❌✗✘✖☒☐⬜]|\[ \])|[❌✗✘✖☒][ \t.]{{0,20}}$")
_BLANKS = re.compile(r"[^\S\n]+")
_QUOTES = str.maketrans("“”„«»‘’", '"""""\'\'')
_COPULA = re.compile(r"(?<=[A-Za-z)])(?:です|でした|입니다|이다)")
_QUOTE, _SPACE = "[\"']", r"[ \t\n]{0,20}"
_BROKEN_FIELD = re.compile(
    rf"{_QUOTE}(?P<key>[A-Za-z _]{{1,20}}){_QUOTE}{_SPACE}:{_SPACE}"
    rf"{_QUOTE}(?P<value>[^\"'\n]{{0,400}}){_QUOTE}{_SPACE}[,}}]"
)
_BARE_FIELD = re.compile(r"[{,][ \t\n]{0,20}(?P<key>[A-Za-z _]{1,20}):(?P<value>[^\n,{}]{0,400})(?=[,}])")


def plain(said: str) -> str | None:
    r"""The words of a reply, one thing a line; None if it gives a JSON answer that is no text.

    Args:
        said: a reply without its thoughts.

    >>> plain(r"So $\boxed{\text{C}}$"), plain('```json\n{"answer": "C", "why": "D?"}\n```')
    ('So \nFinal: C', 'Final: C')
    """
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", said)).translate(_QUOTES)
    told = _without_json(unfenced(text.strip()))
    if told is None:
        return None
    for _ in range(_LATEX_DEPTH):
        told = _LATEX.sub(r"\1", told)
    told = _MATH.sub("", _BOXED.sub(_boxed, told))
    told = _ANSWER_CLOSES.sub("\n", _ANSWER_OPENS.sub(_opened, told))
    told = _BLOCK_TAG.sub("\n", _INLINE_TAG.sub("", told))
    told = _COPULA.sub("", _EMPHASIS.sub(_inside_word, told))
    return "\n".join(_without_symbols(line) for line in _BLANKS.sub(" ", told).splitlines()).strip()


def _boxed(match: re.Match[str]) -> str:
    """A box is an answer, except where the words before it deny or only suppose it."""
    return match[1] if leaves_open(match.string, match.start()) else _MARKED.format(match[1])


def _opened(match: re.Match[str]) -> str:
    return "" if leaves_open(match.string, match.start()) else "\nFinal: "


def _inside_word(match: re.Match[str]) -> str:
    """Underscores between two letters or digits are part of a name, any other emphasis is none."""
    around = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
    return match.group() if match.group()[0] == "_" and all(side.isalnum() for side in around) else ""


def _without_symbols(line: str) -> str:
    if line.isascii() and "[" not in line:
        return line
    if _CROSSED.search(line):
        return "not " + _CROSSED.sub("", line)
    if _TICKED.search(line):
        line = "Final: " + _TICKED.sub("", line).strip()
    return "".join(" " if unicodedata.category(char) in ("So", "Sk") else char for char in line)


def _without_json(text: str) -> str | None:
    """JSON objects that hold an answer as marked lines; None if what they hold is no text."""
    if text.startswith("{") and ":" in text and not _is_whole(text):
        # Cut off or no JSON: only complete fields count, so that half a reason is never taken for the answer.
        return "".join(_MARKED.format(value) for key, value in _broken_fields(text) if _plain_key(key) in ANSWER_KEYS)
    pieces, at = [], 0
    for start, end, document in json_objects_at(text):
        if not (_chooses(document) and stands_alone(text, start, end)):
            pieces.append(text[at:start])  # shown, weighed or called wrong: no answer, and no words either
            at = end
            continue
        answers = [value for key, value in document if _plain_key(key) in ANSWER_KEYS]
        texts = [found for answer in answers for found in _texts(answer)]
        if any(found is None for found in texts):
            return None
        if texts or (start == 0 and end == len(text)):
            pieces += [text[at:start], *(_MARKED.format(" ".join((found or "").split())) for found in texts)]
            at = end
    return "".join([*pieces, text[at:]])


def _chooses(document: Pairs) -> bool:
    """Whether what an object calls its answer is chosen: not called wrong, not one of several that are weighed."""
    fields = {_plain_key(key): value for key, value in document}
    for key, value in fields.items():
        if key in _VERDICTS and (value is False or str(value).casefold() in _REFUTED):
            return False
        if key == "error" and value:
            return False
    return not (_WEIGHTS & fields.keys()) or bool(_SURE_KEYS & fields.keys())


def _is_whole(text: str) -> bool:
    return any(start == 0 for start, _, _ in json_objects_at(text, starts=1))


def _broken_fields(text: str) -> Iterator[tuple[str, str]]:
    quoted = any(quote in text for quote in "\"'")
    for match in (_BROKEN_FIELD if quoted else _BARE_FIELD).finditer(text):
        yield match["key"], match["value"]


def _texts(answer: Any) -> list[str | None]:
    if isinstance(answer, Pairs):
        inner = [value for key, value in answer if _plain_key(key) in _INNER_KEYS]
        return [value if isinstance(value, str) else None for value in inner] or [None]
    return [answer if isinstance(answer, str) else None]


def _plain_key(key: str) -> str:
    return " ".join(key.replace("_", " ").replace("-", " ").split()).casefold()
