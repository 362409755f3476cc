"""Market cap on counts known that day, returns, and the exact split of a change."""

import datetime as dt

import polars as pl
import pytest

from hashdesk.calendar import Period
from hashdesk.metrics.equities import (
    Close,
    Market,
    companies_in,
    equity_monthly,
    revision_factors,
    total_return_frac,
)

AUG, SEP = dt.date(2025, 8, 29), dt.date(2025, 9, 30)
PERIOD = Period(dt.date(2025, 9, 1), dt.date(2025, 10, 1))


def market(
    counts: list[tuple[str, dt.date, dt.date, float, str, str]], *, prices: dict[str, tuple[float, float]] | None = None
) -> Market:
    """A market of two companies, B tracked from September 2025 on."""
    prices = prices or {"A": (10.0, 15.0), "B": (4.0, 3.0)}
    closes = [
        {"ticker": t, "date": day, "close_usd": p, "adjustment_factor": 1.0, "source": "s"}
        for t, pair in prices.items()
        for day, p in zip((AUG, SEP), pair, strict=True)
    ]
    names = ("ticker", "as_of", "known_at", "shares_outstanding", "path", "use_for")
    shares = pl.DataFrame([dict(zip(names, row, strict=True)) for row in counts]).with_columns(
        form=pl.lit("10-Q"), confidence=pl.lit("high"), source=pl.lit("s"), status=pl.lit("use")
    )
    universe = pl.DataFrame(
        {
            "ticker": ["A", "B"],
            "name": ["Alpha", "Beta"],
            "tracked_from": [dt.date(2024, 1, 1), dt.date(2025, 9, 1)],
            "tracked_to": [None, None],
        },
        schema_overrides={"tracked_to": pl.Date},
    )
    btc = pl.DataFrame({"date": [AUG, SEP], "close_usd": [100.0, 105.0]})
    return Market(pl.DataFrame(closes), shares, universe, pl.DataFrame({"date": [AUG, SEP]}), btc)


BOTH = [
    ("A", dt.date(2025, 8, 1), dt.date(2025, 8, 8), 100.0, "linear", "both"),
    ("A", dt.date(2025, 9, 20), dt.date(2025, 9, 25), 120.0, "linear", "both"),
    ("A", dt.date(2025, 9, 28), dt.date(2025, 10, 6), 999.0, "linear", "both"),
    ("B", dt.date(2025, 6, 1), dt.date(2025, 6, 8), 50.0, "linear", "both"),
]


def test_a_count_counts_only_from_the_day_it_was_public() -> None:
    shares = market(BOTH).shares("A", SEP)
    assert shares is not None
    assert shares.shares_outstanding == 120.0
    assert market(BOTH).shares("A", dt.date(2025, 8, 7)) is None


def test_a_count_of_the_future_is_not_used_though_announced() -> None:
    early = [("A", dt.date(2025, 10, 8), dt.date(2025, 9, 20), 500.0, "step", "both"), *BOTH]
    shares = market(early).shares("A", SEP)
    assert shares is not None
    assert shares.shares_outstanding == 120.0


def test_the_later_path_runs_along_a_line_or_a_step() -> None:
    line = market([BOTH[0], ("A", dt.date(2025, 8, 31), dt.date(2025, 9, 2), 130.0, "linear", "both")])
    assert line.shares_as_later_known("A", dt.date(2025, 8, 16)) == pytest.approx(115.0)
    step = market([BOTH[0], ("A", dt.date(2025, 8, 31), dt.date(2025, 9, 2), 130.0, "step", "both")])
    assert step.shares_as_later_known("A", dt.date(2025, 8, 16)) == 100.0


def test_price_and_share_effects_add_up_to_the_change() -> None:
    row = companies_in(market(BOTH), PERIOD).filter(pl.col("ticker") == "A").row(0, named=True)
    assert row["contribution_usd"] == 15.0 * 120 - 10.0 * 100
    assert row["price_effect_usd"] == 5.0 * 100
    assert row["share_effect_usd"] == 20 * 15.0
    assert row["price_effect_usd"] + row["share_effect_usd"] == pytest.approx(row["contribution_usd"])
    assert row["excess_return_frac"] == pytest.approx(0.5 - 0.05)


def test_a_company_that_joins_brings_its_whole_market_cap() -> None:
    row = companies_in(market(BOTH), PERIOD).filter(pl.col("ticker") == "B").row(0, named=True)
    assert row["universe_effect_usd"] == row["contribution_usd"] == row["share_effect_usd"] == 150.0
    assert row["price_effect_usd"] == 0.0
    assert row["return_frac"] == -0.25


def test_the_total_splits_into_price_shares_and_list() -> None:
    frame = companies_in(market(BOTH), PERIOD)
    total = equity_monthly([(PERIOD, frame)], market(BOTH)).row(0, named=True)
    assert total["market_cap_usd"] == 1_950.0
    parts = total["price_effect_usd"] + total["share_effect_usd"] + total["universe_effect_usd"]
    assert parts == pytest.approx(1_950.0 - 1_000.0)
    assert (total["n_outperforming_btc"], total["top_performer"], total["bottom_performer"]) == (1, "A", "B")


def test_a_missing_count_leaves_the_total_missing_and_named() -> None:
    without = market(BOTH[:2])
    total = equity_monthly([(PERIOD, companies_in(without, PERIOD))], without).row(0, named=True)
    assert total["market_cap_usd"] is None
    assert total["missing_market_cap"] == "B"
    assert total["n_outperforming_btc"] == 1


def test_a_split_changes_neither_the_return_nor_the_effects() -> None:
    before = Close(AUG, 100.0, 10.0, "s")
    after = Close(SEP, 11.0, 11.0, "s")
    assert total_return_frac(after, before) == pytest.approx(0.1)


def test_rounded_adjusted_closes_are_not_used_where_nothing_was_adjusted() -> None:
    assert total_return_frac(Close(SEP, 11.0, 10.9999, "s"), Close(AUG, 10.0, 10.0, "s")) == 11.0 / 10.0 - 1


def test_an_old_count_is_flagged_stale() -> None:
    old = [("A", dt.date(2025, 3, 1), dt.date(2025, 3, 8), 100.0, "linear", "both"), BOTH[3]]
    frame = companies_in(market(old), PERIOD).sort("ticker")
    assert frame["is_shares_stale"].to_list() == [True, True]
    assert companies_in(market(BOTH), PERIOD).sort("ticker")["is_shares_stale"].to_list() == [False, True]


def test_a_day_beyond_the_trading_calendar_has_no_trading_day() -> None:
    assert market(BOTH).trading_day(dt.date(2025, 10, 15)) is None
    assert market(BOTH).trading_day(dt.date(2025, 8, 1)) is None


def test_before_the_first_session_of_a_period_there_is_no_return() -> None:
    holiday = Period(dt.date(2025, 9, 1), dt.date(2025, 9, 2))
    frame = companies_in(market(BOTH), holiday)
    assert frame["return_frac"].null_count() == frame.height
    total = equity_monthly([(holiday, frame)], market(BOTH)).row(0, named=True)
    assert (total["btc_return_frac"], total["n_outperforming_btc"], total["top_performer"]) == (None, None, None)


def test_a_month_s_bounds_do_not_depend_on_the_months_after_it() -> None:
    then, later = [10.0] * 15, [10.0 + 0.1 * i for i in range(15)]
    assert revision_factors(then[:8], later[:8])[1] == revision_factors(then, later)[1][:8]


def test_no_bounds_before_three_revised_months() -> None:
    assert revision_factors([10.0, None, 10.0], [10.5, 10.5, None]) == ([None] * 3, [None] * 3)
