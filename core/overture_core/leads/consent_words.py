"""The words that the names of columns about consent are made of, in the languages that lists come in (telling.py)."""

from __future__ import annotations

from overture_core.leads.header_names import header_key
from overture_core.messages.channels import Channel

EVERY = frozenset(Channel)
_CALLED = frozenset({Channel.SMS, Channel.VOICE})  # a text is a call too (47 CFR 64.1200)
CHANNELS_OF = {
    "consent": EVERY,
    "opt_out": EVERY,
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


def _parts(*lists: str) -> frozenset[str]:
    return frozenset(header_key(part) for parts in lists for part in parts.split("|"))


# Parts of names, as `header_key` makes them, by language: English, German, French, Spanish, Italian, Portuguese, Dutch,
# Polish, Czech, Scandinavian, Finnish, Hungarian, Russian and Ukrainian, Greek, Chinese, Japanese, Korean.
# The first are by e-mail, but not beside the next ones: an SMS newsletter is a text.
MAILED = _parts(
    "mailing|newsletter|bounce|nieuwsbrief|nyhetsbrev|nyhedsbrev|uutiskirje|hírlevél|рассылка|メルマガ|뉴스레터"
)
TEXTED = _parts("sms|whatsapp|linkedin")
CHANNELS = dict.fromkeys(MAILED, CHANNELS_OF["email_opt_in"]) | {
    header_key(part): channels
    for parts, channels in (
        ("email|mail|e-post", CHANNELS_OF["email_opt_in"]),
        ("sms|text message|ok to text|text ok|may text|can text|may we text|text marketing", CHANNELS_OF["sms_opt_in"]),
        ("text consent|consent to text|text opt|text subscri|texting", CHANNELS_OF["sms_opt_in"]),
        ("voice", CHANNELS_OF["voice_opt_out"]),
        ("whatsapp", CHANNELS_OF["whatsapp_opt_out"]),
        ("linkedin", CHANNELS_OF["linkedin_opt_out"]),
        ("phone|call|anruf|telefon|appeler|llamar|llamadas|chiamare|chiamate|bellen|dzwonić", _CALLED),
    )
    for part in parts.split("|")
}


# These refuse, whatever else is known of a name.
REFUSING = _parts(
    "unsub|unsubscribe|unsubscribed|unsubscription|opt out|opted out|dnc|dnd|do not contact|do not disturb|blacklist",
    "blacklisted|blocklist|blocklisted|suppress|suppressed|suppression|suppressions|bounce reason|bounced reason",
    "sperrvermerk|werbesperre|kontaktsperre|mailsperre|widersprochen|disiscrizione|austragung|wypisania|odhlášení|отписки",
    "sperrliste|robinsonliste|lista robinson|werbeverbot|kontaktverbot|abgemeldet|abmeldung|ausgetragen|widerspruch",
    "désabonné|désabonnement|désinscrit|désinscription|desuscrito|disiscritto|descadastrado|afgemeld|afmeld",
    "afmelding|afmeldt|avmeldt|descadastro|dado de baja|dada de baja",
    "uitgeschreven|wypisany|wypisano|odhlášen|avregistrerad|leiratkozott|отписан|отписался|退订|退訂|拒收|配信停止|配信拒否|수신거부",
)
# These do where a name has nothing else but what they are about. A text beside them may tell of anything.
ENDED = _parts(
    "stop|remove|removed|opposition|opposed|revoked|revocation|withdraw|withdrawn|withdrawal|objection|objected|declined",
    "refused|refusal|denied|rejected|excluded|exclusion|complaint|complaints|complained|bounced|blocked|spam|banned",
    "hard bounce|hard bounces|hard bounced|off list|left list|left the list|removed from list|removed from the list",
    "marked as spam|marked email as spam|reported as spam|abbestellt|abbestellung|revocación|should forget",
    "erasure requested|deceased|gesperrt|sperre|widerrufen|widerruf|abgelehnt|verweigert|verstorben",
    "retrait|retiré|refus|refusé|décédé|baja|revocado|retirado|rechazado|fallecido|revoca|revocato|ritirato|rifiutato|deceduto",
    "revogado|recusado|ingetrokken|geweigerd|overleden|wycofana|wycofano|cofnięta|odvolán|återkallat|återkallad",
    "tilbagekaldt|trukket|peruttu|visszavont|отозвано|отозвана|отказ",
)
# Whatever follows these is what somebody is off: Opted out of email: Marketing information.
REFUSING_WHAT_FOLLOWS = tuple(
    f"{what}{channel}"
    for what in ("optedoutof", "hasoptedoutof", "unsubscribedfrom")
    for channel in ("email", "sms", "call")
)
NOT = _parts(
    "no|not|non|dont|do not|does not|never|without|kein|keine|keinen|nicht|ohne|pas|ne pas|sans|sin|nessun|senza|não",
    "sem|geen|niet|zonder|nie|brak|bez|ingen|inte|ikke|ei|не|без|нет",
)
# What asks whether somebody agrees.
ASKING = _parts(
    "opt in|opted in|consent|consents|consented|contactable|may contact|can contact|may email|can email|may we contact",
    "contact me|contact ok|ok to contact|ok to email|ok to mail|ok to call|ok to text|ok to phone|mail ok|email ok",
    "sms ok|text ok|call ok|phone ok|may text|may call|can text|can call|may we email|may we text|may we call|gdpr",
    "dsgvo|rgpd|zustimmung|einwilligung|einverständnis|einverstanden|consentement|consentimiento|consenso|consentimento",
    "toestemming|zgoda|souhlas|samtycke|samtykke|suostumus|hozzájárulás|согласие|згода|συγκατάθεση|הסכמה|موافقة|同意",
    "수신동의|동의|配信可否|lgpd|lopd|rodo|avg",
)
# These ask where a name has nothing else but what they are about.
AGREEING = _parts(
    "permission|enabled|subscribed|allow|allows|allowed|accept|accepts|accepted|wants|want|receive|receives|send|agree|agrees",
    "agreed|keep me informed|erlaubt|erlaubnis|zulassen|anmeldung|abonné|abonniert|accepte|autorise|autorisation",
    "inscrit|inscrite|inscription|acepta|permiso|suscrito|suscrita|inscrito|accetta|permesso|iscritto|iscritta|aceita",
    "autorizado|autorizzato|like|reachable|emailable|mailable|erwünscht|empfänger|souhaite|accord|autoriza|permite|aceptado",
    "envoyer|enviar|inviare|gewünscht|gewollt|darf|desea|autorizzazione|iscrizione|assinante|aangemeld|toegestaan|ingeschreven|ontvangt|zapisany|podpiska|подписка|订阅|訂閱",
    "подписан|подписана",
)
# What consents are about, and what a name of one has beside.
ABOUT = _parts(
    "email|emails|e mail|mail|mails|mailen|mailing|mailings|newsletter|newsletters|sms|text|texts|text message",
    "text messages|whatsapp|linkedin|voice|notification|notifications",
    "phone|telephone|call|calls|anruf|anrufe|telefon|marketing|market|promotional|promotions|publicidad|werbung|werbe|mailinglist",
    "bulk|contact|contacts|kontakt|kontaktieren|anschreiben|anrufen|mailing list|email updates|email alerts|solicit",
    "nieuwsbrief|nyhetsbrev|nyhedsbrev|uutiskirje|hírlevél|рассылка|メルマガ|뉴스레터|마케팅|营销|subscription",
    "subscriptions|data|channel|lead|customer|user|member|subscriber|rundmail|infomail|kontaktaufnahme|offres",
    "communication|communications|commerciale|commerciales|prospection|boletín|comunicaciones|comerciales|contacto",
    "contatto|contato|novidades|newslettera|privacy|emailing|emailings|materials|mm|appeler|contacter|démarcher|démarchage",
    "llamar|llamadas|escribir|correo|correos|chiamare|chiamate|bellen|dzwonić|kontaktiert|angeschrieben|angerufen",
)
# Newsletter, by itself, asks for one.
ASKED_FOR = _parts(
    "newsletter|newsletters|nieuwsbrief|nyhetsbrev|nyhedsbrev|uutiskirje|hírlevél|рассылка|メルマガ|뉴스레터",
    "mailing list|marketing|rundmail|infomail|boletín",
    "email updates|email alerts|promotional emails|werbung|e mail werbung|publicidad",
)
_BESIDE = _parts(
    "is|has|at|on|of|to|from|for|the|by email|date|datum|time|timestamp|flag|given|yes|ja|nein|oui|reason|all|any",
    "de|des|di|da|al|la|le|les|til|ad|am|an|der|na|do|recevoir|ricevere|recibir|receber|ontvangen|globally|individual|i|we|you",
    "please|me|per|via|vom|seit|since|depuis|desde|sinds|op|el|le|il|du|werden|darse|fecha|dato|enum|дата|日|日付|日期|일|일자",
)
# Of nothing but these, a name says what somebody has not.
LACKING = frozenset({"no", "without", "ohne", "sans", "sin", "phone", "telefon", "email"})
# What programs put around a name, or an object's around those inside it.
AFFIXES = frozenset(
    (
        *("a", "c", "custom", "e", "hs", "mc", "msdyn", "pi"),
        *("attributes", "fields", "preferences", "profile", "properties", "settings"),
    )
)
# What objects are called that are about the lead, and about their wishes; and those that are about somebody else.
AROUND = _parts(
    "attributes|properties|fields|custom|meta|metadata|data|contact|person|lead|profile|customer|member|subscriber|user",
    "preferences|settings|marketing|communication|communications|consents|permissions|subscriptions|privacy|gdpr",
)
OF_OTHERS = _parts("company|organization|organisation|employer|spouse|reseller|invoice|order|orders")
# A lead that was rejected is no refusal, nor is a number of calls (No. of calls).
OTHERS = frozenset({"lead", "user", "customer", "of"})
# Since when there was no contact is no refusal.
SINCE = frozenset({"since", "seit", "depuis", "desde", "sinds"})
# What a date tells under these names: when Mailchimp found an address dead, or CleverReach's list lost somebody.
DATED = {
    **dict.fromkeys(_parts("clean time|clean date|cleaned time|cleaned at|cleaned on"), CHANNELS_OF["email_opt_in"]),
    **dict.fromkeys(("deactivated", "deaktiviert"), EVERY),
}
PREFERENCES = _parts(
    *(f"{what} preference|{what} preferences" for what in ("contact", "communication", "communications", "marketing")),
    *(f"{what} preference|{what} preferences" for what in ("email", "sms", "call", "phone", "mailing", "newsletter")),
    "kontaktpräferenz|kontaktpräferenzen|kommunikationspräferenz|kommunikationspräferenzen|kontaktwunsch",
    "préférence de contact|préférences de contact|préférences de communication|preferencia de contacto",
    "preferencias de contacto|preferencias de comunicación|preferenza di contatto|preferenze di contatto",
    "preferência de contato|preferências de contato|contactvoorkeur|contactvoorkeuren|communicatievoorkeur",
    "preferencje kontaktu|kontaktpreferens|kontaktpreference|kontaktpræference|kontaktpreferanse",
)
WAYS = _parts(
    "preferred contact method|preferred method of contact|preferred contact channel|preferred way of contact",
    "preferred contact|preferred channel|preferred communication method|preferred communication channel",
    "bevorzugte kontaktart|bevorzugter kontaktweg|moyen de contact préféré|mode de contact préféré",
    "medio de contacto preferido|método de contacto preferido|metodo di contatto preferito|forma de contato preferida",
    "preferowana forma kontaktu",
)
STATUS = _parts("status|statut|estado|stato|stav|state")
# Columns of labels, where No Contact is what somebody wants.
LABELLED = _parts(
    "tags|tag|labels|label|category|categories|list|lists|segment|segments|group|groups|flag|flags|kategorie|kategorien",
    "gruppe|gruppen|liste|listen|catégorie|catégories|listes|categoría|categorías|listas|etiquetas|categoria|categorie",
)
# What a name may have beside what is known, and is about no channel that is written to here, if it names none of these.
ELSEWHERE_WORDS = _parts(
    "push|webpush|fax|telefax|print|printed|postal|postalisch|letter|letters|brief|briefe|courrier|pension|loyalty|fidélité",
    "cookie|cookies|tracking|analytics|photo|photos|foto|fotos|insurance|warranty|benefits|arbitration",
)
ELSEWHERE = _parts(
    "data sharing|share data|sale of data|sell data|datenweitergabe|partage de données|in app|app notification",
    "direct mail|by post|per post|par la poste|por correo postal|postwerbung|briefpost|briefwerbung|post mailing",
    "post opt|post status|post consent|post marketing|post werbung|treueprogramm|bonusprogramm|altersvorsorge",
)
KNOWN = tuple(REFUSING | ENDED | ASKING | AGREEING | NOT | ABOUT | ASKED_FOR | _BESIDE | STATUS)
# Beginnings by which a name sounds like consent though not all of it is known.
SOUNDING = tuple(
    _parts(
        "optin|optout|optedin|optedout|unsub|consent|donot|blacklist|suppress|sperr|einwillig|zustimm|abmeld|désabonn",
        "désinscri|consenso|zgod|samtyck|samtykk|toestemming|subscri|abonn|inscri|suscri|permission|dsgvo|rgpd|gdpr",
        "newsletter|bounce|complain|exclud|remov|cancellazion|uitschrij|wypis|widerruf|withdraw|revok|werbung|publicidad|согласи|подписк|同意|동의",
        "contactallow",
    )
)
# And these if there are dates below them.
SOUNDING_BY_DATES = tuple(_parts("cleaned|deactiv|deaktiv|désactiv|desactiv|disattiv|desativ|gedeactiv|dezaktyw"))
# Of these some programs keep a count.
COUNTED = tuple(_parts("bounce|complain|spam"))
HIDDEN = "donotmodify"  # how the names of three columns begin that every export of Dynamics has
