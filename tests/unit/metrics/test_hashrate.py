"""Network hashrate and its noise."""

import numpy as np
import pytest

from hashdesk.errors import InputError
from hashdesk.metrics.hashrate import (
    change_z,
    network_hashrate_ehs,
    network_hashrate_implied_ehs,
    next_difficulty_change_frac,
    next_difficulty_interval,
    poisson_interval_factors,
)

RNG_SEED = 20_250_930


def test_implied_hashrate_of_the_worked_vector() -> None:
    assert network_hashrate_implied_ehs(142.34e12) == pytest.approx(1_018.925, abs=5e-4)


def test_realised_and_implied_hashrate_agree_at_the_target_pace() -> None:
    work = 144 * 142.34e12 * 2**48 / 65_535 / 1e18
    assert network_hashrate_ehs(work, 1) == pytest.approx(network_hashrate_implied_ehs(142.34e12))


def test_a_window_of_no_length_is_refused() -> None:
    with pytest.raises(InputError, match="n_days"):
        network_hashrate_ehs(1.0, 0)


def test_no_block_gives_no_interval() -> None:
    low, high = poisson_interval_factors([0.0, 144.0])
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert low[1] < 1 < high[1]


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5])
def test_a_level_outside_zero_and_one_is_refused(level: float) -> None:
    with pytest.raises(InputError, match="level"):
        poisson_interval_factors(144, level)


def test_the_interval_of_a_month_is_as_wide_as_the_count_says() -> None:
    low, high = poisson_interval_factors(4_320)
    assert (high - low) / 2 == pytest.approx(1.96 / np.sqrt(4_320), rel=0.01)


def test_the_exact_interval_covers_at_its_level() -> None:
    counts = np.random.default_rng(RNG_SEED).poisson(1_008, 20_000)
    low, high = poisson_interval_factors(counts)
    covered = np.mean((counts * low <= 1_008) & (counts * high >= 1_008))
    assert 0.95 <= covered <= 0.957


def test_the_noise_flag_fires_one_time_in_twenty_at_constant_hashrate() -> None:
    blocks = np.random.default_rng(RNG_SEED).poisson(4_320, (2, 40_000))
    z = change_z(blocks[1], blocks[0], blocks[1], blocks[0])
    standard_error = np.sqrt(0.05 * 0.95 / 40_000)
    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(0.05, abs=4 * standard_error)


def test_z_of_the_september_2025_change_by_hand() -> None:
    by_hand = np.log(1034.67 / 949.42) / np.sqrt(1 / 4532 + 1 / 4588)
    assert change_z(1034.67, 949.42, 4532, 4588) == pytest.approx(by_hand)


def test_blocks_on_target_leave_the_off_by_one_of_the_rule() -> None:
    assert next_difficulty_change_frac(1_000, 600_000) == pytest.approx(2016 / 2015 - 1)


def test_the_retarget_is_held_within_a_factor_of_four() -> None:
    assert next_difficulty_change_frac([2_000, 2], [60.0, 1e9]).tolist() == [3.0, -0.75]


def test_no_estimate_before_the_first_block_of_an_epoch() -> None:
    assert np.isnan(next_difficulty_change_frac(0, 100))


def test_the_retarget_s_interval_narrows_to_nothing_as_the_epoch_ends() -> None:
    n = np.array([100, 1_000, 1_900, 2_010])
    low, high = next_difficulty_interval(n, 600.0 * n)
    assert np.all(np.diff(high - low) < 0)
    assert high[-1] - low[-1] < 0.01
    assert np.isnan(next_difficulty_interval(2_015, 600.0 * 2_015)[0])


def test_the_retarget_s_interval_covers_at_its_level_at_constant_hashrate() -> None:
    rng = np.random.default_rng(RNG_SEED)
    n, trials = 800, 20_000
    elapsed = rng.gamma(n, 600.0, trials)
    outcome = 2_016 * 600 / (elapsed + rng.gamma(2_015 - n, 600.0, trials)) - 1
    low, high = next_difficulty_interval(np.full(trials, n), elapsed)
    assert np.mean((low <= outcome) & (outcome <= high)) == pytest.approx(0.95, abs=0.006)


def test_a_level_outside_zero_and_one_is_refused_for_the_retarget_too() -> None:
    with pytest.raises(InputError, match="level"):
        next_difficulty_interval(100, 60_000, level=1.5)
