"""`overture senders ...`: the addresses that messages come from, and whether they may be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import BaseModel

from overture_cli.context import actor, open_store
from overture_cli.output import JsonFlag, emit_json, say, table
from overture_core.messages.channels import Channel
from overture_core.text import quantity
from overture_core.workspaces import senders
from overture_core.workspaces.senders import SenderView

app = typer.Typer(help="Senders, and whether their providers verified them.", no_args_is_help=True)
Address = Annotated[str, typer.Argument(help="The e-mail address or number.", show_default=False)]
Note = Annotated[str, typer.Option(help="Why, for whoever asks later.", show_default=False)]


class Checked(BaseModel):
    """What a provider said of a sender; `verified` is null where it could not be had, `used` whether it may be used
    after all, and `word_of` the person whose word stands against or beside it."""

    channel: Channel
    address: str
    verified: bool | None
    why: str
    used: bool
    word_of: str | None


@app.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """List senders, whether they may be used, and who says so."""
    with open_store() as store, store.read(store.settings.workspace) as work:
        found = senders.list_(work)
    _show(found, as_json=as_json)


@app.command()
def check(as_json: JsonFlag = False) -> None:
    """Ask the providers; an answer that cannot be had changes nothing, nor does one against a person's word."""
    import anyio

    from overture_providers.senders import ask

    with open_store() as store:
        with store.read(store.settings.workspace) as work:
            known = senders.list_(work)
        answers = anyio.run(ask, store.settings, known)
        with store.begin(store.settings.workspace, actor=actor()) as work:
            senders.take(work, answers)
            now = {(each.channel, each.address): each for each in senders.list_(work)}
    told = [
        Checked(
            channel=each.channel, address=each.address, verified=each.verified, why=each.why,
            used=(stands := now[each.channel, each.address]).verified,
            word_of=None if stands.said_by in (None, senders.PROVIDER) else stands.said_by,
        )
        for each in answers
    ]  # fmt: skip
    if as_json:
        emit_json(told)
        return
    words = {True: "verified", False: "not verified", None: "not known, nothing changed"}
    rows = [(each.channel.value, each.address, words[each.verified], each.why, _used(each)) for each in told]
    table("Senders", ("channel", "address", "provider says", "why", "used"), rows)


@app.command()
def accept(address: Address, note: Note, as_json: JsonFlag = False) -> None:
    """Take a sender as verified, whatever its provider says."""
    _decide(address, verified=True, note=note, as_json=as_json)


@app.command()
def refuse(address: Address, note: Note, as_json: JsonFlag = False) -> None:
    """Send nothing from a sender, whatever its provider says."""
    _decide(address, verified=False, note=note, as_json=as_json)


def _used(checked: Checked) -> str:
    word = f", by the word of {checked.word_of}, which stands" if checked.word_of else ""
    return f"{'yes' if checked.used else 'no'}{word}"


def _decide(address: str, *, verified: bool, note: str, as_json: bool) -> None:
    with open_store() as store, store.begin(store.settings.workspace, actor=actor()) as work:
        found = senders.decide(work, address, verified=verified, note=note)
        waits = senders.waiting(work, found[0].address)
    if as_json:
        emit_json(found)
        return
    say(f"{found[0].address} is {'taken as verified' if verified else 'not used'} until a person says otherwise.")
    if waits and not verified:
        say(f"{quantity(waits, 'message')} from it will wait; they leave once it is accepted.")


def _show(found: Sequence[SenderView], *, as_json: bool) -> None:
    if as_json:
        emit_json(found)
        return
    rows = [
        (each.channel.value, each.address, _verified(each), each.said_by or "nobody yet", each.note or "")
        for each in found
    ]
    table("Senders", ("channel", "address", "verified", "said by", "note"), rows)


def _verified(sender: SenderView) -> str:
    if not sender.verified:
        return "no"
    return "yes" if sender.said_by else "assumed"
