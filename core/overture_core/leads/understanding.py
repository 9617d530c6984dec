"""What a file's columns are taken for, and in which order its dates stand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import NamedTuple

from overture_core.errors import InvalidInput
from overture_core.leads.dates import FoundOrder, Order, OrderFinder
from overture_core.leads.header_names import PREFIX, field_of, has_others_addresses
from overture_core.leads.mapping import (
    CUSTOM,
    FIELDS,
    IGNORE,
    SEVERAL,
    UNREAD,
    ColumnRead,
    Proposal,
    checked,
    columns_named,
    described,
    is_phone,
    propose,
    require_address,
)
from overture_core.leads.options import ImportOptions
from overture_core.leads.reading import Row, Source, Table, open_table
from overture_core.leads.rows import RowReader
from overture_core.leads.telling import BY_NAME, is_about_else, sounds_by_dates, telling
from overture_core.text import quantity, quoted

SAMPLE = 200
KEPT = (CUSTOM, UNREAD)
UNREAD_ANSWERS = "holds yes and no, not read for consent"
DATES = ("last_contact_at", "consent_at")


class Understood(NamedTuple):
    """What each column is taken for, {column: field}, what reads a row so, and the reasons, column by column."""

    mapping: dict[str, str]
    reader: RowReader
    columns: list[ColumnRead]


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


def understand(source: Source, table: Table, sample: list[Row], options: ImportOptions) -> Understood:
    """Return what each column is taken for; `sample` are the first `SAMPLE` rows.

    A mapping that was given counts first, then a saved one, then names, then values.

    Raises:
        InvalidInput: no column is an address, or the mapping does not fit the file.
    """
    cells = [row.cells for row in sample if row.cells is not None]
    own = checked(table.columns, options.mapping or {})
    remembered = options.saved_mapping or {}
    known = columns_named(table.columns, remembered)
    saved = _usable({column: remembered[name] for name, column in known.items()}, own)
    settled = {**own, **saved}
    proposed = propose(table.columns, cells, settled)
    mapping = {column: field for column, field in {**settled, **proposed.mapping}.items() if field not in KEPT}
    require_address(table.columns, mapping, table.too_wide)
    about_else = _about_else([column for column in table.columns if column not in mapping], cells)
    why = {
        **dict.fromkeys(
            about_else, "its name sounds like consent and its values do not, so it is not read for refusals"
        ),
        **proposed.why,
        **dict.fromkeys(saved, "the saved mapping"),
        **dict.fromkeys(own, "you said so"),
    }
    unread = {column: field for column, field in settled.items() if field == UNREAD}
    columns = [column for column, field in mapping.items() if field in DATES]
    orders = _orders(source, sample, options, columns)
    reader = RowReader(
        mapping,
        default_country=options.default_country,
        date_orders={mapping[column]: found.order for column, found in orders.items()},
        about_else={*about_else, *unread},
    )
    reader.warnings.extend(table.notes)
    if table.encoding_guessed:
        reader.warnings.append(
            f"The encoding was guessed: {table.encoding}. If names look wrong, import a copy saved as UTF-8, or name "
            "the encoding (encoding, on the command line --encoding), e.g. cp1250."
        )
    missing = [name for name in remembered if name not in known]
    reader.warnings.extend(_of_mapping(table.columns, settled, proposed, missing))
    custom = [column for column in table.columns if column not in mapping and settled.get(column) != UNREAD]
    reader.warnings.extend(_of_telling(custom, about_else, cells))
    reader.warnings.extend(_of_others([column for column in custom if column not in settled], cells))
    for column, found in orders.items():
        reader.warnings.extend(_of_dates(column, found))
    if options.preview:
        reader.warnings.append(f"Only the beginning was looked at, {quantity(len(sample), 'row')}; nothing was stored.")
    shown = cells if options.dry_run else ()  # what is stored of an import holds nobody's details
    return Understood(mapping, reader, list(described(table.columns, {**mapping, **unread}, why, shown)))


def marked(columns: list[ColumnRead], answering: Collection[str]) -> list[ColumnRead]:
    """Return columns with those marked that hold yes and no alone and were not read for consent."""
    return [
        each.model_copy(update={"why": f"{each.why}; {UNREAD_ANSWERS}"}) if each.column in answering else each
        for each in columns
    ]


def _usable(saved: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """What of a saved mapping nobody said otherwise, nor gave its field to another column."""
    given = set(own.values()) - SEVERAL
    return {column: field for column, field in saved.items() if column not in own and field not in given}


def _of_mapping(
    columns: list[str],
    settled: Mapping[str, str],
    proposed: Proposal,
    missing: Sequence[str],
) -> Iterator[str]:
    """Say what a person may want to settle: fields that two columns could be, and saved columns that are missing."""
    for column in columns:
        if column not in settled and column not in proposed.mapping and (field := field_of(column)) in FIELDS:
            yield (
                f"{quoted(column)} was kept as a custom field: {proposed.why[column]}. A mapping can settle it, to "
                f"{field}, {CUSTOM} or {IGNORE}."
            )
        elif column in proposed.mapping and proposed.why[column].startswith("its values"):
            yield f"{quoted(column)} was taken for {proposed.mapping[column]} by {proposed.why[column]}."
    if missing:
        shown = ", ".join(quoted(column) for column in missing[:5])
        yield f"The saved mapping has {quantity(len(missing), 'column')} that the file has not: {shown}."


def _about_else(columns: list[str], sample: list[dict[str, str]]) -> set[str]:
    """Return the columns whose names tell of consent and whose values do not."""
    return {column for column in columns if is_about_else(column, _values(column, sample))}


def _values(column: str, sample: Sequence[Mapping[str, str]]) -> Iterator[str]:
    return (row.get(column, "") for row in sample)


def _of_telling(columns: list[str], about_else: Collection[str], sample: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Name the columns without a field that are read for refusals, and those that may tell of consent and are not."""
    read, sounding = [], []
    for column in columns:
        found = telling(column)
        if found.reads in BY_NAME and column not in about_else:
            read.append(quoted(column))
        elif found.sounds or sounds_by_dates(column, _values(column, sample)):
            sounding.append(quoted(column))
    if read:
        yield (
            f"Kept as custom fields and read for refusals by their names, granting nothing: {', '.join(read)}. A "
            f"mapping can settle them: to a field such as email_opt_in or opt_out, or to {UNREAD}."
        )
    if sounding:
        yield (
            f"Not read for consent, though their names sound like it: {', '.join(sounding)}. If people agree or refuse "
            "in one, map it to a field such as email_opt_in or opt_out."
        )


