"""The tables of a note: what charts, sheets and pages are drawn from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from hashdesk.assumptions import Assumptions
from hashdesk.calendar import Period
from hashdesk.catalog.figures import FIGURES
from hashdesk.metrics.context import etf_rank
from hashdesk.metrics.hpc import contract_economics
from hashdesk.metrics.margin import breakeven_power_price_usd_per_mwh
from hashdesk.metrics.sector import Sector, split_table
from hashdesk.note.figures import clean
from hashdesk.note.model import Column, Figure, ReconciliationRow, Table

HISTORY_FROM = dt.date(2023, 12, 1)
"""First month of the monthly tables: the month before the equity part begins, so that changes can be seen."""

DAILY_ROWS = 400
SPLIT_MONTHS = 13


def build_tables(
    sector: Sector,
    tables: Mapping[str, pl.DataFrame],
    figures: Sequence[Figure],
    reconciliation: Sequence[ReconciliationRow],
    assumptions: Assumptions,
) -> dict[str, Table]:
    """Every table of the note by id."""
    period = sector.period
    history = sector.monthly.filter(pl.col("period_start") >= min(HISTORY_FROM, period.start))
    built = [
        _monthly(history),
        _network_daily(sector.days, period),
        _revenue_split(sector.monthly, period),
        _breakeven_curve(figures),
        _fleet_models(sector),
        _listed_hashrate(sector),
        _market_cap(history),
        _breadth(history),
        _hpc_contracts(tables["hpc_contracts"], period, assumptions),
        _volumes(tables["volumes"], period),
        _etf_flows(history),
        _etf_assets(history),
        _etf_ranks(tables["etf_ranks"], tables["published"], period),
        _definitions(figures, reconciliation),
    ]
    return {table.id: table for table in built}


def from_frame(
    table_id: str,
    title: str,
    frame: pl.DataFrame,
    columns: Sequence[tuple[str, str, str]],
    *,
    sources: Sequence[str] = (),
    caveats: Sequence[str] = (),
) -> Table:
    """A table of the note from the named columns of a frame: (name, label, unit) each."""
    rows = frame.select([name for name, _, _ in columns]).rows()
    return Table(
        id=table_id,
        title=title,
        columns=tuple(Column(*column) for column in columns),
        rows=tuple(tuple(clean(cell) for cell in row) for row in rows),
        sources=tuple(dict.fromkeys(sources)),
        caveats=tuple(caveats),
    )


def _monthly(history: pl.DataFrame) -> Table:
    columns: list[tuple[str, str, str]] = [("period_start", "Month", "month")]
    for spec in FIGURES.values():
        for suffix, extra in (("", ""), ("_low", ", low"), ("_high", ", high"), ("_z", ", change in standard errors")):
            if f"{spec.id}{suffix}" in history.columns:
                unit = "z" if suffix == "_z" else spec.unit
                columns.append((f"{spec.id}{suffix}", spec.label + extra, unit))
        columns += [
            (name, f"{spec.label}: {label}", spec.unit) for name, label, _ in spec.variants if name in history.columns
        ]
    columns += [
        (name, label, unit)
        for name, label, unit in (
            ("top_return_frac", "Best return", "fraction"),
            ("bottom_return_frac", "Worst return", "fraction"),
            ("efficiency_j_per_th", "Assumed efficiency, calibrated line", "J/TH"),
            ("mining_revenue_usd_m_per_mw_year", "Mining revenue of a MW, held for a year", "USDm/MW-year"),
            ("mining_gross_profit_usd_m_per_mw_year", "Mining gross profit of a MW, held for a year", "USDm/MW-year"),
            ("n_blocks", "Blocks found", "blocks"),
            ("n_days", "Days", "days"),
            ("work_eh", "Work of the blocks found", "EH"),
            ("height_last", "Last block height", "blocks"),
            ("btc_price_7d_usd", "Mean of trailing 7-day closes", "USD"),
            ("reward_btc_per_day", "Block reward at target pace", "BTC"),
            ("issued_btc_per_day", "Coins issued a day", "BTC"),
            ("fees_btc_per_day", "Fees a day", "BTC"),
            ("four_year_subsidy_btc", "Subsidy of the next four years", "BTC"),
        )
        if name in history.columns
    ]
    unique = {column[0]: column for column in reversed(columns)}  # a variant may be a figure of its own
    ordered = [column for column in columns if unique[column[0]] is column]
    return from_frame("monthly", "Every figure by month", history, ordered)


def _network_daily(days: pl.DataFrame, period: Period) -> Table:
    recent = days.filter(pl.col("date") < period.end).tail(DAILY_ROWS)
    return from_frame(
        "network_daily",
        "The network by day",
        recent,
        (
            ("date", "Day (UTC, header time)", "date"),
            ("blocks", "Blocks found", "blocks"),
            ("work_eh", "Work of the blocks", "EH"),
            ("difficulty_mean", "Difficulty, mean of the blocks", "difficulty"),
            ("difficulty_eod", "Difficulty at the day's end", "difficulty"),
            ("subsidy_per_block_btc", "Subsidy of a block", "BTC/block"),
            ("subsidy_btc", "Coins issued", "BTC"),
            ("fees_btc", "Fees", "BTC"),
            ("btc_price_usd", "Bitcoin, close at 24:00 UTC", "USD"),
            ("btc_price_7d_usd", "Bitcoin, trailing 7-day mean close", "USD"),
            ("network_hashrate_ehs", "Hashrate of the day", "EH/s"),
            ("network_hashrate_low_ehs", "Hashrate of the day, low", "EH/s"),
            ("network_hashrate_high_ehs", "Hashrate of the day, high", "EH/s"),
            ("network_hashrate_7d_ehs", "Hashrate, trailing 7 days", "EH/s"),
            ("network_hashrate_implied_ehs", "Hashrate implied by difficulty", "EH/s"),
            ("block_reward_revenue_usd_per_ehs_day", "Block-reward revenue", "USD/EH/s/day"),
            ("hashprice_usd_per_phs_day", "Hashprice", "USD/PH/s/day"),
            ("height_last", "Last block height", "blocks"),
        ),
    )


def _revenue_split(monthly: pl.DataFrame, period: Period) -> Table:
    split = split_table(monthly).filter(pl.col("period_start") <= period.start).tail(SPLIT_MONTHS)
    return from_frame(
        "revenue_split",
        "The change of revenue per EH/s taken apart",
        split,
        (
            ("period_start", "Month", "month"),
            ("change_log", "Change, log", "log"),
            ("price_log", "Price, log", "log"),
            ("reward_log", "Subsidy, log", "log"),
            ("hashrate_log", "Hashrate, log", "log"),
            ("change_frac", "Change", "fraction"),
            ("price_frac", "of which price", "fraction"),
            ("reward_frac", "of which subsidy", "fraction"),
            ("hashrate_frac", "of which hashrate", "fraction"),
        ),
        caveats=("The parts add up exactly; hashrate is the one that the month's income was in fact shared over.",),
    )


def _breakeven_curve(figures: Sequence[Figure]) -> Table:
    revenue = next(f for f in figures if f.id == "block_reward_revenue_usd_per_ehs_day")
    columns = (
        ("efficiency_j_per_th", "Efficiency", "J/TH"),
        ("breakeven_power_price_usd_per_mwh", "Breakeven power price", "USD/MWh"),
        ("breakeven_power_price_low_usd_per_mwh", "Breakeven power price, low", "USD/MWh"),
        ("breakeven_power_price_high_usd_per_mwh", "Breakeven power price, high", "USD/MWh"),
    )
    if not isinstance(revenue.value, float) or revenue.interval is None:
        empty = pl.DataFrame(schema={name: pl.Float64 for name, _, _ in columns})
        return from_frame("breakeven_curve", "Breakeven power price", empty, columns, caveats=revenue.caveats)
    efficiency = np.arange(9.0, 41.0)
    frame = pl.DataFrame(
        {
            columns[0][0]: efficiency,
            columns[1][0]: breakeven_power_price_usd_per_mwh(revenue.value, efficiency),
            columns[2][0]: breakeven_power_price_usd_per_mwh(revenue.interval.low, efficiency),
            columns[3][0]: breakeven_power_price_usd_per_mwh(revenue.interval.high, efficiency),
        }
    )
    return from_frame("breakeven_curve", "Breakeven power price by efficiency, at the period's revenue", frame, columns)


def _fleet_models(sector: Sector) -> Table:
    columns = (
        ("model", "Machine", "text"),
        ("efficiency_j_per_th", "Efficiency", "J/TH"),
        ("released_on", "Released", "date"),
        ("weight", "Weight by age", "weight"),
        ("breakeven_power_price_usd_per_mwh", "Breakeven power price", "USD/MWh"),
        ("is_profitable", "Earns its power", "flag"),
    )
    if sector.fleet is None:
        empty = pl.DataFrame(schema={name: pl.String for name, _, _ in columns})
        return from_frame("fleet_models", "Machines", empty, columns, caveats=("No fleet for this period.",))
    return from_frame(
        "fleet_models",
        "Machines on sale in the last five years",
        sector.fleet.models,
        columns,
        caveats=sector.fleet.caveats,
    )


def _listed_hashrate(sector: Sector) -> Table:
    columns = (
        ("ticker", "Company", "ticker"),
        ("value", "Hashrate, latest disclosure", "EH/s"),
        ("month", "Disclosed for", "month"),
        ("age_months", "Age", "months"),
        ("is_counted", "Counted", "flag"),
    )
    frame = sector.listed_companies
    if frame is None:
        frame = pl.DataFrame(schema={name: pl.String for name, _, _ in columns})
    return from_frame("listed_hashrate", "Disclosed hashrate of the tracked companies", frame, columns)


def _market_cap(history: pl.DataFrame) -> Table:
    columns = (
        ("period_start", "Month", "month"),
        ("market_cap_usd", "Combined market cap", "USD"),
        ("market_cap_usd_low", "Combined market cap, low", "USD"),
        ("market_cap_usd_high", "Combined market cap, high", "USD"),
        ("market_cap_later_usd", "On share counts as later known", "USD"),
        ("n_companies", "Companies", "count"),
        ("price_effect_usd", "Price effect", "USD"),
        ("share_effect_usd", "Share-count effect", "USD"),
        ("universe_effect_usd", "Effect of changes of the list", "USD"),
    )
    return from_frame("market_cap", "Combined market cap and its change taken apart", *_present(history, columns))


def _breadth(history: pl.DataFrame) -> Table:
    columns = (
        ("period_start", "Month", "month"),
        ("n_outperforming_btc", "Beat bitcoin", "count"),
        ("n_companies", "Companies", "count"),
        ("btc_return_frac", "Bitcoin return", "fraction"),
        ("median_return_frac", "Median return", "fraction"),
    )
    return from_frame("breadth", "Breadth against bitcoin", *_present(history, columns))


def _present(
    frame: pl.DataFrame, columns: Sequence[tuple[str, str, str]]
) -> tuple[pl.DataFrame, Sequence[tuple[str, str, str]]]:
    """The frame with columns that it lacks added as nulls: a month before the universe's window has no equity part."""
    absent = [pl.lit(None, pl.Float64).alias(name) for name, _, _ in columns if name not in frame.columns]
    return frame.with_columns(absent), columns


