"""The best that can be done where text says nothing, which is what a blind guesser is held to."""

from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem

_NONE = NONE_OF_THE_ABOVE.casefold()


def is_none(text: str) -> bool:
    """Whether an option says that none of the others is right.

    >>> is_none("none of the  Above."), is_none("None")
    (True, False)
    """
    return " ".join(text.casefold().split()).rstrip(".") == _NONE


def none_letter(item: ClosedItem) -> str | None:
    """Letter of ``None of the above``; None where it is not offered."""
    return next((option.letter for option in item.options if is_none(option.text)), None)


def rejects(item: ClosedItem) -> bool:
    """Whether ``None of the above`` is right, whatever the question's marks say."""
    right = item.text_of(item.answer)
    return right is not None and is_none(right)


def chance_of(item: ClosedItem, rejection_share: float) -> float:
    """The accuracy that no guesser exceeds where text says nothing: that of always taking the likelier choice.

    Without ``None of the above`` each of n options is right equally often: 1/n. With it and k other options, it is
    right in the rejection share, and each of the others in an equal part of the rest: max(share, (1 - share)/k),
    0.2 for four options and E, 0.27 for three, 0.4 for two.

    Args:
        item: a question with at least one option.
        rejection_share: from the rules, not from the file, whose own share may be what gives it away.

    Raises:
        ValueError: the question has no option.
    """
    n = len(item.options)
    if n == 0:
        raise ValueError(f"question {item.image_id}#{item.q_index} has no option")
    if none_letter(item) is None:
        return 1 / n
    return 1.0 if n == 1 else max(rejection_share, (1 - rejection_share) / (n - 1))
