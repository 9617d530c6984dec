"""A migration only adds, so that the release before goes on beside it (docs/production.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import overture_core

VERSIONS = Path(overture_core.__file__).parent / "storage" / "migrations" / "versions"
LAST_BEFORE_THE_RULE = "0028"
# Migrations that take away what no supported release uses any more; each has a line in CHANGELOG.md that says so.
CONTRACTING: set[str] = set()
TAKING_AWAY = {"drop_column", "drop_table", "rename_table"}


def faults(source: str) -> list[str]:
    """Return what an older release would not survive in `upgrade` of a migration."""
    functions = [each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)]
    (upgrade,) = [each for each in functions if each.name == "upgrade"]
    return [name for call in ast.walk(upgrade) if isinstance(call, ast.Call) and (name := _fault(call))]


def _fault(call: ast.Call) -> str | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    given = {each.arg: ast.unparse(each.value) for each in call.keywords}
    renamed_or_required = given.get("nullable") == "False" or "new_column_name" in given
    if name in TAKING_AWAY or (name == "alter_column" and renamed_or_required):
        return name
    # A row that the older release writes has no value for it.
    columns = [ast.unparse(each) for each in call.args if name == "add_column"]
    required = any("nullable=False" in each and "server_default" not in each for each in columns)
    return name if required else None


def test_migrations_only_add() -> None:
    later = [path for path in VERSIONS.glob("[0-9]*.py") if path.name[:4] > LAST_BEFORE_THE_RULE]
    found = {path.name: faults(path.read_text("utf-8")) for path in later if path.name[:4] not in CONTRACTING}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("op.drop_column('leads', 'score')", "drop_column"),
        ("leads.drop_column('score')", "drop_column"),
        ("op.drop_table('leads')", "drop_table"),
        ("op.rename_table('leads', 'people')", "rename_table"),
        ("op.alter_column('leads', 'score', new_column_name='points')", "alter_column"),
        ("op.alter_column('leads', 'score', nullable=False)", "alter_column"),
        ("op.add_column('leads', sa.Column('score', sa.Integer(), nullable=False))", "add_column"),
    ],
)
def test_what_an_older_release_would_not_survive_is_found(statement: str, fault: str) -> None:
    assert faults(f"def upgrade():\n    {statement}\n") == [fault]


@pytest.mark.parametrize(
    "statement",
    [
        "op.add_column('leads', sa.Column('score', sa.Integer()))",
        "op.add_column('leads', sa.Column('score', sa.Integer(), nullable=False, server_default='0'))",
        "op.create_table('scores', sa.Column('id', sa.String(), nullable=False))",
        "op.create_index('ix_leads_score', 'leads', ['score'])",
        "op.drop_index('ix_leads_score')",
    ],
)
def test_what_it_survives_is_allowed(statement: str) -> None:
    assert faults(f"def upgrade():\n    {statement}\n\n\ndef downgrade():\n    op.drop_table('leads')\n") == []
