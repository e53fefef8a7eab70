"""Words that mark a choice, or take one back: what the parser knows of language.

Every repetition is bounded or stands beside what it cannot itself match, so that no text makes a search slow.
"""

import re

_GAP = r"[ \t]{0,9}"
_HEDGE = r"(?:(?:(?:most|very) )?likely|probably|clearly|definitely|therefore|thus|hence|either)"
_LABEL = r"(?:answers?|option|choice|selection|prediction|conclusion|verdict|response|output|guess)(?: letter)?"
_ASKED = r"(?: (?:to|for) (?:the|this) [a-z]{1,20})?"
_IS = r"[ \t]{1,9}(?:is|(?:should|must|would|will) be)\b"
_CHOOSE = r"choose|chose|select(?:ed)?|pick(?:ed)?|go(?:ing)? with|lean(?:ing)? towards?"
_CHANGE = (
    r"chang(?:e|es|ed|ing) (?:it |this |that |my (?:answer|choice|mind|selection) )?to|correction:|make that\b"
    r"|i mean\b,?"
)
_LIKELIEST = r"(?:most likely|final|best) [a-z]{1,20}(?: [a-z]{1,20})?"
_FOREIGN_LABEL = r"antwort|lösung|réponse|respuesta|risposta|resposta|ответ"
_FOREIGN_IS = r"ist|lautet|est|es|è|é"
_FOREIGN_RIGHT = r"correcta|corretta|correta|correcte"
_CORRECT = r"(?:(?:the|my) )?(?:correct|right|best|most likely|(?:final )?(?:answer|choice))\b"
_IS_CORRECT = rf"(?:(?:is|would be|seems) (?:also )?{_CORRECT}|fits(?: best)?(?=[.,;!]|$))(?![^.!?;\n]{{0,40}}\?)"
_ONLY_LETTER = r"(?-i:[(\[]?[A-Z])[)\].]{0,2}(?:\n|\Z)"
_LETTER = r"[(\[]?(?P<letter>[A-Z])[)\]]?"
_THUS = r"so|therefore|thus|hence|it is|it's|that is|that's|i(?:'d| would)? say"
_POINTS_TO = (
    r"(?:consistent|compatible|keeping|line|accord|agrees?|fits?|aligns?|corresponds?) with|represents?|suggests?"
    r"|indicates?|supports?|favou?rs?"
)

