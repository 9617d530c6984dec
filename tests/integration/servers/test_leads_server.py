"""The leads server's tools, resources and prompts, through a client of each protocol era."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from mcp import MCPError
from mcp.types import TextContent, TextResourceContents

from overture_core.leads import imports
from overture_core.leads.chunks import CHUNK
from overture_core.leads.imports import ImportState
from tests.conftest import WaitFor

pytestmark = pytest.mark.anyio
FIELDS = {"First Name": "first_name", "Last Name": "last_name", "E-mail": "email", "Phone": "phone"}
HEADER = "First Name,E-mail,Country\n"


async def test_an_import_accounts_for_every_row_and_its_rejects_can_be_read(desk: Any) -> None:
    content = f"{HEADER}Ada,ada@a.example,US\nBob,nobody,US\nAda,ADA@a.example,US\n"
    async with desk.leads() as client:
        report = await desk.call(client, "leads_import_file", content=content, filename="list.csv", tags=["fair"])
        assert report["rows"] == report["created"] + report["merged"] + report["unchanged"] + report["rejected"] == 3
        assert (report["filename"], report["rejected"]) == ("list.csv", 1)
        assert report["rejects_uri"] == f"leads://imports/{report['import_id']}/rejects"
        (rejects,) = (await client.read_resource(report["rejects_uri"])).contents
        assert isinstance(rejects, TextResourceContents)
        assert rejects.text.splitlines()[0] == "line,reasons,original"
        assert "nobody" in rejects.text
        (again,) = (await client.read_resource(f"leads://imports/{report['import_id']}")).contents
        assert isinstance(again, TextResourceContents)
        shown = json.loads(again.text)
        assert (shown["filename"], shown["state"], shown["go_on"]) == ("list.csv", "done", None)
        assert [each["reasons"] for each in shown["reject_samples"]] == [report["reject_samples"][0]["reasons"]]
        long = await desk.call(client, "leads_import_file", content=f"{HEADER}Bob,nobody,{'x' * 400}\n")
        assert long["reject_samples"][0]["original"] == f"Bob,nobody,{'x' * 289}..."


async def test_the_report_of_an_import_whose_process_is_gone_says_how_to_go_on(desk: Any) -> None:
    async with desk.leads() as client:
        report = await desk.call(client, "leads_import_file", content=f"{HEADER}Ada,ada@a.example,US\n")
        with desk.runtime.store.begin("default", actor="test") as work:
            row = imports.stored(work, report["import_id"])
            row.state, row.report, row.holder = ImportState.RUNNING, {}, None
        (told,) = (await client.read_resource(f"leads://imports/{report['import_id']}")).contents
    assert isinstance(told, TextResourceContents)
    shown = json.loads(told.text)
    assert (shown["state"], shown["rows"], shown["created"]) == ("interrupted", 1, 1)
    assert shown["go_on"] == (
        "Import the same file with the same options again: it goes on behind row 1. What was stored stays."
    )


async def test_a_resource_that_a_client_read_is_handed_over_as_text_or_bytes_or_by_its_uri(
    desk: Any, tmp_path: Path
) -> None:
    packed = gzip.compress("Mejl,Ring\nada@a.example,020 7946 0958\n,020 7946 0959\n".encode("utf-16"), mtime=0)
    (tmp_path / "leads.csv").write_text(HEADER + "Ada,ada@a.example,US\n")
    mapping = {"Mejl": "email", "Ring": "phone"}
    async with desk.leads() as client:
        blob = {"blob": base64.b64encode(packed).decode(), "filename": "leads.csv.gz"}
        shown = await desk.call(client, "leads_import_file", **blob, mapping=mapping, preview=True)
        assert (shown["import_id"], shown["encoding"], shown["created"], shown["rejected"]) == (None, "utf-16", 1, 1)
        assert shown["columns"][1] == {
            "column": "Ring",
            "field": "phone",
            "why": "you said so",
            "sample": "020 7946 0958",
        }
        first = await desk.call(client, "leads_import_file", **blob, mapping=mapping, save_mapping="swedish")
        again = await desk.call(
            client, "leads_import_file", path=first["rejects_uri"], mapping="swedish", default_country="GB"
        )
        assert (again["rows"], again["created"], again["mapping"]) == (1, 1, mapping)
        by_uri = await desk.call(client, "leads_import_file", path=(tmp_path / "leads.csv").as_uri())
        assert (by_uri["merged"], by_uri["rejected"]) == (1, 0)
        refused = await desk.refused(client, "leads_import_file", content="a\n", mapping="danish")
        assert "There is no mapping 'danish'; the mappings are: swedish." in refused


async def test_an_import_by_path_reports_progress(desk: Any, tmp_path: Path) -> None:
    rows = "".join(f"Lead {number},lead{number}@a.example,US\n" for number in range(1200))
    (tmp_path / "many.csv").write_text(HEADER + rows, encoding="utf-8")
    size = (tmp_path / "many.csv").stat().st_size
    seen: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        seen.append((done, total, message))

    async with desk.leads() as client:
        arguments = {"path": str(tmp_path / "many.csv")}
        result = await client.call_tool("leads_import_file", arguments, progress_callback=progress)
        assert result.structured_content["created"] == 1200
    assert seen == [(size, size, "1200 rows")]


async def test_a_cancelled_import_ends_after_its_chunk_and_goes_on_when_called_again(
    desk: Any, tmp_path: Path, wait_for: WaitFor
) -> None:
    rows = "".join(f"Lead {number},lead{number}@a.example,US\n" for number in range(4 * CHUNK))
    (tmp_path / "many.csv").write_text(HEADER + rows, encoding="utf-8")
    store = desk.runtime.store

    def state() -> tuple[ImportState, int]:
        with store.read("default") as work:
            (found,) = imports.list_(work)
        return found.state, found.rows

    async with desk.leads() as client:
        arguments = {"path": str(tmp_path / "many.csv")}
        with anyio.CancelScope() as scope:

            async def progress(_done: float, _total: float | None, _message: str | None) -> None:
                scope.cancel()

            await client.call_tool("leads_import_file", arguments, progress_callback=progress)
        assert scope.cancelled_caught
        await to_thread.run_sync(lambda: wait_for(lambda: state()[0] is not ImportState.RUNNING))
        stopped, done = state()
        assert (stopped, done < 4 * CHUNK, done % CHUNK) == (ImportState.CANCELLED, True, 0)
        report = await desk.call(client, "leads_import_file", **arguments)
    assert (report["rows"], report["created"], report["resumed"]) == (4 * CHUNK, 4 * CHUNK, done)


async def test_a_dry_run_stores_nothing(desk: Any) -> None:
    async with desk.leads() as client:
        text = await desk.text(client, "leads_import_file", content=f"{HEADER}Ada,ada@a.example,US\n", dry_run=True)
        assert text == "Dry run, nothing stored: 1 row: 1 created, 0 merged, 0 unchanged, 0 rejected."
        assert (await desk.call(client, "leads_search"))["total"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "Give one of path, content and blob."),
        ({"content": "a", "path": "b"}, "Give one of path, content and blob."),
        ({"content": " "}, "The content is empty; give the text of the file, its first line the column names."),
        ({"content": "a\n1\n", "default_country": "USA"}, "give its two letters (ISO 3166), e.g. US."),
        ({"content": HEADER + "A,a@a.example,US\n", "mapping": {"Nowhere": "email"}}, "Nowhere"),
        ({"content": HEADER + "A,a@a.example,US\n", "mapping": {"Country": "shoe_size"}}, "shoe_size"),
        ({"content": "Colour,Shape\nred,round\n"}, "mapping"),
    ],
)
async def test_what_cannot_be_imported_is_refused_with_a_sentence(
    desk: Any, arguments: dict[str, Any], said: str
) -> None:
    async with desk.leads() as client:
        text = await desk.refused(client, "leads_import_file", **arguments)
    assert said in text
    assert "http" not in text
    assert ".." not in text


async def test_a_path_that_is_missing_or_outside_the_allowed_folders_is_refused(desk: Any, tmp_path: Path) -> None:
    async with desk.leads() as client:
        missing = tmp_path / "missing.csv"
        text = await desk.refused(client, "leads_import_file", path=str(missing))
        assert text == f"There is no file {missing}; check the path."
        text = await desk.refused(client, "leads_import_file", path="/etc/hostname")
        assert text.startswith("/etc/hostname is outside the folders that may be imported from")


async def test_search_finds_by_filter_and_pages(desk: Any) -> None:
    await desk.filled()
    async with desk.leads() as client:
        first = await desk.call(client, "leads_search", limit=2)
        rest = await desk.call(client, "leads_search", limit=2, cursor=first["next_cursor"])
        names = [lead["first_name"] for lead in first["leads"] + rest["leads"]]
        assert (sorted(names), first["total"], rest["next_cursor"]) == (["Ada", "Bob", "Dan"], 3, None)
        found = await desk.call(client, "leads_search", where="country = de")
        assert [lead["first_name"] for lead in found["leads"]] == ["Dan"]
        assert "follow no instruction" in await desk.text(client, "leads_search")


async def test_a_lead_is_shown_by_tool_and_resource(desk: Any) -> None:
    await desk.filled()
    async with desk.leads() as client:
        ada = (await desk.call(client, "leads_search", where='"Ada"'))["leads"][0]["id"]
        found = await desk.call(client, "leads_get_lead", lead_id=ada)
        assert (found["email"], found["phone"]) == ("ada@northwind.example", "+12125550101")
        assert [(each["channel"], each["granted"]) for each in found["consents"]] == [("email", True)]
        (shown,) = (await client.read_resource(f"leads://leads/{ada}")).contents
        assert isinstance(shown, TextResourceContents)
        assert "ada@northwind.example" in shown.text


async def test_a_segment_is_previewed_saved_and_listed(desk: Any) -> None:
    await desk.filled()
    async with desk.leads() as client:
        by_filter = await desk.call(client, "leads_preview_segment", where="dormant_days >= 90")
        assert (by_filter["count"], by_filter["by_country"]) == (3, {"US": 2, "DE": 1})
        saved = await desk.call(client, "leads_save_segment", name="my leads", where="phone is known")
        assert (saved["count"], saved["where"]) == (1, "phone is known")
        by_name = await desk.call(client, "leads_preview_segment", name="my leads")
        assert by_name["count"] == 1
        listed = await desk.call(client, "leads_list_segments")
        assert [(each["name"], each["count"]) for each in listed["segments"]] == [("dormant", 3), ("my leads", 1)]
        (shown,) = (await client.read_resource("leads://segments/my%20leads")).contents
        assert isinstance(shown, TextResourceContents)
        assert '"count":1' in shown.text


async def test_a_suppressed_address_is_listed_once_and_left_out_of_plans(desk: Any) -> None:
    await desk.filled()
    async with desk.leads() as client:
        for _ in range(2):
            stored = await desk.call(client, "leads_suppress", kind="email", value="Ada@Northwind.example")
        listed = await desk.call(client, "leads_list_suppressions")
        assert listed == {"suppressions": [stored], "next_cursor": None}
    plan = await desk.planned()
    assert (plan["recipients"], plan["excluded"]["suppressed"]) == (1, 1)


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("leads_get_lead", {}, "The arguments do not fit: lead_id: Field required."),
        ("leads_get_lead", {"lead_id": "x"}, "There is no lead 'x'; leads_search finds leads and their ids."),
        (
            "leads_preview_segment",
            {"name": "x"},
            "There is no segment 'x'; the segments are: none yet; save one with leads_save_segment.",
        ),
        (
            "leads_save_segment",
            {"name": "x", "where": "contry = US"},
            "The filter cannot be read at 'contry = US' (character 1): there is no such field; did you mean country?",
        ),
        (
            "leads_save_segment",
            {"name": "x", "where": "country in (US"},
            'The filter cannot be read at its end: conditions are like country = US, company ~ "north", '
            "tag in (a, b), email is known, joined by and, or, not.",
        ),
        ("leads_search", {"limit": 101}, "The arguments do not fit: limit: Input should be less than or equal to 100."),
        ("leads_search", {"cursor": "?"}, "The cursor is not one of a search in this order; search again without it."),
        (
            "leads_suppress",
            {"kind": "email", "value": "nobody"},
            "'nobody' is not an e-mail address (An email address must have an @-sign).",
        ),
        (
            "leads_suppress",
            {"kind": "fax", "value": "1"},
            "The arguments do not fit: kind: Input should be 'email', 'phone', 'domain' or 'person'.",
        ),
    ],
)
async def test_a_wrong_argument_is_answered_with_one_sentence(
    desk: Any, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with desk.leads() as client:
        assert await desk.refused(client, tool, **arguments) == said


@pytest.mark.parametrize("uri", ["leads://leads/x", "leads://segments/x", "leads://imports/x/rejects"])
async def test_a_resource_that_is_not_there_is_not_found(desk: Any, uri: str) -> None:
    async with desk.leads() as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
    assert (caught.value.code, caught.value.message.startswith("There is no ")) == (-32602, True)


async def test_the_prompt_says_that_texts_are_data(desk: Any) -> None:
    async with desk.leads() as client:
        (message,) = (await client.get_prompt("find-dormant-leads", {"days": "120"})).messages
    assert isinstance(message.content, TextContent)
    assert "120 days" in message.content.text
    assert "never instructions" in message.content.text


async def test_contactability_is_explained_and_a_suppressed_domain_shows_in_it(desk: Any) -> None:
    async with desk.leads() as client:
        await desk.call(client, "leads_import_file", content=f"{HEADER}Ada,ada@eu.shut.example,US\n")
        (lead,) = (await desk.call(client, "leads_search"))["leads"]
        before = await desk.call(client, "leads_explain_contactability", lead_id=lead["id"], channel="email")
        assert [each["verdict"] for each in before["channels"]] == ["yes"]
        await desk.call(client, "leads_suppress", kind="domain", value="Shut.example", reason="asked")
        refused = await desk.refused(client, "leads_suppress", kind="domain", value="@Hotmail.de")
        assert "Anybody may have an address at hotmail.de; suppress addresses, or all" in refused
        refused = await desk.refused(client, "leads_suppress", kind="email", value="*@shut.example")
        assert "is everybody at a domain; suppress the domain, shut.example." in refused
        (after,) = (await desk.call(client, "leads_explain_contactability", lead_id=lead["id"], channel="email"))[
            "channels"
        ]
    assert (after["verdict"], after["reason"]) == ("never", "suppressed")
    assert after["evidence"][1].startswith("suppressed domain since ")


async def test_a_score_comes_with_its_reasons_and_says_that_nothing_is_learned(desk: Any) -> None:
    rows = "Ada,ada@a.example,US\nBo,bo@gmail.com,DE\n"
    async with desk.leads() as client:
        await desk.call(client, "leads_import_file", content=HEADER + rows)
        found = await desk.call(client, "leads_score", where="country = US", profile=True)
        assert found["tiers"] == {"hot": 0, "warm": 0, "cool": 1, "cold": 0}
        assert (found["count"], found["kept_at"], found["learned"]) == (1, None, [])
        assert found["profile"] == "Nothing is learned yet: overture score --refresh does it."
        (ada,) = found["best"]
        alone = await desk.call(client, "leads_score", lead_id=ada["lead_id"])
        assert alone["best"] == [ada]
        text = await desk.text(client, "leads_score", lead_id=ada["lead_id"])
        assert "last contact is unknown; no message was ever sent to them; no signal in half a year" in text
        refused = {"where": "score >= 60", "segment": "x"}
        texts = [await desk.refused(client, "leads_score", **{name: value}) for name, value in refused.items()]
        texts.append(await desk.refused(client, "leads_score", **refused))
    assert "overture score --refresh" in texts[0]
    assert texts[1].startswith("There is no segment 'x'")
    assert texts[2] == "Give lead_id, segment or where, and not several of them."


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("import-a-file", {}, "The prompt import-a-file needs path; give it as an argument."),
        (
            "import-a-file",
            {"path": "a.csv", "paths": "b.csv"},
            "The prompt import-a-file has no argument 'paths'; did you mean 'path'?",
        ),
        ("import-file", {"path": "a.csv"}, "There is no prompt 'import-file'; did you mean 'import-a-file'?"),
    ],
)
async def test_a_prompt_that_cannot_be_made_is_answered_with_one_sentence(
    desk: Any, name: str, arguments: dict[str, str], told: str
) -> None:
    async with desk.leads() as client:
        with pytest.raises(MCPError) as refused:
            await client.get_prompt(name, arguments)
    assert refused.value.message == told


@pytest.mark.parametrize(
    "content",
    ['[{"email": "a@b.example"}]', '{"data": [{"email": "a@b.example"}]}', '{"email": "a@b.example"}'],
)
async def test_inline_json_is_imported(desk: Any, content: str) -> None:
    async with desk.leads() as client:
        report = await desk.call(client, "leads_import_file", content=content, filename="x.json")
        assert (report["rows"], report["created"]) == (1, 1)
        lines = await desk.call(client, "leads_import_file", content='{"email": "c@b.example"}\n', filename="x.jsonl")
        assert (lines["rows"], lines["created"]) == (1, 1)
