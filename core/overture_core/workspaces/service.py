"""Workspaces and their senders."""

from __future__ import annotations

from sqlalchemy import select

from overture_core.ids import new_id
from overture_core.messages.channels import Channel
from overture_core.storage.schema import Sender, Workspace
from overture_core.storage.store import Work


def ensure_workspace(work: Work) -> None:
    """Create the workspace and the senders that the settings name, where they are missing."""
    if work.session.get(Workspace, work.workspace) is None:
        work.session.add(Workspace(id=work.workspace, created_at=work.now(), policy={}, trusted_clients=[]))
        work.session.flush()
    for channel, address in _addresses(work).items():
        if address is not None:
            _ensure_sender(work, channel, address, work.settings.email_from_name)


def get(work: Work) -> Workspace:
    """Return the workspace's row."""
    return work.session.get_one(Workspace, work.workspace)


def sender_for(work: Work, channel: Channel) -> Sender | None:
    """Return the sender that the settings name for `channel`, or None.

    Where that is another workspace's, as in a process that serves several, it is this workspace's own: the one that
    the settings named when it was made.
    """
    address = _addresses(work)[channel]
    if address is None:
        return None
    mine = select(Sender).where(Sender.workspace_id == work.workspace, Sender.channel == channel)
    return work.session.scalar(mine.order_by(Sender.address != address, Sender.address).limit(1))


def _addresses(work: Work) -> dict[Channel, str | None]:
    settings = work.settings
    return {
        Channel.EMAIL: settings.email_from,
        Channel.SMS: settings.sms_from,
        Channel.WHATSAPP: settings.whatsapp_sender,
        Channel.VOICE: settings.voice_sender,
        # By hand: whoever does the workspace's tasks.
        Channel.LINKEDIN: work.workspace,
    }


def _ensure_sender(work: Work, channel: Channel, address: str, name: str) -> None:
    known = select(Sender.id).where(Sender.channel == channel, Sender.address == address)
    if work.session.scalar(known) is None:
        work.session.add(
            Sender(
                id=new_id("snd"),
                workspace_id=work.workspace,
                channel=channel,
                address=address,
                name=name,
                verified=True,
            )
        )
