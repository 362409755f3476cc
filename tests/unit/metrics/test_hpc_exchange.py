from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.assumptions import load_assumptions
from hashdesk.desk import Desk
from hashdesk.errors import InputError
from hashdesk.metrics.hpc_exchange import exchange_sensitivity, lease_against_mining, mining_terms
from hashdesk.metrics.hpc_registry import hpc_registry, hpc_terms
from hashdesk.metrics.mining_option import MiningTerms, call_value, flip_revenue_usd_per_ehs_day, mining_value

TERMS = MiningTerms(19.0, 50.0, 1.1, -0.20, 0.55, 0.15)
INCOME = 49_700.0


def change(**fields: float) -> MiningTerms:
    return dataclasses.replace(TERMS, **fields)


def test_without_volatility_the_strip_is_the_integral_of_the_margin_while_it_lasts() -> None:
    terms = change(volatility=0.0)
    time = (np.arange(200_000) + 0.5) * 8 / 200_000
    margin = 365 * INCOME / (19.0 * 1.1) / 1e6 * np.exp(-0.20 * time) - 8_760 * 50 / 1e6
    discount = np.exp(-np.log(1.15) * time) * 8 / 200_000
    found = mining_value(INCOME, 8.0, terms)
    assert float(found.always_on_usd_m_per_mw) == pytest.approx(float((margin * discount).sum()), rel=1e-6)
    # The kink where machines stop is not smooth, so the quadrature is a little coarser there.
    assert float(found.with_option_usd_m_per_mw) == pytest.approx(
        float((np.maximum(margin, 0) * discount).sum()), rel=1e-3
    )


def test_simulated_hashprice_gives_the_same_value_within_its_standard_error() -> None:
    draw = np.random.default_rng(7)
    n_paths, per_year, years = 40_000, 26, 6
    steps = draw.normal(-0.20 / per_year, 0.55 / per_year**0.5, (n_paths, per_year * years))
    # Value at the middle of each step, from the path half a step before and after.
    log = np.cumsum(steps, axis=1) - steps / 2
    time = (np.arange(per_year * years) + 0.5) / per_year
    margin = 365 * INCOME / (19.0 * 1.1) / 1e6 * np.exp(log) - 8_760 * 50 / 1e6
    values = (np.maximum(margin, 0) * 1.15**-time).sum(axis=1) / per_year
    error = float(values.std(ddof=1) / n_paths**0.5)
    found = float(mining_value(INCOME, float(years), TERMS).with_option_usd_m_per_mw)
    assert abs(values.mean() - found) < 4 * error + 0.01 * found


@pytest.mark.parametrize("income", [15_000.0, 25_000.0, 50_000.0, 120_000.0])
@pytest.mark.parametrize("volatility", [0.0, 0.3, 0.8])
def test_the_option_is_never_worth_less_than_nothing_nor_the_plant_less_than_running(
    income: float, volatility: float
) -> None:
    found = mining_value(income, 10.0, change(volatility=volatility))
    assert float(found.option_usd_m_per_mw) >= -1e-9
    assert float(found.with_option_usd_m_per_mw) >= max(float(found.always_on_usd_m_per_mw), 0.0) - 1e-9


def test_the_option_fades_where_power_is_free_and_grows_with_volatility() -> None:
    free = mining_value(INCOME, 10.0, change(power_price_usd_per_mwh=0.0))
    assert float(free.option_usd_m_per_mw) == pytest.approx(0.0, abs=1e-12)
    paid = mining_value(INCOME, 10.0, change(power_price_usd_per_mwh=-20.0))
    assert float(paid.option_usd_m_per_mw) == pytest.approx(0.0, abs=1e-12)
    # With the expected path held, more volatility is worth more to whoever may stop.
    calm, wild = (
        mining_value(INCOME, 10.0, change(volatility=v, log_drift_per_year=-0.05 - v**2 / 2)) for v in (0.2, 0.8)
    )
    assert float(wild.with_option_usd_m_per_mw) > float(calm.with_option_usd_m_per_mw)
    assert float(wild.always_on_usd_m_per_mw) == pytest.approx(float(calm.always_on_usd_m_per_mw))


def test_a_call_lies_between_its_intrinsic_value_and_the_forward() -> None:
    value = call_value([50.0, 100.0, 200.0], 100.0, 0.4)
    assert (value >= np.maximum(np.array([50.0, 100.0, 200.0]) - 100, 0)).all()
    assert (value <= [50.0, 100.0, 200.0]).all()
    assert float(call_value(100.0, 100.0, 0.4)) == pytest.approx(100 * 2 * 0.0792597, rel=1e-5)


def test_the_flip_is_the_income_at_which_both_sides_are_worth_the_same() -> None:
    flip = flip_revenue_usd_per_ehs_day([0.5, 2.0, 6.0, -1.0, np.nan], 11.0, TERMS)
    assert mining_value(flip[:3], 11.0, TERMS).with_option_usd_m_per_mw == pytest.approx([0.5, 2.0, 6.0], rel=1e-6)
    assert np.isnan(flip[3:]).all()
    assert (np.diff(flip[:3]) > 0).all()


