"""What an import tells of consent in its report: rows that say yes and no at once, and answers that no rule knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, Field

from overture_core.leads.row_consent import Stated
from overture_core.text import quantity, quoted

MOST = 5
_COLUMNS = 20
_SHOWN = 40  # characters of a value


class ConsentNotes(BaseModel):
    """Counts of all rows so far, with a few lines of each; `refusing` are {column that is no field of consent: rows
    that it refuses}, `values` {what was not understood: its first line}."""

    contradicting: int = 0
    contradicting_lines: list[int] = Field(default_factory=list)
    refusing: dict[str, int] = Field(default_factory=dict)
    unclear: int = 0
    values: dict[str, int] = Field(default_factory=dict)

    def with_rows(self, rows: Iterable[tuple[int, Stated]]) -> ConsentNotes:
        """Return these notes with those of further rows, each with its line."""
        found = self.model_copy(deep=True)
        for line, stated in rows:
            if stated.contradicts:
                found.contradicting += 1
                found.contradicting_lines = [*found.contradicting_lines, line][:MOST]
            for column in dict.fromkeys(stated.refusing):
                if column in found.refusing or len(found.refusing) < _COLUMNS:
                    found.refusing[column] = found.refusing.get(column, 0) + 1
            found.unclear += len(stated.unclear)
            for text in stated.unclear:
                # A report is kept, and holds nobody's details.
                shown = "one with an address" if "@" in text else quoted(text, limit=_SHOWN)
                if shown in found.values or len(found.values) < MOST:
                    found.values.setdefault(shown, line)
        return found

    def warnings(self) -> Iterator[str]:
        """Say what a person should know of it."""
        if self.contradicting:
            lines = ", ".join(map(str, self.contradicting_lines))
            more = ", ..." if self.contradicting > len(self.contradicting_lines) else ""
            yield (
                f"{quantity(self.contradicting, 'row')} that grant and refuse the same channel (line {lines}{more}): "
                "the refusal was taken"
            )
        if self.refusing:
            told = ", ".join(f"{quoted(each)} in {quantity(rows, 'row')}" for each, rows in self.refusing.items())
            yield (
                f"Refused by columns that are no field of consent: {told}. If one of them tells of something else, "
                "import the file with that column mapped to custom"
            )
        if self.unclear:
            values = ", ".join(f"{value} in line {line}" for value, line in self.values.items())
            yield (
                f"{quantity(self.unclear, 'consent value')} not understood, such as {values}: these people stay as "
                "they were, and are written to where they were; if it means no, write no there and import the file "
                "again; a grant names channels (email, sms, ...), apart by a blank or one of ; , | + /"
            )
