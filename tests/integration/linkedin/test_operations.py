"""What was asked of LinkedIn is approved exactly as it runs, runs once, and is never posted twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from overture_core.approvals.subjects import subject
from overture_core.clock import ManualClock
from overture_core.contactability.explaining import explain
from overture_core.errors import ApprovalRequired, Conflict, InvalidInput, ProviderRefused
from overture_core.leads.searching import search
from overture_core.leads.service import get
from overture_core.linkedin import accounts, sources
from overture_core.operations import claims
from overture_core.operations import service as operations
from overture_core.operations.models import OperationView, Proposal
from overture_core.operations.states import OperationState
from overture_core.segments.filter import LeadFilter
from overture_providers.linkedin import media, posts, proposals
from overture_providers.linkedin.operations import as_settled, look
from overture_providers.linkedin.session import connected
from overture_providers.sandbox.linkedin_book import ACCOUNT

pytestmark = pytest.mark.anyio
TEXT = "We are back (really)."
WRITE = ["openid", "profile", "w_member_social"]


async def test_a_post_waits_for_a_person_and_runs_as_it_was_approved(linkedin: Any) -> None:
    account = await linkedin.connect()
    asked = linkedin.propose(proposals.post(account, TEXT))
    with pytest.raises(ApprovalRequired):
        await linkedin.run(asked)
    assert linkedin.published() == []
    with linkedin.store.read("default") as work:
        shown = subject(work, asked.approval_id)
    assert shown.lines[:2] == [
        "Publish on LinkedIn as 'Sandy Box' (urn:li:person:Sb8oX2mmbr), seen by everybody:",
        f"| {TEXT}",
    ]
    linkedin.approve(asked)
    done = await linkedin.run(asked)
    assert done.state is OperationState.DONE
    assert done.result is not None
    assert done.result["url"] == posts.post_link(done.result["id"])
    assert (await linkedin.run(asked)) == done
    # Asked for again within a day, it is the same post.
    assert linkedin.propose(proposals.post(account, TEXT)).id == asked.id
    assert linkedin.published() == [posts.little(TEXT)]


async def test_what_was_superseded_is_asked_for_anew_and_what_still_holds_is_not(
    linkedin: Any, clock: ManualClock
) -> None:
    account = await linkedin.connect()

    async def done(proposal: Proposal) -> OperationView:
        clock.advance(timedelta(minutes=1))
        made: OperationView = await linkedin.approved(proposal)
        assert made.state is OperationState.DONE
        assert linkedin.propose(proposal).id == made.id  # repeated at once, it is the same
        return made

    def post() -> Proposal:
        return proposals.post(account, TEXT)

    first = await done(post())
    urn = str((first.result or {})["id"])
    edits = [await done(proposals.edit(account, urn, text)) for text in ("A", "B", "A")]
    assert len({each.id for each in edits}) == 3
    async with connected(linkedin.store, linkedin.settings) as session:
        assert (await posts.get(session.client, urn)).text == "A"
    likes = [await done(proposals.react(account, urn, reaction)) for reaction in ("LIKE", "PRAISE", "LIKE")]
    assert len({each.id for each in likes}) == 3
    said = await done(proposals.comment(account, urn, "Hi"))
    await done(proposals.delete(account, urn))
    assert linkedin.propose(proposals.comment(account, urn, "Hi")).id != said.id
    second = await done(post())
    assert (second.result or {})["id"] != urn
    assert len(linkedin.published()) == 2


async def test_a_post_for_later_is_left_to_the_worker_at_its_time(linkedin: Any, clock: ManualClock) -> None:
    account = await linkedin.connect()
    asked = linkedin.propose(proposals.post(account, TEXT, run_at=clock.now() + timedelta(days=2)))
    linkedin.approve(asked)
    with pytest.raises(Conflict, match="a worker runs it then"):
        await linkedin.run(asked)
    clock.advance(timedelta(days=2, minutes=1))
    with linkedin.store.read("default") as work:
        assert claims.due(work) == [asked.id]
    assert (await linkedin.run(asked)).state is OperationState.DONE
    assert len(linkedin.published()) == 1


async def test_pictures_go_with_a_post_only_if_they_are_those_that_were_approved(linkedin: Any, tmp_path: Path) -> None:
    account = await linkedin.connect()
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n1")
    kept = media.describe(["a.png"], linkedin.settings.import_roots)
    assert (await linkedin.approved(proposals.post(account, TEXT, media=kept))).state is OperationState.DONE
    other = linkedin.propose(proposals.post(account, f"{TEXT}!", media=kept))
    linkedin.approve(other)
    picture.write_bytes(b"\x89PNG\r\n\x1a\n2")
    failed = await linkedin.run(other)
    assert (failed.state, failed.error) == (
        OperationState.FAILED,
        "a.png changed since this was approved; nothing was published. Ask for it again.",
    )
    assert len(linkedin.published()) == 1


async def test_what_one_member_was_approved_for_is_not_done_as_another(linkedin: Any) -> None:
    account = await linkedin.connect()
    of_another = account.model_copy(update={"member": "urn:li:person:other"})
    failed = await linkedin.approved(proposals.post(of_another, TEXT))
    assert failed.state is OperationState.FAILED
    assert "somebody else is connected now" in str(failed.error)
    assert linkedin.published() == []


async def test_a_limit_of_the_day_leaves_the_post_to_the_worker_after_midnight(
    linkedin: Any, clock: ManualClock
) -> None:
    account = await linkedin.connect()
    linkedin.fail("429")
    waits = await linkedin.approved(proposals.post(account, TEXT))
    midnight = (clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert (waits.state, waits.run_at) == (OperationState.READY, midnight)
    clock.advance(midnight - clock.now() + timedelta(minutes=1))
    assert (await linkedin.run(waits)).state is OperationState.DONE
    assert len(linkedin.published()) == 1


async def test_a_burst_that_was_ordered_with_a_time_costs_only_that(linkedin: Any, clock: ManualClock) -> None:
    account = await linkedin.connect()
    linkedin.fail("429", seconds=3)
    waits = await linkedin.approved(proposals.post(account, TEXT))
    assert waits.state is OperationState.READY
    assert waits.run_at - clock.now() < timedelta(minutes=1)


async def test_a_post_whose_answer_was_lost_is_found_among_ones_own(linkedin: Any) -> None:
    account = await linkedin.connect()
    linkedin.fail("drop", after_accept=True)
    done = await linkedin.approved(proposals.post(account, TEXT))
    assert done.state is OperationState.DONE
    assert len(linkedin.published()) == 1


@pytest.mark.parametrize(
    ("before", "outcome"),
    [
        ({"visibility": "CONNECTIONS"}, OperationState.DONE),  # another audience: another post
        ({"files": 1}, OperationState.DONE),
        ({}, OperationState.UNKNOWN),  # the same in all that is seen: which of them it is, nobody can say
    ],
)
async def test_a_lost_post_is_not_taken_for_another_one_with_its_text(
    linkedin: Any, before: dict[str, Any], outcome: OperationState
) -> None:
    account = await linkedin.connect()
    async with connected(linkedin.store, linkedin.settings) as session:
        pictures = [
            await posts.upload(session.client, account.member, "a.png", b"picture", document=False)
            for _ in range(before.get("files", 0))
        ]
        visibility = before.get("visibility", "PUBLIC")
        other = await posts.publish(session.client, posts.body(account.member, TEXT, visibility, pictures, None))
    linkedin.fail("drop", after_accept=True)
    made = await linkedin.approved(proposals.post(account, TEXT))
    assert made.state is outcome
    assert (made.result or {}).get("id") != other
    assert len(linkedin.published()) == 2


async def test_without_the_scope_to_look_a_lost_post_stays_unknown_until_a_person_settles_it(linkedin: Any) -> None:
    account = await linkedin.connect(grant=WRITE)
    linkedin.fail("drop", after_accept=True)
    lost = await linkedin.approved(proposals.post(account, TEXT))
    assert lost.state is OperationState.UNKNOWN
    with pytest.raises(Conflict, match="overture operations settle"):
        await linkedin.run(lost)
    said = rf"r_member_social.*`overture operations settle {lost.id} --done URN --note .*`, or `.* --not-done --note"
    with pytest.raises(ProviderRefused, match=said):
        await look(linkedin.store, "default", lost.id, actor="cli:ada")
    with pytest.raises(InvalidInput, match="'junk id' is no post"):
        as_settled(lost.kind, "junk id")
    with linkedin.store.begin("default", actor="cli:ada") as work:
        settled = operations.settle(
            work, lost.id, result=as_settled(lost.kind, "urn:li:share:1"), note="seen on the profile"
        )
    assert settled.state is OperationState.DONE
    assert len(linkedin.published()) == 1


async def test_a_process_killed_between_the_post_and_its_writing_down_never_posts_twice(
    linkedin: Any, clock: ManualClock, wait_for: Any, warm_programs: Path
) -> None:
    account = await linkedin.connect()
    asked = linkedin.propose(proposals.post(account, TEXT))
    linkedin.approve(asked)
    linkedin.fail("hang", after_accept=True, seconds=60)
    environment = {**os.environ, **linkedin.settings.environment()}
    command = [str(warm_programs / "overture"), "operations", "run", asked.id]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(linkedin.published, deadline=30)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    clock.advance(timedelta(minutes=5))
    with linkedin.store.begin("default", actor="worker") as work:
        assert claims.sweep(work) == (0, 1)
        assert claims.due(work) == []
    with pytest.raises(Conflict, match="Nobody knows what became"):
        await linkedin.run(asked)
    found = await look(linkedin.store, "default", asked.id, actor="worker")
    assert found.state is OperationState.DONE
    assert len(linkedin.published()) == 1


async def test_a_new_lead_is_reported_stored_imported_once_and_can_be_written_to(
    linkedin: Any, serve: Callable[[], str], clock: ManualClock, wait_for: Any
) -> None:
    base = serve()
    account = await linkedin.connect()
    for _ in range(2):  # a second subscription would report everything twice
        watched = linkedin.propose(proposals.watch(account, ACCOUNT))
        assert (await linkedin.run(watched)).state is OperationState.DONE
    with linkedin.store.read("default") as work:
        (source,) = sources.watched(work, sandbox=True)
    filled = linkedin.post(
        "/sandbox/linkedin/leads", first_name="Ada", last_name="Moss", email="ada@northwind.example", interest="Prices"
    )

    def stored() -> list[Any]:
        with linkedin.store.read("default") as work:
            return operations.list_(work, kind=proposals.IMPORT)

    (operation,) = wait_for(stored)
    assert operation.state is OperationState.READY
    done = await linkedin.run(operation)
    assert (done.result or {})["created"] == 1, done
    with linkedin.store.read("default") as work:
        (lead,) = search(work, LeadFilter()).leads
        known = get(work, lead.id)
    assert (known.first_name, known.email, known.tags) == ("Ada", "ada@northwind.example", ["linkedin-lead"])
    assert known.custom == {
        "linkedin_form": "Spring guide",
        "linkedin_response": filled["id"],
        "linkedin_campaign": "Spring campaign",
        "What are you interested in?": "Prices",
        "utm_source": "linkedin",
    }
    (consent,) = known.consents
    assert (consent.channel, consent.granted, consent.source, consent.wording) == (
        "email",
        True,
        "LinkedIn lead form 'Spring guide'",
        "I agree to receive e-mail about products of Overture.",
    )
    with linkedin.store.read("default") as work:
        assert explain(work, lead.id).channels[0].verdict == "yes"
        assert sources.unseen(work, [filled["id"]]) == set()
    assert source.owner == ACCOUNT
    answer = httpx.post(f"{base}/linkedin/webhooks/leads", content=json.dumps({}), trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (403, "signature_invalid")
    challenge = httpx.get(f"{base}/linkedin/webhooks/leads", params={"challengeCode": "not a code"}, trust_env=False)
    assert challenge.status_code == 400


async def test_after_a_new_connection_an_owner_is_watched_again_and_until_then_its_leads_are_warned_of(
    linkedin: Any, serve: Callable[[], str], clock: ManualClock, wait_for: Any
) -> None:
    serve()
    first = linkedin.propose(proposals.watch(await linkedin.connect(), ACCOUNT))
    assert (await linkedin.run(first)).state is OperationState.DONE
    with linkedin.store.begin("default", actor="cli:ada") as work:
        assert accounts.forget(work, sandbox=True)
    with capture_logs() as lines:
        filled = linkedin.post("/sandbox/linkedin/leads", first_name="Ada", last_name="Moss", email="ada@moss.example")
        wait_for(lambda: lines)
    assert lines == [
        {
            "event": "linkedin_lead_not_watched",
            "log_level": "warning",
            "owner": ACCOUNT,
            "response": filled["id"],
        }
    ]
    clock.advance(timedelta(minutes=1))
    again = linkedin.propose(proposals.watch(await linkedin.connect(), ACCOUNT))
    assert again.id != first.id
    assert (await linkedin.run(again)).state is OperationState.DONE
    with linkedin.store.read("default") as work:
        assert [each.owner for each in sources.watched(work, sandbox=True)] == [ACCOUNT]
