"""What a recipient sees of an HTML part: which styles a template may have, and what stands there to be read.

The law wants the postal address and the way to opt out to be seen. Styles are therefore taken by a list of those that
cannot hide: everything else is refused when the template is saved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from overture_core.errors import TemplateError

LEAST_CONTRAST = 3.0  # WCAG 2.2, 1.4.3, for large text: below it hardly anybody reads it
_LEAST = {"px": 8.0, "pt": 6.0, "em": 0.5, "rem": 0.5, "%": 50.0}
_PLAIN = frozenset(
    {
        *("color", "background", "background-color", "font", "font-family", "font-size", "font-style"),
        *("font-weight", "text-align", "text-decoration", "text-transform", "line-height", "letter-spacing"),
        *("word-spacing", "vertical-align", "white-space", "word-break", "word-wrap", "overflow-wrap", "direction"),
        *("list-style", "list-style-type", "border-collapse", "border-spacing", "table-layout", "box-sizing"),
        *("border-radius", "width", "min-width", "max-width", "height", "min-height", "float", "clear", "display"),
        *("mso-line-height-rule", "mso-table-lspace", "mso-table-rspace", "-webkit-text-size-adjust"),
        *("-ms-text-size-adjust",),
    }
)
_FAMILIES = ("margin", "padding", "border")
_DISPLAYS = frozenset(["block", "inline", "inline-block", "table", "table-row", "table-cell", "list-item"])
_SIZE = re.compile(r"(?<![\w.#-])(-?\d*\.?\d+)(px|pt|em|rem|%)?(?![\w%])")
_DECLARATION = re.compile(r"([\w-]+)\s*:\s*([^;{}]*)")
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")
_NAMED = {"black": "#000000", "white": "#ffffff", "gray": "#808080", "grey": "#808080", "red": "#ff0000"}
HIDING = frozenset(
    {
        *("details", "dialog", "textarea", "noscript", "xmp", "plaintext", "select", "datalist", "noembed"),
        *("noframes", "frameset"),
    }
)
_VOID = frozenset(["area", "br", "col", "hr", "img", "wbr"])
_UNSHOWN = frozenset({"head", "title", "style", "script", "template"}) | HIDING
_CLOSE_THEMSELVES = frozenset({"p", "li", "tr", "td", "th"})


def check_style(css: str, *, block: bool = False) -> None:
    """Check that a style, of an element or of a whole `block`, can hide nothing.

    Raises:
        TemplateError: it has a property or value that is not among those that are taken.
    """
    plain = re.sub(r"/\*.*?\*/", " ", css.lower(), flags=re.DOTALL)
    if any(each in plain for each in ("\\", "!important", "@import", "url(", "expression", "/*")):
        msg = "The HTML has a style with an escape, !important, a comment left open, or an address; leave it out."
        raise TemplateError(msg)
    if plain.count("{") != plain.count("}") or ("{" in plain and not block):
        msg = "The HTML has a style whose braces do not match; correct it."
        raise TemplateError(msg)
    for name, value in (found for body in _bodies(plain, block=block) for found in _declarations(body)):
        if not _is_plain(name, value.strip()):
            msg = (
                f"The HTML has the style {name}: {value.strip()[:40]!r}, which could hide text; "
                "docs/channels.md has the styles that are taken."
            )
            raise TemplateError(msg)


def _bodies(plain: str, *, block: bool) -> Iterator[str]:
    """Yield the declarations of a style; what stands before a brace that opens is a selector."""
    parts = re.split(r"([{}])", plain)
    for body, brace in zip(parts[::2], [*parts[1::2], ""], strict=True):
        yield body.rpartition(";")[0] if brace == "{" else "" if block and not brace else body


def _declarations(body: str) -> Iterator[tuple[str, str]]:
    for part in filter(str.strip, body.split(";")):
        found = _DECLARATION.fullmatch(part.strip())
        yield (found[1], found[2]) if found else (part.strip(), "")


def _is_plain(name: str, value: str) -> bool:
    if name == "display":
        return value in _DISPLAYS
    if name in {"font", "font-size", "line-height"}:
        sizes = [(float(number), unit) for number, unit in _SIZE.findall(value.partition("/")[0])]
        # A bare number is a weight or, of a line's height, a factor.
        return all(number >= _LEAST[unit] if unit else number >= 0.5 for number, unit in sizes)
    if name in {"color", "background", "background-color"}:
        return (
            "transparent" not in value and "(" not in value and not re.search(r"#[0-9a-f]{4}(?:[0-9a-f]{4})?\b", value)
        )
    known = name in _PLAIN or name.startswith(_FAMILIES)
    return known and not re.search(r"(?<![\w-])-\d", value) and "calc" not in value


@dataclass(slots=True)
class _Element:
    """An open element: its colours as they come down to it, None where they are not known."""

    tag: str
    shown: bool
    ink: str | None
    ground: str | None


class Seen(HTMLParser):
    """Reads a rendered part: `text` that can be read, the links that can be read and pressed, and where it ends."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self._open = [_Element("", True, "#000000", "#ffffff")]
        self._starts = [0]
        for line in html.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._link: str | None = None
        self._pieces: list[str] = []
        self._styled = False
        self._links: set[str] = set()
        self.end, self.left_open = len(html), ""
        self._ended = False
        self.feed(html)
        self.close()
        if not self._ended:
            self.left_open = self._closing()

    @property
    def text(self) -> str:
        return "" if self._styled else " ".join("".join(self._pieces).split())

    @property
    def links(self) -> set[str]:
        return set() if self._styled else self._links

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self._pieces.append(" ")
            return
        if tag in _CLOSE_THEMSELVES and self._open[-1].tag == tag:
            self._open.pop()
        above, values = self._open[-1], {name: value or "" for name, value in attrs}
        style = dict(_declarations(values.get("style", "").lower()))
        ink = style.get("color", values.get("color", ""))
        ground = style.get("background-color", style.get("background", values.get("bgcolor", "")))
        shown = above.shown and tag not in _UNSHOWN and "hidden" not in values and _can_be_seen(values.get("style", ""))
        self._open.append(
            _Element(tag, shown, _hex(ink) if ink else above.ink, _hex(ground) if ground else above.ground)
        )
        if tag == "a":
            self._link = values.get("href")
        self._pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "body":
            line, column = self.getpos()
            self.end, self.left_open, self._ended = self._starts[line - 1] + column, self._closing(), True
        names = [each.tag for each in self._open]
        if tag and tag in names:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]
        if tag == "a":
            self._link = None
        self._pieces.append(" ")

    def handle_data(self, data: str) -> None:
        innermost = self._open[-1]
        if innermost.tag == "style":
            self._styled = self._styled or re.search(r"color|background|font", data.lower()) is not None
        if innermost.shown and data.strip() and _contrast(innermost.ink, innermost.ground) >= LEAST_CONTRAST:
            self._pieces.append(data)
            if self._link is not None:
                self._links.add(self._link)

    def _closing(self) -> str:
        closed: Sequence[str] = [each.tag for each in self._open[1:] if each.tag not in {"html", "body"}]
        return "".join(f"</{tag}>" for tag in reversed(closed))


def _can_be_seen(style: str) -> bool:
    try:
        check_style(style)
    except TemplateError:
        return False
    return True


def _hex(colour: str) -> str | None:
    named = _NAMED.get(colour.strip(), colour.strip())
    if not _HEX.fullmatch(named):
        return None
    return named if len(named) == 7 else "#" + "".join(2 * each for each in named[1:])


def _contrast(ink: str | None, ground: str | None) -> float:
    """Return the contrast of two colours as WCAG has it, 1 to 21; 1 where one is not known."""
    if ink is None or ground is None:
        return 1.0
    lighter, darker = sorted((_luminance(ink), _luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