def _hpc_contracts(contracts: pl.DataFrame, period: Period, assumptions: Assumptions) -> Table:
    known = contracts.filter(pl.col("announced_on") < period.end)
    economics = contract_economics(known, assumptions).with_columns(
        # A row that restates earlier ones is not a new contract.
        is_in_period=(pl.col("announced_on") >= period.start) & pl.col("replaces").is_null(),
        is_restatement=pl.col("replaces").is_not_null(),
    )
    return from_frame(
        "hpc_contracts",
        "AI/HPC contracts announced up to the period's end",
        economics.sort("announced_on"),
        (
            ("announced_on", "Announced", "date"),
            ("ticker", "Ticker", "ticker"),
            ("company", "Company", "text"),
            ("counterparty", "Counterparty", "text"),
            ("critical_it_mw", "Critical IT load", "MW"),
            ("term_years", "Term", "years"),
            ("contract_value_usd", "Contract value", "USD"),
            ("revenue_usd_m_per_mw_year", "Revenue per MW-year", "USDm/MW-year"),
            ("noi_usd_m_per_mw_year_low", "NOI per MW-year, low", "USDm/MW-year"),
            ("noi_usd_m_per_mw_year_high", "NOI per MW-year, high", "USDm/MW-year"),
            ("backstop_usd", "Backstop", "USD"),
            ("backstop_cover_frac", "Backstop cover", "fraction"),
            ("backstop_by", "Backstop by", "text"),
            ("warrants", "Warrants", "text"),
            ("is_cloud", "GPU cloud", "flag"),
            ("is_in_period", "In the period", "flag"),
            ("is_replaced", "Restated by a later row", "flag"),
            ("is_restatement", "Restates earlier rows", "flag"),
            ("gross_mw", "Gross load", "MW"),
            ("mw_basis", "Revenue per MW of", "text"),
            ("jv_share_frac", "Share of the venture", "fraction"),
            ("note", "Note", "text"),
        ),
        sources=known["source"].drop_nulls().to_list(),
        caveats=("A GPU cloud contract includes the hardware and must not be compared with a lease.",),
    )


