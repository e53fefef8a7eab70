"""Closed questions drawn by the law of options, and ways to break it, for the tests of the blind guessers."""

import random
from collections.abc import Callable, Sequence

from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem, Option
from neuroonco.vocabulary import ImageRegion, LesionSpread, MRSequence, QuestionType, TumorType

LETTERS = "ABCD"
VALUES: dict[QuestionType, list[str]] = {
    QuestionType.LOCATION: [region.value for region in ImageRegion],
    QuestionType.DIAGNOSIS: ["Glioma", "Meningioma", "Metastasis", "Ependymoma", "Schwannoma", "Pituitary tumor"],
    QuestionType.MODALITY: ["T1", "T2", "FLAIR", "T1 with contrast"],
    QuestionType.SPREAD: ["Solitary", "Dominant core with satellites", "Scattered"],
}
assert len(MRSequence) >= 4
assert len(LesionSpread) >= 3
assert len(TumorType) >= 6


def question(
    image: str,
    kind: QuestionType,
    terms: Sequence[str],
    truth: str,
    *,
    q_index: int = 0,
    none: bool = True,
    stem: str | None = None,
    twin_of: int | None = None,
) -> ClosedItem:
    """A question that offers these terms in this order, and E unless told otherwise."""
    options = [Option(letter=LETTERS[place], text=text) for place, text in enumerate(terms)]
    answer = LETTERS[terms.index(truth)] if truth in terms else "E"
    if none:
        options.append(Option(letter="E", text=NONE_OF_THE_ABOVE))
    return ClosedItem(
        image_id=image,
        q_index=q_index,
        slice_id=image,
        image_path=f"images/{image}.png",
        question_type=kind,
        question=stem or f"What is the {kind.value} in this slice?",
        options=tuple(options),
        answer=answer,
        is_rejection=answer == "E",
        removed_answer=truth if answer == "E" else None,
        label_source="source",
        twin_of=twin_of,
    )


def drawn_by_the_law(
    number: int,
    kind: QuestionType = QuestionType.LOCATION,
    *,
    seed: int = 0,
    share: float = 0.2,
    q_index: int = 0,
    change: Callable[[random.Random, list[str], str, list[str]], list[str]] | None = None,
    stem_of: Callable[[random.Random, str], str] | None = None,
    truths: Sequence[str] | None = None,
) -> list[ClosedItem]:
    """Questions about as many images, answers balanced, one way to break the law at most.

    Args:
        change: given the generator, the offered terms, the truth and all values, what is offered instead.
        stem_of: wording of the question, given the truth.
        truths: the answers, instead of balanced ones.
    """
    rng = random.Random(f"{seed} {kind}")
    values = VALUES[kind]
    k = min(4, len(values) - 1)
    balanced = [values[n % len(values)] for n in range(number)]
    rng.shuffle(balanced)  # or the answers of an image's questions would go together
    rejects = [n < round(share * number) for n in range(number)]
    rng.shuffle(rejects)
    items = []
    for n, truth in enumerate(truths or balanced):
        others = [value for value in values if value != truth]
        terms = rng.sample(others, k) if rejects[n] else [truth, *rng.sample(others, k - 1)]
        rng.shuffle(terms)
        if change is not None:
            terms = change(rng, terms, truth, values)
        stem = stem_of(rng, truth) if stem_of else None
        items.append(question(f"image{n:05}", kind, terms, truth, q_index=q_index, stem=stem))
    return items
