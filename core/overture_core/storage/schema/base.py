"""What all tables share: names of constraints, and types of columns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from overture_core.storage.types import Json, UtcDateTime

ID = String(40)
KEYWORD = String(40)


class Base(DeclarativeBase):
    """Common naming, so that both databases and every migration agree on constraint names."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime(), dict[str, Any]: Json, list[str]: Json}  # noqa: RUF012


def in_workspace() -> Mapped[str]:
    """The column that says whose a row is."""
    return mapped_column(ID, ForeignKey("workspaces.id"))
