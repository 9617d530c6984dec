"""What a cell says of consent.

A no counts however it is written, and a yes only if it is plain. Whole sentences that ask not to be written to are
read by the rules for replies (replies/stopping.py).
"""

# ruff: noqa: RUF001 (a minus looks like a hyphen)
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from overture_core.leads.answer_words import (
    ACTIVE,
    AGREED,
    ANSWERS,
    ASKED,
    ASKED_OR_MARKETING,
    BARRED,
    BLANK,
    CALLS,
    CHANNELS,
    DEAD,
    DO_NOT,
    ELSEWHERE,
    INACTIVE,
    LAPSED,
    NEVER,
    NEWSLETTERS,
    NO,
    NO_CONTACT,
    NOT_REFUSING,
    OFF,
    ON,
    PLAIN,
    POLITE,
    REFUSED,
    STOPPED,
    UNKNOWN,
    UNREACHED,
    WHOLE,
    YES,
    answer_key,
)
from overture_core.leads.consent_words import EVERY
from overture_core.messages.channels import Channel
from overture_core.replies import stopping
from overture_core.text import MAX_FIELD

_REMEMBERED = 80  # characters of a cell whose reading is kept: few texts fill a column, and long ones are sentences
# "-sms" in "email, -sms"; a minus with a blank after it begins a point of a list.
_MINUS = re.compile(r"(?:^|(?<=[\s,;|]))[-−!](?=[^\W\d])")
_NUMBER = re.compile(r"([01])[.,]0+")  # as programs write a column of 0 and 1 that has gaps
_ZEROES = re.compile(r"[0\W]*0[0\W]*|(?:0001|1900|1970)-01-01.*|0?1[./]0?1[./](?:1900|1970).*")  # 0.00, and no date
_ADDRESS = re.compile(r"\S+@\S+")  # which has letters that would be words
_LABEL = 60  # characters, and at most so many words
_LABEL_WORDS = 5
_JOINED = re.compile(r"(?<=[a-z])(?=[A-Z])|(?:(?<=\bemail)|(?<=\bsms))(?=opt|unsub)")  # EmailOptOut
_WORD = re.compile(r"[^\W\d_]")
_ITEMS = re.compile(r"[;,|+/\n]| (?:but|aber|mais|pero|ma|maar) ", re.IGNORECASE)
_PARTS = re.compile(r"[.!()\[\]]| [-–—] ")
_EXCEPT = re.compile(
    r"\b(?:all|any|anything|everything|alle|alles|tout|tous|todo|todos|tutto|tutti) "
    r"(?:but|except(?: for)?|außer|ausser|sauf|excepto|salvo|menos|tranne|meno|behalve)\b",
    re.IGNORECASE,
)


class Said(NamedTuple):
    """Which channels a cell grants and which it refuses, both perhaps, and whether some of it was not understood."""

    granted: frozenset[Channel] = frozenset()
    refused: frozenset[Channel] = frozenset()
    unclear: bool = False


NOTHING = Said()


def answer(text: str, *, yes: frozenset[Channel], no: frozenset[Channel]) -> Said:
    """Return what a cell of a column of consents says; `yes` and `no` are the channels of an answer that names none.

    Parts stand apart by signs.
    """
    read = _answer if len(text) <= _REMEMBERED else _answer.__wrapped__
    return read(_NUMBER.sub(r"\1", text) if _NUMBER.fullmatch(text.strip()) else text[:MAX_FIELD], yes, no)


@lru_cache(maxsize=2_000)
def _answer(text: str, yes: frozenset[Channel], no: frozenset[Channel]) -> Said:
    if text.strip().lower() in BLANK:
        return NOTHING
    told = _ITEMS.split(_ADDRESS.sub(" address ", _EXCEPT.sub(" no ", _MINUS.sub(" no ", text))))
    # Beside an answer of ours, a no to letters is none: "email: yes; post: no".
    items = [item for item in told if not _refuses_elsewhere(item)] or told
    found = all_said(_of_item(item, yes, no, is_alone=len(items) == 1) for item in items)
    if found.unclear and not found.refused and _asks(text):
        return Said(refused=no)  # what no part of it says, the whole of it may: a sentence has commas
    if found.refused >= no:
        # "no, thanks" is a no, and "no, sms" agrees to nothing.
        return Said(found.granted & found.refused, found.refused)
    if found.unclear:
        # A yes beside what nobody understood is none (yes, until May); a channel named by itself is (email, post).
        found = all_said(_of_item(item, frozenset(), no) for item in items)
    if any(map(_spills, items)):
        # "email, sms (withdrawn)" may be about both.
        bare = frozenset().union(*(channels_in(item) for item in items if _is_bare(item)))
        found = found._replace(
            granted=found.granted - bare, unclear=found.unclear or not bare.isdisjoint(found.granted)
        )
    if no == EVERY or found.granted <= yes:
        return found
    return found._replace(granted=found.granted & yes, unclear=True)  # a column of e-mail agrees to no SMS


