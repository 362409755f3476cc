"""Forecasts of monthly output: from the past only, right where nothing changes, and scored."""

import datetime as dt
import math

import polars as pl
import pytest

from hashdesk.calendar import Period, months_between
from hashdesk.metrics.company_facts import FactBook
from hashdesk.metrics.disclosure import LEAST_ERRORS, Forecast, forecast_rows, forecasts, score, score_rows
from hashdesk.metrics.operations import NetworkMonths

MONTHS = months_between(dt.date(2024, 1, 1), dt.date(2025, 12, 1))
PER_EHS_DAY = 454.0 / 1_000.0


def book(coins: dict[str, list[float | None]], energized: list[float] | None = None) -> FactBook:
    rows = [
        {
            "ticker": ticker, "month": period.start, "production_btc": value,
            "hashrate_month_end_ehs": energized[i] if energized else None, "hashrate_avg_operating_ehs": None,
            "hashrate_basis": None, "efficiency_j_per_th": None, "holdings_btc": None, "sold_btc": None, "note": None,
            "basis": "reported", "confidence": "high", "source": "s", "known_at": period.end + dt.timedelta(days=10),
        }
        for ticker, values in coins.items()
        for i, (period, value) in enumerate(zip(MONTHS, values, strict=True))
    ]  # fmt: skip
    schema = {"hashrate_month_end_ehs": pl.Float64, "production_btc": pl.Float64}
    others = ("production_quarterly", "holdings", "power_capacity", "power_costs", "capital")
    return FactBook(
        {"production": pl.DataFrame(rows, schema_overrides=schema), **dict.fromkeys(others, pl.DataFrame())}
    )


def network(growth: float = 1.0) -> NetworkMonths:
    n = len(MONTHS)
    return NetworkMonths(
        pl.DataFrame(
            {
                "period_start": [p.start for p in MONTHS],
                "n_days": [p.n_days for p in MONTHS],
                "n_blocks": [144.0 * p.n_days for p in MONTHS],
                "issued_btc_per_day": [450.0] * n,
                "fees_btc_per_day": [4.0] * n,
                "network_hashrate_ehs": [1_000.0 * growth**i for i in range(n)],
            }
        )
    )


def steady(ehs: float = 20.0) -> list[float | None]:
    return [ehs * PER_EHS_DAY * p.n_days for p in MONTHS]


def made(coins: dict[str, list[float | None]], energized: list[float] | None = None) -> list[Forecast]:
    return forecasts(sorted(coins), MONTHS, book(coins, energized), network(), max_age_months=6)


def test_an_unchanged_fleet_on_an_unchanged_network_is_forecast_exactly() -> None:
    found = made({"X": steady()})
    assert len(found) == len(MONTHS) - 1
    assert [f.error_frac for f in found] == pytest.approx([0.0] * len(found))


def test_growth_of_the_disclosed_hashrate_is_carried_into_the_forecast() -> None:
    energized = [20.0 * 1.04**i for i in range(len(MONTHS))]
    # Machines ramp evenly, so that a month's mean lies between its two ends.
    coins = [e / 1.04**0.5 * PER_EHS_DAY * p.n_days for e, p in zip(energized, MONTHS, strict=True)]
    errors = [abs(f.error_frac or 0) for f in made({"X": list(coins)}, energized)[3:]]
    naive = [abs(f.reported_btc / f.naive_btc - 1) for f in made({"X": list(coins)}, energized)[3:] if f.reported_btc]
    assert max(errors) < 0.025 < 0.035 < min(naive)


def test_without_disclosures_a_company_keeps_its_share_of_the_network() -> None:
    coins = [0.02 * 454.0 * p.n_days for p in MONTHS]
    found = forecasts(["X"], MONTHS, book({"X": list(coins)}), network(1.03), max_age_months=6)
    assert [f.error_frac for f in found] == pytest.approx([0.0] * len(found))
    assert [f.growth_frac for f in found] == pytest.approx([0.03] * len(found))


