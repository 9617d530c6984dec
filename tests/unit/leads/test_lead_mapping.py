"""Which column is what."""

from __future__ import annotations

import pytest

from overture_core.errors import InvalidInput
from overture_core.leads.mapping import checked, propose, require_address


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
    ],
)
def test_a_header_is_understood_in_seven_languages(header: str) -> None:
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


def test_a_header_nobody_can_map_is_refused_with_its_columns_and_an_example() -> None:
    with pytest.raises(InvalidInput) as raised:
        require_address(["Adresse", "Ort"], {})
    assert raised.value.message == (
        "No column was recognised as e-mail or phone; the columns are: Adresse, Ort. "
        'Say which one it is with a mapping such as {"Adresse": "email"}.'
    )
