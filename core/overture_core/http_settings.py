"""The settings of the HTTP servers: where they listen, which hosts may speak to them, whose tokens they take."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

from overture_core import configured

ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on
WRITING = "*write"  # each tool that changes something and has no limit of its own
TOOL_LIMITS = {
    "leads_import_file": "30/minute",
    "leads_export": "10/minute",
    "messaging_plan_campaign": "30/minute",
    "messaging_simulate_campaign": "10/minute",
    "messaging_launch_campaign": "30/minute",
    WRITING: "300/minute",
}


class HttpSettings(BaseSettings):
    """What the HTTP servers are set up by; a part of `Settings`."""

    http_host: str = Field(default="127.0.0.1", description="Address the HTTP servers listen on.")
    http_port: int = Field(default=8765, ge=0, le=65535, description="Port the HTTP servers listen on.")
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Bearer token that /metrics wants, of 32 or more random characters as OVERTURE_SECRET_KEY; without "
        "it only this machine may read them.",
    )
    public_url: Annotated[str, AfterValidator(configured.base_url)] | None = Field(
        default=None,
        description="Base URL at which providers reach the webhooks and, with authentication, clients the MCP servers.",
    )
    allowed_hosts: Annotated[list[str], AfterValidator(configured.hosts)] = Field(
        default_factory=list,
        description="Further hosts (JSON list; `name` or `name:port`) by which clients may address the MCP servers; "
        "only with authentication.",
    )
    allowed_origins: list[str] = Field(
        default_factory=list,
        description="Further web origins (JSON list), such as https://app.example, whose pages may call the MCP "
        "servers; only with authentication.",
    )
    rate_limit: str = Field(
        default="1200/minute",
        description="Calls to the MCP servers over HTTP that a principal may make (docs/security.md).",
    )
    rate_limit_tools: dict[str, str] = Field(
        default_factory=TOOL_LIMITS.copy,
        description="The same for single tools (JSON object of a tool's name, or `*write` for each other that changes "
        "something, and a limit); takes the place of all of these.",
    )
    http_body_bytes: int = Field(
        default=4 * 2**20,
        ge=2**16,
        le=2**28,
        description="What a request to an MCP server may have, in bytes; webhooks have limits of their own.",
    )
    http_body_timeout_s: float = Field(
        default=30.0, gt=0, le=600, description="Seconds until the whole body of a request has to be there."
    )
    auth_issuer: str | None = Field(
        default=None, description="Issuer (`iss`) of the access tokens that the HTTP servers take: an https URL."
    )
    auth_jwks_url: str | None = Field(
        default=None, description="Where the issuer's keys are; found by its metadata without it."
    )
    auth_audience: str | None = Field(
        default=None,
        description="Audience (`aud`) of the tokens, where it is not the servers' base URL; one server's is this and "
        "its path, such as /leads/mcp.",
    )
    auth_workspace_claim: str = Field(
        default="workspace", min_length=1, description="Claim of a token that names its workspace."
    )
    auth_scope_claim: str = Field(
        default="scope", min_length=1, description="Claim of a token that names its scopes; `scp` without it."
    )
    auth_local: bool = Field(default=False, description="Take tokens that `overture token` made on this machine.")
    auth_client_id: str | None = Field(
        default=None,
        min_length=1,
        description="Client id that the issuer knows the dashboard by: people sign in to it there (docs/dashboard.md).",
    )
    auth_client_secret: SecretStr | None = Field(
        default=None, description="Secret of that client; without it it is a public client."
    )
    auth_approver_role: str | None = Field(
        default=None, min_length=1, description="Role or group of who may open the dashboard, and so approve there."
    )
    auth_role_claim: str = Field(
        default="roles", min_length=1, description="Claim of an ID token that names the roles or groups of a person."
    )
    auth_person_claim: str = Field(
        default="sub",
        min_length=1,
        description="Claim of an ID token that names the person in the audit; one that nobody can change themselves.",
    )
    auth_sign_in_scope: str = Field(
        default="openid",
        description="Scopes to ask for when somebody signs in, `openid` among them; more if the claims need it.",
    )

    @model_validator(mode="after")
    def _addresses_can_be_trusted(self) -> Self:
        for name in ("auth_issuer", "auth_jwks_url"):
            value = getattr(self, name)
            if value is not None and not may_be_fetched(value):
                msg = f"OVERTURE_{name.upper()} has to be an https URL; http is for this machine alone"
                raise ValueError(msg)
        if self.auth_jwks_url is not None and self.auth_issuer is None:
            msg = "OVERTURE_AUTH_JWKS_URL has the keys of an issuer; set OVERTURE_AUTH_ISSUER too"
            raise ValueError(msg)
        for origin in self.allowed_origins:
            if not configured.is_origin(origin):
                msg = (
                    f"OVERTURE_ALLOWED_ORIGINS has {origin!r}; each is one page's scheme and host, such as "
                    "https://app.example, and none stands for all"
                )
                raise ValueError(msg)
        if not self.authenticated:
            named = [name for name in ("allowed_hosts", "allowed_origins", "auth_audience") if getattr(self, name)]
            if named:
                msg = (
                    f"OVERTURE_{named[0].upper()} is for servers with authentication; "
                    "set OVERTURE_AUTH_ISSUER or OVERTURE_AUTH_LOCAL too"
                )
                raise ValueError(msg)
        return self

    @field_validator("auth_sign_in_scope")
    @classmethod
    def _asks_who_it_is(cls, value: str) -> str:
        if "openid" not in value.split(" ") or value.split(" ") != value.split():
            msg = 'it is scopes with one space between them, `openid` among them, such as "openid groups"'
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _a_sign_in_is_whole(self) -> Self:
        if self.auth_client_id is None:
            for name in ("auth_client_secret", "auth_approver_role"):
                if getattr(self, name) is not None:
                    msg = f"OVERTURE_{name.upper()} is for signing in to the dashboard; set OVERTURE_AUTH_CLIENT_ID too"
                    raise ValueError(msg)
            return self
        if self.auth_issuer is None:
            msg = "OVERTURE_AUTH_CLIENT_ID is a client of an issuer; set OVERTURE_AUTH_ISSUER too"
            raise ValueError(msg)
        if self.auth_approver_role is None:
            msg = "OVERTURE_AUTH_CLIENT_ID lets people sign in to approve; say with OVERTURE_AUTH_APPROVER_ROLE who may"
            raise ValueError(msg)
        if self.auth_client_id == self.audience:
            msg = (
                "OVERTURE_AUTH_CLIENT_ID is the audience of the access tokens too, so one kind of token would pass for "
                "the other; give the servers another OVERTURE_AUTH_AUDIENCE"
            )
            raise ValueError(msg)
        if not may_be_fetched(self.page_url):
            msg = (
                "Whoever signs in comes back to OVERTURE_PUBLIC_URL; set it to an https address, or listen on this "
                "machine alone"
            )
            raise ValueError(msg)
        return self

    @property
    def authenticated(self) -> bool:
        """Whether the MCP servers over HTTP want a token."""
        return self.auth_issuer is not None or self.auth_local

    @property
    def base_url(self) -> str:
        """Where the HTTP servers are for whoever calls them: providers' webhooks, and clients."""
        return (self.public_url or self._own_url).rstrip("/")

    @property
    def page_url(self) -> str:
        """Where people open the dashboard: without authentication on this machine alone, whatever the public URL."""
        return self.base_url if self.authenticated else self._own_url

    @property
    def _own_url(self) -> str:
        host = f"[{self.http_host}]" if ":" in self.http_host else self.http_host
        return f"http://{host}:{self.http_port}"

    @property
    def audience(self) -> str:
        """The audience of a token for all servers; a server's own has its path behind it."""
        return (self.auth_audience or self.base_url).rstrip("/")


def may_be_fetched(url: str) -> bool:
    """Tell whether keys may be fetched from there: https, or http on this machine; no name and password in it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Tell whether a name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
