"""How a section beyond the fixed parts of the note is laid out, for every format alike."""

from __future__ import annotations

from hashdesk.note.format import MISSING, format_value, format_with_unit, label_with_unit
from hashdesk.note.model import Note, Scalar, Section, Table
from hashdesk.note.text_tables import TextTable

_LEFT_UNITS = frozenset({"text", "ticker", "month", "date", "flag", "name", "url", "id"})
_LINE_CHARS = 138
"""Characters of a table's print that a line of the page holds."""
_PADDING_CHARS = 1.6
"""White space of a column."""
_NARROWEST, _WIDEST = 5, 60
"""Bounds of a column, in characters: below, heads break inside words; above, one text starves the rest."""
_WRAPS_FROM = 16
"""Texts from this length on may take several lines; what is shorter, such as an amount with its unit, stays whole."""


def sections_of(note: Note, kind: str) -> list[Section]:
    """Sections of one kind, in reading order."""
    return [section for section in note.sections if section.kind == kind]


def company_of(section: Section) -> str:
    """Ticker of a company's page; empty for other sections."""
    prefix = "company-"
    return section.id.removeprefix(prefix).upper() if section.id.startswith(prefix) else ""


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
    """Relative widths of the columns: what cells and words of the head need; long texts share what is left."""
    wanted = []
    for i, header in enumerate(table.headers):
        cells = max((len(row[i].replace("\u200b", "")) for row in table.rows), default=0)
        wanted.append(min(_WIDEST, max(_NARROWEST, cells, *map(len, header.split()))))
    room = _LINE_CHARS - _PADDING_CHARS * len(wanted)
    kept = sum(width for width in wanted if width < _WRAPS_FROM)
    long = sum(width for width in wanted if width >= _WRAPS_FROM)
    share = min(1.0, max(0.4, (room - kept) / long)) if long else 1.0
    widths = [_PADDING_CHARS + (width if width < _WRAPS_FROM else width * share) for width in wanted]
    return " ".join(f"{width:.1f}" for width in widths)


def _cell_text(value: Scalar, unit: str, row_unit: str) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_with_unit(value, row_unit) if unit == "number" and row_unit else format_value(value, unit)
