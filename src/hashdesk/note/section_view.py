"""How a section beyond the fixed parts of the note is laid out, for every format alike."""

from __future__ import annotations

from hashdesk.note.format import MISSING, format_value, format_with_unit, label_with_unit
from hashdesk.note.model import Note, Scalar, Section, Table
from hashdesk.note.text_tables import TextTable

_LEFT_UNITS = frozenset({"text", "ticker", "month", "date", "flag", "name", "url", "id"})
_NARROWEST, _WIDEST = 6, 46
"""Bounds of a column's weight, in characters: below, heads break inside words; above, one text starves the rest."""


def sections_of(note: Note, kind: str) -> list[Section]:
    """Sections of one kind, in reading order."""
    return [section for section in note.sections if section.kind == kind]


def text_table(table: Table) -> TextTable:
    """A table of the note as finished strings.

    Where the columns include ``unit``, it sets the unit of the row's cells of unit ``number`` and is itself not shown.
    """
    names = [column.name for column in table.columns]
    own_unit = names.index("unit") if "unit" in names else None
    shown = [(i, column) for i, column in enumerate(table.columns) if i != own_unit]
    rows = []
    for row in table.rows:
        row_unit = "" if own_unit is None else str(row[own_unit] or "")
        rows.append(tuple(_cell_text(row[i], column.unit, row_unit) for i, column in shown))
    return TextTable(
        title=table.title,
        headers=tuple(label_with_unit(column.label, column.unit) for _, column in shown),
        align="".join("l" if column.unit in _LEFT_UNITS else "r" for _, column in shown),
        rows=tuple(rows),
        note=" ".join(table.caveats),
    )


def column_widths(table: TextTable) -> str:
    """Relative widths of the columns: the longest cell or word of the head, within bounds."""
    widths = []
    for i, header in enumerate(table.headers):
        longest = max(len(text) for text in (*header.split(), *(row[i] for row in table.rows), ""))
        widths.append(min(_WIDEST, max(_NARROWEST, longest)))
    return " ".join(str(width) for width in widths)


def _cell_text(value: Scalar, unit: str, row_unit: str) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_with_unit(value, row_unit) if unit == "number" and row_unit else format_value(value, unit)
