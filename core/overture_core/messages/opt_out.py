"""Whether a text tells its recipient how to opt out, in seven languages. In doubt it does not: the line is added."""

from __future__ import annotations

import re

_SAY = (
    r"reply|replying|respond|text|txt|send|answer|type|antworte\w*|antwort|sende\w*|schreib\w*|schicke\w*|repond\w*"
    r"|répond\w*"
    r"|envoye\w*|respond[ae]\w*|envi[ae]\w*|enví[ae]\w*|contest[ae]\w*|rispond\w*|invi\w*|scriv\w*|antwoord\w*|stuur"
    r"|sms"
    r"|beantwoord\w*|envi\w*"
)
_WORD = r"[\"'“„«(]? ?stop ?[\"'”“»)]?"
_END = (
    r"opt(?:ing)?[ -]?out|end|unsubscribe|unsub|cancel|quit|stop(?: (?:these|our|all|getting|receiving|messages"
    r"|texts|sms))"
    r"|(?:sich )?ab(?:zu)?melde\w*|abbestell\w*|austrag\w*|abmeldung|(?:vous |se |me )?d[ée]sabonn\w*"
    r"|(?:vous )?d[ée]sinscri\w*"
    r"|ne plus recevoir|dar(?:se|te|le)? de baja|(?:la )?baja|cancelar\w*|no recibir|cancellar\w*|disiscriver\w*"
    r"|non ricevere|(?:je )?af ?te ?melden|afmelden|uitschrijven|(?:je )?uit te schrijven|sair|descadastr\w*"
    r"|deixar de receber"
)
_TO = r"to|zum|um|pour|para|per|om(?: je)?|voor|=|:|-|2|au \d{3,6}"
_TELLS = re.compile(
    rf"(?<!\w)(?<!not )(?<!n't )(?:{_SAY}) "
    r"(?:us |sie |bitte |simply )?(?:with |back |mit |avec |con |com |met |par )?(?:the word )?"
    rf"{_WORD}(?!\w)"
    rf"|(?<!\w){_WORD} ?(?:{_TO}) ?(?:{_END})(?!\w)"
    rf"|(?<!\w)stop au \d{{3,6}}(?!\w)"
    rf"|(?<!\w)(?:{_END})\W{{1,3}}(?:mit |con |avec |{_SAY})? ?{_WORD}(?!\w)",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"(?<!\w)(?:press|push|dial|drück\w*|taste|wähl\w*|appuye\w*|tape\w*|touche|puls[ae]\w*|marque|tecla"
    r"|prem\w*|digit\w*"
    r"|tasto|druk|toets|pressione|marque|aperte)\W.{0,25}?(?<!\w)(?:9|nine|neun|neuf|nueve|nove|negen)(?!\w)",
    re.IGNORECASE,
)


def tells_opt_out(text: str) -> bool:
    """Say whether a text tells how to opt out by the word STOP: "Reply STOP", "STOP to opt out", "Abmelden: STOP"."""
    return _TELLS.search(text) is not None


def tells_key(text: str) -> bool:
    """Say whether a spoken text tells which key ends calls (9, as `content.OPT_OUT_KEY`)."""
    return _KEY.search(text) is not None
