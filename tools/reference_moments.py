"""Derived tables of the reference pack: the AI basket, moments of daily returns, sessions around news, deliveries.

The pack keeps daily closes of a few months only; what betas and event studies need of the other months is worked out
here from the whole archive, by the same functions that the desk runs on daily closes.

python tools/reference_moments.py DATA_DIR            prints rows, bytes and how often a 5% test fires on random dates
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import sys
from collections.abc import Mapping
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from hashdesk.archive.common import Checks, Sources  # noqa: E402
from hashdesk.archive.equity import FACTORS_FROM, MINERS, adjusted_closes, equity_closes  # noqa: E402
from hashdesk.archive.reading import RawFolder  # noqa: E402
from hashdesk.calendar import months_between  # noqa: E402
from hashdesk.errors import ModelError  # noqa: E402
from hashdesk.metrics import betas, event_study  # noqa: E402
from hashdesk.metrics.baskets import AI_BASKET, ai_basket_daily  # noqa: E402

D = dt.date
FIRST_FIT, FIRST_MONTH, LAST_MONTH = D(2023, 7, 1), D(2024, 1, 1), D(2026, 1, 1)
DAILY_FROM, DAILY_TO = D(2025, 3, 3), D(2025, 10, 31)
"""Sessions whose closes the pack holds itself."""

SOURCE = "derived-returns"

Span = tuple[float | None, dt.date, dt.date]

PLANS: dict[tuple[str, dt.date, str], tuple[Span, ...]] = {
    # (ticker, announced, counterparty's first word): load and span of each phase, as the announcement says.
    ("APLD", D(2025, 6, 2), "CoreWeave"): (
        (100, D(2025, 10, 1), D(2025, 12, 31)),
        (150, D(2026, 6, 1), D(2026, 7, 31)),
    ),
    ("APLD", D(2025, 8, 29), "CoreWeave"): ((150, D(2027, 1, 1), D(2027, 12, 31)),),
    ("APLD", D(2025, 10, 22), "US"): ((200, D(2026, 1, 1), D(2027, 12, 31)),),
    ("CIFR", D(2025, 9, 25), "Fluidstack"): ((168, D(2026, 9, 1), D(2026, 9, 30)),),
    ("CIFR", D(2025, 11, 3), "Amazon"): ((None, D(2026, 8, 1), D(2026, 8, 31)),),
    ("CIFR", D(2025, 11, 20), "Fluidstack"): ((39, D(2027, 1, 1), D(2027, 1, 31)),),
    ("CIFR", D(2026, 5, 5), "Amazon"): ((70, D(2027, 3, 1), D(2027, 5, 31)),),
    ("CIFR", D(2026, 9, 25), "Fluidstack"): ((207, D(2026, 10, 1), D(2027, 3, 31)),),
    ("CORZ", D(2026, 7, 28), "AMD"): ((500, D(2027, 1, 1), D(2027, 12, 31)),),
    ("GLXY", D(2025, 8, 15), "CoreWeave"): ((None, D(2026, 1, 1), D(2026, 6, 30)),),
    ("HUT", D(2025, 12, 17), "Fluidstack"): ((None, D(2027, 4, 1), D(2027, 6, 30)),),
    ("HUT", D(2026, 5, 6), "undisclosed"): ((None, D(2027, 7, 1), D(2027, 9, 30)),),
    ("IREN", D(2025, 11, 3), "Microsoft"): ((200, D(2026, 1, 1), D(2026, 12, 31)),),
    ("IREN", D(2025, 11, 6), "Together"): ((None, D(2026, 1, 1), D(2026, 3, 31)),),
    ("RIOT", D(2026, 8, 10), "frontier"): (
        (96, D(2027, 12, 1), D(2027, 12, 31)),
        (95, D(2028, 6, 1), D(2028, 6, 30)),
    ),
    ("WULF", D(2024, 12, 23), "Core42"): ((60, D(2025, 1, 1), D(2025, 12, 31)),),
    ("WULF", D(2025, 8, 14), "Fluidstack"): (
        (40, D(2026, 1, 1), D(2026, 6, 30)),
        (160, D(2026, 7, 1), D(2026, 12, 31)),
    ),
    ("WULF", D(2025, 10, 28), "Fluidstack"): ((168, D(2026, 7, 1), D(2026, 12, 31)),),
    ("WULF", D(2025, 11, 10), "Fluidstack"): ((366, D(2026, 1, 1), D(2026, 12, 31)),),
    ("WYFI", D(2025, 12, 22), "Nscale"): (
        (20, D(2026, 4, 1), D(2026, 4, 30)),
        (20, D(2026, 5, 1), D(2026, 5, 31)),
    ),
}

DELIVERED: dict[tuple[str, dt.date, str], tuple[float, dt.date]] = {
    # Load that a report counts as running, and the day it holds for.
    ("WULF", D(2024, 12, 23), "Core42"): (22.5, D(2025, 9, 30)),
    ("CORZ", D(2024, 6, 3), "CoreWeave"): (350.0, D(2025, 12, 31)),
}
"""For Core Scientific the load of all CoreWeave sites together; it is not split by contract."""


def closes_for_returns(folder: RawFolder, checks: Checks) -> pl.DataFrame:
    """Daily closes comparable over splits, over the whole archive."""
    known = equity_closes(folder, checks)
    early = known.filter(pl.col("date") < FACTORS_FROM)
    adjusted = adjusted_closes(folder).filter(pl.col("date") < FACTORS_FROM)
    alone = early.join(adjusted.select("ticker").unique(), on="ticker", how="anti")
    columns = ["ticker", "date", "close_usd", "adjustment_factor"]
    return pl.concat(
        [
            known.filter(pl.col("date") >= FACTORS_FROM).select(columns),
            adjusted.with_columns(adjustment_factor=1.0).select(columns),
            alone.with_columns(adjustment_factor=1.0).select(columns),
        ]
    ).sort("ticker", "date")


def line_up(folder: RawFolder, tables: Mapping[str, pl.DataFrame], checks: Checks) -> betas.Sessions:
    """Returns of the miners, bitcoin and the basket on every trading day of the archive."""
    closes = closes_for_returns(folder, checks)
    days = tables["trading_days"]
    basket = ai_basket_daily(closes, days["date"])
    return betas.sessions(closes, tables["btc_price_daily"], days, basket, MINERS)


def fits_and_moments(lined_up: betas.Sessions) -> tuple[dict[tuple[str, dt.date], betas.Fit], pl.DataFrame]:
    """Shrunk models of every month, and the moments behind them."""
    rows, fits = [], {}
    for period in months_between(FIRST_FIT, LAST_MONTH):
        window = lined_up.before(period.start, betas.WINDOW_SESSIONS)
        own: dict[str, betas.Fit | None] = {}
        for ticker in MINERS:
            returns, factors = lined_up.shares[ticker][window], lined_up.factors[window]
            try:
                moments = betas.window_moments(returns, factors)
            except ModelError:
                own[ticker] = None
                continue
            own[ticker] = betas.fit_from_moments(ticker, period.start, moments, betas.STORED)
            span = {"window_from": lined_up.days[window.start], "window_to": lined_up.days[window.stop - 1]}
            rows.append({"ticker": ticker, "month": period.start, **span, **moments})
        fits |= {(ticker, period.start): fit for ticker, fit in betas.shrunk(own, period.start).items()}
    return fits, pl.DataFrame(rows).filter(pl.col("month") >= FIRST_MONTH)


def news_sessions(lined_up: betas.Sessions, events: pl.DataFrame) -> pl.DataFrame:
    """Returns of shares in the windows of their events, where the pack holds no daily closes."""
    rows = set()
    for day, tickers in events.select("date", "tickers").iter_rows():
        for ticker in filter(MINERS.__contains__, tickers.split(";")):
            for place in event_study.event_sessions(lined_up, day):
                session, move = lined_up.days[place], float(lined_up.shares[ticker][place])
                if not DAILY_FROM <= session <= DAILY_TO and session < D(2026, 2, 1) and move == move:
                    rows.add((ticker, session, move))
    schema = {"ticker": pl.String, "date": pl.Date, "return_log": pl.Float64}
    return pl.DataFrame(sorted(rows), schema=schema, orient="row")


def deliveries(contracts: pl.DataFrame, capacity: pl.DataFrame, checks: Checks) -> pl.DataFrame:
    """Planned and reported deliveries, each known with its contract or its report."""
    rows, used = [], set()
    for contract in contracts.iter_rows(named=True):
        key = (contract["ticker"], contract["announced_on"], contract["counterparty"].split()[0])
        name = {column: contract[column] for column in ("ticker", "counterparty", "announced_on", "confidence")}
        for number, (load, first, last) in enumerate(PLANS.get(key, ()), start=1):
            used.add(key)
            span = {"phase": number, "phase_mw": load, "ready_from": first, "ready_to": last, "is_delivered": False}
            rows.append({**name, **span, "source": contract["source"], "known_at": contract["known_at"]})
        if key in DELIVERED:
            used.add(key)
            load, day = DELIVERED[key]
            span = {"phase": 0, "phase_mw": load, "ready_from": day, "ready_to": day, "is_delivered": True}
            report = capacity.filter((pl.col("ticker") == key[0]) & (pl.col("as_of") == day))
            told = report.row(0, named=True) if report.height else contract
            rows.append({**name, **span, "source": told["source"], "known_at": max(told["known_at"], day)})
    checks.that("every delivery has its contract", used == PLANS.keys() | DELIVERED.keys())
    schema = {"phase_mw": pl.Float64}
    return pl.DataFrame(rows, infer_schema_length=None, schema_overrides=schema)


def describe(sources: Sources) -> None:
    """Say where the derived tables come from."""
    sources.add(
        SOURCE,
        "Moments and log returns worked out from daily closes; no close can be read back from a moment",
        "hashdesk, from screener snapshots, adjusted closes and Coin Metrics prices",
        "",
        "facts",
        f"AI basket: {', '.join(AI_BASKET)}, equally weighted.",
    )


def derived_tables(
    folder: RawFolder, tables: Mapping[str, pl.DataFrame], sources: Sources, checks: Checks
) -> dict[str, pl.DataFrame]:
    """The derived tables of the pack.

    Parameters
    ----------
    folder : RawFolder
        The raw folder.
    tables : mapping of str to DataFrame
        Tables of facts: trading_days, btc_price_daily, events, hpc_contracts, power_capacity.
    sources : Sources
        Told where the derived tables come from.
    checks : Checks
        Told what was checked.
    """
    describe(sources)
    lined_up = line_up(folder, tables, checks)
    fits, moments = fits_and_moments(lined_up)
    scores = event_study.placebo_scores(lined_up, fits)
    months = [period.start for period in months_between(FIRST_MONTH, LAST_MONTH)]
    quantiles = pl.concat([event_study.placebo_quantiles(scores, month) for month in months])
    basket = ai_basket_daily(closes_for_returns(folder, checks), tables["trading_days"]["date"])
    source = pl.lit(SOURCE).alias("source")
    before = pl.col("month").dt.offset_by("-1d")
    return {
        "ai_basket_daily": basket.filter(pl.col("date").is_between(D(2023, 12, 1), D(2026, 1, 31))).with_columns(
            source, known_at="date"
        ),
        "return_moments": moments.with_columns(source, known_at="window_to"),
        "session_returns": news_sessions(lined_up, tables["events"]).with_columns(source, known_at="date"),
        "placebo_quantiles": quantiles.with_columns(source, known_at=before),
        "hpc_deliveries": deliveries(tables["hpc_contracts"], tables["power_capacity"], checks),
    }


def rate_on_ordinary_dates(folder: RawFolder, tables: Mapping[str, pl.DataFrame], checks: Checks) -> pl.DataFrame:
    """How often a 5% test fires on a date picked without looking at the news, by year."""
    lined_up = line_up(folder, tables, checks)
    fits, _ = fits_and_moments(lined_up)
    scores = event_study.placebo_scores(lined_up, fits)
    parts = []
    for period in months_between(FIRST_MONTH, LAST_MONTH):
        part = scores.filter(pl.col("month") == period.start)
        chance = event_study.p_value(part["score"], event_study.placebo_quantiles(scores, period.start))
        normal = part["score"].abs() > 1.959964
        parts.append(part.with_columns(p=pl.Series(chance), is_normal=normal))
    return (
        pl.concat(parts)
        .group_by(pl.col("month").dt.year().alias("year"))
        .agg(
            n=pl.len(),
            fires_frac=(pl.col("p") < event_study.LEVEL).mean(),
            fires_normal_law_frac=pl.col("is_normal").mean(),
        )
        .sort("year")
    )


def main() -> None:
    """Build the derived tables, print their sizes and the rate of the test."""
    from hashdesk.archive.tables import pack_tables

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA_DIR", help="folder of the raw tables")
    arguments = parser.parse_args()
    checks, folder = Checks(), RawFolder(arguments.data)
    tables, sources = pack_tables(folder, checks)
    for name, frame in derived_tables(folder, tables, sources, checks).items():
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd", compression_level=19, statistics=False)
        print(f"{name:20} {frame.height:>6,} rows {len(buffer.getvalue()):>8,} bytes")
    print(rate_on_ordinary_dates(folder, tables, checks))


if __name__ == "__main__":
    main()
