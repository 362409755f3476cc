from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.assumptions import load_assumptions
from hashdesk.desk import Desk
from hashdesk.errors import InputError
from hashdesk.metrics.hpc_registry import TENANT_PAYS, hpc_registry, hpc_terms, term_variants
from hashdesk.metrics.hpc_value import contract_values, hpc_value_usd, lease_present_value, residual_present_value

AS_OF = dt.date(2025, 9, 30)
TERMS = hpc_terms(load_assumptions())


def contracts(*changes: dict[str, object]) -> pl.DataFrame:
    whole = Desk().store.read("hpc_contracts")
    base = whole.filter((pl.col("ticker") == "CIFR") & (pl.col("announced_on") == dt.date(2025, 9, 25))).row(
        0, named=True
    )
    return pl.DataFrame([{**base, **change} for change in changes or ({},)], schema=whole.schema)


def numeric_value(noi: float, start: float, term: float, rate: float, default: float, cover: float) -> float:
    """The same lease month by month: survival, default within the month, the guarantor's payments after it."""
    steps = 20_000
    u = (np.arange(steps) + 0.5) * term / steps
    r, hazard = np.log1p(rate), -np.log1p(-default)
    paid = np.exp(-(r + hazard) * u)
    cover_left = np.minimum(cover, term - u)
    after = (
        hazard
        * np.exp(-(r + hazard) * u)
        * (np.where(r > 0, -np.expm1(-r * cover_left) / r, cover_left) if r else cover_left)
    )
    return noi * np.exp(-r * start) * float((paid + after).sum() * term / steps)


@pytest.mark.parametrize("cover", [0.0, 4.7, 10.0, 30.0])
@pytest.mark.parametrize("default", [0.0, 0.03, 0.3])
def test_the_closed_form_is_the_sum_over_short_steps(default: float, cover: float) -> None:
    value = lease_present_value(100.0, 1.0, 10.0, 0.10, default, cover)
    assert float(value) == pytest.approx(numeric_value(100.0, 1.0, 10.0, 0.10, default, cover), rel=1e-6)


def test_a_full_guarantee_or_a_safe_tenant_makes_the_lease_an_annuity() -> None:
    annuity = 100 * (1 - 1.1**-10) / np.log(1.1)
    assert float(lease_present_value(100.0, 0.0, 10.0, 0.10, 0.0)) == pytest.approx(annuity)
    assert float(lease_present_value(100.0, 0.0, 10.0, 0.10, 0.2, 10.0)) == pytest.approx(annuity)
    assert float(lease_present_value(100.0, 0.0, 10.0, 0.0, 0.2, 10.0)) == pytest.approx(1_000)


def test_a_longer_wait_a_weaker_tenant_and_a_smaller_guarantee_cost_value() -> None:
    base = lease_present_value(1.0, 1.0, 10.0, 0.1, 0.03, 4.0)
    assert lease_present_value(1.0, 2.0, 10.0, 0.1, 0.03, 4.0) < base
    assert lease_present_value(1.0, 1.0, 10.0, 0.1, 0.06, 4.0) < base
    assert lease_present_value(1.0, 1.0, 10.0, 0.1, 0.03, 2.0) < base
    assert lease_present_value(1.0, -4.0, 10.0, 0.1, 0.03, 4.0) == lease_present_value(1.0, 0.0, 6.0, 0.1, 0.03, 4.0)
    assert np.isnan(lease_present_value(np.nan, 1.0, 10.0, 0.1, 0.03))


def test_rates_outside_their_range_are_refused() -> None:
    with pytest.raises(InputError, match="cost of capital"):
        lease_present_value(1.0, 0.0, 10.0, -1.0, 0.0)
    with pytest.raises(InputError, match="tenant default"):
        lease_present_value(1.0, 0.0, 10.0, 0.1, 1.0)


def test_a_building_is_worth_nothing_once_its_life_is_over() -> None:
    assert float(residual_present_value(10.0, 30.0, 30.0, TERMS)) == 0.0
    assert float(residual_present_value(10.0, 11.0, 10.0, TERMS)) == pytest.approx(10 * 0.6 * 1.1**-11)


