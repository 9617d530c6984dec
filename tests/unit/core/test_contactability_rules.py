"""The gate's rules, over zones, daylight-saving changes and caps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.contactability.rules import (
    EXPLANATIONS,
    SMS_FROM,
    SMS_UNTIL,
    Decision,
    Facts,
    Reason,
    Verdict,
    decide,
)
from overture_core.messages.channels import Channel

NOON_NEW_YORK = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ZONES = sorted(
    zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))
)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - st adds the zone


def facts(**changes: object) -> Facts:
    made = Facts(
        country="US",
        addresses={Channel.EMAIL: "ada@example.com", Channel.SMS: "+12125550123"},
        consent={Channel.SMS: True, Channel.EMAIL: True},
        zones=("America/New_York",),
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def ask(
    known: Facts, channel: Channel = Channel.SMS, at: datetime = NOON_NEW_YORK, *, verified: bool = True
) -> Decision:
    return decide(known, channel, at, sender_verified=verified)


def test_a_lead_with_consent_at_noon_may_be_contacted() -> None:
    assert ask(facts()) == Decision(Verdict.YES)
    assert ask(facts(), Channel.EMAIL) == Decision(Verdict.YES)


@pytest.mark.parametrize(
    ("known", "channel", "reason"),
    [
        (facts(addresses={}), Channel.EMAIL, Reason.NO_ADDRESS),
        (facts(suppressed={Channel.SMS}), Channel.SMS, Reason.SUPPRESSED),
        (facts(consent={Channel.SMS: False}), Channel.SMS, Reason.CONSENT_DENIED),
        (facts(consent={}), Channel.SMS, Reason.CONSENT_MISSING),
        (facts(consent={}, country="DE"), Channel.EMAIL, Reason.CONSENT_MISSING),
        (facts(consent={Channel.EMAIL: False}), Channel.EMAIL, Reason.CONSENT_DENIED),
        (facts(replied_at=NOON_NEW_YORK - timedelta(days=2)), Channel.EMAIL, Reason.REPLIED),
        (facts(zones=()), Channel.SMS, Reason.ZONE_UNKNOWN),
    ],
)
def test_a_reason_that_waiting_does_not_change_is_never(known: Facts, channel: Channel, reason: Reason) -> None:
    assert ask(known, channel) == Decision(Verdict.NEVER, reason)


def test_an_unverified_sender_writes_to_nobody() -> None:
    assert ask(facts(), Channel.EMAIL, verified=False) == Decision(Verdict.NEVER, Reason.UNVERIFIED_SENDER)


def test_email_in_a_country_of_opt_out_needs_no_consent_first() -> None:
    assert ask(facts(consent={}), Channel.EMAIL) == Decision(Verdict.YES)


def test_an_sms_at_night_waits_for_eight_in_the_morning_there() -> None:
    at = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # 23:00 in New York
    assert ask(facts(), at=at) == Decision(Verdict.LATER, Reason.QUIET_HOURS, datetime(2026, 11, 23, 13, 0, tzinfo=UTC))


def test_email_knows_no_quiet_hours() -> None:
    assert ask(facts(), Channel.EMAIL, datetime(2026, 11, 23, 4, 0, tzinfo=UTC)) == Decision(Verdict.YES)


def test_a_second_message_waits_a_day_after_the_first() -> None:
    first = NOON_NEW_YORK - timedelta(hours=3)
    assert ask(facts(contacted=[first]), Channel.EMAIL) == Decision(
        Verdict.LATER, Reason.FREQUENCY_CAP, first + timedelta(days=1)
    )


def test_a_fourth_message_in_a_week_waits_until_the_week_is_over() -> None:
    earlier = [NOON_NEW_YORK - timedelta(days=days) for days in (2, 4, 6)]
    assert ask(facts(contacted=earlier), Channel.EMAIL) == Decision(
        Verdict.LATER, Reason.FREQUENCY_CAP, earlier[-1] + timedelta(days=7)
    )


def test_every_reason_is_explained() -> None:
    assert set(EXPLANATIONS) == set(Reason)


@given(zone=st.sampled_from(ZONES), at=MOMENTS)
def test_an_sms_never_leaves_outside_the_window_of_its_zone(zone: str, at: datetime) -> None:
    decision = ask(facts(zones=(zone,)), at=at)
    leaves = decision.not_before or at
    assert SMS_FROM <= leaves.astimezone(ZoneInfo(zone)).time() < SMS_UNTIL
    assert at <= leaves <= at + timedelta(hours=14)


@given(
    zones=st.lists(st.sampled_from(["America/New_York", "America/Chicago", "America/Los_Angeles"]), min_size=1),
    at=MOMENTS,
    contacted=st.lists(MOMENTS, max_size=5),
)
def test_asked_again_at_the_time_it_named_the_gate_says_yes(
    zones: list[str], at: datetime, contacted: list[datetime]
) -> None:
    known = facts(zones=tuple(zones), contacted=[when for when in contacted if when <= at])
    decision = ask(known, at=at)
    if decision.verdict is Verdict.LATER:
        assert decision.not_before is not None
        assert ask(known, at=decision.not_before).verdict is Verdict.YES


@given(at=MOMENTS, contacted=st.lists(st.timedeltas(timedelta(), timedelta(days=9)), max_size=6))
def test_the_cap_holds_in_every_window(at: datetime, contacted: list[timedelta]) -> None:
    before = [at - each for each in contacted]
    decision = ask(facts(contacted=before), Channel.EMAIL, at)
    leaves = decision.not_before or at
    assert sum(when > leaves - timedelta(days=1) for when in before) < 1
    assert sum(when > leaves - timedelta(days=7) for when in before) < 3
