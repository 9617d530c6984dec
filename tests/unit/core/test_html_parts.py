"""The HTML part of a mail: what leads wrote stays text in it, whatever it is, and the law's lines are there."""

from __future__ import annotations

from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import TemplateError
from overture_core.messages.content import compose
from overture_core.settings import Settings
from overture_core.storage.schema import Template
from overture_core.templates.markup import check_html, html_from_text, text_of_html
from overture_core.templates.render import MissingField, fields_of_all

STYLE = "color:#333333;background-color:#ffffff;font-size:12px"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOSTILE = [
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</p></body>", "<!--", "&lt;b&gt;", "{{ email }}"),
    *("\u0338onmouseover=x", "' onclick='x", "javascript:x", "</style>", "]]>", "\u0301", "&", "<", ">", "a\u200bb"),
]


def template(body_html: str | None, body: str = "Hi {{ first_name }}") -> Template:
    return Template(
        id="tpl_1", workspace_id="w", name="t", version=1, channel="email", subject="Hi", body=body, created_at=NOW,
        body_html=body_html,
    )  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, postal_address="Müller & Co, 1 Road", sandbox_only=True)


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.data = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.data += data


def seen(html: str) -> Seen:
    made = Seen()
    made.feed(html)
    made.close()
    return made


@given(value=st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=40).filter(str.strip)))
def test_a_value_never_becomes_more_than_text(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    settings = Settings(data_dir=tmp_path_factory.getbasetemp(), sandbox_only=True)
    made = template("<p>{{ first_name }}</p><b>{{ custom.x }}</b>", "Hi")
    found = compose(settings, made, "msg_1", {"first_name": value, "custom": {"x": value}}).html or ""
    plain = compose(settings, made, "msg_1", {"first_name": "Ada", "custom": {"x": "Ada"}}).html or ""
    assert seen(found).tags == seen(plain).tags


def test_both_parts_carry_the_address_and_the_link(settings: Settings) -> None:
    made = compose(settings, template("<body><p>Hi {{ first_name }}</p></body>"), "msg_1", {"first_name": "A & B"})
    assert made.html is not None
    assert made.unsubscribe_url is not None
    assert "Müller & Co, 1 Road" in made.body
    assert made.unsubscribe_url in made.body
    assert made.html == (
        f'<body><p>Hi A &amp; B</p><hr><p style="{STYLE}">Müller &amp; Co, 1 Road<br>'
        f'<a style="{STYLE}" href="{made.unsubscribe_url}">Unsubscribe</a></p></body>'
    )


def test_what_the_template_has_is_not_written_twice(settings: Settings) -> None:
    own = '<p>Hi {{ first_name }}</p><p>{{ postal_address }} <a href="{{ unsubscribe_url }}">No more</a></p>'
    made = compose(settings, template(own), "msg_1", {"first_name": "Ada"})
    assert (made.html or "").count("href") == 1
    assert unescape(made.html or "").count("Müller & Co, 1 Road") == 1


@pytest.mark.parametrize(
    ("before", "own"),
    [
        ("", '<a href="{{ unsubscribe_url }}"></a><!-- Unsubscribe -->'),
        ("", "<p style='color:#ffffff'>{{ postal_address }} <a href='{{ unsubscribe_url }}'>u</a></p>"),
        (
            "",
            "<p style='color:#eee'>{{ postal_address }} <a href='{{ unsubscribe_url }}'>u</a></p>",
        ),
        ("<style>p { color: #ffffff }</style>", "<p>{{ postal_address }} <a href='{{ unsubscribe_url }}'>u</a></p>"),
    ],
)
def test_what_cannot_be_read_does_not_count(settings: Settings, before: str, own: str) -> None:
    source = f"{before}<p>Hi</p>{own}"
    check_html(source)
    made = compose(settings, template(source), "msg_1", {"first_name": "Ada"})
    line = f'<a style="{STYLE}" href="{made.unsubscribe_url}">Unsubscribe</a></p>'
    assert (made.html or "").endswith(line)


@pytest.mark.parametrize(
    ("source", "start"),
    [
        ("<div><a href='https://x.example'>Hi", "<div><a href='https://x.example'>Hi</a></div><hr>"),
        ("<body><table><tr><td>Hi</body>", "<body><table><tr><td>Hi</td></tr></table><hr>"),
        ("<p>Hi</p><!-- </body> -->", "<p>Hi</p><!-- </body> --><hr>"),
    ],
)
def test_our_lines_stand_outside_of_everything_that_is_open(settings: Settings, source: str, start: str) -> None:
    assert (compose(settings, template(source), "msg_1", {"first_name": "Ada"}).html or "").startswith(start)


@pytest.mark.parametrize(
    "source",
    [
        "<div style='display:none'>x</div>",
        "<div style='DISPLAY : none'>x</div>",
        "<div style='dis\\70lay:none'>x</div>",
        "<div style='visibility:hidden'>x</div>",
        "<div style='font-size:0'>x</div>",
        "<div style='font-size:1px'>x</div>",
        "<div style='font:0/0 a'>x</div>",
        "<div style='opacity:0'>x</div>",
        "<div style='color:transparent'>x</div>",
        "<div style='color:#33333300'>x</div>",
        "<div style='margin-left:-9999px'>x</div>",
        "<div style='position:absolute'>x</div>",
        "<div style='overflow:hidden;max-height:0'>x</div>",
        "<p hidden>Hi",
        "<style>p{display:none}</style><p>Hi",
        "<style>@media screen { p { display: none } }</style><p>Hi",
        "<style>p{display:none; a{color:red}}</style><p>Hi",
        "<style>p{display:none</style><p>Hi",
        "<p style='display:none;{}'>Hi",
        "<style>p{color:#fff !important}</style><p>Hi",
        "<details>x</details>",
    ],
)
def test_html_that_hides_is_refused(source: str) -> None:
    with pytest.raises(TemplateError, match=r"hid|style|seen"):
        check_html(source)


def test_text_alone_stays_text_alone(settings: Settings) -> None:
    assert compose(settings, template(None), "msg_1", {"first_name": "Ada"}).html is None


def test_a_field_that_the_html_alone_uses_has_to_be_there_too(settings: Settings) -> None:
    made = template("<p>{{ company }}</p>")
    assert fields_of_all(made) == {"first_name", "company"}
    with pytest.raises(MissingField):
        compose(settings, made, "msg_1", {"first_name": "Ada"})


@pytest.mark.parametrize(
    "source",
    [
        '<a href="{{ custom.link }}">x</a>',
        "<a href={{ unsubscribe_url }}>x</a>",
        '<a href="https://x.example/{{ unsubscribe_url }}">x</a>',
        '<a title="{{ unsubscribe_url }}">x</a>',
        '<p {% if company %}class="x"{% endif %}>x</p>',
        "<{{ first_name }}>",
        "</{{ first_name }}>",
        "<style>p { color: {{ company }} }</style>",
        "<style>p {}",
        "<!-- {{ company }} -->",
        "<!-- open",
        "<script>x()</script>",
        "<form action='https://x.example'></form>",
        "<p onclick='x()'>x</p>",
        "<a href='javascript:x()'>x</a>",
        "<a href='java&#10;script:x()'>x</a>",
        "<a href='//x.example'>x</a>",
        "<p>x</p><a title='",
        "{% raw %}{{ {% endraw %}<script>x()</script>}}",
        "{{ '}}' }}<script>x()</script>",
        "<p>\ue000</p>",
    ],
)
def test_html_in_which_a_field_could_act_is_refused(source: str) -> None:
    with pytest.raises(TemplateError):
        check_html(source)


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hi {{ first_name | default('there') }} {% if company %}of <b>{{ company }}</b>{% endif %}</p>",
        "<style>p { color: red }</style><p>{{ postal_address }}</p><a href='{{ unsubscribe_url }}'>x</a>",
        "<style>@media screen { .a { width: 100%; padding: 0 8px } }</style><td style='font:12px/1.5 Arial'>x</td>",
        "<p style='color:#555; font-size:12px; margin:0 auto; display:block; border:1px solid #eee'>x</p>",
        "<!doctype html><html><body><img src='https://x.example/a.png' alt='x'><br/>a < b & c</body></html>",
    ],
)
def test_ordinary_html_is_taken(source: str) -> None:
    check_html(source)


