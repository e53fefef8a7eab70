"""What a page says about guessers that see no image, beside their figures."""

from collections.abc import Iterable

from neuroonco.report.records import BlindCheck, BlindFigure, BlindLine

Noted = tuple[BlindLine, list[tuple[str, BlindFigure]]]
"""Some questions, and the guessers (in words) with their figures that are noted there; at least one."""


def below_chance(check: BlindCheck) -> list[Noted]:
    """Where judged guessers that learn lie below chance with their whole interval."""
    found = ((line, [one for one in _named(line, check) if one[1].is_below]) for line in check.by_type)
    return [(line, noted) for line, noted in found if noted]


def told_by_siblings(check: BlindCheck) -> list[Noted]:
    """Where the guesser that reads an image's other questions lies above chance with its whole interval."""
    if check.siblings is None:
        return []
    found = ((line, list(_named(line, check))[check.siblings]) for line in check.by_type)
    return [(line, [one]) for line, one in found if _is_above(one[1])]


def _named(line: BlindLine, check: BlindCheck) -> Iterable[tuple[str, BlindFigure]]:
    return zip(check.guessers, line.figures, strict=True)


def _is_above(figure: BlindFigure) -> bool:
    low = figure.share.low
    return low is not None and figure.chance is not None and low > figure.chance
