"""Forecasts to beat: no change, flat difficulty, a straight line in the logarithm, free entry at a falling barrier."""

from __future__ import annotations

import datetime as dt
import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hashdesk.outlook.history import REVENUE_AT_DIFFICULTY_1, History
from hashdesk.outlook.model import Windows
from hashdesk.outlook.targets import TARGETS
from hashdesk.units import (
    BLOCKS_PER_HALVING,
    HASHES_PER_EH,
    TARGET_BLOCK_SECONDS,
    TARGET_BLOCKS_PER_DAY,
    WORK_PER_DIFFICULTY,
)

FloatArray = NDArray[np.float64]

BASELINES = ("random_walk", "flat_difficulty", "trend", "entry")
"""Each gives a centre; its spread is that of its own past errors, so that none loses for want of honesty."""

LEVEL_DAYS = 14
"""Days whose mean is the level that a random walk keeps."""
TREND_DAYS = 365
ENTRY_DAYS = 730
ENTRY_PATHS = 400
ERROR_HALF_LIFE_MONTHS = 12.0
MIN_ERRORS = 6
"""Past errors that a spread needs at least."""

_STEP_DAYS = 7


def centres(past: History, origin: dt.date, windows: Windows, seed: int) -> dict[str, dict[str, FloatArray]]:
    """Log centre of each baseline for each target, one per window; that of entry is the median of its simulation."""
    n = len(windows.days)
    hashrate = past.hashrate_ehs
    level = math.log(np.nanmean(hashrate[-LEVEL_DAYS:]))
    revenue = past.revenue_usd_per_ehs_day
    hashprice = math.log(np.nanmean(revenue[-LEVEL_DAYS:]) / 1000)
    price = math.log(np.nanmean(past.price_usd[-LEVEL_DAYS:]))
    difficulty = math.log(past.epoch_difficulty[-1])
    subsidy = float(past.subsidy_btc[-1])
    headline = math.log(TARGET_BLOCKS_PER_DAY * subsidy) + price - level
    implied = difficulty + math.log(WORK_PER_DIFFICULTY / TARGET_BLOCK_SECONDS / HASHES_PER_EH)
    close = math.log(past.price_usd[-1])
    schedule = np.log(subsidy_ahead(past, windows))
    fees = float(np.nanmean(past.fees_btc[-LEVEL_DAYS:]))
    income = np.log(np.exp(schedule) + (fees if fees == fees else 0.0)) + close
    same = np.full(n, 1.0)
    walk = dict(zip(TARGETS, (level * same, difficulty * same, hashprice * same, headline * same), strict=True))
    flat = dict(
        zip(
            TARGETS,
            (
                implied * same,
                difficulty * same,
                income + math.log(REVENUE_AT_DIFFICULTY_1 / 1000) - difficulty,
                math.log(TARGET_BLOCKS_PER_DAY) + schedule + close - implied,
            ),
            strict=True,
        )
    )
    middle = np.array(windows.days) - np.diff([0, *windows.days]) / 2
    series = (
        np.log(hashrate),
        np.log(past.difficulty),
        np.log(revenue / 1000),
        np.log(TARGET_BLOCKS_PER_DAY * past.subsidy_btc * past.price_usd / hashrate),
    )
    ahead = {"difficulty": np.array(windows.days, dtype=np.float64)}
    trend = {
        name: walk[name] + slope(values[-TREND_DAYS:]) * ahead.get(name, middle)
        for name, values in zip(TARGETS, series, strict=True)
    }
    entry = {name: np.median(draws, axis=0) for name, draws in entry_ensemble(past, origin, windows, seed).items()}
    return {"random_walk": walk, "flat_difficulty": flat, "trend": trend, "entry": entry}


def slope(values: FloatArray) -> float:
    """Slope of the least-squares line through the known values [1/day]."""
    day = np.arange(1 - len(values), 1, dtype=np.float64)
    known = np.isfinite(values)
    return float(np.polyfit(day[known], values[known], 1)[0])


def subsidy_ahead(past: History, windows: Windows) -> FloatArray:
    """Mean subsidy over each window if blocks keep the target pace [BTC/block]."""
    height = past.height_last[-1] + TARGET_BLOCKS_PER_DAY * np.arange(1, windows.n_days + 1)
    daily = 50.0 * 0.5 ** np.floor(height / BLOCKS_PER_HALVING)
    edges = [0, *windows.days]
    return np.array([daily[a:b].mean() for a, b in pairwise(edges)])


