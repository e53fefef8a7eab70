"""What a closed question asks, read from the question itself, and what is asked openly beside it."""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache

from neuroonco.build.facts import Fact
from neuroonco.build.records import ANSWERS, ClosedItem
from neuroonco.errors import InputError
from neuroonco.prompts import load_wordings
from neuroonco.vocabulary import QuestionType, TumorType, recode

ABNORMAL_OR_HEALTHY = "diagnosis_binary"
"""Wording of the question whether a slice is abnormal."""


def question_type_of(wording: str) -> QuestionType:
    """Question type of a closed wording.

    >>> question_type_of("location_in_head"), question_type_of("diagnosis_binary")
    (<QuestionType.LOCATION: 'location'>, <QuestionType.DIAGNOSIS: 'diagnosis'>)
    """
    return QuestionType(wording.removesuffix("_in_head").removesuffix("_binary"))


def wording_name_of(item: ClosedItem) -> str:
    """Key of a closed question's wording.

    It need not be that of the fact: a slice with a typed tumor may be asked whether it is abnormal.

    Raises:
        InputError: the question is not worded as ours are.
    """
    name = _names().get(item.question)
    if name is None or question_type_of(name) is not item.question_type:
        what = f"no {item.question_type.value} question of ours is worded {item.question!r}"
        raise InputError("QUESTION_UNKNOWN", what, where=f"{item.image_id}#{item.q_index}", fix="build the items anew")
    return name


def asked_of(item: ClosedItem) -> StrEnum:
    """The term that is right, offered or not.

    Raises:
        InputError: the question's answer is no term of its type.
    """
    text = item.removed_answer if item.is_rejection else item.text_of(item.answer)
    value = recode(ANSWERS[item.question_type], text)
    if value is None:
        where = f"{item.image_id}#{item.q_index}"
        raise InputError("ANSWER_UNKNOWN", f"{text!r} is no {item.question_type.value}", where=where)
    return value


def asked_openly(facts: Sequence[Fact], items: Sequence[ClosedItem]) -> tuple[Fact, ...]:
    """The facts that open questions ask for, each once, in their order.

    The diagnosis is asked as the slice's closed question does: abnormal or healthy of a typed tumor that is lent to
    that question, and of no slice without such a closed question. Were it asked of every healthy slice and of none that
    shows a typed tumor, its words would tell the answer.

    Args:
        facts: all that may be said of the slice.
        items: its closed questions.

    >>> asked_openly([Fact(QuestionType.DIAGNOSIS, TumorType.HEALTHY, "source")], [])
    ()
    >>> [fact.wording for fact in asked_openly([Fact(QuestionType.DIAGNOSIS, TumorType.GLIOMA, "source")], [])]
    ['diagnosis']
    """
    balanced = any(wording_name_of(item) == ABNORMAL_OR_HEALTHY for item in items)
    asked = []
    for fact in facts:
        if fact.question_type is not QuestionType.DIAGNOSIS or (fact.wording == ABNORMAL_OR_HEALTHY) is balanced:
            asked.append(fact)
        elif balanced:
            asked.append(Fact(QuestionType.DIAGNOSIS, TumorType.TUMOR, fact.label_source))
    return tuple(asked)


@cache
def _names() -> dict[str, str]:
    return {wording.question: name for name, wording in load_wordings().closed.items()}
