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
    {"", "-", "--", "-none-", "--none--", "[]", "{}", "n/a", "#n/a", "na", "nan", "nat", "null", "undefined", "unknown"}
)
_NUMBER = re.compile(r"([01])[.,]0+")  # as programs write a column of 0 and 1 that has gaps
_ZEROES = re.compile(r"[0\W]*0[0\W]*|(?:0001|1900|1970)-01-01.*|0?1[./]0?1[./](?:1900|1970).*")  # 0.00, and no date
_AGREED = _keys("opt in|opted in|subscribed|send")
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
        "werbesperre|kontaktsperre|mailsperre|newslettersperre|werbeverbot|kontaktverbot|werbewiderspruch",
    )
)
# How words begin that refuse a consent.
_REFUSED = tuple(
    _keys(
        "denie|deny|denial|disagree|refus|declin|reject|remov|withdr|revok|revoc|object|stop|cancel|block|abgelehn",
        "ablehn|widerruf|widerspr|verweiger|gesperr|oppos|rechaz|deneg|baja|rifiut|negat|recus|negado|weiger|geweiger|ingetrokken",
        "odmow|odmów|wycof|odmít|odvol|avböj|nekad|återkall|avslå|afvis|kielt|kielletty|peruut|redd|iptal|отказ",
        "отозва|отклон|відмов|відклик|拒|不同意|停止|거부|거절|abbestell|gekündigt|retir|revoqu|ritirat|paus|opgezegd",
    )
)
# And what makes a status one of an address that leads nowhere.
_DEAD = tuple(_keys("bounce|hard bounce|cleaned|complain|spam"))
# In a column of refusals these alone are a yes to refusing, and the next ones a no.
_NOT_ALLOWED = _keys("do not allow|not allowed|do not send|nicht zulassen|nicht erlaubt|no permitir|ne pas autoriser")
_NOT_REFUSING = _AGREED | _keys("|allow|allowed|zulassen|erlaubt|permitir|autoriser|soft|soft bounce|soft bounced")
# What is in force there, or not; what is the status of somebody says the opposite.
_ACTIVE = _keys("active|aktiv|actif|activo|attivo|ativo|actief|enabled|aktiviert")
_INACTIVE = _keys(
    "inactive|not active|disabled|not enabled|inaktiv|nicht aktiv|deaktiviert|inactif|inactivo|inattivo",
    "inativo|inactief",
)
# What a column of refusals may have in the place of a yes.
_HARD = _keys("hard|hard bounce|hard bounced|bounced|permanent|complained|complaint|spam|blocked|enabled|aktiviert")
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
# What is a label of the same if it is all of it: more words would make it one of something else (no marketing budget).
_WHOLE = _keys(
    "no newsletter|no newsletters|no marketing|no promo|no promos|no promotions|no promotional emails|do not send",
    "dont send|no publicidad|sin publicidad|pas de pub|pas de publicité|no pubblicità|geen reclame|keine rundmails",
    "no mailing|no mailings|no consent|not subscribed|not opted in|no opt in|spam complaint|spam complaints|marked as spam",
    "reported as spam|reported spam|spam reported|hard bounce|hard bounced|hard bounces|email bounced",
)
# No Contact is as often nobody who was reached, as a list of labels has it, and as a stage or a result of a call.
_NO_CONTACT = _keys("no contact|kein kontakt|pas de contact|sin contacto|geen contact|nessun contatto")
# A label of one of these and a no, or of what refuses it, says the same: newsletter: no, RGPD refus.
_ASKED = _keys(
    "newsletter|newsletters|consent|opt in|gdpr|rgpd|dsgvo|einwilligung|consentement|consentimiento|consenso"
)
_ASKED_OR_MARKETING = _ASKED | _keys("marketing|email marketing|sms marketing|werbung|publicidad|mailing|mailings")
_STOPPED = _ASKED_OR_MARKETING | _CHANNELS.keys() | _keys("pub|promo|promos")
# And how a status of people says that they are not to be written to.
_BARRED = _keys(
    "complained|complaint|spam|abuse|blocked|removed|gesperrt|geblockt|blockiert|bloqué|bloqueado|bloccato|geblokkeerd",
    "zablokowany|blokovaný|blockerad|blokkert|blokeret|заблокирован",
)
# These two are about e-mail where no channel is named.
_UNREACHED = _keys("bounced|hard bounced|hard bounce|email bounced|cleaned|undeliverable|unzustellbar")
_NEWSLETTERS = _keys("newsletter|newsletters|nieuwsbrief|boletín|mailing|mailings|rundmails")
_ADDRESS = re.compile(r"\S+@\S+")  # which has letters that would be words
_LABEL = 60  # characters, and at most so many words
_LABEL_WORDS = 5
_JOINED = re.compile(r"(?<=[a-z])(?=[A-Z])|(?:(?<=\bemail)|(?<=\bsms))(?=opt|unsub)")  # EmailOptOut
_PARTS = re.compile(r"[;,|+/.!()\[\]\n]| [-–—] | (?:but|aber|mais|pero|ma|maar) ", re.IGNORECASE)
_EXCEPT = re.compile(
    r"\b(?:all|any|anything|everything|alle|alles|tout|tous|todo|todos|tutto|tutti) "
    r"(?:but|except(?: for)?|außer|ausser|sauf|excepto|salvo|menos|tranne|meno|behalve)\b",
    re.IGNORECASE,
)


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
    told = _ADDRESS.sub(" address ", _EXCEPT.sub(" no ", _MINUS.sub(" no ", text)))
    found = _all(_of_part(part, yes, no) for part in _PARTS.split(told))
    if not found.unclear:
        return found
    # What no part of it says, the whole of it may: a sentence has commas. And where all is refused, "no, thanks" is.
    asks = not found.refused and _asks(text)
    return Said(refused=no) if asks or found.refused >= no else found


