"""What every part of a running sandbox shares."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from overture_core.clock import Clock
from overture_providers.sandbox.inbox import Inbox
from overture_providers.sandbox.keys import SandboxKeys


@dataclass(slots=True)
class Sandbox:
    """`webhook_url` is the receiver's base URL; `speed` divides every delay, and 0 means at once.

    `news` is set when there may be something to tell earlier than the sender was waiting for.
    """

    inbox: Inbox
    keys: SandboxKeys
    clock: Clock
    webhook_url: str
    seed: int
    speed: float
    news: anyio.Event = field(default_factory=anyio.Event)

    def now(self) -> float:
        return self.clock.now().timestamp()

    def after(self, seconds: float) -> float:
        """Return the Unix time that comes `seconds` of the script's time from now."""
        return self.now() + (seconds / self.speed if self.speed else 0.0)

    def tell(self) -> None:
        """Wake the sender of webhooks."""
        self.news.set()
