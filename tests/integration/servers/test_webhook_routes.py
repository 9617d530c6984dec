"""The webhook routes and the unsubscribe page, signed with real keys, against the whole HTTP application."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from sqlalchemy import select

from overture_core.campaigns.status import status
from overture_core.messages import intake
from overture_core.messages.content import unsubscribe_url
from overture_core.settings import Settings
from overture_core.storage.schema import Message, WebhookEvent
from overture_core.storage.store import Store
from overture_providers.email.events import SIGNATURE_HEADER, TIMESTAMP_HEADER
from overture_providers.sandbox.keys import SandboxKeys, load_or_create
from overture_providers.sms.signature import HEADER, sign
from overture_queue.broker import RedisHandle
from overture_servers.http.app import create_app
from overture_servers.runtime import Runtime

pytestmark = pytest.mark.anyio
EVENTS = "/messaging/webhooks/sendgrid/events"
INBOUND = "/messaging/webhooks/sendgrid/inbound"
STATUS = "/messaging/webhooks/twilio/status"
SMS = "/messaging/webhooks/twilio/inbound"
BASE = "http://127.0.0.1:8765"
PUBLIC = "https://hooks.overture.example/sub"
DATA = Path(__file__).parents[2] / "data" / "inbound"
SID = "SM" + "0" * 32


@dataclass
class Receiver:
    """The application, its store, and the keys that its webhooks are signed with."""

    http: httpx.AsyncClient
    runtime: Runtime
    keys: SandboxKeys

    async def events(
        self, raw: bytes, *, sign_as: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        key = load_der_private_key(base64.b64decode(self.keys.event_private_key), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signature = key.sign(b"1700000000" + (raw if sign_as is None else sign_as), ec.ECDSA(hashes.SHA256()))
        signed = {SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: "1700000000"}
        return await self.http.post(EVENTS, content=raw, headers={**signed, **(headers or {})})

    async def twilio(self, path: str, form: dict[str, str], *, base: str = BASE, **headers: str) -> httpx.Response:
        signature = sign(base + path, form.items(), self.keys.twilio_auth_token)
        return await self.http.post(path, data=form, headers={HEADER: signature, **headers})

    def stored(self) -> list[dict[str, Any]]:
        with self.runtime.store.read("default") as work:
            return [row.event for row in work.session.scalars(select(WebhookEvent).order_by(WebhookEvent.id))]


def event(**changes: Any) -> dict[str, Any]:
    return {
        "event": "delivered",
        "timestamp": 1700000000,
        "sg_event_id": "evt-1",
        "sg_message_id": "abc.filter",
        "email": "ada@northwind.example",
        **changes,
    }


@pytest.fixture
async def receiver(runtime: Runtime) -> AsyncIterator[Receiver]:
    async with opened(runtime) as http:
        yield Receiver(http, runtime, load_or_create(runtime.settings.data_dir))


def opened(runtime: Runtime) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(runtime)), base_url=BASE)


def told(response: httpx.Response) -> tuple[int, str]:
    """Return an error's status and code; it is JSON with a sentence in it."""
    body = response.json()
    assert set(body) == {"error", "message"}
    assert body["message"].endswith(".")
    return response.status_code, body["error"]


# --- SendGrid events ---


async def test_a_signed_event_is_stored_once_and_a_worker_is_told_once(
    receiver: Receiver, redis_handle: RedisHandle
) -> None:
    raw = (json.dumps([event(), event(event="open", sg_event_id="evt-2")]) + "\r\n").encode()
    assert [(await receiver.events(raw)).status_code for _ in range(2)] == [204, 204]
    assert [(each["kind"], each["dedupe_key"]) for each in receiver.stored()] == [
        ("delivered", "evt-1"),
        ("opened", "evt-2"),
    ]
    assert redis_handle.client.llen("overture:events") == 1


