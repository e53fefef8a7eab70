"""Which facts become closed questions, and among which terms their options are drawn.

A pool is a set of questions with one wording whose answers are equally frequent. A benchmark has one pool a wording
(``--hard``: one for each group of mimics). Instructions have layers of pools, which use what one balanced pool leaves
over. In both, what is drawn for a question depends on its pool and its answer alone, see ``docs/benchmark.md``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from neuroonco.build.balance import choose_answers, even_out, layers, option_count
from neuroonco.build.index import FactIndex
from neuroonco.build.pools import CAPPED, GRAIN, NO_MIMICS, ONLY, RARE, SURPLUS, WHYS, Plan, Pool, Shortage
from neuroonco.build.rules import BuildRules
from neuroonco.seeded import remixed
from neuroonco.vocabulary import TumorType, coarsenings, confusion_groups

BINARY_DIAGNOSIS, DIAGNOSIS = "diagnosis_binary", "diagnosis"
Facts = NDArray[np.int64]


def plan_benchmark(index: FactIndex, rows: NDArray[np.bool_], rules: BuildRules, *, hard: bool = False) -> Plan:
    """One balanced pool a wording, and within source and sequence as balanced as that allows.

    Args:
        index: of all slices.
        rows: those that the benchmark may use.
        rules: how many questions are wanted, and of how many options.
        hard: draw options from mimics of the answer.
    """
    plan = _empty(index)
    wordings = _by_wording(plan, rows[index.slice_of_fact])
    for wording, facts in wordings.items():
        kept = _one_grain(plan, facts)
        groups = _mimics(plan, kept) if hard else [kept]
        wanted = rules.questions_per_type // max(len(groups), 1)
        for group in groups:
            _balanced_pool(plan, wording, group, wanted, rules, is_hard=len(groups) > 1)
        _note_shortage(plan, wording, kept, rules)
    return plan


def plan_instructions(
    index: FactIndex, rows: NDArray[np.bool_], rules: BuildRules, admitted: NDArray[np.bool_] | None = None
) -> Plan:
    """Layers of balanced pools: every fact that some balanced pool has room for is asked.

    Args:
        index: of all slices.
        rows: those that instructions may use.
        rules: of how many options a question is.
        admitted: facts that the mixture allows; None for all.
    """
    plan = _empty(index)
    live = rows[index.slice_of_fact]
    if admitted is not None:
        plan.why[live & ~admitted] = WHYS.index(CAPPED)
        live = live & admitted
    for wording, facts in _by_wording(plan, live).items():
        kept = _one_grain(plan, facts)
        answers = _by_answer(plan, kept)
        used = dict.fromkeys(answers, 0)
        for number, each in layers([own.size for own in answers.values()]):
            layer = {a: own[used[a] : used[a] + each] for a, own in list(answers.items())[:number]}
            used |= {a: used[a] + each for a in layer}
            _ask(plan, wording, layer, rules)
        why = WHYS.index(ONLY if len(answers) == 1 else SURPLUS)
        for a, own in answers.items():
            plan.why[own[used[a] :]] = why
    return plan


def _empty(index: FactIndex) -> Plan:
    n = index.fact_count
    return Plan(
        index=index,
        pools=[],
        pool_of_fact=np.full(n, -1, np.int32),
        wording=index.wording_of_fact.copy(),
        answer=index.answer_of_fact.copy(),
        reject=np.zeros(n, bool),
        place=np.zeros(n, np.int8),
        why=np.zeros(n, np.int8),
    )


# --- what there is ---


def _by_wording(plan: Plan, live: NDArray[np.bool_]) -> dict[str, Facts]:
    """Facts of each wording, in seeded order; some typed tumors lent to the question whether there is one."""
    index = plan.index
    order = np.argsort(index.order, kind="stable")
    order = order[live[order]]
    found = {name: order[plan.wording[order] == code] for code, name in enumerate(index.wordings)}
    _lend(plan, found)
    return {name: facts for name, facts in sorted(found.items()) if facts.size}


def _lend(plan: Plan, found: dict[str, Facts]) -> None:
    """Let typed tumors be asked abnormal or healthy where untyped ones are too few to balance the healthy.

    At most half of the typed ones, or all if they are of one type only and could not be told apart anyway.
    """
    index = plan.index
    binary, typed = (found.get(name, np.zeros(0, np.int64)) for name in (BINARY_DIAGNOSIS, DIAGNOSIS))
    if not (binary.size and typed.size):
        return
    answers = [index.answers[code] for code in plan.answer[binary]]
    healthy = sum(answer is TumorType.HEALTHY for answer in answers)
    lendable = typed.size // 2 if np.unique(plan.answer[typed]).size > 1 else typed.size
    lent = typed[: min(max(0, 2 * healthy - binary.size), lendable)]
    tumor = next((code for code, term in enumerate(index.answers) if term is TumorType.TUMOR), None)
    if lent.size == 0 or tumor is None:
        return
    plan.wording[lent] = index.wordings.index(BINARY_DIAGNOSIS)
    plan.answer[lent] = tumor
    found[DIAGNOSIS] = typed[lent.size :]
    found[BINARY_DIAGNOSIS] = np.concatenate([binary, lent])


def _by_answer(plan: Plan, facts: Facts) -> dict[int, Facts]:
    """Facts of each answer's code, the most frequent answer first; equals by their token."""
    codes, counts = np.unique(plan.answer[facts], return_counts=True)
    by_count = sorted(zip(codes.tolist(), counts.tolist(), strict=True), key=lambda c: (-c[1], _term(plan, c[0]).value))
    return {code: facts[plan.answer[facts] == code] for code, _ in by_count}


