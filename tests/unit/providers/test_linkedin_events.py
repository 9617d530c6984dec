"""LinkedIn's webhooks: what is signed is read, whatever else is refused, and the challenge signs nothing."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import InvalidInput, SignatureInvalid
from overture_providers.linkedin.events import LeadReport, answer_challenge, verify_and_parse
from overture_providers.sandbox.linkedin_leads import sign

SECRET = "WPL_AP1.secret"
REPORT = {
    "type": "LEAD_ACTION",
    "leadGenFormResponse": "urn:li:leadGenFormResponse:52dcb737-26f9-4af3-b1fc-935b3e93f838-4",
    "leadGenForm": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3213,1)",
    "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:1232131"},
    "leadType": "SPONSORED",
    "leadAction": "CREATED",
    "occurredAt": 1706741502694,
}
WORDS = st.text("urn:li:sponsoredAccount:1()<\x00é", max_size=30)
ODD = st.none() | st.integers() | WORDS | st.dictionaries(st.sampled_from(["organization", "x"]), WORDS, max_size=2)


def signed(body: object) -> tuple[bytes, str]:
    raw = json.dumps(body).encode()
    return raw, hmac.new(SECRET.encode(), b"hmacsha256=" + raw, hashlib.sha256).hexdigest()


def test_a_signed_report_names_the_lead_and_its_owner() -> None:
    raw, signature = signed(REPORT)
    assert verify_and_parse(raw, signature, SECRET) == LeadReport(
        owner="urn:li:sponsoredAccount:1232131",
        response="52dcb737-26f9-4af3-b1fc-935b3e93f838-4",
        form="urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3213,1)",
    )
    assert sign(raw, SECRET) == signature


@pytest.mark.parametrize("signature", [None, "", "00", "ä", "hmacsha256=00"])
def test_a_report_without_its_signature_is_refused(signature: str | None) -> None:
    with pytest.raises(SignatureInvalid):
        verify_and_parse(signed(REPORT)[0], signature, SECRET)


@pytest.mark.parametrize("change", [{"leadAction": "DELETED"}, {"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"}])
def test_what_we_do_not_act_on_is_taken_and_left(change: dict[str, str]) -> None:
    assert verify_and_parse(*signed({**REPORT, **change}), SECRET) is None


@given(st.dictionaries(st.sampled_from(list(REPORT)), ODD) | st.lists(ODD, max_size=3))
def test_whatever_is_signed_gives_a_report_nothing_or_one_clear_error(change: object) -> None:
    body = {**REPORT, **change} if isinstance(change, dict) else change
    try:
        found = verify_and_parse(*signed(body), SECRET)
    except InvalidInput:
        return
    assert found is None or found.owner.startswith("urn:li:")


@given(st.binary(max_size=60))
def test_whatever_bytes_are_signed_never_break_the_parser(raw: bytes) -> None:
    signature = hmac.new(SECRET.encode(), b"hmacsha256=" + raw, hashlib.sha256).hexdigest()
    with pytest.raises(InvalidInput):
        verify_and_parse(raw, signature, SECRET)


def test_the_challenge_is_answered_with_the_proof_that_linkedin_computes() -> None:
    code = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
    proof = hmac.new(SECRET.encode(), code.encode(), hashlib.sha256).hexdigest()
    assert answer_challenge(code, SECRET) == {"challengeCode": code, "challengeResponse": proof}


@pytest.mark.parametrize("code", ["", 'hmacsha256={"type":"LEAD_ACTION"}', "a" * 101, "a b"])
def test_the_challenge_signs_no_reports(code: str) -> None:
    with pytest.raises(InvalidInput):
        answer_challenge(code, SECRET)
