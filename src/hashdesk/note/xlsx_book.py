"""What every sheet of the workbook shares: formats by unit, colours, names, page set-up, and tables with formulas.

Blue is an input that came in as a value; black is a formula. A cell that the reader is meant to change is on yellow.
"""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from hashdesk.calendar import Period
from hashdesk.note.model import Note, Scalar, Table

INPUT_BLUE = "#0000FF"
FORMULA_BLACK = "#000000"
CHANGEABLE_FILL = "#FFF9C4"
RULE_GREY = "#8A94A0"
BAND_FILL = "#E9EDF2"
INK = "#1B2A3A"

_LINE_HEIGHT_PT = 12
_CHARACTER_WIDTH = 1.05
"""Of running text in units of column width, with what line breaks leave unused."""

FIRST_DATA_ROW = 6
"""Row index of the first record on a table sheet: title, sources, blank, label, unit and name come before it."""

NUMBER_FORMATS: Mapping[str, str] = {
    "EH/s": "#,##0.0",
    "EH": "#,##0",
    "TH/s": "#,##0.0",
    "USD": "#,##0;-#,##0;0",
    "USD/BTC": "#,##0",
    "USD/share": "#,##0.00",
    "USD/EH/s/day": "#,##0;-#,##0;0",
    "USD/PH/s/day": "#,##0.00",
    "USD/MWh": "#,##0.0",
    "USD tn": "#,##0.00",
    "USDm/MW-year": "#,##0.00",
    "fraction": "0.0%;-0.0%;0.0%",
    "log": "+0.0000;-0.0000;0.0000",
    "J/TH": "0.00",
    "W": "#,##0",
    "MW": "#,##0",
    "GW": "0.0",
    "BTC": "#,##0.00",
    "BTC/block": "0.000",
    "BTC/day": "#,##0.0",
    "difficulty": '0.00,,,," T"',
    "USD/MW": "#,##0",
    "number": "#,##0.00",
    "weight": "0.0",
    "1/month": "0.0000",
    "x": '0.00"x"',
    "z": "+0.00;-0.00;0.00",
    "shares": "#,##0",
    "count": "#,##0",
    "blocks": "#,##0",
    "days": "0",
    "months": "0",
    "years": "0.0",
    "date": "yyyy-mm-dd",
    "month": "mmm yyyy",
}
"""Excel number format of each unit; the stored value is never scaled."""

SCALED_USD = ((1e12, '0.00,,,," tn"'), (1e9, '#,##0.0,,," bn"'), (1e6, '#,##0.0,," m"'))
"""Thresholds from which US dollars are shown in tn, bn and m; they are stored in full."""


def number_format(unit: str, magnitude: float = 0.0) -> str:
    """Excel number format for a unit; US dollars of a large magnitude are shown in bn or m.

    Examples
    --------
    >>> number_format("EH/s")
    '#,##0.0'
    >>> number_format("text")
    'General'
    """
    if unit == "USD":
        for threshold, text in SCALED_USD:
            if magnitude >= threshold:
                return text
    return NUMBER_FORMATS.get(unit, "General")


def signed_format(number: str, suffix: str = "") -> str:
    """The same number format with a plus before what rises.

    Examples
    --------
    >>> signed_format("#,##0.0")
    '+#,##0.0;-#,##0.0;#,##0.0'
    """
    positive = number.split(";")[0].lstrip("+") + suffix
    return f"+{positive};-{positive};{positive}"


def range_name(prefix: str, column: str) -> str:
    """Defined name of a table's column, for example ``daily_work_eh``."""
    return f"{prefix}_{column}"


@dataclass(slots=True)
class Sheet:
    """A worksheet with its name: writes values by type and formulas with their cached result."""

    book: Book
    worksheet: Worksheet
    name: str

    def ref(self, row: int, col: int) -> str:
        """Absolute reference to a cell from any sheet."""
        return f"'{self.name}'!${xl_col_to_name(col)}${row + 1}"

    def value(self, row: int, col: int, value: Scalar, unit: str = "text", **look: Any) -> None:
        """Write an input by its type; what is not known stays an empty cell."""
        look = {"color": INPUT_BLUE if isinstance(value, float | int | dt.date) else INK, **look}
        style = self.book.style(str(look.pop("number", "") or unit_format(unit, value)), **look)
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            self.worksheet.write_blank(row, col, None, style)
        elif isinstance(value, bool):
            self.worksheet.write_boolean(row, col, value, style)
        elif isinstance(value, dt.date):
            self.worksheet.write_datetime(row, col, dt.datetime(value.year, value.month, value.day), style)
        elif isinstance(value, float | int):
            self.worksheet.write_number(row, col, value, style)
        else:
            self.worksheet.write_string(row, col, value, style)

    def text(self, row: int, col: int, text: str, **look: Any) -> None:
        """Write a label."""
        self.worksheet.write_string(row, col, text, self.book.style("", **{"color": INK, **look}))

    def formula(self, row: int, col: int, formula: str, result: Scalar, unit: str = "text", **look: Any) -> None:
        """Write a formula with the result that viewers show which do not calculate."""
        look = {"color": FORMULA_BLACK, **look}
        style = self.book.style(str(look.pop("number", "") or unit_format(unit, result)), **look)
        cached: float | int | str | bool
        if isinstance(result, dt.date):
            cached = excel_serial(result)
        elif result is None or (isinstance(result, float) and not math.isfinite(result)):
            cached = ""
        else:
            cached = result
        self.worksheet.write_formula(row, col, formula, style, cached)

    def headings(self, row: int, labels: Sequence[str], right: Collection[int] = (), **look: Any) -> None:
        """Write one row of column headings; those above numbers (``right``) end where the numbers end."""
        for col, label in enumerate(labels):
            side = {"align": "right"} if col in right else {"indent": int(col > 0)}
            self.text(row, col, label, **{"bold": True, "bg_color": BAND_FILL, "text_wrap": True, **side, **look})

    def band(self, row: int, label: str, n_columns: int) -> None:
        """Write the heading of a group of rows."""
        for col in range(n_columns):
            self.text(row, col, label if col == 0 else "", bold=True, bg_color=BAND_FILL)

    def fit_row(self, row: int, texts: Sequence[tuple[str, float]]) -> None:
        """Make a row as high as its longest wrapped text needs: (text, column width in characters) each."""
        lines = max((math.ceil(len(text) * _CHARACTER_WIDTH / width) for text, width in texts if text), default=1)
        if lines > 1:
            self.worksheet.set_row(row, lines * _LINE_HEIGHT_PT + 3)

    def widths(self, widths: Sequence[float]) -> None:
        """Set column widths from the first column on, in characters."""
        for col, width in enumerate(widths):
            self.worksheet.set_column(col, col, width)


