"""The store of facts: loading, importing, fetching, and looking into it."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from hashdesk.calendar import Period, parse_day, parse_month
from hashdesk.catalog.figures import FIGURES
from hashdesk.catalog.live_tables import STORE_TABLES, store_spec
from hashdesk.catalog.tables import TABLES as PACK_TABLES
from hashdesk.desk.core import TABLES
from hashdesk.desk.syncing import SyncDesk
from hashdesk.desk.trouble import last_runs
from hashdesk.errors import DataError, InputError
from hashdesk.note.figures import clean
from hashdesk.progress import Progress, Silent
from hashdesk.store.append import AppendResult
from hashdesk.store.facts import live_address
from hashdesk.store.vintages import CHANGE_COLUMNS, differences, in_month

if TYPE_CHECKING:
    from hashdesk.archive.report import ImportReport

MAX_DATES = 60
"""A figure is computed again at so many dates at most, the latest ones."""

REACH = dt.timedelta(days=400)
"""Facts up to this long before a period's end count among those that may have changed its figures."""


@dataclass(frozen=True, slots=True)
class Restatements:
    """What is told otherwise than it was told on a day."""

    month: str
    as_of: dt.date
    figures: pl.DataFrame
    """figure, label, unit, then, now, change; values as text, tickers among them."""
    facts: pl.DataFrame
    """table, key, column, then, now, known_at, source of the facts behind those figures that changed or came."""


