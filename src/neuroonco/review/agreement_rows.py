"""One row of agreement: all of its figures, from one sum over questions for each type and resample."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from neuroonco.resampling import Counts, Floats, Resamples
from neuroonco.review import coefficients
from neuroonco.review.agreement_figures import Figure, totals_of
from neuroonco.review.agreement_records import (
    AgreementRow,
    Difference,
    OrdinalAgreement,
    PairAgreement,
    ProposedAgreement,
)
from neuroonco.review.agreement_warnings import pair_warnings, row_warnings
from neuroonco.review.coefficients import MISSING, Parts
from neuroonco.review.ratings import VERDICTS, Ratings

MOST_DIFFERENCES = 10
"""Pairs of differing answers that are named."""


def agreement_row(name: str, ratings: Ratings, rows: Counts, resamples: int, seed: int) -> AgreementRow:
    """Agreement on some questions.

    Args:
        name: of the row.
        rows: places of the questions in ``ratings``.
        resamples, seed: of the clusters that these questions have.
    """
    clusters, cluster_of = np.unique(ratings.cluster_of[rows], return_inverse=True)
    drawn = Resamples(len(clusters), resamples, seed)
    blocks = list(_blocks(ratings, rows, cluster_of))
    each = np.concatenate([np.zeros(0, np.int64), *(block.counts.sum(axis=1) for block in blocks)])
    row = _Row(ratings.readers, coefficients.usual_number(each[:, None]), drawn, blocks)
    options = np.concatenate([np.zeros(0), *(block.options for block in blocks)])[each >= 2]
    prevalence, prevalent = _prevalence([(block.counts.sum(axis=0), block.categories) for block in blocks])
    made = AgreementRow(
        name=name,
        questions=len(rows),
        ratings=int(each.sum()),
        outline_shown=int(ratings.outlined[rows].sum()),
        raw=row.raw.estimate(is_share=True),
        guessed=float((1 / options).mean()) if options.size else None,
        kappa=row.kappa.estimate(),
        kappa_ratings=row.number or None,
        alpha=row.alpha.estimate(),
        ordinal=row.ordinal,
        ac1=row.ac1.estimate(),
        prevalence=prevalence,
        prevalent=prevalent,
        pairs=tuple(row.pairs()),
        proposed=tuple(_proposed(ratings.readers, ratings.verdicts[rows], cluster_of, drawn)),
        differences=_differences(blocks),
    )
    return made.model_copy(update={"warnings": row_warnings(made)})


@dataclass(frozen=True)
class _Block:
    """The questions of one type in a row, with the categories that were used in them.

    Attributes:
        codes: (questions, readers).
        counts: (questions, categories).
        order: for a type with an order, the columns of ``counts`` that are each place in it, lowest first; None where
            fewer than two places were used.
    """

    codes: Counts
    counts: Counts
    options: Counts
    categories: tuple[str, ...]
    order: tuple[tuple[int, ...], ...] | None
    cluster_of: Counts

    @property
    def ordered(self) -> Counts:
        """(questions, places) counts within the order."""
        columns = [self.counts[:, list(place)].sum(axis=1) for place in self.order or ()]
        return np.stack(columns, axis=1) if columns else np.zeros((len(self.codes), 0), np.int64)


def _blocks(ratings: Ratings, rows: Counts, cluster_of: Counts) -> Iterator[_Block]:
    types = np.array(ratings.types, object)[rows]
    for kind, categories in ratings.categories.items():
        mine = types == kind
        if not mine.any():
            continue
        codes = ratings.codes[rows[mine]]
        used = np.unique(codes[codes != MISSING])
        codes = np.where(codes == MISSING, MISSING, np.searchsorted(used, codes))
        ranks = ratings.ranks.get(kind)
        yield _Block(
            codes=codes,
            counts=coefficients.counts_of(codes, len(used)),
            options=ratings.options[rows[mine]],
            categories=tuple(categories[k] for k in used),
            order=_places([] if ranks is None else [ranks[k] for k in used]),
            cluster_of=cluster_of[mine],
        )


def _places(ranks: Sequence[int | None]) -> tuple[tuple[int, ...], ...] | None:
    """Columns of each place: two spellings of one term, as in a file of others, are one place. One is no order."""
    found = sorted({rank for rank in ranks if rank is not None})
    if len(found) < 2:
        return None
    return tuple(tuple(k for k, rank in enumerate(ranks) if rank == place) for place in found)


@dataclass
class _Pair:
    """What is known of two readers."""

    raw: Figure
    kappa: Figure
    ac1: Figure
    marginals: list[tuple[Counts, tuple[str, ...]]] = field(default_factory=list)
    apart: float = 0.0


class _Row:
    """All figures between readers, block by block."""

    def __init__(self, readers: tuple[str, ...], number: int, drawn: Resamples, blocks: Sequence[_Block]) -> None:
        self.readers, self.number, self.drawn = readers, number, drawn
        self.is_one = len(blocks) == 1
        self.raw, self.kappa, self.alpha, self.ac1 = (self._figure() for _ in range(4))
        self.by_pair = {
            places: _Pair(self._figure(), self._figure(), self._figure())
            for places in combinations(range(len(readers)), 2)
        }
        self.ordinal: OrdinalAgreement | None = None
        for block in blocks:
            self._add(block)

    def _figure(self) -> Figure:
        return Figure(np.zeros(self.drawn.slices, bool))

    def _add(self, block: _Block) -> None:
        codes, q = block.codes, len(block.categories)
        sums = [coefficients.several_sums(block.counts, self.number)]
        sums += [coefficients.pair_sums(codes[:, a], codes[:, b], q) for a, b in self.by_pair]
        ranked = self.is_one and block.order is not None
        if ranked:
            sums.append(coefficients.ordinal_sums(block.ordered))
        ends = np.cumsum([part.shape[1] for part in sums])[:-1]
        several, *rest = np.split(totals_of(np.concatenate(sums, axis=1), block.cluster_of, self.drawn), ends, axis=1)
        self._add_several(block, several)
        for places, totals in zip(self.by_pair, rest, strict=False):
            self._add_pair(block, places, totals)
        if ranked:
            self.ordinal = self._ordered(block, coefficients.ordinal_parts(rest[-1]))

    def _add_several(self, block: _Block, totals: Floats) -> None:
        found, n = coefficients.several_parts(totals, self.number), block.counts.sum(axis=1)
        for figure, parts in ((self.raw, found.raw), (self.ac1, found.ac1), (self.alpha, found.alpha)):
            figure.add(parts, n >= 2, block.cluster_of)
        self.kappa.add(found.fleiss, (n == self.number) & (n >= 2), block.cluster_of)
        if self.is_one:
            self.kappa.known, self.alpha.known = coefficients.fleiss(block.counts), coefficients.alpha(block.counts)

    def _add_pair(self, block: _Block, places: tuple[int, int], totals: Floats) -> None:
        a, b = (block.codes[:, place] for place in places)
        both = (a != MISSING) & (b != MISSING)
        if not both.any():
            return
        pair, (of_a, of_b) = self.by_pair[places], np.split(totals[0, 2:], 2)
        found = coefficients.pair_parts(totals, (of_a + of_b) > 0)
        for figure, parts in zip((pair.raw, pair.kappa, pair.ac1), found, strict=True):
            figure.add(parts, both, block.cluster_of)
        pair.marginals.append(((of_a + of_b).astype(np.int64), block.categories))
        pair.apart += float(np.abs(of_a - of_b).sum()) / 2
        if self.is_one:
            pair.kappa.known = coefficients.cohen(a, b)

    def _ordered(self, block: _Block, parts: Parts) -> OrdinalAgreement:
        counts, figure = block.ordered, self._figure()
        figure.add(parts, counts.sum(axis=1) >= 2, block.cluster_of)
        figure.known = coefficients.alpha(counts, ordinal=True)
        return OrdinalAgreement(
            order=tuple(block.categories[place[0]] for place in block.order or ()),
            alpha=figure.estimate(),
            left_out=int(block.counts.sum() - counts.sum()),
        )

    def pairs(self) -> Iterator[PairAgreement]:
        """Those with a question in common."""
        for (first, second), pair in self.by_pair.items():
            if pair.raw.n:
                made = PairAgreement(
                    first=self.readers[first],
                    second=self.readers[second],
                    raw=pair.raw.estimate(is_share=True),
                    kappa=pair.kappa.estimate(),
                    ac1=pair.ac1.estimate(),
                    prevalence=_prevalence(pair.marginals)[0],
                    bias=pair.apart / pair.raw.n,
                )
                yield made.model_copy(update={"warnings": pair_warnings(made, self.raw.n)})


def _proposed(
    readers: tuple[str, ...], verdicts: Counts, cluster_of: Counts, drawn: Resamples
) -> Iterator[ProposedAgreement]:
    said, accepted = verdicts != MISSING, verdicts == 0
    columns = [accepted.sum(axis=1), accepted, said.sum(axis=1), said]
    hits, given = np.split(totals_of(np.column_stack(columns).astype(np.float64), cluster_of, drawn), 2, axis=1)
    for k, reader in enumerate((None, *readers)):
        mine = verdicts if reader is None else verdicts[:, [k - 1]]
        figure = Figure(np.zeros(drawn.slices, bool))
        figure.add(Parts(hits[:, k], given[:, k]), (mine != MISSING).any(axis=1), cluster_of)
        counts = {verdict.value: int((mine == place).sum()) for place, verdict in enumerate(VERDICTS)}
        share = figure.estimate(is_share=True).model_copy(update={"n": sum(counts.values())})
        yield ProposedAgreement(reader=reader, agreement=share, **counts)


def _prevalence(strata: Sequence[tuple[Counts, tuple[str, ...]]]) -> tuple[float | None, str | None]:
    """Share of the ratings that are the most frequent of their stratum; which that is, where there is one stratum."""
    total = sum(int(counts.sum()) for counts, _ in strata)
    if not total:
        return None, None
    share = sum(int(counts.max()) for counts, _ in strata) / total
    counts, categories = strata[0]
    return share, categories[int(counts.argmax())] if len(strata) == 1 else None


def _differences(blocks: Sequence[_Block]) -> tuple[Difference, ...]:
    found: Counter[tuple[str, str]] = Counter()
    for block in blocks:
        for counts in block.counts:
            # Answers that a question has, not all pairs of a type's: free texts are thousands.
            for i, j in combinations(np.flatnonzero(counts).tolist(), 2):
                found[block.categories[i], block.categories[j]] += int(counts[i] * counts[j])
    most = sorted(((pair, n) for pair, n in found.items() if n), key=lambda entry: (-entry[1], entry[0]))
    return tuple(Difference(first=a, second=b, count=n) for (a, b), n in most[:MOST_DIFFERENCES])
