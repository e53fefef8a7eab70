"""Tables of the ledger, for SQLite and PostgreSQL alike."""

from typing import Any

from sqlalchemy import Column, Engine, Float, Index, Integer, MetaData, String, Table, Text, literal_column
from sqlalchemy.dialects import postgresql, sqlite

SCHEMA_VERSION = 1

metadata = MetaData()
about = Table(
    "neuroonco_ledger",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
calls = Table(
    "neuroonco_calls",
    metadata,
    Column("request_hash", String(64), primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("prompt_name", Text, nullable=False),
    Column("prompt_sha256", String(64), nullable=False),
    Column("image_sha256", String(64)),
    Column("request", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("text", Text),
    Column("finish_reason", Text),
    Column("served_model", Text),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cost_usd", Float(53)),
    Column("latency_s", Float(53)),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("asked_at", String(40)),
    Column("attempts_total", Integer, nullable=False),
    Column("cost_usd_total", Float(53)),
    Column("first_asked_at", String(40), nullable=False),
)
texts = Table(
    "neuroonco_texts",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("text", Text, nullable=False),
)
batches = Table(
    "neuroonco_batches",
    metadata,
    Column("batch_key", String(40), primary_key=True),
    Column("model", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("n", Integer, nullable=False),
    Column("provider_file_id", Text),
    Column("provider_batch_id", Text),
    Column("provider_status", Text),
    Column("error", Text),
    Column("prepared_at", String(40), nullable=False),
)
batch_items = Table(
    "neuroonco_batch_items",
    metadata,
    Column("batch_key", String(40), primary_key=True),
    Column("request_hash", String(64), primary_key=True),
    Column("request", Text, nullable=False),
    Column("state", String(20), nullable=False),
)
OPEN = "open"
is_open = batch_items.c.state == literal_column(f"'{OPEN}'")  # written out, so that SQLite can use the index below
Index(
    "neuroonco_open_items",
    batch_items.c.request_hash,
    unique=True,
    sqlite_where=is_open,
    postgresql_where=is_open,
)
"""A request waits in one batch at most, whoever submits it."""


def insert_into(engine: Engine, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the database's own dialect."""
    return postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)
