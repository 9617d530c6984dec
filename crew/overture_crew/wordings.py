"""The fixed texts of messages: nothing in them but the brief's own words, and what the law asks of such messages."""

from __future__ import annotations

from overture_crew import compliance
from overture_crew.brief import Brief, Channel
from overture_crew.report import Template
from overture_crew.slots import Slot

_FOOTER = """

--
{{ sender_name }}, {{ postal_address }}
No more e-mails from us: {{ unsubscribe_url }}
"""
_GREETINGS = {
    "friendly": "Hello {{ first_name | default('there') }},",
    "formal": "Dear {{ first_name | default('customer') }},",
}
_CLOSINGS = {"friendly": "Best wishes", "formal": "Kind regards"}
_OPENINGS = {
    ("friendly", 1): "it has been a while since we were last in touch, so here is a short note: {offer}.",
    ("friendly", 2): "we thought of you again: {offer}.",
    ("formal", 1): "we have not been in contact for some time. We are writing to you because {offer}.",
    ("formal", 2): "we would like to let you know that {offer}.",
}
_REMINDERS = {
    "friendly": "just a short reminder of our last note: {offer}.",
    "formal": "we would like to come back to our last message: {offer}.",
}
_ASKS = {
    "friendly": "We would like to {goal}. If this is of interest, simply reply to this e-mail.",
    "formal": "We would like to {goal}. A reply to this e-mail is enough.",
}
_SUBJECTS = {
    ("friendly", 1): "Still of interest? {sender} has news",
    ("friendly", 2): "A short note from {sender}",
    ("formal", 1): "News from {sender}",
    ("formal", 2): "{sender}: a short enquiry",
}
_SMS = {
    (
        "friendly",
        1,
    ): "Hi {{{{ first_name | default('there') }}}}, {sender} here: {offer}. Interested? Just answer. {out}",
    ("friendly", 2): "{sender} here: {offer}. Shall we talk? Just answer. {out}",
    ("formal", 1): "{sender}: {offer}. Please answer if this is of interest to you. {out}",
    ("formal", 2): "{sender}: {offer}. We look forward to your answer. {out}",
}
_OUT = f"{compliance.OPT_OUT} to opt out."


def draft(brief: Brief, slot: Slot) -> Template:
    """Return the plain draft of a slot."""
    words = {"offer": _bare(brief.offer), "goal": _bare(brief.goal), "sender": brief.sender_name, "out": _OUT}
    key = (brief.tone, slot.variant)
    if slot.channel == "sms":
        body = _SMS[key].format(**words)
        return Template(channel="sms", step=slot.step, variant=slot.variant, name=slot.name(brief), body=body)
    opening = _OPENINGS[key] if slot.step == 1 else _REMINDERS[brief.tone]
    paragraphs = [opening.format(**words), *_facts(brief), _ASKS[brief.tone].format(**words)]
    return Template(
        channel="email",
        step=slot.step,
        variant=slot.variant,
        name=slot.name(brief),
        subject=_SUBJECTS[key].format(**words),
        body=_email(brief, "\n\n".join(paragraphs)),
    )


def booking(brief: Brief, channel: Channel, link: str) -> str:
    """Return the answer to who is interested, with the brief's booking link."""
    return _answer(brief, channel, f"thank you for your answer. Please pick a time that suits you: {link}")


def payment(brief: Brief, channel: Channel, link: str) -> str:
    """Return the answer to who is interested, with a payment link that our own account made."""
    return _answer(brief, channel, f"thank you for your answer. You can pay here: {link}")


def answer(brief: Brief, channel: Channel, text: str) -> str:
    """Return a drafted answer in the form that its channel asks for."""
    return _answer(brief, channel, text.strip())


def answer_subject(brief: Brief) -> str:
    """Return the subject of an answer by e-mail."""
    return f"Re: {brief.campaign}"


def _answer(brief: Brief, channel: Channel, text: str) -> str:
    return f"{brief.sender_name}: {text} {_OUT}" if channel == "sms" else _email(brief, text)


def _email(brief: Brief, text: str) -> str:
    return f"{_GREETINGS[brief.tone]}\n\n{text}\n\n{_CLOSINGS[brief.tone]}\n{brief.sender_name}{_FOOTER}"


def _facts(brief: Brief) -> list[str]:
    return ["\n".join(f"- {fact}" for fact in brief.facts)] if brief.facts else []


def _bare(words: str) -> str:
    return words.rstrip(".!")
