"""Agreement in words: notes, tables for a terminal of 80 columns, and wide ones for the page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from neuroonco.intervals import Estimate
from neuroonco.review.agreement_records import AgreementReport, AgreementRow, PairAgreement, ProposedAgreement

ABOUT = "questions about"
ROW_COLUMNS = (
    *(ABOUT, "questions", "ratings", "raw agreement", "by guessing", "Fleiss' kappa"),
    *("alpha", "ordinal alpha", "AC1", "largest share"),
)
PAIR_COLUMNS = (ABOUT, "readers", "raw agreement", "Cohen's kappa", "AC1", "largest share", "bias")
VERDICT_COLUMNS = ("accept", "change", "not judgeable", "reject")
PROPOSED_COLUMNS = (ABOUT, "reader", "same as the benchmark", *VERDICT_COLUMNS)
DIFFERENCE_COLUMNS = ("question type", "one reader", "another reader", "times")
ALL_READERS = "all readers"
FIGURE_COLUMNS = ("value", "interval", "n")
NOTHING, NOT_DEFINED = "–", "not defined"


_Notes = Callable[[AgreementRow], Iterator[str]]


class Line(NamedTuple):
    """A row of a table, and what has to be said beside its figures."""

    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()


class TextTable(NamedTuple):
    """A table for people.

    Attributes:
        name: short, for addresses within a page.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def shown(estimate: Estimate) -> str:
    """A figure with its interval and the number of cases.

    >>> shown(Estimate(value=0.5, low=0.25, high=0.75, n=8)), shown(Estimate(value=1.0, low=None, high=None, n=3))
    ('0.50 (0.25 to 0.75; n 8)', '1.00 (no interval; n 3)')
    >>> shown(Estimate(value=None, low=None, high=None, n=0))
    'not defined (n 0)'
    """
    if estimate.value is None:
        return f"{NOT_DEFINED} (n {estimate.n})"
    if estimate.low is None or estimate.high is None:
        return f"{_plain(estimate.value)} (no interval; n {estimate.n})"
    return f"{_plain(estimate.value)} ({_plain(estimate.low)} to {_plain(estimate.high)}; n {estimate.n})"


def _plain(value: float | None) -> str:
    return NOTHING if value is None else f"{value + 0.0:.2f}".replace("-0.00", "0.00")


_COUNTED = {"group": "groups", "image": "images"}


def report_notes(report: AgreementReport) -> list[str]:
    """What has to be known before the figures are read."""
    unit = {"group": "patients, groups of copies, or images that are in none", "image": "images"}[report.unit]
    judging = sum(one.reader is not None and one.agreement.n > 0 for one in report.pooled.proposed)
    until = f" of {report.last_at}" if report.last_at else ""
    found = [
        f"First-round judgements in force, up to event {report.last_seq}{until}: {report.questions} of "
        f"{report.assigned} assigned questions have one; {judging} of {len(report.readers)} readers have judged.",
        f"Intervals are meant to hold the true figure in 95 of 100 such rooms. With 10 to 20 {_COUNTED[report.unit]} "
        f"and one prevailing answer, they do in about 90. They come from {report.resamples} resamples of whole {unit} "
        f"(there are {report.clusters}), seed {report.seed}. Coefficients have none where fewer than 10 of them count "
        "or no resample differs.",
        "Rows over several question types take chance within each type. What counts is the answer: new wordings and "
        f"comments are in no figure. Computed by version {report.version}.",
    ]
    if report.proposed_shown:
        found.insert(1, "Readers saw the benchmark's own answers: their agreement, with them and with each other, "
                        "is not independent of those.")  # fmt: skip
    return found


def tables(report: AgreementReport) -> list[TextTable]:
    """All tables of a report, with one figure each, so that none is wider than a terminal; none is empty."""
    rows = _by_type(report)
    found = [*_narrow("types", "by question type", rows), *_narrow("sources", "by collection", report.by_source)]
    found.append(TextTable("differences", "Where readers differ", DIFFERENCE_COLUMNS, _differences(rows[1:])))
    return [one for one in found if one.lines]


