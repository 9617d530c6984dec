"""What a reply wants, by rules. The text is from outside: it only ever gets a label."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from overture_core.replies.quoting import own_words, without_sent_from, without_signature
from overture_core.replies.stopping import asks, is_command, plain


class Intent(StrEnum):
    """The label of a reply. `stop` is to unsubscribe; an automatic answer of any kind counts as `out_of_office`."""

    STOP = "stop"
    BOUNCE = "bounce"
    OUT_OF_OFFICE = "out_of_office"
    WRONG_PERSON = "wrong_person"
    NOT_NOW = "not_now"
    QUESTION = "question"
    INTERESTED = "interested"
    OTHER = "other"


# Nobody read what these answer.
AUTOMATIC = frozenset({Intent.OUT_OF_OFFICE, Intent.BOUNCE})
DELIVERY_FAILED = re.compile(
    r"\b(delivery (status notification|has failed|to the following recipients? failed)|undeliver(able|ed mail)"
    r"|mail delivery (failed|subsystem)|returned to sender|(address|user|recipient) (not found|unknown)"
    r"|mailbox (is )?(full|unavailable)|unzustellbar|konnte nicht zugestellt werden|no se pudo entregar"
    r"|n'a pas pu etre (remis|delivre)|impossibile consegnare|non recapitabile|kon niet worden (bezorgd|afgeleverd)"
    r"|nao foi possivel entregar)\b",
)
_AWAY = (
    r"\b(out[ -]of[ -](the[ -])?office|auto(matic|mated)?[ -]?(reply|response|matische antwort)|automatische antwort"
    r"|reponse automatique|respuesta automatica|(i am|i'm|am|currently|be) (away|out|on (annual |parental |maternity"
    r"|paternity |sick )?leave|on (vacation|holidays?)|travell?ing)\b.{0,60}\b(until|till|through|back|return)"
    r"|(annual|parental|maternity|paternity|sick) leave|on vacation|ooo until"
    r"|limited access to (my )?(e-?mails?|inbox)|abwesenheits|nicht im (buro|haus)|im urlaub|in elternzeit"
    r"|(suis|serai|est|sera) (actuellement )?(absente?|en (vacances|deplacement))|absente? du bureau|en conges?\b"
    r"|actuellement absente?|fuera de (la |mi )?oficina|de vacaciones|(estare|estoy|me encuentro) (ausente|fuera)"
    r"|(bin|befinde mich) .{0,40}(abwesend|verreist|ausser haus|wieder erreichbar|nicht erreichbar|auf dienstreise)"
    r"|(fuori|assente dall?'?) ?ufficio|(sono|saro) (assente|in ferie|fuori sede)|in ferie\b|risposta automatica"
    r"|(afwezig|niet (op|aanwezig op) kantoor|op vakantie|met verlof)\b|automatisch antwoord"
    r"|(fora do|ausente do) escritorio|(estou|estarei) (ausente|fora|de ferias)|de ferias\b|resposta automatica)"
)
_WRONG_PERSON = (
    r"\b(wrong (person|number|address|e-?mail|contact|guy|man|woman|department)|no longer (with|at|work|employed|in "
    r"charge|responsible)|(has|have|had) left (the|our|this) (company|firm|team|organi[sz]ation)|left the company"
    r"|not the right (person|contact)|(i am|i'm) not (him|her|the (owner|one|person))|who is (this|that) meant for"
    r"|you (have|'ve) (got )?the wrong|(there is )?nobody (here )?(by|of|with) that name|does ?n[o']t work here"
    r"|(please )?(contact|ask|write to|speak to|reach out to) .{1,60} instead|falsche (person|nummer|adresse)"
    r"|nicht (mehr )?zustandig|arbeitet nicht mehr|mauvais(e)? (personne|numero|adresse)|ne travaille plus"
    r"|persona equivocada|numero equivocado|ya no trabaja|no soy la persona|(se ha|te has) equivocado"
    r"|pas la bonne personne|plus (en charge|responsable)|persona sbagliata|numero sbagliato|indirizzo sbagliato"
    r"|non lavora piu|non sono (io )?la persona|non me ne occupo|verkeerde? (persoon|nummer|adres)"
    r"|werkt (hier )?niet meer"
    r"|niet de juiste persoon|ben niet verantwoordelijk|pessoa errada|numero errado|email errado|ja nao trabalha"
    r"|nao trabalha mais|nao sou a pessoa|engano\b.{0,20}\b(numero|pessoa)|sie haben die falsche"
    r"|bin (ich )?der falsche)\b"
)
_NOT_NOW = (
    r"\b(not (right |just )?now|not (at this (time|point|stage)|at the moment|for (now|us|me)|yet|this (year|quarter"
    r"|month|time)|interested|ready|a good time|a priority|looking|in the market)|no(t)? (thanks?|thank you)"
    r"|no,? (thanks?|thank you|merci|danke|gracias)|maybe (later|next|in)|(try|ask|ping|write|contact|call"
    r"|check|circle"
    r"|get|come)( back)?( to)?( me| us)?( in| with| with me in| back in| again in)? ?(again )?(later|next (week|month"
    r"|quarter|year|spring|summer|autumn|fall|winter)|in (a (few|couple)|\d+|two|three|six|january|february"
    r"|march|april"
    r"|may|june|july|august|september|october|november|december|q[1-4]|the (new year|spring|summer|autumn|fall)))"
    r"|i'?m (good|fine|all set|okay) ?(thanks?|thank you|as (it|things)|\W|\Z)|bad time|too busy|too expensive"
    r"|(no|out of|not in (the|our)) budget|(already|we) (have|use|using|went with|signed)"
    r" (a |an |another |someone|with )|passing for now|we'?ll pass|i'?ll pass|(kein|keinen) (interesse|bedarf)"
    r"|(derzeit|momentan|im moment|gerade) nicht|vielleicht spater|pas (interessee?|maintenant|pour (le moment"
    r"|l'instant))|plus tard|ahora no|no (me|nos) interesa|por ahora no|mas adelante|quizas mas tarde|en otro momento"
    r"|non (ora|adesso|al momento|per ora)|piu avanti|magari (piu tardi|in futuro)|non (mi|ci) interessa"
    r"|niet nu|nu niet"
    r"|op dit moment (niet|geen)|later misschien|misschien (later|volgend)|geen (interesse|behoefte)"
    r"|niet geinteresseerd|agora nao|neste momento nao|nao neste momento|mais tarde|talvez (mais tarde|no proximo)"
    r"|(nao tenho|sem) interesse|nachstes (jahr|quartal)|spater (noch ?mal|wieder)|l'annee prochaine|proximo ano)\b"
)
# Plain words of refusal, which count also from somebody who says that they are away.
_REFUSAL = (
    r"\b(not interested|no,? (thanks|thank you)|no need|kein interesse|pas interessee?|no (me|nos) interesa"
    r"|non merci|nein,? danke|non (mi|ci) interessa|no,? grazie|geen interesse|niet geinteresseerd|nee,? (dank"
    r"|bedankt)"
    r"|(nao tenho|sem) interesse|nao,? obrigad[oa]|no,? gracias|no (me|nos) interesa)\b"
)
_INTERESTED = (
    r"\b(yes|yeah|yep|sure|absolutely|definitely|interested|sounds (good|great|interesting|fun|perfect)|tell me more"
    r"|(send|share) (me |us )?(more|the|some|your|a|details|information|over)|let'?s (talk|do|meet|chat|go|set"
    r"|discuss"
    r"|schedule|connect|start)|(would|'d) (love|like) to|happy to (chat|talk|meet|hear|learn)|keen to|looking forward"
    r"|(call|phone|ring) me|give me a (call|ring)|sign me up|count me in|i'?m in\b|book (me|a|it)|(works|good) for me"
    r"|go ahead|please proceed|what are the next steps|gerne|interessiert|klingt (gut|interessant)|ja,? bitte"
    r"|rufen sie mich|oui|volontiers|ca m'interesse|interessee?|s[ii],? (por favor|me interesa|claro)|me interesa"
    r"|llamame|(d'accord|avec plaisir|appelez[- ]moi|contactez[- ]moi)|mi interessa|certo|volentieri|(si"
    r"|si,) (grazie|per"
    r" favore|mi interessa|sono interessat[oa])|sono interessat[oa]|mi (chiami|chiamate)|graag|ja,? (leuk"
    r"|prima|graag|doe maar)"
    r"|(klinkt|lijkt) (goed|interessant|me (goed|leuk|interessant))|bel (me|mij)|stuur (me|mij)|tenho interesse|sim\b"
    r"|(estou|fiquei) interessad[oa]|pode(m)? (ligar|enviar)|com prazer|gostaria de saber mais|ja,? (gerne"
    r"|passt|sehr gern)"
    r"|suena bien|claro que si|mandenme mas)\b"
)
_QUESTION = (
    r"\?|\b(how (much|many|long|does|do|is|would|can)|what (is|are|does|do|would|about|happens)|(price|pricing"
    r"|quote)\b"
    r"|can you (explain|clarify|tell|send|confirm)|could you (explain|clarify|tell|confirm)|wondering (if|whether|how"
    r"|what)|wie (viel|lange|funktioniert)|was kostet|combien|cuanto|quanto|hoeveel|wat kost"
    r"|quel est le|come funziona|como funciona)\b"
)


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and what decided it: the name of a rule."""

    intent: Intent
    rule: str


