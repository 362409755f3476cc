"""The sheet of the months: estimates follow from the days in the workbook, costs from the assumptions."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping

from hashdesk.calendar import next_month
from hashdesk.note.model import AssumptionRef, Column, Note, Scalar, Table
from hashdesk.note.xlsx_book import Book, Formula, Row, TableSheet
from hashdesk.note.xlsx_calc import agrees
from hashdesk.note.xlsx_income import network_lines
from hashdesk.note.xlsx_lines import HIGH_FACTOR, LOW_FACTOR, Window, evaluate
from hashdesk.note.xlsx_margin import DAYS_PER_MONTH, middle
from hashdesk.note.xlsx_network import WEEK_DAYS
from hashdesk.note.xlsx_tables import write_table

_REVENUE = "block_reward_revenue_usd_per_ehs_day"
_COST = "power_cost_usd_per_ehs_day"
_BREAKEVEN_PRICE = "breakeven_power_price_usd_per_mwh"
_PROFIT = "block_reward_gross_profit_usd_per_ehs_day"


def _end(row: Row) -> str:
    return f"MIN(EDATE({row.at('period_start')},1),period_end)"


def _inside(row: Row) -> str:
    return f'daily_date,">="&{row.at("period_start")},daily_date,"<"&{_end(row)}'


def _mean(name: str) -> Formula:
    return lambda row: f"=AVERAGEIFS(daily_{name},{_inside(row)})"


def _last(name: str) -> Formula:
    return lambda row: f"=INDEX(daily_{name},MATCH({_end(row)}-1,daily_date,0))"


def _bound(figure: str, factor: str, count: Callable[[Row], str], *, inverse: bool = False) -> Formula:
    operator = "/" if inverse else "*"
    return lambda row: f"={row.at(figure)}{operator}({factor.format(n=count(row))})"


def _n_blocks(row: Row) -> str:
    return f"SUMIFS(daily_blocks,{_inside(row)})"


def _target_blocks(row: Row) -> str:
    return f"MAX(({_end(row)}-{row.at('period_start')})*target_blocks_per_day,blocks_per_epoch-1)"


def _network_formulas() -> dict[str, Formula]:
    """Formulas of the months whose days are all on the network sheet."""
    hashrate, implied, hashprice = "network_hashrate_ehs", "network_hashrate_implied_ehs", "hashprice_usd_per_phs_day"
    formulas: dict[str, Formula] = {
        "n_blocks": lambda row: f"={_n_blocks(row)}",
        "work_eh": lambda row: f"=SUMIFS(daily_work_eh,{_inside(row)})",
        hashrate: lambda row: (
            f"=SUMIFS(daily_work_eh,{_inside(row)})/(({_end(row)}-{row.at('period_start')})*seconds_per_day)"
        ),
        "network_hashrate_mean_of_days_ehs": _mean("network_hashrate_ehs"),
        implied: _mean(implied),
        "btc_price_usd": _mean("btc_price_usd"),
        "btc_price_7d_usd": _mean("btc_price_7d_usd"),
        "difficulty": _last("difficulty_eod"),
        "height_last": _last("height_last"),
        "btc_price_end_usd": _last("btc_price_usd"),
        _REVENUE: _mean(_REVENUE),
        hashprice: _mean(hashprice),
        "revenue_expected_usd_per_ehs_day": lambda row: f"={row.at(hashprice)}*1000",
        f"{hashrate}_low": _bound(hashrate, LOW_FACTOR, _n_blocks),
        f"{hashrate}_high": _bound(hashrate, HIGH_FACTOR, _n_blocks),
        f"{_REVENUE}_low": _bound(_REVENUE, HIGH_FACTOR, _n_blocks, inverse=True),
        f"{_REVENUE}_high": _bound(_REVENUE, LOW_FACTOR, _n_blocks, inverse=True),
        f"{implied}_low": _bound(implied, LOW_FACTOR, _target_blocks),
        f"{implied}_high": _bound(implied, HIGH_FACTOR, _target_blocks),
        f"{hashprice}_low": _bound(hashprice, HIGH_FACTOR, _target_blocks, inverse=True),
        f"{hashprice}_high": _bound(hashprice, LOW_FACTOR, _target_blocks, inverse=True),
    }
    return formulas


def _efficiency_formula(row: Row) -> str:
    start = row.at("period_start")
    return (
        "=efficiency_j_per_th*IF(is_efficiency_flat=1,1,"
        f"EXP(efficiency_log_change_per_month*({start}+INT(({_end(row)}-{start})/2)-efficiency_pivot)/days_per_month))"
    )


_MARGIN_FORMULAS: Mapping[str, Formula] = {
    _COST: lambda row: f"=hours_per_day*{row.at('efficiency_j_per_th')}*power_price_usd_per_mwh",
    _PROFIT: lambda row: f"={row.at(_REVENUE)}-{row.at(_COST)}",
    "gross_margin_frac": lambda row: f"={row.at(_PROFIT)}/{row.at(_REVENUE)}",
    "breakeven_efficiency_j_per_th": lambda row: (
        f'=IF(power_price_usd_per_mwh>0,{row.at(_REVENUE)}/(hours_per_day*power_price_usd_per_mwh),"n/a")'
    ),
    "breakeven_power_price_usd_per_mwh": lambda row: (
        f"={row.at(_REVENUE)}/(hours_per_day*{row.at('efficiency_j_per_th')})"
    ),
}
"""They hold in every month: revenue and the assumptions are enough."""

_BAND_FORMULAS: Mapping[str, Formula] = {
    f"{_COST}_low": lambda row: (
        f"=MIN({row.at(_COST)}*{row.at('efficiency_band_low')},{row.at(_COST)}*{row.at('efficiency_band_high')})"
    ),
    f"{_COST}_high": lambda row: (
        f"=MAX({row.at(_COST)}*{row.at('efficiency_band_low')},{row.at(_COST)}*{row.at('efficiency_band_high')})"
    ),
    f"{_PROFIT}_low": lambda row: f"={row.at(f'{_REVENUE}_low')}-{row.at(f'{_COST}_high')}",
    f"{_PROFIT}_high": lambda row: f"={row.at(f'{_REVENUE}_high')}-{row.at(f'{_COST}_low')}",
}


def efficiency_on(assumptions: Mapping[str, AssumptionRef], day: dt.date) -> float | None:
    """Efficiency of the line on a day, as the workbook's formula gives it; None where the note has no line."""
    level = assumptions.get("efficiency_j_per_th")
    slope = assumptions.get("efficiency_log_change_per_month")
    if level is None or slope is None:
        return None
    if level.is_override:
        return level.value
    months = (day - dt.date.fromisoformat(level.as_of)).days / DAYS_PER_MONTH
    return level.value * math.exp(slope.value * months)


