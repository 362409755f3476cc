"""Listed miners: market cap on shares known that day, returns against bitcoin, and what moved the total.

A share count has two dates: the day it was true on and the day it became public. A market cap of a day uses the count
that was public on that day; the counts that came out later measure how far such a figure tends to be off.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from hashdesk.calendar import Period

STALE_SHARES_DAYS = 120
"""A count older than a quarter and the time to file it is flagged as stale."""

REVISION_MONTHS = 12
"""Window over which the revisions of share counts bound a market cap."""

LEAST_REVISIONS = 3
REVISED_SHARE_OF_CAP = 0.9
"""A total counts as revised once companies worth this share of it have a later count."""

ADJUSTMENT_TOLERANCE = 1e-3
"""Smaller differences between two adjustment factors are rounding of the adjusted closes."""


@dataclass(frozen=True, slots=True)
class ShareCount:
    """Shares outstanding in the unit that trades."""

    shares_outstanding: float
    as_of: dt.date
    known_at: dt.date
    form: str
    confidence: str
    source: str


@dataclass(frozen=True, slots=True)
class Close:
    """A close as traded that day; ``adjusted_usd`` is comparable across splits and dividends."""

    date: dt.date
    close_usd: float
    adjusted_usd: float | None
    source: str


class Market:
    """Closes, share counts, the tracked universe and trading days, indexed by ticker for look-ups by day.

    Parameters
    ----------
    equity_closes, share_counts, universe, trading_days : DataFrame
        The tables of those names.
    btc_price_daily : DataFrame
        Table ``btc_price_daily``.
    """

    def __init__(
        self,
        equity_closes: pl.DataFrame,
        share_counts: pl.DataFrame,
        universe: pl.DataFrame,
        trading_days: pl.DataFrame,
        btc_price_daily: pl.DataFrame,
    ) -> None:
        self._closes: dict[tuple[str, dt.date], Close] = {
            (ticker, day): Close(day, close, None if factor is None else close * factor, source)
            for ticker, day, close, factor, source in equity_closes.select(
                "ticker", "date", "close_usd", "adjustment_factor", "source"
            ).iter_rows()
        }
        self._shares: dict[str, list[dict[str, Any]]] = {}
        used = share_counts.filter(pl.col("status") == "use").sort("ticker", "as_of", "known_at")
        for row in used.iter_rows(named=True):
            self._shares.setdefault(row["ticker"], []).append(row)
        self._universe = universe.sort("ticker").to_dicts()
        self._trading_days: list[dt.date] = trading_days["date"].sort().to_list()
        self._btc = dict(btc_price_daily.select("date", "close_usd").iter_rows())

    def trading_day(self, day: dt.date) -> dt.date | None:
        """Last trading day at or before ``day``; None where the trading calendar does not reach it."""
        index = bisect_right(self._trading_days, day)
        if index == 0 or day - self._trading_days[-1] > dt.timedelta(days=4):
            return None
        return self._trading_days[index - 1]

    def tracked(self, day: dt.date) -> list[dict[str, Any]]:
        """Companies tracked on a day, by ticker."""
        return [
            row
            for row in self._universe
            if row["tracked_from"] <= day and (row["tracked_to"] is None or day < row["tracked_to"])
        ]

    def close(self, ticker: str, day: dt.date) -> Close | None:
        """Close on the last trading day at or before ``day``; None where it is missing."""
        trading_day = self.trading_day(day)
        return None if trading_day is None else self._closes.get((ticker, trading_day))

    def btc_close(self, day: dt.date) -> float | None:
        """Bitcoin's close of a day, in USD."""
        return self._btc.get(day)

    def shares(self, ticker: str, day: dt.date) -> ShareCount | None:
        """The latest count that was both true and public on ``day``."""
        known = [
            row
            for row in self._shares.get(ticker, ())
            if row["as_of"] <= day and row["known_at"] <= day and row["use_for"] in ("both", "known-then")
        ]
        if not known:
            return None
        row = known[-1]
        return ShareCount(
            row["shares_outstanding"], row["as_of"], row["known_at"], row["form"], row["confidence"], row["source"]
        )

    def shares_as_later_known(self, ticker: str, day: dt.date) -> float | None:
        """The count of a day as later counts tell it: along a line to the next count, or a step where one was.

        None where no later count has come out.
        """
        rows = [row for row in self._shares.get(ticker, ()) if row["use_for"] in ("both", "known-later")]
        before = [row for row in rows if row["as_of"] <= day]
        after = [row for row in rows if row["as_of"] > day]
        if not before or not after:
            return None
        last = before[-1]
        if after[0]["path"] != "linear":
            return float(last["shares_outstanding"])
        share = (day - last["as_of"]).days / (after[0]["as_of"] - last["as_of"]).days
        return float(last["shares_outstanding"] + share * (after[0]["shares_outstanding"] - last["shares_outstanding"]))


