"""Rows that failed a check: how they are kept, and when they are settled."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from hashdesk.store.conform import row_json
from hashdesk.store.resolve import identity

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.catalog.schema import TableSpec

CLEARED = "cleared"
"""Severity of a row whose fact came right later: it no longer counts, and stays in the table's history."""


def set_aside(
    spec: TableSpec, frame: pl.DataFrame, failures: pl.DataFrame, retrieved_at: dt.datetime, origin: str
) -> pl.DataFrame:
    """Failed rows in the columns of the quarantine.

    Parameters
    ----------
    spec : TableSpec
        Table that the rows were meant for.
    frame : DataFrame
        The rows as they came.
    failures : DataFrame
        row, check_id, severity, message.
    retrieved_at : datetime
        When the rows were fetched.
    origin : str
        Source or file; the rows' source where it is empty.
    """
    import polars as pl

    rows = frame[failures["row"].to_list()]
    dated = bool(spec.fact_date) and spec.fact_date in frame.columns
    sources = rows["source"].cast(pl.String) if "source" in rows.columns else pl.Series([None] * rows.height)
    return failures.select("check_id", "severity", "message").with_columns(
        pl.lit(spec.name).alias("table"),
        pl.Series("row_json", row_json(rows)),
        pl.lit(origin).alias("origin") if origin else sources.cast(pl.String).fill_null("").alias("origin"),
        rows[spec.fact_date].cast(pl.Date, strict=False).alias("fact_date")
        if dated and spec.fact_date and rows[spec.fact_date].dtype.is_temporal()
        else pl.lit(None, dtype=pl.Date).alias("fact_date"),
        pl.lit(retrieved_at).alias("retrieved_at"),
    )


def settled(waiting: pl.DataFrame, good: pl.DataFrame, spec: TableSpec) -> pl.DataFrame:
    """Quarantined rows whose fact has come right: the same source now gives a row for the same key that passes.

    Parameters
    ----------
    waiting : DataFrame
        The table's rows in the quarantine, in the catalog's columns.
    good : DataFrame
        Rows that passed.
    spec : TableSpec
        The table.

    Returns
    -------
    DataFrame
        Those rows, marked as cleared.
    """
    import polars as pl

    names = identity(spec)
    wanted: dict[tuple[str, ...], list[tuple[int, dict[str, object]]]] = {}
    for place, text in enumerate(waiting["row_json"]):
        try:
            row = json.loads(text)
        except ValueError:
            continue  # A file that could not be read has no key.
        if isinstance(row, dict) and all(row.get(name) is not None for name in names):
            wanted.setdefault(tuple(str(row[name]) for name in names), []).append((place, row))
    if not wanted:
        return waiting.clear()
    keys = pl.DataFrame(list(wanted), schema={f"_{name}": pl.String for name in names}, orient="row")
    came = good.with_columns(pl.col(name).cast(pl.String).alias(f"_{name}") for name in names)
    came = came.join(keys, on=keys.columns, how="semi")
    places = []
    for key, text in zip(came.select(keys.columns).iter_rows(), row_json(came.select(good.columns)), strict=True):
        row = json.loads(text)
        # The same row again, taken with a warning or by a store that does not check, settles nothing.
        places += [place for place, old in wanted[key] if any(row.get(name) != old[name] for name in old)]
    return waiting[sorted(set(places))].with_columns(severity=pl.lit(CLEARED))
