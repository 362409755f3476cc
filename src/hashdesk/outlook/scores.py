"""Scores of probabilistic forecasts, and the test of whether two forecasts differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from hashdesk.errors import InputError

FloatArray = NDArray[np.float64]

PINBALL_LEVELS = tuple(np.round(np.arange(0.05, 0.951, 0.05), 2).tolist())


def crps(ensemble: ArrayLike, outcome: float) -> float:
    r"""Continuous ranked probability score of an ensemble, in the fair form that no ensemble size favours.

    Parameters
    ----------
    ensemble : array_like, shape (n,)
        Draws of the forecast.
    outcome : float
        What happened, in the same unit.

    Returns
    -------
    float
        Score; lower is better.

    Notes
    -----
    .. math:: \frac1n\sum_i|x_i-y| - \frac1{2n(n-1)}\sum_{i,j}|x_i-x_j|

    References
    ----------
    Ferro (2014), "Fair scores for ensemble forecasts".

    Examples
    --------
    >>> crps([1.0, 3.0], 2.0)
    0.0
    """
    x = np.sort(np.asarray(ensemble, dtype=np.float64))
    n = len(x)
    if n < 2:
        raise InputError(f"ensemble: expected at least 2 draws, got {n}.")
    spread = np.sum((2 * np.arange(1, n + 1) - n - 1) * x) / (n * (n - 1))
    return float(np.mean(np.abs(x - outcome)) - spread)


def pinball(ensemble: ArrayLike, outcome: float, levels: ArrayLike = PINBALL_LEVELS) -> float:
    r"""Mean pinball loss of an ensemble's quantiles.

    Notes
    -----
    .. math:: \frac1K\sum_k (y - q_k)(\tau_k - 1[y < q_k])
    """
    tau = np.asarray(levels, dtype=np.float64)
    error = outcome - np.quantile(np.asarray(ensemble, dtype=np.float64), tau)
    return float(np.mean(np.maximum(tau * error, (tau - 1) * error)))


def rank_frac(ensemble: ArrayLike, outcome: float) -> float:
    """Share of draws below the outcome, ties counted half: uniform on 0 to 1 where the forecast is right."""
    x = np.asarray(ensemble, dtype=np.float64)
    return float((np.sum(x < outcome) + 0.5 * np.sum(x == outcome) + 0.5) / (len(x) + 1))


def diebold_mariano(loss: ArrayLike, loss_other: ArrayLike, horizon: int) -> tuple[float, float]:
    r"""Test of equal mean loss of two forecasts made at every step, each looking ``horizon`` steps ahead.

    Parameters
    ----------
    loss, loss_other : array_like, shape (n,)
        Losses at the same origins, in order.
    horizon : int
        Steps ahead; forecasts that overlap share ``horizon - 1`` steps.

    Returns
    -------
    statistic, p_value : float
        Negative where the first is better; two-sided p. NaN where fewer than ``2 x horizon`` origins are there, or the
        losses never differ.

    Notes
    -----
    The variance of the mean difference is Newey and West's with ``horizon - 1`` lags plus as many again for
    persistence; the statistic carries the correction of Harvey, Leybourne and Newbold and is held against Student's
    t with n - 1 degrees of freedom.

    References
    ----------
    Diebold and Mariano (1995); Harvey, Leybourne and Newbold (1997).
    """
    d = np.asarray(loss, dtype=np.float64) - np.asarray(loss_other, dtype=np.float64)
    n = len(d)
    if n < max(2 * horizon, 10):
        return float("nan"), float("nan")
    centred = d - d.mean()
    lags = min(max(horizon - 1, int(1.5 * horizon)), n - 2)
    variance = float(np.mean(centred**2))
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(np.sum(centred[lag:] * centred[:-lag])) / n
    if variance <= 0:
        return float("nan"), float("nan")
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = float(d.mean() / np.sqrt(variance / n) * np.sqrt(max(correction, 1e-12)))
    return statistic, float(2 * stdtr(n - 1, -abs(statistic)))
