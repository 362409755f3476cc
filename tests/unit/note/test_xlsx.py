"""The workbook: live formulas with the note's values as cached results, names, real dates, and no invented values."""

import dataclasses
import datetime as dt
import io
import math
import zipfile
from collections.abc import Iterator

import openpyxl
import pytest
from openpyxl.cell.cell import Cell
from openpyxl.workbook import Workbook

from hashdesk.note.model import (
    AssumptionRef,
    Column,
    Company,
    Event,
    Figure,
    Note,
    ReconciliationRow,
    Scalar,
    SourceRef,
    Table,
    Takeaway,
)
from hashdesk.note.xlsx import render_xlsx

START, END, PRIOR_START = dt.date(2025, 9, 1), dt.date(2025, 10, 1), dt.date(2025, 8, 1)
FIRST_DAY = dt.date(2025, 7, 20)
WORK_PER_BLOCK_EH = 600_000.0
SUBSIDY = 3.125
EFFICIENCY, POWER_PRICE = 19.0, 50.0

REVENUE = "block_reward_revenue_usd_per_ehs_day"
COST = "power_cost_usd_per_ehs_day"
PROFIT = "block_reward_gross_profit_usd_per_ehs_day"

Day = dict[str, Scalar]


def make_days() -> list[Day]:
    """Days with known numbers: every estimate is worked out here from blocks and prices, apart from the package."""
    days: list[Day] = []
    for index in range((END - FIRST_DAY).days):
        blocks, price = 140 + index % 9, 100_000.0 + 50.0 * index
        window = [100_000.0 + 50.0 * i for i in range(max(0, index - 6), index + 1)]
        mean_price = sum(window) / 7 if len(window) == 7 else None
        hashrate = blocks * WORK_PER_BLOCK_EH / 86_400
        days.append(
            {
                "date": FIRST_DAY + dt.timedelta(days=index),
                "blocks": blocks,
                "work_eh": blocks * WORK_PER_BLOCK_EH,
                "subsidy_per_block_btc": SUBSIDY,
                "subsidy_btc": SUBSIDY * blocks,
                "fees_btc": None if index == 30 else 2.0,
                "btc_price_usd": price,
                "btc_price_7d_usd": mean_price,
                "network_hashrate_ehs": hashrate,
                REVENUE: None if mean_price is None else 144 * SUBSIDY * mean_price / hashrate,
            }
        )
    return days


UNITS = {
    "date": "date",
    "blocks": "blocks",
    "work_eh": "EH",
    "subsidy_per_block_btc": "BTC/block",
    "subsidy_btc": "BTC",
    "fees_btc": "BTC",
    "btc_price_usd": "USD",
    "btc_price_7d_usd": "USD",
    "network_hashrate_ehs": "EH/s",
    REVENUE: "USD/EH/s/day",
}


def inside(days: list[Day], start: dt.date, end: dt.date, name: str) -> list[float]:
    return [float(day[name]) for day in days if start <= day["date"] < end]  # type: ignore[arg-type, operator]


def make_figure(figure_id: str, value: Scalar, unit: str, prior: Scalar = None, **changes: object) -> Figure:
    both = isinstance(value, float) and isinstance(prior, float)
    figure = Figure(
        id=figure_id,
        label=figure_id.replace("_", " "),
        value=value,  # type: ignore[arg-type]
        unit=unit,
        period_start=START,
        period_end=END,
        prior=prior,  # type: ignore[arg-type]
        change=value - prior if both else None,  # type: ignore[operator]
        change_frac=value / prior - 1 if both else None,  # type: ignore[operator]
        definition=f"How {figure_id} is computed.",
        sources=("chain",),
    )
    return dataclasses.replace(figure, **changes)  # type: ignore[arg-type]


def make_company(ticker: str, close: float, prior: float, shares: float, prior_shares: float) -> Company:
    change = close * shares - prior * prior_shares
    return Company(
        ticker=ticker,
        name=f"{ticker} Inc.",
        close_usd=close,
        close_date=dt.date(2025, 9, 30),
        prior_close_usd=prior,
        market_cap_usd=close * shares,
        prior_market_cap_usd=prior * prior_shares,
        return_frac=close / prior - 1,
        excess_return_frac=close / prior - 1 - BTC_RETURN,
        contribution_usd=change,
        price_effect_usd=(close - prior) * prior_shares,
        share_effect_usd=(shares - prior_shares) * close,
        shares_outstanding=shares,
        shares_as_of=dt.date(2025, 8, 1),
        shares_known_at=dt.date(2025, 8, 8),
        shares_form="10-Q",
        shares_confidence="high",
        is_shares_stale=False,
        sources=("filings",),
    )


