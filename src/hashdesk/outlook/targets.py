"""What is forecast and scored: four figures of a calendar month ahead, in logarithms."""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from hashdesk.calendar import next_month
from hashdesk.outlook.history import History
from hashdesk.units import TARGET_BLOCKS_PER_DAY

TARGETS = (
    "network_hashrate_ehs",
    "difficulty",
    "hashprice_usd_per_phs_day",
    "block_reward_revenue_usd_per_ehs_day",
)
"""Month mean from blocks found; in force at the month's end; month mean of the daily expected value; and 144 subsidies
a day at the month's mean close over the month's hashrate."""


def months_after(origin: dt.date, months: int) -> dt.date:
    """First day of the month a number of months after a day's.

    Examples
    --------
    >>> months_after(dt.date(2025, 11, 1), 3)
    datetime.date(2026, 2, 1)
    """
    month = origin.month - 1 + months
    return dt.date(origin.year + month // 12, month % 12 + 1, 1)


def realised(history: History, month: dt.date) -> NDArray[np.float64] | None:
    """Logarithms of the targets in a month, in the order of ``TARGETS``; None where the history does not cover it.

    A day that is not known leaves the month's mean to the others.
    """
    first = int((np.datetime64(month, "D") - history.dates[0]).astype(int))
    end = int((np.datetime64(next_month(month), "D") - history.dates[0]).astype(int))
    if first < 0 or end > history.n_days or not np.isfinite(history.difficulty[end - 1]):
        return None
    hashrate = np.nanmean(history.hashrate_ehs[first:end])
    income = (
        TARGET_BLOCKS_PER_DAY * np.nanmean(history.subsidy_btc[first:end]) * np.nanmean(history.price_usd[first:end])
    )
    return np.log(
        [
            hashrate,
            history.difficulty[end - 1],
            np.nanmean(history.revenue_usd_per_ehs_day[first:end]) / 1000,
            income / hashrate,
        ]
    )
