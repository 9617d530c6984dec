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
    is_denied,
    is_label_of_off,
    is_off,
    is_plain_refusal,
    is_refusal,
    named_in,
)
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
    """How a column is read: for a no; for whatever is no no, or for a yes and a date alone; for what says that somebody
    is off a list; for labels that do; not at all."""

    ANSWERS = "answers"
    REFUSALS = "refusals"
    YESES = "yeses"
    STATUS = "status"
    LABELS = "labels"
    NOTHING = "nothing"


UNKNOWING = (Reads.STATUS, Reads.LABELS, Reads.NOTHING)
"""How columns are read whose names do not say that they are about consent."""


class Telling(NamedTuple):
    """How a column is read, the channels that it is about, and whether its name sounds like consent."""

    reads: Reads
    channels: frozenset[Channel]
    sounds: bool = False


# Parts of names, as `header_key` makes them, by language: English, German, French, Spanish, Italian, Portuguese, Dutch,
# Polish, Czech, Scandinavian, Finnish, Hungarian, Russian and Ukrainian, Greek, Chinese, Japanese, Korean.
_CHANNELS = {
    header_key(part): channels
    for parts, channels in (
        ("email|mail|mailing|newsletter|bounce|nieuwsbrief|nyhetsbrev|nyhedsbrev", CHANNELS_OF["email_opt_in"]),
        ("uutiskirje|hírlevél|рассылка|メルマガ|뉴스레터", CHANNELS_OF["email_opt_in"]),
        ("sms", CHANNELS_OF["sms_opt_in"]),
        ("whatsapp", CHANNELS_OF["whatsapp_opt_out"]),
        ("linkedin", CHANNELS_OF["linkedin_opt_out"]),
        ("phone|call|anruf|telefon", _CALLED),
    )
    for part in parts.split("|")
}


def _parts(*lists: str) -> frozenset[str]:
    return frozenset(header_key(part) for parts in lists for part in parts.split("|"))


