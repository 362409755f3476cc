"""From the monthly table to figures: value, prior, change, interval, significance, streak, record, variants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from hashdesk.calendar import Period
from hashdesk.catalog.figures import FIGURES, FigureSpec
from hashdesk.metrics.changes import Extreme, extreme, streak
from hashdesk.note.format import format_month
from hashdesk.note.model import Figure, Interval, Record, Variant

SIGNIFICANT_Z = 1.959964
"""Two-sided 5% point of the normal distribution."""


def build_figures(
    monthly: pl.DataFrame, period: Period, reasons: Mapping[str, str], sources: Mapping[str, Sequence[str]]
) -> tuple[Figure, ...]:
    """All figures of the catalog for the last row of the monthly table.

    Parameters
    ----------
    monthly : DataFrame
        One row per period, in order; the last is the note's.
    period : Period
        The note's period.
    reasons : mapping of str to str
        Why a figure is missing or what limits it, by figure id.
    sources : mapping of str to sequence of str
        Source ids by table.

    Returns
    -------
    tuple of Figure
        In the order of the catalog.
    """
    return tuple(_figure(spec, monthly, period, reasons, sources) for spec in FIGURES.values())


def _figure(
    spec: FigureSpec,
    monthly: pl.DataFrame,
    period: Period,
    reasons: Mapping[str, str],
    sources: Mapping[str, Sequence[str]],
) -> Figure:
    row = monthly.row(-1, named=True)
    prior_row: dict[str, Any] = monthly.row(-2, named=True) if monthly.height > 1 else {}
    value, prior = clean(row.get(spec.id)), clean(prior_row.get(spec.id))
    caveats = [reasons[spec.id]] if spec.id in reasons else []
    common: dict[str, Any] = {
        "id": spec.id,
        "label": spec.label,
        "unit": spec.unit,
        "period_start": period.start,
        "period_end": period.end,
        "basis": spec.basis,
        "definition": spec.definition,
        "sources": tuple(dict.fromkeys(s for table in spec.tables for s in sources.get(table, ()))),
        "caveats": tuple(caveats),
    }
    if spec.unit == "ticker":
        column = "top_return_frac" if spec.id == "top_performer" else "bottom_return_frac"
        return Figure(value=value, prior=prior, return_frac=clean(row.get(column)), **common)
    is_comparable = not (spec.is_total and period.is_partial)
    if spec.panel and row.get(spec.panel) != prior_row.get(spec.panel):
        is_comparable = False  # another number of companies: the difference would be one of disclosure
    change = value - prior if value is not None and prior is not None and is_comparable else None
    change_frac = relative_change(spec, value, prior) if is_comparable else None
    has_history = spec.has_record and not period.is_partial and spec.unit != "count"
    z = clean(row.get(f"{spec.id}_z"))
    series = [clean(item) for item in monthly[spec.id].to_list()] if spec.id in monthly.columns else []
    return Figure(
        value=value,
        prior=prior,
        change=change,
        change_frac=change_frac,
        interval=_interval(spec, row),
        z=z,
        is_significant=None if z is None else abs(z) > SIGNIFICANT_Z,
        streak=streak(series) if value is not None and has_history else None,
        record=_record(series, monthly) if has_history else None,
        variants=_variants(spec, row),
        **common,
    )


def relative_change(spec: FigureSpec, value: Any, prior: Any) -> float | None:
    """Change over the prior value, for figures that are read that way; None for counts, shares and returns."""
    if value is None or prior is None or spec.change_in != "fraction" or spec.unit in ("count", "ticker"):
        return None
    return float(value / prior - 1) if prior > 0 else None


def clean(value: Any) -> Any:
    """NaN and infinity as None, NumPy scalars as Python ones."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _interval(spec: FigureSpec, row: Mapping[str, Any]) -> Interval | None:
    low, high = clean(row.get(f"{spec.id}_low")), clean(row.get(f"{spec.id}_high"))
    return Interval(low, high) if spec.has_interval and low is not None and high is not None else None


def _variants(spec: FigureSpec, row: Mapping[str, Any]) -> tuple[Variant, ...]:
    return tuple(
        Variant(column, label, clean(row.get(column)), spec.unit, text) for column, label, text in spec.variants
    )


def _record(series: Sequence[Any], monthly: pl.DataFrame) -> Record | None:
    found = extreme(series)
    if found is None:
        return None
    starts = monthly["period_start"].to_list()
    return Record(
        kind=found.kind,
        since=None if found.since_index is None else f"{starts[found.since_index]:%Y-%m}",
        history_start=f"{starts[found.first_index]:%Y-%m}",
        history_months=found.n_values,
        text=_record_text(found, starts),
        previous=found.previous,
    )


def _record_text(found: Extreme, starts: Sequence[Any]) -> str:
    if found.since_index is None:
        return (
            f"{found.kind}est of our history ({found.n_values} months from {format_month(starts[found.first_index])})"
        )
    return f"{found.kind}est since {format_month(starts[found.since_index])}"
