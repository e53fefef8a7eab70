"""Words that mark a choice, or take one back: what the parser knows of language, and nothing of medicine.

Every repetition is bounded or stands beside what it cannot itself match, so that no text makes a search slow.
"""

import re

_GAP = r"[ \t]{0,9}"
_HEDGE = r"(?:(?:(?:most|very) )?likely|probably|clearly|definitely|therefore|thus|hence|either)"
_LABEL = r"(?:answer|option|choice|selection|prediction|conclusion|verdict|response|output|guess)(?: letter)?"
_ASKED = r"(?: (?:to|for) (?:the|this) [a-z]{1,20})?"
_IS = r"[ \t]{1,9}(?:is|(?:should|must|would|will) be)\b"
_CHOOSE = r"choose|chose|select(?:ed)?|pick(?:ed)?|go(?:ing)? with|lean(?:ing)? towards?"
_LIKELIEST = r"(?:most likely|final|best) [a-z]{1,20}(?: [a-z]{1,20})?"
_FOREIGN_LABEL = r"antwort|lösung|réponse|respuesta|risposta|resposta|ответ"
_FOREIGN_IS = r"ist|lautet|est|es|è|é"
_FOREIGN_RIGHT = r"correcta|corretta|correta|correcte"
_CORRECT = r"(?:(?:the|my) )?(?:correct|right|best|most likely|(?:final )?(?:answer|choice))\b"
_IS_CORRECT = rf"(?:(?:is|would be|seems) {_CORRECT}|fits(?: best)?(?=[.,;!]|$))"
_ONLY_LETTER = r"(?-i:[(\[]?[A-Z])[)\].]{0,2}(?:\n|\Z)"
_LETTER = r"[(\[]?(?P<letter>[A-Z])[)\]]?"
_THUS = r"so|therefore|thus|hence|it is|it's|that is|that's|i(?:'d| would)? say"
_POINTS_TO = r"with|represents?|suggests?|indicates?|supports?|favou?rs?"

MARKER = re.compile(
    rf"\b(?:{_LABEL}{_ASKED}|{_LIKELIEST}|ans|final|correct)[\"']?"
    rf"(?:{_GAP}(?:[:=|]|->|→|=>)|{_IS}{_GAP}:?{_GAP}(?:{_HEDGE}\b)?)"
    rf"|\banswer(?=\s{{1,3}}{_ONLY_LETTER})|\bans\.(?=[ \t])|\b(?:{_CHOOSE})\b{_GAP}:?"
    rf"|\b(?:{_FOREIGN_LABEL})(?: (?:{_FOREIGN_RIGHT}))?(?:{_GAP}[:=]|[ \t]{{1,9}}(?:{_FOREIGN_IS})\b)"
    rf"|(?:答案|答え|回答|正解|정답){_GAP}(?:[:=是为は은]|[ \t])|(?<![不别非没])选[择项]?{_GAP}[:=是为]?",
    re.IGNORECASE,
)
"""What stands before a choice: "answer:", "the final choice is most likely", "I would go with"."""
CONCLUDES = re.compile(
    rf"\b(?:(?i:{_THUS})\b[,:]?[ \t]{{1,9}}(?i:option )?|(?i:{_POINTS_TO}) (?i:option) ){_LETTER}"
    rf"(?=[.!]{{0,3}}{_GAP}$|[.!]{{1,3}} {_GAP}[A-Z])",
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
    r"|false|less|least|unlikely|nicht|keine?|pas|no es)\b|n't\b|不|没",
    re.IGNORECASE,
)
CONDITION = re.compile(r"\b(?:if|unless|whether|suppose|assuming|were|wenn|falls)\b", re.IGNORECASE)
CORRECTS = re.compile(
    r"\b(?:wait|actually|correction|corrected|on second thought|on reflection|i mean|i meant|sorry|scratch that"
    r"|let me (?:correct|reconsider|rethink|revise)|i was wrong|revised)\b|[.!?;,:\n][ \t]{0,9}no[,.]",
    re.IGNORECASE,
)
"""Says that what follows replaces what stood before."""
TAKES_BACK = re.compile(
    r"\b(?:wait|scratch that|disregard|ignore (?:that|my|the above)|i (?:was|am) wrong|i take (?:that|it) back"
    r"|(?:that|this|which)(?:'s| is| was) (?:wrong|incorrect|not (?:right|correct)))\b",
    re.IGNORECASE,
)
"""Says that what stood before is not meant."""
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
