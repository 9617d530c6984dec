"""Suppressions: addresses, domains and people that are never contacted again.

A domain stands for every e-mail address in it and below it, a person (by lead id) for every channel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import exists, select
from sqlalchemy.dialects import postgresql, sqlite

from overture_core import secrets
from overture_core.audit import service as audit
from overture_core.errors import InvalidInput
from overture_core.ids import is_id, new_id, no_cursor
from overture_core.leads.finding import no_such_lead
from overture_core.leads.normalise import e164, email_key, known_email, mailbox, valid_email
from overture_core.leads.rows import linkedin_page
from overture_core.storage.among import among, present
from overture_core.storage.schema import ErasedAddress, Lead, Suppression
from overture_core.storage.store import Work
from overture_core.text import clean, quoted, without_controls

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

ERASED = "erased"  # what digests of erased addresses are signed for
BY_HAND = frozenset({"manual", "bounce", "bounced"})  # all other reasons count as the lead's own wish
Kind = Literal["email", "phone", "domain", "person"]
EVERYBODY_AT = "*@"
"""Before a domain in place of an address: everybody there."""
_CHANNEL_BEFORE = re.compile(r"\s*(?:whatsapp|sms):", re.IGNORECASE)  # as Twilio writes a number
_BEFORE_HOST = re.compile(r"https?://", re.IGNORECASE)
_LEAD = re.compile(r"lead_[0-9A-Za-z_-]{1,35}")


class SuppressionView(BaseModel):
    """A suppression as shown to callers."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: Kind
    value: str
    reason: str
    origin: str
    created_at: datetime