@pytest.mark.parametrize("broken", [{"efficiency_j_per_th": 0.0}, {"pue": 0.9}, {"volatility": -0.1}])
def test_impossible_terms_are_refused(broken: dict[str, float]) -> None:
    with pytest.raises(InputError, match="mining value"):
        mining_value(INCOME, 10.0, change(**broken))
    with pytest.raises(InputError, match="income above 0"):
        mining_value(0.0, 10.0, TERMS)


def exchange(**options: object) -> pl.DataFrame:
    store, beliefs = Desk().store, load_assumptions()
    registry = hpc_registry(
        store.read("hpc_contracts"),
        hpc_terms(beliefs),
        as_of=dt.date(2026, 1, 31),
        deliveries=store.read("hpc_deliveries"),
    )
    rules = mining_terms(beliefs, 19.0)
    return lease_against_mining(registry, hpc_terms(beliefs), rules, INCOME, **options)  # type: ignore[arg-type]


def test_the_lease_value_is_income_and_residual_less_capital_and_warrants() -> None:
    row = (
        exchange(warrants={("CIFR", dt.date(2025, 9, 25)): 244e6})
        .filter(pl.col("announced_on") == dt.date(2025, 9, 25))
        .row(0, named=True)
    )
    assert row["warrant_usd_m_per_mw"] == pytest.approx(1.0)
    parts = row["lease_income_usd_m_per_mw"] + row["residual_usd_m_per_mw"] - row["capex_usd_m_per_mw"] - 1.0
    assert row["lease_value_usd_m_per_mw"] == pytest.approx(parts)
    assert row["exchange_rate_x"] == pytest.approx(parts / row["mining_value_usd_m_per_mw"])


def test_a_guarantee_adds_value_only_where_there_is_one() -> None:
    both = exchange().join(
        exchange(counts_backstop=False), on=["ticker", "counterparty", "announced_on"], suffix="_bare"
    )
    gain = both.with_columns(gain=pl.col("lease_value_usd_m_per_mw") - pl.col("lease_value_usd_m_per_mw_bare"))
    backed = {
        ("CIFR", dt.date(2025, 9, 25)),
        ("CIFR", dt.date(2025, 11, 20)),
        ("WULF", dt.date(2025, 10, 28)),
        ("WULF", dt.date(2025, 11, 10)),
    }
    helped = set(gain.filter(pl.col("gain") > 1e-9).select("ticker", "announced_on").rows())
    assert helped == backed


def test_above_the_flip_mining_is_ahead_and_below_it_the_lease() -> None:
    frame = exchange().filter(pl.col("flip_hashprice_usd_per_phs_day").is_not_null())
    ahead = (frame["flip_hashprice_usd_per_phs_day"] * 1_000 > INCOME).to_list()
    assert ahead == (frame["exchange_rate_x"] > 1).to_list()
    assert any(ahead) and not all(ahead)
    lost = exchange().filter(pl.col("lease_value_usd_m_per_mw") <= 0)
    assert lost["flip_hashprice_usd_per_phs_day"].null_count() == lost.height
    assert (lost["missing"] == "the lease does not earn its capital back on these terms").all()


def test_each_belief_moves_the_rate_the_way_it_must() -> None:
    store = Desk().store
    frame = exchange_sensitivity(
        store.read("hpc_contracts"),
        load_assumptions(),
        INCOME,
        19.0,
        {("CIFR", dt.date(2025, 9, 25)): 3.4e8},
        as_of=dt.date(2025, 9, 30),
        deliveries=store.read("hpc_deliveries"),
    ).filter(pl.col("announced_on") == dt.date(2025, 9, 25))
    value = {(row["changed"], row["end"]): row for row in frame.to_dicts()}
    for key in (
        "hpc_capex_usd_per_mw",
        "hpc_cost_of_capital_frac",
        "hpc_delay_years",
        "hpc_tenant_default_frac_per_year",
    ):
        assert value[key, "low"]["lease_value_usd_m_per_mw"] > value[key, "high"]["lease_value_usd_m_per_mw"], key
    for key in ("hpc_noi_margin_frac", "hpc_site_life_years"):
        assert value[key, "low"]["lease_value_usd_m_per_mw"] < value[key, "high"]["lease_value_usd_m_per_mw"], key
    for key in ("hashprice_log_drift_per_year", "hashprice_volatility"):
        assert value[key, "low"]["mining_value_usd_m_per_mw"] < value[key, "high"]["mining_value_usd_m_per_mw"], key
    assert (
        value["warrants", "without"]["lease_value_usd_m_per_mw"]
        > value["backstop", "without"]["lease_value_usd_m_per_mw"]
    )
