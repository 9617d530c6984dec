"""Pages from templates: escaped, with nothing inline and nothing from elsewhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from overture_core.campaigns.showing import explained
from overture_core.payments.money import shown

# A form that is posted names its page (Origin) only where a referrer may be told.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
# An HTML mail is shown as a document of an origin of its own that can run, send, open and fetch nothing. A document in
# `srcdoc` would inherit the policy of the page around it, and with it lose its styles.
MAIL_HEADERS = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    ),
}

# Marks, embeddings, overrides and isolates of UAX 9, and control characters other than tab and line feed. Joiners stay:
# names and emoji are written with them.
_TURNING = dict.fromkeys(
    [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    + [each for each in [*range(0x20), *range(0x7F, 0xA0)] if each not in (0x09, 0x0A)]
)


def page(template: str, values: dict[str, Any], status: int = 200) -> Response:
    """Return a page made from a template."""
    return HTMLResponse(text(template, values), status, HEADERS)


def text(template: str, values: dict[str, Any]) -> str:
    """Return what a template makes of values."""
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("overture_servers.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_unturned,
    )
    made.filters |= {
        "when": when,
        "exactly": exactly,
        "words": words,
        "money": shown,
        "explained": explained,
        "percent": percent,
    }
    return made


def _unturned(value: object) -> object:
    """Take the characters out of a text that turn what stands around it, or that nobody sees."""
    return value.translate(_TURNING) if isinstance(value, str) and not value.isprintable() else value


def when(at: datetime) -> str:
    """Write a time."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def exactly(at: datetime) -> str:
    """Write a time to the second, where much happens within a minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def words(name: str) -> str:
    """Write a keyword as words: `not_now` is `not now`."""
    return re.sub(r"[_:]", " ", name)


def percent(share: float) -> str:
    """Write a share of 0 to 1."""
    return f"{share:.2%}"
