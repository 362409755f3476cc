"""Days of the chain, counted from its blocks.

Two conventions put a block into a UTC day: the time in its header, and the median of the eleven header times up to it
(median time past), which never steps back and runs about an hour behind. They differ by about five blocks at each
midnight. Days counted here go by header time; older days, taken from a provider, go by median time.
"""

from __future__ import annotations

import polars as pl

from hashdesk.chain.headers import difficulty_from_bits, work_from_bits
from hashdesk.units import HASHES_PER_EH, SAT_PER_BTC

MEDIAN_SPAN = 11
"""Header times whose median no later header may fall below. [blocks]"""


def with_work(blocks: pl.DataFrame) -> pl.DataFrame:
    """Blocks with the difficulty and the expected hashes that their compact target implies.

    Parameters
    ----------
    blocks : DataFrame, shape (n_blocks, ...)
        At least ``bits``: the compact target as eight hexadecimal digits.

    Returns
    -------
    DataFrame, shape (n_blocks, ... + 2)
        With ``difficulty`` [1] and ``work``, 2^256 / (target + 1) [hash].
    """
    bits = blocks["bits"].unique().sort().to_list()
    return blocks.with_columns(
        difficulty=pl.col("bits").replace_strict(
            {b: difficulty_from_bits(int(b, 16)) for b in bits}, return_dtype=pl.Float64
        ),
        work=pl.col("bits").replace_strict(
            {b: float(work_from_bits(int(b, 16))) for b in bits}, return_dtype=pl.Float64
        ),
    )


def days_from_blocks(blocks: pl.DataFrame) -> pl.DataFrame:
    """Whole UTC days by header time.

    A day counts where every block around it is at hand: eleven consecutive blocks before its first block and eleven
    after its last, beyond which the rule of median time lets no header fall into the day.

    Parameters
    ----------
    blocks : DataFrame, shape (n_blocks, ...)
        ``height``, ``time`` (UTC), ``bits``, ``subsidy_sat`` [satoshi], ``fees_sat`` [satoshi], in any order; gaps
        between heights are allowed.

    Returns
    -------
    DataFrame, shape (n_days, 9)
        ``date``, ``blocks``, ``subsidy_btc`` [BTC], ``fees_btc`` [BTC] (null where a fee is not known),
        ``difficulty_mean``, ``difficulty_eod`` (that of the next block), ``work_eh`` [EH], ``height_first``,
        ``height_last``.
    """
    ordered = with_work(blocks.sort("height")).with_columns(
        date=pl.col("time").dt.date(), run=(pl.col("height").diff().fill_null(1) != 1).cum_sum()
    )
    runs = ordered.group_by("run").agg(run_first=pl.col("height").min(), run_last=pl.col("height").max())
    days = (
        ordered.group_by("date", "run")
        .agg(
            blocks=pl.len().cast(pl.Int64),
            subsidy_btc=pl.col("subsidy_sat").sum() / SAT_PER_BTC,
            fees_btc=pl.when(pl.col("fees_sat").null_count() == 0).then(pl.col("fees_sat").sum() / SAT_PER_BTC),
            difficulty_mean=pl.col("difficulty").mean(),
            work_eh=pl.col("work").sum() / HASHES_PER_EH,
            height_first=pl.col("height").min(),
            height_last=pl.col("height").max(),
        )
        .join(runs, on="run")
        .filter(
            (pl.col("height_first") - pl.col("run_first") >= MEDIAN_SPAN) | (pl.col("height_first") == 0),
            pl.col("run_last") - pl.col("height_last") >= MEDIAN_SPAN,
        )
    )
    next_block = ordered.select(height_last=pl.col("height") - 1, difficulty_eod="difficulty")
    return (
        days.join(next_block, on="height_last", how="left")
        .select(
            "date",
            "blocks",
            "subsidy_btc",
            "fees_btc",
            "difficulty_mean",
            "difficulty_eod",
            "work_eh",
            "height_first",
            "height_last",
        )
        .sort("date")
    )
