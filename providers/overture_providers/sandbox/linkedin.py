"""The sandbox's LinkedIn: posts, files, comments, reactions, pages and their statistics."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from overture_providers.linkedin.oauth import USERINFO_PATH
from overture_providers.sandbox.context import Sandbox
from overture_providers.sandbox.inbox import Accepted
from overture_providers.sandbox.linkedin_book import MEMBER, MEMBER_MAIL, MEMBER_NAME, PAGE, Book, number
from overture_providers.sandbox.linkedin_calls import Call, Refusal, bad, guard, require, text

URN = r"urn:li:[A-Za-z]+:[A-Za-z0-9_\-():,]+"
AUTHOR = r"urn:li:(person:[A-Za-z0-9_-]+|organization:\d+)"
REACTIONS = ("LIKE", "PRAISE", "EMPATHY", "INTEREST", "APPRECIATION", "ENTERTAINMENT")
# What the Posts API lets one change.
CHANGEABLE = {
    "commentary",
    "contentCallToActionLabel",
    "contentLandingPage",
    "reshareContext",
    "lifecycleState",
    "adContext",
}
_WRITE, _READ = ("w_member_social", "w_organization_social"), ("r_member_social", "r_organization_social")
_ADMIN = ("rw_organization_admin", "r_organization_admin")
_COUNTED: dict[str, dict[str, Any]] = {
    "organizationalEntityShareStatistics": {
        "totalShareStatistics": {
            "impressionCount": 120,
            "clickCount": 9,
            "likeCount": 4,
            "commentCount": 2,
            "shareCount": 1,
        }
    },
    "organizationalEntityFollowerStatistics": {"followerGains": {"organicFollowerGain": 12, "paidFollowerGain": 0}},
    "organizationPageStatistics": {"totalPageStatistics": {"views": {"allPageViews": {"pageViews": 87}}}},
}
MAX_FILE = 100 * 2**20


def routes(sandbox: Sandbox, book: Book) -> list[Route]:
    """Return the routes of the API."""
    api = _Api(sandbox, book)
    guarded = guard(sandbox, book)
    return [
        Route(USERINFO_PATH, guarded(api.userinfo, "profile", "openid", versioned=False), methods=["GET"]),
        Route("/rest/posts", guarded(api.create_post, *_WRITE), methods=["POST"]),
        Route("/rest/posts", guarded(api.find_posts, *_READ), methods=["GET"]),
        Route("/rest/posts/{urn}", guarded(api.get_post, *_READ), methods=["GET"]),
        Route("/rest/posts/{urn}", guarded(api.update_post, *_WRITE), methods=["POST"]),
        Route("/rest/posts/{urn}", guarded(api.delete_post, *_WRITE), methods=["DELETE"]),
        Route("/rest/images", guarded(api.begin_upload, *_WRITE), methods=["POST"]),
        Route("/rest/documents", guarded(api.begin_upload, *_WRITE), methods=["POST"]),
        Route("/dms-uploads/{urn}", api.upload, methods=["PUT"]),
        Route("/rest/socialActions/{urn}/comments", guarded(api.comment, *_WRITE), methods=["POST"]),
        Route("/rest/socialActions/{urn}/comments", guarded(api.comments, *_READ), methods=["GET"]),
        Route("/rest/reactions", guarded(api.react, *_WRITE), methods=["POST"]),
        Route("/rest/socialMetadata/{urn}", guarded(api.metadata, *_READ), methods=["GET"]),
        Route("/rest/organizationAcls", guarded(api.pages, *_ADMIN), methods=["GET"]),
        *(Route(f"/rest/{name}", guarded(api.statistics, _ADMIN[0]), methods=["GET"]) for name in _COUNTED),
    ]


class _Api:
    """The handlers."""

    def __init__(self, sandbox: Sandbox, book: Book) -> None:
        self._sandbox = sandbox
        self._book = book

    async def userinfo(self, _call: Call) -> Response:
        first, last = MEMBER_NAME.split()
        return JSONResponse(
            {"sub": MEMBER, "name": MEMBER_NAME, "given_name": first, "family_name": last, "email": MEMBER_MAIL}
        )

    async def create_post(self, call: Call) -> Response:
        body, author = call.body, text(call.body, "author", AUTHOR)
        require(call, author, "w_member_social", "w_organization_social")
        commentary = text(body, "commentary", r".*", 3_000)
        text(body, "visibility", "PUBLIC|CONNECTIONS")
        text(body, "lifecycleState", "PUBLISHED|DRAFT")
        if not isinstance(body.get("distribution"), dict):
            raise bad("ERROR :: /distribution :: field is required but not found and has no default value")
        for urn in _media(body):
            if await to_thread.run_sync(self._book.get, "file", urn) is None:
                raise bad(f"ERROR :: /content :: {urn} was not uploaded")
        urn, now = f"urn:li:share:{number()}", self._sandbox.now()
        post = {**body, "id": urn, "createdAt": int(now * 1000), "publishedAt": int(now * 1000)}
        shown = Accepted(
            urn, "linkedin", None, None, str(body["visibility"]), author, None, commentary, "published", now
        )
        await to_thread.run_sync(self._book.put, "post", urn, post)
        await to_thread.run_sync(self._sandbox.inbox.record, [shown], [])
        return Response(status_code=201, headers={"x-restli-id": urn, "x-linkedin-id": urn})

    async def find_posts(self, call: Call) -> Response:
        posts = await to_thread.run_sync(self._book.all, "post")
        if isinstance(call.query.get("ids"), list):
            return JSONResponse({"results": {post["id"]: post for post in posts if post["id"] in call.query["ids"]}})
        if call.query.get("q") != "author":
            raise bad("The finder has to be author")
        author = text(call.query, "author", AUTHOR)
        require(call, author, *_READ)
        return listed(call, [post for post in posts if post["author"] == author])

    async def get_post(self, call: Call) -> Response:
        return JSONResponse(await self._post(call))

    async def update_post(self, call: Call) -> Response:
        post = await self._post(call)
        require(call, post["author"], *_WRITE)
        changes = call.body.get("patch", {}).get("$set", {})
        if call.request.headers.get("x-restli-method") != "PARTIAL_UPDATE" or not changes or set(changes) - CHANGEABLE:
            raise bad("Only a partial update of fields that may change is taken")
        await to_thread.run_sync(self._book.put, "post", post["id"], {**post, **changes})
        return Response(status_code=204)

    async def delete_post(self, call: Call) -> Response:
        await to_thread.run_sync(self._book.take, "post", call.request.path_params["urn"])
        return Response(status_code=204)

    async def begin_upload(self, call: Call) -> Response:
        kind = call.request.url.path.removeprefix("/rest/").removesuffix("s")
        wanted = call.body.get("initializeUploadRequest")
        if call.query.get("action") != "initializeUpload" or not isinstance(wanted, dict):
            raise bad("The action has to be initializeUpload")
        require(call, text(wanted, "owner", AUTHOR), *_WRITE)
        urn = f"urn:li:{kind}:C4{number()}"
        await to_thread.run_sync(self._book.put, "upload", urn, {"owner": wanted["owner"]})
        url = f"{str(call.request.base_url).rstrip('/')}/dms-uploads/{urn}"
        return JSONResponse(
            {"value": {"uploadUrl": url, kind: urn, "uploadUrlExpiresAt": int(self._sandbox.now() + 3600) * 1000}}
        )

    async def upload(self, request: Request) -> Response:
        urn, size = str(request.path_params["urn"]), 0
        async for piece in request.stream():
            size += len(piece)
            if size > MAX_FILE:
                return Response(status_code=413)
        if not size or await to_thread.run_sync(self._book.take, "upload", urn) is None:
            return Response(status_code=400)
        await to_thread.run_sync(self._book.put, "file", urn, {"size": size})
        return Response(status_code=201)

    async def comment(self, call: Call) -> Response:
        post = await self._post(call)
        actor = text(call.body, "actor", AUTHOR)
        require(call, actor, *_WRITE)
        said = call.body.get("message")
        words = text(said if isinstance(said, dict) else {}, "text", r".+", 1_250)
        id_, now = number(), int(self._sandbox.now() * 1000)
        urn = f"urn:li:comment:({post['id']},{id_})"
        made = {
            "id": id_,
            "actor": actor,
            "object": post["id"],
            "commentUrn": urn,
            "message": {"text": words},
            "created": {"actor": actor, "time": now},
        }
        await to_thread.run_sync(self._book.put, "comment", urn, made)
        return JSONResponse(made, 201, headers={"x-restli-id": id_})

    async def comments(self, call: Call) -> Response:
        post = await self._post(call)
        every = await to_thread.run_sync(self._book.all, "comment")
        return listed(call, [each for each in every if each["object"] == post["id"]])

    async def react(self, call: Call) -> Response:
        actor = text(call.query, "actor", AUTHOR)
        require(call, actor, *_WRITE)
        root, kind = text(call.body, "root", URN), text(call.body, "reactionType", "|".join(REACTIONS))
        made = {"id": f"urn:li:reaction:({actor},{root})", "root": root, "reactionType": kind}
        await to_thread.run_sync(self._book.put, "reaction", made["id"], made)
        return JSONResponse(made, 201, headers={"x-restli-id": made["id"]})

    async def metadata(self, call: Call) -> Response:
        post = await self._post(call)
        counts: dict[str, int] = {}
        for each in await to_thread.run_sync(self._book.all, "reaction"):
            if each["root"] == post["id"]:
                counts[each["reactionType"]] = counts.get(each["reactionType"], 0) + 1
        summaries = {kind: {"reactionType": kind, "count": count} for kind, count in counts.items()}
        return JSONResponse({"entity": post["id"], "reactionSummaries": summaries})

    async def pages(self, call: Call) -> Response:
        if call.query.get("q") not in {"roleAssignee", "organization"}:
            raise bad("The finder has to be roleAssignee")
        page = {"organization": PAGE, "role": "ADMINISTRATOR", "state": "APPROVED", "roleAssignee": call.member}
        return listed(call, [page])

    async def statistics(self, call: Call) -> Response:
        name = call.request.url.path.removeprefix("/rest/")
        finder = text(call.query, "q", "organizationalEntity|organization")
        page = text(call.query, finder, r"urn:li:organization:\d+")
        if page != PAGE:
            raise Refusal(403, f"Member is not an administrator of {page}", "ACCESS_DENIED", 100)
        return listed(call, [{finder: page, **_COUNTED[name]}])

    async def _post(self, call: Call) -> dict[str, Any]:
        urn = str(call.request.path_params["urn"])
        post = await to_thread.run_sync(self._book.get, "post", urn)
        if post is None:
            raise Refusal(404, f"Could not find entity {urn}", "NOT_FOUND", 0)
        return post


def _media(body: dict[str, Any]) -> list[str]:
    content = body.get("content")
    if not isinstance(content, dict):
        return []
    media, several = content.get("media"), content.get("multiImage", {})
    return [each["id"] for each in [*([media] if media else []), *several.get("images", [])]]


def listed(call: Call, elements: list[dict[str, Any]]) -> Response:
    start, count = (int(str(call.query.get(name, usual))) for name, usual in (("start", "0"), ("count", "10")))
    paging = {"start": start, "count": count, "total": len(elements), "links": []}
    return JSONResponse({"elements": elements[start : start + count], "paging": paging})