def _of_others(columns: list[str], sample: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Name the columns whose addresses are not taken for the lead's, being called like those of somebody else."""
    for column in columns:
        if column.startswith(PREFIX) or not has_others_addresses(column):
            continue
        if any("@" in cell[1:] or is_phone(cell) for row in sample if (cell := row.get(column, "").strip())):
            yield (
                f"{quoted(column)} sounds like somebody else's: its addresses were not taken for the lead's. If they "
                "are, map it to email or phone, or call it Email 2 or Phone 2 beside another one."
            )


def _orders(source: Source, sample: list[Row], options: ImportOptions, columns: list[str]) -> dict[str, FoundOrder]:
    """How the columns of dates are written in the whole file: a late date may say how the early ones are read."""
    finders = {column: OrderFinder() for column in columns}
    for row in _all_rows(source, sample, options) if columns else ():
        for column, finder in finders.items():
            if row.cells is not None:
                finder.see(row.cells.get(column, ""))
    found = {column: finder.found() for column, finder in finders.items()}
    if options.dates is None:
        return found
    return {
        column: each._replace(order=options.dates.order, assumed=False, against=0) for column, each in found.items()
    }


def _all_rows(source: Source, sample: list[Row], options: ImportOptions) -> Iterator[Row]:
    if len(sample) < SAMPLE or options.preview:
        yield from sample
        return
    # All of it was tried in its encoding when it was opened for the import.
    with closing(open_table(source, options.encoding, whole=False)) as table:
        yield from table.rows


def _of_dates(column: str, found: FoundOrder) -> Iterator[str]:
    if found.assumed:
        yield (
            f"Dates in {column!r} could be day first or month first; they were read {found.order}. If that is wrong, "
            "say so (dates, on the command line --dates month-first)."
        )
    elif found.order is Order.MIXED:
        yield (
            f"Dates in {column!r} are day first in some rows and month first in others; those that could be either "
            "were left out."
        )
    elif found.against:
        are, were = ("is", "was") if found.against == 1 else ("are", "were")
        yield (
            f"{quantity(found.against, 'date')} in {column!r} {are} not {found.order} like the others and "
            f"{were} left out."
        )
    if found.short_years:
        yield f"Years of two digits in {column!r} were read as 1969 to 2068."
    if found.serials:
        yield f"Numbers in {column!r} were read as Excel's count of days."
    if found.unix:
        yield f"Numbers in {column!r} were read as Unix times."
