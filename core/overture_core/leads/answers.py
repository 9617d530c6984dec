"""What a cell says of consent: the one home of the words by which files say yes and no, in the languages of lists.

A no counts however it is written, and a yes only if it is plain. Whole sentences that ask not to be written to are
read by the rules for replies (replies/stopping.py).
"""

# ruff: noqa: RUF001 (letters that look like others are what this is about)
from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from overture_core.messages.channels import Channel
from overture_core.replies import stopping
from overture_core.text import MAX_FIELD

_CHANNELS = {
    **dict.fromkeys(("email", "emails", "mail", "mails"), Channel.EMAIL),
    **dict.fromkeys(("sms", "text", "texts"), Channel.SMS),
    "whatsapp": Channel.WHATSAPP,
    **dict.fromkeys(("voice", "call", "calls", "phone", "telefon", "anrufe"), Channel.VOICE),
    "linkedin": Channel.LINKEDIN,
}
_CALLS = {"call", "calls", "phone", "telefon", "anrufe"}
_REMEMBERED = 80  # characters of a cell whose reading is kept: few texts fill a column, and long ones are sentences


class Said(NamedTuple):
    """Which channels a cell grants and which it refuses, both perhaps, and whether some of it was not understood."""

    granted: frozenset[Channel] = frozenset()
    refused: frozenset[Channel] = frozenset()
    unclear: bool = False


NOTHING = Said()


_MARKS = str.maketrans(dict.fromkeys("❌✗✘✖🚫⛔", " no ") | dict.fromkeys("✓✔✅☑", " yes "))
# "-sms" in "email, -sms"; a minus with a blank after it begins a point of a list.
_MINUS = re.compile(r"(?:^|(?<=[\s,;|]))[-−!](?=[^\W\d])")


def _key(text: str) -> str:
    """Return a text as answers are compared: small plain letters, with a blank for every sign but a question mark."""
    plain = stopping.plain(text.translate(_MARKS)).replace("ı", "i").replace("'", "")
    return " ".join(re.sub(r"[^\w?]|_", " ", plain).split()).replace("e mail", "email")


def _keys(*lists: str) -> frozenset[str]:
    return frozenset(_key(word).replace(" ", "") for words in lists for word in words.split("|"))


