"""The gate's rules, over zones, daylight-saving changes and caps."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overture_core.contactability.addresses import reaches_nobody, takes_no_sms
from overture_core.contactability.quiet_hours import LEGAL, QuietHours, Window, read
from overture_core.contactability.rules import (
    EXPLANATIONS,
    SENDER_ASKED_AGAIN,
    Caps,
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
    known: Facts, channel: Channel = Channel.SMS, at: datetime = NOON_NEW_YORK, *, verified: bool | None = True
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
        (facts(zones=("America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo")), Channel.SMS, Reason.ZONE_UNKNOWN),
        (facts(invalid=[Channel.SMS]), Channel.SMS, Reason.INVALID_ADDRESS),
        (facts(invalid=[Channel.EMAIL]), Channel.EMAIL, Reason.INVALID_ADDRESS),
    ],
)
def test_a_reason_that_waiting_does_not_change_is_never(known: Facts, channel: Channel, reason: Reason) -> None:
    assert ask(known, channel) == Decision(Verdict.NEVER, reason)


def test_a_refused_sender_writes_to_nobody_for_now_and_a_channel_without_one_never() -> None:
    later = NOON_NEW_YORK + SENDER_ASKED_AGAIN
    assert ask(facts(), Channel.EMAIL, verified=False) == Decision(Verdict.LATER, Reason.UNVERIFIED_SENDER, later)
    stopped = facts(suppressed={Channel.EMAIL})
    assert ask(stopped, Channel.EMAIL, verified=False) == Decision(Verdict.NEVER, Reason.SUPPRESSED)
    assert ask(facts(), Channel.EMAIL, verified=None) == Decision(Verdict.NEVER, Reason.UNVERIFIED_SENDER)


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


def single(known: Facts, channel: Channel = Channel.EMAIL, at: datetime = NOON_NEW_YORK) -> Decision:
    return decide(known, channel, at, sender_verified=True, direct=True)


def test_a_single_message_answers_who_wrote_lately() -> None:
    lately, today = NOON_NEW_YORK - timedelta(days=1), NOON_NEW_YORK - timedelta(hours=1)
    wrote = facts(replied_at=lately, paid_at=lately - timedelta(days=1), contacted=[today])
    assert ask(wrote, Channel.EMAIL).reason is Reason.REPLIED
    assert single(wrote) == Decision(Verdict.YES)


@pytest.mark.parametrize(("last", "reason"), [("stopped_at", Reason.REPLIED), ("paid_at", Reason.PAID)])
def test_a_wish_to_stop_and_a_payment_are_not_answered(last: str, reason: Reason) -> None:
    wrote = {"replied_at": NOON_NEW_YORK - timedelta(days=1)}
    assert single(facts(**wrote, **{last: NOON_NEW_YORK - timedelta(hours=1)})).reason is reason
    assert single(facts(**wrote, **{last: wrote["replied_at"]})).reason is reason


def test_to_who_has_not_written_a_single_message_is_like_any_other() -> None:
    lately = NOON_NEW_YORK - timedelta(hours=1)
    long_ago = facts(replied_at=NOON_NEW_YORK - timedelta(days=31), contacted=[lately])
    assert single(long_ago).reason is Reason.FREQUENCY_CAP
    assert single(facts(paid_at=lately)).reason is Reason.PAID


def test_an_answer_goes_around_no_other_rule() -> None:
    wrote = {"replied_at": NOON_NEW_YORK - timedelta(days=1)}
    assert single(facts(**wrote, suppressed={Channel.EMAIL})).reason is Reason.SUPPRESSED
    assert single(facts(**wrote, consent={Channel.EMAIL: False})).reason is Reason.CONSENT_DENIED
    night = NOON_NEW_YORK + timedelta(hours=12)
    assert single(facts(**wrote), Channel.SMS, night).reason is Reason.QUIET_HOURS


def test_every_reason_is_explained() -> None:
    assert set(EXPLANATIONS) == set(Reason)


@given(zone=st.sampled_from(ZONES), at=MOMENTS)
def test_an_sms_never_leaves_outside_the_window_of_its_zone(zone: str, at: datetime) -> None:
    decision = ask(facts(zones=(zone,)), at=at)
    leaves = decision.not_before or at
    assert LEGAL.has(leaves.astimezone(ZoneInfo(zone)).time())
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


WINDOWS = st.builds(
    lambda opens, closes: Window(time(opens // 60, opens % 60), time(closes // 60, closes % 60)),
    st.integers(8 * 60, 12 * 60),
    st.integers(13 * 60, 21 * 60),
)
# Around changes of the clocks in America, Europe, Australia, and of half an hour on Lord Howe Island.
CHANGES = ("2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04")
NEAR_CHANGES = st.builds(
    lambda day, minutes: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-2 * 1440, 2 * 1440),
)
FAR_APART = ["America/New_York", "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]


@settings(max_examples=60, deadline=None)
@given(
    maybe_in=st.lists(st.sampled_from(FAR_APART), min_size=1, max_size=3),
    hours=WINDOWS,
    at=NEAR_CHANGES,
    contacted=st.lists(st.timedeltas(timedelta(), timedelta(days=8)), max_size=4),
    caps=st.builds(Caps, st.integers(1, 3), st.integers(1, 5)),
)
@example(  # the minute in which both share the hours is the last before the cap and the change of the clocks
    maybe_in=["Europe/Berlin", "Asia/Kathmandu"],
    hours=Window(time(8, 15), time(13)),
    at=datetime(2026, 10, 24, 7, 14, tzinfo=UTC),
    contacted=[timedelta()],
    caps=Caps(1, 1),
)
def test_the_time_that_is_named_is_the_first_that_will_do(
    maybe_in: list[str], hours: Window, at: datetime, contacted: list[timedelta], caps: Caps
) -> None:
    known = facts(zones=tuple(maybe_in), hours=hours, contacted=[at - ago for ago in contacted])
    decision = decide(known, Channel.SMS, at, sender_verified=True, caps=caps)

    def allowed(moment: datetime) -> bool:
        in_hours = all(hours.has(moment.astimezone(ZoneInfo(zone)).time()) for zone in maybe_in)
        in_a_day = sum(when > moment - timedelta(days=1) for when in known.contacted)
        in_a_week = sum(when > moment - timedelta(days=7) for when in known.contacted)
        return in_hours and in_a_day < caps.a_day and in_a_week < caps.a_week

    if decision.verdict is Verdict.NEVER:
        assert decision.reason is Reason.ZONE_UNKNOWN
        # Until the caps have long ended: what is shared today may not be when the clocks have changed.
        assert not any(allowed(at + timedelta(minutes=minutes)) for minutes in range(0, 10 * 1440, 10))
        return
    leaves = decision.not_before or at
    assert allowed(leaves)
    assert ask_again(known, leaves, caps) is Verdict.YES
    minutes = min(int((leaves - at) / timedelta(minutes=1)), 1440)
    scan = (leaves - timedelta(minutes=back) for back in range(1, minutes + 1))
    assert not any(allowed(moment) for moment in scan if moment >= at)


def ask_again(known: Facts, at: datetime, caps: Caps) -> Verdict:
    return decide(known, Channel.SMS, at, sender_verified=True, caps=caps).verdict


@pytest.mark.parametrize(
    ("phone", "country", "window"),
    [
        ("+12125550123", "US", LEGAL),
        ("+13055550123", "US", Window(time(8), time(20))),
        ("+14055550123", "US", Window(time(8), time(20))),
        ("+12065550123", "US", Window(time(8), time(20))),
        ("+12035550123", "US", Window(time(9), time(20))),
        ("+493012345678", "DE", LEGAL),
        (None, None, LEGAL),
    ],
)
def test_the_law_of_the_place_narrows_the_hours(phone: str | None, country: str | None, window: Window) -> None:
    assert QuietHours({}).window(phone, country) == window


def test_settings_narrow_the_hours_and_never_widen_them() -> None:
    hours = QuietHours({"*": "06:00-20:30", "DE": "10:00-18:00", "+1512": "12:00-23:00"})
    assert hours.window("+12125550123", "US") == Window(time(8), time(20, 30))
    assert hours.window("+493012345678", "DE") == Window(time(10), time(18))
    assert hours.window("+15125550123", "US") == Window(time(12), time(20, 30))


@given(
    phone=st.from_regex(r"\+1[2-9][0-9]{9}", fullmatch=True), hours=WINDOWS, place=st.sampled_from(["*", "US", "+1"])
)
def test_no_setting_leaves_less_than_an_hour_or_more_than_the_law(phone: str, hours: Window, place: str) -> None:
    written = f"{hours.opens:%H:%M}-{hours.closes:%H:%M}"
    window = QuietHours({place: written}).window(phone, "US")
    assert LEGAL.opens <= window.opens <= time(12)
    assert time(13) <= window.closes <= LEGAL.closes


@pytest.mark.parametrize(
    "written", [{"Germany": "09:00-20:00"}, {"DE": "9 to 5"}, {"*": "20:00-21:00"}, {"*": "24:00-25:00"}]
)
def test_hours_that_cannot_be_kept_are_refused(written: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(written)


@pytest.mark.parametrize("email", ["noreply@x.com", "no-reply@x.com", "Abuse@x.com", "postmaster@x.com", "a@b.invalid"])
def test_a_mailbox_that_no_lead_reads_is_known(email: str) -> None:
    assert reaches_nobody(email)


@pytest.mark.parametrize("email", ["ada@example.com", "info@example.com", "norepl@x.com", "security.lee@x.com"])
def test_a_person_or_an_office_is_no_machine(email: str) -> None:
    assert not reaches_nobody(email)


def test_a_landline_takes_no_sms_and_a_mobile_does() -> None:
    assert takes_no_sms("+442079460018")
    assert takes_no_sms("+18005550123")
    assert not takes_no_sms("+447400123456")
    assert not takes_no_sms("+12125550123")  # North America does not tell them apart