def wide_tables(report: AgreementReport) -> list[TextTable]:
    """All tables of a report, with a column for each figure."""
    rows = _by_type(report)
    return [
        TextTable("types", "Readers with each other, by question type", ROW_COLUMNS, _lines(rows)),
        TextTable("sources", "Readers with each other, by collection", ROW_COLUMNS, _lines(report.by_source)),
        TextTable("pairs", "Pairs of readers, by question type", PAIR_COLUMNS, _pairs(rows)),
        TextTable("source-pairs", "Pairs of readers, by collection", PAIR_COLUMNS, _pairs(report.by_source)),
        TextTable("proposed", "Readers with the benchmark, by question type", PROPOSED_COLUMNS, _proposed(rows)),
        TextTable(
            *("source-proposed", "Readers with the benchmark, by collection"),
            *(PROPOSED_COLUMNS, _proposed(report.by_source)),
        ),
        TextTable("differences", "Where readers differ", DIFFERENCE_COLUMNS, _differences(rows[1:])),
    ]


def _by_type(report: AgreementReport) -> tuple[AgreementRow, ...]:
    """All questions, then each type, named in words."""
    typed = (row.model_copy(update={"name": row.name.replace("_", " ")}) for row in report.by_type)
    return report.pooled, *typed


def _narrow(slug: str, rows_are: str, rows: Sequence[AgreementRow]) -> Iterator[TextTable]:
    def made(name: str, title: str, columns: tuple[str, ...], lines: Iterable[Line]) -> TextTable:
        return TextTable(f"{slug}-{name}", f"{title}, {rows_are}", (ABOUT, *columns), tuple(lines))

    def figure(name: str, title: str, of: Callable[[AgreementRow], Estimate], notes: _Notes) -> TextTable:
        return made(
            name, title, FIGURE_COLUMNS, (Line((row.name, *_parted(of(row))), tuple(notes(row))) for row in rows)
        )

    def pair(name: str, title: str, of: Callable[[PairAgreement], Estimate], *, warned: bool = False) -> TextTable:
        lines = (
            Line((row.name, _readers(one), *_parted(of(one))), _pair_notes(one) if warned else ())
            for row in rows
            for one in row.pairs
        )
        return made(name, title, ("readers", *FIGURE_COLUMNS), lines)

    yield made("ratings", "Ratings", ("questions", "ratings", "largest share", "answer"), map(_rated, rows))
    raw = (Line((row.name, *_parted(row.raw), _plain(row.guessed))) for row in rows)
    yield made("raw", "Raw agreement of readers", (*FIGURE_COLUMNS, "by guessing"), raw)
    yield figure("kappa", "Fleiss' kappa", lambda row: row.kappa, _kappa_notes)
    yield figure("alpha", "Krippendorff's alpha", lambda row: row.alpha, _no_notes)
    ordinal = (
        Line((row.name, *_parted(row.ordinal.alpha)), tuple(_order_notes(row)))
        for row in rows
        if row.ordinal is not None
    )
    yield made("ordinal", "Krippendorff's alpha, ordinal", FIGURE_COLUMNS, ordinal)
    yield figure("ac1", "Gwet's AC1", lambda row: row.ac1, _no_notes)
    yield pair("pairs-raw", "Raw agreement of two readers", lambda one: one.raw)
    yield pair("pairs-kappa", "Cohen's kappa of two readers", lambda one: one.kappa, warned=True)
    yield pair("pairs-ac1", "AC1 of two readers", lambda one: one.ac1)
    uses = (
        Line((row.name, _readers(one), _plain(one.prevalence), _plain(one.bias))) for row in rows for one in row.pairs
    )
    yield made("pairs-use", "How two readers use the answers", ("readers", "largest share", "bias"), uses)
    judged = [(row.name, one) for row in rows for one in row.proposed if one.agreement.n]
    same = (Line((name, _judge(one), *_parted(one.agreement))) for name, one in judged)
    yield made("proposed", "Same as the benchmark", ("reader", *FIGURE_COLUMNS), same)
    verdicts = (Line((name, _judge(one), *_verdicts(one))) for name, one in judged)
    yield made("verdicts", "Readers with the benchmark", ("reader", *VERDICT_COLUMNS), verdicts)


