"""What a run's model calls may take, and what they took."""

from __future__ import annotations

from dataclasses import dataclass

from overture_crew.errors import BudgetSpent
from overture_crew.report import Usage

_CHARACTERS_A_TOKEN = 4
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, in the provider's currency; None where it is not known."""

    prompt: float | None = None
    completion: float | None = None

    def cost(self, usage: Usage) -> float | None:
        """Return what `usage` cost, None without both prices."""
        if self.prompt is None or self.completion is None:
            return None
        return (usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion) / _MILLION


class Meter:
    """Counts the tokens of a run, over all of its agents and processes, and stops it before a call that the budget
    does not cover. `usage` grows with each call."""

    def __init__(self, usage: Usage, prices: Prices, *, max_tokens: int | None, max_cost: float | None) -> None:
        if max_cost is not None and prices.cost(usage) is None:
            msg = (
                "The brief has a max_cost, but what a token costs is not known: set OVERTURE_LLM_PROMPT_PRICE and "
                "OVERTURE_LLM_COMPLETION_PRICE, or give max_tokens instead."
            )
            raise BudgetSpent(msg)
        self.usage = usage
        self._prices = prices
        self._max_tokens = max_tokens
        self._max_cost = max_cost

    def allow(self, prompt: str, longest_answer: int) -> None:
        """Make sure that a call with this prompt and the longest possible answer (in tokens) is covered.

        Raises:
            BudgetSpent: it is not; says what was spent.
        """
        after = self.usage.model_copy(
            update={
                "prompt_tokens": self.usage.prompt_tokens + estimated(prompt),
                "completion_tokens": self.usage.completion_tokens + longest_answer,
            }
        )
        if self._max_tokens is not None and after.tokens > self._max_tokens:
            spent = f"{self.usage.tokens:,} of {self._max_tokens:,} tokens"
            raise BudgetSpent(_sentence(spent, "max_tokens"))
        cost = self._prices.cost(after)
        if self._max_cost is not None and cost is not None and cost > self._max_cost:
            raise BudgetSpent(_sentence(f"{self.usage.cost or 0:.4f} of {self._max_cost:g}", "max_cost"))

    def count(self, prompt_tokens: int, completion_tokens: int, *, is_estimate: bool = False) -> None:
        """Count a call."""
        self.usage.calls += 1
        self.usage.prompt_tokens += prompt_tokens
        self.usage.completion_tokens += completion_tokens
        self.usage.estimated = self.usage.estimated or is_estimate
        self.usage.cost = self._prices.cost(self.usage)


def estimated(text: str) -> int:
    """Return about how many tokens a text has."""
    return -(-len(text) // _CHARACTERS_A_TOKEN)


def _sentence(spent: str, limit: str) -> str:
    return (
        f"The run stopped before a model call that its budget does not cover ({spent} spent); raise limits.{limit} in "
        f"the brief, or use `--brain rules`."
    )
