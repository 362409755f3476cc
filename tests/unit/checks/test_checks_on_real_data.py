"""Thresholds held against the raw folder: rows known to be wrong are caught, good ones are not."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from hashdesk.archive.common import Checks
from hashdesk.archive.reading import RawFolder
from hashdesk.archive.sources import described_sources
from hashdesk.archive.tables import CONVERSIONS, LIVE_CONVERSIONS
from hashdesk.checks.prices import successors, unit_changes
from hashdesk.checks.run import failures

D = dt.date
Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def tables(data_dir: Path) -> Tables:
    folder, sources, checks = RawFolder(data_dir), described_sources(), Checks()
    plan = {**CONVERSIONS, **LIVE_CONVERSIONS}
    return {name: convert(folder, sources, checks) for name, (convert, _) in plan.items()}


@pytest.fixture(scope="module")
def late(tables: Tables) -> pl.DataFrame:
    """Rows of the screener that the ledger contradicts."""
    caps = tables["screener_market_caps"].with_row_index("row").cast({"row": pl.Int64})
    found = failures("screener_market_caps", tables["screener_market_caps"], tables)
    return caps.join(found.filter(pl.col("check_id") == "shares.ledger"), on="row")


@pytest.mark.parametrize(
    ("ticker", "first", "last", "shares"),
    [
        ("IREN", D(2025, 6, 2), D(2025, 8, 29), 189.35e6),
        ("CANG", D(2025, 7, 7), D(2026, 7, 21), 103.79e6),
        ("BTDR", D(2025, 11, 21), D(2026, 2, 23), 196.75e6),
        ("BTDR", D(2024, 4, 8), D(2024, 12, 19), 160.37e6),
        ("ARBK", D(2024, 9, 9), D(2024, 12, 4), 636.35e6),
    ],
)
def test_every_day_of_a_count_known_to_be_wrong_is_caught(
    tables: Tables, late: pl.DataFrame, ticker: str, first: dt.date, last: dt.date, shares: float
) -> None:
    def wrong(frame: pl.DataFrame) -> pl.DataFrame:
        near = (pl.col("implied_shares") / shares - 1).abs() < 0.005
        return frame.filter((pl.col("ticker") == ticker) & pl.col("date").is_between(first, last) & near)

    assert wrong(tables["screener_market_caps"]).height > 20
    assert wrong(late).height == wrong(tables["screener_market_caps"]).height


def test_fewer_than_one_good_count_in_two_hundred_is_set_aside(tables: Tables, late: pl.DataFrame) -> None:
    """Good is a count within 5% of the two later-known counts around its day; changes of unit do not count."""
    ledger = tables["share_counts"].filter(
        (pl.col("status") == "use")
        & pl.col("use_for").is_in(["both", "known-later"])
        & (pl.col("path") != "unit-change")
    )
    counts = ledger.select("ticker", "as_of", count="shares_outstanding").sort("as_of")
    around = tables["screener_market_caps"].drop_nulls("implied_shares").sort("date")
    before = counts.rename({"as_of": "before_day", "count": "before"})
    after = counts.rename({"as_of": "after_day", "count": "after"})
    around = around.join_asof(before, left_on="date", right_on="before_day", by="ticker", check_sortedness=False)
    around = around.join_asof(
        after, left_on="date", right_on="after_day", by="ticker", strategy="forward", check_sortedness=False
    )
    good = around.filter(
        pl.col("implied_shares") > 0.95 * pl.min_horizontal("before", "after"),
        pl.col("implied_shares") < 1.05 * pl.max_horizontal("before", "after"),
        pl.max_horizontal("before", "after") < 3 * pl.min_horizontal("before", "after"),
    )
    caught = good.join(late.select("ticker", "date"), on=["ticker", "date"])
    assert good.height > 8_000
    assert caught.height < good.height / 200


def test_the_chain_the_prices_and_the_companies_pass(tables: Tables) -> None:
    quarantined = {
        name: set(failures(name, frame, tables).filter(pl.col("severity") == "quarantine")["check_id"])
        for name, frame in tables.items()
    }
    assert {name for name, checks in quarantined.items() if checks} == {"screener_market_caps", "share_count_readings"}


def test_output_is_named_where_companies_differ_from_the_network(tables: Tables) -> None:
    named = failures("production", tables["production"], tables)
    months = tables["production"].with_row_index("row").cast({"row": pl.Int64}).join(named, on="row")
    assert set(months.select("ticker", "month").iter_rows()) == {
        ("WULF", D(2024, 4, 1)),
        ("MARA", D(2024, 6, 1)),
        ("RIOT", D(2024, 6, 1)),
        ("MARA", D(2024, 7, 1)),
        ("RIOT", D(2024, 7, 1)),
        ("BITF", D(2025, 3, 1)),
    }


def test_every_change_of_unit_is_found_and_nothing_else(tables: Tables) -> None:
    found = unit_changes(tables["equity_closes"], tables["adjusted_closes"], tables["screener_market_caps"])
    by_day = {(row["ticker"], row["date"]): round(1 / row["ratio"], 2) for row in found.iter_rows(named=True)}
    recent = {key: ratio for key, ratio in by_day.items() if key[1] >= D(2023, 11, 1)}
    relisted = recent.pop(("CORZ", D(2024, 1, 24)), None)
    assert recent == {
        ("HUT", D(2023, 12, 4)): 5.0,
        ("MSTR", D(2024, 8, 8)): 0.1,
        ("CANG", D(2025, 11, 17)): 0.5,
        ("ARBK", D(2025, 12, 12)): 216.0,
        ("ABTC", D(2026, 7, 6)): 15.0,
        ("CANG", D(2026, 7, 21)): 10.0,
    }
    assert relisted is None or relisted > 1
    older = set(by_day) - set(recent) - {("CORZ", D(2024, 1, 24))}
    assert older <= {
        ("HIVE", D(2022, 5, 24)),
        ("GREE", D(2023, 5, 16)),
        ("SDIG", D(2023, 5, 16)),
        ("SLNH", D(2023, 10, 16)),
    }


def test_successors_of_symbols_are_found(data_dir: Path) -> None:
    raw = RawFolder(data_dir).frame("equity/closes.csv.gz").filter(pl.col("basis") == "unadjusted")
    assert successors(raw).rows() == [("GRYP", "ABTC", D(2025, 9, 3)), ("BITF", "KEEL", D(2026, 4, 6))]
