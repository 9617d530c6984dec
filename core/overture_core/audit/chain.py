"""The hash chain of the audit: each entry's hash covers the one before it, so that no entry changes alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

START = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `detail` is plain JSON; `subject` is what was acted on, by its id."""

    workspace_id: str
    number: int
    at: datetime
    actor: str
    action: str
    subject: str | None
    detail: dict[str, Any]
    previous_hash: str

    def digest(self) -> str:
        """Return the SHA-256 of the entry as canonical JSON (sorted keys, no spaces, UTF-8), in hex."""
        fields = {**asdict(self), "at": self.at.astimezone(UTC).isoformat(timespec="microseconds")}
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def find_break(chained: Iterable[tuple[Entry, str] | None], *, head: tuple[int, str]) -> str | None:
    """Return what is wrong with the first broken entry, None if the chain holds.

    `chained` has the entries with their stored hashes by number, None for one that can't be read; `head` the number and
    hash of the last as they are kept beside them.
    """
    number, last = 0, START
    for each in chained:
        number += 1
        if each is None:
            return f"Entry {number} is not what was written: it cannot be read."
        entry, stored = each
        if entry.number != number:
            gone = f"Entry {number} is missing"
            later = isinstance(entry.number, int) and entry.number > number
            return f"{gone}: entry {entry.number} comes next." if later else f"{gone} or out of order."
        if entry.previous_hash != last:
            return f"Entry {number} does not follow from the one before it: one of the two was put in or exchanged."
        if entry.digest() != stored:
            return f"Entry {number} ({entry.action}) is not what was written: its hash does not fit."
        last = stored
    if number < head[0]:
        return f"Entry {number + 1} is missing: the chain ends early, {head[0]} entries were written."
    if (number, last) != head:
        return f"Entry {head[0] + 1 if number > head[0] else number} was added or changed behind the chain's head."
    return None
