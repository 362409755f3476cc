"""The sheets around the calculation: summary of the figures, assumptions with their names, and checks."""

from __future__ import annotations

from dataclasses import dataclass

from xlsxwriter.utility import xl_col_to_name

from hashdesk.catalog.figures import FIGURES
from hashdesk.metrics.reconcile import PUBLISHED_METRICS
from hashdesk.note.format import unit_label
from hashdesk.note.model import Figure, Note, Scalar, Table
from hashdesk.note.text_tables import grouped_figures, period_label, prior_label
from hashdesk.note.xlsx_book import (
    CHANGEABLE_FILL,
    FORMULA_BLACK,
    INPUT_BLUE,
    RULE_GREY,
    Book,
    Sheet,
    number_format,
    signed_format,
)
from hashdesk.note.xlsx_calc import Steps, agrees
from hashdesk.note.xlsx_checks import Checks

(LABEL, VALUE, PRIOR, CHANGE, CHANGE_FRAC, LOW, HIGH, UNIT, Z, STANDS_OUT, STREAK, RECORD, PUBLISHED, DIFFERENCE) = (
    range(14)
)
_PRINTED_COLUMNS = 14
_HEADINGS = (
    "Figure", "", "", "Change", "Change, %", "95% low", "95% high", "Unit", "z", "Against noise", "Months in a row",
    "Record", "Published", "Ours less published, %", "Basis", "Definition", "Formula", "Sources", "Caveats", "Name",
)  # fmt: skip
_WIDTHS = (44, 13, 13, 13, 10, 12, 12, 22, 7, 13, 8, 52, 13, 12, 10, 60, 40, 40, 60, 40)
_RIGHT = (VALUE, PRIOR, CHANGE, CHANGE_FRAC, LOW, HIGH, Z, STREAK, PUBLISHED, DIFFERENCE)
_FIGURES_ROW = 7


@dataclass(frozen=True, slots=True)
class Lookup:
    """Finds the formula of a value: a line of the calculation, or a cell of the monthly sheet."""

    steps: Steps
    monthly: Table | None

    def formula(self, key: str, stated: Scalar, *, prior: bool = False) -> str | None:
        """Formula for a value, or None where the workbook holds no cell that gives it."""
        lines = self.steps.prior if prior else self.steps.this
        if key in lines and (agrees_or_equal(lines[key], stated)):
            return f"={self.steps.ref(key, prior=prior)}"
        if self.monthly is None or key not in {column.name for column in self.monthly.columns}:
            return None
        column = self.monthly.column(key)
        index = -2 if prior else -1
        if len(column) >= -index and stated is not None and agrees_or_equal(column[index], stated):
            start = "prior_start" if prior else "period_start"
            return f"=INDEX(monthly_{key},MATCH({start},monthly_period_start,0))"
        return None


def agrees_or_equal(ours: Scalar, theirs: Scalar) -> bool:
    """Whether two values of any type are the same."""
    if isinstance(ours, float | int) and isinstance(theirs, float | int):
        return agrees(float(ours), theirs)
    return ours is not None and ours == theirs


def published_value(note: Note, figure_id: str) -> float | str | None:
    """What was published for the level of a figure in this period, in the figure's own unit."""
    for row in note.reconciliation:
        metric = PUBLISHED_METRICS.get(row.metric)
        if row.figure_id == figure_id and metric is not None and metric.aspect in {"value", "text"}:
            return row.published if isinstance(row.published, str) else row.published / metric.scale
    return None