async def test_an_altered_body_or_a_wrong_signature_stores_nothing(receiver: Receiver) -> None:
    raw = json.dumps([event()]).encode()
    assert told(await receiver.events(raw.replace(b"evt-1", b"evt-9"), sign_as=raw)) == (403, "signature_invalid")
    assert told(await receiver.events(raw, headers={SIGNATURE_HEADER: "bm8="})) == (403, "signature_invalid")
    assert told(await receiver.events(raw, headers={SIGNATURE_HEADER: "not base64 !"})) == (403, "signature_invalid")
    assert told(await receiver.events(raw, headers={TIMESTAMP_HEADER: "1700000001"})) == (403, "signature_invalid")
    assert told(await receiver.http.post(EVENTS, content=raw)) == (403, "signature_invalid")
    assert receiver.stored() == []


@pytest.mark.parametrize("raw", [b"", b"event=delivered", b'{"event": "open"}', b"[1]", b'[{"event": "open"}]'])
async def test_a_signed_body_that_is_no_list_of_events_is_refused(receiver: Receiver, raw: bytes) -> None:
    assert told(await receiver.events(raw)) == (400, "invalid_input")


async def test_a_body_beyond_the_limit_is_refused_unread(receiver: Receiver) -> None:
    assert told(await receiver.events(b" " * (5 * 2**20 + 1))) == (413, "too_large")
    assert told(await receiver.twilio(STATUS, {"Body": "x" * 300_000})) == (413, "too_large")


async def test_a_webhook_is_a_post(receiver: Receiver) -> None:
    assert told(await receiver.http.get(EVENTS)) == (405, "method_not_allowed")


async def test_with_the_database_away_the_provider_is_asked_to_send_again(settings: Settings) -> None:
    away = Runtime(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}))
    async with opened(away) as http:
        receiver = Receiver(http, away, load_or_create(settings.data_dir))
        form = {"MessageSid": SID, "From": "+12125550101", "To": "+15005550006", "Body": "Yes"}
        url = f"{INBOUND}/{receiver.keys.sendgrid_inbound_secret}"
        responses = [
            await receiver.events(json.dumps([event()]).encode()),
            await receiver.twilio(SMS, form),
            await http.post(url, files={"from": (None, "a@b.example"), "to": (None, "c@d.example")}),
        ]
    away.close()
    assert [told(each) for each in responses] == [(503, "database_unavailable")] * 3


async def test_with_redis_away_an_event_is_taken_all_the_same(settings: Settings, sqlite_store: Store) -> None:
    away = Runtime(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}), sqlite_store)
    async with opened(away) as http:
        receiver = Receiver(http, away, load_or_create(settings.data_dir))
        assert (await receiver.events(json.dumps([event()]).encode())).status_code == 204
        assert len(receiver.stored()) == 1
    away.close()


async def test_without_a_key_to_check_with_nothing_is_taken(settings: Settings, sqlite_store: Store) -> None:
    real = {
        "sandbox_only": False,
        "sendgrid_api_key": "SG.x.y",
        "email_from": "ada@company.example",
        "postal_address": "1 Company Street",
        "public_url": "https://overture.company.example",
        "redis_url": "redis://127.0.0.1:1/0",
    }
    keyless = Runtime(Settings(**{**settings.model_dump(), **real}), sqlite_store)
    async with opened(keyless) as http:
        receiver = Receiver(http, keyless, load_or_create(settings.data_dir))
        assert told(await receiver.events(json.dumps([event()]).encode())) == (503, "configuration")
        assert told(await http.post(f"{INBOUND}/None", files={"from": (None, "a")})) == (403, "signature_invalid")
        assert receiver.stored() == []
    keyless.close()


# --- SendGrid Inbound Parse ---


