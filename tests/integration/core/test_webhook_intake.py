"""Evidence: stored once, applied in any order, and what it stops."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from overture_core.campaigns.status import CampaignStatus, status
from overture_core.clock import ManualClock
from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import Reason
from overture_core.errors import NotFound
from overture_core.messages import intake, ledger, settling
from overture_core.messages.channels import Channel
from overture_core.messages.content import signature
from overture_core.messages.evidence import DeliveryEvent, InboundMessage, Kind
from overture_core.messages.outcomes import Accepted
from overture_core.messages.unsubscribing import unsubscribe
from overture_core.replies import service as replies
from overture_core.storage.schema import Lead, Message, WebhookEvent
from overture_core.storage.store import Store
from overture_core.suppressions.service import suppressed

WORKSPACE = "default"


class Sent:
    """One e-mail that is being sent to ada@example.com, and a second campaign that is pending."""

    def __init__(self, scene: Any, store: Store) -> None:
        self.store = store
        self.lead = scene.add_lead(email="ada@example.com", phone="+12125550101")
        scene.consent(self.lead, Channel.SMS)
        scene.launched("Spring")
        scene.launched("Summer")
        campaign_id = ledger.backlog(store)[0].campaign_id
        with store.begin(WORKSPACE, actor="worker") as work:
            token = ledger.claim(work, Channel.EMAIL, campaign_id=campaign_id, owner="worker", limit=1)
            assert token is not None
            row = ledger.claimed(work, token)[0]
            self.id, self.token = row.id, token
            ledger.start_sending(work, token, [row.id], owner="worker")

    def written_down(self) -> None:
        with self.store.begin(WORKSPACE, actor="worker") as work:
            settling.settle(work, self.token, "sendgrid", [(self.id, Accepted("req-1"))])

    def event(self, kind: Kind, key: str = "", **changes: Any) -> DeliveryEvent:
        values = {
            "provider": "sendgrid",
            "dedupe_key": key or kind.value,
            "kind": kind,
            "at": self.store.clock.now(),
            "channel": Channel.EMAIL,
            "message_id": self.id,
            **changes,
        }
        return DeliveryEvent(**values)

    def reply(self, body: str, **changes: Any) -> InboundMessage:
        values = {
            "provider": "sendgrid",
            "dedupe_key": body,
            "channel": Channel.EMAIL,
            "at": self.store.clock.now(),
            "sender": "ada@example.com",
            "recipient": "hello@overture.example",
            "body": body,
            "in_reply_to": self.id,
            **changes,
        }
        return InboundMessage(**values)

    def happens(self, *events: DeliveryEvent | InboundMessage) -> None:
        intake.store_events(self.store, events)
        while intake.process(self.store):
            pass

    def states(self) -> list[str]:
        with self.store.read(WORKSPACE) as work:
            return list(work.session.scalars(select(Message.state).order_by(Message.id)))

    def status(self) -> CampaignStatus:
        with self.store.read(WORKSPACE) as work:
            return status(work, "Spring")


@pytest.fixture
def sent(scene: Any, store: Store) -> Sent:
    return Sent(scene, store)


def test_a_repeated_event_is_stored_and_applied_once(sent: Sent) -> None:
    event = sent.event(Kind.DELIVERED)
    assert intake.store_events(sent.store, [event, event]) == 1
    assert intake.store_events(sent.store, [event]) == 0
    assert intake.waiting(sent.store) == 1
    assert intake.process(sent.store) == 1
    assert intake.waiting(sent.store) == 0


@pytest.mark.parametrize("order", list(permutations([Kind.ACCEPTED, Kind.DELIVERED, Kind.OPENED])))
def test_events_in_any_order_end_in_the_same_state(sent: Sent, order: tuple[Kind, ...]) -> None:
    for kind in order:
        sent.happens(sent.event(kind))
    sent.written_down()
    found = sent.status()
    assert (found.counts, found.accepted, found.delivered, found.opened) == ({"delivered": 1}, 1, 1, 1)


def test_a_webhook_settles_what_a_crash_left_unknown(sent: Sent, clock: ManualClock) -> None:
    clock.advance(timedelta(minutes=5))
    with sent.store.begin(WORKSPACE, actor="pump") as work:
        ledger.sweep(work)
    assert sent.status().counts == {"unknown": 1}
    sent.happens(sent.event(Kind.DELIVERED))
    assert sent.status().counts == {"delivered": 1}


def test_an_event_for_nobody_is_kept_as_unmatched_after_the_last_look(sent: Sent, clock: ManualClock) -> None:
    sent.happens(sent.event(Kind.DELIVERED, message_id="msg_unknown"))
    for wait in intake.LOOKS_AGAIN:
        assert intake.waiting(sent.store) == 0
        clock.advance(wait)
        assert intake.waiting(sent.store) == 1
        assert intake.process(sent.store) == 1
    clock.advance(timedelta(days=30))
    assert intake.waiting(sent.store) == 0
    with sent.store.read(WORKSPACE) as work:
        assert list(work.session.scalars(select(WebhookEvent.outcome))) == ["unmatched"]


def test_a_hard_bounce_suppresses_the_address(sent: Sent) -> None:
    sent.written_down()
    sent.happens(sent.event(Kind.BOUNCED, code="550"))
    assert sent.states() == ["bounced", "cancelled"]
    with sent.store.read(WORKSPACE) as work:
        assert suppressed(work, "email", ["ada@example.com"]) == {"ada@example.com"}


def test_a_soft_bounce_suppresses_nothing(sent: Sent) -> None:
    sent.written_down()
    sent.happens(sent.event(Kind.BOUNCED, permanent=False))
    assert sent.states() == ["bounced", "due"]


@pytest.mark.parametrize("kind", [Kind.COMPLAINED, Kind.UNSUBSCRIBED])
def test_a_person_who_says_no_is_left_alone_on_every_channel(sent: Sent, kind: Kind) -> None:
    sent.written_down()
    sent.happens(sent.event(kind))
    assert sent.states()[1] == "cancelled"
    with sent.store.read(WORKSPACE) as work:
        assert suppressed(work, "email", ["ada@example.com"]) == {"ada@example.com"}


def test_a_reply_stops_what_is_pending_and_is_shown_with_its_intent(sent: Sent) -> None:
    sent.written_down()
    sent.happens(sent.reply("Yes, tell me more\x00!"))
    assert sent.states() == ["accepted", "cancelled"]
    assert sent.status().replied == 1
    with sent.store.read(WORKSPACE) as work:
        page = replies.list_(work, campaign="Spring")
        assert [(each.lead_name, each.intent, each.body) for each in page.replies] == [
            ("Ada", "interested", "Yes, tell me more!")
        ]
        assert replies.list_(work, campaign="Summer").replies == []


def test_an_out_of_office_note_stops_nothing(sent: Sent) -> None:
    sent.written_down()
    sent.happens(sent.reply("I am out of the office until Monday."))
    assert sent.states() == ["accepted", "due"]
    assert sent.status().replied == 0


def test_stop_by_sms_suppresses_the_number_and_ends_everything(sent: Sent) -> None:
    sent.written_down()
    message = sent.reply(
        "STOP",
        channel=Channel.SMS,
        sender="+12125550101",
        recipient="+15005550006",
        provider="twilio",
        in_reply_to=None,
        opt_out=True,
    )
    sent.happens(message)
    assert sent.states() == ["accepted", "cancelled"]
    with sent.store.read(WORKSPACE) as work:
        assert suppressed(work, "phone", ["+12125550101"]) == {"+12125550101"}


def test_stop_from_an_unknown_number_still_counts(sent: Sent) -> None:
    message = sent.reply(
        "STOP",
        channel=Channel.SMS,
        sender="+12125550199",
        recipient="+15005550006",
        in_reply_to=None,
        opt_out=True,
    )
    sent.happens(message)
    with sent.store.read(WORKSPACE) as work:
        assert suppressed(work, "phone", ["+12125550199"]) == {"+12125550199"}


def test_the_unsubscribe_link_works_and_a_forged_one_does_not(sent: Sent) -> None:
    sent.written_down()
    with pytest.raises(NotFound, match="not valid"):
        unsubscribe(sent.store, sent.id, "0" * 32)
    assert sent.states() == ["accepted", "due"]
    for _ in range(2):
        unsubscribe(sent.store, sent.id, signature(sent.store.settings, sent.id))
    assert sent.states() == ["accepted", "cancelled"]


@pytest.mark.parametrize("by", ["link", "provider"])
def test_who_unsubscribes_gets_nothing_more_on_any_channel(sent: Sent, by: str) -> None:
    sent.written_down()
    if by == "link":
        unsubscribe(sent.store, sent.id, signature(sent.store.settings, sent.id))
    else:
        sent.happens(sent.event(Kind.UNSUBSCRIBED))
    with sent.store.begin(WORKSPACE, actor="test") as work:
        ada = work.session.get_one(Lead, work.session.get_one(Message, sent.id).lead_id)
        ada.linkedin_url = "https://www.linkedin.com/in/ada"  # so that they have an address on every channel
        assert {contactability(work, ada, channel).reason for channel in Channel} == {Reason.SUPPRESSED}


def test_an_event_that_cannot_be_applied_holds_up_no_other(sent: Sent) -> None:
    sent.written_down()
    short_code = sent.reply("STOP", channel=Channel.SMS, sender="BANK", in_reply_to=None, opt_out=True)
    sent.happens(short_code.model_copy(update={"recipient": "+15005550006"}), sent.event(Kind.DELIVERED))
    assert sent.states()[0] == "delivered"
    with sent.store.read(WORKSPACE) as work:
        outcomes = work.session.scalars(select(WebhookEvent.outcome).order_by(WebhookEvent.outcome))
        assert list(outcomes) == ["applied", "failed:invalid_input"]


def test_a_stop_from_another_address_counts_for_the_one_that_was_written_to(sent: Sent) -> None:
    sent.written_down()
    sent.happens(sent.reply("unsubscribe", sender="ada@private.example", opt_out=True))
    with sent.store.read(WORKSPACE) as work:
        wanted = ["ada@example.com", "ada@private.example"]
        assert suppressed(work, "email", wanted) == set(wanted)
