"""Parameters of the simulation from the history before an origin, and from nothing after it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hashdesk.errors import DataError, InputError
from hashdesk.outlook.history import History, build_history
from hashdesk.outlook.model import (
    FeeModel,
    FilteredHistoricalPrice,
    Fleet,
    GbmPrice,
    Model,
    Price,
    Response,
    Start,
    StochasticVolatilityPrice,
)
from hashdesk.units import BLOCKS_PER_EPOCH, BTC_DAYS_PER_YEAR

FloatArray = NDArray[np.float64]

MAX_FEE_GAP_DAYS = 60
"""Days without income after which the past says nothing about today's."""
PRICE_MODELS = ("stochastic_volatility", "gbm", "historical")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How parameters are read from the past. Chosen on origins to 2019; the scorecard shows both halves apart."""

    level_gain: float = 0.165
    """Weight of a new day in the estimate of the level: steady state of a local level with a block count's noise
    (1/144) and 1.5% of change a day."""
    fast_days: int = 90
    """Span of the growth that the delivery pipeline carries on."""
    slow_days: int = 365
    """Half-life of the growth that entry reverts to."""
    slow_weight: float = 0.65
    """Share of that growth which is expected to last: growth has fallen over the whole history."""
    growth_weight: float = 0.6
    """Share of the fast growth above the slow one which is in the pipeline."""
    growth_error: float = 0.35
    """Standard error of growth, as a share of its own size..."""
    growth_error_floor: float = 0.0005
    """...and at least this [1/day]."""
    decline_error: float = 0.37
    lag_days: float = 45.0
    sensitivity_per_day: float = 0.0020
    sensitivity_sd_per_day: float = 0.0008
    entry_half_life_days: float = 270.0
    entry_log_sd: float = 0.15
    noise_half_life_days: float = 365.0
    noise_factor: float = 0.85
    noise_dof: float = 2.6
    outage_log_sd: float = 0.03
    outage_reversion_per_day: float = 0.1
    drift_weight: float = 0.2
    """Share of the past drift of the price's logarithm that is expected to last."""
    drift_half_life_days: float = 1460.0
    drift_sd_per_year: float = 0.25
    """About the standard error of a mean over eight years at a volatility of 0.7."""
    volatility_half_life_days: float = 30.0
    volatility_long_half_life_days: float = 730.0
    volatility_shock_per_day: float = 0.12
    """Standard deviation of the change of log volatility."""
    volatility_reversion_per_day: float = 0.03
    volatility_now_log_sd: float = 0.3
    """Standard error of the logarithm of today's volatility: some twenty days' worth of moves tell it."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A start and a model read from the past, with the figures behind them."""

    start: Start
    model: Model
    facts: Mapping[str, float]


def calibrate(
    network_daily: pl.DataFrame,
    btc_price_daily: pl.DataFrame,
    epochs: pl.DataFrame,
    origin: dt.date,
    *,
    fleet: Fleet | None = None,
    price: str = "stochastic_volatility",
    recipe: Recipe | None = None,
) -> Calibration:
    """Start and model at an origin.

    Parameters
    ----------
    network_daily, btc_price_daily, epochs : DataFrame
        Tables of the reference pack; rows of the origin's day and later are dropped first.
    origin : date
        First simulated day.
    fleet : Fleet, optional
        Cost curve; machines that always run where left out.
    price : str, default "stochastic_volatility"
        One of ``PRICE_MODELS``.
    recipe : Recipe, optional
        How the past is read.

    Returns
    -------
    Calibration
        Start, model, and the figures behind them.

    Raises
    ------
    InputError
        Unknown price model.
    DataError
        The history ends before the origin or begins too late.
    """
    return calibrate_history(build_history(network_daily, btc_price_daily, epochs), origin, fleet, price, recipe)


