"""Rendering: Jinja in a sandbox with strict undefined. A missing field is an error, never a blank.

Values come from leads and are data: they are put in, never evaluated. Of Jinja's language only what a
message needs is allowed (fields, conditions, a few filters): no loops, no calls, no arithmetic, so that
a template can neither reach out nor grow without bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2 import Template as Compiled
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from overture_core.errors import TemplateError
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Template
from overture_core.templates.values import unclickable
from overture_core.text import clean, without_controls

LEAD_FIELDS = ("first_name", "last_name", "company", "title", "country", "email", "phone")
OWN_FIELDS = ("sender_name", "postal_address", "unsubscribe_url")
MAX_BODY = 20_000
MAX_HTML = 100_000  # Gmail shows no more than 102 kB of a mail without a click
MAX_SMS = 1_600  # Twilio's limit on Body


FILTERS = ("default", "upper", "lower", "title", "capitalize", "trim", "truncate")
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem),
    *(nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test),
    *(nodes.Filter, nodes.Keyword),
)


def _environment(*, autoescape: bool) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=autoescape)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    return made


_ENVIRONMENT = _environment(autoescape=False)
_HTML_ENVIRONMENT = _environment(autoescape=True)


class MissingField(TemplateError):
    """The lead lacks a field that the template uses."""

    code = "missing_field"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"The lead has no {field}; give it one, or write {{{{ {field} | default('...') }}}} in the template."
        )
        self.field = field


class EmptyMessage(TemplateError):
    """The template makes an empty message."""

    code = "empty_message"


class EmptySubject(TemplateError):
    """The template makes an empty subject."""

    code = "empty_subject"


class MessageTooLong(TemplateError):
    """The template makes a message that is too long."""

    code = "message_too_long"


class Fields(Protocol):
    """What a template may ask of a lead: a row of the table, or only the columns that it uses."""

    @property
    def custom(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one recipient gets."""

    subject: str | None
    body: str
    html: str | None = None
    variables: dict[str, str] | None = None


def fields_of_all(template: Template) -> frozenset[str]:
    """Return the fields that any part of a template uses."""
    return frozenset[str]().union(*(fields_of(source) for source in sources(template)))


def sources(template: Template) -> tuple[str, ...]:
    """Return the parts of a template that are rendered."""
    html = (template.body_html,) if template.body_html else ()
    variables: tuple[str, ...] = tuple((template.content_variables or {}).values())
    return (template.body, template.subject or "", *html, *variables)


def fields_of(source: str) -> frozenset[str]:
    """Return the fields that a template uses, custom ones as `custom.<name>`.

    Raises:
        TemplateError: the syntax is wrong, or a field is unknown.
    """
    tree = parse(source)
    names = meta.find_undeclared_variables(tree)
    unknown = sorted(names - {*LEAD_FIELDS, *OWN_FIELDS, "custom"})
    if unknown:
        allowed = ", ".join((*LEAD_FIELDS, *OWN_FIELDS, "custom.<column>"))
        msg = f"The template uses the unknown field {unknown[0]!r}; the fields are: {allowed}."
        raise TemplateError(msg)
    custom = {
        f"custom.{node.attr}"
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name == "custom"
    }
    custom |= {
        f"custom.{node.arg.value}"
        for node in tree.find_all(nodes.Getitem)
        if isinstance(node.node, nodes.Name) and node.node.name == "custom" and isinstance(node.arg, nodes.Const)
    }
    return frozenset((names - {"custom"}) | custom)


def parse(source: str) -> nodes.Template:
    """Return the tree of a template that uses nothing but what a template may use.

    Raises:
        TemplateError: it is not such a template.
    """
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        msg = f"Line {error.lineno} of the template is not valid: {(error.message or '').rstrip('.')}."
        raise TemplateError(msg) from error
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            msg = (
                f"Line {node.lineno} of the template uses {type(node).__name__.lower()!r}; a template may use fields, "
                "{% if %} and filters, nothing else."
            )
            raise TemplateError(msg)
        if isinstance(node, nodes.Getattr | nodes.Getitem) and not is_custom(node.node):
            msg = f"Line {node.lineno} of the template looks into a field; only custom.<column> may be used so."
            raise TemplateError(msg)
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            msg = f"The template uses the filter {node.name!r}; the filters are: {', '.join(FILTERS)}."
            raise TemplateError(msg)
    return tree


