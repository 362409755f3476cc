"""Chain facts: days, prices, epochs. Every block is read; every identity is checked."""

from __future__ import annotations

import datetime as dt

import polars as pl

from hashdesk.archive.common import Checks
from hashdesk.archive.reading import RawFolder, Unavailable
from hashdesk.chain.days import days_from_blocks
from hashdesk.chain.headers import difficulty_from_bits
from hashdesk.units import WORK_PER_DIFFICULTY

FIRST_HEADER_DAY = dt.date(2019, 4, 16)
BITSTAMP_OUTAGE = (dt.date(2015, 1, 5), dt.date(2015, 1, 8))
"""The exchange was closed after a theft; its last price stood still."""


def read_daily(folder: RawFolder) -> pl.DataFrame:
    """The day table of the raw data, complete by calendar."""
    return folder.frame("network/daily.csv").sort("date")


def read_blocks(folder: RawFolder) -> pl.DataFrame:
    """Every consecutive block of the raw data, its time as such."""
    return (
        folder.frame("network/blocks.csv.gz")
        .rename({"bits_hex": "bits"})
        .with_columns(pl.from_epoch("time", time_unit="s").dt.replace_time_zone("UTC").dt.cast_time_unit("us"))
        .sort("height")
    )


def network_daily(folder: RawFolder, checks: Checks) -> pl.DataFrame:
    """Days of the chain: header-time days from the blocks themselves, median-time days before those."""
    daily = read_daily(folder)
    blocks = read_blocks(folder)
    checks.that("blocks are consecutive", bool((blocks["height"].diff().drop_nulls() == 1).all()))
    counted = days_from_blocks(blocks).filter(pl.col("date") >= FIRST_HEADER_DAY)
    theirs = counted.join(daily, on="date", how="left", suffix="_daily")
    checks.that("blocks of a day equal the day table", theirs["blocks"].equals(theirs["blocks_daily"]))
    checks.near("subsidy equals the day table", theirs["subsidy_btc"], theirs["issuance_btc"], 1e-12)
    checks.near(
        "mean difficulty equals the day table", theirs["difficulty_mean"], theirs["difficulty_mean_daily"], 1e-9
    )
    checks.near("work is blocks x mean difficulty", theirs["work_eh"] * 1e18, _work(theirs), 1e-9)
    whole = theirs["height_last"] - theirs["height_first"] + 1 == theirs["blocks"]
    checks.that("no block of a day lies outside its run of heights", bool(whole.all()))
    header = theirs.select(
        "date",
        "blocks",
        "subsidy_btc",
        pl.coalesce("fees_btc_daily", "fees_btc_mtp").alias("fees_btc"),
        "difficulty_mean",
        "difficulty_eod",
        "work_eh",
        "height_last",
        day_basis=pl.lit("header_time"),
        basis=pl.when(pl.col("fees_btc_daily").is_not_null())
        .then(pl.lit("counted"))
        .otherwise(pl.lit("counted_fees_mtp")),
        source=pl.when(pl.col("fees_btc_daily").is_not_null())
        .then(pl.lit("block-data"))
        .otherwise(pl.lit("block-data-fees-coinmetrics")),
    )
    before = daily.filter(pl.col("date") < FIRST_HEADER_DAY).select(
        "date",
        blocks="blocks_mtp",
        # A day without a block issued nothing and worked at the difficulty in force.
        subsidy_btc=pl.when(pl.col("blocks_mtp") == 0).then(0.0).otherwise("issuance_btc_mtp"),
        fees_btc="fees_btc_mtp",
        difficulty_mean=pl.when(pl.col("blocks_mtp") == 0).then("difficulty_eod").otherwise("difficulty_mean_mtp"),
        difficulty_eod="difficulty_eod",
        work_eh=pl.when(pl.col("blocks_mtp") == 0)
        .then(0.0)
        .otherwise(pl.col("blocks_mtp") * pl.col("difficulty_mean_mtp") * WORK_PER_DIFFICULTY / 1e18),
        # The provider leaves the genesis block out of its counts, so the running sum is the height itself.
        height_last=pl.col("blocks_mtp").cum_sum(),
        day_basis=pl.lit("median_time_past"),
        basis=pl.lit("published"),
        source=pl.lit("coinmetrics-community"),
    )
    days = pl.concat([before, header], how="vertical_relaxed").with_columns(known_at=pl.col("date").dt.offset_by("1d"))
    _check_chain(days, blocks, checks)
    return days


def _work(days: pl.DataFrame) -> pl.Series:
    return days["blocks"] * days["difficulty_mean"] * WORK_PER_DIFFICULTY


