"""Hashrate now: a filter that reads the network's true rate out of noisy block counts.

Log hashrate follows a local level with a damped trend, and the blocks of a day are a Poisson draw at the rate that it
and the difficulty imply. How fast level and trend move is not known, so a bank of filters runs side by side, each with
its own noise, and each is weighted by how well it has foretold the blocks of the days before.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, ndtri

from hashdesk.errors import InputError
from hashdesk.units import HASHES_PER_EH, SECONDS_PER_DAY, WORK_PER_DIFFICULTY

FloatArray = NDArray[np.float64]

LEVEL_SD_PER_DAY = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04)
SLOPE_SD_PER_DAY = (0.0, 1e-4, 4e-4, 1.6e-3)
"""Grid of the filters' noise: daily standard deviations of log level and of its daily slope."""
SLOPE_MEMORY = 0.985
"""Share of the slope that is left after a day: its half-life is 46 days, about three retargets."""
SCORE_HALF_LIFE_DAYS = 365.0
"""Half-life of a day's evidence in the weight of a filter, so that the mix follows a network that grows calmer."""
START_LEVEL_SD = 1.0
START_SLOPE_SD = 0.01
"""Spread of the state before the first day [log, log/day]: wide enough to be forgotten within days."""
WARM_UP_DAYS = 1_100
"""Days before the wanted one that the filters read: three half-lives of their evidence."""
_NEWTON_STEPS = 4


@dataclass(frozen=True, slots=True)
class HashrateFilter:
    """State of every filter of the bank at the end of every day, from the blocks up to that day only."""

    dates: tuple[dt.date, ...]
    weight: FloatArray
    """Probability of each filter. Shape (n_days, n_filters) [1]."""
    level_log: FloatArray
    """Posterior mean of log hashrate in EH/s. Shape (n_days, n_filters)."""
    slope_log: FloatArray
    """Posterior mean of the daily log change. Shape (n_days, n_filters)."""
    level_var: FloatArray
    covariance: FloatArray
    slope_var: FloatArray
    level_sd_per_day: FloatArray
    """Noise of the level in each filter. Shape (n_filters,) [log]."""

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of log hashrate at the end of each day, over the whole bank."""
        mean = (self.weight * self.level_log).sum(axis=1)
        spread = self.level_var + np.square(self.level_log - mean[:, None])
        return mean, np.sqrt((self.weight * spread).sum(axis=1))

    def index(self, day: dt.date) -> int:
        """Place of a day.

        Raises
        ------
        InputError
            The filter has no such day.
        """
        place = (day - self.dates[0]).days
        if not 0 <= place < len(self.dates):
            raise InputError(f"nowcast: {day} lies outside the days read, {self.dates[0]} to {self.dates[-1]}.")
        return place


@dataclass(frozen=True, slots=True)
class Nowcast:
    """Hashrate at the end of a day, as its blocks and those before tell it."""

    date: dt.date
    network_hashrate_ehs: float
    low_ehs: float
    high_ehs: float
    level: float
    """Coverage that the bounds are meant for [fraction]."""
    sd_log: float
    trend_frac_per_30d: float
    """Change over 30 days at the present slope, before it fades [fraction]."""
    noise_sd_per_day: float
    """Daily standard deviation of true log hashrate, as the past has it [log]."""


def filter_hashrate(dates: Sequence[dt.date], blocks: ArrayLike, difficulty_work_eh: ArrayLike) -> HashrateFilter:
    r"""Run the bank of filters over consecutive days.

    Parameters
    ----------
    dates : sequence of date, length n_days
        Consecutive UTC days.
    blocks : array_like, shape (n_days,)
        Blocks found; NaN is a day without data, which only widens the state. [blocks]
    difficulty_work_eh : array_like, shape (n_days,)
        Expected hashes of one block at the day's mean difficulty. [EH]

    Returns
    -------
    HashrateFilter

    Raises
    ------
    InputError
        No day, days out of order, or a work that is not positive.

    Notes
    -----
    With log hashrate :math:`x` and slope :math:`b`:

    .. math:: x_t = x_{t-1} + b_{t-1} + \eta_t, \quad b_t = \phi\,b_{t-1} + \zeta_t, \quad
              N_t \sim \mathrm{Poisson}(86400\,e^{x_t}/W_t)

    The Poisson update is a Laplace approximation at the posterior mode, exact enough from one block a day on.

    References
    ----------
    Durbin, Koopman: Time Series Analysis by State Space Methods, 2nd ed., chapters 9 and 10.
    """
    counts = np.asarray(blocks, dtype=np.float64)
    work = np.asarray(difficulty_work_eh, dtype=np.float64)
    if not len(dates) or len(counts) != len(dates) or len(work) != len(dates):
        raise InputError(f"nowcast: expected one count and one work for each of at least one day, got {len(dates)}.")
    if any((b - a).days != 1 for a, b in itertools.pairwise(dates)):
        raise InputError("nowcast: expected consecutive days.")
    if np.any(work[np.isfinite(counts)] <= 0):
        raise InputError("nowcast: expected a work of blocks above 0 EH.")
    grid = np.array(list(itertools.product(LEVEL_SD_PER_DAY, SLOPE_SD_PER_DAY)))
    level_q, slope_q = grid[:, 0], grid[:, 1]
    level_q2, slope_q2 = np.square(level_q), np.square(slope_q)
    n_days, n_filters = len(dates), len(level_q)
    store = {name: np.empty((n_days, n_filters)) for name in ("w", "m", "b", "p", "c", "v")}
    first = np.flatnonzero(np.isfinite(counts))
    start = first[0] if len(first) else 0
    guess = np.log(max(counts[start], 1.0) * work[start] / SECONDS_PER_DAY) if len(first) else 0.0
    m, b = np.full(n_filters, guess), np.zeros(n_filters)
    p, c = np.full(n_filters, START_LEVEL_SD**2), np.zeros(n_filters)
    # A filter whose slope has no noise has no slope at all: it is the local level.
    v = np.where(slope_q2 > 0, START_SLOPE_SD**2, 0.0)
    score = np.zeros(n_filters)
    memory = 0.5 ** (1 / SCORE_HALF_LIFE_DAYS)
    with np.errstate(divide="ignore"):
        offset = np.log(SECONDS_PER_DAY) - np.log(work)
    for t in range(n_days):
        m = m + b
        p, c, v = p + 2 * c + v + level_q2, SLOPE_MEMORY * (c + v), SLOPE_MEMORY**2 * v + slope_q2
        b = SLOPE_MEMORY * b
        if np.isfinite(counts[t]):
            x = m
            for _ in range(_NEWTON_STEPS):
                rate = np.exp(np.minimum(x + offset[t], 50.0))
                x = x + (counts[t] - rate - (x - m) / p) / (rate + 1 / p)
            rate = np.exp(x + offset[t])
            posterior = 1 / (rate + 1 / p)
            fit = counts[t] * (x + offset[t]) - rate - gammaln(counts[t] + 1)
            score = memory * score + fit - np.square(x - m) / (2 * p) + 0.5 * np.log(posterior / p)
            gain = c / p
            b, v = b + gain * (x - m), v - gain * c * (1 - posterior / p)
            c, m, p = gain * posterior, x, posterior
        weight = np.exp(score - score.max())
        for name, value in zip("wmbpcv", (weight / weight.sum(), m, b, p, c, v), strict=True):
            store[name][t] = value
    return HashrateFilter(
        tuple(dates),
        weight=store["w"],
        level_log=store["m"],
        slope_log=store["b"],
        level_var=store["p"],
        covariance=store["c"],
        slope_var=store["v"],
        level_sd_per_day=level_q,
    )


def nowcast(state: HashrateFilter, day: dt.date | None = None, level: float = 0.95) -> Nowcast:
    """Hashrate at the end of a day, with its interval.

    Parameters
    ----------
    state : HashrateFilter
        From :func:`filter_hashrate`.
    day : date, optional
        The last one when left out.
    level : float, default 0.95
        Coverage of the interval. [fraction]

    Returns
    -------
    Nowcast

    Raises
    ------
    InputError
        The filter has no such day, or the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"level: expected a number between 0 and 1, got {level}.")
    place = state.index(day) if day is not None else len(state.dates) - 1
    mean, sd = (float(series[place]) for series in state.moments())
    reach = float(ndtri((1 + level) / 2)) * sd
    weight = state.weight[place]
    return Nowcast(
        date=state.dates[place],
        network_hashrate_ehs=float(np.exp(mean)),
        low_ehs=float(np.exp(mean - reach)),
        high_ehs=float(np.exp(mean + reach)),
        level=level,
        sd_log=sd,
        trend_frac_per_30d=float(np.expm1(30 * (weight * state.slope_log[place]).sum())),
        noise_sd_per_day=float(np.sqrt((weight * np.square(state.level_sd_per_day)).sum())),
    )


