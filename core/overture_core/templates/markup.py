"""The HTML part of an e-mail: what a template of it may be, one made from text, and how one reads as text.

Values of leads are escaped where they are put in. Escaping suffices between tags alone, so that no field may
stand anywhere else; only the unsubscribe link may, as a quoted address. What a message links to is thus the
template's, never a lead's.
"""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from jinja2 import Environment, TemplateSyntaxError

from overture_core.errors import TemplateError
from overture_core.templates.visible import HIDING, check_style

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_LEXER = Environment(autoescape=True)
_PARTS = {"variable_begin": "variable_end", "block_begin": "block_end", "comment_begin": "comment_end"}
_LINK_FIELD = re.compile(r"\{\{-?\s*unsubscribe_url\s*-?\}\}")
# Stand for Jinja's parts while the rest is looked at; no text has them (Unicode, private use area).
_MARK, _LINK_MARK = "\ue000", "\ue001"
_MARKED = re.compile(f"{_MARK}([0-9]+){_MARK}")
_FORBIDDEN = frozenset(
    {
        "script",
        "iframe",
        "object",
        "embed",
        "form",
        "input",
        "button",
        "base",
        "meta",
        "link",
        "svg",
        "math",
        "template",
    }
)
_RAW = frozenset({"style", "title"})
_ADDRESSES = frozenset({"href", "src", "background", "action", "formaction", "poster", "srcset", "cite"})
_SCHEMES = ("https://", "http://", "mailto:", "tel:", "cid:", "#")
_BEGINS_TAG = re.compile(f"<[/!?]?[{_MARK}{_LINK_MARK}]")
_UNQUOTED = re.compile(f"=\\s*[^\\s\"'>]*[{_MARK}{_LINK_MARK}]")


def check_html(source: str) -> None:
    """Check that escaped values can do no harm in a template of HTML.

    Raises:
        TemplateError: it has an element that mail must not have, a field inside a tag, or a style that could hide text.
    """
    if _MARK in source or _LINK_MARK in source:
        msg = "The HTML has characters of Unicode's private use area; leave them out."
        raise TemplateError(msg)
    checker = _Checker()
    marked = "".join(part if text else _marked(part) for text, part in split(source))
    if _BEGINS_TAG.search(marked):
        raise TemplateError(_INSIDE)
    checker.feed(marked)
    unended = checker.rawdata
    checker.close()
    if "<" in unended or checker.within_raw:
        msg = "The HTML ends inside a tag; close it."
        raise TemplateError(msg)


def _marked(part: str) -> str:
    return _LINK_MARK if _LINK_FIELD.fullmatch(part) else _MARK


def split(source: str) -> list[tuple[bool, str]]:
    """Split a template as Jinja does, into text (true) and the parts that Jinja acts on."""
    found: list[tuple[bool, str]] = []
    ending = ""
    try:
        for _, kind, value in _LEXER.lex(source):
            if ending:
                found[-1] = (False, found[-1][1] + value)
                ending = "" if kind == ending else ending
            else:
                found.append((kind == "data", value))
                ending = _PARTS.get(kind, "")
    except TemplateSyntaxError as error:
        msg = f"Line {error.lineno} of the template is not valid: {(error.message or '').rstrip('.')}."
        raise TemplateError(msg) from error
    return found


