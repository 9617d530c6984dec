"""What thinks for the agents. Imports CrewAI: import this module only after `engine.prepare`.

A `Brain` gives each agent an LLM object of its own, since CrewAI multiplies the token counts of agents that share one.
"""

from __future__ import annotations

from typing import Any, Protocol

from crewai import LLM, BaseLLM
from crewai.llms.base_llm import call_stop_override
from crewai.llms.providers.openai.completion import OpenAICompletion
from crewai.utilities.types import LLMMessage
from pydantic import PrivateAttr

from overture_crew.answers import Role
from overture_crew.brain_choice import RULES_PLANNER, BrainChoice
from overture_crew.budget import Meter, estimated
from overture_crew.endpoint import probe
from overture_crew.errors import BrainUnavailable, ModelFailed
from overture_crew.planner import RulesPlanner
from overture_crew.rules import Rules
from overture_crew.runs import Run
from overture_crew.steps import Teller

LONGEST_ANSWER = 2_000  # tokens
_DEFAULT_WINDOW = 8_192
_USABLE = 0.85  # of a window; the rest is for what is counted otherwise
_LOCAL_TIMEOUT_S = 180.0


class Brain(Protocol):
    """Gives agents their LLM. `name` stands in every report."""

    name: str

    def llm(self, role: Role, rules: Rules) -> BaseLLM:
        """Return a new LLM object for one agent; `rules` are what the agent does without a model."""
        ...

    def close(self) -> None:
        """Close the connections to models."""
        ...


class RulesBrain:
    """The rules planner for every agent."""

    name = RULES_PLANNER

    def __init__(self, *, native: bool = True) -> None:
        self._native = native

    def llm(self, role: Role, rules: Rules) -> BaseLLM:
        """Return a planner that follows `rules`."""
        return RulesPlanner(model="rules-planner", provider="overture", native=self._native).follow(rules)

    def close(self) -> None:
        """Close nothing: no model is asked."""


class Metered(BaseLLM):
    """A model behind the run's meter: each call is covered by the budget first, and counted after.

    It says how long the model's context is, as CrewAI takes a model that it does not know to have 7,000 tokens and
    puts a reference to a file in the place of larger tool results.
    """

    native: bool = True
    _inner: BaseLLM = PrivateAttr()
    _meter: Meter = PrivateAttr()
    _teller: Teller = PrivateAttr()
    _role: Role = PrivateAttr()
    _window: int = PrivateAttr()

    def behind(self, inner: BaseLLM, meter: Meter, teller: Teller, role: Role, window: int) -> Metered:
        """Set the model to ask, what counts its tokens and who is told."""
        self._inner, self._meter, self._teller, self._role, self._window = inner, meter, teller, role, window
        return self

    def supports_function_calling(self) -> bool:
        """Say whether CrewAI is to use the model's own tool calls."""
        native = getattr(self._inner, "supports_function_calling", None)  # not every class of CrewAI's says
        return self.native and native is not None and bool(native())

    def supports_stop_words(self) -> bool:
        """Say whether the model stops at words."""
        return self._inner.supports_stop_words()

    def get_context_window_size(self) -> int:
        """Return how many tokens CrewAI may put into a call."""
        return int(self._window * _USABLE)

    def get_input_tokens_count(
        self, messages: str | list[LLMMessage], tools: Any = None, response_model: Any = None
    ) -> int:
        """Return about how many tokens a call would read."""
        return estimated(f"{messages}{tools or ''}")

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
        """Ask the model.

        Raises:
            BudgetSpent: the budget does not cover the call.
            ModelFailed: the model did not answer, after the tries that its client makes.
        """
        prompt = f"{messages}{tools or ''}"
        self._meter.allow(prompt, LONGEST_ANSWER)
        before = self._inner.get_token_usage_summary()
        try:
            with call_stop_override(self._inner, self.stop_sequences):
                answer = self._inner.call(
                    messages, tools, callbacks, available_functions, from_task, from_agent, response_model
                )
        except Exception as error:  # each provider's client has its own
            msg = f"The model {self.model} failed ({error}); run the same command again, it goes on from here."
            raise ModelFailed(msg) from error
        after = self._inner.get_token_usage_summary()
        read, written = after.prompt_tokens - before.prompt_tokens, after.completion_tokens - before.completion_tokens
        if read or written:
            self._meter.count(read, written)
        else:  # the endpoint does not say
            read, written = estimated(prompt), estimated(str(answer))
            self._meter.count(read, written, is_estimate=True)
        self._teller.tell("model", f"{self.model} answered", agent=self._role, tokens=read + written)
        return answer


class ModelBrain:
    """A model for every agent: at an OpenAI-compatible endpoint, or a provider's by its key."""

    def __init__(self, choice: BrainChoice, meter: Meter, teller: Teller) -> None:
        self._choice = choice
        self._meter = meter
        self._teller = teller
        self._opened: list[BaseLLM] = []
        if choice.url is not None:
            found = probe(choice.url, choice.model, choice.key)
            self._model, self._window = found.model, choice.window or found.window or _DEFAULT_WINDOW
            self.name = f"{found.model} at {found.url}"
        else:
            self._model = choice.model or ""
            inner = self._provider()
            self._window = choice.window or int(inner.get_context_window_size() / _USABLE)
            self.name = self._model

    def llm(self, role: Role, rules: Rules) -> BaseLLM:
        """Return the model, behind the run's meter; it follows no rules."""
        inner = self._provider() if self._choice.url is None else self._endpoint(self._choice.url)
        self._opened.append(inner)
        metered = Metered(model=self._model, provider="overture", native=self._choice.native)
        return metered.behind(inner, self._meter, self._teller, role, self._window)

    def close(self) -> None:
        """Close the connections to models; CrewAI leaves that to nobody."""
        for model in self._opened:
            client = getattr(model, "_client", None)  # where its class has one
            if client is not None and hasattr(client, "close"):
                client.close()

    def _endpoint(self, url: str) -> BaseLLM:
        return OpenAICompletion(
            model=self._model,
            base_url=url,
            api_key=self._choice.key or "none",  # the client wants one; endpoints without keys ignore it
            custom_openai=True,
            timeout=_LOCAL_TIMEOUT_S,
            max_tokens=LONGEST_ANSWER,
            temperature=self._choice.temperature,
        )

    def _provider(self) -> BaseLLM:
        try:
            model = LLM(
                model=self._model,
                api_key=self._choice.key,
                max_tokens=LONGEST_ANSWER,
                temperature=self._choice.temperature,
            )
        except (ImportError, ValueError) as error:
            (reason, *_) = str(error).splitlines() or [type(error).__name__]
            msg = f"The model {self._model} cannot be used: {reason}"
            raise BrainUnavailable(msg) from error
        if isinstance(model, OpenAICompletion) and model.api_key is None:
            msg = f"The model {self._model} needs a key: set OVERTURE_LLM_API_KEY."
            raise BrainUnavailable(msg)
        return model


def brain_for(choice: BrainChoice, run: Run, teller: Teller) -> Brain:
    """Return the brain of a run, with the budget of its brief.

    Raises:
        BrainUnavailable: no model answers.
        BudgetSpent: the brief bounds the cost, and the prices are not set.
    """
    if choice.is_rules:
        return RulesBrain(native=choice.native)
    limits = run.brief.limits
    meter = Meter(run.report.usage, choice.prices, max_tokens=limits.max_tokens, max_cost=limits.max_cost)
    return ModelBrain(choice, meter, teller)
