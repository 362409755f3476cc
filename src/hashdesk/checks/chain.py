"""Checks on blocks, headers and days of the chain."""

from __future__ import annotations

import polars as pl

from hashdesk.calendar import subsidy_sat
from hashdesk.chain.headers import parse_header, target_from_bits
from hashdesk.chain.rules import retarget_bits
from hashdesk.checks.base import Facts, found, neighbour, nothing, sentence
from hashdesk.units import BLOCKS_PER_EPOCH, BLOCKS_PER_HALVING, HASHES_PER_EH, SAT_PER_BTC, WORK_PER_DIFFICULTY

MEDIAN_SPAN = 11
"""Header times whose median no later header may fall to. [blocks]"""
HOLE_BLOCKS = 2_016
"""Missing heights up to this many are a hole; more part two separate runs. [blocks]"""
FEE_LIMIT_BTC = 500
"""The dearest block so far paid 291 BTC of fees by mistake. [BTC]"""
FEES_ARE_USUAL_FROM = 300_000
"""From this height a block with payments in it and no fee at all does not occur. [height]"""
DAY_BLOCKS = (50, 260)
"""Days since 2014 had 58 to 216 blocks; six deviations of a Poisson count of 144 are 72. [blocks]"""
WORK_ERROR = 1e-6
"""Room for rounding between a day's work and its blocks x mean difficulty. [1]"""
FEES_TO_SUBSIDY = 5.0
"""Most fees of a day so far: 3.1 times its subsidy, on 2024-04-20. [1]"""


