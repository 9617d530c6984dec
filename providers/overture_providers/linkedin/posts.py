"""Posts, their pictures and documents, comments and reactions, as the Posts API of 2026 has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from overture_core.errors import InvalidInput, ProviderRefused
from overture_core.text import clean
from overture_providers.linkedin.client import LinkedInClient
from overture_providers.linkedin.restli import Value, encode

LONGEST_POST = 3_000  # characters
LONGEST_COMMENT = 1_250
MOST_PICTURES = 20
PERSON, ORGANIZATION = "urn:li:person:", "urn:li:organization:"
POST_URN = re.compile(r"urn:li:(share|ugcPost|activity):\d{1,25}")
AUTHOR_URN = re.compile(r"urn:li:(person:[A-Za-z0-9_-]{1,60}|organization:\d{1,20})")
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}
DOCUMENTS = {".pdf", ".doc", ".docx", ".ppt", ".pptx"}
# What means something in the "little text" that a post's commentary is written in.
_RESERVED = re.compile(r"[|{}@\[\]()<>#\\*_~]")
_HASHTAG = re.compile(r"(?<![\w#])#(\w+)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TEMPLATE = re.compile(r"\{hashtag\|\\?#\|((?:\\.|[^}\\])+)\}")

Visibility = Literal["PUBLIC", "CONNECTIONS"]
Reaction = Literal["LIKE", "PRAISE", "EMPATHY", "INTEREST", "APPRECIATION", "ENTERTAINMENT"]


@dataclass(frozen=True, slots=True)
class Medium:
    """A file that is at LinkedIn already: its URN, and the name under which readers see it."""

    urn: str
    name: str


@dataclass(frozen=True, slots=True)
class Post:
    """A post as LinkedIn has it. `text` comes from outside; `files` counts pictures and documents, and is None where
    it carries something else, such as an article or a poll."""

    urn: str
    author: str
    text: str
    visibility: str
    state: str
    created_at: datetime
    files: int | None


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment; `text` comes from outside."""

    urn: str
    actor: str
    text: str
    created_at: datetime


def little(text: str) -> str:
    """Return plain text as a post's commentary has it: what means something there is escaped, but for hashtags."""
    parts, at = [], 0
    for found in _HASHTAG.finditer(text):
        parts += [_escaped(text[at : found.start()]), rf"{{hashtag|\#|{_escaped(found[1])}}}"]
        at = found.end()
    return "".join([*parts, _escaped(text[at:])])


def plain(commentary: str) -> str:
    """Return a commentary as plain text: what `little` was given."""
    return _ESCAPED.sub(r"\1", _TEMPLATE.sub(r"\\#\1", commentary))


def post_link(urn: str) -> str:
    """Return a post's page."""
    return f"https://www.linkedin.com/feed/update/{urn}/"


def writing(author: str) -> tuple[str, ...]:
    """Return the scope for writing as an author."""
    return ("w_organization_social",) if author.startswith(ORGANIZATION) else ("w_member_social",)


def reading(author: str) -> tuple[str, ...]:
    """Return the scope for reading an author's posts."""
    return ("r_organization_social",) if author.startswith(ORGANIZATION) else ("r_member_social",)


def check_post(urn: str) -> str:
    """Return a post's URN.

    Raises:
        InvalidInput: it is none.
    """
    if not POST_URN.fullmatch(urn):
        msg = f"{clean(urn, limit=100)!r} is no post; give its URN, such as urn:li:share:7123456789012345678."
        raise InvalidInput(msg)
    return urn


