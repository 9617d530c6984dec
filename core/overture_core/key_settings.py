"""The settings of the key that signs and seals, and of those that came before it or come after it."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class KeySettings(BaseSettings):
    """What signs links, tokens and questions; a part of `Settings`."""

    secret_key: SecretStr | None = Field(
        default=None,
        description="Signs unsubscribe links and local tokens, and seals LinkedIn's; kept in the data folder without "
        "it. To listen beyond loopback it needs 32 or more random characters.",
    )
    secret_keys_accepted: list[SecretStr] = Field(
        default_factory=list,
        description="Further keys (JSON list) that are taken for everything and sign nothing: the next one before it "
        "is used, the last one until its tokens have ended.",
    )
    secret_keys_retired: list[SecretStr] = Field(
        default_factory=list,
        description="Former keys (JSON list) that are taken only for what lasts: unsubscribe links, sealed tokens and "
        "erased addresses.",
    )
