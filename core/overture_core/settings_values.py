"""Settings whose values need more than a type: checked, and brought into one form, when they are read."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, SecretStr

SHORTEST_TOKEN = 32  # characters


def _addresses(values: list[str]) -> list[str]:
    return [_address(each) for each in values]


def _address(value: str) -> str:
    from overture_core.errors import InvalidInput
    from overture_core.leads.normalise import e164, valid_email
    from overture_core.text import quoted

    try:
        return valid_email(value) if "@" in value else e164(value, None)
    except InvalidInput as error:
        msg = f"{quoted(value)} is neither an e-mail address nor a number such as +12125550100"
        raise ValueError(msg) from error


def _approvers(tokens: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """Each decides under their own name: one token of two people would be kept as the first one's."""
    if not all(name.strip() for name in tokens):
        msg = "an approver has no name; give each token the name of who holds it"
        raise ValueError(msg)
    short = [name for name, token in tokens.items() if len(token.get_secret_value()) < SHORTEST_TOKEN]
    if short:
        msg = f"the token of {short[0]} is too short; it needs at least {SHORTEST_TOKEN} characters"
        raise ValueError(msg)
    if len({token.get_secret_value() for token in tokens.values()}) < len(tokens):
        msg = "two approvers have the same token; give each one of their own"
        raise ValueError(msg)
    return tokens


OwnAddresses = Annotated[list[str], AfterValidator(_addresses)]
Approvers = Annotated[dict[str, SecretStr], AfterValidator(_approvers)]