def _volumes(volumes: pl.DataFrame, period: Period) -> Table:
    """Volumes up to the period, with the change as published, or between two published months."""
    shown = (
        volumes.filter((pl.col("month").dt.offset_by("1mo") <= period.end) & pl.col("combined_usd_tn").is_not_null())
        .sort("month")
        .with_columns(
            crypto_trading_volume_usd=pl.col("combined_usd_tn") * 1e12,
            spot_volume_usd=pl.col("spot_usd_tn") * 1e12,
            derivatives_volume_usd=pl.col("derivatives_usd_tn") * 1e12,
            is_consecutive=pl.col("month").dt.offset_by("-1mo") == pl.col("month").shift(1),
        )
        .with_columns(
            computed_change_frac=pl.when("is_consecutive").then(
                pl.col("crypto_trading_volume_usd") / pl.col("crypto_trading_volume_usd").shift(1) - 1
            ),
            is_year_high=pl.col("crypto_trading_volume_usd")
            == pl.col("crypto_trading_volume_usd").max().over(pl.col("month").dt.year()),
        )
        .with_columns(
            change_frac=pl.coalesce("published_change_frac", "computed_change_frac"),
            is_change_published=pl.col("published_change_frac").is_not_null(),
        )
    )
    return from_frame(
        "volumes",
        "Crypto trading volume on centralised exchanges",
        shown,
        (
            ("month", "Month", "month"),
            ("crypto_trading_volume_usd", "Spot and derivatives", "USD"),
            ("spot_volume_usd", "Spot", "USD"),
            ("derivatives_volume_usd", "Derivatives", "USD"),
            ("change_frac", "Change on the month", "fraction"),
            ("is_change_published", "Change as published", "flag"),
            ("basis", "Basis", "text"),
            ("is_year_high", "Highest of its year in the table", "flag"),
            ("note", "Note", "text"),
        ),
        sources=shown["source"].drop_nulls().to_list(),
        caveats=(
            "The publisher restates: a change is the one published with the month, and may differ from the ratio of "
            "two months as first published.",
        ),
    )