def is_custom(node: nodes.Node) -> bool:
    """Tell whether a node is the lead's own columns."""
    return isinstance(node, nodes.Name) and node.name == "custom"


def merge_values(lead: Fields, fields: frozenset[str]) -> dict[str, Any]:
    """Return the lead's values for `fields`, to be frozen with the message. Empty ones are left out."""
    names, wanted = _wanted(fields)
    values: dict[str, Any] = {name: value for name in names if (value := getattr(lead, name))}
    if wanted:
        values["custom"] = {key: value for key in wanted if (value := lead.custom.get(key))}
    return values


@lru_cache(maxsize=256)
def _wanted(fields: frozenset[str]) -> tuple[list[str], list[str]]:
    custom = sorted(field.removeprefix("custom.") for field in fields if field.startswith("custom."))
    return [name for name in LEAD_FIELDS if name in fields], custom


def longest(channel: Channel) -> int:
    """Return how many characters a rendered message of a channel may have."""
    return MAX_BODY if channel is Channel.EMAIL else MAX_SMS


def render(template: Template, merge: dict[str, Any], own: dict[str, str]) -> Rendered:
    """Render `template` with a message's frozen `merge` and Overture's `own` fields.

    Raises:
        MissingField: the merge lacks a field.
        TemplateError: the template fails, or what it makes is empty or too long.
    """
    context = {"custom": {}, **unclickable(merge), **own}
    channel = Channel(template.channel)
    body = clean(render_raw(template.body, context), limit=MAX_BODY + 1, keep_lines=True)
    limit = longest(channel)
    if not body:
        msg = f"The template {template.name!r} makes an empty message."
        raise EmptyMessage(msg)
    if len(body) > limit:
        msg = f"The template {template.name!r} makes a message of over {limit} characters; shorten it."
        raise MessageTooLong(msg)
    subject = None
    if channel is Channel.EMAIL:
        subject = clean(render_raw(template.subject or "", context), limit=998)
        if not subject:
            msg = f"The template {template.name!r} makes an empty subject."
            raise EmptySubject(msg)
    html = _html(template, context) if template.body_html else None
    return Rendered(subject, body, html, _variables(template, context) if template.content_sid else None)


def _variables(template: Template, context: dict[str, Any]) -> dict[str, str]:
    # Meta refuses a message with an empty one, with line breaks or with runs of spaces (Twilio, error 63013).
    sources = template.content_variables or {}
    made = {name: clean(render_raw(source, context), limit=MAX_SMS) for name, source in sources.items()}
    if not all(made.values()):
        msg = f"The template {template.name!r} makes an empty variable."
        raise EmptyMessage(msg)
    return made


def _html(template: Template, context: dict[str, Any]) -> str:
    # Not brought into a normal form: a combining mark that a value begins with would join the tag before it.
    html = without_controls(render_raw(template.body_html or "", context, html=True)).strip()
    if not html:
        msg = f"The template {template.name!r} makes an empty HTML part."
        raise EmptyMessage(msg)
    if len(html) > MAX_HTML:
        msg = f"The template {template.name!r} makes an HTML part of over {MAX_HTML} characters; shorten it."
        raise MessageTooLong(msg)
    return html


@lru_cache(maxsize=256)
def _compiled(source: str, html: bool) -> Compiled:
    parse(source)
    return (_HTML_ENVIRONMENT if html else _ENVIRONMENT).from_string(source)


def render_raw(source: str, context: dict[str, Any], *, html: bool = False) -> str:
    """Render a part of a template with all of its values, as it is before it is cleaned; in HTML they are escaped.

    Raises:
        MissingField: the context lacks a field.
        TemplateError: the template fails.
    """
    try:
        return _compiled(source, html).render(context)
    except UndefinedError as error:
        raise MissingField(_missing_name(source, context)) from error
    except (SecurityError, TemplateRuntimeError, TypeError, ValueError) as error:
        msg = f"The template cannot be rendered: {str(error).rstrip('.')}."
        raise TemplateError(msg) from error


def _missing_name(source: str, context: dict[str, Any]) -> str:
    custom = context["custom"]
    missing = sorted(
        field
        for field in fields_of(source)
        if field not in context and not (field.startswith("custom.") and field.removeprefix("custom.") in custom)
    )
    return missing[0] if missing else "field"
