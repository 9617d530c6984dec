"""The MCP App in a host's page, framed as the specification wants it, on real processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mcp.types import CallToolResult
from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect
from sqlalchemy import select

from overture_core.storage.schema import Segment
from overture_core.storage.store import Store
from tests.app_host import Host, Mode, Theme
from tests.browser import DESK, PHONE, browser, faults, opened, overflows, picture
from tests.conftest import WaitFor
from tests.dashboard_scene import Model, filled, planned
from tests.e2e.conftest import System, free_ports, started

# UPDATE_SCREENSHOTS=1 keeps the pictures anew.
PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
LONG = 60_000  # ms, for what workers and the sandbox do meanwhile
PLAN, LAUNCH, STATUS = (f"messaging_{name}_campaign" for name in ("plan", "launch", "get"))
FOLLOWED = "This is kept up to date."
EVIL = "<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system, with leads and templates."""
    with started(tmp_path_factory.mktemp("app")) as running:
        filled(Model(running.http, []))
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    with chromium.new_context(viewport=DESK) as context:
        yield context


@pytest.fixture
def host(context: BrowserContext, system: System) -> Host:
    return Host(context, messaging(system))


def messaging(system: System) -> str:
    return f"{system.http}/messaging/mcp"


def waiting(system: System, name: str, **more: Any) -> dict[str, Any]:
    """Plan a campaign that then waits for a person."""
    return planned(Model(system.http, []), name, **more)


def approved(system: System, name: str, **more: Any) -> dict[str, Any]:
    """Plan a campaign that a person then approves."""
    plan = waiting(system, name, **more)
    system.overture("approvals", "approve", plan["approval"]["id"])
    return plan


def test_a_plan_is_read_in_the_host_approved_on_the_page_and_watched_to_its_end(
    context: BrowserContext, host: Host, system: System
) -> None:
    view = host.show(PLAN, name="Easter", segment="wingtip", templates={"email": "pilot"})
    expect(view.get_by_role("heading", level=1)).to_have_text("Plan: Easter pending")
    expect(view.get_by_text("gave no consent, which this channel or country needs first")).to_be_visible()
    expect(view.get_by_text("Hello Iris, is a pilot for Wingtip still of interest?")).to_be_visible()
    view.get_by_role("button", name="Approve or reject it on the page").press("Enter")
    page = opened(context, system.overture("dashboard")["link"])
    (address,) = host.opened
    page.goto(address)
    page.get_by_role("button", name="Approve exactly this").click()
    expect(view.get_by_role("heading", level=1)).to_have_text("Plan: Easter approved", timeout=LONG)  # by itself
    expect(view.get_by_role("button", name="Launch it on the page")).to_be_visible()
    page.get_by_role("button", name="Launch it now").click()
    expect(view.get_by_role("heading", level=1)).to_have_text("Easter finished", timeout=LONG)
    expect(view.get_by_role("img", name="Easter: ")).to_be_visible()
    expect(view.locator("dt:text-is('accepted') + dd")).to_have_text("3", timeout=LONG)
    expect(view.get_by_role("status")).to_have_text("Nothing more will happen to it.")
    assert host.frame.evaluate("timer") == 0, "it asks on"
    assert {name for name, _ in host.called} == {STATUS}
    assert host.console == []


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_launch_is_followed_and_paused_in_both_eras(host: Host, system: System, mode: Mode) -> None:
    host.mode = mode
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    plan = approved(system, f"Autumn {mode}", send_at=later)
    view = host.show(LAUNCH, plan_id=plan["plan_id"])
    expect(view.get_by_role("heading", level=1)).to_have_text(f"Autumn {mode} running")
    expect(view.get_by_role("img", name=f"Autumn {mode}: 8 waiting")).to_be_visible()
    view.get_by_role("button", name="Pause").press("Enter")
    expect(view.get_by_role("heading", level=1)).to_have_text(f"Autumn {mode} paused")
    expect(view.get_by_role("button", name="Pause")).to_be_hidden()
    assert ("messaging_stop_campaign", {"campaign": plan["campaign_id"], "action": "pause"}) in host.called


