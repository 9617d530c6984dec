"""The sandbox as a real process, and a real receiver of its webhooks that checks every signature."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from overture_core.messages.evidence import Evidence
from overture_core.settings import Settings
from overture_providers.email.events import verify_and_parse
from overture_providers.email.inbound import parse_inbound
from overture_providers.endpoints import EmailEndpoint, SmsEndpoint, email_endpoint, sms_endpoint
from overture_providers.sms.events import verify_and_parse_inbound, verify_and_parse_status

DEADLINE_S = 30.0


@dataclass
class Receiver:
    """Collects what the webhooks say. `status` is what it answers."""

    url: str
    server: ThreadingHTTPServer
    email: EmailEndpoint
    sms: SmsEndpoint
    status: int = 204
    evidence: list[Evidence] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def take(self, path: str, headers: dict[str, str], raw: bytes) -> None:
        """Verify and parse as the servers do; a bad signature fails the call."""
        now = datetime.now(UTC)
        self.calls.append(path.partition("?")[0])
        if self.status >= 400:
            return
        if path.endswith("/sendgrid/events"):
            assert self.email.webhook_public_key is not None
            self.evidence += verify_and_parse(raw, headers, self.email.webhook_public_key)
        elif "/sendgrid/inbound/" in path:
            assert path.rpartition("/")[2] == self.email.inbound_secret
            self.evidence.append(parse_inbound(_multipart(headers, raw), now=now))
        else:
            form = parse_qsl(raw.decode(), keep_blank_values=True)
            given = (self.url + path, form, headers.get("X-Twilio-Signature"), self.sms.auth_token)
            if "/twilio/status" in path:
                self.evidence += verify_and_parse_status(*given, now=now)
            else:
                self.evidence.append(verify_and_parse_inbound(*given, now=now))

    def told(self, address: str) -> list[str]:
        """What was said about or by an address, in order of arrival."""
        return [
            each.kind.value if each.type == "delivery" else f"reply: {each.body}"
            for each in list(self.evidence)
            if each.type != "billing" and (each.address if each.type == "delivery" else each.sender) == address
        ]


def _multipart(headers: dict[str, str], raw: bytes) -> dict[str, str]:
    parts = message_from_bytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + raw).get_payload()
    assert isinstance(parts, list)
    fields: dict[str, str] = {}
    for part in parts:
        assert isinstance(part, Message)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        fields[str(part.get_param("name", header="content-disposition"))] = content.decode()
    return fields


@dataclass
class RunningSandbox:
    """A sandbox process."""

    url: str
    data_dir: Path
    process: subprocess.Popen[str]
    settings: Settings

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """A GET of the sandbox's own."""
        found: dict[str, Any] = httpx.get(f"{self.url}/sandbox/{path}", params=query, trust_env=False).json()
        return found

    def fail(self, **fault: Any) -> None:
        """Order a fault."""
        answer = httpx.post(f"{self.url}/sandbox/faults", json=fault, trust_env=False)
        assert answer.status_code == 201, answer.text

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds."""
        until = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < until, "the condition did not come true in time"
            threading.Event().wait(0.02)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process; returns its exit code."""
        self.process.send_signal(how)
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    settings = Settings(data_dir=tmp_path, sandbox_only=True)
    holder: list[Receiver] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            holder[0].take(self.path, dict(self.headers.items()), raw)
            self.send_response(holder[0].status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    holder.append(Receiver(url, server, email_endpoint(settings), sms_endpoint(settings)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield holder[0]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def start_sandbox(tmp_path: Path, receiver: Receiver, warm_programs: Path) -> Iterator[Callable[..., RunningSandbox]]:
    started: list[subprocess.Popen[str]] = []

    def start(*, speed: str = "20") -> RunningSandbox:
        command = [str(warm_programs / "sandbox"), "--port", "0", "--speed", speed]
        command += ["--data-dir", str(tmp_path), "--webhook-url", receiver.url]
        with (tmp_path / "sandbox.log").open("w") as log:
            process = subprocess.Popen(command, stderr=log, text=True)
        started.append(process)
        log_path, until = tmp_path / "sandbox.log", time.monotonic() + DEADLINE_S
        while "ready at " not in (said := log_path.read_text()):
            assert process.poll() is None, said
            assert time.monotonic() < until, said
            threading.Event().wait(0.02)
        url = said.partition("ready at ")[2].partition("/sandbox;")[0]
        return RunningSandbox(url, tmp_path, process, Settings(data_dir=tmp_path, sandbox_url=url, sandbox_only=True))

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(DEADLINE_S)


@pytest.fixture
def sandbox(start_sandbox: Callable[..., RunningSandbox]) -> RunningSandbox:
    return start_sandbox()
