"""Every tool of every server, with arguments made up from its own schema: it does it, or says in a sentence why not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from overture_servers.registry import NAMES
from tests.integration.servers.abused import Process, serving

EXAMPLES = 25
# Each plays a whole campaign through on a copy of the workspace; its arguments are three.
FEWER = {"messaging_simulate_campaign": 3}
ODD_TEXTS = [
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "\u202e\u2066",
    "x" * 20_000,
    "'; --",
    "{{ 7*7 }}",
    "../../etc/passwd",
    "99999999999999999999",
    "2026-13-45",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "٣",
]
ODD_NUMBERS = [0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**30, 1e308, -0.0, 0.1]
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=30)
NUMBERS = st.sampled_from(ODD_NUMBERS) | st.integers()
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def made_from(schema: dict[str, Any], root: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that mostly fit a schema: the rarer ones are of its type and out of its bounds, or anything at all."""
    if "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return made_from(found, root, depth + 1) if depth < 6 else ANYTHING
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of([made_from(each, root, depth + 1) for each in choices])
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | TEXTS
    if "const" in schema:
        return st.just(schema["const"])
    makers: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "string": lambda: TEXTS,
        "integer": lambda: st.integers(schema.get("minimum", -10), schema.get("maximum", 10**6)) | NUMBERS,
        "number": lambda: st.floats(0, 1000) | NUMBERS,
        "boolean": st.booleans,
        "null": st.none,
        "array": lambda: st.lists(made_from(schema.get("items", {}), root, depth + 1), max_size=3),
        "object": lambda: objects(schema, root, depth),
    }
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return st.one_of([makers[each]() if each in makers else ANYTHING for each in kinds])


def objects(schema: dict[str, Any], root: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    properties = {name: made_from(each, root, depth + 1) for name, each in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties")
    if not properties:
        values = made_from(more, root, depth + 1) if isinstance(more, dict) else ANYTHING
        return st.dictionaries(TEXTS, values, max_size=3)
    required = {name: each for name, each in properties.items() if name in schema.get("required", ())}
    rest = {name: each for name, each in properties.items() if name not in required}
    return st.fixed_dictionaries(required, optional=rest)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, wait_for: Any
) -> Iterator[Process]:
    more = {}
    if request.param == "postgresql":
        database = request.getfixturevalue("postgresql")
        more["OVERTURE_DATABASE_URL"] = database.url(database.create_database())
    with serving(tmp_path_factory.mktemp("fuzzed"), wait_for, **more) as made:
        for name, arguments in FIRST:
            called(made, name, arguments)
        yield made


FILE = "First Name,E-mail,Phone,Country,Consent\nAda,ada@a.example,+12125550101,US,email sms\n"
FIRST: list[tuple[str, dict[str, Any]]] = [
    ("leads_import_file", {"content": FILE}),
    ("leads_save_segment", {"name": "all"}),
    ("messaging_save_template", {"name": "hello", "channel": "email", "subject": "Hi", "body": "Hello"}),
]


def asked(server: Process, name: str, method: str, params: dict[str, Any]) -> httpx.Response:
    # Lone surrogates can be written in JSON, by their escapes, and in UTF-8 they cannot.
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    return server.post(body, f"/{name}/mcp")


def called(server: Process, tool: str, arguments: Any) -> dict[str, Any]:
    answer = asked(server, tool.partition("_")[0], "tools/call", {"name": tool, "arguments": arguments})
    assert answer.status_code < 500, answer.text
    text = answer.text
    assert "Traceback" not in text
    assert "went wrong inside Overture" not in text, text
    assert 'File "' not in text
    found: dict[str, Any] = read(answer)
    return found


def read(answer: httpx.Response) -> Any:
    lines = [line for line in answer.text.split("\n") if line.startswith("data: {")]  # U+0085 ends no line of a stream
    return json.loads(lines[-1].removeprefix("data: ") if lines else answer.text)


def holds(server: Process, tool: dict[str, Any]) -> Callable[[], None]:
    """Return what calls a tool with arguments made from its schema, the same ones each time."""

    @settings(
        max_examples=FEWER.get(tool["name"], EXAMPLES),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(arguments=made_from(tool["inputSchema"], tool["inputSchema"]))
    def call(arguments: Any) -> None:
        called(server, tool["name"], arguments)

    made: Callable[[], None] = call
    return made


@pytest.mark.parametrize("name", NAMES)
def test_no_arguments_make_a_tool_fail_without_a_sentence(server: Process, name: str) -> None:
    faults = []
    for tool in read(asked(server, name, "tools/list", {}))["result"]["tools"]:
        try:
            holds(server, tool)()
        except (AssertionError, httpx.HTTPError) as error:
            faults.append(f"{tool['name']}: {str(error)[:300]} {getattr(error, '__notes__', '')}")
    assert faults == []


def test_afterwards_a_campaign_is_planned_and_waits_for_a_person(server: Process) -> None:
    wanted = {"name": "Spring", "segment": "all", "templates": {"email": "hello"}}
    result = called(server, "messaging_plan_campaign", wanted)["result"]
    assert not result["isError"], result
