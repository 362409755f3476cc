"""Commands of what moved the shares and of the AI/HPC pivot: attribution, events, hpc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from hashdesk.cli.app import RowFormat, app
from hashdesk.cli.output import ROW_FORMATS, check_choice, emit_paragraph, emit_rows, emit_table

GROUP = "GROUP"
"""Ticker of the group's row."""

ATTRIBUTION_COLUMNS = {
    "ticker": "ticker",
    "return_frac": "return",
    "btc_frac": "bitcoin",
    "ai_frac": "AI basket",
    "events_frac": "news",
    "residual_frac": "rest",
    "residual_frac_low": "rest, low",
    "residual_frac_high": "rest, high",
    "beta_bitcoin": "beta bitcoin",
    "beta_ai": "beta AI",
    "model_basis": "betas from",
}
EVENT_COLUMNS = {
    "date": "session",
    "ticker": "ticker",
    "kind": "kind",
    "headline": "news",
    "abnormal_frac": "beyond model",
    "abnormal_frac_low": "low",
    "abnormal_frac_high": "high",
    "p_value": "p",
    "is_significant": "stands out",
    "n_overlapping": "other news",
    "missing": "missing",
}
KIND_COLUMNS = {
    "kind": "kind",
    "n_events": "events",
    "n_significant": "stand out",
    "n_up": "up",
    "mean_abnormal_frac": "mean beyond model",
    "median_abnormal_frac": "median",
    "t": "t",
    "p_value": "p",
}
_CONTRACT = {"ticker": "ticker", "counterparty": "tenant", "announced_on": "announced"}
_FLIP = {"exchange_rate_x": "lease over mining", "flip_hashprice_usd_per_phs_day": "flips at, USD/PH/s/day"}
VIEWS: dict[str, dict[str, str]] = {
    "registry": {
        **_CONTRACT,
        "status": "status",
        "owned_mw": "MW",
        "term_years": "term",
        "revenue_usd_m_per_mw_year": "revenue, m/MW-yr",
        "noi_usd_m_per_mw_year": "NOI, m/MW-yr",
        "backstop_cover_frac": "backstop",
        "rent_from": "rent from",
        "replaced_by": "replaced by",
    },
    "values": {
        "ticker": "ticker",
        "n_leases": "leases",
        "n_cloud": "clouds",
        "leased_mw": "MW",
        "backlog_usd": "backlog",
        "noi_pv_usd": "NOI, present value",
        "capex_left_usd": "to be spent",
        "net_value_usd": "net value",
        "net_value_usd_low": "low",
        "net_value_usd_high": "high",
        "missing": "missing",
    },
    "exchange": {
        **_CONTRACT,
        "lease_value_usd_m_per_mw": "lease, m/MW",
        "mining_value_usd_m_per_mw": "mining, m/MW",
        **_FLIP,
        "missing": "missing",
    },
    "sensitivity": {**_CONTRACT, "changed": "changed", "end": "end", **_FLIP},
    "progress": {
        "ticker": "ticker",
        "leased_mw": "leased, MW",
        "stated_contracted_mw": "stated, MW",
        "due_mw": "due, MW",
        "delivered_mw": "delivered, MW",
        "cloud_mw": "cloud, MW",
        "next_delivery": "next delivery",
    },
    "backlog": {
        "month": "month",
        "ticker": "ticker",
        "leased_mw": "leased, MW",
        "backlog_usd": "backlog",
        "cloud_value_usd": "cloud",
        "n_unstated": "without a value",
    },
    "warrants": {
        **_CONTRACT,
        "warrants": "warrants",
        "warrant_cost_usd": "cost",
        "basis": "basis",
        "missing": "missing",
    },
    "funding": {
        "ticker": "ticker",
        "capex_left_usd": "to be spent",
        "cash_usd": "cash",
        "cash_as_of": "of",
        "raised_since_usd": "raised since",
        "funding_gap_usd": "gap (below 0: covered)",
        "missing": "missing",
    },
}
"""Field of Desk's answer to the columns that fit a terminal and their heads; CSV and JSON have every column."""


def _complete_view(incomplete: str) -> list[str]:
    return [name for name in VIEWS if name.startswith(incomplete)]


UNIT_OF_SUFFIX = (
    ("_usd_per_phs_day", "USD/PH/s/day"),
    ("_usd_m_per_mw_year", "USDm/MW-year"),
    ("_usd_m_per_mw", "USDm/MW"),
    ("_frac", "fraction"),
    ("_frac_low", "fraction"),
    ("_frac_high", "fraction"),
    ("_usd", "USD"),
    ("_usd_low", "USD"),
    ("_usd_high", "USD"),
    ("_years", "years"),
    ("_mw", "MW"),
    ("_x", "x"),
    ("p_value", "1"),
    ("beta_bitcoin", "1"),
    ("beta_ai", "1"),
)
"""End of a column's name to the unit that it is printed in."""


