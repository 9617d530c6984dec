"""What a reply wants, by rules. The text is from outside: it only ever gets a label."""

from __future__ import annotations

import re
from enum import StrEnum


class Intent(StrEnum):
    """The label of a reply."""

    STOP = "stop"
    OUT_OF_OFFICE = "out_of_office"
    WRONG_PERSON = "wrong_person"
    NOT_NOW = "not_now"
    QUESTION = "question"
    INTERESTED = "interested"
    OTHER = "other"


# In order: the first rule that fits decides, the safest first.
_RULES: tuple[tuple[Intent, re.Pattern[str]], ...] = tuple(
    (intent, re.compile(pattern, re.IGNORECASE))
    for intent, pattern in (
        (
            Intent.OUT_OF_OFFICE,
            r"\b(out of (the )?office|auto(matic)?[ -]?reply|on (annual |parental )?leave|on vacation"
            r"|abwesenheit|nicht im büro|absence du bureau|fuera de la oficina)\b",
        ),
        (
            Intent.STOP,
            r"\A\W*(stop|unsubscribe|end|quit|stopall|revoke|optout|cancel)\W*\Z"
            r"|\b(unsubscribe|opt[ -]?out|remove me|take me off|(stop|don'?t|do not) (e-?mail|text|contact|writ|messag)"
            r"|abmelden|austragen|désabonner|désinscrire|darme de baja)",
        ),
        (Intent.WRONG_PERSON, r"\b(wrong (person|number|address)|no longer (with|at|work)|left the company)\b"),
        (
            Intent.NOT_NOW,
            r"\b(not (right )?now|not interested|no,? thanks?|no thank you|maybe later|next (quarter|year|month)"
            r"|bad time|too busy|kein interesse|pas intéressée?)\b",
        ),
        (
            Intent.INTERESTED,
            r"\b(yes|interested|sounds (good|great|interesting)|tell me more|let'?s (talk|do|meet|chat)"
            r"|book|call me|sign me up|count me in|gerne|interessiert)\b",
        ),
        (Intent.QUESTION, r"\?|\b(how much|what does|price|pricing|cost)\b"),
    )
)


def classify(text: str) -> Intent:
    """Return the label of a reply's own text (quoted history left out)."""
    own = strip_quotes(text)
    return next((intent for intent, rule in _RULES if rule.search(own)), Intent.OTHER)


def strip_quotes(text: str) -> str:
    """Return a reply without the quoted message below it."""
    kept: list[str] = []
    for line in text.splitlines():
        if re.match(r"\s*(On .{1,200} wrote:|-{2,}\s*Original Message|Am .{1,200} schrieb)", line, re.IGNORECASE):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    return "\n".join(kept).strip()
