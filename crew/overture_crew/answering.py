"""What is done about replies: an agent gives each a label, and the label stands for one fixed action.

The text of a reply chooses nothing else: not whom to write to, not what is paid, not which link. Every answer that
would leave is asked of a person first, by the messaging server; only a refusal takes effect at once, and it can only
stop messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from overture_crew import compliance, wordings
from overture_crew.answers import AnswerDraft
from overture_crew.client import McpSessions
from overture_crew.crews import REPLIES
from overture_crew.errors import ToolFailed
from overture_crew.report import Action, Handled, Label
from overture_crew.runs import Run, RunStore
from overture_crew.steps import LEADS, MESSAGING, PAGE, STRIPE, Steps, Teller, counted

SETTLED: frozenset[str] = frozenset({"stop", "bounce", "out_of_office"})
"""Intents that the server's own rules are sure of, and that it has acted on: no agent is asked."""
MOST_A_RUN = 200
_TEXT = 4_000  # characters of a reply that an agent reads
_SENDABLE = ("email", "sms")
_ANSWERS: tuple[Action, ...] = ("payment link", "booking link", "answer")


class Readers(Protocol):
    """The agents that read what strangers wrote; neither holds a tool."""

    def label(self, text: str, by_rules: Label) -> Label:
        """Choose a label for a reply; `by_rules` is the server's."""
        ...

    def answer(self, question: str, channel: str) -> AnswerDraft:
        """Draft an answer to a question from the brief's facts, or leave it to a person."""
        ...