def _parted(estimate: Estimate) -> tuple[str, str, str]:
    """Value, interval and number of cases, as :func:`shown` has them, apart."""
    value = NOT_DEFINED if estimate.value is None else _plain(estimate.value)
    has_interval = estimate.low is not None and estimate.high is not None
    return value, f"{_plain(estimate.low)} to {_plain(estimate.high)}" if has_interval else NOTHING, str(estimate.n)


def _rated(row: AgreementRow) -> Line:
    cells = (row.name, str(row.questions), str(row.ratings), _plain(row.prevalence), row.prevalent or NOTHING)
    return Line(cells, tuple(_outline_notes(row)))


def _lines(rows: Iterable[AgreementRow]) -> tuple[Line, ...]:
    return tuple(Line(tuple(_cells(row)), tuple(_notes(row))) for row in rows)


def _cells(row: AgreementRow) -> Iterator[str]:
    yield from (row.name, str(row.questions), str(row.ratings), shown(row.raw), _plain(row.guessed), shown(row.kappa))
    yield shown(row.alpha)
    yield NOTHING if row.ordinal is None else shown(row.ordinal.alpha)
    yield shown(row.ac1)
    yield _plain(row.prevalence) if row.prevalent is None else f"{_plain(row.prevalence)} {row.prevalent}"


def _notes(row: AgreementRow) -> Iterator[str]:
    yield from row.warnings
    yield from _outline_notes(row)
    yield from _left_notes(row)
    yield from _order_notes(row)


def _no_notes(_row: AgreementRow) -> Iterator[str]:
    return iter(())


def _kappa_notes(row: AgreementRow) -> Iterator[str]:
    yield from row.warnings
    yield from _left_notes(row)


def _outline_notes(row: AgreementRow) -> Iterator[str]:
    if row.outline_shown:
        yield f"{row.outline_shown} of the {row.ratings} ratings were given after the outline was shown; they count."


def _left_notes(row: AgreementRow) -> Iterator[str]:
    if row.kappa.n < row.raw.n and row.kappa_ratings is not None:
        left = row.raw.n - row.kappa.n
        yield f"Fleiss' kappa: questions with {row.kappa_ratings} ratings; {left} with another number are left out."


def _order_notes(row: AgreementRow) -> Iterator[str]:
    if row.ordinal is not None:
        order = " < ".join(row.ordinal.order)
        yield f"Ordinal alpha: {order}. {row.ordinal.left_out} of the ratings are outside this order: missing in it."


def _pairs(rows: Sequence[AgreementRow]) -> tuple[Line, ...]:
    return tuple(_pair(row.name, pair) for row in rows for pair in row.pairs)


def _pair(name: str, pair: PairAgreement) -> Line:
    figures = (shown(pair.raw), shown(pair.kappa), shown(pair.ac1), _plain(pair.prevalence), _plain(pair.bias))
    return Line((name, _readers(pair), *figures), _pair_notes(pair))


def _readers(pair: PairAgreement) -> str:
    return f"{pair.first} and {pair.second}"


def _pair_notes(pair: PairAgreement) -> tuple[str, ...]:
    return tuple(f"{_readers(pair)}: {warning}" for warning in pair.warnings)


def _proposed(rows: Sequence[AgreementRow]) -> tuple[Line, ...]:
    return tuple(
        Line((row.name, _judge(one), shown(one.agreement), *_verdicts(one)))
        for row in rows
        for one in row.proposed
        if one.agreement.n
    )


def _judge(one: ProposedAgreement) -> str:
    return ALL_READERS if one.reader is None else one.reader


def _verdicts(one: ProposedAgreement) -> tuple[str, ...]:
    return tuple(str(count) for count in (one.accept, one.change, one.unanswerable, one.reject))


def _differences(rows: Sequence[AgreementRow]) -> tuple[Line, ...]:
    return tuple(Line((row.name, one.first, one.second, str(one.count))) for row in rows for one in row.differences)