_BLANK = frozenset(
    {"", "-", "--", "-none-", "--none--", "n/a", "#n/a", "na", "nan", "nat", "null", "undefined", "unknown"}
)
_NUMBER = re.compile(r"([01])[.,]0+")  # as programs write a column of 0 and 1 that has gaps
_ZEROES = re.compile(r"[0\W]*0[0\W]*|(?:0001|1900|1970)-01-01.*|0?1[./]0?1[./](?:1900|1970).*")  # 0.00, and no date
_AGREED = _keys("opt in|opted in|subscribed")
# These and the next are answers if they are all that a cell says; a no is one beside other words too.
_YES = _AGREED | _keys(
    "yes|y|j|true|t|1|x|on|only|granted|both|all|nur|ja|oui|si|sí|sim|tak|ano|evet|igen",
    "kyllä|да|так|はい|是|同意|예|네|wahr|vrai|verdadero|verdadeiro|vero|waar|prawda|pravda|sant|tosi|igaz|doğru|истина",
)
_NO = _keys(
    "no|n|not|non|none|never|nope|false|f|0|off|dont|without|nein|nicht|kein|keine|keinen|keiner|ohne|pas|sans|aucun",
    "sin|ningún|ninguno|nessun|nessuno|senza|não|sem|nenhum|nee|niet|geen|zonder|nie|żaden|bez|ne|nej|nei|inte|ikke|ej",
    "ingen|ei|nem|hayır|değil|нет|не|ні|без|いいえ|否|不|不要|아니오|아니요|falsch|faux|falso|onwaar|fałsz|nepravda|falskt",
    "epätosi|hamis|yanlış|ложь|brak|όχι|לא|لا|không|tidak|nu",
)
_ANSWERS = _YES | _NO
# What an object says of itself by these keys goes before whatever else it has: when, why, by whom.
_ITSELF = frozenset({"value", "status", "state", "enabled", "active", "flag", "opted out"})
_OF_THE_RECORD = ("updated", "modified", "changed", "created")
_POLITE = frozenset({"please", "bitte", "gern", "gerne", "thanks", "thank", "you", "danke"})
# After a no, these make a cell that does not know: "not specified", "keine Angabe".
_UNKNOWN = _keys(
    "answer|data|info|information|preference|response|asked|set|known|specified|provided|applicable|available|stated",
    "recorded|yet|sure|preferences|restriction|restrictions|präferenz|präferenzen|einschränkung|einschränkungen",
    "préférence|preferencia|restricción|preferenza|restrizione|preferência|restrição|voorkeur|danych|angabe",
    "angaben|bekannt|gefragt|erfasst|vorhanden|renseigné|précisé|connu|especificado|indicado",
)
# How words begin that say that somebody is off a list; they mean nothing else in whatever column.
_OFF = tuple(
    _keys(
        "unsub|opt out|opted out|opting out|dnc|suppress|blacklist|blocklist|abgemeldet|abmeld|ausgetragen|désabonn",
        "désinscri|dado de baja|dada de baja|desuscri|disiscri|disinscri|descadastr|uitgeschr|afgemeld|wypisan",
        "odhlášen|avregistrer|avmeldt|afmeldt|abonelikten çık|отпис|відпис|配信停止|退订|退訂|수신거부",
    )
)
# How words begin that refuse a consent.
_REFUSED = tuple(
    _keys(
        "denie|deny|denial|disagree|refus|declin|reject|remov|withdr|revok|revoc|object|stop|cancel|block|abgelehn",
        "ablehn|widerruf|widerspr|verweiger|gesperr|oppos|rechaz|deneg|baja|rifiut|negat|recus|negado|weiger|geweiger|ingetrokken",
        "odmow|odmów|wycof|odmít|odvol|avböj|nekad|återkall|avslå|afvis|kielt|kielletty|peruut|redd|iptal|отказ",
        "отозва|отклон|відмов|відклик|拒|不同意|停止|거부|거절",
    )
)
# And what makes a status one of an address that leads nowhere.
_DEAD = tuple(_keys("bounce|hard bounce|cleaned|complain|spam"))
# In a column of refusals these alone are a yes to refusing, and the next ones a no.
_NOT_ALLOWED = _keys("do not allow|not allowed|do not send|nicht zulassen|nicht erlaubt|no permitir|ne pas autoriser")
_NOT_REFUSING = _AGREED | _keys(
    "|allow|allowed|zulassen|erlaubt|permitir|autoriser|active|aktiv|actif|activo",
    "attivo|ativo|actief",
)
# How words begin that, after a no, say that somebody is off: not subscribed.
_ON = tuple(_keys("subscri|opt in|opted in|consent|abonn|eingewilligt|einwillig|inscri|iscritt|suscri"))
# How a label begins that says the same by a whole phrase, in whatever column.
_DO_NOT = tuple(
    _keys(
        "do not contact|do not email|do not mail|do not call|do not text|do not market|do not write",
        "dont contact|dont email|dont call|no email|no mail|no sms|no calls|never contact|no longer contact",
        "keine werbung|keine emails|kein newsletter|keine anrufe|nicht kontaktieren|nicht anschreiben",
        "niet mailen|geen mail|pas de mail|pas d'email|ne pas contacter",
        "ne plus contacter|no contactar|no molestar|non contattare|niet benaderen|niet contacteren|não contatar",
        "não contactar|nie kontaktować|nekontaktovat|не беспокоить|не контактировать|не писать|连絡不可|请勿联系",
        "请勿打扰|연락금지",
    )
)
_ADDRESS = re.compile(r"\S+@\S+")  # which has letters that would be words
_LABEL = 60  # characters, and at most so many words
_LABEL_WORDS = 5
_WORD = re.compile(r"[^\W\d_]")
_ITEMS = re.compile(r"[;,|+/\n]")
_PARTS = re.compile(r"[.!()\[\]]| [-–—] ")


