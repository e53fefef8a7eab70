"""What attribute match is worth to an answer that never looks: the best constant answer to each type of question.

For each attribute that questions of a type ask for, the constant answer states the value that is worth most, if stating
any pays. It has seen the references that it is scored on, as the baseline ``majority`` of closed questions has:
a bound, no competitor.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from neuroonco.build.records import OpenItem
from neuroonco.score.open.attributes import Matched, asked, verdict
from neuroonco.score.open.records import Verdict
from neuroonco.score.open.statements import Statements

Constant = Mapping[str, Mapping[type[StrEnum], str]]
"""What is said of each attribute, by question type."""


_Attribute = tuple[str, type[StrEnum]]
"""Question type and attribute."""


@dataclass(frozen=True)
class _Choice:
    """A value that could be stated of an attribute; how often it would be right and wrong."""

    token: str
    right: int
    wrong: int

    def worth(self, f1: float) -> tuple[float, int]:
        """More than 0 where stating it raises this F1; ties go to what is right more often."""
        return 2 * self.right - f1 * (self.right + self.wrong), self.right


def constant_answer(items: Sequence[OpenItem]) -> Constant:
    """The answer that has the highest attribute F1 of all that are the same for each question of a type.

    Only terms of the vocabulary are stated; of several that are worth as much the first. F1 is a ratio of sums, whose
    maximum is found by Dinkelbach's method: the best choices for the F1 that is known give a higher one, until none do.

    >>> facts = ("The lesion is lobulated.", "It is a lobulated, solitary lesion.", "It is a round lesion.")
    >>> items = [OpenItem(image_id=str(n), question_id="q", slice_id="", image_path="", question_type="Detail",
    ...                   question="Describe it.", reference_answer=fact, key_terms=()) for n, fact in enumerate(facts)]
    >>> sorted(constant_answer(items)["Detail"].values())
    ['lobulated', 'solitary']
    """
    choices = {of: _choices(of[1], truths) for of, truths in sorted(_truths(items).items(), key=_name)}
    terms = sum(len(asked(item).truth) for item in items)
    best: dict[_Attribute, _Choice] = {}
    f1 = -1.0
    while (reached := _f1(best.values(), terms)) > f1:
        f1, found = reached, best
        best = {of: max(some, key=lambda one: one.worth(reached)) for of, some in choices.items()}
        best = {of: one for of, one in best.items() if one.worth(reached) > (0, 0)}
    answer: dict[str, dict[type[StrEnum], str]] = {}
    for (kind, enum), one in found.items():
        answer.setdefault(kind, {})[enum] = one.token
    return answer


def constant_matches(items: Sequence[OpenItem]) -> list[Matched]:
    """What the constant answer says of each reference, in the order of the questions.

    What it states beside a reference is not counted: it is in no share.
    """
    answer = constant_answer(items)
    found = []
    for item in items:
        wanted = asked(item)
        said = Statements(answer.get(item.question_type, {}), {}, frozenset())
        verdicts = {enum: verdict(enum, token, said, wanted.given.get(enum)) for enum, token in wanted.truth.items()}
        found.append(Matched(verdicts, 0))
    return found


Truths = Counter[tuple[str, str | None]]
"""How often a term is asked, by the term and what its question gives away of the attribute."""


def _truths(items: Sequence[OpenItem]) -> dict[_Attribute, Truths]:
    found: dict[_Attribute, Truths] = {}
    for item in items:
        wanted = asked(item)
        for enum, token in wanted.truth.items():
            found.setdefault((item.question_type, enum), Counter())[token, wanted.given.get(enum)] += 1
    return found


def _name(row: tuple[_Attribute, Truths]) -> tuple[str, str]:
    (kind, enum), _ = row
    return kind, enum.__name__


def _choices(enum: type[StrEnum], truths: Truths) -> list[_Choice]:
    found = []
    for value in enum:
        said = Statements({enum: value.value}, {}, frozenset())
        counts: Counter[Verdict] = Counter()
        for (token, given), n in truths.items():
            counts[verdict(enum, token, said, given)] += n
        found.append(_Choice(value.value, counts[Verdict.RIGHT], counts[Verdict.CONTRADICTED]))
    return found


def _f1(stated: Iterable[_Choice], terms: int) -> float:
    some = list(stated)
    right = sum(one.right for one in some)
    return 2 * right / (terms + sum(one.right + one.wrong for one in some)) if right else 0.0
