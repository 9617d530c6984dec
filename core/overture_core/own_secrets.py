"""The secrets that whoever runs Overture makes up, and which of them somebody else could guess."""

from __future__ import annotations

from pydantic import SecretStr

from overture_core.settings import Settings
from overture_core.settings_values import SHORTEST_TOKEN

BETTER = f"make it of {SHORTEST_TOKEN} or more random characters, such as those of `openssl rand -hex 32`"
_FEWEST_DIFFERENT = SHORTEST_TOKEN // 4


def guessable(settings: Settings) -> list[str]:
    """Return the names of those that protect nothing.

    Retired keys are not looked at: a key that can be guessed has to be left somehow, and they admit nobody.
    """
    own: dict[str, list[SecretStr | None]] = {
        "OVERTURE_SECRET_KEY": [settings.secret_key],
        "OVERTURE_SECRET_KEYS_ACCEPTED": [*settings.secret_keys_accepted],
        "OVERTURE_METRICS_TOKEN": [settings.metrics_token],
        "A token in OVERTURE_APPROVERS": [*settings.approvers.values()],
        "OVERTURE_SENDGRID_INBOUND_SECRET": [settings.sendgrid_inbound_secret],
    }
    return [
        name
        for name, secrets in own.items()
        if any(_can_be_guessed(secret.get_secret_value()) for secret in secrets if secret is not None)
    ]


def _can_be_guessed(secret: str) -> bool:
    return len(secret) < SHORTEST_TOKEN or len(set(secret)) < _FEWEST_DIFFERENT