def test_what_a_contract_states_comes_before_what_is_assumed() -> None:
    row = hpc_registry(contracts(), TERMS).row(0, named=True)
    assert (row["noi_basis"], row["capex_basis"], row["rent_basis"]) == ("stated", "stated", "assumed delay")
    assert row["capex_usd_per_mw"] == 10e6
    silent = dict.fromkeys(
        ("noi_margin_low_frac", "noi_margin_high_frac", "capex_low_usd_per_mw", "capex_high_usd_per_mw")
    )
    row = hpc_registry(contracts(silent), TERMS).row(0, named=True)
    assert (row["noi_basis"], row["capex_basis"]) == ("assumed margin", "assumed")
    assert row["noi_usd_m_per_mw_year"] == pytest.approx(0.85 * 3000 / 1680)
    row = hpc_registry(contracts({**silent, "note": TENANT_PAYS}), TERMS).row(0, named=True)
    assert (row["capex_usd_per_mw"], row["capex_basis"]) == (0.0, "tenant pays")


def test_a_contract_without_a_size_or_a_value_says_so_and_the_sum_leaves_it_out() -> None:
    frame = contracts({}, {"announced_on": dt.date(2025, 9, 26), "contract_value_usd": None})
    values = hpc_value_usd(frame, load_assumptions(), AS_OF).row(0, named=True)
    assert (values["n_leases"], values["n_valued"]) == (2, 1)
    assert "2025-09-26: value not stated" in values["missing"]
    alone = hpc_value_usd(frame.tail(1), load_assumptions(), AS_OF).row(0, named=True)
    assert alone["net_value_usd"] is None and alone["backlog_usd"] is None


def test_a_cloud_has_no_value_and_a_company_without_a_lease_is_a_known_zero() -> None:
    values = hpc_value_usd(contracts({"is_cloud": True}), load_assumptions(), AS_OF, tickers=["CIFR", "MARA"])
    assert values.select("ticker", "n_cloud", "noi_pv_usd").rows() == [("CIFR", 1, 0.0), ("MARA", 0, 0.0)]


def test_the_range_holds_the_value_and_moves_with_each_belief() -> None:
    beliefs = load_assumptions()
    row = hpc_value_usd(contracts(), beliefs, AS_OF).row(0, named=True)
    for name in ("noi_pv_usd", "capex_left_usd", "net_value_usd"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    assert set(term_variants(beliefs)) >= {"hpc_noi_margin_frac", "hpc_capex_usd_per_mw", "hpc_delay_years"}
    dearer = hpc_value_usd(contracts(), beliefs.override(hpc_cost_of_capital_frac=0.2), AS_OF).row(0, named=True)
    assert dearer["noi_pv_usd"] < row["noi_pv_usd"]


def test_capital_is_spent_evenly_until_the_first_rent_and_backlog_runs_down_after_it() -> None:
    def on(day: dt.date) -> dict[str, float]:
        return contract_values(hpc_registry(contracts(), TERMS), TERMS, day).row(0, named=True)

    start, middle, late = on(dt.date(2025, 9, 25)), on(dt.date(2026, 3, 26)), on(dt.date(2031, 9, 25))
    assert middle["capex_left_usd"] == pytest.approx(start["capex_left_usd"] / 2, rel=0.03)
    assert late["capex_left_usd"] == 0.0
    assert start["backlog_usd"] == pytest.approx(3e9)
    assert late["backlog_usd"] == pytest.approx(1.5e9, rel=0.01)


def test_a_planned_date_takes_the_place_of_the_assumed_delay() -> None:
    plan = Desk().store.read("hpc_deliveries")
    row = hpc_registry(contracts(), TERMS, deliveries=plan).row(0, named=True)
    assert row["rent_basis"] == "planned" and row["rent_from"].strftime("%Y-%m") == "2026-09"


def test_a_delivery_that_was_not_yet_public_moves_no_rent() -> None:
    one = contracts()
    row = one.row(0, named=True)
    plan = {
        **{name: row[name] for name in ("ticker", "counterparty", "announced_on")}, "phase": 1, "phase_mw": 168.0,
        "ready_from": dt.date(2030, 1, 1), "ready_to": dt.date(2030, 1, 1), "is_delivered": False,
        "confidence": "high", "source": "s", "known_at": AS_OF + dt.timedelta(days=1),
    }  # fmt: skip
    deliveries = pl.DataFrame([plan], schema=Desk().store.read("hpc_deliveries").schema)
    before = hpc_registry(one, TERMS, as_of=AS_OF, deliveries=deliveries)
    after = hpc_registry(one, TERMS, as_of=AS_OF + dt.timedelta(days=1), deliveries=deliveries)
    assert before["rent_basis"].to_list() == ["assumed delay"]
    assert after["rent_from"].to_list() == [dt.date(2030, 1, 1)]
