"""Whether what stands before an option lets it be a choice: not denied, supposed, shown, or somebody else's."""

import re
from functools import lru_cache

from neuroonco.predict.parse_marks import CONDITION, FIRST_IDEA, NEGATION

CONTEXT_CHARS = 240
"""How far before a statement its context is looked for."""
_PROSE_WORDS = 4
"""So many words without a determiner before a label are a sentence, and not what kind of label it is."""

_SENTENCE_ENDS = re.compile(r"[.!?;\n]")
_CLAUSE_ENDS = re.compile(r"[,:]|\b(?:but|so|therefore|thus|hence)\b", re.IGNORECASE)
_SHOWN = re.compile(
    r"\b(?:examples?|for instance|such as|templates?|placeholder|dummy|sample|hypothetical\w*|instructions?|instructed"
    r"|asked (?:me )?to (?:reply|answer|respond)|like this|expected"
    r"|(?:reply|respond|answer) (?:like|with|as)\b|(?:format|output|reply|response|json)\b[^.\n]{0,20}\b"
    r"(?:should|must|could|would|has to)|eg)\b",
    re.IGNORECASE,
)
"""Says that what follows is shown, and not meant."""
_ABBREVIATED = re.compile(r"\be\.\s?g\.", re.IGNORECASE)
_CASE = re.compile(
    r"\s*(?:and |but |so )?(?:(?:with|without|in|for|on|at|among|within|under|during|when|where)[ \t]+"
    r"(?!(?:this|the|these|that|those|my|our|its|me|such|conclusion|summary|short|brief|light|view|fact|addition|total"
    r"|terms|balance|closer|review|reviewing|inspection|reflection|second|first|(?:\w{1,12} )?confidence"
    r"|(?:\w{1,12} )?certainty)\b)|in the (?:absence|presence|case|setting|event)\b"
    r"|(?:provided|providing|as long as|so long as|depending on|except|supposing|granted|once|only|in case)\b"
    r"|had (?:it|the|this|there|they|these)\b|should (?:it|the|this)\b)",
    re.IGNORECASE,
)
"""A sentence that opens with a case: "In children", "With contrast", and not "In this image", "With the dural tail"."""
_GENERAL = re.compile(r"\b(?:usually|typically|normally|often|commonly|sometimes)\b", re.IGNORECASE)
_SAID_BY_OTHERS = re.compile(
    r"\b(?:many|some|others?|one|people|someone|students?|readers?|colleagues?|you|they|he|she|radiologists?|doctors?"
    r"|reports?|reviewers?|key|user)\b(?: \w{1,15}){0,2}? (?:would|might|may|could|often|say|says|said|thinks?"
    r"|thought|believe|argue|claim|state|stated|wrote)\b"
    r"|\b(?:thinks|says|believes|argues|claims|states|writes|assumes)\b|\bit (?:is|was|has been) (?:often )?(?:thought"
    r"|said|believed|claimed|assumed|suggested)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|we|me|us|let's)\b|\b(?:you|one) should\b", re.IGNORECASE)
_NOBODY = re.compile(
    r"[\W\d]*(?:(?:so|then|therefore|thus|hence|finally|please|now|step|and|definitely|just|accordingly)\b[\W\d]*){0,5}\Z",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w'-]+")
_STOPPER = re.compile(
    r"(?:the|my|your|our|an?|this|is|are|was|and|so|but|therefore|thus|hence|then|as|would|should|i|i'd|we|to|here|in"
    r"|of|for|with)\Z"
)
_KIND = re.compile(
    r"(?:\d+|final|correct|right|best|most|very|likely|likeliest|probable|plausible|appropriate|accurate|suitable"
    r"|fitting|selected|chosen|single|only|one|overall|predicted|proposed|suggested|preferred|given|short|direct|concise"
    r"|revised|updated|corrected|new|actual|true|better|closest|multiple-choice|step|assistant|summary|conclusion"
    r"|diagnostic)\Z"
)
"""What kind of answer, option or choice is one's own; a "tempting", "rejected" or "second" one is not."""
_OTHER_KIND = re.compile(
    r"\b(?:alternative|distractor|differential|mimic|wrong|incorrect|second|third|next|mistake|competitor|runner|trap"
    r"|rejected|excluded|error)",
    re.IGNORECASE,
)


def leaves_open(told: str, at: int) -> bool:
    """Whether the clause before a place negates what follows, or its sentence only supposes, shows or reports it."""
    return _leaves_open(told[max(0, at - CONTEXT_CHARS) : at])


@lru_cache(maxsize=1024)
def _leaves_open(before: str) -> bool:
    sentence = _SENTENCE_ENDS.split(_ABBREVIATED.sub("eg ", before))[-1]
    clause = _CLAUSE_ENDS.split(sentence)[-1]
    return bool(
        NEGATION.search(clause)
        or _GENERAL.search(clause)
        or _SAID_BY_OTHERS.search(clause)
        or CONDITION.search(sentence)
        or _SHOWN.search(sentence)
        or _CASE.match(sentence)
    )


def is_first_idea(told: str, at: int) -> bool:
    """Whether the sentence before a place calls what follows a first idea, so that it is not settled."""
    return FIRST_IDEA.search(_SENTENCE_ENDS.split(told[max(0, at - CONTEXT_CHARS) : at])[-1]) is not None


def is_own_choice(told: str, at: int) -> bool:
    """Whether a verb of choosing at a place says what the writer chooses: "I would choose", "Choose".

    >>> [is_own_choice(told, told.index("choose")) for told in ("I would choose C", "Some would choose C")]
    [True, False]
    """
    sentence = _SENTENCE_ENDS.split(told[max(0, at - CONTEXT_CHARS) : at])[-1]
    clause = _CLAUSE_ENDS.split(sentence)[-1]
    return _NOBODY.match(clause) is not None or _FIRST_PERSON.search(clause) is not None


def is_own_label(told: str, at: int, label: str) -> bool:
    """Whether a label at a place is that of one's own answer: "Final answer", and not "Rejected answer".

    >>> [is_own_label(told, told.index("answer"), "answer") for told in ("The best answer", "The tempting answer")]
    [True, False]
    """
    if is_of_other_kind(label):
        return False
    clause = re.split(r"[.!?;:,\n()|\"]", told[max(0, at - CONTEXT_CHARS) : at])[-1]
    before = _WORD.findall(clause)
    if before and before[-1].islower() and told[at : at + 1].isupper():
        return True  # "… of the above Answer: C": a new beginning
    kinds: list[str] = []
    for word in reversed([word.casefold() for word in before]):
        if _STOPPER.match(word):
            break
        kinds.append(word)
    if len(kinds) >= _PROSE_WORDS:
        return _OTHER_KIND.search(clause) is None
    return all(map(_KIND.match, kinds))


def is_of_other_kind(words: str) -> bool:
    """Whether words speak of what is not the answer: "the second most likely diagnosis", "the distractor"."""
    return _OTHER_KIND.search(words) is not None


def stands_alone(told: str, start: int, end: int) -> bool:
    """Whether a box, a tag or a JSON object is an answer, and not a part of a sentence that denies or shows it."""
    return not leaves_open(told, start) and _GOES_ON.match(told, end) is None


_GOES_ON = re.compile(r"[\"'`\s.]{0,9}?[\"'`,]{0,2}[ \t]{1,3}(?:is|was|would|could|might|if|unless)\b", re.IGNORECASE)
