"""Published and hand-worked values of the cost side, each with where it comes from."""

from __future__ import annotations

import datetime as dt
import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from hashdesk.assumptions import load_assumptions
from hashdesk.metrics.fleet import fleet_on
from hashdesk.metrics.hpc import contract_economics, mining_per_mw
from hashdesk.metrics.margin import (
    block_reward_gross_profit_usd_per_ehs_day,
    breakeven_efficiency_j_per_th,
    gross_margin_frac,
    hashcost_usd_per_phs_day,
    power_cost_usd_per_ehs_day,
)
from hashdesk.metrics.opportunity import (
    block_reward_opportunity_4y_usd,
    four_year_subsidy_btc,
    market_cap_to_opportunity_x,
)

BELIEFS = load_assumptions()
ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "src" / "hashdesk" / "reference"


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("calibrate_cost_line", ROOT / "tools" / "calibrate_cost_line.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def line_cost(day: dt.date) -> tuple[float, float, float]:
    estimate = BELIEFS.efficiency(day)
    assert estimate.low is not None and estimate.high is not None
    value, low, high = (
        float(power_cost_usd_per_ehs_day(e, BELIEFS.power_price_usd_per_mwh))
        for e in (estimate.value, estimate.low, estimate.high)
    )
    return value, low, high


def test_hashcost_of_20_joules_at_50_dollars() -> None:
    """TheMinerMag, quiz of December 2023: 0.024 x 20 J/TH x USD 50/MWh = USD 24.00/PH/day."""
    assert float(hashcost_usd_per_phs_day(20, 50)) == pytest.approx(24.00)


def test_breakeven_efficiency_of_december_2025() -> None:
    """JPMorgan revenue for December 2025, USD 38,700: 32.2 J/TH at 5 cents, 23.0 at 7 (worked by hand)."""
    assert breakeven_efficiency_j_per_th(38_700, [50, 70]).round(1).tolist() == [32.2, 23.0]


def test_power_of_one_exahash_is_its_efficiency_in_megawatts() -> None:
    """By definition: 1e18 H/s x 20e-12 J/H = 20 MW; a day of it at USD 50/MWh is 20 x 24 x 50."""
    assert float(power_cost_usd_per_ehs_day(20, 50)) == 20 * 24 * 50


def test_the_line_reproduces_september_2024() -> None:
    """JPMorgan via CoinDesk, 1 October 2024: revenue 42,100, gross profit 16,100, margin 38.4%."""
    cost = line_cost(dt.date(2024, 9, 16))[0]
    assert float(block_reward_gross_profit_usd_per_ehs_day(42_100, cost)) == pytest.approx(16_100, abs=100)
    assert float(gross_margin_frac(42_100, cost)) == pytest.approx(0.384, abs=0.005)


def test_the_line_reproduces_the_margin_of_the_fourth_quarter_of_2024() -> None:
    """JPMorgan via CoinDesk, 16 June 2025: 50%; revenues 41,800, 52,000, 57,100 (November 2024 to January 2025)."""
    costs = [line_cost(dt.date(2024, month, 16))[0] for month in (10, 11, 12)]
    assert 1 - sum(costs) / (41_800 + 52_000 + 57_100) == pytest.approx(0.50, abs=0.01)


@pytest.mark.parametrize(
    ("revenue", "prior_revenue"),
    [(49_700, 49_700 / 0.90), (49_499, 55_158)],
    ids=["published revenue", "revenue computed from the chain"],
)
def test_the_line_reproduces_the_fall_of_gross_profit_in_september_2025(revenue: float, prior_revenue: float) -> None:
    """JPMorgan via CoinDesk, 1 October 2025: revenue 49,700, -10%; gross profit -17%. Ours must be within 3 points."""
    profit = revenue - line_cost(dt.date(2025, 9, 16))[0]
    prior = prior_revenue - line_cost(dt.date(2025, 8, 16))[0]
    assert profit / prior - 1 == pytest.approx(-0.17, abs=0.03)


@pytest.mark.parametrize(
    ("day", "implied_usd"),
    [
        (dt.date(2025, 2, 15), 24_800),
        (dt.date(2025, 5, 16), 23_700),
        (dt.date(2025, 11, 16), 22_600),
        (dt.date(2025, 12, 16), 21_600),
    ],
)
def test_months_outside_the_calibration_lie_inside_the_band(day: dt.date, implied_usd: float) -> None:
    """Revenue less gross profit in press accounts of the same series, second-hand; November 2025 from a -9% change."""
    value, low, high = line_cost(day)
    assert low <= implied_usd <= high
    assert value == pytest.approx(implied_usd, rel=0.04)


def test_the_committed_line_is_what_the_script_finds(calibration: ModuleType) -> None:
    """Two runs of one calibration give the same two numbers; see docs/methods/cost-line.md."""
    digit = BELIEFS["published_rounding_usd_per_ehs_day"].value
    every = calibration.read_published(PACK / "published.parquet", digit)
    figures = calibration.about_costs([f for f in every if f.period.startswith(calibration.CALIBRATED_ON)])
    line = BELIEFS.efficiency_line
    found = calibration.fit(figures, line.pivot.replace(day=1))
    assert math.exp(found.x[0]) * 1000 / 24 / 50 == pytest.approx(line.level.value, rel=1e-4)
    assert found.x[1] == pytest.approx(line.log_change.value, abs=2e-5)


def test_the_script_finds_a_line_that_it_was_given(calibration: ModuleType) -> None:
    """Costs on a line of 26 falling 1% a month, revenue 50, printed to the hundred and the percent (made up)."""
    origin, months = dt.date(2024, 1, 1), [dt.date(2024, month, 1) for month in range(1, 13)]
    costs = {m: 26 * math.exp(-0.01 * calibration.elapsed(origin, m)) for m in months}
    figures = []
    for m in months:
        profit = round(50 - costs[m], 1)
        figures.append(calibration.Published("revenue_per_ehs_day_usd", f"{m:%Y-%m}", (m,), 50.0, 0.05))
        figures.append(calibration.Published("gross_profit_per_ehs_day_usd", f"{m:%Y-%m}", (m,), profit, 0.05))
    found = calibration.fit(figures, origin)
    assert math.exp(found.x[0]) == pytest.approx(26, abs=0.1)
    assert found.x[1] == pytest.approx(-0.01, abs=0.0005)
    assert found.departure == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("day", "revenue", "hashrate"),
    [
        (dt.date(2024, 9, 30), 42_100.0, 643.0),
        (dt.date(2025, 5, 31), 51_600.0, 897.0),
        (dt.date(2025, 9, 30), 49_700.0, 1_031.0),
        (dt.date(2025, 12, 31), 38_700.0, 1_045.0),
    ],
)
def test_the_machines_on_sale_agree_with_the_cost_line(day: dt.date, revenue: float, hashrate: float) -> None:
    """Revenue and hashrate as published by JPMorgan; two independent readings of one efficiency, within 8%."""
    fleet = fleet_on(pl.read_parquet(PACK / "asic_models.parquet"), day, revenue, hashrate, BELIEFS)
    mean, power = fleet.efficiency_j_per_th, fleet.power_gw
    assert mean.value is not None and mean.low is not None and mean.high is not None and power.value is not None
    assert mean.low < mean.value < mean.high
    assert mean.value == pytest.approx(BELIEFS.efficiency(day.replace(day=16)).value, rel=0.08)
    assert power.value == pytest.approx(mean.value * hashrate * 1.10 / 1000)


