"""A loopback OpenAI-compatible endpoint with a scripted model.

Run as `python -m tests.integration.crew.fake_endpoint FOLDER PORT`. `FOLDER/script.json` is what the model answers, by
the role in the system message: a list of steps for each, each a tool call {"tool": ..., "args": {...}} or a final
answer (any other object); or several such lists, by a text that the messages have to hold, the first that fits counts.
An agent's step is as many as the tool answers that it has read. It calls tools natively where it is offered any, else
by "Action:" lines. `requests.jsonl` logs what it was asked, `steps.jsonl` what it said; `fail` has a number: that many
requests from now on get HTTP 500; `tokens` is how many each is said to have read, with `silent` none are told; `models`
lists further models; with `locked` the key is "sesame".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

FOLDER = Path(sys.argv[1])
WINDOW = 32_768

Messages = list[dict[str, Any]]
NextStep = Callable[[Messages], dict[str, Any]]


def refused(request: Request) -> bool:
    """Say whether the key is wrong."""
    return (FOLDER / "locked").exists() and request.headers.get("authorization") != "Bearer sesame"


async def models(request: Request) -> Response:
    """List the models."""
    if refused(request):
        return JSONResponse({"error": {"message": "no"}}, status_code=401)
    names = (FOLDER / "models").read_text().split() if (FOLDER / "models").exists() else ["scripted"]
    return JSONResponse({"data": [{"id": name, "max_model_len": WINDOW} for name in names]})


def must_fail() -> bool:
    """Count a failure down, if any is asked for."""
    left = int((FOLDER / "fail").read_text()) if (FOLDER / "fail").exists() else 0
    if left:
        (FOLDER / "fail").write_text(str(left - 1))
    return left > 0


def text_of(messages: Messages) -> str:
    """Return all that the model reads."""
    return "\n".join(str(message.get("content") or "") for message in messages)


def steps_before(messages: Messages) -> int:
    """Count the tool answers that the agent has read."""
    by_tool = len([message for message in messages if message.get("role") == "tool"])
    return max(by_tool, text_of(messages[1:]).count("\nObservation:"))


def scripted(messages: Messages) -> dict[str, Any]:
    """Return the step of the script that is due."""
    whole = text_of(messages)
    script = json.loads((FOLDER / "script.json").read_text(encoding="utf-8"))
    steps = next(steps for role, steps in script.items() if f"You are {role}" in whole)
    if isinstance(steps, dict):
        steps = next(found for text, found in steps.items() if text in whole)
    return dict(steps[min(steps_before(messages), len(steps) - 1)])


def log(name: str, line: dict[str, Any]) -> None:
    """Append a line to one of the folder's logs."""
    with (FOLDER / name).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


async def completions(request: Request) -> Response:
    """Answer a chat completion."""
    asked = await request.json()
    log("requests.jsonl", asked)
    if must_fail():
        return JSONResponse({"error": {"message": "overloaded"}}, status_code=500)
    step = request.app.state.next_step(asked["messages"])
    log("steps.jsonl", step)
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if "tool" not in step:
        final = json.dumps(step)
        message["content"] = final if asked.get("tools") else f"Thought: I now know.\nFinal Answer: {final}"
    elif asked.get("tools") or step.get("unasked"):
        function = {"name": step["tool"], "arguments": json.dumps(step["args"])}
        message["tool_calls"] = [
            {"id": f"call_{number}", "type": "function", "function": function} for number in range(step.get("times", 1))
        ]
    else:
        message["content"] = f"Thought: look.\nAction: {step['tool']}\nAction Input: {json.dumps(step['args'])}"
    read = int((FOLDER / "tokens").read_text()) if (FOLDER / "tokens").exists() else 100
    usage = {"prompt_tokens": read, "completion_tokens": 20, "total_tokens": read + 20}
    reason = "tool_calls" if "tool_calls" in message else "stop"
    return JSONResponse(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": None if (FOLDER / "silent").exists() else usage,
        }
    )


def serve(next_step: NextStep) -> None:
    """Answer with what `next_step` says, until the process is ended."""
    app = Starlette(
        routes=[Route("/v1/models", models), Route("/v1/chat/completions", completions, methods=["POST"])],
    )
    app.state.next_step = next_step
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    serve(scripted)