def calibrate_history(
    history: History,
    origin: dt.date,
    fleet: Fleet | None = None,
    price: str = "stochastic_volatility",
    recipe: Recipe | None = None,
) -> Calibration:
    """As :func:`calibrate`, from a history built once for many origins."""
    if price not in PRICE_MODELS:
        raise InputError(f"price: expected one of {', '.join(PRICE_MODELS)}, got {price!r}.")
    recipe = recipe or Recipe()
    past = history.before(origin)
    level = smoothed_log_hashrate(past, recipe)
    fast, slow = growth_rates(level, recipe)
    decline = recipe.slow_weight * slow
    growth = decline + recipe.growth_weight * (fast - decline)
    revenue = np.log(past.revenue_usd_per_ehs_day)
    revenue = revenue[np.isfinite(revenue)]
    if not np.any(np.isfinite(past.revenue_usd_per_ehs_day[-MAX_FEE_GAP_DAYS:])):
        raise DataError(
            f"history: no day of the last {MAX_FEE_GAP_DAYS} before {origin} has price, fees and difficulty.",
            hint="Take an earlier origin, or add the missing facts.",
        )
    entry = entry_log(revenue, decline, recipe)
    noise = weekly_noise(level, recipe)
    start = start_at(past, origin, level[-1], recipe)
    response = Response(
        growth_per_day=growth,
        growth_sd_per_day=max(recipe.growth_error_floor, recipe.growth_error * abs(growth)),
        entry_log_usd_per_ehs_day=entry,
        entry_log_sd=recipe.entry_log_sd,
        entry_decline_per_day=decline,
        entry_decline_sd_per_day=max(recipe.growth_error_floor, recipe.decline_error * abs(decline)),
        sensitivity_per_day=recipe.sensitivity_per_day,
        sensitivity_sd_per_day=recipe.sensitivity_sd_per_day,
        delivery_lag_days=recipe.lag_days,
        growth_noise_per_week=recipe.noise_factor * noise,
        noise_dof=recipe.noise_dof,
        outage_log_sd=recipe.outage_log_sd,
        outage_reversion_per_day=recipe.outage_reversion_per_day,
    )
    model = Model(price_model(past, price, recipe), fee_model(past), response, fleet or Fleet.single(1.0))
    facts = {
        "growth_fast_per_day": fast,
        "growth_slow_per_day": slow,
        "entry_usd_per_ehs_day": math.exp(entry),
        "revenue_usd_per_ehs_day": math.exp(revenue[-1]),
        "noise_per_week": noise,
    }
    return Calibration(start, model, facts)


def smoothed_log_hashrate(past: History, recipe: Recipe) -> FloatArray:
    """Logarithm of the hashrate's level day by day: a local level that moves on at the recent growth rate.

    Each day's estimate uses that day and earlier ones alone. A day that is not known leaves the forecast standing.
    """
    observed = np.log(past.hashrate_ehs) + 0.5 / np.maximum(past.blocks, 1.0)
    level = np.empty(len(observed))
    value = float(np.nanmean(observed[:30]))
    span = recipe.fast_days
    for day, seen in enumerate(observed):
        growth = (level[day - 1] - level[day - 1 - span]) / span if day > span else 0.0
        value += min(max(growth, -0.02), 0.03)
        if seen == seen:
            value += recipe.level_gain * min(max(seen - value, -0.5), 0.5)
        level[day] = value
    return level


def growth_rates(level: FloatArray, recipe: Recipe) -> tuple[float, float]:
    """Growth of the level over the fast span, and its average with the slow half-life [1/day]."""
    fast = (level[-1] - level[-1 - recipe.fast_days]) / recipe.fast_days
    daily = np.diff(level)
    weight = _weights(len(daily), recipe.slow_days)
    return float(fast), float(np.sum(weight * daily))


def entry_log(log_revenue: FloatArray, decline: float, recipe: Recipe) -> float:
    """Logarithm of the free-entry revenue now: the past average of revenue, moved to today at the decline."""
    age = np.arange(len(log_revenue) - 1, -1, -1.0)
    weight = _weights(len(log_revenue), recipe.entry_half_life_days)
    half_life = recipe.entry_half_life_days
    return float(np.sum(weight * (log_revenue - decline * np.minimum(age, 3 * half_life))))


