"""The sandbox's own credentials, made once and shared by every process through the data folder.

They have the shape of the providers' (an `SG.` key, an `AC` account SID, an ECDSA P-256 pair for the
signed event webhook), so that clients and webhook checks run the same code as with a real account.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from overture_core.errors import ConfigurationError

FILE_NAME = "sandbox-keys.json"


class SandboxKeys(BaseModel):
    """Both event keys are base64 DER: PKCS #8 for the private one, SubjectPublicKeyInfo for the public one."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    sendgrid_api_key: str = Field(repr=False)
    sendgrid_inbound_secret: str = Field(repr=False)
    event_private_key: str = Field(repr=False)
    event_public_key: str
    twilio_account_sid: str
    twilio_auth_token: str = Field(repr=False)

    @property
    def stripe_api_key(self) -> str:
        """A restricted test key."""
        return f"rk_test_{self._derived('stripe key')}"

    @property
    def stripe_webhook_secret(self) -> str:
        """The secret that Stripe's webhooks are signed with."""
        return f"whsec_{self._derived('stripe webhook')}"

    @property
    def linkedin_client_id(self) -> str:
        """The id of the application at the sandbox's LinkedIn."""
        return self._derived("linkedin id")[:14]

    @property
    def linkedin_client_secret(self) -> str:
        """Its secret."""
        return f"WPL_AP1.{self._derived('linkedin secret')}"

    def _derived(self, what: str) -> str:
        # Derived, so that key files from before there were these providers stay as they are.
        return hmac.new(self.twilio_auth_token.encode(), what.encode(), hashlib.sha256).hexdigest()[:32]


def load_or_create(data_dir: Path) -> SandboxKeys:
    """Return the keys in `data_dir`, made now if there are none (file mode 0600).

    Safe when several processes start at once: the file appears whole under its name or not at all,
    and the first one linked there wins.

    Raises:
        ConfigurationError: the file is not readable as keys, or the folder cannot be written.
    """
    path = data_dir / FILE_NAME
    try:
        if not path.exists():
            _create(path)
        return SandboxKeys.model_validate_json(path.read_bytes())
    except OSError as error:
        msg = f"The sandbox's keys in {path} cannot be read or written ({error.strerror}); check OVERTURE_DATA_DIR."
        raise ConfigurationError(msg) from error
    except ValidationError as error:
        msg = f"The sandbox's keys in {path} are damaged; delete the file and start again."
        raise ConfigurationError(msg) from error


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_generate().model_dump_json(indent=1))
        # link fails where replace would overwrite: whoever came first keeps the keys others have read
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _generate() -> SandboxKeys:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    private = ec.generate_private_key(ec.SECP256R1())
    private_der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public_der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SandboxKeys(
        sendgrid_api_key=f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}",
        sendgrid_inbound_secret=secrets.token_urlsafe(24),
        event_private_key=base64.b64encode(private_der).decode(),
        event_public_key=base64.b64encode(public_der).decode(),
        twilio_account_sid=f"AC{secrets.token_hex(16)}",
        twilio_auth_token=secrets.token_hex(16),
    )
