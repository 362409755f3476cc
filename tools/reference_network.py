"""Chain facts for the reference pack: days, prices, epochs. Every block is read; every identity is checked."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
from reference_common import Checks

WORK_PER_DIFFICULTY = 2.0**48 / 65_535
FIRST_HEADER_DAY = dt.date(2019, 4, 16)
BITSTAMP_OUTAGE = (dt.date(2015, 1, 5), dt.date(2015, 1, 8))
"""The exchange was closed after a theft; its last price stood still."""


def target_of(bits_hex: str) -> int:
    """Target that the compact ``bits`` field of a header encodes."""
    bits = int(bits_hex, 16)
    exponent, mantissa = bits >> 24, bits & 0x7FFFFF
    return mantissa << 8 * (exponent - 3) if exponent >= 3 else mantissa >> 8 * (3 - exponent)


def difficulty_of(bits_hex: str) -> float:
    """Difficulty: the largest target over this one."""
    return (0xFFFF << 208) / target_of(bits_hex)


def read_daily(data: Path) -> pl.DataFrame:
    """The day table of the raw data, complete by calendar."""
    return pl.read_csv(data / "network/daily.csv", try_parse_dates=True, infer_schema_length=None).sort("date")


def read_blocks(data: Path) -> pl.DataFrame:
    """Every block of the raw data with its header-time UTC day and exact work."""
    blocks = pl.read_csv(
        data / "network/blocks.csv.gz", columns=["height", "time", "bits_hex", "subsidy_sat"], infer_schema_length=None
    ).sort("height")
    bits = blocks["bits_hex"].unique().sort().to_list()
    return blocks.with_columns(
        date=pl.from_epoch("time", time_unit="s").dt.date(),
        work=pl.col("bits_hex").replace_strict({b: float(2**256 // (target_of(b) + 1)) for b in bits}),
        difficulty=pl.col("bits_hex").replace_strict({b: difficulty_of(b) for b in bits}),
    )


def network_daily(data: Path, checks: Checks) -> pl.DataFrame:
    """Days of the chain: header-time days from the blocks themselves, median-time days before those."""
    daily = read_daily(data)
    blocks = read_blocks(data)
    checks.that("blocks are consecutive", bool((blocks["height"].diff().drop_nulls() == 1).all()))
    last_day = blocks["date"].max()
    counted = (
        blocks.filter((pl.col("date") >= FIRST_HEADER_DAY) & (pl.col("date") < last_day))
        .group_by("date")
        .agg(
            blocks=pl.len().cast(pl.Int64),
            subsidy_btc=pl.col("subsidy_sat").sum() / 1e8,
            difficulty_mean=pl.col("difficulty").mean(),
            work_eh=pl.col("work").sum() / 1e18,
            height_first=pl.col("height").min(),
            height_last=pl.col("height").max(),
        )
        .sort("date")
    )
    next_block = blocks.select(height_last=pl.col("height") - 1, difficulty_eod="difficulty")
    counted = counted.join(next_block, on="height_last", how="left")
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
        pl.coalesce("fees_btc", "fees_btc_mtp").alias("fees_btc"),
        "difficulty_mean",
        "difficulty_eod",
        "work_eh",
        "height_last",
        day_basis=pl.lit("header_time"),
        basis=pl.when(pl.col("fees_btc").is_not_null()).then(pl.lit("counted")).otherwise(pl.lit("counted_fees_mtp")),
        source=pl.when(pl.col("fees_btc").is_not_null())
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
    first = blocks.filter(pl.col("date") == FIRST_HEADER_DAY)["height"].min()
    checks.that(
        "heights run with the block counts",
        bool((header["height_last"] == header["blocks"].cum_sum() + first - 1).all()),
    )
    seam = int(days.filter(pl.col("day_basis") == "median_time_past")["height_last"][-1]) - int(first) + 1
    checks.that(f"the two day conventions overlap by a few blocks at their seam ({seam})", 0 <= seam <= 12)
    issued = sum(50e8 / 2**era * 210_000 for era in range(2)) + (int(first) + seam - 420_000) * 12.5e8 - 50e8
    mtp = days.filter(pl.col("day_basis") == "median_time_past")
    checks.that("coins issued match heights and halvings", abs(float(mtp["subsidy_btc"].sum()) - issued / 1e8) < 1e-6)


def btc_price_daily(data: Path, checks: Checks) -> pl.DataFrame:
    """Bitcoin's close at 24:00 UTC. The last day is left out: nothing shows that it had ended."""
    start, end = BITSTAMP_OUTAGE
    sources = {"coinmetrics": "coinmetrics-community", "coinbase": "coinbase-minutes", "bitstamp": "bitstamp-minutes"}
    daily = read_daily(data)
    prices = (
        daily.filter(pl.col("price_usd").is_not_null() & (pl.col("date") < pl.col("date").max()))
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
        float(gap.filter(recent).median()) < 0.001 < 0.005 < float(late.filter(recent).median()),
    )
    calendar = pl.date_range(prices["date"][0], prices["date"][-1], eager=True)
    checks.that("prices are complete by calendar", prices["date"].equals(calendar.alias("date")))
    return prices


def epochs(data: Path, checks: Checks) -> pl.DataFrame:
    """Difficulty epochs with their start times."""
    raw = pl.read_csv(data / "network/epochs.csv", try_parse_dates=True, infer_schema_length=None).sort("epoch")
    exact = pl.Series("exact", [difficulty_of(bits) for bits in raw["bits_hex"]])
    checks.near("difficulty of an epoch follows from its bits", raw["difficulty"], exact, 1e-6)
    table = raw.select(
        "epoch",
        "start_height",
        start_at=pl.col("start_time_utc").dt.cast_time_unit("us"),
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
