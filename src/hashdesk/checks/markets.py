"""Checks on market context: exchange volumes and fund flows, whose units slip."""

from __future__ import annotations

import polars as pl

from hashdesk.checks.base import Facts, found, sentence

FLOW_LIMIT_USD = 5e9
"""The largest net flow of a day of all US spot funds so far is 1.4bn. [USD]"""
FLOW_FLOOR_USD = 10_000.0
"""A flow below this that is not zero is in millions; the finest step that the source prints is 0.1m. [USD]"""
FLOW_SUM_USD = 1e6
"""Funds add up to their total within the source's rounding. [USD]"""
VOLUME_FACTOR = 3.0
"""Volume of a month against the month before; so far between 0.75 and 2.0. [1]"""
VOLUME_SUM_FRAC = 0.02
"""Spot and derivatives add up to their total within what is printed. [fraction]"""


def flow_units(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Flows in another unit than dollars."""
    size = pl.col("net_flow_usd").abs()
    rows = frame.filter((size > FLOW_LIMIT_USD) | ((size > 0) & (size < FLOW_FLOOR_USD)))
    return found(rows, sentence("etf_flows: {} of {} is {} USD: another unit?", "ticker", "date", "net_flow_usd"))


def flow_sum(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Totals that their funds do not add up to, where all funds are at hand."""
    funds = frame.filter(pl.col("ticker") != "total").group_by("date").agg(
        funds=pl.col("net_flow_usd").sum(), n=pl.len(), unknown=pl.col("net_flow_usd").null_count()
    )  # fmt: skip
    whole = int(funds["n"].max() or 0)  # type: ignore[arg-type]
    rows = frame.filter(pl.col("ticker") == "total").join(funds, on="date").filter(
        (pl.col("n") == whole) & (whole > 3) & (pl.col("unknown") == 0)
        & ((pl.col("funds") - pl.col("net_flow_usd")).abs() > FLOW_SUM_USD)
    )  # fmt: skip
    return found(
        rows, sentence("etf_flows: total of {} is {} USD, its funds add up to {}", "date", "net_flow_usd", "funds")
    )


def volume_jump(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Volumes that leave the month before by a factor: another unit or another scope."""
    ordered = frame.sort("month").with_columns(
        step=pl.col("combined_usd_tn") / pl.col("combined_usd_tn").shift(1),
        is_next=pl.col("month").shift(1).dt.offset_by("1mo") == pl.col("month"),
    )
    rows = ordered.filter(pl.col("is_next") & ~pl.col("step").is_between(1 / VOLUME_FACTOR, VOLUME_FACTOR))
    return found(rows, sentence("volumes: {} is {} times the month before", "month", pl.col("step").round(2)))


def volume_sum(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Volumes whose parts do not add up."""
    parts = pl.col("spot_usd_tn") + pl.col("derivatives_usd_tn")
    rows = frame.with_columns(parts=parts).filter(
        ((pl.col("parts") / pl.col("combined_usd_tn") - 1).abs() > VOLUME_SUM_FRAC).fill_null(False)
    )
    return found(
        rows,
        sentence("volumes: {} is {} tn, its parts add up to {}", "month", "combined_usd_tn", pl.col("parts").round(3)),
    )