def answer(text: str, *, yes: frozenset[Channel], no: frozenset[Channel]) -> Said:
    """Return what a cell of a column of consents says; `yes` and `no` are the channels of an answer that names none.

    Parts stand apart by signs, in JSON by the keys of an object, whose names may be channels.
    """
    read = _answer if len(text) <= _REMEMBERED else _answer.__wrapped__
    return read(_NUMBER.sub(r"\1", text) if _NUMBER.fullmatch(text.strip()) else text[:MAX_FIELD], yes, no)


@lru_cache(maxsize=2_000)
def _answer(text: str, yes: frozenset[Channel], no: frozenset[Channel]) -> Said:
    if text.startswith("{"):
        try:
            return _all(_of_object(json.loads(text), yes, no))
        except ValueError:
            return Said(unclear=True)
    if text.strip().lower() in _BLANK:
        return NOTHING
    items = _ITEMS.split(_ADDRESS.sub(" address ", _MINUS.sub(" no ", text)))
    found = _all(_of_item(item, yes, no) for item in items)
    if not found.unclear:
        return found
    # What no part of it says, the whole of it may: a sentence has commas. And where all is refused, "no, thanks" is.
    asks = not found.refused and _asks(text)
    if asks or found.refused >= no:
        return Said(refused=no)
    # A yes beside what nobody understood is none (yes, until May); a channel that is named by itself is (email, post).
    return _all(_of_item(item, frozenset(), no) for item in items)


def _of_object(value: object, yes: frozenset[Channel], no: frozenset[Channel]) -> Iterator[Said]:
    if not isinstance(value, dict):
        yield answer(str(value if value is not None else ""), yes=yes, no=no)
        return
    for name, inner in value.items():
        words = _key(name).split()
        channels = frozenset(_channels(words))
        if _NO.isdisjoint(words) and _begins(words, _OFF + _REFUSED):
            yield Said(refused=channels or no) if is_refusal(str(inner or "")) else NOTHING
            continue
        for said in _of_object(inner, channels or frozenset(), channels or no):
            # A yes to what is no channel, such as {"terms": true}, agrees to nothing.
            yield said if channels else said._replace(unclear=said.unclear or not said.refused)


def _of_item(item: str, yes: frozenset[Channel], no: frozenset[Channel]) -> Said:
    """Return what an answer says with its remarks: "yes (expired)" grants nothing, "yes (2024-05-01)" does."""
    first, *remarks = _PARTS.split(item)
    if _WORD.search(first):
        remarks = [each for each in remarks if _WORD.search(each)]
    if any(_channels(_key(item).split())):
        yes = frozenset()  # of what is named alone: "sms (yes)"
    said = _all(_of_part(part, yes, no) for part in (first, *remarks))
    return said._replace(granted=frozenset()) if said.unclear else said


def _of_part(part: str, yes: frozenset[Channel], no: frozenset[Channel]) -> Said:
    words = _key(part).split()
    named = frozenset(_channels(words))
    rest = [word for word in words if word not in _CHANNELS and word not in _POLITE]
    if not rest and not named:
        return NOTHING
    if not rest or "".join(rest) in _YES:
        return Said(granted=named or yes)
    is_no, is_off = not _NO.isdisjoint(rest), _begins(words, _OFF + _REFUSED)
    if is_no == is_off:
        # "not unsubscribed" says no more than what no word is known of.
        return Said(refused=no) if not is_no and _asks(part) else Said(unclear=True)
    if is_no and not _UNKNOWN.isdisjoint(rest):
        return Said(unclear=True)
    return Said(refused=_named_no(words) or no)


def is_refusal(text: str) -> bool:
    """Say whether a cell of a column of refusals refuses: whatever is no no and no yes to being written to does, as a
    date does, or a reason."""
    words = _key(text).split()
    key = "".join(words)
    if text.strip().lower() in _BLANK or key in _NO or key in _NOT_REFUSING or _ZEROES.fullmatch(text):
        return False
    # "not opted out" is none.
    return _NO.isdisjoint(words) or not _begins(words, _OFF)


