"""Prices, trading days, the universe and corporate actions."""

from __future__ import annotations

import datetime as dt

import polars as pl

from hashdesk.archive.common import Checks
from hashdesk.archive.reading import RawFolder

D = dt.date
FACTORS_FROM = D(2023, 11, 1)
"""First day from which the factors below were held against both price files."""

RENAMED = {"KEEL": "BITF", "VIP": "GREE"}
"""Later symbol of a tracked company -> the symbol that it was tracked by."""

TRACKED = ("MARA", "RIOT", "CLSK", "IREN", "CIFR", "CORZ", "WULF", "BITF", "HUT", "BTDR", "BTBT", "GREE", "ARBK")
MINERS = (*TRACKED, "SDIG", "CANG", "HIVE", "ABTC")
BENCHMARKS = ("WGMI", "BITQ", "MSTR", "COIN", "SPY", "QQQ", "IBIT", "APLD", "CRWV", "NBIS", "GLXY")

FACTORS: dict[str, tuple[tuple[dt.date, float], ...]] = {
    # First day on which the older factor no longer holds, and the factor that holds before it.
    "ABTC": ((D(2026, 7, 6), 15.0),),
    "ARBK": ((D(2025, 12, 12), 216.0),),
    "CANG": ((D(2025, 11, 17), 5.0), (D(2026, 7, 21), 10.0)),
    "HUT": ((D(2023, 12, 4), 5.0),),
    "MSTR": ((D(2024, 8, 8), 0.1),),
}
"""Adjusted close over unadjusted close, from the corporate actions below; 1 where a ticker has no entry."""

FUNDS = ("WGMI", "BITQ", "SPY", "QQQ", "IBIT")
"""Only an adjusted close is known."""

_BANK_LIST = "The bank's list is not published; the name fits its counts, its best and worst performers and its totals."
_NAMED = "Named by the bank as best or worst performer or in its texts; "

KNOWN_LATER = {"CANG": D(2025, 10, 1)}
"""Where a name became part of the inferred list by a publication that came after its window began."""

END_KNOWN = {"SDIG": D(2025, 3, 14)}
"""First day on which the end of a window was a fact: the merger closed."""

UNIVERSE: tuple[tuple[object, ...], ...] = (
    # ticker, name, cik, tracked_from, tracked_to, last_trade, renamed_to, evidence, confidence
    ("MARA", "MARA Holdings", 1507605, D(2023, 12, 1), None, None, None, _BANK_LIST, "high"),
    ("RIOT", "Riot Platforms", 1167419, D(2023, 12, 1), None, None, None, _BANK_LIST, "high"),
    ("CLSK", "CleanSpark", 827876, D(2023, 12, 1), None, None, None, _NAMED + "worst of September 2024.", "high"),
    ("IREN", "IREN", 1878848, D(2023, 12, 1), None, None, None, _NAMED + "best of May 2024.", "high"),
    ("CIFR", "Cipher Mining", 1819989, D(2023, 12, 1), None, None, None, _NAMED + "best of early July 2024.", "high"),
    (
        "CORZ",
        "Core Scientific",
        1839341,
        D(2024, 1, 24),
        None,
        None,
        None,
        _NAMED + "best of early June 2024. New shares trade from 2024-01-24; the old ones were cancelled.",
        "high",
    ),
    ("WULF", "TeraWulf", 1083301, D(2023, 12, 1), None, None, None, _NAMED + "best of June 2024.", "high"),
    ("BITF", "Bitfarms", 1812477, D(2023, 12, 1), None, None, "KEEL", _NAMED + "best of September 2025.", "high"),
    ("HUT", "Hut 8", 1964789, D(2023, 12, 4), None, None, None, _NAMED + "best of September 2024.", "high"),
    ("BTDR", "Bitdeer", 1899123, D(2023, 12, 1), None, None, None, _BANK_LIST, "medium"),
    ("BTBT", "Bit Digital", 1710350, D(2023, 12, 1), None, None, None, _BANK_LIST, "medium"),
    ("GREE", "Greenidge", None, D(2023, 12, 1), None, None, "VIP", _NAMED + "best of early October 2024.", "high"),
    ("ARBK", "Argo Blockchain", 1841675, D(2023, 12, 1), None, None, None, _NAMED + "worst, early June 2024.", "high"),
    (
        "SDIG",
        "Stronghold Digital Mining",
        1856028,
        D(2023, 12, 1),
        D(2025, 3, 1),
        D(2025, 3, 13),
        None,
        _NAMED + "worst of early July and early October 2024. Bought by Bitfarms on 2025-03-14, so it has no month-end "
        "close after February 2025.",
        "high",
    ),
    (
        "CANG",
        "Cango",
        None,
        D(2025, 9, 1),
        None,
        None,
        None,
        "Worst of September 2025, when the bank again counts 14 names, as reported on 2025-10-01; the month it joined "
        "is inferred.",
        "medium",
    ),
)

