"""Links in templates: a lead's field may fill a link's path, never say to whom it leads.

Mail programs and telephones make links of text: of a scheme, of `www.`, and of anything that looks like a domain. So
what counts is the text as it is put together, whatever part of it stands in a field, a condition or a constant.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape

from jinja2 import nodes

from overture_core.errors import TemplateError
from overture_core.templates.markup import split
from overture_core.templates.render import parse
from overture_core.text import without_controls

_OWN = re.compile(r"\{\{-?\s*(?:unsubscribe_url|sender_name|postal_address)\s*-?\}\}")
_FIELD = "\ue000"  # stands for a field or a condition; no text has it (Unicode, private use area)
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))  # dots by IDNA (RFC 3490, section 3.1)
_TAG = re.compile(r"<[^>]*>")
_END = r"\s\"'<>()\[\]"
_SCHEMES = r"(?:https?|ftp|mailto|tel|sms|javascript|data|file)"
_DOMAIN = r"(?:[^\W_](?:[\w-]*\w)?\.)+[^\W\d_]{2,}(?::[0-9]+)?"
# Whole links with the host written out, and what follows it: there a field may stand.
_WRITTEN_OUT = re.compile(
    rf"(?<![\w.@+\-{_FIELD}])(?:(?:https?://)?{_DOMAIN}[/?#]|mailto:[\w.+\-]+@{_DOMAIN}\?)[^{_END}]*", re.IGNORECASE
)
_DECIDED = re.compile(
    "|".join(
        (
            rf"(?<!\w){_SCHEMES}:[/\\]*[^{_END}/\\?#]*{_FIELD}",  # https:{{ x }}, https://user@{{ x }}
            rf"[/\\]{{2}}[^{_END}/\\?#]*{_FIELD}",  # //{{ x }}
            rf"{_FIELD}[\w+.\-]*:[/\\{_FIELD}]",  # h{{ x }}ttps://
            rf"(?<!\w)www\.[^{_END}/?#]*{_FIELD}",  # www.{{ x }}
            rf"{_FIELD}[\w\-]*(?:\.[\w\-]+)*\.(?:[^\W\d_]{{2}}|{_FIELD})",  # {{ x }}.example.com
            rf"\.[\w\-]*{_FIELD}[\w\-]*(?:/|:[0-9])",  # example.{{ x }}/
            rf"\w\.[\w\-]+\.[\w\-]*{_FIELD}",  # www.example.{{ x }}
            rf"[\w+\-]@[\w.\-]*{_FIELD}",  # me@{{ x }}
        )
    ),
    re.IGNORECASE,
)
# What ends a host for some programs and not for others: browsers take a backslash for a slash.
_AMBIGUOUS = re.compile(rf"(?<!\w){_SCHEMES}:[/\\]*[^{_END}/?#]*\\|[/\\]\\[^{_END}]", re.IGNORECASE)
_PART_OF_LINK = re.compile(rf"//|\\|www\.|{_SCHEMES}:|:\Z", re.IGNORECASE)


def check_links(source: str, *, html: bool = False) -> None:
    """Refuse a template in which a field decides a link's host, or in which a host can be read in two ways.

    Raises:
        TemplateError: there is such a link.
    """
    text = "".join(part if is_text else _stand_in(part) for is_text, part in split(source))
    if html:
        text = unescape(_TAG.sub(" ", text))
    text = unicodedata.normalize("NFKC", without_controls(text)).translate(_DOTS)
    if _AMBIGUOUS.search(text):
        msg = "A link has a backslash, which programs read in different ways; write links with slashes alone."
        raise TemplateError(msg)
    if _DECIDED.search(_WRITTEN_OUT.sub(" ", text)) or _hides_link(source):
        msg = (
            "A link's host comes from a field, so a lead's data would decide where people are led; write the host "
            "out with a slash after it, like https://example.com/{{ company }}, and a space between a field and a "
            "dot that is none of a link."
        )
        raise TemplateError(msg)


def _stand_in(part: str) -> str:
    if part.startswith("{#"):
        return ""
    return "x" if _OWN.fullmatch(part) else _FIELD


def _hides_link(source: str) -> bool:
    """Tell whether a text within an expression, such as a default, is a part of a link."""
    constants = (node.value for node in parse(source).find_all(nodes.Const))
    return any(isinstance(each, str) and _PART_OF_LINK.search(each) for each in constants)
