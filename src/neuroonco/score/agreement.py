"""How well two readings agree, field by field: raw agreement, Cohen's kappa, and who said what against whom."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from neuroonco.intervals import wilson
from neuroonco.readings.records import LesionReading
from neuroonco.score.records import AgreementReport, FieldAgreement, Kappa
from neuroonco.vocabulary import SIGN_VALUES as VALUES
from neuroonco.vocabulary import ImageRegion, LesionBasis, MRSequence, Sign

RESAMPLES = 2_000
NOT_STATED = "not stated"
FIELDS = ("lesion_found", "sequence_seen", "region", *(sign.value for sign in Sign))
"""What is compared, in the order in which it is shown."""
SIGNS = {sign.value: sign for sign in Sign}


def agreement(pairs: Iterable[tuple[LesionReading | None, LesionReading | None]], seed: int = 0) -> AgreementReport:
    """Agreement of two readings of the same slices.

    Args:
        pairs: both readings of each slice, None for one that is missing, as a model's is that gave no usable answer.
            Pairs of which one failed or is missing are counted and left out. Signs and region are compared where both
            found a lesion.
        seed: of the bootstrap.

    Agreement is not truth: two readers that share a mistake agree on it, and two readings that rest on one mask
    agree about its place without having looked. Read it beside the precision, and the correlation of errors, on
    phantoms.

    >>> agreement([]).by_field["shape"].kappa.value is None
    True
    """
    counts: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in FIELDS}
    n = failed = on_mask = 0
    for a, b in pairs:
        n += 1
        if a is None or b is None or a.error is not None or b.error is not None:
            failed += 1
            continue
        counts["lesion_found"][_found(a), _found(b)] += 1
        counts["sequence_seen"][_text(a.sequence_seen), _text(b.sequence_seen)] += 1
        if a.lesion_found and b.lesion_found:
            on_mask += a.lesion_basis is LesionBasis.MASK and b.lesion_basis is LesionBasis.MASK
            counts["region"][_text(a.region), _text(b.region)] += 1
            for name, sign in SIGNS.items():
                counts[name][_text(a.signs.get(sign)), _text(b.signs.get(sign))] += 1
    fields = {name: _field(name, counts[name], seed) for name in FIELDS}
    return AgreementReport(by_field=fields, n=n, failed=failed, on_one_mask=on_mask)


def _found(reading: LesionReading) -> str:
    return {True: "lesion", False: "no lesion", None: NOT_STATED}[reading.lesion_found]


def _text(value: str | None) -> str:
    return NOT_STATED if value is None else str(value)


def _values(name: str) -> tuple[str, ...]:
    if name == "lesion_found":
        return ("lesion", "no lesion")
    enum = {"sequence_seen": MRSequence, "region": ImageRegion}.get(name)
    return tuple(str(v) for v in (VALUES[SIGNS[name]] if enum is None else enum))


def _field(name: str, counts: Counter[tuple[str, str]], seed: int) -> FieldAgreement:
    values = _values(name)
    columns = (*values, NOT_STATED)
    matrix = np.array([[counts[a, b] for b in columns] for a in columns], dtype=np.int64)
    stated = matrix[:-1, :-1]
    both = int(stated.sum())
    return FieldAgreement(
        values=columns,
        matrix=tuple(tuple(int(c) for c in row) for row in matrix),
        raw=wilson(int(np.trace(stated)), both),
        kappa=cohen_kappa(stated, seed),
        one_silent=int(matrix[:-1, -1].sum() + matrix[-1, :-1].sum()),
        both_silent=int(matrix[-1, -1]),
    )


def cohen_kappa(matrix: npt.NDArray[np.int64], seed: int = 0) -> Kappa:
    """Cohen's kappa of a square matrix of counts, with a bootstrap interval over the cases.

    1 is full agreement, 0 what two readers with these shares of values would reach by chance, negative less than
    that. It misleads where one value prevails: with 95 % of slices homogeneous two good readers agree on nearly
    all and may still have a kappa near 0. Read it beside the raw agreement and the matrix.

    Args:
        matrix: (values, values) counts; rows the first reading, columns the second.
        seed: of the bootstrap.

    Returns:
        None where nothing was compared, or where both only ever said one and the same value, for which chance
        alone gives full agreement and kappa is not defined. Resamples of that kind are left out of the interval.

    Source: Cohen, Educ Psychol Meas 1960;20:37-46.

    >>> kappa = cohen_kappa(np.array([[20, 5], [10, 15]]))
    >>> round(kappa.value, 3), kappa.n
    (0.4, 50)
    >>> cohen_kappa(np.array([[7, 0], [0, 0]])).value is None
    True
    """
    n = int(matrix.sum())
    value = _kappas(matrix[None].astype(np.float64))[0] if n else np.nan
    if np.isnan(value):
        return Kappa(value=None, low=None, high=None, n=n)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n, (matrix / n).ravel(), size=RESAMPLES).reshape(RESAMPLES, *matrix.shape)
    found = _kappas(draws.astype(np.float64))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Kappa(value=float(value), low=float(min(low, value)), high=float(max(high, value)), n=n)


def _kappas(matrices: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Kappa of each (values, values) matrix of a stack; NaN where it is not defined."""
    n = matrices.sum(axis=(1, 2))
    observed = np.trace(matrices, axis1=1, axis2=2) / n
    expected = (matrices.sum(axis=2) * matrices.sum(axis=1)).sum(axis=1) / n**2
    defined = expected < 1
    return np.where(defined, (observed - expected) / np.where(defined, 1 - expected, 1), np.nan)
