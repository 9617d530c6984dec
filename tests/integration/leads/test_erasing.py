"""Erasing a person: no table names them any more, and a file that brings them back does not get them written to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select

from overture_core.approvals import service as approvals
from overture_core.approvals.service import Via
from overture_core.audit import service as audit
from overture_core.campaigns import service as campaigns
from overture_core.campaigns.launching import launch
from overture_core.campaigns.models import PlanRequest
from overture_core.campaigns.planning import plan
from overture_core.campaigns.states import CampaignState
from overture_core.contactability.gate import contactability
from overture_core.contactability.rules import Reason
from overture_core.errors import ConfigurationError, Conflict, NotFound
from overture_core.leads import service as leads
from overture_core.leads.erasing import erase
from overture_core.leads.importing import import_leads
from overture_core.leads.normalise import email_key
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Source
from overture_core.leads.searching import search
from overture_core.messages import intake, ledger
from overture_core.messages.channels import Channel
from overture_core.messages.evidence import DeliveryEvent, InboundMessage, Kind
from overture_core.messages.stopping import suppress
from overture_core.operations import claims
from overture_core.operations import service as operations
from overture_core.operations.models import Proposal
from overture_core.operations.states import OperationState
from overture_core.replies import service as replies
from overture_core.scoring.signals import Kind as SignalKind
from overture_core.scoring.signals import Source as SignalSource
from overture_core.scoring.signals import record
from overture_core.segments import service as segments
from overture_core.segments.filter import LeadFilter
from overture_core.storage.schema import Base, Lead, Message, Segment
from overture_core.storage.store import Store
from overture_core.suppressions.service import suppressed
from overture_core.templates import service as templates

WORKSPACE = "default"
HEAD = "First Name,Last Name,E-mail,Phone,Company,Country,Notes,Consent\n"
ADA = 'Adalind,Müßig,ada.müßig@example.com,+1 212 555 0101,Müßig & Co,US,met in Ulm,"email,sms"\n'
BOB = "Bob,Reed,bob@example.com,,Reed Ltd,US,,email\n"
TRACES = ("adalind", "müßig", "m\\u00fc", "2125550101", "met in ulm", "tell me more")


def load(store: Store, rows: str) -> None:
    import_leads(store, Source.from_text(HEAD + rows, "leads.csv"), ImportOptions(), workspace=WORKSPACE, actor="test")


def lead_named(store: Store, first: str) -> str:
    with store.read(WORKSPACE) as work:
        return work.session.scalars(select(Lead.id).where(Lead.first_name == first)).one()


@pytest.fixture
def ada(store: Store) -> str:
    """Ada, who was planned for, written to, and who answered; beside her Bob."""
    load(store, ADA + BOB)
    with store.begin(WORKSPACE, actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "mail", Channel.EMAIL, "Hi {{ first_name }} {{ last_name }}", "Hi")
        made = plan(work, PlanRequest(name="Spring", segment="all", templates={Channel.EMAIL: "mail"}))
        approvals.decide(work, made.approval.id, approve=True, by="test", via=Via.CLI)
        launch(work, made.plan_id)
    found = lead_named(store, "Adalind")
    with store.read(WORKSPACE) as work:
        message = work.session.scalars(select(Message).where(Message.lead_id == found)).one()
    heard: dict[str, Any] = {"provider": "sendgrid", "channel": Channel.EMAIL, "at": store.clock.now()}
    bounced = DeliveryEvent(
        kind=Kind.DEFERRED, dedupe_key="1", message_id=message.id, address=message.address, detail="to müßig", **heard
    )
    answered = InboundMessage(
        dedupe_key="2", sender=message.address, recipient=store.settings.email_from, body="Tell me more, Müßig", **heard
    )
    intake.store_events(store, [bounced, answered])
    intake.process(store)
    with store.begin(WORKSPACE, actor="test") as work:
        record(work, found, SignalKind.HIRING, source=SignalSource.FILE, note="Müßig & Co looks for people")
    return found


def contents(store: Store) -> str:
    """Everything in the database, in lower case."""
    with store.look() as connection:
        rows = [connection.execute(select(table)).all() for table in Base.metadata.tables.values()]
    return repr(rows).lower()


def erased(store: Store, lead: str) -> None:
    with store.begin(WORKSPACE, actor="cli:test") as work:
        erase(work, lead)


@pytest.fixture
def store_with_key(store: Store) -> Any:
    opened = Store(store.settings.model_copy(update={"secret_key": SecretStr("k" * 32)}), store.clock)
    yield opened
    opened.close()


def test_nothing_names_them_any_more_and_the_audit_holds(store_with_key: Store, ada: str) -> None:
    more = "email,title,Pet\nada.müßig@example.com,Poet Laureate,Wombat\n"  # a merge, whose history holds it too
    import_leads(store_with_key, Source.from_text(more, "more.csv"), ImportOptions(), workspace=WORKSPACE, actor="test")
    held = contents(store_with_key)
    assert all(trace in held for trace in ("adalind", "müßig", "tell me more", "poet laureate", "wombat"))
    erased(store_with_key, ada)
    left = contents(store_with_key)
    assert [trace for trace in (*TRACES, "poet laureate", "wombat") if trace in left] == []
    assert "bob@example.com" in left
    with store_with_key.read(WORKSPACE) as work:
        assert audit.verify(work).intact
        assert "lead.erased" in [each.action for each in audit.list_(work)]
        assert search(work, LeadFilter()).total == 1
        with pytest.raises(NotFound):
            erase(work, ada)


@pytest.mark.parametrize(
    "address",
    ["ada.müßig@example.com", "Ada.Müßig@Example.com", "  ada.müßig@EXAMPLE.com ", "ada.müßig+new@example.com"],
)
def test_who_comes_back_in_a_file_is_not_written_to(store_with_key: Store, ada: str, address: str) -> None:
    erased(store_with_key, ada)
    load(store_with_key, f'Again,,"{address}",+12125550101,,US,,"email,sms"\n')
    back = lead_named(store_with_key, "Again")
    assert back != ada
    with store_with_key.read(WORKSPACE) as work:
        row = work.session.get_one(Lead, back)
        reasons = [contactability(work, row, channel).reason for channel in (Channel.EMAIL, Channel.SMS)]
    assert reasons == [Reason.SUPPRESSED, Reason.SUPPRESSED]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(local=st.from_regex(r"[a-z]{1,12}(\.[a-z]{1,8})?", fullmatch=True), upper=st.booleans())
def test_any_erased_address_stays_blocked_however_it_is_written(store_with_key: Store, local: str, upper: bool) -> None:
    address = f"{local}@erased.example.com"
    load(store_with_key, f"First,,{address},,,US,,email\n")
    with store_with_key.begin(WORKSPACE, actor="cli:test") as work:
        known = leads.find_by_address(work, Channel.EMAIL, address)
        assert known is not None
        erase(work, known.id)
    load(store_with_key, f"Back,,{address.upper() if upper else address},,,US,,email\n")
    with store_with_key.read(WORKSPACE) as work:
        back = leads.find_by_address(work, Channel.EMAIL, address)
        assert back is not None
        assert contactability(work, back, Channel.EMAIL).reason is Reason.SUPPRESSED


def test_a_plain_suppression_becomes_a_hash(store_with_key: Store, ada: str) -> None:
    with store_with_key.begin(WORKSPACE, actor="test") as work:
        suppress(work, "email", "ada.müßig@example.com", reason="stop", origin="test")
    erased(store_with_key, ada)
    assert "müßig" not in contents(store_with_key)


def test_what_was_asked_about_them_ends_and_says_that_they_were_erased(store_with_key: Store, ada: str) -> None:
    asked = Proposal(
        kind="fake.send", params={}, told=["Write."], sandbox=True, repeatable=True, why=["it writes"], lead_id=ada
    )
    with store_with_key.begin(WORKSPACE, actor="mcp:crew") as work:
        made = operations.propose(work, asked)
    erased(store_with_key, ada)
    with store_with_key.read(WORKSPACE) as work:
        found, approval = operations.get(work, made.id), approvals.for_subject(work, made.id)
    assert (found.state, found.error) == (OperationState.CANCELLED, "the person whom it is about was erased")
    assert (approval.state, approval.reason) == ("void", found.error)
    with store_with_key.begin(WORKSPACE, actor="cli:ada") as work:
        for again in (
            lambda: claims.begin(work, made.id, sandbox=True),
            lambda: approvals.decide(work, approval.id, approve=True, by="ada", via=approvals.Via.CLI),
        ):
            with pytest.raises(
                Conflict, match=r"\(the person whom it is about was erased\); it cannot be asked for again"
            ):
                again()


def test_who_is_just_being_written_to_is_not_erased(store_with_key: Store) -> None:
    load(store_with_key, BOB)
    with store_with_key.begin(WORKSPACE, actor="test") as work:
        segments.save(work, "all", LeadFilter())
        templates.save(work, "mail", Channel.EMAIL, "Hi", "Hi")
        made = plan(work, PlanRequest(name="Spring", segment="all", templates={Channel.EMAIL: "mail"}))
        approvals.decide(work, made.approval.id, approve=True, by="test", via=Via.CLI)
        launched = launch(work, made.plan_id)
        ledger.claim(work, Channel.EMAIL, campaign_id=launched.campaign_id, owner="worker", limit=10)
    with pytest.raises(Conflict, match="in hand"):
        erased(store_with_key, lead_named(store_with_key, "Bob"))


def test_a_shared_database_without_a_shared_key_is_refused(store: Store) -> None:
    load(store, BOB)
    shared = Store(store.settings.model_copy(update={"secret_key": None}), store.clock)
    if shared.settings.database_url is None:  # one machine's own file: its key is kept beside it
        erased(shared, lead_named(shared, "Bob"))
    else:
        with pytest.raises(ConfigurationError, match="OVERTURE_SECRET_KEY"):
            erased(shared, lead_named(shared, "Bob"))
    shared.close()


def test_nobody_else_loses_anything(store_with_key: Store) -> None:
    """Ann has an id in somebody's list that is short, and an address that ends another's."""
    head = "First Name,E-mail,Country,Customer ID\n"
    rows = "Ann,ann@example.com,US,7\nJoann,joann@example.com,US,8\nBroken 7,joann@example,US,70\n"
    source = Source.from_text(head + rows, "leads.csv")
    import_leads(store_with_key, source, ImportOptions(), workspace=WORKSPACE, actor="test")
    heard: dict[str, Any] = {"provider": "sendgrid", "channel": Channel.EMAIL, "at": store_with_key.clock.now()}
    recipient = store_with_key.settings.email_from
    waiting = [
        InboundMessage(dedupe_key="1", sender="joann@example.com", recipient=recipient, body="7 times yes", **heard),
        InboundMessage(dedupe_key="2", sender="ann@example.com", recipient=recipient, body="Hello", **heard),
    ]
    intake.store_events(store_with_key, waiting)
    erased(store_with_key, lead_named(store_with_key, "Ann"))
    assert "joann@example,us,70" in contents(store_with_key)
    assert intake.process(store_with_key) == 1
    joann = lead_named(store_with_key, "Joann")
    with store_with_key.read(WORKSPACE) as work:
        assert [each.lead_id for each in replies.list_(work).replies] == [joann]
        row = work.session.get_one(Lead, joann)
        assert contactability(work, row, Channel.EMAIL).reason is Reason.REPLIED


YOLANDA = "Yolanda,Vexley,yolanda.vex@example.com,+12125550133,,,,\n"
REJECTED = (
    ",,,(212) 555-0133 x,,,,\n"
    "Zoe,,,00 1 212.555.0133,,,,\n"
    "yolanda,VEXLEY,,0133,,,,\n"
    'Yolanda,Vexley,yolanda.vex@example..com,,,,"met\n\tin Ulm",\n'
)
OTHERS = "Yolanda,Reed,yolanda@example..com,212 555 01334,,,,\n"


def test_rejected_rows_filters_and_the_log_of_the_database_lose_them_too(sqlite_store: Store) -> None:
    load(sqlite_store, YOLANDA + REJECTED + OTHERS)
    with sqlite_store.begin(WORKSPACE, actor="test") as work:
        segments.save(work, "vex", LeadFilter(where='email = "Yolanda.Vex@example.com" or phone = "+12125550133"'))
        segments.save(work, "others", LeadFilter(where='email = "yolanda.vex@example.com.au"'))
    erased(sqlite_store, lead_named(sqlite_store, "Yolanda"))
    left = contents(sqlite_store)
    assert [trace for trace in ("vexley", "555-0133", "555.0133", "yolanda.vex@example..com") if trace in left] == []
    assert "yolanda,reed,yolanda@example..com,212 555 01334" in left
    with sqlite_store.read(WORKSPACE) as work:
        filters = {each.name: each.filter["where"] for each in work.session.scalars(select(Segment))}
        assert len(filters) == 2
        assert filters["vex"] == 'email = "erased" or phone = "erased"'
        assert search(work, LeadFilter(where=filters["vex"])).total == 0
        assert "example.com.au" in filters["others"]
    assert sqlite_store.checkpoint()
    assert (sqlite_store.settings.data_dir / "overture.db-wal").stat().st_size == 0


def test_a_plan_that_names_them_is_made_again_and_a_running_campaign_has_to_end_first(store_with_key: Store) -> None:
    load(store_with_key, BOB + YOLANDA)
    lead = lead_named(store_with_key, "Yolanda")
    with store_with_key.begin(WORKSPACE, actor="test") as work:
        segments.save(work, "two", LeadFilter(where='email in ("yolanda.vex@example.com", "bob@example.com")'))
        templates.save(work, "mail", Channel.EMAIL, "Hi", "Hi")
        made = plan(work, PlanRequest(name="Spring", segment="two", templates={Channel.EMAIL: "mail"}))
        approvals.decide(work, made.approval.id, approve=True, by="test", via=Via.CLI)
        launch(work, made.plan_id)
    with pytest.raises(Conflict, match="The filter of the campaign 'Spring' names them"):
        erased(store_with_key, lead)
    with store_with_key.begin(WORKSPACE, actor="test") as work:
        campaigns.set_state(work, "Spring", CampaignState.CANCELLED)
        again = plan(work, PlanRequest(name="Summer", segment="two", templates={Channel.EMAIL: "mail"}))
        approvals.decide(work, again.approval.id, approve=True, by="test", via=Via.CLI)
    erased(store_with_key, lead)
    assert "yolanda" not in contents(store_with_key)
    with store_with_key.begin(WORKSPACE, actor="test") as work, pytest.raises(Conflict, match="plan again"):
        launch(work, again.plan_id)


GMAIL = "Zebedee.Quux@gmail.com"
SAME_MAILBOX = [
    "zebedeequux@gmail.com",
    "zebedee.quux+news@gmail.com",
    "z.quux@x.com",
    "\uff3aebedee.quux@googlemail.com",
]


def test_an_erased_or_suppressed_mailbox_is_not_written_to_by_any_of_its_addresses(store_with_key: Store) -> None:
    load(store_with_key, f"Zeb,,{GMAIL},+12125550144,,US,,email\nAmy,,amy+list@example.com,,,US,,email\n")
    erased(store_with_key, lead_named(store_with_key, "Zeb"))
    with store_with_key.begin(WORKSPACE, actor="webhook") as work:
        suppress(work, "email", "amy+list@example.com", reason="stop", origin="reply")
    rows = [*SAME_MAILBOX, "amy@example.com", "Amy+other@example.com", "am.y@example.com"]
    load(store_with_key, "".join(f"Back{number},,{each},,,US,,email\n" for number, each in enumerate(rows)))
    with store_with_key.read(WORKSPACE) as work:
        found = work.session.scalars(select(Lead).where(Lead.first_name.startswith("Back")).order_by(Lead.first_name))
        blocked = [contactability(work, each, Channel.EMAIL).reason is Reason.SUPPRESSED for each in found]
        keys = [email_key(each) for each in rows]
        assert [each in suppressed(work, "email", keys) for each in keys] == blocked
    assert blocked == [True, True, False, True, True, True, False]


def test_an_import_tells_of_an_erased_address_beside_a_new_one(store_with_key: Store) -> None:
    load(store_with_key, YOLANDA)
    erased(store_with_key, lead_named(store_with_key, "Yolanda"))
    source = Source.from_text(HEAD + BOB + "Y,V,other@example.com,+1 212 555 0133,,US,,email\n", "leads.csv")
    report = import_leads(store_with_key, source, ImportOptions(), workspace=WORKSPACE, actor="test")
    assert [each for each in report.warnings if "erased" in each] == [
        "1 row with an address or external id of somebody who was erased (line 3): whoever has that id, and that "
        "address, is never written to, any other address of the row may be; if it is the same person, erase them again"
    ]


def test_a_page_of_who_was_erased_is_not_written_to_by_another_address(store_with_key: Store) -> None:
    head, page = "first name,email,linkedin url,country,consent\n", "https://www.linkedin.com/in/erased-one"
    source = Source.from_text(f"{head}Una,una@example.com,{page},US,linkedin\n", "leads.csv")
    import_leads(store_with_key, source, ImportOptions(), workspace=WORKSPACE, actor="test")
    erased(store_with_key, lead_named(store_with_key, "Una"))
    again = Source.from_text(f"{head}Back,new@example.com,linkedin.com/in/Erased-One/,US,linkedin\n", "leads.csv")
    report = import_leads(store_with_key, again, ImportOptions(), workspace=WORKSPACE, actor="test")
    assert [each.partition(" (")[0] for each in report.warnings if "erased" in each] == [
        "1 row with an address or external id of somebody who was erased"
    ]
    with store_with_key.read(WORKSPACE) as work:
        row = work.session.get_one(Lead, lead_named(store_with_key, "Back"))
        assert contactability(work, row, Channel.LINKEDIN).reason is Reason.SUPPRESSED


def test_who_comes_back_by_their_external_id_is_written_to_on_no_channel(store_with_key: Store) -> None:
    head = "first name,email,phone,customer id,country,consent\n"
    first = Source.from_text(f"{head}Una,una@example.com,,K-77,US,email\n", "leads.csv")
    import_leads(store_with_key, first, ImportOptions(), workspace=WORKSPACE, actor="test")
    erased(store_with_key, lead_named(store_with_key, "Una"))
    assert "k-77" not in contents(store_with_key)
    back = "Back,new@example.com,+12125550101,K-77,US,email;sms\nOther,other@example.com,,K-78,US,email\n"
    again = Source.from_text(head + back, "leads.csv")
    report = import_leads(store_with_key, again, ImportOptions(), workspace=WORKSPACE, actor="test")
    assert "erased (line 2)" in next(each for each in report.warnings if "external id" in each)
    asked = (("Back", Channel.EMAIL), ("Back", Channel.SMS), ("Other", Channel.EMAIL))
    with store_with_key.read(WORKSPACE) as work:
        rows = [(work.session.get_one(Lead, lead_named(store_with_key, name)), channel) for name, channel in asked]
        shut = [contactability(work, row, channel).reason is Reason.SUPPRESSED for row, channel in rows]
    assert shut == [True, True, False]
