"""How an operation reads to the person who decides on it. The same operation always gives the same words."""

from __future__ import annotations

from overture_core.operations.models import OperationView

WHEN = "When: "


def described(shown: OperationView) -> list[str]:
    """Return everything that a person has to know of an operation."""
    where = "In the sandbox: nobody outside is reached, no money moves."
    at = f"from {shown.run_at:%Y-%m-%d %H:%M} UTC on." if shown.run_at else "as soon as it is approved."
    # What is only handed over then, and leaves later, says so itself.
    own = any(line.startswith(WHEN) for line in shown.told)
    return [
        *shown.told,
        where if shown.sandbox else "At the REAL provider.",
        *([] if own else [f"{WHEN}{at}"]),
        *(f"Asked of a person because {reason}." for reason in shown.why),
        f"Asked for by {shown.created_by}.",
    ]
