"""Contracts per megawatt against the published rows, and the registry on the real contracts."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from hashdesk.assumptions import load_assumptions
from hashdesk.desk import Desk
from hashdesk.errors import NotFound
from hashdesk.metrics.hpc import contract_economics, mining_per_mw
from hashdesk.metrics.hpc_registry import hpc_registry, hpc_terms


@pytest.fixture(scope="module")
def contracts() -> pl.DataFrame:
    return Desk().store.read("hpc_contracts")


ROWS = [
    # ticker, announced, revenue, operating income, capital cost USD m, yield; as announcements and research state them.
    ("CIFR", dt.date(2025, 9, 25), 1.79, (1.43, 1.52), (9, 11), (0.13, 0.17)),
    ("CIFR", dt.date(2025, 11, 20), 2.13, (1.81, 1.92), (9, 10), (0.18, 0.21)),
    ("WULF", dt.date(2025, 8, 14), 1.85, (1.57, 1.57), (8, 10), (0.16, 0.20)),
]


@pytest.mark.parametrize(("ticker", "day", "revenue", "noi", "capex", "returns"), ROWS)
def test_leases_come_out_within_rounding(
    contracts: pl.DataFrame,
    ticker: str,
    day: dt.date,
    revenue: float,
    noi: tuple[float, float],
    capex: tuple[float, float],
    returns: tuple[float, float],
) -> None:
    row = (
        contract_economics(contracts)
        .filter((pl.col("ticker") == ticker) & (pl.col("announced_on") == day))
        .row(0, named=True)
    )
    assert row["revenue_usd_m_per_mw_year"] == pytest.approx(revenue, abs=0.0051)
    # The published ends are products of rounded numbers: a hundredth either way.
    assert row["noi_usd_m_per_mw_year_low"] == pytest.approx(noi[0], abs=0.0101)
    assert row["noi_usd_m_per_mw_year_high"] == pytest.approx(noi[1], abs=0.0101)
    assert (row["capex_low_usd_per_mw"], row["capex_high_usd_per_mw"]) == (capex[0] * 1e6, capex[1] * 1e6)
    assert row["yield_on_cost_frac_low"] == pytest.approx(returns[0], abs=0.0051)
    assert row["yield_on_cost_frac_high"] == pytest.approx(returns[1], abs=0.0051)


def test_the_backstop_and_the_warrants_of_the_first_cipher_lease() -> None:
    result = Desk().hpc("CIFR", as_of="2025-09-30")
    row = result.registry.filter(pl.col("status") == "active").row(0, named=True)
    assert row["backstop_cover_frac"] == pytest.approx(0.47, abs=0.0051)
    warrant = result.warrants.row(0, named=True)
    assert warrant["stake_frac"] == pytest.approx(0.054)
    assert warrant["warrant_cost_usd"] == pytest.approx(24e6 * 14.14)


def test_a_lease_of_grid_load_and_a_gpu_cloud_stand_apart(contracts: pl.DataFrame) -> None:
    frame = contract_economics(contracts)
    grid = frame.filter((pl.col("ticker") == "CIFR") & (pl.col("announced_on") == dt.date(2025, 11, 3))).row(
        0, named=True
    )
    assert (round(grid["revenue_usd_m_per_mw_year"], 2), grid["mw_basis"]) == (1.22, "gross")
    cloud = frame.filter((pl.col("ticker") == "IREN") & (pl.col("announced_on") == dt.date(2025, 11, 3))).row(
        0, named=True
    )
    assert round(cloud["revenue_usd_m_per_mw_year"], 2) == 9.70
    assert cloud["noi_usd_m_per_mw_year_low"] is None
    assert Desk().hpc("IREN").cloud_capex_usd_m_per_mw == pytest.approx(44, abs=0.5)
    assert Desk().hpc("IREN").exchange.is_empty(), "a GPU cloud is never set against mining as a lease"


def test_mining_on_the_same_megawatt() -> None:
    mining = mining_per_mw(49_700, 18.9, 50)
    assert round(float(mining.revenue_usd_m_per_mw_year), 2) == 0.96
    assert round(float(mining.gross_profit_usd_m_per_mw_year), 2) == 0.52


def registry(contracts: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    return hpc_registry(contracts, hpc_terms(load_assumptions()), as_of=day)


def test_a_restatement_replaces_and_is_never_added(contracts: pl.DataFrame) -> None:
    before = registry(contracts, dt.date(2025, 11, 9)).filter(
        (pl.col("ticker") == "WULF") & (pl.col("status") == "active")
    )
    after = registry(contracts, dt.date(2025, 11, 10)).filter(
        (pl.col("ticker") == "WULF") & (pl.col("status") == "active")
    )
    august = {dt.date(2025, 8, 14), dt.date(2025, 8, 18)}
    assert august <= set(before["announced_on"]) and not august & set(after["announced_on"])
    lake = after.filter(pl.col("announced_on") == dt.date(2025, 11, 10)).row(0, named=True)
    assert lake["owned_mw"] == 366 and lake["backstop_usd"] == pytest.approx(3.2e9)
    # 360 MW of August plus 51% of Abernathy; the restated count is 366 and Core42 became known with it.
    assert before["owned_mw"].sum() == pytest.approx(200 + 160 + 0.51 * 168)
    assert after["owned_mw"].sum() == pytest.approx(366 + 60 + 0.51 * 168)


def test_the_later_cipher_restatement_takes_both_leases_of_2025(contracts: pl.DataFrame) -> None:
    cipher = registry(contracts, dt.date(2026, 9, 30)).filter(pl.col("ticker") == "CIFR")
    replaced = cipher.filter(pl.col("status") == "replaced")["announced_on"].to_list()
    assert replaced == [dt.date(2025, 9, 25), dt.date(2025, 11, 20)]


def test_a_venture_counts_with_the_company_s_share(contracts: pl.DataFrame) -> None:
    row = (
        registry(contracts, dt.date(2025, 10, 31))
        .filter(pl.col("announced_on") == dt.date(2025, 10, 28))
        .row(0, named=True)
    )
    assert row["owned_frac"] == 0.51
    assert row["owned_value_usd"] == pytest.approx(0.51 * 9.5e9)
    assert row["revenue_usd_m_per_mw_year"] == pytest.approx(2.26, abs=0.005), "per MW the share does not matter"


def test_sites_without_a_tenant_stand_apart(contracts: pl.DataFrame) -> None:
    sites = registry(contracts, dt.date(2026, 1, 31)).filter(pl.col("status") == "site")
    assert set(sites["ticker"]) == {"BITF", "CLSK"}
    assert sites["owned_mw"].null_count() == sites.height


def test_nothing_is_known_before_its_day() -> None:
    assert "CIFR" not in Desk().hpc(as_of="2025-09-24").registry["ticker"]
    assert "CIFR" in Desk().hpc(as_of="2025-09-25").registry["ticker"]
    # The tenant of a lease signed in December 2024 became known in November 2025 only.
    assert dt.date(2024, 12, 23) not in Desk().hpc(as_of="2025-11-09").registry["announced_on"].to_list()
    with pytest.raises(NotFound, match="MARA has no AI/HPC contract"):
        Desk().hpc("MARA")


def test_every_part_of_the_pivot_agrees_with_the_registry() -> None:
    result = Desk().hpc(as_of="2026-01-31")
    active = result.registry.filter((pl.col("status") == "active") & ~pl.col("is_cloud"))
    assert result.progress["leased_mw"].sum() == pytest.approx(active["owned_mw"].sum())
    last = result.backlog.filter(pl.col("month") == dt.date(2026, 1, 1))
    assert last["backlog_usd"].sum() == pytest.approx(result.values["backlog_usd"].sum())
    assert result.exchange.height == active.height
    assert set(result.funding["ticker"]) <= set(active["ticker"])
    for row in result.values.iter_rows(named=True):
        assert row["net_value_usd_low"] <= row["net_value_usd"] <= row["net_value_usd_high"]
