"""The AI basket: what listed suppliers of computing power for AI returned, day by day, without any tracked miner."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hashdesk.errors import DataError

FloatArray = NDArray[np.float64]

AI_BASKET = ("APLD", "NBIS", "CRWV")
"""Listed companies that rent out data centres and GPUs for AI and that the sector figures do not count as miners.

Applied Digital over the whole span; Nebius, which trades again from 2024-10-21; CoreWeave, listed 2025-03-28. A member
counts from the first month before which it has a close: November 2024 and April 2025.
"""

MAX_GAP_SESSIONS = 3
"""A member whose close is missing for this many sessions or fewer puts its return on the day it has one again."""


def log_returns(closes: pl.DataFrame, trading_days: list[object], ticker: str) -> FloatArray:
    """Log return of a share on every trading day, on closes comparable over splits.

    Parameters
    ----------
    closes : DataFrame
        Table ``equity_closes``: ticker, date, close_usd, adjustment_factor.
    trading_days : list of date
        Trading days in order.
    ticker : str
        Share.

    Returns
    -------
    ndarray, shape (n_days,)
        Log of close over the close of the session before; NaN where either is missing. [1]
    """
    prices = adjusted_closes(closes, trading_days, ticker)
    return np.concatenate([[np.nan], np.diff(np.log(prices))])


def adjusted_closes(closes: pl.DataFrame, trading_days: list[object], ticker: str) -> FloatArray:
    """Closes times their adjustment factor on every trading day; NaN where there is none, in USD a share."""
    rows = closes.filter((pl.col("ticker") == ticker) & pl.col("adjustment_factor").is_not_null())
    place = {day: index for index, day in enumerate(trading_days)}
    prices = np.full(len(trading_days), np.nan)
    for day, close, factor in rows.select("date", "close_usd", "adjustment_factor").iter_rows():
        if day in place:
            prices[place[day]] = close * factor
    return prices


def ai_basket_daily(closes: pl.DataFrame, trading_days: pl.Series) -> pl.DataFrame:
    """Equally weighted daily log return of the AI basket.

    A member counts in a calendar month if it has a close on the last session before it, so that it is the same company
    from the first day of the month to the last. Where a member's close is missing for up to ``MAX_GAP_SESSIONS``
    sessions, it drops out of the mean until its next close, whose return then covers the gap.

    Parameters
    ----------
    closes : DataFrame
        Table ``equity_closes`` with daily closes of the members.
    trading_days : Series
        Trading days.

    Returns
    -------
    DataFrame
        date, return_log, n_members, members; only days on which at least one member has a return.

    Raises
    ------
    DataError
        No member has two closes.
    """
    days = trading_days.sort().to_list()
    prices = {ticker: adjusted_closes(closes, days, ticker) for ticker in AI_BASKET}
    returns = {ticker: _over_gaps(values) for ticker, values in prices.items()}
    rows = []
    before = None
    for index, day in enumerate(days):
        if index and day.month != days[index - 1].month:
            before = index - 1
        if before is None:
            continue
        inside = [ticker for ticker in AI_BASKET if np.isfinite(_last_known(prices[ticker], before))]
        moves = [(ticker, returns[ticker][index]) for ticker in inside if np.isfinite(returns[ticker][index])]
        if moves:
            mean = float(np.mean([move for _, move in moves]))
            rows.append((day, mean, len(moves), ";".join(ticker for ticker, _ in moves)))
    if not rows:
        raise DataError(
            f"AI basket: none of {', '.join(AI_BASKET)} has two daily closes.", hint="Read closes of the members first."
        )
    schema = {"date": pl.Date, "return_log": pl.Float64, "n_members": pl.Int64, "members": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _last_known(prices: FloatArray, index: int) -> float:
    """The close of a session, or of the few before it where that one is missing."""
    for step in range(min(MAX_GAP_SESSIONS, index) + 1):
        if np.isfinite(prices[index - step]):
            return float(prices[index - step])
    return float("nan")


def _over_gaps(prices: FloatArray) -> FloatArray:
    """Log return since the last close, where that is at most ``MAX_GAP_SESSIONS`` missing sessions back."""
    returns = np.full(len(prices), np.nan)
    for index in range(1, len(prices)):
        if np.isfinite(prices[index]):
            returns[index] = np.log(prices[index] / _last_known(prices, index - 1))
    return returns
