"""The offered options, and which of them the beginning of a statement names."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from neuroonco.build.records import is_none
from neuroonco.predict.parse_marks import IS_CORRECT, NEGATION
from neuroonco.predict.parse_tail import clause_of, takes_away

MAX_STATEMENT_CHARS = 240
"""How much of a statement is read; what is cut off is marked, so that a cut is never taken for the end."""
CUT = "\N{HORIZONTAL ELLIPSIS}\N{HORIZONTAL ELLIPSIS}"

_LEAD = re.compile(r"[\"'({<#\[\s:=]*(?:(?:option|choice|letter)[ \t]+[\"'({\[]*)?", re.IGNORECASE)
_LETTER = re.compile(r"(?P<letter>[A-Za-z])(?![\w+]|'\w)")
_MARKS = re.compile(r"[\s\"')\]}.:,;/=\-–—(|]*")
_BRACKETED = re.compile(r"[\"'\s]*[(\[](?:option[ \t]+)?(?P<letter>[A-Z])[)\]]")
_ENDS = re.compile(r"[\s\"')\]}>|:.!,;。]*$")
_WHY = r",?[ \t]+(?:because|since|as(?! (?:well|opposed|if|long|far)\b)|given|due to|owing to|based on)\b"
_PAUSE = re.compile(rf"[\"')\]}}]*(?:[.,;:!。]+(?:[\s\"']|$)|[ \t]*[(–—]|[ \t]+-[ \t]|[ \t]*\||{_WHY})")
_REASON = re.compile(rf"[\"')\]}}]*(?:{_WHY}|,[ \t]+with\b|,?[ \t]+with \w+ confidence\b|[ \t]+\([^()]*\)[\s.]*$)")
_STARTERS = "The|This|That|There|These|Those|It|In|On|Because|Based|Since|As|Given|Although|While|We|I|My"
_SENTENCE = re.compile(rf"[\"')\]}}.:]+[ \t]+(?:{_STARTERS})\b")
_STOP = re.compile(rf"[\"')\]}}]*(?:\.(?:\s|$)|,[ \t]|[ \t]+-[ \t]|[ \t]*[–—(]|{_WHY})")
_REASON_NEXT = re.compile(
    rf"{_WHY}|[\"')\]}}]*(?:\.(?:\s|$)|,?[ \t]+(?:not|rather than|instead of|as opposed to)\b)|{IS_CORRECT.pattern}"
)
_LAST_LETTER = re.compile(r"[\s,:(\[](?P<letter>[A-Z])[)\]]?[\s!]*$")
_BESIDE = re.compile(r"\b(?:unlike|than|against|versus|vs|over|from|grade|type|figure|vitamin|group)\b", re.IGNORECASE)
_RANGE = re.compile(r"[)\].]?[ \t]*(?:[-–—]|to|through|\.{2,3}|until)[ \t]*[(\[]?[A-Z]\b(?!['\w])")
"""Letters from one to another: "A–D"."""
_SEGMENT_ENDS = re.compile(r"[.;|](?=\s)|[ \t](?=(?i:option|choice)[ \t][(\[]?[A-Z]\b)")
_OTHER_TEXT = re.compile(
    r"(?:[ \t]*\((?P<bracket>[^()\n]{2,60})\)|(?:[)\]\"']*[.:,)][)\]\"']*[ \t]+|[ \t]*[-–—][ \t]*)"
    r"(?P<line>[^.\n]{2,60}))[\s.!\"')]*$"
)
"""A letter and a few words in the place of its text."""
_OWN_WORDS = re.compile(
    r"\d|%|\b(?:confiden|likel|probab|sure|certain|final|correct|right|chosen|best|the|this|that|these|there|it|not|is|are"
    r"|was|has|because|since|as|no|see|none|with|of|in|on|my|most|typical|classic|seen|visible|lesion|option)\w*",
    re.IGNORECASE,
)
_CLAUSE_ENDS = re.compile(r"[.!?;\n]|\b(?:because|since)\b", re.IGNORECASE)
_AGAINST = re.compile(r"\b(?:not|rather than|instead of|over|unlike|versus|as opposed to|than)\b", re.IGNORECASE)
_OTHER_LETTER = re.compile(
    r"(?:(?:\b(?:and|or|nor|possibly|maybe|perhaps|alternatively|either)\b|[,;/&+|])[\s,]{0,9}(?:\bor\b[\s,]{0,9})?"
    r"(?:option[ \t]{1,9})?|^[\s.)\]]{1,9})[(\[]?(?P<letter>[A-Z])(?=[)\].,:;/?!]|\s*$|\s+(?:and|or|is)\b)"
)
_WORD = re.compile(r"[<>≤≥]|(?:[^\W_]|\+)+")


def words(text: str) -> list[str]:
    """Words of an option's text, small and in their plain form; signs that compare are words too.

    >>> words("T1_weighted MRI (with contrast)"), words("<1 cm")
    (['t1', 'weighted', 'mri', 'with', 'contrast'], ['<', '1', 'cm'])
    """
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


class Options:
    """The options of one question.

    Attributes:
        letters: offered letters.
        none: letters whose text is "None of the above".
    """

    def __init__(self, letters: Sequence[str], texts: Mapping[str, str]) -> None:
        self.letters = frozenset(letters)
        self.none = frozenset(letter for letter in letters if is_none(texts.get(letter, "")))
        self._texts = {letter: texts[letter] for letter in letters if letter in texts}
        self._read: dict[tuple[str, bool], frozenset[str]] = {}
        spelled: dict[tuple[str, ...], set[str]] = {}
        for letter in letters:
            if found := tuple(words(texts.get(letter, ""))):
                spelled.setdefault(found, set()).add(letter)
        # Longest first, so that "T1 with contrast" is not read as "T1".
        self._spellings = [
            (frozenset(spelled[found]), _spelling(found))
            for found in sorted(spelled, key=lambda found: (-sum(map(len, found)), found))
        ]

    def spelled(self, text: str) -> tuple[frozenset[str], str]:
        """Letters whose text stands at the start (several if options repeat), and what follows it."""
        start = _LEAD_MARKS.match(text)
        behind = start.end() if start else 0
        for letters, pattern in self._spellings:
            if match := pattern.match(text, behind):
                return letters, text[match.end() :]
        return frozenset(), text

    def named(self, statement: str, *, whole: bool) -> frozenset[str]:
        """What a statement chooses: nothing, or several letters if it is ambiguous or contradicts itself.

        Args:
            statement: from where the choice should stand to the end of its line.
            whole: the statement is a line without a mark that it is the answer, and has to be the option alone or the
                option and its reason.
        """
        if len(statement) > MAX_STATEMENT_CHARS:
            statement = statement[:MAX_STATEMENT_CHARS] + CUT
        # A model that runs in a circle says the same thousands of times.
        key = (statement, whole)
        if key not in self._read:
            self._read[key] = self._named(statement, whole=whole)
        return self._read[key]

    def _named(self, statement: str, *, whole: bool) -> frozenset[str]:
        lead = _LEAD.match(statement)
        start = lead.end() if lead else 0
        if match := _LETTER.match(statement, start):
            found = self._lettered(match["letter"], statement[match.end() :], whole=whole)
            if found is not None:
                return found
        return self._told(statement, whole=whole)

    def others(self, tail: str, besides: frozenset[str]) -> frozenset[str]:
        """Other options that the rest of a clause puts beside the one it has named."""
        clause = _AGAINST.split(_CLAUSE_ENDS.split(tail, maxsplit=1)[0], maxsplit=1)[0]
        told = {match["letter"] for match in _OTHER_LETTER.finditer(clause)}
        for letters, pattern in self._spellings:
            if any(not clause[match.start() - 1 : match.start()].isalnum() for match in pattern.finditer(clause)):
                told |= letters
        return frozenset(told) - besides

    def _lettered(self, letter: str, rest: str, *, whole: bool) -> frozenset[str] | None:
        """As :meth:`named` for a statement that starts with a letter; None if the letter is an article."""
        upper = frozenset(letter.upper())
        if _ENDS.match(rest):
            return upper
        marks = _MARKS.match(rest)
        between = marks.group() if marks else ""
        spelled, tail = self.spelled(rest[len(between) :])
        if spelled:
            if letter in "aA" and not between.strip() and not upper & spelled:
                return None if letter == "a" else spelled | upper
            if not upper & spelled:
                return spelled | upper
            return self._closed(upper, tail, ends=_STOP if whole else _PAUSE, is_text=False)
        if letter.islower() or _RANGE.match(rest) or takes_away(rest, is_text=False):
            return frozenset()
        if self._is_other_text(rest, upper):
            return frozenset()
        if others := self.others(rest, upper) | self._behind(rest, upper):
            # A line that says something of several letters chooses none of them, and is not the choice either.
            return upper | others if not whole or _LETTERS_ONLY.match(rest) else frozenset()
        reasons = (_REASON, _SENTENCE, IS_CORRECT) if whole else (_PAUSE, _REASON, IS_CORRECT, _AGAINST_NEXT)
        return upper if any(pattern.match(rest) for pattern in reasons) else frozenset()

    def _told(self, statement: str, *, whole: bool) -> frozenset[str]:
        spelled, tail = self.spelled(statement)
        if not spelled:
            return frozenset()
        is_text = True
        if bracketed := _BRACKETED.match(tail):
            letter = frozenset(bracketed["letter"])
            if not letter & spelled:
                return letter | spelled
            spelled, tail, is_text = letter, tail[bracketed.end() :], False
        return self._closed(spelled, tail, ends=_STOP if whole else _PAUSE, is_text=is_text)

    def _closed(self, named: frozenset[str], tail: str, *, ends: re.Pattern[str], is_text: bool) -> frozenset[str]:
        if _ENDS.match(tail):
            return named
        if not (ends.match(tail) or IS_CORRECT.match(tail) or _AGAINST_NEXT.match(tail)):
            return frozenset()
        if takes_away(tail, is_text=is_text) or self._makes_another(named, tail, is_text=is_text):
            return frozenset()
        return named | self.others(tail, named) | self._behind(tail, named)

    def _makes_another(self, named: frozenset[str], tail: str, *, is_text: bool) -> bool:
        """Whether the clause behind a text may make a longer offered text of it: "T1" of "T1 with contrast"."""
        own = {word for letter in named for word in words(self._texts.get(letter, ""))}
        more = {
            word
            for letter in self.letters - named
            if own < (found := set(words(self._texts.get(letter, ""))))
            for word in found - own
        }
        if is_text and more and not _REASON_NEXT.match(tail):
            return True  # in whatever words: the text alone is too little to tell the two apart
        return not more.isdisjoint(words(tail if is_text else clause_of(tail)))

    def _behind(self, tail: str, named: frozenset[str]) -> frozenset[str]:
        """Other options that stand for themselves behind the clause: "A) Glioma; B) Meningioma"."""
        told: set[str] = set()
        for segment in _SEGMENT_ENDS.split(tail)[1:]:
            lead = _LEAD.match(segment)
            start = lead.end() if lead else 0
            if (match := _LETTER.match(segment, start)) and match["letter"].isupper():
                rest = segment[match.end() :]
                agrees = match["letter"] in self.spelled(rest)[0]
                if agrees or _ENDS.match(rest) or rest.startswith((")", ":", "]", ".")):
                    told.add(match["letter"])
                continue
            spelled, more = self.spelled(segment[start:])
            if _ENDS.match(more):
                told |= spelled
            elif NEGATION.search(segment) or _BESIDE.search(segment):
                continue
            elif last := _LAST_LETTER.search(segment):
                told.add(last["letter"])
        return (frozenset(told) & self.letters) - named

    def _is_other_text(self, rest: str, upper: frozenset[str]) -> bool:
        """Whether a few words in the place of the text say something else than the text of the letter."""
        match = _OTHER_TEXT.match(rest)
        if match is None or not self._texts:
            return False
        text = match["bracket"] or match["line"]
        if len(text.split()) > _FEW_WORDS or _OWN_WORDS.search(text):
            return False
        own = {word for letter in upper for word in words(self._texts.get(letter, ""))}
        return own.isdisjoint(words(text))

    def denied(self, letter: str, text: str) -> bool:
        """Whether a text says in so many words that an option is not the one."""
        found = [_denial(re.escape(letter), is_letter=True)]
        if letter not in self.none and (spelling := words(self._texts.get(letter, ""))):
            found.append(_denial(_BETWEEN.join(map(re.escape, spelling)), is_letter=False))
        return any(pattern.search(text) for pattern in found)


_FEW_WORDS = 3
_LETTERS_ONLY = re.compile(r"(?:[\s,;/&+.|()\[\]?!]|\b(?:and|or|[A-Z])\b)*$")
_AGAINST_NEXT = re.compile(r"[\s\"')\]},]*(?:not|rather than|instead of|as opposed to)\b", re.IGNORECASE)
_BETWEEN = r"(?:[\W_]{1,9}|(?<=[<>≤≥]))"
_LEAD_MARKS = re.compile(r"[\"'({\[\s]*")


@lru_cache(maxsize=4096)
def _spelling(found: tuple[str, ...]) -> re.Pattern[str]:
    """Kept, because a benchmark offers the same few hundred texts thousands of times."""
    pattern = r"(?:(?:an?|the)[ \t]{1,9})?" + _BETWEEN.join(map(re.escape, found)) + r"(?![\w+])"
    return re.compile(pattern, re.IGNORECASE)


@lru_cache(maxsize=4096)
def _denial(name: str, *, is_letter: bool) -> re.Pattern[str]:
    """ "It is not NAME", "NAME is unlikely"; a letter only as an option, so that an article is none."""
    before = r"\b(?:not|n't)[ \t]{1,3}(?:(?:be|an?|the|option|choice|likely|consistent|with|answer)[ \t]{1,3}){0,4}"
    behind = r"[\"')\]]{0,2}[ \t]{1,3}(?:is|was|seems|appears)(?:n't|[ \t]{1,3}(?:therefore |very |clearly )?"
    behind += r"(?:not|unlikely|incorrect|wrong|excluded|ruled out|less likely))\b"
    if is_letter:
        denied = rf"(?i:{before})[(\[]?{name}[)\]]?(?=[ \t]*(?:[.,;!)]|$))"
        return re.compile(rf"{denied}|(?<![\w']){name}(?i:{behind})", re.MULTILINE)
    return re.compile(rf"{before}{name}(?![\w+])|(?<!\w){name}{behind}", re.IGNORECASE)
