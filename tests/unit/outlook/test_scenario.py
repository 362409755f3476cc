"""Scenarios: what they change, and one clear line for what cannot be."""

import datetime as dt
import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from hashdesk.errors import InputError
from hashdesk.outlook.engine import simulate
from hashdesk.outlook.model import (
    FeeModel,
    FilteredHistoricalPrice,
    Fleet,
    GbmPrice,
    Model,
    Response,
    Start,
    StochasticVolatilityPrice,
    UserPrice,
    daily_windows,
)
from hashdesk.outlook.scenario import apply_scenario, describe_scenario, parse_scenario

HEAD = 'name = "x"\nlabel = "X"\nsource = "me"\nas_of = 2025-09-30\n'
START = Start(dt.date(2025, 10, 1), 917_000, 1.42e14, 1884, 1e6, 1_060.0, 0.03, 114_000.0)
MODEL = Model(StochasticVolatilityPrice(), FeeModel.constant(0.02), Response.none(0.001), Fleet.single(19.0))
BUILT_IN = ("ai_pull", "base", "bear", "bull", "energy_spike", "hashrate_shock")
DAYS = 730


def applied(text: str, model: Model = MODEL, n_days: int = DAYS) -> Model:
    return apply_scenario(parse_scenario(HEAD + text, "f.toml"), START, model, n_days, origin="f.toml").model


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_scenario_can_be_read_and_applied(name: str) -> None:
    text = files("hashdesk.outlook").joinpath("scenarios", f"{name}.toml").read_text(encoding="utf-8")
    scenario = parse_scenario(text, f"{name}.toml")
    assert scenario.name == name
    assert scenario.source
    done = apply_scenario(scenario, START, MODEL, DAYS)
    policy = done.model.policy
    driven = [policy.power_price_factor, policy.capacity_change_ehs, policy.offline_frac]
    assert (done.model.price == MODEL.price and all(part is None for part in driven)) == (name == "base")
    assert describe_scenario(scenario)
    assert done.caveats == ()


def test_base_changes_nothing() -> None:
    model = applied("")
    assert model.price == MODEL.price
    assert model.response == MODEL.response
    assert model.policy.offline_frac is None
    assert model.policy.halving


def test_drift_is_that_of_the_median_over_a_year() -> None:
    price = applied("[price]\ndrift_frac_per_year = -0.5\nvolatility_frac_per_year = 0.8").price
    assert isinstance(price, StochasticVolatilityPrice)
    assert price.log_drift_per_year == pytest.approx(math.log(0.5))
    assert price.volatility_now_per_year == 0.8


def test_volatility_reaches_every_kind_of_price_model() -> None:
    text = "[price]\nvolatility_frac_per_year = 0.8"
    gbm = applied(text, replace(MODEL, price=GbmPrice())).price
    assert isinstance(gbm, GbmPrice)
    assert gbm.volatility_per_year == 0.8
    history = FilteredHistoricalPrice(np.array([-1.0, 1.0]), 1e-3, 1e-3)
    filtered = applied(text, replace(MODEL, price=history)).price
    assert isinstance(filtered, FilteredHistoricalPrice)
    assert filtered.variance_long_per_day == pytest.approx(0.64 / 365)


def test_volatility_asked_for_is_that_of_the_simulated_moves() -> None:
    calm = apply_scenario(
        parse_scenario(HEAD + "[price]\ndrift_frac_per_year = 0\nvolatility_frac_per_year = 0.6", "f"),
        START,
        MODEL,
        DAYS,
    )
    run = simulate(START, calm.model, daily_windows(DAYS), n_paths=2_000, seed=1, keep=("btc_price_end_usd",))
    moves = np.diff(np.log(run.path("btc_price_end_usd").astype(np.float64)), axis=1)
    assert np.sqrt(np.mean(moves**2) * 365) == pytest.approx(0.6, rel=0.03)


def test_a_point_after_the_horizon_still_draws_the_path_towards_it() -> None:
    text = '[price]\npath_usd = { "+0d" = 100000, "+12m" = 50000 }'
    whole, cut = applied(text).price, applied(text, n_days=100).price
    assert isinstance(whole, UserPrice)
    assert isinstance(cut, UserPrice)
    np.testing.assert_allclose(cut.btc_price_usd, whole.btc_price_usd[:100])


