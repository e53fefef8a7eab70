r"""Read the chosen option from a model's reply; fail closed.

Three things name an option: a reply that is nothing but the option, a marked statement ("the answer is C",
"Final: C", ``\boxed{C}``, ``{"answer": "C"}``), and a line that is nothing but the option. Everything else is
prose: a letter or a tumour's name inside a sentence is never taken as a choice. If what is named is not exactly
one offered option, the reply is unreadable, and the score says so.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

MAX_REPLY_CHARS = 100_000
"""A longer reply is no answer to a closed question."""
CONTEXT_CHARS = 400
"""How far before a statement a negation or a condition is looked for."""
ANSWER_KEYS = ("answer", "final", "final answer", "choice", "option", "prediction")

_BOXED = re.compile(r"\\boxed\{\s*(?:\\(?:text|mathrm|mathbf|textbf)\{)?([^{}]*)\}?\s*\}")
_FENCE = re.compile(r"^```\w*\s*\n(.*?)\n?```$", re.DOTALL)
_THOUGHT = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_EMPHASIS = re.compile(r"[*`]|(?<!\w)_+|_+(?!\w)")
_LINE_START = re.compile(r"^[\s>#•\-]+")
_HEDGE = r"(?:(?:most\s+)?likely|probably|clearly|therefore|thus|hence)"
_MARKER = re.compile(
    r"\b(?:(?:final\s+)?(?:answer|option|choice)|final)(?:\s+letter)?[\"']?"
    rf"(?:[ \t]*(?:[:=]|->|→|=>)|[ \t]+is\b[ \t]*:?[ \t]*(?:{_HEDGE}\b)?)[ \t]*"
    r"|\b(?:choose|select|pick|go(?:ing)?[ \t]+with)\b[ \t]*:?[ \t]*",
    re.IGNORECASE,
)
_SAID_CORRECT = re.compile(
    r"(?P<before>(?:\b(?:and|or|nor)\b|[/,&])[ \t]*)?(?<![\w'])[(\[]?(?P<letter>[A-Z])[)\]]?[ \t]+is[ \t]+"
    r"(?:(?:the|my)[ \t]+)?(?:(?:correct|right|best)\b|(?:final[ \t]+)?(?:answer|choice)\b)"
)
_NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|cannot|without|exclud\w*|eliminat\w*|rul(?:e|es|ed|ing) out)\b|n['’]t\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|unless|whether|suppose|assuming)\b", re.IGNORECASE)
_LETTER = re.compile(r"[\"'({\[$\s]*(?:(?:option|choice|letter)[ \t]+[({\[]?)?(?P<letter>[A-Za-z])(?![\w'’+])")
_CLOSER = re.compile(r"[\"')\]}$]*")
_SEPARATOR = re.compile(r"[\s\"')\]}$.:,;\-–—(]*")
_ANOTHER = re.compile(
    r"[\s,;/&+.)\]]*(?:\b(?:and|or)\b)?\s*[(\[]?(?P<letter>[A-Z])(?:[)\].,:;/?]|\s*$|\s+(?:and|or)\b)"
)
_ENDS = re.compile(r"[\s\"')\]}$.!,;。]*$")
_PAUSE = re.compile(
    r"[\"')\]}$]*(?:[.,;:!。]+(?:[\s\"']|$)|[ \t]*[(–—]|[ \t]+-[ \t])|\s+(?:because|since|as|given|due)\b"
)
_STOP = re.compile(r"[\"')\]}$]*\.(?:\s|$)|\s+(?:because|since)\b")
_LISTED = re.compile(r"[(\[]?(?P<letter>[A-Z])[)\].:][)\].:]*\s+\S")


def read_letter(text: str, letters: Sequence[str], texts: Mapping[str, str]) -> str | None:
    r"""The option that a reply chooses, or None unless it names exactly one that is offered.

    ``E`` is returned only where the reply says "E" or spells its text; it is never inferred from a refusal.

    Args:
        text: the reply as it came.
        letters: offered letters, upper case.
        texts: text of each offered letter.

    >>> offered = {"A": "Glioma", "B": "Meningioma", "C": "Metastasis", "E": "None of the above"}
    >>> chosen = "(C)", "A large lesion; the answer is C", "meningioma."
    >>> [read_letter(reply, "ABCE", offered) for reply in chosen]
    ['C', 'C', 'B']
    >>> unclear = "Unable to answer", "B or C", "C. Glioma", "(e.g. check quota)"
    >>> [read_letter(reply, "ABCE", offered) for reply in unclear]
    [None, None, None, None]
    """
    if len(text) > MAX_REPLY_CHARS:
        return None
    plain = _plain(text)
    if "<think" in plain.casefold():  # cut off in the middle of thinking: nothing was decided
        return None
    options = _Options(letters, texts)
    named = _from_json(plain, options)
    if named is None:
        named = _from_prose(plain, options)
    if len(named) != 1:
        return None
    (letter,) = named
    return letter if letter in letters else None


def _plain(text: str) -> str:
    """Emphasis, thinking, full-width forms and boxes made plain; a box becomes a marked line of its own."""
    plain = _THOUGHT.split(unicodedata.normalize("NFKC", text))[-1]
    plain = _BOXED.sub(r"\nFinal: \1\n", plain).strip()
    if fenced := _FENCE.match(plain):
        plain = fenced.group(1)
    return _EMPHASIS.sub("", plain).strip()


class _Options:
    """The offered options, and what the beginning of a statement names."""

    def __init__(self, letters: Sequence[str], texts: Mapping[str, str]) -> None:
        self.letters = tuple(letters)
        found = [(letter, _words(texts[letter])) for letter in letters if letter in texts]
        # Longest first, so that "T1 with contrast" is not read as "T1".
        self.patterns = [
            (
                letter,
                re.compile(r"(?:(?:an?|the)\s+)?" + r"[\W_]+".join(map(re.escape, words)) + r"(?![\w+])", re.I),
            )
            for letter, words in sorted(found, key=lambda entry: -sum(map(len, entry[1])))
            if words
        ]

    def spelled(self, text: str) -> tuple[frozenset[str], str]:
        """Letters whose text stands at the start (several if options repeat), and what follows it."""
        for _, pattern in self.patterns:
            if match := pattern.match(text):
                rest = text[match.end() :]
                same = {letter for letter, other in self.patterns if other.pattern == pattern.pattern}
                return frozenset(same), rest
        return frozenset(), text

    def named(self, statement: str, *, whole: bool) -> frozenset[str]:
        """What a statement chooses: nothing, or several letters if it is ambiguous or contradicts itself.

        Args:
            statement: text from where the choice should stand to the end of its line.
            whole: the statement is a line of its own, which has to be nothing but the option.
        """
        match = _LETTER.match(statement)
        if match:
            letter, rest = match["letter"], statement[match.end() :]
            if found := self._lettered(letter, rest, whole=whole):
                return found
        start = statement.lstrip(" \t\"'([{$")
        spelled, rest = self.spelled(start)
        ends = _ENDS if whole else _PAUSE
        return spelled if spelled and (_ENDS.match(rest) or ends.match(rest)) else frozenset()

    def _lettered(self, letter: str, rest: str, *, whole: bool) -> frozenset[str]:
        upper = letter.upper()
        if _ENDS.match(rest):
            return frozenset(upper)
        # Without a mark between them, "A glioma" may be an article: then letter and text have to agree.
        separator = _SEPARATOR.match(rest)
        behind = rest[separator.end() :] if separator else rest
        spelled, tail = self.spelled(behind)
        if spelled:
            accepted = _ENDS.match(tail) or (_STOP if whole else _PAUSE).match(tail)
            if upper in spelled:
                return frozenset(upper) if accepted else frozenset()
            return spelled | {upper}
        if letter.islower():
            return frozenset()
        if another := _ANOTHER.match(rest):
            return frozenset({upper, another["letter"]})
        if whole:
            return frozenset()
        after = rest[_closer_end(rest) :]
        return frozenset(upper) if _PAUSE.match(rest) or _PAUSE.match(after) else frozenset()


def _closer_end(rest: str) -> int:
    match = _CLOSER.match(rest)
    return match.end() if match else 0


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text)
    return [word for word in re.split(r"[^\w+]+|_+", folded) if word]


def _from_json(plain: str, options: _Options) -> frozenset[str] | None:
    """What a JSON object answers; None if the reply is no JSON object."""
    if not plain.startswith("{"):
        return None
    try:
        document = json.loads(plain)
    except (ValueError, RecursionError):
        return None
    values = [v for key, v in document.items() if " ".join(_words(key.replace("_", " "))).casefold() in ANSWER_KEYS]
    named: frozenset[str] = frozenset()
    for value in values:
        found = options.named(value.strip(), whole=True) if isinstance(value, str) else frozenset()
        if not found:
            return frozenset()
        named |= found
    return named


def _from_prose(plain: str, options: _Options) -> frozenset[str]:
    marked = frozenset(letter for found in _marked(plain, options) for letter in found)
    lines, listed = frozenset[str](), frozenset[str]()
    for raw in plain.splitlines():
        line = _LINE_START.sub("", raw).strip()
        found = options.named(line, whole=True)
        lines |= found
        if not found and (match := _LISTED.match(line)):
            listed |= frozenset(match["letter"]) & frozenset(options.letters)
    repeated = (lines | listed) >= frozenset(options.letters)
    if marked:  # a repeated list of all options says nothing beside a marked choice
        return marked if repeated else marked | lines
    # Options discussed one by one: the line that happens to be bare is not thereby the choice.
    return lines | listed if lines else frozenset()


def _marked(plain: str, options: _Options) -> Iterator[frozenset[str]]:
    for match in _MARKER.finditer(plain):
        if not _is_unsure(plain, match.start()):
            yield options.named(plain[match.end() :].split("\n", 1)[0], whole=False)
    for match in _SAID_CORRECT.finditer(plain):
        if not match["before"] and not _is_unsure(plain, match.start()):
            yield frozenset(match["letter"])


def _is_unsure(plain: str, at: int) -> bool:
    """Whether the clause before a statement negates it, or its sentence makes it a condition."""
    before = plain[max(0, at - CONTEXT_CHARS) : at]
    sentence = re.split(r"[.!?;\n]", before)[-1]
    clause = re.split(r"[,:]|\bbut\b|\bso\b", sentence)[-1]
    return bool(_NEGATION.search(clause) or _CONDITION.search(sentence))
