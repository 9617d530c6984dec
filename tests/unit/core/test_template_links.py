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
        "https://{% if a %}",
    ],
)
def test_a_field_in_the_host_is_refused(source: str) -> None:
    with pytest.raises(TemplateError, match="link's host comes from a field"):
        check_links(source)


@pytest.mark.parametrize(
    "source", ["https://a.example/{{ company }}", "https://a.example?c={{ company }}", "{{ unsubscribe_url }}"]
)
def test_a_field_after_the_host_is_taken(source: str) -> None:
    check_links(source)
