"""Which questions can be asked at all: found out before anybody is asked."""

from collections.abc import Sequence

from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.predict.permute import LETTERS
from neuroonco.predict.telling import told

MIN_OPTIONS = 2
MAX_SHOWN = 80
"""Characters of an id or of letters in a message."""


def require_askable(items: Sequence[ClosedItem] | Sequence[OpenItem]) -> None:
    """Refuse a benchmark with a question that cannot be put, or that no answer can be told of.

    Letters are read from replies, and orders of options are written, as single capitals; two questions under one id
    would share an answer.

    Raises:
        InputError: which question it is, and what is wrong with it.
    """
    seen: set[tuple[str, str]] = set()
    for item in items:
        number = str(item.q_index) if isinstance(item, ClosedItem) else item.question_id
        where = f"image {item.image_id[:MAX_SHOWN]}, question {number[:MAX_SHOWN]}"
        if (item.image_id, number) in seen:
            raise InputError("QUESTION_TWICE", "the benchmark has this question twice", where=where, fix="keep one")
        seen.add((item.image_id, number))
        if isinstance(item, ClosedItem):
            _require_options(item, where)
        for text in (item.question, *(option.text for option in getattr(item, "options", ()))):
            try:
                told(text)
            except InputError as error:
                raise InputError(error.code, error.what, where=where, fix=error.fix) from None


def _require_options(item: ClosedItem, where: str) -> None:
    letters = [option.letter for option in item.options]
    single = all(len(letter) == 1 and letter in LETTERS for letter in letters)
    if len(letters) < MIN_OPTIONS or len(set(letters)) < len(letters) or not single:
        named = ", ".join(map(repr, letters))
        named = named[:MAX_SHOWN] + (" …" if len(named) > MAX_SHOWN else "")
        what = f"options lettered {named or 'not at all'}; expected 2 to 26, each with a letter of its own from A to Z"
        fix = "letter them anew; `neuroonco check benchmark` names what else is wrong"
        raise InputError("OPTIONS_INVALID", what, where=where, fix=fix)
