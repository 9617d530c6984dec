"""The words by which people ask not to be written to any more, in seven languages.

All are written as `plain` makes them: small letters without accents. A whole clause that is nothing but a command
("pls stop", "STOP ALL") counts wherever it stands; phrases count inside a sentence, so that they name what is to end.
"""

from __future__ import annotations

import re
import unicodedata

_STRAIGHT = str.maketrans(
    dict.fromkeys("\u2018\u2019\u00b4`", "'") | dict.fromkeys("\u201c\u201d", '"') | {"\u00a0": " "}
)

_UNSUBSCRIBE = (
    r"un[ -]?sub(?:scribe)?|unsubcribe|unsuscribe|unsubscibe|unsubsribe|unsubscrbe|unsubsrcibe|unsubscripe|unsubscrib"
    r"|unsubscribed?|ubsubscribe|unsibscribe|unsubsctibe|unsbuscribe"
)
# A clause of these alone is a command, with or without the courtesies below.
_COMMAND = re.compile(
    r"(?:s ?t ?o ?p+|stpo|sotp|stopall|stop (?:all|it|that|this|now)|(?:please )?no more|i want out|want out"
    r"|cease(?: and|&) desist|desist|opt[ -]?(?:me )?out|optout|(?:please )?remove(?: me)?|delete me"
    r"|(?:do not|don'?t) (?:e-?mail|text|contact|write|message|call|spam|disturb)|go away|get lost|(?:piss|f\W*ck) off"
    r"|fuck off|leave me alone|arret(?:ez?|er)?|stopp|stop pub|aufhoren|aufhoeren|schluss(?: damit)?|abmeldung|abmelden"
    r"|keine werbung|basta|baja|darse de baja|no mas|para ya|fuera|cancellami|cancellatemi|cancellazione|smettetela"
    r"|smettila|uitschrijven|afmelden|ophouden|chega|parem|pare|sair|remover|descadastrar|cancelar|desuscribir"
    rf"|{_UNSUBSCRIBE})"
)
# Twilio's and what mail programs write: commands only as the first line, for they are also ordinary words.
_FIRST = re.compile(
    r"(?:end|quit|cancel|revoke|enough|stop\b(?! (?:by|over|in|at|off|here|there)\b)(?: \S+){0,2}(?<!\?))"
)
_COURTESY = re.compile(
    r"\b(?:please|pls|plz|plse|thanks?(?: you)?|thx|ty|hi|hey|hello|dear (?:sirs?|team|all)|sir|now|already|right away"
    r"|immediately|at once|asap|just|ok(?:ay)?|no|me|this|it|all|everything|today|sofort|bitte|danke|endlich|jetzt|nein"
    r"|hallo|svp|s'il (?:vous|te) plait|stp|merci|bonjour|maintenant|non|por favor|gracias|ya|hola|per favore|grazie"
    r"|subito|ora|ciao|aub|alsjeblieft|alstublieft|dank(?: u| je)?|nu|direct|obrigad[oa]|agora|ola|ja)\b"
)
_NOT_NEGATED = r"(?<!not )(?<!n't )(?<!dont )(?<!never )(?<!without )"
_UNTIL = r"(?!.{0,25}\b(?:before|until|till|after|tonight|today|tomorrow|this (?:week|month))\b)"
_WRITE = (
    r"(?:receiv|gett|e-?mail|text|contact|writ|messag|send|call|spam|bother|harass|pester|mail|phon|reach|target"
    r"|solicit)"
)
_MINE = (
    r"(?:me|us|my (?:name|e-?mail|mail|address|number|details|contact|company|account)|this (?:e-?mail )?address"
    r"|this number)"
)

