"""Blocks and retargets of a constant hashrate against closed forms, and the rule against the chain's own numbers."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from hashdesk.metrics.hashrate import change_z
from hashdesk.outlook.difficulty import encoded_target, retargeted
from hashdesk.outlook.engine import simulate
from hashdesk.outlook.model import Model, Response, Start, Windows, daily_windows

N = 10_000
EASIEST = 65_535 * 2.0**208


def within(values: np.ndarray, expected: float, errors: float = 3.0) -> bool:
    """The mean lies within so many standard errors of what is expected."""
    return bool(abs(values.mean() - expected) <= errors * values.std(ddof=1) / np.sqrt(len(values)))


@pytest.mark.parametrize(
    ("difficulty", "first", "last", "expected"),
    [
        # The first retarget that moved, at height 32,256: header times of blocks 30,240 and 32,255.
        (1.0, 1261130161, 1262152739, 1.182899534312841),
        # The vectors of Bitcoin Core's own test of the rule (pow_tests.cpp): the lower bound of the time span, ...
        (EASIEST / (0x05A3F4 * 2.0 ** (8 * (0x1C - 3))), 1279008237, 1279297671, None),
        # ... and the upper one.
        (EASIEST / (0x387F6F * 2.0 ** (8 * (0x1C - 3))), 1263163443, 1269211443, None),
    ],
)
def test_retarget_rule_gives_the_chains_own_bits(difficulty: float, first: int, last: int, expected: float) -> None:
    new = retargeted(difficulty, float(last - first))
    if expected is not None:
        assert new == pytest.approx(expected, rel=1e-12)
        return
    bits = {1279008237: (0x0168FD, 0x1C), 1263163443: (0x00E1FD, 0x1D)}[first]
    assert new == pytest.approx(EASIEST / (bits[0] * 2.0 ** (8 * (bits[1] - 3))), rel=1e-12)


def test_target_is_kept_as_the_header_keeps_it() -> None:
    assert encoded_target(0x123456 * 256.0**5 + 77.0) == 0x123456 * 256.0**5
    assert encoded_target(0x923456 * 256.0**5) == 0x9234 * 256.0**6  # a leading bit would mean a minus sign


def test_retarget_is_held_within_a_factor_of_four() -> None:
    assert retargeted(1e12, 1.0) == pytest.approx(4e12, rel=1e-4)
    assert retargeted(1e12, 1e9) == pytest.approx(0.25e12, rel=1e-4)
    assert retargeted(1.0, 1e9) == 1.0  # never easier than the easiest


def test_blocks_of_a_constant_hashrate_are_poisson(start: Start, still: Model) -> None:
    ten_days = simulate(start, still, Windows((10,)), n_paths=N, seed=1).path("blocks")[:, 0].astype(float)
    assert within(ten_days, 1440.0)
    assert ten_days.var(ddof=1) == pytest.approx(1440.0, rel=3 * np.sqrt(2 / N))


def test_epoch_takes_2015_intervals_and_the_retarget_carries_its_luck(start: Start, still: Model) -> None:
    outlook = simulate(start, still, Windows((40,)), n_paths=N, seed=2)
    days = outlook.retarget_days[:, 0]
    assert within(days, 2015 * 600 / 86400)
    assert stats.kstest(days * 144, stats.gamma(2015).cdf).pvalue > 1e-3
    ratio = outlook.retarget_difficulty[:, 0] / start.difficulty
    # The mean of 1/span over a gamma of shape 2015 is 1/2014 of its rate; the target is for 2016.
    assert within(ratio, 2016 / 2014)
    assert ratio.std() == pytest.approx(2016 / 2014 / np.sqrt(2013), rel=3 / np.sqrt(2 * N))


def test_second_epoch_runs_at_the_new_difficulty(start: Start, still: Model) -> None:
    outlook = simulate(start, still, Windows((60,)), n_paths=N, seed=3)
    length = outlook.retarget_days[:, 1] - outlook.retarget_days[:, 0]
    ratio = outlook.retarget_difficulty[:, 0] / start.difficulty
    # 2,016 blocks from one retarget's last block to the next one's, each slower by the ratio.
    assert within(length / ratio, 2016 * 600 / 86400)
    assert within(outlook.retarget_difficulty[:, 1] / outlook.retarget_difficulty[:, 0] * ratio, 2016 / 2014)


def test_a_hashrate_that_jumps_is_caught_up_with_in_steps_of_four(start: Start, still: Model) -> None:
    fast = replace(still, response=replace(Response.none(), hashrate_path_ehs=np.full(40, 64_000.0)))
    outlook = simulate(start, fast, Windows((8,)), n_paths=500, seed=4, n_retargets=4)
    before = np.c_[np.full(500, start.difficulty), outlook.retarget_difficulty[:, :2]]
    ratio = outlook.retarget_difficulty[:, :3] / before
    # 64 times the hashrate: two retargets at the bound, a third that the epoch's luck takes to it or just below.
    np.testing.assert_allclose(ratio[:, :2], 4.0, rtol=1e-4)
    assert np.all((ratio[:, 2] > 3.5) & (ratio[:, 2] <= 4.0001))
    assert np.all(np.diff(outlook.retarget_days[:, :3], axis=1) > 0)
    assert within(outlook.retarget_days[:, 0], 2015 / 9216)


def test_epoch_that_the_origin_cuts_keeps_its_clock(start: Start, still: Model) -> None:
    begun = replace(start, blocks_in_epoch=2015, seconds_in_epoch=2014 * 600.0)
    outlook = simulate(begun, still, Windows((3,)), n_paths=2000, seed=5)
    span_days = outlook.retarget_days[:, 0] + 2014 * 600 / 86400
    expected = [retargeted(start.difficulty, s * 86400) for s in span_days]
    np.testing.assert_allclose(outlook.retarget_difficulty[:, 0], expected, rtol=1e-9)


def test_halving_falls_on_its_height(start: Start, still: Model) -> None:
    before = replace(start, height=1_050_000 - 720, blocks_in_epoch=1)
    subsidy = simulate(before, still, daily_windows(12), n_paths=200, seed=6)
    days = subsidy.path("subsidy_btc")
    assert np.all(days[:, 0] == 3.125) and np.all(days[:, -1] == 1.5625)
    found = np.cumsum(subsidy.path("blocks"), axis=1)
    is_whole_after = np.c_[np.zeros((200, 1)), found[:, :-1]] >= 720
    assert np.all(days[is_whole_after] == 1.5625) and np.all(days[found <= 720] == 3.125)
    issued = (subsidy.path("subsidy_btc") * subsidy.path("blocks")).sum(axis=1)
    np.testing.assert_allclose(issued, 720 * 3.125 + (found[:, -1] - 720) * 1.5625, rtol=1e-5)
    kept = replace(still, policy=replace(still.policy, halving=False))
    assert np.all(simulate(before, kept, daily_windows(12), n_paths=50, seed=6).path("subsidy_btc") == 3.125)


def test_noise_flag_fires_on_one_month_in_twenty_of_a_constant_hashrate(start: Start, still: Model) -> None:
    months = Windows((30, 61))
    outlook = simulate(start, still, months, n_paths=N, seed=7)
    hashrate, blocks = outlook.path("network_hashrate_from_blocks_ehs"), outlook.path("blocks")
    z = change_z(hashrate[:, 1], hashrate[:, 0], blocks[:, 1], blocks[:, 0])
    assert np.mean(np.abs(z) > stats.norm.ppf(0.975)) == pytest.approx(0.05, abs=0.005)


def test_dates_are_the_last_days_of_the_windows(start: Start, still: Model) -> None:
    outlook = simulate(start, still, Windows((31, 61)), n_paths=1)
    assert outlook.dates.tolist() == [dt.date(2025, 10, 31), dt.date(2025, 11, 30)]
