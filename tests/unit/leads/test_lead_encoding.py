"""How a file is encoded: what is found, what is said of a guess, and what a person may name instead."""

# ruff: noqa: RUF001 (letters that look like others are what this is about)
from __future__ import annotations

import codecs
from contextlib import closing
from pathlib import Path

import pytest
from openpyxl import Workbook

from overture_core.errors import InvalidInput, UnreadableFile
from overture_core.leads.reading import Source, open_table

PEOPLE = {
    "French": ("cp1252", "Hélène Lefèvre|François Noël|Benoît Châtelain|Anaïs Crépin|Loïc Hervé|Célestine D’Aubigné"),
    "German": ("cp1252", "Jürgen Müller|Käthe Großmann|Björn Schäfer|Günther Weiß|Jörg Strauß|Österreicher Übung"),
    "Spanish": ("cp1252", "José Muñoz|María Núñez|Íñigo Ibáñez|Begoña Peña|Sofía Rodríguez|Óscar Güell"),
    "Portuguese": ("cp1252", "João Gonçalves|Conceição Simões|Antônio Magalhães|Inês Araújo|Vinícius Camões"),
    "Italian": ("cp1252", "Niccolò Forlì|Libertà Cefalù|Mosè Zanò|Città Nuova"),
    "Nordic": ("cp1252", "Søren Kjær|Åsa Björk|Jørgen Møller|Bjørn Ødegård|Käte Sjöström|Pål Sæther"),
    "Icelandic": ("cp1252", "Sigurður Guðmundsson|Þórður Jónsson|Guðrún Björnsdóttir|Davíð Stefánsson|Ýmir Örn"),
    "capitals": ("cp1252", "CAFÉ MÜLLER|ÅKESSON AB|PEÑA Y NÚÑEZ|ÎLE DE RÉ"),
    "mixed Western": (
        "cp1252",
        "Søren Kierkegård|Hélène Dubois|José Peña|João Simões|Jürgen Groß|Zoë Brontë|Loïc Però",
    ),
    "Polish": ("cp1250", "Paweł Wójcik|Małgorzata Kamińska|Łukasz Świerczyński|Agnieszka Zięba|Michał Żółtowski"),
    "Czech": ("cp1250", "Jiří Dvořák|Tomáš Novák|Kateřina Němcová|Zdeněk Růžička|Lukáš Černý|Přemysl Horáček"),
    "Hungarian": ("cp1250", "Győző Szőke|Kertész Ágnes|Erdős Pál|Füredi Gergő|Hűvös Ernő"),
    "Croatian": ("cp1250", "Ivan Milošević|Željka Jurić|Đuro Čačić|Marko Šarić"),
    "Russian": ("cp1251", "Иван Иванов|Мария Кузнецова|Алексей Щербаков|Юлия Ёлкина|Дмитрий Соловьёв|ООО Ромашка"),
    "Ukrainian": ("cp1251", "Тарас Шевченко|Оксана Їжакевич|Андрій Коваленко|Євген Лисенко"),
    "Greek": ("cp1253", "Γιώργος Παπαδόπουλος|Μαρία Νικολάου|Ελένη Κωνσταντίνου|Κώστας Ιωάννου|Σοφία Οικονόμου"),
    "Turkish": ("cp1254", "Ayşe Yılmaz|Mehmet Öztürk|Erdoğan Çelik|Şahin Güneş|İbrahim Doğan|Gülşen Işık"),
    "Japanese": ("cp932", "山田太郎|鈴木花子|佐藤健一|高橋美咲|田中さくら|株式会社山田製作所"),
    "Korean": ("cp949", "김민수|이영희|박지훈|최수진|정현우|주식회사 한국상사"),
    "Chinese": ("gb18030", "王小伟|李娜丽|张强|刘洋|陈静|北京科技有限公司|上海市浦东新区"),
    "Taiwanese": ("big5", "陳怡君|林志明|黃淑芬|張家豪|李美玲|台北市信義區"),
    "DOS": ("cp850", "Hélène Lefèvre|François Noël|Jürgen Müller|José Muñoz"),
    "old Macintosh": ("mac-roman", "Hélène Lefèvre|François Noël|Jürgen Müller|José Muñoz"),
    "old Russian": ("koi8-r", "Иван Иванов|Мария Кузнецова|Алексей Щербаков|Дмитрий Васильев"),
}


def table_text(names: list[str]) -> str:
    lines = (f"{name};lead{number}@example.com;called twice, no answer" for number, name in enumerate(names))
    return "\n".join(["Name;E-mail;Notes", *lines, ""])


