"""Checks on share counts: against the ledger of counts that were public, against time, against prices."""

from __future__ import annotations

import math

import polars as pl

from hashdesk.checks.base import Facts, found, neighbour, nothing, percent, sentence, text

LATE_FRAC = 0.10
"""A count further than this from the one that was public is late, wrong, or in another unit. [fraction]"""
LAG_DAYS = 7
"""A screener takes over a new filing within about three sessions; for a week the count before it passes too. [days]"""
STALE_DAYS = 140
"""Quarterly filings bring a new count every 92 days, at most 45 days after the quarter. [days]"""
SAME_FRAC = 0.001
"""Counts implied by rounded market caps wobble by less than this. [fraction]"""
JUMP = 2.0
"""Without a ledger, a count that moves by this factor in a session while the price does not answer is suspect. [1]"""
ANSWER = 0.35
"""Log distance within which a price answers a change of count. [1]"""


def known_counts(share_counts: pl.DataFrame) -> pl.DataFrame:
    """Counts in use by the first day on which each was both true and public.

    Parameters
    ----------
    share_counts : DataFrame
        The ledger, as the catalog declares it.

    Returns
    -------
    DataFrame
        ``ticker``, ``day``, ``public_shares`` [shares].
    """
    used = share_counts.filter((pl.col("status") == "use") & pl.col("use_for").is_in(["both", "known-then"]))
    return (
        used.with_columns(day=pl.max_horizontal("as_of", "known_at"))
        .sort("ticker", "day", "as_of")
        .unique(["ticker", "day"], keep="last", maintain_order=True)
        .select("ticker", "day", public_shares="shares_outstanding")
    )


def against_ledger(frame: pl.DataFrame, day: str, count: str, facts: Facts) -> pl.DataFrame:
    """Rows whose count is neither the one that was public on the day nor the one a week before."""
    ledger = neighbour(facts, "share_counts")
    if ledger is None:
        return frame.clear().with_columns(
            public_shares=pl.lit(None, dtype=pl.Float64), gap=pl.lit(None, dtype=pl.Float64)
        )
    known = known_counts(ledger).sort("day")
    dated = frame.drop_nulls(count).sort(day)
    now = dated.join_asof(known, left_on=day, right_on="day", by="ticker", check_sortedness=False)
    before = (
        dated.select("row", "ticker", _day=pl.col(day).dt.offset_by(f"-{LAG_DAYS}d"))
        .join_asof(
            known.rename({"public_shares": "before"}),
            left_on="_day",
            right_on="day",
            by="ticker",
            check_sortedness=False,
        )
        .select("row", "before")
    )
    both = now.join(before, on="row").with_columns(
        gap=pl.col(count) / pl.col("public_shares") - 1,
        gap_before=(pl.col(count) / pl.col("before") - 1).fill_null(math.inf),
    )
    return both.filter((pl.col("gap").abs() > LATE_FRAC) & (pl.col("gap_before").abs() > LATE_FRAC))


def screener_against_ledger(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Market caps whose count is not the one that was public."""
    rows = against_ledger(frame, "date", "implied_shares", facts)
    message = sentence(
        "screener_market_caps: {} of {} implies {} shares, {} from the {} that were public",
        "ticker", "date", text("implied_shares"), percent("gap"), text("public_shares"),
    )  # fmt: skip
    return found(rows, message)


def reading_against_ledger(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Counts that a screener showed and that were not public."""
    rows = against_ledger(
        frame.filter(pl.col("form") == "nasdaq-screener-implied"), "as_of", "shares_outstanding", facts
    )
    message = sentence(
        "share_count_readings: {} of {} has {} shares, {} from the {} that were public",
        "ticker", "as_of", text("shares_outstanding"), percent("gap"), text("public_shares"),
    )  # fmt: skip
    return found(rows, message)


def stale(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """First rows on which a count has stood still for longer than a company that reports can explain."""
    ordered = frame.drop_nulls("implied_shares").sort("ticker", "date")
    moved = ((pl.col("implied_shares") / pl.col("implied_shares").shift(1)).log().abs() > SAME_FRAC).over("ticker")
    runs = ordered.with_columns(run=moved.fill_null(True).cum_sum().over("ticker")).with_columns(
        days=(pl.col("date") - pl.col("date").min()).dt.total_days().over("ticker", "run")
    )
    rows = runs.filter(pl.col("days") > STALE_DAYS).unique(["ticker", "run"], keep="first", maintain_order=True)
    message = sentence(
        "screener_market_caps: {} shows {} shares unchanged for {} days on {}",
        "ticker", text("implied_shares"), "days", "date",
    )  # fmt: skip
    return found(rows, message)


def jump(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Counts that jump while the price does not answer, for companies that the ledger does not cover."""
    ledger = neighbour(facts, "share_counts")
    covered = ledger["ticker"].unique() if ledger is not None else pl.Series([], dtype=pl.String)
    ordered = frame.drop_nulls(["implied_shares", "close_usd"]).sort("ticker", "date")
    ordered = ordered.filter(~pl.col("ticker").is_in(covered.implode())).with_columns(
        step=(pl.col("implied_shares") / pl.col("implied_shares").shift(1)).log().over("ticker"),
        # Screeners take over a new unit up to some sessions after the price does.
        answer=(pl.col("close_usd") / pl.col("close_usd").shift(5).fill_null(strategy="backward")).log().over("ticker"),
        factor=(pl.col("implied_shares") / pl.col("implied_shares").shift(1)).round(2).over("ticker"),
    )
    rows = ordered.filter(
        (pl.col("step").abs() > math.log(JUMP)) & ((pl.col("step") + pl.col("answer")).abs() > ANSWER)
    )
    message = sentence(
        "screener_market_caps: count of {} moves by a factor of {} on {} and the price does not answer",
        "ticker", "factor", "date",
    )  # fmt: skip
    return found(rows, message)


def ledger_jump(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Counts in use that leave the count before them by a factor without being called a change of unit or a step."""
    used = frame.filter(pl.col("status") == "use").sort("ticker", "as_of", "known_at")
    used = used.with_columns(before=pl.col("shares_outstanding").shift(1).over("ticker")).with_columns(
        factor=(pl.col("shares_outstanding") / pl.col("before"))
    )
    rows = used.filter((pl.col("factor").log().abs() > math.log(JUMP)) & (pl.col("path") == "linear"))
    if rows.is_empty():
        return nothing()
    message = sentence(
        "share_counts: {} of {} is {} times the count before it", "ticker", "as_of", pl.col("factor").round(2)
    )
    return found(rows, message)
