"""The MCP App of plans and campaigns: one `ui://` document, which hosts that know the extension show with a result.

It is the same for everybody and holds no data: what it draws comes with each result (`showing.py`), so a host may keep
it, and judge it by its hash. All that it needs is in it, for a host lets it load nothing (MCP Apps, 2026-01-26, "Host
Behavior").
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from mcp.server.apps import Apps

URI = "ui://overture/campaign"
_STYLES = (("overture_servers.ui", "static/page.css"), ("overture_servers.apps", "app.css"))
_SCRIPTS = (("overture_servers.apps", "bridge.js"), ("overture_servers.apps", "view.js"))


def extension() -> Apps:
    """Return the extension that offers the document."""
    apps = Apps()
    apps.add_html_resource(
        URI,
        document(),
        name="campaign",
        title="Plans and campaigns",
        description="Shows a plan or a campaign in hosts that know MCP Apps.",
        prefers_border=True,
    )
    return apps


@cache
def document() -> str:
    """Return the document, with its styles and scripts in it."""
    page = _text("overture_servers.apps", "app.html")
    for mark, parts in (("/* styles */", _STYLES), ("/* scripts */", _SCRIPTS)):
        page = page.replace(mark, "\n".join(_text(package, name).strip() for package, name in parts))
    return page


def _text(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
