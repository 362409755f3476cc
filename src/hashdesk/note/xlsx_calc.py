"""The sheet that leads step by step from the inputs to the figures, for the month and for the month before."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xlsxwriter.utility import xl_col_to_name

from hashdesk.note.format import unit_label
from hashdesk.note.model import Note, Scalar
from hashdesk.note.text_tables import period_label, prior_label
from hashdesk.note.xlsx_book import INPUT_BLUE, RULE_GREY, Sheet
from hashdesk.note.xlsx_lines import Line, Window, evaluate

SHEET = "Calculation"
THIS, PRIOR = 1, 2
HEADINGS_ROW = 3
RELATIVE_TOLERANCE = 1e-9
TAKEN_OVER = "Taken over from the note: it does not follow from the rows of this workbook."


@dataclass(slots=True)
class Steps:
    """Where each line of the calculation stands, and which figures follow from formulas."""

    cells: dict[str, int] = field(default_factory=dict)
    """Row index by line id."""
    this: dict[str, Scalar] = field(default_factory=dict)
    prior: dict[str, Scalar] = field(default_factory=dict)

    def ref(self, line_id: str, *, prior: bool = False) -> str:
        """Absolute reference to a line's cell."""
        return f"{SHEET}!${xl_col_to_name(PRIOR if prior else THIS)}${self.cells[line_id] + 1}"


def agrees(ours: float | str | None, theirs: Scalar) -> bool:
    """Whether two values are the same to the last digits that sums in another order may move."""
    if isinstance(ours, str):
        return ours == theirs
    if ours is None or not isinstance(theirs, float | int):
        return False
    return math.isclose(ours, float(theirs), rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)


def stated(note: Note) -> tuple[dict[str, Scalar], dict[str, Scalar]]:
    """What the note says for each line id, this month and the month before: figures, bounds, variants."""
    this: dict[str, Scalar] = {}
    prior: dict[str, Scalar] = {}
    monthly = note.tables.get("monthly")
    rows = monthly.records() if monthly else []
    for kept, row in zip((this, prior), (rows[-1:], rows[-2:-1]), strict=True):
        kept.update(row[0] if row else {})
    for figure in note.figures:
        this[figure.id], prior[figure.id] = figure.value, figure.prior
        this[f"{figure.id}_z"] = figure.z
        if figure.interval:
            this[f"{figure.id}_low"], this[f"{figure.id}_high"] = figure.interval.low, figure.interval.high
        this |= {variant.id: variant.value for variant in figure.variants}
    return this, prior


def write_calculation(
    sheet: Sheet,
    sections: Sequence[tuple[str, Sequence[Line]]],
    days: Mapping[str, list[Scalar]],
    given: Mapping[str, tuple[float | None, float | None]],
) -> Steps:
    """Write every line as a formula for both periods.

    A line whose formula would not give what the note states (a day outside the sheet, a halving inside the month) is
    written as the note's value instead, in the colour of inputs, and says so.

    Parameters
    ----------
    sheet : Sheet
        Where to write.
    sections : sequence of (heading, lines)
        In order; a line uses only lines before it.
    days : mapping of column name to values
        The daily network table, empty where the note has none.
    given : mapping of name to (this month, month before)
        Values that lines read from other sheets.
    """
    note = sheet.book.note
    prior_start, prior_end = prior_bounds(note)
    prior_window = Window(prior_start, prior_end, days, {name: pair[1] for name, pair in given.items()})
    window = Window(
        note.period_start, note.period_end, days, {name: pair[0] for name, pair in given.items()}, prior_window
    )
    every = [line for _, lines in sections for line in lines]
    evaluate(every, prior_window, is_prior=True)
    evaluate(every, window, is_prior=False)

    sheet.widths([62, 16, 16, 23, 68, 42])
    sheet.headings(HEADINGS_ROW, ["Step", period_label(note), prior_label(note), "Unit", "How", "Name"], (THIS, PRIOR))
    sheet.worksheet.freeze_panes(HEADINGS_ROW + 1, 1)
    sheet.worksheet.repeat_rows(HEADINGS_ROW)
    steps = Steps()
    row = _write_period(sheet, steps, HEADINGS_ROW + 1)
    said = stated(note)
    for heading, lines in sections:
        row += 1
        sheet.band(row, heading, 6)
        row += 1
        for line in lines:
            steps.cells[line.id] = row
            _write_line(sheet, steps, line, row, (window, prior_window), said)
            row += 1
    return steps


def prior_bounds(note: Note) -> tuple[dt.date, dt.date]:
    """The whole month before the note's period."""
    last = note.period_start - dt.timedelta(days=1)
    return last.replace(day=1), note.period_start


def _write_period(sheet: Sheet, steps: Steps, row: int) -> int:
    note = sheet.book.note
    this, prior = (note.period_start, note.period_end), prior_bounds(note)
    lines: tuple[tuple[str, str, str, tuple[str, Scalar], tuple[str, Scalar]], ...] = (
        ("start", "First day", "date", ("=period_start", this[0]), ("=prior_start", prior[0])),
        ("end", "End, exclusive", "date", ("=period_end", this[1]), ("=prior_end", prior[1])),
        ("n_days", "Days", "days", ("={end}-{start}", _days(*this)), ("={end}-{start}", _days(*prior))),
    )
    for line_id, label, unit, *columns in lines:
        steps.cells[line_id] = row
        sheet.text(row, 0, label)
        for col, (formula, result) in zip((THIS, PRIOR), columns, strict=True):
            sheet.formula(row, col, _resolve(formula, steps, col), result, unit)
        sheet.text(row, 3, unit_label(unit), indent=1)
        sheet.text(row, 5, line_id, color=RULE_GREY)
        row += 1
    return row


def _days(start: dt.date, end: dt.date) -> int:
    return (end - start).days


def _resolve(formula: str, steps: Steps, col: int) -> str:
    letter, prior = xl_col_to_name(col), xl_col_to_name(PRIOR)
    cells = {line_id: f"{letter}{row + 1}" for line_id, row in steps.cells.items()}
    cells |= {f"{line_id}_prior": f"{prior}{row + 1}" for line_id, row in steps.cells.items()}
    return formula.format_map(cells)


def _write_line(
    sheet: Sheet,
    steps: Steps,
    line: Line,
    row: int,
    windows: tuple[Window, Window],
    said: tuple[Mapping[str, Scalar], Mapping[str, Scalar]],
) -> None:
    sheet.text(row, 0, line.label)
    how = line.how
    for col, window, states, kept in zip((THIS, PRIOR), windows, said, (steps.this, steps.prior), strict=True):
        if col == PRIOR and not line.has_prior:
            continue
        computed, result = window.lines[line.id], states.get(line.id)
        if not line.formula:
            result = computed
            sheet.value(row, col, result, line.unit)
        elif computed is not None and (line.id not in states or agrees(computed, result)):
            result = result if line.id in states else computed
            formula = line.prior_formula if col == PRIOR and line.prior_formula else line.formula
            sheet.formula(row, col, _resolve(formula, steps, col), result, line.unit)
        else:
            sheet.value(row, col, result, line.unit, color=INPUT_BLUE)
            how = TAKEN_OVER if result is not None else "n/a: an input is not known."
        kept[line.id] = result
    sheet.text(row, 3, unit_label(line.unit), indent=1)
    sheet.text(row, 4, how)
    sheet.text(row, 5, line.id, color=RULE_GREY)