def test_four_years_from_23_august_2024() -> None:
    """JPMorgan via CoinDesk, 23 August 2024: opportunity of about USD 37bn.

    628,650 BTC by the survey's calendar of halvings; by height (block 858,158 ended that day) it is
    0.03% less.
    The published value corresponds to USD 58,700 a coin, the price of mid-August, not to the close of the 23rd.
    """
    coins = four_year_subsidy_btc(858_158)
    assert coins == pytest.approx(628_650, rel=5e-4)
    assert float(block_reward_opportunity_4y_usd(coins, 58_700)) == pytest.approx(36.9e9, rel=2e-3)


def test_market_cap_to_the_listed_share_of_the_opportunity_in_december_2024() -> None:
    """JPMorgan via CoinDesk, 16 December 2024: about two times; market cap 34.8bn, share 29%, 60.3 to 63.9bn."""
    assert market_cap_to_opportunity_x(34.8e9, [60.3e9, 63.9e9], 0.29).round(1).tolist() == [2.0, 1.9]


STATED = {
    "ticker": pl.String,
    "announced_on": pl.Date,
    "critical_it_mw": pl.Float64,
    "gross_mw": pl.Float64,
    "term_years": pl.Float64,
    "contract_value_usd": pl.Float64,
    "noi_margin_low_frac": pl.Float64,
    "noi_margin_high_frac": pl.Float64,
    "capex_low_usd_per_mw": pl.Float64,
    "capex_high_usd_per_mw": pl.Float64,
    "backstop_usd": pl.Float64,
    "is_cloud": pl.Boolean,
}
RESULTS = [
    "revenue_usd_m_per_mw_year",
    "noi_usd_m_per_mw_year_low",
    "noi_usd_m_per_mw_year_high",
    "yield_on_cost_frac_low",
    "yield_on_cost_frac_high",
    "backstop_cover_frac",
]
SEP, NOV, AUG = dt.date(2025, 9, 25), dt.date(2025, 11, 20), dt.date(2025, 8, 14)
CONTRACTS = {
    "Cipher Mining and Fluidstack, release of 25 September 2025": (
        ("CIFR", SEP, 168, 244, 10, 3.0e9, 0.80, 0.85, 9e6, 11e6, 1.4e9, False),
        (1.79, 1.43, 1.52, 0.13, 0.17, 0.47),
    ),
    "Cipher Mining and Fluidstack, additional load, release of 20 November 2025": (
        ("CIFR", NOV, 39, 56, 10, 0.83e9, 0.85, 0.90, 9e6, 10e6, None, False),
        (2.13, 1.81, 1.92, 0.18, 0.21, None),
    ),
    "TeraWulf and Fluidstack, release of 14 August 2025": (
        ("WULF", AUG, 200, 250, 10, 3.7e9, 0.85, 0.85, 8e6, 10e6, None, False),
        (1.85, 1.57, 1.57, 0.16, 0.20, None),
    ),
    "Cipher Mining and Amazon, release of 3 November 2025: gross load, no margin or capital cost": (
        ("CIFR", dt.date(2025, 11, 3), None, 300, 15, 5.5e9, None, None, None, None, None, False),
        (1.22, None, None, None, None, None),
    ),
    "IREN and Microsoft, 3 November 2025: GPU cloud, hardware included, no lease": (
        ("IREN", dt.date(2025, 11, 3), 200, None, 5, 9.7e9, 0.85, 0.85, 44e6, 44e6, None, True),
        (9.70, None, None, None, None, None),
    ),
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_contracts_per_megawatt(name: str) -> None:
    """Announcements as named; results worked by hand, to the digits shown."""
    stated, expected = CONTRACTS[name]
    frame = pl.DataFrame([stated], schema=STATED, orient="row").with_columns(
        pl.lit(None, pl.Float64).alias("annual_revenue_usd"),
        pl.lit(None, pl.Float64).alias("annual_noi_usd"),
        pl.lit(None, pl.String).alias("replaces"),
        pl.lit(None, pl.String).alias("note"),
        is_contract=True,
    )
    row = contract_economics(frame).row(0, named=True)
    for column, value in zip(RESULTS, expected, strict=True):
        assert row[column] == (value if value is None else pytest.approx(value, abs=0.0051)), column


def test_the_register_of_contracts_gives_the_same_row() -> None:
    """Cipher Mining and Fluidstack, release of 25 September 2025, as the reference pack holds it."""
    rows = contract_economics(pl.read_parquet(PACK / "hpc_contracts.parquet")).filter(ticker="CIFR", announced_on=SEP)
    row = rows.row(0, named=True)
    for column, value in zip(
        RESULTS, CONTRACTS["Cipher Mining and Fluidstack, release of 25 September 2025"][1], strict=True
    ):
        assert row[column] == pytest.approx(value, abs=0.0051), column


@pytest.mark.parametrize(
    ("revenue", "efficiency", "expected"),
    [(49_700, 18.9, (0.96, 0.52)), (38_700, 18.0, (0.79, 0.35))],
    ids=["September 2025", "December 2025"],
)
def test_mining_on_the_same_megawatt(revenue: float, efficiency: float, expected: tuple[float, float]) -> None:
    """JPMorgan revenues; efficiency at 5 cents as implied by gross profits; worked by hand."""
    mining = mining_per_mw(revenue, efficiency, 50)
    got = (float(mining.revenue_usd_m_per_mw_year), float(mining.gross_profit_usd_m_per_mw_year))
    assert got == pytest.approx(expected, abs=0.006)
