"""The sector's table: identities between its columns, on the reference pack."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.assumptions import load_assumptions
from hashdesk.calendar import month_period
from hashdesk.desk.core import TABLES
from hashdesk.metrics.sector import Sector, build_sector, split_table
from hashdesk.store.pack import ReferencePack


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    """The tables of the reference pack."""
    pack = ReferencePack()
    return {name: pack.read(name) for name in TABLES}


@pytest.fixture(scope="module")
def sector(tables: dict[str, pl.DataFrame]) -> Sector:
    """The sector up to September 2025."""
    return build_sector(tables, month_period(dt.date(2025, 9, 1)), load_assumptions())


def column(sector: Sector, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A column from 2024 on, without gaps."""
    return sector.monthly.filter(pl.col("period_start") >= dt.date(2024, 3, 1))[name].drop_nulls().to_numpy()


def test_profit_is_revenue_less_cost_and_margin_their_ratio(sector: Sector) -> None:
    revenue = column(sector, "block_reward_revenue_usd_per_ehs_day")
    cost, profit = (
        column(sector, "power_cost_usd_per_ehs_day"),
        column(sector, "block_reward_gross_profit_usd_per_ehs_day"),
    )
    assert profit == pytest.approx(revenue - cost)
    assert column(sector, "gross_margin_frac") == pytest.approx(profit / revenue)
    assert column(sector, "breakeven_efficiency_j_per_th") == pytest.approx(revenue / 1200)


def test_a_change_of_margin_has_the_sign_of_its_z(sector: Sector) -> None:
    margin, z = column(sector, "gross_margin_frac"), column(sector, "gross_margin_frac_z")
    assert np.sign(z[1:]).tolist() == np.sign(np.diff(margin)).tolist()


def test_every_interval_holds_its_value(sector: Sector) -> None:
    for name in sector.monthly.columns:
        if name.endswith("_low"):
            figure = name.removesuffix("_low")
            known = sector.monthly.select(figure, name, f"{figure}_high").drop_nulls().to_numpy()
            assert np.all(known[:, 1] <= known[:, 0] * (1 + 1e-12) + 1e-12), figure
            assert np.all(known[:, 0] <= known[:, 2] * (1 + 1e-12) + 1e-12), figure


def test_a_negative_power_price_turns_cost_into_income(tables: dict[str, pl.DataFrame]) -> None:
    paid = load_assumptions().override(power_price_usd_per_mwh=-5.0)
    row = build_sector(tables, month_period(dt.date(2025, 9, 1)), paid).monthly.row(-1, named=True)
    assert row["power_cost_usd_per_ehs_day"] < 0
    assert row["gross_margin_frac"] > 1
    assert row["breakeven_efficiency_j_per_th"] is None


def test_a_month_before_the_universe_has_a_network_and_no_market(tables: dict[str, pl.DataFrame]) -> None:
    early = build_sector(tables, month_period(dt.date(2020, 5, 1)), load_assumptions())
    row = early.monthly.row(-1, named=True)
    assert row["network_hashrate_ehs"] > 0
    assert row["market_cap_usd"] is None
    assert row["power_cost_usd_per_ehs_day"] is None
    assert early.fleet is None


def test_the_halving_month_mixes_both_subsidies(sector: Sector) -> None:
    april = sector.monthly.filter(pl.col("period_start") == dt.date(2024, 4, 1)).row(0, named=True)
    assert 450 < april["reward_btc_per_day"] < 900


def test_the_split_table_adds_up_in_every_month(sector: Sector) -> None:
    split = split_table(sector.monthly).drop_nulls()
    parts = split["price_log"] + split["reward_log"] + split["hashrate_log"]
    assert parts.to_numpy() == pytest.approx(split["change_log"].to_numpy(), abs=1e-12)
    assert split.height > 150