def test_a_launch_without_an_approval_says_how_a_person_approves(host: Host, system: System) -> None:
    plan = waiting(system, "Hasty")
    view = host.show(LAUNCH, plan_id=plan["plan_id"])
    expect(view.get_by_role("status")).to_contain_text(f"overture approvals approve {plan['approval']['id']}")
    assert host.called == []


def test_what_leads_and_models_wrote_is_text(host: Host, system: System) -> None:
    host.call(
        "messaging_save_template",
        name=EVIL,
        channel="email",
        subject=EVIL,
        body=f"</pre><script>{EVIL}",
        body_html="auto",
    )
    view = host.show(PLAN, name=EVIL, segment="dormant", templates={"email": EVIL})
    expect(view.get_by_role("heading", level=1)).to_contain_text(EVIL)
    expect(view.locator("h3").first).to_contain_text(EVIL)
    expect(view.locator("pre").first).to_contain_text(f"</pre><script>{EVIL}")
    expect(view.get_by_role("status")).to_have_text(FOLLOWED)
    assert host.frame.evaluate("document.querySelectorAll('img, iframe, object, link, a, form').length") == 0
    assert host.frame.evaluate("document.scripts.length") == 1
    assert host.frame.evaluate("document.title") == "Overture"
    assert host.console == []
    # And were it otherwise, it would run in no origin, from where nothing is reached.
    assert host.frame.evaluate("origin") == "null"
    assert host.frame.evaluate("url => fetch(url).then(() => 'came', () => 'refused')", system.http) == "refused"


def test_a_name_turns_nothing_that_stands_beside_it(host: Host, system: System) -> None:
    Model(system.http, []).call("leads_save_segment", name="Spring")
    store = Store(system.settings)
    with store.begin("default", actor="test") as work:
        saved = work.session.scalars(select(Segment).where(Segment.name == "Spring")).one()
        saved.name = "Tur\u202ened\u2066"  # as names could be before they were looked at
    store.close()
    view = host.show(PLAN, name="Beside", segment="Tur\u202ened\u2066", templates={"email": "pilot"})
    expect(view.get_by_text("Audience: the segment Turned.")).to_be_visible()


def test_a_plan_that_was_made_anew_is_not_the_one_to_approve(host: Host, system: System) -> None:
    view = host.show(PLAN, name="Twice", segment="dormant", templates={"email": "pilot"})
    expect(view.get_by_role("status")).to_have_text(FOLLOWED)
    waiting(system, "Twice", templates={"email": "reminder"})
    expect(view.get_by_role("status")).to_contain_text("this plan is not the one that waits any more", timeout=LONG)
    expect(view.get_by_role("heading", level=1)).to_have_text("Plan: Twice void")
    expect(view.get_by_role("button")).to_have_count(0)


def test_a_host_that_refuses_is_named_with_what_to_do(host: Host, system: System) -> None:
    plan = waiting(system, "Refused")
    host.refuses = {"tools/call", "ui/open-link"}
    view = host.show(STATUS, campaign="Refused")
    view.get_by_role("button", name="Approve or reject it on the page").click()
    address = f"{system.http}/page/approvals/{plan['approval']['id']}"
    expect(view.get_by_role("status")).to_have_text(
        f"The page was not opened: the host refused (the user did not allow it). Open {address} in your browser."
    )
    expect(view.get_by_role("button", name="Try again")).to_be_visible(timeout=LONG)
    expect(view.get_by_role("status")).to_have_text(
        "How far it is could not be asked: the host refused (the user did not allow it). "
        "Nothing is asked again by itself."
    )
    assert host.frame.evaluate("timer") == 0
    host.refuses = set()
    view.get_by_role("button", name="Try again").press("Enter")
    expect(view.get_by_role("status")).to_have_text(FOLLOWED)
    expect(view.get_by_role("button", name="Try again")).to_be_hidden()


def test_a_host_that_offers_nothing_still_shows_the_plan(host: Host, system: System) -> None:
    host.offers = {}
    plan = waiting(system, "Bare")
    view = host.show(STATUS, campaign="Bare")
    address = f"{system.http}/page/approvals/{plan['approval']['id']}"
    expect(view.get_by_text(f"This host opens no links; open {address} in your browser.")).to_be_visible()
    expect(view.get_by_role("status")).to_contain_text("Ask for the campaign's status to see how far it is.")
    expect(view.get_by_role("button")).to_have_count(0)
    assert (host.called, host.opened) == ([], [])


