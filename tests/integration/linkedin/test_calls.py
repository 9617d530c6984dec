"""LinkedIn's API as the client speaks it: what the sandbox took, and what each refusal says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from overture_core.clock import ManualClock
from overture_core.errors import (
    NotConnected,
    OutcomeUnknown,
    OvertureError,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
)
from overture_core.linkedin import accounts
from overture_providers.linkedin import lead_forms, pages, posts
from overture_providers.linkedin.capabilities import capabilities
from overture_providers.linkedin.session import connected
from overture_providers.sandbox.linkedin_book import ACCOUNT, PAGE, PERSON

pytestmark = pytest.mark.anyio
CATALOG = json.loads((Path(__file__).parents[2] / "data" / "linkedin_catalog.json").read_text())["operations"]
TEXT = "Spring (again): 50% off #spring_sale\n\nWrite to us @overture."


def request(author: str = PERSON, text: str = TEXT) -> dict[str, Any]:
    return posts.body(author, text, "PUBLIC", [], None)


async def test_a_post_is_read_edited_commented_on_reacted_to_and_deleted(linkedin: Any) -> None:
    await linkedin.connect()
    async with connected(linkedin.store, linkedin.settings) as session:
        client = session.client
        urn = await posts.publish(client, request())
        made = await posts.get(client, urn)
        assert (made.urn, made.author, made.text, made.visibility) == (urn, PERSON, TEXT, "PUBLIC")
        assert await posts.by_author(client, PERSON) == [made]
        await posts.edit(client, urn, "New [text]", PERSON)
        assert (await posts.get(client, urn)).text == "New [text]"
        comment = await posts.comment(client, urn, PERSON, "Well (said)")
        assert [(each.urn, each.actor, each.text) for each in await posts.comments(client, urn)] == [
            (comment, PERSON, "Well (said)")
        ]
        await posts.react(client, urn, PERSON, "PRAISE")
        assert await posts.reactions(client, urn) == {"PRAISE": 1}
        await posts.remove(client, urn, PERSON)
        await posts.remove(client, urn, PERSON)
        assert await posts.by_author(client, PERSON) == []
        with pytest.raises(ProviderRefused, match="knows no such thing among its posts"):
            await posts.get(client, urn)
    with linkedin.store.read("default") as work:
        assert capabilities(work).calls == {
            "posts": 9,
            "reactions": 1,
            "socialActions/comments": 2,
            "socialMetadata": 1,
        }


async def test_files_are_uploaded_and_a_page_is_an_author(linkedin: Any) -> None:
    await linkedin.connect()
    async with connected(linkedin.store, linkedin.settings) as session:
        client = session.client
        picture = await posts.upload(client, PAGE, "a.png", b"picture", document=False)
        document = await posts.upload(client, PAGE, "a.pdf", b"document", document=True)
        for pictures, paper in (([picture], None), ([picture, picture], None), ([], document)):
            assert await posts.publish(client, posts.body(PAGE, "x", "PUBLIC", pictures, paper))
        lost = posts.Medium("urn:li:image:never", "b.png")
        with pytest.raises(ProviderRefused, match="urn:li:image:never was not uploaded"):
            await posts.publish(client, posts.body(PAGE, "x", "PUBLIC", [lost], None))
        with pytest.raises(ProviderRefused, match="not LinkedIn's"):
            await client.upload("https://files.example/x", b"x")


async def test_pages_statistics_and_forms_are_read(linkedin: Any) -> None:
    await linkedin.connect()
    now = datetime.now(UTC)
    async with connected(linkedin.store, linkedin.settings) as session:
        client = session.client
        assert await pages.administered(client) == [pages.Page(PAGE, "ADMINISTRATOR")]
        shares = await pages.statistics(client, PAGE, "shares", start=now - timedelta(days=7), end=now)
        assert shares["totalShareStatistics.impressionCount"] == 120
        assert await pages.statistics(client, PAGE, "views") == {"totalPageStatistics.views.allPageViews.pageViews": 87}
        with pytest.raises(ProviderRefused) as refused:
            await pages.statistics(client, "urn:li:organization:1", "followers")
        assert refused.value.message == (
            "LinkedIn does not let this member do that, although rw_organization_admin was granted: have an "
            "administrator of that page make the member one. LinkedIn said: Member is not an administrator of "
            "urn:li:organization:1"
        )
        (form,) = await lead_forms.forms(client, ACCOUNT)
        assert (form.id, form.name) == ("7733", "Spring guide")
        assert form.consents == {"1": "I agree to receive e-mail about products of Overture."}


async def test_the_sandbox_takes_the_bodies_of_linkedins_catalogue(linkedin: Any) -> None:
    await linkedin.connect()
    with linkedin.store.read("default") as work:
        _, tokens = accounts.get(work, sandbox=True)
    async with connected(linkedin.store, linkedin.settings) as session:
        urn = await posts.publish(session.client, request())
        document = await posts.upload(session.client, PAGE, "a.pdf", b"%PDF", document=True)
    here = {
        "urn:li:organization:{{organization_id}}": PAGE,
        "urn:li:organization:5583111": PAGE,
        "urn:li:document:{{document_asset_id}}": document.urn,
        "urn:li:sponsoredAccount:{{sponsoredaccount_id}}": ACCOUNT,
        "{{leadtype_sponsored}}": "SPONSORED",
    }
    headers = {
        "Authorization": f"Bearer {tokens.access}",
        "LinkedIn-Version": "202611",
        "X-Restli-Protocol-Version": "2.0.0",
        "Content-Type": "application/json",
    }
    answers = {}
    for known in (each for each in CATALOG if each["request"]):
        text = json.dumps(known["request"])
        for there, ours in here.items():
            text = text.replace(there, ours)
        method = {"X-RestLi-Method": "PARTIAL_UPDATE"} if "patch" in known["request"] else {}
        url = linkedin.url + known["path"].replace("{shared ID}/{ugcPosts ID}", urn.replace(":", "%3A"))
        answer = httpx.post(url, params=known["query"], content=text, headers={**headers, **method}, trust_env=False)
        answers[known["id"]] = (answer.status_code, answer.text if answer.status_code == 400 else "")
    assert answers.pop("postSubscribeForLeadNotification") == (
        400,  # nobody answers the challenge at example.com
        '{"status":400,"code":"ILLEGAL_ARGUMENT","message":"This URL did not pass the security challenge check",'
        '"serviceErrorCode":100}',
    )
    assert answers == {
        "postInitializeImageUpload": (200, ""),
        "postCreateDocumentContent": (201, ""),
        "postUpdateAPost": (204, ""),
    }


async def test_a_missing_scope_is_named_with_the_product_that_gives_it(linkedin: Any) -> None:
    await linkedin.connect(grant=["openid", "profile"])
    async with connected(linkedin.store, linkedin.settings) as session:
        with pytest.raises(ProviderRefused) as refused:
            await posts.publish(session.client, request())
    assert refused.value.message == (
        "LinkedIn did not grant w_member_social (posts, comments and reactions as the member). It comes with the "
        "product 'Share on LinkedIn': add it to the application, name the scope in OVERTURE_LINKEDIN_SCOPES, and "
        "connect again. LinkedIn said: Not enough permissions to access: posts.POST"
    )
    assert linkedin.published() == []


async def test_a_sunset_version_names_the_setting(linkedin: Any) -> None:
    await linkedin.connect(oldest_version="202712")
    async with connected(linkedin.store, linkedin.settings) as session:
        with pytest.raises(ProviderRefused, match=r"retired version 202611 .*OVERTURE_LINKEDIN_VERSION to a newer"):
            await posts.publish(session.client, request())
    assert linkedin.published() == []


@pytest.mark.parametrize(
    ("fault", "error", "said", "taken"),
    [
        ({"kind": "401"}, NotConnected, "revoked by the user.*connects again", 0),
        ({"kind": "500"}, OutcomeUnknown, "nobody knows", 0),
        ({"kind": "500", "after_accept": True}, OutcomeUnknown, "nobody knows", 1),
        ({"kind": "drop", "after_accept": True}, OutcomeUnknown, "did not answer after the request was sent", 1),
    ],
)
async def test_a_post_is_made_once_whatever_becomes_of_its_answer(
    linkedin: Any, fault: dict[str, Any], error: type[OvertureError], said: str, taken: int
) -> None:
    await linkedin.connect()
    async with connected(linkedin.store, linkedin.settings) as session:
        linkedin.fail(**fault)
        with pytest.raises(error, match=said):
            await posts.publish(session.client, request())
    assert len(linkedin.published()) == taken


async def test_a_linkedin_that_is_away_proves_that_nothing_was_sent(linkedin: Any) -> None:
    await linkedin.connect()
    away = linkedin.settings.model_copy(update={"sandbox_url": "http://127.0.0.1:9"})
    async with connected(linkedin.store, away) as session:
        with pytest.raises(ProviderUnavailable, match="nothing was sent"):
            await posts.publish(session.client, request())


async def test_a_days_limit_holds_until_midnight_utc_and_no_longer(linkedin: Any, clock: ManualClock) -> None:
    await linkedin.connect()
    midnight = (clock.now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    async with connected(linkedin.store, linkedin.settings) as session:
        linkedin.fail("429")
        for _ in range(2):  # the second is not even sent: the fault is used up by now
            with pytest.raises(RateLimited, match=f"{midnight:%Y-%m-%d} 00:00 UTC") as limited:
                await posts.publish(session.client, request())
            assert limited.value.until == midnight
        assert linkedin.published() == []
        with linkedin.store.read("default") as work:
            shown = capabilities(work)
        assert (shown.calls, shown.limited) == ({"posts": 1}, {"posts": midnight})
        await pages.administered(session.client)  # other resources have limits of their own
        clock.advance(midnight - clock.now())
        await posts.publish(session.client, request())
    with linkedin.store.read("default") as work:
        assert capabilities(work).calls == {"posts": 1}
    assert len(linkedin.published()) == 1
