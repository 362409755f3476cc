"""Days counted from blocks: whole days only, by header time, with what is not known left unknown."""

import datetime as dt

import polars as pl
import pytest

from hashdesk.chain.days import days_from_blocks, with_work
from hashdesk.units import WORK_PER_DIFFICULTY

START = dt.datetime(2024, 4, 18, 20, tzinfo=dt.UTC)


def blocks(n: int, first: int = 1_000, start: dt.datetime = START) -> pl.DataFrame:
    """Blocks ten minutes apart."""
    return pl.DataFrame(
        {
            "height": range(first, first + n),
            "time": [start + dt.timedelta(minutes=10 * place) for place in range(n)],
            "bits": ["1d00ffff"] * n,
            "subsidy_sat": [5_000_000_000] * n,
            "fees_sat": [1_000_000] * n,
        },
        schema_overrides={"time": pl.Datetime("us", "UTC"), "height": pl.Int64},
    )


def test_a_whole_day_is_counted_and_the_parts_at_the_ends_are_not() -> None:
    days = days_from_blocks(blocks(4 * 144))
    assert days["date"].to_list() == [dt.date(2024, 4, 19), dt.date(2024, 4, 20), dt.date(2024, 4, 21)]
    row = days.row(0, named=True)
    assert (row["blocks"], row["height_first"], row["height_last"]) == (144, 1_024, 1_167)
    assert row["subsidy_btc"] == pytest.approx(144 * 50)
    assert row["fees_btc"] == pytest.approx(1.44)
    assert row["work_eh"] == pytest.approx(144 * WORK_PER_DIFFICULTY / 1e18)


def test_a_day_waits_until_no_header_can_fall_into_it() -> None:
    to_midnight = 24 + 144
    assert days_from_blocks(blocks(to_midnight + 10)).is_empty()
    assert days_from_blocks(blocks(to_midnight + 11)).height == 1


def test_order_of_rows_does_not_matter() -> None:
    ordered = blocks(3 * 144)
    assert days_from_blocks(ordered.sample(fraction=1, shuffle=True, seed=7)).equals(days_from_blocks(ordered))


def test_a_day_with_a_hole_is_not_counted() -> None:
    holed = blocks(4 * 144).filter(pl.col("height") != 1_200)
    assert days_from_blocks(holed)["date"].to_list() == [dt.date(2024, 4, 19), dt.date(2024, 4, 21)]


def test_one_unknown_fee_leaves_the_fees_of_its_day_unknown() -> None:
    unknown = blocks(4 * 144).with_columns(fees_sat=pl.when(pl.col("height") == 1_100).then(None).otherwise("fees_sat"))
    assert days_from_blocks(unknown)["fees_btc"].is_null().to_list() == [True, False, False]


def test_a_header_that_steps_back_over_midnight_counts_where_it_says() -> None:
    stepped = blocks(4 * 144).with_columns(
        time=pl.when(pl.col("height") == 1_169).then(pl.col("time") - dt.timedelta(minutes=30)).otherwise("time")
    )
    days = days_from_blocks(stepped)
    assert days["blocks"].to_list()[:2] == [145, 143]


def test_difficulty_at_the_end_of_a_day_is_that_of_the_next_block() -> None:
    harder = blocks(4 * 144).with_columns(
        bits=pl.when(pl.col("height") >= 1_168).then(pl.lit("1c7fff80")).otherwise("bits")
    )
    row = days_from_blocks(harder).row(0, named=True)
    assert row["difficulty_mean"] == 1.0
    assert row["difficulty_eod"] == pytest.approx(2.0, rel=1e-4)


def test_work_is_what_the_target_implies() -> None:
    assert with_work(blocks(1))["work"].to_list() == [float(2**256 // ((0xFFFF << 208) + 1))]
