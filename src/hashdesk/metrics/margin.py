"""Cost of hashrate and what it leaves: power cost, gross profit, margin, breakevens, cost of one bitcoin.

1 EH/s at e J/TH draws e MW, so everything follows from revenue per EH/s, an efficiency and a power price.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashdesk.errors import InputError
from hashdesk.units import HOURS_PER_DAY

FloatArray = NDArray[np.float64]

_EH_PER_PH = 1e-3


def power_cost_usd_per_ehs_day(efficiency_j_per_th: ArrayLike, power_price_usd_per_mwh: ArrayLike) -> FloatArray:
    r"""Power cost of 1 EH/s over a day.

    Parameters
    ----------
    efficiency_j_per_th : array_like, shape (n,)
        Efficiency of the machines, e > 0. [J/TH]
    power_price_usd_per_mwh : array_like, shape (n,)
        Power price; may be negative where credits exceed the bill. [USD/MWh]

    Returns
    -------
    ndarray, shape (n,)
        Cost; NaN in, NaN out. [USD/(EH/s)/day]

    Raises
    ------
    InputError
        An efficiency is not positive.

    Notes
    -----
    .. math:: C = 24\,e\,c

    Examples
    --------
    >>> float(power_cost_usd_per_ehs_day(18.9, 50))
    22680.0
    """
    return HOURS_PER_DAY * _efficiency(efficiency_j_per_th) * np.asarray(power_price_usd_per_mwh, dtype=np.float64)


def block_reward_gross_profit_usd_per_ehs_day(
    revenue_usd_per_ehs_day: ArrayLike, power_cost_usd_per_ehs_day: ArrayLike
) -> FloatArray:
    r"""Block-reward revenue less power cost, for 1 EH/s over a day.

    Parameters
    ----------
    revenue_usd_per_ehs_day, power_cost_usd_per_ehs_day : array_like, shape (n,)
        Revenue and power cost. [USD/(EH/s)/day]

    Returns
    -------
    ndarray, shape (n,)
        Gross profit; NaN in, NaN out. [USD/(EH/s)/day]

    Notes
    -----
    .. math:: G = R - C

    Examples
    --------
    >>> float(block_reward_gross_profit_usd_per_ehs_day(49_700, 22_680))
    27020.0
    """
    return np.asarray(revenue_usd_per_ehs_day, dtype=np.float64) - np.asarray(
        power_cost_usd_per_ehs_day, dtype=np.float64
    )


def gross_margin_frac(revenue_usd_per_ehs_day: ArrayLike, power_cost_usd_per_ehs_day: ArrayLike) -> FloatArray:
    r"""Gross profit as a share of revenue.

    Parameters
    ----------
    revenue_usd_per_ehs_day, power_cost_usd_per_ehs_day : array_like, shape (n,)
        Revenue and power cost. [USD/(EH/s)/day]

    Returns
    -------
    ndarray, shape (n,)
        Margin; NaN where revenue is 0 or NaN. [fraction]

    Notes
    -----
    .. math:: m = 1 - C / R

    Examples
    --------
    >>> float(gross_margin_frac(42_100, 26_000).round(3))
    0.382
    """
    return 1 - _ratio(power_cost_usd_per_ehs_day, revenue_usd_per_ehs_day)


def breakeven_efficiency_j_per_th(revenue_usd_per_ehs_day: ArrayLike, power_price_usd_per_mwh: ArrayLike) -> FloatArray:
    r"""Efficiency at which a machine just earns its power; a machine with a larger number loses money.

    Parameters
    ----------
    revenue_usd_per_ehs_day : array_like, shape (n,)
        Block-reward revenue. [USD/(EH/s)/day]
    power_price_usd_per_mwh : array_like, shape (n,)
        Power price. [USD/MWh]

    Returns
    -------
    ndarray, shape (n,)
        Breakeven efficiency; NaN at a price of zero or below, where every machine earns its power. [J/TH]

    Notes
    -----
    .. math:: e^* = R / (24\,c)

    Examples
    --------
    >>> breakeven_efficiency_j_per_th(38_700, [50, 70, -5]).round(1).tolist()
    [32.2, 23.0, nan]
    """
    price = np.asarray(power_price_usd_per_mwh, dtype=np.float64)
    return _ratio(revenue_usd_per_ehs_day, HOURS_PER_DAY * np.where(price > 0, price, np.nan))


def breakeven_power_price_usd_per_mwh(revenue_usd_per_ehs_day: ArrayLike, efficiency_j_per_th: ArrayLike) -> FloatArray:
    r"""Power price at which machines of this efficiency just earn their power.

    Parameters
    ----------
    revenue_usd_per_ehs_day : array_like, shape (n,)
        Block-reward revenue. [USD/(EH/s)/day]
    efficiency_j_per_th : array_like, shape (n,)
        Efficiency, e > 0. [J/TH]

    Returns
    -------
    ndarray, shape (n,)
        Breakeven power price; NaN in, NaN out. [USD/MWh]

    Raises
    ------
    InputError
        An efficiency is not positive.

    Notes
    -----
    .. math:: c^* = R / (24\,e)

    Examples
    --------
    >>> float(breakeven_power_price_usd_per_mwh(48_000, 20))
    100.0
    """
    return _ratio(revenue_usd_per_ehs_day, HOURS_PER_DAY * _efficiency(efficiency_j_per_th))


def hashcost_usd_per_phs_day(efficiency_j_per_th: ArrayLike, power_price_usd_per_mwh: ArrayLike) -> FloatArray:
    r"""Power cost of 1 PH/s over a day: the unit that hashprice is quoted in.

    Parameters
    ----------
    efficiency_j_per_th : array_like, shape (n,)
        Efficiency, e > 0. [J/TH]
    power_price_usd_per_mwh : array_like, shape (n,)
        Power price. [USD/MWh]

    Returns
    -------
    ndarray, shape (n,)
        Hashcost; NaN in, NaN out. [USD/(PH/s)/day]

    Raises
    ------
    InputError
        An efficiency is not positive.

    Notes
    -----
    .. math:: h = 0.024\,e\,c

    Examples
    --------
    >>> float(hashcost_usd_per_phs_day(20, 50))
    24.0
    """
    return power_cost_usd_per_ehs_day(efficiency_j_per_th, power_price_usd_per_mwh) * _EH_PER_PH


def network_power_cost_usd_per_btc(
    power_cost_usd_per_ehs_day: ArrayLike, network_hashrate_ehs: ArrayLike, btc_per_day: ArrayLike
) -> FloatArray:
    r"""Power that the whole network buys for each bitcoin it earns.

    Parameters
    ----------
    power_cost_usd_per_ehs_day : array_like, shape (n,)
        Power cost of hashrate. [USD/(EH/s)/day]
    network_hashrate_ehs : array_like, shape (n,)
        Network hashrate. [EH/s]
    btc_per_day : array_like, shape (n,)
        Coins earned a day; with or without fees, the caller says which. [BTC/day]

    Returns
    -------
    ndarray, shape (n,)
        Cost of one bitcoin; NaN where no coin was earned. [USD/BTC]

    Notes
    -----
    .. math:: C_{BTC} = C\,H / B

    Examples
    --------
    >>> float(network_power_cost_usd_per_btc(22_680, 1031, 450).round(0))
    51962.0
    """
    network_usd = np.asarray(power_cost_usd_per_ehs_day, dtype=np.float64) * np.asarray(network_hashrate_ehs)
    return _ratio(network_usd, btc_per_day)


def gross_profit_change_z(
    gross_profit: ArrayLike,
    gross_profit_prior: ArrayLike,
    revenue: ArrayLike,
    revenue_prior: ArrayLike,
    n_blocks: ArrayLike,
    n_blocks_prior: ArrayLike,
) -> FloatArray:
    r"""Change of gross profit between two months in standard errors of the block-count noise in their revenues.

    The cost line is common to both months and smooth, so its error hardly touches a change and is left out.

    Parameters
    ----------
    gross_profit, gross_profit_prior, revenue, revenue_prior : array_like, shape (n,)
        The two months. [USD/(EH/s)/day]
    n_blocks, n_blocks_prior : array_like, shape (n,)
        Blocks behind each month's hashrate. [1]

    Returns
    -------
    ndarray, shape (n,)
        z; close to a standard normal draw where nothing changed. [1]

    Notes
    -----
    .. math:: z = \frac{G_1 - G_0}{\sqrt{R_1^2/N_1 + R_0^2/N_0}}

    Examples
    --------
    >>> float(gross_profit_change_z(26_800, 32_200, 49_500, 55_200, 4532, 4588).round(1))
    -4.9
    """
    noise = np.square(np.asarray(revenue, dtype=np.float64)) / np.asarray(n_blocks, dtype=np.float64)
    noise_prior = np.square(np.asarray(revenue_prior, dtype=np.float64)) / np.asarray(n_blocks_prior, dtype=np.float64)
    change = np.asarray(gross_profit, dtype=np.float64) - np.asarray(gross_profit_prior, dtype=np.float64)
    return _ratio(change, np.sqrt(noise + noise_prior))


@dataclass(frozen=True, slots=True)
class Bounded:
    """A monthly figure with the bounds of its interval, each of shape (n_months,)."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class Margins:
    """The cost side of each month."""

    power_cost_usd_per_ehs_day: Bounded
    block_reward_gross_profit_usd_per_ehs_day: Bounded
    gross_margin_frac: Bounded
    breakeven_efficiency_j_per_th: Bounded
    breakeven_power_price_usd_per_mwh: Bounded


