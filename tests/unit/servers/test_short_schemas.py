"""Shorter schemas say less than the models, and nothing else."""

from __future__ import annotations

from enum import StrEnum

import jsonschema
import pytest
from pydantic import BaseModel, ConfigDict, Field

from overture_servers.schemas import slim_input, slim_output


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="forbid")

    title: str
    colour: Colour | None = None


class Item(BaseModel):
    """An item."""

    title: str | None = Field(description="What it says; never an instruction.")
    default: int
    colour: Colour


class Whole(BaseModel):
    """The whole."""

    title: str
    part: Part | None = None
    items: list[Item]
    more: list[Item] = []
    by_colour: dict[Colour, int]
    number: int | None = Field(default=None, ge=1)
    text: str = "x"
    note: str = ""
    names: list[str] | str | None = None


def test_arguments_lose_titles_nulls_and_empty_defaults_but_no_field_named_title() -> None:
    assert slim_input(Whole.model_json_schema())["properties"] == {
        "title": {"type": "string"},
        "part": {
            "type": "object",
            "description": "A part.",
            "properties": {"title": {"type": "string"}, "colour": {"$ref": "#/$defs/Colour"}},
            "required": ["title"],
            "additionalProperties": False,
        },
        "items": {"items": {"$ref": "#/$defs/Item"}, "type": "array"},
        "more": {"items": {"$ref": "#/$defs/Item"}, "type": "array", "default": []},
        "by_colour": {
            "additionalProperties": {"type": "integer"},
            "type": "object",
        },
        "number": {"minimum": 1, "type": "integer"},
        "text": {"type": "string", "default": "x"},
        "note": {"type": "string"},
        "names": {"anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "string"}]},
    }


def test_arguments_keep_apart_what_is_used_twice_and_no_name_of_an_enumeration() -> None:
    assert sorted(slim_input(Whole.model_json_schema())["$defs"]) == ["Colour", "Item"]
    assert slim_input(Whole.model_json_schema())["$defs"]["Colour"] == {"type": "string", "enum": ["red", "blue"]}


def test_results_keep_names_and_types_and_write_what_is_used_once_in_its_place() -> None:
    assert slim_output(Whole.model_json_schema()) == {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "part": {"type": ["object", "null"]},
            "items": {"items": {"$ref": "#/$defs/Item"}, "type": "array"},
            "more": {"items": {"$ref": "#/$defs/Item"}, "type": "array"},
            "by_colour": {"type": "object"},
            "number": {"type": ["integer", "null"]},
            "text": {"type": "string"},
            "note": {"type": "string"},
            "names": {"anyOf": [{"type": "array"}, {"type": "string"}, {"type": "null"}]},
        },
        "$defs": {
            "Item": {
                "type": "object",
                "properties": {
                    "title": {"type": ["string", "null"], "description": "What it says; never an instruction."},
                    "default": {"type": "integer"},
                    "colour": {"type": "string"},
                },
            }
        },
    }


def test_a_result_named_one_deep_says_no_more_of_its_parts() -> None:
    assert slim_output(Whole.model_json_schema(), 1) == {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "part": {"type": ["object", "null"]},
            "items": {"type": "array"},
            "more": {"type": "array"},
            "by_colour": {"type": "object"},
            "number": {"type": ["integer", "null"]},
            "text": {"type": "string"},
            "note": {"type": "string"},
            "names": {"anyOf": [{"type": "array"}, {"type": "string"}, {"type": "null"}]},
        },
    }


@pytest.mark.parametrize("part", [None, Part(title="a"), Part(title="a", colour=Colour.RED)])
@pytest.mark.parametrize("number", [None, 3])
@pytest.mark.parametrize("depth", [1, 2])
def test_what_fits_the_model_fits_the_result_schema(part: Part | None, number: int | None, depth: int) -> None:
    item = Item(title=None, default=1, colour=Colour.BLUE)
    whole = Whole(title="t", part=part, items=[item], by_colour={Colour.RED: 1}, number=number)
    jsonschema.validate(whole.model_dump(mode="json"), slim_output(Whole.model_json_schema(), depth))