def weekly_noise(level: FloatArray, recipe: Recipe) -> float:
    """Standard deviation of a week's lasting change around the growth of the quarter before."""
    weekly = np.diff(level[::-1][:: 4 * 7][::-1])
    surprise = weekly[3:] - (weekly[2:-1] + weekly[1:-2] + weekly[:-3]) / 3
    weight = _weights(len(surprise), recipe.noise_half_life_days / 28)
    return float(np.sqrt(np.sum(weight * surprise**2) / (1 + 1 / 3) / 4))


def start_at(past: History, origin: dt.date, log_level: float, recipe: Recipe) -> Start:
    """The chain and the market when the origin's day begins."""
    height = int(past.height_last[np.isfinite(past.height_last)][-1]) + 1
    found = min(height - int(past.epoch_start_height[-1]), BLOCKS_PER_EPOCH - 1)
    midnight = np.datetime64(origin, "us")
    seconds = float((midnight - past.epoch_start_at[-1]) / np.timedelta64(1, "s"))
    return Start(
        date=origin,
        height=height,
        difficulty=float(past.epoch_difficulty[-1]),
        blocks_in_epoch=max(found, 1),
        seconds_in_epoch=max(seconds, 0.0),
        network_hashrate_ehs=math.exp(log_level),
        hashrate_log_sd=math.sqrt(recipe.level_gain / 144),
        btc_price_usd=float(past.price_usd[np.isfinite(past.price_usd)][-1]),
    )


def price_model(past: History, name: str, recipe: Recipe) -> Price:
    """The price model: a small part of the past drift, its error, and the volatility now and in the long run."""
    price = past.price_usd[np.isfinite(past.price_usd)]
    moves = np.clip(np.diff(np.log(price)), -0.5, 0.5)
    variance = np.sum(_weights(len(moves), recipe.volatility_half_life_days) * moves**2)
    long_variance = np.sum(_weights(len(moves), recipe.volatility_long_half_life_days) * moves**2)
    now, typical = (math.sqrt(float(v) * BTC_DAYS_PER_YEAR) for v in (variance, long_variance))
    drift_sd = recipe.drift_sd_per_year
    past_drift = float(np.sum(_weights(len(moves), recipe.drift_half_life_days) * moves)) * BTC_DAYS_PER_YEAR
    drift = recipe.drift_weight * past_drift
    if name == "gbm":
        return GbmPrice(drift, drift_sd, typical)
    if name == "historical":
        decay = 0.5 ** (1 / recipe.volatility_half_life_days)
        scale = np.empty(len(moves))
        v = float(np.mean(moves[:60] ** 2))
        for day, move in enumerate(moves):
            scale[day] = math.sqrt(v)
            v = decay * v + (1 - decay) * move * move
        residuals = (moves / scale)[-1460:]
        residuals = (residuals - residuals.mean()) / residuals.std()
        return FilteredHistoricalPrice(residuals, float(variance), float(long_variance), 0.04, 0.94, drift, drift_sd)
    # The median of a log-normal volatility lies below its root mean square.
    shock, reversion = recipe.volatility_shock_per_day, recipe.volatility_reversion_per_day
    now_sd = recipe.volatility_now_log_sd
    spread = shock**2 / (1 - (1 - reversion) ** 2)
    return StochasticVolatilityPrice(
        drift,
        drift_sd,
        typical * math.exp(-spread),
        now * math.exp(-0.25 * spread - now_sd**2),
        reversion,
        shock,
        now_sd,
    )


def fee_model(past: History) -> FeeModel:
    """Fees of a block: typical level, reversion and noise of the last two years; surges stay in the noise."""
    fees = past.fees_btc[-730:]
    logs = np.log(fees[np.isfinite(fees) & (fees > 0)])
    typical, now = float(np.median(logs)), float(np.mean(logs[-7:]))
    gap = logs - typical
    persistence = min(max(float(np.sum(gap[1:] * gap[:-1]) / np.sum(gap[:-1] ** 2)), 0.0), 0.995)
    noise = float(np.std(gap[1:] - persistence * gap[:-1]))
    return FeeModel(math.exp(now), math.exp(typical), 1 - persistence, noise, 0.0, 0.0, 1.0)


def _weights(n: int, half_life: float) -> FloatArray:
    weight = 0.5 ** (np.arange(n - 1, -1, -1.0) / half_life)
    return np.asarray(weight / weight.sum())
