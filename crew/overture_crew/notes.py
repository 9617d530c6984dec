"""What a run leaves for the next one, so that an approval given in between is not lost.

Planning a campaign again replaces its open plan and voids that plan's approval. A run therefore notes
its plan; the next run with the same brief launches that one while it is open, and plans anew otherwise.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from overture_crew.brief import Brief
from overture_crew.report import CrewReport


class _Note(BaseModel):
    brief: str
    report: CrewReport


class Notes:
    """The notes of all campaigns, one file each in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, brief: Brief, report: CrewReport) -> None:
        """Note a planned campaign, without the plan's samples, which hold addresses."""
        plan = {key: value for key, value in (report.plan or {}).items() if key != "samples"}
        note = _Note(brief=_digest(brief), report=report.model_copy(update={"plan": plan, "steps": []}))
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._file(brief).with_suffix(".new")
        unfinished.write_text(note.model_dump_json(), encoding="utf-8")
        unfinished.replace(self._file(brief))  # a killed run leaves the old note or the new one, never half

    def find(self, brief: Brief) -> CrewReport | None:
        """Return the report of the last run that planned exactly this brief, if its plan has not expired."""
        try:
            note = _Note.model_validate_json(self._file(brief).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return None
        expires = (note.report.plan or {}).get("expires_at")
        if note.brief != _digest(brief) or not expires or datetime.fromisoformat(expires) <= datetime.now(UTC):
            return None
        return note.report

    def _file(self, brief: Brief) -> Path:
        return self._folder / f"{hashlib.sha256(brief.campaign.encode()).hexdigest()[:16]}.json"


def _digest(brief: Brief) -> str:
    return hashlib.sha256(brief.model_dump_json().encode()).hexdigest()
