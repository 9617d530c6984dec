"""A brief from a file and from options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from overture_crew.brief import Brief, parse_brief
from overture_crew.errors import InvalidBrief

MOST_BYTES = 256 * 1024
EXAMPLE = """# A brief: what a campaign is for, whom it may reach and what it may say.
campaign: Spring win-back
goal: hear whether the topic is still of interest and book a short call
offer: we can show you in a short call what is new since we last spoke
sender_name: Example Ltd
facts:                    # what else drafts may state; nothing beyond these
  - New customers start within two weeks.
tone: friendly            # or formal
channels: [email, sms]    # each lead gets the first that may be used
audience:
  dormant_days_min: 90
  countries: [US, CA]     # empty: all
  tags: []
schedule:
  window: {start: "09:00", until: "17:00", days: [mon, tue, wed, thu, fri]}
follow_ups:               # for who has not answered
  - wait_before: 3 business days
    channels: [email]
    only_if: no_reply     # or not_opened, not_clicked, not_delivered
variants: 1               # 2: two of each message, to see which does better
replies:
  booking_link: https://example.com/book   # or price: price_..., of the allow-list
  answer_questions: true
limits:
  max_recipients: 500
  # max_tokens: 100000    # where a model thinks for the crew
"""


def read_brief(path: Path | None, given: dict[str, Any]) -> Brief:
    """Read a brief from a YAML or JSON file; what options say (dots stand for nesting) takes the place of its fields.

    Raises:
        InvalidBrief: the file cannot be read, is no YAML, or the brief is not usable.
    """
    if path is None and not given:
        msg = "Say what the crew is to do: --brief FILE (`overture crew example > brief.yaml`), or --campaign, --goal, "
        raise InvalidBrief(f"{msg}--offer and --sender.")
    raw = _loaded(path) if path else {}
    if isinstance(raw, dict):
        for name, value in given.items():
            _put(raw, name.split("."), value)
    return parse_brief(raw, str(path) if path else "that the options make")


def _loaded(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            msg = f"{path} is too large for a brief ({MOST_BYTES // 1024} KiB at most)."
            raise InvalidBrief(msg)
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        msg = f"The brief {path} cannot be read ({reason}); `overture crew example` prints one to start from."
        raise InvalidBrief(msg) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        msg = f"The brief {path} is no YAML{where}: {getattr(error, 'problem', None) or error}."
        raise InvalidBrief(msg) from error


def _put(raw: dict[Any, Any], names: list[str], value: Any) -> None:
    for name in names[:-1]:
        inner = raw.setdefault(name, {})
        if not isinstance(inner, dict):
            return  # the file's own value is wrong, and said to be so
        raw = inner
    raw[names[-1]] = value
