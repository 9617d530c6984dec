"""What is asked of LinkedIn: texts as it wants them, proposals that say everything, and refusals in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overture_core.errors import InvalidInput, OvertureError, ProviderRefused, UnreadableFile
from overture_core.linkedin.accounts import AccountView
from overture_core.operations.models import Proposal
from overture_providers.linkedin import media, posts, proposals
from overture_providers.linkedin.importing import agreed_channels

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ACCOUNT = AccountView(
    member="urn:li:person:a1",
    name="Ada Moss",
    scopes=["openid", "w_member_social"],
    expires_at=NOW,
    refresh_expires_at=None,
    sandbox=True,
    connected_by="cli:ada",
    connected_at=NOW,
    expired=False,
)
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


@given(st.text())
def test_a_commentary_reads_as_it_was_written(text: str) -> None:
    assert posts.plain(posts.little(text)) == text


def test_what_means_something_in_a_commentary_is_escaped_and_hashtags_stay() -> None:
    assert posts.little("50% off (today) #spring @all") == r"50% off \(today\) {hashtag|\#|spring} \@all"


def test_a_post_tells_its_text_author_audience_and_files_and_always_asks() -> None:
    kept = [{"path": "/x/a.png", "name": "a.png", "bytes": 28, "sha256": "ab"}]
    made = proposals.post(ACCOUNT, "Hello\n| world", media=kept, visibility="CONNECTIONS")
    assert made.over is not None
    assert replace(made, over=None) == Proposal(
        kind="linkedin.post",
        params={
            "member": "urn:li:person:a1",
            "author": "urn:li:person:a1",
            "text": "Hello\n| world",
            "visibility": "CONNECTIONS",
            "media": kept,
        },
        told=[
            "Publish on LinkedIn as 'Ada Moss' (urn:li:person:a1), seen by their connections:",
            "| Hello",
            "| | world",
            "With a.png (28 bytes, SHA-256 ab).",
        ],
        sandbox=True,
        repeatable=False,
        why=["others see it under this name"],
    )


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"text": ""}, InvalidInput, "has none"),
        ({"text": "x" * 3_001}, InvalidInput, "has more"),
        ({"text": "x", "author": "urn:li:person:other"}, InvalidInput, "Only the connected member"),
        ({"text": "x", "author": "me"}, InvalidInput, "is no author"),
        ({"text": "x", "author": "urn:li:organization:1"}, ProviderRefused, "'Community Management API'"),
        (
            {"text": "x", "author": "urn:li:organization:1", "visibility": "CONNECTIONS"},
            InvalidInput,
            "page has no connections",
        ),
    ],
)
def test_what_cannot_be_posted_is_said_before_anybody_is_asked(
    arguments: dict[str, str], error: type[OvertureError], said: str
) -> None:
    with pytest.raises(error, match=said):
        proposals.post(ACCOUNT, **arguments)  # type: ignore[arg-type]


def test_files_come_from_allowed_folders_and_are_what_their_names_say(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "a.png").write_bytes(PNG)
    (allowed / "fake.png").write_bytes(b"<script>")
    (allowed / "a.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "b.png").write_bytes(PNG)
    (kept,) = media.describe(["a.png"], [allowed])
    assert (kept["name"], kept["bytes"], media.read(kept, [allowed])) == ("a.png", 28, PNG)
    with pytest.raises(UnreadableFile, match="outside the folders"):
        media.describe([str(tmp_path / "b.png")], [allowed])
    with pytest.raises(InvalidInput, match="does not begin as"):
        media.describe(["fake.png"], [allowed])
    with pytest.raises(InvalidInput, match="either pictures or one document"):
        media.describe(["a.png", "a.pdf"], [allowed])
    (allowed / "a.png").write_bytes(PNG + b"1")
    with pytest.raises(InvalidInput, match="changed since this was approved"):
        media.read(kept, [allowed])


@pytest.mark.parametrize(
    ("texts", "channels"),
    [
        (["I agree to receive e-mail about products. You can unsubscribe at any time."], ["email"]),
        (["Contact me by phone call or SMS."], ["sms", "voice"]),
        (["Do not send me emails."], []),
        (["Share my email address with your partners."], []),
        (["I accept the terms."], []),
        ([], []),
    ],
)
def test_a_consent_counts_only_for_channels_that_its_words_name(texts: list[str], channels: list[str]) -> None:
    assert agreed_channels(texts) == channels
