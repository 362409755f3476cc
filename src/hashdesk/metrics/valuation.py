"""Ratios of value: enterprise value per hashrate and per MW, mNAV, price to block-reward opportunity."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def ev_usd_per_ehs(enterprise_value_usd: ArrayLike, hashrate_ehs: ArrayLike) -> FloatArray:
    r"""Enterprise value for each EH/s of one named kind of hashrate.

    Parameters
    ----------
    enterprise_value_usd : array_like, shape (n,)
        Enterprise value. [USD]
    hashrate_ehs : array_like, shape (n,)
        Energised, operating or realised: the caller says which, and never mixes them. [EH/s]

    Returns
    -------
    ndarray, shape (n,)
        NaN where the hashrate is zero or unknown. [USD/(EH/s)]

    Notes
    -----
    .. math:: v = EV / H

    Examples
    --------
    >>> ev_usd_per_ehs([5e9, 5e9], [50.0, 0.0]).tolist()
    [100000000.0, nan]
    """
    return _over(enterprise_value_usd, hashrate_ehs)


def ev_usd_per_mw(enterprise_value_usd: ArrayLike, power_mw: ArrayLike) -> FloatArray:
    r"""Enterprise value for each MW of energised power.

    Parameters
    ----------
    enterprise_value_usd : array_like, shape (n,)
        Enterprise value. [USD]
    power_mw : array_like, shape (n,)
        Energised power. [MW]

    Returns
    -------
    ndarray, shape (n,)
        NaN where the power is zero or unknown. [USD/MW]

    Notes
    -----
    .. math:: v = EV / M

    Examples
    --------
    >>> float(ev_usd_per_mw(5e9, 1_000.0))
    5000000.0
    """
    return _over(enterprise_value_usd, power_mw)


def mnav_x(
    market_cap_usd: ArrayLike, holdings_btc: ArrayLike, btc_price_usd: ArrayLike, converted_value_usd: ArrayLike = 0.0
) -> FloatArray:
    r"""Market cap over the bitcoin held; diluted where the convertibles in the money count as shares.

    Parameters
    ----------
    market_cap_usd : array_like, shape (n,)
        Market cap. [USD]
    holdings_btc : array_like, shape (n,)
        Coins held, pledged ones included. [BTC]
    btc_price_usd : array_like, shape (n,)
        Price of the day. [USD/BTC]
    converted_value_usd : array_like, default 0
        Shares of convertibles in the money, at the close. [USD]

    Returns
    -------
    ndarray, shape (n,)
        Multiple; NaN where no coins are held. [x]

    Notes
    -----
    .. math:: x = \frac{C + V_{conv}}{B\,P}

    Examples
    --------
    >>> mnav_x([6e9, 6e9], [50_000, 50_000], 100_000, [0.0, 1e9]).tolist()
    [1.2, 1.4]
    """
    cap = np.asarray(market_cap_usd, dtype=np.float64) + np.asarray(converted_value_usd, dtype=np.float64)
    return _over(cap, np.asarray(holdings_btc, dtype=np.float64) * np.asarray(btc_price_usd, dtype=np.float64))


def cap_to_own_opportunity_x(
    market_cap_usd: ArrayLike, hashrate_share_frac: ArrayLike, opportunity_4y_usd: ArrayLike
) -> FloatArray:
    r"""Market cap over the company's share of the four-year block-reward opportunity.

    Parameters
    ----------
    market_cap_usd : array_like, shape (n,)
        Market cap. [USD]
    hashrate_share_frac : array_like, shape (n,)
        Share of the network. [fraction]
    opportunity_4y_usd : array_like, shape (n,)
        Subsidy of four years at spot. [USD]

    Returns
    -------
    ndarray, shape (n,)
        Multiple; NaN where the share is zero or unknown. [x]

    Notes
    -----
    .. math:: x = \frac{C}{s\,O}

    Examples
    --------
    >>> float(cap_to_own_opportunity_x(6e9, 0.05, 60e9))
    2.0
    """
    share = np.asarray(hashrate_share_frac, dtype=np.float64)
    return _over(market_cap_usd, share * np.asarray(opportunity_4y_usd, dtype=np.float64))


def _over(numerator: ArrayLike, denominator: ArrayLike) -> FloatArray:
    """Quotient that is NaN where the denominator is not positive."""
    below = np.asarray(denominator, dtype=np.float64)
    return np.asarray(numerator, dtype=np.float64) / np.where(below > 0, below, np.nan)