COMPANY_SCHEMA = {
    "ticker": pl.String,
    "name": pl.String,
    "is_tracked": pl.Boolean,
    "was_tracked": pl.Boolean,
    "close_usd": pl.Float64,
    "close_date": pl.Date,
    "prior_close_usd": pl.Float64,
    "prior_close_date": pl.Date,
    "return_frac": pl.Float64,
    "excess_return_frac": pl.Float64,
    "shares_outstanding": pl.Float64,
    "prior_shares_outstanding": pl.Float64,
    "shares_as_of": pl.Date,
    "shares_known_at": pl.Date,
    "shares_form": pl.String,
    "shares_confidence": pl.String,
    "shares_source": pl.String,
    "close_source": pl.String,
    "is_shares_stale": pl.Boolean,
    "market_cap_usd": pl.Float64,
    "market_cap_later_usd": pl.Float64,
    "prior_market_cap_usd": pl.Float64,
    "contribution_usd": pl.Float64,
    "price_effect_usd": pl.Float64,
    "share_effect_usd": pl.Float64,
    "universe_effect_usd": pl.Float64,
}


def companies_in(market: Market, period: Period) -> pl.DataFrame:
    r"""Every company tracked at either end of a period: close, return, market cap and the parts of its change.

    Returns run from the last trading day before the period to the last one in it, bitcoin's too. The change of a
    company's market cap is split exactly into what the shares held at its start gained, and the shares added since at
    today's close. A company that joins or leaves the list brings or takes its whole market cap: all of it is a share
    effect, and it stands in ``universe_effect_usd`` as well, so that it can be told apart.

    Returns
    -------
    DataFrame
        Schema ``COMPANY_SCHEMA``; null where an input is missing.

    Notes
    -----
    .. math:: \Delta C = (P_1 - P_0) S_0 + (S_1 - S_0) P_1

    with prior price and shares expressed in today's unit through the adjusted return.
    """
    end, start = period.last_day, period.start - dt.timedelta(days=1)
    now = {row["ticker"]: row for row in market.tracked(end)}
    then = {row["ticker"]: row for row in market.tracked(start)}
    btc_return = btc_return_frac(market, period)
    rows = []
    for ticker in sorted(now | then):
        row = _company_row(market, ticker, start, end)
        row["name"] = (now.get(ticker) or then[ticker])["name"]
        row["is_tracked"], row["was_tracked"] = ticker in now, ticker in then
        if row["return_frac"] is not None and btc_return is not None:
            row["excess_return_frac"] = row["return_frac"] - btc_return
        _split_change(row)
        rows.append(row)
    return pl.DataFrame(rows, schema=COMPANY_SCHEMA)


def btc_return_frac(market: Market, period: Period) -> float | None:
    """Bitcoin's return between the two trading days that the shares' returns run between, as a fraction."""
    end, start = market.trading_day(period.last_day), market.trading_day(period.start - dt.timedelta(days=1))
    if end == start:
        return None  # no trading day of the period has passed yet
    last = market.btc_close(end) if end else None
    first = market.btc_close(start) if start else None
    return last / first - 1 if last and first else None


def total_return_frac(close: Close, prior: Close) -> float:
    """Return between two closes, through splits and dividends where the closes' adjustment differs, as a fraction.

    Adjusted closes are rounded, so they are used only where there was something to adjust for.
    """
    if close.adjusted_usd is not None and prior.adjusted_usd is not None:
        adjustment = close.adjusted_usd / close.close_usd / (prior.adjusted_usd / prior.close_usd)
        if abs(adjustment - 1) > ADJUSTMENT_TOLERANCE:
            return close.adjusted_usd / prior.adjusted_usd - 1
    return close.close_usd / prior.close_usd - 1


