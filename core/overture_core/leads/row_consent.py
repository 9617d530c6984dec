"""What a row says of consent, gathered from all of its columns: a refusal in one of them wins over whatever grants."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from overture_core.errors import InvalidInput
from overture_core.leads.answers import (
    NOTHING,
    Said,
    answer,
    channels_alone,
    is_agreed,
    is_blank,
    is_plain_refusal,
    is_refusal,
    is_yes_or_no,
)
from overture_core.leads.consent_objects import consents_in, objects_in, refused_in
from overture_core.leads.consent_words import CHANNELS_OF, EVERY
from overture_core.leads.header_names import CONSENTS, PREFIX, REFUSALS, has_others_addresses, names_phone
from overture_core.leads.normalise import e164, email_key, valid_email
from overture_core.leads.telling import UNKNOWING, said_by_label, said_in, telling
from overture_core.messages.channels import Channel

# The channels that a yes without a channel is about. What else somebody agreed to has to be named.
_GRANTED = {"consent": CHANNELS_OF["email_opt_in"]}
# What may be an address among the signs that stand around several in one cell.
_WORDS = re.compile(r"[^\s,;|<>()\[\]{}\"]+")
_NUMBERS = re.compile(r"[;,|]")


@dataclass(slots=True)
class Stated:
    """What a row says: each channel granted (True) or refused, whether it says both of one, the columns that
    refuse, and the cells of consent that were not understood, each with its column."""

    consents: dict[Channel, bool] = field(default_factory=dict)
    contradicts: bool = False
    refusing: list[str] = field(default_factory=list)
    unclear: list[tuple[str, str]] = field(default_factory=list)

    @property
    def refused(self) -> list[Channel]:
        """The channels that it refuses."""
        return [channel for channel, granted in self.consents.items() if not granted]


class ConsentColumns:
    """The columns of a file that say something of consent: by its mapping; custom fields and tags for refusals alone,
    but for the columns that are `about_else`."""

    def __init__(self, mapping: Mapping[str, str], about_else: Collection[str] = ()) -> None:
        self._settled = frozenset((*mapping, *about_else))
        self._of_consent = {column: name for column, name in mapping.items() if name in CONSENTS | REFUSALS}
        self._answering: dict[str, None] = {}
        self._others: set[str] = set()
        self._tags = next((column for column, name in mapping.items() if name == "tags"), "")

    def read(self, cells: Mapping[str, str], *, doubtful: bool = False) -> Stated:
        """Return what a row says in all of them; of `doubtful` cells it is not certain which column they are of."""
        found = Stated()
        granted: set[Channel] = set()
        refused: set[Channel] = set()
        for column, text, said in self._said(cells, doubtful=doubtful):
            granted |= said.granted
            refused |= said.refused
            if said.refused:
                found.refusing.append(column)
            if said.unclear:
                found.unclear.append((column, text))
        if granted or refused:
            found.consents = {each: each not in refused for each in Channel if each in granted or each in refused}
            found.contradicts = not granted.isdisjoint(refused)
        return found

    @property
    def answering(self) -> list[str]:
        """The columns whose names say nothing of consent, and that hold yes and no alone so far."""
        return [column for column in self._answering if not telling(column).sounds and not column.startswith(PREFIX)]

    def _look(self, column: str, text: str) -> None:
        if is_blank(text):
            return
        if not is_yes_or_no(text):
            self._others.add(column)
            self._answering.pop(column, None)
        elif telling(column).reads in UNKNOWING and not is_agreed(text):
            self._answering[column] = None

    def _said(self, cells: Mapping[str, str], *, doubtful: bool) -> Iterator[tuple[str, str, Said]]:
        for column, name in self._of_consent.items():
            if text := cells.get(column, "").strip():
                yield column, text, _told(name, text, is_plain_refusal if doubtful else is_refusal)
        for column, cell in cells.items():
            if cell and column not in self._settled and (text := cell.strip()):
                if not doubtful and column not in self._others:
                    self._look(column, text)
                for name, value in _inside(column, text):
                    yield column, value, said_in(name, value, doubtful=doubtful)
        if tags := cells.get(self._tags):
            yield self._tags, tags, said_by_label(tags)


def _inside(column: str, text: str) -> Iterator[tuple[str, str]]:
    """Return a cell with its column's name; of objects of JSON what is in them, named by the way there."""
    if not text.startswith("{"):
        yield column, text
        return
    try:
        for value in objects_in(text):
            yield from _leaves(column, _named(value))
    except (ValueError, RecursionError):
        yield column, text


def _leaves(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from _leaves(f"{name}.{inner}", each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(name, _named(each))
    elif value is not None:
        yield name, str(value)


def _named(item: object) -> object:
    """Return {"name": "Newsletter", "value": "no"}, and {"channel": "sms", "subscribed": false}, as lists have them, as
    what they say."""
    if not isinstance(item, dict):
        return item
    if isinstance(channel := item.get("channel"), str):
        return {channel: {name: each for name, each in item.items() if name != "channel"}}
    name = item.get("name") or item.get("key") or item.get("label")
    return {str(name): item["value"]} if name and "value" in item else item


def _told(name: str, text: str, refuses: Callable[[str], bool]) -> Said:
    no = CHANNELS_OF[name]
    yes = _GRANTED.get(name, no)
    if text.startswith("{"):
        with suppress(ValueError, RecursionError):
            values = list(objects_in(text))
            return Said(refused=refused_in(values, no)) if name in REFUSALS else consents_in(values, yes=yes, no=no)
    if name in REFUSALS:
        return Said(refused=(no == EVERY and channels_alone(text)) or no) if refuses(text) else NOTHING
    return answer(text, yes=yes, no=no)


def addresses_in(
    cells: Mapping[str, str], mapping: Mapping[str, str], country: str | None
) -> Iterator[tuple[str, str]]:
    """Return every address in a row, ("email" or "phone", value) as identities are, but for those of somebody else.

    An e-mail address counts in any column that is kept as it is, a number in those that are named so; `country` is
    where numbers are dialled.
    """
    for column, cell in cells.items():
        field_name = mapping.get(column)
        if not cell or field_name not in {None, "email", "phone"}:
            continue
        # A text that names somebody, such as a remark, is no column of addresses; what JSON had inside is.
        is_meant = field_name is not None or cell.startswith(("{", "["))
        for name, text in _inside(column, cell):
            if has_others_addresses(name):
                continue
            if "@" in text:
                words = [word.strip(".") for word in _WORDS.findall(text)]
                if is_meant or all("@" in word for word in words):
                    yield from _valid("email", (word for word in words if "@" in word), country)
            elif field_name == "phone" or names_phone(name):
                yield from _valid("phone", _NUMBERS.split(text), country)


def _valid(kind: str, texts: Iterable[str], country: str | None) -> Iterator[tuple[str, str]]:
    for text in texts:
        with suppress(InvalidInput):
            yield kind, email_key(valid_email(text)) if kind == "email" else e164(text, country)