def test_a_host_that_hands_on_nothing_but_text_is_shown_the_text(host: Host, system: System) -> None:
    waiting(system, "Plain")
    host.offers = {}
    whole = host.call(STATUS, campaign="Plain")
    view = host.present(STATUS, CallToolResult(content=whole.content), campaign="Plain")
    expect(view.get_by_role("status")).to_contain_text("Plain is planned: draft 8, ")


def test_without_a_dashboard_the_command_that_starts_it_is_named(context: BrowserContext, system: System) -> None:
    server = system.stdio("messaging")
    (port,) = free_ports(1)
    away = server.model_copy(update={"env": {**(server.env or {}), "OVERTURE_HTTP_PORT": str(port)}})
    plan = waiting(system, "Unserved")
    host = Host(context, away, offers={"openLinks": {}})
    view = host.show(STATUS, campaign="Unserved")
    expect(view.get_by_text("The page is not up")).to_have_text(
        f"The page is not up: nothing answers at http://127.0.0.1:{port}. Run overture up there. "
        f"Or approve it by overture approvals approve {plan['approval']['id']}."
    )
    expect(view.get_by_role("button")).to_have_count(0)


def test_a_session_that_another_site_could_not_bring_along_goes_on(
    context: BrowserContext, host: Host, system: System
) -> None:
    """A link of a host's page is of another site: the cookie of the session is not for such."""
    opened(context, system.overture("dashboard")["link"])
    plan = waiting(system, "Elsewhere")
    address = f"{system.http}/page/approvals/{plan['approval']['id']}"
    host.show(STATUS, campaign="Elsewhere")
    with context.expect_page() as came:
        host.page.evaluate("address => { open(address); }", address)
    came.value.get_by_role("link", name="go on").click()
    expect(came.value.get_by_role("button", name="Approve exactly this")).to_be_visible()


@pytest.fixture(scope="module")
def sent(system: System, wait_for: WaitFor) -> None:
    """The campaign `Spring`, on its way: one part of each kind that a bar has, and two templates."""
    more = {"email": ["pilot", "reminder"]}
    follow = [{"templates": {"email": "reminder"}, "wait_before": "3 business days"}]
    plan = approved(system, "Spring", templates=more, follow_ups=follow)
    model = Model(system.http, [])
    model.call(LAUNCH, plan_id=plan["plan_id"])
    wait_for(lambda: model.call(STATUS, campaign="Spring")["replied"] == 2, deadline=60)


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize(("viewport", "theme"), [(DESK, "light"), (PHONE, "dark")], ids=["wide", "narrow"])
def test_everybody_can_read_every_view(chromium: Browser, system: System, viewport: ViewportSize, theme: Theme) -> None:
    views: dict[str, Callable[[Host], object]] = {
        "app-plan": lambda host: host.show(
            PLAN,
            name="Summer",
            segment="dormant",
            templates={"email": "pilot"},
            follow_ups=[{"templates": {"email": "reminder"}, "wait_before": "3 business days"}],
        ),
        "app-campaign": lambda host: host.show(STATUS, campaign="Spring"),
    }
    found: list[str] = []
    for name, show in views.items():
        with chromium.new_context(viewport=viewport, color_scheme="light" if theme == "dark" else "dark") as context:
            host = Host(context, messaging(system), theme)
            show(host)
            expect(host.view.get_by_role("status")).to_have_text(FOLLOWED)
            found += [f"{name}: {each}" for each in [*faults(host.frame), *host.console]]
            found += [f"{name}: wider than its frame"] if overflows(host.frame) else []
            whole = host.page.evaluate("document.documentElement.scrollHeight")
            host.page.set_viewport_size({"width": viewport["width"], "height": whole})
            if os.environ.get("UPDATE_SCREENSHOTS"):
                picture(host.page, PICTURES, f"{name}-{theme}")
            # The host changes its mind: the view follows, and can still be read.
            other = "light" if theme == "dark" else "dark"
            host.tell("ui/notifications/host-context-changed", {"theme": other})
            ground = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[other]
            expect(host.view.locator("body")).to_have_css("background-color", ground)
            found += [f"{name} {other}: {each}" for each in faults(host.frame)]
    assert found == []