def _of_object(value: object, yes: frozenset[Channel], no: frozenset[Channel]) -> Iterator[Said]:
    if not isinstance(value, dict):
        yield answer(str(value if value is not None else ""), yes=yes, no=no)
        return
    for name, inner in value.items():
        channels = frozenset(_channels(_key(name).split()))
        for said in _of_object(inner, channels or frozenset(), channels or no):
            # A yes to what is no channel, such as {"terms": true}, agrees to nothing.
            yield said if channels else said._replace(unclear=said.unclear or not said.refused)


def _of_part(part: str, yes: frozenset[Channel], no: frozenset[Channel]) -> Said:
    words = _key(part).split()
    named = frozenset(_channels(words))
    rest = [word for word in words if word not in _CHANNELS]
    if not words:
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


def is_refusal(text: str, *, is_status: bool = False) -> bool:
    """Say whether a cell of a column of refusals refuses: whatever is no no and no yes to being written to does, as a
    date does, or a reason. What is active there is the refusal, but somebody, if the column is a status."""
    words = _key(text).split()
    key = "".join(words)
    if text.strip().lower() in _BLANK or key in _NO or key in _NOT_REFUSING or _ZEROES.fullmatch(text):
        return False
    # "not opted out" is none.
    return key not in (_ACTIVE if is_status else _INACTIVE) and (_NO.isdisjoint(words) or not _begins(words, _OFF))


def is_plain_refusal(text: str) -> bool:
    """Say whether a cell that may be of a column of refusals says so by a word: yes, or that they are off."""
    key = _key(_NUMBER.sub(r"\1", text)).replace(" ", "")
    return key in (_YES - _AGREED) | _NOT_ALLOWED | _HARD or is_off(text)


def is_denied(text: str) -> bool:
    """Say whether the status of a channel says that it was refused, or leads nowhere."""
    words = _key(text[:_REMEMBERED]).split()
    return _NO.isdisjoint(words) and "soft" not in words and _begins(words, _REFUSED + _DEAD)


def is_barred(text: str) -> bool:
    """Say whether the status of somebody says that they are not to be written to, or that their address is dead."""
    return _key(text[:_REMEMBERED]).replace(" ", "") in _BARRED | _UNREACHED


def is_blank(text: str) -> bool:
    """Say whether a text says that there is nothing: n/a, unknown."""
    return text.lower() in _BLANK


def is_agreed(text: str) -> bool:
    """Say whether a text says that somebody is on a list, which a column without a name may say of all of them."""
    return len(text) <= _LABEL and _key(text).replace(" ", "") in _AGREED


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
    """Return the channels that a refusal names, or a label such as No Newsletter and Bounced is about."""
    words = _label_words(text)
    is_mailed = "".join(words) in _UNREACHED or not _NEWSLETTERS.isdisjoint(words)
    return _named_no(words) or (frozenset({Channel.EMAIL}) if is_mailed else frozenset())


def _named_no(words: list[str]) -> frozenset[Channel]:
    named = frozenset(_channels(words))
    return named | {Channel.SMS} if _CALLS & set(words) else named  # a text is a call too (47 CFR 64.1200)


def is_label_of_off(text: str) -> bool:
    """Say whether a text is a label, such as a tag or a stage, that says that somebody is off a list and no more."""
    return len(text) <= _LABEL and not text[:1].isdigit() and _is_label_of_off(text)


@lru_cache(maxsize=2_000)
def _is_label_of_off(text: str) -> bool:
    words = _label_words(text)
    if not 0 < len(words) <= _LABEL_WORDS:
        return False
    rest = [word for word in words if word not in _CHANNELS]
    if (
        "".join(words) in _WHOLE | _NO_CONTACT
        or _is_do_not(words)
        or (_NO.isdisjoint(rest) and "".join(rest).startswith(_OFF))
    ):
        return True
    first, last = words[0], words[-1]
    if last in _NO:
        return "".join(words[:-1]) in _ASKED_OR_MARKETING
    if first == "stop" or last == "stop":
        return len(words) > 1 and _STOPPED.issuperset(word for word in words if word != "stop")
    return ("".join(words[:-1]) in _ASKED and last.startswith(_REFUSED)) or (
        "".join(words[1:]) in _ASKED and first.startswith(_REFUSED)
    )


def is_no_contact(text: str) -> bool:
    """Say whether a label is No Contact, which says either that somebody wants none, or that there was none."""
    return "".join(_label_words(text)) in _NO_CONTACT


def _label_words(text: str) -> list[str]:
    return _key(_JOINED.sub(" ", text)).split()


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
