"""A provider that does nothing but accept: SendGrid's mail/send and Twilio's Messages, counted.

    uv run python -m bench.sink --port 0

The one line it prints is its URL; it ends when its standard input closes. It reads no more of a
request than it must, because it shares the machine with what is measured: `sink_capacity.py` shows
how far it is from being the bottleneck. `GET /counts` tells what came, `POST /reset` starts anew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from itertools import count
from typing import cast

MAIL_PATH = b"POST /v3/mail/send "
SMS_ENDING = b"/Messages.json "
PERSONALIZATION = b'"to":'

_ids = count(1)


@dataclass(slots=True)
class Counts:
    """What arrived: `recipients` counts the personalizations of e-mail requests and every SMS once."""

    email_requests: int = 0
    sms_requests: int = 0
    recipients: int = 0
    bytes: int = 0
    connections: int = 0
    refused: int = 0


class Sink(asyncio.Protocol):
    """One connection, HTTP/1.1 with keep-alive and a Content-Length on every POST."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._buffer = bytearray()
        self._wanted = 0  # bytes of head and body together, once the head is known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self._counts.connections += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer:
            if not self._wanted and not self._read_head():
                return
            if len(self._buffer) < self._wanted:
                return
            request, self._buffer = self._buffer, self._buffer[self._wanted :]
            del request[self._wanted :]
            self._wanted = 0
            self._transport.write(self._answer(request))

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._buffer[:end]).lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        self._wanted = end + 4 + length
        return True

    def _answer(self, request: bytearray) -> bytes:
        counts = self._counts
        line = request[: request.index(b"\r\n") + 2]
        if line.startswith(MAIL_PATH):
            counts.email_requests += 1
            counts.recipients += request.count(PERSONALIZATION)
            counts.bytes += len(request)
            return b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sg%020d\r\nContent-Length: 0\r\n\r\n" % next(_ids)
        if line.startswith(b"POST ") and SMS_ENDING in line:
            counts.sms_requests += 1
            counts.recipients += 1
            counts.bytes += len(request)
            return _json(201, b"Created", _MESSAGE % next(_ids))
        if line.startswith(b"GET /counts "):
            return _json(200, b"OK", json.dumps(asdict(counts)).encode())
        if line.startswith(b"POST /reset "):
            counts.email_requests = counts.sms_requests = counts.recipients = counts.bytes = counts.refused = 0
            return _json(200, b"OK", b"{}")
        counts.refused += 1
        return _json(404, b"Not Found", b'{"message": "the sink takes mail/send and Messages.json"}')


# The fields of Twilio's answer, so that a client parses what it would in earnest.
_MESSAGE = json.dumps(
    {
        "sid": "SM%032d",
        "account_sid": "AC00000000000000000000000000000000",
        "api_version": "2010-04-01",
        "body": "accepted by the sink",
        "date_created": "Mon, 23 Nov 2026 16:30:00 +0000",
        "date_sent": None,
        "date_updated": "Mon, 23 Nov 2026 16:30:00 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": "+15005550006",
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "status": "queued",
        "to": "+12025550100",
        "uri": "/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json",
    }
).encode()


def _json(status: int, reason: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, reason, len(body)) + body


async def serve(port: int) -> None:
    """Listen on loopback until standard input closes."""
    loop = asyncio.get_running_loop()
    counts = Counts()
    server = await loop.create_server(lambda: Sink(counts), "127.0.0.1", port, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    # A thread of its own: the end of a file is not something that every kind of input can be polled for.
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    port = parser.parse_args().port
    if sys.platform == "win32":
        asyncio.run(serve(port))
    else:
        import uvloop

        uvloop.run(serve(port))


if __name__ == "__main__":
    main()
