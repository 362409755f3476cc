"""The network's days and months: daily estimates, and one row per month with every network figure and its interval."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl

from hashdesk.calendar import Period
from hashdesk.metrics.hashprice import block_reward_revenue_usd_per_ehs_day, hashprice_usd_per_phs_day
from hashdesk.metrics.hashrate import (
    change_z,
    network_hashrate_ehs,
    network_hashrate_implied_ehs,
    next_difficulty_change_frac,
    next_difficulty_interval,
    poisson_interval_factors,
)
from hashdesk.units import (
    BLOCKS_PER_EPOCH,
    BLOCKS_PER_HALVING,
    BTC_DAYS_PER_YEAR,
    SECONDS_PER_DAY,
    TARGET_BLOCKS_PER_DAY,
)

PRICE_WINDOW_DAYS = 7
"""Trailing window of the price in the headline revenue."""
HASHRATE_WINDOW_DAYS = 7


def network_days(network_daily: pl.DataFrame, btc_price_daily: pl.DataFrame) -> pl.DataFrame:
    """Daily network estimates on a complete calendar of days.

    Parameters
    ----------
    network_daily : DataFrame
        Table ``network_daily``: date, blocks, subsidy_btc, fees_btc, difficulty_mean, difficulty_eod, work_eh,
        height_last.
    btc_price_daily : DataFrame
        Table ``btc_price_daily``: date, close_usd.

    Returns
    -------
    DataFrame
        One row per UTC day; a day without data is a row of nulls. Columns carry their units.
    """
    span = pl.concat([network_daily["date"], btc_price_daily["date"]])
    first, last = span.min(), span.max()
    calendar = pl.DataFrame({"date": pl.date_range(first, last, eager=True)})  # type: ignore[arg-type]
    days = (
        calendar.join(
            network_daily.select(
                "date",
                "blocks",
                "subsidy_btc",
                "fees_btc",
                "difficulty_mean",
                "difficulty_eod",
                "work_eh",
                "height_last",
            ),
            on="date",
            how="left",
        )
        .join(btc_price_daily.select("date", btc_price_usd="close_usd"), on="date", how="left")
        .with_columns(
            pl.col("blocks").cast(pl.Float64),
            # The schedule, not the day's issue, so that a day's luck in blocks does not enter the reward.
            subsidy_per_block_btc=50.0 * 0.5 ** (pl.col("height_last") // BLOCKS_PER_HALVING).cast(pl.Float64),
            btc_price_7d_usd=pl.col("btc_price_usd").rolling_mean(PRICE_WINDOW_DAYS),
            work_7d_eh=pl.col("work_eh").rolling_sum(HASHRATE_WINDOW_DAYS),
            blocks_7d=pl.col("blocks").rolling_sum(HASHRATE_WINDOW_DAYS),
            fees_per_block_btc=pl.when(pl.col("blocks") > 0).then(pl.col("fees_btc") / pl.col("blocks")),
        )
    )
    work = days["work_eh"].to_numpy()
    hashrate = network_hashrate_ehs(work, 1)
    hashrate = np.where(hashrate > 0, hashrate, np.nan)  # a day without a block measures no ratio
    low, high = poisson_interval_factors(days["blocks"].to_numpy())
    difficulty = days["difficulty_mean"].to_numpy()
    subsidy = days["subsidy_per_block_btc"].to_numpy()
    price = days["btc_price_usd"].to_numpy()
    price_7d = days["btc_price_7d_usd"].to_numpy()
    columns = {
        "network_hashrate_ehs": hashrate,
        "network_hashrate_low_ehs": hashrate * low,
        "network_hashrate_high_ehs": hashrate * high,
        "network_hashrate_7d_ehs": network_hashrate_ehs(days["work_7d_eh"].to_numpy(), HASHRATE_WINDOW_DAYS),
        "network_hashrate_implied_ehs": network_hashrate_implied_ehs(difficulty),
        "block_reward_revenue_usd_per_ehs_day": block_reward_revenue_usd_per_ehs_day(subsidy, price_7d, hashrate),
        "hashprice_usd_per_phs_day": hashprice_usd_per_phs_day(
            np.where(difficulty > 0, difficulty, np.nan),
            subsidy + days["fees_per_block_btc"].to_numpy(),
            price,
        ),
    }
    return days.with_columns([pl.Series(name, values).fill_nan(None) for name, values in columns.items()])


def with_period(days: pl.DataFrame, periods: Sequence[Period]) -> pl.DataFrame:
    """Days inside the periods, each with its ``period_start``."""
    bounds = pl.DataFrame(
        {"period_start": [p.start for p in periods], "period_end": [p.end for p in periods]},
        schema={"period_start": pl.Date, "period_end": pl.Date},
    ).sort("period_start")
    return days.join_asof(bounds, left_on="date", right_on="period_start").filter(pl.col("date") < pl.col("period_end"))


def network_monthly(days: pl.DataFrame, epochs: pl.DataFrame, periods: Sequence[Period]) -> pl.DataFrame:
    """One row per period with every network figure, its interval and its block counts.

    A figure is null where any day of the period that it needs is missing; hashprice and fees alone may rest on the
    days whose fees are known, and ``n_days_fees`` says how many those are.

    Parameters
    ----------
    days : DataFrame
        From :func:`network_days`.
    epochs : DataFrame
        Table ``epochs``: start_height, start_at, difficulty.
    periods : sequence of Period
        In order of time.

    Returns
    -------
    DataFrame
        Sorted by ``period_start``. Interval columns end in ``_low`` and ``_high`` (95%).
    """
    inside = with_period(days, periods)
    ratio = pl.col("blocks").count() == pl.col("n_days").first()
    lengths = pl.DataFrame(
        {
            "period_start": [p.start for p in periods],
            "period_end": [p.end for p in periods],
            "n_days": [p.n_days for p in periods],
        },
        schema={"period_start": pl.Date, "period_end": pl.Date, "n_days": pl.Int64},
    )
    inside = inside.join(lengths.select("period_start", "n_days"), on="period_start")
    paid = pl.col("fees_btc").is_not_null()
    coins = pl.col("subsidy_per_block_btc") * TARGET_BLOCKS_PER_DAY
    grouped = inside.group_by("period_start").agg(
        has_chain=ratio,
        has_price=pl.col("btc_price_usd").count() == pl.col("n_days").first(),
        has_price_7d=pl.col("btc_price_7d_usd").count() == pl.col("n_days").first(),
        n_days_known=pl.col("blocks").count(),
        n_days_fees=pl.col("fees_btc").count(),
        n_blocks=pl.col("blocks").sum(),
        work_eh=pl.col("work_eh").sum(),
        network_hashrate_mean_of_days_ehs=pl.col("network_hashrate_ehs").mean(),
        network_hashrate_implied_ehs=pl.col("network_hashrate_implied_ehs").mean(),
        network_hashrate_7d_ehs=pl.col("network_hashrate_7d_ehs").last(),
        blocks_7d=pl.col("blocks_7d").last(),
        difficulty=pl.col("difficulty_eod").last(),
        height_last=pl.col("height_last").last(),
        btc_price_usd=pl.col("btc_price_usd").mean(),
        btc_price_7d_usd=pl.col("btc_price_7d_usd").mean(),
        btc_price_end_usd=pl.col("btc_price_usd").last(),
        reward_btc_per_day=(coins * pl.col("btc_price_7d_usd")).mean() / pl.col("btc_price_7d_usd").mean(),
        issued_btc_per_day=pl.col("subsidy_btc").mean(),
        fees_btc_per_day=pl.col("fees_btc").mean(),
        fee_share_frac=pl.col("fees_btc").filter(paid).sum()
        / pl.when(paid.any()).then((pl.col("fees_btc") + pl.col("subsidy_btc")).filter(paid).sum()),
        block_reward_revenue_usd_per_ehs_day=pl.col("block_reward_revenue_usd_per_ehs_day").mean(),
        scheduled_usd_per_day=(coins * pl.col("btc_price_usd")).mean(),
        issued_usd_per_day=(pl.col("subsidy_btc") * pl.col("btc_price_usd")).mean(),
        fees_usd_per_day=pl.when(pl.col("fees_btc").count() == pl.col("n_days").first()).then(
            (pl.col("fees_btc") * pl.col("btc_price_usd")).mean()
        ),
        hashprice_usd_per_phs_day=pl.col("hashprice_usd_per_phs_day").mean(),
        btc_volatility_annualised_frac=pl.col("btc_price_usd").log().diff().std() * BTC_DAYS_PER_YEAR**0.5,
    )
    rows = lengths.join(grouped, on="period_start", how="left").sort("period_start")
    chain = pl.col("has_chain")
    needs_chain = [
        "n_blocks",
        "work_eh",
        "network_hashrate_mean_of_days_ehs",
        "network_hashrate_implied_ehs",
        "network_hashrate_7d_ehs",
        "difficulty",
        "height_last",
        "issued_btc_per_day",
        "fee_share_frac",
    ]
    needs_price = ["btc_price_usd", "btc_price_end_usd", "btc_volatility_annualised_frac"]
    needs_price_7d = ["btc_price_7d_usd", "reward_btc_per_day", "block_reward_revenue_usd_per_ehs_day"]
    needs_both = [
        "scheduled_usd_per_day",
        "issued_usd_per_day",
        "hashprice_usd_per_phs_day",
    ]
    rows = rows.with_columns(
        [pl.when(chain).then(pl.col(name)) for name in needs_chain]
        + [pl.when(pl.col("has_price")).then(pl.col(name)) for name in needs_price]
        + [pl.when(chain & pl.col("has_price_7d")).then(pl.col(name)) for name in needs_price_7d]
        + [pl.when(chain & pl.col("has_price")).then(pl.col(name)) for name in needs_both]
    )
    rows = rows.with_columns(
        network_hashrate_ehs=pl.Series(
            network_hashrate_ehs(rows["work_eh"].to_numpy(), rows["n_days"].to_numpy())
        ).fill_nan(None)
    )
    hashrate = pl.col("network_hashrate_ehs")
    rows = rows.with_columns(
        revenue_month_mean_usd_per_ehs_day=pl.col("scheduled_usd_per_day") / hashrate,
        revenue_with_fees_usd_per_ehs_day=(pl.col("scheduled_usd_per_day") + pl.col("fees_usd_per_day")) / hashrate,
        revenue_issued_usd_per_ehs_day=(pl.col("issued_usd_per_day") + pl.col("fees_usd_per_day")) / hashrate,
        revenue_expected_usd_per_ehs_day=pl.col("hashprice_usd_per_phs_day") * 1000,
    )
    rows = _with_intervals(rows)
    return _with_retarget(rows, epochs, periods)


def _with_intervals(rows: pl.DataFrame) -> pl.DataFrame:
    """Exact Poisson bounds of the month's hashrate, carried to what is proportional or inverse to it."""
    low, high = poisson_interval_factors(rows["n_blocks"].to_numpy())
    low_7d, high_7d = poisson_interval_factors(rows["blocks_7d"].to_numpy())
    # Difficulty is itself a count of blocks: over n days it rests on about 144 n of them, and never on less than the
    # one epoch that set it.
    counted = np.maximum(rows["n_days"].to_numpy() * TARGET_BLOCKS_PER_DAY, BLOCKS_PER_EPOCH - 1)
    low_d, high_d = poisson_interval_factors(counted)
    bounds = {
        "network_hashrate_ehs": (low, high),
        "network_hashrate_7d_ehs": (low_7d, high_7d),
        "network_hashrate_implied_ehs": (low_d, high_d),
        "block_reward_revenue_usd_per_ehs_day": (1 / high, 1 / low),
        "hashprice_usd_per_phs_day": (1 / high_d, 1 / low_d),
    }
    columns = []
    for name, (lower, upper) in bounds.items():
        value = rows[name].to_numpy()
        columns.append(pl.Series(f"{name}_low", value * lower).fill_nan(None))
        columns.append(pl.Series(f"{name}_high", value * upper).fill_nan(None))
    for name, counted_in in (
        ("network_hashrate_ehs", "n_blocks"),
        ("network_hashrate_7d_ehs", "blocks_7d"),
        ("block_reward_revenue_usd_per_ehs_day", "n_blocks"),
    ):
        value, n = rows[name].to_numpy(), rows[counted_in].to_numpy()
        prior, n_prior = (np.concatenate([[np.nan], series[:-1]]) for series in (value, n))
        with np.errstate(divide="ignore", invalid="ignore"):
            columns.append(pl.Series(f"{name}_z", change_z(value, prior, n, n_prior)).fill_nan(None))
    return rows.with_columns(columns)


