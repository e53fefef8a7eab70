"""What no text of a pair may hold, whatever it is about."""

import re

from neuroonco.build.instruct.claims import Fault, Found
from neuroonco.mentions import has_measurement
from neuroonco.vocabulary import PairFault

LONGEST_STEM, LONGEST_ANSWER = 400, 1500
"""Characters; no template comes near, and what is longer is no question and no note."""
_PLAIN = re.compile(r"[A-Za-z0-9 ,.;:?!'\"()/+%=&\-\u2013\u2014\u2018\u2019\u201c\u201d\u00b0\u00d7]*")
_HEADING = re.compile(r"\b(?:Final|Explanation|Options|Question|Answer|User|Assistant|System|Human)\s*:")
_DIGITS = re.compile(r"(?<![A-Za-z])\d|\d(?=\s*[x\u00d7]\s*\d)")
LISTS = (
    ("invented_history", PairFault.INVENTED_HISTORY),
    ("measurement", PairFault.MEASUREMENT),
    ("to_a_model", PairFault.NOT_PLAIN_TEXT),
)


def plain_faults(text: str) -> Found:
    """Characters, headings and numbers that no sentence of a pair holds."""
    if not _PLAIN.fullmatch(text):
        wrong = next(c for c in text if not _PLAIN.fullmatch(c))
        yield Fault(PairFault.NOT_PLAIN_TEXT, f"U+{ord(wrong):04X}")
    if (heading := _HEADING.search(text)) or (heading := re.search(r"https?:|www\.", text)):
        yield Fault(PairFault.NOT_PLAIN_TEXT, heading.group())
    if measure := has_measurement(text):
        yield Fault(PairFault.MEASUREMENT, measure)
    elif number := _DIGITS.search(text):
        yield Fault(PairFault.MEASUREMENT, number.group())
