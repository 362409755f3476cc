r"""What a megawatt of mining is worth over some years, with the option to switch off when income is below power cost.

Switching is free and instant, so each day is a decision of its own: the value is a strip of options on that day's
hashprice, each of which has a closed form when hashprice is lognormal. Start-up costs, wear and contracts that force a
site to draw power would make the option worth less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from hashdesk.errors import InputError
from hashdesk.units import BTC_DAYS_PER_YEAR, HOURS_PER_DAY

FloatArray = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_USD_PER_USD_M = 1e6

FLIP_STEPS = 32
"""Halvings of the logarithm of a range of nine decades: they leave it under a hundred-millionth part wide [1]."""


@dataclass(frozen=True, slots=True)
class MiningTerms:
    """How mining income is expected to move, and how it is discounted."""

    efficiency_j_per_th: float
    power_price_usd_per_mwh: float
    pue: float
    """Draw of a site over the draw of its machines [1]."""
    log_drift_per_year: float
    """Of the typical (median) hashprice: competition and halvings less bitcoin's rise [1/year]."""
    volatility: float
    """Of log hashprice [per root year]."""
    cost_of_capital_frac: float
    """Discount rate [1/year]."""


@dataclass(frozen=True, slots=True)
class MiningValue:
    """Present value of mining on one megawatt of grid power [USD m/MW]."""

    always_on_usd_m_per_mw: FloatArray
    """Machines run whatever they earn."""
    with_option_usd_m_per_mw: FloatArray
    """Machines stop when income falls below the cost of power."""

    @property
    def option_usd_m_per_mw(self) -> FloatArray:
        """What the right to switch off adds; never negative."""
        return self.with_option_usd_m_per_mw - self.always_on_usd_m_per_mw


def call_value(forward: ArrayLike, strike: ArrayLike, total_sd: ArrayLike) -> FloatArray:
    r"""Expected excess of a lognormal amount over a strike, undiscounted.

    Parameters
    ----------
    forward : array_like
        Expected amount, above 0. [USD]
    strike : array_like
        Amount to beat; at or below 0 it is always beaten. [USD]
    total_sd : array_like
        Standard deviation of the logarithm, at least 0. [1]

    Returns
    -------
    ndarray

    Notes
    -----
    .. math:: c = F\,\Phi(d) - K\,\Phi(d - s), \qquad d = \frac{\ln(F/K)}{s} + \frac{s}{2}

    Examples
    --------
    >>> float(call_value(100.0, 80.0, 0.0))
    20.0
    """
    f, k, s = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (forward, strike, total_sd)))
    certain = (s < 1e-9) | (k <= 0)
    safe_s, safe_k = np.where(certain, 1.0, s), np.where(certain, 1.0, k)
    d = np.log(f / safe_k) / safe_s + safe_s / 2
    uncertain: FloatArray = f * ndtr(d) - safe_k * ndtr(d - safe_s)
    return np.where(certain, np.where(k <= 0, f - k, np.maximum(f - k, 0.0)), uncertain)


def mining_value(revenue_usd_per_ehs_day: ArrayLike, years: ArrayLike, terms: MiningTerms) -> MiningValue:
    r"""Present value of mining on a megawatt of grid power over some years, from the same machines throughout.

    New machines are not counted: in a market that anyone may enter they earn their price back and no more.

    Parameters
    ----------
    revenue_usd_per_ehs_day : array_like, shape (n,)
        Income of hashrate on the first day, above 0. [USD/(EH/s)/day]
    years : array_like, shape (n,)
        How long the megawatt would mine. [years]
    terms : MiningTerms
        Machines, power, drift, volatility and discount rate.

    Returns
    -------
    MiningValue
        Arrays of shape (n,).

    Raises
    ------
    InputError
        Income or efficiency not positive, volatility negative, or a usage effectiveness below 1.

    Notes
    -----
    With income of a megawatt-year :math:`r_0 = 365 R/(e\,\text{pue})`, power cost :math:`k = 8760 c` and expected
    income :math:`F_t = r_0 e^{(m + \sigma^2/2) t}`:

    .. math:: V = \int_0^T e^{-\rho t} \big[F_t \Phi(d_t) - k \Phi(d_t - \sigma\sqrt t)\big] dt

    References
    ----------
    McDonald and Siegel (1985), International Economic Review 26: a plant that may shut down as a strip of options.

    Examples
    --------
    >>> terms = MiningTerms(20.0, 50.0, 1.0, 0.0, 0.0, 0.0)
    >>> float(mining_value(50_000.0, 1.0, terms).with_option_usd_m_per_mw.round(4))
    0.4745
    """
    income = np.asarray(revenue_usd_per_ehs_day, dtype=np.float64)
    if np.any(income <= 0):
        raise InputError("mining value: expected an income above 0 USD per EH/s and day.")
    if terms.efficiency_j_per_th <= 0 or terms.pue < 1 or terms.volatility < 0:
        raise InputError(
            "mining value: expected an efficiency above 0 J/TH, a usage effectiveness of 1 or more and no negative "
            f"volatility, got {terms.efficiency_j_per_th:g}, {terms.pue:g} and {terms.volatility:g}."
        )
    years_, income = np.broadcast_arrays(np.asarray(years, dtype=np.float64), income)
    first = BTC_DAYS_PER_YEAR * income / (terms.efficiency_j_per_th * terms.pue) / _USD_PER_USD_M
    power = BTC_DAYS_PER_YEAR * HOURS_PER_DAY * terms.power_price_usd_per_mwh / _USD_PER_USD_M
    # Nodes are spaced evenly in the root of time, where the integrand is smooth at its start.
    root = np.sqrt(years_)[..., None] * (_NODES + 1) / 2
    time, width = root**2, np.sqrt(years_)[..., None] * _WEIGHTS * root
    drift = terms.log_drift_per_year + terms.volatility**2 / 2
    forward = first[..., None] * np.exp(drift * time)
    discount = np.exp(-np.log1p(terms.cost_of_capital_frac) * time) * width
    running = ((forward - power) * discount).sum(axis=-1)
    optional = (call_value(forward, power, terms.volatility * root) * discount).sum(axis=-1)
    return MiningValue(running, optional)


def flip_revenue_usd_per_ehs_day(target_usd_m_per_mw: ArrayLike, years: ArrayLike, terms: MiningTerms) -> FloatArray:
    """Income at which mining, with its option, is worth a given amount per megawatt; by bisection.

    Parameters
    ----------
    target_usd_m_per_mw : array_like, shape (n,)
        Value to match. [USD m/MW]
    years : array_like, shape (n,)
        How long the megawatt would mine. [years]
    terms : MiningTerms
        As in :func:`mining_value`.

    Returns
    -------
    ndarray, shape (n,)
        Income to within a millionth part; NaN where the target is not positive (mining is never worth less than
        nothing) or not known. [USD/(EH/s)/day]
    """
    target = np.asarray(target_usd_m_per_mw, dtype=np.float64)
    target, years_ = np.broadcast_arrays(target, np.asarray(years, dtype=np.float64))
    solvable = np.isfinite(target) & (target > 0) & np.isfinite(years_)
    goal, span = np.where(solvable, target, 1.0), np.where(solvable, years_, 1.0)
    low, high = np.full(goal.shape, 1.0), np.full(goal.shape, 1e9)
    for _ in range(FLIP_STEPS):
        middle = np.sqrt(low * high)
        above = mining_value(middle, span, terms).with_option_usd_m_per_mw > goal
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(solvable, np.sqrt(low * high), np.nan)