def _emit(rows: Sequence[dict[str, Any]], columns: Mapping[str, str], every: Sequence[str], row_format: str) -> None:
    """Print rows: a table of the columns that fit, or every column as CSV or JSON."""
    if row_format != "table":
        emit_rows(rows, every, row_format)
        return
    from hashdesk.note.format import format_month, format_number

    units = [
        "1" if name == "t" else next((unit for end, unit in UNIT_OF_SUFFIX if name.endswith(end)), "text")
        for name in columns
    ]

    def cell(name: str, value: Any, unit: str) -> str:
        if name == "p_value" and value is not None:
            return "< 0.01" if value < 0.005 else f"{value:.2f}"
        if name == "month" and value is not None:
            return format_month(value, short=True)
        if name == "kind":
            return str(value).replace("_", " ")
        return format_number(value, unit)

    cells = [[cell(name, row[name], unit) for name, unit in zip(columns, units, strict=True)] for row in rows]
    emit_table(list(columns.values()), cells, [unit != "text" for unit in units])


@app.command()
def attribution(
    ctx: typer.Context,
    month: Annotated[
        str | None, typer.Argument(metavar="MONTH", help="Month as YYYY-MM; without it the latest complete one.")
    ] = None,
    ticker: Annotated[str | None, typer.Option(metavar="TICKER", help="Only this company.")] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Use only what was known on this day, as YYYY-MM-DD.")
    ] = None,
    row_format: RowFormat = "table",
) -> None:
    """Take each share's month apart: bitcoin, the AI basket, dated news, and the rest."""
    check_choice(row_format, ROW_FORMATS, what="format")
    result = ctx.obj.desk().attribution(month, ticker=ticker, as_of=as_of)
    every = result.companies.columns
    rows = result.companies.to_dicts()
    if ticker is None:
        group = result.group.row(0, named=True)
        group |= {"ticker": GROUP, "contribution_usd": group["market_cap_change_usd"]}
        rows.append({name: group.get(name) for name in every})
    _emit(rows, ATTRIBUTION_COLUMNS, every, row_format)
    if row_format == "table":
        for line in (*result.caveats, *_notes(rows)):
            emit_paragraph(line, bullet="- ")


def _notes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What companies lack, each reason once."""
    of_reason: dict[str, list[str]] = {}
    for row in rows:
        for reason in (row["missing"] or "").split("; "):
            of_reason.setdefault(reason, []).append(row["ticker"])
    return [f"{', '.join(tickers)}: {reason}." for reason, tickers in of_reason.items() if reason]


@app.command()
def events(
    ctx: typer.Context,
    first: Annotated[str | None, typer.Option("--from", metavar="MONTH", help="First month, as YYYY-MM.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="MONTH", help="Last month, as YYYY-MM.")] = None,
    ticker: Annotated[str | None, typer.Option(metavar="TICKER", help="Only this company.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only this kind, such as hpc_contract.")] = None,
    by_kind: Annotated[bool, typer.Option("--by-kind", help="One row per kind in place of one per event.")] = False,
    row_format: RowFormat = "table",
) -> None:
    """Measure what dated news did to the shares beyond bitcoin and the AI basket."""
    check_choice(row_format, ROW_FORMATS, what="format")
    study = ctx.obj.desk().events_study(first, last, ticker=ticker, kind=kind)
    frame, columns = (study.kinds, KIND_COLUMNS) if by_kind else (study.events, EVENT_COLUMNS)
    _emit(frame.to_dicts(), columns, frame.columns, row_format)


@app.command()
def hpc(
    ctx: typer.Context,
    ticker: Annotated[str | None, typer.Argument(metavar="TICKER", help="Company; without it, all.")] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Day to look from, as YYYY-MM-DD; without it the latest month.")
    ] = None,
    view: Annotated[
        str,
        typer.Option(metavar="|".join(VIEWS), help="What to print.", autocompletion=_complete_view),
    ] = "registry",
    row_format: RowFormat = "table",
) -> None:
    """Show AI/HPC contracts: the registry, values, progress, money, and the lease against mining."""
    check_choice(row_format, ROW_FORMATS, what="format")
    check_choice(view, tuple(VIEWS), what="view")
    result = ctx.obj.desk().hpc(ticker, as_of=as_of)
    frame = getattr(result, view)
    _emit(frame.to_dicts(), VIEWS[view], frame.columns, row_format)
    if row_format == "table" and view in ("exchange", "sensitivity"):
        from hashdesk.note.format import format_value

        hashprice = format_value(result.hashprice_usd_per_phs_day, "USD/PH/s/day")
        emit_paragraph(f"Mining at the hashprice of {result.hashprice_month}: {hashprice} per PH/s a day.")
