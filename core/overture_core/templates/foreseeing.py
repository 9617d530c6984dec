"""Tells that a template renders for given values, without rendering it.

Rendering a million messages only to see that each can be rendered would be most of the work of a plan.
In a template that only puts in values and asks which of them there are, what a lead's values say
changes nothing but the length: one rendering for each set of fields that leads have, with values that
leave no trace, shows the rest. What is not certain has to be rendered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

from overture_core.errors import TemplateError
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Template
from overture_core.templates.render import MAX_HTML, is_custom, longest, parse, render_raw, sources
from overture_core.text import clean

_TRACELESS = "\u200b"  # true, unchanged by every filter, and removed from what is sent
_GROWTH = 3  # at most so many times longer: by a filter such as upper, and again by NFC (UAX 15, section 9)
_ESCAPED = 5  # characters that one becomes in HTML, at most
_NO_ROOM = -1
_CONDITIONS = (nodes.And, nodes.Or, nodes.Not)


class Foresight:
    """What is known of one template. `own` holds Overture's own fields as `render` is given them, of the
    length that they have for every message."""

    def __init__(self, template: Template, own: Mapping[str, str]) -> None:
        self._template = template
        self._own = own
        trees = [parse(source) for source in sources(template)]
        # WhatsApp is rendered for everybody: its variables may be empty by themselves.
        self._simple = not template.content_sid and all(_only_puts_in(tree) for tree in trees)
        self._uses = sum(1 for tree in trees for _ in tree.find_all(nodes.Name))
        self._rooms: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}

    def certain(self, merge: Mapping[str, Any]) -> bool:
        """Tell whether it is certain that `render` raises nothing for these values."""
        if not self._simple:
            return False
        custom: Mapping[str, Any] = merge.get("custom") or {}
        fields = tuple(merge), tuple(custom)
        room = self._rooms.get(fields)
        if room is None:
            room = self._rooms[fields] = self._room(*fields)
        taken = 0
        for values in (merge, custom):
            for name, value in values.items():
                if isinstance(value, str):
                    taken += len(value)
                elif name != "custom" or values is not merge:
                    return False
        return taken <= room

    def _room(self, fields: tuple[str, ...], custom: tuple[str, ...]) -> int:
        """Return how many characters the values of these fields may have together."""
        values = dict.fromkeys(fields, _TRACELESS)
        context = {**values, "custom": dict.fromkeys(custom, _TRACELESS), **self._own}
        channel = Channel(self._template.channel)
        try:
            body = render_raw(self._template.body, context)
            subject = render_raw(self._template.subject or "", context)
            html = render_raw(self._template.body_html or "", context, html=True)
        except TemplateError:
            return _NO_ROOM
        texts = [body, subject] if channel is Channel.EMAIL else [body]
        if not all(clean(text, limit=len(text)) for text in texts):
            return _NO_ROOM
        if self._template.body_html and not clean(html, limit=len(html)):
            return _NO_ROOM
        left = min(longest(channel) // _GROWTH - len(body), (MAX_HTML // _GROWTH - len(html)) // _ESCAPED)
        return left // (_GROWTH * max(self._uses, 1)) if left >= 0 else _NO_ROOM


def _only_puts_in(tree: nodes.Template) -> bool:
    """Tell whether a template's way depends only on which values there are, not on what they say."""
    columns = sum(1 for node in tree.find_all(nodes.Name) if is_custom(node))
    named = sum(1 for node in tree.find_all(nodes.Node) if _is_column(node))
    return columns == named and not any(_looks_at_values(node) for node in tree.find_all(nodes.Node))


def _looks_at_values(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Compare):
        return True
    if isinstance(node, nodes.Test):
        return node.name not in {"defined", "undefined"} or not _is_field(node.node)
    if isinstance(node, nodes.Filter):
        constant = all(isinstance(value, nodes.Const) for value in _arguments(node))
        # What a filter leaves of a value may be nothing: then it matters to `default` what the value says.
        return not constant or (node.name == "default" and not _is_field(node.node))
    if isinstance(node, nodes.If | nodes.CondExpr):
        return _filtered(node.test)
    return isinstance(node, _CONDITIONS) and _filtered(node)


def _arguments(node: nodes.Filter) -> Iterator[nodes.Expr]:
    yield from node.args
    yield from (pair.value for pair in node.kwargs)


def _filtered(node: nodes.Node) -> bool:
    within = [node] if isinstance(node, nodes.Filter) else []
    return any(each.name != "default" for each in (*within, *node.find_all(nodes.Filter)))


def _is_field(node: nodes.Node | None) -> bool:
    return isinstance(node, nodes.Name) or _is_column(node)


def _is_column(node: nodes.Node | None) -> bool:
    if isinstance(node, nodes.Getitem):
        return isinstance(node.arg, nodes.Const) and is_custom(node.node)
    return isinstance(node, nodes.Getattr) and is_custom(node.node)
