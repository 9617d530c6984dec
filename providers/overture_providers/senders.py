"""Asks the providers whether the senders that the settings name are theirs to use.

SendGrid: single senders (`GET /v3/verified_senders`) and authenticated domains (`GET /v3/whitelabel/domains`). Twilio:
the account's numbers (`IncomingPhoneNumbers`) and, for calls, its verified ones (`OutgoingCallerIds`). Reading changes
nothing there. What cannot be looked up, such as an alphanumeric sender or a WhatsApp sender, is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson

from overture_core.errors import OvertureError, ProviderUnavailable
from overture_core.messages.channels import BY_HAND, Channel
from overture_core.settings import Settings
from overture_core.workspaces.senders import Answer, SenderView
from overture_providers import transport
from overture_providers.endpoints import email_endpoint, sms_endpoint

_MOST = 500  # entries a page: a longer list is not known to lack anything


async def ask(settings: Settings, senders: Sequence[SenderView], *, real_only: bool = False) -> list[Answer]:
    """Return what the providers say of senders; one that cannot be asked makes an answer of None, never an error.

    With `real_only` the sandbox is not asked.
    """
    answers: list[Answer] = []
    async with transport.make_http(settings.provider_timeout_s, connections=2) as http:
        for sender in senders:
            try:
                found = await _ask(settings, http, sender, real_only=real_only)
            except OvertureError as error:
                found = (None, error.message)
            if found is not None:
                answers.append(Answer(sender.channel, sender.address, *found))
    return answers


async def _ask(
    settings: Settings, http: aiohttp.ClientSession, sender: SenderView, *, real_only: bool
) -> tuple[bool | None, str] | None:
    if sender.channel is Channel.EMAIL:
        mail = email_endpoint(settings)
        if mail.sandbox and real_only:
            return None
        headers = {"Authorization": f"Bearer {mail.api_key}"}
        return await _email(http, mail.base_url, headers, sender.address, settings.provider_timeout_s)
    if sender.channel in BY_HAND:
        return None if real_only else (None, "A person sends by hand; no provider has to verify it.")
    phone = sms_endpoint(settings)
    if phone.sandbox and real_only:
        return None
    if sender.channel is Channel.WHATSAPP or not sender.address.startswith("+"):
        return None, "Twilio's API tells of ordinary phone numbers alone; look at the sender in its console."
    headers = {"Authorization": aiohttp.encode_basic_auth(phone.account_sid, phone.auth_token)}
    account = f"{phone.base_url}/2010-04-01/Accounts/{phone.account_sid}"
    return await _number(http, account, headers, sender, settings.provider_timeout_s)


async def _email(
    http: aiohttp.ClientSession, base_url: str, headers: dict[str, str], address: str, timeout_s: float
) -> tuple[bool | None, str]:
    query = {"limit": str(_MOST)}
    domains = _rows(await _get(http, f"{base_url}/v3/whitelabel/domains", query, headers, timeout_s), None)
    domain = address.rpartition("@")[2].lower()
    for row in domains:
        named = str(row.get("domain", "")).lower()
        if row.get("valid") is True and named and (domain == named or domain.endswith(f".{named}")):
            return True, f"SendGrid authenticated the domain {named}"
    singles = _rows(await _get(http, f"{base_url}/v3/verified_senders", query, headers, timeout_s), "results")
    mine = [row for row in singles if str(row.get("from_email", "")).lower() == address.lower()]
    if any(row.get("verified") is True for row in mine):
        return True, "SendGrid verified it as a single sender"
    if max(len(domains), len(singles)) >= _MOST:
        return None, "SendGrid has more senders and domains than one page tells"
    return False, "SendGrid has neither an authenticated domain nor a verified single sender for it"


async def _number(
    http: aiohttp.ClientSession, account: str, headers: dict[str, str], sender: SenderView, timeout_s: float
) -> tuple[bool | None, str]:
    query = {"PhoneNumber": sender.address}
    url = f"{account}/IncomingPhoneNumbers.json"
    rows = _rows(await _get(http, url, query, headers, timeout_s), "incoming_phone_numbers")
    able = "voice" if sender.channel is Channel.VOICE else "sms"
    mine = [row for row in rows if row.get("phone_number") == sender.address]
    if any(isinstance(row.get("capabilities"), dict) and row["capabilities"].get(able) is True for row in mine):
        return True, f"Twilio has it as a number of the account that can do {able}"
    if sender.channel is Channel.VOICE:
        url = f"{account}/OutgoingCallerIds.json"
        rows = _rows(await _get(http, url, query, headers, timeout_s), "outgoing_caller_ids")
        if any(row.get("phone_number") == sender.address for row in rows):
            return True, "Twilio has it as a verified caller id"
    if mine:
        return False, f"Twilio has it as a number of the account that cannot do {able}"
    return False, "Twilio does not have it as a number of the account"


async def _get(
    http: aiohttp.ClientSession, url: str, query: dict[str, str], headers: dict[str, str], timeout_s: float
) -> Any:
    deadline = timeout_s + transport.CONNECT_TIMEOUT_S
    try:
        response = await transport.exchange(http, "GET", url, deadline, params=query, headers=headers)
    except (TimeoutError, aiohttp.ClientError) as error:
        raise ProviderUnavailable("The provider could not be asked; try again later.") from error
    if not response.is_success:
        msg = f"The provider answered HTTP {response.status}; its key may not be allowed to read senders."
        raise ProviderUnavailable(msg)
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise ProviderUnavailable("The provider's answer could not be read.") from error


def _rows(answer: Any, key: str | None) -> list[dict[str, Any]]:
    rows = answer.get(key) if key is not None and isinstance(answer, dict) else answer
    if not isinstance(rows, list):
        raise ProviderUnavailable("The provider's answer could not be read.")
    return [row for row in rows if isinstance(row, dict)]
