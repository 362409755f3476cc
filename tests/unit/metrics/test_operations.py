"""Realised hashrate, realisation, luck, hashcost and the identity of holdings."""

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest

from hashdesk.errors import InputError
from hashdesk.metrics.company_facts import Observation
from hashdesk.metrics.hashcost import RUNGS, hashcost_ladder, hashcost_usd_per_phs_day
from hashdesk.metrics.operations import (
    NetworkMonths,
    NetworkSpan,
    energy_cost_usd_per_btc,
    holdings_residual_btc,
    realization_frac,
    realized_hashrate_ehs,
)
from hashdesk.metrics.production_luck import SELF_POOL, luck_interval

DAY = dt.date(2025, 9, 30)
SPAN = NetworkSpan(network_btc=13_500.0, network_hashrate_ehs=1_000.0, n_days=30, reward_btc_per_block=3.125)


def observation(value: float, wording: str, as_of: dt.date = DAY) -> Observation:
    return Observation(value, "USD/BTC", as_of.replace(day=1), as_of, as_of, "s", "high", wording)


def network(n_days: int = 30) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "period_start": [dt.date(2025, 9, 1), dt.date(2025, 10, 1)],
            "n_days": [n_days, 31],
            "n_blocks": [4_320.0, 4_464.0],
            "issued_btc_per_day": [450.0, 450.0],
            "fees_btc_per_day": [4.0, 4.0],
            "network_hashrate_ehs": [1_000.0, 1_100.0],
        }
    )


def test_a_network_of_297_ehs_earning_26907_btc_yields_90_6_btc_for_each_ehs() -> None:
    assert 1 / realized_hashrate_ehs(1.0, 26_907, 297) == pytest.approx(90.6, abs=0.005)


def test_realised_hashrate_scales_with_coins_and_is_nan_where_the_network_earned_nothing() -> None:
    value = realized_hashrate_ehs([100.0, 200.0, 100.0], [13_500.0, 13_500.0, 0.0], 1_000.0)
    assert value[1] == pytest.approx(2 * value[0])
    assert math.isnan(value[2])


def test_realisation_needs_both_month_ends() -> None:
    rates = realization_frac([18.0, 18.0, 18.0], [20.0, np.nan, 0.0], [25.0, 25.0, 0.0])
    assert rates[0] == pytest.approx(0.8)
    assert np.isnan(rates[1:]).all()


def test_cost_of_a_coin_does_not_depend_on_the_size_of_the_fleet() -> None:
    small, large = energy_cost_usd_per_btc(20.0, 50.0, [1.0, 40.0], [0.45, 18.0])
    assert small == pytest.approx(large)
    assert small == pytest.approx(24 * 20 * 50 / 0.45)


def test_a_negative_power_price_gives_a_negative_cost() -> None:
    assert energy_cost_usd_per_btc(20.0, -10.0, 1.0, 0.45) < 0


def test_hashcost_of_20_j_per_th_at_50_usd_per_mwh_is_24() -> None:
    assert hashcost_usd_per_phs_day(20, 50) == pytest.approx(24.0)


def test_holdings_that_change_by_mined_less_sold_leave_no_residual() -> None:
    assert holdings_residual_btc(1_000, 1_100, 250, 150) == 0
    assert holdings_residual_btc(1_000, 1_150, 250, 150) == 50


def test_luck_is_about_one_over_the_root_of_the_blocks() -> None:
    luck = luck_interval(50.0, 3.125 * 400, 3.125)
    assert luck.n_blocks == pytest.approx(400)
    assert (luck.high - luck.low) / 2 / 50.0 == pytest.approx(1.96 / 20, rel=0.03)


def test_luck_refuses_a_reward_of_nothing() -> None:
    with pytest.raises(InputError, match="positive reward"):
        luck_interval(50.0, 700.0, 0.0)


def test_every_own_pool_has_its_evidence() -> None:
    assert all(pool.pool and pool.evidence for pool in SELF_POOL.values())


def test_a_span_of_months_pools_coins_and_weighs_hashrate_by_days() -> None:
    months = NetworkMonths(network())
    span = months.span(dt.date(2025, 9, 1), dt.date(2025, 10, 31))
    assert span is not None
    assert span.network_btc == pytest.approx(454 * 61)
    assert span.network_hashrate_ehs == pytest.approx((30 * 1_000 + 31 * 1_100) / 61)


def test_a_month_that_is_not_over_or_not_covered_has_no_span() -> None:
    assert NetworkMonths(network(n_days=15)).span(dt.date(2025, 9, 1), DAY) is None
    assert NetworkMonths(network()).span(dt.date(2025, 9, 1), dt.date(2025, 11, 30)) is None


def ladder(costs: list[Observation], **changes: object) -> dict[str, float | None]:
    given = {
        "day": DAY, "network": SPAN, "efficiency": None, "power_price": None, "interest_usd_per_year": None,
        "realized_ehs": 20.0, "max_age_months": 6.0,
    } | changes  # fmt: skip
    rungs = hashcost_ladder([(cost, SPAN) for cost in costs], **given)  # type: ignore[arg-type]
    assert [rung.id for rung in rungs] == [rung_id for rung_id, _ in RUNGS]
    assert all((rung.usd_per_phs_day is None) == bool(rung.missing) for rung in rungs)
    return {rung.id: rung.usd_per_phs_day for rung in rungs}


def test_a_disclosed_cost_stands_on_the_rung_of_its_words_and_other_rungs_are_missing() -> None:
    found = ladder([observation(60_000.0, "cash cost")])
    assert found.pop("sga") == pytest.approx(60_000 * 0.00045)
    assert set(found.values()) == {None}


def test_words_that_say_too_little_are_placed_on_no_rung() -> None:
    assert set(ladder([observation(60_000.0, "hashcost")]).values()) == {None}


def test_an_old_cost_leaves_its_rung_missing() -> None:
    assert ladder([observation(60_000.0, "power", dt.date(2025, 1, 31))])["energy"] is None


def test_the_energy_rung_falls_back_to_efficiency_times_power_price() -> None:
    found = ladder([], efficiency=observation(20.0, ""), power_price=observation(50.0, "power"))
    assert found["energy"] == pytest.approx(24.0)


def test_interest_is_spread_over_the_realised_hashrate() -> None:
    assert ladder([], interest_usd_per_year=7.3e6)["interest"] == pytest.approx(7.3e6 / 365 / 20_000)
