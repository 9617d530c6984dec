"""Every cell of a suppression list decides for itself what it is, whatever its column is called."""

from __future__ import annotations

import json

import pytest

from overture_core.leads.public_mail import everybodys
from overture_core.leads.reading import Source
from overture_core.messages.channels import Channel
from overture_core.messages.stopping import suppress_address
from overture_core.storage.store import Store
from overture_core.suppressions import files, lifting, service
from overture_core.suppressions.files import SuppressionReport

UNREAD = (
    "In 1 row something could not be read and suppresses nobody; mend what the reasons name, then import those rows "
    "again"
)
MANY = files.SAMPLE + 50  # rows before the first one with a second address


def taken(store: Store, text: str, *, name: str = "list.csv", country: str | None = None) -> SuppressionReport:
    return files.take_file(store, Source.from_text(text, name), workspace="default", actor="test", country=country)


def there(store: Store) -> set[str]:
    with store.read("default") as work:
        return {each.value for each in service.list_(work, limit=1_000).suppressions}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Courriel,Courriel secondaire\na@s.example,b@s.example\n", "a@s.example b@s.example"),
        (
            "Correo,Móvil,Correo 2\na@s.example,+34 612 345 678,b@s.example\n",
            "a@s.example b@s.example +34612345678",
        ),
        ("Téléphone,Portable\n+33 1 23 45 67 89,06 12 34 56 78\n", "+33123456789 +33612345678"),
        ("Email,WhatsApp\na@s.example,06 12 34 56 78\n", "a@s.example +33612345678"),
        (
            "メールアドレス,携帯電話,予備メール,予備携帯電話\na@s.example,+81 90-1234-5678,b@s.example,+819012345670\n",
            "a@s.example b@s.example +819012345678 +819012345670",
        ),
        ("email,bar\na@s.example,b@s.example\n", "a@s.example b@s.example"),
        ("email,bar\na@s.example,Bo <b@s.example>; +33612345678\n", "a@s.example b@s.example +33612345678"),
        ("Phone,Homeowner Email\n+33612345678,a@s.example\n", "+33612345678 a@s.example"),
        ("Telefon,Hausbesitzer\n+33612345678,a@s.example\n", "+33612345678 a@s.example"),
        ("email,reason\na@s.example,b@s.example\n", "a@s.example b@s.example"),
        ("domain\na@s.example\n", "a@s.example"),
        ("email\n+33612345678\n", "+33612345678"),
        ("phone\nwhatsapp:+33612345678\n", "+33612345678"),
        ("To,Status\nwhatsapp:+33612345678,sent\nsms:+33612345679,sent\n", "+33612345678 +33612345679"),
        (
            "kind,value\nEmail,a@s.example\nPHONE,06 12 34 56 78\nE-Mail,b@s.example\n",
            "a@s.example b@s.example +33612345678",
        ),
        ("a@s.example;06 12 34 56 78;s.example\n;;shut.example\n", "a@s.example +33612345678 shut.example"),
        ("domain\nwww.shut.example\nhttps://www.closed.example/about?x=1\n", "shut.example closed.example"),
        ("kind,value\ndomain,https://shut.example\n", "shut.example"),
    ],
)
def test_an_address_counts_in_whatever_column_it_stands(store: Store, text: str, values: str) -> None:
    report = taken(store, text, country="FR")
    assert there(store) == set(values.split())
    assert (report.rejected, report.partly) == (0, 0)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[{"email": "a@s.example", "whatsapp": "+33612345678"}]', "list.json"),
        ('["a@s.example", {"phone": "+33612345678"}]', "list.json"),
        ('[{"phone": "+33612345678"}, "a@s.example"]', "list.json"),
    ],
)
def test_every_value_of_a_json_list_counts(store: Store, text: str, name: str) -> None:
    assert taken(store, text, name=name).rejected == 0
    assert there(store) == {"a@s.example", "+33612345678"}


@pytest.mark.parametrize(
    ("head", "row", "last", "name"),
    [
        ("email,email 2\n", "p{}@s.example,\n", "z@s.example,late@s.example\n", "list.csv"),
        ("email,email 2\n", "p{}@s.example,n/a\n", "z@s.example,late@s.example\n", "list.csv"),
        ("", "p{}@s.example,\n", "z@s.example,late@s.example\n", "list.csv"),
        ("", "p{}@s.example\n", "z@s.example,late@s.example\n", "list.csv"),
        ("shut.example\n", "p{}@s.example\n", "z@s.example,n/a,late@s.example\n", "list.csv"),
        ("", '{{"email": "p{}@s.example"}}\n', '{"email": "z@s.example", "other": "late@s.example"}\n', "list.jsonl"),
    ],
)
def test_an_address_counts_however_late_its_column_has_the_first_one(
    store: Store, head: str, row: str, last: str, name: str
) -> None:
    report = taken(store, head + "".join(row.format(number) for number in range(MANY)) + last, name=name)
    assert (report.added, report.rejected, report.partly) == (report.rows, 0, 0)
    assert "late@s.example" in there(store)