class SuppressionPage(BaseModel):
    """Some suppressions, and the cursor to the next ones."""

    suppressions: list[SuppressionView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address to suppress, as it was given, with why and who said so."""

    kind: Kind
    value: str
    reason: str
    origin: str


def add(work: Work, kind: Kind, value: str, reason: str, origin: str) -> Suppression:
    """Suppress an address; a second time changes nothing.

    Raises:
        InvalidInput: it is no value of this kind in the form in which leads have it.
        NotFound: it is the id of no lead.
    """
    wanted = suppressible(kind, value)
    if kind == "person" and strangers(work, [wanted]):
        raise no_such_lead(wanted)
    (key,) = add_all(work, [Wanted(kind, wanted, reason, origin)])
    found = select(Suppression).where(
        Suppression.workspace_id == work.workspace, Suppression.kind == kind, Suppression.value == key
    )
    return work.session.scalars(found).one()


def add_all(work: Work, wanted: Sequence[Wanted]) -> list[str]:
    """Suppress many addresses; returns their normalised values. The first reason of an address stays, unless it was
    added by hand or for a bounce and is asked for now; the newest time at which it was asked for counts.

    Raises:
        InvalidInput: a value is no e-mail address or phone number; none of them is suppressed.
    """
    keys = [normalised(each.kind, each.value) for each in wanted]
    first: dict[tuple[Kind, str], Wanted] = {}
    for key, each in zip(keys, wanted, strict=True):
        first.setdefault((each.kind, key), each)
    rows = [
        {
            "id": new_id("sup"),
            "workspace_id": work.workspace,
            "kind": kind,
            "value": key,
            "mailbox": mailbox(key) if kind == "email" else None,
            "reason": clean(each.reason, limit=40),
            "origin": clean(each.origin, limit=200),
            "created_at": work.now(),
        }
        # Two transactions that add the same addresses take them in the same order: neither waits for ever.
        for (kind, key), each in sorted(first.items(), key=lambda item: item[0])
    ]
    if rows:
        connection = work.session.connection()
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        added = insert(Suppression).on_conflict_do_nothing().returning(Suppression.kind, Suppression.value)
        given = {(str(kind), key): each for (kind, key), each in first.items()}
        fresh = connection.execute(added, rows).all()
        _ask_again(work, {at: each for at, each in given.items() if at not in {tuple(row) for row in fresh}})
        for kind, key in fresh:
            each = given[kind, key]
            subject = key if kind == "person" else audit.pseudonym(work, kind, key)
            audit.record(work, "address.suppressed", subject, reason=each.reason, origin=each.origin)
    return keys


def _ask_again(work: Work, wanted: Mapping[tuple[str, str], Wanted]) -> None:
    """Note that what is suppressed already is asked for: from now on only a newer consent lifts it (lifting.py)."""
    wishes = {at: each for at, each in wanted.items() if each.reason not in BY_HAND}
    if not wishes:
        return
    there = select(Suppression).where(
        Suppression.workspace_id == work.workspace, among(Suppression.value, sorted({value for _, value in wishes}))
    )
    for row in work.session.scalars(there.order_by(Suppression.kind, Suppression.value).with_for_update()):
        if (each := wishes.get((row.kind, row.value))) is None:
            continue
        if row.reason in BY_HAND:
            row.reason, row.origin = clean(each.reason, limit=40), clean(each.origin, limit=200)
        row.created_at = work.now()


def suppressed(work: Work, kind: Kind, values: Sequence[str]) -> set[str]:
    """Return which of `values` (already normalised) are suppressed, or were erased. E-mail addresses are compared by
    the mailbox that they lead to."""
    if not values:
        return set()
    gone = erased(work, kind, values) if kind == "email" or kind == "phone" else set()
    ours = Suppression.workspace_id == work.workspace
    if kind == "email":
        leads_to = {value: mailbox(value) for value in values}
        shut = present(work.session, Suppression.mailbox, leads_to.values(), ours)
        return gone.union(value for value in values if leads_to[value] in shut) if shut else gone
    return gone | present(work.session, Suppression.value, values, ours, Suppression.kind == kind)


def known(work: Work, wanted: Sequence[tuple[Kind, str]]) -> set[tuple[Kind, str]]:
    """Return which of the values (normalised) are on the list by themselves: no domain above them, no erased person."""
    found: set[tuple[Kind, str]] = set()
    for kind in {kind for kind, _ in wanted}:
        mine = (Suppression.workspace_id == work.workspace, Suppression.kind == kind)
        values = [value for each, value in wanted if each == kind]
        found |= {(kind, value) for value in present(work.session, Suppression.value, values, *mine)}
    return found


def erased_digest(work: Work, kind: str, value: str) -> tuple[str, str]:
    """Return what is kept of an erased address, as a kind and a keyed hash that only this installation can make again:
    of an e-mail address its mailbox."""
    kept, told = ("mailbox", mailbox(value)) if kind == "email" else (kind, value)
    return kept, secrets.sign(work.settings, ERASED, f"{kept}:{told}")


def any_erased(work: Work, kind: str) -> bool:
    """Say whether anything of a kind is kept of people who were erased: hashing what an audience has costs time."""
    mine = (ErasedAddress.workspace_id == work.workspace, ErasedAddress.kind == kind)
    return work.session.scalar(select(ErasedAddress.digest).where(*mine).limit(1)) is not None


def erased(work: Work, kind: Literal["email", "phone", "linkedin", "external"], values: Collection[str]) -> set[str]:
    """Return which of `values` (addresses, numbers, pages on LinkedIn or external ids, already normalised) are those
    of people who were erased."""
    forms: dict[str, Callable[[str], str]] = {"email": str, "mailbox": mailbox} if kind == "email" else {kind: str}
    gone: set[str] = set()
    for kept, form in forms.items():
        if not any_erased(work, kept):
            continue
        mine = (ErasedAddress.workspace_id == work.workspace, ErasedAddress.kind == kept)
        # With every key that there was: an address is erased for good, and a digest cannot be made anew without it.
        digests = {
            value: secrets.lasting_signatures(work.settings, ERASED, f"{kept}:{form(value)}") for value in values
        }
        there = present(work.session, ErasedAddress.digest, chain(*digests.values()), *mine)
        gone.update(value for value, made in digests.items() if not there.isdisjoint(made))
    return gone


def kinds_in_use(work: Work) -> set[Kind]:
    """Return which of the wide kinds, domain and person, are there at all: mostly none, which spares two queries."""
    wide: tuple[Kind, ...] = ("domain", "person")
    there = [
        exists().where(Suppression.workspace_id == work.workspace, Suppression.kind == kind).label(kind)
        for kind in wide
    ]
    found = work.session.execute(select(*there)).one()
    return {kind for kind, is_there in zip(wide, found, strict=True) if is_there}


def list_(work: Work, *, limit: int = 50, cursor: str | None = None) -> SuppressionPage:
    """Return suppressions, newest first; `cursor` is the last id of the page before.

    Raises:
        InvalidInput: the cursor is none of theirs.
    """
    if cursor is not None and not is_id(cursor):
        raise no_cursor(cursor, "suppressions")
    rows = select(Suppression).where(Suppression.workspace_id == work.workspace)
    if cursor is not None:
        rows = rows.where(Suppression.id < cursor)
    found = work.session.scalars(rows.order_by(Suppression.id.desc()).limit(limit + 1)).all()
    shown = [SuppressionView.model_validate(row) for row in found[:limit]]
    return SuppressionPage(suppressions=shown, next_cursor=shown[-1].id if len(found) > limit else None)


def normalised(kind: Kind, value: str, country: str | None = None) -> str:
    """Return a value as it is stored and compared; `country` (ISO 3166-1 alpha-2) is where a number is dialled. An
    e-mail address that no import would take is taken as it is: providers tell of those who say no from one.

    Raises:
        InvalidInput: it is no value of this kind.
    """
    if kind == "email":
        address = without_controls(value).strip()
        try:
            return email_key(known_email(address))
        except InvalidInput:
            if "@" not in address or " " in address or len(address) > 320:
                raise
            return email_key(address)
    if kind == "domain":
        return _domain(value)
    if kind == "person":
        if not _LEAD.fullmatch(value.strip()):
            msg = f"{clean(value, limit=80)!r} is not a lead's id; `overture` and leads_search show ids."
            raise InvalidInput(msg)
        return value.strip()
    return e164(_CHANNEL_BEFORE.sub("", value), country)


def suppressible(kind: Kind, value: str, country: str | None = None) -> str:
    """Return a value that somebody asks to suppress, as `normalised` does: an e-mail address in the form in which leads
    have it, and no domain under which anybody registers, as co.uk, or has pages, as github.io.

    Raises:
        InvalidInput: it is no value of this kind, or such a domain (publicsuffix.org).
    """
    if kind == "email":
        if value.strip().startswith(EVERYBODY_AT):
            msg = f"{quoted(value)} is everybody at a domain; suppress the domain, {_domain(value)}."
            raise InvalidInput(msg)
        return email_key(valid_email(without_controls(value)))
    if kind == "domain" and linkedin_page(value) is not None:
        msg = f"{quoted(value.strip())} is a page of one person; suppress their address, number or lead's id."
        raise InvalidInput(msg)
    key = normalised(kind, value, country)
    if kind == "domain" and _public_suffixes().is_public(key):
        msg = f"{quoted(key)} holds the domains of everybody there; give the one of a company, such as example.{key}."
        raise InvalidInput(msg)
    return key


def strangers(work: Work, people: Collection[str]) -> set[str]:
    """Return which ids are neither of a lead of this workspace nor suppressed already."""
    if not people:
        return set()
    own = select(Lead.id).where(
        Lead.workspace_id == work.workspace, among(Lead.id, sorted(people)), Lead.erased_at.is_(None)
    )
    there = {value for _, value in known(work, [("person", each) for each in people])}
    return set(people) - there - set(work.session.scalars(own))


def _domain(value: str) -> str:
    """Return a domain as it stands in the addresses of leads, in its own letters; of a page or a website its own."""
    host = _BEFORE_HOST.sub("", value.strip()).partition("/")[0]
    domain = host.removeprefix("*").lstrip("@.").rstrip(".")
    try:
        found = email_key(valid_email(f"anybody@{domain}")).removeprefix("anybody@")
    except InvalidInput as error:
        msg = f"{clean(value, limit=80)!r} is not a domain such as example.com."
        raise InvalidInput(msg) from error
    site = found.removeprefix("www.")
    return found if _public_suffixes().is_public(site) else site


@lru_cache(maxsize=1)
def _public_suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def domains_of(domain: str) -> list[str]:
    """Return a domain and those above it, without the top level."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]
