"""Scores: what each part goes by, with the reason that is told for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from overture_core.clock import ManualClock
from overture_core.errors import NotFound
from overture_core.ids import new_id
from overture_core.replies.intent import Intent
from overture_core.scoring import signals
from overture_core.scoring.service import LeadScore, PartScore, score_lead, score_segment
from overture_core.scoring.signals import Kind, Source
from overture_core.scoring.weights import Part, Tier
from overture_core.segments.filter import LeadFilter
from overture_core.storage.store import Store
from tests.integration.leads.past import WORKSPACE, add_lead, add_message, add_reply, parts_of, with_weights


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
        elsewhere = add_message(work, lead, 5, opened=True, sandbox=False)
        add_reply(work, lead, Intent.INTERESTED, message=elsewhere)
        reasons = [each.reason for each in score_lead(work, lead).parts]
    assert reasons[:2] == ["last contact 200 days ago", "no message was ever sent to them"]
    with store.read(other) as work:
        assert score_segment(work, LeadFilter()).count == 0
        with pytest.raises(NotFound):
            score_lead(work, lead)