def spread(errors: FloatArray, ages_months: FloatArray) -> float:
    """Root mean square of a baseline's realised log errors, recent ones counting more."""
    weight = 0.5 ** (ages_months / ERROR_HALF_LIFE_MONTHS)
    return float(np.sqrt(np.sum(weight * errors**2) / np.sum(weight)))


def normal_ensemble(centre: float, sd: float, n: int) -> FloatArray:
    """Evenly spaced quantiles of a normal distribution."""
    return np.asarray(centre + sd * ndtri((np.arange(n) + 0.5) / n))


def entry_ensemble(
    past: History, origin: dt.date, windows: Windows, seed: int, n_paths: int = ENTRY_PATHS
) -> dict[str, FloatArray]:
    r"""Reduced-form free entry: new hashrate comes in whenever revenue reaches a barrier that falls with technology.

    Investment is irreversible, so the hashrate never falls; without entry revenue follows the price.

    .. math:: H_t = \max\Bigl(H_0,\ \sup_{s \le t} \frac{144\,S_s P_s}{\theta_0 e^{-a s}}\Bigr)

    The decline a is the slope of log revenue over two years (no less than 0), the barrier the 90% quantile around that
    line; the price is a random walk with the volatility of the last year. Weekly steps.

    Returns
    -------
    dict of str to ndarray, shape (n_paths, n_windows)
        Log draws of each target.

    References
    ----------
    The idea is that of Prat and Walter (2021), "An equilibrium model of the market for bitcoin mining"; the estimation
    here is our own and simpler.
    """
    log_headline = np.log(TARGET_BLOCKS_PER_DAY * past.subsidy_btc * past.price_usd / past.hashrate_ehs)[-ENTRY_DAYS:]
    day = np.arange(1 - len(log_headline), 1, dtype=np.float64)
    known = np.isfinite(log_headline)
    decline = max(0.0, -slope(log_headline))
    gap = log_headline[known] + decline * day[known]
    barrier = float(np.quantile(gap, 0.9))
    moves = np.diff(np.log(past.price_usd[-366:]))
    sd = float(np.nanstd(moves)) * math.sqrt(_STEP_DAYS)
    n_steps = -(-windows.n_days // _STEP_DAYS)
    rng = np.random.Generator(np.random.Philox(key=[seed, origin.toordinal()]))
    log_price = math.log(past.price_usd[-1]) + np.cumsum(sd * rng.standard_normal((n_paths, n_steps)), axis=1)
    time = _STEP_DAYS * np.arange(1, n_steps + 1)
    height = past.height_last[-1] + TARGET_BLOCKS_PER_DAY * time
    subsidy = 50.0 * 0.5 ** np.floor(height / BLOCKS_PER_HALVING)
    wanted = np.log(TARGET_BLOCKS_PER_DAY * subsidy) + log_price - (barrier - decline * time)
    luck = rng.standard_normal((n_paths, 1)) / math.sqrt(LEVEL_DAYS * TARGET_BLOCKS_PER_DAY)
    level = math.log(np.nanmean(past.hashrate_ehs[-LEVEL_DAYS:])) + luck
    hashrate = np.maximum.accumulate(np.maximum(wanted, level), axis=1)
    fees = float(np.nanmean(past.fees_btc[-LEVEL_DAYS:]))
    fees = fees if fees == fees else 0.0
    # The difficulty follows the hashrate of about two weeks before.
    seen = np.concatenate([np.repeat(level, 2, axis=1), hashrate[:, :-2]], axis=1)
    log_difficulty = seen - math.log(WORK_PER_DIFFICULTY / TARGET_BLOCK_SECONDS / HASHES_PER_EH)
    log_hashprice = np.log((subsidy + fees) * REVENUE_AT_DIFFICULTY_1 / 1000) + log_price - log_difficulty
    out = {name: np.empty((n_paths, len(windows.days))) for name in TARGETS}
    begin = 0
    for index, end in enumerate(windows.days):
        steps = slice(begin // _STEP_DAYS, max(-(-end // _STEP_DAYS), begin // _STEP_DAYS + 1))
        noise = rng.standard_normal(n_paths) / math.sqrt(TARGET_BLOCKS_PER_DAY * (end - begin))
        mean = np.log(np.mean(np.exp(hashrate[:, steps]), axis=1)) + noise
        out[TARGETS[0]][:, index] = mean
        out[TARGETS[1]][:, index] = log_difficulty[:, steps][:, -1]
        out[TARGETS[2]][:, index] = np.mean(log_hashprice[:, steps], axis=1)
        income = np.mean(np.log(TARGET_BLOCKS_PER_DAY * subsidy[steps]) + log_price[:, steps], axis=1)
        out[TARGETS[3]][:, index] = income - mean
        begin = end
    return out
