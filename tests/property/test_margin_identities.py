from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashdesk.assumptions import load_assumptions
from hashdesk.metrics.hpc import mining_per_mw
from hashdesk.metrics.margin import (
    Bounded,
    block_reward_gross_profit_usd_per_ehs_day,
    breakeven_efficiency_j_per_th,
    breakeven_power_price_usd_per_mwh,
    gross_margin_frac,
    hashcost_usd_per_phs_day,
    margins,
    network_power_cost_usd_per_btc,
    power_cost_usd_per_ehs_day,
)
from hashdesk.metrics.opportunity import four_year_subsidy_btc

REVENUES = st.floats(1e3, 1e6)
EFFICIENCIES = st.floats(5, 200)
PRICES = st.floats(1, 500)
FIGURES = (
    "power_cost_usd_per_ehs_day",
    "block_reward_gross_profit_usd_per_ehs_day",
    "gross_margin_frac",
    "breakeven_efficiency_j_per_th",
    "breakeven_power_price_usd_per_mwh",
)


@given(REVENUES, EFFICIENCIES, PRICES)
def test_margin_times_revenue_is_gross_profit(revenue: float, efficiency: float, price: float) -> None:
    cost = power_cost_usd_per_ehs_day(efficiency, price)
    profit = block_reward_gross_profit_usd_per_ehs_day(revenue, cost)
    assert gross_margin_frac(revenue, cost) * revenue == pytest.approx(profit, rel=1e-9, abs=1e-6)


@given(REVENUES, EFFICIENCIES, PRICES)
def test_at_breakeven_nothing_is_left(revenue: float, efficiency: float, price: float) -> None:
    at_efficiency = power_cost_usd_per_ehs_day(breakeven_efficiency_j_per_th(revenue, price), price)
    at_price = power_cost_usd_per_ehs_day(efficiency, breakeven_power_price_usd_per_mwh(revenue, efficiency))
    assert at_efficiency == pytest.approx(revenue)
    assert at_price == pytest.approx(revenue)


@given(REVENUES, EFFICIENCIES, PRICES)
def test_a_machine_earns_its_power_where_it_beats_both_breakevens(
    revenue: float, efficiency: float, price: float
) -> None:
    profit = block_reward_gross_profit_usd_per_ehs_day(revenue, power_cost_usd_per_ehs_day(efficiency, price))
    if abs(profit) > 1e-6 * revenue:
        assert (profit > 0) == (efficiency < breakeven_efficiency_j_per_th(revenue, price))
        assert (profit > 0) == (price < breakeven_power_price_usd_per_mwh(revenue, efficiency))


@given(EFFICIENCIES, PRICES, st.floats(1, 1e4), st.floats(1, 1e3))
def test_a_bitcoin_costs_all_of_its_price_where_the_margin_is_zero(
    efficiency: float, price: float, hashrate: float, coins: float
) -> None:
    cost = power_cost_usd_per_ehs_day(efficiency, price)
    per_coin = network_power_cost_usd_per_btc(cost, hashrate, coins)
    assert gross_margin_frac(coins * per_coin / hashrate, cost) == pytest.approx(0, abs=1e-9)
    assert hashcost_usd_per_phs_day(efficiency, price) * 1000 == pytest.approx(cost)


@given(
    REVENUES,
    st.floats(0.9, 1),
    st.floats(1, 1.1),
    EFFICIENCIES,
    st.floats(0.9, 1),
    st.floats(1, 1.1),
    st.floats(-50, -0.01) | st.just(0.0) | PRICES,
)
def test_every_point_of_both_intervals_lands_inside_the_bounds(
    revenue: float, r_low: float, r_high: float, efficiency: float, e_low: float, e_high: float, price: float
) -> None:
    def bounded(value: float, low: float, high: float) -> Bounded:
        return Bounded(np.array([value]), np.array([value * low]), np.array([value * high]))

    outer = margins(bounded(revenue, r_low, r_high), bounded(efficiency, e_low, e_high), price)
    for r in np.linspace(r_low, r_high, 4):
        for e in np.linspace(e_low, e_high, 4):
            inner = margins(bounded(revenue * r, 1, 1), bounded(efficiency * e, 1, 1), price)
            for name in FIGURES:
                inside, bounds = getattr(inner, name).value[0], getattr(outer, name)
                slack = 1e-9 * max(abs(inside), revenue)
                if np.isnan(inside):
                    assert price <= 0
                else:
                    assert bounds.low[0] - slack <= inside <= bounds.high[0] + slack


@given(REVENUES, EFFICIENCIES, PRICES)
def test_mining_on_a_megawatt_scales_with_the_machines_on_it(revenue: float, efficiency: float, price: float) -> None:
    mining = mining_per_mw(revenue, efficiency, price)
    margin = gross_margin_frac(revenue, power_cost_usd_per_ehs_day(efficiency, price))
    assert mining.revenue_usd_m_per_mw_year * margin == pytest.approx(
        mining.gross_profit_usd_m_per_mw_year, rel=1e-9, abs=1e-9
    )


@given(st.integers(0, 7_000_000))
def test_four_years_of_subsidy_never_rise_with_height(height: int) -> None:
    assert four_year_subsidy_btc(height + 1) <= four_year_subsidy_btc(height)


@given(st.dates(dt.date(2023, 12, 1), dt.date(2026, 12, 31)))
def test_the_efficiency_band_contains_its_line(day: dt.date) -> None:
    estimate = load_assumptions().efficiency(day)
    assert estimate.low is not None and estimate.high is not None
    assert estimate.low < estimate.value < estimate.high