def _company_row(market: Market, ticker: str, start: dt.date, end: dt.date) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COMPANY_SCHEMA)
    row["ticker"] = ticker
    row["is_shares_stale"] = False
    close, prior = market.close(ticker, end), market.close(ticker, start)
    shares, prior_shares = market.shares(ticker, end), market.shares(ticker, start)
    if close:
        row |= {"close_usd": close.close_usd, "close_date": close.date, "close_source": close.source}
    if prior:
        row |= {"prior_close_usd": prior.close_usd, "prior_close_date": prior.date}
    if close and prior and close.date != prior.date:
        row["return_frac"] = total_return_frac(close, prior)
    if shares:
        row |= {
            "shares_outstanding": shares.shares_outstanding,
            "shares_as_of": shares.as_of,
            "shares_known_at": shares.known_at,
            "shares_form": shares.form,
            "shares_confidence": shares.confidence,
            "shares_source": shares.source,
            "is_shares_stale": (end - shares.as_of).days > STALE_SHARES_DAYS,
        }
    if close and shares:
        row["market_cap_usd"] = close.close_usd * shares.shares_outstanding
        later = market.shares_as_later_known(ticker, end)
        row["market_cap_later_usd"] = None if later is None else close.close_usd * later
    if prior and prior_shares:
        row["prior_market_cap_usd"] = prior.close_usd * prior_shares.shares_outstanding
        row["prior_shares_outstanding"] = prior_shares.shares_outstanding
    return row


def _split_change(row: dict[str, Any]) -> None:
    """Fill the contribution and its parts in place."""
    cap, prior_cap = row["market_cap_usd"], row["prior_market_cap_usd"]
    if row["is_tracked"] and not row["was_tracked"]:
        _count_as_list_change(row, cap)
        return
    if row["was_tracked"] and not row["is_tracked"]:
        _count_as_list_change(row, -prior_cap if isinstance(prior_cap, float) else None)
        return
    price, shares, change = row["close_usd"], row["shares_outstanding"], row["return_frac"]
    if not (
        isinstance(cap, float)
        and isinstance(prior_cap, float)
        and isinstance(price, float)
        and isinstance(shares, float)
        and isinstance(change, float)
    ):
        return
    prior_close, prior_count = row["prior_close_usd"], row["prior_shares_outstanding"]
    unit_change = price / (1 + change) / prior_close
    if abs(unit_change - 1) < ADJUSTMENT_TOLERANCE:
        unit_change = 1.0
    prior_price, prior_shares = prior_close * unit_change, prior_count / unit_change
    row["contribution_usd"] = cap - prior_cap
    row["price_effect_usd"] = (price - prior_price) * prior_shares
    row["share_effect_usd"] = (shares - prior_shares) * price
    row["universe_effect_usd"] = 0.0


def _count_as_list_change(row: dict[str, Any], change: float | None) -> None:
    """A company that joins or leaves: the shares that count went from none to all, or from all to none."""
    row["contribution_usd"] = row["share_effect_usd"] = row["universe_effect_usd"] = change
    row["price_effect_usd"] = None if change is None else 0.0


