"""A market cap taken apart: mining, bitcoin held, contracted HPC, net debt, and what remains.

What remains is called expectations: everything the price pays for beyond four years of today's mining, today's coins
and today's leases. It also holds whatever is not disclosed, which each row names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from hashdesk.assumptions import Assumptions
from hashdesk.metrics.hpc_registry import hpc_terms
from hashdesk.metrics.hpc_value import company_totals
from hashdesk.metrics.opportunity import HORIZON_DAYS

FloatArray = NDArray[np.float64]

LEAST_COVERAGE = 2 / 3
"""A month counts in the history where companies worth this share of the group's market cap disclose a hashrate; coins
that some of them do not disclose stand in the remainder, and widen the range of the number."""


@dataclass(frozen=True, slots=True)
class MiningValue:
    """Four years of gross profit on one's own hashrate, undiscounted, at today's price."""

    value_usd: FloatArray
    low_usd: FloatArray


def mining_value_usd(
    network_share_frac: ArrayLike,
    opportunity_4y_usd: ArrayLike,
    gross_margin_frac: ArrayLike,
    reward_share_after_halving_frac: ArrayLike = 0.0,
) -> MiningValue:
    r"""Four-year gross profit of mining at an unchanged share of the network.

    Parameters
    ----------
    network_share_frac : array_like, shape (n,)
        The company's share of the network by hashrate. [fraction]
    opportunity_4y_usd : array_like, shape (n,)
        Subsidy of the coming four years at spot, halving included. [USD]
    gross_margin_frac : array_like, shape (n,)
        Gross profit over revenue of 1 EH/s in the month. [fraction]
    reward_share_after_halving_frac : array_like, default 0
        Part of those coins that is issued after the next halving. [fraction]

    Returns
    -------
    MiningValue
        Central and low value. [USD]

    Notes
    -----
    .. math:: V = s\,O\,m, \qquad V_{low} = s\,O\,[(1-a)\,m + a \max(0, 2m - 1)]

    The central value holds the margin: when the reward halves, machines that no longer pay leave until those that stay
    earn the margin of today. The low value holds the network: after the halving the same hashrate earns half, costs
    take twice their share, and what no longer covers its power is switched off. Without a halving in sight (a = 0) both
    are the month's gross profit per EH/s times hashrate times 1,461 days. No growth of price, fees or hashrate, no
    overheads, no taxes, no new machines, no discounting.

    Examples
    --------
    >>> worth = mining_value_usd(0.05, 60e9, 0.55, 0.25)
    >>> float((worth.value_usd / 1e9).round(2)), float((worth.low_usd / 1e9).round(4))
    (1.65, 1.3125)
    """
    share_of_income = np.asarray(network_share_frac, dtype=np.float64) * np.asarray(
        opportunity_4y_usd, dtype=np.float64
    )
    margin = np.asarray(gross_margin_frac, dtype=np.float64)
    after = np.asarray(reward_share_after_halving_frac, dtype=np.float64)
    low = (1 - after) * np.maximum(0.0, margin) + after * np.maximum(0.0, 2 * margin - 1)
    return MiningValue(share_of_income * np.maximum(0.0, margin), share_of_income * low)


def after_halving_frac(four_year_subsidy_btc: ArrayLike, subsidy_btc_per_day: ArrayLike) -> FloatArray:
    r"""Part of the coming four years' coins that comes after the next halving, with one halving among them.

    Examples
    --------
    450 BTC a day for half of the 1,461 days and 225 for the other half: a third comes after.

    >>> float(after_halving_frac(493_087.5, 450.0).round(4))
    0.3333

    Notes
    -----
    With q coins a day today and Q over n days, the days before the halving are :math:`2Q/q - n`.
    """
    coins, pace = np.asarray(four_year_subsidy_btc, dtype=np.float64), np.asarray(subsidy_btc_per_day, dtype=np.float64)
    days_before = np.clip(2 * coins / pace - HORIZON_DAYS, 0.0, HORIZON_DAYS)
    return np.asarray(np.clip(1 - days_before * pace / coins, 0.0, 1.0))


LEASE_SCHEMA = {
    "ticker": pl.String,
    "hpc_value_usd": pl.Float64,
    "hpc_noi_pv_usd": pl.Float64,
    "hpc_capex_left_usd": pl.Float64,
    "hpc_residual_pv_usd": pl.Float64,
    "n_contracts": pl.Int64,
    "n_valued": pl.Int64,
    "last_announced_on": pl.Date,
    "sources": pl.String,
}

AMOUNT_OF_LEASE = {
    "hpc_value_usd": "net_value_usd",
    "hpc_noi_pv_usd": "noi_pv_usd",
    "hpc_capex_left_usd": "capex_left_usd",
    "hpc_residual_pv_usd": "residual_pv_usd",
}
"""Amount of :func:`~hashdesk.metrics.hpc_value.company_totals` by the name it has as part of a market cap."""


def lease_values(
    contracts: pl.DataFrame, day: dt.date, assumptions: Assumptions, deliveries: pl.DataFrame | None = None
) -> pl.DataFrame:
    """What each company's signed AI/HPC leases are worth on a day, as :mod:`hashdesk.metrics.hpc_value` values them.

    Parameters
    ----------
    contracts : DataFrame
        Table ``hpc_contracts``; rows that were not public by ``day`` are left out, as are those a public row restates.
    day : date
        Day of the valuation.
    assumptions : Assumptions
        Margin, capital cost, discount rate, delay and default where a contract says nothing.
    deliveries : DataFrame, optional
        Table ``hpc_deliveries``.

    Returns
    -------
    DataFrame
        Schema ``LEASE_SCHEMA``. The value is the present value of contracted operating income and of the building
        after the lease, less the capital still to be spent: what is spent already stands in net debt. It is null where
        no contract states enough; a GPU cloud contract has no value here.
    """
    rows = []
    for ticker, totals in company_totals(contracts, hpc_terms(assumptions), day, deliveries).items():
        row: dict[str, object] = {
            "ticker": ticker,
            "n_contracts": totals["n_leases"] + totals["n_cloud"],
            "n_valued": totals["n_valued"],
            "last_announced_on": totals["last_announced_on"],
            "sources": totals["sources"],
        }
        if totals["n_valued"]:
            row |= {ours: totals[theirs] for ours, theirs in AMOUNT_OF_LEASE.items()}
        rows.append(row)
    return pl.DataFrame(rows, schema=LEASE_SCHEMA).sort("ticker")


@dataclass(frozen=True, slots=True)
class CapParts:
    """A market cap taken apart; a part that is not known is None and stays in the remainder."""

    market_cap_usd: float
    mining_value_usd: float | None
    bitcoin_value_usd: float | None
    hpc_value_usd: float | None
    net_debt_usd: float | None

    @property
    def expectations_usd(self) -> float:
        """What remains: market cap less mining, bitcoin and HPC, plus net debt [USD]."""
        return self.before_debt_usd + (self.net_debt_usd or 0.0)

    @property
    def before_debt_usd(self) -> float:
        """Market cap less mining, bitcoin and HPC [USD]."""
        known = (self.mining_value_usd or 0.0) + (self.bitcoin_value_usd or 0.0) + (self.hpc_value_usd or 0.0)
        return self.market_cap_usd - known

    @property
    def unknown(self) -> tuple[str, ...]:
        """Parts that are not known."""
        names = ("mining_value_usd", "bitcoin_value_usd", "net_debt_usd")
        return tuple(name for name in names if getattr(self, name) is None)


GROUP_SCHEMA: Mapping[str, type[pl.DataType]] = {
    "period_start": pl.Date,
    "n_companies": pl.Int64,
    "market_cap_usd": pl.Float64,
    "mining_value_usd": pl.Float64,
    "mining_value_low_usd": pl.Float64,
    "bitcoin_value_usd": pl.Float64,
    "hpc_value_usd": pl.Float64,
    "net_debt_usd": pl.Float64,
    "expectations_usd": pl.Float64,
    "not_disclosed_usd": pl.Float64,
    "mining_coverage_frac": pl.Float64,
    "bitcoin_coverage_frac": pl.Float64,
    "net_debt_coverage_frac": pl.Float64,
    "divergence_frac": pl.Float64,
    "divergence_frac_low": pl.Float64,
    "expectations_frac": pl.Float64,
    "divergence_percentile_frac": pl.Float64,
    "n_months_of_history": pl.Int64,
}


def group_parts(
    months: Sequence[tuple[dt.date, Sequence[tuple[CapParts, float | None]]]],
) -> pl.DataFrame:
    r"""The group's market cap taken apart, month by month, with the divergence number and its percentile.

    Parameters
    ----------
    months : sequence of (date, sequence of (CapParts, float or None))
        Per month the companies with a market cap, each with the low mining value. [USD]

    Returns
    -------
    DataFrame
        Schema ``GROUP_SCHEMA``. Companies without a known mining value stand whole in ``not_disclosed_usd``; for the
        others the parts add up: market cap = mining + bitcoin + HPC - net debt + expectations + not disclosed.

    Notes
    -----
    The divergence number is the share of the market cap of the companies that were taken apart which four years of
    mining, the coins held and the signed leases do not cover, before net debt, which is known for fewer months:

    .. math:: d = 1 - \frac{V_{mining} + V_{bitcoin} + V_{HPC}}{C}, \qquad d_{low} = d - b\,\frac{C_{?}}{C}

    Coins that are not disclosed count as none in d. The lower end gives the companies that do not disclose theirs,
    with market cap :math:`C_?`, as many coins for their market cap as the others hold, b. The percentile of d is its
    rank among all months up to its own, each with ``LEAST_COVERAGE`` disclosed.
    """
    rows: list[dict[str, object]] = []
    history: list[float] = []
    for month, companies in months:
        total = sum(parts.market_cap_usd for parts, _ in companies)
        if not total:
            continue
        apart = [(parts, low) for parts, low in companies if parts.mining_value_usd is not None]
        cap = sum(parts.market_cap_usd for parts, _ in apart)
        before_debt = sum(parts.before_debt_usd for parts, _ in apart)
        remainder = sum(parts.expectations_usd for parts, _ in apart)
        with_debt = [parts for parts, _ in apart if parts.net_debt_usd is not None]
        row: dict[str, object] = {
            "period_start": month,
            "n_companies": len(companies),
            "market_cap_usd": total,
            "not_disclosed_usd": total - cap,
            "mining_coverage_frac": cap / total,
            "bitcoin_coverage_frac": _cap_where(apart, "bitcoin_value_usd") / total,
            "net_debt_coverage_frac": _cap_where(apart, "net_debt_usd") / total,
        }
        if apart:
            row |= {
                "mining_value_usd": sum(parts.mining_value_usd or 0.0 for parts, _ in apart),
                "mining_value_low_usd": sum(low or 0.0 for _, low in apart),
                "bitcoin_value_usd": sum(parts.bitcoin_value_usd or 0.0 for parts, _ in apart),
                "hpc_value_usd": sum(parts.hpc_value_usd or 0.0 for parts, _ in apart),
                "net_debt_usd": sum(parts.net_debt_usd or 0.0 for parts in with_debt) if with_debt else None,
                "expectations_usd": remainder,
            }
        if cap >= LEAST_COVERAGE * total:
            divergence = before_debt / cap
            history.append(divergence)
            of_coins = _cap_where(apart, "bitcoin_value_usd")
            coins = sum(parts.bitcoin_value_usd or 0.0 for parts, _ in apart)
            row |= {
                "divergence_frac": divergence,
                "divergence_frac_low": divergence - coins / of_coins * (cap - of_coins) / cap if of_coins else None,
                "expectations_frac": remainder / cap
                if _cap_where(apart, "net_debt_usd") >= LEAST_COVERAGE * cap
                else None,
                "divergence_percentile_frac": sum(past <= divergence for past in history) / len(history),
                "n_months_of_history": len(history),
            }
        rows.append({name: row.get(name) for name in GROUP_SCHEMA})
    return pl.DataFrame(rows, schema=dict(GROUP_SCHEMA))


def _cap_where(apart: Sequence[tuple[CapParts, float | None]], name: str) -> float:
    return sum(parts.market_cap_usd for parts, _ in apart if getattr(parts, name) is not None)
