"""Consent with its evidence: where, in which words and when it was given, as the file says."""

from __future__ import annotations

from sqlalchemy import select

from overture_core.contactability.explaining import explain
from overture_core.leads import service
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Lead
from overture_core.storage.store import Store

WORKSPACE = "default"
FILE = """First Name,E-mail,Country,Consent,Consent Source,Consent Text,Consent Date
Ada,ada@example.com,DE,email,newsletter form,"Yes, write to me about offers.",2025-03-01
Bob,bob@example.com,DE,email,,,not a date
"""


def test_the_evidence_in_a_file_is_kept_and_told(store: Store) -> None:
    source = Source.from_text(FILE, "leads.csv")
    report = import_leads(store, source, ImportOptions(), workspace=WORKSPACE, actor="test")
    assert report.created == 2
    assert any("date of consent that could not be read, left out" in warning for warning in report.warnings)
    with store.read(WORKSPACE) as work:
        ada, bob = work.session.scalars(select(Lead.id).order_by(Lead.first_name)).all()
        (consent,) = service.get(work, ada).consents
        (said,) = explain(work, ada, [Channel.EMAIL]).channels
        (other,) = service.get(work, bob).consents
    assert (consent.source, consent.wording) == ("newsletter form", "Yes, write to me about offers.")
    assert consent.given_at is not None
    assert f"{consent.given_at:%Y-%m-%d}" == "2025-03-01"
    assert said.evidence[:2] == [
        "agreed on 2025-03-01 (newsletter form)",
        "in the words 'Yes, write to me about offers.'",
    ]
    assert (other.source, other.wording, other.given_at) == ("import of leads.csv, line 3", None, None)
