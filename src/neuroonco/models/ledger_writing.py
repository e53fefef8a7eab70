"""The statement that writes calls into the ledger: a final answer is never replaced."""

from typing import Any

from sqlalchemy import Engine, case, func, or_
from sqlalchemy.sql import ColumnElement

from neuroonco.models.ledger_rows import ANSWER_COLUMNS, FINAL
from neuroonco.models.ledger_tables import calls, insert_into


def upsert(engine: Engine, *, add_up: bool) -> Any:
    """Insert a call, or update the one of the same hash unless its answer is final.

    Args:
        engine: whose dialect the statement is in.
        add_up: add attempts and cost to those that are there, instead of replacing them.
    """
    statement = insert_into(engine, calls)
    is_final = or_(*(calls.c.status == status for status in FINAL))
    names = ANSWER_COLUMNS if add_up else (*ANSWER_COLUMNS, "attempts_total", "cost_usd_total", "first_asked_at")
    values: dict[str, ColumnElement[Any]] = {
        name: case((is_final, calls.c[name]), else_=statement.excluded[name]) for name in names
    }
    if add_up:
        values["attempts_total"] = calls.c.attempts_total + statement.excluded.attempts_total
        paid = (calls.c.cost_usd_total, statement.excluded.cost_usd_total)
        values["cost_usd_total"] = func.coalesce(paid[0] + paid[1], *paid)
    return statement.on_conflict_do_update(index_elements=[calls.c.request_hash], set_=values)
