"""One lead by its fields: read, normalised and merged as a row of a file is, by the same code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel
from sqlalchemy import select, tuple_

from overture_core.errors import InvalidInput
from overture_core.leads.dates import Order
from overture_core.leads.header_names import CONSENTS
from overture_core.leads.importing import import_leads
from overture_core.leads.known import FIELDS
from overture_core.leads.mapping import NoAddressColumn, propose, require_address
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.leads.rows import LeadRow, RowReader, RowRejected
from overture_core.leads.strangers import has_strangers_id
from overture_core.leads.tables import cell_text, shape_of
from overture_core.leads.understanding import DATES
from overture_core.storage.schema import Lead, LeadIdentity
from overture_core.storage.store import Store, Work
from overture_core.text import quoted

MOST_FIELDS = 100
Scalar = str | bool | int | float


class Upserted(BaseModel):
    """What became of the lead, the import that its provenance names, and what was read otherwise than given."""

    lead_id: str
    outcome: Literal["created", "merged", "unchanged"]
    import_id: str | None
    warnings: list[str]


def upsert(
    store: Store, fields: Mapping[str, Scalar], *, workspace: str, actor: str, default_country: str | None = None
) -> Upserted:
    """Create a lead, or fill what is empty in the one who has the same address, number, page or id. Numbers and truth
    values are what they are in a file of JSON.

    Raises:
        InvalidInput: the fields cannot be one lead; with every reason.
    """
    cells = {name: cell_text(value) for name, value in fields.items()}
    shapes = {name: shape for name, value in fields.items() if (shape := shape_of(value))}
    mapping = propose(list(cells), [cells]).mapping
    if len(fields) > MOST_FIELDS:
        msg = f"A lead has at most {MOST_FIELDS} fields; leave out those that you do not need."
        raise InvalidInput(msg)
    if wrong := next((name for name, field in mapping.items() if field in CONSENTS and cells[name].strip()), None):
        msg = (
            f"{quoted(wrong)} says whether they agree to be written to, which needs its evidence; leave it out and "
            "record it with leads_record_consent, granted true with source and wording or granted false if they refuse."
        )
        raise InvalidInput(msg)
    try:
        require_address(list(cells), mapping)
    except NoAddressColumn as error:
        msg = "No field was recognised as e-mail or phone; give one that is called email or phone."
        raise InvalidInput(msg) from error
    try:
        row = RowReader(
            mapping, default_country=default_country, date_orders=dict.fromkeys(DATES, Order.DAY_FIRST)
        ).read(cells, shapes)
    except RowRejected as error:
        raise _not_taken(error.reasons) from error
    source = Source.from_text(json.dumps(dict(fields)), f"{actor}.jsonl")
    options = ImportOptions(default_country=default_country)
    report = import_leads(store, source, options, workspace=workspace, actor=actor)
    if report.rejected:  # for what only a whole file shows, such as a row of too many characters
        raise _not_taken(report.reject_samples[0].reasons)
    outcome: Literal["created", "merged", "unchanged"] = (
        "created" if report.created else "merged" if report.merged else "unchanged"
    )
    with store.read(workspace) as work:
        lead_id = _owner(work, row)
    return Upserted(lead_id=lead_id, outcome=outcome, import_id=report.import_id, warnings=report.warnings)


def _not_taken(reasons: Sequence[str]) -> InvalidInput:
    said = "; ".join(reason.removesuffix(".") for reason in reasons)
    return InvalidInput(f"The lead was not taken: {said}.")


def _owner(work: Work, row: LeadRow) -> str:
    """Return the lead who has got a row: who has its strongest identity, as merging looks for them."""
    wanted = select(LeadIdentity.kind, LeadIdentity.value, LeadIdentity.lead_id).where(
        LeadIdentity.workspace_id == work.workspace, tuple_(LeadIdentity.kind, LeadIdentity.value).in_(row.identities)
    )
    found = {(kind, value): lead_id for kind, value, lead_id in work.session.execute(wanted)}
    owners = [found[each] for each in row.identities if each in found]
    if row.identities[0][0] == "external":
        first = work.session.get_one(Lead, owners[0])
        if has_strangers_id(row, owners, {name: getattr(first, name) for name in FIELDS}):
            return owners[1]
    return owners[0]
