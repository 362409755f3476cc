"""Checks on prices and the detection of changes of unit, on made series whose answer is known."""

import datetime as dt

import polars as pl
import pytest

from hashdesk.checks.prices import successors, unit_changes
from hashdesk.checks.run import failures

DAYS = pl.date_range(dt.date(2025, 9, 1), dt.date(2025, 9, 30), eager=True)


def closes(prices: list[float], ticker: str = "AAAA", factor: float | None = 1.0) -> pl.DataFrame:
    n = len(prices)
    return pl.DataFrame(
        {
            "date": DAYS[:n],
            "ticker": [ticker] * n,
            "close_usd": prices,
            "adjustment_factor": [factor] * n,
            "basis": ["unadjusted"] * n,
            "source": ["screener-snapshots"] * n,
            "known_at": DAYS[:n],
        },
        schema_overrides={"adjustment_factor": pl.Float64},
    )


def adjusted(prices: list[float], ticker: str = "AAAA") -> pl.DataFrame:
    return closes(prices, ticker).select("date", "ticker", "close_usd", "source", "known_at")


def counts(shares: list[float], ticker: str = "AAAA") -> pl.DataFrame:
    n = len(shares)
    return pl.DataFrame({"date": DAYS[:n], "ticker": [ticker] * n, "implied_shares": shares})


def bitcoin(prices: list[float], second: list[float | None]) -> pl.DataFrame:
    n = len(prices)
    return pl.DataFrame(
        {
            "date": DAYS[:n],
            "close_usd": prices,
            "close_usd_bitstamp": second,
            "source": ["coinmetrics-community"] * n,
            "known_at": DAYS[:n].dt.offset_by("1d"),
        },
        schema_overrides={"close_usd_bitstamp": pl.Float64},
    )


def test_a_second_venue_that_contradicts_sets_the_day_aside() -> None:
    found = failures("btc_price_daily", bitcoin([110e3, 112e3, 111e3], [110.1e3, 101e3, None]))
    assert found.select("row", "check_id").rows() == [(1, "price.venue")]
    assert "10.9% from the second venue" in found["message"][0]


@pytest.mark.parametrize(("middle", "is_slip"), [(11.2e3, True), (112e3 * 1.6, True), (112e3 * 1.3, False)])
def test_a_price_that_visits_for_a_day_is_a_slip(middle: float, is_slip: bool) -> None:
    found = failures("btc_price_daily", bitcoin([110e3, middle, 111e3], [None] * 3))
    assert found["check_id"].to_list() == (["price.slip"] if is_slip else [])


def test_a_fall_that_stays_is_no_slip() -> None:
    assert failures("btc_price_daily", bitcoin([110e3, 60e3, 58e3], [None] * 3)).is_empty()


def test_a_close_in_another_unit_for_a_day_is_a_slip() -> None:
    found = failures("equity_closes", closes([17.0, 1700.0, 17.2]))
    assert found.filter(pl.col("severity") == "quarantine").select("row", "check_id").rows() == [(1, "closes.slip")]


def test_two_price_files_that_disagree_set_the_close_aside() -> None:
    facts = {"adjusted_closes": adjusted([17.0, 17.5, 17.2])}
    found = failures("equity_closes", closes([17.0, 16.5, 17.2]), facts)
    assert found.select("row", "check_id").rows() == [(1, "closes.adjusted")]


def test_an_ads_that_becomes_two_shares_is_found_by_its_adjusted_close() -> None:
    """Cango, 17 November 2025: one ADS became two Class A shares."""
    found = unit_changes(closes([3.90, 1.88, 1.85]), adjusted([19.5, 18.8, 18.5]), None)
    assert found.select("date", "ratio", "witness").rows() == [(DAYS[1], pytest.approx(2.0), "adjusted")]


def test_a_unit_change_on_a_day_of_a_crash_is_found_too() -> None:
    """Argo, 12 December 2025: an ADS of 2,160 shares instead of 10, and a fall of 78% on the day."""
    found = unit_changes(closes([0.153, 0.142, 6.87]), adjusted([33.048, 30.672, 6.87]), None)
    assert found.select("date", "ratio").rows() == [(DAYS[2], pytest.approx(1 / 216))]


def test_share_counts_are_the_witness_where_no_adjusted_close_is() -> None:
    found = unit_changes(closes([2.0, 10.4]), None, counts([5e8, 1e8]))
    assert found.select("ratio", "witness").rows() == [(pytest.approx(0.2), "shares")]


def test_a_crash_without_a_witness_is_no_unit_change() -> None:
    """Core Scientific lost 78% on 27 October 2022; nothing was split."""
    assert unit_changes(closes([1.02, 0.2216]), None, counts([3.5e8, 3.5e8])).is_empty()
    assert unit_changes(closes([1.02, 0.2216]), adjusted([1.02, 0.2216]), None).is_empty()


def test_a_listed_action_explains_a_unit_change_and_a_missing_one_is_named() -> None:
    facts = {"adjusted_closes": adjusted([19.5, 18.8]), "corporate_actions": actions("AAAA", DAYS[1])}
    series = closes([3.90, 1.88], factor=None)
    assert failures("equity_closes", series, facts).is_empty()
    found = failures("equity_closes", series, facts | {"corporate_actions": actions("BBBB", DAYS[1])})
    assert found.select("row", "check_id", "severity").rows() == [(1, "closes.unit", "warning")]


def actions(ticker: str, day: dt.date) -> pl.DataFrame:
    return pl.DataFrame({"ticker": [ticker], "date": [day]})


def test_a_share_that_comes_back_after_a_long_time_is_named() -> None:
    late = closes([0.2, 3.4]).with_columns(date=pl.Series([dt.date(2022, 12, 20), dt.date(2024, 1, 24)]))
    late = late.with_columns(known_at="date", adjustment_factor=None)
    found = failures("equity_closes", late)
    assert set(found["check_id"]) >= {"closes.relisted"}
    listed = failures("equity_closes", late, {"corporate_actions": actions("AAAA", dt.date(2024, 1, 24))})
    assert "closes.relisted" not in set(listed["check_id"])


def test_a_symbol_that_ends_where_another_begins_has_a_successor() -> None:
    """Gryphon (GRYP) last traded on 2 September 2025, American Bitcoin (ABTC) first on the 3rd."""
    table = pl.concat(
        [
            closes([1.0] * 10, "GRYP"),
            closes([8.0] * 30, "ABTC").filter(pl.col("date") > DAYS[9]),
            closes([5.0] * 30, "MARA"),
        ]
    )
    assert successors(table).rows() == [("GRYP", "ABTC", DAYS[10])]


def test_a_new_close_is_held_against_the_stored_ones_and_they_are_not_judged_again() -> None:
    stored, new = closes([2.0, 900.0, 2.1, 2.0]), closes([2.0, 2.0, 2.0, 2.0, 0.5], factor=None).tail(1)
    facts = {"equity_closes": stored, "adjusted_closes": adjusted([2.0] * 5)}
    found = failures("equity_closes", new, facts)
    assert found.select("row", "check_id").rows() == [(0, "closes.unit")]
