"""Links in templates: a lead's field may fill a link's path, never say to whom it leads."""

from __future__ import annotations

import re

from overture_core.errors import TemplateError

# A field or a condition in the part of a link that names the host (RFC 3986, "authority").
_HOST = re.compile(r"//[^\s/?#\"'<>{}]*\{[{%]")


def check_links(source: str) -> None:
    """Refuse a template in which a field decides a link's host.

    Raises:
        TemplateError: there is such a link.
    """
    if _HOST.search(source):
        msg = (
            "A link's host comes from a field, so a lead's data would decide where people are led; write the host "
            "out with a slash after it, like https://example.com/{{ company }}."
        )
        raise TemplateError(msg)
