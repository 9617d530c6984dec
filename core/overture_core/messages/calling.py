"""What a call says once somebody, or their voicemail, has picked up."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from overture_core.errors import TemplateError
from overture_core.messages.channels import Channel
from overture_core.messages.content import compose
from overture_core.messages.states import State, is_in
from overture_core.storage.schema import Message, Template
from overture_core.storage.store import Store
from overture_core.suppressions.service import suppressed
from overture_core.workspaces import emergency

# An answer can overtake the worker's write-back, and the report of a call's earlier answer.
_UNDER_WAY = (State.SENDING, State.UNKNOWN, State.ACCEPTED, State.DELIVERED)


def words(store: Store, message_id: str) -> str | None:
    """Return what the call of a message says; None where it is to say nothing (any more).

    A call may have waited at the provider for its turn: who asked to stop meanwhile hears nothing, and after an
    emergency stop nobody does.

    Raises:
        DatabaseUnavailable: nobody can say now.
    """
    with store.read(store.settings.workspace) as work:
        message = work.session.scalar(
            select(Message).where(Message.id == message_id, Message.channel == Channel.VOICE, is_in(*_UNDER_WAY))
        )
        if message is None:
            return None
        own = replace(work, workspace=message.workspace_id)
        refused = suppressed(own, "phone", [message.address]) or suppressed(own, "person", [message.lead_id])
        if refused or emergency.standing(own).stopped:
            return None
        template = work.session.get_one(Template, message.template_id)
        try:
            return compose(work.settings, template, message.id, message.merge).body
        except TemplateError:
            return None