DAYS = make_days()
BTC_RETURN = (100_000.0 + 50.0 * 72) / (100_000.0 + 50.0 * 40) - 1
"""Closes of 30 September and 29 August, the last trading days."""
COMPANIES = (
    make_company("AAA", 20.0, 10.0, 1e8, 0.9e8),
    make_company("BBB", 5.0, 6.0, 2e8, 2e8),
    make_company("CCC", 1.1, 1.0, 5e7, 4e7),
)


def month_hashrate(start: dt.date, end: dt.date) -> float:
    return sum(inside(DAYS, start, end, "work_eh")) / ((end - start).days * 86_400)


def make_note(**changes: object) -> Note:
    revenue = [
        sum(values) / len(values)
        for values in (inside(DAYS, START, END, REVENUE), inside(DAYS, PRIOR_START, START, REVENUE))
    ]
    cost = 24 * EFFICIENCY * POWER_PRICE
    caps = sum(c.market_cap_usd or 0 for c in COMPANIES), sum(c.prior_market_cap_usd or 0 for c in COMPANIES)
    figures = (
        make_figure("network_hashrate_ehs", month_hashrate(START, END), "EH/s", month_hashrate(PRIOR_START, START)),
        make_figure("next_difficulty_change_frac", 0.05, "fraction", 0.02),
        make_figure("btc_return_frac", BTC_RETURN, "fraction"),
        make_figure(REVENUE, revenue[0], "USD/EH/s/day", revenue[1]),
        make_figure(COST, cost, "USD/EH/s/day", cost),
        make_figure(PROFIT, revenue[0] - cost, "USD/EH/s/day", revenue[1] - cost),
        make_figure("market_cap_usd", caps[0], "USD", caps[1]),
        make_figure("n_outperforming_btc", 2, "count"),
        make_figure("top_performer", "AAA", "ticker", "BBB", return_frac=1.0),
        make_figure("bottom_performer", "BBB", "ticker", return_frac=5 / 6 - 1),
        make_figure("ibit_aum_usd", None, "USD", caveats=("no estimate for the last day",)),
    )
    daily = Table(
        "network_daily",
        "The network by day",
        tuple(Column(name, name, unit) for name, unit in UNITS.items()),
        tuple(tuple(day[name] for name in UNITS) for day in DAYS),
        sources=("chain",),
    )
    monthly = Table(
        "monthly",
        "By month",
        tuple(
            Column(name, name, unit)
            for name, unit in (
                ("period_start", "month"),
                ("network_hashrate_ehs", "EH/s"),
                (REVENUE, "USD/EH/s/day"),
                (COST, "USD/EH/s/day"),
                (PROFIT, "USD/EH/s/day"),
                ("efficiency_j_per_th", "J/TH"),
                ("next_difficulty_change_frac", "fraction"),
            )
        ),
        (
            (dt.date(2025, 7, 1), 900.0, 52_000.0, None, None, None, None),
            (PRIOR_START, figures[0].prior, revenue[1], cost, revenue[1] - cost, EFFICIENCY, 0.02),
            (START, figures[0].value, revenue[0], cost, revenue[0] - cost, EFFICIENCY, 0.05),
        ),
    )
    note = Note(
        month="2025-09",
        title="Bitcoin mining: September 2025",
        headline="Miners doubled",
        period_start=START,
        period_end=END,
        as_of=dt.date(2025, 10, 3),
        figures=figures,
        takeaways=(Takeaway("=1+1 is text, not a formula.", ("market_cap_usd",)),),
        companies=COMPANIES,
        events=(Event(dt.date(2025, 9, 25), ("AAA",), "hpc", "Signed a lease", "news", "high", 0.10, 0.02, 0.08),),
        reconciliation=(
            ReconciliationRow(
                figure_id="network_hashrate_ehs",
                metric="hashrate_avg_ehs",
                period="2025-09",
                ours=float(figures[0].value),  # type: ignore[arg-type]
                published=1000.0,
                unit="EH/s",
                difference=float(figures[0].value) - 1000.0,  # type: ignore[arg-type]
                difference_frac=float(figures[0].value) / 1000.0 - 1,  # type: ignore[arg-type]
                rounding=0.5,
                interval=None,
                is_within_rounding_and_interval=False,
                best_definition="headline",
                publisher="A bank",
                published_on=dt.date(2025, 10, 1),
                source="news",
            ),
        ),
        caveats=("One estimate is missing.",),
        tables={"network_daily": daily, "monthly": monthly},
        assumptions=(
            AssumptionRef("power_price_usd_per_mwh", "Power price", POWER_PRICE, "USD/MWh", "2024-09-30", "a survey"),
            AssumptionRef("efficiency_j_per_th", "Efficiency", EFFICIENCY, "J/TH", "2025-09-16", "calibration"),
            AssumptionRef("efficiency_log_change_per_month", "Decline", 0.0, "1/month", "2025-09-16", "calibration"),
        ),
        sources=(SourceRef("chain", "Block headers", "Bitcoin network", "https://example.org"),),
        code_version="0.1.0",
    )
    return dataclasses.replace(note, **changes)  # type: ignore[arg-type]