_ENGLISH = (
    rf"{_NOT_NEGATED}\b(?:{_UNSUBSCRIBE})\b",
    r"\b(?:be|get|me|us) (?:un-?subscribed|removed|taken off)\b",
    rf"{_NOT_NEGATED}\bopt(?:ing)?[ -]?(?:me |us )?out\b(?! (?:after|later)\b)",
    rf"{_NOT_NEGATED}\b(?:remove|delete|erase|unlist) {_MINE}\b",
    r"\b(?:remove|delete|take) (?:\w+ ){0,3}?(?:off|from|of) (?:\w+ ){0,3}?(?:list|lists|database|records|system)\b",
    rf"{_NOT_NEGATED}\btake {_MINE} (?:off|out)\b(?! mute)",
    rf"{_NOT_NEGATED}\bdrop {_MINE} (?:from|off)\b",
    rf"{_NOT_NEGATED}(?<!\bi )(?<!\bwe )\b(?:stop|quit|cease|discontinue) (?:all |any |with )?(?:the |these "
    rf"|this |your |those )?{_WRITE}(?:t?ing|e?ing|s|es)?\b",
    rf"{_NOT_NEGATED}\bstop (?:it|this|that) ?(?:now|already|please|immediately|at once|$)",
    r"\b(?:interested|thanks?|thank you|no|nope)\W+(?:so )?stop\W*$",
    r"\b(?:please|just|kindly) stop\b(?! (?:by|in|over|at|being|using|worrying|and)\b)",
    rf"\b(?:don'?t|do not|never|not to) (?:you )?(?:ever |dare )?(?:to )?{_WRITE}e?(?:ing)? (?:to )?(?:me|us"
    rf"|this (?:number|address)|here|again|any ?more|any longer)\b{_UNTIL}",
    r"\b(?:don'?t|do not|no longer|never) (?:want|wish|care)(?: to)? (?:\w+ ){0,4}?(?:e-?mails?|messages?"
    r"|texts?|contacted|hear(?:ing)? from|calls|receiv\w*|newsletters?|spam)\b",
    r"\bno (?:more|further) (?:of (?:this|these|your) )?(?:\w+ )?(?:e-?mails?|messages?|texts?|mails?|contact"
    r"|spam|calls|newsletters?|communications?|solicitations?|correspondence|offers|ads)\b",
    r"\b(?:get off (?:this|your|the) (?:\w+ )?list|cancel my subscription|asked you (?:\w+ )?to stop"
    r"|quit it with|leave (?:me|us) (?:alone|be|in peace)|lose my (?:number|address|e-?mail)|get (?:me"
    r"|us) off)\b",
    r"\bi (?:never|did ?n[o']?t|have ?n[o']t|have never) (?:sign(?:ed)? up|subscribed?|ask(?:ed)? for (?:this"
    r"|these|it)|opt(?:ed)? in|consent(?:ed)?|agree[d]? to (?:this|receive))\b",
    r"\breport(?:ing)? (?:you\b|this as)|\b(?:this is|it'?s|just|your|stop the) spam\b(?! (?:folder|filter))"
    r"|\bspammers?\b",
    r"\b(?:erase|delete|remove|destroy) (?:all )?(?:of )?my (?:personal )?(?:data|details|information)\b",
    r"\b(?:gdpr|ccpa|can-?spam)\b.{0,80}\b(?:erase|delete|remove|object|request|demand|complain\w*)\b",
    r"\b(?:cease and desist|i want out|go away|get lost|piss off|f[u*]?[c*]?k off|withdraw my consent"
    r"|do[- ]not[- ](?:call|contact) list)\b",
)
_GERMAN = (
    r"\b(?:abmelden|austragen|abbestellen|abbestelle|abgemeldet werden|ausgetragen werden|abmeldung)\b",
    r"\b(?:melden|melde|tragen|trag|trage) (?:sie |du )?(?:mich|uns) (?:\w+ ){0,4}?(?:ab|aus)\b",
    r"\b(?:nehmen|nimm) (?:sie )?(?:mich|uns|meine \w+) (?:\w+ ){0,2}?(?:aus|von)\b|\baus (?:dem|ihrem|eurem"
    r"|deinem) verteiler\b|\bvon (?:der|ihrer|eurer) (?:\w+)?liste\b",
    r"\bkeine (?:weiteren |weitere )(?:e-?mails?|mails?|nachrichten?|sms|werbung|anrufe|kontaktaufnahme"
    r"|zusendungen|newsletter)\b",
    r"\bkein(?:e|en)? (?:\w+ ){0,2}?(?:e-?mails?|mails?|nachrichten|sms|werbung|anrufe|newsletter|post|kontakt"
    r"|werbemails?|spam|zusendungen)(?: \w+){0,3}? mehr\b",
    r"\bkeine (?:mehr )?(?:e-?mails?|mails?|nachrichten|sms|werbung|anrufe|newsletter|werbemails?) (?:mehr"
    r"|an mich|bitte)\b|\bkeine mehr (?:e-?mails?|mails?|nachrichten|sms)\b|\bbitte keine (?:e-?mails?|mails?"
    r"|nachrichten|sms|werbung|anrufe|newsletter|werbemails?)\b",
    r"\b(?:nicht mehr|nie wieder|nie mehr|nicht weiter|nicht langer) (?:\w+ ){0,3}?(?:an\w*schreiben|schreiben"
    r"|kontaktier\w*|anrufen|mailen|belastigen|melden|kontaktiert|angeschrieben|zu ?senden|zuschicken|schicken"
    r"|texten|nerven|benachrichtig\w*)\b",
    r"\b(?:schreib\w*|kontaktier\w*|mail\w*|ruf\w*|schick\w*|send\w*|nerv\w*"
    r"|belastig\w*) (?:sie )?(?:bitte )?(?:mir|mich|uns|hier)\b(?: \w+){0,2}? (?:nicht|nie|keine)\b(?! (?:vor"
    r"|nach|nur|am|heute|morgen|jetzt|so)\b)",
    r"\b(?:horen|hoeren|hor|hoer|hort) (?:sie |du )?(?:\w+ )?(?:endlich |sofort |bitte )?(?:\w+ )?auf\b"
    r"|\baufhoren (?:mir|mich|mit)\b",
    r"\b(?:lassen sie|lass|lasst) (?:mich|uns)(?: \w+)? in ruhe\b",
    r"\bl(?:o|oe)sch(?:en|t|e)? (?:sie |ihr )?(?:bitte )?(?:mich|meine|uns|diese (?:adresse|nummer))\b"
    r"|\b(?:meine|meiner|alle) (?:\w+ )?daten (?:\w+ ){0,5}?(?:zu )?(?:loschen|loeschen|entfernen)\b"
    r"|\bloschung (?:meiner|aller)\b",
    r"\bwiderspr(?:eche|uch)\b.{0,60}\b(?:werbung|nutzung|verarbeitung|verwendung|zusendung|daten)\b"
    r"|\bwiderruf\w* .{0,30}einwilligung\b|\bunterlassen sie\b|\bdsgvo\b.{0,60}\b(?:losch\w*|auskunft"
    r"|widerspr\w*)",
    r"\b(?:mochte|moechte|will|wollen|wunsche) (?:\w+ ){0,4}?nichts mehr\b|\bnichts mehr von (?:ihnen|euch"
    r"|dir) (?:horen|hoeren|lesen)\b",
    r"\bentfern(?:en|t|e) (?:sie )?(?:mich|meine)\b|\b(?:das ist|so ein|ihr|ihren|euren) spam\b|\bverpiss"
    r"|\bverschwinde",
)
_FRENCH = (
    r"\b(?:me |nous |moi )?(?:desabonn|desinscri|desincri|desabonez|desinscrip)\w*",
    r"\bne (?:me |m'|nous |plus |pas )+(?:\w+ )?(?:contact|ecri|envoy|appel|relanc|sollicit|derang|recontact"
    r"|harcel|spam)\w*|\bne (?:plus|pas) (?:me |m'|nous |etre |les )*(?:contact|ecri|envoy|appel|relanc"
    r"|sollicit|derang|recev)\w*",
    r"\barret(?:e|ez|er)\b (?:\w+ )?(?:de |d')(?:me |m'|nous |vos |ces )?\w+|\barret(?:e|ez|er) (?:ca|cela|vos"
    r"|tout|tes|ces|immediatement)\b",
    r"\b(?:souhait|voul|veu|desir|aimer)\w* (?:\w+ ){0,2}?(?:plus|pas) (?:\w+ )?(?:recevoir|etre (?:contact"
    r"|sollicit|derang|relanc)\w*)|\bplus (?:etre|recevoir)\b",
    r"(?<!pas )(?<!un peu )\bplus (?:de|d'|aucun) ?(?:e-?mails?|mails?|courriels?|messages?|sms|pub"
    r"|publicites?|newsletters?|spam|appels|demarchage)\b",
    r"\b(?:retir|enlev|supprim|ray|effac)\w*[ -](?:moi|mon|mes|nous|toutes mes)\b|\b(?:me|m'|nous) ?(?:retirer"
    r"|enlever|supprimer|rayer|effacer)\b|\bstop (?:aux?|a) \w+|\bstop pub\b",
    r"\blaisse[rz]?[ -](?:moi|nous) tranquilles?\b|\bfoutez[ -]?moi|\bfichez[ -]?moi|\bcasse[rz]?[ -](?:toi"
    r"|vous)|\brgpd\b.{0,60}\b(?:supprim|efface|oppos)\w*|\bm'oppose\b",
)
_SPANISH = (
    r"\b(?:dar(?:me|se|nos|le)?|dame|deme|denme|den|damos|solicito|quiero|pido|tramiten) (?:\w+ ){0,2}?(?:de "
    r"|la |mi )?baja\b|\bde baja (?:por favor|de|en)\b",
    r"\bno (?:quiero|deseo|queremos|quisiera|me interesa|deseamos) (?:\w+ ){0,3}?(?:recibir|recib\w+|que me"
    r"|seguir recibiendo|mas (?:correos|mensajes|mails))\b|\bno (?:quiero|deseo) (?:nada )?mas (?:de |\w+)",
    r"\bno (?:me|nos) (?:escrib(?:a|an|as)|contact(?:e|en|es)|envi(?:e|en|es)|mand(?:e|en|es)|llam(?:e|en|es)"
    r"|molest(?:e|en|es))\b(?! (?:antes|hasta|despues|hoy|por la)\b)|\bno (?:me |nos )?(?:vuelv\w+ a"
    r"|sig\w+) (?:escrib|contact|envi|mand|llam|molest)\w*",
    r"\bno (?:mas|manden|envien|mas de) (?:mas )?(?:correos?|mensajes?|e-?mails?|mails?|publicidad|sms"
    r"|llamadas|spam|propaganda)\b|\bbasta (?:ya|de)\b",
    r"\bdej(?:e|en|a|ar|ad|enme|eme|ame) (?:ya )?(?:de )(?:\w+ )?(?:escrib|envi|mand|molest|contact|llam)\w*"
    r"|\bdej(?:e|en|a)(?:n)?me (?:en paz|tranquil[oa])|\bdejen(?:me)? de\b",
    r"\b(?:elimin|borr|quit|saqu|sac|retir)(?:e|en|a|ar|o)?(?:me|nos)\b|\b(?:elimin|borr|quit|saqu|retir)(?:e"
    r"|en|a|ar) (?:mi|mis|me|este|esta)\b|\bdesuscri\w+|\bdesinscri\w+|\bcancelar (?:la |mi )?suscripcion\b"
    r"|\bcancelen mi\b",
)
_ITALIAN = (
    r"\b(?:cancell(?:ami|atemi|arsi|armi|arci|ateci)|eliminatemi|eliminami|toglietemi|toglimi|togliermi"
    r"|rimuovetemi|rimuovimi|rimuovermi|levatemi)\b|\b(?:rimuov|elimin|cancell|togli)\w* (?:il mio|la mia"
    r"|i miei|questo|i dati)\b",
    r"\b(?:disiscri|disiscriv|disinscri)\w*",
    r"\bnon (?:mi |ci |mandate|inviate|scrivete)?(?:\w+ ){0,1}?(?:scriv|contatt|invi|mand|chiam|disturb"
    r"|rompe)\w*(?: \w+){0,2}? (?:piu|mai piu)\b|\bnon (?:scriv|contatt|mand|invi|chiam|disturb)(?:etemi|atemi"
    r"|ateci|ermi|armi|armi|etegli)\b",
    r"\bnon (?:voglio|desidero|vorrei|vogliamo|intendo) (?:\w+ ){0,2}?(?:ricev|essere contatt|piu)\w*",
    r"\bsmett(?:ete|etela|ila|i|a|ere)\b|\b(?:niente|nessun\w*|basta)(?: con)?(?: \w+)? (?:mail|email|e-mail"
    r"|messaggi\w*|pubblicita|sms|spam|chiamate|queste mail)\b|\blasci(?:atemi|ami) (?:in pace|stare)\b"
    r"|\brevoco il (?:mio )?consenso\b",
)
_DUTCH = (
    r"\b(?:uitschrijven|afmelden|uitgeschreven worden|afgemeld worden|uitschrijving)\b|\b(?:schrijf|meld"
    r"|haal) (?:me|mij|ons) (?:\w+ ){0,4}?(?:uit|af|van)\b",
    r"\b(?:geen|nooit) (?:\w+ )?(?:mails?|e-?mails?|mailtjes|berichten|berichtjes|sms(?:'?jes)?|reclame"
    r"|nieuwsbrie\w+|post|telefoontjes|contact)(?: \w+){0,3}? meer\b|\bgeen (?:reclame|spam)\b",
    r"\bstop (?:\w+ )?(?:met|a\.?u\.?b)\b|\bhou(?:d)? (?:\w+ )?op\b",
    r"\bniet (?:meer|langer) (?:\w+ ){0,2}?(?:mail\w*|contacter\w*|sturen|bellen|benader\w*|schrijven"
    r"|lastig\w*|appen)\b|\b(?:mail|bel|stuur|schrijf|contacteer|benader|app) (?:me|mij"
    r"|ons) (?:\w+ ){0,2}?(?:nooit|niet|geen)\b(?! (?:voor|na|vandaag|morgen)\b)",
    r"\b(?:verwijder|wis|haal) (?:\w+ )?(?:mij|me|mijn|ons|onze)\b|\b(?:mijn"
    r"|onze) (?:\w+ ){1,4}?(?:te )?verwijderen\b|\blaat (?:me|mij|ons) met rust\b|\brot op\b",
    r"\b(?:wil|wens|hoef) (?:ik )?(?:\w+ )?(?:geen|niets|niks)\b(?: \w+){0,4}? (?:meer|ontvangen|horen)\b"
    r"|\bniet (?:meer|langer) (?:\w+ )?(?:ontvangen|benaderd|gemaild|gebeld|gecontacteerd)\b",
)
_PORTUGUESE = (
    r"\b(?:descadastr|desinscrev|desinscri|dessubscrev|desassin)\w*|\b(?:cancel|anul)\w* (?:a |minha "
    r"|a minha )*(?:inscricao|assinatura|subscricao|o envio)\b|\bcancelamento d\w+ (?:inscricao|assinatura"
    r"|subscricao)",
    r"\b(?:remov|retir|exclu|apag|elimin)(?:a|e|am|em|ir|er|ar|ua|uam|ue|uem)[ -](?:me|meu|minha|o meu|a minha"
    r"|os meus|meus|este|nos)\b|\bme (?:remov|retir|exclu|apag)\w+|\b(?:me tir\w+|tir(?:e|em"
    r"|a)[ -]me) d[aeo]\w*|\b(?:sair|tirar|remover|retirar|fora) da (?:sua |vossa |tua )?lista\b",
    r"\bnao (?:quero|desejo|pretendo|queremos|gostaria de) (?:\w+ ){0,2}?(?:receb\w+|ser contact?ad\w+"
    r"|mais \w+)\b|\bnao (?:me |nos )?(?:envi|mand|contat|contact|escrev|lig|perturb|incomod)(?:e|em|a"
    r"|am)\w*(?:-me)? (?:\w+ )?mais\b|\bnao (?:me|nos) (?:envi(?:e|em|es)|mand(?:e|em|es)|contat(?:e|em)"
    r"|contact(?:e|em|es)|escrev(?:a|am|as)|lig(?:ue|uem|ues)|perturb(?:e|em)|incomod(?:e|em))\b",
    r"\b(?:pare|parem|para|deixe|deixem) (?:ja )?de (?:me )?(?:envi|mand|escrev|contat|contact|lig|incomod"
    r"|encher|perturb)\w*|\bchega de\b|\b(?:sem|nada de) mais (?:emails?|e-mails?|mails?|mensagens|sms)\b"
    r"|\bdeix(?:e|em|a)[ -]me em paz\b|\bme deix(?:a|e|em) em paz\b|\blgpd\b.{0,60}\b(?:remov|exclu|apag"
    r"|elimin)\w*",
)
_PHRASES = re.compile(
    "|".join((*_ENGLISH, *_GERMAN, *_FRENCH, *_SPANISH, *_ITALIAN, *_DUTCH, *_PORTUGUESE)), re.MULTILINE
)
_CLAUSES = re.compile(r"[\n.!?;,:()\"*]+| [-\u2013\u2014]+ |\b(?:and|und|et|y|e|en)\b")
_EMPTY = re.compile(r"[\W_]*")


