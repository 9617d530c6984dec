"""MCP tools as CrewAI tools. Imports CrewAI: import this module only after `engine.prepare`.

They never raise, since CrewAI calls a tool that raised again, up to six times, and a write must not be
repeated blindly. An error is a `ToolFailure` whose text begins with "ERROR: ". Nothing is cached.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any

from crewai.tools import BaseTool
from crewai.tools.tool_failure import ToolFailure
from pydantic import BaseModel, ConfigDict, PrivateAttr

from overture_crew.client import McpSessions, without_nulls
from overture_crew.errors import CrewError
from overture_crew.sessions import ToolInfo

OnError = Callable[[str], None]
OnCall = Callable[[str], None]


class McpTool(BaseTool):
    """One tool of one server, offered to an agent."""

    _sessions: McpSessions = PrivateAttr()
    _server: str = PrivateAttr()
    _on_error: OnError = PrivateAttr()
    _on_call: OnCall = PrivateAttr()

    def bind(self, sessions: McpSessions, server: str, on_error: OnError, on_call: OnCall) -> McpTool:
        """Connect the tool with the sessions it calls through; `on_call` hears of each call, `on_error` of errors."""
        self._sessions, self._server, self._on_error, self._on_call = sessions, server, on_error, on_call
        return self

    def _run(self, **arguments: Any) -> str | ToolFailure:
        self._on_call(self.name)
        try:
            outcome = self._sessions.call(self._server, self.name, without_nulls(arguments))
        except CrewError as error:
            return self._failure(error.message)
        if outcome.is_error:
            return self._failure(outcome.text)
        return json.dumps(outcome.structured, ensure_ascii=False) if outcome.structured else outcome.text

    def _failure(self, text: str) -> ToolFailure:
        self._on_error(f"{self.name}: {text}")
        return ToolFailure(message=f"ERROR: {text}")


def tools_for(
    sessions: McpSessions, server: str, allowed: Collection[str], *, on_error: OnError, on_call: OnCall
) -> list[BaseTool]:
    """Return those of the server's tools that `allowed` names.

    Raises:
        CrewError: the server lacks one of them.
    """
    listed = {info.name: info for info in sessions.tools(server)}
    missing = sorted(set(allowed) - set(listed))
    if missing:
        msg = f"The server {server!r} has no tool {missing[0]!r}; update it, or the crew."
        raise CrewError(msg)
    return [_tool(listed[name]).bind(sessions, server, on_error, on_call) for name in sorted(allowed)]


def _tool(info: ToolInfo) -> McpTool:
    return McpTool(
        name=info.name,
        description=info.description,
        args_schema=_arguments(info),
        cache_function=_never,
        result_as_answer=False,
    )


def _never(_arguments: Any = None, _result: Any = None) -> bool:
    return False


def _arguments(info: ToolInfo) -> type[BaseModel]:
    """Return a model that shows the server's own schema and lets everything through.

    The server checks arguments and says in its error what to do; a second check here would raise
    inside CrewAI, which repeats the call.
    """
    schema = dict(info.schema)

    class Arguments(BaseModel):
        model_config = ConfigDict(extra="allow")

        @classmethod
        def model_json_schema(cls, *_args: Any, **_options: Any) -> dict[str, Any]:
            return json.loads(json.dumps(schema))  # type: ignore[no-any-return]  # a copy: CrewAI edits it

    return Arguments
