"""The four-year block-reward opportunity, what the listed companies are worth against it, and their network share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from hashdesk.calendar import subsidy_sat
from hashdesk.errors import InputError
from hashdesk.units import BLOCKS_PER_HALVING, SAT_PER_BTC, TARGET_BLOCKS_PER_DAY

FloatArray = NDArray[np.float64]

HORIZON_DAYS = 4 * 365 + 1


def four_year_subsidy_btc(block_height: int) -> float:
    r"""Subsidy that the network issues over the four years after a block, next halvings included.

    Blocks are taken to come at the target pace of 144 a day; no fees, no growth.

    Parameters
    ----------
    block_height : int
        Height of the last block by the end of the day on which the count starts. [1]

    Returns
    -------
    float
        Coins of the blocks after that height. [BTC]

    Raises
    ------
    InputError
        The height is negative.

    Notes
    -----
    .. math:: Q = \sum_{h = h_0 + 1}^{h_0 + 144 \cdot 1461} S(h)

    Examples
    --------
    >>> four_year_subsidy_btc(858_158)
    628476.5625
    """
    if block_height < 0:
        raise InputError(f"block_height: expected 0 or more, got {block_height}.")
    first = block_height + 1
    end = first + TARGET_BLOCKS_PER_DAY * HORIZON_DAYS
    total_sat = 0
    while first < end:
        next_halving = (first // BLOCKS_PER_HALVING + 1) * BLOCKS_PER_HALVING
        total_sat += (min(next_halving, end) - first) * subsidy_sat(first)
        first = next_halving
    return total_sat / SAT_PER_BTC


def block_reward_opportunity_4y_usd(four_year_subsidy_btc: ArrayLike, btc_price_usd: ArrayLike) -> FloatArray:
    r"""Four years of subsidy at today's price.

    Parameters
    ----------
    four_year_subsidy_btc : array_like, shape (n,)
        From :func:`four_year_subsidy_btc`. [BTC]
    btc_price_usd : array_like, shape (n,)
        Spot price. [USD/BTC]

    Returns
    -------
    ndarray, shape (n,)
        Opportunity; NaN in, NaN out. [USD]

    Notes
    -----
    .. math:: O = Q\,P

    Examples
    --------
    >>> float(block_reward_opportunity_4y_usd(628_650, 58_700) / 1e9)
    36.901755
    """
    return np.asarray(four_year_subsidy_btc, dtype=np.float64) * np.asarray(btc_price_usd, dtype=np.float64)


def market_cap_to_opportunity_x(
    market_cap_usd: ArrayLike, opportunity_usd: ArrayLike, listed_network_share_frac: ArrayLike = 1.0
) -> FloatArray:
    r"""Market cap as a multiple of the four-year opportunity, whole or the listed companies' share of it.

    Two ratios are in use: over the whole opportunity (share 1, the default), and over the part that the listed
    companies would mine at their present share of the network.

    Parameters
    ----------
    market_cap_usd : array_like, shape (n,)
        Combined market cap. [USD]
    opportunity_usd : array_like, shape (n,)
        Four-year block-reward opportunity. [USD]
    listed_network_share_frac : array_like, default 1.0
        Share of the network, 0 < s <= 1. [fraction]

    Returns
    -------
    ndarray, shape (n,)
        Multiple; NaN in, NaN out. [x]

    Raises
    ------
    InputError
        A share lies outside its range.

    Notes
    -----
    .. math:: x = \frac{M}{s\,O}

    Examples
    --------
    >>> market_cap_to_opportunity_x(34.8e9, 62e9, [1.0, 0.29]).round(2).tolist()
    [0.56, 1.94]
    """
    share = np.asarray(listed_network_share_frac, dtype=np.float64)
    if np.any((share <= 0) | (share > 1)):
        raise InputError(f"listed_network_share_frac: expected 0 < share <= 1, got {share.tolist()}.")
    opportunity = np.asarray(opportunity_usd, dtype=np.float64)
    below = share * np.where(opportunity == 0, np.nan, opportunity)
    return np.asarray(market_cap_usd, dtype=np.float64) / below


@dataclass(frozen=True, slots=True)
class ListedShare:
    """Share of the network that the companies with a disclosure hold: a lower bound where some are missing."""

    share_frac: float | None
    """None where no company discloses, or the network figure is unknown. [fraction]"""
    companies: pl.DataFrame
    """ticker, value (EH/s or BTC), month, age_months, is_counted."""
    n_companies: int
    n_counted: int
    missing: tuple[str, ...]
    caveats: tuple[str, ...]


def hashrate_disclosures(production: pl.DataFrame, production_quarterly: pl.DataFrame | None = None) -> pl.DataFrame:
    """One hashrate per company and month: at the month's end, else the month's operating average, else a quarter's end.

    Parameters
    ----------
    production : DataFrame
        ticker, month (first day), hashrate_month_end_ehs, hashrate_avg_operating_ehs (null = not disclosed).
    production_quarterly : DataFrame, optional
        ticker, period_end (exclusive), hashrate_period_end_ehs: for the months without a monthly report.

    Returns
    -------
    DataFrame
        ticker, month, value [EH/s], sorted by month.
    """
    monthly = production.select(
        "ticker", "month", value=pl.coalesce("hashrate_month_end_ehs", "hashrate_avg_operating_ehs")
    ).drop_nulls("value")
    if production_quarterly is None:
        return monthly.sort("month")
    quarterly = production_quarterly.select(
        "ticker", month=pl.col("period_end").dt.offset_by("-1mo"), value="hashrate_period_end_ehs"
    ).drop_nulls("value")
    first_seen = pl.concat([monthly, quarterly]).unique(["ticker", "month"], keep="first", maintain_order=True)
    return first_seen.sort("month", maintain_order=True)


def listed_share_by_hashrate(
    production: pl.DataFrame,
    tickers: Sequence[str],
    month: dt.date,
    network_hashrate_ehs: float | None,
    *,
    production_quarterly: pl.DataFrame | None = None,
    max_age_months: float = 6,
) -> ListedShare:
    """Hashrates that the companies disclosed over the network's month average.

    Disclosed hashrate counts machines that stand still for part of the month, so this reads several points above the
    share of coins mined.

    Parameters
    ----------
    production, production_quarterly : DataFrame
        As for :func:`hashrate_disclosures`.
    tickers : sequence of str
        Companies tracked in the month.
    month : date
        First day of the month; later disclosures are ignored.
    network_hashrate_ehs : float or None
        Network's month average. [EH/s]
    max_age_months : float, default 6
        A latest disclosure older than this leaves the company missing, not carried on. [months]

    Returns
    -------
    ListedShare
        The share, each company's disclosure with its age, and which companies are missing.
    """
    latest = (
        hashrate_disclosures(production, production_quarterly)
        .filter(pl.col("month") <= month)
        .group_by("ticker")
        .agg(pl.col("value", "month").last())
    )
    return _listed_share(latest, tickers, month, network_hashrate_ehs, max_age_months, "hashrate")


def listed_share_by_production(
    production: pl.DataFrame, tickers: Sequence[str], month: dt.date, network_btc: float | None
) -> ListedShare:
    """Coins that the companies mined in the month over the coins that the network earned in it.

    Parameters
    ----------
    production : DataFrame
        ticker, month (first day), production_btc (null = not disclosed).
    tickers : sequence of str
        Companies tracked in the month.
    month : date
        First day of the month. A company that did not report this month is missing: output is not carried on.
    network_btc : float or None
        Coins of the network in the month, fees included where the companies' pools pay them. [BTC]

    Returns
    -------
    ListedShare
        The share, each company's output, and which companies are missing.
    """
    mined = (
        production.filter(pl.col("production_btc").is_not_null() & (pl.col("month") == month))
        .group_by("ticker")
        .agg(pl.col("month").last(), value=pl.col("production_btc").last())
    )
    return _listed_share(mined, tickers, month, network_btc, 0, "production")


def _listed_share(
    disclosed: pl.DataFrame,
    tickers: Sequence[str],
    month: dt.date,
    network: float | None,
    max_age_months: float,
    what: str,
) -> ListedShare:
    age = 12 * (month.year - pl.col("month").dt.year()) + month.month - pl.col("month").dt.month().cast(pl.Int32)
    companies = (
        pl.DataFrame({"ticker": list(tickers)}, schema={"ticker": pl.String})
        .join(disclosed, on="ticker", how="left")
        .select("ticker", pl.col("value").cast(pl.Float64), "month", age_months=age)
        .with_columns(is_counted=(pl.col("age_months") <= max_age_months).fill_null(value=False))
    )
    counted = companies.filter("is_counted")
    missing = tuple(companies.filter(~pl.col("is_counted"))["ticker"])
    caveats = []
    if missing:
        caveats.append(
            f"{len(missing)} of {len(companies)} companies disclose no recent {what} ({', '.join(missing)}): "
            "the share is a lower bound."
        )
    carried = counted.filter(pl.col("age_months") > 0)
    if len(carried):
        names = ", ".join(f"{t} {a} mo" for t, a in carried.select("ticker", "age_months").iter_rows())
        caveats.append(f"Latest {what} of some companies is older than the month ({names}).")
    share = float(counted["value"].sum()) / network if len(counted) and network else None
    return ListedShare(share, companies, len(companies), len(counted), missing, tuple(caveats))
