"""Twilio's questions about a call: what to say when somebody has picked up, and what a pressed key means.

Twilio reads out an error of ours to whoever has picked up, so a call ends without a word when the database is away.
"""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from overture_core.errors import SystemFault
from overture_core.messages import calling
from overture_providers.endpoints import (
    TWILIO_CALL_ANSWER_PATH,
    TWILIO_CALL_KEY_PATH,
    TWILIO_CALL_STATUS_PATH,
)
from overture_providers.voice import twiml
from overture_providers.voice.events import (
    verify_and_parse_answer,
    verify_and_parse_key,
    verify_and_parse_status,
)
from overture_servers.messaging.webhooks import Webhooks, answering
from overture_servers.runtime import Runtime

log = structlog.get_logger(__name__)


def routes(runtime: Runtime, hooks: Webhooks) -> list[Route]:
    """Return the routes, at the paths that Twilio is given with each call."""

    async def answer(request: Request) -> Response:
        picked_up = await hooks.from_twilio(request, verify_and_parse_answer)
        try:
            words = await hooks.in_time(calling.words, runtime.store, picked_up.message_id)
            speech = twiml.answer(runtime.settings, picked_up, words)
            return await hooks.take([picked_up.event] if speech else [], _twiml(speech or twiml.hang_up()))
        except SystemFault as error:
            log.warning("call_without_words", message=picked_up.message_id, error=error.code)
            return _twiml(twiml.hang_up())

    async def key(request: Request) -> Response:
        opt_outs = await hooks.from_twilio(request, verify_and_parse_key)
        return await hooks.take(opt_outs, _twiml(twiml.goodbye() if opt_outs else twiml.hang_up()))

    async def status(request: Request) -> Response:
        events = await hooks.from_twilio(request, verify_and_parse_status)
        return await hooks.take(events, Response(status_code=204))

    return [
        Route(TWILIO_CALL_ANSWER_PATH, answering(answer), methods=["POST"]),
        Route(TWILIO_CALL_KEY_PATH, answering(key), methods=["POST"]),
        Route(TWILIO_CALL_STATUS_PATH, answering(status), methods=["POST"]),
    ]


def _twiml(text: str) -> Response:
    return Response(text, media_type="text/xml")