def unit_format(unit: str, value: Scalar) -> str:
    """Excel number format for one value."""
    if isinstance(value, dt.date):
        return NUMBER_FORMATS["month" if unit == "month" else "date"]
    if isinstance(value, float | int) and not isinstance(value, bool):
        return number_format(unit, abs(value))
    return number_format(unit)


def excel_serial(day: dt.date) -> int:
    """Day number in Excel's 1900 system.

    Examples
    --------
    >>> excel_serial(dt.date(2025, 9, 1))
    45901
    """
    return (day - dt.date(1899, 12, 30)).days


@dataclass(slots=True)
class Book:
    """The workbook being written: sheets, a cache of formats, and defined names."""

    note: Note
    buffer: io.BytesIO = field(default_factory=io.BytesIO)
    workbook: xlsxwriter.Workbook = field(init=False)
    titles: dict[str, str] = field(default_factory=dict)
    """Title of each sheet by its name, in their order."""
    _styles: dict[tuple[tuple[str, object], ...], Format] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.workbook = xlsxwriter.Workbook(
            self.buffer,
            {
                "in_memory": True,
                "strings_to_urls": False,
                "strings_to_formulas": False,
                "default_format_properties": {"font_name": "Arial", "font_size": 9},
            },
        )

    def style(self, number: str = "", **look: object) -> Format:
        """The format with this number format and look; each is made once."""
        if look.get("indent"):
            look = {"align": "left", **look}
        properties = {"font_name": "Arial", "font_size": 9, "valign": "top", "num_format": number or "General", **look}
        key = tuple(sorted(properties.items()))
        if key not in self._styles:
            renamed = {("font_color" if name == "color" else name): value for name, value in properties.items()}
            self._styles[key] = self.workbook.add_format(renamed)
        return self._styles[key]

    def sheet(self, name: str, title: str, subtitle: str = "", *, tab: str = RULE_GREY) -> Sheet:
        """Add a sheet with title lines, landscape A4, fit to one page wide, and a footer with file and page."""
        worksheet = self.workbook.add_worksheet(name)
        sheet = Sheet(self, worksheet, name)
        self.titles[name] = title
        sheet.text(0, 0, title, bold=True, font_size=13)
        if subtitle:
            sheet.text(1, 0, subtitle, color=RULE_GREY, italic=True)
        worksheet.hide_gridlines(2)
        worksheet.set_landscape()
        worksheet.set_paper(9)
        worksheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        worksheet.fit_to_pages(1, 0)
        worksheet.set_footer(f"&L&8hashdesk {self.note.month}&C&8&A&R&8&P / &N")
        worksheet.set_tab_color(tab)
        return sheet

    @property
    def period(self) -> Period:
        """The note's period."""
        return Period(self.note.period_start, self.note.period_end)

    def define(self, name: str, reference: str) -> None:
        """Give a cell or range a name that formulas can use."""
        self.workbook.define_name(name, f"={reference}")

    def close(self) -> bytes:
        """Finish the file and return its bytes."""
        self.workbook.close()
        return self.buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Row:
    """One record on a table sheet, as formulas see it."""

    index: int
    """Position of the record in its table."""
    columns: Mapping[str, int]
    values: Mapping[str, Scalar]

    def at(self, name: str, offset: int = 0) -> str:
        """Reference to a column of this record, or of the record ``offset`` rows further down."""
        return f"{xl_col_to_name(self.columns[name])}{FIRST_DATA_ROW + self.index + offset + 1}"


Formula: TypeAlias = Callable[[Row], "str | None"]


@dataclass(frozen=True, slots=True)
class TableSheet:
    """Where a table lies in the workbook."""

    sheet: Sheet
    table: Table
    columns: Mapping[str, int]

    @property
    def last_row(self) -> int:
        """Row index of the last record."""
        return FIRST_DATA_ROW + len(self.table.rows) - 1

    def span(self, name: str) -> str:
        """Absolute reference to all records of a column."""
        letter = xl_col_to_name(self.columns[name])
        return f"'{self.sheet.name}'!${letter}${FIRST_DATA_ROW + 1}:${letter}${self.last_row + 1}"

    def chart_span(self, name: str, first: int = 0) -> list[str | int]:
        """Span of a column from record ``first`` on, as charts take it."""
        col = self.columns[name]
        return [self.sheet.name, FIRST_DATA_ROW + first, col, self.last_row, col]
