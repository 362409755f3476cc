"""The share-count ledger: what was known on a day never depends on what came out later."""

import datetime as dt
import itertools

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashdesk.store.pack import ReferencePack

PACK = ReferencePack()
LEDGER = PACK.read("share_counts")
CLOSES = PACK.read("equity_closes")
UNIVERSE = PACK.read("universe")
USED = LEDGER.filter(pl.col("status") == "use")
THEN = USED.filter(pl.col("use_for").is_in(["both", "known-then"]))
TICKERS = sorted(UNIVERSE["ticker"].to_list())

days = st.dates(dt.date(2023, 12, 1), dt.date(2026, 1, 31))
tickers = st.sampled_from(TICKERS)


def count_on(ledger: pl.DataFrame, ticker: str, day: dt.date) -> dict[str, object] | None:
    """The latest count that was both true and public on a day, read from the ledger row by row."""
    best = None
    for row in ledger.sort("as_of", "known_at").iter_rows(named=True):
        if row["ticker"] == ticker and row["as_of"] <= day and row["known_at"] <= day:
            best = row
    return best


@given(tickers, days)
def test_the_count_of_a_day_is_the_same_when_the_future_is_cut_off(ticker: str, day: dt.date) -> None:
    cut = PACK.read("share_counts", as_of=day)
    cut = cut.filter((pl.col("status") == "use") & pl.col("use_for").is_in(["both", "known-then"]))
    assert count_on(THEN, ticker, day) == count_on(cut, ticker, day)


@given(tickers, days, days)
def test_counts_never_step_back_in_time(ticker: str, one: dt.date, other: dt.date) -> None:
    earlier, later = count_on(THEN, ticker, min(one, other)), count_on(THEN, ticker, max(one, other))
    if earlier is not None:
        assert later is not None
        assert later["as_of"] >= earlier["as_of"]


def test_a_tracked_company_has_a_count_at_every_month_end() -> None:
    months = CLOSES.filter(pl.col("ticker") == "SPY").group_by(pl.col("date").dt.month_start().alias("month"))
    for day in months.agg(pl.col("date").max())["date"]:
        for window in UNIVERSE.iter_rows(named=True):
            if window["tracked_from"] <= day and (window["tracked_to"] is None or day < window["tracked_to"]):
                assert count_on(THEN, window["ticker"], day) is not None, (window["ticker"], day)


def test_a_count_is_in_the_unit_that_traded() -> None:
    changes = {"ARBK": dt.date(2025, 12, 12), "CANG": dt.date(2025, 11, 17)}
    for ticker, change in changes.items():
        units = THEN.filter(pl.col("ticker") == ticker).select("as_of", "unit")
        before, after = (
            units.filter(side)["unit"].unique() for side in (pl.col("as_of") < change, pl.col("as_of") >= change)
        )
        assert len(before) == len(after) == 1
        assert before[0] != after[0]


@pytest.mark.parametrize(
    ("ticker", "before", "after"),
    [
        ("CANG", dt.date(2025, 10, 31), dt.date(2025, 11, 28)),
        ("ARBK", dt.date(2025, 11, 28), dt.date(2025, 12, 31)),
    ],
)
def test_market_cap_survives_a_change_of_unit(ticker: str, before: dt.date, after: dt.date) -> None:
    def cap(day: dt.date) -> float:
        close = CLOSES.filter((pl.col("ticker") == ticker) & (pl.col("date") == day))["close_usd"].item()
        row = count_on(THEN, ticker, day)
        assert row is not None
        return float(close) * float(str(row["shares_outstanding"]))

    # A wrong unit would move it by the ratio: 2 for Cango; Argo's plan also issued forty shares for each old one.
    assert 0.4 < cap(after) / cap(before) < 4


def test_counts_in_use_move_by_less_than_a_factor_of_two_unless_stated() -> None:
    for ticker in TICKERS:
        rows = THEN.filter(pl.col("ticker") == ticker).sort("as_of", "known_at").to_dicts()
        for first, second in itertools.pairwise(rows):
            if second["path"] != "unit-change":
                ratio = second["shares_outstanding"] / first["shares_outstanding"]
                assert 0.5 < ratio < 2, (ticker, second["as_of"])


def test_wrong_rows_are_kept_with_their_reason() -> None:
    rejected = LEDGER.filter(pl.col("status").is_in(["wrong", "wrong-unit", "duplicate"]))
    assert len(rejected) >= 8
    assert rejected["note"].null_count() == 0


def test_bitdeers_class_v_shares_are_not_counted_twice() -> None:
    """20-F for 2023: 111,966,298 shares of both classes; a screener showed 160,366,220 for a year."""
    row = count_on(THEN, "BTDR", dt.date(2024, 4, 30))
    assert row is not None
    assert row["shares_outstanding"] == 111_966_298


def test_core_scientifics_cancelled_shares_are_never_used_with_the_new_price() -> None:
    for day in (dt.date(2024, 1, 31), dt.date(2024, 2, 29)):
        row = count_on(THEN, "CORZ", day)
        assert row is not None
        assert 170e6 < float(str(row["shares_outstanding"])) < 180e6
        assert row["confidence"] == "low"
