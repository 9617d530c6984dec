"""Column mappings with a name, for files that come again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from overture_core.audit import service as audit
from overture_core.errors import InvalidInput, NotFound
from overture_core.ids import new_id
from overture_core.leads.mapping import CUSTOM, SEVERAL, UNREAD, check_fields, columns_named
from overture_core.leads.options import ImportOptions
from overture_core.storage.schema import ImportMapping
from overture_core.storage.store import Store, Work
from overture_core.text import clean, quoted


class MappingView(BaseModel):
    """A saved mapping, {column: field}; `custom` and `unread` keep a column as a custom field, `ignore` leaves
    it out."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    mapping: dict[str, str]
    updated_at: datetime


def save(work: Work, name: str, mapping: Mapping[str, str]) -> MappingView:
    """Save a mapping under a name, in place of what was there.

    Raises:
        InvalidInput: the name is empty or too long, or the mapping names a field that does not exist, or one twice.
    """
    name = clean(name, limit=101)
    if not 0 < len(name) <= 100:
        msg = "A mapping needs a name of 1 to 100 characters."
        raise InvalidInput(msg)
    check_fields(mapping)
    row = _find(work, name)
    if row is None:
        row = ImportMapping(id=new_id("map"), workspace_id=work.workspace, name=name)
        work.session.add(row)
    row.mapping, row.updated_at = dict(mapping), work.now()
    work.session.flush()
    audit.record(work, "mapping.saved", row.id, name=name)
    return MappingView.model_validate(row)


def get(work: Work, name: str) -> MappingView:
    """Return a mapping.

    Raises:
        NotFound: there is no such mapping; the message names those that exist.
    """
    return MappingView.model_validate(_known(work, name))


def list_(work: Work, *, limit: int | None = None, after: str | None = None) -> list[MappingView]:
    """Return mappings by name, all of them or those behind a name."""
    rows = select(ImportMapping).where(ImportMapping.workspace_id == work.workspace)
    if after is not None:
        rows = rows.where(ImportMapping.name > after)
    found = work.session.scalars(rows.order_by(ImportMapping.name).limit(limit))
    return [MappingView.model_validate(row) for row in found]


def remove(work: Work, name: str) -> None:
    """Forget a mapping; imports that used it are not touched.

    Raises:
        NotFound: there is no such mapping.
    """
    row = _known(work, name)
    work.session.delete(row)
    audit.record(work, "mapping.removed", row.id, name=row.name)


def with_saved(store: Store, workspace: str, options: ImportOptions) -> ImportOptions:
    """Return options with what the saved mapping says that they name, if they name one.

    Raises:
        NotFound: there is no such mapping.
    """
    if options.mapping_name is None:
        return options
    with store.read(workspace) as work:
        return options.model_copy(update={"saved_mapping": get(work, options.mapping_name).mapping})


def whole_objects(options: ImportOptions) -> set[str]:
    """Return the columns that are settled as a whole, should they be objects of JSON: by the mapping that was given,
    but for addresses, or by a saved one, which means a text where it says a field of one text."""
    own = {column for column, field in (options.mapping or {}).items() if field not in ("email", "phone")}
    return own | {column for column, field in (options.saved_mapping or {}).items() if field in SEVERAL}


def remember(work: Work, options: ImportOptions, mapping: Mapping[str, str], unmapped: Sequence[str]) -> None:
    """Save how a file was read, if the options ask for it: its custom fields too, so that nothing is guessed again."""
    if options.save_mapping is not None:
        told: dict[str, str] = {}
        for said in (options.saved_mapping or {}, options.mapping or {}):
            told |= {column: said[name] for name, column in columns_named([*mapping, *unmapped], said).items()}
        kept = {column: UNREAD if told.get(column) == UNREAD else CUSTOM for column in unmapped}
        save(work, options.save_mapping, {**mapping, **kept})


def _known(work: Work, name: str) -> ImportMapping:
    row = _find(work, clean(name, limit=101))
    if row is None:
        known = ", ".join(each.name for each in list_(work)[:20]) or "none yet; save one with an import"
        msg = f"There is no mapping {quoted(name)}; the mappings are: {known}."
        raise NotFound(msg)
    return row


def _find(work: Work, name: str) -> ImportMapping | None:
    return work.session.scalar(
        select(ImportMapping).where(ImportMapping.workspace_id == work.workspace, ImportMapping.name == name)
    )