def _check_chain(days: pl.DataFrame, blocks: pl.DataFrame, checks: Checks) -> None:
    calendar = pl.date_range(days["date"][0], days["date"][-1], eager=True)
    checks.that("days are complete by calendar", days["date"].equals(calendar.alias("date")))
    header = days.filter(pl.col("day_basis") == "header_time")
    first = int(header["height_last"][0]) - int(header["blocks"][0]) + 1
    checks.that(
        "heights run with the block counts",
        bool((header["height_last"] == header["blocks"].cum_sum() + first - 1).all()),
    )
    seam = int(days.filter(pl.col("day_basis") == "median_time_past")["height_last"][-1]) - int(first) + 1
    checks.that(f"the two day conventions overlap by a few blocks at their seam ({seam})", 0 <= seam <= 12)
    issued = sum(50e8 / 2**era * 210_000 for era in range(2)) + (int(first) + seam - 420_000) * 12.5e8 - 50e8
    mtp = days.filter(pl.col("day_basis") == "median_time_past")
    checks.that("coins issued match heights and halvings", abs(float(mtp["subsidy_btc"].sum()) - issued / 1e8) < 1e-6)


def btc_price_daily(folder: RawFolder, checks: Checks) -> pl.DataFrame:
    """Bitcoin's close at 24:00 UTC. The last day is left out: nothing shows that it had ended."""
    start, end = BITSTAMP_OUTAGE
    sources = {"coinmetrics": "coinmetrics-community", "coinbase": "coinbase-minutes", "bitstamp": "bitstamp-minutes"}
    priced = read_daily(folder).filter(pl.col("price_usd").is_not_null())
    daily = priced.filter(pl.col("price_source").is_not_null())
    folder.leave_out("network/daily.csv", "prices without a source", priced.height - daily.height)
    if daily.height < 2:
        raise Unavailable("network/daily.csv")
    prices = (
        daily.filter(pl.col("date") < pl.col("date").max())
        .with_columns(  # A venue is no check of itself.
            price_usd_bitstamp=pl.when(
                ~pl.col("date").is_between(start, end) & (pl.col("price_source") != "bitstamp")
            ).then("price_usd_bitstamp")
        )
        .select(
            "date",
            close_usd="price_usd",
            close_usd_bitstamp="price_usd_bitstamp",
            source=pl.col("price_source").replace_strict(sources),
            known_at=pl.col("date").dt.offset_by("1d"),
        )
    )
    gap = (prices["close_usd"] / prices["close_usd_bitstamp"] - 1).abs()
    late = (prices["close_usd"].shift(1) / prices["close_usd_bitstamp"] - 1).abs()
    recent = prices["date"] >= dt.date(2019, 1, 1)
    checks.that(
        "both venues stamp the same end of day",
        _median(gap.filter(recent)) < 0.001 < 0.005 < _median(late.filter(recent)),
    )
    calendar = pl.date_range(prices["date"][0], prices["date"][-1], eager=True)
    checks.that("prices are complete by calendar", prices["date"].equals(calendar.alias("date")))
    return prices


def _median(values: pl.Series) -> float:
    middle = values.median()
    return middle if isinstance(middle, float) else float("nan")


def epochs(folder: RawFolder, checks: Checks) -> pl.DataFrame:
    """Difficulty epochs with their start times."""
    raw = folder.frame("network/epochs.csv").sort("epoch")
    exact = pl.Series("exact", [difficulty_from_bits(int(bits, 16)) for bits in raw["bits_hex"]])
    checks.near("difficulty of an epoch follows from its bits", raw["difficulty"], exact, 1e-6)
    table = raw.select(
        "epoch",
        "start_height",
        start_at="start_time_utc",
        difficulty=exact,
        is_start_estimated=pl.col("time_source") == "estimated_from_retarget",
        source=pl.when(pl.col("time_source") == "estimated_from_retarget")
        .then(pl.lit("epoch-retarget-estimate"))
        .otherwise(pl.lit("epoch-checkpoints")),
        known_at=pl.col("start_time_utc").dt.date(),
    )
    checks.that("epochs start every 2,016 blocks", bool((table["start_height"] == table["epoch"] * 2016).all()))
    return table


def check_epochs_against_days(days: pl.DataFrame, table: pl.DataFrame, checks: Checks) -> None:
    """The difficulty at a day's end is that of the epoch of the next block."""
    header = days.filter(pl.col("day_basis") == "header_time").with_columns(epoch=(pl.col("height_last") + 1) // 2016)
    joined = header.join(table.select("epoch", "difficulty"), on="epoch", how="left")
    checks.near("difficulty at the day's end is the epoch's", joined["difficulty_eod"], joined["difficulty"], 1e-12)
