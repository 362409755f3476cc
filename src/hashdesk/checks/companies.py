"""Checks on what companies report: output against the network, holdings against what could be bought, balances."""

from __future__ import annotations

import polars as pl

from hashdesk.checks.base import Facts, found, neighbour, nothing, percent, sentence, text
from hashdesk.units import HASHES_PER_EH, SECONDS_PER_DAY, WORK_PER_DIFFICULTY

FACTOR_HIGH, FACTOR_LOW = 0.10, -0.25
"""Output per average hashrate beyond these of the network's is a slip; real months: -10.8% to +3.6%. [fraction]"""
FACTOR_ODD = 0.02
"""Beyond this it is named; from October 2024 one of 50 company months is. [fraction]"""
STATED_HIGH, STATED_LOW = 0.50, -0.75
"""The same against month-end hashrate, which may have come late in the month; real months: -54% to +37%. [fraction]"""
COINS_OF_ALL = 0.05
"""A holder of more than this share of all coins issued: the largest company holds 3.4%. [fraction]"""
HOLDING_JUMP = 3.0
"""Holdings that grow by this factor between two readings of at most half a year, [1]"""
HOLDING_JUMP_BTC = 1_000
"""by more than this, [BTC]"""
HOLDING_JUMP_DAYS = 200
"""within so many days, [days]"""
AFFORDABLE = 1.0
"""and by more than this share of the company's market cap, were not bought. [fraction]"""
SMALL_USD = 10_000
"""A balance below this is in thousands or millions of dollars. [USD]"""
LARGE_USD = 50e9
"""A balance above this is in cents or in another currency; the largest debt of a miner is 6bn. [USD]"""


def output_factors(production: pl.DataFrame, network_daily: pl.DataFrame) -> pl.DataFrame:
    """Output per hashrate of each company month beside the network's.

    Parameters
    ----------
    production : DataFrame
        ``ticker``, ``month``, ``production_btc`` [BTC], ``hashrate_avg_operating_ehs``,
        ``hashrate_month_end_ehs`` [EH/s].
    network_daily : DataFrame
        ``date``, ``blocks``, ``subsidy_btc``, ``fees_btc`` [BTC], ``difficulty_mean`` [1].

    Returns
    -------
    DataFrame
        ``ticker``, ``month``, ``reported`` (on average hashrate), ``stated`` (on month-end hashrate), ``expected``
        [BTC/EH/s/day].

    Notes
    -----
    Expected is what difficulty pays, not what luck paid: reward per block x 86,400 s x 1e18 / (D x 2^48/65535), with
    the mean difficulty of the month's blocks and their mean reward.
    """
    months = (
        network_daily.group_by(month=pl.col("date").dt.month_start())
        .agg(
            difficulty=(pl.col("difficulty_mean") * pl.col("blocks")).sum() / pl.col("blocks").sum(),
            reward=(pl.col("subsidy_btc") + pl.col("fees_btc").fill_null(0)).sum() / pl.col("blocks").sum(),
            days=pl.len(),
        )
        .filter(pl.col("days") == pl.col("month").dt.month_end().dt.day())
    )
    per_day = pl.col("production_btc") / pl.col("days")
    return production.join(months, on="month", how="left").select(
        "ticker",
        "month",
        reported=per_day / pl.col("hashrate_avg_operating_ehs"),
        stated=per_day / pl.col("hashrate_month_end_ehs"),
        expected=pl.col("reward") * SECONDS_PER_DAY * HASHES_PER_EH / (pl.col("difficulty") * WORK_PER_DIFFICULTY),
    )