def test_a_broken_address_beside_a_good_one_is_told_in_whatever_column(store: Store) -> None:
    report = taken(store, "email,bar\na@s.example,b@s..example\n")
    assert (there(store), report.partly) == ({"a@s.example"}, 1)
    assert "'b@s..example' is not an e-mail address" in report.left_out[0].reasons[0]
    assert report.warnings() == [UNREAD]


def test_columns_of_which_addresses_were_left_out_are_named_with_how_many(store: Store) -> None:
    report = taken(
        store,
        "email,Owner Email,memo,domain,Kontakt 2\n"
        "a@s.example,us@ours.example,write to b@s.example instead,s.example,\n"
        "c@s.example,us@ours.example,n/a,,(212) 555-0101\n",
    )
    assert there(store) == {"a@s.example", "c@s.example"}
    assert (report.passed_over, report.aside) == ({"Owner Email": 2, "memo": 1, "Kontakt 2": 1}, {"domain": 1})
    assert report.warnings() == [
        "The column 'Owner Email' is about somebody of yours: its addresses in 2 rows were left out; if they are to be "
        "suppressed, import them by themselves",
        "The column 'memo' is none of addresses by its name: those in 1 row were left out; if they are to be "
        "suppressed, import them by themselves",
        "The column 'Kontakt 2' is none of addresses by its name: those in 1 row were left out; if they are to be "
        "suppressed, import them by themselves",
        "The column 'domain' says where an address is: its domains in 1 row were left out; if all who are there are to "
        "be suppressed, import it by itself",
    ]


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        ("a@s.example.", "a@s.example"),
        ("a@s.example,", "a@s.example"),
        ('"a@s.example"', "a@s.example"),
        ("'a@s.example'", "a@s.example"),
        ("[a@s.example]", "a@s.example"),
        ("ａ＠ｓ．ｅｘａｍｐｌｅ", "a@s.example"),  # noqa: RUF001 (as East Asian keyboards write it)
        ("=a@s.example", "a@s.example"),
        ('="a@s.example"', "a@s.example"),
        ("'=a@s.example", "a@s.example"),
        ('=HYPERLINK("mailto:a@s.example")', "a@s.example"),
        ("a@s.example (bounced 2026-01-02)", "a@s.example"),
        ("a@s.example (bounced); b@s.example (old)", "a@s.example b@s.example"),
        ("a@s.example b@s.example", "a@s.example b@s.example"),
        ("a@s.example / b@s.example", "a@s.example b@s.example"),
        ("a@s.example/b@s.example", "a@s.example b@s.example"),
        ("a@s.example、b@s.example", "a@s.example b@s.example"),
        ("a@s.example +33 6 12 34 56 78", "a@s.example +33612345678"),
        ("(a@s.example) +33 6 12 34 56 78", "a@s.example +33612345678"),
        ('="+33612345678"', "+33612345678"),
    ],
)
@pytest.mark.parametrize("rows", [("email", "{}"), ("value", "{}"), ("phone,bar", ",{}"), ("{}", "s.example")])
def test_an_address_counts_in_whatever_it_is_wrapped(
    store: Store, rows: tuple[str, str], cell: str, values: str
) -> None:
    report = taken(store, "".join(row.replace("{}", '"' + cell.replace('"', '""') + '"') + "\n" for row in rows))
    assert there(store) - {"s.example"} == set(values.split())
    assert (report.rejected, report.partly) == (0, 0)


@pytest.mark.parametrize("cell", ["bounced: a@s.example", "write to a@s.example instead"])
def test_an_address_in_a_remark_counts_in_a_column_of_addresses_alone(store: Store, cell: str) -> None:
    report = taken(store, f'email,memo\nb@s.example,"{cell}"\n')
    assert (there(store), report.passed_over) == ({"b@s.example"}, {"memo": 1})
    taken(store, f'email\n"{cell}"\n')
    assert there(store) == {"a@s.example", "b@s.example"}


def test_what_stands_beside_an_address_and_may_count_is_told(store: Store) -> None:
    report = taken(store, "email\na@s.example (tel +33 6 12 34 56 78)\nb@s.example s.example\nc@s.example c@s\n")
    assert there(store) == {"a@s.example", "b@s.example", "c@s.example"}
    assert [row.reasons[0].partition(" is ")[0] for row in report.left_out] == [
        "'tel +33 6 12 34 56 78'",
        "'s.example'",
        "'c@s'",
    ]


def test_a_row_that_is_longer_than_its_header_is_rejected(store: Store) -> None:
    report = taken(store, "email\na@s.example\nb@s.example,c@s.example\n")
    assert (there(store), report.rejected) == ({"a@s.example"}, 1)
    assert report.rejects[0].reasons == ["has 2 columns where the header has 1"]
    assert report.warnings() == [UNREAD]


