"""A host of MCP Apps for tests: a web page that shows a view in the two frames and under the policy that the
specification of 2026-01-26 wants, and hands on what the view asks for to a real server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from anyio.from_thread import start_blocking_portal
from mcp import Client, StdioServerParameters
from mcp.server.apps import APP_MIME_TYPE
from mcp.types import CallToolResult, TextResourceContents
from playwright.sync_api import BrowserContext, Frame, FrameLocator, Page, Route

from tests.dashboard_scene import SHOWS_APPS

FILES = Path(__file__).parent / "data" / "app_host"
HOST, SANDBOX = "http://host.example/", "http://sandbox.example/"
# What a host must use where a resource asks for nothing more ("Restrictive Default", "Sandbox proxy").
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "media-src 'self' data:; connect-src 'none'; frame-src 'none'; object-src 'none'; base-uri 'self'"
)
ALL: dict[str, Any] = {"openLinks": {}, "serverTools": {}}
Theme = Literal["light", "dark"]
Mode = Literal["auto", "legacy"]


@dataclass
class Host:
    """One conversation with the messaging server, at a URL or started over stdio. What the view did is kept: links that
    it wanted opened, tools that it called, other messages, and what its frames wrote to the console. `refuses` names
    methods that are answered with an error, and `offers` what the host says that it can do."""

    context: BrowserContext
    server: str | StdioServerParameters
    theme: Theme = "light"
    mode: Mode = "auto"
    offers: dict[str, Any] = field(default_factory=ALL.copy)
    refuses: set[str] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)
    called: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda said: self.console.append(said.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.route(HOST, _page("host.html"))
        self.page.route(SANDBOX, _page("sandbox.html", {"Content-Security-Policy": POLICY}))
        self.page.expose_function("hostAnswers", self._answers)
        self.page.expose_function("hostHears", lambda data: self.heard.append(data))

    def call(self, tool: str, **asked: Any) -> CallToolResult:
        """Call a tool as the model does."""
        with start_blocking_portal() as portal:
            result: CallToolResult = portal.call(self._call, tool, asked)
        return result

    def show(self, tool: str, **asked: Any) -> FrameLocator:
        """Call a tool as the model does, and show the view that the tool names with its result."""
        return self.present(tool, self.call(tool, **asked), **asked)

    def present(self, tool: str, result: CallToolResult, **asked: Any) -> FrameLocator:
        """Show the view of a tool with a result that there is already."""
        with start_blocking_portal() as portal:
            html, meta = portal.call(self._resource, tool)
        assert "csp" not in meta["ui"], "the policy here is the one for views that ask for nothing"
        given = {
            "html": html,
            "host": {
                "protocolVersion": "2026-01-26",
                "hostInfo": {"name": "a-host", "version": "1"},
                "hostCapabilities": self.offers,
                "hostContext": {"theme": self.theme, "displayMode": "inline"},
            },
            "asked": asked,
            "result": result.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        self.page.goto(HOST)
        self.page.evaluate("([what, theme]) => { dress(theme); show(what); }", [given, self.theme])
        return self.view

    @property
    def view(self) -> FrameLocator:
        """The document of the view."""
        return self.page.frame_locator("#sandbox").frame_locator("iframe")

    @property
    def frame(self) -> Frame:
        """The innermost frame, for what a locator cannot do."""
        return self.page.frames[-1]

    def tell(self, method: str, params: dict[str, Any]) -> None:
        """Send the view a notification."""
        self.page.evaluate("([method, params]) => window.tell(method, params)", [method, params])

    def _answers(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "ui/open-link":
            self.opened.append(params["url"])
        if method == "tools/call":
            self.called.append((params["name"], params["arguments"]))
        if method in self.refuses or method not in {"ui/open-link", "tools/call"}:
            return {"error": {"code": -32000, "message": "the user did not allow it"}}
        if method == "ui/open-link":
            return {"result": {}}
        result = self.call(params["name"], **params["arguments"])
        return {"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)}

    async def _call(self, tool: str, asked: dict[str, Any]) -> CallToolResult:
        async with self._client() as client:
            result = await client.call_tool(tool, asked)
        assert isinstance(result, CallToolResult)
        return result

    async def _resource(self, tool: str) -> tuple[str, dict[str, Any]]:
        async with self._client() as client:
            listed = {each.name: each for each in (await client.list_tools()).tools}
            meta = listed[tool].meta
            assert meta is not None
            (content,) = (await client.read_resource(meta["ui"]["resourceUri"])).contents
        assert isinstance(content, TextResourceContents)
        assert content.mime_type == APP_MIME_TYPE
        return content.text, content.meta or {"ui": {}}

    def _client(self) -> Client:
        return Client(self.server, mode=self.mode, extensions=[SHOWS_APPS])


def _page(name: str, headers: dict[str, str] | None = None) -> Any:
    def fulfil(route: Route) -> None:
        text = (FILES / name).read_text(encoding="utf-8")
        route.fulfill(body=text, content_type="text/html", headers={"Content-Type": "text/html", **(headers or {})})

    return fulfil
