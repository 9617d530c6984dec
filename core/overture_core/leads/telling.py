"""Columns that stay custom fields and are read for refusals all the same, by what their names tell.

The words by which files name consent are without end. A column whose name no field has grants nothing; what it refuses
holds, unless its values show that it is about something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from overture_core.leads.answers import answer, is_label_of_off, is_off, is_plain_refusal, is_refusal
from overture_core.leads.dates import is_date
from overture_core.leads.header_names import (
    CONSENTS,
    PREFIX,
    REFUSALS,
    field_of,
    header_key,
    is_of_ours,
    without_number,
    words_of,
)
from overture_core.messages.channels import Channel

_EVERY = frozenset(Channel)
_CALLED = frozenset({Channel.SMS, Channel.VOICE})  # a text is a call too (47 CFR 64.1200)
CHANNELS_OF = {
    "consent": _EVERY,
    "opt_out": _EVERY,
    "email_opt_in": frozenset({Channel.EMAIL}),
    "sms_opt_in": frozenset({Channel.SMS}),
    "email_opt_out": frozenset({Channel.EMAIL}),
    "sms_opt_out": frozenset({Channel.SMS}),
    "whatsapp_opt_out": frozenset({Channel.WHATSAPP}),
    "voice_opt_out": frozenset({Channel.VOICE}),
    "linkedin_opt_out": frozenset({Channel.LINKEDIN}),
    "call_opt_out": _CALLED,
}
"""The channels that a no in the column of a field is about."""


class Reads(StrEnum):
    """How a column is read: for a no; for whatever is no no; for what says that somebody is off a list; for labels that
    do; not at all."""

    ANSWERS = "answers"
    REFUSALS = "refusals"
    STATUS = "status"
    LABELS = "labels"
    NOTHING = "nothing"


class Telling(NamedTuple):
    """How a column is read, the channels that it is about, and whether its name alone says so, whatever its values."""

    reads: Reads
    channels: frozenset[Channel]
    surely: bool = True


# Parts of names, as `header_key` makes them, by language: English, German, French, Spanish, Italian, Portuguese, Dutch,
# Polish, Czech, Scandinavian, Russian and Ukrainian, Hungarian, Chinese, Korean, Japanese.
_CHANNELS = {
    "email": frozenset({Channel.EMAIL}),
    "mail": frozenset({Channel.EMAIL}),
    "newsletter": frozenset({Channel.EMAIL}),
    "bounce": frozenset({Channel.EMAIL}),
    "sms": frozenset({Channel.SMS}),
    "whatsapp": frozenset({Channel.WHATSAPP}),
    "linkedin": frozenset({Channel.LINKEDIN}),
    "phone": _CALLED,
    "call": _CALLED,
    "telefon": _CALLED,
}


def _parts(*lists: str) -> tuple[str, ...]:
    return tuple(header_key(part) for parts in lists for part in parts.split("|"))


# These refuse wherever they stand in a name, or where a word of it begins.
_REFUSING = _parts(
    "unsub|opt out|opted out|blacklist|blocklist|suppress|sperrvermerk|werbesperre|kontaktsperre|mailsperre|abmeld",
    "abgemeld|ausgetragen|widerspruch|désabonn|désinscri|desuscri|disiscri|afgemeld|uitgeschreven|wypisan|odhlášen",
    "avregistr|отписа|відписа|leiratkoz|退订|退訂|수신거부|配信停止",
)
_REFUSING_BEGUN = _parts(
    "do not|dont contact|dont email|dont call|dont mail|no mail|no email|no sms|no call|no contact|no marketing",
    "no newsletter|not subscribed|no consent|no opt in|not opted in|dnc|dnd|nicht kontakt|nicht anruf|nicht anschreib",
    "keine anrufe|keine werbung|keine mail|keine email|ne pas|ne plus",
)
# These words do in a name that has no other, or says what they are about.
_REFUSING_WORDS = frozenset(
    _parts(
        "stop|remove|removed|opposition|opposed|opposes|revoked|revocation|withdrawn|withdrawal|objection|objected",
        "objects|declined|declines|refused|refuses|refusal|denied|rejected|excluded|exclude|exclusion|complaint",
        "complaints|complained|bounced|bounce|bounces|blocked|spam|gesperrt|sperre|widerrufen|widerruf|abgelehnt|refus",
        "refusé|banned|deceased|verstorben|décédé|fallecido|deceduto|overleden|baja|rechazado|rifiutato|recusado|geweigerd|odmowa|отказ",
    )
)
# What asks whether somebody agrees, and words that do likewise.
_ASKING = _parts(
    "opt in|opted in|consent|zustimm|einwillig|einverstand|dsgvo|rgpd|gdpr|contactable|may contact|can contact",
    "may email|can email|may we|can we|contact me|contact ok|ok to|mail ok|sms ok",
    "zgod|souhlas|samtyck|samtykk|toestemming|consenso|согласие|згода",
)
_ASKING_WORDS = frozenset(
    _parts(
        "permission|permissions|subscribed|allow|allowed|allows|accept|accepts|accepted|wants|receive|receives|agree",
        "agreed|agrees|newsletter|marketing|erlaubt|erlaubnis|darf|abonné|abonnés|abonniert|inscrit|inscrite|inscrito",
        "iscritto|iscritta|suscrito|suscrita|permiso|permesso|autorisé|autorisation|autorizado|autorizzato",
    )
)
_ABOUT = (*_CHANNELS, *_ASKING, *_parts("marketing|contact|werb|kontakt|promo|offers|text|mensaje|messag|spam|adverti"))
_BESIDE = frozenset(_parts("is|has|was|at|on|date|time|datum|flag|status|since|yes|no|y|n|le|la|am|e"))
# With one of these in it a name tells of a measure, a link or a channel that is none of ours.
_ELSE = frozenset(
    _parts("url|link|page|token|hash|key|rate|count|number|budget|amount|price|score|total|spend|id|fax|postal|post")
)
_STATUSES = frozenset(_parts("status|statut|estado|stato|stav"))
_STATUSES_INSIDE = _parts("status|statut")
_PROVIDED = 0.6  # of the values that a column begins with have to be an answer


_LABELS, _NOTHING = Telling(Reads.LABELS, _EVERY), Telling(Reads.NOTHING, frozenset())


@lru_cache(maxsize=2_000)
def telling(name: str) -> Telling:
    """Return how a column that is kept as a custom field is read for refusals, by its name."""
    name = without_number(name)
    if name.startswith(PREFIX):
        return _NOTHING
    field = field_of(name)
    if field in REFUSALS | CONSENTS:
        reads = Reads.REFUSALS if field in REFUSALS else Reads.ANSWERS
        return Telling(reads, CHANNELS_OF[field])
    key, words = header_key(name), words_of(name)
    found = _by_parts(key, words) if field is None and _ELSE.isdisjoint(words) else None
    if found is not None and found[0] in (Reads.ANSWERS, Reads.REFUSALS):
        return Telling(found[0], _channels(key), found[1])
    if is_of_ours(name):
        return _NOTHING
    return _LABELS if found is None else Telling(Reads.STATUS, _channels(key))


def _by_parts(key: str, words: list[str]) -> tuple[Reads, bool] | None:
    status = not _STATUSES.isdisjoint(words) or key.endswith(_STATUSES_INSIDE)
    begun = any("".join(words[start:]).startswith(_REFUSING_BEGUN) for start in range(len(words)))
    if begun or _has(key, _REFUSING):
        return Reads.REFUSALS, True
    if _stands(words, _REFUSING_WORDS):
        return Reads.REFUSALS, False
    if _has(key, _ASKING) or _stands(words, _ASKING_WORDS):
        return Reads.ANSWERS, status
    return (Reads.STATUS, True) if status else None


def _has(key: str, parts: Iterable[str]) -> bool:
    return any(part in key for part in parts)


def _stands(words: list[str], telling_words: frozenset[str]) -> bool:
    """Say whether a name has one of the words, and beside them nothing or what they are about."""
    beside = [word for word in words if word not in telling_words]
    if len(beside) == len(words):
        return False
    return _BESIDE.issuperset(beside) or any(_has(word, _ABOUT) for word in beside)


def _channels(key: str) -> frozenset[Channel]:
    named = [channels for part, channels in _CHANNELS.items() if part in key]
    return frozenset().union(*named) if named else _EVERY


def is_about_else(found: Telling, values: Iterable[str]) -> bool:
    """Say whether the values that a column begins with show that its name tells of something else."""
    given = [text for value in values if (text := value.strip())]
    return not found.surely and sum(map(_is_answer, given)) < _PROVIDED * len(given)


def _is_answer(text: str) -> bool:
    said = answer(text, yes=_EVERY, no=_EVERY)
    return bool(said.refused) or not said.unclear or is_plain_refusal(text) or is_date(text)


def refused_in(column: str, text: str, *, doubtful: bool) -> frozenset[Channel]:
    """Return the channels that a cell of a custom field refuses: as the column's name tells how to read it, else if it
    is a label that says so, such as Unsubscribed. Of a `doubtful` one it is not certain which column it is of."""
    found = telling(column)
    match found.reads:
        case Reads.ANSWERS:
            return answer(text, yes=frozenset(), no=found.channels).refused
        case Reads.REFUSALS if found.surely and not doubtful:
            refuses = is_refusal(text)
        case Reads.REFUSALS:
            refuses = is_plain_refusal(text) or (not doubtful and is_date(text))
        case Reads.STATUS:
            refuses = is_off(text)
        case Reads.LABELS:
            refuses = is_label_of_off(text)
        case Reads.NOTHING:
            refuses = False
    return found.channels if refuses else frozenset()