MARKER = re.compile(
    rf"\b(?P<label>{_LABEL}{_ASKED}|{_LIKELIEST}|ans|final|correct)[\"']?"
    rf"(?:{_GAP}(?:[:=|]|->|→|=>)|{_IS}{_GAP}:?{_GAP}(?:{_HEDGE}\b)?)"
    rf"|\banswer(?=\s{{1,3}}{_ONLY_LETTER})|\bans\.(?=[ \t])|\b(?P<choose>{_CHOOSE})\b{_GAP}:?|\b(?:{_CHANGE}){_GAP}"
    rf"|\b(?:{_FOREIGN_LABEL})(?: (?:{_FOREIGN_RIGHT}))?(?:{_GAP}[:=]|[ \t]{{1,9}}(?:{_FOREIGN_IS})\b)"
    rf"|(?:答案|答え|回答|正解|정답){_GAP}(?:[:=是为は은]|[ \t])|(?<![不别非没])选[择项]?{_GAP}[:=是为]?",
    re.IGNORECASE,
)
"""What stands before a choice: "answer:", "the final choice is most likely", "I would go with"."""
CONCLUDES = re.compile(
    rf"\b(?:(?i:{_THUS})\b[,:]?[ \t]{{1,9}}(?i:option )?|(?i:{_POINTS_TO}) (?i:option) ){_LETTER}"
    rf"(?=[.!]{{0,3}}{_GAP}$|[.!]{{1,3}} {_GAP}(?:[A-Z][\w']|[AI] [a-z]))",
    re.MULTILINE,
)
"""A conclusion that is a letter and the end of its sentence: "so C.", "It's C.", "This suggests option C."."""
SAID_CORRECT = re.compile(
    rf"(?P<before>(?:\b(?:and|or|nor|neither)\b|[/&]|(?<=\b[A-Z])[)\]]?,|(?<=[)\]]),){_GAP})?"
    rf"(?<![\w']){_LETTER}[ \t]{{1,9}}{_IS_CORRECT}"
)
"""A letter that is called right; ``before`` holds the word that puts another beside it."""
IS_CORRECT = re.compile(rf"[\"')\]}}]{{0,3}}[ \t]{{1,9}}{_IS_CORRECT}")
"""The same behind an option's text."""
FINAL = re.compile(r"\bfinal\b", re.IGNORECASE)
NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|cannot|without|exclud\w{1,9}|eliminat\w{1,9}|rul(?:e|es|ed|ing) out|incorrect|wrong"
    r"|false|less|least|unlikely|nicht|keine?|falsche?n?|pas|no es|incorrect[ae]|errad[ao]|mauvaise|sbagliata)\b"
    r"|n't\b|不|没|错误",
    re.IGNORECASE,
)
CONDITION = re.compile(r"\b(?:if|unless|whether|suppose|assuming|were|wenn|falls)\b", re.IGNORECASE)
FIRST_IDEA = re.compile(
    r"\b(?:initial(?:ly)?|at first|first,? i|first (?:glance|look|sight|impression|thought)|originally|previously"
    r"|tempt(?:ed|ing))\b",
    re.IGNORECASE,
)
"""Says that a statement is not the last word."""
_WAIT = (
    r"(?<![^\s,.;:!?(–—\n-])wait"
    r"(?=[ \t]*(?:[,.!?:;–—]|[ \t]-|\N{HORIZONTAL ELLIPSIS}|\n|$|(?:no|that|i|actually|let)\b))"
)
_TURNS = (
    rf"{_WAIT}|\b(?:correction|corrected|on second thoughts?|i mean|i meant|scratch that|hmm+"
    r"|let me (?:correct|reconsider|rethink|revise)|i was wrong|revised?|updated?|edit(?=:)|erratum"
    r"|chang(?:e|es|ed|ing) (?:(?:it|this|that) to\b|my (?:answer|choice|mind|selection)|to\b)|make that"
    r"|strike that|then again|oops|i(?:'d| would) rather|never ?mind|retract\w*|withdraw\w*)\b"
)
CORRECTS = re.compile(
    rf"{_TURNS}|\b(?:actually|on reflection|sorry)\b|[.!?;,:\n][ \t]{{0,9}}no[,.]",
    re.IGNORECASE,
)
"""Says that what follows replaces what stood before."""
_LETTER_NEXT = r"(?:it's |it is |i meant |the answer is )?(?:option )?[(\[]?(?-i:[A-Z])\b(?! [a-z])"
_MINE = r"(?:that|this|my|the above|the previous|the earlier)"
TAKES_BACK = re.compile(
    rf"{_TURNS}|\bdisregard {_MINE}\b(?! (?:answer |reply )?if)|\bignore (?:that|my|the above)\b"
    r"|\bi (?:was|am) (?:wrong|mistaken)\b|\bi take (?:that|it|this) back\b"
    r"|\b(?:that|this|which|it)(?:'s| is| was| would be| seems)(?: also| clearly| probably)? (?:wrong|incorrect"
    r"|mistaken|false|a mistake|an error|not (?:right|correct)(?!-))\b"
    rf"|\b(?:sorry|actually|or rather|otherwise|or else|alternatively|instead),? {_LETTER_NEXT}"
    r"|\bactually,? no\b|[.!;\n][ \t]{0,9}(?:(?:oh|but|ah|well),? )?no[,.!:][ \t]"
    r"|\bi (?:can(?:not|'t)|don't) (?:answer|choose|select|pick)\b",
    re.IGNORECASE,
)
"""Says that what stood before is not meant, where no statement follows that is."""
GOES_THROUGH = re.compile(
    r"\b(?:each|every|all)(?: of)?(?: the| these)?(?: \w{1,12})? (?:options?|choices?|answers?|possibilit(?:y|ies))\b"
    r"|\bone by one\b|\b(?:consider|analy[sz]e|evaluate|review|examine|discuss|compare|assess|go through"
    r"|look at|break down)(?:ing)?(?: the| these| our)?(?: \w{1,12})? (?:options|choices|answers|possibilities)\b",
    re.IGNORECASE,
)
"""Announces that the options are gone through, so that the first of them is no choice."""
OPTIONS_FOLLOW = re.compile(
    r"\b(?:options|choices|answers|possibilities|candidates|differentials|differential diagnosis)\b[^\n]{0,20}:\s*\Z",
    re.IGNORECASE,
)
"""Heads a list of the options."""
HEADED = re.compile(rf"\b{_LABEL}s?\b(?=[^:\n]{{0,20}}:$)", re.IGNORECASE)
"""The label of a heading."""
LINE_START = re.compile(r"^[\s>#•\-+–]*(?:\d{1,2}[.)] )?(?:(?i:most likely|likely|probably)\b[:,]? )?")
"""What may stand before an option that is a line: marks of lists and headings, and a hedge."""
LISTED = re.compile(r"[(\[]?(?P<letter>[A-Z])[)\].:]+\s+\S")
"""A line that is about an option."""
PLAIN_SENTENCE = re.compile(
    r"\A(?:this|the|it|these)\b[^.!?\n:;,]{0,80}?\b(?:is|are|shows?|represents?|depicts?|demonstrates?|suggests?"
    rf"|indicates?|(?:appears|seems) to be|looks like) (?:{_HEDGE} )?(?:(?:consistent|compatible) with )?"
    r"(?P<rest>[^\n]*)\Z",
    re.IGNORECASE,
)
"""A reply of one sentence that says what the image shows."""
OPTION_WORD = re.compile(r"(?i:option|choice) [(\[]?(?P<letter>[A-Z])[)\]]?[\s.!]*\Z")
