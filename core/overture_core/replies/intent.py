"""What a reply wants, by rules. The text is from outside: it only ever gets a label."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


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
    r"|n'a pas pu être (remis|délivré))\b",
    re.IGNORECASE,
)
_AWAY = (
    r"\b(out[ -]of[ -](the[ -])?office|auto(matic|mated)?[ -]?(reply|response|matische antwort)|automatische antwort"
    r"|réponse automatique|respuesta automática|(i am|i'm|am|currently|be) (away|out|on (annual |parental |maternity"
    r"|paternity |sick )?leave|on (vacation|holidays?)|travell?ing)\b.{0,60}\b(until|till|through|back|return)"
    r"|(annual|parental|maternity|paternity|sick) leave|on vacation|ooo until"
    r"|limited access to (my )?(e-?mails?|inbox)|abwesenheits|nicht im (büro|haus)|im urlaub|in elternzeit"
    r"|absente? du bureau|en congés?|actuellement absente?|fuera de (la )?oficina|de vacaciones|estaré ausente)"
)
_STOP = (
    r"\A\W*(please )?(stop|unsubscribe|end|quit|stopall|revoke|opt ?out|cancel|remove|arr[êe]t(er|ez)?|stopp|baja)"
    r"( now| it| please)?\W*\Z"
    r"|\b(unsubscribe|opt[ -]?(me )?out|(remove|delete|take|drop) (me|us|my (name|e-?mail|address|number|details))"
    r"( off| out| from)?\b|(stop|quit|cease) (e-?mail|text|contact|writ|messag|send|call|spam|bother|harass)"
    r"|stop (it|this|that)\b|(don'?t|do not|never) (ever )?(e-?mail|text|contact|write|message|send|call|bother)"
    r"|no (more|further) (e-?mails?|messages?|texts?|mails?|contact)|leave me alone|lose my (number|address)"
    r"|i (never|did ?n[o']t) (signed? up|subscribed?|ask(ed)? for this)|report(ing)? (this|you) (as|for) spam"
    r"|(this is|it'?s) spam|under (the )?gdpr|erase my (data|details)|delete my (data|details|information)"
    r"|abmelden|austragen|abbestellen|keine (weiteren |mehr )?(e-?mails?|nachrichten|sms)|nicht mehr (anschreiben"
    r"|kontaktieren)|l[öo]schen sie (mich|meine)|désabonner|désinscri|ne (me|plus) (contactez|envoyez|m'écrivez)"
    r"|ne m'(écrivez|envoyez) plus|(darme|darse|dame) de baja|no me (escrib|contact|envi|mand)|no (más|mas) (correos"
    r"|mensajes))"
)
_WRONG_PERSON = (
    r"\b(wrong (person|number|address|e-?mail|contact|guy|man|woman|department)|no longer (with|at|work|employed|in "
    r"charge|responsible)|(has|have|had) left (the|our|this) (company|firm|team|organi[sz]ation)|left the company"
    r"|not the right (person|contact)|(i am|i'm) not (him|her|the (owner|one|person))|who is (this|that) meant for"
    r"|you (have|'ve) (got )?the wrong|(there is )?nobody (here )?(by|of|with) that name|does ?n[o']t work here"
    r"|(please )?(contact|ask|write to|speak to|reach out to) .{1,60} instead|falsche (person|nummer|adresse)"
    r"|nicht (mehr )?zuständig|arbeitet nicht mehr|mauvais(e)? (personne|numéro|adresse)|ne travaille plus"
    r"|persona equivocada|número equivocado|ya no trabaja)\b"
)
_NOT_NOW = (
    r"\b(not (right |just )?now|not (at this (time|point|stage)|at the moment|for (now|us|me)|yet|this (year|quarter"
    r"|month|time)|interested|ready|a good time|a priority|looking|in the market)|no(t)? (thanks?|thank you)"
    r"|no,? (thanks?|thank you|merci|danke|gracias)|maybe (later|next|in)|(try|ask|ping|write|contact|call|check|circle"
    r"|get|come)( back)?( to)?( me| us)?( in| with| with me in| back in| again in)? ?(again )?(later|next (week|month"
    r"|quarter|year|spring|summer|autumn|fall|winter)|in (a (few|couple)|\d+|two|three|six|january|february|march|april"
    r"|may|june|july|august|september|october|november|december|q[1-4]|the (new year|spring|summer|autumn|fall)))"
    r"|i'?m (good|fine|all set|okay) ?(thanks?|thank you|as (it|things)|\W|\Z)|bad time|too busy|too expensive"
    r"|(no|out of|not in (the|our)) budget|(already|we) (have|use|using|went with|signed)"
    r" (a |an |another |someone|with )|passing for now|we'?ll pass|i'?ll pass|(kein|keinen) (interesse|bedarf)"
    r"|(derzeit|momentan|im moment|gerade) nicht|vielleicht später|pas (intéressée?|maintenant|pour (le moment"
    r"|l'instant))|plus tard|ahora no|no (me|nos) interesa|por ahora no|más adelante|quizás más tarde)\b"
)
# Plain words of refusal, which count also from somebody who says that they are away.
_REFUSAL = (
    r"\b(not interested|no,? (thanks|thank you)|no need|kein interesse|pas intéressée?|no (me|nos) interesa"
    r"|non merci|nein,? danke)\b"
)
_INTERESTED = (
    r"\b(yes|yeah|yep|sure|absolutely|definitely|interested|sounds (good|great|interesting|fun|perfect)|tell me more"
    r"|(send|share) (me |us )?(more|the|some|your|a|details|information|over)|let'?s (talk|do|meet|chat|go|set|discuss"
    r"|schedule|connect|start)|(would|'d) (love|like) to|happy to (chat|talk|meet|hear|learn)|keen to|looking forward"
    r"|(call|phone|ring) me|give me a (call|ring)|sign me up|count me in|i'?m in\b|book (me|a|it)|(works|good) for me"
    r"|go ahead|please proceed|what are the next steps|gerne|interessiert|klingt (gut|interessant)|ja,? bitte"
    r"|rufen sie mich|oui|volontiers|ça m'intéresse|intéressée?|s[íi],? (por favor|me interesa|claro)|me interesa"
    r"|llámame)\b"
)
_QUESTION = (
    r"\?|\b(how (much|many|long|does|do|is|would|can)|what (is|are|does|do|would|about|happens)|(price|pricing|quote)\b"
    r"|can you (explain|clarify|tell|send|confirm)|could you (explain|clarify|tell|confirm)|wondering (if|whether|how"
    r"|what)|wie (viel|lange|funktioniert)|was kostet|combien|cu[áa]nto)\b"
)


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and what decided it: the name of a rule."""

    intent: Intent
    rule: str


