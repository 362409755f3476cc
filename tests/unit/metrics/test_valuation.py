"""Enterprise value instrument by instrument, ratios, and the market cap taken apart."""

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashdesk.metrics.company_facts import FactBook
from hashdesk.metrics.decomposition import (
    CapParts,
    after_halving_frac,
    group_parts,
    mining_value_usd,
)
from hashdesk.metrics.enterprise_value import Bridge, DebtBook, enterprise_bridge, instrument_line
from hashdesk.metrics.valuation import cap_to_own_opportunity_x, ev_usd_per_ehs, mnav_x

DAY = dt.date(2025, 9, 30)
TAIL = {"confidence": "high", "source": "s"}


def book(*sheets: dict[str, Any]) -> FactBook:
    empty = {
        "production": ("ticker", "month", "production_btc"),
        "production_quarterly": ("ticker", "period_start"),
        "holdings": ("ticker", "as_of"),
        "power_capacity": ("ticker", "as_of"),
        "power_costs": ("ticker", "period"),
    }
    tables = {name: pl.DataFrame(schema=dict.fromkeys(columns, pl.String)) for name, columns in empty.items()}
    return FactBook(
        {**tables, "capital": pl.DataFrame([{"ticker": "X", "note": None, **TAIL, **sheet} for sheet in sheets])}
    )


def sheet(cash: float | None, debt: float | None, as_of: dt.date = dt.date(2025, 6, 30)) -> dict[str, Any]:
    return {"as_of": as_of, "cash_usd": cash, "debt_usd": debt, "known_at": as_of + dt.timedelta(days=45)}


def debt(**changes: Any) -> dict[str, Any]:
    return {
        "ticker": "X", "kind": "convertible", "principal_usd": 500e6, "maturity": dt.date(2030, 1, 1),
        "coupon_frac": 0.02, "is_secured": False, "is_convertible": True, "conversion_price_usd": 10.0,
        "is_reduced": False, "as_of": dt.date(2025, 1, 1), "known_at": dt.date(2025, 2, 1), **TAIL, **changes,
    }  # fmt: skip


def bridge(sheets: list[dict[str, Any]], debts: list[dict[str, Any]], close: float | None = 8.0) -> Bridge:
    return enterprise_bridge("X", DAY, close, book(*sheets), DebtBook(pl.DataFrame(debts)), max_age_months=6)


def test_a_convertible_out_of_the_money_counts_at_face_and_in_the_money_as_its_shares() -> None:
    out, inside = instrument_line(debt(), 8.0), instrument_line(debt(), 15.0)
    assert (out.kind, out.value_usd) == ("debt", 500e6)
    assert (inside.kind, inside.shares, inside.value_usd) == ("shares", 50e6, 750e6)


def test_a_convertible_is_worth_at_least_its_face_at_any_price() -> None:
    assert all(instrument_line(debt(), close).value_usd >= 500e6 for close in (0.1, 10.0, 10.01, 90.0))


def test_without_a_conversion_price_or_a_close_a_convertible_stays_at_face() -> None:
    assert instrument_line(debt(conversion_price_usd=None), 90.0).value_usd == 500e6
    assert instrument_line(debt(), None).value_usd == 500e6


def test_net_debt_is_the_sheet_where_all_debts_are_within_it() -> None:
    assert bridge([sheet(100e6, 600e6)], [debt()]).net_debt_usd == pytest.approx(500e6)


def test_a_debt_issued_after_the_balance_sheet_alone_moves_nothing() -> None:
    new = debt(kind="secured notes", is_convertible=False, as_of=dt.date(2025, 8, 1), known_at=dt.date(2025, 9, 1))
    before = bridge([sheet(100e6, 600e6)], [debt()]).net_debt_usd
    assert bridge([sheet(100e6, 600e6)], [debt(), new]).net_debt_usd == pytest.approx(before)


def test_a_reduced_debt_is_a_rest_of_the_sheet_and_brings_no_cash() -> None:
    rest = debt(is_reduced=True, as_of=dt.date(2025, 8, 1), known_at=dt.date(2025, 9, 1))
    found = bridge([sheet(100e6, 600e6)], [rest])
    assert found.net_debt_usd == pytest.approx(500e6)
    assert "proceeds" not in {line.kind for line in found.lines}


def test_facts_that_came_out_later_are_not_used() -> None:
    late = debt(known_at=DAY + dt.timedelta(days=1))
    late_sheet = sheet(900e6, 0.0, dt.date(2025, 8, 31))
    assert bridge([sheet(100e6, 600e6), late_sheet], [late]).net_debt_usd == pytest.approx(500e6)


def test_a_debt_that_fell_due_is_gone() -> None:
    assert bridge([sheet(100e6, 600e6)], [debt(maturity=DAY)]).interest_usd_per_year is None


