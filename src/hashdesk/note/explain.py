"""How a figure came about: formula, inputs, the rows behind them, sources, assumptions, caveats."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from hashdesk.catalog.figures import FIGURES, figure_spec
from hashdesk.note.model import AssumptionRef, Column, Figure, Note, SourceRef, Table


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a figure came about: formula, inputs, the rows behind them, sources, assumptions, caveats."""

    figure: Figure
    definition: str
    formula: str
    inputs: Table
    rows: Table
    assumptions: tuple[AssumptionRef, ...]
    sources: tuple[SourceRef, ...]
    caveats: tuple[str, ...]


_INPUT_COLUMNS: dict[str, tuple[str, ...]] = {
    "network_hashrate_ehs": ("work_eh", "n_days", "n_blocks"),
    "block_reward_revenue_usd_per_ehs_day": ("reward_btc_per_day", "btc_price_7d_usd", "network_hashrate_ehs"),
    "hashprice_usd_per_phs_day": ("btc_price_usd", "fees_btc_per_day", "network_hashrate_implied_ehs"),
    "power_cost_usd_per_ehs_day": ("efficiency_j_per_th",),
    "block_reward_gross_profit_usd_per_ehs_day": (
        "block_reward_revenue_usd_per_ehs_day",
        "power_cost_usd_per_ehs_day",
        "efficiency_j_per_th",
    ),
    "gross_margin_frac": ("block_reward_revenue_usd_per_ehs_day", "power_cost_usd_per_ehs_day"),
    "breakeven_efficiency_j_per_th": ("block_reward_revenue_usd_per_ehs_day",),
    "breakeven_power_price_usd_per_mwh": ("block_reward_revenue_usd_per_ehs_day", "efficiency_j_per_th"),
    "market_cap_usd": ("n_companies", "market_cap_later_usd"),
    "top_performer": ("top_return_frac", "btc_return_frac"),
    "bottom_performer": ("bottom_return_frac", "btc_return_frac"),
    "network_power_gw": ("network_efficiency_j_per_th", "network_hashrate_ehs"),
    "network_efficiency_j_per_th": ("block_reward_revenue_usd_per_ehs_day",),
    "fee_share_frac": ("fees_btc_per_day", "issued_btc_per_day"),
    "block_reward_opportunity_4y_usd": ("four_year_subsidy_btc", "btc_price_end_usd", "height_last"),
    "market_cap_to_opportunity_x": ("market_cap_usd", "block_reward_opportunity_4y_usd"),
    "listed_network_share_frac": ("network_hashrate_ehs",),
    "n_outperforming_btc": ("btc_return_frac", "n_companies"),
}
"""Columns of the monthly table that go into a figure; the others are read straight off their rows."""

_ROW_TABLES: tuple[tuple[str, str], ...] = (
    ("equity_closes", "companies"),
    ("production", "listed_hashrate"),
    ("asic_models", "fleet_models"),
    ("network_daily", "network_daily"),
    ("volumes", "volumes"),
    ("etf_flows", "etf_flows"),
    ("etf_assets", "etf_assets"),
    ("btc_price_daily", "network_daily"),
)
"""Table of facts -> table of the note that shows its rows, most telling first."""


def explain_figure(figure_id: str, note: Note) -> Explanation:
    """The explanation of one figure of a note.

    Raises
    ------
    InputError
        An unknown figure.
    """
    spec = figure_spec(figure_id)
    figure = note.figure(figure_id)
    return Explanation(
        figure=figure,
        definition=spec.definition,
        formula=spec.formula,
        inputs=_explained_inputs(figure_id, note),
        rows=_explained_rows(figure_id, spec.tables, note),
        assumptions=tuple(entry for entry in note.assumptions if entry.id in spec.assumptions),
        sources=tuple(s for s in note.sources if s.id in figure.sources),
        caveats=figure.caveats,
    )


def _explained_inputs(figure_id: str, note: Note, months: int = 2) -> Table:
    monthly = note.tables["monthly"]
    names = ("period_start", figure_id, *_INPUT_COLUMNS.get(figure_id, ()))
    columns = [c for name in names for c in monthly.columns if c.name == name]
    positions = [monthly.columns.index(column) for column in columns]
    rows = tuple(tuple(row[i] for i in positions) for row in monthly.rows[-months:])
    return Table("inputs", f"Inputs of {FIGURES[figure_id].label}", tuple(columns), rows)


def _explained_rows(figure_id: str, fact_tables: Sequence[str], note: Note) -> Table:
    """The rows behind a figure in the period; for one that rests on months, its last year."""
    shown = next((table for fact, table in _ROW_TABLES if fact in fact_tables), "monthly")
    if shown == "monthly":
        return _explained_inputs(figure_id, note, months=13)
    if shown == "companies":
        return _company_table(note)
    table = note.tables[shown]
    if shown != "network_daily":
        return table
    rows = tuple(r for r in table.rows if isinstance(r[0], dt.date) and note.period_start <= r[0] < note.period_end)
    return Table(table.id, table.title, table.columns, rows, table.sources, table.caveats)


def _company_table(note: Note) -> Table:
    columns = (
        Column("ticker", "Ticker", "ticker"),
        Column("close_usd", "Close", "USD"),
        Column("close_date", "Of", "date"),
        Column("shares_outstanding", "Shares outstanding", "shares"),
        Column("shares_as_of", "True on", "date"),
        Column("shares_known_at", "Public on", "date"),
        Column("shares_form", "Form", "text"),
        Column("market_cap_usd", "Market cap", "USD"),
        Column("return_frac", "Return", "fraction"),
        Column("excess_return_frac", "Beyond bitcoin", "fraction"),
    )
    rows = tuple(tuple(getattr(company, column.name) for column in columns) for company in note.companies)
    return Table("companies", "Tracked companies", columns, rows)
