"""Thousands of new rows at once, several times faster than row by row.

PostgreSQL takes them by COPY (postgresql.org/docs/current/sql-copy.html). SQLite takes as many in one statement as it
has parameters for: FTS5 writes out what it holds whenever a statement with triggers begins, so that with a statement
for each lead its index of words cost four times all the rest (docs/performance.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, cast

from sqlalchemy import Column, Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase

from overture_core.storage.store import Work

MOST_AT_ONCE = 1_024  # rows in a statement on SQLite


def insert_rows(
    work: Work, entity: type[DeclarativeBase], columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Insert rows, each with the values of `columns` in their order; all other columns stay NULL.

    Raises:
        sqlalchemy.exc.IntegrityError: one of the rows is there already; the transaction cannot go on.
    """
    if not rows:
        return
    table = cast("Table", entity.__table__)
    connection = work.session.connection()
    dialect = connection.dialect
    converted = _converted(rows, [_bound(table.c[name], dialect) for name in columns])
    into = f"{table.name} ({', '.join(columns)})"
    if dialect.name == "sqlite":
        _insert(connection, f"INSERT INTO {into} VALUES ", len(columns), iter(converted))  # noqa: S608 - names
    else:
        _copy(connection, f"COPY {into} FROM STDIN", converted)


def _insert(connection: Connection, statement: str, width: int, rows: Iterator[tuple[object, ...]]) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    allowed = driver.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // width
    marks = f"({', '.join('?' * width)})"
    # In powers of two: the driver keeps the last 128 statements, each as large as its rows, so there must be few kinds.
    at_once = min(MOST_AT_ONCE, 1 << (allowed.bit_length() - 1))
    left = list(rows)
    while left:
        while at_once > len(left):
            at_once //= 2
        part, left = left[:at_once], left[at_once:]
        connection.exec_driver_sql(statement + ", ".join([marks] * at_once), tuple(chain.from_iterable(part)))


def _copy(connection: Connection, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
    driver: Any = connection.dialect.loaded_dbapi
    opened: Any = connection.connection.cursor()
    try:
        with opened as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except driver.Error as error:
        # As SQLAlchemy has it, which does not see what goes past it.
        raise DBAPIError.instance(statement, None, error, driver.Error, dialect=connection.dialect) from error


def _bound(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return what turns a value into what the driver takes; None where it takes it as it is."""
    return column.type.dialect_impl(dialect).bind_processor(dialect)


def _converted(
    rows: Sequence[Sequence[object]], processors: Sequence[Callable[[Any], Any] | None]
) -> Iterable[tuple[object, ...]]:
    columns = zip(*rows, strict=True)
    # Values repeat from row to row: times of one transaction, empty objects.
    return zip(
        *(
            column if processor is None else _each(column, processor)
            for column, processor in zip(columns, processors, strict=True)
        ),
        strict=True,
    )


def _each(column: Sequence[object], processor: Callable[[Any], Any]) -> list[object]:
    last: object = None
    made: object = processor(None)
    found = []
    for value in column:
        if value is not last:
            last, made = value, processor(value)
        found.append(made)
    return found