def holes(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Blocks after a hole in the heights."""
    steps = frame.sort("height").with_columns(missing=pl.col("height").diff() - 1)
    rows = steps.filter(pl.col("missing").is_between(1, HOLE_BLOCKS))
    return found(rows, sentence("blocks: {} heights before {} are missing", "missing", "height"))


def subsidy(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Blocks whose subsidy is not the one of the schedule."""
    eras = range(int(frame["height"].max() or 0) // BLOCKS_PER_HALVING + 1)  # type: ignore[arg-type]
    due = {era: subsidy_sat(era * BLOCKS_PER_HALVING) for era in eras}
    rows = frame.with_columns(
        due=(pl.col("height") // BLOCKS_PER_HALVING).replace_strict(due, return_dtype=pl.Int64, default=None)
    ).filter(pl.col("subsidy_sat") != pl.col("due"))
    return found(
        rows, sentence("blocks: height {} issued {} satoshi, the schedule says {}", "height", "subsidy_sat", "due")
    )


def proof_of_work(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Blocks whose hash lies above the target in their own header."""
    targets = {bits: f"{target_from_bits(int(bits, 16)):064x}" for bits in frame["bits"].unique().to_list()}
    rows = frame.with_columns(target=pl.col("bits").replace_strict(targets, return_dtype=pl.String)).filter(
        pl.col("hash") > pl.col("target")
    )
    return found(rows, sentence("blocks: hash of height {} lies above its target: {}", "height", "hash"))


def bits_of_epoch(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Blocks whose target is not that of the rest of their epoch."""
    epochs = frame.with_columns(epoch=pl.col("height") // BLOCKS_PER_EPOCH)
    usual = (
        epochs.group_by("epoch", "bits").len().sort("epoch", "len").group_by("epoch").last().rename({"bits": "usual"})
    )
    rows = epochs.join(usual.select("epoch", "usual"), on="epoch").filter(pl.col("bits") != pl.col("usual"))
    return found(rows, sentence("blocks: height {} has bits {}, its epoch has {}", "height", "bits", "usual"))


def retarget(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """First blocks of an epoch whose target does not follow from the epoch before."""
    keyed = frame.select("row", "height", "bits", seconds=pl.col("time").dt.epoch("s")).filter(
        (pl.col("height") % BLOCKS_PER_EPOCH).is_in([0, BLOCKS_PER_EPOCH - 1])
    )
    known = {height: (row, bits, seconds) for row, height, bits, seconds in keyed.iter_rows()}
    rows = []
    for height, (row, bits, _seconds) in known.items():
        before = known.get(height - BLOCKS_PER_EPOCH), known.get(height - 1)
        if height % BLOCKS_PER_EPOCH or before[0] is None or before[1] is None:
            continue
        expected = f"{retarget_bits(int(before[0][1], 16), before[0][2], before[1][2]):08x}"
        if expected != bits:
            rows.append((row, f"blocks: height {height} has bits {bits}, the retarget rule gives {expected}"))
    return pl.DataFrame(rows, schema=nothing().schema, orient="row")


def median_time(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Blocks stamped no later than the median of the eleven before them."""
    ordered = frame.select("row", "height", "time", seconds=pl.col("time").dt.epoch("s")).sort("height")
    ordered = ordered.with_columns(
        median=pl.col("seconds").cast(pl.Float64).rolling_median(MEDIAN_SPAN).shift(1),
        span=pl.col("height") - pl.col("height").shift(MEDIAN_SPAN),
    )
    rows = ordered.filter((pl.col("span") == MEDIAN_SPAN) & (pl.col("seconds") <= pl.col("median")))
    return found(rows, sentence("blocks: height {} is stamped {}, before its median time past", "height", "time"))


def fees(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Blocks whose fees are out of proportion, or a zero that stands for unknown."""
    is_much = pl.col("fees_sat") > FEE_LIMIT_BTC * SAT_PER_BTC
    is_no_zero = (pl.col("fees_sat") == 0) & (pl.col("tx_count") > 5) & (pl.col("height") >= FEES_ARE_USUAL_FROM)
    rows = frame.filter((is_much | is_no_zero).fill_null(False))
    return found(
        rows,
        sentence("blocks: height {} with {} transactions states fees of {} satoshi", "height", "tx_count", "fees_sat"),
    )


def header_hash(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Headers that do not hash to their hash, miss their target, or do not link to the block before."""
    blocks = neighbour(facts, "blocks")
    listed = {}
    if blocks is not None:
        near = blocks.filter(
            pl.col("height").is_in(frame["height"].implode()) | (pl.col("height") + 1).is_in(frame["height"].implode())
        )
        listed = dict(near.select("height", "hash").drop_nulls().iter_rows())
    rows = []
    for row, height, stated, text in frame.select("row", "height", "hash", "header_hex").iter_rows():
        header = parse_header(bytes.fromhex(text))
        if header.hash != stated:
            rows.append((row, f"block_headers: height {height} hashes to {header.hash}, stated as {stated}"))
        elif int(header.hash, 16) > target_from_bits(header.bits):
            rows.append((row, f"block_headers: hash of height {height} lies above its target"))
        elif listed.get(height, stated) != stated:
            rows.append((row, f"block_headers: height {height} is another block than the one in blocks"))
        elif listed.get(height - 1, header.prev_hash) != header.prev_hash:
            rows.append((row, f"block_headers: height {height} does not point at the block before it"))
    return pl.DataFrame(rows, schema=nothing().schema, orient="row")


def day_counts(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Days with a count of blocks that chance does not explain."""
    low, high = DAY_BLOCKS
    rows = frame.filter((pl.col("height_last") >= FEES_ARE_USUAL_FROM) & ~pl.col("blocks").is_between(low, high))
    return found(rows, sentence("network_daily: {} has {} blocks", "date", "blocks"))


def day_work(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Days whose work is not their blocks times their difficulty: another unit, or another day."""
    expected = pl.col("blocks") * pl.col("difficulty_mean") * WORK_PER_DIFFICULTY / HASHES_PER_EH
    rows = frame.filter((pl.col("work_eh") - expected).abs() > WORK_ERROR * expected)
    return found(rows, sentence("network_daily: work of {} is not its blocks x difficulty", "date"))


def day_fees(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Days with fees in another unit, or a zero that stands for unknown."""
    is_much = pl.col("fees_btc") > FEES_TO_SUBSIDY * pl.col("subsidy_btc")
    is_no_zero = (pl.col("fees_btc") == 0) & (pl.col("height_last") >= FEES_ARE_USUAL_FROM)
    rows = frame.filter((pl.col("blocks") > 0) & (is_much | is_no_zero).fill_null(False))
    return found(
        rows,
        sentence("network_daily: fees of {} are {} BTC against {} BTC of subsidy", "date", "fees_btc", "subsidy_btc"),
    )
