"""A store in memory for the tests of imports."""

import datetime as dt
from dataclasses import dataclass

import polars as pl
import pytest

from hashdesk.catalog.live_tables import store_spec


@dataclass
class Appended:
    n_new: int
    n_restated: int
    n_unchanged: int
    n_quarantined: int = 0


class MemoryStore:
    """Tables in memory; a fact is new, restated or there already, as in the store."""

    def __init__(self) -> None:
        self.tables: dict[str, pl.DataFrame] = {}

    def append(
        self, table: str, frame: pl.DataFrame, *, retrieved_at: dt.datetime, batch: str | None = None
    ) -> Appended:
        assert retrieved_at.tzinfo is not None
        held = self.tables.get(table)
        if held is None:
            self.tables[table] = frame
            return Appended(frame.height, 0, 0)
        new = frame.join(held, on=frame.columns, how="anti", nulls_equal=True)
        name = list(dict.fromkeys([*store_spec(table).key, *(["source"] if "source" in frame.columns else [])]))
        n_restated = new.join(held, on=name, how="semi", nulls_equal=True).height
        self.tables[table] = pl.concat([held, new])
        return Appended(new.height - n_restated, n_restated, frame.height - new.height)


@pytest.fixture(scope="session")
def new_store() -> type[MemoryStore]:
    """Makes an empty store."""
    return MemoryStore


@pytest.fixture(scope="session")
def import_time() -> dt.datetime:
    """When the folder counts as read."""
    return dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
