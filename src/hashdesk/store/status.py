"""The state of a store at a glance: rows, coverage, freshness, gaps, rows that failed a check."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hashdesk.catalog.live_tables import STORE_TABLES, store_rule, store_spec

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.store.delta import DeltaStore

SHOWN_GAPS = 3
"""So many gaps are named; the rest is counted."""


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One table of the store."""

    table: str
    rows: int
    """Facts: keys with at least one row."""
    vintages: int
    """Rows, superseded ones included."""
    first: dt.date | None
    last: dt.date | None
    """Newest fact."""
    age_days: int | None
    """Days since the newest fact."""
    cadence_days: int | None
    """Age from which the table counts as late; null where nothing is promised."""
    is_late: bool | None
    gaps: int | None
    """Days, months or numbers that are missing between the first and the last; null where none are promised."""
    gap_examples: str
    quarantined: int
    warnings: int
    failed_checks: str
    version: int | None
    files: int


def table_status(store: DeltaStore, name: str, today: dt.date, failed: pl.DataFrame | None = None) -> TableStatus:
    """The state of one table.

    Parameters
    ----------
    store : DeltaStore
        The store.
    name : str
        Table.
    today : date
        What ages are counted from.
    failed : DataFrame, optional
        Rows that failed a check, of all tables; read when left out.
    """
    import polars as pl

    spec, rule = store_spec(name), store_rule(name)
    failed = store.quarantine() if failed is None else failed
    failed = failed.filter(pl.col("table") == name)
    delta = store.newest(name)
    columns = list(dict.fromkeys([*spec.key, *([spec.fact_date] if spec.fact_date else [])]))
    frame = store.tables.scan(delta, spec, columns)
    days = frame[spec.fact_date].cast(pl.Date) if spec.fact_date else pl.Series([], dtype=pl.Date)
    first, last = days.min(), days.max()
    first, last = (first if isinstance(first, dt.date) else None), (last if isinstance(last, dt.date) else None)
    # Plans lie ahead: they have no age.
    age = (today - last).days if last and last <= today else None
    n_gaps, examples = _gaps(frame, spec.key[0] if rule.calendar == "number" else spec.fact_date, rule.calendar)
    is_out = failed["severity"] == "quarantine"
    return TableStatus(
        table=name,
        rows=frame.select(spec.key).n_unique() if frame.height else 0,
        vintages=frame.height,
        first=first,
        last=last,
        age_days=age,
        cadence_days=rule.cadence_days,
        is_late=None if age is None or rule.cadence_days is None else age > rule.cadence_days,
        gaps=n_gaps,
        gap_examples=examples,
        quarantined=int(is_out.sum()),
        warnings=failed.height - int(is_out.sum()),
        failed_checks=", ".join(failed["check_id"].unique().sort()),
        version=None if delta is None else delta.version(),
        files=0 if delta is None else len(delta.file_uris()),
    )


def store_status(store: DeltaStore, today: dt.date) -> list[TableStatus]:
    """The state of every table, in the order of the catalog; a table that is missing has no version."""
    failed = store.quarantine()
    return [table_status(store, name, today, failed) for name in STORE_TABLES]


def _gaps(frame: pl.DataFrame, column: str | None, calendar: str | None) -> tuple[int | None, str]:
    """What is missing between the first and the last value of a column that should run without gaps."""
    import polars as pl

    if calendar is None or column is None or frame.height == 0:
        return None, ""
    values = frame[column].cast(pl.Int64 if calendar == "number" else pl.Date).unique().drop_nulls()
    if calendar == "number":
        # A gap can be as long as the chain, so it is told by its ends.
        steps = pl.DataFrame({"low": values.sort()}).with_columns(high=pl.col("low").shift(-1))
        steps = steps.filter(pl.col("high") > pl.col("low") + 1)
        count = int((steps["high"] - steps["low"] - 1).sum())
        spans = [f"{low + 1} to {high - 1}" for low, high in steps.head(SHOWN_GAPS).iter_rows()]
        return count, "; ".join(spans) + ("; ..." if steps.height > SHOWN_GAPS else "")
    first, last = values.min(), values.max()
    every = pl.date_range(pl.lit(first), pl.lit(last), "1mo" if calendar == "month" else "1d")
    missing = pl.select(every.alias("day")).filter(~pl.col("day").is_in(values.implode()))["day"]
    text = ", ".join(str(day) for day in missing.head(SHOWN_GAPS))
    return len(missing), text + (", ..." if len(missing) > SHOWN_GAPS else "")
