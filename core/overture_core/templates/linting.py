"""What in a template makes filters and readers suspicious: hints for who writes it and who approves it.

Hints refuse nothing. Their sources: SpamAssassin's stock rules (shouting, exclamation marks, phrases of advertising,
a link's text that names another host), Gmail's sender guidelines (support.google.com/a/answer/81126: no misleading
subjects), and the messaging principles of the CTIA, section 5 (no shortened links in SMS).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

from overture_core.messages.channels import BY_PHONE, Channel
from overture_core.storage.schema import Template
from overture_core.text import clean

LONGEST_SUBJECT = 70  # what most programs show
MOST_LINKS = 5
_SHORTENERS = frozenset(
    {"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "cutt.ly", "rb.gy", "t.ly"}
)
_PHRASES = re.compile(
    r"\b(act now|100 ?% free|risk[- ]free|no obligation|money[- ]back|guaranteed? (?:income|results?|winner)|"
    r"click here|you(?:'ve| have) won|winner|limited time|urgent|free gift|cash bonus|double your|earn \$)",
    re.IGNORECASE,
)
_REPLY = re.compile(r"\s*(re|fwd?|aw|wg|tr)\s*:", re.IGNORECASE)
_FIELD = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)
_LINK = re.compile(r"\bhttps?://[^\s<>\"')\]]+", re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:]+\]", re.IGNORECASE)
_NAMED_HOST = re.compile(r"(?:https?://)?(?:www\.)?((?:[\w-]+\.)+[a-z]{2,})(?:[/:?#]|$)", re.IGNORECASE)


def lint(template: Template) -> list[str]:
    """Return what a person should look at, a sentence each; nothing where all is well."""
    words = _FIELD.sub("x", template.body)
    found = [*_subject(_FIELD.sub("x", template.subject or "")), *_body(words)]
    links = [("", address) for address in _LINK.findall(words)]
    if template.body_html:
        page = _Links()
        page.feed(_FIELD.sub("x", template.body_html))
        page.close()
        links += page.links
        if page.pictures and len(" ".join(page.text).split()) < 10 * page.pictures:
            found.append("The HTML part is nearly all pictures; filters distrust that, and many readers see none.")
    addresses = list(dict.fromkeys(address for _, address in links))
    if len(addresses) > MOST_LINKS:
        found.append(f"It has {len(addresses)} links; more than {MOST_LINKS} look like advertising.")
    found += [said for address in addresses for said in _link(address, Channel(template.channel))]
    found += [said for text, address in links for said in _elsewhere(text, address)]
    return list(dict.fromkeys(found))


def _subject(subject: str) -> Iterator[str]:
    if _REPLY.match(subject):
        yield "The subject begins like an answer (Re:, Fwd:), which misleads and which the law forbids (CAN-SPAM)."
    if len(subject) > LONGEST_SUBJECT:
        yield f"The subject has over {LONGEST_SUBJECT} characters, so that most readers see a part of it."
    if subject.count("!") > 1:
        yield "The subject has several exclamation marks, which filters count against it."
    if _shouts(subject):
        yield "The subject is in capitals, which filters count against it."
    yield from _phrases("The subject", subject)


def _body(body: str) -> Iterator[str]:
    if _shouts(body):
        yield "The text is in capitals, which filters count against it."
    if body.count("!") > 3:
        yield "The text has many exclamation marks, which filters count against it."
    yield from _phrases("The text", body)


def _phrases(where: str, text: str) -> Iterator[str]:
    said = list(dict.fromkeys(each.group(1).lower() for each in _PHRASES.finditer(text)))
    if said:
        yield f"{where} has phrases of advertising ({', '.join(said[:5])}), which filters count against it."


def _shouts(text: str) -> bool:
    letters = [each for each in _LINK.sub("", text) if each.isalpha() and each.isascii()]
    return len(letters) >= 12 and sum(each.isupper() for each in letters) > len(letters) * 0.7


def _link(address: str, channel: Channel) -> Iterator[str]:
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError:
        yield f"A link cannot be read ({_short(address)}); correct it."
        return
    if parts.scheme == "http":
        yield f"A link is not encrypted (http, {_short(host)}); use https."
    if host.removeprefix("www.") in _SHORTENERS:
        who = "carriers block such messages" if channel in BY_PHONE else "filters distrust it"
        yield f"A link is shortened by {host}, which hides where it leads; {who}. Use your own address."
    if _ADDRESS.fullmatch(host):
        yield f"A link leads to a number instead of a name ({_short(host)}); filters take that for an attack."
    if "xn--" in host or len(_scripts(host)) > 1:
        yield f"A link's host has letters of several alphabets ({_short(host)}), or is coded; it may imitate another."
    if "@" in parts.netloc:
        yield f"A link has a user's name before its host ({_short(parts.netloc)}), which hides where it leads."


def _elsewhere(text: str, address: str) -> Iterator[str]:
    """A link whose text names one host and which leads to another."""
    named = _NAMED_HOST.match(text.strip())
    if named is None:
        return
    host = (urlsplit(address).hostname or "").lower().removeprefix("www.")
    shown = named.group(1).lower()
    if host and host != shown and not host.endswith(f".{shown}"):
        yield f"A link says {_short(shown)} and leads to {_short(host)}; filters take that for an attack."


def _scripts(host: str) -> set[str]:
    return {unicodedata.name(each, "?").split()[0] for each in host if each.isalpha()}


def _short(text: str) -> str:
    return clean(text, limit=80)


class _Links(HTMLParser):
    """Collects links with their texts, and counts pictures."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.pictures = 0
        self._open: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href") or ""
        if tag == "a" and address.lower().startswith(("http://", "https://")):
            self._open = (address, len(self.text))
        self.pictures += tag == "img"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._open is not None:
            address, since = self._open
            self.links.append(("".join(self.text[since:]), address))
            self._open = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
