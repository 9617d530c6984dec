"""Which column is what."""

# ruff: noqa: RUF001 (letters that look like others are what this is about)

from __future__ import annotations

import pytest

from overture_core.errors import InvalidInput
from overture_core.leads.mapping import Proposal, checked, columns_are, columns_named, propose, require_address


@pytest.mark.parametrize(
    "header",
    [
        "First Name,Last Name,E-mail,Phone,Company,Country",
        "Vorname,Nachname,E-Mail-Adresse,Telefonnummer,Firma,Land",
        "Prénom,Nom,Courriel,Téléphone,Société,Pays",
        "Nombre,Apellidos,Correo electrónico,Teléfono,Empresa,País",
        "Nome,Cognome,Indirizzo e-mail,Cellulare,Azienda,Paese",
        "Voornaam,Achternaam,E-mailadres,Telefoonnummer,Bedrijf,Land",
        "Primeiro nome,Sobrenome,Endereço de e-mail,Celular,Empresa,País",
        "Imię,Nazwisko,Adres e-mail,Numer telefonu,Nazwa firmy,Kraj",
        "Křestní jméno,Příjmení,E-mail,Telefonní číslo,Společnost,Země",
        "Förnamn,Efternamn,E-postadress,Mobilnummer,Företag,Land",
        "Fornavn,Efternavn,Mailadresse,Telefonnr.,Virksomhed,Land",
        "Fornavn,Etternavn,E-post,Mobil,Selskap,Land",
        "Etunimi,Sukunimi,Sähköposti,Puhelinnumero,Yritys,Maa",
        "Adı,Soyadı,E-posta,Cep Telefonu,Şirket,Ülke",
        "ADI,SOYADI,E-POSTA,CEP TELEFONU,FIRMA,ÜLKE",
        "Имя,Фамилия,Электронная почта,Телефон,Компания,Страна",
        "名,姓,メールアドレス,電話番号,会社名,国",
        "名,姓,电子邮箱,手机号码,公司名称,国家",
        "이름,성,이메일,휴대폰,회사명,국가",
        "Given Name,Family Name,E-mail 1 - Value,Phone 1 - Value,Organization Name,Country/Region",
        "FIRST_NAME,last-name,Email_Address,MobilePhone,companyName,country_code",
    ],
)
def test_a_header_is_understood_in_many_languages(header: str) -> None:
    fields = ["first_name", "last_name", "email", "phone", "company", "country"]
    columns = header.split(",")
    assert propose(columns, []).mapping == dict(zip(columns, fields, strict=True))


def test_columns_without_a_telling_name_are_known_by_their_values() -> None:
    sample = [
        {"A": "Ada", "B": "ada@example.com", "C": "+44 7700 900123"},
        {"A": "Bob", "B": "", "C": "(212) 555-0123"},
        {"A": "Cleo", "B": "cleo@example.org", "C": "n/a"},
    ]
    assert propose(["A", "B", "C"], sample).mapping == {"B": "email", "C": "phone"}


def test_what_values_say_is_told_with_how_many_say_it_and_dates_are_only_pointed_out() -> None:
    sample = [
        {
            "A": "https://de.linkedin.com/in/ada",
            "B": "Germany",
            "C": "ada@example.com",
            "D": "2024-05-01",
            "E": "1714521600",
        },
        {"A": "linkedin.com/in/bob", "B": "Narnia", "C": "", "D": "3 May 2024", "E": "1714521601"},
        {"A": "", "B": "France", "C": "none", "D": "", "E": "1714521602"},
        {"A": "", "B": "DE", "C": "cy@example.com", "D": "", "E": "1714521603"},
    ]
    hint = "look like it; map it to last_contact_at if that is what they tell"
    assert propose(["A", "B", "C", "D", "E"], sample) == Proposal(
        {"C": "email", "A": "linkedin_url"},
        {
            "C": "its values: 2 of 3 look like it",
            "A": "its values: 2 of 2 look like it",
            "D": f"dates: 2 of 2 {hint}",
            "E": f"dates: 4 of 4 {hint}",
        },
    )


