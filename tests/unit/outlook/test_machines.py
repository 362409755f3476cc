"""Machines as strips of options, forwards and options on hashprice: inequalities, identities and closed forms."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from hashdesk.errors import InputError
from hashdesk.outlook.machines import (
    discount_factors,
    estimate,
    find_machine,
    hashprice_forward,
    hashprice_option,
    settlements,
    strip_value,
)
from hashdesk.store.pack import ReferencePack

MODELS = ReferencePack().read("asic_models")


def lognormal(n_paths: int, n_days: int, sd: float, seed: int, mean: float = 50.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return mean * np.exp(sd * rng.standard_normal((n_paths, n_days)) - sd**2 / 2)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1000), cost=st.floats(-10, 120), rate=st.floats(0, 0.5), sd=st.floats(0.01, 1.0))
def test_the_right_to_switch_off_is_never_worth_less_than_nothing(
    seed: int, cost: float, rate: float, sd: float
) -> None:
    value = strip_value(lognormal(20, 30, sd, seed), cost, discount_factors(np.arange(30), rate))
    assert value.option.value >= value.simple.value - 1e-9
    assert value.option.value >= -1e-9
    assert value.option_premium.value == pytest.approx(value.option.value - value.simple.value, abs=1e-9)


def test_both_values_agree_where_no_day_loses_money() -> None:
    revenue = lognormal(50, 100, 0.1, 3)
    value = strip_value(revenue, revenue.min() - 1e-6, np.ones(100))
    assert value.off_frac == 0
    assert value.option.value == value.simple.value
    assert value.option_premium.value == 0


def test_each_day_is_a_call_on_its_revenue() -> None:
    sd, cost, n = 0.4, 55.0, 400_000
    value = strip_value(lognormal(n, 1, sd, 7), cost, [0.9])
    d1 = (math.log(50 / cost) + sd**2 / 2) / sd
    black = 0.9 * (50 * norm.cdf(d1) - cost * norm.cdf(d1 - sd))
    assert abs(value.option.value - black) < 3 * value.option.standard_error


def test_forward_is_the_expected_mean_of_the_periods_days() -> None:
    drift = np.exp(-0.001 * np.arange(61))
    paths = lognormal(20_000, 61, 0.3, 11) * drift
    forwards = hashprice_forward(paths, [31, 61])
    for forward, days in zip(forwards, (slice(0, 31), slice(31, 61)), strict=True):
        assert abs(forward.value - 50 * drift[days].mean()) < 3 * forward.standard_error


@pytest.mark.parametrize("strike", [35.0, 50.0, 65.0])
@pytest.mark.parametrize("seed", range(4))
def test_put_call_parity_holds_within_three_standard_errors(strike: float, seed: int) -> None:
    walk = np.cumsum(0.02 * np.random.default_rng(seed).standard_normal((9_000, 30)), axis=1)
    option = hashprice_option(settlements(50 * np.exp(walk), [30])[:, 0], strike, 0.95)
    assert option.parity_gap.standard_error > 0
    assert abs(option.parity_z) < 3
    # On one set of paths it is an identity.
    forward_value = 0.95 * (option.forward.value - strike)
    assert option.call.value - option.put.value == pytest.approx(forward_value, abs=1e-9)


def test_call_matches_black_on_a_lognormal_settlement() -> None:
    sd, strike = 0.3, 52.0
    option = hashprice_option(lognormal(300_000, 1, sd, 5)[:, 0], strike, 1.0)
    d1 = (math.log(50 / strike) + sd**2 / 2) / sd
    black = 50 * norm.cdf(d1) - strike * norm.cdf(d1 - sd)
    assert abs(option.call.value - black) < 3 * option.call.standard_error


def test_a_machine_is_found_with_or_without_its_maker_and_in_any_case() -> None:
    assert find_machine(MODELS, "antminer s21 xp").efficiency_j_per_th == 13.5
    assert find_machine(MODELS, "Bitmain Antminer  S21 XP") == find_machine(MODELS, "Antminer S21 XP")


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"Did you mean antminer s21 xp|Did you mean Antminer S21"):
        find_machine(MODELS, "Antminer S21 XPP")
    with pytest.raises(InputError, match="Give hashrate_ths"):
        find_machine(MODELS, "###")


def test_a_machine_without_numbers_is_refused() -> None:
    blank = pl.DataFrame(
        {"manufacturer": ["X"], "model": ["Y"], "hashrate_ths": [None], "efficiency_j_per_th": [30.0], "source": ["s"]},
        schema_overrides={"hashrate_ths": pl.Float64},
    )
    with pytest.raises(InputError, match="does not know"):
        find_machine(blank, "Y")


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="rising ends"):
        settlements([[1.0, 2.0]], [2, 2])
    with pytest.raises(InputError, match="rising ends"):
        settlements([[1.0, 2.0]], [3])
    with pytest.raises(InputError, match="strike"):
        hashprice_option(np.ones(100), 0, 1.0)
    with pytest.raises(InputError, match="at least 30"):
        hashprice_option(np.ones(10), 1, 1.0)


def test_standard_error_is_that_of_a_mean() -> None:
    draws = np.random.default_rng(0).normal(3, 2, 10_000)
    assert estimate(draws).standard_error == pytest.approx(0.02, rel=0.05)
