"""Objects of JSON in a column of consents or of refusals: what they say, by channel.

`{"email": true}` says it by its keys, `{"channel": "sms", "granted": false}` of the channel that it names. When, by
whom and why it was said are no answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from overture_core.leads.answers import (
    NOTHING,
    Said,
    all_said,
    answer,
    channels_in,
    is_blank,
    is_elsewhere_alone,
    is_off,
    is_refusal,
    refused_by,
    tells_of_being_off,
)
from overture_core.leads.consent_words import AGREEING, ASKED_FOR, ASKING, CHANNELS
from overture_core.leads.header_names import header_key
from overture_core.leads.telling import is_elsewhere
from overture_core.messages.channels import Channel

Channels = frozenset[Channel]

_DECODER = json.JSONDecoder()
_NONE: Channels = frozenset()
# By these keys an object says what it is about, and by the next ones what it says of that.
_ABOUT = ("channel", "channels", "medium", "name", "key", "label", "type", "purpose")
_ITSELF = frozenset(
    header_key(name)
    for name in (
        *("value", "given", "answer", "choice", "status", "state", "enabled", "active", "flag", "granted", "consent"),
        *("consented", "opted in", "opt in", "opted out", "subscribed", "agreed", "accepted", "allowed"),
    )
)
# A yes to these makes whatever is beside them no consent any more, or none yet.
_LAPSED = ("expire", "lapsed", "pending", "unconfirmed", "outdated", "abgelaufen", "invalid")
_OF_THE_RECORD = ("updated", "modified", "changed", "created")
_CONFIRMED = ("confirmed", "verified", "doubleoptin")


def objects_in(text: str) -> Iterator[object]:
    """Return what stands in a cell of JSON: an object, or those of a list, which have a sign between them.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    end = 0
    while end < len(text):
        value, end = _DECODER.raw_decode(text, end)
        end += 1
        yield value


def consents_in(value: object, *, yes: Channels, no: Channels) -> Said:
    """Return what a value of JSON in a column of consents says; `yes` and `no` are as for `answers.answer`."""
    if isinstance(value, list):
        return all_said(consents_in(each, yes=yes, no=no) for each in value)
    if not isinstance(value, dict):
        return answer("" if value is None else str(value), yes=yes, no=no)
    named = _names(value)
    about = _union(map(channels_in, named))
    if not about and any(map(_is_elsewhere, named)):
        return NOTHING
    yes, no = about or yes, _union(map(refused_by, named)) or no
    itself = all_said(consents_in(each, yes=yes, no=no) for name, each in value.items() if _is_of_itself(name, each))
    others = all_said(_of_key(name, each, yes, no) for name, each in value.items() if not _is_of_itself(name, each))
    granted = itself.granted & yes | others.granted
    if not itself.granted and about and isinstance(value.get("channels"), list):
        granted |= about  # {"channels": ["email", "sms"]}
    if itself.unclear or itself.refused or any(_is_lapsed(name, each) for name, each in value.items()):
        granted = _NONE
    refused = itself.refused | others.refused
    is_silent = not granted and not refused and bool(value)
    return Said(granted - refused, refused, is_silent or itself.unclear or others.unclear)


def refused_in(value: object, no: Channels) -> Channels:
    """Return the channels that a value of JSON in a column of refusals refuses, `no` where it names none."""
    if isinstance(value, list):
        return _union(refused_in(each, refused_by(each) or no if isinstance(each, str) else no) for each in value)
    if not isinstance(value, dict):
        return no if is_refusal("" if value is None else str(value)) else _NONE
    named = _names(value)
    about = _union(map(refused_by, named))
    if not about and any(map(_is_elsewhere, named)):
        return _NONE
    no = about or no
    told = {name: each for name, each in value.items() if header_key(name) in _ITSELF or channels_in(name)}
    if not told:
        told = {
            name: each
            for name, each in value.items()
            if not header_key(name).startswith(_OF_THE_RECORD) and not _is_elsewhere(name)
        }
    return _union(refused_in(each, refused_by(name) or no) for name, each in told.items())


def _of_key(name: str, value: object, yes: Channels, no: Channels) -> Said:
    """Return what a value says under a key that is not the object's answer itself."""
    if tells_of_being_off(name):
        return Said(refused=refused_in(value, refused_by(name) or no))
    if named := channels_in(name):
        return consents_in(value, yes=named, no=refused_by(name))
    if _is_elsewhere(name):
        return NOTHING
    if isinstance(value, (dict, list)):
        return (
            NOTHING
            if name in _ABOUT and isinstance(value, list)
            else consents_in(value, yes=_NONE, no=no)._replace(unclear=False)
        )
    key = header_key(name)
    if any(part in key for part in (*ASKING, *AGREEING, *ASKED_FOR)):
        asked = _union(channels for part, channels in CHANNELS.items() if part in key)
        return Said(refused=consents_in(value, yes=_NONE, no=asked or no).refused)
    return Said(refused=no) if isinstance(value, str) and is_off(value) else NOTHING


def _names(value: Mapping[str, Any]) -> list[str]:
    """Return what an object says that it is about."""
    named = (value.get(key) for key in _ABOUT)
    return [text for each in named for text in (each if isinstance(each, list) else [each]) if isinstance(text, str)]


def _is_elsewhere(name: str) -> bool:
    return is_elsewhere(name) or is_elsewhere_alone(name)


def _is_of_itself(name: str, value: object) -> bool:
    return header_key(name) in _ITSELF and not isinstance(value, (dict, list))


def _is_lapsed(name: str, value: object) -> bool:
    key, text = header_key(name), "" if value is None else str(value)
    if key.startswith(_CONFIRMED):
        return not is_blank(text) and not is_refusal(text)
    return key.startswith(_LAPSED) and is_refusal(text)


def _union(found: Iterable[Channels]) -> Channels:
    return frozenset().union(*found)