def _etf_flows(history: pl.DataFrame) -> Table:
    return from_frame(
        "etf_flows",
        "US spot bitcoin ETFs, net flow by month",
        history,
        (
            ("period_start", "Month", "month"),
            ("btc_etf_net_flow_usd", "All funds", "USD"),
            ("ibit_net_flow_usd", "IBIT", "USD"),
        ),
    )


def _etf_assets(history: pl.DataFrame) -> Table:
    return from_frame(
        "etf_assets",
        "iShares Bitcoin Trust, assets at month end",
        history.with_columns(basis=pl.lit("estimated")),
        (("period_start", "Month", "month"), ("ibit_aum_usd", "Assets", "USD"), ("basis", "Basis", "text")),
        caveats=("Estimated from flows and closes.",),
    )


def _etf_ranks(ranks: pl.DataFrame, published: pl.DataFrame, period: Period) -> Table:
    """IBIT's rank: computed on days with a whole table of funds, otherwise as somebody published it."""
    rows: list[tuple[Any, ...]] = []
    for key, table in ranks.filter(pl.col("date") < period.end).partition_by("date", as_dict=True).items():
        own = table.filter(pl.col("ticker") == "IBIT")
        computed = etf_rank(table, "IBIT")
        if computed is not None:
            rows.append((key[0], str(computed), "IBIT", own["aum_usd"][0], "derived", own["source"][0]))
            continue
        quoted = own.filter(pl.col("rank").is_not_null()).select("rank", "aum_usd", "source")
        rows += [(key[0], str(rank), "IBIT", aum, "reported", source) for rank, aum, source in quoted.iter_rows()]
    bounds = published.filter((pl.col("metric") == "ibit_etf_rank_at_most") & (pl.col("period_end") <= period.end))
    for row in bounds.iter_rows(named=True):
        rows.append(
            (
                row["published_on"] or row["period_end"],
                f"top {row['value']:.0f}",
                "IBIT",
                None,
                "reported",
                row["source"],
            )
        )
    rows.sort(key=lambda row: row[0])
    return Table(
        id="etf_ranks",
        title="IBIT among ETFs by assets",
        columns=(
            Column("date", "Date", "date"),
            Column("rank", "Rank", "text"),
            Column("ticker", "Fund", "ticker"),
            Column("aum_usd", "Assets", "USD"),
            Column("basis", "Basis", "text"),
            Column("source", "Source", "text"),
        ),
        rows=tuple(rows),
        sources=tuple(dict.fromkeys(row[-1] for row in rows)),
        caveats=("Derived where the store holds every fund above it on that day, otherwise quoted as published.",),
    )


