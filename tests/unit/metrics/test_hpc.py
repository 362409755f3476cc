from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from hashdesk.assumptions import load_assumptions
from hashdesk.errors import InputError
from hashdesk.metrics.hpc import contract_economics, mining_per_mw

LEASE = {
    "ticker": "AAA",
    "announced_on": dt.date(2025, 9, 25),
    "critical_it_mw": 100.0,
    "gross_mw": 130.0,
    "term_years": 10.0,
    "contract_value_usd": 2e9,
    "annual_revenue_usd": None,
    "annual_noi_usd": None,
    "noi_margin_low_frac": 0.8,
    "noi_margin_high_frac": 0.9,
    "capex_low_usd_per_mw": 8e6,
    "capex_high_usd_per_mw": 10e6,
    "backstop_usd": 1e9,
    "is_cloud": False,
    "is_contract": True,
    "replaces": None,
    "note": None,
}
TYPES = {
    "ticker": pl.String,
    "announced_on": pl.Date,
    "is_cloud": pl.Boolean,
    "is_contract": pl.Boolean,
    "replaces": pl.String,
    "note": pl.String,
}
SCHEMA = {name: TYPES.get(name, pl.Float64) for name in LEASE}


def economics(**changes: object) -> dict[str, object]:
    frame = pl.DataFrame([LEASE | changes], schema=SCHEMA)
    return contract_economics(frame, load_assumptions()).row(0, named=True)


def test_a_lease_with_everything_stated() -> None:
    row = economics()
    assert row["revenue_usd_m_per_mw_year"] == pytest.approx(2.0)
    assert row["noi_usd_m_per_mw_year_low"] == pytest.approx(1.6)
    assert row["noi_usd_m_per_mw_year_high"] == pytest.approx(1.8)
    assert row["yield_on_cost_frac_low"] == pytest.approx(0.16)
    assert row["yield_on_cost_frac_high"] == pytest.approx(0.225)
    assert row["backstop_cover_frac"] == pytest.approx(0.5)
    assert row["indicative_yield_on_cost_frac_low"] == row["yield_on_cost_frac_low"]


@pytest.mark.parametrize(
    "missing", [("critical_it_mw", "gross_mw"), ("term_years",), ("contract_value_usd",)], ids=lambda names: names[0]
)
def test_what_is_not_stated_leaves_revenue_and_all_that_needs_it_unknown(missing: tuple[str, ...]) -> None:
    row = economics(**dict.fromkeys(missing))
    assert row["revenue_usd_m_per_mw_year"] is None
    assert row["noi_usd_m_per_mw_year_low"] is None
    assert row["indicative_yield_on_cost_frac_high"] is None


def test_a_margin_that_is_not_stated_is_not_assumed_except_in_the_indicative_yield() -> None:
    unstated = ("noi_margin_low_frac", "noi_margin_high_frac", "capex_low_usd_per_mw", "capex_high_usd_per_mw")
    row = economics(**dict.fromkeys(unstated))
    assert row["noi_usd_m_per_mw_year_low"] is None
    assert row["yield_on_cost_frac_high"] is None
    assert row["indicative_yield_on_cost_frac_low"] == pytest.approx(2.0 * 0.80 / 11)
    assert row["indicative_yield_on_cost_frac_high"] == pytest.approx(2.0 * 0.90 / 8)


def test_a_stated_year_stands_in_for_value_and_margin() -> None:
    unstated = dict.fromkeys(("contract_value_usd", "noi_margin_low_frac", "noi_margin_high_frac"))
    row = economics(**unstated, annual_revenue_usd=250e6, annual_noi_usd=200e6)
    assert row["revenue_usd_m_per_mw_year"] == pytest.approx(2.5)
    assert row["noi_usd_m_per_mw_year_low"] == row["noi_usd_m_per_mw_year_high"] == pytest.approx(2.0)
    assert row["backstop_cover_frac"] is None


def test_a_contract_that_states_only_its_gross_load_says_so() -> None:
    row = economics(critical_it_mw=None, note="first site")
    assert row["revenue_usd_m_per_mw_year"] == pytest.approx(2e9 / 10 / 130 / 1e6)
    assert (row["mw_basis"], row["note"]) == ("gross", "first site; per gross MW")
    assert (economics()["mw_basis"], economics()["note"]) == ("critical_it", None)


def test_a_row_that_a_later_one_restates_is_marked_and_a_site_without_a_tenant_drops_out() -> None:
    later = LEASE | {"announced_on": dt.date(2025, 11, 10), "replaces": "AAA 2025-09-25; AAA 2025-08-01"}
    site = LEASE | {"ticker": "BBB", "is_contract": False}
    frame = contract_economics(pl.DataFrame([LEASE, later, site], schema=SCHEMA))
    assert frame.select("ticker", "is_replaced").rows() == [("AAA", True), ("AAA", False)]


def test_a_gpu_cloud_has_revenue_but_no_yield_of_a_site() -> None:
    row = economics(is_cloud=True)
    assert row["revenue_usd_m_per_mw_year"] == pytest.approx(2.0)
    for name in ("noi_usd_m_per_mw_year_low", "yield_on_cost_frac_low", "indicative_yield_on_cost_frac_low"):
        assert row[name] is None


def test_a_size_of_zero_is_not_divided_by() -> None:
    assert economics(critical_it_mw=0.0)["revenue_usd_m_per_mw_year"] is None


def test_without_assumptions_there_is_no_indicative_yield() -> None:
    frame = contract_economics(pl.DataFrame([LEASE], schema=SCHEMA))
    assert "indicative_yield_on_cost_frac_low" not in frame.columns


def test_mining_with_a_machine_that_needs_no_energy_is_refused() -> None:
    with pytest.raises(InputError, match="above 0 J/TH"):
        mining_per_mw(49_700, 0, 50)
