"""What a draft must be before anybody is asked to approve it. Plain rules, applied whatever the brain says.

The opt-out wording follows what carriers ask of marketing SMS (CTIA Messaging Principles: sender named,
"Reply STOP"); the unsubscribe link and the postal address follow CAN-SPAM (15 U.S.C. 7704(a)(3) and (5)).
"""

from __future__ import annotations

import re
import unicodedata

from overture_crew.brief import Brief, Channel
from overture_crew.report import Template
from overture_crew.slots import slots

FIELDS = (
    "first_name",
    "last_name",
    "company",
    "title",
    "country",
    "sender_name",
    "unsubscribe_url",
    "postal_address",
)
"""The fields a draft may use. Addresses are left out: a message need not repeat them."""

OPT_OUT = "Reply STOP"
MAX_SUBJECT = 100
MAX_EMAIL = 4_000
MAX_SMS = 300  # two segments of plain text, with the fields filled in
_FILLED = 15  # characters that a filled field takes, for the length of an SMS

_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_.]+)([^{}]*)\}\}")
_DEFAULT = re.compile(r"""\s*(?:\|\s*default\(\s*(?:"([^"{}]*)"|'([^'{}]*)')\s*\)\s*)?""")
_LEFT_OPEN = re.compile(r"\[[A-Za-z ]+\]|<[A-Za-z ]+>|\bTODO\b|\bXXX\b|\blorem ipsum\b", re.IGNORECASE)
# What a model is most likely to make up, and a reader most likely to hold the sender to.
_FACT = re.compile(
    r"""
    (?:https?://|www\.)\S+
    | (?<![\w.+@-])[\w.+@-]*[\w-][.\u3002\uff0e\uff61][^\W\d_]{2,}(?:/\S*)?  # mail programs make links of these too
    | [€$£]\s?\d[\d.,]* | \d[\d.,]*\s?% | \d[\d.,]*
    """,
    re.IGNORECASE | re.VERBOSE,
)


def problems(templates: list[Template], brief: Brief) -> list[str]:
    """Return what is wrong with the drafts, one sentence each; empty if nothing is."""
    found = [f"{template.name}: {problem}" for template in templates for problem in _problems(template, brief)]
    asked = [(slot.step, slot.channel, slot.variant) for slot in slots(brief)]
    drafted = [(each.step, each.channel, each.variant) for each in templates]
    if sorted(drafted) != sorted(asked):
        found.append(f"there must be one draft for each of {'; '.join(map(str, slots(brief)))}")
    return found


def problems_of_answer(body: str, channel: Channel, brief: Brief) -> list[str]:
    """Return what is wrong with an answer to a reply: the rules of a draft, and the brief's booking link is a fact."""
    subject = None if channel == "sms" else brief.campaign
    return _problems(Template(channel=channel, subject=subject, body=body), brief)


def _problems(template: Template, brief: Brief) -> list[str]:
    whole = f"{template.subject or ''}\n{template.body}"
    plain = _PLACEHOLDER.sub("", whole)
    said = _PLACEHOLDER.sub(_default, whole)
    checks = [
        *_fields(whole),
        ("it holds template code other than fields", bool(re.search(r"\{[{%#]|[%#}]\}", plain))),
        ("it holds a gap that nobody would fill", bool(_LEFT_OPEN.search(said))),
        ("it holds characters that nobody sees", any(map(_is_unseen, whole))),
        ("it does not name the sender", "{{ sender_name }}" not in whole and brief.sender_name not in plain),
        *((f"it states {fact!r}, which the brief does not", True) for fact in _invented(said, brief)),
        *(_of_email(template) if template.channel == "email" else _of_sms(template)),
    ]
    return [problem for problem, present in checks if present]


def _fields(whole: str) -> list[tuple[str, bool]]:
    return [
        *((f"it uses the field {name!r}, which is not allowed", name not in FIELDS) for name, _ in _uses(whole)),
        *((f"the field {name!r} has an unknown filter", not _DEFAULT.fullmatch(rest)) for name, rest in _uses(whole)),
    ]


def _uses(whole: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in _PLACEHOLDER.finditer(whole)]


def _default(use: re.Match[str]) -> str:
    """Return what a field reads where a lead lacks it."""
    found = _DEFAULT.fullmatch(use[2])
    return (found[1] or found[2] or "") if found else ""


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf") and character not in "\n\t"


def _invented(said: str, brief: Brief) -> list[str]:
    given = " ".join((brief.campaign, brief.goal, brief.offer, brief.sender_name, *brief.facts))
    given += f" {brief.replies.booking_link or ''}"
    known = set(_facts(given))
    return sorted(set(_facts(said)) - known)


def _facts(text: str) -> list[str]:
    return [fact.rstrip(".,") for fact in _FACT.findall(text)]


def _of_email(template: Template) -> list[tuple[str, bool]]:
    subject = template.subject or ""
    return [
        ("it has no subject", not subject.strip()),
        (f"its subject is longer than {MAX_SUBJECT} characters", len(subject) > MAX_SUBJECT),
        (f"it is longer than {MAX_EMAIL} characters", len(template.body) > MAX_EMAIL),
        ("it has no {{ unsubscribe_url }}", "{{ unsubscribe_url }}" not in template.body),
        ("it has no {{ postal_address }}", "{{ postal_address }}" not in template.body),
    ]


def _of_sms(template: Template) -> list[tuple[str, bool]]:
    filled = _PLACEHOLDER.sub(lambda use: _default(use).ljust(_FILLED), template.body)
    return [
        ("an SMS has no subject", template.subject is not None),
        (f"it is longer than {MAX_SMS} characters", len(filled) > MAX_SMS),
        (f"it does not say {OPT_OUT!r}", OPT_OUT not in _PLACEHOLDER.sub("", template.body)),
    ]