ACTIONS: tuple[tuple[object, ...], ...] = (
    # ticker, date, kind, ratio, detail, confidence
    ("HUT", D(2023, 12, 4), "merger", 0.2, "One new share for five of old Hut 8; USBTC holders got the rest.", "high"),
    ("CORZ", D(2024, 1, 24), "relisting", None, "New shares after Chapter 11; the old ones were cancelled.", "high"),
    ("MSTR", D(2024, 8, 8), "split", 10.0, "Ten new shares for one.", "high"),
    ("SDIG", D(2025, 3, 14), "delisting", None, "Merged into Bitfarms, 2.52 of its shares for each.", "high"),
    ("ABTC", D(2025, 9, 3), "listing", None, "Gryphon (GRYP) became American Bitcoin.", "high"),
    ("CANG", D(2025, 11, 17), "unit-change", 2.0, "ADS programme ended: one ADS became two Class A shares.", "high"),
    ("ARBK", D(2025, 12, 12), "unit-change", 1 / 216, "One ADS holds 2,160 ordinary shares instead of 10.", "high"),
    ("BITF", D(2026, 4, 3), "rename", 1.0, "Keel Infrastructure, symbol KEEL; last trade as BITF 2026-04-02.", "high"),
    (
        "GREE",
        D(2026, 7, 24),
        "rename",
        1.0,
        "Symbol VIP; day inferred from the last close under the old one.",
        "medium",
    ),
    ("CANG", D(2026, 7, 21), "split", 0.1, "One share for ten; first close on the new basis.", "high"),
    ("ABTC", D(2026, 7, 6), "split", 1 / 15, "One share for fifteen; first close on the new basis.", "high"),
)


def read_closes(folder: RawFolder) -> pl.DataFrame:
    """Raw closes of shares, a renamed company under the symbol that it was tracked by."""
    found = folder.frame("equity/closes.csv.gz")
    raw = found.filter(pl.col("basis") != "utc_close")
    folder.leave_out("equity/closes.csv.gz", "bitcoin has a table of its own", found.height - raw.height)
    return raw.with_columns(pl.col("ticker").replace(RENAMED)).sort("ticker", "date", "basis")


def trading_days(folder: RawFolder, checks: Checks) -> pl.DataFrame:
    """Days on which the S&P 500 fund has a close."""
    days = read_closes(folder).filter(pl.col("ticker") == "SPY").select("date", source=pl.lit("adjusted-closes"))
    closed = [D(2024, 7, 4), D(2025, 1, 9), D(2025, 9, 1), D(2025, 12, 25)]
    checks.that("no trading day on a holiday", not days["date"].is_in(closed).any())
    checks.that("no trading day at a weekend", bool((days["date"].dt.weekday() <= 5).all()))
    return days.with_columns(known_at="date")


def _factor(ticker: str) -> pl.Expr:
    """Adjustment factor of a ticker by date; null where no list of its unit changes was checked."""
    factor = pl.lit(1.0)
    for until, value in reversed(FACTORS.get(ticker, ())):
        factor = pl.when(pl.col("date") < until).then(pl.lit(value)).otherwise(factor)
    if ticker not in (*MINERS, *BENCHMARKS):
        return pl.lit(None, dtype=pl.Float64)
    return pl.when(pl.col("date") >= FACTORS_FROM).then(factor)


def equity_closes(folder: RawFolder, checks: Checks) -> pl.DataFrame:
    """Daily closes as they traded, one row per ticker and day."""
    raw = read_closes(folder)
    frames = [_closes_of(rows, str(ticker), checks) for (ticker,), rows in raw.group_by("ticker", maintain_order=True)]
    return pl.concat(frames).with_columns(known_at="date").sort("ticker", "date")


