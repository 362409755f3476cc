from __future__ import annotations

import numpy as np
import pytest

from hashdesk.errors import InputError
from hashdesk.metrics.margin import (
    Bounded,
    block_reward_gross_profit_usd_per_ehs_day,
    breakeven_efficiency_j_per_th,
    breakeven_power_price_usd_per_mwh,
    gross_margin_frac,
    gross_profit_change_z,
    margins,
    network_power_cost_usd_per_btc,
    power_cost_usd_per_ehs_day,
)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


REVENUE = Bounded(column(50_000, np.nan), column(48_000, np.nan), column(52_000, np.nan))
EFFICIENCY = Bounded(column(20, 20), column(19, 19), column(21, 21))


def test_a_missing_input_gives_a_missing_figure() -> None:
    assert np.isnan(power_cost_usd_per_ehs_day(np.nan, 50))
    assert np.isnan(block_reward_gross_profit_usd_per_ehs_day(np.nan, 24_000))
    assert np.isnan(gross_margin_frac([np.nan, 1.0], [1.0, np.nan])).all()
    assert np.isnan(breakeven_power_price_usd_per_mwh(np.nan, 20))


def test_margin_of_no_revenue_is_not_known() -> None:
    assert np.isnan(gross_margin_frac(0, 24_000))


def test_margin_is_negative_where_power_costs_more_than_it_earns() -> None:
    assert float(gross_margin_frac(20_000, 24_000)) == pytest.approx(-0.2)


def test_no_efficiency_breaks_even_at_a_price_of_zero_or_below() -> None:
    assert np.isnan(breakeven_efficiency_j_per_th(50_000, [0.0, -10.0])).all()


@pytest.mark.parametrize("bad", [0.0, -1.0, [20.0, 0.0]])
def test_an_efficiency_at_or_below_zero_is_refused(bad: object) -> None:
    for refused in (
        lambda: power_cost_usd_per_ehs_day(bad, 50),  # type: ignore[arg-type]
        lambda: breakeven_power_price_usd_per_mwh(50_000, bad),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match="above 0 J/TH"):
            refused()


def test_bounds_are_the_corners_of_revenue_and_efficiency() -> None:
    result = margins(REVENUE, EFFICIENCY, 50)
    profit, margin = result.block_reward_gross_profit_usd_per_ehs_day, result.gross_margin_frac
    assert (profit.value[0], profit.low[0], profit.high[0]) == (26_000, 48_000 - 25_200, 52_000 - 22_800)
    assert margin.low[0] == pytest.approx(1 - 25_200 / 48_000)
    assert margin.high[0] == pytest.approx(1 - 22_800 / 52_000)
    assert result.power_cost_usd_per_ehs_day.low[0] == 22_800
    assert result.breakeven_efficiency_j_per_th.low[0] == pytest.approx(40)
    assert result.breakeven_power_price_usd_per_mwh.high[0] == pytest.approx(52_000 / 24 / 19)


def test_a_month_without_revenue_keeps_its_cost_and_loses_the_rest() -> None:
    result = margins(REVENUE, EFFICIENCY, 50)
    assert result.power_cost_usd_per_ehs_day.value[1] == 24_000
    assert np.isnan(result.block_reward_gross_profit_usd_per_ehs_day.low[1])
    assert np.isnan(result.gross_margin_frac.value[1])


def test_bounds_stay_in_order_at_a_negative_price() -> None:
    cost = margins(REVENUE, EFFICIENCY, -10).power_cost_usd_per_ehs_day
    assert (cost.low[0], cost.value[0], cost.high[0]) == (-5_040, -4_800, -4_560)


def test_an_efficiency_without_a_band_leaves_the_interval_of_revenue() -> None:
    exact = Bounded(column(20, 20), column(np.nan, np.nan), column(np.nan, np.nan))
    profit = margins(REVENUE, exact, 50).block_reward_gross_profit_usd_per_ehs_day
    assert (profit.low[0], profit.high[0]) == (24_000, 28_000)


def test_cost_of_one_bitcoin_is_unknown_where_none_was_earned() -> None:
    assert np.isnan(network_power_cost_usd_per_btc(24_000, 1_000, 0))


def test_noise_alone_moves_gross_profit_by_about_one_standard_error() -> None:
    rng = np.random.default_rng(7)
    mean_blocks, cost = 4_400.0, 24_000.0
    blocks = rng.poisson(mean_blocks, size=(2, 20_000)).astype(float)
    revenue = 50_000 * mean_blocks / blocks
    profit = revenue - cost
    z = gross_profit_change_z(profit[1], profit[0], revenue[1], revenue[0], blocks[1], blocks[0])
    assert z.std() == pytest.approx(1, abs=4 / np.sqrt(2 * 20_000))
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.05, abs=0.0075)
