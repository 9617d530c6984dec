"""Lead Sync: forms, what people filled into them, and the subscription that reports new ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from overture_core.errors import InvalidInput, ProviderRefused
from overture_core.text import clean
from overture_providers.linkedin.client import LinkedInClient
from overture_providers.linkedin.restli import Value, encode

SCOPE = ("r_marketing_leadgen_automation",)
OWNER = re.compile(r"urn:li:(sponsoredAccount|organization):\d{1,20}")
RESPONSE = re.compile(r"[A-Za-z0-9_-]{1,100}")
FIELDS = (
    "ownerInfo,associatedEntityInfo,leadMetadataInfo,owner,leadType,versionedLeadGenFormUrn,id,submittedAt,testLead,"
    "formResponse,form:(hiddenFields,creationLocale,name,id,content)"
)
PAGE = 100
_MOST_PAGES = 100
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Form:
    """A lead form. `consents` are the texts that people are asked to agree to, by id."""

    id: str
    name: str
    state: str
    questions: list[str]
    consents: dict[str, str]
    privacy_url: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered to a question. `predefined` is LinkedIn's own kind, such as EMAIL; the rest is text from
    outside."""

    predefined: str | None
    question: str
    text: str


@dataclass(frozen=True, slots=True)
class Response:
    """A form that somebody filled in. `agreed` are the texts of the consents that they gave."""

    id: str
    form: Form
    owner: str
    submitted_at: datetime
    test: bool
    answers: list[Answer] = field(repr=False)
    agreed: list[str] = field(default_factory=list)
    campaign: str | None = None


def check_owner(owner: str) -> str:
    """Return an owner's URN.

    Raises:
        InvalidInput: it is none.
    """
    if not OWNER.fullmatch(owner):
        msg = (
            f"{clean(owner, limit=100)!r} owns no lead forms; give urn:li:sponsoredAccount:NUMBER (an advertising "
            "account) or urn:li:organization:NUMBER (a page)."
        )
        raise InvalidInput(msg)
    return owner


async def forms(client: LinkedInClient, owner: str) -> list[Form]:
    """Return an owner's forms. Raises as `LinkedInClient.get` does."""
    params: dict[str, Value] = {"q": "owner", "owner": _key(owner)}
    return [_form(each) for each in await _all(client, "/rest/leadForms", params)]


async def responses(client: LinkedInClient, owner: str, since: datetime, until: datetime) -> list[Response]:
    """Return what was submitted to an owner's forms in a span of time, of which LinkedIn keeps a year.

    Raises as `LinkedInClient.get` does.
    """
    params: dict[str, Value] = {
        "q": "owner",
        "owner": _key(owner),
        "leadType": {"leadType": _lead_type(owner)},
        "limitedToTestLeads": False,
        "submittedAtTimeRange": {"start": _milliseconds(since), "end": _milliseconds(until)},
    }
    found = await _all(client, "/rest/leadFormResponses", params, fields=FIELDS)
    return [read for each in found if (read := _response(each)) is not None]


async def response(client: LinkedInClient, response_id: str) -> Response:
    """Return one response. Raises as `LinkedInClient.get` does."""
    path = f"/rest/leadFormResponses/{encode(response_id)}"
    read = _response(await client.get(path, scopes=SCOPE, fields=FIELDS))
    if read is None:
        raise ProviderRefused("LinkedIn's answer is no response to a form; nothing was imported.")
    return read


async def subscribe(client: LinkedInClient, owner: str, webhook: str) -> str:
    """Have an owner's new leads reported to `webhook`; returns the subscription's id.

    One that is there already is taken. Raises as `LinkedInClient.create` does.
    """
    kind = _lead_type(owner)
    params: dict[str, Value] = {
        "q": "criteria",
        "owner": {"value": _key(owner)},
        "leadType": {"leadType": kind},
    }
    for each in await _all(client, "/rest/leadNotifications", params):
        if each.get("webhook") == webhook and isinstance(each.get("id"), str | int):
            return clean(str(each["id"]), limit=100)
    request = {"webhook": webhook, "owner": _key(owner), "leadType": kind}
    return (await client.create("/rest/leadNotifications", request, scopes=SCOPE)).id


async def unsubscribe(client: LinkedInClient, subscription: str) -> None:
    """Have new leads reported no more. Raises as `LinkedInClient.create` does."""
    await client.delete(f"/rest/leadNotifications/{encode(subscription)}", scopes=SCOPE)


