"""The resources of the Stripe server."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

from overture_core.payments.revenue import revenue
from overture_servers.runtime import Runtime, told_resource
from overture_servers.stripe.account import account_of

JSON = "application/json"


def add_resources(server: MCPServer[Runtime], runtime: Runtime) -> None:
    """Declare the resources."""

    @server.resource("stripe://account", title="Account", mime_type=JSON)
    async def account() -> str:
        """Mode, key, caps and allowed prices; asks nothing of Stripe."""
        with told_resource():
            return (await runtime.read(account_of)).model_dump_json()

    @server.resource("stripe://revenue/{campaign}", title="Revenue", mime_type=JSON)
    async def of_campaign(campaign: str) -> str:
        """What a campaign brought in, by step and variant."""
        sandbox = runtime.settings.stripe_sandboxed
        with told_resource():
            return (
                await runtime.read(lambda work: revenue(work, sandbox=sandbox, campaign=campaign))
            ).model_dump_json()
