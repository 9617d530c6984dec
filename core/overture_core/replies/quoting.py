"""Tells what a person wrote in a reply from what their mail program quoted, and from what we wrote ourselves.

Every mail of ours ends with the word "Unsubscribe": a quotation taken for the person's own words would suppress
somebody who said yes. Every pass is linear in the text (docs/decisions/017 has why no library is).
"""

from __future__ import annotations

import re

from overture_core.messages.content import SMS_OPT_OUT, UNSUBSCRIBE_PATH, VOICE_OPT_OUT

# What stands for a quotation that an HTML part marked as one: it is left out, and what follows it is kept.
MARKED = "\n>\n"
# What stands before a quotation that goes on to the end of the mail.
REST_IS_QUOTED = "\n-----Original Message-----\n"
_MOST_LINES = 4  # a heading such as "On ... wrote:" is wrapped over no more

_HEADING = re.compile(
    r"(?:on|am|vom|le|el|il|op|em|a|den) .{3,400}?\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev"
    r"|het volgende geschreven)\b.{0,200}?:"
    r"|\d{4}[-/]\d{1,2}[-/]\d{1,2}\b.{3,200}<[^<>\s]+@[^<>\s]+>:?",
    re.IGNORECASE,
)
_MAYBE_HEADING = re.compile(r"(?:on|am|vom|le|el|il|op|em|a|den|\d{4}[-/]\d{1,2}[-/]\d{1,2})\b", re.IGNORECASE)
_SEPARATOR = re.compile(
    r"(?:-{2,} ?(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht"
    r"|message d['\u2019]origine|message transféré|mensaje original|mensaje reenviado|messaggio originale"
    r"|messaggio inoltrato|oorspronkelijk bericht|doorgestuurd bericht|mensagem original|mensagem encaminhada) ?-{2,}"
    r"|begin forwarded message:)",
    re.IGNORECASE,
)
# Outlook begins a quotation with the headers of the mail, in the language of who uses it.
_FROM = re.compile(r"[*_\s]*(?:from|von|de|da|van)[*_]*\s?:", re.IGNORECASE)
_HEADER = re.compile(
    r"[*_\s]*(?:sent|date|to|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|enviado el|enviada em|enviada"
    r"|fecha|para|asunto|inviato|data|a|oggetto|verzonden|aan|onderwerp|assunto|cc)[*_]*\s?:",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-_*=\s]*")
_URL = r"[<(\[]?\s*https?://"
_OURS = re.compile(
    rf"\W*unsubscribe(?::\s*|\W*[<(\[]\s*){_URL}|.*{re.escape(UNSUBSCRIBE_PATH)}",
    re.IGNORECASE,
)
_NAMES_LINK = re.compile(r"\W*unsubscribe:\W*", re.IGNORECASE)
_BEGINS_LINK = re.compile(_URL)
_SPOKEN = re.compile(
    "|".join(r"\s+".join(map(re.escape, said.split())) for said in (SMS_OPT_OUT, VOICE_OPT_OUT)), re.IGNORECASE
)
# How a telephone tells by SMS that somebody pressed a button under our message, whose text is then theirs no more.
_REACTION = re.compile(r"\s*(\w+(?: \w+){0,3}) ?[“\"«„].{3,}[”\"»“]\s*", re.DOTALL)
_REACTED = frozenset({"liked", "loved", "disliked", "laughed at", "emphasized", "emphasised", "questioned"})

_SIGNATURE = re.compile(r"^--[ \t]*$", re.MULTILINE)
_SENT_FROM = re.compile(
    r"^\W*(?:sent (?:from|with|via) (?!me\b)|get outlook for|von meinem \w+ gesendet|gesendet (?:von|mit|über)"
    r"|envoyé (?:depuis|de mon|à partir de)|téléchargez outlook|obtenez outlook|enviado (?:desde|do|a partir|de mi)"
    r"|obtener outlook|obter o outlook|inviato da|scarica outlook|ottieni outlook|verzonden (?:vanaf|met|via)"
    r"|outlook voor)\b.{0,80}$",
    re.IGNORECASE | re.MULTILINE,
)


def own_words(text: str) -> str:
    """Return a reply without the mail that it quotes and without the lines that Overture writes under its own.

    A quotation that is marked line by line (`>`) is left out, and what stands under it is kept; of one that is not
    marked nobody can tell the end, so that all that follows its heading is left out.
    """
    lines = _without_ours([line.rstrip() for line in text.splitlines()])
    kept: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        length = _heading(lines, at)
        if length and not _marked_below(lines, at + length):
            break
        if not length and not line.startswith(">"):
            kept.append(lines[at])
        at += length or 1
    while kept and _RULE.fullmatch(kept[-1]):
        kept.pop()
    return _without_opt_out("\n".join(kept)).strip()


def without_signature(own: str) -> str:
    """Return one's own words without the signature that follows `-- ` (RFC 3676, section 4.3)."""
    return _SIGNATURE.split(own, maxsplit=1)[0]


def without_sent_from(own: str) -> str:
    """Return one's own words without what a telephone writes under them."""
    return _SENT_FROM.sub("", own)


def _without_opt_out(own: str) -> str:
    reaction = _REACTION.fullmatch(own)
    if reaction is not None and reaction[1].lower() in _REACTED:
        return reaction[1]
    return _SPOKEN.sub("", own)


def _without_ours(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if _BEGINS_LINK.match(line.lstrip("> ")) and kept and _NAMES_LINK.fullmatch(kept[-1]):
            kept.pop()  # a long link is wrapped away from what names it
        elif not _OURS.match(line):
            kept.append(line)
    return kept


def _heading(lines: list[str], at: int) -> int:
    """Return how many lines the heading of a quotation takes here, 0 for none."""
    line = lines[at].strip()
    if _SEPARATOR.fullmatch(line):
        return 1
    if _FROM.match(line):
        below = [each for each in lines[at + 1 : at + 9] if each.strip()][:5]
        return 1 if sum(_HEADER.match(each) is not None for each in below) >= 2 else 0
    if _MAYBE_HEADING.match(line):
        joined = ""
        for length in range(1, _MOST_LINES + 1):
            following = lines[at + length - 1 : at + length]
            if not following or not following[0].strip() or len(joined) > 600:
                break
            joined = f"{joined} {following[0].strip()}".strip()
            if _HEADING.fullmatch(joined):
                return length
    return 0


def _marked_below(lines: list[str], at: int) -> bool:
    return next((line.strip() for line in lines[at:] if line.strip()), "").startswith(">")
