"""Commands of what moved the shares and of the AI/HPC pivot: attribution, events, hpc."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from hashdesk.cli.app import RowFormat, app
from hashdesk.cli.output import ROW_FORMATS, check_choice, emit_paragraph, emit_rows, emit_table

GROUP = "GROUP"
"""Ticker of the group's row."""

ATTRIBUTION_COLUMNS = (
    "ticker", "return_frac", "btc_frac", "ai_frac", "events_frac", "residual_frac", "residual_frac_low",
    "residual_frac_high", "beta_bitcoin", "beta_ai", "model_basis",
)  # fmt: skip
EVENT_COLUMNS = (
    "date", "ticker", "kind", "headline", "abnormal_frac", "abnormal_frac_low", "abnormal_frac_high", "p_value",
    "is_significant", "n_overlapping", "missing",
)  # fmt: skip
KIND_COLUMNS = (
    "kind", "n_events", "n_significant", "n_up", "mean_abnormal_frac", "median_abnormal_frac", "t", "p_value",
)  # fmt: skip
VIEWS: dict[str, tuple[str, ...]] = {
    "registry": (
        "ticker", "counterparty", "announced_on", "status", "owned_mw", "term_years", "revenue_usd_m_per_mw_year",
        "noi_usd_m_per_mw_year", "backstop_cover_frac", "rent_from", "replaced_by",
    ),
    "values": (
        "ticker", "n_leases", "n_cloud", "leased_mw", "backlog_usd", "noi_pv_usd", "capex_left_usd", "net_value_usd",
        "net_value_usd_low", "net_value_usd_high", "missing",
    ),
    "exchange": (
        "ticker", "counterparty", "announced_on", "lease_value_usd_m_per_mw", "mining_value_usd_m_per_mw",
        "exchange_rate_x", "flip_hashprice_usd_per_phs_day", "missing",
    ),
    "sensitivity": (
        "ticker", "counterparty", "announced_on", "changed", "end", "exchange_rate_x",
        "flip_hashprice_usd_per_phs_day",
    ),
    "progress": ("ticker", "leased_mw", "stated_contracted_mw", "due_mw", "delivered_mw", "cloud_mw", "next_delivery"),
    "backlog": ("month", "ticker", "leased_mw", "backlog_usd", "cloud_value_usd", "n_unstated"),
    "warrants": ("ticker", "counterparty", "announced_on", "warrants", "warrant_cost_usd", "basis", "missing"),
    "funding": ("ticker", "capex_left_usd", "cash_usd", "cash_as_of", "raised_since_usd", "funding_gap_usd", "missing"),
}  # fmt: skip
"""Field of Desk's answer to the columns that fit a terminal; CSV and JSON have every column."""


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


def _emit(rows: Sequence[dict[str, Any]], columns: Sequence[str], every: Sequence[str], row_format: str) -> None:
    """Print rows: a table with its units in the heads, or every column as CSV or JSON."""
    if row_format != "table":
        emit_rows(rows, every, row_format)
        return
    from hashdesk.note.format import format_number, unit_label

    units = [next((unit for end, unit in UNIT_OF_SUFFIX if name.endswith(end)), "text") for name in columns]
    heads = [f"{n} [{unit_label(u)}]" if unit_label(u) else n for n, u in zip(columns, units, strict=True)]
    cells = [[format_number(row[name], unit) for name, unit in zip(columns, units, strict=True)] for row in rows]
    emit_table(heads, cells, [unit != "text" for unit in units])


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
    frame = getattr(ctx.obj.desk().hpc(ticker, as_of=as_of), view)
    _emit(frame.to_dicts(), VIEWS[view], frame.columns, row_format)
