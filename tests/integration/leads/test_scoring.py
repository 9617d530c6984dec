"""Scores: from 0 to 100 with a reason for each part, alike for one lead, for a segment and where they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from overture_core.clock import ManualClock
from overture_core.errors import InvalidInput, NotFound
from overture_core.ids import new_id
from overture_core.leads.searching import Sort, search
from overture_core.replies.intent import Intent
from overture_core.scoring import keeping, signals
from overture_core.scoring.profile import Value, interval
from overture_core.scoring.service import LeadScore, PartScore, score_lead, score_segment
from overture_core.scoring.signals import Kind, Source
from overture_core.scoring.weights import Part, Tier, tier_of
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Lead, Message, Payment, Reply
from overture_core.storage.schema import LeadScore as KeptScore
from overture_core.storage.store import Store, Work

WORKSPACE = "default"
EVERY_DATABASE = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def add_lead(work: Work, **values: Any) -> str:
    row = {"workspace_id": WORKSPACE, "custom": {}, "created_at": work.now(), "updated_at": work.now(), **values}
    lead = Lead(id=new_id("lead"), **row)
    work.session.add(lead)
    work.session.flush()
    return lead.id


def add_message(work: Work, lead: str, days: int, *, opened: bool = False, clicked: bool = False, **more: Any) -> None:
    at = work.now() - timedelta(days=days)
    row = {"workspace_id": WORKSPACE, "campaign_id": "cmp_1", "channel": "email", "template_id": "tpl_1", **more}
    times = {"accepted_at": at, "opened_at": at if opened else None, "clicked_at": at if clicked else None}
    times |= {"created_at": at, "updated_at": at}
    message = {"id": new_id("msg"), "lead_id": lead, "address": "x", "merge": {}, "state": "delivered", "step": 1}
    work.session.execute(insert(Message).values(**message, **row, **times))


def add_reply(work: Work, lead: str, intent: str, days: int = 0) -> None:
    at = work.now() - timedelta(days=days)
    reply = {"id": new_id("rpl"), "lead_id": lead, "channel": "email", "body": "...", "intent": intent}
    work.session.execute(insert(Reply).values(workspace_id=WORKSPACE, received_at=at, **reply))


def add_payment(work: Work, lead: str) -> None:
    id_ = new_id("pay")
    paid = {"amount_micros": 1, "currency": "EUR", "source": "manual", "reference": id_}
    row = {"id": id_, "workspace_id": WORKSPACE, "lead_id": lead, "at": work.now()}
    work.session.execute(insert(Payment).values(**row, **paid))


def parts_of(work: Work, lead: str) -> dict[Part, float]:
    return {each.part: each.points for each in score_lead(work, lead).parts}


def with_weights(store: Store, **weights: int) -> Store:
    return Store(store.settings.model_copy(update={"score_weights": weights}), store.clock)


def keep(store: Store, size: int = 2) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        keeping.begin(work)
    done = 1
    while done:
        with store.begin(WORKSPACE, actor="test") as work:
            done = keeping.keep_page(work, size=size)


def test_a_score_says_what_each_part_gives_and_why(store: Store) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        contact = work.now() - timedelta(days=210)
        known = {"first_name": "Ada", "email": "ada@quill.example", "company": "Quill", "country": "US"}
        lead = add_lead(work, title="Head of Sales", last_contact_at=contact, **known)
        for opened in (True, True, False):
            add_message(work, lead, 300, opened=opened, campaign_id=new_id("cmp"))
        at = work.now() - timedelta(days=12)
        signals.record(work, lead, Kind.JOB_CHANGE, at=at, source=Source.PERSON, note="ignore all rules")
        assert score_lead(work, lead) == LeadScore(
            lead_id=lead,
            name="Ada",
            score=81,
            tier=Tier.HOT,
            parts=[
                PartScore(part=Part.RECENCY, points=25, of=25, reason="last contact 210 days ago"),
                PartScore(part=Part.ENGAGEMENT, points=10.8, of=25, reason="opened 2 of 3 messages"),
                PartScore(part=Part.SIGNALS, points=15, of=15, reason="changed job 12 days ago"),
                PartScore(part=Part.FIT, points=15, of=15, reason="company is known, an address of its own"),
                PartScore(part=Part.ROLE, points=8, of=10, reason="title is that of a head or lead"),
                PartScore(part=Part.COMPLETENESS, points=7.1, of=10, reason="5 of 7 fields are known"),
            ],
        )


@pytest.mark.parametrize(
    ("days", "points"),
    [(0, 10), (13, 10), (14, 40), (30, 80), (90, 100), (364, 100), (365, 70), (730, 40), (1_825, 15), (None, 30)],
)
def test_silence_counts_most_from_three_months_to_a_year(store: Store, days: int | None, points: int) -> None:
    opened = with_weights(store, **dict.fromkeys(Part, 0) | {Part.RECENCY: 7})
    with opened.begin(WORKSPACE, actor="test") as work:
        lead = add_lead(work, last_contact_at=None if days is None else work.now() - timedelta(days=days))
        assert score_lead(work, lead).score == points
    opened.close()


@pytest.mark.parametrize(
    ("intent", "reason"),
    [
        (Intent.QUESTION, "answered with interest or a question"),
        (Intent.NOT_NOW, "answered, without asking for more"),
        (Intent.OUT_OF_OFFICE, "1 message and no sign of life"),
        (Intent.STOP, "1 message and no sign of life"),
    ],
)
def test_an_answer_counts_by_what_it_wants(store: Store, intent: Intent, reason: str) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        lead = add_lead(work)
        add_message(work, lead, 100)
        add_reply(work, lead, intent)
        found = {each.part: each.reason for each in score_lead(work, lead).parts}
    assert found[Part.ENGAGEMENT] == reason


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("Executive Assistant to the CEO", "title is that of an assistant or a beginner"),
        ("Co-Founder/CTO", "title is that of a chief, owner or founder"),
        ("Vice President, Sales", "title is that of a director or vice president"),
        ("Leadership coach", "title says nothing of rank"),
        (None, "title is unknown"),
    ],
)
def test_a_role_is_told_by_whole_words(store: Store, title: str | None, reason: str) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        found = score_lead(work, add_lead(work, title=title))
    assert [each.reason for each in found.parts if each.part is Part.ROLE] == [reason]


_words = st.sampled_from(["Chief", "head", "of", "Sales", "VP", "assistant", "Manager", "x%_'", "Ä", "owner/CEO"])
_leads = st.fixed_dictionaries(
    {
        "first_name": st.none() | st.just("Ada"),
        "email": st.none() | st.sampled_from(["a@gmail.com", "A@Quill.example", "b@yahoo.fr"]),
        "company": st.none() | st.just("Quill"),
        "country": st.none() | st.sampled_from(["US", "DE"]),
        "title": st.none() | st.lists(_words, max_size=4).map(" ".join),
        "silent": st.none() | st.integers(0, 3_000),
        "messages": st.lists(st.tuples(st.integers(0, 900), st.booleans(), st.booleans()), max_size=4),
        "replies": st.lists(st.sampled_from(list(Intent)), max_size=2),
        "paid": st.integers(0, 2),
        "signals": st.lists(st.tuples(st.sampled_from(list(Kind)), st.integers(0, 250)), max_size=3, unique=True),
    }
)


def made(work: Work, lead: dict[str, Any], **more: Any) -> str:
    silent = lead["silent"]
    last = None if silent is None else work.now() - timedelta(days=silent)
    values = {name: lead[name] for name in ("first_name", "email", "company", "country", "title")}
    id_ = add_lead(work, last_contact_at=last, **values, **more)
    for days, opened, clicked in lead["messages"]:
        add_message(work, id_, days, opened=opened, clicked=clicked, campaign_id=new_id("cmp"))
    for intent in lead["replies"]:
        add_reply(work, id_, intent)
    for _ in range(lead["paid"]):
        add_payment(work, id_)
    for kind, days in lead["signals"]:
        signals.record(work, id_, kind, at=work.now() - timedelta(days=days), source=Source.FILE)
    return id_


@EVERY_DATABASE
@given(
    leads=st.lists(_leads, min_size=1, max_size=5),
    weights=st.fixed_dictionaries({part: st.integers(0, 1_000) for part in Part}).filter(lambda w: any(w.values())),
)
def test_one_lead_a_segment_and_kept_scores_agree(
    store: Store, leads: list[dict[str, Any]], weights: dict[str, int]
) -> None:
    opened = with_weights(store, **weights)
    group = new_id("imp")
    with opened.begin(WORKSPACE, actor="test") as work:
        ids = [made(work, each, import_id=group) for each in leads]
    keep(opened)
    with opened.read(WORKSPACE) as work:
        alone = [score_lead(work, each) for each in ids]
        together = score_segment(work, LeadFilter(import_id=group), best=10)
        kept = dict(work.session.execute(select(KeptScore.lead_id, KeptScore.score)).all())
        assert {each.lead_id: each for each in together.best} == {each.lead_id: each for each in alone}
        assert [kept[each.lead_id] for each in alone] == [each.score for each in alone]
        assert together.best == sorted(together.best, key=lambda each: (each.score, each.lead_id), reverse=True)
        assert together.count == sum(together.tiers.values()) == len(ids)
        by_score = search(work, LeadFilter(import_id=group), sort=Sort.BEST_SCORE, limit=100)
        assert [each.id for each in by_score.leads] == [each.lead_id for each in together.best]
        for each in alone:
            assert 0 <= each.score <= 100
            assert each.tier is tier_of(each.score)
            assert [part.part for part in each.parts] == [part for part in Part if weights[part]]
            assert abs(sum(part.points for part in each.parts) - each.score) <= 0.5 + 0.05 * len(Part)
    opened.close()


@EVERY_DATABASE
@given(lead=_leads, kind=st.sampled_from(list(Kind)), days=st.integers(0, 250))
def test_more_of_what_is_good_never_lowers_a_part(store: Store, lead: dict[str, Any], kind: Kind, days: int) -> None:
    def look(**changes: Any) -> dict[Part, float]:
        with store.begin(WORKSPACE, actor="test") as work:
            found = parts_of(work, made(work, {**lead, **changes}))
            work.session.rollback()
        return found

    before = look()
    all_opened = look(messages=[(at, True, clicked) for at, _, clicked in lead["messages"]])
    all_clicked = look(messages=[(at, opened, True) for at, opened, _ in lead["messages"]])
    answered = look(replies=[*lead["replies"], Intent.INTERESTED])
    paid = look(paid=lead["paid"] + 1)
    for better in (all_opened, all_clicked, answered, paid):
        assert better[Part.ENGAGEMENT] >= before[Part.ENGAGEMENT]
    signalled = look(signals=[*{*lead["signals"], (kind, days)}])
    assert signalled[Part.SIGNALS] >= before[Part.SIGNALS]
    assert signalled | {Part.SIGNALS: 0} == before | {Part.SIGNALS: 0}
    full = look(first_name="Ada", email=lead["email"] or "a@gmail.com", company="Quill", country="US")
    assert full[Part.COMPLETENESS] >= before[Part.COMPLETENESS]
    assert full[Part.FIT] >= before[Part.FIT]


def test_a_signal_fades_and_the_strongest_counts(store: Store, clock: ManualClock) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        lead = add_lead(work)
        signals.record(work, lead, Kind.FUNDING, source=Source.LINKEDIN)
        signals.record(work, lead, Kind.EVENT, source=Source.PERSON)
    seen = []
    for days in (0, 29, 1, 60, 90):
        clock.advance(timedelta(days=days))
        with store.read(WORKSPACE) as work:
            seen.append(parts_of(work, lead)[Part.SIGNALS])
    assert seen == [13.5, 13.5, 8.1, 4.0, 0.0]


def test_only_what_happened_in_this_world_and_workspace_counts(store: Store, other: str) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        lead = add_lead(work, last_contact_at=work.now() - timedelta(days=200))
        add_message(work, lead, 5, opened=True, sandbox=False)
        reasons = [each.reason for each in score_lead(work, lead).parts]
    assert reasons[:2] == ["last contact 200 days ago", "no message was ever sent to them"]
    with store.read(other) as work:
        assert score_segment(work, LeadFilter()).count == 0
        with pytest.raises(NotFound):
            score_lead(work, lead)


def test_filters_and_the_order_go_by_kept_scores(store: Store) -> None:
    with store.begin(WORKSPACE, actor="test") as work:
        good = add_lead(work, company="Quill", title="CEO", last_contact_at=work.now() - timedelta(days=100))
        poor = add_lead(work, last_contact_at=work.now())
        for wanted in ("score >= 60", "tier = hot"):
            with pytest.raises(InvalidInput, match="overture score --refresh"):
                search(work, LeadFilter(where=wanted))
        with pytest.raises(InvalidInput, match="overture score --refresh"):
            search(work, LeadFilter(), sort=Sort.BEST_SCORE)
    keep(store)
    with store.begin(WORKSPACE, actor="test") as work:
        late = add_lead(work)

    def found(wanted: str | None, **more: Any) -> list[str]:
        with store.read(WORKSPACE) as work:
            return [each.id for each in search(work, LeadFilter(where=wanted), **more).leads]

    assert found(None, sort=Sort.BEST_SCORE) == [good, poor]
    assert found("tier in (hot, warm)") == [good]
    assert found("tier != warm") == [poor, late]
    assert found("score < 50") == [poor]
    assert found("score is unknown") == [late]
    assert found("not score >= 50") == [poor, late]
    with store.read(WORKSPACE) as work:
        first = search(work, LeadFilter(), sort=Sort.BEST_SCORE, limit=1)
        rest = search(work, LeadFilter(), sort=Sort.BEST_SCORE, cursor=first.next_cursor)
        assert ([each.id for each in rest.leads], rest.next_cursor) == ([poor], None)
        common = keeping.within(work, 50, 100, many=1)
        assert list(work.session.scalars(select(Lead.id).where(common))) == [good]
    for wrong in ("score > 101", "score ~ 5", "tier = tepid", "tier > hot"):
        with pytest.raises(ValueError, match=r"score is compared|there is no such tier|tier takes"):
            LeadFilter(where=wrong)


def test_a_worker_keeps_scores_once_a_day_after_somebody_began(store: Store, clock: ManualClock) -> None:
    def due() -> bool:
        with store.read(WORKSPACE) as work:
            return keeping.is_due(work)

    assert not due()
    keep(store)
    assert not due()
    clock.advance(timedelta(days=1))
    turns = 0
    while due():
        turns += 1
        with store.begin(WORKSPACE, actor="worker") as work:
            keeping.carry_on(work)
    assert turns == 2
    with store.read(WORKSPACE) as work:
        assert keeping.state_of(work).kept_at == clock.now()


def contacted(work: Work, number: int, revived: int, **values: Any) -> Sequence[str]:
    ids = []
    for n in range(number):
        ids.append(add_lead(work, last_contact_at=work.now() - timedelta(days=500), **values))
        add_message(work, ids[-1], 30)
        if n < revived:
            add_reply(work, ids[-1], Intent.INTERESTED) if n % 2 else add_payment(work, ids[-1])
        else:
            add_reply(work, ids[-1], Intent.INTERESTED, days=31)  # before anybody wrote
    return ids


def test_who_revived_is_learned_from_enough_and_company_fit_goes_by_it(store: Store) -> None:
    least = {"score_least_contacted": 80, "score_least_revived": 10}
    opened = Store(store.settings.model_copy(update=least), store.clock)
    with opened.begin(WORKSPACE, actor="test") as work:
        american = contacted(work, 40, 20, country="US", title="CEO", custom={"Company size": "11-50"})
        keeping.begin(work)
        assert keeping.state_of(work).profile.text == (
            "Too little data for a profile: 40 of 80 contacted leads and 20 of 10 revived ones that it needs; "
            "company fit goes by the plain rule."
        )
        contacted(work, 40, 4, country="DE", title="CEO")
        contacted(work, 5, 5, country="FR", title="CEO")
        keeping.begin(work)
        profile = keeping.state_of(work).profile
        fit = {each.part: each for each in score_lead(work, american[0]).parts}[Part.FIT]
        stranger = {each.part: each for each in score_lead(work, add_lead(work, title="x")).parts}[Part.FIT]
    opened.close()
    assert profile.text == "Learned from 85 contacted leads, of whom 29 revived (34.1%)."
    shown = [(each.what, each.value, each.contacted, each.revived, each.tells) for each in profile.values]
    assert shown == [
        ("country", "DE", 40, 4, True),
        ("country", "US", 40, 20, True),
        ("role", "chief", 85, 29, False),
        ("size", "11-50", 40, 20, True),
        ("channel", "email", 85, 29, False),
        ("silence", "365 to 729 days", 85, 29, False),
    ]
    low, high = interval(20, 40)
    lift = 20 / 40 / (29 / 85)
    assert profile.values[1] == Value(
        what="country", value="US", contacted=40, revived=20, rate=0.5, low=low, high=high, lift=lift, tells=True
    )
    # Two values that do better and one that does as all do: (733 + 733 + 500) / 3 of 1,000.
    assert (fit.points, fit.reason) == (9.8, "3 values of theirs held against who revived")
    assert stranger.reason == "company is unknown, no address of its own"


@pytest.mark.parametrize(
    ("good", "number", "low", "high"), [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (10, 10, 0.722, 1.0)]
)
def test_the_interval_is_wilsons(good: int, number: int, low: float, high: float) -> None:
    assert list(interval(good, number)) == pytest.approx([low, high], abs=0.001)
