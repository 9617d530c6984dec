"""Rest.li's encoding, on the vectors of LinkedIn's own client and on whatever Hypothesis thinks of."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import InvalidInput
from overture_providers.linkedin import restli

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "linkedin_restli.json").read_text())
CATALOG: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "linkedin_catalog.json").read_text())
WORDS = st.text(min_size=1)
VALUES = st.recursive(
    WORDS,
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(WORDS, inner, min_size=1, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(("value", "expected"), VECTORS["encode"])
def test_values_are_encoded_as_linkedins_client_does(value: Any, expected: str) -> None:
    assert restli.encode(value) == expected


@pytest.mark.parametrize(("params", "expected"), VECTORS["param_encode"])
def test_queries_are_encoded_as_linkedins_client_does(params: Any, expected: str) -> None:
    assert restli.encode_params(params) == expected


@pytest.mark.parametrize(("text", "expected"), VECTORS["decode"])
def test_values_are_decoded_as_linkedins_client_does(text: str, expected: Any) -> None:
    assert restli.decode(text) == expected


@pytest.mark.parametrize(("text", "expected"), VECTORS["reduced_decode"])
def test_reduced_values_are_decoded_as_linkedins_client_does(text: str, expected: Any) -> None:
    assert restli.decode_reduced(text) == expected


@given(VALUES)
def test_what_was_encoded_is_decoded_to_itself(value: Any) -> None:
    try:
        encoded = restli.encode(value)
    except UnicodeEncodeError:
        return  # half of a surrogate pair is no text
    assert restli.decode(encoded) == value


@given(st.text(alphabet="List(),:%2Cab'"))
def test_whatever_is_decoded_gives_a_value_or_one_clear_error(text: str) -> None:
    for decode in (restli.decode, restli.decode_reduced):
        with suppress(InvalidInput):
            assert decode(text) is not None


@pytest.mark.parametrize("text", ["List(1", "(a:1", "(a)", "List(1)x", "List(" * 30])
def test_malformed_values_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not well-formed"):
        restli.decode(text)


def test_owners_and_spans_of_time_read_as_in_linkedins_catalogue() -> None:
    asked = next(each for each in CATALOG["operations"] if each["id"] == "getSchedulePeriodicFormResponse")["query"]
    params: dict[str, restli.Value] = {
        "q": "owner",
        "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:{{sponsoredaccount_id}}"},
        "leadType": {"leadType": "SPONSORED"},
        "limitedToTestLeads": False,
        "submittedAtTimeRange": {"start": 1, "end": 2},
    }
    made = {name: value for name, _, value in (each.partition("=") for each in restli.encode_params(params).split("&"))}
    as_there = {
        "owner": asked["owner"].replace("{{", "%7B%7B").replace("}}", "%7D%7D"),
        "leadType": asked["leadType"].replace("{{leadtype_sponsored}}", "SPONSORED"),
        "submittedAtTimeRange": "(start:1,end:2)",
    }
    assert made == {"q": asked["q"], "limitedToTestLeads": asked["limitedToTestLeads"], **as_there}
