"""The dashboard in a real browser, on real processes: what a person opens, reads, approves, watches and stops."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, ViewportSize, expect

from overture_servers.main import GRACE_S
from tests.browser import DESK, PHONE, browser, faults, opened, overflows, picture
from tests.conftest import WaitFor
from tests.dashboard_scene import Model, filled, planned
from tests.e2e.conftest import System, started

# UPDATE_SCREENSHOTS=1 keeps the pictures anew.
PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
LONG = 30_000  # ms, for what workers and the sandbox do meanwhile


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, warm_programs: Path) -> Iterator[System]:
    """The whole system, with leads, templates and one plan that waits."""
    with started(tmp_path_factory.mktemp("dashboard"), warm_programs / "python") as running:
        model = Model(running.http, [])
        filled(model)
        planned(model, "Summer", follow_ups=[{"templates": {"email": "reminder"}, "wait_before": "3 business days"}])
        yield running


@pytest.fixture(scope="module")
def sent(system: System, wait_for: WaitFor) -> None:
    """The campaign `Spring`, which was sent and answered, and paid for by one lead."""
    model = Model(system.http, [])
    plan = planned(model, "Spring")
    system.overture("approvals", "approve", plan["approval"]["id"])
    model.call("messaging_launch_campaign", plan_id=plan["plan_id"])
    wait_for(lambda: model.call("messaging_get_campaign", campaign="Spring")["replied"] == 2, deadline=60)
    paid = ("--amount", "120", "--currency", "EUR", "--reference", "R-1")
    system.overture("payments", "record", "ada.reply-yes@northwind.example", *paid)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def model(system: System) -> Model:
    return Model(system.http, [])


@pytest.fixture(scope="module")
def session(chromium: Browser, system: System) -> StorageState:
    """A session, opened by the link that the command line prints."""
    with chromium.new_context() as context:
        opened(context, system.overture("dashboard")["link"])
        return context.storage_state()


@pytest.fixture
def desk(chromium: Browser, system: System, session: StorageState) -> Iterator[Page]:
    with chromium.new_context(viewport=DESK, storage_state=session) as context:
        yield home(context, system)


@pytest.fixture
def phone(chromium: Browser, system: System, session: StorageState) -> Iterator[Page]:
    with chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True, storage_state=session) as context:
        yield home(context, system)


def home(context: BrowserContext, system: System) -> Page:
    """Go to the first page; a script that fails there or later fails the test."""
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    page.goto(system.http)
    return page


def approved(page: Page, system: System, plan: dict[str, Any]) -> None:
    """Approve a plan and launch it, by the keyboard alone."""
    page.goto(f"{system.http}/page/approvals/{plan['approval']['id']}")
    page.get_by_role("button", name="Approve exactly this").press("Enter")
    page.get_by_role("button", name="Launch it now").press("Enter")
    expect(page.get_by_role("heading", name=plan["campaign"])).to_be_visible()


def test_a_person_reads_a_plan_approves_it_and_watches_it_to_its_end(desk: Page, system: System, model: Model) -> None:
    plan = planned(model, "Easter", segment="wingtip")
    expect(desk.get_by_role("link", name="campaign Easter, 3 recipients")).to_be_visible()  # by itself
    desk.get_by_role("link", name="campaign Easter, 3 recipients").click()
    expect(desk.get_by_text("gave no consent, which this channel or country needs first")).to_be_visible()
    mail = desk.frame_locator("iframe")
    expect(mail.get_by_role("heading", name="Hello Iris")).to_have_css("color", "rgb(11, 87, 164)")
    assert "approvals approve" in model.refused("messaging_launch_campaign", plan_id=plan["plan_id"])
    approved(desk, system, plan)
    # No reload: the page follows what workers and the sandbox's webhooks do.
    expect(desk.get_by_text("1 refused")).to_be_visible(timeout=LONG)
    expect(desk.get_by_text(re.compile("It is finished"))).to_be_visible(timeout=LONG)
    expect(desk.locator("dt:text-is('accepted') + dd")).to_have_text("3", timeout=LONG)
    found = system.overture("approvals", "show", plan["approval"]["id"])
    assert (found["approval"]["state"], found["approval"]["decided_via"]) == ("used", "web")
    desk.goto(system.http)
    expect(desk.get_by_role("heading", name="All campaigns")).to_be_visible()
    expect(desk.get_by_text("No worker runs")).to_have_count(0)
    assert system.summary()["accepted_twice"] == []


@pytest.mark.usefixtures("sent")
def test_a_reply_is_read_with_its_thread_and_its_lead_traced(desk: Page, system: System) -> None:
    desk.get_by_role("link", name="Replies").click()
    desk.get_by_role("link", name=re.compile("^interested")).click()
    desk.get_by_role("link", name="Ada Moss").click()
    expect(desk.locator(".thread > .ours")).to_contain_text("is a pilot for Northwind still of interest?")
    expect(desk.locator(".thread > .theirs .state")).to_have_text("interested")
    desk.get_by_role("link", name="Everything that happened to this lead").click()
    expect(desk.locator(".timeline > li").first).to_contain_text("imported")
    expect(desk.locator(".timeline")).to_contain_text("email reply")
    assert desk.url.startswith(f"{system.http}/page/leads/lead_")


@pytest.mark.usefixtures("sent")
def test_what_a_campaign_brought_in_is_shown(desk: Page) -> None:
    desk.get_by_role("link", name="Revenue").click()
    row = desk.get_by_role("row").filter(has_text="Spring")
    expect(row).to_contain_text("pilot (version 1)")
    expect(row.get_by_role("img", name="120.00 EUR of Spring")).to_be_visible()


def test_on_a_phone_a_campaign_is_paused_resumed_and_cancelled_and_all_sending_stopped(
    phone: Page, system: System, model: Model
) -> None:
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    plan = planned(model, "Autumn", send_at=later)
    approved(phone, system, plan)
    expect(phone.get_by_text(re.compile("It is running"))).to_be_visible()
    phone.get_by_role("button", name="Pause").tap()
    expect(phone.get_by_text(re.compile("It is paused"))).to_be_visible()
    phone.get_by_role("button", name="Resume").tap()
    expect(phone.get_by_text(re.compile("It is running"))).to_be_visible()
    phone.get_by_text("Cancel it for good").tap()
    phone.get_by_role("button", name="Cancel Autumn").tap()
    expect(phone.get_by_text(re.compile("It is cancelled"))).to_be_visible()
    phone.get_by_text("Stop all sending", exact=True).tap()
    phone.get_by_label("Why, for the record").fill("a test")
    phone.get_by_role("button", name="Stop all sending now").tap()
    expect(phone.get_by_role("status").first).to_contain_text("All sending is stopped")
    assert system.overture("stop", "--lift", "--yes")["stopped"] is False


def test_what_a_lead_calls_itself_is_read_and_never_obeyed(desk: Page, system: System) -> None:
    desk.goto(f"{system.http}/page/leads?find=mal@evil.example")
    desk.get_by_role("link", name=re.compile("<img src=x")).click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("<script>document.title='owned'</script>")
    assert "owned" not in desk.title().replace("document.title='owned'", "")
    assert desk.locator("main img, main script").count() == 0


def test_a_rejection_wants_a_reason_and_ends_it(desk: Page, system: System, model: Model) -> None:
    plan = planned(model, "Winter", templates={"email": "reminder"})
    desk.goto(f"{system.http}/page/approvals/{plan['approval']['id']}")
    desk.get_by_role("button", name="Reject").click()
    expect(desk.get_by_role("alert")).to_contain_text("Say why you reject it")
    desk.go_back()
    desk.get_by_label("Reason (needed to reject)").fill("too soon")
    desk.get_by_role("button", name="Reject").click()
    expect(desk.get_by_text("There is nothing left to decide: it is rejected.")).to_be_visible()
    assert "too soon" in model.refused("messaging_launch_campaign", plan_id=plan["plan_id"])


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["wide", "narrow"])
def test_every_view_can_be_read_by_everybody(
    chromium: Browser,
    desk: Page,
    system: System,
    session: StorageState,
    viewport: ViewportSize,
    scheme: Literal["light", "dark"],
) -> None:
    found: list[str] = []
    places = views(desk, system)
    with chromium.new_context(viewport=viewport, color_scheme=scheme, storage_state=session) as context:
        page = context.new_page()
        page.on("console", lambda said: found.append(f"console: {said.text}"))
        for name, place in places.items():
            page.goto(place)
            if page.locator("[data-live]").count():
                expect(page.get_by_text("This page keeps itself up to date.")).to_be_visible()
            if (mail := page.locator("iframe")).count():
                mail.first.scroll_into_view_if_needed()
                expect(mail.first.content_frame.get_by_role("heading", name="Hello Ada")).to_be_visible()
            found.extend(f"{name}: {each}" for each in faults(page))
            found.extend([f"{name}: wider than the window"] if overflows(page) else [])
            if os.environ.get("UPDATE_SCREENSHOTS"):
                picture(page, PICTURES, f"{name}-{scheme}")
    assert found == []


def test_who_leaves_is_told_nothing_more_on_any_page(chromium: Browser, system: System) -> None:
    with chromium.new_context() as context:
        page, other = opened(context, system.overture("dashboard")["link"]), home(context, system)
        expect(other.get_by_text("This page keeps itself up to date.")).to_be_visible()
        page.get_by_role("button", name="Leave").click()
        expect(page.get_by_text("This page is for people with an open session.")).to_be_visible()
        expect(other.get_by_text("Your session is over; open the dashboard anew to go on.")).to_be_visible()


def test_a_page_goes_on_by_itself_when_the_server_comes_back(desk: Page, system: System, wait_for: WaitFor) -> None:
    expect(desk.get_by_text("This page keeps itself up to date.")).to_be_visible()
    os.kill(system.running.pid("servers"), signal.SIGTERM)
    expect(desk.get_by_text("The server does not answer; trying again.")).to_be_visible()
    # An open page does not keep the server from ending.
    assert wait_for(system.running.revive, deadline=GRACE_S / 2) == ["servers"]
    expect(desk.get_by_text("This page keeps itself up to date.")).to_be_visible(timeout=LONG)
    system.running.wait_ready()


def test_a_page_that_nobody_sees_holds_no_connection(desk: Page) -> None:
    """A browser opens six to a server: with as many tabs behind each other, a stop would wait for ever."""
    expect(desk.get_by_text("This page keeps itself up to date.")).to_be_visible()
    seen = "value => { Object.defineProperty(document, 'hidden', {value, configurable: true}); " + (
        "document.dispatchEvent(new Event('visibilitychange')); }"
    )
    with desk.expect_event("requestfailed", lambda each: each.url.endswith("?live")):
        desk.evaluate(seen, True)
    with desk.expect_request(lambda each: each.url.endswith("?live")):
        desk.evaluate(seen, False)


def views(page: Page, system: System) -> dict[str, str]:
    """Every view's address, each with something to see."""
    base = system.http

    def linked(path: str, name: str) -> str:
        page.goto(base + path)
        return base + str(page.get_by_role("link", name=name).first.get_attribute("href"))

    return {
        "campaigns": f"{base}/",
        "approvals": f"{base}/page/approvals",
        "plan": linked("/page/approvals", "campaign Summer, 8 recipients"),
        "campaign": linked("/", "Spring"),
        "replies": f"{base}/page/replies",
        "thread": linked("/page/replies", "Ada Moss"),
        "leads": f"{base}/page/leads",
        "lead": linked("/page/leads?find=Ada", "Ada Moss"),
        "senders": f"{base}/page/senders",
        "revenue": f"{base}/page/revenue",
        "system": f"{base}/page/system",
    }
