"""The network's weekly answer to what it earns: orders and deliveries, who switches off, what is replaced."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashdesk.outlook.compiled import inlined
from hashdesk.outlook.model import Fleet, Response
from hashdesk.outlook.streams import bits_at, student_t

DAYS_PER_WEEK = 7
DAYS_PER_VINTAGE = 183
"""A new vintage opens twice a year [days]."""
SWITCHING_PER_WEEK = 0.5
"""Share of the way to the machines that earn their power which a week goes: contracts and hopes delay the rest."""
FASTEST_GROWTH_PER_DAY = 0.05
"""Upper bound of the growth rate: 40% a week, beyond the fastest months of 2013 [1/day]."""
FASTEST_DECLINE_PER_DAY = 0.01
"""Lower bound: orders stop and machines are scrapped, half of them in 70 days. At this rate a hundred days of
blocks are still to come, seven epochs, so the difficulty can follow; switching off comes on top [1/day]."""

_LOGISTIC_SD = math.pi / math.sqrt(3.0)


class ResponseArgs(NamedTuple):
    """The response as the kernel reads it; times in days."""

    growth: float
    growth_sd: float
    entry_log: float
    entry_log_sd: float
    decline: float
    decline_sd: float
    sensitivity: float
    sensitivity_sd: float
    weekly_approach: float
    """Share of the way to the growth that orders would bring which a week goes."""
    noise: float
    noise_dof: float
    outage_shock: float
    outage_persistence: float
    given: NDArray[np.float64]
    """Installed hashrate day by day; empty: it responds."""


class FleetArgs(NamedTuple):
    """The cost curve as the kernel reads it."""

    share: NDArray[np.float64]
    efficiency: NDArray[np.float64]
    frontier: float
    frontier_decline: float
    power_price: float
    steepness: float
    """Of the share of sites that run, in the logarithm of revenue over cost; 0: all run."""
    must_run: float
    weekly_retirement: float


def response_args(response: Response) -> ResponseArgs:
    """A response in the kernel's terms."""
    persistence = math.exp(-response.outage_reversion_per_day)
    given = response.hashrate_path_ehs
    return ResponseArgs(
        response.growth_per_day,
        response.growth_sd_per_day,
        response.entry_log_usd_per_ehs_day,
        response.entry_log_sd,
        response.entry_decline_per_day,
        response.entry_decline_sd_per_day,
        response.sensitivity_per_day,
        response.sensitivity_sd_per_day,
        1.0 - math.exp(-DAYS_PER_WEEK / response.delivery_lag_days),
        response.growth_noise_per_week,
        response.noise_dof,
        response.outage_log_sd * math.sqrt(1.0 - persistence**2),
        persistence,
        np.zeros(0) if given is None else np.array(given, dtype=np.float64),
    )


def fleet_args(fleet: Fleet) -> FleetArgs:
    """A fleet in the kernel's terms."""
    share = np.array(fleet.share_frac, dtype=np.float64)
    spread = fleet.power_price_log_spread
    return FleetArgs(
        share / share.sum(),
        np.array(fleet.efficiency_j_per_th, dtype=np.float64),
        fleet.frontier_j_per_th,
        fleet.frontier_decline_per_day,
        fleet.power_price_usd_per_mwh,
        _LOGISTIC_SD / spread if spread > 0 else 0.0,
        fleet.must_run_frac,
        fleet.retirement_per_day * DAYS_PER_WEEK,
    )


@inlined
def growth_step(
    args: ResponseArgs,
    week: int,
    growth: float,
    log_revenue: float,
    entry_log: float,
    decline: float,
    sensitivity: float,
    key: np.uint64,
) -> tuple[float, float]:
    """Growth rate [1/day] after a week's orders, and the week's change of the logarithm of installed hashrate."""
    day = DAYS_PER_WEEK * week
    wanted = decline + sensitivity * (log_revenue - (entry_log - decline * day))
    growth += args.weekly_approach * (wanted - growth)
    growth = min(max(growth, -FASTEST_DECLINE_PER_DAY), FASTEST_GROWTH_PER_DAY)
    step = growth * DAYS_PER_WEEK
    if args.noise > 0.0:
        step += args.noise * student_t(args.noise_dof, bits_at(key, week))
    return growth, min(max(step, -1.0), 1.0)


@inlined
def renew_fleet(share: NDArray[np.float64], n: int, step: float, retirement: float) -> None:
    """Replace the costliest machines and add what growth brings to the newest vintage; shares sum to 1 again."""
    growth = math.exp(step) - 1.0
    leaving = retirement + max(0.0, -growth - retirement)
    arriving = growth + leaving
    for j in range(n):
        gone = min(share[j], leaving)
        share[j] -= gone
        leaving -= gone
    share[n - 1] += arriving
    total = 0.0
    for j in range(n):
        total += share[j]
    scale = 1.0 / total
    for j in range(n):
        share[j] *= scale


@inlined
def running_fleet(
    share: NDArray[np.float64],
    efficiency: NDArray[np.float64],
    steep_efficiency: NDArray[np.float64],
    n: int,
    revenue: float,
    daily_price: float,
    fleet: FleetArgs,
) -> tuple[float, float]:
    """Share of installed hashrate that runs, and its mean efficiency [J/TH].

    ``daily_price`` is the power price of 1 MW over a day [USD/MW/day], ``steep_efficiency`` the efficiency to the power
    of the steepness.

    A vintage of efficiency e runs at the sites whose power price lies below its breakeven, R / (24 e), and at those
    that cannot leave their power unused.
    """
    free = 1.0 - fleet.must_run
    # The logistic in the logarithm of revenue over cost is a power of their ratio; each vintage's part is kept.
    at_1_j_per_th = (daily_price / revenue) ** fleet.steepness
    running = 0.0
    power = 0.0
    for j in range(n):
        on = share[j]
        if fleet.steepness > 0.0:
            on *= fleet.must_run + free / (1.0 + at_1_j_per_th * steep_efficiency[j])
        running += on
        power += on * efficiency[j]
    return running, power / running