def test_without_cash_or_with_an_old_sheet_there_is_no_net_debt_and_a_reason() -> None:
    for sheets in ([sheet(None, 600e6)], [sheet(100e6, 600e6, dt.date(2024, 12, 31))]):
        found = bridge(sheets, [debt()])
        assert found.net_debt_usd is None
        assert any("cash" in text for text in found.missing)


def test_ratios_are_unknown_over_nothing() -> None:
    assert str(ev_usd_per_ehs(1e9, 0.0)) == "nan"
    assert str(mnav_x(1e9, 0.0, 100_000)) == "nan"
    assert mnav_x(1e9, 5_000, 100_000, 0.5e9) == pytest.approx(3.0)
    assert cap_to_own_opportunity_x(1e9, 0.05, 60e9) == pytest.approx(1 / 3)


def test_without_a_halving_mining_is_worth_gross_profit_times_hashrate_times_1461_days() -> None:
    hashrate, network, price, margin = 40.0, 1_000.0, 110_000.0, 0.55
    daily = 450 * price / network * margin * hashrate
    worth = mining_value_usd(hashrate / network, 450 * 1461 * price, margin)
    assert worth.value_usd == pytest.approx(daily * 1461)
    assert worth.low_usd == pytest.approx(worth.value_usd)


def test_after_a_halving_that_the_network_ignores_a_margin_below_half_earns_nothing() -> None:
    worth = mining_value_usd(0.05, 60e9, 0.45, 1.0)
    assert worth.low_usd == 0
    assert worth.value_usd > 0


@given(st.floats(0, 1), st.floats(-1, 0.99))
def test_the_low_value_of_mining_never_exceeds_the_central_one(after: float, margin: float) -> None:
    worth = mining_value_usd(0.05, 60e9, margin, after)
    assert worth.low_usd <= worth.value_usd + 1e-6


def test_the_part_after_the_halving_spans_all_cases() -> None:
    assert after_halving_frac(450.0 * 1461, 450.0) == pytest.approx(0)
    assert after_halving_frac(225.0 * 1461, 450.0) == pytest.approx(1)


amount = st.one_of(st.none(), st.floats(0, 1e11))


@given(st.floats(1e6, 1e11), amount, amount, amount, st.one_of(st.none(), st.floats(-1e10, 1e11)))
def test_the_parts_of_a_market_cap_add_up(
    cap: float, mining: float | None, coins: float | None, leases: float | None, net_debt: float | None
) -> None:
    parts = CapParts(cap, mining, coins, leases, net_debt)
    total = (mining or 0) + (coins or 0) + (leases or 0) - (net_debt or 0) + parts.expectations_usd
    assert total == pytest.approx(cap, abs=1e-3)


def month(start: dt.date, *companies: CapParts) -> tuple[dt.date, list[tuple[CapParts, float | None]]]:
    return start, [(parts, parts.mining_value_usd) for parts in companies]


def test_a_group_adds_up_with_companies_that_disclose_nothing() -> None:
    known, silent = CapParts(10.0, 2.0, 3.0, None, 1.0), CapParts(4.0, None, 1.0, None, None)
    row = group_parts([month(dt.date(2025, 1, 1), known, silent)]).row(0, named=True)
    parts = row["mining_value_usd"] + row["bitcoin_value_usd"] + row["hpc_value_usd"] - row["net_debt_usd"]
    assert parts + row["expectations_usd"] + row["not_disclosed_usd"] == pytest.approx(14.0)
    assert row["not_disclosed_usd"] == 4.0
    assert row["divergence_frac"] == pytest.approx(0.5)


def test_a_month_with_too_little_disclosed_has_no_divergence_number() -> None:
    half = group_parts([month(dt.date(2025, 1, 1), CapParts(10.0, 2.0, 3.0, None, 1.0), CapParts(9.0, *[None] * 4))])
    assert half["divergence_frac"].to_list() == [None]


def test_coins_that_nobody_disclosed_widen_the_divergence_number_downwards() -> None:
    rows = [month(dt.date(2025, 1, 1), CapParts(10.0, 2.0, 3.0, None, 1.0), CapParts(10.0, 2.0, None, None, 1.0))]
    row = group_parts(rows).row(0, named=True)
    assert row["divergence_frac"] == pytest.approx(1 - 7 / 20)
    assert row["divergence_frac_low"] == pytest.approx(1 - 10 / 20)


def test_the_percentile_ranks_a_month_among_those_before_it_only() -> None:
    rows = [
        month(dt.date(2025, m, 1), CapParts(10.0, mining, 0.0, None, None))
        for m, mining in ((1, 5.0), (2, 8.0), (3, 6.0))
    ]
    assert group_parts(rows)["divergence_percentile_frac"].to_list() == pytest.approx([1.0, 0.5, 2 / 3])