def load(note: Note, *, values: bool = False) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(render_xlsx(note)), data_only=values)


def named(book: Workbook, name: str) -> Cell:
    sheet, cell = book.defined_names[name].attr_text.split("!")
    found = book[sheet.strip("'")][cell.replace("$", "")]
    assert isinstance(found, Cell)
    return found


def formula_cells(book: Workbook) -> Iterator[Cell]:
    for sheet in book:
        for row in sheet.iter_rows():
            yield from (cell for cell in row if isinstance(cell, Cell) and cell.data_type == "f")


@pytest.fixture(scope="module")
def formulas() -> Workbook:
    return load(make_note())


@pytest.fixture(scope="module")
def cached() -> Workbook:
    return load(make_note(), values=True)


def test_one_note_gives_the_same_bytes_and_carries_its_own_date():
    content = render_xlsx(make_note())
    assert content == render_xlsx(make_note())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"2025-10-03T00:00:00Z" in archive.read("docProps/core.xml")


@pytest.mark.parametrize(
    "figure_id",
    [
        "network_hashrate_ehs",
        "btc_return_frac",
        REVENUE,
        COST,
        PROFIT,
        "market_cap_usd",
        "n_outperforming_btc",
        "top_performer",
        "bottom_performer",
    ],
)
def test_a_headline_figure_is_a_formula_that_shows_the_note_value(formulas, cached, figure_id):
    assert str(named(formulas, figure_id).value).startswith("=Calculation!")
    value = make_note().figure(figure_id).value
    assert named(cached, figure_id).value == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)


def test_every_figure_and_followed_assumption_has_a_name(formulas):
    names = set(formulas.defined_names)
    assert {figure.id for figure in make_note().figures} <= names
    assert {item.id for item in make_note().assumptions} <= names
    assert {"period_start", "period_end", "prior_start", "daily_work_eh", "company_close_usd"} <= names


def test_every_formula_carries_a_cached_result(formulas, cached):
    cells = list(formula_cells(formulas))
    assert len(cells) > 500
    assert [c.coordinate for c in cells if cached[c.parent.title][c.coordinate].value is None] == []


def test_no_formula_uses_a_name_that_is_not_defined(formulas):
    known = {name.lower() for name in formulas.defined_names}
    for cell in formula_cells(formulas):
        words = openpyxl.formula.Tokenizer(str(cell.value)).items
        operands = [word.value for word in words if word.type == "OPERAND" and word.subtype == "RANGE"]
        names = [text for text in operands if "_" in text and "!" not in text]
        assert [name for name in names if name.lower() not in known] == [], cell.value


def test_the_hashrate_is_work_over_seconds_between_named_days(formulas):
    line = next(row for row in formulas["Calculation"].iter_rows() if row[5].value == "network_hashrate_ehs")
    work = next(row for row in formulas["Calculation"].iter_rows() if row[5].value == "work_eh")
    assert str(work[1].value).startswith("=SUMIFS(daily_work_eh,daily_date,")
    assert line[1].value == f"={work[1].coordinate}/({line[1].column_letter}7*seconds_per_day)"
    assert named(formulas, "period_start").value == dt.datetime(2025, 9, 1)


def test_company_effects_are_formulas_that_add_up(formulas, cached):
    sheet, values = formulas["Companies"], cached["Companies"]
    heads = {cell.value: cell.column - 1 for cell in sheet[6]}
    for row, shown in zip(sheet.iter_rows(min_row=7, max_row=9), values.iter_rows(min_row=7, max_row=9), strict=True):
        parts = ("price_effect_usd", "share_effect_usd", "universe_effect_usd")
        assert all(str(row[heads[part]].value).startswith("=IF(") for part in parts)
        total = sum(shown[heads[part]].value for part in parts)
        assert total == pytest.approx(shown[heads["contribution_usd"]].value)


def test_what_is_not_known_is_an_empty_cell_and_said_to_be(formulas):
    missing = named(formulas, "ibit_aum_usd")
    assert missing.value is None
    row = [cell.value for cell in formulas["Summary"][missing.row]]
    assert "n/a: no estimate for the last day" in row
    sheet = formulas["Network"]
    heads = {cell.value: cell.column for cell in sheet[6]}
    assert sheet.cell(row=7 + 30, column=heads["fees_btc"]).value is None
    assert "n/a, not known" in str(sheet["A2"].value)