def _term(plan: Plan, code: int) -> StrEnum:
    return plan.index.answers[code]


def _one_grain(plan: Plan, facts: Facts) -> Facts:
    """Where a coarse and a finer term are both answers, keep the side with more questions; the finer on a tie."""
    counts = {_term(plan, code): own.size for code, own in _by_answer(plan, facts).items()}
    out: set[StrEnum] = set()
    for coarse in counts:
        finer = [t for t in counts if t is not coarse and coarse in coarsenings(t) and t not in out]
        if finer and coarse not in out:
            out |= {coarse} if sum(counts[t] for t in finer) >= counts[coarse] else set(finer)
    gone = _codes_of(plan, facts, out)
    plan.why[facts[gone]] = WHYS.index(GRAIN)
    return facts[~gone]


def _codes_of(plan: Plan, facts: Facts, terms: Iterable[StrEnum]) -> NDArray[np.bool_]:
    wanted = set(terms)
    codes = [code for code in np.unique(plan.answer[facts]).tolist() if _term(plan, code) in wanted]
    return np.isin(plan.answer[facts], codes)


def _mimics(plan: Plan, facts: Facts) -> list[Facts]:
    """Facts in groups whose answers are mistaken for one another; at least three of each group are answers."""
    present = Counter(_term(plan, code) for code in plan.answer[facts].tolist())
    if not present:
        return []
    groups = confusion_groups(type(next(iter(present))))
    if len(groups) == 1 or len(present) == 2:
        return [facts]
    found = []
    for group in groups:
        own = facts[_codes_of(plan, facts, group)]
        if sum(term in present for term in group) >= 3:
            found.append(own)
        else:
            plan.why[own] = WHYS.index(NO_MIMICS)
    return found


# --- what is asked ---


def _balanced_pool(plan: Plan, wording: str, facts: Facts, wanted: int, rules: BuildRules, *, is_hard: bool) -> None:
    answers = _by_answer(plan, facts)
    counts = [own.size for own in answers.values()]
    number, each = choose_answers(counts, wanted, rules.questions_per_answer, rules.max_options)
    chosen = {code: own for place, (code, own) in enumerate(answers.items()) if place < number}
    if chosen:
        layer = _take(plan, chosen, each)
        _ask(plan, wording, layer, rules, is_hard=is_hard)
    for code, own in answers.items():
        left = own[plan.pool_of_fact[own] < 0]
        plan.why[left] = WHYS.index(SURPLUS if code in chosen else ONLY if len(answers) == 1 else RARE)


def _take(plan: Plan, answers: Mapping[int, Facts], each: int) -> dict[int, Facts]:
    """Facts of each answer, as many as ``each``, spread over the strata as evenly as can be."""
    stratum = {code: plan.index.stratum_of_slice[plan.index.slice_of_fact[own]] for code, own in answers.items()}
    strata = np.unique(np.concatenate(list(stratum.values())))
    counts = np.array([[int((stratum[code] == s).sum()) for code in answers] for s in strata])
    taken = even_out(counts, each)
    return {
        code: np.concatenate([own[stratum[code] == s][:n] for s, n in zip(strata, taken[:, place], strict=True)])
        for place, (code, own) in enumerate(answers.items())
    }


def _ask(plan: Plan, wording: str, layer: Mapping[int, Facts], rules: BuildRules, *, is_hard: bool = False) -> None:
    """Make a pool of equally many facts an answer; rejection items and letters are spread evenly over the answers."""
    values = tuple(sorted((_term(plan, code) for code in layer), key=list(type(_term(plan, next(iter(layer))))).index))
    pool = Pool(wording, values, option_count(len(values), rules.max_options), is_hard)
    facts = _mixed(plan, list(layer.values()))
    plan.pool_of_fact[facts] = len(plan.pools)
    plan.pools.append(pool)
    if not pool.is_binary:
        rejected = round(rules.rejection_share * facts.size)
        plan.reject[facts.T.ravel()[:rejected]] = True
    for number, own in enumerate(facts):
        plain = own[~plan.reject[own]]
        plan.place[plain] = (np.arange(plain.size) + number) % pool.options


def _mixed(plan: Plan, answers: Sequence[Facts]) -> NDArray[np.int64]:
    """(answers, each) facts: answers in seeded order, and the facts of each in a seeded order of their own."""
    rows = [own[np.argsort(remixed(plan.index.order[own]), kind="stable")] for own in answers]
    rows.sort(key=lambda own: int(remixed(plan.index.order[own[:1]])[0]))
    return np.stack(rows)


def _note_shortage(plan: Plan, wording: str, facts: Facts, rules: BuildRules) -> None:
    built = int((plan.pool_of_fact[facts] >= 0).sum())
    available = {_term(plan, code).value: int(own.size) for code, own in _by_answer(plan, facts).items()}
    share = -(-rules.questions_per_type // max(len(available), 1))
    missing = {token: share - n for token, n in available.items() if n < share}
    if built < rules.questions_per_type and missing:
        wanted = rules.questions_per_type
        plan.shortages.append(Shortage(wording, wanted, built, available, missing))
