"""Income of hashrate: hashprice, block-reward revenue per EH/s, and the exact split of its change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashdesk.errors import InputError
from hashdesk.units import HASHES_PER_PH, SECONDS_PER_DAY, TARGET_BLOCKS_PER_DAY, WORK_PER_DIFFICULTY

FloatArray = NDArray[np.float64]


def hashprice_usd_per_phs_day(
    difficulty: ArrayLike, block_reward_btc: ArrayLike, btc_price_usd: ArrayLike, *, pool_fee_frac: float = 0.0
) -> FloatArray:
    r"""Expected revenue of 1 PH/s over one day, as a full-pay-per-share pool pays it.

    Built on the difficulty in force rather than on blocks found, so the figure carries no luck of its own.

    Parameters
    ----------
    difficulty : array_like, shape (n_days,)
        Difficulty in force. [1]
    block_reward_btc : array_like, shape (n_days,)
        Subsidy plus mean fees of one block. [BTC/block]
    btc_price_usd : array_like, shape (n_days,)
        Reference price; the caller picks which one and cites it. [USD/BTC]
    pool_fee_frac : float, default 0.0
        Share of the reward that the pool keeps, 0 <= f < 1. [fraction]

    Returns
    -------
    ndarray, shape (n_days,)
        Hashprice; NaN in, NaN out. [USD/(PH/s)/day]

    Raises
    ------
    InputError
        A difficulty is not positive, or the pool fee is out of range.

    Notes
    -----
    .. math:: p = (1-f)\,R\,P\,\frac{10^{15} \cdot 86400}{D \cdot 2^{48}/65535}

    References
    ----------
    Bitcoin Core, ``src/chain.cpp``, ``GetBlockProof``: work implied by a target.

    Examples
    --------
    >>> float(hashprice_usd_per_phs_day(142.34e12, 3.145, 113_000).round(2))
    50.22
    """
    if not 0 <= pool_fee_frac < 1:
        raise InputError(f"pool_fee_frac: expected 0 <= fee < 1, got {pool_fee_frac}.")
    d = np.asarray(difficulty, dtype=np.float64)
    if np.any(d <= 0):
        raise InputError("difficulty: expected positive values, got a value at or below 0.")
    reward_usd = np.asarray(block_reward_btc, dtype=np.float64) * np.asarray(btc_price_usd, dtype=np.float64)
    return (1 - pool_fee_frac) * reward_usd * HASHES_PER_PH * SECONDS_PER_DAY / (d * WORK_PER_DIFFICULTY)


def block_reward_revenue_usd_per_ehs_day(
    subsidy_btc: ArrayLike, btc_price_usd: ArrayLike, network_hashrate_ehs: ArrayLike
) -> FloatArray:
    r"""Block-reward revenue of 1 EH/s over a day at the target pace of 144 blocks: no fees, no luck in the coins.

    The monthly headline is the mean of daily values, each with the trailing seven-day mean close and the block-count
    hashrate of that day: the definition that stands closest to the published series (see docs/methods).

    Parameters
    ----------
    subsidy_btc : array_like, shape (n,)
        Subsidy of one block. [BTC/block]
    btc_price_usd : array_like, shape (n,)
        Price. [USD/BTC]
    network_hashrate_ehs : array_like, shape (n,)
        Network hashrate. [EH/s]

    Returns
    -------
    ndarray, shape (n,)
        Revenue; NaN in, NaN out. [USD/(EH/s)/day]

    Notes
    -----
    .. math:: R = 144\,S\,P / H

    Examples
    --------
    >>> float(block_reward_revenue_usd_per_ehs_day(3.125, 113_171, 1034.7).round(0))
    49219.0
    """
    coins = TARGET_BLOCKS_PER_DAY * np.asarray(subsidy_btc, dtype=np.float64)
    return coins * np.asarray(btc_price_usd, dtype=np.float64) / np.asarray(network_hashrate_ehs, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class RevenueSplit:
    """The change of revenue taken apart; parts add up to the total to the last digit.

    Log parts [1] add up to ``change_log``; fraction parts are the log parts scaled to add up to ``change_frac``.
    """

    change_log: FloatArray
    price_log: FloatArray
    reward_log: FloatArray
    hashrate_log: FloatArray
    change_frac: FloatArray
    price_frac: FloatArray
    reward_frac: FloatArray
    hashrate_frac: FloatArray


def revenue_split(revenue: ArrayLike, btc_price_usd: ArrayLike, reward_btc_per_day: ArrayLike) -> RevenueSplit:
    r"""Split month-on-month changes of revenue per EH/s into price, reward and hashrate.

    The hashrate part is what the first two leave: the change of the hashrate that the month's income was in fact
    shared over, :math:`H = R_{day} P / R`.

    Parameters
    ----------
    revenue : array_like, shape (n_months,)
        Revenue. [USD/(EH/s)/day]
    btc_price_usd : array_like, shape (n_months,)
        Mean price that went into it. [USD/BTC]
    reward_btc_per_day : array_like, shape (n_months,)
        Coins a day that went into it. [BTC/day]

    Returns
    -------
    RevenueSplit
        Arrays of shape (n_months - 1,).

    Notes
    -----
    .. math:: \Delta\ln R = \Delta\ln P + \Delta\ln(\text{reward per day}) - \Delta\ln H

    Examples
    --------
    >>> split = revenue_split([50_000.0, 45_000.0], [100_000.0, 99_000.0], [450.0, 450.0])
    >>> bool(np.isclose(split.price_log + split.reward_log + split.hashrate_log, split.change_log).all())
    True
    """
    change_log = np.diff(np.log(np.asarray(revenue, dtype=np.float64)))
    price_log = np.diff(np.log(np.asarray(btc_price_usd, dtype=np.float64)))
    reward_log = np.diff(np.log(np.asarray(reward_btc_per_day, dtype=np.float64)))
    hashrate_log = change_log - price_log - reward_log
    change_frac = np.expm1(change_log)
    scale = np.divide(change_frac, change_log, out=np.ones_like(change_log), where=change_log != 0)
    return RevenueSplit(
        change_log,
        price_log,
        reward_log,
        hashrate_log,
        change_frac,
        price_log * scale,
        reward_log * scale,
        hashrate_log * scale,
    )