def refused_in(value: object, no: frozenset[Channel]) -> frozenset[Channel]:
    """Return the channels that a value of JSON refuses in a column of refusals, where one that names none is about
    `no`: an object by its channels (`{"sms": true}`), by what it says of itself (`{"value": true, "since": ...}`), or
    by whatever in it says so; a list by the channels that are its items."""
    if isinstance(value, list):
        return frozenset().union(
            *(refused_in(each, frozenset(_channels(_key(str(each)).split())) or no) for each in value)
        )
    if not isinstance(value, dict):
        return no if is_refusal(str(value if value is not None else "")) else frozenset()
    said = {name: each for name, each in value.items() if _key(name) in _ITSELF} or {
        name: each for name, each in value.items() if not _key(name).startswith(_OF_THE_RECORD)
    }
    return frozenset().union(
        *(refused_in(each, frozenset(_channels(_key(name).split())) or no) for name, each in said.items())
    )


def is_plain_refusal(text: str) -> bool:
    """Say whether a cell that may be of a column of refusals says so by a word: yes, or that they are off."""
    key = _key(_NUMBER.sub(r"\1", text)).replace(" ", "")
    return key in _YES or key in _NOT_ALLOWED or is_off(text)


def is_denied(text: str) -> bool:
    """Say whether the status of a channel says that it was refused, or leads nowhere."""
    words = _key(text[:_REMEMBERED]).split()
    return _NO.isdisjoint(words) and _begins(words, _REFUSED + _DEAD)


def is_blank(text: str) -> bool:
    """Say whether a text says that there is nothing: n/a, unknown."""
    return text.lower() in _BLANK


def is_yes_or_no(text: str) -> bool:
    """Say whether a text is a yes or a no, and no more."""
    return len(text) <= _LABEL and _is_yes_or_no(text)


@lru_cache(maxsize=2_000)
def _is_yes_or_no(text: str) -> bool:
    return _key(_NUMBER.sub(r"\1", text)).replace(" ", "") in _ANSWERS


def is_off(text: str) -> bool:
    """Say whether a status says that somebody is off a list or asks to be; what it says is in its beginning."""
    return _is_off(text[:_REMEMBERED])


@lru_cache(maxsize=2_000)
def _is_off(text: str) -> bool:
    words = _key(text).split()
    if _is_do_not(words) or _begins(words, _OFF if _NO.isdisjoint(words) else _ON):
        return True
    plain = stopping.plain(text.replace("_", " "))
    return stopping.commands(plain) or stopping.asks(plain)


def named_in(text: str) -> frozenset[Channel]:
    """Return the channels that a refusal names."""
    return _named_no(_key(text).split())


def _named_no(words: list[str]) -> frozenset[Channel]:
    named = frozenset(_channels(words))
    return named | {Channel.SMS} if _CALLS & set(words) else named  # a text is a call too (47 CFR 64.1200)


def is_label_of_off(text: str) -> bool:
    """Say whether a text is a label, such as a tag or a stage, that says that somebody is off a list and no more."""
    return len(text) <= _LABEL and not text[:1].isdigit() and _is_label_of_off(text)


@lru_cache(maxsize=2_000)
def _is_label_of_off(text: str) -> bool:
    words = _key(text).split()
    if len(words) > _LABEL_WORDS:
        return False
    rest = [word for word in words if word not in _CHANNELS]
    return _is_do_not(words) or (_NO.isdisjoint(rest) and "".join(rest).startswith(_OFF))


def _is_do_not(words: list[str]) -> bool:
    return "".join(words).startswith(_DO_NOT)


def _begins(words: list[str], beginnings: tuple[str, ...]) -> bool:
    return any("".join(words[start:]).startswith(beginnings) for start in range(len(words)))


def _asks(text: str) -> bool:
    plain = stopping.plain(text.replace("_", " "))
    return stopping.is_command(plain) or stopping.asks(plain)


def _channels(words: Iterable[str]) -> Iterator[Channel]:
    return (_CHANNELS[word] for word in words if word in _CHANNELS)


def _all(parts: Iterable[Said]) -> Said:
    said = list(parts)
    return Said(
        frozenset().union(*(each.granted for each in said)),
        frozenset().union(*(each.refused for each in said)),
        any(each.unclear for each in said),
    )
