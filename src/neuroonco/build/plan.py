"""Which facts become closed questions, and among which terms their options are drawn.

A pool is a set of questions with one wording whose answers are equally frequent. A benchmark has one pool a wording
(``--hard``: one for each group of mimics). Instructions have layers of pools, which use what one balanced pool leaves
over. In both, what is drawn for a question depends on its pool and its answer alone, see ``docs/benchmark.md``.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from neuroonco.build.balance import choose_answers, even_out, layers, option_count
from neuroonco.build.index import FactIndex
from neuroonco.build.pools import CAPPED, GRAIN, NO_MIMICS, ONLY, RARE, SURPLUS, WHYS, Plan, Pool
from neuroonco.build.rules import BuildRules
from neuroonco.build.shortages import shortages
from neuroonco.seeded import remixed
from neuroonco.vocabulary import TumorType, coarsenings, confusion_groups

BINARY_DIAGNOSIS, DIAGNOSIS, MODALITY = "diagnosis_binary", "diagnosis", "modality"
Facts = NDArray[np.int64]


def plan_benchmark(
    index: FactIndex, rows: NDArray[np.bool_], rules: BuildRules, *, hard: bool = False, lend: bool = True
) -> Plan:
    """One balanced pool a wording, and within source and sequence as balanced as that allows.

    Args:
        index: of all slices.
        rows: those that the benchmark may use.
        rules: how many questions are wanted, and of how many options.
        hard: draw options from mimics of the answer.
        lend: let typed tumors be asked abnormal or healthy where untyped ones are too few.
    """
    plan = _empty(index)
    live = rows[index.slice_of_fact]
    for wording, facts in _by_wording(plan, live, rules.questions_per_type if lend else 0).items():
        kept = _one_grain(plan, facts)
        groups, is_hard = _mimics(plan, kept) if hard else ([kept], False)
        answers = sum(np.unique(plan.answer[group]).size for group in groups)
        for group in groups:
            wanted = rules.questions_per_type * np.unique(plan.answer[group]).size // answers
            _balanced_pool(plan, wording, group, wanted, rules, is_hard=is_hard)
    plan.shortages += shortages(plan, live, rules.questions_per_type, lend=lend)
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
    for wording, facts in _by_wording(plan, live, None).items():
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


def _by_wording(plan: Plan, live: NDArray[np.bool_], wanted: int | None) -> dict[str, Facts]:
    """Facts of each wording, in seeded order; some typed tumors lent to the question whether there is one."""
    index = plan.index
    order = np.argsort(index.order, kind="stable")
    order = order[live[order]]
    found = {name: order[plan.wording[order] == code] for code, name in enumerate(index.wordings)}
    _lend(plan, found, wanted)
    return {name: facts for name, facts in sorted(found.items()) if facts.size}


def _lend(plan: Plan, found: dict[str, Facts], wanted: int | None) -> None:
    """Let typed tumors be asked abnormal or healthy where untyped ones are too few to balance the healthy.

    No more than are needed for the questions that are wanted, of the most frequent types first, and at most half of the
    typed ones; all if they are of one type only and could not be told apart anyway.
    """
    index = plan.index
    binary, typed = (found.get(name, np.zeros(0, np.int64)) for name in (BINARY_DIAGNOSIS, DIAGNOSIS))
    if not (binary.size and typed.size):
        return
    healthy = sum(index.answers[code] is TumorType.HEALTHY for code in plan.answer[binary].tolist())
    needed = healthy if wanted is None else min(healthy, wanted // 2)
    lendable = typed.size // 2 if np.unique(plan.answer[typed]).size > 1 else typed.size
    lent = _most_frequent_first(plan, typed)[: min(max(0, needed - (binary.size - healthy)), lendable)]
    plan.wording[lent] = index.wordings.index(BINARY_DIAGNOSIS)
    plan.answer[lent] = index.answers.index(TumorType.TUMOR)
    found[DIAGNOSIS] = typed[~np.isin(typed, lent)]
    found[BINARY_DIAGNOSIS] = np.concatenate([binary, lent])


def _most_frequent_first(plan: Plan, facts: Facts) -> Facts:
    """Facts in an order in which taking the first ones levels the most frequent answers down."""
    codes = plan.answer[facts]
    left = np.zeros(facts.size, np.int64)  # how many of its answer remain when a fact is taken
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        left[own] = np.arange(own.size, 0, -1)
    return facts[np.argsort(-left, kind="stable")]


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


def _mimics(plan: Plan, facts: Facts) -> tuple[list[Facts], bool]:
    """Facts in groups whose answers are mistaken for one another, and whether the vocabulary has such groups."""
    present = {_term(plan, code) for code in np.unique(plan.answer[facts]).tolist()}
    groups = confusion_groups(type(next(iter(present)))) if len(present) > 2 else ()
    if len(groups) < 2:
        return [facts], False
    found = [facts[_codes_of(plan, facts, group)] for group in groups]
    return [own for own in found if own.size], True


# --- what is asked ---


def _balanced_pool(plan: Plan, wording: str, facts: Facts, wanted: int, rules: BuildRules, *, is_hard: bool) -> None:
    """Ask as many facts of each answer; of mimics at least three have to be answers."""
    answers = _by_answer(plan, facts)
    counts = [own.size for own in answers.values()]
    least = rules.questions_per_answer, rules.questions_for_a_figure
    number, each = choose_answers(counts, wanted, *least, rules.max_options)
    too_few = NO_MIMICS if is_hard and number < 3 else ONLY if len(answers) == 1 else None
    chosen = {} if too_few else dict(list(answers.items())[:number])
    if chosen:
        _ask(plan, wording, _take(plan, wording, chosen, each), rules, is_hard=is_hard)
    for code, own in answers.items():
        left = own[plan.pool_of_fact[own] < 0]
        plan.why[left] = WHYS.index(too_few or (SURPLUS if code in chosen else RARE))


def _take(plan: Plan, wording: str, answers: Mapping[int, Facts], each: int) -> dict[int, Facts]:
    """Facts of each answer, as many as ``each``, spread over the strata as evenly as can be."""
    index = plan.index
    # Of a question about the sequence, source and sequence together would be the answer.
    stratum_of = index.source_of_slice if wording == MODALITY else index.stratum_of_slice
    stratum = {code: stratum_of[index.slice_of_fact[own]] for code, own in answers.items()}
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
