"""The nowcast against networks whose true hashrate is known, and its blindness to the future."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.errors import InputError
from hashdesk.outlook.nowcast import HashrateFilter, filter_days, filter_hashrate, nowcast
from hashdesk.store.pack import ReferencePack

N_DAYS = 900
WARM_UP = 200
FIRST = dt.date(2000, 1, 1)
DATES = [FIRST + dt.timedelta(days=t) for t in range(N_DAYS)]


def simulated(seed: int, level_sd: float, drift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True hashrate [EH/s], blocks, and work of a block [EH], with a difficulty that follows epoch by epoch."""
    rng = np.random.default_rng(seed)
    truth = 500.0 * np.exp(np.cumsum(drift + level_sd * rng.standard_normal(N_DAYS)))
    work, blocks = np.empty(N_DAYS), np.empty(N_DAYS)
    current, found, days_in = 500.0 * 600, 0.0, 0
    for t in range(N_DAYS):
        work[t] = current
        blocks[t] = rng.poisson(truth[t] * 86_400 / current)
        found, days_in = found + blocks[t], days_in + 1
        if found >= 2016:
            current *= np.clip(found * 600 / (days_in * 86_400), 0.25, 4.0)
            found, days_in = 0.0, 0
    return truth, blocks, work


def rms(errors: list[np.ndarray]) -> float:
    return float(np.sqrt(np.mean(np.square(np.concatenate(errors)))))


@pytest.mark.parametrize(("level_sd", "drift"), [(0.002, 0.001), (0.004, 0.0008), (0.01, 0.001)])
def test_error_is_below_that_of_the_usual_estimates_and_intervals_hold(level_sd: float, drift: float) -> None:
    errors: dict[str, list[np.ndarray]] = {"ours": [], "week": [], "month": [], "difficulty": []}
    inside = []
    for seed in range(6):
        truth, blocks, work = simulated(seed, level_sd, drift)
        mean, sd = filter_hashrate(DATES, blocks, work).moments()
        daily = blocks * work / 86_400
        log_truth = np.log(truth)[WARM_UP:]
        for name, n in (("week", 7), ("month", 30)):
            average = np.convolve(daily, np.ones(n) / n)[:N_DAYS]
            errors[name].append(np.log(average)[WARM_UP:] - log_truth)
        errors["ours"].append(mean[WARM_UP:] - log_truth)
        errors["difficulty"].append(np.log(work / 600)[WARM_UP:] - log_truth)
        inside.append(np.abs(mean[WARM_UP:] - log_truth) < 1.96 * sd[WARM_UP:])
    assert rms(errors["ours"]) < min(rms(errors[name]) for name in ("week", "month", "difficulty"))
    assert 0.90 <= np.mean(np.concatenate(inside)) <= 0.985


def test_coverage_over_all_kinds_of_networks_is_close_to_95_percent() -> None:
    inside = []
    for seed, (level_sd, drift) in enumerate([(0.003, 0.001), (0.006, 0.0), (0.01, 0.001), (0.015, -0.001)] * 3):
        truth, blocks, work = simulated(100 + seed, level_sd, drift)
        mean, sd = filter_hashrate(DATES, blocks, work).moments()
        inside.append((np.abs(mean - np.log(truth)) < 1.96 * sd)[WARM_UP:])
    assert 0.90 <= np.mean(np.concatenate(inside)) <= 0.97


def test_days_to_come_change_nothing() -> None:
    _, blocks, work = simulated(3, 0.006, 0.001)
    whole = filter_hashrate(DATES, blocks, work)
    blocks[600:] *= 3
    changed = filter_hashrate(DATES, blocks, work)
    for name in ("weight", "level_log", "slope_log", "level_var"):
        np.testing.assert_array_equal(getattr(whole, name)[:600], getattr(changed, name)[:600])
    assert not np.array_equal(whole.level_log[600:], changed.level_log[600:])


def test_constant_hashrate_is_found_and_its_noise_called_small() -> None:
    rng = np.random.default_rng(1)
    state = filter_hashrate(DATES, rng.poisson(144, N_DAYS), np.full(N_DAYS, 300_000.0))
    now = nowcast(state)
    assert now.network_hashrate_ehs == pytest.approx(500, rel=0.03)
    assert now.noise_sd_per_day < 0.005
    assert now.low_ehs < 500 < now.high_ehs


def test_a_missing_day_only_widens_the_state() -> None:
    _, blocks, work = simulated(5, 0.004, 0.0)
    blocks[500:510] = np.nan
    mean, sd = filter_hashrate(DATES, blocks, work).moments()
    assert np.isfinite(mean).all()
    assert sd[509] > sd[499]


def test_filter_reads_the_real_table_and_stops_at_the_day_asked_for() -> None:
    network = ReferencePack().read("network_daily")
    day = dt.date(2025, 9, 30)
    state = filter_days(network, day)
    cut = filter_days(network.filter(pl.col("date") <= day), day)
    assert isinstance(state, HashrateFilter)
    assert nowcast(state) == nowcast(cut)
    assert nowcast(state).low_ehs < 1_058.4 < nowcast(state).high_ehs  # the 7-day average of that day


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="consecutive"):
        filter_hashrate([DATES[0], DATES[2]], [144, 144], [1.0, 1.0])
    with pytest.raises(InputError, match="above 0 EH"):
        filter_hashrate(DATES[:2], [144, 144], [1.0, 0.0])
    state = filter_hashrate(DATES[:3], [144, 140, 150], [3e5] * 3)
    with pytest.raises(InputError, match="outside the days"):
        nowcast(state, dt.date(2030, 1, 1))
    with pytest.raises(InputError, match="level"):
        nowcast(state, level=1.0)
    with pytest.raises(InputError, match="has no day"):
        filter_days(ReferencePack().read("network_daily"), dt.date(2099, 1, 1))
