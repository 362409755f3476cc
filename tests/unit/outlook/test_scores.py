"""Scores against closed forms, and a test of differences with the right size."""

import numpy as np
import pytest
from scipy import stats

from hashdesk.errors import InputError
from hashdesk.outlook.scores import crps, diebold_mariano, pinball, rank_frac


def test_crps_of_a_normal_ensemble_meets_the_closed_form() -> None:
    draws = np.random.default_rng(1).normal(2.0, 3.0, 20_000)
    z = (1.0 - 2.0) / 3.0
    closed = 3.0 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert crps(draws, 1.0) == pytest.approx(closed, abs=0.05)


def test_fair_crps_does_not_depend_on_the_ensemble_size() -> None:
    rng = np.random.default_rng(2)
    outcomes = rng.normal(size=4000)
    few, many = ([crps(rng.normal(size=n), y) for y in outcomes] for n in (3, 60))
    error = np.std(few) / np.sqrt(4000)
    assert abs(np.mean(few) - np.mean(many)) < 3 * error


def test_crps_equals_the_double_sum() -> None:
    x = np.array([3.0, -1.0, 0.5, 7.0])
    pairs = np.abs(x[:, None] - x[None, :]).sum() / (2 * 4 * 3)
    assert crps(x, 2.0) == pytest.approx(np.abs(x - 2.0).mean() - pairs)
    with pytest.raises(InputError, match="at least 2"):
        crps([1.0], 1.0)


def test_pinball_is_least_at_the_true_quantiles() -> None:
    rng = np.random.default_rng(3)
    outcomes = rng.normal(size=3000)
    quantiles = stats.norm.ppf((np.arange(999) + 0.5) / 999)
    losses = [np.mean([pinball(quantiles * s + b, y) for y in outcomes]) for s, b in ((1, 0), (1.4, 0), (1, 0.4))]
    assert losses[0] < min(losses[1:])


def test_ranks_of_a_right_forecast_are_uniform() -> None:
    rng = np.random.default_rng(4)
    ranks = [rank_frac(rng.normal(size=199), rng.normal()) for _ in range(4000)]
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3
    assert rank_frac([1.0, 1.0], 1.0) == 0.5


def test_diebold_mariano_is_the_t_statistic_at_one_step_without_lags() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 200))
    statistic, p = diebold_mariano(a, b + 0.5, 1)
    assert statistic < -3 and p < 0.01
    other, _ = diebold_mariano(b + 0.5, a, 1)
    assert other == pytest.approx(-statistic)


@pytest.mark.parametrize("horizon", [1, 3, 6])
def test_diebold_mariano_rarely_cries_wolf_on_overlapping_errors(horizon: int) -> None:
    rng = np.random.default_rng(6)
    fires = 0
    for _ in range(1000):
        shocks = rng.normal(size=150 + horizon)
        d = np.convolve(shocks, np.ones(horizon), mode="valid")[:150]
        fires += diebold_mariano(d, np.zeros(150), horizon)[1] < 0.05
    assert fires / 1000 < 0.12


def test_diebold_mariano_says_nothing_on_too_few_or_equal_losses() -> None:
    assert np.isnan(diebold_mariano(np.ones(20), np.zeros(20), 12)[1])
    assert np.isnan(diebold_mariano(np.ones(50), np.ones(50), 1)[1])
