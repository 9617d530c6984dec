"""The words by which cells say yes and no, in the languages that lists come in (answers.py)."""

# ruff: noqa: RUF001 (letters that look like others are what this is about)
from __future__ import annotations

import re

from overture_core.messages.channels import Channel
from overture_core.replies import stopping

CHANNELS = {
    **dict.fromkeys(("email", "emails", "mail", "mails"), Channel.EMAIL),
    **dict.fromkeys(("sms", "text", "texts"), Channel.SMS),
    "whatsapp": Channel.WHATSAPP,
    **dict.fromkeys(("voice", "call", "calls", "phone", "telefon", "anrufe"), Channel.VOICE),
    "linkedin": Channel.LINKEDIN,
}
CALLS = {"call", "calls", "phone", "telefon", "anrufe"}
_MARKS = str.maketrans(dict.fromkeys("❌✗✘✖🚫⛔", " no ") | dict.fromkeys("✓✔✅☑", " yes "))


def answer_key(text: str) -> str:
    """Return a text as answers are compared: small plain letters, with a blank for every sign but a question mark."""
    plain = stopping.plain(text.translate(_MARKS)).replace("ı", "i").replace("'", "")
    return " ".join(re.sub(r"[^\w?]|_", " ", plain).split()).replace("e mail", "email")


def _keys(*lists: str) -> frozenset[str]:
    return frozenset(answer_key(word).replace(" ", "") for words in lists for word in words.split("|"))


