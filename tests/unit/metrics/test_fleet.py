from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.assumptions import load_assumptions
from hashdesk.metrics.fleet import age_weight, fleet_on, industrial_models

DAY = dt.date(2025, 9, 30)
BELIEFS = load_assumptions()
SCHEMA = {
    "manufacturer": pl.String,
    "model": pl.String,
    "efficiency_j_per_th": pl.Float64,
    "segment": pl.String,
    "status": pl.String,
    "released_on": pl.Date,
    "release_precision": pl.String,
    "confidence": pl.String,
}


def models(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def machine(
    name: str,
    efficiency: float | None,
    released: dt.date | None,
    precision: str = "month",
    segment: str = "industrial",
    status: str | None = None,
    confidence: str = "high",
) -> tuple[object, ...]:
    return ("Maker", name, efficiency, segment, status, released, precision, confidence)


NEW, OLD = dt.date(2025, 3, 1), dt.date(2022, 3, 1)


def test_the_mean_is_weighted_by_age_and_leaves_out_what_loses_money() -> None:
    table = models(machine("New", 15.0, NEW), machine("Old", 25.0, OLD), machine("Hungry", 45.0, OLD))
    fleet = fleet_on(table, DAY, 48_000.0, 1_000.0, BELIEFS)
    assert fleet.efficiency_j_per_th.value == pytest.approx((15 + 0.4 * 25) / 1.4)
    assert (fleet.efficiency_j_per_th.low, fleet.efficiency_j_per_th.high) == (15, 25)
    assert fleet.models["is_profitable"].to_list() == [True, True, False]


def test_power_is_efficiency_times_hashrate_times_pue() -> None:
    fleet = fleet_on(models(machine("New", 15.0, NEW), machine("Old", 25.0, NEW)), DAY, 48_000.0, 1_000.0, BELIEFS)
    power = fleet.power_gw
    assert (power.value, power.low, power.high) == pytest.approx((20 * 1.10, 15 * 1.01, 25 * 1.20))


def test_a_higher_power_price_drops_the_worst_machines() -> None:
    table = models(machine("New", 15.0, NEW), machine("Old", 25.0, OLD))
    dear = fleet_on(table, DAY, 48_000.0, 1_000.0, BELIEFS.override(power_price_usd_per_mwh=100))
    assert dear.efficiency_j_per_th.value == pytest.approx(15)
    paid = fleet_on(table, DAY, 48_000.0, 1_000.0, BELIEFS.override(power_price_usd_per_mwh=-5))
    assert paid.models["is_profitable"].all()


def test_where_no_machine_earns_its_power_the_fleet_is_not_known() -> None:
    fleet = fleet_on(models(machine("New", 15.0, NEW)), DAY, 10_000.0, 1_000.0, BELIEFS)
    assert fleet.efficiency_j_per_th.value is None
    assert fleet.power_gw.value is None
    assert "No model" in fleet.caveats[0]
    assert len(fleet.models) == 1


def test_an_empty_list_is_said_to_be_empty() -> None:
    fleet = fleet_on(models(), DAY, 48_000.0, 1_000.0, BELIEFS)
    assert fleet.efficiency_j_per_th.value is None
    assert "no model" in fleet.caveats[0]


def test_what_nobody_can_have_bought_or_runs_at_home_is_left_out() -> None:
    table = models(
        machine("Sold", 15.0, NEW),
        machine("Coming", 9.5, NEW, status="announced"),
        machine("Heater", 18.6, NEW, segment="home"),
        machine("Undated", 12.0, None),
        machine("Unmeasured", None, NEW),
        machine("Shipping", 14.0, NEW, status="shipping"),
    )
    assert industrial_models(table)["model"].to_list() == ["Shipping", "Sold"]


def test_a_machine_of_this_year_of_unknown_month_counts_in_part_and_sets_no_bound() -> None:
    table = models(machine("Sure", 15.0, NEW), machine("Perhaps", 9.5, dt.date(2025, 1, 1), "year"))
    fleet = fleet_on(table, DAY, 48_000.0, 1_000.0, BELIEFS)
    assert fleet.efficiency_j_per_th.low == 15
    assert fleet.efficiency_j_per_th.value == pytest.approx((15 + 0.75 * 9.5) / 1.75)
    assert "1 of 2 models" in fleet.caveats[0]


def test_what_rests_on_a_list_of_low_confidence_is_said_with_its_effect() -> None:
    table = models(machine("New", 15.0, NEW), machine("Old", 25.0, NEW, confidence="low"))
    fleet = fleet_on(table, DAY, 48_000.0, 1_000.0, BELIEFS)
    assert fleet.efficiency_j_per_th.value == pytest.approx(20)
    assert "1 of 2 models" in fleet.caveats[0] and "15.0 J/TH" in fleet.caveats[0]


def test_weights_step_down_on_the_anniversary_and_end_after_five_years() -> None:
    released = [dt.date(2025, 10, 1), *(dt.date(year, 9, 1) for year in (2025, 2024, 2021, 2020))]
    weights = age_weight(released, ["month"] * 5, dt.date(2025, 9, 1), BELIEFS.age_weights)
    assert weights.tolist() == [0.0, 1.0, 0.8, 0.2, 0.0]


def test_the_weight_of_a_year_is_the_mean_over_its_months() -> None:
    day = dt.date(2026, 6, 15)
    months = [dt.date(2024, month, 1) for month in range(1, 13)]
    mean = age_weight(months, ["month"] * 12, day, BELIEFS.age_weights).mean()
    assert age_weight([dt.date(2024, 1, 1)], ["year"], day, BELIEFS.age_weights) == pytest.approx(np.array([mean]))
