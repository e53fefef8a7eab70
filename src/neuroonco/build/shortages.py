"""What kept a benchmark smaller than it was wanted, so that somebody can add what is missing."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from neuroonco.build.pools import GRAIN, NO_MIMICS, ONLY, RARE, WHYS, Plan, Shortage
from neuroonco.prompts import load_wordings
from neuroonco.vocabulary import QuestionType, TumorType

BINARY_DIAGNOSIS, DIAGNOSIS = "diagnosis_binary", "diagnosis"
EVERYTHING = "all"
NO_SLICES = "no slice is the benchmark's: there are no labels, or slices that belong together exceed its share"
NOT_KNOWN = "no slice says it"
ONE_ANSWER = "there is one answer only, and a question needs two"
FEW_MIMICS = "fewer than three terms that are mistaken for one another are answers"
RAREST = "the rarest answer sets how often every other one is asked"


def shortages(plan: Plan, live: NDArray[np.bool_], wanted: int, *, lend: bool) -> list[Shortage]:
    """One entry for each wording with fewer questions than were wanted, or with answers that are too rare to be asked.

    Args:
        plan: with everything that is asked.
        live: facts that could be asked.
        wanted: questions of each wording.
        lend: typed tumors could be lent to the question whether there is one.
    """
    if not live.any():
        return [Shortage(EVERYTHING, wanted, 0, {}, {}, NO_SLICES)]
    index = plan.index
    there = {index.wordings[code] for code in np.unique(index.wording_of_fact[live]).tolist()}
    found = [_of(plan, live, wording, wanted, lend=lend) for wording in sorted(there)]
    types = {kind.value for kind in QuestionType}
    unknown = [t for t in sorted(types) if not any(name == t or name.startswith(f"{t}_") for name in there)]
    found += [Shortage(name, wanted, 0, {}, {}, NOT_KNOWN) for name in unknown if name in load_wordings().closed]
    return [one for one in found if one is not None]


def _of(plan: Plan, live: NDArray[np.bool_], wording: str, wanted: int, *, lend: bool) -> Shortage | None:
    index = plan.index
    code = index.wordings.index(wording)
    facts = np.flatnonzero(live & (index.wording_of_fact == code) & (plan.why != WHYS.index(GRAIN)))
    built = int(((plan.wording == code) & (plan.pool_of_fact >= 0)).sum())
    available = Counter(index.answers[answer].value for answer in index.answer_of_fact[facts].tolist())
    if lend and wording == BINARY_DIAGNOSIS and DIAGNOSIS in index.wordings:
        typed = int((live & (index.wording_of_fact == index.wordings.index(DIAGNOSIS))).sum())
        available[TumorType.TUMOR.value] += typed // 2  # that many may be lent, see neuroonco.build.plan
    available = +available
    each = max(1, wanted // max(len(available), 1))
    missing = {answer: each - n for answer, n in available.items() if n < each}
    reasons = {WHYS[why] for why in np.unique(plan.why[facts]).tolist()}
    rare = {index.answers[a].value for a in index.answer_of_fact[facts[plan.why[facts] == WHYS.index(RARE)]].tolist()}
    if len(available) < 2 or ONLY in reasons:
        why, missing = ONE_ANSWER, {}  # more of the only one would not help
    elif NO_MIMICS in reasons:
        why = FEW_MIMICS
    elif rare:
        why = f"too rare to be asked: {', '.join(f'{answer} ({available[answer]})' for answer in sorted(rare))}"
    elif built < each * len(available):
        why = RAREST
    else:
        return None
    return Shortage(wording, wanted, built, dict(available.most_common()), missing, why)


def shortage_line(shortage: Shortage) -> str:
    """What is missing, in one line.

    >>> available, missing = {"solitary": 90, "scattered": 20}, {"scattered": 130, "solitary": 60}
    >>> shortage_line(Shortage("spread", 300, 40, available, missing, RAREST))[:73]
    'spread: 40 of 300 questions: the rarest answer sets how often every other'
    >>> shortage_line(Shortage("spread", 300, 40, available, missing, "few"))
    'spread: 40 of 300 questions: few; more slices for all: scattered 130 (has 20), solitary 60 (has 90)'
    """
    line = f"{shortage.wording}: {shortage.built} of {shortage.wanted} questions: {shortage.why}"
    rarest = sorted(shortage.missing.items(), key=lambda item: (-item[1], item[0]))
    needed = ", ".join(f"{answer} {n} (has {shortage.available[answer]})" for answer, n in rarest)
    return f"{line}; more slices for all: {needed}" if needed else line