class FactsDesk(SyncDesk):
    """The store of facts: loading, importing, fetching, and looking into it."""

    def init(self, progress: Progress | None = None) -> pl.DataFrame:
        """Make the store where there is none, and load the reference pack into it; a second time writes nothing.

        Returns
        -------
        DataFrame
            table, new, restated, unchanged, quarantined.

        Raises
        ------
        InputError
            No store is set, or its address holds something else.
        SourceError
            It cannot be written.
        """
        from hashdesk.store.delta import DeltaStore
        from hashdesk.store.pack import ReferencePack

        store = DeltaStore.create(live_address(self.settings.store, "init"))
        pack, now, sink = ReferencePack(), dt.datetime.now(dt.UTC), progress or Silent()
        rows = []
        for done, name in enumerate(PACK_TABLES):
            sink.step(f"load {name}", done, len(PACK_TABLES))
            result = store.append(name, pack.read(name), retrieved_at=now, batch="reference pack", origin="pack")
            rows.append(_counts(name, result))
        return pl.DataFrame(rows)

    def import_folder(self, path: str | Path, progress: Progress | None = None) -> ImportReport:
        """Take a folder in the archive layout into the store, which is made where there is none.

        Returns
        -------
        ImportReport
            One line a file, a table and a problem.

        Raises
        ------
        InputError
            No store is set, no such folder, or nothing in it that has a place in the layout.
        SourceError
            The store cannot be written.
        """
        from hashdesk.archive.importing import check_folder, import_folder
        from hashdesk.store.delta import DeltaStore

        address = live_address(self.settings.store, "import")
        check_folder(path)
        store = DeltaStore.create(address)
        return import_folder(path, store, progress, retrieved_at=dt.datetime.now(dt.UTC))

    def last_runs(self) -> pl.DataFrame:
        """The last run of each source: when, how it ended, what it brought, what a reader must know.

        Returns
        -------
        DataFrame
            Columns of ``sync_runs``.

        Raises
        ------
        InputError
            No store is set, or there is none.
        """
        return last_runs(self.live_store("status"))

    def status(self) -> pl.DataFrame:
        """Each table of the store: rows, coverage, newest fact, freshness, gaps, rows that failed a check.

        Returns
        -------
        DataFrame
            Columns as :class:`~hashdesk.store.status.TableStatus`.

        Raises
        ------
        InputError
            No store is set, or there is none.
        """
        from hashdesk.store.status import store_status

        states = store_status(self.live_store("status"), dt.datetime.now(dt.UTC).date())
        return pl.DataFrame([asdict(state) for state in states], infer_schema_length=None)

    def sql(self, text: str) -> pl.DataFrame:
        """Answer one SELECT over the tables of the store; ``<table>_vintages`` has every row ever stored.

        Raises
        ------
        InputError
            No store is set, or a statement that is not a question.
        """
        from hashdesk.store.sql import query

        return query(self.live_store("sql"), text)

    def export(self, table: str, to: str | Path, *, as_of: str | None = None, vintages: bool = False) -> int:
        """Write a table as one ``.parquet``, ``.csv`` or ``.xlsx`` file, whole or not at all.

        Parameters
        ----------
        table : str
            Name of the table.
        to : str or Path
            File; replaced where it exists.
        as_of : str, optional
            Only what was known by this day.
        vintages : bool, default False
            Every row ever stored, with the columns that the store adds.

        Returns
        -------
        int
            Rows written.

        Raises
        ------
        InputError
            No store is set, no such table, an unknown ending, or a place that cannot be written.
        """
        from hashdesk.store.export import check_target, write_table

        day = parse_day(as_of, what="as-of") if as_of else None
        if day is not None and vintages:
            raise InputError("export: take either --as-of or --vintages.")
        check_target(Path(to))
        store_spec(table)
        store = self.live_store("export")
        frame = store.vintages(table) if vintages else store.read(table, day)
        write_table(frame, Path(to))
        return frame.height

    def vintages(self, name: str, month: str, progress: Progress | None = None) -> pl.DataFrame:
        """How a table's rows of a month, or a figure of a month, changed over time.

        Parameters
        ----------
        name : str
            Table or figure.
        month : str
            ``YYYY-MM``.
        progress : Progress, optional
            Told before each date at which a figure is computed.

        Returns
        -------
        DataFrame
            Of a table: its rows about the month, superseded ones included, with ``_retrieved_at`` and ``_batch``. Of a
            figure: known_at, value, low, high, unit, changed_tables; one row a value.

        Raises
        ------
        InputError
            No such table or figure, a month that does not exist, or a table without a store.
        """
        start = parse_month(month)
        if name in FIGURES:
            return self._figure_vintages(name, month, progress or Silent())
        if name not in STORE_TABLES:
            near = get_close_matches(name, [*STORE_TABLES, *FIGURES], n=1)
            hint = f"Did you mean {near[0]}?" if near else "See: hashdesk figures, hashdesk status."
            raise InputError(f"vintages: no table or figure is called {name!r}.", hint=hint, value=name)
        store = self.live_store("vintages")
        return in_month(store.vintages(name), store_spec(name), start).drop("_seq", "_row")

    def restatements(self, month: str, as_of: str) -> Restatements:
        """What was told of a month on a day, against what is told now: figures, and the facts that changed or came.

        Parameters
        ----------
        month : str
            ``YYYY-MM``.
        as_of : str
            Day of the first reading, ``YYYY-MM-DD``.

        Returns
        -------
        Restatements

        Raises
        ------
        InputError
            A month or day that does not exist, or a day before the month's end.
        DataError
            The store does not cover the month.
        """
        period = self._period(month, None)
        day = self._as_of(as_of, period)
        assert day is not None
        then, now = self._last_row(period, day), self._last_row(period, None)
        rows: list[dict[str, Any]] = []
        behind: set[str] = set()
        for spec in FIGURES.values():
            before, after = clean(then.get(spec.id)), clean(now.get(spec.id))
            if before == after:
                continue
            behind.update(spec.tables)
            is_number = all(isinstance(v, int | float) for v in (before, after))
            rows.append(
                {
                    "figure": spec.id,
                    "label": spec.label,
                    "unit": spec.unit,
                    "then": None if before is None else str(before),
                    "now": None if after is None else str(after),
                    "change": float(after - before) if is_number else None,
                }
            )
        text = pl.String
        schema = {"figure": text, "label": text, "unit": text, "then": text, "now": text, "change": pl.Float64}
        parts = [self._changed(name, period, day) for name in TABLES if name in behind]
        facts = pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(CHANGE_COLUMNS, text))
        return Restatements(period.month, day, pl.DataFrame(rows, schema=schema), facts)

    def _last_row(self, period: Period, known_by: dt.date | None) -> dict[str, Any]:
        return self._sector(period, known_by).monthly.row(-1, named=True)

    def _changed(self, table: str, period: Period, day: dt.date) -> pl.DataFrame:
        spec = store_spec(table)
        then, now = (self._within(self.store.read(table, as_of=known_by), table, period) for known_by in (day, None))
        return differences(then, now, spec)

    def _within(self, frame: pl.DataFrame, table: str, period: Period) -> pl.DataFrame:
        column = store_spec(table).fact_date
        if column is None:
            return frame
        fact_day = pl.col(column).cast(pl.Date)
        return frame.filter((fact_day < period.end) & (fact_day >= period.end - REACH))

    def _figure_vintages(self, figure_id: str, month: str, progress: Progress) -> pl.DataFrame:
        spec, period = FIGURES[figure_id], self._period(month, None)
        changed: dict[dt.date, set[str]] = {}
        for table in spec.tables:
            for day in self._known_days(table, period):
                changed.setdefault(day, set()).add(table)
        today = dt.datetime.now(dt.UTC).date()
        days = sorted(day for day in changed if period.end < day <= today)[-MAX_DATES:]
        rows: list[dict[str, Any]] = []
        for done, day in enumerate([period.end, *days]):
            progress.step(f"{figure_id} as of {day}", done, len(days) + 1)
            try:
                row = self._last_row(period, day)
            except DataError:
                row = {}  # Not known yet on that day.
            told = {
                name: clean(row.get(figure_id + end))
                for name, end in (("value", ""), ("low", "_low"), ("high", "_high"))
            }
            if rows and all(rows[-1][name] == told[name] for name in told):
                continue
            rows.append(
                {"known_at": day, **told, "unit": spec.unit, "changed_tables": ", ".join(sorted(changed.get(day, ())))}
            )
        return pl.DataFrame(rows, infer_schema_length=None)

    def _known_days(self, table: str, period: Period) -> list[dt.date]:
        """Days on which something about the period, or shortly before it, became known."""
        rows = getattr(self.store, "rows", self.store.read)(table)
        return self._within(rows, table, period)["known_at"].unique().to_list() if "known_at" in rows.columns else []


def _counts(table: str, result: AppendResult) -> dict[str, Any]:
    return {
        "table": table,
        "new": result.n_new,
        "restated": result.n_restated,
        "unchanged": result.n_unchanged,
        "quarantined": result.n_quarantined,
    }
