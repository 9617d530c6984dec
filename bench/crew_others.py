"""CrewAI's own two ways to an MCP server, measured in an environment of their own: both want the MCP SDK 1.x.

`python -P bench/crew_others.py WAY TRANSPORT TOOL COMMAND-OR-URL...` prints its versions and, if a call does not work,
why; then it answers each line, a number of calls, with the seconds of each, all as JSON. bench.crew_call starts it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from crewai import Agent
from crewai.mcp import MCPServerHTTP, MCPServerStdio
from crewai.tools import BaseTool
from crewai_core.printer import set_suppress_console_output
from mcp import StdioServerParameters


@contextmanager
def agents_own(transport: str, where: list[str]) -> Iterator[list[BaseTool]]:
    """What `Agent(mcps=...)` makes of a server."""
    server = MCPServerHTTP(url=where[0]) if transport == "http" else MCPServerStdio(command=where[0], args=where[1:])
    yield Agent(role="caller", goal="call", backstory="none", llm="gpt-4o").get_mcp_tools([server])


@contextmanager
def adapter(transport: str, where: list[str]) -> Iterator[list[BaseTool]]:
    """What crewai-tools makes of a server."""
    from crewai_tools import MCPServerAdapter  # type: ignore[import-not-found]

    streamable = {"url": where[0], "transport": "streamable-http"}
    server = streamable if transport == "http" else StdioServerParameters(command=where[0], args=where[1:])
    with MCPServerAdapter(server) as tools:
        yield tools


WAYS = {"mcps": agents_own, "adapter": adapter}


def called(tool: BaseTool) -> float:
    """Call the tool once and return the seconds."""
    began = time.perf_counter()
    answer = tool._run(text="hello")
    took = time.perf_counter() - began
    assert "hello" in str(answer), answer
    return took


def main() -> None:
    way, transport, name, *where = sys.argv[1:]
    # What CrewAI prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    set_suppress_console_output(True)
    with WAYS[way](transport, where) as tools:
        tool = next(each for each in tools if each.name.endswith(name))
        about = {"crewai": version("crewai"), "mcp": version("mcp")}
        try:
            called(tool)
        except RuntimeError as error:
            about["fails"] = str(error)
        print(json.dumps(about), file=answers)
        for line in sys.stdin:
            print(json.dumps([called(tool) for _ in range(int(line))]), file=answers)


if __name__ == "__main__":
    main()
