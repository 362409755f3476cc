"""What a company's machines did: realised hashrate, realisation, network share, coins held and sold, cost of a coin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from hashdesk.calendar import next_month
from hashdesk.units import HOURS_PER_DAY

FloatArray = NDArray[np.float64]


def realized_hashrate_ehs(
    production_btc: ArrayLike, network_btc: ArrayLike, network_hashrate_ehs: ArrayLike
) -> FloatArray:
    r"""Hashrate that a company's coins stand for.

    Network coins and network hashrate come from the same blocks, so the network's luck cancels.

    Parameters
    ----------
    production_btc : array_like, shape (n,)
        Coins the company mined in a span. [BTC]
    network_btc : array_like, shape (n,)
        Coins the network earned in it, fees included. [BTC]
    network_hashrate_ehs : array_like, shape (n,)
        Mean hashrate of the network in it. [EH/s]

    Returns
    -------
    ndarray, shape (n,)
        Realised hashrate; NaN in, NaN out. [EH/s]

    Notes
    -----
    .. math:: H_{real} = Q \,/\, (Q_{net} / H_{net})

    Examples
    --------
    A network of 297 EH/s that earns 26,907 BTC in a month yields 90.6 BTC for each EH/s.

    >>> float(realized_hashrate_ehs(90.6, 26_907, 297).round(3))
    1.0
    """
    coins = np.asarray(network_btc, dtype=np.float64)
    per_ehs = np.where(coins > 0, coins, np.nan) / np.asarray(network_hashrate_ehs, dtype=np.float64)
    return np.asarray(production_btc, dtype=np.float64) / per_ehs


def realization_frac(
    realized_ehs: ArrayLike, energized_start_ehs: ArrayLike, energized_end_ehs: ArrayLike
) -> FloatArray:
    r"""Realised hashrate over the mean of the energised hashrate at the two month ends.

    Parameters
    ----------
    realized_ehs, energized_start_ehs, energized_end_ehs : array_like, shape (n,)
        Realised over the month; energised at the end of the month before and of the month. [EH/s]

    Returns
    -------
    ndarray, shape (n,)
        Rate; NaN where an end is missing or the mean is not positive. [fraction]

    Notes
    -----
    .. math:: \rho = \frac{2 H_{real}}{H_{t-1} + H_t}

    Examples
    --------
    >>> realization_frac([20.0, 20.0], [22.0, float("nan")], [23.0, 23.0]).round(3).tolist()
    [0.889, nan]
    """
    mean = (np.asarray(energized_start_ehs, dtype=np.float64) + np.asarray(energized_end_ehs, dtype=np.float64)) / 2
    return np.asarray(realized_ehs, dtype=np.float64) / np.where(mean > 0, mean, np.nan)


def energy_cost_usd_per_btc(
    efficiency_j_per_th: ArrayLike,
    power_price_usd_per_mwh: ArrayLike,
    hashrate_ehs: ArrayLike,
    production_btc_per_day: ArrayLike,
) -> FloatArray:
    r"""Energy that one coin takes, at a stated efficiency and power price.

    Parameters
    ----------
    efficiency_j_per_th : array_like, shape (n,)
        Efficiency of the fleet. [J/TH]
    power_price_usd_per_mwh : array_like, shape (n,)
        Power price; negative after grid credits. [USD/MWh]
    hashrate_ehs : array_like, shape (n,)
        Hashrate behind the coins: realised, so that machines at rest draw nothing. [EH/s]
    production_btc_per_day : array_like, shape (n,)
        Coins a day. [BTC/day]

    Returns
    -------
    ndarray, shape (n,)
        Cost; NaN where no coins were mined. [USD/BTC]

    Notes
    -----
    .. math:: k = 24\,e\,c\,H / q

    1 EH/s at e J/TH draws e MW.

    Examples
    --------
    >>> float(energy_cost_usd_per_btc(20.0, 50.0, 1.0, 0.45).round(0))
    53333.0
    """
    coins = np.asarray(production_btc_per_day, dtype=np.float64)
    power_mw = np.asarray(efficiency_j_per_th, dtype=np.float64) * np.asarray(hashrate_ehs, dtype=np.float64)
    cost = HOURS_PER_DAY * power_mw * np.asarray(power_price_usd_per_mwh, dtype=np.float64)
    return cost / np.where(coins > 0, coins, np.nan)


def holdings_residual_btc(held_before: float, held: float, produced: float, sold: float) -> float:
    """What holdings changed by beyond coins mined and sold: bought, pledged, paid out, or rounding [BTC].

    Examples
    --------
    >>> holdings_residual_btc(1_414, 1_500, 251, 158)
    -7
    """
    return held - held_before - produced + sold


@dataclass(frozen=True, slots=True)
class NetworkSpan:
    """The network over one or more whole months."""

    network_btc: float
    network_hashrate_ehs: float
    n_days: int
    reward_btc_per_block: float

    @property
    def btc_per_ehs_day(self) -> float:
        """Coins that 1 EH/s earned a day [BTC/(EH/s)/day]."""
        return self.network_btc / self.n_days / self.network_hashrate_ehs


class NetworkMonths:
    """Monthly network figures by month, and spans of them.

    Parameters
    ----------
    monthly : DataFrame
        Of the sector: period_start, n_days, n_blocks, issued_btc_per_day, fees_btc_per_day, network_hashrate_ehs.
    """

    def __init__(self, monthly: pl.DataFrame) -> None:
        self._rows: Mapping[dt.date, dict[str, float | None]] = {
            row["period_start"]: row
            for row in monthly.select(
                "period_start", "n_days", "n_blocks", "issued_btc_per_day", "fees_btc_per_day", "network_hashrate_ehs"
            ).iter_rows(named=True)
        }

    def span(self, start: dt.date, last: dt.date) -> NetworkSpan | None:
        """The network from the first day of a month to the last of another; None where a month is not known whole."""
        coins = hashrate_days = n_days = n_blocks = 0.0
        month = start
        while month <= last:
            row = self._rows.get(month)
            values = [] if row is None else [row[name] for name in row if name != "period_start"]
            if row is None or any(value is None for value in values):
                return None
            days, blocks, issued, fees, hashrate = (float(value or 0.0) for value in values)
            coins += (issued + fees) * days
            hashrate_days += hashrate * days
            n_days += days
            n_blocks += blocks
            month = next_month(month)
        if n_days != (last - start).days + 1 or not coins or not n_blocks:
            return None
        return NetworkSpan(coins, hashrate_days / n_days, int(n_days), coins / n_blocks)