@pytest.mark.parametrize("name", ["default_data.txt", "raw_data.txt", "raw_data_with_attachments.txt"])
async def test_a_mail_as_sendgrid_posts_it_becomes_a_reply_event(receiver: Receiver, name: str) -> None:
    raw = (DATA / name).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    response = await receiver.http.post(
        f"{INBOUND}/{receiver.keys.sendgrid_inbound_secret}",
        content=raw,
        headers={"Content-Type": "multipart/form-data; boundary=xYzZY"},
    )
    assert response.status_code == 204
    (stored,) = receiver.stored()
    assert stored["sender"] == "test@example.com"
    assert stored["recipient"].startswith("inbound@inbound.")
    assert stored["body"].startswith("Hello ")


async def test_a_mail_with_an_attachment_and_letters_of_any_script_is_read(receiver: Receiver) -> None:
    files: dict[str, Any] = {
        "from": (None, "Ada <ada@northwind.example>"),
        "to": (None, "reply+msg_1@inbound.example"),
        "text": (None, "Ja, gern! 是的 🎉"),
        "attachment1": ("photo.png", b"\x89PNG" * 100_000, "image/png"),
    }
    url = f"{INBOUND}/{receiver.keys.sendgrid_inbound_secret}"
    assert [(await receiver.http.post(url, files=files)).status_code for _ in range(2)] == [204, 204]
    assert [(each["body"], each["in_reply_to"]) for each in receiver.stored()] == [("Ja, gern! 是的 🎉", "msg_1")]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"from": "a@b.example"}', "application/json"),
        (b"from=a", "application/x-www-form-urlencoded"),
        (b"garbage", "multipart/form-data; boundary=x"),
        (b"garbage", "multipart/form-data"),
        (b"", ""),
    ],
)
async def test_what_is_no_inbound_mail_is_refused(receiver: Receiver, content: bytes, content_type: str) -> None:
    url = f"{INBOUND}/{receiver.keys.sendgrid_inbound_secret}"
    response = await receiver.http.post(url, content=content, headers={"Content-Type": content_type})
    assert told(response)[0] == 400
    assert receiver.stored() == []


async def test_a_wrong_inbound_secret_is_refused_before_the_body_is_read(receiver: Receiver) -> None:
    for secret in ("guess", "%C3%A9", f"{receiver.keys.sendgrid_inbound_secret}x"):
        response = await receiver.http.post(f"{INBOUND}/{secret}", content=b"x" * 1000)
        assert told(response) == (403, "signature_invalid")


# --- Twilio ---


async def test_a_status_callback_is_stored_once_with_the_message_it_names(receiver: Receiver) -> None:
    form = {"MessageSid": SID, "MessageStatus": "delivered", "To": "+12125550101"}
    path = f"{STATUS}?message=msg_1&workspace=default"
    assert [(await receiver.twilio(path, form)).status_code for _ in range(2)] == [204, 204]
    assert [(each["message_id"], each["kind"]) for each in receiver.stored()] == [("msg_1", "delivered")]


async def test_a_message_to_our_number_is_answered_with_empty_twiml(receiver: Receiver) -> None:
    form = {"MessageSid": SID, "From": "+12125550101", "To": "+15005550006", "Body": "Yes & no, ä"}
    response = await receiver.twilio(SMS, form)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert response.text == '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
    assert [each["body"] for each in receiver.stored()] == ["Yes & no, ä"]


async def test_a_callback_that_twilio_did_not_sign_is_refused(receiver: Receiver) -> None:
    form = {"MessageSid": SID, "MessageStatus": "delivered"}
    assert told(await receiver.twilio(STATUS, form, **{HEADER: "bm8="})) == (403, "signature_invalid")
    assert told(await receiver.http.post(STATUS, data=form)) == (403, "signature_invalid")
    assert told(await receiver.http.post(STATUS, json=form)) == (403, "signature_invalid")
    other = sign(f"{BASE}{STATUS}?message=msg_2", form.items(), receiver.keys.twilio_auth_token)
    forged = await receiver.http.post(f"{STATUS}?message=msg_1", data=form, headers={HEADER: other})
    assert told(forged) == (403, "signature_invalid")
    assert told(await receiver.http.post(SMS, content=b"\xff=\xfe")) == (400, "invalid_input")
    assert receiver.stored() == []