def _closes_of(rows: pl.DataFrame, ticker: str, checks: Checks) -> pl.DataFrame:
    plain = rows.filter(pl.col("basis") == "unadjusted").select("date", unadjusted="close").unique("date", keep="first")
    adjusted = rows.filter(pl.col("basis") == "split_dividend_adjusted").select("date", adjusted="close")
    both = plain.join(adjusted.unique("date", keep="first"), on="date", how="full", coalesce=True).sort("date")
    only_adjusted = ticker in FUNDS or plain.is_empty()
    both = both.with_columns(factor=pl.lit(1.0) if only_adjusted else _factor(ticker))
    _check_dates(both.filter(pl.col("date") >= FACTORS_FROM), ticker, checks)
    first = plain["date"].min() if len(plain) else both["date"].min()
    last = plain["date"].max() if len(plain) else both["date"].max()
    basis = (
        pl.when(pl.col("unadjusted").is_not_null())
        .then(pl.lit("unadjusted"))
        .otherwise(pl.lit("adjusted" if only_adjusted else "derived"))
    )
    closes = both.filter(pl.col("date").is_between(first, last)).select(
        "date",
        pl.lit(ticker).alias("ticker"),
        pl.coalesce("unadjusted", (pl.col("adjusted") / pl.col("factor")).round(4)).alias("close_usd"),
        pl.col("factor").alias("adjustment_factor"),
        basis.alias("basis"),
        pl.when(pl.col("unadjusted").is_not_null())
        .then(pl.lit("screener-snapshots"))
        .otherwise(pl.lit("adjusted-closes"))
        .alias("source"),
    )
    # An adjusted close says nothing about the price of the day where the factor between them is not known.
    return closes.drop_nulls("close_usd")


def adjusted_closes(folder: RawFolder) -> pl.DataFrame:
    """Closes adjusted for splits and dividends, good for returns only."""
    return (
        read_closes(folder)
        .filter(pl.col("basis") == "split_dividend_adjusted")
        .unique(["ticker", "date"], keep="first", maintain_order=True)
        .select("date", "ticker", close_usd="close", source=pl.lit("adjusted-closes"), known_at="date")
        .sort("ticker", "date")
    )


def screener_market_caps(folder: RawFolder) -> pl.DataFrame:
    """What the screener showed: last sale, market cap and the count that they imply."""
    raw = folder.frame("equity/screener_market_caps.csv.gz")
    return raw.select(
        "date",
        pl.col("ticker").replace(RENAMED),
        close_usd="last_sale_usd",
        market_cap_usd="market_cap_usd",
        implied_shares="implied_shares",
        exchange="exchange",
        source=pl.lit("screener-snapshots"),
        known_at="date",
    ).sort("ticker", "date")


def _check_dates(both: pl.DataFrame, ticker: str, checks: Checks) -> None:
    """Both price files carry the same day: their ratio is the factor, and no day repeats the session before."""
    pairs = both.drop_nulls(["unadjusted", "adjusted", "factor"])
    if pairs.is_empty():
        return
    pairs = pairs.with_columns(
        gap=(pl.col("unadjusted") * pl.col("factor") / pl.col("adjusted") - 1).abs(),
        # Adjusted prices are rounded to a cent of the adjusted unit, unadjusted ones to a cent or a tenth of one.
        room=0.0051 / pl.col("adjusted") + 0.0051 / pl.col("unadjusted") + 1e-6,
    )
    wrong = pairs.filter((pl.col("gap") > pl.col("room")) & (pl.col("gap") > 0.004))
    checks.that(
        f"{ticker}: unadjusted and adjusted closes agree on {len(pairs)} days"
        + (f" ({wrong.select('date', 'unadjusted', 'adjusted').rows()[:6]})" if len(wrong) else ""),
        len(wrong) <= 0.002 * len(pairs),
    )


def universe() -> pl.DataFrame:
    """The tracked list with its windows."""
    columns = [
        "ticker",
        "name",
        "cik",
        "tracked_from",
        "tracked_to",
        "last_trade",
        "renamed_to",
        "evidence",
        "confidence",
    ]
    frame = pl.DataFrame([tuple(row) for row in UNIVERSE], schema=columns, orient="row", infer_schema_length=None)
    return frame.with_columns(
        tracked_to_known_at=pl.col("ticker").replace_strict(END_KNOWN, default=None, return_dtype=pl.Date),
        source=pl.lit("universe-inference"),
        known_at=pl.coalesce(
            pl.col("ticker").replace_strict(KNOWN_LATER, default=None, return_dtype=pl.Date), "tracked_from"
        ),
    )


def corporate_actions() -> pl.DataFrame:
    """Corporate actions that change a unit, a symbol or a listing."""
    columns = ["ticker", "date", "kind", "ratio", "detail", "confidence"]
    frame = pl.DataFrame([tuple(row) for row in ACTIONS], schema=columns, orient="row", infer_schema_length=None)
    return frame.with_columns(source=pl.lit("corporate-actions"), known_at="date")