def equity_monthly(companies: Sequence[tuple[Period, pl.DataFrame]], market: Market) -> pl.DataFrame:
    """One row per period: combined market cap, its interval, its effects, breadth and the best and worst share.

    The market cap is null where any tracked company lacks a close or a count: a partial sum is not a total. Its
    interval comes from history: how far totals built on the counts public at the time stood from the totals that
    later counts gave, over the trailing year.

    Parameters
    ----------
    companies : sequence of (Period, DataFrame)
        From :func:`companies_in`, in order of time.
    market : Market
        For bitcoin's return.

    Returns
    -------
    DataFrame
        Sorted by ``period_start``.
    """
    rows = []
    for period, frame in companies:
        tracked = frame.filter(pl.col("is_tracked"))
        missing = tracked.filter(pl.col("market_cap_usd").is_null())["ticker"].to_list()
        returns = tracked.filter(pl.col("return_frac").is_not_null()).sort("return_frac")
        all_returns = returns.height == tracked.height and tracked.height > 0
        btc_return = btc_return_frac(market, period)
        complete = tracked.height > 0 and not missing
        is_revised = pl.col("market_cap_later_usd").is_not_null()
        revised = float(tracked.filter(is_revised)["market_cap_usd"].sum())
        later_known = complete and revised >= REVISED_SHARE_OF_CAP * float(tracked["market_cap_usd"].sum())
        later = tracked.select(pl.coalesce("market_cap_later_usd", "market_cap_usd")).to_series().sum()
        effects_known = complete and frame["contribution_usd"].null_count() == 0
        rows.append(
            {
                "period_start": period.start,
                "n_companies": tracked.height or None,
                "missing_market_cap": ", ".join(missing),
                "market_cap_usd": tracked["market_cap_usd"].sum() if complete else None,
                "market_cap_later_usd": later if later_known else None,
                "n_stale_share_counts": int(tracked["is_shares_stale"].sum()),
                "price_effect_usd": frame["price_effect_usd"].sum() if effects_known else None,
                "share_effect_usd": (frame["share_effect_usd"] - frame["universe_effect_usd"]).sum()
                if effects_known
                else None,
                "universe_effect_usd": frame["universe_effect_usd"].sum() if effects_known else None,
                "btc_return_frac": btc_return,
                "n_outperforming_btc": tracked.filter(pl.col("excess_return_frac") > 0).height
                if all_returns and btc_return is not None
                else None,
                "median_return_frac": returns["return_frac"].median() if all_returns else None,
                "top_performer": returns["ticker"][-1] if all_returns else None,
                "top_return_frac": returns["return_frac"][-1] if all_returns else None,
                "bottom_performer": returns["ticker"][0] if all_returns else None,
                "bottom_return_frac": returns["return_frac"][0] if all_returns else None,
            }
        )
    table = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("market_cap_usd", "market_cap_later_usd", "top_return_frac", "bottom_return_frac").cast(pl.Float64)
    )
    low, high = revision_factors(table["market_cap_usd"].to_list(), table["market_cap_later_usd"].to_list())
    revision = pl.col("market_cap_later_usd") / pl.col("market_cap_usd") - 1
    return table.with_columns(
        revision.rolling_median(REVISION_MONTHS, min_samples=LEAST_REVISIONS).alias("market_cap_revision_median_frac"),
        (pl.col("market_cap_usd") * pl.Series(low)).alias("market_cap_usd_low"),
        (pl.col("market_cap_usd") * pl.Series(high)).alias("market_cap_usd_high"),
    )


def revision_factors(
    known_then: Sequence[float | None], known_later: Sequence[float | None], window: int = REVISION_MONTHS
) -> tuple[list[float | None], list[float | None]]:
    """The 95% range of totals on later counts over totals on counts public at the time, over a trailing window.

    Counts public at the time have nearly always been too low, so the range lies on one side of 1; it always holds 1.

    Parameters
    ----------
    known_then, known_later : sequence of float or None, shape (n_months,)
        The two totals. [USD]
    window : int, default ``REVISION_MONTHS``
        Months up to and including each one that its range rests on. [months]

    Returns
    -------
    low, high : list of float or None, shape (n_months,)
        Factors of the total; None with fewer than ``LEAST_REVISIONS`` revised months in the window. [1]

    Examples
    --------
    >>> low, high = revision_factors([10.0, 20.0, 10.0], [10.5, 20.2, 10.2])
    >>> low, round(high[2], 3)
    ([None, None, 1.0], 1.048)
    """
    low: list[float | None] = []
    high: list[float | None] = []
    ratios = [
        later / then if then is not None and later is not None else None
        for then, later in zip(known_then, known_later, strict=True)
    ]
    for index in range(len(ratios)):
        known = [ratio for ratio in ratios[max(0, index + 1 - window) : index + 1] if ratio is not None]
        if len(known) < LEAST_REVISIONS:
            low.append(None)
            high.append(None)
            continue
        lower, upper = np.quantile(known, [0.025, 0.975])
        low.append(min(1.0, float(lower)))
        high.append(max(1.0, float(upper)))
    return low, high