class Answering(Steps):
    """Handles the replies to a campaign, or to all of them."""

    def __init__(
        self,
        sessions: McpSessions,
        run: Run,
        store: RunStore,
        teller: Teller,
        readers: Readers,
        *,
        campaign: str | None,
    ) -> None:
        super().__init__(sessions, run, store, teller)
        self._readers = readers
        self._campaign = campaign

    def handle(self) -> None:
        """Handle each reply once; what waits for a person's approval is asked for again."""
        with self.step("answer", "Labelling what came back", agent="Reply reader", again=True) as closing:
            self.report.handled |= self._store.handled(self.brief.campaign)
            before = {reply_id for reply_id, each in self.report.handled.items() if not each.waits}
            for reply in self._open(before):
                self._teller.tell("progress", f"reply {reply['id']}")
                self.report.handled[reply["id"]] = self._handle(reply)
                self.save()
            fresh = [each for reply_id, each in self.report.handled.items() if reply_id not in before]
            waiting = sum(each.waits for each in self.report.handled.values())
            waits = f", {waiting} waiting for a person's approval" if waiting else ""
            closing.append(f"{counted(len(fresh), 'new reply', 'new replies')} handled{waits}")
        if waiting:
            self.end("waiting for approval", "Look at `overture approvals list`, decide, then run the crew again.")
        elif self._run.crew == REPLIES.name:
            self.end("finished", "Look at `overture crew show` for the replies that were left to a person.")

    def _open(self, settled: set[str]) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        while len(found) < MOST_A_RUN:
            args = {"campaign": self._campaign, "limit": PAGE, "cursor": cursor, "detail": True}
            page = self.call(MESSAGING, "messaging_list_replies", args)
            found += [reply for reply in page["replies"] if reply["id"] not in settled]
            cursor = page.get("next_cursor")
            if cursor is None:
                break
        return found[:MOST_A_RUN]

    def _handle(self, reply: Mapping[str, Any]) -> Handled:
        known = self.report.handled.get(reply["id"])
        by_rules: Label = reply["intent"]
        # A label is chosen once: asked again, a model might choose another, and the first action is under way.
        label = known.label if known else by_rules
        if known is None and by_rules not in SETTLED:
            label = self._readers.label(reply["body"][:_TEXT], by_rules)
            # Noted before anything is done: a run that is cut off here finds it again.
            self.report.handled[reply["id"]] = _handled(reply, label, "left to a person", "cut off", waits=True)
            self.save()
        if label in ("interested", "question") and self._answered(reply):
            return _left(reply, label, "another reply of theirs was answered, or waits to be")
        try:
            if label == "interested":
                return self._invite(reply, label)
            if label == "question":
                return self._answer(reply, label)
            if label == "stop":
                return self._refuse(reply, label, by_rules)
        except ToolFailed as error:
            return _left(reply, label, error.message)
        return _left(reply, label, "nothing to send")

    def _answered(self, reply: Mapping[str, Any]) -> bool:
        """Say whether the crew has an answer to this lead out already: what comes after one is a conversation, which is
        a person's, and two machines that thank each other would never end."""
        others = (each for reply_id, each in self.report.handled.items() if reply_id != reply["id"])
        return any(each.lead_id == reply["lead_id"] and each.action in _ANSWERS for each in others)

    def _invite(self, reply: Mapping[str, Any], label: Label) -> Handled:
        offer = self.brief.replies
        if offer.price is not None:
            args = {
                "by": "payment_link",
                "lead_id": reply["lead_id"],
                "price": offer.price,
                "reference": reply["id"],
            }
            asked = self.call(STRIPE, "stripe_request_payment", args)
            link = (asked.get("result") or {}).get("link")
            if link is None:
                waits = asked["state"] == "waiting"
                return _handled(reply, label, "payment link", f"the payment link is {asked['state']}", waits=waits)
            body = wordings.payment(self.brief, reply["channel"], link)
            return self._send(reply, label, "payment link", body)
        if offer.booking_link is not None:
            body = wordings.booking(self.brief, reply["channel"], offer.booking_link)
            return self._send(reply, label, "booking link", body)
        return _left(reply, label, "the brief offers neither a booking_link nor a price")

    def _answer(self, reply: Mapping[str, Any], label: Label) -> Handled:
        if not self.brief.replies.answer_questions:
            return _left(reply, label, "the brief leaves questions to a person")
        name = self._template(reply)
        if not self._sessions.call(MESSAGING, "messaging_list_templates", {"name": name}).is_error:
            # Drafted before: the text that a person is asked about stays as it is.
            return self._deliver(reply, label, "answer", name)
        drafted = self._readers.answer(reply["body"][:_TEXT], reply["channel"])
        if drafted.body is None:
            return _left(reply, label, drafted.reason)
        body = wordings.answer(self.brief, reply["channel"], drafted.body)
        found = compliance.problems_of_answer(body, reply["channel"], self.brief)
        if found:
            return _left(reply, label, f"the draft breaks a rule: {found[0]}")
        return self._send(reply, label, "answer", body)

    def _refuse(self, reply: Mapping[str, Any], label: Label, by_rules: Label) -> Handled:
        if by_rules == "stop":
            return _handled(reply, label, "refusal", "the server stopped all messages when the reply came in")
        args = {
            "lead_id": reply["lead_id"],
            "channel": reply["channel"],
            "granted": False,
            "source": f"reply {reply['id']}, as the reply reader understood it",
        }
        self.call(LEADS, "leads_record_consent", args)
        return _handled(reply, label, "refusal", f"recorded that they refuse {reply['channel']}")

    def _send(self, reply: Mapping[str, Any], label: Label, action: Action, body: str) -> Handled:
        if reply["channel"] not in _SENDABLE:
            return _left(reply, label, f"answers by {reply['channel']} are a person's to send")
        fields = {"name": self._template(reply), "channel": reply["channel"], "body": body}
        if reply["channel"] == "email":
            fields["subject"] = wordings.answer_subject(self.brief)
        self.call(MESSAGING, "messaging_save_template", fields)
        return self._deliver(reply, label, action, fields["name"])

    def _deliver(self, reply: Mapping[str, Any], label: Label, action: Action, template: str) -> Handled:
        args = {"lead_id": reply["lead_id"], "template": template, "reference": reply["id"]}
        sent = self.call(MESSAGING, "messaging_send_message", args)
        if sent["state"] == "waiting":
            return _handled(reply, label, action, f"waits for approval {sent['approval_id']}", waits=True)
        where = (sent.get("result") or {}).get("state")
        return _handled(reply, label, action, f"{sent['state']}{f': the message is {where}' if where else ''}")

    def _template(self, reply: Mapping[str, Any]) -> str:
        return f"answer-{reply['id']}"


def _handled(reply: Mapping[str, Any], label: Label, action: Action, outcome: str, *, waits: bool = False) -> Handled:
    return Handled(lead_id=reply["lead_id"], label=label, action=action, outcome=outcome, waits=waits)


def _left(reply: Mapping[str, Any], label: Label, why: str) -> Handled:
    return _handled(reply, label, "left to a person", why)
