"""The unsubscribe link of a message."""

from __future__ import annotations

from dataclasses import replace

from overture_core import secrets
from overture_core.errors import NotFound
from overture_core.messages.channels import Channel
from overture_core.messages.content import UNSUBSCRIBE
from overture_core.messages.stopping import UNSUBSCRIBED, Refusal, refuse
from overture_core.storage.schema import Message
from overture_core.storage.store import Store


def is_ours(store: Store, message_id: str, signature: str) -> bool:
    """Tell whether a link was made by us."""
    return secrets.verify(store.settings, UNSUBSCRIBE, message_id, signature)


def unsubscribe(store: Store, message_id: str, signature: str) -> None:
    """Carry out the link of a message: its address and its lead are suppressed, on every channel, and what is pending
    to them ends.

    Raises:
        NotFound: the link is not one of ours.
    """
    msg = "This unsubscribe link is not valid; answer the message with the word unsubscribe instead."
    if not is_ours(store, message_id, signature):
        raise NotFound(msg)
    with store.begin(store.settings.workspace, actor="recipient") as work:
        message = work.session.get(Message, message_id)
        if message is None:
            raise NotFound(msg)
        own = replace(work, workspace=message.workspace_id)
        channel = Channel(message.channel)
        refuse(own, [Refusal(channel, message.address, UNSUBSCRIBED, "unsubscribe_link", message.lead_id)])
