"""What is foreseen of a template comes true: who is said to get a message is never refused one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overture_core.errors import TemplateError
from overture_core.messages.content import sms_segments
from overture_core.storage.schema import Template
from overture_core.templates.foreseeing import Foresight
from overture_core.templates.render import render

OWN = {"sender_name": "Acme", "postal_address": "1 Road", "unsubscribe_url": "http://localhost/u/1"}
NAMES = st.sampled_from(["first_name", "company", "custom.note", "custom['x y']"])
FILTERS = st.sampled_from(
    [
        "",
        "|upper",
        "|title",
        "|trim",
        "|capitalize",
        "|truncate(5)",
        "|default('')",
        "|default('x')",
        "|trim|default('x', true)",
    ]
)
FIELDS = st.builds("{{{{ {}{} }}}}".format, NAMES, FILTERS)
CONDITIONS = st.one_of(
    st.builds("{}{}".format, NAMES, FILTERS),
    st.builds("{} is {}".format, NAMES, st.sampled_from(["defined", "undefined", "upper", "string"])),
    st.builds("{} == 'x'".format, NAMES),
    st.builds("not {} and {}".format, NAMES, NAMES),
)
TEXTS = st.sampled_from(["", " ", "Hi ", "\u200b", "\u0301", "x" * 2_000, "x" * 7_000])
PARTS = st.one_of(
    TEXTS,
    FIELDS,
    st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, CONDITIONS, st.one_of(TEXTS, FIELDS), TEXTS),
    st.builds("{{{{ {} or 'you' }}}}".format, NAMES),
    st.builds("{{{{ {} if {} else {} }}}}".format, NAMES, CONDITIONS, NAMES),
)
SOURCES = st.lists(PARTS, max_size=4).map("".join)
VALUES = st.one_of(
    st.text(st.sampled_from("aßΐİ\u0301\u200b \n\u1100\u1161"), min_size=1, max_size=8),
    st.sampled_from(["x", "X", "&" * 700, "ΐ" * 700, "y" * 30_000]),
)


def template(body: str, subject: str = "Hi", channel: str = "email", html: str | None = None) -> Template:
    made = {"name": "t", "version": 1, "channel": channel, "subject": subject, "body": body, "body_html": html}
    return Template(id="tpl_1", workspace_id="w", created_at=datetime(2026, 11, 23, tzinfo=UTC), **made)


@settings(max_examples=400, deadline=None)
@given(
    SOURCES,
    SOURCES,
    st.sampled_from(["email", "sms"]),
    st.none() | SOURCES,
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(["first_name", "company"]), VALUES),
            st.dictionaries(st.sampled_from(["note", "x y"]), st.one_of(VALUES, st.integers(1, 3))),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_what_is_certain_renders(
    body: str, subject: str, channel: str, html: str | None, leads: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    made = template(body, subject, channel, html)
    foresight = Foresight(made, OWN)
    for values, custom in leads:
        merge = {**values, "custom": custom}
        if foresight.certain(merge):
            render(made, merge, OWN)


def test_the_usual_template_is_certain_and_its_missing_fields_are_not() -> None:
    foresight = Foresight(template("Hi {{ first_name }} of {{ company | default('yours') }}."), OWN)
    assert foresight.certain({"first_name": "Ada"})
    assert foresight.certain({"first_name": "Ada", "company": "Northwind"})
    assert not foresight.certain({"company": "Northwind"})
    assert not foresight.certain({"first_name": "Ada" * 10_000})


@pytest.mark.parametrize(
    "body",
    [
        "{{ first_name }}",
        "{{ first_name | trim }}",
        "x{{ custom }}",
        "x{{ custom[first_name] }}",
        "x{% if first_name == 'Ada' %}y{% endif %}",
        "x{% if first_name is upper %}y{% endif %}",
        "x{{ first_name | trim | default('y', true) }}",
        "x{{ first_name | default(company) }}",
    ],
)
def test_where_a_value_could_change_more_than_the_length_nothing_is_certain(body: str) -> None:
    assert not Foresight(template(body), OWN).certain({"first_name": "Ada", "company": "Northwind", "custom": {}})


def test_a_template_that_fails_for_everybody_is_certain_for_nobody() -> None:
    made = template("Hi {{ first_name }}", subject="{{ company }}")
    assert not Foresight(made, OWN).certain({"first_name": "Ada"})
    with pytest.raises(TemplateError):
        render(made, {"first_name": "Ada"}, OWN)


BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = "^{}\\[~]|€\f"


@given(st.text(st.sampled_from(BASIC + EXTENDED + "ł😀"), max_size=400))
def test_sms_segments_are_counted_as_defined(body: str) -> None:
    if all(c in BASIC or c in EXTENDED for c in body):
        units, single, joined = sum(2 if c in EXTENDED else 1 for c in body), 160, 153
    else:
        units, single, joined = len(body.encode("utf-16-le")) // 2, 70, 67
    assert sms_segments(body) == (1 if units <= single else -(-units // joined))
