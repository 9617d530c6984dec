"""Columns that stay custom fields and are read for refusals all the same, by what their names tell.

The words by which files name consent are without end. So a name is read only if every part of it is known here: it
grants nothing, and what it refuses holds. Of any other column that may tell of consent it is said that it was not read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from overture_core.leads.answers import (
    NOTHING,
    Said,
    answer,
    is_barred,
    is_denied,
    is_label_of_off,
    is_no_contact,
    is_off,
    is_plain_refusal,
    is_refusal,
    is_yes_or_no,
    named_in,
)
from overture_core.leads.consent_words import (
    ABOUT,
    AFFIXES,
    AGREEING,
    AROUND,
    ASKED_FOR,
    ASKING,
    CHANNELS,
    CHANNELS_OF,
    COUNTED,
    DATED,
    ELSEWHERE,
    ELSEWHERE_WORDS,
    ENDED,
    EVERY,
    HIDDEN,
    KNOWN,
    LABELLED,
    LACKING,
    MAILED,
    NOT,
    OF_OTHERS,
    OTHERS,
    PREFERENCES,
    REFUSING,
    REFUSING_WHAT_FOLLOWS,
    SINCE,
    SOUNDING,
    SOUNDING_BY_DATES,
    STATUS,
    TEXTED,
    WAYS,
)
from overture_core.leads.dates import is_date
from overture_core.leads.header_names import (
    CONSENTS,
    PREFIX,
    REFUSALS,
    field_of,
    has_others_addresses,
    header_key,
    is_of_ours,
    without_number,
    words_of,
)
from overture_core.leads.header_prefixes import without_person
from overture_core.messages.channels import Channel


class Reads(StrEnum):
    """How a column is read: for a no; for whatever is no no, or for a yes and a date alone, or for a date alone; for a
    no among preferences, or among ways of contact, where none may be that none was chosen; for what says that somebody
    is off a list; for that and for what else a status says of people, as blocked; for labels that do; not at all."""

    ANSWERS = "answers"
    REFUSALS = "refusals"
    YESES = "yeses"
    DATES = "dates"
    PREFERENCES = "preferences"
    WAYS = "ways"
    STATUS = "status"
    STANDING = "standing"
    LABELS = "labels"
    NOTHING = "nothing"


BY_NAME = (Reads.ANSWERS, Reads.REFUSALS, Reads.YESES, Reads.DATES, Reads.PREFERENCES)
"""How columns are read whose names say that they are about consent."""
UNKNOWING = (Reads.STATUS, Reads.STANDING, Reads.LABELS, Reads.NOTHING)
"""How columns are read whose names do not say that they are about consent."""


class Telling(NamedTuple):
    """How a column is read, the channels that it is about, whether its name sounds like consent, and whether it is a
    status of somebody, as an opt-out status is, and a DND status not."""

    reads: Reads
    channels: frozenset[Channel]
    sounds: bool = False
    is_status: bool = False


_LABELS_APART = re.compile(r"[;,|]|:::")
_COUNT = re.compile(r"(?:[2-9]|[1-9]\d+)(?:[.,]0+)?")  # 1 may be a yes
_BY_LETTER = re.compile(r"(?<!e)mail(?:ing)?")  # which is by e-mail where nothing else is said
_LONGEST = 80
_REMEMBERED = 40  # characters of a cell whose reading is kept
_FITS = 0.6  # of the values that a column begins with have to be an answer
_YES_OR_NO = re.compile(  # Consent (Y/N): what may be answered is no part of what is asked
    r"[\s(\[]+(?:y|yes|j|ja|o|oui|s|si|sí|sim|t|tak|true|1)\s*/\s*(?:n|no|nein|non|não|nee|nie|f|false|0)[\s)\]?]*$",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"donot|dont|no(?!tif|vidad)|kein|nepas")
_ANSWERED = re.compile(r"(?:subscription|permission|preference|consent|notification)s$")
_CHANNEL = re.compile(r"mail|sms|whatsapp|linkedin|voice|phone|call")
_LABELS, _NOTHING = Telling(Reads.LABELS, EVERY), Telling(Reads.NOTHING, frozenset())


@lru_cache(maxsize=2_000)
def telling(name: str) -> Telling:
    """Return how a column that is kept as a custom field is read for refusals, by its name."""
    name = without_person(name) or name
    name = _YES_OR_NO.sub("", without_number(name).removesuffix(".value"))
    if name.startswith(PREFIX) or header_key(name).startswith(HIDDEN):
        return _NOTHING
    if is_elsewhere(name):
        return Telling(Reads.LABELS, frozenset(), sounds=_has(header_key(name), SOUNDING))
    around, _, inner = name.rpartition(".")
    if around and (has_others_addresses(around) or not OF_OTHERS.isdisjoint(words_of(around))):
        return _NOTHING._replace(sounds=telling(inner).sounds)
    if _ANSWERED.search(header_key(around)) and (channels := CHANNELS.get(header_key(inner))):
        return Telling(Reads.ANSWERS, channels, sounds=True)
    inmost = _inmost(name)
    if inmost == name:
        return _by_name(name)
    # {"sms": {"newsletter": false}} is about SMS.
    channels, found = _channels(header_key(around)), _by_name(inmost)
    return found if channels == EVERY or _CHANNEL.search(header_key(inmost)) else found._replace(channels=channels)


def _by_name(name: str) -> Telling:
    field = field_of(name)
    if field in REFUSALS | CONSENTS:
        return Telling(Reads.REFUSALS if field in REFUSALS else Reads.ANSWERS, CHANNELS_OF[field], sounds=True)
    if field is not None:
        return _LABELS
    words = [word for word in words_of(name) if word not in AFFIXES]
    key = "".join(words)
    if key in DATED:
        return Telling(Reads.DATES, DATED[key], sounds=True)
    if "".join(word for word in words_of(name) if word == "preferences" or word not in AFFIXES) in PREFERENCES:
        return Telling(Reads.PREFERENCES, _channels(key), sounds=True)
    if key in WAYS:
        return Telling(Reads.WAYS, _channels(key))
    known = _is_known(key) or key.startswith(REFUSING_WHAT_FOLLOWS)
    found = _read(key, words) if known else None
    if found in (Reads.ANSWERS, Reads.REFUSALS, Reads.YESES):
        return Telling(found, _channels(key), sounds=True, is_status=_is_of_somebody(key, words))
    if is_of_ours(name):
        return _NOTHING._replace(sounds=_has(key, SOUNDING))
    if not STATUS.isdisjoint(words) or key.endswith(("status", "statut")):
        is_of_people = known and _channels(key) == EVERY and "data" not in words
        return Telling(Reads.STANDING if is_of_people else Reads.STATUS, _channels(key))
    sounds = _has(key, SOUNDING)
    is_of_channel = known or sounds or not LABELLED.isdisjoint(words) or _has(key, REFUSING)
    return Telling(Reads.LABELS, _channels(key) if is_of_channel else EVERY, sounds)


def _inmost(name: str) -> str:
    """Return what a value inside an object is called by itself, if that is a field of consent: what the objects around
    it are called says less, unless they say no."""
    around, _, inner = name.rpartition(".")
    field = field_of(inner) if field_of(name) is None else None
    if field not in REFUSALS | CONSENTS - {"consent"} or not NOT.isdisjoint(words_of(around)):
        return name
    # Subscribed may tell of anything, such as what somebody pays for, unless it is known of what.
    is_plain = field in REFUSALS or _has(header_key(inner), (*ASKING, *ASKED_FOR))
    return (
        inner if is_plain or not AROUND.isdisjoint(words_of(around)) or _channels(header_key(around)) != EVERY else name
    )


def _read(key: str, words: Collection[str]) -> Reads | None:
    negated = not NOT.isdisjoint(words) or _NEGATED.match(key) is not None
    asks, agrees = _has(key, ASKING), not AGREEING.isdisjoint(words) or _has(key, AGREEING)
    refusing = max((part for part in REFUSING if part in key), key=len, default="")
    ended = _has(key.replace(refusing, ""), ENDED)
    if refusing:
        # Not opted out, and opt-out withdrawn, are for a person to read.
        turned = ended or (negated and not refusing.startswith(("donot", "no")))
        return None if turned else Reads.REFUSALS
    if (not OTHERS.isdisjoint(words) and not asks) or (ended and negated):
        return None
    if negated and not SINCE.isdisjoint(words):
        return None
    if ended:
        return Reads.YESES
    if negated and (asks or agrees or (_has(key, ABOUT) and not LACKING.issuperset(words))):
        return Reads.YESES
    if asks:
        return Reads.ANSWERS
    if not STATUS.isdisjoint(words):
        return None
    return Reads.ANSWERS if agrees or _has(key, ASKED_FOR) else None


def _is_known(key: str) -> bool:
    """Say whether a name is made of parts that are known here, and of nothing else."""
    ends = {0}
    for start in range(len(key) if len(key) <= _LONGEST else 0):
        if start in ends:
            ends.update(start + len(part) for part in KNOWN if key.startswith(part, start))
    return len(key) in ends


def _has(key: str, parts: Iterable[str]) -> bool:
    return any(part in key for part in parts)


def _channels(key: str) -> frozenset[Channel]:
    for part in MAILED if _has(key, TEXTED) else ():
        key = key.replace(part, " ")
    return _named(key) or EVERY


def _named(key: str) -> frozenset[Channel]:
    return frozenset().union(*(channels for part, channels in CHANNELS.items() if part in key))


def _is_of_somebody(key: str, words: Collection[str]) -> bool:
    return not STATUS.isdisjoint(words) and _has(key, ("unsub", "optout", "optedout"))


def is_elsewhere(name: str) -> bool:
    """Say whether a name is about push messages, letters, a pension or the like, and about no channel of ours."""
    words, whole = words_of(name), header_key(name)
    if ELSEWHERE_WORDS.isdisjoint(words) and words[-1:] != ["post"] and not _has(whole, ELSEWHERE):
        return False
    return not _named(_BY_LETTER.sub(" ", whole))


def is_about_else(column: str, values: Iterable[str]) -> bool:
    """Say whether the values that a column begins with show that its name tells of something else, or counts it."""
    reads = telling(column).reads
    if reads not in (Reads.ANSWERS, Reads.YESES, Reads.DATES):
        return False
    given = [text for value in values if (text := value.strip())]
    if reads is Reads.DATES:
        return any(map(is_refusal, given)) and not any(map(is_date, given))
    if reads is Reads.YESES and _has(header_key(column), COUNTED) and any(map(_is_count, given)):
        return True
    # Whoever says in one row that they are off says what the column is about.
    return sum(map(_is_answer, given)) < _FITS * len(given) and not any(map(is_off, given))


def sounds_by_dates(column: str, values: Iterable[str]) -> bool:
    """Say whether a column sounds like consent by its name and by a date among its values."""
    return header_key(column).startswith(SOUNDING_BY_DATES) and any(map(is_date, values))


def _is_count(text: str) -> bool:
    return _COUNT.fullmatch(text) is not None and not is_date(text)


def _happened(text: str) -> bool:
    """Say whether a text is a date on which something happened, and not the one that programs write for none."""
    return is_date(text) and is_refusal(text)


def _is_answer(text: str) -> bool:
    said = answer(text, yes=EVERY, no=EVERY)
    return bool(said.refused) or not said.unclear or is_plain_refusal(text) or not is_refusal(text) or is_date(text)


def said_in(column: str, text: str, *, doubtful: bool) -> Said:
    """Return what a cell of a custom field refuses, and whether it should say so and is not understood. Of a `doubtful`
    cell it is not certain which column it is of."""
    said = _said_in if len(text) <= _REMEMBERED else _said_in.__wrapped__
    return said(column, text, doubtful)


@lru_cache(maxsize=10_000)  # few texts fill most columns
def _said_in(column: str, text: str, doubtful: bool) -> Said:
    found = telling(column)
    match found.reads:
        case Reads.ANSWERS:
            said = answer(text, yes=found.channels, no=found.channels)
            unclear = said.unclear and "status" not in header_key(column) and not is_date(text)
            return Said(refused=said.refused, unclear=unclear)
        case Reads.REFUSALS if not doubtful:
            refuses = is_refusal(text, is_status=found.is_status)
        case Reads.REFUSALS | Reads.YESES:
            refuses = is_plain_refusal(text) or (not doubtful and _happened(text))
        case Reads.DATES:
            refuses = not doubtful and _happened(text)
        case Reads.PREFERENCES | Reads.WAYS:
            said = answer(text, yes=found.channels, no=found.channels)
            is_none = found.reads is Reads.WAYS and bool(said.refused) and is_yes_or_no(text)
            return Said(unclear=True) if is_none else Said(refused=said.refused)
        case Reads.STATUS | Reads.STANDING if is_off(text) or (found.channels != EVERY and is_denied(text)):
            return Said(refused=found.channels & named_in(text) or found.channels)
        case Reads.STANDING if is_barred(text):
            return Said(refused=named_in(text) or EVERY)
        case Reads.STATUS | Reads.STANDING | Reads.LABELS:
            said = said_by_label(text, found.channels)
            is_doubtful = bool(said.refused) and is_no_contact(text) and LABELLED.isdisjoint(words_of(column))
            return Said(unclear=True) if is_doubtful else said
        case Reads.NOTHING:
            refuses = False
    return Said(refused=found.channels if refuses else frozenset())


def said_by_label(text: str, unnamed: frozenset[Channel] = EVERY) -> Said:
    """Return what a cell of labels, such as tags, refuses: the channels that one of them names, or the `unnamed`."""
    off = [label for label in _LABELS_APART.split(text) if is_label_of_off(label.strip())]
    return Said(refused=frozenset().union(*(named_in(label) or unnamed for label in off))) if off else NOTHING
