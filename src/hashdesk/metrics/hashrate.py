"""Network hashrate from blocks found: estimates, exact intervals, and whether a change stands out from noise.

Blocks arrive as a Poisson process, so a hashrate counted over a window of N blocks has a relative standard error of
about 1/sqrt(N): 8.3% over a day, 3.1% over a week, 1.5% over a month.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, gammaincinv

from hashdesk.errors import InputError
from hashdesk.units import BLOCKS_PER_EPOCH, HASHES_PER_EH, SECONDS_PER_DAY, TARGET_BLOCK_SECONDS, WORK_PER_DIFFICULTY

FloatArray = NDArray[np.float64]


def network_hashrate_ehs(work_eh: ArrayLike, n_days: ArrayLike) -> FloatArray:
    r"""Realised hashrate over a fixed window: the work of the blocks found in it over its length.

    Unbiased also while difficulty and hashrate move inside the window.

    Parameters
    ----------
    work_eh : array_like, shape (n_windows,)
        Expected hashes of the blocks found, summed over the window. [EH]
    n_days : array_like, shape (n_windows,)
        Length of the window. [days]

    Returns
    -------
    ndarray, shape (n_windows,)
        Hashrate. [EH/s]

    Raises
    ------
    InputError
        A window is not longer than zero.

    Notes
    -----
    .. math:: H = \frac{\sum_i W_i}{86400\,n}, \qquad W_i = D_i\,2^{48}/65535

    References
    ----------
    Bitcoin Core, ``src/chain.cpp``, ``GetBlockProof``: work implied by a target.

    Examples
    --------
    >>> float(network_hashrate_ehs(144 * 142.34e12 * 2**48 / 65535 / 1e18, 1).round(3))
    1018.925
    """
    days = np.asarray(n_days, dtype=np.float64)
    if np.any(days <= 0):
        raise InputError(f"n_days: expected windows longer than 0 days, got {n_days!r}.")
    return np.asarray(work_eh, dtype=np.float64) / (days * SECONDS_PER_DAY)


def network_hashrate_implied_ehs(difficulty: ArrayLike) -> FloatArray:
    r"""Hashrate at which blocks would come every 600 s at this difficulty.

    It inherits the luck of the epoch that set the difficulty (relative standard deviation 2.2%) and lags by up to a
    fortnight.

    Parameters
    ----------
    difficulty : array_like, shape (n,)
        Difficulty in force. [1]

    Returns
    -------
    ndarray, shape (n,)
        Hashrate. [EH/s]

    Notes
    -----
    .. math:: H_D = D\,\frac{2^{48}/65535}{600}

    Examples
    --------
    >>> float(network_hashrate_implied_ehs(142.34e12).round(3))
    1018.925
    """
    return np.asarray(difficulty, dtype=np.float64) * WORK_PER_DIFFICULTY / TARGET_BLOCK_SECONDS / HASHES_PER_EH


def poisson_interval_factors(n_blocks: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    r"""Exact (Garwood) interval of a Poisson count, as factors of the count.

    Multiply a hashrate by the factors to get its interval.

    Parameters
    ----------
    n_blocks : array_like, shape (n,)
        Blocks counted. [1]
    level : float, default 0.95
        Coverage, between 0 and 1. [fraction]

    Returns
    -------
    low, high : ndarray, shape (n,)
        Factors; NaN where no block was counted. [1]

    Raises
    ------
    InputError
        The level is not between 0 and 1.

    Notes
    -----
    .. math:: N_{lo} = \tfrac12\chi^2_{\alpha/2,\,2N}, \qquad N_{hi} = \tfrac12\chi^2_{1-\alpha/2,\,2N+2}

    Examples
    --------
    >>> low, high = poisson_interval_factors(4320)
    >>> float(low.round(4)), float(high.round(4))
    (0.9704, 1.0303)
    """
    if not 0 < level < 1:
        raise InputError(f"level: expected a number between 0 and 1, got {level}.")
    n = np.asarray(n_blocks, dtype=np.float64)
    n = np.where(n > 0, n, np.nan)
    tail = (1 - level) / 2
    return gammaincinv(n, tail) / n, gammaincinv(n + 1, 1 - tail) / n


def change_z(value: ArrayLike, prior: ArrayLike, n_blocks: ArrayLike, n_blocks_prior: ArrayLike) -> FloatArray:
    r"""Log change between two block-count estimates in standard errors of its sampling noise.

    Parameters
    ----------
    value, prior : array_like, shape (n,)
        The two estimates, in the same unit; both proportional to a block count or to its inverse.
    n_blocks, n_blocks_prior : array_like, shape (n,)
        Blocks behind each. [1]

    Returns
    -------
    ndarray, shape (n,)
        z; under a constant hashrate it is close to a standard normal draw. [1]

    Notes
    -----
    .. math:: z = \frac{\ln(H_1/H_0)}{\sqrt{1/N_1 + 1/N_0}}

    Examples
    --------
    >>> float(change_z(1034.7, 949.4, 4532, 4588).round(2))
    4.11
    """
    noise = np.sqrt(1 / np.asarray(n_blocks, dtype=np.float64) + 1 / np.asarray(n_blocks_prior, dtype=np.float64))
    return np.log(np.asarray(value, dtype=np.float64) / np.asarray(prior, dtype=np.float64)) / noise


def next_difficulty_change_frac(blocks_in_epoch: ArrayLike, seconds_in_epoch: ArrayLike) -> FloatArray:
    r"""Change of difficulty at the next retarget if blocks keep the pace of the epoch so far.

    Parameters
    ----------
    blocks_in_epoch : array_like, shape (n,)
        Blocks found since the epoch's first block, that block not counted. [1]
    seconds_in_epoch : array_like, shape (n,)
        Time since the epoch's first block. [s]

    Returns
    -------
    ndarray, shape (n,)
        Expected change, held within the rule's factor of four; NaN before the first block. [fraction]

    Notes
    -----
    The retarget rule measures 2,015 intervals against a target for 2,016:

    .. math:: \frac{D'}{D} = \mathrm{clamp}\!\left(\frac{2016 \cdot 600}{2015\,\bar t},\ \tfrac14,\ 4\right)

    Examples
    --------
    >>> float(next_difficulty_change_frac(1000, 1000 * 570).round(4))
    0.0532
    """
    blocks = np.asarray(blocks_in_epoch, dtype=np.float64)
    seconds = np.asarray(seconds_in_epoch, dtype=np.float64)
    blocks = np.where((blocks > 0) & (seconds > 0), blocks, np.nan)
    expected_span = (BLOCKS_PER_EPOCH - 1) * seconds / blocks
    ratio = BLOCKS_PER_EPOCH * TARGET_BLOCK_SECONDS / expected_span
    return np.clip(ratio, 0.25, 4.0) - 1


def next_difficulty_interval(
    blocks_in_epoch: ArrayLike, seconds_in_epoch: ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    r"""Predictive interval of the next retarget at constant hashrate: only the blocks still to come are uncertain.

    It narrows to nothing as the epoch ends. Hashrate trends inside an epoch, so real retargets leave it more often
    than the level says (docs/methods gives the measured coverage).

    Parameters
    ----------
    blocks_in_epoch, seconds_in_epoch : array_like, shape (n,)
        As for :func:`next_difficulty_change_frac`.
    level : float, default 0.95
        Coverage at constant hashrate. [fraction]

    Returns
    -------
    low, high : ndarray, shape (n,)
        Changes; NaN before the first block and where the epoch has no interval left. [fraction]

    Raises
    ------
    InputError
        The level is not between 0 and 1.

    Notes
    -----
    With n blocks in time T, the remaining 2015 - n intervals take :math:`T X/(1-X)`, X a draw from
    :math:`\mathrm{Beta}(2015 - n,\ n)`.

    Examples
    --------
    >>> low, high = next_difficulty_interval(1000, 600_000)
    >>> float(low.round(3)), float(high.round(3))
    (-0.043, 0.044)
    """
    if not 0 < level < 1:
        raise InputError(f"level: expected a number between 0 and 1, got {level}.")
    n = np.asarray(blocks_in_epoch, dtype=np.float64)
    elapsed = np.asarray(seconds_in_epoch, dtype=np.float64)
    intervals = BLOCKS_PER_EPOCH - 1
    n = np.where((n > 0) & (n < intervals) & (elapsed > 0), n, np.nan)
    target = BLOCKS_PER_EPOCH * TARGET_BLOCK_SECONDS
    bounds = []
    for tail in ((1 + level) / 2, (1 - level) / 2):  # a long remainder makes for a low difficulty
        share = betaincinv(intervals - n, n, tail)
        bounds.append(np.clip(target * (1 - share) / elapsed, 0.25, 4.0) - 1)
    return bounds[0], bounds[1]
