"""Sheets of tables: one per table of the note, with formulas where a column follows from others."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hashdesk.note.format import unit_label
from hashdesk.note.model import Column, Scalar, Table
from hashdesk.note.xlsx_book import (
    FIRST_DATA_ROW,
    RULE_GREY,
    Book,
    Formula,
    Row,
    TableSheet,
    number_format,
    range_name,
)

_TEXT_UNITS = frozenset({"text", "ticker", "date", "month", "flag", "url"})
LINK_BLUE = "#0B5394"
_NARROWEST, _WIDEST = 11.0, 60.0
_LONG_TEXT = 40
_SOURCES_NAMED = 3
_WIDEST_PAGE = 270
"""Characters across a landscape page that can still be read on paper."""


def missing_note(table: Table) -> str:
    """One line that says how many cells are empty because the value is not known."""
    empty = sum(cell is None for row in table.rows for cell in row)
    return f"{empty} empty cell{'s' if empty != 1 else ''}: n/a, not known." if empty else ""


def _width(column: Column, cells: list[Scalar]) -> float:
    heading = max(len(word) for word in column.label.split()) + 3.0
    texts = [len(cell) for cell in cells if isinstance(cell, str)]
    if texts:
        return min(_WIDEST, max(heading, max(texts) + 2.0))
    return max(_NARROWEST, heading, len(unit_label(column.unit)) + 1.0)


def write_table(
    book: Book,
    table: Table,
    name: str,
    *,
    formulas: Mapping[str, Formula] | None = None,
    prefix: str | None = None,
) -> TableSheet:
    """Write a table on its own sheet.

    Parameters
    ----------
    book : Book
        The workbook.
    table : Table
        What to write; its values are the cached results of formula columns.
    name : str
        Name of the sheet.
    formulas : mapping of column name to function, optional
        Gives the formula of a cell from its :class:`Row`, or None where the value must stand as it came.
    prefix : str, optional
        Names every column's span ``<prefix>_<column>``.
    """
    formulas = formulas or {}
    few = ", ".join(table.sources) if len(table.sources) <= _SOURCES_NAMED else "listed under the table"
    facts = [f"Sources: {few}." if table.sources else "", missing_note(table), *table.caveats]
    sheet = book.sheet(name, table.title, " ".join(fact for fact in facts if fact))
    place = TableSheet(sheet, table, {column.name: index for index, column in enumerate(table.columns)})
    cells = [[row[col] for row in table.rows] for col in range(len(table.columns))]
    widths = [_width(column, values) for column, values in zip(table.columns, cells, strict=True)]
    _write_headings(place, widths)
    for col, column in enumerate(table.columns):
        sheet.worksheet.set_column(col, col, widths[col])
        _write_column(place, col, column, cells[col], formulas.get(column.name))
        if prefix and table.rows:
            book.define(range_name(prefix, column.name), place.span(column.name))
    for index, row in enumerate(table.rows):
        texts = [(cell, width) for cell, width in zip(row, widths, strict=True) if isinstance(cell, str)]
        sheet.fit_row(FIRST_DATA_ROW + index, [pair for pair in texts if len(pair[0]) > _LONG_TEXT])
    if len(table.sources) > _SOURCES_NAMED:
        for offset, source in enumerate(("Sources (addresses on the sheet of sources)", *table.sources)):
            sheet.text(place.last_row + 3 + offset, 0, source, color=RULE_GREY)
    if table.rows:
        sheet.worksheet.autofilter(FIRST_DATA_ROW - 1, 0, place.last_row, len(table.columns) - 1)
    return place


def _write_headings(place: TableSheet, widths: list[float]) -> None:
    """Write label, unit and name of every column, kept in sight and repeated on every printed page."""
    sheet, columns = place.sheet, place.table.columns
    numeric = {col for col, column in enumerate(columns) if column.unit not in _TEXT_UNITS}
    labels = [column.label for column in columns]
    units = ["" if column.unit == "number" else unit_label(column.unit) for column in columns]
    names = [column.name for column in columns]
    sheet.headings(FIRST_DATA_ROW - 3, labels, numeric)
    sheet.headings(FIRST_DATA_ROW - 2, units, numeric, bold=False)
    sheet.headings(FIRST_DATA_ROW - 1, names, bold=False, color=RULE_GREY, font_size=7, text_wrap=False)
    # Words of a label break badly in a narrow column: allow for it.
    sheet.fit_row(FIRST_DATA_ROW - 3, [(label, 0.9 * width) for label, width in zip(labels, widths, strict=True)])
    sheet.worksheet.freeze_panes(FIRST_DATA_ROW, 1)
    sheet.worksheet.repeat_rows(FIRST_DATA_ROW - 3, FIRST_DATA_ROW - 1)
    sheet.worksheet.repeat_columns(0)
    sheet.worksheet.fit_to_pages(math.ceil(sum(widths) / _WIDEST_PAGE), 0)


def _write_column(place: TableSheet, col: int, column: Column, cells: list[Scalar], formula: Formula | None) -> None:
    """Write one column with one number format, so that figures line up and read alike."""
    sheet = place.sheet
    numbers = sorted(abs(cell) for cell in cells if isinstance(cell, float | int) and cell)
    number = number_format(column.unit, numbers[len(numbers) // 2] if numbers else 0.0)
    names = [c.name for c in place.table.columns]
    side = {"align": "left", "indent": int(col > 0)} if column.unit in {"date", "month"} else {}
    for index, cell in enumerate(cells):
        row = FIRST_DATA_ROW + index
        text = None
        if formula is not None and cell is not None:
            text = formula(Row(index, place.columns, dict(zip(names, place.table.rows[index], strict=True))))
        if text is not None:
            sheet.formula(row, col, text, cell, column.unit, number=number)
        elif column.unit == "url" and isinstance(cell, str) and cell.startswith("http"):
            sheet.worksheet.write_url(row, col, cell, sheet.book.style("", color=LINK_BLUE, indent=1))
        elif isinstance(cell, str):
            sheet.value(row, col, cell, indent=int(col > 0), text_wrap=len(cell) > _LONG_TEXT)
        elif isinstance(cell, float) and column.unit == "number":
            sheet.value(row, col, cell, number=number_of_any_size(cell))
        else:
            sheet.value(row, col, cell, column.unit, number=number, **side)


def number_of_any_size(value: float) -> str:
    """Number format where one column holds values of several units.

    Examples
    --------
    >>> number_of_any_size(55.9e9), number_of_any_size(0.43), number_of_any_size(1034.7)
    ('#,##0', '0.000', '#,##0.0')
    """
    if abs(value) >= 1e4:
        return "#,##0"
    return "#,##0.0" if abs(value) >= 100 else "0.000"
