"""A judge for the fault server: marks an answer by the words it shares with its reference.

python tests/fault_server.py --answers judge_answers:answer
"""

import json
import re
from typing import Any

from fault_answers import texts_of


def mark_of(text: str) -> int:
    """0 to 4 by the share of the reference's words that the answer has; the question asked last counts."""
    reference, answer = re.findall(r"^(?:reference|answer): (.*)$", text, re.MULTILINE)[-2:]
    words = {word for word in re.findall(r"\w+", reference.lower()) if len(word) > 4}
    return round(4 * len(words & set(re.findall(r"\w+", answer.lower()))) / max(1, len(words)))


def answer(request: dict[str, Any]) -> str:
    """What the judge says to a request as it comes over the wire."""
    return json.dumps({"reason": "By shared words.", "mark": mark_of(texts_of(request))})