class _Checker(HTMLParser):
    """Refuses what a field, or a model, could turn into more than text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.within_raw: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raw = self.get_starttag_text() or ""
        if tag in _FORBIDDEN:
            msg = f"The HTML has <{tag}>, which mail programs refuse or which could act; leave it out."
            raise TemplateError(msg)
        if _MARK in raw or _UNQUOTED.search(raw):
            raise TemplateError(_INSIDE)
        if tag in HIDING:
            msg = f"The HTML has <{tag}>, which hides what is in it; leave it out."
            raise TemplateError(msg)
        for name, value in attrs:
            _check_attribute(name, value or "")
        if tag in _RAW:
            self.within_raw = tag

    def handle_endtag(self, tag: str) -> None:
        if _MARK in tag or _LINK_MARK in tag:
            raise TemplateError(_INSIDE)
        if tag == self.within_raw:
            self.within_raw = None

    def handle_data(self, data: str) -> None:
        if self.within_raw:
            self._no_field(data)
        if self.within_raw == "style":
            check_style(data, block=True)

    def handle_comment(self, data: str) -> None:
        self._no_field(data)

    def handle_decl(self, decl: str) -> None:
        self._no_field(decl)

    def unknown_decl(self, data: str) -> None:
        self._no_field(data)

    def handle_pi(self, data: str) -> None:
        self._no_field(data)

    def _no_field(self, data: str) -> None:
        if _MARK in data or _LINK_MARK in data:
            raise TemplateError(_INSIDE)


_INSIDE = (
    "The HTML has a field inside a tag, a style or a comment; fields stand between tags, and only "
    'href="{{ unsubscribe_url }}" may be written in one.'
)


def _check_attribute(name: str, value: str) -> None:
    if _LINK_MARK in value and (name != "href" or value != _LINK_MARK):
        raise TemplateError(_INSIDE)
    if name.startswith("on"):
        msg = f"The HTML has the attribute {name!r}, which could act; leave it out."
        raise TemplateError(msg)
    if name == "hidden":
        msg = "The HTML has the attribute 'hidden': what is in it would not be seen; leave it out."
        raise TemplateError(msg)
    if name == "style":
        check_style(value)
    address = "".join(value.split()).lower()
    if name in _ADDRESSES and value != _LINK_MARK and not address.startswith(_SCHEMES):
        msg = f"The HTML links to {value[:80]!r}; an address begins with {', '.join(_SCHEMES)}."
        raise TemplateError(msg)


_RULES = ("heading", "list", "emphasis", "link", "linkify", "newline")
_LINKED = ("https://", "http://", "mailto:")


@cache
def _markdown() -> MarkdownIt:
    # Only here: every process would take a tenth of a second longer to start.
    from markdown_it import MarkdownIt

    made = MarkdownIt("zero", {"html": False, "breaks": True, "linkify": True}).enable(list(_RULES))
    normalise = made.normalizeLink
    # An address with a field in it stays text: what is linked to is never a lead's.
    made.validateLink = lambda url: url == _LINK_MARK or (url.startswith(_LINKED) and url.isascii())  # type: ignore[method-assign]
    made.normalizeLink = lambda url: url if url == _LINK_MARK or _MARK in url else normalise(url)  # type: ignore[method-assign]
    return made


def html_from_text(source: str) -> str:
    """Make a template of HTML from one of text, once, when it is saved: paragraphs, `# headings`, lists, `**bold**`,
    `*italic*`, `[links](https://...)` and bare addresses, as CommonMark has them; all else is text as it stands."""
    parts: list[str] = []

    def keep(part: str) -> str:
        if _LINK_FIELD.fullmatch(part):
            return _LINK_MARK
        parts.append(part)
        return f"{_MARK}{len(parts) - 1}{_MARK}"

    plain = source.replace(_MARK, "").replace(_LINK_MARK, "")
    made = _markdown().render("".join(part if text else keep(part) for text, part in split(plain))).strip()
    made = made.replace(f'href="{_LINK_MARK}"', 'href="{{ unsubscribe_url }}"')
    made = made.replace(_LINK_MARK, '<a href="{{ unsubscribe_url }}">{{ unsubscribe_url }}</a>')
    return _MARKED.sub(lambda found: parts[int(found[1])], made)


_BLOCKS = frozenset({"p", "div", "br", "li", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr"})


def text_of_html(html: str) -> str:
    """Say in text what HTML shows, with where its links and pictures lead: for a person who decides on it."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).splitlines())
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._links: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _BLOCKS:
            self.pieces.append("\n")
        if tag == "style":
            self._hidden += 1
        if tag == "a":
            self._links.append(values.get("href") or "")
        if tag == "img":
            self.pieces.append(f"[picture {unescape(values.get('alt') or '')} <{values.get('src') or ''}>]")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.pieces.append("\n")
        if tag == "style":
            self._hidden = max(self._hidden - 1, 0)
        if tag == "a" and self._links:
            self.pieces.append(f" <{self._links.pop()}>")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)
