"""What there is to be abused: a sandbox process with a payment that could be refunded and a LinkedIn account that could
post, and the counts of what was done there and in our own books."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from overture_core.approvals.service import ApprovalState
from overture_core.leads import erasure_requests, export_requests
from overture_core.leads.requests import RequestState
from overture_core.linkedin.scopes import SCOPES
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import InboundMessage
from overture_core.messages.inbound import apply_inbound
from overture_core.messages.states import State
from overture_core.operations import service as operations
from overture_core.operations.models import OperationView
from overture_core.operations.states import OperationState
from overture_core.settings import Settings
from overture_core.storage.schema import Lead, Message, Operation
from overture_core.storage.store import Store
from overture_providers.linkedin import proposals
from overture_providers.sandbox.linkedin_book import Book
from overture_servers.runtime import Runtime
from tests.integration.linkedin.conftest import LinkedIn
from tests.integration.stripe.conftest import Shop
from tests.sandbox_process import running_sandbox

WORKSPACE = "default"
HELLO = "Hello"
UNSENT = (State.DRAFT, State.HELD, State.SKIPPED, State.CANCELLED)
GIVEN = (ApprovalState.APPROVED, ApprovalState.USED)
DATA = Path(__file__).parents[1] / "data" / "hostile"
FILES = (".csv", ".xlsx", ".jsonl", ".json", ".txt")


class Stage:
    """A prepared store before a running sandbox, in a folder that holds nothing else."""

    def __init__(self, settings: Settings, store: Store, folder: Path) -> None:
        self.settings = settings
        self.store = store
        self.folder = folder
        self.shop = Shop(Runtime(settings, store))
        self.linkedin = LinkedIn(store, settings)
        self._files = self._found()

    async def prepare(self) -> dict[str, str]:
        """Allow a price, connect LinkedIn and publish a post; returns what a client may name of it."""
        account = await self.linkedin.connect()
        published = await self.linkedin.approved(proposals.post(account, HELLO))
        assert published.result is not None, published
        return {"price": self.shop.price(), "post": published.result["id"]}

    def sent(self) -> int:
        """Count the messages that are due or further."""
        with self.store.read(WORKSPACE) as work:
            return work.session.scalar(select(func.count()).where(Message.state.not_in(UNSENT))) or 0

    def refunded(self) -> int:
        """Count the refunds at Stripe."""
        return len(self.shop.objects("refund"))

    def changed_at_linkedin(self) -> int:
        """Count what is there beside the post as it was published: posts, comments, reactions, and its own end."""
        book = Book(self.settings.data_dir)
        made = [each for kind in ("post", "comment", "reaction") for each in book.all(kind)]
        book.close()
        as_it_was = len([each for each in made if each.get("commentary") == HELLO])
        return len(made) - as_it_was + (as_it_was != 1)

    def done_without_a_person(self) -> int:
        """Count the operations that needed a person and got further than waiting without one."""
        with self.store.read(WORKSPACE) as work:
            started = select(Operation.id).where(Operation.state.in_((OperationState.RUNNING, OperationState.DONE)))
            shown = [operations.get(work, each) for each in work.session.scalars(started)]
        return sum(bool(each.why) and each.approval_state not in GIVEN for each in shown)

    def exported(self) -> int:
        """Count the files beside the data folder, those in it that are no part of it, and released requests."""
        with self.store.read(WORKSPACE) as work:
            done = [each for each in export_requests.list_(work) if each.state is RequestState.RELEASED]
        return len(done) + len(self._found() - self._files)

    def erased(self) -> int:
        """Count the leads who were erased."""
        with self.store.read(WORKSPACE) as work:
            return work.session.scalar(select(func.count()).where(Lead.erased_at.is_not(None))) or 0

    def _found(self) -> set[Path]:
        data = self.settings.data_dir
        return {path for path in self.folder.rglob("*") if path.suffix in FILES or data not in (path, *path.parents)}

    def approve(self, approval_id: str) -> None:
        """Approve, as a person does at a terminal."""
        self.shop.approve(approval_id)

    def waiting(self, kind: str) -> OperationView:
        """Return an operation of this kind that waits for a person."""
        with self.store.read(WORKSPACE) as work:
            wanted = select(Operation.id).where(Operation.kind == kind, Operation.state == OperationState.WAITING)
            return operations.get(work, work.session.scalars(wanted).first() or "")

    def released(self) -> int:
        """Release an export that was asked for, as a person does; returns how many leads are in the file."""
        with self.store.read(WORKSPACE) as work:
            asked = export_requests.list_(work, RequestState.WAITING)
        if not asked:
            return 0
        place = self.folder / "released.csv"
        return export_requests.release(self.store, asked[0].id, place, workspace=WORKSPACE, actor="cli:ada")[1]

    def forget(self) -> None:
        """Release an erasure that was asked for, as a person does."""
        with self.store.begin(WORKSPACE, actor="cli:ada") as work:
            for asked in erasure_requests.list_(work)[:1]:
                erasure_requests.release(work, asked.id)


def corpus(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


@contextmanager
def set_up(folder: Path, **values: Any) -> Iterator[Stage]:
    """A store and a sandbox process in `folder`, with these settings."""
    ours = {"data_dir": folder / "data", "sandbox_only": True, "linkedin_scopes": list(SCOPES)}
    plain = Settings(**{"_env_file": None, **ours, **values})
    plain.data_dir.mkdir()
    with running_sandbox(plain.data_dir) as url:
        settings = plain.model_copy(update={"sandbox_url": url})
        store = Store(settings)
        store.prepare()
        yield Stage(settings, store, folder)
        store.close()


def reply_to_all(store: Store) -> None:
    """Let leads answer with the poisoned replies, through the code that webhooks go through."""
    bodies = corpus("replies")
    with store.begin(WORKSPACE, actor="webhook") as work:
        rows = work.session.scalars(select(Message).where(Message.state == State.DRAFT).limit(len(bodies))).all()
        for number, (row, body) in enumerate(zip(rows, bodies, strict=True)):
            event = InboundMessage(
                provider="sendgrid",
                dedupe_key=f"hostile-{number}",
                channel=Channel.EMAIL,
                at=work.now(),
                sender=row.address,
                recipient="us@example.com",
                subject="Re: Hi\r\nBcc: victim@example.net",
                body=body,
                in_reply_to=row.id,
            )
            assert apply_inbound(work, event)
