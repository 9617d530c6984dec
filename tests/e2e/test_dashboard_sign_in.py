"""Signing in to the dashboard in a real browser, at an identity provider of another site."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from overture_servers.scopes import Scope
from tests.browser import browser, faults
from tests.dashboard_scene import Model, filled, planned
from tests.identity_provider import issuing, sign_in_settings


def test_a_person_signs_in_approves_a_plan_and_leaves(start: Any) -> None:
    # Cookies do not tell ports apart, but names: the provider is another site than the dashboard, as it is for real.
    with issuing("localhost") as issuer, start(auth_local=True, **sign_in_settings(issuer)) as system:
        scopes = [part for scope in Scope for part in ("--scope", scope)]
        model = Model(system.http, [], system.overture("token", *scopes)["token"])
        filled(model)
        plan = planned(model, "Summer")
        with browser() as chromium, chromium.new_context() as context:
            page = context.new_page()
            wrong: list[str] = []
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.goto(f"{system.http}/page/approvals/{plan['approval']['id']}")
            wrong += faults(page)
            page.get_by_role("link", name="Sign in").click()
            page.get_by_role("link", name="Continue as Ada").click()
            page.get_by_role("button", name="Approve exactly this").click()
            expect(page.get_by_text("It is approved.")).to_be_visible()
            expect(page.get_by_text("ada in default")).to_be_visible()
            found = system.overture("approvals", "show", plan["approval"]["id"])["approval"]
            assert (found["state"], found["decided_by"], found["decided_via"]) == ("approved", "ada", "web")
            page.get_by_role("button", name="Leave").click()
            page.get_by_role("link", name="Sign in").click()
            issuer.id_token = {"roles": ["readers"]}
            page.get_by_role("link", name="Continue as Ada").click()
            expect(page.get_by_role("alert")).to_contain_text("ada may not approve")
            wrong += faults(page)
            page.goto(system.http)
            expect(page.get_by_role("link", name="Sign in")).to_be_visible()
            assert wrong == []
