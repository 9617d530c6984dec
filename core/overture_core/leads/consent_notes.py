"""What an import tells of consent in its report: rows that say yes and no at once, and answers that no rule knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, Field

from overture_core.leads.dates import is_date
from overture_core.leads.header_names import CONSENTS, REFUSALS
from overture_core.leads.row_consent import Stated
from overture_core.text import quantity, quoted

MOST = 5
_COLUMNS = 20
_MANY = 10
_SHOWN = 40  # characters of a value


class ConsentNotes(BaseModel):
    """Counts of all rows so far, with a few lines of each; `refusing` are {column: rows that it refuses}, `values`
    {what was not understood: its first line}, `unclear_in` {column: how many}, `dated` whether dates are among them."""

    contradicting: int = 0
    contradicting_lines: list[int] = Field(default_factory=list)
    refusing: dict[str, int] = Field(default_factory=dict)
    unclear: int = 0
    values: dict[str, int] = Field(default_factory=dict)
    unclear_in: dict[str, int] = Field(default_factory=dict)
    dated: bool = False

    def with_rows(self, rows: Iterable[tuple[int, Stated]]) -> ConsentNotes:
        """Return these notes with those of further rows, each with its line."""
        found = self.model_copy(deep=True)
        for line, stated in rows:
            if stated.contradicts:
                found.contradicting += 1
                found.contradicting_lines = [*found.contradicting_lines, line][:MOST]
            for column in dict.fromkeys(stated.refusing):
                _count(found.refusing, column)
            found.unclear += len(stated.unclear)
            for column, text in stated.unclear:
                _count(found.unclear_in, column)
                # A report is kept, and holds nobody's details.
                shown = "one with an address" if "@" in text else quoted(text, limit=_SHOWN)
                if shown in found.values or len(found.values) < MOST:
                    found.values.setdefault(shown, line)
                    found.dated = found.dated or is_date(text)
        return found

    def warnings(self, rows: int, fields: Mapping[str, str]) -> Iterator[str]:
        """Say what a person should know of it; `rows` is how many there were, `fields` {column: field}."""
        if self.contradicting:
            lines = ", ".join(map(str, self.contradicting_lines))
            more = ", ..." if self.contradicting > len(self.contradicting_lines) else ""
            yield (
                f"{quantity(self.contradicting, 'row')} that grant and refuse the same channel (line {lines}{more}): "
                "the refusal was taken"
            )
        guessed = []
        for column, number in self.refusing.items():
            if fields.get(column) not in CONSENTS | REFUSALS:
                guessed.append(f"{quoted(column)} in {quantity(number, 'row')}")
            elif number >= _MANY and 2 * number > rows:
                yield (
                    f"{quoted(column)}, read as {fields[column]}, refuses {number:,} of {rows:,} rows. What is stored "
                    "stays refused: look at a dry run first, and map it to unread if its values say something else"
                )
        if guessed:
            told = ", ".join(guessed)
            yield (
                f"Refused by columns that are no field of consent: {told}. What is stored stays refused: "
                "look at a dry run first, and map a column that tells of something else to unread"
            )
        if self.unclear:
            values = ", ".join(f"{value} in line {line}" for value, line in self.values.items())
            columns = ", ".join(f"{quoted(column)} ({number:,})" for column, number in self.unclear_in.items())
            dates = "; a date is no yes: write yes there, and the date in a column mapped to consent_at"
            yield (
                f"{quantity(self.unclear, 'consent value')} not understood, or not wholly, in {columns}, such as "
                f"{values}: what is not changes nothing, and they are written to where nothing refuses; if it means "
                "no, write no there and import the file again; a grant names channels (email, sms, ...), apart by a "
                "blank or one of ; , | + /"
                f"{dates if self.dated else ''}"
            )


def _count(counts: dict[str, int], column: str) -> None:
    if column in counts or len(counts) < _COLUMNS:
        counts[column] = counts.get(column, 0) + 1
