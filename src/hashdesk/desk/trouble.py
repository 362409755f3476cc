"""What a store knows of trouble with its facts, as a note must say it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from hashdesk.catalog.tables import TABLES
from hashdesk.checks.caveats import note_caveats
from hashdesk.store.delta import DeltaStore

if TYPE_CHECKING:
    from hashdesk.calendar import Period
    from hashdesk.store.facts import Facts

JUDGED = (*TABLES, "blocks")
"""Tables whose rows a note rests on; the others are raw material that was judged before."""

FRESH = dt.timedelta(days=62)
"""What a run had to say bears on periods that ended up to this long before it."""


def store_caveats(store: Facts, period: Period, known_by: dt.date | None) -> list[str]:
    """Sentences for a note on rows that failed a check and on what sources said; none of a pack.

    Parameters
    ----------
    store : Facts
        Where the facts come from.
    period : Period
        Period of the note.
    known_by : date or None
        Day that the note is cut at: what came later is left out.
    """
    if not isinstance(store, DeltaStore):
        return []
    failed = store.quarantine().filter(pl.col("table").is_in(JUDGED))
    runs = last_runs(store)
    if known_by is not None:
        failed = failed.filter(pl.col("retrieved_at").dt.date() <= known_by)
        runs = runs.filter(pl.col("started_at").dt.date() <= known_by)
    told = note_caveats(failed, period.start)
    day = pl.col("started_at").dt.date()
    for run in runs.filter((day >= period.start) & (day < period.end + FRESH)).iter_rows(named=True):
        name = f"{run['source']}, asked on {run['started_at']:%Y-%m-%d}"
        if run["outcome"] == "failed":
            told.append(f"{name}: gave no whole answer ({run['error']})")
        told += [f"{name}: {line}" for line in (run["caveats"] or "").splitlines()]
    return told


def last_runs(store: DeltaStore) -> pl.DataFrame:
    """The last run of each source, in the columns of ``sync_runs``."""
    runs = store.read("sync_runs").sort("started_at", "source")
    return runs.unique("source", keep="last", maintain_order=True).sort("source")
