"""Figures of a ledger, computed by its database."""

from typing import Any

from sqlalchemy import ColumnElement, func, select

from neuroonco.models.ledger import Ledger
from neuroonco.models.ledger_opening import plain_errors
from neuroonco.models.ledger_records import LedgerStats
from neuroonco.models.ledger_tables import calls

_GROUP = (calls.c.model, calls.c.purpose, calls.c.status)


def ledger_stats(ledger: Ledger) -> list[LedgerStats]:
    """Calls, tokens, cost, latency and attempts by model, purpose and status, in this order.

    Percentiles are by nearest rank: the smallest latency that at least that share of the calls did not exceed.

    Raises:
        InputError: the ledger cannot be read.
    """
    sums = select(
        *_GROUP,
        func.count().label("n"),
        func.count(func.coalesce(calls.c.input_tokens, calls.c.output_tokens)).label("counted"),
        func.coalesce(func.sum(calls.c.input_tokens), 0).label("input_tokens"),
        func.coalesce(func.sum(calls.c.output_tokens), 0).label("output_tokens"),
        func.count(calls.c.cost_usd_total).label("priced"),
        func.sum(calls.c.cost_usd_total).label("cost_usd"),
        func.count(calls.c.latency_s).label("timed"),
        func.sum(calls.c.attempts_total).label("attempts"),
    ).group_by(*_GROUP)
    with plain_errors(ledger.where), ledger.engine.connect() as connection:
        median, p95 = ({tuple(row[:3]): row[3] for row in connection.execute(_percentile(share))} for share in (50, 95))
        rows = [dict(row) for row in connection.execute(sums.order_by(*_GROUP)).mappings()]
    return [LedgerStats.model_validate(row | _latency(row, median, p95)) for row in rows]


def _percentile(percent: int) -> Any:
    """Query for one latency a group: the one at the nearest rank."""
    rank = func.row_number().over(partition_by=_GROUP, order_by=calls.c.latency_s)
    n = func.count().over(partition_by=_GROUP)
    timed = calls.c.latency_s.is_not(None)
    ranked = select(*_GROUP, calls.c.latency_s, rank.label("rank"), n.label("n")).where(timed).subquery()
    wanted: ColumnElement[Any] = (ranked.c.n * percent + 99) // 100
    return select(ranked.c.model, ranked.c.purpose, ranked.c.status, ranked.c.latency_s).where(ranked.c.rank == wanted)


def _latency(row: dict[str, Any], median: dict[Any, float], p95: dict[Any, float]) -> dict[str, float | None]:
    group = (row["model"], row["purpose"], row["status"])
    return {"latency_median_s": median.get(group), "latency_p95_s": p95.get(group)}
