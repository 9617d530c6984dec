"""What the sandbox's LinkedIn keeps, in the sandbox's database, so that a killed sandbox goes on where it stopped."""

from __future__ import annotations

import json
import secrets
import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any

from overture_providers.sandbox.inbox import FILE_NAME

MEMBER, MEMBER_NAME, MEMBER_MAIL = "Sb8oX2mmbr", "Sandy Box", "sandy@overture.example"
PERSON = f"urn:li:person:{MEMBER}"
PAGE = "urn:li:organization:2414183"
ACCOUNT = "urn:li:sponsoredAccount:522529623"
FORM = 7733
_SCHEMA = """
CREATE TABLE IF NOT EXISTS linkedin (
  n INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, UNIQUE (kind, id)
)
"""
Document = dict[str, Any]


class Book:
    """Documents by kind and id. One connection behind a lock; every method is short."""

    def __init__(self, data_dir: Path) -> None:
        self._lock = Lock()
        self._db = sqlite3.connect(data_dir / FILE_NAME, timeout=15, check_same_thread=False, isolation_level=None)
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def put(self, kind: str, id_: str, document: Document) -> None:
        """Keep a document, in place of one of the same id."""
        with self._lock:
            self._db.execute(
                "INSERT INTO linkedin (kind, id, document) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document",
                (kind, id_, json.dumps(document)),
            )

    def get(self, kind: str, id_: str) -> Document | None:
        """Return a document."""
        with self._lock:
            row = self._db.execute("SELECT document FROM linkedin WHERE kind = ? AND id = ?", (kind, id_)).fetchone()
        return None if row is None else json.loads(row[0])

    def take(self, kind: str, id_: str) -> Document | None:
        """Return a document and keep it no longer."""
        with self._lock:
            row = self._db.execute(
                "DELETE FROM linkedin WHERE kind = ? AND id = ? RETURNING document", (kind, id_)
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def all(self, kind: str) -> list[Document]:
        """Return the documents of a kind, newest first."""
        with self._lock:
            rows = self._db.execute("SELECT document FROM linkedin WHERE kind = ? ORDER BY n DESC", (kind,)).fetchall()
        return [json.loads(row[0]) for row in rows]


def number() -> str:
    """Return a new number such as LinkedIn's ids have."""
    return str(7 * 10**18 + secrets.randbelow(10**18))


def localized(text: str) -> Document:
    """Return text as LinkedIn wraps it."""
    return {"localized": {"en_US": text}, "preferredLocale": {"country": "US", "language": "en"}}


def form() -> Document:
    """Return the one lead form that there is."""
    questions = [
        ("firstName", "FIRST_NAME", "First name"),
        ("lastName", "LAST_NAME", "Last name"),
        ("email", "EMAIL", "Email address"),
        ("company", "COMPANY_NAME", "Company name"),
        ("interest", None, "What are you interested in?"),
    ]
    return {
        "id": FORM,
        "name": "Spring guide",
        "state": "PUBLISHED",
        "owner": {"sponsoredAccount": ACCOUNT},
        "creationLocale": {"country": "US", "language": "en"},
        "hiddenFields": [{"name": "utm_source", "value": "linkedin"}],
        "content": {
            "headline": localized("Get the guide"),
            "questions": [
                {
                    "questionId": at,
                    "name": name,
                    "question": localized(text),
                    **({"predefinedField": kind} if kind else {}),
                }
                for at, (name, kind, text) in enumerate(questions, 1)
            ],
            "legalInfo": {
                "privacyPolicyUrl": "https://overture.example/privacy",
                "consents": [
                    {
                        "id": 1,
                        "checkRequired": False,
                        "consent": localized("I agree to receive e-mail about products of Overture."),
                    }
                ],
            },
        },
    }


def response(id_: str, answers: dict[int, str], *, agreed: bool, test: bool, at: float) -> Document:
    """Return a response to the form."""
    return {
        "id": id_,
        "owner": {"sponsoredAccount": ACCOUNT},
        "ownerInfo": {"sponsoredAccountInfo": {"name": "Overture ads"}},
        "leadType": "SPONSORED",
        "leadMetadataInfo": {
            "sponsoredLeadMetadataInfo": {"campaign": {"name": "Spring campaign", "type": "SPONSORED_UPDATES"}}
        },
        "associatedEntityInfo": {},
        "versionedLeadGenFormUrn": f"urn:li:versionedLeadGenForm:(urn:li:leadGenForm:{FORM},1)",
        "submittedAt": int(at * 1000),
        "testLead": test,
        "formResponse": {
            "answers": [
                {"questionId": question, "answerDetails": {"textQuestionAnswer": {"answer": text}}}
                for question, text in answers.items()
            ],
            "consentResponses": [{"consentId": 1, "accepted": agreed}],
        },
        "form": form(),
    }
