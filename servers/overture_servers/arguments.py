"""How the arguments of a call become those of a tool's function: a text stays the text that was sent."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from pydantic import PrivateAttr

_OPENS = {"array": "[", "object": "{"}
_NARROWED = frozenset({"enum", "const", "format"})


class TextsAsSent(FuncMetadata):
    """The SDK reads every text as JSON whose argument is not declared as `str` alone: of `str | None`, the text `[1]`
    becomes a list and is refused, and `null` is lost. Here only what no text could be is read so: a list or an object
    where the argument takes one, as some clients send them."""

    _opens: dict[str, tuple[str, ...]] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, known: FuncMetadata, parameters: dict[str, Any]) -> TextsAsSent:
        """Return what is known of a function, whose arguments have the schema `parameters`."""
        made = cls(
            arg_model=known.arg_model,
            output_schema=known.output_schema,
            output_model=known.output_model,
            wrap_output=known.wrap_output,
        )
        for name, schema in parameters.get("properties", {}).items():
            forms = schema.get("anyOf", [schema])
            if any(form.get("type") == "string" and _NARROWED.isdisjoint(form) for form in forms):
                made._opens[name] = tuple(_OPENS[kind] for form in forms if (kind := form.get("type")) in _OPENS)
        return made

    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call, with JSON read where it cannot be a text."""
        texts = {name: value for name, value in data.items() if self._is_text(name, value)}
        others = super().pre_parse_json({name: value for name, value in data.items() if name not in texts})
        return {**others, **texts}

    def _is_text(self, name: str, value: object) -> bool:
        return isinstance(value, str) and name in self._opens and not value.lstrip().startswith(self._opens[name])