async def test_behind_a_proxy_the_public_url_counts_and_never_the_host_header(
    settings: Settings, sqlite_store: Store, redis_handle: RedisHandle
) -> None:
    changes = {"public_url": PUBLIC, "redis_url": redis_handle.url}
    runtime = Runtime(settings.model_copy(update=changes), sqlite_store)
    async with opened(runtime) as http:
        receiver = Receiver(http, runtime, load_or_create(settings.data_dir))
        form = {"MessageSid": SID, "MessageStatus": "delivered"}
        path = f"{STATUS}?message=msg_1"
        assert (await receiver.twilio(path, form, base=PUBLIC, Host="inner:8765")).status_code == 204
        spoofed = await receiver.twilio(path, form, base="http://evil.example", Host="evil.example")
        assert told(spoofed) == (403, "signature_invalid")
        forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
        spoofed = await receiver.twilio(path, form, base="https://evil.example", **forwarded)
        assert told(spoofed) == (403, "signature_invalid")
    runtime.close()


# --- The unsubscribe page ---


@pytest.fixture
async def link(receiver: Receiver, make_desk: Any) -> str:
    """The path of the unsubscribe link of ada's message."""
    desk = make_desk(receiver.runtime, "auto")
    await desk.filled()
    await desk.planned()
    with receiver.runtime.store.read("default") as work:
        row = work.session.scalars(select(Message).where(Message.address == "ada@northwind.example")).one()
        return unsubscribe_url(receiver.runtime.settings, row.id).removeprefix(BASE)


def states(receiver: Receiver) -> dict[str, int]:
    while intake.process(receiver.runtime.store):
        pass
    with receiver.runtime.store.read("default") as work:
        return {str(state): number for state, number in status(work, "Spring").counts.items()}


async def test_opening_the_link_unsubscribes_nobody(receiver: Receiver, link: str) -> None:
    response = await receiver.http.get(link)
    assert response.status_code == 200
    assert "<form method='post'><button>Unsubscribe</button></form>" in response.text
    assert (await receiver.http.head(link)).status_code == 200
    assert states(receiver) == {"draft": 2, "skipped": 1}


@pytest.mark.parametrize("form", [{}, {"List-Unsubscribe": "One-Click"}], ids=["button", "one-click"])
async def test_a_post_unsubscribes_and_may_be_repeated(receiver: Receiver, link: str, form: dict[str, str]) -> None:
    for _ in range(2):
        response = await receiver.http.post(link, data=form)
        assert response.status_code == 200
        assert "You will get no more messages from us: no e-mail, text message or call." in response.text
    assert states(receiver) == {"draft": 1, "skipped": 1, "cancelled": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("ending", ["0" * 32, "%C3%A9", "%3Cscript%3E"])
async def test_a_forged_link_is_a_page_that_is_not_found(
    receiver: Receiver, link: str, method: str, ending: str
) -> None:
    forged = f"{link.rsplit('/', 1)[0]}/{ending}"
    response = await receiver.http.request(method, forged)
    assert (response.status_code, "This link is not valid." in response.text) == (404, True)
    assert "script" not in response.text
    assert states(receiver) == {"draft": 2, "skipped": 1}


async def test_the_page_runs_nothing_loads_nothing_and_is_kept_nowhere(receiver: Receiver, link: str) -> None:
    headers = (await receiver.http.get(link)).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    )
    assert (headers["referrer-policy"], headers["cache-control"], headers["x-robots-tag"]) == (
        "no-referrer",
        "no-store",
        "noindex",
    )
    assert headers["content-type"] == "text/html; charset=utf-8"


async def test_with_the_database_away_the_page_asks_to_try_again(settings: Settings, receiver: Receiver) -> None:
    away = Runtime(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}))
    path = unsubscribe_url(settings, "msg_1").removeprefix(BASE)
    async with opened(away) as http:
        response = await http.post(path)
    away.close()
    assert (response.status_code, "Please try again in a minute." in response.text) == (503, True)
