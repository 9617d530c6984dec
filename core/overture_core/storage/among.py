"""`column IN (many values)` with one bound parameter, whatever their number.

An IN list is rendered, prepared and bound value by value: at a thousand ids that costs more than the
look-up, and every length is a new statement for the server. Here the values travel as one JSON text.
PostgreSQL takes their number for ten, whatever it is, and so looks each one up by the index: with a list
whose length it knows, and statistics older than the rows, it compared every row of a table with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, Text, bindparam, cast, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import NullType


class _Among(FunctionElement[Any]):
    # Not Boolean: SQLite has none, so SQLAlchemy would write `... = 1` behind it and no index would be used.
    type = NullType()
    name = "among"
    inherit_cache = True


class _Values(FunctionElement[Any]):
    name = "among_values"
    inherit_cache = True


def among(column: SQLCoreOperations[Any], values: Iterable[str] | Select[str]) -> ColumnElement[bool]:
    """Return the condition that `column` has one of `values`, or of what a query finds."""
    if isinstance(values, Select):
        return _Among(column, values.scalar_subquery())
    return _Among(column, _Values(bindparam(None, json.dumps(list(values)), type_=Text(), unique=True)))


def each_of(dialect: str, values: Iterable[str]) -> TableValuedAlias:
    """Return `values` as a table with one column, `value`.

    Select from it, and look each value up in a subquery: that is one descent of an index a value, on both databases,
    whatever statistics say. PostgreSQL looks `among` up by the first columns of an index of several, and compares the
    last one with every row that these find.
    """
    told = bindparam(None, json.dumps(list(values)), type_=Text(), unique=True)
    if dialect == "sqlite":
        return func.json_each(told).table_valued("value")
    return func.json_array_elements_text(cast(told, JSON)).table_valued("value")


def present(session: Session, column: SQLCoreOperations[Any], values: Iterable[str], *conditions: Any) -> set[str]:
    """Return which of `values` rows that meet `conditions` have in `column`, by one descent of an index a value.

    The index has to begin with the columns of the conditions, and end with this one.
    """
    each = each_of(session.connection().dialect.name, sorted(set(values)))
    row = select(column).where(*conditions, column == each.c.value).limit(1)
    # Mostly few are there, and the others are not passed on. The offset keeps both databases from looking each one up
    # twice.
    found = select(each.c.value, row.scalar_subquery().label("there")).offset(0).subquery()
    return set(session.scalars(select(found.c.value).where(found.c.there.is_not(None))))


@compiles(_Among, "sqlite")
def _on_sqlite(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN {values}"


@compiles(_Among, "postgresql")
def _on_postgresql(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY (ARRAY {values})"


@compiles(_Values, "sqlite")
def _values_on_sqlite(element: _Values, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **options)}))"  # noqa: S608 - bound


@compiles(_Values, "postgresql")
def _values_on_postgresql(element: _Values, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT json_array_elements_text({compiler.process(element.clauses, **options)}::json))"
