"""Choose the wrong answers that a comparison shows: spread over question types, the same for the same seed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from neuroonco.build.records import REPORTED_TYPES, ClosedItem
from neuroonco.report.comparison_records import ErrorGallery, OfferedOption, ShownError, ShownReply
from neuroonco.report.pictures import Album
from neuroonco.score.closed.judge import Judged
from neuroonco.score.replies import NOT_ANSWERED
from neuroonco.seeded import shuffled
from neuroonco.vocabulary import PredictionStatus

SIDE_PX = 240
MAX_REPLY = 900
"""Characters of a reply that are shown."""
MAX_QUESTION = 500
MAX_REPLIES = 12
"""Models whose replies are shown with a question that all have wrong; the others' choices are still marked."""
NO_REPLY = frozenset(NOT_ANSWERED)


@dataclass(frozen=True)
class Answered:
    """What became of a benchmark's questions with one model.

    Attributes:
        judged: in benchmark order.
    """

    number: int
    name: str
    judged: Sequence[Judged]


def galleries(models: Sequence[Answered], album: Album, *, errors: int, seed: int) -> tuple[ErrorGallery, ...]:
    """Questions that no model has right, and for each model those that it alone, or it among others, has wrong.

    Args:
        models: those that see the picture, with the same questions.
        album: takes the thumbnails.
        errors: shown of each gallery at most.
        seed: of the choice.
    """
    if not models or not errors:
        return ()
    wrong = [[not q.is_right for q in one.judged] for one in models]
    times = [sum(of_question) for of_question in zip(*wrong, strict=True)]
    found: list[ErrorGallery] = []
    if len(models) > 1:
        everywhere = [i for i, n in enumerate(times) if n == len(models)]
        replied = [i for i in everywhere if any(one.judged[i].status not in NO_REPLY for one in models)]
        chosen = _spread(models[0], replied, errors, seed)
        found.append(
            ErrorGallery(
                model=None,
                name="No model is right",
                found=len(everywhere),
                alone=0,
                left_out=len(everywhere) - len(replied),
                shown=tuple(_shown(i, models, models, album, times[i], len(models)) for i in chosen),
            )
        )
    for one, own in zip(models, wrong, strict=True):
        mistaken = [i for i, is_wrong in enumerate(own) if is_wrong]
        replied = [i for i in mistaken if one.judged[i].status not in NO_REPLY]
        alone = [i for i in replied if times[i] == 1 and len(models) > 1]
        first = _spread(one, alone, errors - errors // 2, seed)
        rest = sorted(set(replied) - set(first))
        # What all have wrong is shown above; here only if nothing else is left.
        some = [i for i in rest if times[i] < len(models) or len(models) == 1]
        chosen = first + _spread(one, some, errors - len(first), seed)
        chosen += _spread(one, sorted(set(rest) - set(some)), errors - len(chosen), seed)
        found.append(
            ErrorGallery(
                model=one.number,
                name=one.name,
                found=len(mistaken),
                alone=len(alone),
                left_out=len(mistaken) - len(replied),
                shown=tuple(_shown(i, models, [one], album, times[i], len(models)) for i in chosen),
            )
        )
    return tuple(found)


def _spread(one: Answered, places: Sequence[int], number: int, seed: int) -> list[int]:
    """Some of the questions: in turn one of each type, and of each kind of reply that is no answer."""
    groups: dict[str, list[int]] = {}
    for place in shuffled(places, seed, "errors", _named(one.judged)):
        judged = one.judged[place]
        is_answer = judged.status == PredictionStatus.OK.value
        groups.setdefault(judged.item.reported_type if is_answer else f"~{judged.status}", []).append(place)
    order = [*(kind for kind in REPORTED_TYPES if kind in groups), *sorted(set(groups) - set(REPORTED_TYPES))]
    chosen: list[int] = []
    while len(chosen) < number and any(groups.values()):
        chosen += [groups[kind].pop(0) for kind in order if groups[kind]]
    return chosen[: max(number, 0)]


def _named(judged: Sequence[Judged]) -> Callable[[int], str]:
    return lambda place: f"{judged[place].item.image_id}#{judged[place].item.q_index}"


def _shown(
    place: int, all_models: Sequence[Answered], replying: Sequence[Answered], album: Album, wrong: int, models: int
) -> ShownError:
    item = all_models[0].judged[place].item
    marked = replying if len(replying) == 1 else all_models
    return ShownError(
        picture=album.picture(item, f"MRI slice of image {item.image_id}", SIDE_PX),
        image_id=item.image_id,
        q_index=item.q_index,
        question_type=item.reported_type,
        question=_cut(item.question, MAX_QUESTION),
        options=tuple(_options(item, place, marked)),
        removed_answer=item.removed_answer,
        source_id=item.source_id,
        replies=tuple(_reply(place, one) for one in replying[:MAX_REPLIES]),
        wrong=wrong,
        models=models,
    )


def _options(item: ClosedItem, place: int, marked: Sequence[Answered]) -> Iterable[OfferedOption]:
    for option in item.options:
        yield OfferedOption(
            letter=option.letter,
            text=_cut(option.text, MAX_QUESTION),
            is_right=option.letter == item.answer,
            chosen_by=tuple(one.number for one in marked if one.judged[place].letter == option.letter),
        )


def _reply(place: int, one: Answered) -> ShownReply:
    judged = one.judged[place]
    given = judged.prediction
    return ShownReply(
        model=one.number,
        name=one.name,
        status=judged.status,
        letter=judged.letter,
        raw=None if given is None or given.raw is None else _cut(given.raw, MAX_REPLY),
        shown_order=None if given is None else given.shown_order,
        confidence=None if given is None else given.confidence,
        is_right=judged.is_right,
    )


def _cut(text: str, characters: int) -> str:
    """A long text without its middle: a reply says at its end what it answers.

    >>> _cut("abcdefgh", 4)
    'ab … gh'
    """
    half = characters // 2
    return text if len(text) <= characters else f"{text[:half]} … {text[-half:]}"
