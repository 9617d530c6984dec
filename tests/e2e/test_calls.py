"""Calls from the plan to what is heard, by real processes: voicemail, people, a fax, and nobody at all."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.campaigns.timeline import Timeline
from overture_core.leads.importing import import_leads
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.messages.content import VOICE_OPT_OUT
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.settings import Settings
from overture_core.storage.schema import Message
from overture_core.storage.store import Store
from overture_core.templates import service as templates

NOON = datetime(2027, 1, 12, 17, 0, tzinfo=UTC)  # in New York
# By their numbers: voicemail, nobody, a person who presses the key, one who does not, a fax; and one who agreed to SMS.
LEADS = """First Name,Phone,Country,Consent
Ada,+12125550101,US,voice
Bob,+12125550199,US,voice
Cleo,+12125550198,US,calls
Dan,+12125550197,US,call
Eve,+12125550196,US,voice
Fay,+12125550102,US,yes
"""


def planned(settings: Settings) -> str:
    store = Store(settings)
    store.prepare()
    import_leads(store, Source.from_text(LEADS, "leads.csv"), ImportOptions(), workspace="default", actor="test")
    with store.begin("default", actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "call", Channel.VOICE, "Hi {{ first_name }}, we have news.")
        asked = {"name": "Ring", "segment": "all", "templates": {"voice": "call"}}
        made = plan(work, PlanRequest.model_validate(asked))
    store.close()
    assert (made.by_channel, made.excluded) == ({Channel.VOICE: 5}, {"consent_missing": 1})
    return made.plan_id


def states(settings: Settings) -> dict[str, tuple[str, str | None]]:
    store = Store(settings)
    with store.read("default") as work:
        rows = work.session.query(Message).filter(Message.sender_id.is_not(None)).all()
        found = {row.merge["first_name"]: (row.state, row.reason) for row in rows}
    store.close()
    return found


def inbox(settings: Settings) -> dict[str, Any]:
    with urllib.request.urlopen(f"{settings.sandbox_url}/sandbox/inbox.json", timeout=5) as answer:
        found = json.load(answer)["messages"]
    return {each["recipient"]: each for each in found}


def test_calls_say_the_message_to_who_listens(start: Any, wait_for: Any) -> None:
    ahead = (NOON - datetime.now(UTC)).total_seconds()
    with start(clock_offset_s=ahead, voice_per_second=50) as system:
        settings = system.settings
        plan_id = planned(settings)
        foretold = Timeline.model_validate(system.overture("simulate", "Ring"))
        store = Store(settings)
        with store.begin("default", actor="test") as work:
            approvals.decide(work, approvals.for_subject(work, plan_id).id, approve=True, by="test", via=Via.CLI)
            launch(work, plan_id)
        store.close()
        ended = {
            "Ada": ("delivered", None),
            "Bob": ("failed", "no-answer"),
            "Cleo": ("delivered", None),
            "Dan": ("delivered", None),
            "Eve": ("failed", "unheard"),
        }
        wait_for(lambda: ended.items() <= states(settings).items(), deadline=60)
        wait_for(lambda: "waiting" not in system.summary()["webhooks"], deadline=60)
        heard = {number: call["body"] for number, call in inbox(settings).items()}
        assert heard == {
            "+12125550101": f"Hi Ada, we have news.\n{VOICE_OPT_OUT}",
            "+12125550199": "",
            "+12125550198": f"Hi Cleo, we have news.\n{VOICE_OPT_OUT}",
            "+12125550197": f"Hi Dan, we have news.\n{VOICE_OPT_OUT}",
            "+12125550196": "",
        }
        counted = Counter(state for state, _ in ended.values())
        assert {name: foretold.totals[name] for name in ("accepted", "delivered", "failed")} == {
            **counted,
            "accepted": 5,
        }
        wait_for(lambda: "asked not to be contacted" in refusal(system), deadline=30)


def refusal(system: Any) -> str:
    """Why Cleo is called no more, in the gate's words."""
    return json.dumps(system.overture("contactability", "+12125550198"))
