"""The outlook's model as one would write it in NumPy: a loop over days, arrays over paths. For comparison only.

The same drivers with the same parameters; retargets happen at the end of the day that closes an epoch, where the
package finds the second.
"""

from __future__ import annotations

import numpy as np

from hashdesk.outlook.model import Fleet, Model, Response, Start, StochasticVolatilityPrice
from hashdesk.units import WORK_PER_DIFFICULTY


def simulate_numpy(start: Start, model: Model, n_paths: int, n_days: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Daily hashrate, difficulty, price, hashprice and gross profit, shape (n_paths, n_days)."""
    rng = np.random.default_rng(seed)
    price, fees, response, fleet = model.price, model.fees, model.response, model.fleet
    assert isinstance(price, StochasticVolatilityPrice)
    day_root = np.sqrt(365.0)
    drift = (price.log_drift_per_year + price.log_drift_sd_per_year * rng.standard_normal(n_paths)) / 365
    log_volatility = np.full(n_paths, np.log(price.volatility_now_per_year / day_root))
    typical = np.log(price.volatility_per_year / day_root)
    log_price = np.full(n_paths, np.log(start.btc_price_usd))
    growth = response.growth_per_day + response.growth_sd_per_day * rng.standard_normal(n_paths)
    entry = response.entry_log_usd_per_ehs_day + response.entry_log_sd * rng.standard_normal(n_paths)
    decline = response.entry_decline_per_day + response.entry_decline_sd_per_day * rng.standard_normal(n_paths)
    sensitivity = response.sensitivity_per_day + response.sensitivity_sd_per_day * rng.standard_normal(n_paths)
    sensitivity = np.maximum(sensitivity, 0)
    installed = np.log(start.network_hashrate_ehs) + start.hashrate_log_sd * rng.standard_normal(n_paths)
    gap = np.full(n_paths, np.log(fees.fees_btc_now / fees.fees_btc_typical))
    surge = np.zeros(n_paths, bool)
    outage, persistence, shock = np.zeros(n_paths), *outage_terms(response)
    share, efficiency = vintages(fleet, n_paths, n_days)
    difficulty = np.full(n_paths, start.difficulty)
    found = np.full(n_paths, start.blocks_in_epoch)
    epoch_start = np.full(n_paths, -start.seconds_in_epoch / 86400)
    height = np.full(n_paths, start.height)
    online = None
    names = ("hashrate", "difficulty", "price", "hashprice", "profit")
    out = {name: np.empty((n_paths, n_days), np.float32) for name in names}
    for day in range(n_days):
        if day % 7 == 0:
            usd, fee = np.exp(log_price), fees.fees_btc_typical * np.exp(gap)
            income = (50.0 / 2 ** (height // 210_000) + fee) * usd
            revenue = income * 86400e18 / (difficulty * WORK_PER_DIFFICULTY)
            wanted = decline + sensitivity * (np.log(revenue) - (entry - decline * day))
            growth += (1 - np.exp(-7 / response.delivery_lag_days)) * (wanted - growth)
            growth = np.clip(growth, -0.05, 0.05)
            scale = np.sqrt((response.noise_dof - 2) / response.noise_dof)
            step = 7 * growth + response.growth_noise_per_week * scale * rng.standard_t(response.noise_dof, n_paths)
            step = np.clip(step, -1, 1)
            newest = len(fleet.share_frac) + day // 183
            if day:
                renew(share, step, 7 * fleet.retirement_per_day, newest)
            steepness = np.pi / np.sqrt(3) / fleet.power_price_log_spread
            cost = 24 * efficiency * fleet.power_price_usd_per_mwh
            on = fleet.must_run_frac + (1 - fleet.must_run_frac) / (1 + (cost / revenue[:, None]) ** steepness)
            running = share * on
            target = np.log(running.sum(axis=1))
            mean_efficiency = (running * efficiency).sum(axis=1) / running.sum(axis=1)
            if online is None:
                online = target.copy()
                installed -= online
            online_step = 0.5 * (target - online) / 7
            volatility_step(rng, log_volatility, typical, price)
        log_price += drift + np.exp(log_volatility) * rng.standard_normal(n_paths)
        gap = (1 - fees.reversion_per_day) * gap + fees.log_sd_per_day * rng.standard_normal(n_paths)
        u = rng.random(n_paths)
        surge = np.where(surge, u >= fees.surge_end_per_day, u < fees.surge_start_per_day)
        fee = fees.fees_btc_typical * np.exp(gap + fees.surge_log_jump * surge)
        outage = persistence * outage + shock * rng.standard_normal(n_paths)
        installed += step / 7
        online += online_step
        hashrate = np.exp(installed + online + outage)
        blocks = rng.poisson(hashrate * 86400e18 / (difficulty * WORK_PER_DIFFICULTY))
        used = difficulty.copy()
        found += blocks
        closes = found >= 2016
        span = np.clip((day + 1 - epoch_start) * 86400, 302_400, 4_838_400)
        difficulty = np.where(closes, difficulty * 1_209_600 / span, difficulty)
        epoch_start = np.where(closes, day + 1, epoch_start)
        found = np.where(closes, found - 2016, found)
        subsidy = 50.0 / 2 ** (height // 210_000)
        height += blocks
        usd = np.exp(log_price)
        out["hashrate"][:, day] = hashrate
        out["difficulty"][:, day] = difficulty
        out["price"][:, day] = usd
        out["hashprice"][:, day] = (subsidy + fee) * usd * 86400e15 / (used * WORK_PER_DIFFICULTY)
        cost_per_day = 24 * mean_efficiency * fleet.power_price_usd_per_mwh
        out["profit"][:, day] = 144 * subsidy * usd / hashrate - cost_per_day
    return out


def outage_terms(response: Response) -> tuple[float, float]:
    """Persistence and shock of passing outages."""
    persistence = float(np.exp(-response.outage_reversion_per_day))
    return persistence, response.outage_log_sd * float(np.sqrt(1 - persistence**2))


def vintages(fleet: Fleet, n_paths: int, n_days: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares by path and vintage, and the efficiency of each vintage."""
    new = 1 + n_days // 183
    share = np.zeros((n_paths, len(fleet.share_frac) + new))
    share[:, : len(fleet.share_frac)] = np.array(fleet.share_frac) / sum(fleet.share_frac)
    coming = fleet.frontier_j_per_th * np.exp(-fleet.frontier_decline_per_day * 183 * np.arange(new))
    return share, np.r_[fleet.efficiency_j_per_th, coming]


def renew(share: np.ndarray, step: np.ndarray, retirement: float, newest: int) -> None:
    """Replace the costliest machines and add what growth brings."""
    growth = np.exp(step) - 1
    leaving = retirement + np.maximum(0, -growth - retirement)
    arriving = growth + leaving
    for j in range(share.shape[1]):
        gone = np.minimum(share[:, j], leaving)
        share[:, j] -= gone
        leaving = leaving - gone
    share[:, newest] += arriving
    share /= share.sum(axis=1, keepdims=True)


def volatility_step(
    rng: np.random.Generator, log_volatility: np.ndarray, typical: float, price: StochasticVolatilityPrice
) -> None:
    """A week of the volatility's logarithm."""
    for _ in range(7):
        shock = price.volatility_of_log_volatility_per_day * rng.standard_normal(len(log_volatility))
        log_volatility += price.reversion_per_day * (typical - log_volatility) + shock
