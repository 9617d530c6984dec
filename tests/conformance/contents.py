"""The named fixtures that answer at once, as the scenarios describe them: contents, errors, resources, prompts."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def add_contents(server: MCPServer[Any]) -> None:
    """Graft them onto a server."""
    for tool in (
        test_simple_text,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_error_handling,
        region_in_a_header,
        json_schema_2020_12_tool,
    ):
        server.add_tool(tool)
    # The function's signature cannot say all of it.
    declared = server._tool_manager.get_tool(json_schema_2020_12_tool.__name__)
    assert declared is not None
    declared.parameters = SCHEMA_2020_12
    _add_resources(server)
    _add_prompts(server)


def _embedded(uri: str, mime_type: str, content: str) -> EmbeddedResource:
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=content)
    return EmbeddedResource(type="resource", resource=resource)


def _text(content: str) -> TextContent:
    return TextContent(type="text", text=content)


def _answer(*blocks: ContentBlock) -> CallToolResult:
    return CallToolResult(content=list(blocks))


def _image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def test_simple_text() -> CallToolResult:
    """Answer with a text."""
    return _answer(_text("This is a simple text response for testing."))


def test_image_content() -> CallToolResult:
    """Answer with a picture."""
    return _answer(_image())


def test_audio_content() -> CallToolResult:
    """Answer with a sound."""
    return _answer(AudioContent(type="audio", data=WAV, mime_type="audio/wav"))


def test_embedded_resource() -> CallToolResult:
    """Answer with a resource."""
    return _answer(_embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))


def test_multiple_content_types() -> CallToolResult:
    """Answer with a text, a picture and a resource."""
    data = json.dumps({"test": "data", "value": 123})
    mixed = _embedded("test://mixed-content-resource", "application/json", data)
    return _answer(_text("Multiple content types test:"), _image(), mixed)


def test_error_handling() -> CallToolResult:
    """Fail."""
    msg = "This tool intentionally returns an error for testing"
    raise ToolError(msg)


def region_in_a_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})], query: str = ""
) -> CallToolResult:
    """Take an argument that a client repeats in a header."""
    return _answer(_text(f"{region} {query}"))


def json_schema_2020_12_tool(
    name: str = "", address: dict[str, str] | None = None, phone: str = "", email: str = ""
) -> CallToolResult:
    """Tool with JSON Schema 2020-12 features"""
    return _answer(_text(f"{name} {address} {phone} {email}"))


def _add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        """A text."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        """A picture."""
        return b64decode(PNG)

    @server.resource("test://watched-resource", mime_type="text/plain")
    def watched() -> str:
        """A text to subscribe to."""
        return "Watched resource content"

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        """A text for each id."""
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt()
    def test_simple_prompt() -> list[UserMessage]:
        """A prompt without arguments."""
        return [UserMessage(_text("This is a simple prompt for testing."))]

    @server.prompt()
    def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
        """A prompt with arguments."""
        return [UserMessage(_text(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"))]

    @server.prompt()
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
        """A prompt with a resource."""
        resource = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [UserMessage(resource), UserMessage(_text("Please process the embedded resource above."))]

    @server.prompt()
    def test_prompt_with_image() -> list[UserMessage]:
        """A prompt with a picture."""
        return [UserMessage(_image()), UserMessage(_text("Please analyze the image above."))]
