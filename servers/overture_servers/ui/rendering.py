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
