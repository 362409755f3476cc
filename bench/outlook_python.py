"""The outlook's model as a calculator in plain Python: one path, one day after the other. For comparison only."""

from __future__ import annotations

import math
import random

from hashdesk.outlook.model import Model, Start, StochasticVolatilityPrice
from hashdesk.units import WORK_PER_DIFFICULTY


def simulate_python(
    start: Start, model: Model, n_paths: int, n_days: int, seed: int = 0
) -> list[list[tuple[float, ...]]]:
    """Per path and day: hashrate, difficulty, price, hashprice, gross profit."""
    return [one_path(start, model, n_days, random.Random(f"{seed}:{path}")) for path in range(n_paths)]


def one_path(start: Start, model: Model, n_days: int, rng: random.Random) -> list[tuple[float, ...]]:
    """One path; blocks are a rounded normal draw, and retargets fall on the end of a day."""
    price, fees, response, fleet = model.price, model.fees, model.response, model.fleet
    assert isinstance(price, StochasticVolatilityPrice)
    drift = rng.gauss(price.log_drift_per_year, price.log_drift_sd_per_year) / 365
    log_volatility = math.log(price.volatility_now_per_year / math.sqrt(365))
    typical = math.log(price.volatility_per_year / math.sqrt(365))
    log_price = math.log(start.btc_price_usd)
    growth = rng.gauss(response.growth_per_day, response.growth_sd_per_day)
    entry = rng.gauss(response.entry_log_usd_per_ehs_day, response.entry_log_sd)
    decline = rng.gauss(response.entry_decline_per_day, response.entry_decline_sd_per_day)
    sensitivity = max(0.0, rng.gauss(response.sensitivity_per_day, response.sensitivity_sd_per_day))
    installed = rng.gauss(math.log(start.network_hashrate_ehs), start.hashrate_log_sd)
    gap, surge, outage = math.log(fees.fees_btc_now / fees.fees_btc_typical), False, 0.0
    persistence = math.exp(-response.outage_reversion_per_day)
    shock = response.outage_log_sd * math.sqrt(1 - persistence**2)
    share, efficiency = list(fleet.share_frac), list(fleet.efficiency_j_per_th)
    steepness = math.pi / math.sqrt(3) / fleet.power_price_log_spread
    difficulty, found, height = start.difficulty, start.blocks_in_epoch, start.height
    epoch_start, online, out = -start.seconds_in_epoch / 86400, None, []
    for day in range(n_days):
        subsidy = 50.0 / 2 ** (height // 210_000)
        if day % 7 == 0:
            fee = fees.fees_btc_typical * math.exp(gap)
            revenue = (subsidy + fee) * math.exp(log_price) * 86400e18 / (difficulty * WORK_PER_DIFFICULTY)
            wanted = decline + sensitivity * (math.log(revenue) - (entry - decline * day))
            growth += (1 - math.exp(-7 / response.delivery_lag_days)) * (wanted - growth)
            growth = min(max(growth, -0.05), 0.05)
            chi = rng.gammavariate(response.noise_dof / 2, 2 / response.noise_dof)
            scale = math.sqrt((response.noise_dof - 2) / response.noise_dof / chi)
            step = min(max(7 * growth + response.growth_noise_per_week * scale * rng.gauss(0, 1), -1), 1)
            if day % 183 < 7:
                share.append(0.0)
                efficiency.append(fleet.frontier_j_per_th * math.exp(-fleet.frontier_decline_per_day * day))
            if day:
                rise = math.exp(step) - 1
                leaving = 7 * fleet.retirement_per_day + max(0.0, -rise - 7 * fleet.retirement_per_day)
                arriving = rise + leaving
                for j in range(len(share)):
                    gone = min(share[j], leaving)
                    share[j] -= gone
                    leaving -= gone
                share[-1] += arriving
                total = sum(share)
                share = [part / total for part in share]
            running = power = 0.0
            for part, e in zip(share, efficiency, strict=True):
                cost = 24 * e * fleet.power_price_usd_per_mwh
                on = part * (fleet.must_run_frac + (1 - fleet.must_run_frac) / (1 + (cost / revenue) ** steepness))
                running += on
                power += on * e
            if online is None:
                online = math.log(running)
                installed -= online
            online_step = 0.5 * (math.log(running) - online) / 7
            for _ in range(7):
                change = price.volatility_of_log_volatility_per_day * rng.gauss(0, 1)
                log_volatility += price.reversion_per_day * (typical - log_volatility) + change
        log_price += drift + math.exp(log_volatility) * rng.gauss(0, 1)
        gap = (1 - fees.reversion_per_day) * gap + fees.log_sd_per_day * rng.gauss(0, 1)
        u = rng.random()
        surge = u >= fees.surge_end_per_day if surge else u < fees.surge_start_per_day
        fee = fees.fees_btc_typical * math.exp(gap + fees.surge_log_jump * surge)
        outage = persistence * outage + shock * rng.gauss(0, 1)
        installed += step / 7
        online += online_step
        hashrate = math.exp(installed + online + outage)
        mean = hashrate * 86400e18 / (difficulty * WORK_PER_DIFFICULTY)
        blocks = max(0, round(rng.gauss(mean, math.sqrt(mean))))
        usd = math.exp(log_price)
        hashprice = (subsidy + fee) * usd * 86400e15 / (difficulty * WORK_PER_DIFFICULTY)
        profit = 144 * subsidy * usd / hashrate - 24 * power / running * fleet.power_price_usd_per_mwh
        found += blocks
        height += blocks
        if found >= 2016:
            span = min(max((day + 1 - epoch_start) * 86400, 302_400), 4_838_400)
            difficulty *= 1_209_600 / span
            epoch_start, found = day + 1, found - 2016
        out.append((hashrate, difficulty, usd, hashprice, profit))
    return out
