"""Every company, every covered month: the parts are the return, and the group's parts are its change of market cap."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from hashdesk.calendar import months_between
from hashdesk.desk import Desk
from hashdesk.metrics.attribution import PARTS
from hashdesk.metrics.equities import companies_in

MONTHS = [period.month for period in months_between(dt.date(2024, 1, 1), dt.date(2026, 1, 1))]
BASIS_POINT = 1e-4


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("month", MONTHS)
def test_the_parts_of_every_company_and_of_the_group_add_up(desk: Desk, month: str) -> None:
    result = desk.attribution(month)
    known = result.companies.filter(pl.col("return_frac").is_not_null())
    total = pl.sum_horizontal(pl.col(f"{part}_frac").fill_null(0.0) for part in PARTS)
    assert known.height >= 13
    assert known.select((total - pl.col("return_frac")).abs().max()).item() < 1e-12
    assert known["residual_frac"].null_count() == 0
    group = result.group.row(0, named=True)
    if group["missing"] is not None:
        # Core Scientific came back on 24 January 2024 without a count public before.
        assert month == "2024-01" or "CORZ" in group["missing"]
        return
    parts = sum(group[f"{part}_usd"] or 0.0 for part in (*PARTS, "share_effect", "universe_effect"))
    assert abs(parts - group["market_cap_change_usd"]) < BASIS_POINT / 100 * group["prior_market_cap_usd"]
    period = next(p for p in months_between(dt.date(2024, 1, 1), dt.date(2026, 1, 1)) if p.month == month)
    _, _, market = desk._lined_up(None)
    split = companies_in(market, period)
    assert group["market_cap_change_usd"] == pytest.approx(split["contribution_usd"].sum(), rel=1e-12)
    prices = sum(group[f"{part}_usd"] or 0.0 for part in PARTS)
    assert prices == pytest.approx(split["price_effect_usd"].sum(), rel=1e-9)


def test_betas_come_from_sessions_before_the_month_only(desk: Desk) -> None:
    stored = desk.store.read("return_moments")
    assert (stored["window_to"] < stored["month"]).all()
    lined_up, tables, _ = desk._lined_up(None)
    for month in (dt.date(2025, 9, 1), dt.date(2025, 10, 1), dt.date(2025, 11, 1)):
        period = next(p for p in months_between(month, month))
        for fit in desk._fits(lined_up, tables, period).values():
            assert fit.window is None or fit.window[1] < month


def test_daily_closes_and_stored_moments_give_the_same_betas(desk: Desk) -> None:
    from hashdesk.metrics.betas import STORED, fit_daily, fit_from_moments

    lined_up, tables, _ = desk._lined_up(None)
    compared = 0
    for row in tables["return_moments"].iter_rows(named=True):
        if row["ticker"] not in lined_up.shares:
            continue
        daily = fit_daily(lined_up, row["ticker"], row["month"])
        if daily is None:
            continue
        stored = fit_from_moments(row["ticker"], row["month"], row, STORED)
        assert daily.n == stored.n
        for name in ("beta_bitcoin", "beta_ai", "var_btc", "var_ai", "residual_var"):
            assert getattr(daily, name) == pytest.approx(getattr(stored, name), rel=1e-9), (row["ticker"], name)
        compared += 1
    assert compared >= 40


def test_what_was_known_on_a_day_does_not_change_with_what_came_later(desk: Desk) -> None:
    then = desk.attribution("2025-09", as_of="2025-10-01")
    now = desk.attribution("2025-09")
    columns = ["ticker", "btc_frac", "ai_frac", "beta_bitcoin", "beta_ai"]
    assert then.companies.select(columns).equals(now.companies.select(columns))
