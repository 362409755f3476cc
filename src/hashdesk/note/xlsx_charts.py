"""Native charts of the workbook: drawn from its sheets, so they follow what the reader changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hashdesk.note.chart_parts import GRID, INK, MUTED, PRIMARY, SECONDARY, SOFT_INK, TERTIARY
from hashdesk.note.xlsx_book import Book, Sheet, TableSheet

_WIDTH_PX, _HEIGHT_PX = 620, 310
_ROWS_PER_CHART, _COLUMNS_PER_CHART = 19, 10
_FIRST_ROW = 3
_DAILY_SHOWN = 180
_SMALL = {"name": "Arial", "size": 8}
_PUBLISHERS_NAMED = 3

_HASHRATE = "network_hashrate_ehs"
_REVENUE = "block_reward_revenue_usd_per_ehs_day"
_COST = "power_cost_usd_per_ehs_day"
_PROFIT = "block_reward_gross_profit_usd_per_ehs_day"


def write_charts(book: Book, sheet: Sheet, places: Mapping[str, TableSheet]) -> None:
    """Place every chart whose data the workbook holds, two beside each other."""
    makers: tuple[tuple[str, tuple[str, ...], str, Callable[[Book, TableSheet], Any]], ...] = (
        ("monthly", ("period_start", "market_cap_usd"), "market_cap_usd", _market_cap),
        ("ranking", ("ticker", "company_bar_frac", "bitcoin_bar_frac"), "top_performer", _returns),
        (
            "monthly",
            ("period_start", _HASHRATE, f"{_HASHRATE}_low", f"{_HASHRATE}_high"),
            _HASHRATE,
            _hashrate_by_month,
        ),
        (
            "network_daily",
            ("date", "network_hashrate_7d_ehs", "network_hashrate_implied_ehs"),
            _HASHRATE,
            _hashrate_by_day,
        ),
        ("monthly", ("period_start", _REVENUE, _COST, _PROFIT), _PROFIT, _profit),
        ("revenue_split", ("period_start", "price_frac", "hashrate_frac"), _REVENUE, _split),
        ("companies", ("ticker", "price_effect_usd", "share_effect_usd"), "market_cap_usd", _contribution),
        ("breakeven_curve", ("efficiency_j_per_th", "breakeven_power_price_usd_per_mwh"), _REVENUE, _breakeven),
    )
    sheet.worksheet.set_column(0, 2 * _COLUMNS_PER_CHART, 9)
    drawn = 0
    for table_id, needed, figure_id, make in makers:
        place = places.get(table_id)
        if place is None or not place.table.rows or not set(needed) <= set(place.columns):
            continue
        row = _FIRST_ROW + drawn // 2 * _ROWS_PER_CHART
        col = drawn % 2 * _COLUMNS_PER_CHART
        chart = make(book, place)
        chart.set_size({"width": _WIDTH_PX, "height": _HEIGHT_PX})
        sheet.worksheet.insert_chart(row, col, chart, {"object_position": 2, "description": place.table.title})
        text = f"Sheet {place.sheet.name}. Source: {_publishers(book, figure_id)}. As known on {book.note.as_of}."
        sheet.text(row + _ROWS_PER_CHART - 3, col, text, color=SOFT_INK, font_size=7)
        drawn += 1
    last_row = _FIRST_ROW + (drawn + 1) // 2 * _ROWS_PER_CHART
    sheet.worksheet.print_area(0, 0, last_row, 2 * _COLUMNS_PER_CHART - 1)
    sheet.worksheet.set_portrait()
    sheet.worksheet.fit_to_pages(1, 1)


def _publishers(book: Book, figure_id: str) -> str:
    """Who published what a figure rests on, the first few by name."""
    known = {source.id: source.publisher or source.title for source in book.note.sources}
    used = next((figure.sources for figure in book.note.figures if figure.id == figure_id), ())
    names = list(dict.fromkeys(known.get(source, source) for source in used))
    more = f" and {len(names) - _PUBLISHERS_NAMED} more (sheet Sources)" if len(names) > _PUBLISHERS_NAMED else ""
    return (", ".join(names[:_PUBLISHERS_NAMED]) + more) or "sheet Sources"


def _chart(book: Book, kind: str, title: str, unit: str, number: str, subtype: str = "") -> Any:
    options = {"type": kind, "subtype": subtype} if subtype else {"type": kind}
    chart = book.workbook.add_chart(options)
    chart.set_title(
        {"name": title, "name_font": {"name": "Arial", "size": 10, "bold": True, "color": INK}, "overlay": False}
    )
    chart.set_legend({"position": "bottom", "font": {**_SMALL, "color": INK}})
    chart.set_y_axis(
        {
            "name": unit,
            "name_font": {**_SMALL, "bold": False, "color": SOFT_INK},
            "num_format": number,
            "num_font": _SMALL,
            "major_gridlines": {"visible": True, "line": {"color": GRID}},
            "line": {"none": True},
        }
    )
    chart.set_chartarea({"border": {"none": True}})
    # An empty cell is not a zero: the line breaks.
    chart.show_blanks_as("gap")
    return chart


def _time_axis(chart: Any, number: str = "mmm yy", *, unit: int = 3, unit_type: str = "months") -> None:
    chart.set_x_axis(
        {
            "date_axis": True,
            "num_format": number,
            "num_font": _SMALL,
            "major_unit": unit,
            "major_unit_type": unit_type,
            "label_position": "low",
            "line": {"color": MUTED},
        }
    )


def _ranked_axes(chart: Any, name: str, number: str) -> None:
    """Axes of horizontal bars: the first record on top, its name left of the lowest value, the scale below."""
    chart.set_x_axis(
        {
            "name": name,
            "name_font": {**_SMALL, "bold": False, "color": SOFT_INK},
            "num_format": number,
            "num_font": _SMALL,
            # The order of the names is reversed, which would put the scale on top.
            "label_position": "high",
            "major_gridlines": {"visible": True, "line": {"color": GRID}},
        }
    )
    chart.set_y_axis(
        {
            "reverse": True,
            "num_font": _SMALL,
            "label_position": "low",
            "interval_unit": 1,
            "major_gridlines": {"visible": False},
        }
    )


def _line(chart: Any, place: TableSheet, x: str, y: str, name: str, colour: str, first: int = 0, **look: Any) -> None:
    line = {"color": colour, "width": 2, **look}
    chart.add_series(
        {
            "name": name,
            "categories": place.chart_span(x, first),
            "values": place.chart_span(y, first),
            "line": line,
            "marker": {"type": "none"},
        }
    )


def _bars(chart: Any, place: TableSheet, x: str, y: str, name: str, colour: str, **extra: Any) -> None:
    chart.add_series(
        {
            "name": name,
            "categories": place.chart_span(x),
            "values": place.chart_span(y),
            "fill": {"color": colour},
            "border": {"none": True},
            **extra,
        }
    )


def _first_known(place: TableSheet, column: str) -> int:
    """First record in which a column is known, so that a chart does not open with a void."""
    return next((index for index, cell in enumerate(place.table.column(column)) if cell is not None), 0)


def _market_cap(book: Book, place: TableSheet) -> Any:
    chart = _chart(book, "column", "Combined market cap of the tracked miners, month end", "USD bn", "#,##0,,,")
    first = _first_known(place, "market_cap_usd")
    chart.add_series(
        {
            "name": "Market cap",
            "categories": place.chart_span("period_start", first),
            "values": place.chart_span("market_cap_usd", first),
            "fill": {"color": PRIMARY},
            "border": {"none": True},
            "gap": 40,
        }
    )
    _time_axis(chart)
    chart.set_legend({"none": True})
    return chart


def _returns(book: Book, place: TableSheet) -> Any:
    chart = _chart(book, "bar", f"Returns in {book.period.title}, ranked", "", "0%", "stacked")
    _bars(chart, place, "ticker", "company_bar_frac", "Company", PRIMARY, gap=35)
    _bars(chart, place, "ticker", "bitcoin_bar_frac", "Bitcoin", SECONDARY)
    _ranked_axes(chart, "", "0%")
    return chart


def _hashrate_by_month(book: Book, place: TableSheet) -> Any:
    chart = _chart(book, "line", "Network hashrate by month, with 95% interval", "EH/s", "#,##0")
    _line(chart, place, "period_start", "network_hashrate_ehs_high", "95% high", MUTED, width=1, dash_type="dash")
    _line(chart, place, "period_start", "network_hashrate_ehs", "Month average", PRIMARY)
    _line(chart, place, "period_start", "network_hashrate_ehs_low", "95% low", MUTED, width=1, dash_type="dash")
    _time_axis(chart)
    return chart


def _hashrate_by_day(book: Book, place: TableSheet) -> Any:
    chart = _chart(book, "line", "Network hashrate by day: blocks found against difficulty", "EH/s", "#,##0")
    first = max(0, len(place.table.rows) - _DAILY_SHOWN)
    _line(chart, place, "date", "network_hashrate_7d_ehs", "Trailing 7 days", PRIMARY, first)
    _line(chart, place, "date", "network_hashrate_implied_ehs", "Implied by difficulty", SECONDARY, first, width=1.5)
    _time_axis(chart, "d mmm", unit=1)
    return chart


def _profit(book: Book, place: TableSheet) -> Any:
    chart = _chart(book, "line", "Revenue, power cost and gross profit of 1 EH/s", "USD per EH/s per day", "#,##0")
    first = _first_known(place, _COST)
    _line(chart, place, "period_start", _REVENUE, "Block-reward revenue", PRIMARY, first)
    _line(chart, place, "period_start", _COST, "Power cost (assumed)", TERTIARY, first)
    _line(chart, place, "period_start", _PROFIT, "Gross profit", SECONDARY, first)
    _time_axis(chart)
    return chart


def _split(book: Book, place: TableSheet) -> Any:
    chart = _chart(book, "column", "Change of revenue per EH/s taken apart", "% on the month", "0%", "stacked")
    parts = (
        ("price_frac", "Price", TERTIARY),
        ("reward_frac", "Subsidy", MUTED),
        ("hashrate_frac", "Hashrate", PRIMARY),
    )
    for name, label, colour in parts:
        if name in place.columns:
            _bars(chart, place, "period_start", name, label, colour, gap=40)
    _time_axis(chart, unit=2)
    return chart


def _contribution(book: Book, place: TableSheet) -> Any:
    chart = _chart(book, "bar", "What moved market cap, by company", "", "#,##0.0,,,", "stacked")
    _bars(chart, place, "ticker", "price_effect_usd", "Price", PRIMARY, gap=35)
    _bars(chart, place, "ticker", "share_effect_usd", "Share count", SECONDARY)
    if "universe_effect_usd" in place.columns:
        _bars(chart, place, "ticker", "universe_effect_usd", "Joined or left", TERTIARY)
    _ranked_axes(chart, "USD bn", "#,##0.0,,,")
    return chart


def _breakeven(book: Book, place: TableSheet) -> Any:
    chart = _chart(
        book, "scatter", "Power price at which a machine just earns its power", "USD/MWh", "#,##0", "straight"
    )
    x, y = "efficiency_j_per_th", "breakeven_power_price_usd_per_mwh"
    _line(chart, place, x, y, "Breakeven power price", PRIMARY)
    cells = place.table.column(x)
    known = [float(cell) for cell in cells if isinstance(cell, float | int)]
    chart.set_x_axis(
        {
            "name": "Efficiency, J/TH",
            "name_font": {**_SMALL, "bold": False, "color": SOFT_INK},
            "num_font": _SMALL,
            "num_format": "0",
            "min": min(known),
            "max": max(known),
            "major_gridlines": {"visible": False},
        }
    )
    chart.set_legend({"none": True})
    return chart
