"""Where kappa misleads because one answer prevails: a rule, and what is said.

The paradox: two tables with the same raw agreement of 0.85 have kappas of 0.70 and 0.32 when one answer has half or
nine tenths of the ratings (Feinstein and Cicchetti, J Clin Epidemiol 1990;43:543-549). Byrt, Bishop and Carlin (J Clin
Epidemiol 1993;46:423-429) ask that prevalence and bias be reported beside kappa; AC1 is made to resist prevalence
(Gwet, Br J Math Stat Psychol 2008;61:29-48). The two limits are ours: the second table of the paradox has a share of
0.875 and an AC1 of 0.81, 0.49 above its kappa, and is warned of by either; the first has 0.525 and 0.00, and is not.

A high share alone misleads nobody where readers agree on the rare answers too: kappa then says what AC1 says, and all
that is left to say is that it rests on few ratings. A gap alone may be AC1's: it spreads chance over every answer in
use, and answers given once or twice (not judgeable, say) make it larger while no answer prevails.

Of a handful of questions neither a share nor a gap has a cause that could be told from luck: that is what is said then.
"""

from neuroonco.review.agreement_records import AgreementRow, PairAgreement

MOST_PREVALENCE = 0.8
"""Share of the ratings from which on one answer prevails."""
MOST_GAP = 0.2
"""How far AC1 may lie above kappa."""
LEAST_GAP = 0.05
"""How far kappa must lie below AC1 to be called low for prevalence: below that, the two say the same."""
LEAST_QUESTIONS = 10
"""Questions with two ratings from which on a cause is named."""
TOO_FEW = f"Fewer than {LEAST_QUESTIONS} questions have two ratings: too few for these figures to mean much."
ROUNDING = 1e-9


def row_warnings(row: AgreementRow) -> tuple[str, ...]:
    """What to say beside Fleiss' kappa and alpha of a row."""
    what = f"are one answer, {row.prevalent}" if row.prevalent else "are the most frequent answer of their type"
    found = _warned("Fleiss' kappa", what, row.raw.n, row.prevalence, row.kappa.value, row.ac1.value)
    return (TOO_FEW, *found) if 0 < row.raw.n < LEAST_QUESTIONS else found


def pair_warnings(pair: PairAgreement, questions: int) -> tuple[str, ...]:
    """What to say beside Cohen's kappa of two readers.

    Args:
        pair: the two.
        questions: with two ratings in the whole row. Where these are too few, the row says so, once.
    """
    what = "are one answer, the most frequent of their type"
    found = _warned("Cohen's kappa", what, pair.raw.n, pair.prevalence, pair.kappa.value, pair.ac1.value)
    return (TOO_FEW, *found) if 0 < pair.raw.n < LEAST_QUESTIONS <= questions else found


def _warned(
    name: str, what: str, n: int, prevalence: float | None, kappa: float | None, ac1: float | None
) -> tuple[str, ...]:
    if n == 0 or prevalence is None:
        return ()
    if kappa is None and prevalence >= 1 - ROUNDING:
        return (f"All ratings {what}: chance alone gives full agreement, and {name} is not defined.",)
    if n < LEAST_QUESTIONS:
        return ()
    gap = None if kappa is None or ac1 is None else ac1 - kappa
    prevails = prevalence >= MOST_PREVALENCE - ROUNDING
    found = []
    if prevails and gap is not None and gap < LEAST_GAP - ROUNDING:
        found.append(
            f"{_share(prevalence)} of the ratings {what}: {name} rests on the few others: a handful of "
            "differences would lower it much."
        )
    elif prevails:
        found.append(
            f"{_share(prevalence)} of the ratings {what}: {name} falls where one answer prevails, however well readers "
            "agree, and so does alpha. Read raw agreement and AC1 beside it."
        )
    if gap is not None and gap >= MOST_GAP - ROUNDING:
        differ = f"AC1 lies {gap:.2f} above {name}: the two differ in what they take for chance, since "
        found.append(
            f"{differ}the answers are used so unevenly. Hold both against raw agreement."
            if prevails
            else f"{differ}some answers are far rarer than others. No answer has {MOST_PREVALENCE:.0%} of the ratings: "
            "kappa may be low for prevalence, or AC1 high for answers that are hardly ever given. Hold both against "
            "raw agreement."
        )
    return tuple(found)


def _share(value: float) -> str:
    """In percent; 100 only where no rating differs."""
    return f"{min(value, 0.999):.1%}" if 0.99 <= value < 1 else f"{value:.0%}"
