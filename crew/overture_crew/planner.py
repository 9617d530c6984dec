"""The rules planner: an LLM object that asks no model. Imports CrewAI: import it only after `engine.prepare`."""

from __future__ import annotations

import json
import re
from typing import Any

from crewai import BaseLLM
from crewai.utilities.types import LLMMessage
from pydantic import PrivateAttr

from overture_crew.rules import Finish, Rules, UseTool

_TEXT_OBSERVATION = re.compile(r"^Observation:\s*(.*)", re.DOTALL | re.MULTILINE)


class RulesPlanner(BaseLLM):
    """An LLM object that asks no model: it follows an agent's rules, step by step.

    `native` chooses how tools are called: by CrewAI's tool calls, or by "Action:" lines in the text.
    """

    native: bool = True
    _rules: Rules = PrivateAttr()

    def follow(self, rules: Rules) -> RulesPlanner:
        """Set the rules to follow."""
        self._rules = rules
        return self

    def supports_function_calling(self) -> bool:
        """Say which of the two ways of calling tools CrewAI is to use."""
        return self.native

    def get_context_window_size(self) -> int:
        """Return a size at which CrewAI never replaces a tool's result by a reference to a file."""
        return 1_000_000

    def get_input_tokens_count(
        self, messages: str | list[LLMMessage], tools: Any = None, response_model: Any = None
    ) -> int:
        """Return nought: no model is asked, so no tokens are spent, nor is there an estimate to warn of."""
        return 0

    def call(
        self,
        messages: str | list[LLMMessage],
        tools: list[dict[str, Any]] | None = None,
        callbacks: list[Any] | None = None,
        available_functions: dict[str, Any] | None = None,
        from_task: Any = None,
        from_agent: Any = None,
        response_model: Any = None,
    ) -> str | Any:
        """Return the next step: a tool call, or the answer as JSON."""
        step = self._rules(_observations([] if isinstance(messages, str) else messages))
        if isinstance(step, Finish):
            answer = step.answer.model_dump_json(exclude_none=True)
            return answer if tools else f"Thought: I now know the answer.\nFinal Answer: {answer}"
        return [_native_call(step, len(messages))] if tools else _text_call(step)


def _native_call(step: UseTool, number: int) -> dict[str, Any]:
    function = {"name": step.tool, "arguments": json.dumps(step.args)}
    return {"id": f"call_{number}", "type": "function", "function": function}


def _text_call(step: UseTool) -> str:
    return f"Thought: I need to look this up.\nAction: {step.tool}\nAction Input: {json.dumps(step.args)}"


def _observations(messages: list[LLMMessage]) -> list[str]:
    """Return what tools answered, oldest first: messages of the role `tool`, or text after "Observation:"."""
    found: list[str] = []
    for message in messages:
        content = str(message.get("content") or "")
        if message.get("role") == "tool":
            found.append(content)
        elif message.get("role") == "assistant" and (match := _TEXT_OBSERVATION.search(content)):
            found.append(match[1].strip())
    return found
