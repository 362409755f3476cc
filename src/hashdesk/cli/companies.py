"""Commands of the companies: company, companies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashdesk.cli.app import RowFormat, app
from hashdesk.cli.output import ROW_FORMATS, check_choice, emit, emit_json, emit_paragraph, emit_rows, emit_table
from hashdesk.errors import InputError

if TYPE_CHECKING:
    from hashdesk.desk.companies import CompanyMonth, Fact

TABLE_COLUMNS = {
    "ticker": "ticker",
    "production_btc": "mined",
    "energized_hashrate_ehs": "energised",
    "realized_hashrate_ehs": "realised",
    "holdings_btc": "held",
    "market_cap_usd": "market cap",
    "enterprise_value_usd": "EV",
    "ev_usd_per_realized_ehs": "EV/realised",
    "mnav_x": "mNAV",
    "expectations_frac": "expected",
    "dilution_12m_frac": "new in 12m",
}
"""What fits a terminal, with a short head; CSV and JSON have every column under its name."""

PARTS_COLUMNS = {
    "period_start": "month",
    "market_cap_usd": "market cap",
    "mining_value_usd": "mining",
    "bitcoin_value_usd": "bitcoin",
    "hpc_value_usd": "leases",
    "net_debt_usd": "net debt",
    "expectations_usd": "expectations",
    "not_disclosed_usd": "silent",
    "divergence_frac": "apart",
    "divergence_frac_low": "low",
    "divergence_percentile_frac": "rank",
}

TABLE_FOOT = (
    "mined, hashrates and held: as reported for the month or last before; the rest: from what was public on its last "
    "day. expected: market cap beyond mining, coins and leases; new in 12m: shares. --format csv has every column."
)
PARTS_FOOT = (
    "silent: companies that disclose too little. apart, the divergence number: share of the others that mining, "
    "bitcoin and leases do not cover, before net debt; low: were undisclosed coins as many as disclosed ones; "
    "rank: its percentile."
)

TEXT_COLUMNS = ("ticker", "name", "period_start")

UNITS = {"_usd": "USD", "_ehs": "EH/s", "_btc": "BTC", "_frac": "fraction", "_x": "x", "_j_per_th": "J/TH"}
"""Units of the columns of the table by the end of their name; a longer end wins."""

N_FORECASTS = 6


@app.command()
def company(
    ctx: typer.Context,
    ticker: Annotated[str, typer.Argument(metavar="TICKER", help="Symbol, later symbol or name of a company.")],
    month: Annotated[
        str | None, typer.Argument(metavar="MONTH", help="Month as YYYY-MM; without it the latest complete one.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Use only what was known on this day, as YYYY-MM-DD.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show a company's month.

    Operations, cost, value, dilution and the next disclosure, each number with its age and source.
    """
    page = ctx.obj.desk().company(ticker, month, as_of=as_of)
    if as_json:
        emit_json(page)
        return
    _print_page(page)


@app.command()
def companies(
    ctx: typer.Context,
    month: Annotated[
        str | None, typer.Argument(metavar="MONTH", help="Month as YYYY-MM; without it the latest complete one.")
    ] = None,
    sort: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column to sort by, largest first; text from A to Z.")
    ] = "market_cap_usd",
    reverse: Annotated[bool, typer.Option("--reverse", help="Sort the other way round.")] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Use only what was known on this day, as YYYY-MM-DD.")
    ] = None,
    parts: Annotated[
        bool, typer.Option("--parts", help="Instead, the group's market cap taken apart, month by month.")
    ] = False,
    scores: Annotated[
        bool, typer.Option("--scores", help="Instead, how forecasts of the companies' monthly output did.")
    ] = False,
    row_format: RowFormat = "table",
) -> None:
    """Compare all tracked companies in a month."""
    check_choice(row_format, ROW_FORMATS, what="format")
    if parts and scores:
        raise InputError("companies: --parts and --scores are two tables.", hint="Ask for one of them.")
    desk = ctx.obj.desk()
    if parts or scores:
        frame = (desk.market_cap_parts if parts else desk.disclosure_scores)(month, as_of=as_of)
        if parts and row_format == "table":
            _print_table(frame.to_dicts(), PARTS_COLUMNS, PARTS_FOOT)
        else:
            _print_rows(frame.to_dicts(), frame.columns, row_format)
        return
    frame = desk.companies(month, as_of=as_of)
    check_choice(sort, frame.columns, what="sort")
    is_text = sort in TEXT_COLUMNS
    rows = frame.sort(sort, "ticker", descending=[is_text == reverse, False], nulls_last=True).to_dicts()
    if row_format != "table":
        _print_rows(rows, frame.columns, row_format)
    elif not rows:
        emit_paragraph("No company was tracked at this month's end: the list of the tables begins later.")
    else:
        # A column asked for takes the place of the last two: its name is long.
        heads = dict(TABLE_COLUMNS) if sort in TABLE_COLUMNS else {**dict([*TABLE_COLUMNS.items()][:-2]), sort: sort}
        _print_table(rows, heads, TABLE_FOOT)