BLANK = frozenset(
    {"", "-", "--", "-none-", "--none--", "[]", "{}", "n/a", "#n/a", "na", "nan", "nat", "null", "undefined", "unknown"}
)
AGREED = _keys("opt in|opted in|subscribed|send")
# These and the next are answers if they are all that a cell says; a no is one beside other words too.
YES = AGREED | _keys(
    "yes|y|j|true|t|1|x|on|only|granted|both|all|nur|ja|oui|si|sí|sim|tak|ano|evet|igen",
    "kyllä|да|так|はい|是|同意|예|네|wahr|vrai|verdadero|verdadeiro|vero|waar|prawda|pravda|sant|tosi|igaz|doğru|истина",
)
NO = _keys(
    "no|n|not|non|none|never|nope|false|f|0|off|dont|without|nein|nicht|kein|keine|keinen|keiner|ohne|pas|sans|aucun",
    "sin|ningún|ninguno|nessun|nessuno|senza|não|sem|nenhum|nee|niet|geen|zonder|nie|żaden|bez|ne|nej|nei|inte|ikke|ej",
    "ingen|ei|nem|hayır|değil|нет|не|ні|без|いいえ|否|不|不要|아니오|아니요|falsch|faux|falso|onwaar|fałsz|nepravda|falskt",
    "epätosi|hamis|yanlış|ложь|brak|όχι|לא|لا|không|tidak|nu",
)
ANSWERS = YES | NO
POLITE = frozenset({"please", "bitte", "gern", "gerne", "thanks", "thank", "you", "danke"})
# After a no, these make a cell that does not know: "not specified", "keine Angabe".
UNKNOWN = _keys(
    "answer|data|info|information|preference|response|asked|set|known|specified|provided|applicable|available|stated",
    "recorded|yet|sure|preferences|restriction|restrictions|präferenz|präferenzen|einschränkung|einschränkungen",
    "préférence|preferencia|restricción|preferenza|restrizione|preferência|restrição|voorkeur|danych|angabe",
    "angaben|bekannt|gefragt|erfasst|vorhanden|renseigné|précisé|connu|especificado|indicado",
)
# Who never agreed has not refused either, as Klaviyo has it of most people.
NEVER = _keys("never subscribed|never opted in|not asked|never asked")
# How words begin that end a consent or tell that it has not begun, whatever channel stands before them.
LAPSED = tuple(
    _keys("expire|lapsed|pending|unconfirmed|outdated|abgelaufen|invalid|no longer|expiré|caduc|scadut|verlopen")
)
# What a no is about here that is about no channel of ours.
ELSEWHERE = _keys(
    "post|push|fax|letter|letters|brief|briefe|courrier|print|direct mail|profiling|profilage|profilierung|third party",
    "third parties|partner|partners|cookies|tracking|data sharing",
)
# How words begin that say that somebody is off a list; they mean nothing else in whatever column.
OFF = tuple(
    _keys(
        "unsub|opt out|opted out|opting out|dnc|dnd|suppress|blacklist|blocklist|abgemeldet|abmeld",
        "ausgetragen|désabonn",
        "désinscri|dado de baja|dada de baja|desuscri|disiscri|disinscri|descadastr|uitgeschr|afgemeld|wypisan",
        "odhlášen|avregistrer|avmeldt|afmeldt|abonelikten çık|отпис|відпис|配信停止|退订|退訂|수신거부",
        "werbesperre|kontaktsperre|mailsperre|newslettersperre|werbeverbot|kontaktverbot|werbewiderspruch",
    )
)
# How words begin that refuse a consent.
REFUSED = tuple(
    _keys(
        "denie|deny|denial|disagree|refus|declin|reject|remov|withdr|revok|revoc|object|stop|cancel|block|abgelehn",
        "ablehn|widerruf|widerspr|verweiger|gesperr|oppos|rechaz|deneg|baja|rifiut|negat|recus|negado|weiger|geweiger|ingetrokken",
        "odmow|odmów|wycof|odmít|odvol|avböj|nekad|återkall|avslå|afvis|kielt|kielletty|peruut|redd|iptal|отказ",
        "отозва|отклон|відмов|відклик|拒|不同意|停止|거부|거절|abbestell|gekündigt|retir|revoqu|ritirat|paus|opgezegd",
    )
)
# And what makes a status one of an address that leads nowhere.
DEAD = tuple(_keys("bounce|hard bounce|cleaned|complain|spam"))
# In a column of refusals these alone are a yes to refusing, and the next ones a no.
NOT_ALLOWED = _keys("do not allow|not allowed|do not send|nicht zulassen|nicht erlaubt|no permitir|ne pas autoriser")
NOT_REFUSING = AGREED | _keys("|allow|allowed|zulassen|erlaubt|permitir|autoriser|soft|soft bounce|soft bounced")
# A refusal that is active is in force; somebody whose status is active is written to.
ACTIVE = _keys("active|aktiv|actif|activo|attivo|ativo|actief|enabled|aktiviert")
INACTIVE = _keys(
    "inactive|not active|disabled|not enabled|inaktiv|nicht aktiv|deaktiviert|inactif|inactivo|inattivo",
    "inativo|inactief",
)
# What a column of refusals may have in the place of a yes.
HARD = _keys("hard|hard bounce|hard bounced|bounced|permanent|complained|complaint|spam|blocked|enabled|aktiviert")
PLAIN = (YES - AGREED) | NOT_ALLOWED | HARD
# How words begin that, after a no, say that somebody is off: not subscribed.
ON = tuple(_keys("subscri|opt in|opted in|consent|abonn|eingewilligt|einwillig|inscri|iscritt|suscri"))
# How a label begins that says the same by a whole phrase, in whatever column.
DO_NOT = tuple(
    _keys(
        "do not contact|do not disturb|do not email|do not mail|do not call|do not text|do not market|do not write",
        "dont contact|dont email|dont call|no email|no mail|no sms|no calls|never contact|no longer contact",
        "keine werbung|keine emails|kein newsletter|keine anrufe|nicht kontaktieren|nicht anschreiben",
        "niet mailen|geen mail|pas de mail|pas d'email|ne pas contacter",
        "ne plus contacter|no contactar|no molestar|non contattare|niet benaderen|niet contacteren|não contatar",
        "não contactar|nie kontaktować|nekontaktovat|не беспокоить|не контактировать|не писать|连絡不可|请勿联系",
        "请勿打扰|연락금지",
    )
)
# What is a label of the same if it is all of it: more words would make it one of something else (no marketing budget).
WHOLE = _keys(
    "no newsletter|no newsletters|no marketing|no promo|no promos|no promotions|no promotional emails|do not send",
    "dont send|no publicidad|sin publicidad|pas de pub|pas de publicité|no pubblicità|geen reclame|keine rundmails",
    "no mailing|no mailings|no consent|not subscribed|non subscribed|not opted in|no opt in",
    "spam complaint|spam complaints|marked as spam|reported as spam|reported spam|spam reported",
    "hard bounce|hard bounced|hard bounces|email bounced|removed from list|forget me|status unsubscribed",
)
# What somebody wants if it is one of their tags; as a stage, or the result of a call, nobody may have been reached.
NO_CONTACT = _keys("stop|baja|no contact|kein kontakt|pas de contact|sin contacto|geen contact|nessun contatto")
# A label of one of these and a no, or of what refuses it, says the same: newsletter: no, RGPD refus.
ASKED = _keys("newsletter|newsletters|consent|opt in|gdpr|rgpd|dsgvo|einwilligung|consentement|consentimiento|consenso")
ASKED_OR_MARKETING = ASKED | _keys("marketing|email marketing|sms marketing|werbung|publicidad|mailing|mailings")
STOPPED = ASKED_OR_MARKETING | CHANNELS.keys() | _keys("pub|promo|promos")
# And how a status of people says that they are not to be written to.
BARRED = _keys(
    "complained|complaint|spam|abuse|blocked|removed|gesperrt|geblockt|blockiert|bloqué|bloqueado|bloccato|geblokkeerd",
    "zablokowany|blokovaný|blockerad|blokkert|blokeret|заблокирован",
)
# These, and a newsletter, are about e-mail where no channel is named.
UNREACHED = _keys("bounced|hard bounced|hard bounce|email bounced|cleaned|undeliverable|unzustellbar")
NEWSLETTERS = _keys("newsletter|newsletters|nieuwsbrief|boletín|mailing|mailings|rundmails")
