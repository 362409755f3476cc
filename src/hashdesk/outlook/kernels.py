"""The compiled loop over paths and days: it joins price, fees, response and blocks, and stores means over windows."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashdesk.outlook import difficulty as difficulty_module
from hashdesk.outlook import fees as fees_module
from hashdesk.outlook import price as price_module
from hashdesk.outlook import response as response_module
from hashdesk.outlook import streams
from hashdesk.outlook.compiled import compiled, fingerprint
from hashdesk.outlook.difficulty import BLOCKS_PER_EHS_DAY, mine_day
from hashdesk.outlook.fees import FeeArgs, fee_step
from hashdesk.outlook.price import GARCH, GIVEN, PriceArgs, price_step
from hashdesk.outlook.response import (
    DAYS_PER_VINTAGE,
    DAYS_PER_WEEK,
    SWITCHING_PER_WEEK,
    FleetArgs,
    ResponseArgs,
    growth_step,
    renew_fleet,
    running_fleet,
)
from hashdesk.outlook.streams import bits_at, normal, path_key, poisson
from hashdesk.units import (
    BLOCKS_PER_EPOCH,
    BLOCKS_PER_HALVING,
    HASHES_PER_EH,
    HOURS_PER_DAY,
    SAT_PER_BTC,
    SECONDS_PER_DAY,
    TARGET_BLOCKS_PER_DAY,
    WORK_PER_DIFFICULTY,
)

NAMES = (
    "network_hashrate_ehs",
    "difficulty",
    "btc_price_usd",
    "btc_price_end_usd",
    "fees_btc",
    "subsidy_btc",
    "blocks",
    "hashprice_usd_per_phs_day",
    "block_reward_revenue_usd_per_ehs_day",
    "block_reward_gross_profit_usd_per_ehs_day",
    "efficiency_j_per_th",
    "online_frac",
    "network_hashrate_from_blocks_ehs",
)
"""What a path can be asked for; the order is the row in the kernel's output."""

LEAST_KEPT_PER_DAY = 0.75 ** (4 / 365.25)
"""Machines taken off for good are at most a quarter of what is left in a quarter: buyers of sites do not take the last
one. [fraction]"""

_EHS_DAY_AT_DIFFICULTY_1 = HASHES_PER_EH * SECONDS_PER_DAY / WORK_PER_DIFFICULTY
_FIRST_SUBSIDY_SAT = 50 * SAT_PER_BTC
_MAX_VINTAGES = 20
_TARGET_PACE = float(TARGET_BLOCKS_PER_DAY)
_N_NAMES = len(NAMES)
_PARAMETERS, _PRICE, _FEES, _HASHRATE, _GROWTH, _BLOCKS = range(6)


class StartArgs(NamedTuple):
    """The state at the origin; times in days."""

    height: int
    difficulty: float
    found: int
    epoch_start: float
    log_hashrate: float
    log_hashrate_sd: float
    log_price: float


class PolicyArgs(NamedTuple):
    """What a scenario does, one entry a day; arrays of length 0 leave the world alone."""

    power_price_factor: NDArray[np.float64]
    capacity_change: NDArray[np.float64]
    offline: NDArray[np.float64]
    fee_factor: NDArray[np.float64]
    has_halving: bool