# In order: the first rule that fits decides, the safest first.
_RULES: tuple[tuple[Intent, re.Pattern[str]], ...] = tuple(
    (intent, re.compile(pattern, re.IGNORECASE))
    for intent, pattern in (
        (Intent.STOP, _STOP),
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
    r"|réponse automatique|respuesta automática)",
    re.IGNORECASE,
)


def classify(text: str) -> Intent:
    """Return the label of a reply's own text (quoted history left out)."""
    return label(text).intent


def label(text: str, *, subject: str | None = None, automatic: bool = False) -> Label:
    """Return the label of a reply, and the rule that decided. `automatic` tells that its headers say that no person
    wrote it; such a one is never more than `out_of_office` or `bounce`."""
    own = strip_quotes(text)
    if automatic or _SUBJECT_AWAY.search(subject or ""):
        failed = DELIVERY_FAILED.search(f"{subject or ''}\n{own}")
        return Label(Intent.BOUNCE, "delivery report") if failed else Label(Intent.OUT_OF_OFFICE, "automatic answer")
    found = next((intent for intent, rule in _RULES if rule.search(own)), Intent.OTHER)
    return Label(found, "words" if found is not Intent.OTHER else "none")


def strip_quotes(text: str) -> str:
    """Return a reply without the quoted message below it."""
    kept: list[str] = []
    for line in text.splitlines():
        if re.match(r"\s*(On .{1,200} wrote:|-{2,}\s*Original Message|Am .{1,200} schrieb)", line, re.IGNORECASE):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    return "\n".join(kept).strip()
