"""The error tree. Errors become a tool error, an HTTP status or an exit code only at the edge.

A class's docstring is its default message; `code` is the stable name that programs match on.
`UserError` is for what the caller can mend; `SystemFault` for what an operator has to.
"""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import ClassVar


class OvertureError(Exception):
    """Something went wrong in Overture."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.getdoc(type(self)) or self.code)

    @property
    def message(self) -> str:
        """One sentence: what went wrong and what to do next."""
        return str(self)


class UserError(OvertureError):
    """The request cannot be carried out as it stands."""

    code = "invalid"


class InvalidInput(UserError):
    """The input is not usable."""

    code = "invalid_input"


class NotFound(UserError):
    """There is nothing by that name or id in this workspace."""

    code = "not_found"


class Conflict(UserError):
    """The current state does not allow this."""

    code = "conflict"


class TemplateError(InvalidInput):
    """The template cannot be rendered."""

    code = "template"


class UnreadableFile(InvalidInput):
    """The file cannot be read."""

    code = "unreadable_file"


class ApprovalRequired(UserError):
    """A person has to approve this first."""

    code = "approval_required"


class NotConnected(UserError):
    """LinkedIn is not connected; a person opens the link of `overture linkedin connect`, or of linkedin_connect."""

    code = "not_connected"


class ProviderRefused(UserError):
    """The provider refused this; nothing was changed."""

    code = "provider_refused"


class RateLimited(ProviderRefused):
    """The provider takes no more calls for now; nothing was changed."""

    code = "rate_limited"

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class OutcomeUnknown(OvertureError):
    """Nobody can say whether the provider did it."""

    code = "outcome_unknown"


class AuditBroken(OvertureError):
    """The audit is not what was written."""

    code = "audit_broken"


class ForbiddenTransition(OvertureError):
    """The state table does not allow this change of a message."""

    code = "forbidden_transition"


class SystemFault(OvertureError):
    """A part that Overture depends on is not working."""

    code = "fault"


class ConfigurationError(SystemFault):
    """The settings do not fit together."""

    code = "configuration"


class DatabaseUnavailable(SystemFault):
    """The database cannot be reached; nothing was changed. Check OVERTURE_DATABASE_URL, then retry."""

    code = "database_unavailable"


class QueueUnavailable(SystemFault):
    """Redis cannot be reached; messages stay due and go out once it is back."""

    code = "queue_unavailable"


class ProviderUnavailable(SystemFault):
    """The provider cannot be reached or refused our credentials."""

    code = "provider_unavailable"


class ProviderBusy(ProviderUnavailable):
    """The provider did nothing this time; try again in a minute."""

    code = "provider_busy"


class NotAllowed(UserError):
    """This needs a token; nothing was done."""

    code = "not_allowed"


class KeysUnavailable(SystemFault):
    """The issuer's keys cannot be had now, so no token can be checked; try again in a minute."""

    code = "keys_unavailable"


class IssuerUnavailable(SystemFault):
    """The identity provider does not answer now, so nobody can sign in; try again in a minute."""

    code = "issuer_unavailable"


class SignatureInvalid(UserError):
    """The webhook's signature does not match its body."""

    code = "signature_invalid"
