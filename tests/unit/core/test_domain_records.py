"""What is wrong with a sending domain's records, in one sentence each."""

from __future__ import annotations

import pytest

from overture_core.health.domain import dkim_fault, dmarc_fault, spf_fault


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        (["v=spf1 include:sendgrid.net ~all", "other"], None),
        (["v=spf1 redirect=example.net"], None),
        (["v=spf10 -all"], "There is no SPF record"),
        (["v=spf1 -all", "v=spf1 ~all"], "There are 2 SPF records"),
        (["v=spf1 +all"], "The SPF record ends in"),
        (["v=spf1 mx"], "The SPF record has no end"),
    ],
)
def test_spf(records: list[str], fault: str | None) -> None:
    assert (spf_fault(records) or "").startswith(fault or "")
    assert (spf_fault(records) is None) is (fault is None)


def test_dkim() -> None:
    assert dkim_fault(["k=rsa; p=MIGf"], "s1") is None
    assert "no DKIM key for the selector s1" in (dkim_fault([], "s1") or "")
    assert "revoked" in (dkim_fault(["v=DKIM1; p="], "s1") or "")


def test_dmarc() -> None:
    assert dmarc_fault(["v=DMARC1; p=none"]) is None
    assert "no DMARC record" in (dmarc_fault(["v=spf1 -all"]) or "")
    assert "2 DMARC records" in (dmarc_fault(["v=DMARC1; p=none"] * 2) or "")
    assert "no valid policy" in (dmarc_fault(["v=DMARC1; rua=mailto:a@b.example"]) or "")