def body(
    author: str, text: str, visibility: Visibility, pictures: Sequence[Medium], document: Medium | None
) -> dict[str, Any]:
    """Return the request that makes a post."""
    made: dict[str, Any] = {
        "author": author,
        "commentary": little(text),
        "visibility": visibility,
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    if document is not None:
        made["content"] = {"media": {"title": document.name, "id": document.urn}}
    elif len(pictures) == 1:
        made["content"] = {"media": {"altText": pictures[0].name, "id": pictures[0].urn}}
    elif pictures:
        made["content"] = {"multiImage": {"images": [{"id": each.urn, "altText": each.name} for each in pictures]}}
    return made


async def publish(client: LinkedInClient, request: dict[str, Any]) -> str:
    """Make a post, once; returns its URN. Raises as `LinkedInClient.create` does."""
    made = await client.create("/rest/posts", request, scopes=writing(request["author"]))
    return made.id


async def edit(client: LinkedInClient, urn: str, text: str, author: str) -> None:
    """Change a post's text. Raises as `LinkedInClient.create` does."""
    await client.update(f"/rest/posts/{encode(urn)}", {"commentary": little(text)}, scopes=writing(author))


async def remove(client: LinkedInClient, urn: str, author: str) -> None:
    """Delete a post. Raises as `LinkedInClient.create` does."""
    await client.delete(f"/rest/posts/{encode(urn)}", scopes=writing(author))


async def get(client: LinkedInClient, urn: str) -> Post:
    """Return a post. Raises as `LinkedInClient.get` does."""
    scopes = ("r_member_social", "r_organization_social")
    return _post(await client.get(f"/rest/posts/{encode(urn)}", scopes=scopes))


async def by_author(client: LinkedInClient, author: str, *, count: int = 20) -> list[Post]:
    """Return an author's newest posts. Raises as `LinkedInClient.get` does."""
    params: dict[str, Value] = {"author": author, "q": "author", "count": count, "sortBy": "LAST_MODIFIED"}
    found = await client.get("/rest/posts", params, scopes=reading(author), finder=True)
    return [_post(each) for each in _elements(found)]


async def comment(client: LinkedInClient, urn: str, actor: str, text: str) -> str:
    """Comment on a post, once; returns the comment's URN or id. Raises as `LinkedInClient.create` does."""
    request = {"actor": actor, "object": urn, "message": {"text": text}}
    made = await client.create(f"/rest/socialActions/{encode(urn)}/comments", request, scopes=writing(actor))
    named = made.body.get("commentUrn")
    return clean(named, limit=200) if isinstance(named, str) else made.id


async def comments(client: LinkedInClient, urn: str) -> list[Comment]:
    """Return a post's comments. Raises as `LinkedInClient.get` does."""
    scopes = ("r_organization_social", "r_member_social")
    found = await client.get(f"/rest/socialActions/{encode(urn)}/comments", scopes=scopes)
    return [
        Comment(
            _text(each, "commentUrn", 200) or _text(each, "id", 200),
            _text(each, "actor", 100),
            clean(_text(each.get("message"), "text", 2_000), keep_lines=True),
            _moment((each.get("created") or {}).get("time")),
        )
        for each in _elements(found)
    ]


async def react(client: LinkedInClient, urn: str, actor: str, reaction: Reaction) -> None:
    """React to a post. Raises as `LinkedInClient.create` does."""
    request = {"root": urn, "reactionType": reaction}
    await client.create("/rest/reactions", request, {"actor": actor}, scopes=writing(actor))


async def reactions(client: LinkedInClient, urn: str) -> dict[str, int]:
    """Return how many reacted to a post, by reaction. Raises as `LinkedInClient.get` does."""
    scopes = ("r_organization_social", "r_member_social")
    found = await client.get(f"/rest/socialMetadata/{encode(urn)}", scopes=scopes)
    summaries = found.get("reactionSummaries")
    counted = summaries if isinstance(summaries, dict) else {}
    return {
        clean(str(name), limit=40): each["count"]
        for name, each in counted.items()
        if isinstance(each, dict) and isinstance(each.get("count"), int)
    }


async def upload(client: LinkedInClient, owner: str, name: str, data: bytes, *, document: bool) -> Medium:
    """Hand a picture or a document to LinkedIn, which shows it to nobody before a post names it.

    Raises as `LinkedInClient.create` does.
    """
    kind = "document" if document else "image"
    request = {"initializeUploadRequest": {"owner": owner}}
    path, action = f"/rest/{kind}s", {"action": "initializeUpload"}
    value = (await client.create(path, request, action, scopes=writing(owner))).body.get("value")
    urn, url = _text(value, kind, 200), _text(value, "uploadUrl", 4_000)
    if not urn.startswith(f"urn:li:{kind}:") or not url:
        raise ProviderRefused("LinkedIn did not say where the file goes; nothing was published.")
    await client.upload(url, data)
    return Medium(urn, name)


def _escaped(text: str) -> str:
    return _RESERVED.sub(lambda found: f"\\{found[0]}", text)


def _post(found: dict[str, Any]) -> Post:
    return Post(
        _text(found, "id", 200),
        _text(found, "author", 100),
        clean(plain(_text(found, "commentary", 8_000)), limit=LONGEST_POST, keep_lines=True),
        _text(found, "visibility", 40),
        _text(found, "lifecycleState", 40),
        _moment(found.get("publishedAt") or found.get("createdAt")),
        _files(found.get("content")),
    )


def _files(content: object) -> int | None:
    """How many files a post's content holds, in the shapes that `body` gives it."""
    if not content:
        return 0
    media = content.get("media") if isinstance(content, dict) else None
    several = content.get("multiImage") if isinstance(content, dict) else None
    images = several.get("images") if isinstance(several, dict) else None
    return len(images) if isinstance(images, list) else 1 if isinstance(media, dict) else None


def _elements(found: dict[str, Any]) -> list[dict[str, Any]]:
    elements = found.get("elements")
    return [each for each in elements if isinstance(each, dict)] if isinstance(elements, list) else []


def _text(found: object, name: str, limit: int) -> str:
    value = found.get(name) if isinstance(found, dict) else None
    return value[:limit] if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _moment(value: object) -> datetime:
    """LinkedIn's times are milliseconds since 1970."""
    number = value if isinstance(value, int) and 0 <= value < 4 * 10**12 else 0
    return datetime.fromtimestamp(number / 1000, tz=UTC)
