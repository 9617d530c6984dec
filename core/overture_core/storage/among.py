"""`column IN (many values)` with one bound parameter, whatever their number.

An IN list is rendered, prepared and bound value by value: at a thousand ids that costs more than the
look-up, and every length is a new statement for the server. Here the values travel as one array
(PostgreSQL) or one JSON text (SQLite).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Dialect, String, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine


class _Texts(TypeDecorator[list[str]]):
    """A list of texts as a parameter."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(String()))

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> Any:
        return json.dumps(value) if dialect.name == "sqlite" else value


class _Among(FunctionElement[Any]):
    # Not Boolean: SQLite has none, so SQLAlchemy would write `... = 1` behind it and no index would be used.
    type = NullType()
    name = "among"
    inherit_cache = True


def among(column: SQLCoreOperations[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that `column` has one of `values`."""
    return _Among(column, bindparam(None, list(values), type_=_Texts(), unique=True))


@compiles(_Among, "sqlite")
def _on_sqlite(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - a bound parameter


@compiles(_Among, "postgresql")
def _on_postgresql(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({values})"
