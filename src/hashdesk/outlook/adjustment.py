"""The next two retargets: expected change and date with intervals, updated with every block of the epoch.

The blocks so far are known. What is left of the epoch is a gamma draw of waiting time at a hashrate that the nowcast
knows only up to its error, that drifts with its trend, and that moves on its own. The rule then measures 2,015
intervals against a target for 2,016 blocks and keeps the ratio between a quarter and four.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hashdesk.errors import InputError, ModelError
from hashdesk.metrics.hashrate import next_difficulty_change_frac
from hashdesk.outlook.nowcast import SLOPE_MEMORY, HashrateFilter
from hashdesk.units import (
    BLOCKS_PER_EPOCH,
    HASHES_PER_EH,
    SECONDS_PER_DAY,
    TARGET_BLOCK_SECONDS,
    WORK_PER_DIFFICULTY,
)

FloatArray = NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.95)
MAX_RATIO = 4.0
"""A retarget multiplies or divides by no more than this."""
MAX_MOVE = 100.0
"""Factor by which hashrate moves within an epoch at most: only the first days of the chain could draw more."""
N_DRAWS = 20_000
SCORE_POINTS = (0.05, 0.25, 0.5, 0.75, 0.9)
"""Points of the epoch at which past predictions are scored [fraction]."""
STREAM = 0x72657461
"""Name of the stream of draws, so that no other forecast shares them ("reta")."""
_INTERVALS = BLOCKS_PER_EPOCH - 1
_TARGET_SECONDS = BLOCKS_PER_EPOCH * TARGET_BLOCK_SECONDS


@dataclass(frozen=True, slots=True)
class EpochState:
    """Where the chain stands inside its epoch at some moment."""

    at: dt.datetime
    height: int
    """Last block found by then."""
    start_height: int
    start_at: dt.datetime
    difficulty: float

    @property
    def blocks(self) -> int:
        """Blocks found since the epoch's first one, that one not counted."""
        return self.height - self.start_height

    @property
    def seconds(self) -> float:
        """Time since the epoch's first block [s]."""
        return (self.at - self.start_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Bounds:
    """Central interval of a forecast at a level."""

    level: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Retarget:
    """One coming adjustment. A positive change means higher difficulty: less income for the same hashrate."""

    height: int
    """First block under the new difficulty."""
    change_frac: float
    """Median of the change against the difficulty before it [fraction]."""
    change_bounds: tuple[Bounds, ...]
    difficulty: float
    """Median of the new difficulty [1]."""
    difficulty_bounds: tuple[Bounds, ...]
    expected_at: dt.datetime
    """Median of the time at which the first block under it comes (UTC)."""
    days_bounds: tuple[Bounds, ...]
    """Interval of that time, in days from now."""
    rise_probability: float
    """Probability that difficulty rises [fraction]."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The next two retargets as seen at one moment."""

    state: EpochState
    next: Retarget
    following: Retarget
    pace_change_frac: float | None
    """Change if the rest of the epoch kept the pace of its blocks so far: the note's ``next_difficulty_change_frac``.
    None before the second block of an epoch [fraction]."""
    n_draws: int


def epoch_states(
    heights: Sequence[int],
    times: Sequence[dt.datetime],
    start_heights: Sequence[int],
    starts: Sequence[dt.datetime],
    difficulties: Sequence[float],
) -> list[EpochState]:
    """Stand of the epoch at each moment: the last epoch whose first block was found by then.

    Parameters
    ----------
    heights, times : sequences of equal length
        Last block and moment.
    start_heights, starts, difficulties : sequences of equal length
        Height and time of the first block of each epoch, in order, and its difficulty.

    Returns
    -------
    list of EpochState

    Raises
    ------
    InputError
        A height lies outside the epochs given.
    """
    places = np.searchsorted(np.asarray(start_heights), np.asarray(heights), side="right") - 1
    states = []
    for height, at, place in zip(heights, times, places, strict=True):
        if place < 0 or height - start_heights[place] >= BLOCKS_PER_EPOCH:
            raise InputError(f"difficulty: block {height} lies outside the epochs that are known.")
        states.append(EpochState(at, int(height), int(start_heights[place]), starts[place], difficulties[place]))
    return states


def retarget_ratio(seconds: FloatArray) -> FloatArray:
    """New difficulty over old for a time that the epoch's 2,015 intervals took, within the rule's factor of four."""
    with np.errstate(divide="ignore"):
        return np.clip(_TARGET_SECONDS / np.maximum(seconds, 0.0), 1 / MAX_RATIO, MAX_RATIO)


def draw_retargets(
    state: EpochState, filters: HashrateFilter, n_draws: int, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Draw the next two ratios of difficulty, and the days until each takes effect.

    Parameters
    ----------
    state : EpochState
        Where the chain stands.
    filters : HashrateFilter
        Nowcast; the day of the state, or the last one before it that ended by then.
    n_draws : int
        Number of draws.
    seed : int
        Seed; the height takes part too, so that every forecast has draws of its own.

    Returns
    -------
    ratio, days, ratio_following, days_following : ndarray, shape (n_draws,)
        Ratios of difficulty [1], days from now [days].

    Raises
    ------
    InputError
        The nowcast does not reach the state's day.
    """
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([STREAM, seed % 2**64, state.height])))
    # A state at 00:00 belongs to the end of the day before.
    place = filters.index((state.at - dt.timedelta(seconds=1)).date())
    pick = np.searchsorted(np.cumsum(filters.weight[place])[:-1], rng.random(n_draws))
    level_var, slope_var = filters.level_var[place][pick], filters.slope_var[place][pick]
    z = rng.standard_normal((6, n_draws))
    level_sd = np.sqrt(level_var)
    tilt = filters.covariance[place][pick] / level_sd
    level = filters.level_log[place][pick] + level_sd * z[0]
    slope = filters.slope_log[place][pick] + tilt * z[0] + np.sqrt(np.maximum(slope_var - tilt**2, 0.0)) * z[1]
    noise = filters.level_sd_per_day[pick]
    left = max(_INTERVALS - state.blocks, 0)
    work_eh = state.difficulty * WORK_PER_DIFFICULTY / HASHES_PER_EH

    mean, level, slope = _carry(level, slope, noise, left * work_eh / np.exp(level) / SECONDS_PER_DAY, z[2], z[3])
    if left:
        waited = rng.standard_gamma(left, n_draws) * work_eh / np.exp(mean)
    else:
        # The last block is found, but not when: of so many equal places in time the last is a beta draw.
        waited = state.seconds * (rng.beta(_INTERVALS, 1, n_draws) - 1)
    ratio = retarget_ratio(state.seconds + waited)
    waited = np.maximum(waited, 0.0)
    last_wait = rng.standard_exponential(n_draws) * work_eh / np.exp(level)
    days = (waited + last_wait) / SECONDS_PER_DAY

    work_next = ratio * work_eh
    span = _INTERVALS * work_next / np.exp(level) / SECONDS_PER_DAY
    mean, level, _ = _carry(level, slope, noise, span, z[4], z[5])
    taken = rng.standard_gamma(_INTERVALS, n_draws) * work_next / np.exp(mean)
    last_wait = rng.standard_exponential(n_draws) * work_next / np.exp(level)
    return ratio, days, retarget_ratio(taken), days + (taken + last_wait) / SECONDS_PER_DAY


def _carry(
    level: FloatArray, slope: FloatArray, noise: FloatArray, days: FloatArray, z_mean: FloatArray, z_end: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean log hashrate over a span, and level and slope at its end; mean and end of the random walk move together."""
    rate = -np.log(SLOPE_MEMORY)
    kept = np.exp(-rate * days)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Integral of the fading slope, and the mean of that integral over the span.
        rise = slope * (1 - kept) / rate
        rise_mean = np.where(days > 0, slope / rate * (1 - (1 - kept) / (rate * days)), 0.0)
    spread = noise * np.sqrt(days)
    walk = spread * np.sqrt(1 / 3) * z_mean
    end = 1.5 * walk + spread * np.sqrt(1 / 4) * z_end
    largest = math.log(MAX_MOVE)
    mean_move, end_move = (np.clip(move, -largest, largest) for move in (rise_mean + walk, rise + end))
    return level + mean_move, level + end_move, slope * kept


def predict_adjustment(
    state: EpochState, filters: HashrateFilter, *, n_draws: int = N_DRAWS, seed: int = 0
) -> Adjustment:
    r"""Predict the next two retargets.

    Parameters
    ----------
    state : EpochState
        Where the chain stands.
    filters : HashrateFilter
        From :func:`hashdesk.outlook.nowcast.filter_hashrate`; later days than the state's are not looked at.
    n_draws : int, default 20,000
        Draws behind the quantiles.
    seed : int, default 0
        Seed of the draws: the same state and seed give the same bytes.

    Returns
    -------
    Adjustment

    Raises
    ------
    InputError
        The nowcast does not reach the state's day.
    ModelError
        Time has not moved since the epoch began.

    Notes
    -----
    With n blocks in time T, mean hashrate H over what is left, and work W per block:

    .. math:: \frac{D'}{D} = \mathrm{clamp}\!\left(
              \frac{2016 \cdot 600}{T + \Gamma(2015 - n)\,W / H},\ \tfrac14,\ 4\right)

    References
    ----------
    Bitcoin Core, ``src/pow.cpp``, ``CalculateNextWorkRequired``.
    """
    if state.seconds < 0:
        raise ModelError(f"difficulty: {state.at:%Y-%m-%d %H:%M} lies before the first block of its epoch.")
    ratio, days, second, days_second = draw_retargets(state, filters, n_draws, seed)
    has_pace = state.blocks > 0 and state.seconds > 0
    pace = float(next_difficulty_change_frac(state.blocks, state.seconds)) if has_pace else None
    first_height = state.start_height + BLOCKS_PER_EPOCH
    return Adjustment(
        state=state,
        next=_retarget(state, first_height, ratio, ratio, days),
        following=_retarget(state, first_height + BLOCKS_PER_EPOCH, second, ratio * second, days_second),
        pace_change_frac=pace,
        n_draws=n_draws,
    )


def _retarget(state: EpochState, height: int, ratio: FloatArray, total: FloatArray, days: FloatArray) -> Retarget:
    return Retarget(
        height=height,
        change_frac=float(np.median(ratio)) - 1,
        change_bounds=_bounds(ratio - 1),
        difficulty=float(np.median(total)) * state.difficulty,
        difficulty_bounds=_bounds(total * state.difficulty),
        expected_at=state.at + dt.timedelta(days=float(np.median(days))),
        days_bounds=_bounds(days),
        rise_probability=float(np.mean(ratio > 1)),
    )


def _bounds(draws: FloatArray) -> tuple[Bounds, ...]:
    tails = [tail for level in LEVELS for tail in ((1 - level) / 2, (1 + level) / 2)]
    cuts = np.quantile(draws, tails)
    return tuple(Bounds(level, float(cuts[2 * i]), float(cuts[2 * i + 1])) for i, level in enumerate(LEVELS))


@dataclass(frozen=True, slots=True)
class AdjustmentScore:
    """How the predictions at one point of the epoch fared over the past."""

    elapsed_frac: float
    """Share of the epoch's blocks that were known [fraction]."""
    which: str
    """``next`` or ``following``."""
    n: int
    median_error_frac: float
    """Median absolute error of the predicted change [fraction]."""
    pace_median_error_frac: float | None
    """The same for the pace of the epoch so far; None where it says nothing."""
    coverage_50_frac: float
    coverage_80_frac: float
    coverage_95_frac: float


def score_adjustments(
    states: Sequence[EpochState],
    elapsed_frac: float,
    filters: HashrateFilter,
    difficulty_by_epoch: dict[int, float],
    *,
    n_draws: int = 2_000,
    seed: int = 0,
) -> list[AdjustmentScore]:
    """Hold predictions at one point of many past epochs against what the chain did.

    Parameters
    ----------
    states : sequence of EpochState
        One moment of each epoch.
    elapsed_frac : float
        Point of the epoch that the states stand for, repeated in the result. [fraction]
    filters : HashrateFilter
        Nowcast over all days; each prediction reads its own day only.
    difficulty_by_epoch : dict of int to float
        Start height to difficulty, of every epoch that has happened.
    n_draws : int, default 2,000
        Draws for each prediction.
    seed : int, default 0
        Seed.

    Returns
    -------
    list of AdjustmentScore
        For the next retarget and the one after it; empty where no outcome is known.
    """
    scores = []
    predictions = [(state, draw_retargets(state, filters, n_draws, seed)) for state in states]
    for which, ahead in (("next", 1), ("following", 2)):
        errors, pace_errors, ranks = [], [], []
        for state, draws in predictions:
            before = difficulty_by_epoch.get(state.start_height + (ahead - 1) * BLOCKS_PER_EPOCH)
            after = difficulty_by_epoch.get(state.start_height + ahead * BLOCKS_PER_EPOCH)
            if before is None or after is None:
                continue
            actual, ratio = after / before, draws[0 if ahead == 1 else 2]
            errors.append(abs(float(np.median(ratio)) - actual))
            ranks.append(float(np.mean(ratio < actual)))
            if ahead == 1 and state.blocks > 0 and state.seconds > 0:
                pace = float(next_difficulty_change_frac(state.blocks, state.seconds))
                pace_errors.append(abs(1 + pace - actual))
        if not errors:
            continue
        rank = np.array(ranks)
        inside = [float(np.mean(np.abs(rank - 0.5) <= level / 2)) for level in LEVELS]
        pace_error = float(np.median(pace_errors)) if pace_errors else None
        scores.append(AdjustmentScore(elapsed_frac, which, len(errors), float(np.median(errors)), pace_error, *inside))
    return scores


def day_states(network_daily: pl.DataFrame, epochs: pl.DataFrame) -> list[EpochState]:
    """Stand of the epoch at the end of each day of the network table, from the first epoch whose start is known."""
    days = network_daily.sort("date")
    starts = epochs.sort("start_height")
    inside = days.filter(
        (pl.col("height_last") >= starts["start_height"][0])
        & (pl.col("height_last") < starts["start_height"][-1] + BLOCKS_PER_EPOCH)
    )
    times = [dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1) for day in inside["date"]]
    return epoch_states(
        inside["height_last"].to_list(),
        times,
        starts["start_height"].to_list(),
        [at.replace(tzinfo=dt.UTC) for at in starts["start_at"].to_list()],
        starts["difficulty"].to_list(),
    )


def score_history(
    network_daily: pl.DataFrame, epochs: pl.DataFrame, filters: HashrateFilter, first: dt.date
) -> list[AdjustmentScore]:
    """Score predictions over all past epochs that began on or after a day, at several points of the epoch.

    Parameters
    ----------
    network_daily, epochs : DataFrame
        Tables of those names.
    filters : HashrateFilter
        Over every day of the network table.
    first : date
        Earliest start of an epoch.

    Returns
    -------
    list of AdjustmentScore
    """
    known = dict(zip(epochs["start_height"].to_list(), epochs["difficulty"].to_list(), strict=True))
    by_epoch: dict[int, list[EpochState]] = {}
    for state in day_states(network_daily, epochs):
        if state.start_at.date() >= first and state.seconds >= 0:
            by_epoch.setdefault(state.start_height, []).append(state)
    scores = []
    for point in SCORE_POINTS:
        wanted = point * BLOCKS_PER_EPOCH
        states = [next((s for s in stands if s.blocks >= wanted), None) for stands in by_epoch.values()]
        scores += score_adjustments([s for s in states if s is not None], point, filters, known)
    return scores