@compiled
def subsidy_btc(height: int) -> float:
    """Subsidy of the block at a height [BTC]."""
    return (_FIRST_SUBSIDY_SAT >> min(height // BLOCKS_PER_HALVING, 63)) / SAT_PER_BTC


_CALLED = [
    function
    for module in (streams, difficulty_module, fees_module, price_module, response_module)
    for _, function in sorted(vars(module).items())
    if hasattr(function, "py_func")
]


def _build(code: str) -> Any:
    @compiled
    def simulate_paths(
        start: StartArgs,
        price: PriceArgs,
        fees: FeeArgs,
        response: ResponseArgs,
        fleet: FleetArgs,
        policy: PolicyArgs,
        window_ends: NDArray[np.int64],
        keys: NDArray[np.uint64],
        first_path: int,
        rows: NDArray[np.int64],
        out: NDArray[np.float32],
        retarget_days: NDArray[np.float64],
        retarget_difficulty: NDArray[np.float64],
    ) -> str:
        n_days = window_ends[-1]
        n_start = fleet.share.shape[0]
        is_given_price = price.kind == GIVEN
        is_given_hashrate = response.given.shape[0] > 0
        share = np.empty(_MAX_VINTAGES)
        efficiency = np.empty(_MAX_VINTAGES)
        steep_efficiency = np.empty(_MAX_VINTAGES)
        total = np.empty(_N_NAMES)
        base_price = fleet.power_price * HOURS_PER_DAY
        for index in range(out.shape[1]):
            path = first_path + index
            price_key = path_key(keys[_PRICE], path)
            fee_key = path_key(keys[_FEES], path)
            hashrate_key = path_key(keys[_HASHRATE], path)
            growth_key = path_key(keys[_GROWTH], path)
            block_key = path_key(keys[_BLOCKS], path)
            own = path_key(keys[_PARAMETERS], path)

            drift = price.log_drift + price.log_drift_sd * normal(bits_at(own, 0))
            level = start.log_hashrate + start.log_hashrate_sd * normal(bits_at(own, 1))
            growth = response.growth + response.growth_sd * normal(bits_at(own, 2))
            entry_log = response.entry_log + response.entry_log_sd * normal(bits_at(own, 3))
            decline = response.decline + response.decline_sd * normal(bits_at(own, 4))
            sensitivity = max(0.0, response.sensitivity + response.sensitivity_sd * normal(bits_at(own, 5)))

            log_price, price_state = start.log_price, price.state
            if price.state_sd > 0.0:
                price_state += price.state_sd * normal(bits_at(own, 6))
            volatility = math.sqrt(price_state) if price.kind == GARCH else math.exp(price_state)
            usd_per_btc = math.exp(log_price)
            gap, is_surge = fees.start_gap, False
            fees_btc = fees.typical_btc * math.exp(gap)
            height, difficulty = start.height, start.difficulty
            block_subsidy = subsidy_btc(height)
            next_halving = (height // BLOCKS_PER_HALVING + 1) * BLOCKS_PER_HALVING
            found, epoch_start = start.found, start.epoch_start
            inverse_difficulty, day_of_retarget = 1.0 / difficulty, False
            for j in range(n_start):
                share[j] = fleet.share[j]
                efficiency[j] = fleet.efficiency[j]
                steep_efficiency[j] = efficiency[j] ** fleet.steepness
            n_vintages = n_start
            revenue = (subsidy_btc(height) + fees_btc) * usd_per_btc * _EHS_DAY_AT_DIFFICULTY_1 / difficulty
            week_revenue = 0.0
            outage = 0.0
            installed_step = 0.0
            online_step = 0.0
            log_installed = level
            log_online = 0.0
            online, mean_efficiency = 1.0, 1.0
            daily_price, power_cost = base_price, 0.0
            retargets = 0
            window, window_start = 0, 0
            total[:] = 0.0

            for day in range(n_days):
                if day % DAYS_PER_WEEK == 0:
                    week = day // DAYS_PER_WEEK
                    if week > 0:
                        revenue = week_revenue / DAYS_PER_WEEK
                        week_revenue = 0.0
                    log_revenue = math.log(revenue)
                    if policy.power_price_factor.shape[0] > 0:
                        daily_price = base_price * policy.power_price_factor[day]
                    if not is_given_hashrate:
                        growth, step = growth_step(
                            response, week, growth, log_revenue, entry_log, decline, sensitivity, growth_key
                        )
                        installed_step = step / DAYS_PER_WEEK
                        vintage = n_start + day // DAYS_PER_VINTAGE
                        if vintage >= n_vintages:
                            share[vintage] = 0.0
                            efficiency[vintage] = fleet.frontier * math.exp(-fleet.frontier_decline * day)
                            steep_efficiency[vintage] = efficiency[vintage] ** fleet.steepness
                            n_vintages = vintage + 1
                        if week > 0:
                            renew_fleet(share, n_vintages, step, fleet.weekly_retirement)
                    online, mean_efficiency = running_fleet(
                        share, efficiency, steep_efficiency, n_vintages, revenue, daily_price, fleet
                    )
                    power_cost = mean_efficiency * daily_price
                    if week == 0:
                        # The hashrate seen at the origin is what runs; without the scenario's power price it is this.
                        seen, _ = running_fleet(
                            share, efficiency, steep_efficiency, n_vintages, revenue, base_price, fleet
                        )
                        log_online = math.log(seen)
                        log_installed = level - log_online
                    if not is_given_hashrate:
                        online_step = (math.log(online) - log_online) * (SWITCHING_PER_WEEK / DAYS_PER_WEEK)

                if is_given_price:
                    usd_per_btc = price.given[path if price.given.shape[0] > 1 else 0, day]
                else:
                    log_price, price_state, volatility = price_step(
                        price, day, log_price, price_state, volatility, drift, price_key
                    )
                    usd_per_btc = math.exp(log_price)
                fees_btc, gap, is_surge = fee_step(fees, day, gap, is_surge, fee_key)
                if policy.fee_factor.shape[0] > 0:
                    fees_btc *= policy.fee_factor[day]

                if response.outage_shock > 0.0:
                    outage = response.outage_persistence * outage + response.outage_shock * normal(
                        bits_at(hashrate_key, day)
                    )
                log_installed += installed_step
                log_online += online_step
                if is_given_hashrate:
                    hashrate = response.given[day] * math.exp(outage)
                else:
                    hashrate = math.exp(log_installed + log_online + outage)
                if policy.capacity_change.shape[0] > 0 and policy.capacity_change[day] != 0.0:
                    kept = max(LEAST_KEPT_PER_DAY, 1.0 + policy.capacity_change[day] / math.exp(log_installed))
                    log_installed += math.log(kept)
                    hashrate *= kept
                if policy.offline.shape[0] > 0:
                    hashrate *= 1.0 - policy.offline[day]

                bits = bits_at(block_key, day)
                inverse_difficulty = 1.0 / difficulty if day_of_retarget else inverse_difficulty
                blocks = poisson(hashrate * BLOCKS_PER_EHS_DAY * inverse_difficulty, bits)
                day_of_retarget = found == 0 or found + blocks >= BLOCKS_PER_EPOCH
                if day_of_retarget:
                    blocks, difficulty, found, epoch_start, inverse_difficulty, retarget_at = mine_day(
                        day, hashrate, difficulty, found, epoch_start, blocks, bits
                    )
                    if retarget_at >= 0.0 and retargets < retarget_days.shape[1]:
                        retarget_days[index, retargets] = retarget_at
                        retarget_difficulty[index, retargets] = difficulty
                        retargets += 1
                else:
                    found += blocks
                height += blocks
                subsidy = block_subsidy
                if height >= next_halving and policy.has_halving:
                    after = height - next_halving
                    block_subsidy = subsidy_btc(height)
                    next_halving += BLOCKS_PER_HALVING
                    if blocks > 0:
                        subsidy += (block_subsidy - subsidy) * after / blocks

                day_revenue = (subsidy + fees_btc) * usd_per_btc * _EHS_DAY_AT_DIFFICULTY_1 * inverse_difficulty
                week_revenue += day_revenue
                headline = _TARGET_PACE * subsidy * usd_per_btc / hashrate
                total[0] += hashrate
                total[2] += usd_per_btc
                total[4] += fees_btc
                total[5] += subsidy
                total[6] += blocks
                total[7] += day_revenue
                total[8] += headline
                total[9] += headline - power_cost
                total[10] += mean_efficiency
                total[11] += online
                total[12] += blocks / (inverse_difficulty * BLOCKS_PER_EHS_DAY)

                if day + 1 == window_ends[window]:
                    length = day + 1 - window_start
                    for name in range(_N_NAMES):
                        row = rows[name]
                        if row >= 0:
                            out[row, index, window] = total[name] / length
                    if rows[1] >= 0:
                        out[rows[1], index, window] = difficulty
                    if rows[3] >= 0:
                        out[rows[3], index, window] = usd_per_btc
                    if rows[6] >= 0:
                        out[rows[6], index, window] = total[6]
                    if rows[7] >= 0:
                        out[rows[7], index, window] = total[7] / length / 1000.0
                    total[:] = 0.0
                    window, window_start = window + 1, day + 1
        return code

    return simulate_paths


simulate_paths = _build(fingerprint(*_CALLED, subsidy_btc))
"""Fill ``out`` (n_kept, n_paths, n_windows) for the paths from ``first_path`` on; ``rows`` maps a name's index to its
row in ``out``, -1 where it is not kept. Returns the digest of the code that it calls."""
