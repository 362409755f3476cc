"""LibreOffice calculates the workbook of a real note afresh: the note's values come out, and changed inputs move it."""

import math
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell.cell import Cell
from openpyxl.workbook import Workbook

from hashdesk.desk import Desk
from hashdesk.note.model import Note
from hashdesk.note.xlsx import render_xlsx

# Charts of a converted file are beside the point here, and openpyxl warns about some of LibreOffice's.
pytestmark = pytest.mark.filterwarnings("ignore:Unable to read chart:UserWarning")

ALWAYS_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop>
</item>
</oor:items>
"""
"""Without it LibreOffice shows the cached results of a file that it did not write, and nothing would be tested."""

COST = "power_cost_usd_per_ehs_day"
PROFIT = "block_reward_gross_profit_usd_per_ehs_day"
REVENUE = "block_reward_revenue_usd_per_ehs_day"

CHANGES: Mapping[str, Mapping[str, float]] = {
    "price-60": {"power_price_usd_per_mwh": 60.0},
    "price-0": {"power_price_usd_per_mwh": 0.0},
    "flat-20": {"efficiency_j_per_th": 20.0, "is_efficiency_flat": 1, "power_price_usd_per_mwh": 400.0},
}
"""What a reader puts into named input cells, by copy of the workbook."""
PERIODS = {"halving": ("2024-04", None), "flash": ("2025-10", "2025-10-15")}


def place(book: Workbook, name: str) -> tuple[str, str]:
    sheet, cell = book.defined_names[name].attr_text.split("!")
    return sheet.strip("'"), cell.replace("$", "")


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="module")
def note(desk: Desk) -> Note:
    return desk.note("2025-09")


@pytest.fixture(scope="module")
def folder(desk: Desk, note: Note, soffice: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Workbooks, and beside them in ``calculated`` what LibreOffice made of each, all in one start of it."""
    folder = tmp_path_factory.mktemp("books")
    (folder / "note.xlsx").write_bytes(render_xlsx(note))
    for name, (month, through) in PERIODS.items():
        (folder / f"{name}.xlsx").write_bytes(render_xlsx(desk.note(month, through=through)))
    book = openpyxl.load_workbook(folder / "note.xlsx")
    for name, inputs in CHANGES.items():
        kept = {}
        for cell_name, number in inputs.items():
            sheet, cell = place(book, cell_name)
            kept[sheet, cell] = book[sheet][cell].value
            book[sheet][cell] = number
        book.save(folder / f"{name}.xlsx")
        for (sheet, cell), number in kept.items():
            book[sheet][cell] = number
    home = tmp_path_factory.mktemp("office")
    (home / "user").mkdir()
    (home / "user" / "registrymodifications.xcu").write_text(ALWAYS_RECALCULATE)
    command = [soffice, f"-env:UserInstallation={home.as_uri()}", "--headless", "--convert-to", "xlsx"]
    paths = [str(path) for path in sorted(folder.glob("*.xlsx"))]
    out = ["--outdir", str(folder / "calculated")]
    subprocess.run([*command, *out, *paths], check=True, capture_output=True, timeout=300)
    return folder


def read(folder: Path, name: str) -> Workbook:
    return openpyxl.load_workbook(folder / "calculated" / f"{name}.xlsx", data_only=True)


@pytest.fixture(scope="module")
def calculated(folder: Path) -> Workbook:
    return read(folder, "note")


@pytest.fixture(scope="module")
def formulas(folder: Path) -> Workbook:
    return openpyxl.load_workbook(folder / "note.xlsx")


def value(formulas: Workbook, calculated: Workbook, name: str) -> object:
    """Calculated value of a named cell."""
    sheet, cell = place(formulas, name)
    return calculated[sheet][cell].value


def cells(book: Workbook) -> Iterator[Cell]:
    for sheet in book:
        for row in sheet.iter_rows():
            yield from (cell for cell in row if isinstance(cell, Cell) and cell.value is not None)


def errors(book: Workbook) -> list[str]:
    return [f"{c.parent.title}!{c.coordinate} {c.value}" for c in cells(book) if str(c.value).startswith("#")]


def test_every_headline_cell_calculates_to_the_note_value(note, formulas, calculated):
    assert len(note.figures) >= 29
    for figure in note.figures:
        found = value(formulas, calculated, figure.id)
        if isinstance(figure.value, float):
            assert found == pytest.approx(figure.value, rel=1e-9), figure.id
        else:
            assert found == figure.value, figure.id
        if figure.interval:
            assert value(formulas, calculated, f"{figure.id}_low") == pytest.approx(figure.interval.low, rel=1e-9)
            assert value(formulas, calculated, f"{figure.id}_high") == pytest.approx(figure.interval.high, rel=1e-9)
        if isinstance(figure.prior, float):
            assert value(formulas, calculated, f"{figure.id}_prior") == pytest.approx(figure.prior, rel=1e-9)


