"""The sector month by month: every figure of the note in one table, from the tables of facts and the assumptions.

This is where the metrics meet. Rows are periods, columns are figures under their ids, with ``_low`` and ``_high`` where
they are estimates and ``_z`` where a change has a noise model.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.special import gammaincinv

from hashdesk.assumptions import Assumptions
from hashdesk.calendar import Period, months_between, previous_month
from hashdesk.metrics.context import context_monthly
from hashdesk.metrics.equities import Market, companies_in, equity_monthly
from hashdesk.metrics.fleet import Fleet, fleet_on
from hashdesk.metrics.hashprice import revenue_split
from hashdesk.metrics.hashrate import change_z
from hashdesk.metrics.hpc import mining_per_mw
from hashdesk.metrics.margin import Bounded, gross_profit_change_z, margins
from hashdesk.metrics.network_monthly import network_days, network_monthly
from hashdesk.metrics.opportunity import (
    block_reward_opportunity_4y_usd,
    four_year_subsidy_btc,
    listed_share_by_hashrate,
    listed_share_by_production,
    market_cap_to_opportunity_x,
)

EQUITY_FROM = dt.date(2024, 1, 1)
"""First month with returns: the first closes in the universe's window are those of December 2023, its prior."""

COSTS_FROM = dt.date(2023, 12, 1)
"""The efficiency line is calibrated on figures from 2024 on; it is not carried back further than this."""


@dataclass(frozen=True, slots=True)
class Sector:
    """Everything that the note of the last period is built from."""

    period: Period
    monthly: pl.DataFrame
    days: pl.DataFrame
    companies: pl.DataFrame
    """Companies of the last period."""
    market: Market
    fleet: Fleet | None
    """Bottom-up fleet of the last period."""
    listed_companies: pl.DataFrame | None
    """Disclosed hashrate per tracked company, with its age."""


def build_sector(tables: Mapping[str, pl.DataFrame], period: Period, assumptions: Assumptions) -> Sector:
    """Compute every figure for every month up to and including the period.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The tables of facts by name, as known at the note's as-of date.
    period : Period
        The note's month, or the part of it.
    assumptions : Assumptions
        Power price, efficiency line, fleet weights.

    Returns
    -------
    Sector
    """
    days = network_days(tables["network_daily"], tables["btc_price_daily"])
    first = days["date"].min()
    assert isinstance(first, dt.date)
    periods = [*(p for p in months_between(first, period.start) if p.start < period.start), period]
    market = Market(
        tables["equity_closes"],
        tables["share_counts"],
        tables["universe"],
        tables["trading_days"],
        tables["btc_price_daily"],
    )
    network = network_monthly(days, tables["epochs"], periods)
    companies = [(p, companies_in(market, p)) for p in periods if p.start >= EQUITY_FROM]
    monthly = network
    if companies:
        monthly = monthly.join(equity_monthly(companies, market), on="period_start", how="left")
    monthly = monthly.join(
        context_monthly(tables["volumes"], tables["etf_flows"], tables["etf_assets"], tables["trading_days"], periods),
        on="period_start",
        how="left",
    ).sort("period_start")
    if not companies:
        monthly = monthly.with_columns(
            pl.lit(None, pl.Float64).alias(name) for name in ("market_cap_usd", "market_cap_later_usd", "n_companies")
        )
    monthly = _with_costs(monthly, periods, assumptions)
    monthly, fleet = _with_fleet(monthly, periods, tables["asic_models"], assumptions)
    disclosed = (tables["production"], tables["production_quarterly"])
    monthly, listed = _with_listed_share(monthly, periods, disclosed, market, assumptions)
    monthly = _with_opportunity(monthly)
    monthly = _with_volatility_interval(monthly)
    latest = companies[-1][1] if companies else companies_in(market, period)
    monthly = monthly.with_columns(
        btc_calendar_return_frac=pl.col("btc_price_end_usd") / pl.col("btc_price_end_usd").shift(1) - 1,
    )
    return Sector(period, monthly, days, latest, market, fleet, listed)


