"""Smaller JSON schemas for `tools/list`, which is context that every client pays for.

Pydantic repeats every name as a title and writes `str | None` as a union. Less is said here, and nothing
that contradicts: what fits the shorter schema of an argument fits the model too, and a result that
fits its model fits the shorter schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

Schema = dict[str, Any]

_MAPS = ("properties", "$defs")
_LISTS = ("anyOf", "oneOf", "allOf")
_ONE = ("items", "additionalProperties", "propertyNames")
_NOT_IN_ARGUMENTS = ("propertyNames", "minLength", "maxLength", "minItems", "maxItems", "minProperties")
_NOT_IN_RESULTS = (*_NOT_IN_ARGUMENTS, "minimum", "maximum", "format", "required", "default", "enum")
_FROM_OUTSIDE = "never an instruction"
_NULL = {"type": "null"}
_REF = "#/$defs/"


def slim_input(schema: Schema) -> Schema:
    """Return the schema of a tool's arguments: an optional one is simply not required.

    Left out are titles, defaults that are nothing, what an enumeration is called, and what an error says well enough
    when it is met: how long texts and lists may be, and which keys a map may have. What is used once is written in its
    place.
    """
    slim = _walk(schema, result=False)
    definitions: Schema = {name: _unnamed(body) for name, body in slim.pop("$defs", {}).items()}
    slim, definitions = _with_single_uses_inlined(slim, definitions)
    return {**slim, "$defs": definitions} if definitions else slim


def slim_output(schema: Schema, depth: int = 2) -> Schema:
    """Return the schema of a tool's result: the names and types of its fields, all of which are always there.

    Left out are titles, formats, bounds, descriptions other than the warning of a text from outside, the values that a
    text can have (the result has one), what lists hold that are not of objects, and what the arguments' schema says
    already (a model that takes no other keys is one that the caller wrote). Names are given `depth` deep: 1 is the
    result alone, 2 its parts too.
    """
    slim = _walk(schema, result=True)
    slim, definitions = _with_single_uses_inlined(slim, slim.pop("$defs", {}))
    shallow = _shallow(slim, definitions, depth)
    used: Schema = {name: _shallow(body, definitions, 1) for name, body in definitions.items() if _uses(name, shallow)}
    return {**shallow, "$defs": used} if used else shallow


def _shallow(schema: Schema, definitions: Schema, depth: int) -> Schema:
    """Name the fields of objects `depth` deep; what is deeper is an object or a list, and nothing more is said."""
    if "$ref" in schema:
        body = definitions[schema["$ref"].removeprefix(_REF)]
        return schema if depth else _shallow(body, definitions, 0)
    if "anyOf" in schema:
        union = [_shallow(each, definitions, depth) for each in schema["anyOf"]]
        return _without_null({**schema, "anyOf": union}, result=True)
    if "items" in schema:
        items = _shallow(schema["items"], definitions, depth)
        told = depth and ("$ref" in items or "properties" in items)
        return {**schema, "items": items} if told else {"type": schema["type"]}
    if "object" not in schema.get("type", ()):
        return schema
    named = {name: _shallow(each, definitions, depth - 1) for name, each in schema.get("properties", {}).items()}
    return {
        **_without(schema, "properties", "additionalProperties"),
        **({"properties": named} if depth and named else {}),
    }


def _without(schema: Schema, *keys: str) -> Schema:
    return {key: value for key, value in schema.items() if key not in keys}


def _uses(name: str, *schemas: Schema) -> int:
    return sum(json.dumps(each).count(f'"{_REF}{name}"') for each in schemas)


def _unnamed(body: Schema) -> Schema:
    """The docstring of an enumeration says less than its values."""
    return _without(body, "description") if "enum" in body else body


def _with_single_uses_inlined(slim: Schema, definitions: Schema) -> tuple[Schema, Schema]:
    def is_movable(name: str) -> bool:  # what has an anchor is found by it, where it is
        return "$anchor" not in definitions[name] and _uses(name, slim, definitions) < 2

    while once := next(filter(is_movable, definitions), None):
        body = definitions.pop(once)
        slim, definitions = _inlined(slim, once, body), _inlined(definitions, once, body)
    return slim, definitions


def _inlined(value: Any, name: str, body: Schema) -> Any:
    if isinstance(value, list):
        return [_inlined(each, name, body) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("$ref") == f"{_REF}{name}":
        return {**body, **{key: each for key, each in value.items() if key != "$ref"}}
    return {key: _inlined(each, name, body) for key, each in value.items()}


def fields_at(schema: Mapping[str, Any], path: Sequence[str | int]) -> list[str]:
    """Return the names of the fields of the object at `path` in a schema; none where it has no fixed ones."""
    at: Any = schema
    for step in (*path, None):
        at = next((each for each in at.get("anyOf", []) if each != _NULL), at)
        if "$ref" in at:
            at = schema.get("$defs", {}).get(at["$ref"].removeprefix(_REF), {})
        if step is not None:
            at = at.get("properties", {}).get(step, {})
    return list(at.get("properties", {}))


def meant(name: str, known: Sequence[str], *, these: str = "it takes") -> str:
    """Return what to say after a name that does not exist: the one that was probably meant, else those there are."""
    close = get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; {these} {', '.join(known) or 'none'}."


def _walk(schema: Schema, *, result: bool) -> Schema:
    if result and schema.get("additionalProperties") is False:
        return {"type": "object"}
    slim: Schema = {}
    for key, value in schema.items():
        if key == "title" or key in (_NOT_IN_RESULTS if result else _NOT_IN_ARGUMENTS):
            continue
        if key == "default" and value == "":  # which says no more than that it can be left out
            continue
        if key == "description" and result and _FROM_OUTSIDE not in value:
            continue
        if key in _MAPS:
            slim[key] = {name: _walk(each, result=result) for name, each in value.items()}
        elif key in _LISTS:
            slim[key] = [_walk(each, result=result) for each in value]
        elif key in _ONE and isinstance(value, dict):
            slim[key] = _walk(value, result=result)
        else:
            slim[key] = value
    return _without_null(slim, result=result)


def _without_null(schema: Schema, *, result: bool) -> Schema:
    """Write `anyOf: [X, null]` shorter: an argument may be left out, a result's type says both."""
    union = schema.get("anyOf", [])
    if not result and len(union) > 2 and _NULL in union and schema.get("default", ...) is None:
        return {**_without(schema, "default"), "anyOf": [each for each in union if each != _NULL]}
    if len(union) != 2 or _NULL not in union:
        return schema
    value: Schema = next(each for each in union if each != _NULL)
    rest = {key: each for key, each in schema.items() if key != "anyOf"}
    if not result:
        if rest.get("default", ...) is not None:
            return schema
        return {**value, **{key: each for key, each in rest.items() if key != "default"}}
    if isinstance(value.get("type"), str) and "enum" not in value:
        return {**value, "type": [value["type"], "null"], **rest}
    return schema
