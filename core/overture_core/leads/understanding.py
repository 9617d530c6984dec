"""What a file's columns are taken for, and in which order its dates stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from overture_core.errors import InvalidInput
from overture_core.leads.dates import FoundOrder, Order, find_order
from overture_core.leads.mapping import REFUSALS, checked, propose, require_address
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Row, Source, Table, open_table
from overture_core.leads.rows import RowReader

SAMPLE = 200


def check_header(source: Source) -> None:
    """Make sure, from a file's header and first rows, that an import without options would take it on.

    Raises:
        UnreadableFile: the file cannot be read.
        InvalidInput: it has no rows, or no column is an address.
    """
    with closing(open_table(source)) as table:
        sample = list(islice(table.rows, SAMPLE))
        understand(source, table, sample, ImportOptions())
        require_rows(source, len(sample))


def require_rows(source: Source, rows: int) -> None:
    """Make sure that a file has more than a header.

    Raises:
        InvalidInput: it has not.
    """
    if rows == 0:
        msg = f"{source.filename} has a header and no rows; export it again."
        raise InvalidInput(msg)


def understand(
    source: Source, table: Table, sample: list[Row], options: ImportOptions
) -> tuple[dict[str, str], RowReader]:
    """Return what each column is taken for, and what reads a row so; `sample` are the first `SAMPLE` rows.

    Raises:
        InvalidInput: no column is an address, or the mapping does not fit the file.
    """
    cells = [row.cells for row in sample if row.cells is not None]
    own = checked(table.columns, options.mapping or {})
    proposed = propose([c for c in table.columns if c not in own], cells)
    given = set(own.values()) - REFUSALS
    mapping = {**own, **{column: field for column, field in proposed.items() if field not in given}}
    require_address(table.columns, mapping)
    dates = next((column for column, field in mapping.items() if field == "last_contact_at"), None)
    found = find_order(_values(source, sample, options, dates) if dates else ())
    reader = RowReader(mapping, default_country=options.default_country, date_order=found.order)
    if table.encoding_guessed:
        reader.warnings.append(
            f"The encoding was guessed: {table.encoding}. If names look wrong, import a copy saved as UTF-8, or name "
            "the encoding (encoding, on the command line --encoding), e.g. cp1250."
        )
    if dates:
        reader.warnings.extend(_of_dates(dates, found))
    return mapping, reader


def _values(source: Source, sample: list[Row], options: ImportOptions, column: str) -> Iterator[str]:
    """A column's cells in the whole file: a late date may say that the early ones were read the wrong way round."""
    if len(sample) < SAMPLE:
        yield from (row.cells.get(column, "") for row in sample if row.cells is not None)
        return
    with closing(open_table(source, options.encoding)) as table:
        yield from (row.cells.get(column, "") for row in table.rows if row.cells is not None)


def _of_dates(column: str, found: FoundOrder) -> Iterator[str]:
    if found.assumed:
        yield f"Dates in {column!r} could be day first or month first; they were read {found.order}."
    elif found.order is Order.MIXED:
        yield (
            f"Dates in {column!r} are day first in some rows and month first in others; those that could be either "
            "were left out."
        )
    elif found.against:
        yield f"{found.against} dates in {column!r} are not {found.order} like the others; they were left out."