def efficiency_bands(month: Mapping[str, Scalar]) -> dict[str, float]:
    """Bounds of the month's efficiency over its value, as its breakeven power prices imply them.

    The breakeven price is revenue over efficiency, so what its bounds add to those of revenue comes from efficiency;
    the power cost would give the same, but not at a price of zero or below.
    """
    price, revenue = month.get(_BREAKEVEN_PRICE), month.get(_REVENUE)
    bands = {}
    for bound, opposite in (("high", "low"), ("low", "high")):
        price_bound, revenue_bound = month.get(f"{_BREAKEVEN_PRICE}_{opposite}"), month.get(f"{_REVENUE}_{opposite}")
        values = (price, revenue, price_bound, revenue_bound)
        if all(isinstance(value, float) and value > 0 for value in values):
            bands[bound] = (price / price_bound) * (revenue_bound / revenue)  # type: ignore[operator]
    return bands


def _with_band(table: Table) -> Table:
    """The monthly table with the calibration's band of the efficiency, as factors of its value."""
    bands = [efficiency_bands(month) for month in table.records()]
    if not any(bands):
        return table
    columns = (
        *table.columns,
        Column("efficiency_band_low", "Efficiency, lower bound over value", "x"),
        Column("efficiency_band_high", "Efficiency, upper bound over value", "x"),
    )
    rows = tuple((*row, band.get("low"), band.get("high")) for row, band in zip(table.rows, bands, strict=True))
    return Table(table.id, table.title, columns, rows, table.sources, table.caveats)


def write_monthly(book: Book, table: Table, days: Mapping[str, list[Scalar]]) -> TableSheet:
    """Write the months; a month whose days are not all in the workbook keeps the values that it came with."""
    note = book.note
    wide = _with_band(table)
    names = {column.name for column in wide.columns}
    assumed = {item.id: item for item in note.assumptions}
    covered = _covered(wide, note, days)

    def where_covered(name: str, formula: Formula) -> Formula:
        return lambda row: formula(row) if name in covered.get(row.index, ()) else None

    def efficiency(row: Row) -> str | None:
        start = row.values["period_start"]
        if not isinstance(start, dt.date):
            return None
        line = efficiency_on(assumed, middle(start, min(next_month(start), note.period_end)))
        return _efficiency_formula(row) if agrees(line, row.values["efficiency_j_per_th"]) else None

    formulas: dict[str, Formula] = {
        name: where_covered(name, formula) for name, formula in _network_formulas().items() if name in names
    }
    if {_REVENUE, _COST, "efficiency_j_per_th"} <= names and "power_price_usd_per_mwh" in assumed:
        formulas |= {"efficiency_j_per_th": efficiency, **_MARGIN_FORMULAS}
    if "efficiency_band_low" in names and {f"{_REVENUE}_low", f"{_REVENUE}_high"} <= names:
        formulas |= _BAND_FORMULAS
    return write_table(book, wide, "Monthly", formulas=formulas, prefix="monthly")


def _covered(table: Table, note: Note, days: Mapping[str, list[Scalar]]) -> dict[int, set[str]]:
    """Columns of each month that the days in the workbook give to the last digit, by row."""
    known = [day for day in days.get("date", []) if isinstance(day, dt.date)]
    if not known:
        return {}
    first = known[0] + dt.timedelta(days=WEEK_DAYS - 1)
    lines = network_lines()
    covered = {}
    for index, row in enumerate(table.records()):
        start = row["period_start"]
        if not isinstance(start, dt.date) or start < first:
            continue
        window = Window(start, min(next_month(start), note.period_end), days)
        evaluate(lines, window, is_prior=True)
        covered[index] = {name for name, value in window.lines.items() if agrees(value, row.get(name))}
    return covered
