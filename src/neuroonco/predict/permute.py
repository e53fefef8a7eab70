"""In which order the options of a question are shown, and the way back to the benchmark's letters."""

import string
from dataclasses import dataclass

from neuroonco.build.records import ClosedItem, is_none
from neuroonco.predict.telling import told
from neuroonco.seeded import random_for

LETTERS = string.ascii_uppercase
PURPOSE = "order of options"


@dataclass(frozen=True)
class Shown:
    """The options of a question as a model sees them.

    Attributes:
        order: the benchmark's letters in the order shown; None where nothing was moved.
        texts: text of each option, as it is shown, by the letter under which it is shown, in the order shown.
        original: the benchmark's letter by the letter under which it is shown.
    """

    order: str | None
    texts: dict[str, str]
    original: dict[str, str]

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters shown, in order."""
        return tuple(self.texts)


def shown_options(item: ClosedItem, seed: int | None) -> Shown:
    """How the options of a question are shown.

    With a seed, every question has an order of its own, drawn from the seed and the question's identity, and the
    letters are given anew from A. "None of the above" keeps its place, because its words refer to it. Without a seed,
    options stand as in the benchmark.

    Args:
        item: the question; see :func:`neuroonco.predict.askable.require_askable`.
        seed: of the order.

    >>> from neuroonco.build.records import Option
    >>> from neuroonco.vocabulary import QuestionType
    >>> options = [Option(letter=a, text=t) for a, t in zip("ABCE", ("x", "y", "z", "None of the above"))]
    >>> item = ClosedItem(image_id="1", q_index=0, slice_id="1", image_path="1.png", options=tuple(options), answer="A",
    ...     question_type=QuestionType.SHAPE, question="?", label_source="unknown")
    >>> shown = shown_options(item, 3)
    >>> shown.order, shown.letters, shown.original["D"]
    ('BACE', ('A', 'B', 'C', 'D'), 'E')
    """
    if seed is None:
        texts = {option.letter: told(option.text) for option in item.options}
        return Shown(None, texts, {letter: letter for letter in texts})
    free = [option for option in item.options if not is_none(option.text)]
    random_for(seed, PURPOSE, item.image_id, str(item.q_index)).shuffle(free)
    rest = iter(free)
    order = [option if is_none(option.text) else next(rest) for option in item.options]
    shown = dict(zip(LETTERS[: len(order)], order, strict=True))
    return Shown(
        order="".join(option.letter for option in order),
        texts={letter: told(option.text) for letter, option in shown.items()},
        original={letter: option.letter for letter, option in shown.items()},
    )
