"""The text of an answer that came as HTML alone, with what its mail program marked as quoted left out."""

from __future__ import annotations

from html.parser import HTMLParser

from overture_core.replies.quoting import MARKED, REST_IS_QUOTED

_BREAKS = frozenset({"br", "p", "div", "tr", "li", "hr", "table", "ul", "ol", "h1", "h2", "h3"})
_UNREAD = frozenset({"script", "style", "title"})
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr"})
# Around what is quoted: Gmail, Yahoo, Proton, Tuta, Zoho. Others use <blockquote>.
_QUOTED = frozenset({"gmail_attr", "yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra"})
# Before what is quoted, which goes on to the end: the kinds of Outlook.
_DIVIDES = frozenset(
    {"divrplyfwdmsg", "appendonsend", "stopspelling", "olk_src_body_section", "outlookmessageheader"}
    | {"mail-editor-reference-message-container", "ms-outlook-mobile-reference-message"}
)


def text_of_answer(html: str) -> str:
    """Return the text of an HTML part for `own_words`; good enough for reading an answer, never shown as HTML.

    A link named Unsubscribe is left out: nobody writes one into an answer, but our own mails have it.
    """
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    except (AssertionError, ValueError):  # both raised by the standard parser on malformed declarations
        pass
    return "".join(reader.pieces)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._left_out = ""  # the element that is being left out, and how many of its kind are open in it
        self._depth = 0
        self._link_at: int | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._left_out:
            self._depth += tag == self._left_out
            return
        names = {each.lower() for name, value in attrs if name in {"class", "id"} and value for each in value.split()}
        if not names.isdisjoint(_DIVIDES):
            self.pieces.append(REST_IS_QUOTED)
        if tag in _UNREAD or (tag not in _VOID and (tag == "blockquote" or not names.isdisjoint(_QUOTED))):
            self._left_out, self._depth = tag, 1
            self.pieces.append("" if tag in _UNREAD else MARKED)
        elif tag == "a":
            self._link_at = len(self.pieces)
        elif tag in _BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._left_out:
            self._depth -= tag == self._left_out
            if not self._depth:
                self._left_out = ""
        elif tag == "a" and self._link_at is not None:
            if "".join(self.pieces[self._link_at :]).strip(" .").lower() == "unsubscribe":
                del self.pieces[self._link_at :]
            self._link_at = None

    def handle_data(self, data: str) -> None:
        if not self._left_out:
            self.pieces.append(data)