def test_html_is_made_from_text() -> None:
    source = (
        "# News for {{ first_name }}\n\nHi **{{ first_name }}**, a < b & *c*.\nSee https://x.example/a?b=1&c=2.\n\n"
        "- one\n- [two](https://x.example/2)\n\nhttps://x.example/{{ custom.code }}\n\n{{ unsubscribe_url }}"
    )
    made = html_from_text(source)
    assert made == (
        "<h1>News for {{ first_name }}</h1>\n"
        "<p>Hi <strong>{{ first_name }}</strong>, a &lt; b &amp; <em>c</em>.<br>\n"
        'See <a href="https://x.example/a?b=1&amp;c=2">https://x.example/a?b=1&amp;c=2</a>.</p>\n'
        '<ul>\n<li>one</li>\n<li><a href="https://x.example/2">two</a></li>\n</ul>\n'
        "<p>https://x.example/{{ custom.code }}</p>\n"
        '<p><a href="{{ unsubscribe_url }}">{{ unsubscribe_url }}</a></p>'
    )
    check_html(made)


_MADE = {"p", "br", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "a"}


@given(st.text(st.sampled_from("ab<>&\"'*_[]()#- \n/:."), max_size=60))
def test_html_made_from_any_text_is_taken_and_reads_the_same(text: str) -> None:
    made = html_from_text(text)
    check_html(made)
    assert {tag for tag, _ in seen(made).tags} <= _MADE


def test_the_person_who_decides_sees_where_links_lead() -> None:
    picture = "<img src='https://y/z' alt='Y'>"
    html = f"<style>x</style><p>Hi&nbsp;<b>Ada</b></p><a href='https://x.example'>our site</a>{picture}"
    assert text_of_html(html) == "Hi Ada\nour site <https://x.example>[picture Y <https://y/z>]"