# In order: the first rule that fits decides, the safest first. Before them all stands who asks to stop.
_RULES: tuple[tuple[Intent, re.Pattern[str]], ...] = tuple(
    (intent, re.compile(pattern))
    for intent, pattern in (
        (Intent.NOT_NOW, _REFUSAL),
        (Intent.OUT_OF_OFFICE, _AWAY),
        (Intent.WRONG_PERSON, _WRONG_PERSON),
        (Intent.NOT_NOW, _NOT_NOW),
        (Intent.INTERESTED, _INTERESTED),
        (Intent.QUESTION, _QUESTION),
    )
)
_SUBJECT_AWAY = re.compile(
    r"\A\W*(automatic reply|auto(matic)?[- ]?(reply|response)|out of (the )?office|abwesenheit|automatische antwort"
    r"|reponse automatique|respuesta automatica|risposta automatica|automatisch antwoord|resposta automatica)"
)


def classify(text: str) -> Intent:
    """Return the label of a reply's own text (quoted history left out)."""
    return label(text).intent


def label(text: str, *, subject: str | None = None, automatic: bool = False) -> Label:
    """Return the label of a reply, and the rule that decided. `automatic` tells that its headers say that no person
    wrote it; such a one is never more than `out_of_office` or `bounce`."""
    own = plain(without_sent_from(own_words(text)))
    if automatic or _SUBJECT_AWAY.search(plain(subject or "")):
        failed = DELIVERY_FAILED.search(f"{plain(subject or '')}\n{own}")
        return Label(Intent.BOUNCE, "delivery report") if failed else Label(Intent.OUT_OF_OFFICE, "automatic answer")
    said = without_signature(own)
    # A command counts wherever it stands; a signature may well speak of unsubscribing from something else.
    if is_command(own) or asks(said):
        return Label(Intent.STOP, "words")
    found = next((intent for intent, rule in _RULES if rule.search(said)), Intent.OTHER)
    return Label(found, "words" if found is not Intent.OTHER else "none")
