"""What a simulation starts from and what drives it: plain, frozen descriptions with their units."""

from __future__ import annotations

import calendar
import datetime as dt
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hashdesk.errors import InputError
from hashdesk.units import BLOCKS_PER_EPOCH

FloatArray = NDArray[np.float64]

MAX_DAYS = 1826
"""Longest horizon: five years. Beyond it the fleet on sale today says nothing about the fleet that mines [days]."""

MAX_VINTAGES = 6
"""Vintages that a fleet may start with; those of the horizon come on top."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is known at the origin: the state at 00:00 UTC of the first simulated day."""

    date: dt.date
    """First simulated day."""
    height: int
    """Height of the next block."""
    difficulty: float
    """In force [1]."""
    blocks_in_epoch: int
    """Blocks of the epoch found so far, its first one counted."""
    seconds_in_epoch: float
    """Since the header time of the epoch's first block [s]."""
    network_hashrate_ehs: float
    """Estimate of the level [EH/s]."""
    hashrate_log_sd: float
    """Standard error of its logarithm."""
    btc_price_usd: float
    """Last close [USD/BTC]."""

    def __post_init__(self) -> None:
        """Refuse what no chain can be in.

        Raises
        ------
        InputError
            A level is not positive and finite, or the epoch's count is out of range.
        """
        for name in ("difficulty", "network_hashrate_ehs", "btc_price_usd"):
            check_positive(name, getattr(self, name))
        check_not_negative("hashrate_log_sd", self.hashrate_log_sd)
        check_not_negative("seconds_in_epoch", self.seconds_in_epoch)
        if not 0 <= self.blocks_in_epoch < BLOCKS_PER_EPOCH:
            raise InputError(f"blocks_in_epoch: expected 0 to {BLOCKS_PER_EPOCH - 1}, got {self.blocks_in_epoch}.")
        if self.height < 0:
            raise InputError(f"height: expected 0 or more, got {self.height}.")


@dataclass(frozen=True, slots=True)
class GbmPrice:
    """Geometric Brownian motion; the drift is that of the logarithm, so of the median path."""

    log_drift_per_year: float = 0.0
    log_drift_sd_per_year: float = 0.0
    volatility_per_year: float = 0.6


@dataclass(frozen=True, slots=True)
class StochasticVolatilityPrice:
    """Log volatility that reverts to its typical level with shocks of its own."""

    log_drift_per_year: float = 0.0
    log_drift_sd_per_year: float = 0.0
    volatility_per_year: float = 0.6
    """Typical (median) volatility [1/sqrt(year)]."""
    volatility_now_per_year: float = 0.6
    reversion_per_day: float = 0.02
    volatility_of_log_volatility_per_day: float = 0.06
    volatility_now_log_sd: float = 0.0
    """Standard error of the logarithm of today's volatility, drawn once per path."""


@dataclass(frozen=True, slots=True)
class FilteredHistoricalPrice:
    """Past standardised residuals drawn again, scaled by a GARCH(1,1) variance."""

    residuals: FloatArray
    """Mean 0, variance 1, shape (n_past_days,) [1]."""
    variance_now_per_day: float
    variance_long_per_day: float
    arch: float = 0.05
    garch: float = 0.93
    log_drift_per_year: float = 0.0
    log_drift_sd_per_year: float = 0.0


@dataclass(frozen=True, slots=True)
class UserPrice:
    """Daily closes given by the caller, one path for all or one for each, at least as long as the horizon."""

    btc_price_usd: FloatArray
    """Shape (n_days,) or (n_paths, n_days) [USD/BTC]."""


Price = GbmPrice | StochasticVolatilityPrice | FilteredHistoricalPrice | UserPrice