def _key(owner: str) -> dict[str, Value]:
    return {owner.split(":")[2]: owner}


def _lead_type(owner: str) -> str:
    return "SPONSORED" if ":sponsoredAccount:" in owner else "COMPANY"


async def _all(
    client: LinkedInClient, path: str, params: dict[str, Value], *, fields: str | None = None
) -> list[dict[str, Any]]:
    """Read every page of a list."""
    found: list[dict[str, Any]] = []
    for number in range(_MOST_PAGES):
        asked = {**params, "count": PAGE, "start": number * PAGE}
        page = await client.get(path, asked, scopes=SCOPE, finder=True, fields=fields)
        elements = page.get("elements")
        part = [each for each in elements if isinstance(each, dict)] if isinstance(elements, list) else []
        found += part
        if len(part) < PAGE:
            break
    return found


def _form(found: dict[str, Any]) -> Form:
    content = _object(found, "content")
    legal = _object(content, "legalInfo")
    consents = {str(each.get("id", "")): _localized(each.get("consent")) for each in _objects(legal, "consents")}
    url = legal.get("privacyPolicyUrl")
    return Form(
        id=clean(str(found.get("id", "")), limit=100),
        name=clean(str(found.get("name", "")), limit=200),
        state=clean(str(found.get("state", "")), limit=40),
        questions=[_question(each) for each in _objects(content, "questions")],
        consents=consents,
        privacy_url=clean(url, limit=500) if isinstance(url, str) else _localized(url) or None,
    )


def _response(found: dict[str, Any]) -> Response | None:
    identity, at = found.get("id"), found.get("submittedAt")
    if not isinstance(identity, str) or not RESPONSE.fullmatch(identity) or not isinstance(at, int):
        return None
    raw = _object(found, "form")
    form, filled = _form(raw), _object(found, "formResponse")
    questions = {each.get("questionId"): each for each in _objects(_object(raw, "content"), "questions")}
    answers = []
    for each in _objects(filled, "answers"):
        question = questions.get(each.get("questionId"), {})
        kind = question.get("predefinedField")
        answers.append(Answer(kind if isinstance(kind, str) else None, _question(question), _answered(each, question)))
    answers += [
        Answer(None, clean(str(each.get("name", "")), limit=100), _plain(each.get("value")))
        for each in _objects(raw, "hiddenFields")
    ]
    agreed = [
        form.consents[str(each.get("consentId"))]
        for each in _objects(filled, "consentResponses")
        if each.get("accepted") is True and form.consents.get(str(each.get("consentId")))
    ]
    owner = next((str(each) for each in _object(found, "owner").values()), "")
    sponsored = _object(_object(found, "leadMetadataInfo"), "sponsoredLeadMetadataInfo")
    name = _object(sponsored, "campaign").get("name")
    return Response(
        id=identity,
        form=form,
        owner=clean(owner, limit=100),
        submitted_at=datetime.fromtimestamp(min(max(at, 0), 4 * 10**12) / 1000, tz=UTC),
        test=found.get("testLead") is True,
        answers=[each for each in answers if each.text],
        agreed=agreed,
        campaign=clean(name, limit=200) if isinstance(name, str) else None,
    )


def _answered(answer: dict[str, Any], question: dict[str, Any]) -> str:
    details = _object(answer, "answerDetails")
    chosen = _object(details, "multipleChoiceAnswer").get("options")
    if isinstance(chosen, list):
        choices = _object(_object(question, "questionDetails"), "multipleChoiceQuestionDetails")
        names = {each.get("id"): _localized(each.get("text")) for each in _objects(choices, "options")}
        return ", ".join(names.get(each) or _plain(each) for each in chosen[:50])
    return _plain(_object(details, "textQuestionAnswer").get("answer"))


def _question(question: dict[str, Any]) -> str:
    return (_localized(question.get("question")) or clean(str(question.get("name", "")), limit=100))[:100]


def _localized(value: object) -> str:
    """Text as LinkedIn wraps it: {"localized": {"en_US": "..."}}."""
    if not isinstance(value, dict):
        return _plain(value)
    texts = value.get("localized")
    return _plain(next(iter(texts.values()), "")) if isinstance(texts, dict) else ""


def _plain(value: object) -> str:
    return clean(str(value), limit=_LONGEST) if isinstance(value, str | int | float) else ""


def _object(found: dict[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _objects(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = found.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
