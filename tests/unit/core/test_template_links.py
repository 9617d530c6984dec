"""A lead's field never decides where a link leads."""

from __future__ import annotations

import pytest

from overture_core.errors import TemplateError
from overture_core.templates.links import check_links


@pytest.mark.parametrize(
    "source",
    [
        "https://{{ company }}/x",
        "//{{ company }}",
        "http://a.example{{ company }}",
        "https://user@{{ custom.h }}/",
        "https://{% if company %}a{% endif %}",
        "www.{{ company }}/x",
        "WWW.shop{{ company }}.example/x",
        "Go to {{ company }}.example.com/x",
        "Go to {{ company }}.{{ title }}",
        "shop.{{ company }}.com",
        "example.{{ company }}/x",
        "https:{{ company }}",
        "https: {{- company }}",
        "https:/{{ company }}",
        "https:\uff0f\uff0f{{ company }}",
        "ht\u200btps://{{ company }}",
        "https:/{# #}/{{ company }}",
        "h{{ first_name }}ttps://x",
        "{{ first_name }}://x",
        "{{ first_name | default('https://') }}{{ company }}",
        "{{ 'https' if company else 'http' }}:{{ company }}",
        "{% if company %}https://{% else %}no {% endif %}{{ company }}",
        "mailto:{{ company }}",
        "mailto:me@{{ company }}",
        "write to me@{{ company }}",
        "tel:{{ phone }}",
    ],
)
def test_a_field_in_the_host_is_refused(source: str) -> None:
    with pytest.raises(TemplateError, match="link's host comes from a field"):
        check_links(source)


@pytest.mark.parametrize(
    "source",
    [
        "https://a.example/{{ company }}",
        "https://a.example/files/{{ company }}.pdf",
        "https://a.example?c={{ company }}",
        "www.a.example/{{ company }}.html",
        "mailto:me@a.example?subject={{ first_name }}",
        "{{ unsubscribe_url }}",
        "{{ first_name }}, see https://a.example/x. Yours {{ sender_name }}.",
        "Hi {{ first_name | default('there') }}! Note: {{ company }}. And {{ title }}... {{ last_name }}'s",
        "Dear Mr.{{ last_name }}, your number is {{ phone }}; write to me@a.example",
        "{% if company %}You at {{ company }}{% else %}You{% endif %}",
    ],
)
def test_a_field_after_the_host_is_taken(source: str) -> None:
    check_links(source)


@pytest.mark.parametrize("source", ["https://evil.example\\@good.example/", "https:\\\\evil.example/"])
def test_a_host_that_reads_in_two_ways_is_refused(source: str) -> None:
    with pytest.raises(TemplateError, match="backslash"):
        check_links(source)


def test_the_text_of_html_is_held_to_the_same() -> None:
    check_links('<a href="{{ unsubscribe_url }}">{{ first_name }}</a><b>.example</b>', html=True)
    with pytest.raises(TemplateError, match="comes from a field"):
        check_links("<p>https&#58;//{{ company }}</p>", html=True)