# These refuse, whatever else is known of a name.
_REFUSING = _parts(
    "unsub|unsubscribe|unsubscribed|unsubscription|opt out|opted out|dnc|dnd|do not contact|do not disturb|blacklist",
    "blacklisted|blocklist|blocklisted|suppressed|suppression|sperrvermerk|werbesperre|kontaktsperre|mailsperre",
    "sperrliste|robinsonliste|lista robinson|werbeverbot|kontaktverbot|abgemeldet|abmeldung|ausgetragen|widerspruch",
    "widersprochen|désabonné|désabonnement|désinscrit|désinscription|desuscrito|disiscritto|descadastrado|afgemeld",
    "uitgeschreven|wypisany|wypisano|odhlášen|avregistrerad|leiratkozott|отписан|отписался|退订|退訂|拒收|配信停止|配信拒否|수신거부",
)
# These do where a name has nothing else but what they are about. A text beside them may tell of anything.
_ENDED = _parts(
    "stop|remove|removed|opposition|opposed|revoked|revocation|withdraw|withdrawn|withdrawal|objection|objected|declined",
    "refused|refusal|denied|rejected|excluded|exclusion|complaint|complaints|complained|bounced|blocked|spam|banned",
    "hard bounced|erasure requested|deceased|gesperrt|sperre|widerrufen|widerruf|abgelehnt|verweigert|verstorben",
    "retrait|retiré|refus|refusé|décédé|baja|revocado|retirado|rechazado|fallecido|revoca|revocato|ritirato|rifiutato|deceduto",
    "revogado|recusado|ingetrokken|geweigerd|overleden|wycofana|wycofano|cofnięta|odvolán|återkallat|återkallad",
    "tilbagekaldt|trukket|peruttu|visszavont|отозвано|отозвана|отказ",
)
# Whatever follows these is what somebody is off: Opted out of email: Marketing information.
_REFUSING_WHAT_FOLLOWS = tuple(
    f"{what}{channel}"
    for what in ("optedoutof", "hasoptedoutof", "unsubscribedfrom")
    for channel in ("email", "sms", "call")
)
_NOT = _parts(
    "no|not|non|dont|do not|does not|never|without|kein|keine|keinen|nicht|ohne|pas|ne pas|sans|sin|nessun|senza|não",
    "sem|geen|niet|zonder|brak|bez|ingen|inte|ikke|ei|не|без|нет",
)
# What asks whether somebody agrees.
_ASKING = _parts(
    "opt in|opted in|consent|consents|consented|contactable|may contact|can contact|may email|can email|may we contact",
    "contact me|contact ok|ok to contact|ok to email|ok to mail|ok to call|mail ok|email ok|sms ok|gdpr|dsgvo|rgpd",
    "zustimmung|einwilligung|einverständnis|einverstanden|consentement|consentimiento|consenso|consentimento",
    "toestemming|zgoda|souhlas|samtycke|samtykke|suostumus|hozzájárulás|согласие|згода|συγκατάθεση|הסכמה|موافقة|同意",
    "수신동의|동의|配信可否|lgpd|lopd|rodo|avg",
)
# These ask where a name has nothing else but what they are about.
_AGREEING = _parts(
    "permission|subscribed|allow|allows|allowed|accept|accepts|accepted|wants|want|receive|receives|send|agree|agrees",
    "agreed|keep me informed|erlaubt|erlaubnis|zulassen|anmeldung|abonné|abonniert|accepte|autorise|autorisation",
    "inscrit|inscrite|inscription|acepta|permiso|suscrito|suscrita|inscrito|accetta|permesso|iscritto|iscritta|aceita",
    "autorizado|autorizzato|like|reachable|emailable|mailable|erwünscht|empfänger|souhaite|accord|autoriza|permite|aceptado",
    "autorizzazione|iscrizione|assinante|aangemeld|toegestaan|ingeschreven|ontvangt|zapisany|podpiska|подписка|订阅|訂閱",
)
# What consents are about, and what a name of one has beside.
_ABOUT = _parts(
    "email|emails|e mail|mail|mails|mailen|mailing|mailings|newsletter|newsletters|sms|text|texts|whatsapp|linkedin",
    "phone|call|calls|anruf|anrufe|telefon|marketing|market|promotional|promotions|publicidad|werbung|werbe|mailinglist",
    "bulk|contact|contacts|kontakt|kontaktieren|anschreiben|anrufen|mailing list|email updates|email alerts|solicit",
    "nieuwsbrief|nyhetsbrev|nyhedsbrev|uutiskirje|hírlevél|рассылка|メルマガ|뉴스레터|마케팅|营销|subscription",
    "subscriptions|data|channel|lead|customer|user|member|subscriber|rundmail|infomail|kontaktaufnahme|offres",
    "communication|communications|commerciale|commerciales|prospection|boletín|comunicaciones|comerciales|contacto",
    "contatto|contato|novidades|newslettera|privacy",
)
# Newsletter, by itself, asks for one.
_ASKED_FOR = _parts(
    "newsletter|newsletters|nieuwsbrief|nyhetsbrev|nyhedsbrev|uutiskirje|hírlevél|рассылка|メルマガ|뉴스레터",
    "mailing list|marketing|rundmail|infomail|boletín",
    "email updates|email alerts|promotional emails|werbung|e mail werbung|publicidad",
)
_BESIDE = _parts(
    "is|has|at|on|of|to|from|for|the|by email|date|datum|time|timestamp|flag|given|yes|ja|nein|oui|reason|all|any",
    "de|des|di|da|al|la|le|les|til|ad|am|an|der|na|do|recevoir|ricevere|recibir|receber|ontvangen|globally|individual|i|we|you",
)
# Of nothing but these, a name says what somebody has not.
_LACKING = frozenset({"no", "without", "ohne", "sans", "sin", "phone", "telefon", "email"})
# What programs put around a name, or an object's around those inside it.
_AFFIXES = frozenset(
    {"a", "c", "e", "hs", "mc", "pi", "attributes", "fields", "preferences", "profile", "properties", "settings"}
)
# A lead that was rejected is no refusal, nor is a number of calls (No. of calls).
_OTHERS = frozenset({"lead", "user", "customer", "of"})
_STATUS = _parts("status|statut|estado|stato|stav|state")
_KNOWN = tuple(_REFUSING | _ENDED | _ASKING | _AGREEING | _NOT | _ABOUT | _ASKED_FOR | _BESIDE | _STATUS)
# Beginnings by which a name sounds like consent though not all of it is known.
_SOUNDING = tuple(
    _parts(
        "optin|optout|optedin|optedout|unsub|consent|donot|blacklist|suppress|sperr|einwillig|zustimm|abmeld|désabonn",
        "désinscri|consenso|zgod|samtyck|samtykk|toestemming|subscri|abonn|inscri|suscri|permission|dsgvo|rgpd|gdpr",
        "newsletter|bounce|complain|exclud|remov|withdraw|revok|werbung|publicidad|согласи|подписк|同意|동의",
    )
)
_LABELS_APART = re.compile(r"[;,|]|:::")
_LONGEST = 80
_FITS = 0.6  # of the values that a column begins with have to be an answer
_LABELS, _NOTHING = Telling(Reads.LABELS, _EVERY), Telling(Reads.NOTHING, frozenset())