def _array(frame: pl.DataFrame, column: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return frame[column].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _prior(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.concatenate([[np.nan], values[:-1]])


def middle_day(period: Period) -> dt.date:
    """The day halfway through a period, on which the efficiency line is read."""
    return period.start + dt.timedelta(days=period.n_days // 2)


def _with_costs(monthly: pl.DataFrame, periods: Sequence[Period], assumptions: Assumptions) -> pl.DataFrame:
    """Power cost, gross profit, margin and breakevens, with the bounds of revenue and efficiency carried through."""
    name = "block_reward_revenue_usd_per_ehs_day"
    estimates = [assumptions.efficiency(middle_day(p)) if p.start >= COSTS_FROM else None for p in periods]

    def bound(pick: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        values = [getattr(estimate, pick) if estimate else None for estimate in estimates]
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    revenue = Bounded(_array(monthly, name), _array(monthly, f"{name}_low"), _array(monthly, f"{name}_high"))
    efficiency = Bounded(bound("value"), bound("low"), bound("high"))
    result = margins(revenue, efficiency, assumptions.power_price_usd_per_mwh)
    if assumptions["efficiency_j_per_th"].is_override:
        # A number that the caller gave has no interval; what is derived from it keeps that of revenue.
        cost = result.power_cost_usd_per_ehs_day
        unknown = np.full_like(cost.value, np.nan)
        result = replace(result, power_cost_usd_per_ehs_day=Bounded(cost.value, unknown, unknown))
    columns = [pl.Series("efficiency_j_per_th", efficiency.value).fill_nan(None)]
    for figure_id in (
        "power_cost_usd_per_ehs_day",
        "block_reward_gross_profit_usd_per_ehs_day",
        "gross_margin_frac",
        "breakeven_efficiency_j_per_th",
        "breakeven_power_price_usd_per_mwh",
    ):
        bounded: Bounded = getattr(result, figure_id)
        for suffix, values in (("", bounded.value), ("_low", bounded.low), ("_high", bounded.high)):
            columns.append(pl.Series(f"{figure_id}{suffix}", values).fill_nan(None))
    mining = mining_per_mw(revenue.value, efficiency.value, assumptions.power_price_usd_per_mwh)
    columns.append(pl.Series("mining_revenue_usd_m_per_mw_year", mining.revenue_usd_m_per_mw_year).fill_nan(None))
    columns.append(
        pl.Series("mining_gross_profit_usd_m_per_mw_year", mining.gross_profit_usd_m_per_mw_year).fill_nan(None)
    )
    profit = result.block_reward_gross_profit_usd_per_ehs_day.value
    blocks = _array(monthly, "n_blocks")
    z = gross_profit_change_z(profit, _prior(profit), revenue.value, _prior(revenue.value), blocks, _prior(blocks))
    columns.append(pl.Series("block_reward_gross_profit_usd_per_ehs_day_z", z).fill_nan(None))
    # Breakevens are proportional to revenue, and what power takes of it to its inverse: all carry its noise.
    margin = result.gross_margin_frac.value
    for figure_id, series, direction in (
        ("gross_margin_frac", 1 - margin, np.sign(margin - _prior(margin))),
        ("breakeven_efficiency_j_per_th", result.breakeven_efficiency_j_per_th.value, None),
        ("breakeven_power_price_usd_per_mwh", result.breakeven_power_price_usd_per_mwh.value, None),
    ):
        with np.errstate(divide="ignore", invalid="ignore"):
            noise = change_z(series, _prior(series), blocks, _prior(blocks))
        signed = noise if direction is None else direction * np.abs(noise)
        columns.append(pl.Series(f"{figure_id}_z", signed).fill_nan(None))
    return monthly.with_columns(columns)


def _with_fleet(
    monthly: pl.DataFrame, periods: Sequence[Period], asic_models: pl.DataFrame, assumptions: Assumptions
) -> tuple[pl.DataFrame, Fleet | None]:
    """Bottom-up efficiency and power for the months that the cost line covers."""
    rows = []
    fleet: Fleet | None = None
    for period, row in zip(periods, monthly.iter_rows(named=True), strict=True):
        revenue, hashrate = row["block_reward_revenue_usd_per_ehs_day"], row["network_hashrate_ehs"]
        fleet = None
        if period.start >= COSTS_FROM and revenue is not None and hashrate is not None:
            fleet = fleet_on(asic_models, period.last_day, revenue, hashrate, assumptions)
        rows.append(
            {
                "period_start": period.start,
                "network_efficiency_j_per_th": fleet.efficiency_j_per_th.value if fleet else None,
                "network_efficiency_j_per_th_low": fleet.efficiency_j_per_th.low if fleet else None,
                "network_efficiency_j_per_th_high": fleet.efficiency_j_per_th.high if fleet else None,
                "network_power_gw": fleet.power_gw.value if fleet else None,
                "network_power_gw_low": fleet.power_gw.low if fleet else None,
                "network_power_gw_high": fleet.power_gw.high if fleet else None,
            }
        )
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"period_start": pl.Date}
    schema |= {name: pl.Float64 for name in rows[0] if name != "period_start"}
    return monthly.join(pl.DataFrame(rows, schema=schema), on="period_start", how="left"), fleet


def _with_listed_share(
    monthly: pl.DataFrame,
    periods: Sequence[Period],
    disclosed: tuple[pl.DataFrame, pl.DataFrame],
    market: Market,
    assumptions: Assumptions,
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Network share of the tracked companies by disclosed hashrate and by coins produced."""
    rows = []
    production, production_quarterly = disclosed
    listed: pl.DataFrame | None = None
    max_age = assumptions["disclosure_max_age_months"].value
    for period, row in zip(periods, monthly.iter_rows(named=True), strict=True):
        item: dict[str, object] = {"period_start": period.start}
        tickers = [str(company["ticker"]) for company in market.tracked(period.last_day)]
        if period.start >= EQUITY_FROM and tickers:
            # Month-end hashrates of a month that is not over lie in the future.
            disclosed_by = previous_month(period.start) if period.is_partial else period.start
            by_hashrate = listed_share_by_hashrate(
                production,
                tickers,
                disclosed_by,
                row["network_hashrate_ehs"],
                production_quarterly=production_quarterly,
                max_age_months=max_age,
            )
            coins = None
            if row["issued_btc_per_day"] is not None and row["fees_btc_per_day"] is not None:
                coins = (row["issued_btc_per_day"] + row["fees_btc_per_day"]) * row["n_days"]
            by_coins = listed_share_by_production(production, tickers, period.start, coins)
            low, high = row["network_hashrate_ehs_low"], row["network_hashrate_ehs_high"]
            share = by_hashrate.share_frac
            item |= {
                "listed_network_share_frac": share,
                "listed_network_share_frac_low": share * row["network_hashrate_ehs"] / high if share and high else None,
                "listed_network_share_frac_high": share * row["network_hashrate_ehs"] / low if share and low else None,
                "n_companies_with_hashrate": by_hashrate.n_counted,
                "listed_production_share_frac": None if period.is_partial else by_coins.share_frac,
                "n_companies_with_production": None if period.is_partial else by_coins.n_counted,
            }
            listed = by_hashrate.companies
        rows.append(item)
    schema = {
        "period_start": pl.Date,
        "listed_network_share_frac": pl.Float64,
        "listed_network_share_frac_low": pl.Float64,
        "listed_network_share_frac_high": pl.Float64,
        "n_companies_with_hashrate": pl.Int64,
        "listed_production_share_frac": pl.Float64,
        "n_companies_with_production": pl.Int64,
    }
    return monthly.join(pl.DataFrame(rows, schema=schema), on="period_start", how="left"), listed


def _with_opportunity(monthly: pl.DataFrame) -> pl.DataFrame:
    """Four years of subsidy at the last close, and the market cap against it."""
    coins = [None if height is None else four_year_subsidy_btc(height) for height in monthly["height_last"]]
    monthly = monthly.with_columns(pl.Series("four_year_subsidy_btc", coins, dtype=pl.Float64))
    opportunity = block_reward_opportunity_4y_usd(
        _array(monthly, "four_year_subsidy_btc"), _array(monthly, "btc_price_end_usd")
    )
    columns = {"block_reward_opportunity_4y_usd": opportunity}
    for suffix in ("", "_low", "_high"):
        if f"market_cap_usd{suffix}" in monthly.columns:
            cap = _array(monthly, f"market_cap_usd{suffix}")
            columns[f"market_cap_to_opportunity_x{suffix}"] = market_cap_to_opportunity_x(cap, opportunity)
    columns["market_cap_to_share_of_opportunity_x"] = market_cap_to_opportunity_x(
        _array(monthly, "market_cap_usd"), opportunity, _array(monthly, "listed_network_share_frac")
    )
    return monthly.with_columns(pl.Series(name, values).fill_nan(None) for name, values in columns.items())


def _with_volatility_interval(monthly: pl.DataFrame) -> pl.DataFrame:
    """Chi-square bounds of the volatility of n - 1 daily returns, for normal returns: a lower limit of the error."""
    degrees = monthly["n_days"].to_numpy() - 2.0
    degrees = np.where(degrees > 0, degrees, np.nan)
    value = _array(monthly, "btc_volatility_annualised_frac")
    low = value * np.sqrt(degrees / (2 * gammaincinv(degrees / 2, 0.975)))
    high = value * np.sqrt(degrees / (2 * gammaincinv(degrees / 2, 0.025)))
    spread = np.sqrt(1 / (2 * degrees) + 1 / (2 * _prior(degrees)))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.log(value / _prior(value)) / spread
    return monthly.with_columns(
        pl.Series("btc_volatility_annualised_frac_low", low).fill_nan(None),
        pl.Series("btc_volatility_annualised_frac_high", high).fill_nan(None),
        pl.Series("btc_volatility_annualised_frac_z", z).fill_nan(None),
    )


def split_table(monthly: pl.DataFrame) -> pl.DataFrame:
    """The exact split of each month's change of revenue; the first row of a run has none."""
    name = "block_reward_revenue_usd_per_ehs_day"
    split = revenue_split(
        _array(monthly, name), _array(monthly, "btc_price_7d_usd"), _array(monthly, "reward_btc_per_day")
    )
    parts = {
        field: getattr(split, field)
        for field in (
            "change_log",
            "price_log",
            "reward_log",
            "hashrate_log",
            "change_frac",
            "price_frac",
            "reward_frac",
            "hashrate_frac",
        )
    }
    return pl.DataFrame({"period_start": monthly["period_start"][1:]}).with_columns(
        pl.Series(field, values).fill_nan(None) for field, values in parts.items()
    )
