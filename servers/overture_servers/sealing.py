"""Seals what a server hands a client between a question to a person and their answer.

Over stateless HTTP the answer may reach another process than the one that asked, or the same after a
restart. So the key comes from the stored secret, which every process of one data folder, and every
machine that is given the same `OVERTURE_SECRET_KEY`, has.
"""

from __future__ import annotations

from functools import cached_property

from mcp.server.request_state import AESGCMRequestStateCodec

from overture_core import secrets
from overture_core.settings import Settings

PURPOSE = "request-state"


class StoredKeyCodec:
    """The SDK's AES-256-GCM under a key derived from the stored secret, which is read when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def seal(self, payload: bytes) -> str:
        """Return a token that only a process with the same secret can open."""
        return self._codec.seal(payload)

    def unseal(self, token: str) -> bytes:
        """Open a token.

        Raises:
            InvalidRequestState: it was made with another secret, or changed on its way.
        """
        return self._codec.unseal(token)

    @cached_property
    def _codec(self) -> AESGCMRequestStateCodec:
        # One signature has 128 bits, the codec asks for 256. It seals with the first and opens with each.
        halves = [secrets.accepted_signatures(self._settings, PURPOSE, half) for half in "ab"]
        return AESGCMRequestStateCodec(["".join(pair) for pair in zip(*halves, strict=True)])