def filter_days(network_daily: pl.DataFrame, last: dt.date, n_days: int | None = WARM_UP_DAYS) -> HashrateFilter:
    """Run the filters over the days of the network up to one.

    Parameters
    ----------
    network_daily : DataFrame
        Table ``network_daily``: date, blocks, difficulty_mean.
    last : date
        Last day to read; what comes after is not looked at.
    n_days : int or None, default 1,100
        How many days to read; all when None.

    Returns
    -------
    HashrateFilter
        A day that the table lacks only widens the state.

    Raises
    ------
    InputError
        The table has no such day.
    """
    known = network_daily.filter(pl.col("date") <= last).sort("date")
    if not len(known) or known["date"][-1] != last:
        raise InputError(f"nowcast: the network table has no day {last}.")
    first = known["date"][0] if n_days is None else max(known["date"][0], last - dt.timedelta(days=n_days - 1))
    days = (
        pl.DataFrame({"date": pl.date_range(first, last, eager=True)})
        .join(known.select("date", "blocks", "difficulty_mean"), on="date", how="left", maintain_order="left")
        .with_columns(pl.col("blocks").cast(pl.Float64), pl.col("difficulty_mean").forward_fill())
    )
    work = days["difficulty_mean"].to_numpy() * WORK_PER_DIFFICULTY / HASHES_PER_EH
    return filter_hashrate(days["date"].to_list(), days["blocks"].fill_null(np.nan).to_numpy(), work)
