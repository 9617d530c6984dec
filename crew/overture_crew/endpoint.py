"""OpenAI-compatible endpoints (Ollama, vLLM, llama.cpp and the like): asked what they have before they are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2  # the HTTP client that mcp itself depends on and asks for
from pydantic import BaseModel, ValidationError

from overture_crew.errors import BrainUnavailable

PROBE_S = 3.0
_SHOWN = 8


class _Model(BaseModel):
    id: str
    max_model_len: int | None = None  # vLLM
    meta: dict[str, Any] | None = None  # llama.cpp: n_ctx, n_ctx_train


class _Models(BaseModel):
    data: list[_Model]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model that answers at `url`; `window` is its context in tokens, as far as the endpoint says."""

    url: str
    model: str
    window: int | None


def probe(url: str, model: str | None, key: str | None) -> Endpoint:
    """Ask an endpoint for its models, for at most 3 s, and choose one.

    Raises:
        BrainUnavailable: it does not answer, has no such model, or has several and none was named.
    """
    base = url.rstrip("/")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx2.Client(timeout=PROBE_S, trust_env=False) as http:
            answer = http.get(f"{base}/models", headers=headers)
            answer.raise_for_status()
        listed = _Models.model_validate_json(answer.content).data
    except httpx2.HTTPStatusError as error:
        raise BrainUnavailable(_refused(base, error.response.status_code)) from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        msg = f"No model answers at {base} ({reason}); start it, check the address, or use `--brain rules`."
        raise BrainUnavailable(msg) from error
    except ValidationError as error:
        msg = f"{base}/models is no OpenAI-compatible list of models; the address usually ends in /v1."
        raise BrainUnavailable(msg) from error
    return _chosen(base, listed, model)


def _chosen(base: str, listed: list[_Model], model: str | None) -> Endpoint:
    names = [each.id for each in listed]
    found = [each for each in listed if model in (None, each.id)]
    if len(found) == 1:
        (chosen,) = found
        return Endpoint(base, chosen.id, _window(chosen))
    have = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "") if names else "none"
    if model is None and names:
        msg = f"{base} has several models ({have}); name one by --model or OVERTURE_LLM_MODEL."
    else:
        msg = f"{base} has no model {model or 'at all'}; it has: {have}."
    raise BrainUnavailable(msg)


def _window(model: _Model) -> int | None:
    meta = model.meta or {}
    found = model.max_model_len or meta.get("n_ctx") or meta.get("n_ctx_train")
    return found if isinstance(found, int) and found > 0 else None


def _refused(base: str, status: int) -> str:
    if status in (401, 403):
        return f"{base} refuses the key (HTTP {status}); set OVERTURE_LLM_API_KEY."
    return f"{base}/models answers HTTP {status}; an OpenAI-compatible address usually ends in /v1."