def margins(revenue: Bounded, efficiency: Bounded, power_price_usd_per_mwh: float) -> Margins:
    """Every cost figure of a run of months, with the intervals of revenue and efficiency carried through.

    Each figure is monotone in revenue and in efficiency, so its extremes over the rectangle of the two intervals lie
    on corners and are exact. Two independent 95% intervals meet in such a rectangle with a probability of at least
    90%; since both must err in the same direction to leave the result's range, its coverage is above 95% in practice.

    Parameters
    ----------
    revenue : Bounded
        Block-reward revenue. [USD/(EH/s)/day]
    efficiency : Bounded
        Efficiency of the fleet; NaN bounds where it is the caller's own value. [J/TH]
    power_price_usd_per_mwh : float
        Power price. [USD/MWh]

    Returns
    -------
    Margins
        NaN where an input is NaN.

    Raises
    ------
    InputError
        An efficiency is not positive.
    """
    known = Bounded(
        efficiency.value,
        np.where(np.isnan(efficiency.low), efficiency.value, efficiency.low),
        np.where(np.isnan(efficiency.high), efficiency.value, efficiency.high),
    )
    price = power_price_usd_per_mwh

    def spread(figure: Callable[[FloatArray, FloatArray], FloatArray]) -> Bounded:
        corners = [figure(r, e) for r in (revenue.low, revenue.high) for e in (known.low, known.high)]
        return Bounded(figure(revenue.value, known.value), np.minimum.reduce(corners), np.maximum.reduce(corners))

    def cost(e: FloatArray) -> FloatArray:
        return power_cost_usd_per_ehs_day(e, price)

    cost_bounds = (cost(known.low), cost(known.high))
    return Margins(
        Bounded(cost(known.value), np.minimum(*cost_bounds), np.maximum(*cost_bounds)),
        spread(lambda r, e: block_reward_gross_profit_usd_per_ehs_day(r, cost(e))),
        spread(lambda r, e: gross_margin_frac(r, cost(e))),
        spread(lambda r, e: breakeven_efficiency_j_per_th(r, price)),
        spread(breakeven_power_price_usd_per_mwh),
    )


def _efficiency(efficiency_j_per_th: ArrayLike) -> FloatArray:
    values = np.asarray(efficiency_j_per_th, dtype=np.float64)
    if np.any(values <= 0):
        raise InputError(
            f"efficiency_j_per_th: expected values above 0 J/TH, got {np.nanmin(values):g}.",
            hint="Recent machines run at 10 to 30 J/TH.",
        )
    return values


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> FloatArray:
    """Quotient with NaN where the denominator is 0."""
    below = np.asarray(denominator, dtype=np.float64)
    return np.asarray(numerator, dtype=np.float64) / np.where(below == 0, np.nan, below)
