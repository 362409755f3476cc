"""From all rows ever stored to the facts: which vintage holds, and which source is believed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.catalog.schema import StoreRule, TableSpec


def identity(spec: TableSpec) -> list[str]:
    """Columns that name a fact as one source tells it: the key and the source."""
    return [*spec.key, *(["source"] if "source" in spec.column_names and "source" not in spec.key else [])]


def vintage_order(spec: TableSpec, rule: StoreRule) -> list[str]:
    """Columns whose order says which of two vintages of a fact is the later."""
    clocks = ["_retrieved_at", "_seq"]
    return ["known_at", *clocks] if is_known(spec) and rule.latest_by == "known_at" else clocks


def is_known(spec: TableSpec) -> bool:
    """True where rows say when they became public."""
    return "known_at" in spec.column_names


def visible(frame: pl.DataFrame, spec: TableSpec, as_of: dt.date | None) -> pl.DataFrame:
    """Rows known by a day; a column with a companion ``<column>_known_at`` is null before that day."""
    import polars as pl

    if as_of is None or not is_known(spec):
        return frame
    late = [name for name in spec.column_names if f"{name}_known_at" in spec.column_names]
    return frame.filter(pl.col("known_at") <= as_of).with_columns(
        pl.when(pl.col(f"{name}_known_at") <= as_of).then(pl.col(name)) for name in late
    )


def resolve(frame: pl.DataFrame, spec: TableSpec, rule: StoreRule, as_of: dt.date | None = None) -> pl.DataFrame:
    """The facts of a table: one row a key.

    Of several vintages of one source the latest wins, by the day it was known and then by the moment it was
    retrieved; of several sources the one that the catalog prefers.

    Parameters
    ----------
    frame : DataFrame
        Every stored row, with the columns that the store adds.
    spec : TableSpec
        The table.
    rule : StoreRule
        How it is read.
    as_of : date, optional
        Only what was known by this day.

    Returns
    -------
    DataFrame
        Columns as in the catalog, sorted as the rule says.
    """
    import polars as pl

    order = vintage_order(spec, rule)
    facts = visible(frame, spec, as_of).sort(*order, maintain_order=True)
    facts = facts.unique(identity(spec), keep="last", maintain_order=True)
    if "source" in spec.column_names and "source" not in spec.key:
        ranks = {name: -place for place, names in enumerate(rule.prefer) for name in names.split("|")}
        rank = pl.col("source").replace_strict(ranks, default=-len(rule.prefer), return_dtype=pl.Int64)
        facts = facts.sort(rank, maintain_order=True).unique(list(spec.key), keep="last", maintain_order=True)
    by = list(rule.order or spec.key)
    return facts.sort(*by, "_seq", "_row", nulls_last=True).select(spec.column_names)