@lru_cache(maxsize=2_000)
def telling(name: str) -> Telling:
    """Return how a column that is kept as a custom field is read for refusals, by its name."""
    name = without_number(name)
    if name.startswith(PREFIX):
        return _NOTHING
    name = _inmost(name)
    field = field_of(name)
    if field in REFUSALS | CONSENTS:
        return Telling(Reads.REFUSALS if field in REFUSALS else Reads.ANSWERS, CHANNELS_OF[field], sounds=True)
    if field is not None:
        return _LABELS
    words = [word for word in words_of(name) if word not in _AFFIXES]
    key = "".join(words)
    known = _is_known(key) or key.startswith(_REFUSING_WHAT_FOLLOWS)
    found = _read(key, words) if known else None
    if found in (Reads.ANSWERS, Reads.REFUSALS, Reads.YESES):
        return Telling(found, _channels(key), sounds=True)
    if is_of_ours(name):
        return _NOTHING._replace(sounds=_has(key, _SOUNDING))
    if not _STATUS.isdisjoint(words) or key.endswith(("status", "statut")):
        return Telling(Reads.STATUS, _channels(key))
    return _LABELS._replace(sounds=_has(key, _SOUNDING))


def _inmost(name: str) -> str:
    """Return what a value inside an object is called by itself, if that is a field of consent: what the objects around
    it are called says less, unless they say no."""
    around, _, inner = name.rpartition(".")
    is_own = field_of(name) is None and field_of(inner) in REFUSALS | CONSENTS - {"consent"}
    return inner if is_own and _NOT.isdisjoint(words_of(around)) else name


def _read(key: str, words: Collection[str]) -> Reads | None:
    negated = not _NOT.isdisjoint(words) or key.startswith(("donot", "dont", "no", "kein", "nepas"))
    asks, agrees = _has(key, _ASKING), not _AGREEING.isdisjoint(words) or _has(key, _AGREEING)
    ended = _has(key, _ENDED)
    if refusing := max((part for part in _REFUSING if part in key), key=len, default=""):
        # Not opted out, and opt-out withdrawn, are for a person to read.
        turned = ended or (negated and not refusing.startswith(("donot", "no")))
        return None if turned else Reads.REFUSALS
    if (not _OTHERS.isdisjoint(words) and not asks) or (ended and negated):
        return None
    if ended:
        return Reads.YESES
    if negated and (asks or agrees or (_has(key, _ABOUT) and not _LACKING.issuperset(words))):
        return Reads.YESES
    if asks:
        return Reads.ANSWERS
    if not _STATUS.isdisjoint(words):
        return None
    return Reads.ANSWERS if agrees or _has(key, _ASKED_FOR) else None


def _is_known(key: str) -> bool:
    """Say whether a name is made of parts that are known here, and of nothing else."""
    ends = {0}
    for start in range(len(key) if len(key) <= _LONGEST else 0):
        if start in ends:
            ends.update(start + len(part) for part in _KNOWN if key.startswith(part, start))
    return len(key) in ends


def _has(key: str, parts: Iterable[str]) -> bool:
    return any(part in key for part in parts)


def _channels(key: str) -> frozenset[Channel]:
    named = [channels for part, channels in _CHANNELS.items() if part in key]
    return frozenset().union(*named) if named else _EVERY


def is_about_else(found: Telling, values: Iterable[str]) -> bool:
    """Say whether the values that a column begins with show that its name tells of something else."""
    given = [text for value in values if (text := value.strip())]
    return found.reads in (Reads.ANSWERS, Reads.YESES) and sum(map(_is_answer, given)) < _FITS * len(given)


def _is_answer(text: str) -> bool:
    said = answer(text, yes=_EVERY, no=_EVERY)
    return bool(said.refused) or not said.unclear or is_plain_refusal(text) or not is_refusal(text) or is_date(text)


def said_in(column: str, text: str, *, doubtful: bool) -> Said:
    """Return what a cell of a custom field refuses, and whether it should say so and is not understood. Of a `doubtful`
    cell it is not certain which column it is of."""
    found = telling(column)
    match found.reads:
        case Reads.ANSWERS:
            said = answer(text, yes=found.channels, no=found.channels)
            return Said(refused=said.refused, unclear=said.unclear and "status" not in header_key(column))
        case Reads.REFUSALS if not doubtful:
            refuses = is_refusal(text)
        case Reads.REFUSALS | Reads.YESES:
            refuses = is_plain_refusal(text) or (not doubtful and is_date(text))
        case Reads.STATUS if is_off(text) or (found.channels != _EVERY and is_denied(text)):
            return Said(refused=found.channels & named_in(text) or found.channels)
        case Reads.LABELS:
            return said_by_label(text)
        case Reads.STATUS | Reads.NOTHING:
            refuses = False
    return Said(refused=found.channels if refuses else frozenset())


def said_by_label(text: str) -> Said:
    """Return what a cell of labels, such as tags, refuses: the channels that one of them names, or all."""
    off = [label for label in _LABELS_APART.split(text) if is_label_of_off(label.strip())]
    return Said(refused=frozenset().union(*(named_in(label) or _EVERY for label in off))) if off else NOTHING
