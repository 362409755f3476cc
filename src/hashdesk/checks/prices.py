"""Checks on prices, and detection of splits, changes of unit and successors."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import polars as pl

from hashdesk.checks.base import Facts, found, neighbour, nothing, percent, sentence

VENUE_GAP = 0.08
"""Largest gap between the close and the second venue; since mid-2014 the largest was 5.0%. [fraction]"""
VENUE_FROM = dt.date(2014, 6, 1)
"""Before, venues really were apart by tens of percent: withdrawals stood still."""
PRICE_SPIKE = 1.5
"""A close of bitcoin that leaves its neighbours by this factor and comes back the next day is a slip. [1]"""
CLOSE_SPIKE = 3.0
"""The same for a share: since 2021 three real days left by 1.5 to 2 and came back, none by more. [1]"""
BACK = 0.25
"""The two neighbours of a slip are within this share of its move of each other. [fraction]"""
RATIOS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 35, 40, 50, 60, 100, 200, 216)
"""Ratios of splits and changes of unit that have been seen or are usual. [1]"""
UNIT_STEP = 1.4
"""Adjusted and plain close part by less than this factor from one session to the next unless the unit changed. [1]"""
NEAR_RATIO = 0.25
"""A change of unit that the share count witnesses: log distance of count and price from a whole ratio. [1]"""
BARE_RATIO = 0.05
"""The same where prices alone speak. A crash may come near a ratio too, so only large ratios count then. [1]"""
BARE_FROM = 4
"""Smallest ratio that prices alone may claim. [1]"""
IDLE_DAYS = 30
"""A share that has no close for longer than this and then trades again was listed anew. [days]"""


def second_venue(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Closes that the second venue contradicts."""
    rows = frame.with_columns(gap=(pl.col("close_usd") / pl.col("close_usd_bitstamp") - 1)).filter(
        (pl.col("gap").abs() > VENUE_GAP) & (pl.col("date") >= VENUE_FROM)
    )
    return found(rows, sentence("btc_price_daily: close of {} is {} from the second venue", "date", percent("gap")))


