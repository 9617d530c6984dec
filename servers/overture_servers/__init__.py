"""The MCP servers: one folder a capability, each with its tools, resources, prompts and webhooks."""