@dataclass(frozen=True, slots=True)
class FeeModel:
    """Fees of a block: the logarithm reverts to a typical level; a surge lifts it while it lasts."""

    fees_btc_now: float
    fees_btc_typical: float
    reversion_per_day: float = 0.05
    log_sd_per_day: float = 0.15
    surge_log_jump: float = 1.0
    surge_start_per_day: float = 0.0
    surge_end_per_day: float = 0.1

    @classmethod
    def constant(cls, fees_btc: float) -> FeeModel:
        """Fees that never move."""
        return cls(fees_btc, fees_btc, 0.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Response:
    r"""How the network's hashrate answers what it earns; every ``_sd`` is drawn once per path.

    Installed hashrate grows at u per day. Each week u moves towards what new orders would bring,

    .. math:: u^* = a + \kappa\,(\ln R_t - \ln\theta_t), \qquad \ln\theta_t = \ln\theta_0 - a\,t,

    with a mean delay, the time from order to delivery. R is the expected revenue of 1 EH/s over a day, theta the
    revenue at which entry is free of profit; it falls at a as machines improve.
    """

    growth_per_day: float
    growth_sd_per_day: float
    entry_log_usd_per_ehs_day: float
    entry_log_sd: float
    entry_decline_per_day: float
    entry_decline_sd_per_day: float
    sensitivity_per_day: float
    sensitivity_sd_per_day: float
    delivery_lag_days: float
    growth_noise_per_week: float
    """Standard deviation of lasting shocks to the logarithm [1/sqrt(week)]."""
    noise_dof: float
    """Degrees of freedom of those shocks' Student t."""
    outage_log_sd: float
    """Stationary standard deviation of passing outages and curtailment."""
    outage_reversion_per_day: float
    hashrate_path_ehs: FloatArray | None = None
    """Shape (n_days,); fixes the installed hashrate and with it switches the response off [EH/s]."""

    @classmethod
    def none(cls, growth_per_day: float = 0.0) -> Response:
        """Hashrate that grows at a fixed rate whatever it earns, without noise."""
        return cls(growth_per_day, 0.0, 0.0, 0.0, growth_per_day, 0.0, 0.0, 0.0, 1.0, 0.0, 5.0, 0.0, 0.1)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The cost curve: vintages of machines by efficiency, at sites whose power prices are log-logistic."""

    efficiency_j_per_th: tuple[float, ...]
    """Oldest to newest, up to six."""
    share_frac: tuple[float, ...]
    """Of installed hashrate, switched on or not."""
    frontier_j_per_th: float
    """Machines delivered at the origin."""
    frontier_decline_per_day: float
    power_price_usd_per_mwh: float
    """Median over sites."""
    power_price_log_spread: float
    """Standard deviation of the logarithm between sites; 0: machines never switch off."""
    must_run_frac: float = 0.3
    """Share of sites that run whatever they earn: power that is contracted, stranded or nearly free."""
    retirement_per_day: float = 0.0006
    """Share of installed hashrate that is replaced, the costliest first."""

    @classmethod
    def single(cls, efficiency_j_per_th: float, power_price_usd_per_mwh: float = 50.0) -> Fleet:
        """One vintage that always runs."""
        return cls((efficiency_j_per_th,), (1.0,), efficiency_j_per_th, 0.0, power_price_usd_per_mwh, 0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a scenario does to the world, day by day; None leaves it alone."""

    power_price_factor: FloatArray | None = None
    """On every site's power price [1]."""
    capacity_change_ehs: FloatArray | None = None
    """Installed hashrate that comes (above 0) or goes (below 0) for good on a day [EH/s]."""
    offline_frac: FloatArray | None = None
    """Share of hashrate forced off on a day, 0 to below 1 [fraction]."""
    fee_factor: FloatArray | None = None
    """On the fees of a block [1]."""
    halving: bool = True
    """False keeps the subsidy of the origin: a world without the halving."""


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that drives a simulation."""

    price: Price
    fees: FeeModel
    response: Response
    fleet: Fleet
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Windows:
    """Which spans of days are stored: each ends at a number of days after the origin, the last is the horizon."""

    days: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse an empty, unordered or overlong list.

        Raises
        ------
        InputError
            The ends do not rise from 1 on, or the horizon lies past five years.
        """
        if not self.days or self.days[0] < 1 or any(b <= a for a, b in zip(self.days, self.days[1:], strict=False)):
            raise InputError("windows: expected rising ends from day 1 on.", hint="Use daily_windows(n_days).")
        if self.days[-1] > MAX_DAYS:
            raise InputError(
                f"horizon: {self.days[-1]} days lie past the model: at most {MAX_DAYS} days (five years).",
                hint="Take a shorter horizon.",
            )

    @property
    def n_days(self) -> int:
        """The horizon [days]."""
        return self.days[-1]


def daily_windows(n_days: int) -> Windows:
    """Every day stored."""
    return Windows(tuple(range(1, n_days + 1)))


def weekly_windows(n_days: int) -> Windows:
    """Every seventh day, and the last."""
    return Windows(tuple(sorted({*range(7, n_days + 1, 7), n_days})))


def month_windows(start: dt.date, n_months: int) -> Windows:
    """Calendar months from the first simulated day on; the first may be a part.

    Examples
    --------
    >>> month_windows(dt.date(2025, 10, 1), 3).days
    (31, 61, 92)
    """
    ends, day = [], 0
    year, month = start.year, start.month
    for index in range(n_months):
        day += calendar.monthrange(year, month)[1] - (start.day - 1 if index == 0 else 0)
        ends.append(day)
        year, month = year + month // 12, month % 12 + 1
    return Windows(tuple(ends))


def check_positive(name: str, value: float) -> None:
    """Raise InputError unless the value is finite and above 0."""
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name}: expected a finite value above 0, got {value}.")


def check_not_negative(name: str, value: float) -> None:
    """Raise InputError unless the value is finite and at least 0."""
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{name}: expected a finite value of at least 0, got {value}.")
