"""A group of commands whose modules are loaded when a command is asked for: the help of all takes a second or two to
load, and a single command should not wait for the others."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping
from typing import Any

import typer
from typer.core import TyperGroup

_PACKAGE = "overture_cli.commands"


class Commands(MutableMapping[str, Any]):
    """Commands by name, each `MODULE:NAME` of a function or of an application with commands of its own."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._places[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command
        self._places.setdefault(name, "")

    def __delitem__(self, name: str) -> None:
        del self._places[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def group_of(places: dict[str, str]) -> type[TyperGroup]:
    """Return a group with these commands, in their order."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = Commands(dict(places))

    return LazyGroup


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(f"{_PACKAGE}.{module}"), attribute)
    # In a group of its own, as part of which it looks like part of the whole.
    around = typer.Typer(add_completion=False, rich_markup_mode=None)
    around.callback()(lambda: None)
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name)
    else:
        around.command(name)(found)
    group: Any = typer.main.get_command(around)
    return group.commands[name]
