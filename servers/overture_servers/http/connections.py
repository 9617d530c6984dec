"""Connections, and how long they may keep us waiting: uvicorn itself waits forever for a request and for a reader.

The parser is httptools: h11, the other one that uvicorn has, takes a tenth of a call's time. What h11 would refuse and
httptools lets pass is refused here: heads and trailers without end, a Host too many or too few, more requests at once
than somebody waits for. Trailers are never taken for headers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import Any

import structlog
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from overture_servers.http.answers import refusal, safe_headers

MOST = 512  # connections that are served; further ones are told 503
SPARE = 128  # beyond that, those that get to hear it
HEADERS_S = 10.0  # from the first wait for a request until its headers are there
READER_S = 15.0  # until a reader has taken 48 KiB of what it is owed, uvicorn's two water marks apart
HEADERS_BYTES = 32 * 1024  # of a request's line and headers; and of what may come with nothing of a body in it
PIPELINED = 64  # requests of a connection that wait for the answer to an earlier one
BUSY_S = 5  # after which to come again
ENDLESS = "overture.endless"  # in the scope of a request whose answer goes on for as long as somebody reads it

_UVICORNS = "Invalid HTTP request received."
_NO_HTTP = "This is no HTTP that can be read (RFC 9112); send the request again, whole and with one Host."
_TOO_LONG = f"The request's headers are too large; its line and headers may have {HEADERS_BYTES // 1024} KiB."
_TOO_MANY = f"Too many connections are open here; close some, or try again in {BUSY_S} s."
_FULL = refusal(
    503, "busy", _TOO_MANY, {**safe_headers(https=False), "Retry-After": str(BUSY_S), "Connection": "close"}
)

log = structlog.get_logger(__name__)


def _not_cut_off(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class Listening(Server):
    """uvicorn's server, which says where once it listens; with port 0 the system has chosen one by then.

    Of calls that it cuts off when it ends it says how many there are, and shows no traceback of each.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        logging.getLogger("uvicorn.error").addFilter(_not_cut_off)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for each in server.sockets:
                host, port, *_ = each.getsockname()
                log.info("listening", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")


class _Refused(Exception):
    """Raised to the parser, which then takes nothing more of its connection."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to each wait, for headers, for what is left of a body, for a reader, and to what
    headers may take."""

    _client: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None
    _coming = False  # a request has begun and not ended
    _in_head = False
    _head_bytes = 0  # of the line and the headers that the parser has read
    _kept_bytes = 0  # that came since a request began, or anything of a body: the parser may keep them to itself

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST + SPARE:
            transport.abort()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._client = _off(self._client)
        self._reader = _off(self._reader)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._kept_bytes += len(data)
        super().data_received(data)
        if self._kept_bytes > HEADERS_BYTES and not self.transport.is_closing():
            self.send_400_response(_TOO_LONG)
        self._watch()

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            raise _Refused
        super().on_message_begin()
        self._coming = self._in_head = True
        self._head_bytes = self._kept_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # and no trailer
            self._count(len(name) + len(value))
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):  # RFC 9112, section 3.2
            raise _Refused
        self._in_head = False
        app, self.app = self.app, _FULL if len(self.connections) >= MOST else self.app
        super().on_headers_complete()
        self.app = app

    def on_body(self, body: bytes) -> None:
        self._kept_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._coming = False
        self._kept_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader = self._reader or self.loop.call_later(READER_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._reader = _off(self._reader)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        # Closing waits for what is still to be written, and so for whoever does not read it.
        self._reader = self._reader or self.loop.call_later(READER_S, self.transport.abort)

    def shutdown(self) -> None:
        """What has no end is not waited for."""
        super().shutdown()
        if self.cycle is not None and ENDLESS in self.cycle.scope:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, if it is its turn and nothing was answered yet, and let go of whatever waits for more
        of it."""
        if self.cycle is None or self.cycle.response_complete:
            unanswered = self._in_head or not self._coming
        else:
            unanswered = not self.cycle.response_started and not self.pipeline
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if unanswered:
            if msg == _UVICORNS:
                msg = _TOO_LONG if self._head_bytes > HEADERS_BYTES else _NO_HTTP
            body = json.dumps({"error": "bad_request", "message": msg})
            told = {"Content-Type": "application/json", "Content-Length": len(body), "Connection": "close"}
            lines = (f"{name}: {value}" for name, value in {**told, **safe_headers(https=False)}.items())
            head = ("HTTP/1.1 400 Bad Request", *lines)
            self.transport.write("\r\n".join((*head, "", body)).encode())
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEADERS_BYTES:
            raise _Refused

    def _unsupported_upgrade_warning(self) -> None:
        """Who asks for another protocol is answered in this one (RFC 9110, section 7.8); that is worth no warning."""

    def _watch(self) -> None:
        """While it is the client's turn, it has the same time for whatever it has to send, however it comes."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._client = _off(self._client)
        elif self._client is None and (self.cycle is None or self._began()):
            self._client = self.loop.call_later(HEADERS_S, self.transport.abort)

    def _began(self) -> bool:
        """Whether the client has begun something; where it has not, uvicorn ends what is idle."""
        return self.timeout_keep_alive_task is None or self._coming


def _off(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None


OPTIONS: dict[str, Any] = {
    "http": BoundedProtocol,
    "ws": "none",
    "server_header": False,
    "log_config": None,  # its lines are of the form of all others
    "backlog": MOST,
    "timeout_keep_alive": 5,
}
