"""Many rows into a table at once, by the fastest way that each database has.

SQLAlchemy binds a row at a time, which costs several times what the database needs for it. Here rows
are tuples that the driver takes as they are: `executemany` on SQLite, `COPY` on PostgreSQL.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from ulid import ULID

from overture_core.storage.schema import Base
from overture_core.storage.store import Work

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # of a ULID
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_COUNTED = len(_PAIRS) * len(_DIGITS)


def new_ids(prefix: str, number: int) -> list[str]:
    """Return up to 32,768 identifiers like `ids.new_id` makes, in ascending order: time and chance are drawn once,
    the last three digits count."""
    if number > _COUNTED:
        msg = f"at most {_COUNTED} identifiers at once, not {number}"
        raise ValueError(msg)
    chance = "".join(secrets.choice(_DIGITS) for _ in range(13))
    head = f"{prefix}_{str(ULID())[:10]}{chance}"
    ids = (head + pair + digit for pair in _PAIRS for digit in _DIGITS)
    return [each for each, _ in zip(ids, range(number), strict=False)]


def moment(work: Work, at: datetime) -> Any:
    """Return a time as the driver takes it."""
    dialect = work.session.get_bind().dialect
    column_type = Base.metadata.tables["messages"].c.created_at.type
    bound = column_type.dialect_impl(dialect).bind_processor(dialect)
    return bound(at) if bound else at


def insert_rows(work: Work, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows whose values are as the driver takes them: texts, numbers, None, JSON as text, times by `moment`."""
    connection = work.session.connection()
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(columns))
        cursor: Any = connection.connection.cursor()
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)  # noqa: S608 - names of our own
        cursor.close()
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
