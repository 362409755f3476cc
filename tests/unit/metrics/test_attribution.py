from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.calendar import month_period
from hashdesk.metrics.attribution import (
    MonthFactors,
    attribute_companies,
    attribute_group,
    company_events,
    mean_parts,
    month_factors,
    scale_to_simple,
)
from hashdesk.metrics.betas import DAILY, Fit, Sessions
from hashdesk.metrics.equities import COMPANY_SCHEMA

PERIOD = month_period(dt.date(2025, 9, 1))
DAYS = tuple(dt.date(2025, 8, 29) + dt.timedelta(days=i) for i in range(35))
FLAT = np.zeros(len(DAYS))
FACTORS = MonthFactors(0.05, 0.30, 21)


def fit(ticker: str = "AAA") -> Fit:
    return Fit(ticker, PERIOD.start, DAILY, 126, 1.0, 0.2, 0.5, 0.04, 0.01, 0.0016, np.zeros((3, 3)), 0.6, 0.0)


def lined_up(**shares: np.ndarray) -> Sessions:
    return Sessions(DAYS, FLAT, FLAT, FLAT, shares or {"AAA": FLAT})


def company(**changes: object) -> pl.DataFrame:
    row = dict.fromkeys(COMPANY_SCHEMA) | {
        "ticker": "AAA",
        "name": "A",
        "is_tracked": True,
        "was_tracked": True,
        "return_frac": 0.40,
        "prior_market_cap_usd": 1e9,
        "contribution_usd": 0.5e9,
        "price_effect_usd": 0.4e9,
        "share_effect_usd": 0.1e9,
        "universe_effect_usd": 0.0,
        **changes,
    }
    return pl.DataFrame([row], schema=COMPANY_SCHEMA)


def parts(
    frame: pl.DataFrame, sessions: Sessions | None = None, news: object = None, has_news: bool = True
) -> pl.DataFrame:
    lines = sessions or lined_up()
    return attribute_companies(frame, FACTORS, {"AAA": fit()}, lines, news or {}, has_news=has_news)  # type: ignore[arg-type]


def test_parts_are_betas_times_moves_scaled_to_the_simple_return() -> None:
    row = parts(company()).row(0, named=True)
    scale = 0.40 / np.log(1.40)
    assert row["btc_frac"] == pytest.approx(1.2 * 0.05 * scale)
    assert row["ai_frac"] == pytest.approx(0.5 * (0.30 - 0.6 * 0.05) * scale)
    assert row["events_frac"] == 0.0
    assert row["btc_frac"] + row["ai_frac"] + row["events_frac"] + row["residual_frac"] == pytest.approx(
        0.40, abs=1e-15
    )
    assert row["btc_frac_high"] - row["btc_frac"] == pytest.approx(1.959964 * 0.2 * 0.05 * scale)
    assert row["residual_frac_high"] > row["residual_frac"] > row["residual_frac_low"]


def test_news_takes_the_abnormal_return_of_its_sessions() -> None:
    share = FLAT.copy()
    share[10] = 0.2
    row = parts(company(), lined_up(AAA=share), {"AAA": ([10, 11], 1)}).row(0, named=True)
    assert row["events_frac"] == pytest.approx(0.2 * scale_to_simple(0.40))
    assert row["event_sessions"] == f"{DAYS[10]}; {DAYS[11]}"


def test_news_without_closes_and_months_without_news_leave_it_to_the_residual_and_say_so() -> None:
    share = FLAT.copy()
    share[10] = np.nan
    row = parts(company(), lined_up(AAA=share), {"AAA": ([10, 11], 1)}).row(0, named=True)
    assert row["events_frac"] is None and "no closes around its news" in row["missing"]
    row = parts(company(), has_news=False).row(0, named=True)
    assert row["events_frac"] is None and "no dated news" in row["missing"]
    assert row["btc_frac"] + row["ai_frac"] + row["residual_frac"] == pytest.approx(0.40, abs=1e-15)


def test_a_company_without_a_return_has_no_parts_and_says_why() -> None:
    row = parts(company(return_frac=None)).row(0, named=True)
    assert row["btc_frac"] is None and row["residual_frac"] is None
    assert row["missing"] == "no close at one end of the month"


def test_the_group_adds_up_in_dollars_and_counts_a_joiner_under_the_list() -> None:
    joiner = company(
        ticker="BBB", price_effect_usd=0.0, share_effect_usd=2e8, universe_effect_usd=2e8, contribution_usd=2e8
    )
    frame = attribute_companies(
        pl.concat([company(), joiner]),
        FACTORS,
        {"AAA": fit(), "BBB": fit("BBB")},
        lined_up(AAA=FLAT, BBB=FLAT),
        {},
        has_news=True,
    )
    row = attribute_group(frame, 1e9).row(0, named=True)
    inside = sum(row[f"{part}_usd"] for part in ("btc", "ai", "events", "residual"))
    assert inside == pytest.approx(0.4e9)
    assert inside + row["share_effect_usd"] + row["universe_effect_usd"] == pytest.approx(row["market_cap_change_usd"])
    assert row["universe_effect_usd"] == 2e8 and row["share_effect_usd"] == pytest.approx(0.1e9)


def test_a_group_with_a_missing_part_is_not_summed() -> None:
    frame = parts(company(return_frac=None, price_effect_usd=None, contribution_usd=None))
    row = attribute_group(frame, 1e9).row(0, named=True)
    assert row["btc_usd"] is None and "AAA" in row["missing"]


def test_only_news_of_the_company_itself_counts_and_a_window_is_shared_between_months() -> None:
    news = pl.DataFrame(
        {
            "date": [dt.date(2025, 8, 31), dt.date(2025, 9, 9), dt.date(2025, 9, 16), dt.date(2025, 9, 17)],
            "tickers": ["AAA", "AAA;BBB", "AAA", "AAA"],
            "kind": ["other", "other", "price_move", "earnings"],
            "is_sector": [False, True, False, False],
        }
    )
    found = company_events(news, lined_up(), PERIOD)
    assert set(found) == {"AAA"}
    places, n = found["AAA"]
    assert [DAYS[place] for place in places] == [dt.date(2025, 9, 1), dt.date(2025, 9, 17), dt.date(2025, 9, 18)]
    assert n == 2


def test_factors_with_a_missing_session_are_refused() -> None:
    broken = FLAT.copy()
    broken[5] = np.nan
    assert month_factors(Sessions(DAYS, FLAT, FLAT, broken, {}), PERIOD) is None
    assert month_factors(lined_up(), PERIOD) == MonthFactors(0.0, 0.0, 30)


def test_means_of_the_two_sides_take_every_company_alike() -> None:
    frame = pl.concat([parts(company()), parts(company(return_frac=0.2)).with_columns(ticker=pl.lit("BBB"))])
    sides = mean_parts(frame, ["BBB"])
    assert sides.select("peers", "n_companies", "return_frac").rows() == [("hpc", 1, 0.2), ("other", 1, 0.4)]


def test_a_month_without_a_move_has_a_scale_of_one() -> None:
    assert scale_to_simple(0.0) == 1.0