@pytest.mark.parametrize(
    "values",
    [["2024-05-01"], ["1000234"], ["1714521600"], ["45413"], ["10.05.2024"], ["CA", "DE"], ["1.250.000"], ["0000123"]],
)
def test_numbers_dates_and_codes_are_taken_for_no_phone_and_no_country(values: list[str]) -> None:
    assert propose(["A"], [{"A": value} for value in values]).mapping == {}


@pytest.mark.parametrize(
    ("columns", "mapping"),
    [
        (["Vorname", "Name"], {"Vorname": "first_name", "Name": "last_name"}),
        (["Voornaam", "Naam"], {"Voornaam": "first_name", "Naam": "last_name"}),
        (["Prénom", "Nom"], {"Prénom": "first_name", "Nom": "last_name"}),
        (["Nom"], {"Nom": "full_name"}),
        (["Nombre"], {"Nombre": "full_name"}),
        (["이름"], {"이름": "full_name"}),
        (["First name"], {"First name": "first_name"}),
        (
            ["Name", "First name", "Last name"],
            {"Name": "full_name", "First name": "first_name", "Last name": "last_name"},
        ),
    ],
)
def test_names_in_one_column_or_two_are_told_apart(columns: list[str], mapping: dict[str, str]) -> None:
    assert propose(columns, []).mapping == mapping


def test_a_settled_column_is_left_alone_and_its_field_is_not_proposed_again() -> None:
    assert propose(["E-mail", "Mejl", "DNC", "Opt out"], [], {"Mejl": "email"}) == Proposal(
        {"DNC": "opt_out", "Opt out": "opt_out"},
        {"E-mail": "its name says email too, which 'Mejl' already is", "DNC": "its name", "Opt out": "its name"},
    )


def test_any_number_of_columns_may_be_custom_ignored_or_refusals() -> None:
    mapping = {"a": "custom", "b": "custom", "c": "ignore", "d": "ignore", "e": "opt_out", "f": "opt_out"}
    assert checked([*mapping], mapping) == mapping


def test_the_leftmost_of_two_columns_for_one_field_is_taken() -> None:
    assert propose(["E-mail", "Work Email"], []).mapping == {"E-mail": "email"}


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ({"Mejl": "email"}, "names the column 'Mejl'; the columns are: E-post, Namn"),
        ({"E-post": "mail"}, "names the field 'mail'; the fields are: email, phone"),
        ({"E-post": "email", "Namn": "email"}, "gives the same field to two columns"),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_refused_with_what_would(mapping: dict[str, str], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        checked(["E-post", "Namn"], mapping)


@pytest.mark.parametrize(
    ("columns", "names", "found"),
    [
        (["E-post ", "Namn"], ["e-post"], {"e-post": "E-post "}),
        (["Do  not Call"], [" do not call"], {" do not call": "Do  not Call"}),
        (["EMAIL", "email"], ["email"], {"email": "email"}),
        (["EMAIL", "email"], ["Email"], {}),
        (["EMAIL"], ["Email", "email"], {}),
        (["EMAIL"], ["EMAIL", "email"], {"EMAIL": "EMAIL"}),
        (["EMAIL", "email"], ["email", "Email"], {"email": "email", "Email": "EMAIL"}),
        (["E-mail"], ["Email"], {}),
    ],
)
def test_a_name_means_the_one_column_that_differs_in_case_and_blanks_alone(
    columns: list[str], names: list[str], found: dict[str, str]
) -> None:
    assert columns_named(columns, names) == found


def test_a_given_mapping_is_returned_by_the_names_of_the_file() -> None:
    assert checked(["E-post ", "Namn"], {"e-post": "email"}) == {"E-post ": "email"}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ([], "the file has no columns."),
        (["Ort", "Tel."], "the columns are: Ort, Tel."),
        ([str(n) for n in range(22)], f"the columns are: {', '.join(map(str, range(20)))} and 2 more."),
    ],
)
def test_a_sentence_that_names_the_columns_ends_well(columns: list[str], told: str) -> None:
    assert columns_are(columns) == told


def test_a_header_nobody_can_map_is_refused_with_its_columns_and_an_example() -> None:
    with pytest.raises(InvalidInput) as raised:
        require_address(["Adresse", "Ort"], {})
    assert raised.value.message == (
        "No column was recognised as e-mail or phone; the columns are: Adresse, Ort. "
        'Say which one it is with a mapping such as {"Adresse": "email"}.'
    )


