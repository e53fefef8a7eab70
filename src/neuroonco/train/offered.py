"""Whether an answer is one of the options that its question lists."""

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile

from neuroonco.errors import InputError
from neuroonco.models.records import Turn

_OPTION = re.compile(r"^([A-Z])\. ", re.MULTILINE)
_LETTER = re.compile(r"(?:Final: )?([A-Z])(?=\n|\Z)")
_NEARLY = re.compile(r"\s*(?:Final:\s*)?([A-Z])\s*(?:\n|\Z)")
_HEADER = re.compile(r"^Options:\s*$", re.MULTILINE)


def require_offered(turns: Sequence[Turn]) -> None:
    """Refuse an answer that is none of the options that its question lists.

    The answer is a letter, or begins with a line `Final: LETTER`; nothing else stands on that line, since it would be
    learned. A question without options is open, and any text answers it.

    Args:
        turns: of a conversation.

    Raises:
        InputError: ``LABEL_NOT_OFFERED``.
    """
    for asked, answered in pairwise(turns):
        options = _options(asked.text) if asked.role == "user" else ""
        if not options:
            continue
        answer = _LETTER.match(answered.text)
        if answer is None or answer.group(1) not in options:
            said = f"the answer {answered.text[:20]!r}{'…' if len(answered.text) > 20 else ''}"
            nearly = _NEARLY.match(answered.text)
            if answer is None and nearly is not None and nearly.group(1) in options:
                raise InputError("LABEL_NOT_OFFERED", f"{said} has spaces or line breaks beside its letter")
            raise InputError("LABEL_NOT_OFFERED", f"{said} is none of the options ({', '.join(options)})")


def _options(question: str) -> str:
    r"""Letters of the options that a question lists; none where it lists none.

    Options are lines `A. ` and on with rising letters, of which some may be left out behind a line `Options:` (there, E
    is `None of the above` however few there are). Elsewhere a line of prose may begin as one of them does, e.g. with an
    initial: A and B are to be there.

    >>> _options("Which?\nOptions:\nA. Round\nB. Oval\nE. None of the above"), _options("A. Smith asks\nI. Meyer:")
    ('ABE', '')
    """
    header = _HEADER.search(question)
    listed = _OPTION.findall(question, header.end() if header else 0)
    for first in (place for place, letter in enumerate(listed) if letter == "A"):
        run = "A" + "".join(after for _, after in takewhile(lambda two: two[0] < two[1], pairwise(listed[first:])))
        if header or run.startswith("AB"):
            return run
    return ""