def plain(text: str) -> str:
    """Return a text as the rules read it: small letters, with accents and full-width or other forms made plain."""
    folded = unicodedata.normalize("NFKD", text.translate(_STRAIGHT)).casefold()
    return "".join(c for c in folded if not unicodedata.combining(c)).translate(_STRAIGHT)


def is_command(own: str) -> bool:
    """Say whether a clause of a text (as `plain` makes it) is nothing but a command to stop."""
    lines = [line.strip(" \t.!\"'*_-") for line in own.splitlines() if not _EMPTY.fullmatch(line)]
    return bool(lines and _FIRST.fullmatch(lines[0])) or commands(own)


def commands(own: str) -> bool:
    """Say likewise, but for what is a command only as the beginning of a message, being an ordinary word: End, Quit."""
    clauses = _CLAUSES.split(own)
    return any(_is_command(clause) for clause in clauses) or _is_command(own.strip())


def _is_command(clause: str) -> bool:
    said = " ".join(clause.strip(" \t.!'-_").split())
    if len(said) > 80:
        return False
    return any(_COMMAND.fullmatch(each) for each in (said, " ".join(_COURTESY.sub(" ", said).split())))


def asks(own: str) -> bool:
    """Say whether a text (as `plain` makes it) asks inside a sentence not to be written to any more."""
    return _PHRASES.search(own) is not None