@pytest.mark.parametrize(
    "name",
    [
        "Account Owner",
        "Vertriebler",
        "Kundenbetreuer",
        "Sent by",
        "Propriétaire du compte",
        "Ответственный",
        "영업 담당자",
    ],
)
def test_an_address_of_somebody_of_ours_is_not_the_leads(name: str) -> None:
    assert propose([name, "Kunde"], [{name: "us@ours.example", "Kunde": "a@x.example"}]).mapping == {"Kunde": "email"}


def test_an_address_of_a_partner_is_the_leads_in_a_list_without_any_other() -> None:
    sample = [{"Partner": "us@ours.example", "Kunde": "a@x.example", "Partner phone": "+1 212 555 0123"}]
    assert propose(["Partner", "Partner phone", "Kunde"], sample).mapping == {"Kunde": "email"}
    assert propose(["Partner", "Partner phone"], sample).mapping == {"Partner": "email", "Partner phone": "phone"}


def test_an_address_in_place_of_a_header_is_nobody_of_ours() -> None:
    assert propose(["vertriebler@x.example"], [{"vertriebler@x.example": "a@x.example"}]).mapping == {
        "vertriebler@x.example": "email"
    }


@pytest.mark.parametrize(
    ("columns", "mapping"),
    [
        (["Title", "Job Title", "E-mail"], {"Job Title": "title", "E-mail": "email"}),
        (["Titel", "Funktion"], {"Funktion": "title"}),
        (["Contact", "Name"], {"Name": "full_name"}),
        (["Vorname", "Name", "Ansprechpartner"], {"Vorname": "first_name", "Name": "last_name"}),
        (["Account", "Company"], {"Company": "company"}),
        (["Last Activity Date", "Last Contacted"], {"Last Contacted": "last_contact_at"}),
        (["Position", "Role"], {"Position": "title"}),
        (["Title", "Title (2)"], {"Title": "title"}),
        (["Contact: Title", "Title"], {"Title": "title"}),
    ],
)
def test_an_exact_name_is_taken_before_a_vague_one(columns: list[str], mapping: dict[str, str]) -> None:
    assert propose(columns, []).mapping == mapping


@pytest.mark.parametrize(
    ("columns", "mapping"),
    [
        (
            [
                *("Deal - Title", "Person - Name", "Person - Email", "Person - Phone", "Person - Organization"),
                *("Organization - Name", "Organization - Phone", "Person - Do not contact"),
            ],
            {
                "Person - Name": "full_name",
                "Person - Email": "email",
                "Person - Phone": "phone",
                "Organization - Name": "company",
                "Person - Do not contact": "opt_out",
            },
        ),
        (
            ["Person - Email - Work", "Person - Phone - Mobile"],
            {"Person - Email - Work": "email", "Person - Phone - Mobile": "phone"},
        ),
        (
            [
                "Account: Account Name",
                "Account: Phone",
                "Contact: Full Name",
                "Contact: Email",
                "Contact: Title",
                "Account Owner: Email",
            ],
            {
                "Account: Account Name": "company",
                "Contact: Full Name": "full_name",
                "Contact: Email": "email",
                "Contact: Title": "title",
            },
        ),
        (
            ["Contact > Email", "Contact: Email Opt Out"],
            {"Contact > Email": "email", "Contact: Email Opt Out": "email_opt_out"},
        ),
        (["Person - Email", "E-mail"], {"E-mail": "email"}),
        (["Person - Owner", "Deal - Contact Email", "Owner: Email"], {}),
    ],
)
def test_a_word_for_whose_a_column_is_is_left_away(columns: list[str], mapping: dict[str, str]) -> None:
    assert propose(columns, []).mapping == mapping


def test_the_columns_of_google_contacts_are_known() -> None:
    columns = [
        "First Name",
        "Last Name",
        "Organization Name",
        "Organization Title",
        "E-mail 1 - Label",
        "E-mail 1 - Value",
        "Phone 1 - Value",
    ]
    fields = {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Organization Name": "company",
        "Organization Title": "title",
    }
    assert propose(columns, []).mapping == {**fields, "E-mail 1 - Value": "email", "Phone 1 - Value": "phone"}
