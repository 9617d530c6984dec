"""The settings of the crew: what thinks for its agents, and how it calls the servers."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class CrewSettings(BaseSettings):
    """What the crew is set up by; a part of `Settings`."""

    llm: str = Field(
        default="rules",
        description="What thinks for the crew: `rules` (no model), the address of an OpenAI-compatible endpoint, or "
        "`provider/model` (docs/crew.md).",
    )
    llm_model: str | None = Field(default=None, description="The endpoint's model, where it has several.")
    llm_api_key: SecretStr | None = Field(
        default=None, description="Key of the endpoint or provider; without it a provider's own variable counts."
    )
    llm_context_tokens: int | None = Field(
        default=None, ge=1_024, description="The model's context in tokens, where the endpoint does not say."
    )
    llm_native_tools: bool = Field(
        default=True, description="Let the model call tools in its own way; 0: it writes `Action:` lines."
    )
    crew_token: SecretStr | None = Field(
        default=None, description="Bearer token by which the crew calls the servers at `overture crew run --url`."
    )
    llm_prompt_price: float | None = Field(default=None, ge=0, description="What a million tokens read cost.")
    llm_completion_price: float | None = Field(default=None, ge=0, description="What a million tokens written cost.")