def test_a_lead_who_was_stored_with_a_formulas_sign_is_suppressed_by_that(store: Store) -> None:
    with store.begin("default", actor="test") as work:
        suppress_address(work, Channel.EMAIL, "=Ada@s.example", reason="unsubscribe", origin="test")
        assert service.suppressed(work, "email", ["=ada@s.example", "ada@s.example"]) == {"=ada@s.example"}


def test_what_a_column_was_taken_for_is_told_of_those_without_a_name_too(store: Store) -> None:
    assert taken(store, "email,bar,baz\na@s.example,b@s.example,x\n").columns == {"email": "email", "bar": "email"}


def test_a_list_that_names_domains_may_name_one_of_everybody_and_is_told_so(store: Store) -> None:
    report = taken(store, "domain\ngmail.com\n*@web.de\nshut.example\n")
    assert there(store) == {"gmail.com", "web.de", "shut.example"}
    assert report.warnings() == [
        "2 domains where anybody may have an address: gmail.com, web.de; no lead who has one there is written to by "
        "e-mail, until `overture suppressions lift` lifts it"
    ]


def test_a_list_of_addresses_names_no_domain_of_everybody(store: Store) -> None:
    report = taken(store, "kind,value\nemail,*@hotmail.de\nemail,a@s.example\n")
    assert (there(store), report.warnings()) == ({"a@s.example"}, [UNREAD])
    assert report.rejects[0].reasons == [everybodys("hotmail.de")]


def test_a_page_on_linkedin_is_no_domain(store: Store) -> None:
    report = taken(store, "value\nhttps://www.linkedin.com/in/ada-quill\n")
    assert there(store) == set()
    assert report.rejects[0].reasons == [
        "'https://www.linkedin.com/in/ada-quill' is a page of one person; suppress their address, number or lead's id."
    ]


def test_a_kind_that_there_is_not_costs_only_what_does_not_show_its_own(store: Store) -> None:
    report = taken(store, "kind,value\ncontact,a@s.example\ncontact,ada\n")
    assert (there(store), report.rejected) == ({"a@s.example"}, 1)
    assert report.rejects[0].reasons[0] == "'contact' is no kind; the kinds are email, phone, domain, person."


def test_a_person_lifts_a_domain_that_was_imported(store: Store) -> None:
    taken(store, "domain\ngmail.com\n")
    with store.begin("default", actor="cli:ada") as work:
        lifted = lifting.lift(work, "domain", "gmail.com", reason="not meant")
    assert (lifted.was, lifted.consent, there(store)) == ("imported", None, set())


@pytest.mark.parametrize(
    ("row", "values"),
    [
        ({"contact": {"phones": ["+12125553008"], "name": "Ann"}}, "+12125553008"),
        ({"contact": {"phones": ["(212) 555-3008"]}}, "+12125553008"),
        ({"contact": [{"phones": ["+12125553008"]}, {"emails": ["a@s.example"]}]}, "+12125553008 a@s.example"),
        (
            {"email": "a@s.example", "phones": [{"type": "home", "number": "+12125553008"}, {"number": "2125553009"}]},
            "a@s.example +12125553008 +12125553009",
        ),
        ({"value": {"phones": ["+12125553008"]}, "owner": [{"email": "us@ours.example"}]}, "+12125553008"),
    ],
)
def test_what_stands_inside_objects_of_json_is_taken_value_by_value(
    store: Store, row: dict[str, object], values: str
) -> None:
    report = taken(store, json.dumps([row]), name="list.json", country="US")
    assert (there(store), report.added, report.rejected, report.partly) == (set(values.split()), 1, 0, 0)


def test_a_cell_that_only_begins_like_json_is_named_as_it_stands(store: Store) -> None:
    report = taken(store, 'value,why\n"{""phones"": [",\n')
    assert report.rejects[0].reasons == ["'{\"phones\": [' is not a domain such as example.com."]


@pytest.mark.parametrize("name", ["Grund", "Motivo", "Raison", "Reden", "Abmeldegrund", "理由"])
def test_a_reason_is_known_in_the_languages_of_lists(store: Store, name: str) -> None:
    taken(store, f"email,{name}\na@s.example,Spam\n")
    with store.read("default") as work:
        assert [each.reason for each in service.list_(work).suppressions] == ["Spam"]


def test_rows_whose_refusal_says_no_are_suppressed_and_counted(store: Store) -> None:
    rows = "a@s.example,yes,2024-05-01\nb@s.example,no,\nc@s.example,FALSE,no\nd@s.example,,n/a\nnobody,no,\n"
    report = taken(store, f"email,unsubscribed,Opt out\n{rows}")
    assert there(store) == {f"{name}@s.example" for name in "abcd"}
    assert report.denying == {"unsubscribed": 2, "Opt out": 1}
    assert report.warnings()[0] == (
        "The column 'unsubscribed' says no in 2 rows, suppressed like every row of a list of suppressions; if these "
        "people may be written to, import the file as leads, which reads the column, or take their rows out of it "
        "before you import it"
    )