def _print_table(rows: Sequence[Mapping[str, Any]], heads: Mapping[str, str], foot: str) -> None:
    """Rows under short heads, narrow enough for a terminal, and what the heads mean."""
    from hashdesk.note.format import format_value

    cells = [[format_value(row[name], _unit(name)) for name in heads] for row in rows]
    emit_table(list(heads.values()), cells, [name not in TEXT_COLUMNS for name in heads])
    emit_paragraph(foot)


def _print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], row_format: str) -> None:
    """Rows as CSV or JSON in raw units, or as a table with the unit in every cell."""
    if row_format != "table":
        emit_rows(rows, columns, row_format)
        return
    from hashdesk.note.format import format_value

    cells = [[format_value(row[name], _unit(name)) for name in columns] for row in rows]
    emit_table(columns, cells, [name not in TEXT_COLUMNS for name in columns])


def _unit(column: str) -> str:
    """Unit of a column by its name."""
    column = column.removesuffix("_low")
    for end in ("_usd_per_mw", "_usd_per_mwh", "_usd_per_btc"):
        if column.endswith(end):
            return {"_usd_per_mw": "USD/MW", "_usd_per_mwh": "USD/MWh", "_usd_per_btc": "USD/BTC"}[end]
    if column.startswith("ev_usd_per_"):
        return "USD/EH/s"
    if column == "period_start":
        return "month"
    if column == "shares_outstanding" or column == "n" or column.startswith("n_"):
        return "count"
    return next((unit for end, unit in UNITS.items() if column.endswith(end)), "text")


def _print_page(page: CompanyMonth) -> None:
    from hashdesk.note.format import format_value

    symbol = page.symbol if page.symbol == page.ticker else f"{page.symbol} (in the tables: {page.ticker})"
    emit_paragraph(f"{page.name}, {symbol}, {page.period.month}", style="bold")
    for line in page.status:
        emit_paragraph(line, bullet="- ")
    _print_facts("Operations", page.operations)
    rungs = [
        [
            rung.label,
            format_value(rung.usd_per_phs_day, "USD/PH/s/day"),
            format_value(rung.usd_per_btc, "USD/BTC"),
            format_value(rung.as_of, "date"),
            _days(rung.age_days),
            rung.source,
            rung.missing or f"{rung.wording} ({rung.basis})",
        ]
        for rung in page.hashcost
    ]
    emit("\nHashcost ladder")
    emit_table(
        ("rung", "USD per PH/s and day", "USD per BTC", "as of", "age, days", "source", "remark"),
        rungs,
        (False, True, True, False, True, False, False),
    )
    _print_facts("Value, from what was public at the month's end", page.value)
    _print_bridge(page)
    _print_dilution(page)
    _print_forecasts(page)
    n_facts = len(page.operations) + len(page.value)
    n_missing = sum(bool(fact.missing) for fact in (*page.operations, *page.value))
    emit("")
    emit_paragraph(f"{n_missing} of {n_facts} figures are missing or too old to count; their remarks say why.")
    emit_paragraph(page.missing[-1] + ".")


