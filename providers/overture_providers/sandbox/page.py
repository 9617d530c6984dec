"""The sandbox's inbox as a web page: no scripts, every text from outside escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24;background:#fff}
.note{background:#fff4ce;border-left:.3rem solid #b7791f;padding:.6rem 1rem}
.warn{background:#fde8e8;border-left:.3rem solid #b42318;padding:.6rem 1rem}
article{border:1px solid #d0d7de;border-radius:.4rem;margin:1rem 0;padding:.8rem 1rem}
h2{font-size:1.05rem;margin:0 0 .3rem;overflow-wrap:anywhere}
.meta{color:#57606a;font-size:.85rem;margin:0;overflow-wrap:anywhere}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:.6rem 0 0}
@media(prefers-color-scheme:dark){body{background:#14171b;color:#e6edf3}article{border-color:#3d444d}
.meta{color:#9198a1}.note{background:#3a2f12}.warn{background:#3d1b1b}}
"""
_FAULTS = """
<details><summary>Make it fail</summary>
<p>POST a fault as application/json to <code>/sandbox/faults</code> on this address, for example</p>
<pre><code>{"provider": "sendgrid", "kind": "500", "count": 3}</code></pre>
<p><code>provider</code> is sendgrid, twilio, linkedin or stripe; <code>kind</code> is 429, 500, 401, hang, drop or
slow, in quotation marks. The next <code>count</code> requests to that provider fail so. <code>seconds</code> is how
long hang and slow last, or when a 429 says to come back; with <code>"after_accept": true</code> the request is taken
and only the answer goes wrong. DELETE the same address takes all faults back.</p></details>
"""
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"}


def render(messages: list[dict[str, Any]], summary: dict[str, Any], payments: str) -> HTMLResponse:
    """Return the page: what was accepted, newest first. `payments` is the HTML of what Stripe has."""
    twice = summary["accepted_twice"]
    warning = f'<p class="warn">Accepted more than once: {escape(", ".join(twice[:20]))}</p>' if twice else ""
    channels = ", ".join(f"{count} {escape(channel)}" for channel, count in summary["by_channel"].items()) or "none yet"
    shown = f"<p>Accepted: {channels}. Showing the newest {len(messages)}.</p>"
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Overture sandbox inbox</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>Sandbox inbox</h1>"
        '<p class="note">The sandbox stands in for SendGrid, Twilio, LinkedIn and Stripe. '
        "Nobody outside was contacted.</p>"
        f"{_FAULTS}{warning}{payments}{shown}{''.join(_article(message) for message in messages)}</body></html>",
        headers=_HEADERS,
    )


def _article(message: dict[str, Any]) -> str:
    when = datetime.fromtimestamp(message["accepted_at"], tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    title = message["subject"] or f"{message['channel'].upper()} to {message['recipient']}"
    meta = [message["channel"], f"to {message['recipient']}", f"from {message['sender']}", message["status"], when]
    if message["message_id"]:
        meta.append(message["message_id"])
    return (
        f'<article><h2>{escape(title)}</h2><p class="meta">{escape(" · ".join(meta))}</p>'
        f"<pre>{escape(message['body'])}</pre></article>"
    )