def test_without_an_answer_of_miners_hashrate_grows_at_exactly_the_rate() -> None:
    curve = Fleet((30.0, 20.0), (0.5, 0.5), 15.0, 0.0, 80.0, 0.4)
    model = applied("[hashrate]\ngrowth_frac_per_year = 0.5\nresponds = false", replace(MODEL, fleet=curve))
    run = simulate(replace(START, hashrate_log_sd=0.0), model, daily_windows(365), n_paths=3, seed=1)
    np.testing.assert_allclose(run.path("network_hashrate_ehs")[:, -1] / START.network_hashrate_ehs, 1.5, rtol=1e-4)


def test_a_tenth_of_hashrate_off_means_a_tenth_fewer_blocks_and_then_a_tenth_less_difficulty() -> None:
    steady = replace(START, difficulty=1_000 * 600 * 1e18 / 2**32, network_hashrate_ehs=1_000.0, hashrate_log_sd=0.0,
                     blocks_in_epoch=1, seconds_in_epoch=1.0)  # fmt: skip
    still = replace(MODEL, response=Response.none(0.0))
    runs = [
        simulate(steady, apply_scenario(parse_scenario(HEAD + text, "f"), steady, still, 90).model, daily_windows(90),
                 n_paths=2_000, seed=1)
        for text in ("", '[[shock]]\nstart = "+28d"\noffline_frac = 0.1')
    ]  # fmt: skip
    blocks = [run.path("blocks")[:, 30:40].sum(axis=1).mean() for run in runs]
    assert blocks[1] / blocks[0] == pytest.approx(0.9, abs=0.003)
    difficulty = [run.path("difficulty")[:, -1].mean() for run in runs]
    assert difficulty[1] / difficulty[0] == pytest.approx(0.9, abs=0.006)


