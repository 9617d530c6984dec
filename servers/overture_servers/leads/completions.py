"""Completes the arguments of prompts and resource templates: names of segments, tags, companies, mappings; imports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mcp.server.mcpserver import MCPServer
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from overture_core.leads import naming
from overture_core.storage.store import Work
from overture_servers.runtime import Runtime

MOST = 100  # completion/complete, "values"
_Names = Callable[[Work, str, int], Sequence[str]]
_BY_ARGUMENT: dict[str, _Names] = {
    "segment": naming.segments,
    "name": naming.segments,
    "tag": naming.tags,
    "company": naming.companies,
    "mapping": naming.mappings,
    "import_id": naming.imports,
}
_DAYS = ("30", "90", "180", "365")


def add_completions(server: MCPServer[Runtime], runtime: Runtime) -> None:
    """Declare the completion handler."""

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK leaves it untyped
    async def complete(
        _ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _context: CompletionContext | None,
    ) -> Completion | None:
        if argument.name == "days":
            return Completion(values=[each for each in _DAYS if each.startswith(argument.value)])
        names = _BY_ARGUMENT.get(argument.name)
        if names is None:
            return None
        found = list(await runtime.read(lambda work: names(work, argument.value, MOST + 1)))
        return Completion(values=found[:MOST], has_more=len(found) > MOST)