def price_slip(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Days of bitcoin that leave their neighbours and come back."""
    rows = _slips(frame.sort("date").with_columns(_price=pl.col("close_usd"), _series=pl.lit("")), PRICE_SPIKE)
    return found(
        rows, sentence("btc_price_daily: close of {} is {} between {} and {}", "date", "_price", "_last", "_next")
    )


def close_slip(frame: pl.DataFrame, _: Facts) -> pl.DataFrame:
    """Closes of a share that leave their neighbours and come back: a slip of unit or of ticker."""
    comparable = frame.with_columns(
        _price=pl.col("close_usd") * pl.col("adjustment_factor").fill_null(1.0), _series="ticker"
    )
    rows = _slips(comparable.sort("ticker", "date"), CLOSE_SPIKE)
    return found(
        rows,
        sentence(
            "equity_closes: {} of {} closes at {} between {} and {}", "ticker", "date", "_price", "_last", "_next"
        ),
    )


def _slips(ordered: pl.DataFrame, spike: float) -> pl.DataFrame:
    ordered = ordered.with_columns(
        _last=pl.col("_price").shift(1).over("_series"), _next=pl.col("_price").shift(-1).over("_series")
    )
    move = (pl.col("_price") / pl.col("_last")).log()
    rest = (pl.col("_next") / pl.col("_last")).log()
    return ordered.filter((move.abs() > math.log(spike)) & (rest.abs() < BACK * move.abs()))


def closes_agree(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Closes as traded whose adjusted counterpart tells another price."""
    adjusted = neighbour(facts, "adjusted_closes")
    if adjusted is None:
        return nothing()
    both = frame.join(adjusted.select("ticker", "date", adjusted="close_usd"), on=["ticker", "date"]).with_columns(
        gap=pl.col("close_usd") * pl.col("adjustment_factor") / pl.col("adjusted") - 1
    )
    # Both files round to a cent of their own unit; dividends move the adjusted one by up to a few percent a year.
    room = 0.02 + 0.0051 / pl.col("adjusted") + 0.0051 / pl.col("close_usd")
    rows = both.filter((pl.col("basis") == "unadjusted") & (pl.col("gap").abs() > room))
    return found(
        rows, sentence("equity_closes: {} of {} is {} from its adjusted close", "ticker", "date", percent("gap"))
    )


def unit_changes(closes: pl.DataFrame, adjusted: pl.DataFrame | None, counts: pl.DataFrame | None) -> pl.DataFrame:
    """Days on which the traded unit changed, from the prices alone or with a witness.

    Where plain and adjusted close part from one session to the next, the unit changed by just that factor, whatever
    the price did on the day. Without an adjusted close, a close ratio near a whole ratio is a change of unit where the
    share count moved the other way by the same ratio; prices alone are believed only close to a large ratio.

    Parameters
    ----------
    closes : DataFrame
        ``ticker``, ``date``, ``close_usd`` as traded.
    adjusted : DataFrame, optional
        ``ticker``, ``date``, ``close_usd`` adjusted for splits.
    counts : DataFrame, optional
        ``ticker``, ``date``, ``implied_shares``.

    Returns
    -------
    DataFrame
        ``ticker``, ``date``, ``ratio`` (new units per old one), ``witness`` (adjusted, shares or prices alone).
    """
    table = closes.select("ticker", "date", close="close_usd").sort("ticker", "date")
    for name, other, column in (("adjusted", adjusted, "close_usd"), ("shares", counts, "implied_shares")):
        if other is None:
            table = table.with_columns(pl.lit(None, dtype=pl.Float64).alias(name))
        else:
            table = table.join(
                other.select("ticker", "date", pl.col(column).alias(name)), on=["ticker", "date"], how="left"
            )
    table = table.with_columns(pl.col("shares").forward_fill().over("ticker"))
    step = {
        name: (pl.col(name) / pl.col(name).shift(1)).log().over("ticker") for name in ("close", "adjusted", "shares")
    }
    moves = table.with_columns(**{f"move_{name}": move for name, move in step.items()}).filter(
        (pl.col("move_close").abs() > math.log(min(RATIOS)) - NEAR_RATIO)
        | ((pl.col("move_adjusted") - pl.col("move_close")).abs() > math.log(UNIT_STEP))
    )
    rows = [(row["ticker"], row["date"], *change) for row in moves.iter_rows(named=True) if (change := _change(row))]
    schema = {"ticker": pl.String(), "date": pl.Date(), "ratio": pl.Float64(), "witness": pl.String()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _change(row: dict[str, Any]) -> tuple[float, str] | None:
    """New units per old one and who says so; None where the unit did not change."""
    if row["move_adjusted"] is not None:
        step = row["move_adjusted"] - row["move_close"]
        return (math.exp(_nearest(step)), "adjusted") if abs(step) > math.log(UNIT_STEP) else None
    ratio = _nearest(-row["move_close"])
    left = abs(row["move_close"] + ratio)
    if row["move_shares"] is not None and abs(row["move_shares"] - ratio) < NEAR_RATIO and left < NEAR_RATIO:
        return math.exp(_nearest(row["move_shares"])), "shares"
    if abs(ratio) >= math.log(BARE_FROM) and left < BARE_RATIO:
        return math.exp(ratio), "prices alone"
    return None


def _nearest(log_ratio: float) -> float:
    """The usual ratio next to one, both as logarithms."""
    return min((sign * math.log(n) for n in RATIOS for sign in (1, -1)), key=lambda usual: abs(usual - log_ratio))


def unlisted_unit_change(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Closes on the first day of a unit that no corporate action explains."""
    changes = unit_changes(frame, neighbour(facts, "adjusted_closes"), neighbour(facts, "screener_market_caps"))
    actions = neighbour(facts, "corporate_actions")
    if actions is not None and changes.height:
        listed = actions.select("ticker", listed="date").sort("listed")
        changes = (
            changes.sort("date")
            .join_asof(
                listed,
                left_on="date",
                right_on="listed",
                by="ticker",
                strategy="nearest",
                tolerance="4d",
                check_sortedness=False,
            )
            .filter(pl.col("listed").is_null())
        )
    rows = frame.join(changes, on=["ticker", "date"])
    message = sentence(
        "equity_closes: {} of {} looks like {} new units for an old one ({}) and no corporate action is listed",
        "ticker", "date", pl.col("ratio").round(4), "witness",
    )  # fmt: skip
    return found(rows, message)


def relisting(frame: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """First closes after a long time without one: perhaps another share under the same symbol."""
    ordered = frame.sort("ticker", "date").with_columns(
        idle=(pl.col("date") - pl.col("date").shift(1)).dt.total_days().over("ticker")
    )
    rows = ordered.filter(pl.col("idle") > IDLE_DAYS)
    actions = neighbour(facts, "corporate_actions")
    if actions is not None:
        rows = rows.join(actions.select("ticker", "date"), on=["ticker", "date"], how="anti")
    return found(
        rows, sentence("equity_closes: {} trades on {} after {} days without a close", "ticker", "date", "idle")
    )


def successors(closes: pl.DataFrame) -> pl.DataFrame:
    """Symbols that end on the day before another begins.

    Parameters
    ----------
    closes : DataFrame
        ``ticker``, ``date``.

    Returns
    -------
    DataFrame
        ``ticker``, ``successor``, ``date`` (first day of the successor).
    """
    spans = closes.group_by("ticker").agg(first=pl.col("date").min(), last=pl.col("date").max())
    edges = spans.select(pl.col("first").min().alias("low"), pl.col("last").max().alias("high")).row(0)
    ended = spans.filter(pl.col("last") < edges[1]).select("ticker", "last")
    begun = spans.filter(pl.col("first") > edges[0]).select(successor="ticker", date="first")
    pairs = ended.join(begun, how="cross")
    gap = (pl.col("date") - pl.col("last")).dt.total_days()
    return pairs.filter(gap.is_between(1, 5)).select("ticker", "successor", "date").sort("date")
