"""Objects of JSON in an import: their values are kept, their refusals count, and a mapping settles them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from overture_core.leads import service
from overture_core.leads.finding import lead_id_of
from overture_core.leads.imports import ImportReport
from overture_core.leads.service import LeadView
from overture_core.messages.channels import Channel
from overture_core.storage.store import Store

Import = Callable[..., ImportReport]

EMAIL = "a@n.example"


def taken(take: Import, row: dict[str, Any], **options: object) -> ImportReport:
    return take(json.dumps([{"email": EMAIL, **row}]), filename="leads.json", **options)


def lead(store: Store) -> LeadView:
    with store.read("default") as work:
        return service.get(work, lead_id_of(work, EMAIL))


def refused(store: Store) -> set[Channel]:
    return {each.channel for each in lead(store).consents if not each.granted}


def test_values_inside_objects_are_fields_and_custom_fields(store: Store, take: Import) -> None:
    row = {
        "contact": {"phone": "+12025550101", "name": {"first": "Ada", "last": "Quill"}},
        "company": {"name": "Acme", "id": 7},
        "tags": [{"name": "vip"}, {"name": "fair"}],
    }
    report = taken(take, row)
    found = lead(store)
    assert (found.phone, found.first_name, found.last_name) == ("+12025550101", "Ada", "Quill")
    assert (found.company, found.custom, found.tags) == ("Acme", {"company.id": "7"}, ["fair", "vip"])
    assert report.warnings == []
    assert taken(take, row).unchanged == 1


@pytest.mark.parametrize(
    "row",
    [
        {"meta": {"email_opt_in": False}},
        {"properties": {"newsletter": "no"}},
        {"preferences": {"name": "Newsletter", "value": "no"}},
        {"email_opt_in": {"marketing": False}},
        {"account": {"email_opt_out": True, "name": "Acme"}},
    ],
)
def test_a_refusal_inside_an_object_counts(store: Store, take: Import, row: dict[str, Any]) -> None:
    taken(take, row)
    assert refused(store) == {Channel.EMAIL}


@pytest.mark.parametrize(
    ("row", "channels"),
    [
        ({"sms": {"subscribed": False}}, {Channel.SMS}),
        ({"preferences": {"sms": {"subscribed": False}, "email": {"subscribed": True}}}, {Channel.SMS}),
        ({"voice": {"newsletter": False}}, {Channel.VOICE}),
        ({"text_messages": {"opted_out": True}}, {Channel.SMS}),
        ({"notifications": {"whatsapp": {"enabled": False}}}, {Channel.WHATSAPP}),
        ({"subscriptions": {"email": False, "sms": True}}, {Channel.EMAIL}),
        ({"unsubscribed": {"value": True, "since": "2024-05-01"}}, set(Channel)),
        ({"opt_out": {"email": False, "sms": True}}, {Channel.SMS}),
        ({"opt_out": {"email": False}}, set()),
        ({"do_not_contact": {"value": False, "reason": None}}, set()),
        ({"email_opt_in": True, "sms_opt_in": {"value": False}}, {Channel.SMS}),
        ({"linkedin": {"url": "https://linkedin.com/in/ada", "do_not_contact": True}}, {Channel.LINKEDIN}),
        ({"tags": {"data": [{"name": "DNC"}]}}, set(Channel)),
        ({"labels": [{"name": "Unsubscribed"}]}, set(Channel)),
        ({"notifications": {"sms": {"enabled": True}}}, set()),
    ],
)
def test_a_refusal_inside_an_object_is_about_the_channel_that_the_objects_around_it_name(
    store: Store, take: Import, row: dict[str, Any], channels: set[Channel]
) -> None:
    taken(take, row)
    assert refused(store) == channels


def test_a_refusal_inside_the_object_of_an_address_counts(store: Store, take: Import) -> None:
    row = {"email": {"address": EMAIL, "opt_out": True}, "phone": {"number": "+12025550101", "do_not_call": True}}
    take(json.dumps([row]), filename="leads.json")
    assert refused(store) == {Channel.EMAIL, Channel.SMS, Channel.VOICE}
    assert lead(store).phone == "+12025550101"


@pytest.mark.parametrize(
    ("row", "channels"),
    [
        ({"phone": [{"value": "+12025550101", "primary": True, "sms_opt_out": True}]}, {Channel.SMS}),
        ({"phones": [{"phone": "+12025550101", "do_not_call": True}]}, {Channel.SMS, Channel.VOICE}),
        ({"email": [{"value": EMAIL, "primary": True, "opt_out": True}]}, {Channel.EMAIL}),
        ({"email": [{"value": EMAIL, "unsubscribed": True}]}, {Channel.EMAIL}),
        ({"email": [{"value": EMAIL}, {"value": "b@n.example", "status": "unsubscribed"}]}, {Channel.EMAIL}),
        ({"emailAddresses": [{"value": EMAIL, "opt_out": False, "type": "home"}]}, set()),
    ],
)
def test_a_refusal_beside_an_address_in_a_list_counts(
    store: Store, take: Import, row: dict[str, Any], channels: set[Channel]
) -> None:
    taken(take, row)
    assert refused(store) == channels


def test_an_address_is_found_whether_it_is_a_text_or_stands_in_an_object(store: Store, take: Import) -> None:
    rows = [
        {"email": EMAIL},
        {"email": {"value": "b@n.example", "type": "work"}},
        {"email": [{"address": "c@n.example"}]},
    ]
    assert take(json.dumps(rows), filename="leads.json").created == 3
    with store.read("default") as work:
        assert service.get(work, lead_id_of(work, "b@n.example")).custom == {"email.type": "work"}


def test_a_list_deeper_down_is_imported_with_its_refusals(store: Store, take: Import) -> None:
    rows = [{"email": EMAIL, "opt_out": True}, {"email": "b@n.example"}]
    report = take(json.dumps({"data": {"contacts": rows}, "account": {"email": "me@n.example"}}), filename="crm.json")
    assert (report.created, refused(store)) == (2, set(Channel))


def test_channels_are_no_consents(store: Store, take: Import) -> None:
    taken(take, {"channels": ["sms"]})
    assert (lead(store).consents, lead(store).custom) == ([], {"channels": "sms"})


@pytest.mark.parametrize("options", [{}, {"mapping": {"emails": "email", "phones": "phone"}}])
def test_lists_of_addresses_are_read_whatever_their_keys_are_called(
    store: Store, take: Import, options: dict[str, Any]
) -> None:
    row = {
        "emails": [{"type": "office", "email": EMAIL}],
        "phones": [{"phone": "+12025550101"}, {"number": "+12025550102"}],
    }
    assert take(json.dumps([row]), filename="close.json", **options).created == 1
    found = lead(store)
    assert found.phone == "+12025550101"
    assert found.custom == {"emails.type": "office", "phones (2)": "+12025550102"}


@pytest.mark.parametrize("row", [{"properties": {"newsletter": "yes"}}, {"meta": {"email_opt_in": True, "sms": True}}])
def test_what_stands_inside_an_object_grants_nothing(store: Store, take: Import, row: dict[str, Any]) -> None:
    taken(take, row)
    assert lead(store).consents == []


def test_a_negation_around_a_name_is_not_read(store: Store, take: Import) -> None:
    report = taken(take, {"not": {"unsubscribed": "yes"}})
    assert refused(store) == set()
    assert "their names sound like it: 'not.unsubscribed'" in report.warnings[0]


def test_a_mapping_settles_an_object_as_a_whole_or_a_value_in_it(store: Store, take: Import) -> None:
    row = {"subs": {"newsletter": "no", "plan": "pro"}}
    report = taken(take, row, mapping={"subs": "unread"}, save_mapping="crm")
    assert (report.unmapped, refused(store)) == (["subs"], set())
    report = taken(take, row, mapping_name="crm")
    assert (report.unmapped, refused(store)) == (["subs"], set())
    assert lead(store).custom == {"subs": '{"newsletter": "no", "plan": "pro"}'}
    taken(take, row, mapping={"subs.plan": "title", "subs.newsletter": "unread"})
    assert (lead(store).title, refused(store)) == ("pro", set())
    taken(take, row)
    assert refused(store) == {Channel.EMAIL}


def test_a_saved_field_of_one_text_does_not_keep_an_object_whole(store: Store, take: Import) -> None:
    taken(take, {"company": "Acme"}, save_mapping="crm")
    take(json.dumps([{"email": "b@n.example", "company": {"name": "Quill"}}]), filename="b.json", mapping_name="crm")
    with store.read("default") as work:
        assert service.get(work, lead_id_of(work, "b@n.example")).company == "Quill"


def test_further_addresses_of_a_list_refuse_with_their_row(store: Store, take: Import) -> None:
    addresses = [{"value": "b@n.example"}, {"value": EMAIL, "primary": True}]
    take("email\nb@n.example\n")
    taken(take, {"email": addresses, "opt_out": True})
    assert refused(store) == set(Channel)
    with store.read("default") as work:
        other = service.get(work, lead_id_of(work, "b@n.example"))
    assert {each.granted for each in other.consents} == {False}


@pytest.mark.parametrize(
    "row",
    [
        '{"email": "a@n.example", "company": {"name": "Acme", "name": "Quill"}}',
        '{"email": [{"value": "a@n.example", "primary": true, "opt_out": true, "opt_out": false}]}',
    ],
)
def test_a_key_that_an_object_inside_has_twice_costs_its_row(take: Import, row: str) -> None:
    report = take(f'[{row}, {{"email": "b@n.example"}}]', filename="leads.json")
    (reject,) = report.reject_samples
    assert (report.created, reject.reasons[0]) == (1, "has a field twice, and nothing says which one counts")