def test_price_path_is_straight_in_the_logarithm_and_flat_after_its_end() -> None:
    price = applied('[price]\npath_usd = { "2026-01" = 57000, "+12m" = 57000 }').price
    assert isinstance(price, UserPrice)
    at = (dt.date(2026, 1, 1) - START.date).days
    assert price.btc_price_usd.shape == (DAYS,)
    assert price.btc_price_usd[at] == pytest.approx(57_000)
    middle = price.btc_price_usd[(at - 1) // 2]
    assert middle == pytest.approx(math.sqrt(114_000 * 57_000), rel=0.01)
    np.testing.assert_allclose(price.btc_price_usd[at:], 57_000)


def test_shock_goes_off_and_comes_back_over_time() -> None:
    policy = applied('[[shock]]\nstart = "+3m"\noffline_frac = 0.3\nback_after_days = 10\nback_over_days = 3').policy
    assert policy.offline_frac is not None
    at = (dt.date(2026, 1, 1) - START.date).days
    np.testing.assert_allclose(policy.offline_frac[at - 1 : at + 15], [0] + [0.3] * 10 + [0.225, 0.15, 0.075, 0, 0])


def test_two_shocks_at_once_leave_the_product() -> None:
    policy = applied(
        '[[shock]]\nstart = "+0d"\noffline_frac = 0.5\n[[shock]]\nstart = "+0d"\noffline_frac = 0.5'
    ).policy
    assert policy.offline_frac is not None
    np.testing.assert_allclose(policy.offline_frac, 0.75)


def test_conversion_takes_the_megawatts_off_evenly() -> None:
    policy = applied("[hpc]\nmw_per_quarter = 950\nquarters = 2\nefficiency_j_per_th = 19").policy
    assert policy.capacity_change_ehs is not None
    assert policy.capacity_change_ehs.sum() == pytest.approx(-100, rel=0.01)
    assert policy.capacity_change_ehs.max() == 0


def test_power_spike_multiplies_for_its_days_only() -> None:
    policy = applied('[power]\nfactor = 1.1\n[[power.spike]]\nstart = "+10d"\ndays = 7\nfactor = 2').policy
    assert policy.power_price_factor is not None
    np.testing.assert_allclose(policy.power_price_factor[8:19], [1.1, 1.1] + [2.2] * 7 + [1.1, 1.1])


def test_growth_response_fees_and_fleet_are_set() -> None:
    model = applied(
        "[hashrate]\ngrowth_frac_per_year = 0.2\nresponds = false\n[fees]\nbtc_per_block = 0.5\nfactor = 2\n"
        "[power]\nprice_usd_per_mwh = 70\n[halving]\nhappens = false"
    )
    assert model.response.growth_per_day == pytest.approx(math.log(1.2) / 365)
    assert model.response.sensitivity_per_day == 0
    assert model.fees == FeeModel.constant(0.5)
    assert model.fleet.power_price_usd_per_mwh == 70
    assert model.policy.fee_factor is not None
    assert not model.policy.halving


def test_what_lies_after_the_horizon_is_said_to_have_no_effect() -> None:
    scenario = parse_scenario(HEAD + '[[shock]]\nstart = "2030-01"\noffline_frac = 0.3', "f.toml")
    done = apply_scenario(scenario, START, MODEL, DAYS)
    assert "no effect" in done.caveats[0]
    assert done.model.policy.offline_frac is not None
    assert not done.model.policy.offline_frac.any()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[prize]\n", "unknown key prize. Did you mean price?"),
        ("[price]\ndrift = 1", "unknown key price.drift. Did you mean price.drift_frac_per_year?"),
        ('[[shock]]\nstrat = "+3m"\noffline_frac = 0.3', "Did you mean shock.0.start?"),
        (
            '[hashrate]\npath_ehs = { "2026-01" = -5 }',
            "hashrate.path_ehs.2026-01: expected a value greater than 0, got -5",
        ),
        ("[power]\nprice_usd_per_mwh = 1e6", "power.price_usd_per_mwh: expected a value less than or equal to 500"),
        ("[hashrate]\ngrowth_frac_per_year = 50", "hashrate.growth_frac_per_year"),
        ("[halving]\nheight = 900000", "halvings come every 210,000 blocks, by the rules of the chain"),
        ('[[shock]]\nstart = "soon"\noffline_frac = 0.3', "shock.0.start: expected a month"),
        ('[[shock]]\nstart = "+3m"\noffline_frac = 1.3', "shock.0.offline_frac"),
        ('[price]\npath_usd = { "2026-01" = 9e4 }\ndrift_frac_per_year = 0.1', "either path_usd or drift"),
        ("price = ", "not TOML"),
        ("price = 3", "price: expected a table of keys and values, got 3"),
        ("[power]\nfactor = true", "power.factor: expected a number, got True"),
        ('[halving]\nhappens = "no"', "halving.happens: expected true or false"),
        ("[price]\npath_usd = {}", "price.path_usd: expected at least one entry"),
        ('[shock]\nstart = "+3m"', "shock: expected a list of tables"),
        (
            '[hashrate]\npath_ehs = { "2026-01" = 1000 }\n[[shock]]\nstart = "+3m"\noffline_frac = 0.3',
            "expected no shock and no hpc beside it",
        ),
        ('[[power.spike]]\nstart = "+3m"\ndays = 3\nfactor = 2', "greater than or equal to 7, got 3"),
        ('[hpc]\nstart = "+3m"', "hpc.mw_per_quarter is missing"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_with_file_and_key(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_scenario(HEAD + text, "f.toml")
    line = str(caught.value)
    assert said in line
    assert "f.toml" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[hpc]\nmw_per_quarter = 90000", "all miners draw, about 20,140 MW"),
        ('[[shock]]\nstart = "2024-01"\noffline_frac = 0.3', "before the outlook begins"),
        ('[[shock]]\nstart = "2026-02-31"\noffline_frac = 0.3', "not a day of the calendar"),
    ],
)
def test_what_cannot_be_at_this_start_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        applied(text)


def test_name_and_source_are_demanded() -> None:
    with pytest.raises(InputError, match="source is missing"):
        parse_scenario('name = "x"\nlabel = "X"\nas_of = 2025-09-30\n', "f.toml")
