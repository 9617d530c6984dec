"""Stripe's form encoding, and its errors."""

from __future__ import annotations

import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError

MOST_FIELDS = 1_000
_PART = re.compile(r"\[([^\[\]]*)\]")
_Model = TypeVar("_Model", bound=BaseModel)


class Params(BaseModel):
    """What a call may be given; anything else is an error."""

    model_config = ConfigDict(extra="forbid")


class ApiError(Exception):
    """An answer of Stripe's that is an error."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        given = {"type": kind, "message": message, "code": code, "param": param}
        self.body = {"error": {name: value for name, value in given.items() if value is not None}}


def decoded(text: str) -> dict[str, Any]:
    """Return a form, or a query, with its brackets read: `a[b][0]=c` is `{"a": {"b": ["c"]}}`."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS):
        head = name.partition("[")[0]
        path = [head, *_PART.findall(name[len(head) :])]
        place = found
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                msg = f"Invalid {head}: it is both a value and an object."
                raise ApiError(msg, param=head)
        last = path[-1] if path[-1] else str(len(place))
        place[last] = value
    return {name: _listed(value) for name, value in found.items()}


def taken(model: type[_Model], given: dict[str, Any]) -> _Model:
    """Return what a call was given.

    Raises:
        ApiError: it does not fit, in Stripe's words.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = [str(part) for part in first["loc"]]
        name = where[0] + "".join(f"[{part}]" for part in where[1:]) if where else "body"
        if first["type"] == "extra_forbidden":
            raise ApiError(f"Received unknown parameter: {name}", code="parameter_unknown", param=name) from error
        if first["type"] == "missing":
            raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name) from error
        raise ApiError(f"Invalid {name}: {first['msg']}", code="parameter_invalid", param=name) from error


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(each) for name, each in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