def write_summary(book: Book, sheet: Sheet, lookup: Lookup) -> Checks:
    """Write the figures in groups, each with its variants, and name each value cell after the figure."""
    note = book.note
    checks = Checks()
    sheet.widths(_WIDTHS)
    sheet.text(2, 0, note.headline, bold=True, font_size=11)
    row = _FIGURES_ROW
    headings = list(_HEADINGS)
    headings[VALUE], headings[PRIOR] = period_label(note), prior_label(note)
    sheet.headings(row - 1, headings, _RIGHT)
    sheet.worksheet.set_row(row - 1, 26)
    for title, figures in grouped_figures(note):
        sheet.band(row, title, len(_HEADINGS))
        row += 1
        for figure in figures:
            row = _write_figure(sheet, row, figure, lookup, checks)
    sheet.worksheet.freeze_panes(_FIGURES_ROW, 1)
    sheet.worksheet.repeat_rows(_FIGURES_ROW - 1)
    row = _write_takeaways(sheet, row + 1)
    sheet.worksheet.print_area(0, 0, row, _PRINTED_COLUMNS - 1)
    sheet.worksheet.fit_to_pages(1, 1)
    return checks


def both_known(first: str, second: str, formula: str) -> str:
    """A formula that says n/a where one of two cells holds no number, instead of counting it as 0.

    Examples
    --------
    >>> both_known("B8", "C8", "B8-C8")
    '=IF(COUNT(B8,C8)=2,B8-C8,"n/a")'
    """
    return f'=IF(COUNT({first},{second})=2,{formula},"n/a")'


def write_legend(sheet: Sheet, n_checks: int) -> None:
    """Write what the colours mean, and how the checks came out."""
    sheet.text(3, 0, "Colours")
    sheet.text(3, 1, "blue: input", color=INPUT_BLUE)
    sheet.text(3, 3, "black: formula", color=FORMULA_BLACK)
    sheet.worksheet.merge_range(
        3,
        5,
        3,
        6,
        "yellow: change it",
        sheet.book.style("", color=INPUT_BLUE, bg_color=CHANGEABLE_FILL, align="center"),
    )
    sheet.text(3, 7, "Empty cell: n/a, not known. Every figure's cell has a name (last column).", color=RULE_GREY)
    sheet.text(4, 0, "Workbook against note")
    sheet.formula(4, 1, "=check_result", f"{n_checks} PASS, 0 moved")


