"""What is posted and is no message that these servers take: each gets a JSON-RPC error of one sentence.

The SDK would answer with the whole report of its validation, and to a revision that it does not know with what one of
2026-07-28 lacks.
"""

from __future__ import annotations

from typing import Any

from mcp.types import (
    INVALID_REQUEST,
    PROTOCOL_VERSION_META_KEY,
    UNSUPPORTED_PROTOCOL_VERSION,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    RequestId,
    UnsupportedProtocolVersionErrorData,
    jsonrpc_message_adapter,
)
from mcp.types.version import KNOWN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from overture_core.text import quoted

VERSION_HEADER = "MCP-Protocol-Version"
_BATCH = "Batches are not taken; send each JSON-RPC message as a body of its own."
_NO_MESSAGE = (
    'The body is no JSON-RPC 2.0 message; send one object with "jsonrpc": "2.0", a "method", an "id" that is a string '
    'or a whole number, and "params" that are an object, if there are any.'
)


def refused(posted: Any, version: str | None) -> Response | None:
    """Return the answer to what was posted as JSON under that `MCP-Protocol-Version`; None where it is the SDK's."""
    if isinstance(posted, list):
        return _error(None, ErrorData(code=INVALID_REQUEST, message=_BATCH))
    try:
        message = jsonrpc_message_adapter.validate_python(posted, by_name=False)
    except ValidationError:
        return _error(None, ErrorData(code=INVALID_REQUEST, message=_NO_MESSAGE))
    if isinstance(message, JSONRPCNotification) and posted.get("id") is not None:  # a request that is owed an answer
        return _error(None, ErrorData(code=INVALID_REQUEST, message=_NO_MESSAGE))
    # To a message that names its revision itself the SDK says which of those are served (SEP-2575).
    if version is None or version in KNOWN_PROTOCOL_VERSIONS or _names_one(message):
        return None
    served = list(KNOWN_PROTOCOL_VERSIONS)
    sentence = f"There is no revision {quoted(version)} of MCP here; {VERSION_HEADER} may be {', '.join(served)}."
    data = UnsupportedProtocolVersionErrorData(supported=served, requested=version)
    error = ErrorData(code=UNSUPPORTED_PROTOCOL_VERSION, message=sentence, data=data.model_dump(mode="json"))
    return _error(message.id if isinstance(message, JSONRPCRequest) else None, error)


def _names_one(message: JSONRPCMessage) -> bool:
    params = message.params if isinstance(message, JSONRPCRequest | JSONRPCNotification) else None
    meta = (params or {}).get("_meta")
    return isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta


def _error(request_id: RequestId | None, error: ErrorData) -> Response:
    told = JSONRPCError(jsonrpc="2.0", id=request_id, error=error).model_dump(mode="json", exclude_none=True)
    return JSONResponse({**told, "id": request_id}, 400)