def _of_item(item: str, yes: frozenset[Channel], no: frozenset[Channel], *, is_alone: bool = False) -> Said:
    """Return what an answer says with its remarks: "yes (expired)" grants nothing, "yes (2024-05-01)" does, and
    "sms (no)" refuses that channel; so does "no (sms)" where it does not stand alone."""
    first, *remarks = _PARTS.split(item)
    if _WORD.search(first):
        remarks = [each for each in remarks if _WORD.search(each)]
    if channels_in(item):
        yes = frozenset()  # of what is named alone: "sms (yes)"
    about = refused_by(first)
    if not about and not is_alone and all(_is_bare(each) for each in remarks):
        about = refused_by(item)
    begun = _of_part(first, yes, no if is_alone else about or no)
    said = all_said([begun, *(_of_part(part, yes, about or no) for part in remarks)])
    return Said(frozenset() if said.unclear else said.granted - said.refused, said.refused, said.unclear)


def is_elsewhere_alone(text: str) -> bool:
    """Say whether a text names what is no channel of ours, and nothing else."""
    return answer_key(text).replace(" ", "") in ELSEWHERE


def channels_alone(text: str) -> frozenset[Channel]:
    """Return the channels that a refusal is about which names them and nothing else, as a column of who is off what
    has them."""
    return refused_by(text) if all(map(_is_bare, _ITEMS.split(text))) else frozenset()


def _is_bare(text: str) -> bool:
    """Say whether a text names channels and nothing else."""
    words = answer_key(text).split()
    return bool(words) and CHANNELS.keys() >= set(words)


def _spills(item: str) -> bool:
    """Say whether an answer ends with what may be about those before it too: a refusal in a remark, or an end."""
    words = answer_key(item).split()
    if _begins(words, LAPSED):
        return True
    remarks = _PARTS.split(item)[1:]
    return not NO.issuperset(answer_key(" ".join(remarks)).split()) and any(
        _begins(answer_key(each).split(), OFF + REFUSED) or each.strip().startswith("both") for each in remarks
    )


def _refuses_elsewhere(item: str) -> bool:
    """Say whether an answer is a no to what is no channel of ours, such as letters; E-Post is one."""
    words = answer_key(item).split()
    rest = [word for word in words if word not in NO]
    return len(rest) < len(words) and "".join(rest) in ELSEWHERE


def _of_part(part: str, yes: frozenset[Channel], no: frozenset[Channel]) -> Said:
    words = answer_key(part).split()
    named = frozenset(_channels(words))
    rest = [word for word in words if word not in CHANNELS and word not in POLITE]
    if not rest and not named:
        return NOTHING
    if not rest or "".join(rest) in YES:
        return Said(granted=named or yes)
    if "".join(words) in NEVER:
        return NOTHING
    is_no, is_off = not NO.isdisjoint(rest), _begins(words, OFF + REFUSED)
    if is_no == is_off:
        # "not unsubscribed" says no more than what no word is known of.
        return Said(refused=no) if not is_no and _asks(part) else Said(unclear=True)
    if is_no and not UNKNOWN.isdisjoint(rest):
        return Said(unclear=True)
    return Said(refused=_named_no(words) or no)


def is_refusal(text: str, *, is_status: bool = False) -> bool:
    """Say whether a cell of a column of refusals refuses: whatever is no no and no yes to being written to does, as a
    date does, or a reason. "Active" does unless the column is a status, which is of somebody and not of the refusal."""
    words = answer_key(text).split()
    key = "".join(words)
    if text.strip().lower() in BLANK or key in NO or key in NOT_REFUSING or _ZEROES.fullmatch(text):
        return False
    # "not opted out" is none.
    return key not in (ACTIVE if is_status else INACTIVE) and (NO.isdisjoint(words) or not _begins(words, OFF))


def is_plain_refusal(text: str) -> bool:
    """Say whether a cell that may be of a column of refusals says so by a word: yes, or that they are off."""
    key = answer_key(_NUMBER.sub(r"\1", text)).replace(" ", "")
    return key in PLAIN or is_off(text)


def is_denied(text: str) -> bool:
    """Say whether the status of a channel says that it was refused, or leads nowhere."""
    words = answer_key(text[:_REMEMBERED]).split()
    return NO.isdisjoint(words) and "soft" not in words and _begins(words, REFUSED + DEAD)


def is_barred(text: str) -> bool:
    """Say whether the status of somebody says that they are not to be written to, or that their address is dead."""
    return _is_barred(text[:_REMEMBERED])


@lru_cache(maxsize=2_000)
def _is_barred(text: str) -> bool:
    key = answer_key(text).replace(" ", "")
    return key in BARRED or key in UNREACHED


