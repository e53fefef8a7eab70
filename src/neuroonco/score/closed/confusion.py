"""What was chosen instead of what is true, by question type."""

from collections.abc import Sequence

import numpy as np

from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, is_none
from neuroonco.score.closed.judge import Judged
from neuroonco.score.closed.records import Confusion
from neuroonco.vocabulary import QuestionType, display, recode

NO_ANSWER = "no answer"


def confusions(judged: Sequence[Judged]) -> tuple[Confusion, ...]:
    """One matrix for each type that has questions with more than two options, over these questions."""
    by_type: dict[QuestionType, list[tuple[str, str]]] = {}
    for question in judged:
        item = question.item
        true = item.text_of(item.answer)
        if item.is_binary or true is None:
            continue
        chosen = NO_ANSWER if question.text is None else term_of(item.question_type, question.text)
        by_type.setdefault(item.question_type, []).append((term_of(item.question_type, true), chosen))
    return tuple(_confusion(kind, by_type[kind]) for kind in QuestionType if kind in by_type)


def term_of(kind: QuestionType, text: str) -> str:
    """The vocabulary's spelling of an option, so that spellings of one term fall together; else the text itself.

    >>> term_of(QuestionType.DIAGNOSIS, "GLIOMA"), term_of(QuestionType.DIAGNOSIS, "none of  the above.")
    ('Glioma', 'None of the above')
    """
    if is_none(text):
        return NONE_OF_THE_ABOVE
    known = recode(ANSWERS[kind], text)
    return " ".join(text.split()) if known is None else display(known)


def _confusion(kind: QuestionType, pairs: Sequence[tuple[str, str]]) -> Confusion:
    last = (NONE_OF_THE_ABOVE, NO_ANSWER)
    terms = sorted({term for pair in pairs for term in pair} - set(last)) + list(last)
    place = {term: n for n, term in enumerate(terms)}
    matrix = np.zeros((len(terms), len(terms)), np.int64)
    for true, chosen in pairs:
        matrix[place[true], place[chosen]] += 1
    return Confusion(question_type=kind, terms=tuple(terms), matrix=tuple(tuple(row) for row in matrix.tolist()))
