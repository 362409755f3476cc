"""Market context by month: trading volumes as published, ETF flows and assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from hashdesk.calendar import Period, previous_month


def context_monthly(
    volumes: pl.DataFrame,
    etf_flows: pl.DataFrame,
    etf_assets: pl.DataFrame,
    trading_days: pl.DataFrame,
    periods: Sequence[Period],
) -> pl.DataFrame:
    """One row per period: trading volume, ETF net flow and IBIT assets, null where a source has a gap.

    A flow total needs a row for every trading day of the period (the first ETFs traded on 2024-01-11); a volume is a
    calendar month's and so is null for a part of a month.

    Parameters
    ----------
    volumes, etf_flows, etf_assets, trading_days : DataFrame
        The tables of those names.
    periods : sequence of Period
        In order of time.

    Returns
    -------
    DataFrame
        Sorted by ``period_start``.
    """
    known_volumes = {row["month"]: row for row in volumes.iter_rows(named=True)}
    total = etf_flows.filter(pl.col("ticker") == "total").select("date", "net_flow_usd").drop_nulls()
    fund = etf_flows.filter(pl.col("ticker") == "IBIT").select("date", "net_flow_usd").drop_nulls()
    assets = etf_assets.filter((pl.col("ticker") == "IBIT") & (pl.col("metric") == "aum_usd_estimate")).sort("date")
    rows = []
    for period in periods:
        days = trading_days["date"].filter((trading_days["date"] >= period.start) & (trading_days["date"] < period.end))
        published: dict[str, Any] = {} if period.is_partial else known_volumes.get(period.start, {})
        volume = published.get("combined_usd_tn")
        before = known_volumes.get(previous_month(period.start), {}).get("combined_usd_tn")
        rows.append(
            {
                "period_start": period.start,
                "crypto_trading_volume_usd": None if volume is None else volume * 1e12,
                "volume_basis": published.get("basis"),
                "published_volume_change_frac": published.get("published_change_frac"),
                "computed_volume_change_frac": volume / before - 1 if volume and before else None,
                "n_trading_days": days.len(),
                "btc_etf_net_flow_usd": _sum_if_complete(total, days),
                "ibit_net_flow_usd": _sum_if_complete(fund, days),
                "ibit_aum_usd": _last_value(assets, days, period),
            }
        )
    return pl.DataFrame(
        rows,
        schema={
            "period_start": pl.Date,
            "crypto_trading_volume_usd": pl.Float64,
            "volume_basis": pl.String,
            "published_volume_change_frac": pl.Float64,
            "computed_volume_change_frac": pl.Float64,
            "n_trading_days": pl.Int64,
            "btc_etf_net_flow_usd": pl.Float64,
            "ibit_net_flow_usd": pl.Float64,
            "ibit_aum_usd": pl.Float64,
        },
    )


def etf_rank(table: pl.DataFrame, ticker: str) -> int | None:
    """Rank of a fund by assets in one day's table of funds.

    Parameters
    ----------
    table : DataFrame
        rank (null where the table gives none), ticker, aum_usd [USD].
    ticker : str
        The fund.

    Returns
    -------
    int or None
        One more than the funds that hold more; None where the table has no assets for the fund, or does not list
        every rank from 1 down to funds smaller than it.
    """
    own = table.filter((pl.col("ticker") == ticker) & pl.col("aum_usd").is_not_null())
    listed = table.filter(pl.col("rank").is_not_null() & pl.col("aum_usd").is_not_null()).sort("rank")
    if own.is_empty() or listed.is_empty():
        return None
    assets = float(own["aum_usd"][0])
    is_unbroken = listed["rank"].to_list() == list(range(1, listed.height + 1))
    if not is_unbroken or float(listed["aum_usd"][-1]) > assets:
        return None
    return 1 + listed.filter(pl.col("aum_usd") > assets).height


def _last_value(assets: pl.DataFrame, days: pl.Series, period: Period) -> float | None:
    """Value at the period's end: dated on its last trading day or later in it."""
    if days.is_empty():
        return None
    last = assets.filter((pl.col("date") >= days.max()) & (pl.col("date") < period.end))
    return float(last["value"][0]) if last.height else None


def _sum_if_complete(flows: pl.DataFrame, days: pl.Series) -> float | None:
    if days.is_empty():
        return None
    inside = flows.filter(pl.col("date").is_in(days.implode()))
    return float(inside["net_flow_usd"].sum()) if inside.height == days.len() else None
