"""Records as columns: Arrow schemas from annotations, Parquet in row groups, Arrow files for what is passed on."""

import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ValidationError

from neuroonco.errors import InputError
from neuroonco.outcomes import Record

R = TypeVar("R", bound=Record)
ROWS_PER_GROUP = 4096
"""Rows a Parquet row group: bounds memory while writing and reading."""

_ARROW: tuple[tuple[type, pa.DataType], ...] = (
    (str, pa.string()),  # StrEnum too
    (bool, pa.bool_()),  # before int: a bool is an int in Python
    (int, pa.int64()),
    (float, pa.float64()),
)


@cache
def arrow_schema(model: type[BaseModel]) -> pa.Schema:
    """Arrow schema of a record type, from its annotations, so that an all-null column keeps its type."""
    return pa.schema([(name, _arrow_type(f.annotation)) for name, f in model.model_fields.items()])


def _arrow_type(annotation: Any) -> pa.DataType:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _arrow_type(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        inner = [a for a in get_args(annotation) if a is not type(None)]
        return _arrow_type(inner[0])
    if origin in (tuple, list, Sequence):
        return pa.list_(_arrow_type(get_args(annotation)[0]))
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return pa.struct([(n, _arrow_type(f.annotation)) for n, f in annotation.model_fields.items()])
        for python, arrow in _ARROW:
            if issubclass(annotation, python):
                return arrow
    raise TypeError(f"no Arrow type for {annotation!r}")


def table_of(records: Iterable[Record], model: type[Record]) -> pa.Table:
    """Records as a table with the schema of their type."""
    return pa.Table.from_pylist([record.model_dump(mode="json") for record in records], arrow_schema(model))


def records_of(table: pa.Table, model: type[R], where: Path) -> list[R]:
    """Rows of a table of ours as records.

    Raises:
        InputError: a row is not of that type.
    """
    try:
        return [model.model_validate(row) for row in table.to_pylist()]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "record"
        fix = "rebuild the file"
        raise InputError("FIELD_INVALID", f"{field}: {first['msg']}", where=str(where), fix=fix) from None


# --- Parquet ---


class ParquetRows:
    """Writes tables to a Parquet file in full row groups, so that the file does not depend on how rows arrive."""

    def __init__(self, writer: Any, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema
        self._held: list[pa.Table] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        self._held.append(table.cast(self._schema))
        self._rows += table.num_rows
        if self._rows >= ROWS_PER_GROUP:
            self._flush(self._rows - self._rows % ROWS_PER_GROUP)

    def close(self) -> None:
        """Write what is left."""
        self._flush(self._rows)

    def _flush(self, rows: int) -> None:
        if not rows:
            return
        whole = pa.concat_tables(self._held)
        for start in range(0, rows, ROWS_PER_GROUP):
            self._writer.write_table(whole.slice(start, min(ROWS_PER_GROUP, rows - start)).combine_chunks())
        self._held, self._rows = ([whole.slice(rows)] if rows < self._rows else []), self._rows - rows


@contextmanager
def parquet_rows(path: Path, model: type[Record]) -> Iterator[Callable[[pa.Table], None]]:
    """Open a Parquet file for rows of a record type; yields what appends a table."""
    schema = arrow_schema(model)
    with pq.ParquetWriter(path, schema, compression="zstd", store_schema=False) as writer:
        rows = ParquetRows(writer, schema)
        yield rows.write
        rows.close()


def group_sizes(path: Path) -> list[int]:
    """Rows of each row group of a Parquet file.

    Raises:
        InputError: missing, or no Parquet file.
    """
    with _parquet_errors(path), pq.ParquetFile(path) as file:
        return [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]


def read_group(path: Path, number: int) -> pa.Table:
    """One row group of a Parquet file.

    Raises:
        InputError: missing, or no Parquet file.
    """
    with _parquet_errors(path), pq.ParquetFile(path) as file:
        return file.read_row_group(number, use_threads=False)


def read_where(path: Path, column: str, values: Sequence[str]) -> pa.Table:
    """Rows of a Parquet file whose column has one of some values; groups that cannot have one are not read.

    Raises:
        InputError: missing, or no Parquet file.
    """
    with _parquet_errors(path):
        return pq.read_table(path, filters=[(column, "in", list(values))], use_threads=False)


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError("FILE_MISSING", "no such file", where=str(path), fix="check the path") from None
    except (pa.ArrowException, OSError) as error:
        what = str(error).splitlines()[0][:200]
        raise InputError("PARQUET_BROKEN", what, where=str(path), fix="rebuild the file") from None


# --- Arrow files ---


def write_arrow(path: Path, table: pa.Table) -> None:
    """Write a table as an Arrow file, quickly and for this machine."""
    with pa.ipc.new_file(str(path), table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)


def read_arrow(path: Path) -> pa.Table:
    """Read a file of :func:`write_arrow`.

    Raises:
        InputError: missing or torn.
    """
    with _parquet_errors(path), pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