def is_blank(text: str) -> bool:
    """Say whether a text says that there is nothing: n/a, unknown."""
    return text.lower() in BLANK


@lru_cache(maxsize=2_000)
def is_agreed(text: str) -> bool:
    """Say whether a yes is one that names what was agreed to, as a list of subscribers alone has it throughout."""
    return answer_key(text).replace(" ", "") in AGREED


def is_yes_or_no(text: str) -> bool:
    """Say whether a text is a yes or a no, and no more."""
    return len(text) <= _LABEL and _is_yes_or_no(text)


@lru_cache(maxsize=2_000)
def _is_yes_or_no(text: str) -> bool:
    return answer_key(_NUMBER.sub(r"\1", text)).replace(" ", "") in ANSWERS


def is_off(text: str) -> bool:
    """Say whether a status says that somebody is off a list or asks to be; what it says is in its beginning."""
    return _is_off(text[:_REMEMBERED])


@lru_cache(maxsize=2_000)
def _is_off(text: str) -> bool:
    words = answer_key(text).split()
    if "".join(words) in NEVER:
        return False
    if _is_do_not(words) or _begins(words, OFF if NO.isdisjoint(words) else ON):
        return True
    plain = stopping.plain(text.replace("_", " "))
    return stopping.commands(plain) or stopping.asks(plain)


def channels_in(text: str) -> frozenset[Channel]:
    """Return the channels that a text names."""
    return frozenset(_channels(answer_key(text).split()))


def refused_by(text: str) -> frozenset[Channel]:
    """Return the channels that a no to what a text names is about."""
    return _named_no(answer_key(text).split())


def tells_of_being_off(name: str) -> bool:
    """Say whether the name of a value says that somebody is off, if the value is a yes: revoked, email_opt_out."""
    words = answer_key(name).split()
    return NO.isdisjoint(words) and _begins(words, OFF + REFUSED)


def named_in(text: str) -> frozenset[Channel]:
    """Return the channels that a refusal names, or a label such as No Newsletter and Bounced is about."""
    words = _label_words(text)
    is_mailed = "".join(words) in UNREACHED or not NEWSLETTERS.isdisjoint(words)
    return _named_no(words) or (frozenset({Channel.EMAIL}) if is_mailed else frozenset())


def _named_no(words: list[str]) -> frozenset[Channel]:
    named = frozenset(_channels(words))
    return named | {Channel.SMS} if CALLS & set(words) else named  # a text is a call too (47 CFR 64.1200)


def is_label_of_off(text: str) -> bool:
    """Say whether a text is a label, such as a tag or a stage, that says that somebody is off a list and no more."""
    return len(text) <= _LABEL and not text[:1].isdigit() and _is_label_of_off(text)


@lru_cache(maxsize=2_000)
def _is_label_of_off(text: str) -> bool:
    words = _label_words(text)
    if not 0 < len(words) <= _LABEL_WORDS:
        return False
    rest = [word for word in words if word not in CHANNELS]
    if (
        "".join(words) in WHOLE | NO_CONTACT
        or _is_do_not(words)
        or (NO.isdisjoint(rest) and "".join(rest).startswith(OFF))
    ):
        return True
    first, last = words[0], words[-1]
    if last in NO:
        return "".join(words[:-1]) in ASKED_OR_MARKETING
    if first == "stop" or last == "stop":
        return len(words) > 1 and STOPPED.issuperset(word for word in words if word != "stop")
    return ("".join(words[:-1]) in ASKED and last.startswith(REFUSED)) or (
        "".join(words[1:]) in ASKED and first.startswith(REFUSED)
    )


def is_no_contact(text: str) -> bool:
    """Say whether a label is No Contact, which says either that somebody wants none, or that there was none."""
    return "".join(_label_words(text)) in NO_CONTACT


def _label_words(text: str) -> list[str]:
    return answer_key(_JOINED.sub(" ", text)).split()


def _is_do_not(words: list[str]) -> bool:
    return "".join(words).startswith(DO_NOT)


def _begins(words: list[str], beginnings: tuple[str, ...]) -> bool:
    return any("".join(words[start:]).startswith(beginnings) for start in range(len(words)))


def _asks(text: str) -> bool:
    plain = stopping.plain(text.replace("_", " "))
    return stopping.is_command(plain) or stopping.asks(plain)


def _channels(words: Iterable[str]) -> Iterator[Channel]:
    return (CHANNELS[word] for word in words if word in CHANNELS)


def all_said(parts: Iterable[Said]) -> Said:
    """Return what several say together."""
    said = list(parts)
    return Said(
        frozenset().union(*(each.granted for each in said)),
        frozenset().union(*(each.refused for each in said)),
        any(each.unclear for each in said),
    )
