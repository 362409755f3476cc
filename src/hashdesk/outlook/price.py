"""One day's step of the price: random walk, stochastic volatility, past residuals drawn again, or a given path."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashdesk.outlook.compiled import inlined
from hashdesk.outlook.model import FilteredHistoricalPrice, GbmPrice, Price, StochasticVolatilityPrice, UserPrice
from hashdesk.outlook.streams import bits_at, following, normal, uniform
from hashdesk.units import BTC_DAYS_PER_YEAR

LOG_VOLATILITY, GARCH, GIVEN = 0, 1, 2
DAYS_PER_WEEK = 7


class PriceArgs(NamedTuple):
    """The price model as the kernel reads it; times in days."""

    kind: int
    log_drift: float
    log_drift_sd: float
    state: float
    """Log volatility, or variance, at the origin."""
    state_sd: float
    long_state: float
    persistence: float
    """Of log volatility over a week; or the GARCH weight."""
    shock: float
    """Of log volatility over a week; or the ARCH weight."""
    residuals: NDArray[np.float64]
    given: NDArray[np.float64]


def price_args(price: Price) -> PriceArgs:
    """A price model in the kernel's terms."""
    none, no_paths = np.zeros(1), np.ones((1, 1))
    if isinstance(price, UserPrice):
        return PriceArgs(
            GIVEN, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, none, np.atleast_2d(price.btc_price_usd).astype(np.float64)
        )
    drift = price.log_drift_per_year / BTC_DAYS_PER_YEAR
    drift_sd = price.log_drift_sd_per_year / BTC_DAYS_PER_YEAR
    if isinstance(price, FilteredHistoricalPrice):
        return PriceArgs(
            GARCH,
            drift,
            drift_sd,
            price.variance_now_per_day,
            0.0,
            price.variance_long_per_day * (1.0 - price.arch - price.garch),
            price.garch,
            price.arch,
            np.array(price.residuals, dtype=np.float64),
            no_paths,
        )
    typical = math.log(price.volatility_per_year / math.sqrt(BTC_DAYS_PER_YEAR))
    if isinstance(price, StochasticVolatilityPrice):
        now = math.log(price.volatility_now_per_year / math.sqrt(BTC_DAYS_PER_YEAR))
        daily = 1.0 - price.reversion_per_day
        persistence = daily**DAYS_PER_WEEK
        shock = price.volatility_of_log_volatility_per_day * math.sqrt(
            sum(daily ** (2 * k) for k in range(DAYS_PER_WEEK))
        )
        return PriceArgs(
            LOG_VOLATILITY,
            drift,
            drift_sd,
            now,
            price.volatility_now_log_sd,
            typical,
            persistence,
            shock,
            none,
            no_paths,
        )
    assert isinstance(price, GbmPrice)
    return PriceArgs(LOG_VOLATILITY, drift, drift_sd, typical, 0.0, typical, 1.0, 0.0, none, no_paths)


@inlined
def price_step(
    args: PriceArgs, day: int, log_price: float, state: float, volatility: float, drift: float, key: np.uint64
) -> tuple[float, float, float]:
    """Log price, volatility state and volatility one day on; a given path is read by the caller.

    The logarithm of volatility moves once a week, by a week's worth of reversion and shocks.
    """
    bits = bits_at(key, day)
    if args.kind == LOG_VOLATILITY:
        log_price += drift + volatility * normal(bits)
        if args.shock > 0.0 and day % DAYS_PER_WEEK == DAYS_PER_WEEK - 1:
            state = args.long_state + args.persistence * (state - args.long_state)
            state += args.shock * normal(following(bits))
            volatility = math.exp(state)
        return log_price, state, volatility
    n = args.residuals.shape[0]
    surprise = volatility * args.residuals[min(int(uniform(bits) * n), n - 1)]
    state = args.long_state + args.shock * surprise * surprise + args.persistence * state
    return log_price + drift + surprise, state, math.sqrt(state)
