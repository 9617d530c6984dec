"""What is kept beside leads: taken in, listed page by page and taken back over MCP, in both protocol eras."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import INVALID_PARAMS, ResourceTemplateReference, TextResourceContents
from sqlalchemy import select

from overture_core.storage.schema import AuditEntry
from overture_servers.leads.listing import PAGE, SHOWN_COLUMNS
from overture_servers.tooling import MOST_BYTES

pytestmark = pytest.mark.anyio
FIRST = "First Name,Last Name,E-mail,Company\nAda,Byron,ada@quill.example,Quill\nBo,Ray,bo@x.example,X\n"
SECOND = (
    "First Name,Last Name,E-mail,Company,Title,Team\n"
    "ADA,byron,ada.byron@other.example,quill,,\n"
    "Bo,Ray,bo@x.example,Other,Head,South\n"
)
SIGNALS = (
    "email,kind,date,note\nada@quill.example,job change,2026-11-01,buys for all\nno@x.example,funding,2026-11-01,\n"
)


async def read(client: Any, uri: str) -> str:
    (part,) = (await client.read_resource(uri)).contents
    assert isinstance(part, TextResourceContents)
    return part.text


async def lead_named(desk: Any, client: Any, first: str) -> str:
    found = await desk.call(client, "leads_search", where=f'email is known and "{first}"')
    return str(found["leads"][0]["id"])


def audited(desk: Any) -> list[str]:
    with desk.runtime.store.read("default") as work:
        return list(work.session.scalars(select(AuditEntry.action).order_by(AuditEntry.number)))


async def test_a_list_of_suppressions_says_what_it_left_out_and_which_domains_hold_everybody(desk: Any) -> None:
    async with desk.leads() as client:
        addresses = "email,Owner Email,other\na@x.example,us@ours.example,b@x.example\n"
        found = await desk.call(client, "leads_import_file", content=addresses, kind="suppressions")
        assert found["mapping"] == {"email": "email", "other": "email"}
        assert found["warnings"] == [
            "The column 'Owner Email' is about somebody of yours: its addresses in 1 row were left out; if they are to "
            "be suppressed, import them by themselves"
        ]
        found = await desk.call(client, "leads_import_file", content="domain\ngmail.com\n", kind="suppressions")
        assert [each.partition(";")[0] for each in found["warnings"]] == [
            "1 domain where anybody may have an address: gmail.com"
        ]


async def test_a_merge_is_listed_with_what_it_changed_and_is_taken_back(desk: Any) -> None:
    async with desk.leads() as client:
        await desk.call(client, "leads_import_file", content=FIRST)
        second = await desk.call(client, "leads_import_file", content=SECOND)
        bo = await lead_named(desk, client, "Bo")
        (merge,) = (await desk.call(client, "leads_list", what="merges", id=bo))["records"]
        assert merge["fields"] == {"title": [None, "Head"], "custom.Team": [None, "South"]}
        assert (merge["import_id"], merge["line"], merge["undone_at"]) == (second["import_id"], 3, None)
        assert json.loads(await read(client, f"leads://leads/{bo}/merges"))["records"] == [merge]
        shown = await desk.call(client, "leads_get_lead", lead_id=bo)
        assert [each["changed"] for each in shown["changes"]] == [["title", "Team"]]
        undone = await desk.text(client, "leads_undo", id=merge["id"])
        assert undone == "0 leads removed, 1 merge taken back."
        shown = await desk.call(client, "leads_get_lead", lead_id=bo)
        assert (shown["title"], shown["custom"]) == (None, {})
        assert "was taken back on" in await desk.refused(client, "leads_undo", id=merge["id"])
        assert (await desk.text(client, "leads_list", what="merges", id=bo)).endswith("; taken back")
    assert "lead.change_undone" in audited(desk)


async def test_an_import_is_taken_back_whole_but_for_who_said_no(desk: Any) -> None:
    async with desk.leads() as client:
        first = await desk.call(client, "leads_import_file", content=FIRST)
        second = await desk.call(client, "leads_import_file", content=SECOND)
        bo = await lead_named(desk, client, "Bo")
        await desk.call(client, "leads_record_consent", lead_id=bo, channel="sms", granted=False)
        await desk.call(client, "leads_suppress", kind="email", value="ada@quill.example")
        undone = await desk.call(client, "leads_undo", id=second["import_id"])
        assert (undone["removed"], undone["reverted"], undone["stayed"]) == (1, 1, {})
        ada = await lead_named(desk, client, "Ada")
        text = await desk.text(client, "leads_undo", id=first["import_id"])
        stayed = (
            "0 leads removed, 0 merges taken back. 1 stayed: they refused a channel; 1 stayed: they are suppressed."
        )
        assert text == stayed
        assert {each["id"] for each in (await desk.call(client, "leads_search"))["leads"]} == {ada, bo}
        assert (await desk.call(client, "leads_list_suppressions"))["suppressions"][0]["value"] == "ada@quill.example"
        listed = (await desk.call(client, "leads_list", what="imports"))["records"]
        assert [(each["id"], each["state"]) for each in listed] == [
            (second["import_id"], "undone"),
            (first["import_id"], "undone"),
        ]
        assert "taken back already" in await desk.refused(client, "leads_undo", id=second["import_id"])
        assert await desk.text(client, "leads_undo", id=first["import_id"]) == stayed
        assert "There is no import 'imp_none'" in await desk.refused(client, "leads_undo", id="imp_none")
        assert "There is no change 'x'" in await desk.refused(client, "leads_undo", id="x")
    assert audited(desk).count("leads.import_undone") == 3


async def test_look_alikes_are_listed_and_stay_two(desk: Any) -> None:
    async with desk.leads() as client:
        first = await desk.call(client, "leads_import_file", content=FIRST)
        second = await desk.call(client, "leads_import_file", content=SECOND)
        listed = await desk.call(client, "leads_list", what="duplicates")
        (group,) = listed["records"]
        assert (group["name"], group["same"], group["value"], group["leads"]) == ("ada byron", "company", "quill", 2)
        assert json.loads(await read(client, "leads://duplicates")) == listed
        of_second = await desk.call(client, "leads_list", what="duplicates", id=second["import_id"])
        assert of_second == json.loads(await read(client, f"leads://imports/{second['import_id']}/duplicates"))
        assert of_second["records"] == listed["records"]
        await desk.call(client, "leads_undo", id=second["import_id"])
        empty = await desk.text(client, "leads_list", what="duplicates", id=first["import_id"])
        assert empty == "There are no duplicates."


async def test_signals_are_recorded_from_a_file_and_listed_by_lead(desk: Any) -> None:
    async with desk.leads() as client:
        await desk.call(client, "leads_import_file", content=FIRST)
        dry = await desk.text(client, "leads_import_file", kind="signals", content=SIGNALS, dry_run=True)
        assert dry == "Dry run, nothing stored: 2 rows of signals: 1 added, 0 unchanged, 1 rejected."
        assert await desk.text(client, "leads_list", what="signals") == "There are no signals."
        report = await desk.call(client, "leads_import_file", kind="signals", content=SIGNALS)
        assert (report["rows"], report["created"], report["rejected"], report["import_id"]) == (2, 1, 1, None)
        (reject,) = report["reject_samples"]
        assert reject == {
            "line": 3,
            "original": "no@x.example,funding,2026-11-01,",
            "reasons": ["no lead has its address or id"],
        }
        again = await desk.text(client, "leads_import_file", kind="signals", content=SIGNALS)
        assert again == "2 rows of signals: 0 added, 1 unchanged, 1 rejected."
        ada = await lead_named(desk, client, "Ada")
        listed = await desk.call(client, "leads_list", what="signals", id=ada)
        (signal,) = listed["records"]
        assert (signal["kind"], signal["source"], signal["note"]) == ("job_change", "file", "buys for all")
        assert json.loads(await read(client, f"leads://leads/{ada}/signals")) == listed
        assert json.loads(await read(client, "leads://signals")) == listed
        assert (await desk.call(client, "leads_get_lead", lead_id=ada))["signals"] == [signal]
    assert audited(desk).count("signals.imported") == 2


async def test_a_list_of_suppressions_is_taken_in_and_comes_out_as_one(desk: Any) -> None:
    await desk.filled()
    planned = await desk.planned()
    async with desk.leads() as client:
        numbers = "".join(f"+1212555{number:04}\n" for number in range(100, 400))
        content = f"To\nada@northwind.example\nnonsense\n{numbers}"
        report = await desk.call(client, "leads_import_file", kind="suppressions", content=content)
        assert (report["rows"], report["created"], report["rejected"]) == (302, 301, 1)
        assert report["mapping"] == {"To": "value"}
        seen, uri = 0, "leads://suppressions"
        while uri:
            text = await read(client, uri)
            lines = text.splitlines()
            assert lines[0] == "kind,value,reason,origin,created_at"
            more = "there are more" in lines[-1]
            seen += len(lines) - 1 - more
            uri = lines[-1].split(",")[2] if more else ""
            again = await desk.call(client, "leads_import_file", kind="suppressions", content=text)
            assert (again["created"], again["unchanged"], again["rejected"]) == (0, len(lines) - 1 - more, 0)
        assert seen == 301
    assert (await desk.planned("Summer"))["recipients"] == planned["recipients"] - 1
    assert audited(desk).count("suppressions.imported") == 3


async def test_national_numbers_of_a_list_are_taken_by_a_default_country(desk: Any) -> None:
    given = {"content": "phone\n(212) 555-8001\n", "default_country": "US"}
    async with desk.leads() as client:
        report = await desk.call(client, "leads_import_file", kind="suppressions", **given)
        assert (report["created"], report["rejected"]) == (1, 0)
        (shut,) = (await desk.call(client, "leads_list_suppressions"))["suppressions"]
        assert shut["value"] == "+12125558001"
        text = await desk.refused(client, "leads_import_file", kind="signals", **given)
        assert text.startswith("An import of signals takes no default_country;")


async def test_what_an_import_of_a_list_does_not_take_is_said(desk: Any) -> None:
    async with desk.leads() as client:
        given = {"kind": "suppressions", "content": "email\na@b.example\n"}
        text = await desk.refused(client, "leads_import_file", **given, tags=["x"], mapping="crm", preview=True)
        assert text.startswith("An import of suppressions takes no mapping or tags or preview;")
        assert "no column of e-mail addresses" in await desk.refused(
            client, "leads_import_file", kind="suppressions", content="colour,size\nred,4\n"
        )
        assert "No column names the lead" in await desk.refused(
            client, "leads_import_file", kind="signals", content="colour,size\nred,4\n"
        )
        assert (await desk.call(client, "leads_list_suppressions"))["suppressions"] == []


async def test_saved_mappings_are_listed_and_completed(desk: Any) -> None:
    wide = ",".join(["E-mail", *(f"Column {number}" for number in range(SHOWN_COLUMNS))])
    content = f"{wide}\na@x.example{',x' * SHOWN_COLUMNS}\n"
    async with desk.leads() as client:
        for name in ("wide", "crm"):
            await desk.call(client, "leads_import_file", content=content, save_mapping=name)
        listed = await desk.call(client, "leads_list", what="mappings")
        assert [(each["name"], each["columns"]) for each in listed["records"]] == [("crm", 31), ("wide", 31)]
        assert [len(each["mapping"]) for each in listed["records"]] == [SHOWN_COLUMNS, SHOWN_COLUMNS]
        assert json.loads(await read(client, "leads://mappings")) == listed
        assert len(json.loads(await read(client, "leads://mappings/crm"))["mapping"]) == 31
        reference = ResourceTemplateReference(type="ref/resource", uri="leads://mappings/{mapping}")
        found = await client.complete(reference, {"name": "mapping", "value": "c"})
        assert found.completion.values == ["crm"]


async def test_pages_follow_each_other_and_stay_small(desk: Any) -> None:
    wide = "\u8a9e" * 400  # three bytes each
    async with desk.leads() as client:
        await desk.call(client, "leads_import_file", content=FIRST)
        rows = [
            {"email": "ada@quill.example", "kind": "event", "date": f"2026-0{1 + number // 28}-{1 + number % 28:02}"}
            for number in range(2 * PAGE)
        ]
        content = "\n".join(json.dumps({**row, "note": wide}) for row in rows)
        signals = {"kind": "signals", "content": content, "filename": "signals.jsonl"}
        assert (await desk.call(client, "leads_import_file", **signals))["created"] == 2 * PAGE
        seen: list[str] = []
        arguments: dict[str, Any] = {"what": "signals"}
        while True:
            result = await client.call_tool("leads_list", arguments)
            assert not result.is_error
            size = len(result.model_dump_json(include={"content", "structured_content"}).encode())
            assert size < MOST_BYTES
            page = result.structured_content
            uri = "leads://signals" + (f"?cursor={arguments['cursor']}" if "cursor" in arguments else "")
            assert json.loads(await read(client, uri)) == page
            seen += [each["observed_at"] for each in page["records"]]
            if page["next_cursor"] is None:
                break
            arguments["cursor"] = page["next_cursor"]
        assert seen == sorted(seen, reverse=True)
        assert len(set(seen)) == 2 * PAGE


@pytest.mark.parametrize("number", [1, PAGE, PAGE + 1])
async def test_every_import_is_on_one_page(desk: Any, number: int) -> None:
    async with desk.leads() as client:
        for each in range(number):
            await desk.call(client, "leads_upsert_lead", fields={"email": f"a{each}@x.example"})
        first = await desk.call(client, "leads_list", what="imports")
        more = first["next_cursor"]
        rest = await desk.call(client, "leads_list", what="imports", cursor=more) if more else {"records": []}
        ids = [each["id"] for page in (first, rest) for each in page["records"]]
        assert (len(set(ids)), len(rest["records"])) == (number, max(number - PAGE, 0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"what": "merges"}, "Merges are of a lead: give its id."),
        ({"what": "merges", "id": "lead_x"}, "There is no lead 'lead_x'"),
        ({"what": "signals", "id": "lead_x"}, "There is no lead 'lead_x'"),
        ({"what": "duplicates", "id": "imp_x"}, "There is no import 'imp_x'"),
        ({"what": "duplicates", "cursor": "-1"}, "'-1' is no cursor of a page of duplicates; begin without one."),
        ({"what": "imports", "cursor": "x"}, "'x' is no cursor of a page of imports; begin without one."),
        ({"what": "mappings", "cursor": "x"}, "'x' is no cursor of a page of mappings; begin without one."),
        ({"what": "mappings", "cursor": ""}, "'' is no cursor of a page of mappings; begin without one."),
        ({"what": "imports", "id": "imp_x"}, "The imports are of no lead or import; leave the id out."),
        ({"what": "shoes"}, "what: Input should be 'imports', 'duplicates', 'mappings', 'signals' or 'merges'"),
    ],
)
async def test_what_cannot_be_listed_is_said(desk: Any, arguments: dict[str, Any], said: str) -> None:
    async with desk.leads() as client:
        assert said in await desk.refused(client, "leads_list", **arguments)


@pytest.mark.parametrize("cursor", ["garbage", ""])
async def test_a_cursor_of_no_page_of_suppressions_is_refused(desk: Any, cursor: str) -> None:
    async with desk.leads() as client:
        said = f"'{cursor}' is no cursor of a page of suppressions; begin without one."
        assert said in await desk.refused(client, "leads_list_suppressions", cursor=cursor)


@pytest.mark.parametrize(
    "uri",
    [
        "leads://signals?cursor=x",
        "leads://mappings?cursor=x",
        "leads://mappings?cursor=",
        "leads://suppressions?cursor=x",
        "leads://suppressions?cursor=",
        "leads://leads/lead_x/merges",
        "leads://leads/lead_x/signals",
        "leads://imports/imp_x/duplicates",
        "leads://mappings/none",
    ],
)
async def test_an_address_of_nothing_is_invalid_params(desk: Any, uri: str) -> None:
    async with desk.leads() as client:
        with pytest.raises(MCPError, match=r"There is no|is no cursor") as refused:
            await client.read_resource(uri)
    assert refused.value.code == INVALID_PARAMS


async def test_a_custom_field_that_no_lead_has_is_pointed_out(desk: Any) -> None:
    hint = "No lead has a custom field 'size'; did you mean custom.\"Size\"?"
    async with desk.leads() as client:
        await desk.call(client, "leads_import_file", content="email,Size\nada@quill.example,12\n", filename="a.csv")
        wanted = {"where": "custom.size = 12"}
        assert (await desk.text(client, "leads_search", **wanted)).splitlines()[-1] == hint
        assert (await desk.text(client, "leads_preview_segment", **wanted)).splitlines()[-1] == hint
        told = await desk.text(client, "leads_save_segment", name="Large", **wanted)
        assert told == f"Segment 'Large' has 0 leads.\n{hint}"
        assert (await desk.text(client, "leads_preview_segment", name="Large")).splitlines()[-1] == hint
        assert "did you mean" not in await desk.text(client, "leads_search", where="custom.Size = 13")
