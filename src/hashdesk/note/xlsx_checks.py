"""The sheet that compares the workbook with the note, figure by figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hashdesk.note.model import Scalar
from hashdesk.note.xlsx_book import RULE_GREY, Sheet, number_format

_TOLERANCE, _SMALLEST = "1E-9", "1E-12"
"""Of the stated value, and in its unit, as formulas write them."""
_FIRST_ROW = 6


@dataclass(slots=True)
class Check:
    """A cell of the workbook and the value that the note states for it."""

    label: str
    aspect: str
    cell: str
    stated: Scalar
    unit: str


@dataclass(slots=True)
class Checks:
    """All comparisons gathered while the sheets are written."""

    rows: list[Check] = field(default_factory=list)

    def add(self, label: str, aspect: str, cell: str, stated: Scalar, unit: str) -> None:
        """Keep a comparison, where the note states a value."""
        if stated is not None:
            self.rows.append(Check(label, aspect, cell, stated, unit))


@dataclass(frozen=True, slots=True)
class Identity:
    """Two formulas that must be equal whatever the inputs are."""

    label: str
    left: str
    right: str
    value: float
    unit: str


def write_checks(sheet: Sheet, checks: Checks, identities: Sequence[Identity]) -> None:
    """Compare every figure's cell with the note's own value, and test sums that must hold.

    Parameters
    ----------
    sheet : Sheet
        Where to write.
    checks : Checks
        Gathered by :func:`write_summary`.
    identities : sequence of Identity
        Sums to test.
    """
    book = sheet.book
    sheet.widths([66, 14, 18, 18, 14, 14, 10])
    sheet.headings(5, ["Figure", "What", "Workbook", "Note", "Difference", "Tolerance", "Result"], (2, 3, 4, 5))
    row = 6
    for check in checks.rows:
        number = number_format(check.unit, abs(check.stated) if isinstance(check.stated, float | int) else 0.0)
        sheet.text(row, 0, check.label)
        sheet.text(row, 1, check.aspect)
        sheet.formula(row, 2, f"={check.cell}", check.stated, check.unit, number=number, align="right")
        sheet.value(row, 3, check.stated, check.unit, number=number, color=RULE_GREY, align="right")
        _write_result(sheet, row, check.stated, unless_moved=True)
        row += 1
    row += 1
    sheet.text(row, 0, "Sums that hold whatever the inputs are", bold=True)
    row += 1
    for identity in identities:
        sheet.text(row, 0, identity.label)
        sheet.text(row, 1, "identity")
        sheet.formula(row, 2, identity.left, identity.value, identity.unit)
        sheet.formula(row, 3, identity.right, identity.value, identity.unit)
        _write_result(sheet, row, identity.value, unless_moved=False)
        row += 1
    results = f"G7:G{row}"
    n_pass = len(checks.rows) + len(identities)
    sheet.text(3, 0, "Result", bold=True)
    sheet.formula(
        3, 1, f'=IF(COUNTIF({results},"FAIL")>0,COUNTIF({results},"FAIL")&" FAIL",COUNTIF({results},"PASS")&" PASS, "'
        f'&COUNTIF({results},"moved")&" moved")', f"{n_pass} PASS, 0 moved", bold=True,
    )  # fmt: skip
    book.define("check_result", sheet.ref(3, 1))
    red = book.style("", color="#9C0006", bg_color="#FFC7CE", bold=True)
    sheet.worksheet.conditional_format(
        f"G7:G{row}", {"type": "cell", "criteria": "==", "value": '"FAIL"', "format": red}
    )
    sheet.worksheet.freeze_panes(6, 1)
    sheet.worksheet.repeat_rows(5)


def _write_result(sheet: Sheet, row: int, stated: Scalar, *, unless_moved: bool) -> None:
    cell = row + 1
    otherwise = 'IF(inputs_as_noted,"FAIL","moved")' if unless_moved else '"FAIL"'
    if isinstance(stated, str):
        sheet.formula(row, 6, f'=IF(C{cell}=D{cell},"PASS",{otherwise})', "PASS", indent=1)
        return
    number = "0.0E+00"
    size = abs(float(stated)) if isinstance(stated, float | int) else 0.0
    sheet.formula(row, 4, f'=IF(ISNUMBER(C{cell}),C{cell}-D{cell},"n/a")', 0.0, "x", number=number)
    sheet.formula(
        row,
        5,
        f"=MAX(ABS(D{cell})*{_TOLERANCE},{_SMALLEST})",
        max(size * float(_TOLERANCE), float(_SMALLEST)),
        "x",
        number=number,
    )
    passes = f'IF(ABS(E{cell})<=F{cell},"PASS",{otherwise})'
    sheet.formula(row, 6, f"=IF(ISNUMBER(E{cell}),{passes},{otherwise})", "PASS", indent=1)
