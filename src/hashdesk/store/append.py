"""What of a batch is new, and what it came to."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hashdesk.store.resolve import identity, is_known, vintage_order

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.catalog.schema import StoreRule, TableSpec


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of the rows of one batch; the four counts add up to the rows that came."""

    n_new: int = 0
    """Facts that the store did not have."""
    n_restated: int = 0
    """Facts that the store had otherwise: a new vintage."""
    n_unchanged: int = 0
    """Facts that the store already tells, repeats within the batch included: nothing is written."""
    n_quarantined: int = 0
    """Rows that failed a check and went to the quarantine."""
    failed_checks: tuple[str, ...] = ()
    """Ids of the checks that failed, warnings included."""
    version: int | None = None
    """Version of the Delta table that holds the rows; None where nothing was written."""

    def __add__(self, other: AppendResult) -> AppendResult:
        return AppendResult(
            self.n_new + other.n_new,
            self.n_restated + other.n_restated,
            self.n_unchanged + other.n_unchanged,
            self.n_quarantined + other.n_quarantined,
            tuple(dict.fromkeys((*self.failed_checks, *other.failed_checks))),
            other.version if other.version is not None else self.version,
        )


def select_new(
    stored: pl.DataFrame, incoming: pl.DataFrame, spec: TableSpec, rule: StoreRule
) -> tuple[pl.DataFrame, int]:
    """Rows that change what the store tells, and how many of them restate a fact that it has.

    The vintages of a fact are the steps of a function of time. A row is new unless the step before it, among those
    stored and those that come with it, has the same values: comparing with the newest vintage alone would write an
    old vintage again each time that it is imported. Nor is it new where the step after it tells the same and was known
    on the same day. Null equals null, and numbers are compared exactly.

    Parameters
    ----------
    stored : DataFrame
        Rows of the same facts, with the columns that the store adds.
    incoming : DataFrame
        Rows in the catalog's types, with the columns that the store adds; no two tell different things of one fact
        at one time.
    spec : TableSpec
        The table.
    rule : StoreRule
        How it is read.

    Returns
    -------
    DataFrame, int
        The rows to write, as they came, and the number of those whose fact the store had.
    """
    import polars as pl

    by = identity(spec)
    order = vintage_order(spec, rule)
    values = [name for name in spec.column_names if name not in by and name != "known_at"]
    both = pl.concat(
        [stored.with_columns(_is_incoming=False), incoming.with_columns(_is_incoming=True)], how="vertical"
    ).sort(*by, *order, "_is_incoming", maintain_order=True)

    def same(names: list[str], step: int) -> pl.Expr:
        return pl.all_horizontal([pl.lit(True), *(pl.col(name).eq_missing(pl.col(name).shift(step)) for name in names)])

    at = pl.int_range(pl.len())
    repeats = same([*by, *values], 1) & (at > 0)
    # Another writer stored the same a moment later by its clock, and committed first.
    told = [*by, *values, *(["known_at"] if is_known(spec) else [])]
    is_told = same(told, -1) & (at < pl.len() - 1) & ~pl.col("_is_incoming").shift(-1, fill_value=True)
    is_step = ~(repeats | is_told)
    fresh = both.filter(is_step & pl.col("_is_incoming")).drop("_is_incoming").sort("_row")
    known = fresh.join(stored.select(by), on=by, how="semi", nulls_equal=True).height
    return fresh, known


def stamped(frame: pl.DataFrame, retrieved_at: dt.datetime, batch: str | None, seq: int) -> pl.DataFrame:
    """Rows with the columns that the store adds."""
    import polars as pl

    return frame.with_columns(
        pl.lit(retrieved_at).cast(pl.Datetime("us", "UTC")).alias("_retrieved_at"),
        pl.lit(batch, dtype=pl.String).alias("_batch"),
        pl.lit(seq, dtype=pl.Int64).alias("_seq"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("_row"),
    )


def key_range(frame: pl.DataFrame, column: str) -> str | None:
    """SQL condition that keeps the rows whose key could be in the frame; None where none helps."""
    series = frame[column]
    low, high = series.min(), series.max()
    if series.null_count() or low is None or isinstance(low, bool | dt.datetime | bytes):
        return None

    def literal(value: object) -> str:
        if isinstance(value, dt.date):
            return f"DATE '{value}'"
        return "'{}'".format(value.replace("'", "''")) if isinstance(value, str) else str(value)

    return f'"{column}" >= {literal(low)} AND "{column}" <= {literal(high)}'
