"""Attribute match: what an answer states of what the reference states, and what it gets wrong.

A term of the reference is

right
    where the answer states it, a term that the vocabulary declares coarser ("enhancement present" for a ring), or a
    finer one ("glioblastoma" for glioma): who says the finer term says the coarser one as well;
contradicted
    where the answer states a value that cannot hold beside it, or denies it or what is coarser than it;
omitted
    otherwise: nothing, several values at once, less than the vocabulary takes for the term ("a tumor" for glioma), or
    what the reference itself says in passing beside the term ("primarily solitary" of a core with satellites).

What the question itself names is not asked: such a term of the reference is in no share, and an answer that only says
again what the question says states nothing with it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from neuroonco.build.records import OpenItem
from neuroonco.mentions import mentions
from neuroonco.score.open.records import Verdict
from neuroonco.score.open.statements import Statements, named_values, read_statements
from neuroonco.vocabulary import TumorType, coarsenings, recode
from neuroonco.vocabulary.concepts import overlap, uppers


@dataclass(frozen=True)
class Asked:
    """What a question asks for, and what it gives away.

    Attributes:
        truth: terms of the reference that the answer has to state, by attribute.
        given: values that the question names, by attribute.
        given_terms: terms of the reference that the question gives away.
    """

    truth: Mapping[type[StrEnum], str]
    given: Mapping[type[StrEnum], str]
    given_terms: int


@dataclass(frozen=True)
class Matched:
    """What one answer says of one reference.

    Attributes:
        verdicts: of each term of the reference, by attribute.
        extra: attributes that the answer states and the reference does not; that there is a tumor is none.
    """

    verdicts: Mapping[type[StrEnum], Verdict]
    extra: int

    def count(self, verdict: Verdict) -> int:
        """Terms of the reference with a verdict."""
        return Counter(self.verdicts.values())[verdict]


def reference_terms(item: OpenItem) -> dict[type[StrEnum], str]:
    """The terms that a reference states: one an attribute, and none where it states several.

    Of a question that this package built, the key terms are the facts that the reference was made of. Those of other
    files are words that were looked for in it, denied ones among them, so that they are not believed.

    >>> item = OpenItem(image_id="1", question_id="q", slice_id="1", image_path="a.png", question_type="Detail",
    ...                 question="Describe it.", key_terms=("oval",),
    ...                 reference_answer="A round rather than oval lesion.")
    >>> reference_terms(item)
    {<enum 'Shape'>: 'round'}
    """
    found = dict(_of_reference(item).stated)
    if item.version is not None:
        for text in item.key_terms:
            named = {(type(m.value), m.value.value) for m in mentions(text)}
            if len(named) == 1:
                enum, token = named.pop()
                found[enum] = token
    terms = {enum: _term_of(enum, token) for enum, token in found.items()}
    return {enum: term for enum, term in terms.items() if term is not None}


def _term_of(enum: type[StrEnum], token: str) -> str | None:
    """The finest term of the vocabulary that a concept says: glioma for a glioblastoma, none for a lymphoma."""
    said = {token, *uppers(enum, token)} & {value.value for value in enum}
    return max(said, key=lambda term: (len(uppers(enum, term)), term), default=None)


def _of_reference(item: OpenItem) -> Statements:
    return read_statements(item.reference_answer, a_lesion_is_a_tumor=False)


@lru_cache(maxsize=8192)
def asked(item: OpenItem) -> Asked:
    """What a question asks for, without what it gives away."""
    given = named_values(item.question)
    terms = reference_terms(item)
    truth = {enum: token for enum, token in terms.items() if enum not in given or not _says(enum, given[enum], token)}
    return Asked(truth, given, len(terms) - len(truth))


def match(item: OpenItem, answer: str | None) -> Matched:
    """Hold an answer against its reference.

    Args:
        item: the question.
        answer: None for a question without an answer, which states nothing.
    """
    wanted = asked(item)
    said, reference = read_statements(answer or ""), _of_reference(item)
    verdicts = {
        enum: verdict(enum, token, said, wanted.given.get(enum), reference.beside.get(enum, frozenset()))
        for enum, token in wanted.truth.items()
    }
    known = {*wanted.truth, *wanted.given, *reference.ambiguous}
    extra = sum(enum not in known and token != TumorType.TUMOR for enum, token in said.stated.items())
    return Matched(verdicts, extra)


def verdict(
    enum: type[StrEnum], truth: str, said: Statements, given: str | None, beside: frozenset[str] = frozenset()
) -> Verdict:
    """What statements do with one term of a reference.

    Args:
        truth: the term. given: what the question gives away of its attribute.
        beside: what the reference itself says in passing beside the term; saying it does not contradict it.
    """
    stated = said.stated.get(enum)
    if stated is not None and not _can_hold(enum, stated, truth):
        return Verdict.OMITTED if stated in beside else Verdict.CONTRADICTED
    if stated is not None and _is_right(enum, stated, truth):
        echoed = given is not None and _says(enum, given, stated)
        return Verdict.OMITTED if echoed else Verdict.RIGHT
    denied = said.denied.get(enum, frozenset())
    if enum not in said.ambiguous and denied & {truth, *uppers(enum, truth)}:
        return Verdict.CONTRADICTED
    return Verdict.OMITTED


def _says(enum: type[StrEnum], value: str, term: str) -> bool:
    """Whether who says a value says a term as well: it is the term, or finer."""
    return value == term or term in uppers(enum, value)


def _is_right(enum: type[StrEnum], stated: str, truth: str) -> bool:
    if _says(enum, stated, truth):
        return True
    term = recode(enum, truth)
    return term is not None and stated in {value.value for value in coarsenings(term)}


def _can_hold(enum: type[StrEnum], stated: str, truth: str) -> bool:
    if enum is TumorType and truth == TumorType.TUMOR and stated not in {value.value for value in TumorType}:
        return True  # a lymphoma is a tumor and an abscess is none; the label's untyped tumor excludes neither
    return overlap(enum, stated, truth)
