"""The network's response: closed forms without it, the right signs with it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hashdesk.metrics.hashprice import hashprice_usd_per_phs_day
from hashdesk.outlook.engine import simulate
from hashdesk.outlook.model import Fleet, GbmPrice, Model, Policy, Response, Start, UserPrice, Windows, daily_windows


def test_without_response_hashrate_grows_as_told(start: Start, still: Model) -> None:
    model = replace(still, response=Response.none(0.001))
    hashrate = simulate(start, model, daily_windows(365), n_paths=3).path("network_hashrate_ehs")
    expected = start.network_hashrate_ehs * np.exp(0.001 * np.arange(1, 366))
    np.testing.assert_allclose(hashrate, np.tile(expected, (3, 1)), rtol=1e-6)


def test_without_response_income_follows_the_formulas(start: Start, still: Model) -> None:
    outlook = simulate(start, still, daily_windows(10), n_paths=3)
    np.testing.assert_allclose(
        outlook.path("block_reward_revenue_usd_per_ehs_day"), 144 * 3.125 * 1e5 / 1000, rtol=1e-6
    )
    hashprice = hashprice_usd_per_phs_day(start.difficulty, 3.125 + 0.05, 1e5)
    np.testing.assert_allclose(outlook.path("hashprice_usd_per_phs_day"), hashprice, rtol=1e-6)
    profit = 144 * 3.125 * 1e5 / 1000 - 24 * 20 * 50
    np.testing.assert_allclose(outlook.path("block_reward_gross_profit_usd_per_ehs_day"), profit, rtol=1e-5)
    np.testing.assert_allclose(outlook.path("power_cost_usd_per_ehs_day"), 24 * 20 * 50, rtol=1e-5)
    np.testing.assert_allclose(outlook.path("breakeven_power_price_usd_per_mwh"), 45_000 / (24 * 20), rtol=1e-5)
    np.testing.assert_allclose(outlook.path("breakeven_efficiency_j_per_th"), 45_000 / (24 * 50), rtol=1e-5)


def test_level_error_and_outages_have_their_spread(start: Start, still: Model) -> None:
    n = 20_000
    model = replace(still, response=replace(Response.none(), outage_log_sd=0.05, outage_reversion_per_day=0.2))
    begun = replace(start, hashrate_log_sd=0.03)
    log = np.log(simulate(begun, model, daily_windows(60), n_paths=n).path("network_hashrate_ehs")[:, -1] / 1000)
    assert log.std() == pytest.approx(math.hypot(0.05, 0.03), rel=3 / np.sqrt(2 * n))


def test_lasting_shocks_add_up_over_weeks(start: Start, still: Model) -> None:
    n = 20_000
    model = replace(still, response=replace(Response.none(), growth_noise_per_week=0.02, noise_dof=30.0))
    log = np.log(simulate(start, model, daily_windows(70), n_paths=n).path("network_hashrate_ehs")[:, -1] / 1000)
    assert log.std() == pytest.approx(0.02 * np.sqrt(10), rel=3.2 / np.sqrt(2 * n))


def test_hashrate_at_the_origin_is_the_one_seen(start: Start, moving: Model) -> None:
    quiet = replace(moving, response=Response.none())
    first = simulate(start, quiet, daily_windows(1), n_paths=5).path("network_hashrate_ehs")
    np.testing.assert_allclose(first, 1000.0, rtol=0.02)


def test_a_higher_price_brings_more_hashrate_and_a_lower_one_switches_off(start: Start, moving: Model) -> None:
    paths = {}
    for factor in (0.35, 1.0, 2.0):
        model = replace(moving, price=UserPrice(np.full(365, factor * 1e5)))
        outlook = simulate(start, model, Windows((60, 365)), n_paths=500)
        paths[factor] = (outlook.mean("network_hashrate_ehs"), outlook.mean("online_frac"))
    assert np.all(paths[0.35][0] < paths[1.0][0]) and np.all(paths[1.0][0] < paths[2.0][0])
    assert paths[0.35][1][0] < 0.9 * paths[1.0][1][0]


def test_a_chain_whose_price_collapses_still_finds_blocks(start: Start, moving: Model) -> None:
    model = replace(moving, price=UserPrice(np.full(365, 5_000.0)))
    outlook = simulate(start, model, Windows((300, 365)), n_paths=200)
    assert outlook.path("blocks").min() > 0
    assert outlook.path("network_hashrate_ehs").min() > 0.05 * 1000


def test_efficiency_of_the_fleet_improves_as_machines_are_replaced(start: Start, moving: Model) -> None:
    outlook = simulate(start, moving, daily_windows(730), n_paths=200)
    median = outlook.quantiles("efficiency_j_per_th", (0.5,))[0]
    assert median[-1] < 0.85 * median[0]
    assert median[-1] > 15.0 * math.exp(-0.0004 * 730)  # never better than the newest machine


def test_dearer_power_costs_profit_and_hashrate(start: Start, moving: Model) -> None:
    model = replace(moving, price=GbmPrice(0.0, 0.0, 0.01))
    spike = replace(model, policy=Policy(power_price_factor=np.full(120, 2.0)))
    a, b = (simulate(start, m, Windows((7, 120)), n_paths=100) for m in (model, spike))
    assert np.all(b.mean("network_hashrate_ehs")[1] < 0.9 * a.mean("network_hashrate_ehs")[1])
    profit = "block_reward_gross_profit_usd_per_ehs_day"
    assert b.mean(profit)[0] < a.mean(profit)[0] - 10_000


def test_a_country_switches_off_and_comes_back(start: Start, still: Model) -> None:
    offline = np.zeros(40)
    offline[10:20] = 0.3
    model = replace(still, policy=Policy(offline_frac=offline))
    hashrate = simulate(start, model, daily_windows(40), n_paths=1).path("network_hashrate_ehs")[0]
    np.testing.assert_allclose(hashrate, np.where(offline > 0, 700.0, 1000.0), rtol=1e-6)


def test_converted_sites_leave_for_good(start: Start, still: Model) -> None:
    change = np.zeros(40)
    change[10] = -2.0
    model = replace(still, policy=Policy(capacity_change_ehs=change))
    hashrate = simulate(start, model, daily_windows(40), n_paths=1).path("network_hashrate_ehs")[0]
    np.testing.assert_allclose(hashrate[:10], 1000.0, rtol=1e-6)
    np.testing.assert_allclose(hashrate[10:], 998.0, rtol=1e-6)


def test_conversions_take_at_most_a_quarter_of_what_is_left_in_a_quarter(start: Start, still: Model) -> None:
    quarter = 91
    model = replace(still, policy=Policy(capacity_change_ehs=np.full(2 * quarter, -500.0)))
    hashrate = simulate(start, model, daily_windows(2 * quarter), n_paths=1).path("network_hashrate_ehs")[0]
    np.testing.assert_allclose(hashrate[[quarter - 1, -1]], [750.0, 562.5], rtol=5e-3)


def test_fleet_that_always_runs_has_no_cost_curve() -> None:
    assert Fleet.single(20.0).power_price_log_spread == 0.0


def test_a_network_that_earns_nothing_shrinks_but_the_chain_goes_on(start: Start, still: Model) -> None:
    """Revenue far below entry for two years: blocks and retargets still come, and every figure stays finite."""
    answer = replace(
        Response.none(),
        growth_per_day=-0.05,
        entry_log_usd_per_ehs_day=math.log(45_000.0) + 60.0,
        sensitivity_per_day=0.002,
        delivery_lag_days=45.0,
        growth_noise_per_week=0.15,
        noise_dof=2.6,
    )
    outlook = simulate(start, replace(still, response=answer), Windows(tuple(range(30, 731, 30))), n_paths=2000)
    for name in outlook.paths:
        assert np.isfinite(outlook.path(name)).all(), name
    for name in ("power_cost_usd_per_ehs_day", "breakeven_efficiency_j_per_th"):
        assert np.isfinite(outlook.path(name)).all(), name
    assert np.mean(outlook.path("blocks")[:, -1] > 100) > 0.99
