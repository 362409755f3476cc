"""Tables of the page: finished text in the cells, raw values beside it for sorting and for the CSV download."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from hashdesk.note.format import MISSING, format_number, unit_label, with_true_minus
from hashdesk.note.model import Scalar, Table

EXPORTED_DIGITS = 12
"""Significant digits of the CSV; the workbook and the JSON have all."""
_TEXT_UNITS = frozenset({"text", "ticker", "month", "date", "flag", "name", "url"})


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what people read, what machines sort and export."""

    html: str | Markup
    raw: Scalar = None
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """Head of a column; ``unit`` stands under the label and in the CSV."""

    label: str
    unit: str = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of cells with the anchor that links point to; ``is_marked`` sets it in bold."""

    cells: Sequence[Cell]
    anchor: str = ""
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading; sorting stays inside."""

    rows: Sequence[Row]
    title: str = ""


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table ready for the page."""

    id: str
    caption: str
    heads: Sequence[Head]
    groups: Sequence[Group]
    note: str | Markup = ""
    caveats: Sequence[str] = field(default=())

    def __html__(self) -> str:
        """Markup of the table with its scroll region and its download button."""
        n_columns = len(self.heads)
        head = "".join(_head(column) for column in self.heads)
        bodies = "".join(_body(group, n_columns) for group in self.groups)
        note = f'<p class="table-note">{escape(self.note)}</p>' if self.note else ""
        caveats = "".join(f'<p class="table-note">{escape(caveat)}</p>' for caveat in self.caveats)
        table_id = escape(self.id)
        return (
            f'<div class="table-block"><div class="table-scroll" tabindex="0" role="region" '
            f'aria-labelledby="caption-{table_id}"><table id="table-{table_id}" data-name="{table_id}">'
            f'<caption id="caption-{table_id}"><span>{escape(self.caption)}</span></caption>'
            f"<thead><tr>{head}</tr></thead>{bodies}</table></div>{note}{caveats}</div>"
        )


def value_cell(value: Scalar, unit: str, *, signed: bool = False) -> Cell:
    """Cell of a value written by its unit, without the unit's name."""
    if unit in _TEXT_UNITS or isinstance(value, str | bool | dt.date):
        return Cell(MISSING if value is None else format_number(value, unit), value)
    text = with_true_minus(format_number(value, unit, signed=signed))
    return Cell(text, value, is_number=True)


def text_cell(text: str | Markup, raw: Scalar = None) -> Cell:
    """Cell of finished text; the text itself is exported unless there is a raw value."""
    return Cell(text, raw)


def note_table(table: Table) -> PageTable:
    """Lay out a table of the note as it stands, all of its columns."""
    names = [column.name for column in table.columns]
    own_unit = names.index("unit") if "unit" in names else None
    heads = [Head(column.label, unit_label(column.unit), column.unit not in _TEXT_UNITS) for column in table.columns]
    rows = []
    for row in table.rows:
        # A table of figures of several kinds names the unit of each row in a column.
        row_unit = "" if own_unit is None else str(row[own_unit])
        units = [row_unit if column.unit == "number" else column.unit for column in table.columns]
        rows.append(Row([value_cell(value, unit) for value, unit in zip(row, units, strict=True)]))
    return PageTable(table.id, table.title, heads, [Group(rows)], caveats=table.caveats)


def _head(column: Head) -> str:
    unit = f'<span class="unit">{escape(column.unit)}</span>' if column.unit else ""
    kind = ' class="num"' if column.is_number else ""
    return f'<th scope="col"{kind}><span class="label">{escape(column.label)}</span>{unit}</th>'


def _body(group: Group, n_columns: int) -> str:
    title = (
        f'<tr class="group"><th scope="rowgroup" colspan="{n_columns}">{escape(group.title)}</th></tr>'
        if group.title
        else ""
    )
    return f"<tbody>{title}{''.join(_row(row) for row in group.rows)}</tbody>"


def _row(row: Row) -> str:
    anchor = f' id="{escape(row.anchor)}"' if row.anchor else ""
    marked = ' class="marked"' if row.is_marked else ""
    first, *rest = row.cells
    return f"<tr{anchor}{marked}>{_cell(first, 'th')}{''.join(_cell(cell, 'td') for cell in rest)}</tr>"


def _cell(cell: Cell, tag: str) -> str:
    scope = ' scope="row"' if tag == "th" else ""
    text = "" if cell.raw is None else _raw_text(cell.raw)
    # The script reads the text of a cell where it carries no value of its own.
    raw = f' data-v="{escape(text)}"' if text and text != cell.html else ""
    names = " ".join(name for name, holds in (("num", cell.is_number), ("na", cell.html == MISSING)) if holds)
    kind = f' class="{names}"' if names else ""
    return f"<{tag}{scope}{kind}{raw}>{escape(cell.html)}</{tag}>"


def _raw_text(raw: Scalar) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, dt.date):
        return raw.isoformat()
    return repr(float(f"{raw:.{EXPORTED_DIGITS}g}")).removesuffix(".0") if isinstance(raw, float) else str(raw)