def _print_facts(title: str, facts: Sequence[Fact]) -> None:
    from hashdesk.note.format import format_value

    cells = [
        [
            fact.label,
            format_value(fact.value, fact.unit),
            "" if fact.low is None else f"{format_value(fact.low, fact.unit)} to {format_value(fact.high, fact.unit)}",
            fact.basis if fact.value is not None else "",
            format_value(fact.as_of, "date"),
            _days(fact.age_days),
            fact.sources[0] + (f" +{len(fact.sources) - 1}" if len(fact.sources) > 1 else "") if fact.sources else "",
            "; ".join(text for text in (fact.missing, fact.note) if text),
        ]
        for fact in facts
    ]
    emit(f"\n{title}")
    heads = ("figure", "value", "range", "basis", "as of", "age, days", "source", "remark")
    emit_table(heads, cells, (False, True, False, False, False, True, False, False))


def _print_bridge(page: CompanyMonth) -> None:
    from hashdesk.note.format import format_value

    emit("\nFrom market cap to enterprise value")
    cells = [
        [
            line.label,
            format_value(line.value_usd, "USD"),
            line.kind,
            "" if line.conversion_price_usd is None else format_value(line.conversion_price_usd, "USD"),
            format_value(line.as_of, "date"),
            line.source,
            line.note,
        ]
        for line in page.bridge.lines
    ]
    heads = ("step", "value", "counted as", "converts at", "as of", "source", "remark")
    emit_table(heads, cells, (False, True, False, True, False, False, False))
    for line in page.bridge.missing:
        emit_paragraph(f"Not known: {line}", bullet="- ")


def _print_dilution(page: CompanyMonth) -> None:
    from hashdesk.note.format import format_value

    emit("\nNew shares")
    cells = [
        [
            f"{item.month:%Y-%m}",
            format_value(item.shares_end, "shares"),
            format_value(item.new_shares, "shares", signed=True),
            format_value(item.change_frac, "fraction", signed=True),
            format_value(item.change_12m_frac, "fraction", signed=True),
            format_value(item.proceeds_estimate_usd, "USD"),
            "; ".join(
                text
                for text in (
                    "no later count: shares issued since are missing" if item.is_open else "",
                    "unit of the share changed" if item.had_unit_change else "",
                )
                if text
            ),
        ]
        for item in page.dilution
    ]
    heads = ("month", "shares at its end", "new", "change", "12 months", "new shares at mean close", "remark")
    emit_table(heads, cells, (False, True, True, True, True, True, False))
    if (bought := page.bought) is not None:
        changes = (
            ("bitcoin held", bought.holdings_change_btc, "BTC"),
            ("energised hashrate", bought.energized_change_ehs, "EH/s"),
            ("debt of the balance sheet", bought.debt_change_usd, "USD"),
        )
        texts = [f"{name} {format_value(value, unit, signed=True)}" for name, value, unit in changes]
        emit_paragraph(f"Beside it, over the twelve months (not because of it): {', '.join(texts)}.")


def _print_forecasts(page: CompanyMonth) -> None:
    from hashdesk.note.format import format_value

    emit("\nForecast of the monthly report")
    cells = [
        [
            f"{item.month:%Y-%m}",
            format_value(item.expected_btc, "BTC"),
            format_value(item.low_btc, "BTC"),
            format_value(item.high_btc, "BTC"),
            format_value(item.reported_btc, "BTC"),
            format_value(item.error_frac, "fraction", signed=True),
        ]
        for item in page.forecasts[-N_FORECASTS:]
    ]
    emit_table(("month", "expected", "low 95%", "high 95%", "reported", "error"), cells, (False, *[True] * 5))
    if (score := page.score) is not None:
        emit_paragraph(
            f"Over {score.n} reports: mean absolute error {format_value(score.mae_frac, 'fraction')}, last report "
            f"carried on {format_value(score.naive_mae_frac, 'fraction')}; inside the 95% interval "
            f"{format_value(score.coverage_frac, 'fraction')} of {score.n_with_interval}."
        )


def _days(age: Any) -> str:
    return "" if age is None else str(age)
