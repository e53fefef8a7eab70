"""Records of planning: pools of questions, what is planned of a slice, and what becomes of each fact."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from neuroonco.build.index import FactIndex

GRAIN = "a coarser or finer term is another answer"
ONLY = "the only answer"
RARE = "too rare an answer for a balanced set"
SURPLUS = "more questions than a balanced set can hold"
NO_MIMICS = "fewer than three terms that are mistaken for one another are answers"
CAPPED = "above a cap of the mixture"
WHYS = ("", GRAIN, ONLY, RARE, SURPLUS, NO_MIMICS, CAPPED)


@dataclass(frozen=True)
class Pool:
    """Questions of one wording whose options come from each other's answers.

    Attributes:
        wording: key in ``prompts/questions.toml``.
        values: the answers, each of them right equally often; at least two.
        options: terms offered beside ``None of the above``.
        is_hard: the values are mimics of each other, not all answers of the wording.
    """

    wording: str
    values: tuple[StrEnum, ...]
    options: int
    is_hard: bool = False

    @property
    def is_binary(self) -> bool:
        """With two answers in all, both are offered and there is nothing else to be right."""
        return len(self.values) == 2


@dataclass(frozen=True)
class Planned:
    """One question to be made of a slice.

    Attributes:
        fact: its place among :func:`neuroonco.build.facts.facts` of the slice.
        answer: the term that is right; differs from the fact's for a specific tumor that is asked abnormal or not.
        place: of the answer among the offered terms, from 0; None where it is not offered.
    """

    fact: int
    pool: Pool
    answer: StrEnum
    place: int | None


@dataclass(frozen=True)
class Shortage:
    """What kept a question type below what was wanted.

    Attributes:
        wording: key in ``prompts/questions.toml``.
        wanted: questions; a multiple of the answers where all of them are asked.
        built: questions that are asked.
        available: questions that each answer could have, without those that are lent from other wordings.
        missing: how many more slices each answer needs for all that was wanted.
        why: what stands in the way, in words.
    """

    wording: str
    wanted: int
    built: int
    available: Mapping[str, int]
    missing: Mapping[str, int]
    why: str


@dataclass
class Plan:
    """What becomes of each fact of an index.

    Attributes:
        pool_of_fact: index into ``pools``; -1 where the fact is not asked.
        wording, answer: as asked: of a typed tumor that is asked abnormal or healthy they differ from the index.
        reject: the answer is not offered.
        place: of the answer among the offered terms; every place equally often for every answer of a pool.
        why: index into :data:`WHYS`; 0 where the fact is asked or was not to be considered.
    """

    index: FactIndex
    pools: list[Pool]
    pool_of_fact: NDArray[np.int32]
    wording: NDArray[np.int16]
    answer: NDArray[np.int16]
    reject: NDArray[np.bool_]
    place: NDArray[np.int8]
    why: NDArray[np.int8]
    shortages: list[Shortage] = field(default_factory=list)

    def of_slice(self, row: int) -> list[Planned]:
        """The questions of one row, in the order of its facts."""
        facts = self.index.of_slice(row)
        return [self._planned(n, n - facts.start) for n in facts if self.pool_of_fact[n] >= 0]

    def _planned(self, n: int, fact: int) -> Planned:
        place = None if self.reject[n] else int(self.place[n])
        return Planned(fact, self.pools[self.pool_of_fact[n]], self.index.answers[self.answer[n]], place)

    def left(self, row: int) -> Iterator[tuple[str, str, str]]:
        """Wording, answer and reason of each fact of a row that is not asked."""
        for n in self.index.of_slice(row):
            if why := int(self.why[n]):
                yield self.index.wordings[self.wording[n]], self.index.answers[self.answer[n]].value, WHYS[why]

    @property
    def asked(self) -> int:
        """How many questions there are."""
        return int((self.pool_of_fact >= 0).sum())