def _write_figure(sheet: Sheet, row: int, figure: Figure, lookup: Lookup, checks: Checks) -> int:
    book = sheet.book
    unit = figure.unit
    magnitude = abs(figure.value) if isinstance(figure.value, float | int) else 0.0
    number = number_format(unit, magnitude)
    sheet.text(row, LABEL, figure.label)
    _derived(sheet, row, VALUE, lookup.formula(figure.id, figure.value), figure.value, unit, number, bold=True)
    _derived(sheet, row, PRIOR, lookup.formula(figure.id, figure.prior, prior=True), figure.prior, unit, number)
    book.define(figure.id, sheet.ref(row, VALUE))
    book.define(f"{figure.id}_prior", sheet.ref(row, PRIOR))
    value, prior, z = (f"{xl_col_to_name(col)}{row + 1}" for col in (VALUE, PRIOR, Z))
    if figure.change is not None:
        points = '" pts"' if unit == "fraction" else ""
        formula = both_known(value, prior, f"{value}-{prior}")
        sheet.formula(row, CHANGE, formula, figure.change, unit, number=signed_format(number, points))
    if figure.change_frac is not None:
        # From a prior of zero or below a relative change says nothing.
        formula = both_known(value, prior, f'IF({prior}>0,{value}/{prior}-1,"n/a")')
        sheet.formula(row, CHANGE_FRAC, formula, figure.change_frac, "fraction", number=signed_format("0.0%"))
    for col, bound in ((LOW, "low"), (HIGH, "high")):
        if figure.interval:
            stated = figure.interval.low if bound == "low" else figure.interval.high
            _derived(sheet, row, col, lookup.formula(f"{figure.id}_{bound}", stated), stated, unit, number)
            book.define(f"{figure.id}_{bound}", sheet.ref(row, col))
            checks.add(figure.label, f"95% {bound}", sheet.ref(row, col), stated, unit)
    sheet.text(row, UNIT, unit_label(unit), indent=1)
    if figure.z is not None:
        _derived(sheet, row, Z, lookup.formula(f"{figure.id}_z", figure.z), figure.z, "z", number_format("z"))
        words = "beyond noise" if figure.is_significant else "within noise"
        formula = f'=IF(ABS({z})>z_threshold,"beyond noise","within noise")'
        sheet.formula(row, STANDS_OUT, formula, words, indent=1)
    if figure.streak is not None:
        sheet.value(row, STREAK, figure.streak, "months")
    sheet.text(row, RECORD, figure.record.text if figure.record else "", indent=1)
    published = published_value(book.note, figure.id)
    if published is not None:
        look = {"align": "right", "color": INPUT_BLUE}
        sheet.value(row, PUBLISHED, published, unit, number=number, **look)
        if isinstance(published, float | int) and isinstance(figure.value, float | int) and published:
            cell = f"{xl_col_to_name(PUBLISHED)}{row + 1}"
            sheet.formula(
                row, DIFFERENCE, f"={value}/{cell}-1", figure.value / published - 1, "fraction",
                number=signed_format("0.0%"),
            )  # fmt: skip
    facts = (
        figure.basis, figure.definition, _formula_text(figure.id), ", ".join(figure.sources),
        " ".join(figure.caveats) if figure.value is not None else f"n/a: {' '.join(figure.caveats)}", figure.id,
    )  # fmt: skip
    for col, fact in enumerate(facts, start=_PRINTED_COLUMNS):
        sheet.text(row, col, fact, color=RULE_GREY if fact == figure.id else "#1B2A3A")
    checks.add(figure.label, "value", sheet.ref(row, VALUE), figure.value, unit)
    checks.add(figure.label, "month before", sheet.ref(row, PRIOR), figure.prior, unit)
    checks.add(figure.label, "change", sheet.ref(row, CHANGE), figure.change, unit)
    checks.add(figure.label, "change, %", sheet.ref(row, CHANGE_FRAC), figure.change_frac, "fraction")
    checks.add(figure.label, "z", sheet.ref(row, Z), figure.z, "z")
    row += 1
    extras = [(variant.id, variant.label, variant.value, variant.definition) for variant in figure.variants]
    if figure.return_frac is not None:
        key = "top_return_frac" if figure.id == "top_performer" else "bottom_return_frac"
        extras.insert(0, (key, "its return", figure.return_frac, ""))
    for key, label, value_stated, definition in extras:
        extra_unit = "fraction" if figure.unit == "ticker" else unit
        number = number_format(extra_unit, abs(value_stated or 0.0))
        sheet.text(row, LABEL, label, indent=2, color=RULE_GREY)
        _derived(sheet, row, VALUE, lookup.formula(key, value_stated), value_stated, extra_unit, number)
        if key not in {other.id for other in book.note.figures}:
            book.define(key, sheet.ref(row, VALUE))
        sheet.text(row, UNIT, unit_label(extra_unit), color=RULE_GREY, indent=1)
        sheet.text(row, _PRINTED_COLUMNS + 1, definition, color=RULE_GREY)
        checks.add(f"{figure.label}: {label}", "value", sheet.ref(row, VALUE), value_stated, extra_unit)
        row += 1
    return row


def _derived(
    sheet: Sheet, row: int, col: int, formula: str | None, stated: Scalar, unit: str, number: str, **look: object
) -> None:
    """A value by formula where the workbook holds its way, else as an input."""
    look = {"align": "right", **look} if isinstance(stated, str) else look
    if formula is not None and stated is not None:
        sheet.formula(row, col, formula, stated, unit, number=number, **look)
    else:
        sheet.value(row, col, stated, unit, number=number, **{**look, "color": INPUT_BLUE})


def _formula_text(figure_id: str) -> str:
    spec = FIGURES.get(figure_id)
    return spec.formula if spec else ""


def _write_takeaways(sheet: Sheet, row: int) -> int:
    sheet.text(row, 0, "Key takeaways, as the note words them (text does not follow changed inputs)", bold=True)
    for takeaway in sheet.book.note.takeaways:
        row += 1
        sheet.text(row, 0, f"\N{BULLET} {takeaway.text}")
    return row
