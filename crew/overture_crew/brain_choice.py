"""Which brain a run is to have, as a person says it: the rules planner, an endpoint, or a provider's model."""

from __future__ import annotations

from dataclasses import dataclass, field

from overture_crew.budget import Prices
from overture_crew.errors import BrainUnavailable

RULES = "rules"
RULES_PLANNER = "rules planner (no AI model)"


@dataclass(frozen=True, slots=True)
class BrainChoice:
    """A brain. Without `url` and `model` it is the rules planner; `native` lets models call tools in their own way,
    else they write "Action:" lines; `window` is the model's context in tokens, where it is not to be found out."""

    url: str | None = None
    model: str | None = None
    key: str | None = field(default=None, repr=False)
    window: int | None = None
    prices: Prices = field(default_factory=Prices)
    temperature: float = 0.2
    native: bool = True

    @property
    def is_rules(self) -> bool:
        """Whether no model is asked."""
        return self.url is None and self.model is None


def choose(
    said: str,
    *,
    model: str | None = None,
    key: str | None = None,
    window: int | None = None,
    prices: Prices | None = None,
    native: bool = True,
) -> BrainChoice:
    """Read what a person said: "rules", "http://127.0.0.1:11434/v1", or "provider/model" such as "openai/gpt-4.1-mini".

    Raises:
        BrainUnavailable: it is none of these.
    """
    if said == RULES:
        return BrainChoice(native=native)
    if said.startswith(("http://", "https://")):
        return BrainChoice(said, model, key, window, prices or Prices(), native=native)
    if "/" in said:
        return BrainChoice(None, said, key, window, prices or Prices(), native=native)
    msg = f"{said!r} is no brain: use rules, an address such as http://127.0.0.1:11434/v1, or provider/model."
    raise BrainUnavailable(msg)