def _with_retarget(rows: pl.DataFrame, epochs: pl.DataFrame, periods: Sequence[Period]) -> pl.DataFrame:
    """Expected change of difficulty at the next retarget, as the epoch stood at the end of each period."""
    ends = pl.DataFrame(
        {
            "period_start": [p.start for p in periods],
            "end_at": [dt.datetime.combine(p.end, dt.time(), dt.UTC) for p in periods],
        },
        schema={"period_start": pl.Date, "end_at": pl.Datetime("us", "UTC")},
    )
    state = (
        rows.select("period_start", "height_last")
        .join(ends, on="period_start")
        .sort("height_last")
        .join_asof(
            epochs.select(pl.col("start_height").cast(pl.Int64), "start_at").sort("start_height"),
            left_on="height_last",
            right_on="start_height",
        )
        .sort("period_start")
    )
    blocks = (state["height_last"] - state["start_height"]).cast(pl.Float64).to_numpy()
    seconds = (
        state["end_at"].cast(pl.Datetime("us", "UTC")) - state["start_at"].cast(pl.Datetime("us", "UTC"))
    ).dt.total_seconds()
    change = next_difficulty_change_frac(blocks, seconds.cast(pl.Float64).to_numpy())
    low, high = next_difficulty_interval(blocks, seconds.cast(pl.Float64).to_numpy())
    return rows.with_columns(
        pl.Series("next_difficulty_change_frac", change).fill_nan(None),
        pl.Series("next_difficulty_change_frac_low", low).fill_nan(None),
        pl.Series("next_difficulty_change_frac_high", high).fill_nan(None),
        (pl.Series("epoch_seconds_elapsed", seconds) / SECONDS_PER_DAY).alias("epoch_days_elapsed"),
    )
