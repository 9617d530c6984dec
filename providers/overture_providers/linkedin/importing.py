"""Lead Sync responses become leads by the same import as files: merged by identity, rejected rows kept with reasons.

A response is imported once. A consent is recorded only for a channel that the text somebody agreed to names; the text
itself, the form and the time are its evidence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson
from pydantic import BaseModel, Field

from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.linkedin import sources
from overture_core.storage.store import Store
from overture_core.text import clean
from overture_providers.linkedin.lead_forms import Response

TAG = "linkedin-lead"
# LinkedIn's predefined questions, in the order in which they are preferred.
_FIELDS = {
    "email": ("WORK_EMAIL", "EMAIL"),
    "phone": ("WORK_PHONE_NUMBER", "PHONE_NUMBER"),
    "first_name": ("FIRST_NAME",),
    "last_name": ("LAST_NAME",),
    "company": ("COMPANY_NAME",),
    "title": ("JOB_TITLE",),
    "country": ("COUNTRY",),
    "linkedin_url": ("LINKEDIN_PROFILE_LINK",),
}
_OWN = ("last_contact_at", "consent", "consent_text", "consent_at", "consent_source")
# A channel counts as agreed to only where a sentence names it, speaks of being written to, and has no negation.
_NAMED = {
    "email": re.compile(r"\be-?mails?\b", re.IGNORECASE),
    "sms": re.compile(r"\b(sms|text messages?)\b", re.IGNORECASE),
    "whatsapp": re.compile(r"\bwhats ?app\b", re.IGNORECASE),
    "voice": re.compile(r"\b(phone calls?|telephone|calls?)\b", re.IGNORECASE),
}
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_TOLD = re.compile(r"\b(receive|contact|contacted|send|sent|hear|get|updates?|news|newsletters?)\b", re.IGNORECASE)
_NEGATED = re.compile(r"\b(not|no|never|without|unsubscribe|opt[ -]?out|withdraw)\b", re.IGNORECASE)
MAX_CUSTOM = 30


class LeadsImported(BaseModel):
    """What came of responses. `repeated` were imported before, `tests` are LinkedIn's test leads, left out."""

    responses: int
    repeated: int
    tests: int
    created: int
    merged: int
    unchanged: int
    rejected: int
    import_id: str | None = Field(description="Its report is a resource of the leads server.")


def import_responses(
    store: Store, workspace: str, found: Sequence[Response], *, actor: str, tests: bool = False
) -> LeadsImported:
    """Import responses that were not imported yet. Broken off in the middle, it may simply be repeated."""
    wanted = [each for each in found if tests or not each.test]
    with store.read(workspace) as work:
        fresh = sources.unseen(work, [each.id for each in wanted])
    # In the order in which they were submitted: what came first is kept, what came later adds to it.
    once = {each.id: each for each in wanted if each.id in fresh}
    new = sorted(once.values(), key=lambda each: each.submitted_at)
    counts = LeadsImported(
        responses=len(found),
        repeated=len(wanted) - len(new),
        tests=len(found) - len(wanted),
        created=0,
        merged=0,
        unchanged=0,
        rejected=0,
        import_id=None,
    )
    if not new:
        return counts
    text = "\n".join(orjson.dumps(row_of(each)).decode() for each in new)
    columns = (*_FIELDS, *_OWN)
    options = ImportOptions(mapping={column: column for column in columns}, tags=[TAG])
    source = Source.from_text(text, "LinkedIn lead forms.jsonl")
    report = import_leads(store, source, options, workspace=workspace, actor=actor)
    with store.begin(workspace, actor=actor) as work:
        sources.seen(work, [(each.id, each.form.id) for each in new], import_id=report.import_id)
    return counts.model_copy(
        update=report.model_dump(include={"created", "merged", "unchanged", "rejected", "import_id"})
    )


def row_of(response: Response) -> dict[str, str]:
    """Return a response as a row of an import: every field has a column, what else was asked becomes a custom field."""
    predefined = {each.predefined: each.text for each in response.answers if each.predefined}
    row = {
        field: next((predefined[kind] for kind in kinds if predefined.get(kind)), "")
        for field, kinds in _FIELDS.items()
    }
    channels = agreed_channels(response.agreed)
    row |= {
        "last_contact_at": response.submitted_at.isoformat(),
        "consent": ", ".join(channels),
        "consent_text": " / ".join(response.agreed)[:1_000] if channels else "",
        "consent_at": response.submitted_at.isoformat() if channels else "",
        "consent_source": f"LinkedIn lead form {response.form.name or response.form.id!r}"[:300] if channels else "",
    }
    taken = {kind for kinds in _FIELDS.values() for kind in kinds}
    custom = {
        "linkedin_form": response.form.name or response.form.id,
        "linkedin_response": response.id,
        "linkedin_campaign": response.campaign or "",
    }
    for each in response.answers:
        if each.predefined not in taken and len(custom) < MAX_CUSTOM:
            name = clean(each.question, limit=100) or "question"
            custom.setdefault(name if name not in row else f"{name} (form)", each.text)
    return {**row, **{name: text for name, text in custom.items() if text}}


def agreed_channels(agreed: Sequence[str]) -> list[str]:
    """Return the channels that agreed texts name. A sentence with a negation in it is left to people to read."""
    sentences = [part for text in agreed for part in _SENTENCE.split(text)]
    plain = [each for each in sentences if _TOLD.search(each) and not _NEGATED.search(each)]
    return [channel for channel, named in _NAMED.items() if any(named.search(each) for each in plain)]