def _definitions(figures: Sequence[Figure], reconciliation: Sequence[ReconciliationRow]) -> Table:
    """Every live definition of a figure beside the published value of the period, where there is one."""
    published = {
        row.figure_id: row for row in reconciliation if row.rounding is not None and "change" not in row.metric
    }
    rows: list[tuple[Any, ...]] = []
    for figure in figures:
        if not figure.variants:
            continue
        quoted = published.get(figure.id)
        stated = None
        if quoted is not None and isinstance(quoted.ours, float) and isinstance(figure.value, float) and figure.value:
            stated = float(quoted.published) * figure.value / quoted.ours
        candidates = [("headline", "Headline", figure.definition, figure.value)]
        candidates += [(v.id, v.label, v.definition, v.value) for v in figure.variants]
        for definition_id, label, formula, value in candidates:
            gap = value / stated - 1 if stated and isinstance(value, float) else None
            rows.append((figure.id, definition_id, label, formula, value, figure.unit, stated, gap))
    return Table(
        id="definitions",
        title="The same quantity under every live definition",
        columns=(
            Column("figure_id", "Figure", "text"),
            Column("definition_id", "Definition", "text"),
            Column("label", "Name", "text"),
            Column("formula", "How it is computed", "text"),
            Column("value", "Value", "number"),
            Column("unit", "Unit", "text"),
            Column("published", "Published", "number"),
            Column("difference_frac", "Difference from published", "fraction"),
        ),
        rows=tuple(rows),
    )
