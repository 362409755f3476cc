"""How facts changed: rows of a month by vintage, and what two readings of a table tell differently."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from hashdesk.calendar import next_month

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.catalog.schema import TableSpec

CHANGE_COLUMNS = ("table", "key", "column", "then", "now", "known_at", "source")


def in_month(frame: pl.DataFrame, spec: TableSpec, month: dt.date) -> pl.DataFrame:
    """Rows about a month: dated in it, or where the table tells periods, touching it; all where rows have no day."""
    import polars as pl

    end = next_month(month)
    if {"period_start", "period_end"} <= set(spec.column_names):
        # A row without a calendar span is about no month.
        return frame.filter((pl.col("period_start") < end) & (pl.col("period_end") > month))
    if spec.fact_date is None:
        return frame
    day = pl.col(spec.fact_date).cast(pl.Date)
    return frame.filter((day >= month) & (day < end))


def differences(then: pl.DataFrame, now: pl.DataFrame, spec: TableSpec) -> pl.DataFrame:
    """Cells that two readings of a table tell differently.

    Parameters
    ----------
    then, now : DataFrame
        The table as it was known and as it is known; columns as in the catalog.
    spec : TableSpec
        The table.

    Returns
    -------
    DataFrame
        table, key, column, then, now, known_at, source; a row that came or went has the column ``row`` and its
        values as text.
    """
    import polars as pl

    key = list(spec.key)
    plain = [c for c in spec.column_names if c not in (*key, "known_at", "source")]
    tail = [c for c in ("known_at", "source") if c in spec.column_names]
    both = then.with_columns(_then=True).join(
        now.with_columns(_now=True), on=key, how="full", coalesce=True, nulls_equal=True, suffix="_2"
    )
    label = pl.concat_str([pl.col(name).cast(pl.String).fill_null("-") for name in key], separator=" ").alias("key")
    parts = []
    came = pl.col("_then").is_null()
    went = pl.col("_now").is_null()

    def told(names: list[str], suffix: str) -> pl.Expr:
        cells = [
            pl.when(pl.col(name + suffix).is_not_null()).then(
                pl.format(name + " {}", pl.col(name + suffix).cast(pl.String))
            )
            for name in names
        ]
        return pl.concat_str(cells, separator=", ", ignore_nulls=True) if cells else pl.lit("there")

    def origin(name: str) -> pl.Expr:
        if name not in tail:
            return pl.lit(None, dtype=pl.Date if name == "known_at" else pl.String).alias(name)
        other = name if name in key else f"{name}_2"
        return pl.coalesce(other, name).alias(name)

    def rows(keep: pl.Expr, column: str, before: pl.Expr, after: pl.Expr) -> pl.DataFrame:
        return both.filter(keep).select(
            pl.lit(spec.name).alias("table"),
            label,
            pl.lit(column).alias("column"),
            before.cast(pl.String).alias("then"),
            after.cast(pl.String).alias("now"),
            origin("known_at"),
            origin("source"),
        )

    nothing = pl.lit(None, dtype=pl.String)
    parts.append(rows(came, "row", nothing, told(plain, "_2")))
    parts.append(rows(went, "row", told(plain, ""), nothing))
    for name in plain:
        changed = ~came.fill_null(True) & ~went.fill_null(True) & pl.col(name).ne_missing(pl.col(f"{name}_2"))
        parts.append(rows(changed, name, pl.col(name), pl.col(f"{name}_2")))
    return pl.concat(parts)