def test_a_figure_that_does_not_follow_from_the_days_is_an_input_that_says_so():
    note = make_note()
    figures = tuple(dataclasses.replace(f, value=1.0) if f.id == "network_hashrate_ehs" else f for f in note.figures)
    book = load(dataclasses.replace(note, figures=figures))
    line = next(row for row in book["Calculation"].iter_rows() if row[5].value == "network_hashrate_ehs")
    assert line[1].value == 1.0
    assert str(line[4].value).startswith("Taken over from the note")


def test_inputs_are_blue_and_formulas_black(formulas):
    price, work = named(formulas, "power_price_usd_per_mwh"), formulas["Network"]["C7"]
    assert price.font.color.rgb == work.font.color.rgb == "FF0000FF"
    assert price.fill.fgColor.rgb == "FFFFF9C4"
    assert {cell.font.color.rgb for cell in formula_cells(formulas) if cell.parent.title == "Network"} == {"FF000000"}


def test_dates_are_dates(formulas):
    assert formulas["Network"]["A7"].value == dt.datetime(2025, 7, 20)
    assert formulas["Network"]["A7"].is_date
    assert formulas["Events"]["A7"].value == dt.datetime(2025, 9, 25)


def test_text_that_looks_like_a_formula_stays_text(formulas):
    texts = [cell for row in formulas["Summary"].iter_rows() for cell in row if "=1+1" in str(cell.value)]
    assert [cell.data_type for cell in texts] == ["s"]


def test_every_sheet_prints_landscape_with_its_headings(formulas):
    for sheet in formulas:
        if sheet.title == "Charts":
            continue
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.print_title_rows
        assert sheet.freeze_panes


def test_the_checks_compare_every_figure_with_the_note(formulas, cached):
    labels = {row[0].value for row in formulas["Checks"].iter_rows(min_row=7)}
    known = {figure.label for figure in make_note().figures if figure.value is not None}
    assert known <= labels
    assert str(cached["Checks"]["B4"].value).endswith("PASS, 0 moved")


def test_the_reconciliation_follows_the_figure(formulas):
    heads = {cell.value: cell.column - 1 for cell in formulas["Reconciliation"][6]}
    row = formulas["Reconciliation"][7]
    assert row[heads["ours"]].value == "=network_hashrate_ehs"
    assert str(row[heads["difference"]].value).startswith("=")


def test_a_company_that_joins_counts_as_a_change_of_the_list():
    cap = COMPANIES[2].market_cap_usd
    joined = dataclasses.replace(
        COMPANIES[2], price_effect_usd=0.0, share_effect_usd=cap, contribution_usd=cap, universe_effect_usd=cap
    )
    book = load(make_note(companies=(*COMPANIES[:2], joined)), values=True)
    heads = {cell.value: cell.column - 1 for cell in book["Companies"][6]}
    row = next(row for row in book["Companies"].iter_rows(min_row=7) if row[0].value == "CCC")
    assert (row[heads["is_tracked"]].value, row[heads["was_tracked"]].value) == (1, 0)
    assert row[heads["universe_effect_usd"]].value == pytest.approx(COMPANIES[2].market_cap_usd)
    assert row[heads["price_effect_usd"]].value == 0


def test_a_split_does_not_look_like_a_return():
    split = dataclasses.replace(
        COMPANIES[0], prior_close_usd=100.0, prior_market_cap_usd=9e8, return_frac=1.0, price_effect_usd=9e8
    )
    book = load(make_note(companies=(split, *COMPANIES[1:])), values=True)
    heads = {cell.value: cell.column - 1 for cell in book["Companies"][6]}
    row = next(row for row in book["Companies"].iter_rows(min_row=7) if row[0].value == "AAA")
    assert row[heads["prior_close_usd"]].value == pytest.approx(10.0)
    assert row[heads["prior_shares_outstanding"]].value == pytest.approx(9e7)


def test_a_note_without_tables_or_companies_still_makes_a_workbook():
    bare = make_note(tables={}, companies=(), events=(), reconciliation=(), assumptions=(), sources=(), caveats=())
    book = load(bare)
    assert named(book, "market_cap_usd").value == pytest.approx(make_note().figure("market_cap_usd").value)
    assert "Network" not in book.sheetnames


def test_an_overridden_efficiency_holds_in_every_month():
    flat = tuple(
        dataclasses.replace(item, is_override=item.id == "efficiency_j_per_th") for item in make_note().assumptions
    )
    book = load(make_note(assumptions=flat))
    assert named(book, "is_efficiency_flat").value == 1
    line = next(row for row in book["Calculation"].iter_rows() if row[5].value == COST)
    assert str(line[1].value).startswith("=hours_per_day*") and str(line[2].value).startswith("=hours_per_day*")


def test_nan_is_written_as_not_known():
    note = make_note()
    figures = (*note.figures, make_figure("fee_share_frac", math.nan, "fraction"))
    assert named(load(dataclasses.replace(note, figures=figures)), "fee_share_frac").value is None