def test_a_disclosed_standstill_counts_for_the_time_it_covers_only() -> None:
    coins = [20.0 * PER_EHS_DAY * p.n_days for p in MONTHS]
    made_now = forecasts(["X"], MONTHS, book({"X": list(coins)}, [20.0] * len(MONTHS)), network(1.10), max_age_months=6)
    # From mid-month to mid-month the fleet is known to the month's end: about half of the network's growth is left.
    assert all(0.04 < f.growth_frac < 0.06 for f in made_now[2:])


def test_an_own_pool_is_read_over_three_months_and_another_producer_over_one() -> None:
    coins = steady()
    coins[11] = 1.3 * (coins[11] or 0)
    found = {(f.ticker, f.month): f for f in made({"MARA": coins, "X": coins})}
    plain = steady()[12]
    assert plain is not None
    assert found["X", MONTHS[12].start].expected_btc == pytest.approx(1.3 * plain)
    assert found["MARA", MONTHS[12].start].expected_btc == pytest.approx(1.3 ** (1 / 3) * plain)


def test_a_forecast_does_not_see_its_own_month_or_later() -> None:
    coins = steady()
    changed = [*coins[:12], *[5 * (value or 0) for value in coins[12:]]]
    before = [f.expected_btc for f in made({"X": coins}) if f.month <= MONTHS[12].start]
    after = [f.expected_btc for f in made({"X": changed}) if f.month <= MONTHS[12].start]
    assert before == pytest.approx(after)


def test_a_company_that_stops_reporting_gets_forecasts_for_six_months_only() -> None:
    coins: list[float | None] = [value if i < 6 else None for i, value in enumerate(steady())]
    found = made({"X": coins})
    assert [f.month for f in found if f.reported_btc is None] == [p.start for p in MONTHS[6:12]]


def test_no_interval_before_enough_errors_and_then_one_that_holds_the_steady_report() -> None:
    found = made({name: steady() for name in "ABCDE"})
    assert found[0].low_btc is None
    later = [f for f in found if f.low_btc is not None]
    assert len(later) > 0
    assert all(f.is_inside for f in later)
    assert len([f for f in found if f.low_btc is None]) >= LEAST_ERRORS


def test_an_own_pool_carries_its_luck_in_the_interval() -> None:
    found = made({"MARA": steady(), **{name: steady() for name in "ABCDE"}})
    last = {f.ticker: f for f in found}
    assert last["A"].high_btc == pytest.approx(last["A"].expected_btc)
    n_blocks = last["MARA"].expected_btc / (454 / 144)
    assert math.log((last["MARA"].high_btc or 0) / last["MARA"].expected_btc) == pytest.approx(
        1.96 / math.sqrt(n_blocks)
    )


def test_a_month_without_the_whole_chain_has_no_forecast() -> None:
    beyond = Period(dt.date(2026, 1, 1), dt.date(2026, 2, 1))
    assert forecasts(["X"], [beyond], book({"X": steady()}), network(), max_age_months=6) == []


def test_the_score_counts_only_answered_forecasts() -> None:
    day = dt.date(2025, 1, 1)
    common = {"last_realized_ehs": 1.0, "last_report_as_of": day, "growth_frac": 0.0, "naive_btc": 80.0}
    hit = Forecast("X", day, 100.0, 90.0, 110.0, reported_btc=105.0, reported_at=day, **common)  # type: ignore[arg-type]
    miss = Forecast("X", day, 100.0, 90.0, 110.0, reported_btc=125.0, reported_at=day, **common)  # type: ignore[arg-type]
    open_one = Forecast("X", day, 100.0, None, None, **common)  # type: ignore[arg-type]
    found = score([hit, miss, open_one])
    assert found is not None
    assert (found.n, found.n_with_interval, found.coverage_frac) == (2, 2, 0.5)
    assert found.mae_frac == pytest.approx((0.05 + 0.25) / 2)
    assert score([open_one]) is None
    assert forecast_rows([hit, open_one]).height == 2
    assert score_rows([hit, miss])["ticker"].to_list() == ["ALL", "X"]
