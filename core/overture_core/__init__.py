"""Overture's domain and storage: leads, campaigns, the message ledger, the gate and approvals.

Nothing here imports a framework (MCP, Dramatiq, Redis, Starlette, Typer, CrewAI), a provider's SDK
or an HTTP client; import-linter holds that.
"""
