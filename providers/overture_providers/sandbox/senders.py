"""The sandbox's senders: those that the settings name are verified, unless `POST /sandbox/senders` refused one."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_core.settings import Settings
from overture_providers.sandbox import sendgrid, twilio
from overture_providers.sandbox.context import Sandbox


class Told(BaseModel):
    """What a person tells the sandbox of a sender."""

    model_config = ConfigDict(extra="forbid")

    address: str
    verified: bool


def routes(sandbox: Sandbox, settings: Settings) -> list[Route]:
    """Return the providers' routes that tell of senders, and the sandbox's own."""
    refused: set[str] = set()

    async def singles(request: Request) -> Response:
        if not sendgrid.authorized(request, sandbox):
            return sendgrid.error(401, "The provided authorization grant is invalid, expired, or revoked")
        address = settings.email_from
        row = {"id": 1, "from_email": address, "verified": address not in refused}
        return JSONResponse({"results": [row]})

    async def domains(request: Request) -> Response:
        if not sendgrid.authorized(request, sandbox):
            return sendgrid.error(401, "The provided authorization grant is invalid, expired, or revoked")
        return JSONResponse([])

    def numbers(key: str) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            if not twilio.authorized(request, sandbox):
                return twilio.error(401, 20003)
            asked = request.query_params.get("PhoneNumber", "")
            ours = {settings.sms_from, settings.voice_sender} - refused
            able = {"sms": True, "voice": True, "mms": False, "fax": False}
            found = [{"phone_number": asked, "capabilities": able}] if asked in ours else []
            return JSONResponse({key: found if key == "incoming_phone_numbers" else []})

        return answer

    async def tell(request: Request) -> Response:
        try:
            told = Told.model_validate_json(await request.body())
        except ValidationError:
            wanted = '{"address": "hello@example.com", "verified": false}'
            return JSONResponse({"error": f"Send JSON such as {wanted}; verified is true or false."}, 422)
        (refused.discard if told.verified else refused.add)(told.address)
        return JSONResponse({"refused": sorted(refused)})

    account = "/2010-04-01/Accounts/{account}"
    return [
        Route("/v3/verified_senders", singles, methods=["GET"]),
        Route("/v3/whitelabel/domains", domains, methods=["GET"]),
        Route(f"{account}/IncomingPhoneNumbers.json", numbers("incoming_phone_numbers"), methods=["GET"]),
        Route(f"{account}/OutgoingCallerIds.json", numbers("outgoing_caller_ids"), methods=["GET"]),
        Route("/sandbox/senders", tell, methods=["POST"]),
    ]
