"""From a stored message to what its recipient gets. Preview, plan and worker render here alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from overture_core import secrets
from overture_core.messages.channels import Channel
from overture_core.messages.opt_out import tells_key, tells_opt_out
from overture_core.settings import Settings
from overture_core.storage.schema import Template
from overture_core.templates.render import Rendered, render
from overture_core.templates.visible import Seen

UNSUBSCRIBE = "unsubscribe"
UNSUBSCRIBE_PATH = "/messaging/unsubscribe/"
SMS_OPT_OUT = "Reply STOP to opt out."
# Heard by who answers and by their voicemail alike (47 CFR 64.1200(b)(3)): the key works during the call, STOP later.
OPT_OUT_KEY = "9"
VOICE_OPT_OUT = f"To get no more calls, press {OPT_OUT_KEY}, or text STOP to this number."


@dataclass(frozen=True, slots=True)
class Content:
    """A rendered message with what the law wants beside it. `unsubscribe_url` is None for all but e-mail."""

    subject: str | None
    body: str
    unsubscribe_url: str | None
    html: str | None = None
    content_sid: str | None = None
    variables: dict[str, str] | None = None


def compose(settings: Settings, template: Template, message_id: str, merge: dict[str, Any]) -> Content:
    """Render a message and see to its opt-out: an unsubscribe link and postal address under both parts of an
    e-mail (CAN-SPAM, 15 U.S.C. 7704(a)(5)), the STOP line under an SMS or a WhatsApp message in free text, the
    key to press at the end of a call, where the template lacks them.

    Raises:
        TemplateError: the template cannot be rendered for these values.
    """
    own = own_fields(settings, template, message_id)
    made: Rendered = render(template, merge, own)
    if template.content_sid:
        return Content(None, made.body, None, None, template.content_sid, made.variables)
    if template.channel == Channel.LINKEDIN:
        return Content(None, made.body, None)  # one person's message to another, who may simply answer
    if template.channel != Channel.EMAIL:
        told = tells_opt_out(made.body) or (template.channel == Channel.VOICE and tells_key(made.body))
        opt_out = VOICE_OPT_OUT if template.channel == Channel.VOICE else SMS_OPT_OUT
        return Content(None, made.body if told else f"{made.body}\n{opt_out}", None)
    url = own["unsubscribe_url"]
    footer = [settings.postal_address] if settings.postal_address not in made.body else []
    footer += [f"Unsubscribe: {url}"] if url not in made.body else []
    body = "\n".join((made.body, "", "-- ", *footer)) if footer else made.body
    return Content(made.subject, body, url, _with_footer(settings, made.html, url) if made.html else None)


def approved_template(content_sid: str) -> str:
    """Say that a WhatsApp message is one of Meta's approved templates, whatever its body says; `filled` follows."""
    return f"WhatsApp sends its approved template {content_sid} in place of this text, with these variables:"


def filled(variables: Mapping[str, str] | None) -> str:
    """Return an approved template's variables with their values, one a line."""
    in_order = sorted((variables or {}).items(), key=lambda each: (len(each[0]), each[0]))  # 2 before 10
    return "\n".join(f"{name}: {value}" for name, value in in_order) or "none"


# Said of our own lines, so that no style of the template can take them away.
_FOOTER_STYLE = "color:#333333;background-color:#ffffff;font-size:12px"


def _with_footer(settings: Settings, html: str, url: str) -> str:
    """Write under a part what cannot be read in it, outside of every element that is open there."""
    seen = Seen(html)
    footer = [escape(settings.postal_address)] if " ".join(settings.postal_address.split()) not in seen.text else []
    footer += [f'<a style="{_FOOTER_STYLE}" href="{escape(url)}">Unsubscribe</a>'] if url not in seen.links else []
    if not footer:
        return html
    block = f'{seen.left_open}<hr><p style="{_FOOTER_STYLE}">{"<br>".join(footer)}</p>'
    return f"{html[: seen.end]}{block}{html[seen.end :]}"


def own_fields(settings: Settings, template: Template, message_id: str) -> dict[str, str]:
    """Return Overture's own fields for a message."""
    # Signing costs as much as rendering: an SMS has a link only where its text asks for one.
    linked = template.channel == Channel.EMAIL or "unsubscribe_url" in template.body
    return {
        "sender_name": settings.email_from_name,
        "postal_address": settings.postal_address,
        "unsubscribe_url": unsubscribe_url(settings, message_id) if linked else "",
    }


def unsubscribe_url(settings: Settings, message_id: str) -> str:
    """Return the signed link by which the recipient of a message opts out."""
    return f"{settings.webhook_base_url}{UNSUBSCRIBE_PATH}{message_id}/{signature(settings, message_id)}"


def signature(settings: Settings, message_id: str) -> str:
    """Return the signature that an unsubscribe link carries."""
    return secrets.sign(settings, UNSUBSCRIBE, message_id)


_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("^{}\\[~]|€\f")
_IS_GSM = re.compile(f"[{re.escape(''.join(sorted(_GSM_BASIC | _GSM_EXTENDED)))}]*")
_EXTENDED = re.compile(f"[{re.escape(''.join(sorted(_GSM_EXTENDED)))}]")


def foreign_to_gsm(body: str, limit: int = 5) -> str:
    """Return the first characters of a text that GSM 03.38 lacks, each once: they make it UCS-2."""
    if _IS_GSM.fullmatch(body):
        return ""
    return "".join(list(dict.fromkeys(c for c in body if c not in _GSM_BASIC and c not in _GSM_EXTENDED))[:limit])


def sms_segments(body: str) -> int:
    """Count the segments an SMS is billed as (GSM 03.38: 160, or 153 each; UCS-2: 70, or 67 each)."""
    if _IS_GSM.fullmatch(body):
        units, single, joined = len(body) + len(_EXTENDED.findall(body)), 160, 153
    else:
        units, single, joined = len(body.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= single else -(-units // joined)
