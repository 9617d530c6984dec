"""Answers to replies, on real processes: each waits for a person, leaves once, and is not given again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.settings import Settings
from overture_core.storage.schema import Consent, Lead
from overture_core.storage.store import Store
from overture_crew.brain_choice import choose
from overture_crew.brief import Audience, Brief, Replies
from overture_crew.report import CrewReport
from overture_crew.run import CrewSetup, run_crew
from overture_crew.sessions import HttpServer
from overture_crew.slots import slots
from overture_crew.waiting import Waiting
from overture_crew.wordings import draft
from overture_servers.runtime import Runtime
from tests.crewing import WORKSPACE, add_leads, approve_everything, taken
from tests.integration.crew.conftest import running_endpoint
from tests.integration.stripe.conftest import Shop

LINK = "https://example.com/book"
FACT = "A team of ten pays the same as a team of two."
INTERESTED = ["ada.reply-yes@northwind.example", "bob.reply-yes@fabrikam.example"]
ASKS = "cleo.reply-question@contoso.example"
REFUSES = "dan.reply-no@contoso.example"  # says "not now"; the reply reader is to take that for a refusal
BUYER = "eve.reply-yes@northwind.example"


def brief(name: str, **replies: Any) -> Brief:
    return Brief(
        campaign=name,
        goal="book a short call",
        offer="we can show you in a short call what is new",
        sender_name="Example Ltd",
        facts=[FACT],
        channels=["email"],
        audience=Audience(tags=[name.lower()]),
        replies=Replies(**replies),
    )


def script(folder: Path, asked: Brief) -> None:
    """Let a model draft as the rules do, label by what it reads, and answer from the brief's fact."""
    drafts = [draft(asked, slot).model_dump() for slot in slots(asked)]
    said = {"not now": [{"label": "stop"}], "cost": [{"label": "question"}], "": [{"label": "interested"}]}
    steps: dict[str, Any] = {
        "Campaign strategist": [{"where": "email is known", "reason": "they can be written to"}],
        "Copywriter": [{"templates": drafts, "reason": "short"}],
        "Compliance reviewer": [{"reject": False, "reason": "all there"}],
        "Reply reader": said,
        "Reply writer": [{"body": FACT, "reason": "the brief says so"}],
    }
    (folder / "script.json").write_text(json.dumps(steps))


class Desk:
    """A person with a crew before running servers."""

    def __init__(self, system: Any, endpoint: str, folder: Path) -> None:
        self._system = system
        self._folder = folder
        names = ("leads", "messaging", "stripe")
        servers = {name: HttpServer(f"{system.http}/{name}/mcp") for name in names}
        self._setup = CrewSetup(servers=servers, data_dir=folder / "crew", brain=choose(endpoint))

    @property
    def settings(self) -> Settings:
        found: Settings = self._system.settings
        return found

    def run(self, crew: str, asked: Brief) -> CrewReport:
        script(self._folder, asked)
        return run_crew(self._setup, crew, asked, on_event=lambda _event: None, waiting=Waiting(quiet_s=2))

    def approve(self) -> int:
        """Approve all that waits, by the command line; returns how much that was."""
        waiting = [each["id"] for each in self._system.overture("approvals", "list")]
        for approval_id in waiting:
            self._system.overture("approvals", "approve", approval_id)
        return len(waiting)

    def got(self) -> Counter[str]:
        """Count what each address got."""
        return Counter(each["recipient"] for each in taken(self.settings))

    def answer_to(self, address: str) -> str:
        """Return the text of the only answer that an address got, after its campaign's message."""
        (_, answer) = (each["body"] for each in taken(self.settings) if each["recipient"] == address)
        return str(answer)


@pytest.mark.timeout(300)
def test_each_answer_waits_for_a_person_and_leaves_once(start: Any, tmp_path: Path, wait_for: Any) -> None:
    with start() as system, running_endpoint(tmp_path) as endpoint:
        desk = Desk(system, endpoint, tmp_path)
        store = Store(desk.settings)
        add_leads(store, "booking", [*INTERESTED, ASKS, REFUSES])
        add_leads(store, "paying", [BUYER])
        price = Shop(Runtime(desk.settings, store)).price()
        booking, paying = brief("Booking", booking_link=LINK), brief("Paying", price=price)

        for asked in (booking, paying):
            assert desk.run("reactivation", asked).ending == "waiting for approval"
        assert desk.got() == {}
        assert approve_everything(store) == 2
        reports = [desk.run("reactivation", asked) for asked in (booking, paying)]

        # Each campaign's messages are out, the replies are in, and no answer has left.
        everybody = {*INTERESTED, ASKS, REFUSES, BUYER}
        assert desk.got() == dict.fromkeys(everybody, 1)
        handled = [each for report in reports for each in report.handled.values()]
        assert Counter((each.label, each.action, each.waits) for each in handled) == {
            ("interested", "booking link", True): 2,
            ("question", "answer", True): 1,
            ("stop", "refusal", False): 1,
            ("interested", "payment link", True): 1,
        }
        assert [report.ending for report in reports] == ["waiting for approval"] * 2
        # To run again changes nothing before a person has decided.
        assert desk.run("replies", booking).ending == "waiting for approval"
        assert desk.got() == dict.fromkeys(everybody, 1)

        assert desk.approve() == 4
        answered = [desk.run("reactivation", asked) for asked in (booking, paying)]
        assert [any(each.waits for each in report.handled.values()) for report in answered] == [False, False]
        twice = dict.fromkeys(everybody - {REFUSES}, 2) | {REFUSES: 1}
        wait_for(lambda: desk.got() == twice, deadline=30)
        assert all(LINK in desk.answer_to(each) for each in INTERESTED)
        assert FACT in desk.answer_to(ASKS)
        links = Shop(Runtime(desk.settings, store)).objects("payment_link")
        assert [each["url"] in desk.answer_to(BUYER) for each in links] == [True]

        # Neither the same crew nor the one for replies answers anybody again.
        asked_again = [("reactivation", booking), ("replies", booking), ("replies", paying)]
        again = [desk.run(crew, asked) for crew, asked in asked_again]
        assert {report.ending for report in again} <= {"finished", "not launched"}  # the plan reached nobody new
        assert {each.outcome for report in again for each in report.handled.values() if each.waits} == set()
        assert approve_everything(store) == 0
        assert desk.got() == twice
        with store.read(WORKSPACE) as work:
            refusing = select(Lead.email).join(Consent, Consent.lead_id == Lead.id).where(Consent.granted.is_(False))
            assert work.session.scalars(refusing).all() == [REFUSES]
        store.close()
