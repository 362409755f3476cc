"""A store in memory with what a source relies on: what is committed stays, and the later row wins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import polars as pl

from hashdesk.catalog.live_tables import store_spec
from hashdesk.sources.base import Batch


class MemoryStore:
    """Tables by name; every vintage is kept, reads give the latest of each key."""

    def __init__(self) -> None:
        self.tables: dict[str, pl.DataFrame] = {}

    def read(self, table: str, as_of: dt.date | None = None, *, where: str | None = None) -> pl.DataFrame:
        frame = self._read(table)
        return frame if where is None else frame.filter(pl.sql_expr(where))

    def _read(self, table: str) -> pl.DataFrame:
        if table not in self.tables:
            columns = dict.fromkeys(store_spec(table).column_names, pl.Null)
            extra = (
                {"hash": pl.String, "prev_hash": pl.String, "chain": pl.String, "source": pl.String}
                if table == "blocks"
                else {}
            )
            return pl.DataFrame(schema=columns | extra | ({"height": pl.Int64} if table == "blocks" else {}))
        return self.tables[table].unique(list(store_spec(table).key), keep="last", maintain_order=True)

    def commit(self, batch: Batch) -> None:
        kept = [self.tables[batch.table]] if batch.table in self.tables else []
        self.tables[batch.table] = pl.concat([*kept, batch.frame], how="diagonal")

    def commit_all(self, batches: Iterable[Batch]) -> list[Batch]:
        done = []
        for batch in batches:
            self.commit(batch)
            done.append(batch)
        return done
