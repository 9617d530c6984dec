"""Templates: strict, in a sandbox, with lead values as data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import TemplateError
from overture_core.messages.content import sms_segments
from overture_core.storage.schema import Template
from overture_core.templates.render import MissingField, Rendered, fields_of, render


def template(body: str, subject: str | None = "Hi", channel: str = "email") -> Template:
    return Template(
        id="tpl_1",
        workspace_id="default",
        name="t",
        version=1,
        channel=channel,
        subject=subject,
        body=body,
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def test_fields_are_found_in_body_and_custom_columns() -> None:
    assert fields_of("{{ first_name }} {{ custom.deal }} {{ custom['x y'] }}") == {
        "first_name",
        "custom.deal",
        "custom.x y",
    }


def test_an_unknown_field_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TemplateError, match="unknown field 'firstname'; the fields are: first_name"):
        fields_of("Hi {{ firstname }}")


def test_wrong_syntax_names_the_line() -> None:
    with pytest.raises(TemplateError, match=r"Line 2 of the template is not valid"):
        fields_of("Hi\n{{ first_name ")


def test_a_missing_field_is_an_error_that_names_it() -> None:
    with pytest.raises(MissingField) as caught:
        render(template("Hi {{ first_name }}"), {}, {})
    assert caught.value.field == "first_name"


def test_a_default_stands_in_for_a_missing_field() -> None:
    assert render(template("Hi {{ first_name | default('there') }}"), {}, {}) == Rendered("Hi", "Hi there")


@pytest.mark.parametrize(
    "body",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ first_name.__init__.__globals__ }}",
        "{{ 'a' * 10000000 }}",
        "{{ 9 ** 999999 }}",
        "{% for i in range(10000000) %}x{% endfor %}",
    ],
)
def test_a_template_cannot_reach_out_or_blow_up(body: str) -> None:
    with pytest.raises(TemplateError):
        render(template(body), {"first_name": "Ada"}, {})


@given(st.text(max_size=100))
def test_a_leads_text_is_never_evaluated(value: str) -> None:
    hostile = "{{ 7 + 7 }}{% if true %}" + value
    made = render(template("[{{ first_name }}]"), {"first_name": hostile}, {})
    assert made.body.startswith("[{{ 7 + 7 }}{% if true %}")


@given(st.text(max_size=100))
def test_a_subject_stays_on_one_line(value: str) -> None:
    made = render(template("x", "Hello {{ first_name }}"), {"first_name": value + "\r\nBcc: a@example.com"}, {})
    assert made.subject is not None
    assert not set(made.subject) & set("\r\n\x00")


@pytest.mark.parametrize(
    ("body", "segments"),
    [("a" * 160, 1), ("a" * 161, 2), ("ж" * 70, 1), ("ж" * 71, 2), ("€" * 80, 1), ("€" * 81, 2), ("😀" * 35, 1)],
)
def test_sms_segments_are_counted_as_billed(body: str, segments: int) -> None:
    assert sms_segments(body) == segments


def test_an_sms_beyond_the_limit_is_refused() -> None:
    merge: dict[str, Any] = {"company": "x" * 1600}
    with pytest.raises(TemplateError, match="over 1600 characters"):
        render(template("{{ company }}!", None, "sms"), merge, {})


def test_looking_into_a_field_is_refused_when_it_is_saved() -> None:
    with pytest.raises(TemplateError, match=r"only custom\.<column>"):
        fields_of("{{ first_name.__class__ }}")