def test_every_headline_cell_is_a_formula(note, formulas):
    known = [figure.id for figure in note.figures if figure.value is not None]
    assert [name for name in known if not str(value(formulas, formulas, name)).startswith("=")] == []


def test_every_cached_result_is_what_the_formula_gives(folder, formulas, calculated):
    cached = openpyxl.load_workbook(folder / "note.xlsx", data_only=True)
    formula_cells = [cell for cell in cells(formulas) if cell.data_type == "f"]
    assert len(formula_cells) > 5_000
    wrong = []
    for cell in formula_cells:
        sheet = cell.parent.title
        ours, theirs = cached[sheet][cell.coordinate].value, calculated[sheet][cell.coordinate].value
        if sheet == "Checks" and cell.column_letter == "E":
            continue  # the difference itself: PASS beside it is the claim
        both = isinstance(ours, int | float) and isinstance(theirs, int | float)
        if ours != theirs and not (both and math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)):
            wrong.append(f"{sheet}!{cell.coordinate} {cell.value}: {ours} {theirs}")
    assert wrong == []


def test_no_cell_shows_an_error(calculated):
    assert errors(calculated) == []


def test_all_checks_pass(formulas, calculated):
    result = str(value(formulas, calculated, "check_result"))
    assert "FAIL" not in result and result.endswith(" PASS, 0 moved")
    assert int(result.split()[0]) > 100


@pytest.mark.parametrize(
    ("sheet", "column"),
    [
        ("Market cap parts", "expectations_usd"),
        ("Attribution", "return_frac"),
        ("Attribution", "contribution_usd"),
        ("AI-HPC companies", "net_value_usd"),
    ],
)
def test_sums_of_the_themes_are_formulas_that_give_the_value_of_the_note(note, formulas, calculated, sheet, column):
    table = note.tables[
        {"Market cap parts": "market_cap_parts", "AI-HPC companies": "hpc_companies"}.get(sheet, "attribution")
    ]
    place = next(cell.column for cell in formulas[sheet][6] if cell.value == column)
    values = table.column(column)
    written = [str(formulas[sheet].cell(row=row, column=place).value) for row in range(7, 7 + len(values))]
    known = [n for n, value in enumerate(values) if value is not None]
    assert sum(written[n].startswith("=") for n in known) >= 0.8 * len(known) > 0
    for n in known:
        assert calculated[sheet].cell(row=7 + n, column=place).value == pytest.approx(values[n])


def test_the_contents_link_every_other_sheet(formulas):
    sheet = formulas["Contents"]
    linked = [cell.hyperlink.location.split("!")[0].strip("'") for (cell,) in sheet["A4:A99"] if cell.hyperlink]
    assert linked == [name for name in formulas.sheetnames if name != "Contents"]


def test_a_new_power_price_moves_cost_profit_and_every_month(folder, note, formulas, calculated):
    changed = read(folder, "price-60")
    revenue, cost = note.figure(REVENUE).value, note.figure(COST).value
    assert isinstance(revenue, float) and isinstance(cost, float)
    new_cost = cost * 60 / value(formulas, calculated, "power_price_usd_per_mwh")  # type: ignore[operator]
    assert value(formulas, changed, COST) == pytest.approx(new_cost)
    assert value(formulas, changed, PROFIT) == pytest.approx(revenue - new_cost)
    assert value(formulas, changed, "gross_margin_frac") == pytest.approx(1 - new_cost / revenue)
    assert value(formulas, changed, REVENUE) == pytest.approx(revenue)
    heads = {cell.value: cell.column for cell in formulas["Monthly"][6]}
    for row in range(7, formulas["Monthly"].max_row + 1):
        before = calculated["Monthly"].cell(row=row, column=heads[COST]).value
        assert changed["Monthly"].cell(row=row, column=heads[COST]).value == pytest.approx(before * 1.2)
    assert "moved" in str(value(formulas, changed, "check_result"))
    assert "FAIL" not in str(value(formulas, changed, "check_result"))


@pytest.mark.parametrize("name", ["price-0", "flat-20"])
def test_a_power_price_at_which_all_or_none_earn_shows_no_error(folder, name):
    assert errors(read(folder, name)) == []


def test_one_efficiency_for_every_month(folder, formulas):
    changed = read(folder, "flat-20")
    assert value(formulas, changed, COST) == pytest.approx(24 * 20 * 400)
    assert value(formulas, changed, f"{COST}_prior") == pytest.approx(24 * 20 * 400)


@pytest.mark.parametrize("name", PERIODS)
def test_other_periods_agree_as_well(folder, name):
    book = read(folder, name)
    assert errors(book) == []
    assert "FAIL" not in str(book["Checks"]["B4"].value)
    assert str(book["Checks"]["B4"].value).endswith("PASS, 0 moved")