def write(folder: Path, content: bytes, name: str = "leads.csv") -> Source:
    (folder / name).write_bytes(content)
    return Source.from_path(folder / name, [folder])


def read(source: Source, encoding: str | None = None) -> tuple[str, bool, list[str]]:
    with closing(open_table(source, encoding)) as table:
        return table.encoding, table.encoding_guessed, [(row.cells or {})["Name"] for row in table.rows]


@pytest.mark.parametrize("size", ["two", "all", "many"])
@pytest.mark.parametrize("who", PEOPLE)
def test_the_names_of_many_countries_are_read_as_they_were_written(tmp_path: Path, who: str, size: str) -> None:
    encoding, people = PEOPLE[who]
    names = people.split("|")
    names = {"two": names[:2], "all": names, "many": ["Ann Smith"] * 20_000 + names * 500}[size]
    assert read(write(tmp_path, table_text(names).encode(encoding))) == (encoding, True, names)


@pytest.mark.parametrize(
    "notes",
    ["Müller", "Peña", "Nº 5", "½ kg", "50 m² and 3 m³", "£500 – 20 °C", "“Été”", "Mòr, Pìerre, José", "L’Œuvre"],
)
def test_a_few_accents_and_signs_are_western(tmp_path: Path, notes: str) -> None:
    assert read(write(tmp_path, table_text([notes]).encode("cp1252"))) == ("cp1252", True, [notes])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_says_its_encoding_itself_is_no_guess(tmp_path: Path, encoding: str) -> None:
    assert read(write(tmp_path, table_text(["Zoë"]).encode(encoding))) == (encoding, False, ["Zoë"])


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("cp1250", "cp1250"),
        ("CP1250", "cp1250"),
        ("windows-1250", "cp1250"),
        ("latin2", "iso8859-2"),
        ("l1", "iso8859-1"),
    ],
)
def test_a_person_names_the_encoding_instead(tmp_path: Path, named: str, found: str) -> None:
    content = table_text(["Jos\u00e9"]).encode("latin-1")
    assert read(write(tmp_path, content), named) == (found, False, ["José"])


def test_a_named_utf_8_does_not_trip_over_its_mark(tmp_path: Path) -> None:
    source = write(tmp_path, codecs.BOM_UTF8 + table_text(["Zoë"]).encode())
    assert read(source, "utf8") == ("utf-8-sig", False, ["Zoë"])


def test_utf_16_without_a_mark_is_read_when_named(tmp_path: Path) -> None:
    assert read(write(tmp_path, table_text(["Zoë"]).encode("utf-16-le")), "utf-16-le") == ("utf-16-le", False, ["Zoë"])


@pytest.mark.parametrize(
    "named", ["", "latin99", "rot13", "base64", "idna", "unicode_escape", "undefined", "a\x00b", "é"]
)
def test_an_unknown_encoding_is_refused_with_some_that_are_known(tmp_path: Path, named: str) -> None:
    with pytest.raises(InvalidInput, match=r"There is no encoding .*; give one such as utf-8, cp1252") as raised:
        read(write(tmp_path, b"Name;E-mail\n"), named)
    assert "\n" not in raised.value.message


@pytest.mark.parametrize(
    ("content", "named", "why"),
    [
        (b"Name\nJos\xe9\n", "utf-8", "leads.csv is not in utf-8: byte 8 does not fit; give another encoding, or none"),
        (b"Name\nJos\xe9\n", "utf-16", "leads.csv is not in utf-16: byte 0 does not fit"),
        (b"Name\nJos\x00\n", "cp1252", "leads.csv is not text in cp1252; give another encoding"),
    ],
)
def test_an_encoding_that_does_not_fit_is_refused(tmp_path: Path, content: bytes, named: str, why: str) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(write(tmp_path, content), named)
    assert raised.value.message.startswith(why)


def test_what_is_no_text_file_takes_no_encoding(tmp_path: Path) -> None:
    book = Workbook()
    book.save(tmp_path / "leads.xlsx")
    book.close()
    for source in (Source.from_path(tmp_path / "leads.xlsx", [tmp_path]), Source.from_text("email\n", "a.csv")):
        with pytest.raises(InvalidInput, match="needs no encoding; leave the encoding out"):
            read(source, "cp1252")


@pytest.mark.parametrize("content", [bytes(range(256)) * 40, bytes(range(1, 256)) * 40])
def test_what_is_no_text_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(write(tmp_path, content, "noise.csv"))
    assert "noise.csv" in raised.value.message
