"""Signing in to the dashboard by the identity provider: whom it names, and nobody else, by their own browser's flow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from overture_servers.scopes import Scope, joined
from tests.identity_provider import CLIENT, ROLE, Issuer, at_provider, issuing, sign_in_settings

LEADS = "First Name,E-mail,Country,Last Contact,Consent\nAda,ada@northwind.example,US,2024-03-01,email\n"


def settings_of(issuer: Issuer, **more: str) -> dict[str, str]:
    return {f"OVERTURE_{name.upper()}": value for name, value in {**sign_in_settings(issuer), **more}.items()}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, wait_for: Any, serve_in: Callable[..., Any]) -> Iterator[Any]:
    """A server process whose dashboard is a client of an issuer."""
    with issuing() as issuer, serve_in(issuer, tmp_path_factory.mktemp("served"), **settings_of(issuer)) as running:
        yield running


@pytest.fixture
def provider(served: Any) -> Iterator[Issuer]:
    """The issuer, of which what a test changes is taken back."""
    issuer: Issuer = served.issuer
    person = dict(issuer.person)
    yield issuer
    issuer.person = person
    for changed in (issuer.id_token, issuer.signed_by, issuer.answers):
        changed.clear()


@contextmanager
def browser(served: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def http(served: Any) -> Iterator[httpx.Client]:
    """A browser without a session."""
    with browser(served) as client:
        yield client


def begun(http: httpx.Client, **query: str) -> str:
    """Begin a sign-in; returns the address at the provider."""
    answer = http.get("/sign-in", params=query)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def signed_in(http: httpx.Client, **query: str) -> httpx.Response:
    """Go the whole way; returns what our server answers at its end."""
    return http.get(at_provider(begun(http, **query)))


def session_of(http: httpx.Client) -> str | None:
    (port,) = re.findall(r":(\d+)", str(http.base_url))
    return http.cookies.get(f"overture-{port}")


def refused(http: httpx.Client, answer: httpx.Response, status: int = 403) -> str:
    """Make sure that an answer opened nothing; returns what it says."""
    found = re.search(r'<p role="alert">(.*?)</p>', answer.text)
    assert (answer.status_code, found is not None, session_of(http)) == (status, True, None), answer.text
    assert http.get("/").status_code == 401
    return unescape(found[1]) if found else ""


def all_scopes(served: Any, server: str) -> str:
    return str(served.token(server, scope=joined(set(Scope))))


def called(served: Any, tool: str, **arguments: Any) -> dict[str, Any]:
    server = tool.partition("_")[0]
    answer = served.call(all_scopes(served, server), tool, server, **arguments)
    (event,) = re.findall(r"^data: (.*)$", answer.text, re.MULTILINE)
    found: dict[str, Any] = json.loads(event)["result"]
    assert not found.get("isError"), found
    return dict(found["structuredContent"])


@pytest.fixture(scope="module")
def plan(served: Any) -> dict[str, Any]:
    """A plan that waits for a person."""
    called(served, "leads_import_file", content=LEADS)
    called(served, "leads_save_segment", name="dormant", where="dormant_days >= 90")
    text = {"subject": "Hello", "body": "Hi {{ first_name }}, still interested?"}
    called(served, "messaging_save_template", name="hello", channel="email", **text)
    return called(served, "messaging_plan_campaign", name="Spring", segment="dormant", templates={"email": "hello"})


def approved(http: httpx.Client, plan: dict[str, Any], csrf: str) -> httpx.Response:
    fields = {"csrf": csrf, "decision": "approve", "content_hash": plan["content_hash"]}
    headers = {"Origin": str(http.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    return http.post(f"/page/approvals/{plan['approval']['id']}", data=fields, headers=headers)


def test_whom_the_provider_names_reads_a_plan_approves_it_and_leaves(
    served: Any, http: httpx.Client, plan: dict[str, Any]
) -> None:
    wanted = f"/page/approvals/{plan['approval']['id']}"
    closed = http.get(wanted)
    found = re.search(r'href="([^"]+/sign-in[^"]*)"', closed.text)
    assert (closed.status_code, found is not None) == (401, True)
    begin = http.get(unescape(found[1]) if found else "")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begin.headers["Location"]).query).items()}
    assert asked["redirect_uri"] == f"{served.url}/sign-in/back"
    assert {"HttpOnly", "SameSite=lax", "Max-Age=600"} < set(begin.headers["Set-Cookie"].split("; "))
    answer = http.get(at_provider(begin.headers["Location"]))
    assert answer.status_code == 200
    assert f'<meta http-equiv="refresh" content="0; url={wanted}">' in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    session, _ = answer.headers.get_list("Set-Cookie")
    assert {"HttpOnly", "Path=/", "SameSite=strict"} < set(session.split("; "))
    page = http.get(wanted).text
    assert "ada in default" in page
    csrf = re.findall(r'name="csrf" value="([0-9a-f]{32})"', page)[0]
    assert approved(http, plan, "0" * 32).status_code == 403
    assert approved(http, plan, csrf).status_code == 303
    campaign = called(served, "messaging_get_campaign", campaign="Spring")
    assert (campaign["approval"]["state"], campaign["approval"]["decided_by"]) == ("approved", "ada")
    entries = json.loads(served.overture("audit", "list", "--json"))
    (opened,) = [each["detail"] for each in entries if each["action"] == "dashboard.opened"]
    assert opened == {"person": "ada", "issuer": served.issuer.url, "account": "ada"}
    headers = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}
    assert http.post("/page/leave", data={"csrf": csrf}, headers=headers).status_code == 303
    assert http.get("/").status_code == 401


NOT_HOLDING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another nonce": ({"nonce": "of-another-flow"}, {}),
    "no nonce": ({"nonce": None}, {}),
    "another audience": ({"aud": "another-client"}, {}),
    "our servers as its audience": ({"aud": "http://127.0.0.1"}, {}),
    "two audiences and nobody it was made for": ({"aud": [CLIENT, "another-client"]}, {}),
    "made for another client": ({"azp": "another-client"}, {}),
    "another issuer": ({"iss": "https://login.example"}, {}),
    "expired": ({"iat": 1_700_000_000, "exp": 1_700_000_600}, {}),
    "never over": ({"exp": None}, {}),
    "not signed": ({}, {"alg": "none", "key": ""}),
    "signed by a secret": ({}, {"alg": "HS256", "key": "s" * 64}),
    "a key that the provider does not have": ({}, {"kid": None, "key": None}),
    "an access token": ({}, {"typ": "at+jwt"}),
}


@pytest.mark.parametrize("name", NOT_HOLDING)
def test_an_id_token_that_does_not_hold_opens_nothing(http: httpx.Client, provider: Issuer, name: str) -> None:
    provider.id_token, provider.signed_by = (dict(each) for each in NOT_HOLDING[name])
    assert refused(http, signed_in(http)).startswith("What the identity provider said of you does not hold")


def test_an_answer_without_an_id_token_or_that_is_none_opens_nothing(http: httpx.Client, provider: Issuer) -> None:
    provider.answers["/token"] = (200, {}, json.dumps({"access_token": provider.token(aud=CLIENT)}).encode())
    assert "no ID token" in refused(http, signed_in(http))
    for answer in ((500, {}, b""), (302, {"Location": "/elsewhere"}, b""), (200, {}, b"<html>"), (200, {}, b"[]")):
        provider.answers["/token"] = answer
        assert "does not answer now" in refused(http, signed_in(http), 503)
    assert "/elsewhere" not in provider.asked


def test_who_is_no_approver_or_of_no_workspace_is_told_so(http: httpx.Client, provider: Issuer) -> None:
    for roles in (None, [], ["readers"], f"{ROLE}s", {ROLE: True}, 7):
        provider.id_token = {"roles": roles}
        assert f"gives you the role '{ROLE}'" in refused(http, signed_in(http))
    for workspace in (None, "", ["default"], "x" * 200):
        provider.id_token = {"workspace": workspace}
        assert "names no workspace; its claim 'workspace' has to" in refused(http, signed_in(http))
    provider.id_token = {"workspace": "rival"}
    assert "there is none by that name" in refused(http, signed_in(http))
    provider.id_token = {"roles": ROLE}
    assert signed_in(http).status_code == 200


def test_a_sign_in_opens_one_session_however_often_its_answer_comes(served: Any, http: httpx.Client) -> None:
    address = begun(http)
    first, second = at_provider(address), at_provider(address)  # two codes for one state
    kept = dict(http.cookies)
    assert http.get(first).status_code == 200
    for again, why in ((first, "does not take this sign-in any more"), (second, "was used before")):
        with browser(served) as replaying:
            replaying.cookies.update(kept)
            assert why in refused(replaying, replaying.get(again))
    assert http.get("/").status_code == 200


def test_an_answer_counts_only_in_the_browser_that_asked(served: Any, http: httpx.Client) -> None:
    with browser(served) as other:
        theirs = at_provider(begun(other))
        assert "no sign-in on its way" in refused(http, http.get(theirs))
        own = begun(http)
        assert "the answer to another sign-in" in refused(http, http.get(theirs))
        code = parse_qs(urlsplit(theirs).query)["code"][0]  # put into an answer of their own
        state = parse_qs(urlsplit(own).query)["state"][0]
        mixed = http.get("/sign-in/back", params={"code": code, "state": state})
        assert "does not take this sign-in any more" in refused(http, mixed)


def test_a_refusal_of_the_provider_is_told_and_its_words_are_text(http: httpx.Client) -> None:
    state = parse_qs(urlsplit(begun(http)).query)["state"][0]
    answer = {"error": "access_denied", "error_description": "<b>No</b>", "state": state}
    page = http.get("/sign-in/back", params=answer)
    assert "It says: <b>No</b>" in refused(http, page)
    assert "<b>" not in page.text
    foreign = {"code": "x", "state": state, "iss": "https://login.example"}
    assert "another identity provider" in refused(http, http.get("/sign-in/back", params=foreign))


def test_an_access_token_opens_nothing_wherever_it_is_shown(
    served: Any, http: httpx.Client, plan: dict[str, Any]
) -> None:
    of_page = served.issuer.token(aud=CLIENT, nonce="n", workspace="default", roles=[ROLE], typ="JWT")
    for token in (all_scopes(served, "messaging"), of_page, served.overture("token", "--scope", "messaging:send")):
        token = token.strip()
        name = f"overture-{urlsplit(served.url).port}"
        for cookie in (f"{name}={token}", f"{name}-sign-in={token}", f"{name}={token}; {name}-sign-in={token}"):
            headers = {"Cookie": cookie, "Authorization": f"Bearer {token}"}
            assert http.get("/", headers=headers).status_code == 401
            back = http.get("/sign-in/back", params={"code": token, "state": token}, headers=headers)
            assert "no sign-in on its way" in refused(http, back)
        state = parse_qs(urlsplit(begun(http)).query)["state"][0]
        for answer in ({"code": token}, {"code": "x", "id_token": token}):
            assert "sign-in any more" in refused(http, http.get("/sign-in/back", params={**answer, "state": state}))
        assert "sent no code" in refused(http, http.get("/sign-in/back", params={"id_token": token, "state": state}))
        assert approved(http, plan, token).status_code == 401


@pytest.mark.parametrize(
    "to",
    [
        *(
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/page//evil\\",
            "javascript:alert(1)",
            "page/x",
        ),
        *("/page/x\r\nSet-Cookie: a=b", '/page/"><script>', "/leads/mcp", "/open?key=x#", "/page/é", ""),
    ],
)
def test_whoever_signs_in_goes_on_at_a_page_of_ours(http: httpx.Client, to: str) -> None:
    page = signed_in(http, to=to).text
    assert re.findall(r'url=([^"]*)"', page) == ["/"]


def test_a_provider_that_is_away_is_said(issuer: Issuer, serve: Callable[..., Any]) -> None:
    issuer.answers["/.well-known/oauth-authorization-server"] = (500, {}, b"")
    with serve(**settings_of(issuer)) as served, browser(served) as http:
        assert "The identity provider does not answer now" in refused(http, http.get("/sign-in"), 503)
        asked = len(issuer.asked)
        assert http.get("/sign-in").status_code == 503
        assert len(issuer.asked) == asked  # nobody makes us flood it
        assert served.post(None).json()["error"] == "unauthorized"


def test_a_secret_that_the_provider_does_not_know_is_said(issuer: Issuer, serve: Callable[..., Any]) -> None:
    with serve(**settings_of(issuer, auth_client_secret="another")) as served, browser(served) as http:
        assert "compares OVERTURE_AUTH_CLIENT_ID" in refused(http, signed_in(http), 503)


def test_without_a_client_nobody_signs_in(serve: Callable[..., Any]) -> None:
    with serve() as served, browser(served) as http:
        assert "Sign in" not in http.get("/").text
        for path in ("/sign-in", "/sign-in/back?code=x&state=x"):
            answer = http.get(path)
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
