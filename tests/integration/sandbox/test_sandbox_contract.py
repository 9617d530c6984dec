from __future__ import annotations

import json
from typing import Any

import httpx

from overture_providers.endpoints import email_endpoint, sms_endpoint

MAIL: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "a@x.example"}]}],
    "from": {"email": "us@overture.example"},
    "subject": "Hi",
    "content": [{"type": "text/plain", "value": "Hello"}],
}


def to(*addresses: str, **more: Any) -> dict[str, Any]:
    return {"to": [{"email": address} for address in addresses], **more}


AT_THE_LIMIT = {"-t-": "x" * 9_997}
TOO_LONG = {"-t-": "x" * 9_998}
BAD_MAILS: list[tuple[dict[str, Any], str | None]] = [
    ({"personalizations": []}, "personalizations"),
    ({"personalizations": "x"}, "personalizations"),
    ({"personalizations": [to("a@x.example"), to("A@x.example")]}, "personalizations"),
    ({"personalizations": [to("nobody")]}, "personalizations.to.email"),
    ({"personalizations": [to(f"a{n}@x.example") for n in range(1_001)]}, "personalizations"),
    (
        {"personalizations": [to("a@x.example", substitutions=TOO_LONG)]},
        "personalizations.0.substitutions",
    ),
    ({"personalizations": [to("a@x.example", custom_args=TOO_LONG)]}, "personalizations.0.custom_args"),
    ({"personalizations": [to("a@x.example", headers={"Subject": "x"})]}, "personalizations.0.headers"),
    ({"custom_args": "text"}, "custom_args"),
    ({"content": []}, "content"),
    ({"subject": ""}, "subject"),
    ({"send_at": 99_999_999_999}, "send_at"),
    ({"subject": "\ud800"}, None),
]


def test_wrong_mail_gets_sendgrids_error_shape(sandbox: Any) -> None:
    key = email_endpoint(sandbox.settings).api_key
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answers = [
        httpx.post(f"{sandbox.url}/v3/mail/send", content=json.dumps(MAIL | change), headers=headers, trust_env=False)
        for change, _ in BAD_MAILS
    ]
    problems = [answer.json()["errors"][0] for answer in answers]
    assert [problem["field"] for problem in problems] == [field for _, field in BAD_MAILS]
    assert {answer.status_code for answer in answers} == {400}
    assert {tuple(sorted(problem)) for problem in problems} == {("field", "help", "message")}
    assert sandbox.get("summary.json")["accepted"] == 0


def test_mail_at_the_limits_is_taken(sandbox: Any) -> None:
    headers = {"Authorization": f"Bearer {email_endpoint(sandbox.settings).api_key}"}
    for parts in (
        [to("a@x.example", substitutions=AT_THE_LIMIT, custom_args=AT_THE_LIMIT)],
        [to(f"a{n}@x.example") for n in range(1_000)],
    ):
        mail = MAIL | {"personalizations": parts}
        answer = httpx.post(f"{sandbox.url}/v3/mail/send", json=mail, headers=headers, trust_env=False)
        assert answer.status_code == 202, answer.text


def test_wrong_sms_gets_twilios_error_shape(sandbox: Any) -> None:
    endpoint = sms_endpoint(sandbox.settings)
    url = f"{sandbox.url}/2010-04-01/Accounts/{endpoint.account_sid}/Messages.json"
    good = {"To": "+15005550010", "From": "+15005550006", "Body": "Hi"}
    cases = [
        ({"To": ""}, 21604),
        ({"To": "12"}, 21211),
        ({"To": "+15005550001"}, 21211),
        ({"To": "+15005550002"}, 21612),
        ({"To": "+15005550003"}, 21408),
        ({"To": "+15005550004"}, 21610),
        ({"To": "+15005550009"}, 21614),
        ({"From": ""}, 21603),
        ({"From": "+15005550001"}, 21212),
        ({"From": "+15005550007"}, 21606),
        ({"From": "+15005550008"}, 21611),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1_601}, 21617),
        ({"StatusCallback": "ftp:/x"}, 21609),
    ]
    answers = [
        httpx.post(url, data=good | change, auth=(endpoint.account_sid, endpoint.auth_token), trust_env=False).json()
        for change, _ in cases
    ]
    assert [answer["code"] for answer in answers] == [code for _, code in cases]
    assert {tuple(sorted(answer)) for answer in answers} == {("code", "message", "more_info", "status")}
    assert sandbox.get("summary.json")["accepted"] == 0


def test_wrong_keys_are_unauthorized_in_each_providers_words(sandbox: Any) -> None:
    mail = httpx.post(f"{sandbox.url}/v3/mail/send", json=MAIL, trust_env=False)
    sms = httpx.post(f"{sandbox.url}/2010-04-01/Accounts/AC1/Messages.json", auth=("AC1", "x"), trust_env=False)
    assert (mail.status_code, sms.status_code, sms.json()["code"]) == (401, 401, 20003)
    assert list(mail.json()) == ["errors"]


def test_page_escapes_what_it_shows_and_says_that_nobody_was_contacted(sandbox: Any) -> None:
    key = email_endpoint(sandbox.settings).api_key
    answer = httpx.post(
        f"{sandbox.url}/v3/mail/send",
        json=MAIL | {"subject": "<script>alert(1)</script>"},
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
    )
    page = httpx.get(f"{sandbox.url}/sandbox", trust_env=False)
    assert answer.status_code == 202
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "Nobody outside was contacted" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_other_host_names_are_turned_away(sandbox: Any) -> None:
    answer = httpx.get(f"{sandbox.url}/sandbox", headers={"Host": "evil.example"}, trust_env=False)
    assert answer.status_code == 400


def test_fault_that_makes_no_sense_is_refused(sandbox: Any) -> None:
    answer = httpx.post(f"{sandbox.url}/sandbox/faults", json={"provider": "fax", "kind": "drop"}, trust_env=False)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
