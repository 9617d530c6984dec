"""Words in names, addresses, companies and titles, found by an index: FTS5 on SQLite, GIN on PostgreSQL.

Each word given is the beginning of one, case aside. What is indexed is in migration 0017, which keeps it up to date by
triggers on SQLite and as an index on an expression on PostgreSQL: `DOCUMENT` has to be that expression, to the letter.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, Text, bindparam, column, func, select, table, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from overture_core.storage.schema import Lead
from overture_core.storage.store import Work

Part = Literal["name", "company", "title", "email"]
# Each part's weight in PostgreSQL's document.
_WEIGHTS: dict[Part, str] = {"name": "A", "company": "B", "title": "C", "email": "D"}
_SOURCES: dict[Part, str] = {
    "name": "coalesce(first_name, '') || ' ' || coalesce(last_name, '')",
    "company": "coalesce(company, '')",
    "title": "coalesce(title, '')",
    "email": "coalesce(email, '')",
}
DOCUMENT = " || ".join(
    f"setweight(to_tsvector('simple', regexp_replace({source}, '[!-/:-@[-`{{-~]+', ' ', 'g')), '{_WEIGHTS[part]}')"
    for part, source in _SOURCES.items()
)
_WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 20
# So many leads are looked up one by one; where a word has more, the list is gone through, and soon has enough of them.
MANY = 50_000


def words_of(text: str) -> list[str]:
    """Return the words of a search, in lower case."""
    return [word.lower() for word in _WORD.findall(text)][:MOST_WORDS]


def has_words(
    work: Work | None, words: str, part: Part | None = None, *, many: int = MANY
) -> ColumnElement[bool] | None:
    """Return the condition that a lead has words that begin as each one of `words`; None where it has no word.

    SQLite does not know how common a word is, and is told by a count that ends early; without `work` it is not asked.
    """
    found = words_of(words)
    if not found:
        return None
    prefix = "" if part is None else f"{part} : "
    on_sqlite = " AND ".join(f'{prefix}"{word}"*' for word in found)
    weight = "" if part is None else _WEIGHTS[part]
    on_postgresql = " & ".join(f"{word}:*{weight}" for word in found)
    made = _HasCommonWords if work is not None and _are_common(work, on_sqlite, many) else _HasWords
    return made(Lead.id, _text(on_sqlite), _text(on_postgresql))


def _are_common(work: Work, query: str, many: int) -> bool:
    if work.session.get_bind().dialect.name != "sqlite":
        return False
    found: Select[Any] = (
        select(column("rowid")).select_from(table("lead_words")).where(text("lead_words MATCH :query")).limit(many)
    )
    counted = select(func.count()).select_from(found.subquery())
    return (work.session.scalar(counted, {"query": query}) or 0) >= many


def _text(value: str) -> SQLCoreOperations[str]:
    return bindparam(None, value, type_=Text(), unique=True)


class _HasWords(FunctionElement[Any]):
    type = NullType()  # as in storage/among.py
    name = "has_words"
    inherit_cache = True


class _HasCommonWords(_HasWords):
    inherit_cache = True


@compiles(_HasCommonWords, "sqlite")
def _common_on_sqlite(element: _HasCommonWords, compiler: SQLCompiler, **options: Any) -> str:
    lead_id, query, _ = (compiler.process(clause, **options) for clause in element.clauses)
    number = f"(SELECT n FROM lead_rows WHERE lead_id = {lead_id})"  # noqa: S608
    return f"{number} IN (SELECT rowid FROM lead_words WHERE lead_words MATCH {query})"  # noqa: S608 - bound


@compiles(_HasWords, "sqlite")
def _on_sqlite(element: _HasWords, compiler: SQLCompiler, **options: Any) -> str:
    lead_id, query, _ = (compiler.process(clause, **options) for clause in element.clauses)
    rows = f"SELECT rowid FROM lead_words WHERE lead_words MATCH {query}"  # noqa: S608 - bound
    return f"{lead_id} IN (SELECT lead_id FROM lead_rows WHERE n IN ({rows}))"  # noqa: S608


@compiles(_HasWords, "postgresql")
def _on_postgresql(element: _HasWords, compiler: SQLCompiler, **options: Any) -> str:
    _, _, query = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({DOCUMENT}) @@ to_tsquery('simple', {query})"
