"""Dilution: the share-count ledger turned into new shares a month and a year, and what they may have brought.

A split, a reverse split or a new ratio of shares to a depositary receipt changes the unit, not what a holder owns, so
counts on both sides of it are put into one unit before they are compared.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

UNIT_KINDS = ("split", "unit-change")
"""Corporate actions that change the unit; their ratio is new units for one old."""


@dataclass(frozen=True, slots=True)
class CountOnDay:
    """Shares outstanding on a day as all counts up to now tell it."""

    shares_outstanding: float
    as_of: dt.date
    """Day of the last count at or before the day."""
    known_at: dt.date
    source: str
    form: str
    is_open: bool
    """No later count exists: shares issued since are not in it."""


@dataclass(frozen=True, slots=True)
class DilutionMonth:
    """New shares of one month, in the unit of its end."""

    month: dt.date
    shares_start: float
    shares_end: float
    new_shares: float
    change_frac: float
    change_12m_frac: float | None
    proceeds_estimate_usd: float | None
    """New shares at the mean of the two month-end closes; shares paid for a purchase or a conversion bring no cash."""
    is_open: bool
    had_unit_change: bool
    sources: tuple[str, ...]


class ShareLedger:
    """Counts by company in order of the day they were true on, with changes of unit.

    Parameters
    ----------
    share_counts : DataFrame
        Table ``share_counts``; rows in use, but for those that were only ever known then.
    corporate_actions : DataFrame
        Table ``corporate_actions``.
    """

    def __init__(self, share_counts: pl.DataFrame, corporate_actions: pl.DataFrame) -> None:
        used = share_counts.filter((pl.col("status") == "use") & pl.col("use_for").is_in(["both", "known-later"]))
        self._counts: dict[str, list[dict[str, Any]]] = {}
        for row in used.sort("ticker", "as_of", "known_at").iter_rows(named=True):
            self._counts.setdefault(row["ticker"], []).append(row)
        self._actions: dict[str, list[tuple[dt.date, float]]] = {}
        changes = corporate_actions.filter(pl.col("kind").is_in(UNIT_KINDS) & pl.col("ratio").is_not_null())
        for ticker, day, ratio in changes.select("ticker", "date", "ratio").sort("date").iter_rows():
            self._actions.setdefault(ticker, []).append((day, ratio))

    def unit_factor(self, ticker: str, start: dt.date, end: dt.date) -> float:
        """New units for one old between two days, ``start`` left out; 1 where no unit changed [1]."""
        factor = 1.0
        for day, ratio in self._actions.get(ticker, ()):
            if start < day <= end:
                factor *= ratio
        return factor

    def count(self, ticker: str, day: dt.date) -> CountOnDay | None:
        """Shares on a day: on a line between two counts, or the last one where a step or a new unit came next."""
        rows = self._counts.get(ticker, [])
        before = [row for row in rows if row["as_of"] <= day]
        if not before:
            return None
        last, after = before[-1], next((row for row in rows if row["as_of"] > day), None)
        shares = float(last["shares_outstanding"])
        if after is not None and after["path"] == "linear":
            part = (day - last["as_of"]).days / (after["as_of"] - last["as_of"]).days
            shares += part * (float(after["shares_outstanding"]) - shares)
        # A count in an older unit is carried over the change of unit.
        if after is None or after["path"] != "linear":
            shares *= self.unit_factor(ticker, last["as_of"], day)
        return CountOnDay(shares, last["as_of"], last["known_at"], last["source"], last["form"], is_open=after is None)

    def change(self, ticker: str, start: dt.date, end: dt.date) -> tuple[CountOnDay, CountOnDay, float] | None:
        """Counts at two days, the first in the unit of the second, and the relative change [fraction]."""
        first, last = self.count(ticker, start), self.count(ticker, end)
        if first is None or last is None:
            return None
        in_unit = first.shares_outstanding * self.unit_factor(ticker, start, end)
        return first, last, last.shares_outstanding / in_unit - 1


def dilution_months(
    ledger: ShareLedger, ticker: str, month_ends: Sequence[dt.date], closes_usd: Sequence[float | None]
) -> list[DilutionMonth]:
    r"""New shares of each month between consecutive month ends.

    Parameters
    ----------
    ledger : ShareLedger
        Counts and changes of unit.
    ticker : str
        Company.
    month_ends : sequence of date, shape (n_months + 1,)
        Last days of consecutive months.
    closes_usd : sequence of float or None, shape (n_months + 1,)
        Closes of those days, as traded. [USD/share]

    Returns
    -------
    list of DilutionMonth
        Months whose both ends have a count.

    Notes
    -----
    With counts S, unit factor u (new units for one old) and closes P:

    .. math:: d = \frac{S_1}{u\,S_0} - 1, \qquad A = (S_1 - u\,S_0)\,\frac{P_0/u + P_1}{2}

    The change over twelve months is the same ratio between the ends of a year.
    """
    months = []
    for index in range(1, len(month_ends)):
        start, end = month_ends[index - 1], month_ends[index]
        found = ledger.change(ticker, start, end)
        if found is None:
            continue
        first, last, change = found
        factor = ledger.unit_factor(ticker, start, end)
        in_unit = first.shares_outstanding * factor
        new = last.shares_outstanding - in_unit
        before, close = closes_usd[index - 1], closes_usd[index]
        price = (before / factor + close) / 2 if before is not None and close is not None else None
        year = ledger.change(ticker, month_ends[index - 12], end) if index >= 12 else None
        months.append(
            DilutionMonth(
                month=end.replace(day=1),
                shares_start=in_unit,
                shares_end=last.shares_outstanding,
                new_shares=new,
                change_frac=change,
                change_12m_frac=None if year is None else year[2],
                proceeds_estimate_usd=None if price is None else new * price,
                is_open=last.is_open,
                had_unit_change=factor != 1.0,
                sources=tuple(dict.fromkeys((first.source, last.source))),
            )
        )
    return months
