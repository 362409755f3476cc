"""The sheet of what the reader may change: assumptions, periods and constants, each with its name."""

from __future__ import annotations

import datetime as dt

from hashdesk.note.figures import SIGNIFICANT_Z
from hashdesk.note.format import unit_label
from hashdesk.note.model import AssumptionRef, Scalar
from hashdesk.note.xlsx_book import CHANGEABLE_FILL, RULE_GREY, Sheet
from hashdesk.note.xlsx_calc import prior_bounds
from hashdesk.note.xlsx_margin import DAYS_PER_MONTH, OPPORTUNITY_DAYS
from hashdesk.note.xlsx_network import CONSTANTS
from hashdesk.units import BLOCKS_PER_HALVING

_WIDTHS = (60, 15, 15, 22, 12, 60, 60, 38)
FOLLOWED = ("power_price_usd_per_mwh", "efficiency_j_per_th", "efficiency_log_change_per_month", "pue")
"""Assumptions that formulas of the workbook use."""


def write_assumptions(sheet: Sheet, trading_days: tuple[dt.date | None, dt.date | None]) -> None:
    """Write what the reader may change, the periods and the constants; each value cell has its name."""
    book = sheet.book
    note = book.note
    sheet.widths(_WIDTHS)
    sheet.headings(3, ["Assumption", "Value", "In the note", "Unit", "As of", "Source", "Note", "Name"], (1, 2))
    sheet.worksheet.freeze_panes(4, 1)
    sheet.worksheet.repeat_rows(3)
    row = first = _section(sheet, 4, "Change the yellow cells, and every sheet follows")
    followed = [item for item in note.assumptions if item.id in FOLLOWED]
    for item in followed:
        _assumption(sheet, row, item.label, item.value, item.unit, item.id, _facts(item), is_changeable=True)
        row += 1
    level = next((item for item in followed if item.id == "efficiency_j_per_th"), None)
    if level is not None:
        flat, pivot = int(level.is_override), dt.date.fromisoformat(level.as_of)
        label, hint = "Efficiency: the same in every month (1), or on the line (0)", "Set to 1 to try your own fleet."
        _assumption(sheet, row, label, flat, "", "is_efficiency_flat", ("", "", hint), is_changeable=True)
        label, hint = "Day on which the line passes the efficiency above", "The line falls by the monthly log change."
        _assumption(sheet, row + 1, label, pivot, "date", "efficiency_pivot", ("", "", hint), is_changeable=True)
        sheet.worksheet.data_validation(row, 1, row, 1, {"validate": "list", "source": [0, 1]})
        row += 2
    others = [item for item in note.assumptions if item.id not in FOLLOWED]
    if others:
        row = _section(sheet, row, "Behind values that came into this workbook as inputs: a change here moves nothing")
    for item in others:
        _assumption(sheet, row, item.label, item.value, item.unit, item.id, _facts(item))
        row += 1
    row = _section(sheet, row, "Periods, half-open: the last day is the one before the end")
    start, end = prior_bounds(note)
    days = (
        ("Start of the month", note.period_start, "period_start"),
        ("End of the month, exclusive", note.period_end, "period_end"),
        ("Start of the month before", start, "prior_start"),
        ("End of the month before, exclusive", end, "prior_end"),
        ("Last trading day of the shares in the month", trading_days[0], "last_trading_day"),
        ("Last trading day of the shares before the month", trading_days[1], "prior_trading_day"),
    )
    for label, day, name in days:
        _assumption(sheet, row, label, day, "date", name, ("", "", ""))
        row += 1
    row = _section(sheet, row, "Constants")
    constants = (
        *CONSTANTS,
        ("z_threshold", "A change stands out beyond this many standard errors", SIGNIFICANT_Z, "z"),
        ("days_per_month", "Mean days in a month", DAYS_PER_MONTH, "days"),
        ("blocks_per_halving", "Blocks between two halvings", BLOCKS_PER_HALVING, "blocks"),
        ("opportunity_days", "Days in the four-year opportunity", OPPORTUNITY_DAYS, "days"),
    )
    for name, label, value, unit in constants:
        _assumption(sheet, row, label, value, unit, name, ("", "", ""))
        row += 1
    sheet.text(row + 1, 0, "All inputs are as in the note", bold=True)
    live, kept = f"B{first + 1}:B{row}", f"C{first + 1}:C{row}"
    sheet.formula(row + 1, 1, f"=SUMPRODUCT(--({live}<>{kept}))=0", True, bold=True)
    book.define("inputs_as_noted", sheet.ref(row + 1, 1))


def _facts(item: AssumptionRef) -> tuple[str, str, str]:
    return item.as_of, f"{item.source} (the caller's own value)" if item.is_override else item.source, item.note


def _section(sheet: Sheet, row: int, heading: str) -> int:
    sheet.band(row, heading, len(_WIDTHS))
    return row + 1


def _assumption(
    sheet: Sheet,
    row: int,
    label: str,
    value: Scalar,
    unit: str,
    name: str,
    facts: tuple[str, str, str],
    *,
    is_changeable: bool = False,
) -> None:
    look: dict[str, object] = (
        {"bg_color": CHANGEABLE_FILL, "border": 1, "border_color": RULE_GREY} if is_changeable else {}
    )
    number = "" if unit in {"date", "fraction"} else "#,##0.####" if isinstance(value, float) else "0"
    if isinstance(value, float) and (abs(value) >= 1e9 or value == int(value)):
        number = "0.00E+00" if abs(value) >= 1e9 else "#,##0"
    sheet.text(row, 0, label)
    sheet.value(row, 1, value, unit, number=number, **look)
    sheet.value(row, 2, value, unit, number=number, color=RULE_GREY)
    sheet.text(row, 3, unit if unit in {"1", "s", "h", "hash"} else unit_label(unit), indent=1)
    for col, fact in enumerate(facts, start=4):
        sheet.text(row, col, fact, text_wrap=col > 4)
    sheet.fit_row(row, [(fact, _WIDTHS[col]) for col, fact in enumerate(facts, start=4)])
    sheet.text(row, 7, name, color=RULE_GREY)
    sheet.book.define(name, sheet.ref(row, 1))