def _factors(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame | None:
    network = neighbour(facts, "network_daily")
    if network is None:
        return None
    factors = output_factors(frame, network).select(
        reported_gap=pl.col("reported") / pl.col("expected") - 1, stated_gap=pl.col("stated") / pl.col("expected") - 1
    )
    return pl.concat([frame.select("row", "ticker", "month", "production_btc"), factors], how="horizontal")


def output_slip(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Months whose output and hashrate cannot both be right."""
    factors = _factors(frame, facts)
    if factors is None:
        return nothing()
    by_average = ~pl.col("reported_gap").is_between(FACTOR_LOW, FACTOR_HIGH)
    by_end = ~pl.col("stated_gap").is_between(STATED_LOW, STATED_HIGH)
    rows = factors.with_columns(gap=pl.coalesce("reported_gap", "stated_gap")).filter(
        pl.coalesce(by_average, by_end).fill_null(False)
    )
    message = sentence(
        "production: {} of {} mined {} BTC, {} from what its hashrate earns",
        "ticker",
        "month",
        "production_btc",
        percent("gap"),
    )
    return found(rows, message)


def output_odd(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Months whose output is further from what difficulty pays than the other companies'."""
    factors = _factors(frame, facts)
    if factors is None:
        return nothing()
    rows = factors.filter(
        (pl.col("reported_gap").abs() > FACTOR_ODD) & pl.col("reported_gap").is_between(FACTOR_LOW, FACTOR_HIGH)
    )
    message = sentence(
        "production: {} of {} is {} from what its average hashrate earns", "ticker", "month", percent("reported_gap")
    )
    return found(rows, message)


def holdings_proportion(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Holdings above a share of all coins there are, or above what the holder could buy."""
    return pl.concat([_of_all_coins(frame, "as_of", "holdings_btc", "holdings", facts), _bought(frame, facts)]).unique(
        "row"
    )


def fund_proportion(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Coins of one fund above a share of all coins there are."""
    coins = frame.filter(pl.col("metric") == "btc_held")
    return _of_all_coins(coins, "date", "value", "etf_assets", facts, 2 * COINS_OF_ALL)


def _of_all_coins(
    frame: pl.DataFrame, day: str, column: str, table: str, facts: Facts, share: float = COINS_OF_ALL
) -> pl.DataFrame:
    network = neighbour(facts, "network_daily")
    if network is None:
        issued = frame.with_columns(issued=pl.lit(21e6))
    else:
        total = network.sort("date").select(_day="date", issued=pl.col("subsidy_btc").cum_sum())
        issued = frame.sort(day).join_asof(total, left_on=day, right_on="_day")
    rows = issued.filter(pl.col(column) > share * pl.col("issued"))
    message = sentence(
        f"{table}: {{}} of {{}} holds {{}} BTC of the {{}} there are", "ticker", day, text(column), text("issued")
    )
    return found(rows, message)


def _bought(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Holdings that grew by more than the holder's market cap could buy."""
    caps, prices = neighbour(facts, "screener_market_caps"), neighbour(facts, "btc_price_daily")
    if caps is None or prices is None:
        return nothing()
    ordered = frame.sort("ticker", "as_of").with_columns(
        before=pl.col("holdings_btc").shift(1).over("ticker"),
        days=(pl.col("as_of") - pl.col("as_of").shift(1)).dt.total_days().over("ticker"),
    )
    ordered = ordered.sort("as_of").join_asof(
        prices.select("date", "close_usd").sort("date"), left_on="as_of", right_on="date"
    ).join_asof(
        caps.select("ticker", "market_cap_usd", _day="date").drop_nulls().sort("_day"),
        left_on="as_of", right_on="_day", by="ticker", check_sortedness=False,
    )  # fmt: skip
    gained = pl.col("holdings_btc") - pl.col("before")
    rows = ordered.filter(
        (pl.col("days") <= HOLDING_JUMP_DAYS)
        & (pl.col("holdings_btc") > HOLDING_JUMP * pl.col("before"))
        & (gained > HOLDING_JUMP_BTC)
        & (gained * pl.col("close_usd") > AFFORDABLE * pl.col("market_cap_usd"))
    )
    message = sentence(
        "holdings: {} goes from {} to {} BTC by {}, more than its market cap buys",
        "ticker",
        text("before"),
        text("holdings_btc"),
        "as_of",
    )
    return found(rows, message)


def balance_units(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Balances in another unit than dollars."""
    odd = [
        (pl.col(name) > LARGE_USD) | ((pl.col(name) > 0) & (pl.col(name) < SMALL_USD))
        for name in ("cash_usd", "debt_usd")
    ]
    rows = frame.filter(pl.any_horizontal(odd).fill_null(False))
    return found(
        rows,
        sentence(
            "capital: {} of {} has cash {} and debt {} USD: another unit?",
            "ticker",
            "as_of",
            pl.col("cash_usd"),
            pl.col("debt_usd"),
        ),
    )
