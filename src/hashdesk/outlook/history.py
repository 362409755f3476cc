"""The history that an origin may know: complete daily arrays that end the day before it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hashdesk.errors import DataError
from hashdesk.units import (
    BLOCKS_PER_HALVING,
    HASHES_PER_EH,
    SECONDS_PER_DAY,
    WORK_PER_DIFFICULTY,
)

FloatArray = NDArray[np.float64]

FIRST_DAY = dt.date(2011, 6, 1)
"""First day used: from here on prices are quoted daily and days without a block are gone."""

FIRST_SUBSIDY_BTC = 50.0
REVENUE_AT_DIFFICULTY_1 = HASHES_PER_EH * SECONDS_PER_DAY / WORK_PER_DIFFICULTY
"""Expected blocks of 1 EH/s over a day at difficulty 1."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Daily facts from ``FIRST_DAY`` on, one entry a day; NaN where a day is not known."""

    dates: NDArray[np.datetime64]
    hashrate_ehs: FloatArray
    """From the work of the day's blocks. [EH/s]"""
    blocks: FloatArray
    difficulty: FloatArray
    """In force at the end of the day. [1]"""
    difficulty_mean: FloatArray
    height_last: FloatArray
    subsidy_btc: FloatArray
    """By schedule at the day's last height. [BTC/block]"""
    fees_btc: FloatArray
    """Per block. [BTC/block]"""
    price_usd: FloatArray
    epoch_start_height: NDArray[np.int64]
    epoch_start_at: NDArray[np.datetime64]
    epoch_difficulty: FloatArray

    @property
    def n_days(self) -> int:
        """Days of history."""
        return len(self.dates)

    @property
    def revenue_usd_per_ehs_day(self) -> FloatArray:
        """Expected revenue of 1 EH/s at the day's mean difficulty, fees included, else NaN [USD/(EH/s)/day]."""
        income = (self.subsidy_btc + self.fees_btc) * self.price_usd
        revenue: FloatArray = income * REVENUE_AT_DIFFICULTY_1 / self.difficulty_mean
        return revenue

    def before(self, origin: dt.date) -> History:
        """The same history as it was known when ``origin`` began: nothing from that day on.

        Raises
        ------
        DataError
            Fewer than 400 days lie before it, or the history ends too early.
        """
        day = np.datetime64(origin, "D")
        n = int((day - self.dates[0]).astype(int))
        if n < 400:
            raise DataError(
                f"history: {n} days lie before {origin}; expected at least 400.", hint="Take a later origin."
            )
        if n > self.n_days:
            last = self.dates[-1]
            raise DataError(f"history: it ends on {last}, before the origin {origin}.", hint=f"Take {last} or earlier.")
        m = int(np.searchsorted(self.epoch_start_at, day.astype("datetime64[us]"), side="left"))
        cut = {name: getattr(self, name)[: m if name.startswith("epoch_") else n] for name in self.__slots__}
        return replace(self, **cut)


def build_history(network_daily: pl.DataFrame, btc_price_daily: pl.DataFrame, epochs: pl.DataFrame) -> History:
    """Daily arrays from the tables of facts, over the days that both daily tables cover.

    Parameters
    ----------
    network_daily, btc_price_daily, epochs : DataFrame
        Tables of the reference pack, or of a store, of the same names.

    Returns
    -------
    History
        Arrays on a complete calendar.

    Raises
    ------
    DataError
        The tables share no day.
    """
    days = (
        network_daily.select(
            "date", "blocks", "fees_btc", "difficulty_mean", "difficulty_eod", "work_eh", "height_last"
        )
        .join(btc_price_daily.select("date", "close_usd"), on="date", how="inner")
        .filter(pl.col("date") >= FIRST_DAY)
        .sort("date")
    )
    if not len(days):
        raise DataError("history: network_daily and btc_price_daily share no day.", hint="Check the two tables.")
    calendar = pl.DataFrame({"date": pl.date_range(days["date"][0], days["date"][-1], eager=True)})
    days = calendar.join(days, on="date", how="left")
    column = {name: days[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in days.columns if name != "date"}
    starts = epochs.sort("start_height")
    blocks = column["blocks"]
    with np.errstate(invalid="ignore", divide="ignore"):
        return History(
            days["date"].to_numpy().astype("datetime64[D]"),
            np.where(column["work_eh"] > 0, column["work_eh"] / SECONDS_PER_DAY, np.nan),
            blocks,
            column["difficulty_eod"],
            column["difficulty_mean"],
            column["height_last"],
            FIRST_SUBSIDY_BTC * 0.5 ** np.floor(column["height_last"] / BLOCKS_PER_HALVING),
            np.where(blocks > 0, column["fees_btc"] / blocks, np.nan),
            column["close_usd"],
            starts["start_height"].to_numpy().astype(np.int64),
            starts["start_at"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]"),
            starts["difficulty"].to_numpy().astype(np.float64),
        )
