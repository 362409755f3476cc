"""Our figures beside published ones: difference, rounding, interval, and which live definition stands closest."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from hashdesk.calendar import next_month
from hashdesk.catalog.figures import FIGURES


@dataclass(frozen=True, slots=True)
class PublishedMetric:
    """How a published metric reads in our terms: ``ours x scale`` is in the published unit."""

    figure_id: str
    aspect: str
    """value, change, change_frac, return or text."""
    scale: float = 1.0


PUBLISHED_METRICS: dict[str, PublishedMetric] = {
    "hashrate_avg_ehs": PublishedMetric("network_hashrate_ehs", "value"),
    "hashrate_change_ehs": PublishedMetric("network_hashrate_ehs", "change"),
    "hashrate_change_pct": PublishedMetric("network_hashrate_ehs", "change_frac", 100),
    "difficulty_change_pct": PublishedMetric("difficulty", "change_frac", 100),
    "revenue_per_ehs_day_usd": PublishedMetric("block_reward_revenue_usd_per_ehs_day", "value"),
    "revenue_per_ehs_change_pct": PublishedMetric("block_reward_revenue_usd_per_ehs_day", "change_frac", 100),
    "gross_profit_per_ehs_day_usd": PublishedMetric("block_reward_gross_profit_usd_per_ehs_day", "value"),
    "gross_profit_change_pct": PublishedMetric("block_reward_gross_profit_usd_per_ehs_day", "change_frac", 100),
    "gross_margin_pct": PublishedMetric("gross_margin_frac", "value", 100),
    "market_cap_usd_bn": PublishedMetric("market_cap_usd", "value", 1e-9),
    "market_cap_change_pct": PublishedMetric("market_cap_usd", "change_frac", 100),
    "n_companies": PublishedMetric("n_companies", "value"),
    "n_outperform_btc": PublishedMetric("n_outperforming_btc", "value"),
    "btc_return_pct": PublishedMetric("btc_return_frac", "value", 100),
    "top_ticker": PublishedMetric("top_performer", "text"),
    "top_return_pct": PublishedMetric("top_performer", "return", 100),
    "bottom_ticker": PublishedMetric("bottom_performer", "text"),
    "bottom_return_pct": PublishedMetric("bottom_performer", "return", 100),
    "listed_miners_network_share_pct": PublishedMetric("listed_network_share_frac", "value", 100),
    "four_year_block_reward_opportunity_usd_bn": PublishedMetric("block_reward_opportunity_4y_usd", "value", 1e-9),
}
"""Published metric names that have a counterpart here; the others stay in the table for reading."""


TIE = 1e-9
"""Relative gap below which two definitions are the same number."""


def rounding_half_width(value: float, unit: str) -> float:
    """Half a unit in the last digit that a published number shows.

    Dollar amounts per EH/s a day are printed to the hundred; other numbers to the last digit written.

    Examples
    --------
    >>> rounding_half_width(49700.0, "USD/EH/s/day"), rounding_half_width(21.9, "USD bn"), rounding_half_width(9.0, "%")
    (50.0, 0.05, 0.5)
    """
    if unit == "USD/EH/s/day":
        return 500.0 if value % 1000 == 0 else 50.0
    digits = f"{value:.10g}"
    decimals = len(digits.partition(".")[2])
    return float(0.5 * 10.0**-decimals)


def closest_definition(published: float, candidates: Mapping[str, float | None], scale: float) -> str:
    """The definition whose value stands closest to the published one; empty where none has a value.

    Definitions that agree to nine digits tie, and the one named first wins.
    """
    known = {name: abs(value * scale - published) for name, value in candidates.items() if value is not None}
    if not known:
        return ""
    least = min(known.values())
    return next(name for name, gap in known.items() if gap <= least + TIE * abs(published))


def compare(ours: Any, published: float, half_width: float, low: float | None, high: float | None) -> dict[str, Any]:
    """Difference of a number from a published one, and whether rounding and our interval cover it.

    Parameters
    ----------
    ours : float or None
        Our value in the published unit.
    published : float
        The published value.
    half_width : float
        Rounding of the published value.
    low, high : float or None
        Our interval in the published unit.

    Returns
    -------
    dict
        difference, difference_frac, is_within_rounding_and_interval; None where ours is missing.
    """
    if ours is None or not math.isfinite(ours):
        return {"difference": None, "difference_frac": None, "is_within_rounding_and_interval": None}
    lower = min(ours if low is None else low, ours) - half_width
    upper = max(ours if high is None else high, ours) + half_width
    return {
        "difference": ours - published,
        "difference_frac": ours / published - 1 if published else None,
        "is_within_rounding_and_interval": lower <= published <= upper,
    }


FIT_SCHEMA = {
    "publisher": pl.String,
    "figure_id": pl.String,
    "definition_id": pl.String,
    "n_months": pl.Int64,
    "median_abs_error_frac": pl.Float64,
    "max_abs_error_frac": pl.Float64,
    "mean_error_frac": pl.Float64,
    "is_closest": pl.Boolean,
}


def definition_fit(monthly: pl.DataFrame, published: pl.DataFrame) -> pl.DataFrame:
    """How close each live definition of a figure stands to each publisher's series, over its whole months.

    Parameters
    ----------
    monthly : DataFrame
        The sector's monthly table: a column per figure and per other definition of it.
    published : DataFrame
        Table ``published``: period_start, period_end, metric, value, publisher.

    Returns
    -------
    DataFrame
        Schema ``FIT_SCHEMA``, closest first by median absolute error. A publisher that prints a month twice counts
        once for each print. ``headline`` is the figure's own definition.
    """
    by_month = {row["period_start"]: row for row in monthly.iter_rows(named=True)}
    errors: dict[tuple[str, str, str], list[float]] = {}
    for row in published.iter_rows(named=True):
        metric = PUBLISHED_METRICS.get(row["metric"])
        ours = by_month.get(row["period_start"])
        is_month = row["period_start"].day == 1 and row["period_end"] == next_month(row["period_start"])
        if metric is None or metric.aspect != "value" or ours is None or not is_month or not row["value"]:
            continue
        spec = FIGURES[metric.figure_id]
        columns = {"headline": spec.id} | {column: column for column, _, _ in spec.variants}
        for definition, column in columns.items():
            value = ours.get(column)
            if len(columns) > 1 and isinstance(value, int | float) and math.isfinite(value):
                key = (row["publisher"], spec.id, definition)
                errors.setdefault(key, []).append(value * metric.scale / row["value"] - 1)
    rows = [
        {
            "publisher": publisher,
            "figure_id": figure_id,
            "definition_id": definition,
            "n_months": len(found),
            "median_abs_error_frac": statistics.median(abs(error) for error in found),
            "max_abs_error_frac": max(abs(error) for error in found),
            "mean_error_frac": statistics.fmean(found),
        }
        for (publisher, figure_id, definition), found in errors.items()
    ]
    fit = pl.DataFrame(rows, schema={name: kind for name, kind in FIT_SCHEMA.items() if name != "is_closest"})
    group = ["publisher", "figure_id"]
    # Sorting keeps the order of the definitions among ties, the headline first.
    ranked = fit.with_columns(pl.col("median_abs_error_frac").round(9)).sort(
        *group, "median_abs_error_frac", maintain_order=True
    )
    return ranked.with_columns(is_closest=pl.int_range(pl.len()).over(group) == 0)
