"""Connections, and how long they may keep us waiting: uvicorn itself waits forever for a request and for a reader.

Its parser is h11, whichever else is installed: it bounds what the headers of a request may take, and is the stricter
one about where a request ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import Any

import h11
import structlog
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 512  # connections that are served; further ones are told 503
SPARE = 128  # beyond that, those that get to hear it
HEADERS_S = 10.0  # from the first wait for a request until its headers are there
READER_S = 15.0  # until a reader has taken 48 KiB of what it is owed, uvicorn's two water marks apart
HEADERS_BYTES = 32 * 1024
ENDLESS = "overture.endless"  # in the scope of a request whose answer goes on for as long as somebody reads it

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


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol with an end to each wait: for headers, for what is left of a body, for a reader."""

    _client: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

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
        super().data_received(data)
        self._watch()

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
        """Answer what is no HTTP, if nothing was answered yet, and let go of whatever waits for more of it."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            body = json.dumps({"error": "bad_request", "message": msg}).encode()
            headers = {"content-type": "application/json", "x-content-type-options": "nosniff", "connection": "close"}
            told = [h11.Response(status_code=400, headers=list(headers.items())), h11.Data(body), h11.EndOfMessage()]
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in told))
        self.transport.close()

    def _watch(self) -> None:
        """While it is the client's turn, it has the same time for whatever it has to send, however it comes."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._client = _off(self._client)
        elif self._client is None and (self.cycle is None or self._began()):
            self._client = self.loop.call_later(HEADERS_S, self.transport.abort)

    def _began(self) -> bool:
        """Whether the client has begun something; where it has not, uvicorn ends what is idle."""
        return self.timeout_keep_alive_task is None or self.conn.their_state is h11.SEND_BODY


def _off(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None


OPTIONS: dict[str, Any] = {
    "http": BoundedProtocol,
    "ws": "none",
    "server_header": False,
    "log_config": None,  # its lines are of the form of all others
    "limit_concurrency": MOST,
    "backlog": MOST,
    "timeout_keep_alive": 5,
    "h11_max_incomplete_event_size": HEADERS_BYTES,
}
