"""The live store: facts in Delta tables, every vintage kept, nothing ever overwritten."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from hashdesk.catalog.live_tables import LIVE_TABLES, STORE_TABLES, store_rule, store_spec
from hashdesk.catalog.tables import TABLES
from hashdesk.errors import DataError, InputError, SourceError
from hashdesk.store.append import AppendResult, key_range, select_new, stamped
from hashdesk.store.conform import catalog_failures, conform, no_failures
from hashdesk.store.quarantine import CLEARED, set_aside, settled
from hashdesk.store.resolve import identity, resolve
from hashdesk.store.tables import DeltaTables, Outrun, polars_schema

if TYPE_CHECKING:
    import polars as pl
    from deltalake import DeltaTable

    from hashdesk.catalog.schema import TableSpec
    from hashdesk.store.raw import RawArchive

Checks = Callable[[str, "pl.DataFrame", Mapping[str, "pl.DataFrame"]], "pl.DataFrame"]
"""Name of a table, its rows, and the other tables as they stand -> failures (row, check_id, severity, message)."""

PATIENCE_SECONDS = 120.0
"""How long an append tries again while other writers come first."""

_INIT_HINT = "Load the reference pack with: hashdesk init."


class DeltaStore:
    """A store of facts at a folder or URL; see ``docs/store.md``.

    A store reads each table at the version that it first saw, so that everything computed from one store object rests
    on one state; :meth:`refresh` moves to the newest. Its own appends are seen at once.

    Parameters
    ----------
    address : str
        Folder, or URL as Delta Lake knows it.
    checks : callable, optional
        Further checks of incoming rows, beyond what the catalog declares.

    Raises
    ------
    InputError
        There is no store.
    DataError
        It was made by a newer hashdesk.
    SourceError
        It cannot be read.
    """

    def __init__(self, address: str, checks: Checks | None = None) -> None:
        self.tables = DeltaTables(address)
        self.tables.check()
        self.checks = checks
        self._versions: dict[str, DeltaTable | None] = {}
        self._rows: dict[str, pl.DataFrame] = {}
        self._facts: dict[str, pl.DataFrame] = {}
        self._spans: dict[str, tuple[dt.date, dt.date] | None] = {}
        self._archive: RawArchive | None = None

    @classmethod
    def create(cls, address: str, checks: Checks | None = None) -> DeltaStore:
        """The store at an address, made where there is none; tables that are missing are made too.

        Raises
        ------
        InputError
            The address is a file, or a folder with something else in it.
        SourceError
            It cannot be written.
        """
        DeltaTables(address).make(list(STORE_TABLES.values()))
        return cls(address, checks)

    @property
    def address(self) -> str:
        """Where the store is."""
        return self.tables.address

    def refresh(self) -> None:
        """Read the newest version of each table from now on."""
        for cache in (self._versions, self._rows, self._facts, self._spans):
            cache.clear()

    def require_facts(self) -> None:
        """Refuse a store that no note could rest on.

        Raises
        ------
        DataError
            The pack was never loaded.
        """
        if self.n_rows("network_daily") == 0:
            raise DataError(f"store: {self.address} has no facts yet.", hint=_INIT_HINT)

    def read(self, table: str, as_of: dt.date | None = None, *, where: str | None = None) -> pl.DataFrame:
        """A table as it stands or as it was known on a day: of each fact one row.

        Parameters
        ----------
        table : str
            Name of the table.
        as_of : date, optional
            Only what was known by this day, as for :meth:`~hashdesk.store.pack.ReferencePack.read`.
        where : str, optional
            Condition in SQL on the columns of the key, such as ``height >= 900000``: parts of the table that cannot
            meet it are not read.

        Returns
        -------
        DataFrame
            Columns as declared in the catalog; null is "not known".

        Raises
        ------
        InputError
            No such table.
        DataError
            The table's folder is gone.
        SourceError
            The storage does not answer.
        """
        spec = store_spec(table)
        if where is not None:
            # A condition on the key keeps or drops all vintages of a fact alike.
            rows = self.tables.scan(self._pinned(table), spec, predicate=where)
            return resolve(rows, spec, store_rule(table), as_of)
        if as_of is not None:
            return resolve(self.rows(table), spec, store_rule(table), as_of)
        if table not in self._facts:
            self._facts[table] = resolve(self.rows(table), spec, store_rule(table))
        return self._facts[table]

    def rows(self, table: str) -> pl.DataFrame:
        """Every row ever stored, superseded ones included, with the columns that the store adds."""
        spec = store_spec(table)
        if table not in self._rows:
            self._rows[table] = self.tables.scan(self._pinned(table), spec)
        return self._rows[table]

    def vintages(self, table: str) -> pl.DataFrame:
        """Every vintage of a table's facts, each fact's in the order in which they came to hold."""
        from hashdesk.store.resolve import vintage_order

        spec = store_spec(table)
        return self.rows(table).sort(*spec.key, *vintage_order(spec, store_rule(table)), nulls_last=True)

    def scan(self, table: str, columns: list[str], predicate: str | None = None) -> pl.DataFrame:
        """Some columns of every stored row, read without keeping them."""
        return self.tables.scan(self._pinned(table), store_spec(table), columns, predicate)

    def n_rows(self, table: str) -> int:
        """Number of rows ever stored."""
        import polars as pl

        delta = self._pinned(table)
        return 0 if delta is None else int(pl.DataFrame(delta.get_add_actions())["num_records"].sum())

    def coverage(self) -> dict[str, tuple[dt.date, dt.date]]:
        """First and last day that each dated table has facts for; a table without facts is left out."""
        for name in STORE_TABLES:
            if name not in self._spans:
                self._spans[name] = self._span(name)
        return {name: span for name in STORE_TABLES if (span := self._spans[name]) is not None}

    def versions(self) -> dict[str, str]:
        """Delta version of each table of a note, and the SHA-256 of its facts as CSV.

        The hash is that of the content: it stays when a table is compacted, and is the same in two stores that tell the
        same.
        """
        versions = {}
        for name in TABLES:
            delta = self._pinned(name)
            text = self.read(name).write_csv(null_value="\\N").encode()
            versions[name] = f"{0 if delta is None else delta.version()}:{hashlib.sha256(text).hexdigest()}"
        return versions

    def append(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        retrieved_at: dt.datetime,
        batch: str | None = None,
        origin: str = "",
    ) -> AppendResult:
        """Store what is new in one atomic commit; rows that fail a check go to the quarantine.

        May be repeated after a crash, and run in many processes at once: what the store already tells is not written.

        Parameters
        ----------
        table : str
            Name of the table.
        frame : DataFrame
            Rows; columns as in the catalog, those that may be empty can be left out.
        retrieved_at : datetime
            When the rows were fetched, with time zone.
        batch : str, optional
            Name of the batch, kept with the rows.
        origin : str, optional
            Source or file, named beside quarantined rows; the rows' source when left out.

        Returns
        -------
        AppendResult

        Raises
        ------
        InputError
            No such table, a column that it does not have, or a time without zone.
        SourceError
            The rows cannot be written (disk full, no permission); nothing has changed.
        """
        import polars as pl

        spec, rule = store_spec(table), store_rule(table)
        if retrieved_at.tzinfo is None:
            raise InputError(f"append: retrieved_at needs a time zone, got {retrieved_at}.")
        if table == "quarantine":
            return self.put_quarantine(frame.with_columns(retrieved_at=pl.lit(retrieved_at)))
        typed, lost = conform(frame, spec)
        if frame.height == 0:
            return AppendResult()
        failures = pl.concat([lost, catalog_failures(typed, spec, rule, retrieved_at), self._checked(table, typed)])
        # A cell that would not go into its type is empty now: one reason is enough.
        failures = failures.unique(["row", "check_id"], keep="first", maintain_order=True)
        bad = failures.filter(pl.col("severity") == "quarantine")["row"].unique()
        if failures.height:
            self.put_quarantine(set_aside(spec, frame, failures, retrieved_at, origin))
        good = typed.with_row_index("_at").filter(~pl.col("_at").cast(pl.Int64).is_in(bad.implode())).drop("_at")
        once = good.unique(maintain_order=True)
        checks = tuple(failures["check_id"].unique(maintain_order=True))
        n_new, n_restated, version = self._commit_new(spec, once, retrieved_at, batch)
        passed = typed.with_row_index("_at").filter(~pl.col("_at").cast(pl.Int64).is_in(failures["row"].implode()))
        self._settle(spec, passed, retrieved_at)
        return AppendResult(n_new, n_restated, good.height - n_new - n_restated, len(bad), checks, version)

    def put_quarantine(self, frame: pl.DataFrame) -> AppendResult:
        """Keep rows that could not become facts; the same row is kept once.

        Parameters
        ----------
        frame : DataFrame
            table, check_id, severity, message, row_json, origin, fact_date, and retrieved_at (one moment a call).

        Raises
        ------
        InputError
            A column that is missing, or a time without zone.
        """
        if frame.height == 0:
            return AppendResult()
        spec = store_spec("quarantine")
        retrieved_at = frame["retrieved_at"].max()
        if not isinstance(retrieved_at, dt.datetime) or retrieved_at.tzinfo is None:
            raise InputError(f"quarantine: retrieved_at needs a time with its zone, got {retrieved_at!r}.")
        typed, _ = conform(frame.drop("retrieved_at"), spec)
        typed = typed.unique(list(spec.key), keep="first", maintain_order=True)
        n_new, n_restated, version = self._commit_new(spec, typed, retrieved_at, None)
        return AppendResult(n_new, n_restated, frame.height - n_new - n_restated, 0, (), version)

    def quarantine(self, table: str | None = None) -> pl.DataFrame:
        """Rows that failed a check and were not put right since, of one table or of all.

        Returns
        -------
        DataFrame
            The catalog's columns and ``retrieved_at``, in the order in which they came.
        """
        import polars as pl

        spec = store_spec("quarantine")
        frame = self.rows("quarantine").sort("_retrieved_at", "_seq", "_row").rename({"_retrieved_at": "retrieved_at"})
        frame = frame.unique(list(spec.key), keep="last", maintain_order=True).filter(pl.col("severity") != CLEARED)
        if table is not None:
            frame = frame.filter(pl.col("table") == store_spec(table).name)
        return frame.select(*store_spec("quarantine").column_names, "retrieved_at")

    @property
    def raw(self) -> RawArchive:
        """Answers of sources as they came."""
        from hashdesk.store.raw import RawArchive

        if self._archive is None:
            self._archive = RawArchive(self)
        return self._archive

    def newest(self, table: str) -> DeltaTable | None:
        """The newest version of a table, whatever this store reads."""
        return self.tables.open(table)

    def moved(self, table: str, delta: DeltaTable) -> None:
        """Read this version of a table from now on."""
        self._versions[table] = delta
        for cache in (self._rows, self._facts, self._spans):
            cache.pop(table, None)

    def _pinned(self, table: str) -> DeltaTable | None:
        store_spec(table)
        if table not in self._versions:
            delta = self.tables.open(table)
            if delta is None and table not in LIVE_TABLES:
                raise DataError(
                    f"store: table {table!r} is missing at {self.address}: its folder was removed, or "
                    "the store is older.",
                    hint=_INIT_HINT,
                )
            self._versions[table] = delta
        return self._versions[table]

    def _span(self, table: str) -> tuple[dt.date, dt.date] | None:
        column = store_spec(table).fact_date
        if column is None:
            return None
        days = self.scan(table, [column])[column]
        first, last = days.min(), days.max()
        return (_day(first), _day(last)) if isinstance(first, dt.date) and isinstance(last, dt.date) else None

    def _checked(self, table: str, typed: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        if self.checks is None:
            return no_failures()
        found = self.checks(table, typed, _Neighbours(self)).with_columns(pl.col("row").cast(pl.Int64))
        return found.select(no_failures().columns)

    def _settle(self, spec: TableSpec, good: pl.DataFrame, retrieved_at: dt.datetime) -> None:
        """Take rows out of the count of failed ones whose fact has come right."""
        import polars as pl

        if not good.height or not self.n_rows("quarantine"):
            return
        waiting = self.read("quarantine").filter(
            pl.col("table") == spec.name, pl.col("severity").is_in(["quarantine", "warning"])
        )
        if waiting.height and (done := settled(waiting, good, spec)).height:
            self.put_quarantine(done.with_columns(retrieved_at=pl.lit(retrieved_at)))

    def _commit_new(
        self, spec: TableSpec, frame: pl.DataFrame, retrieved_at: dt.datetime, batch: str | None
    ) -> tuple[int, int, int | None]:
        """Write what is new against the newest version; where another writer came first, compare again."""
        rule = store_rule(spec.name)
        near = key_range(frame, spec.key[0]) if frame.height else None
        deadline = time.monotonic() + PATIENCE_SECONDS
        pause = 0.005
        while frame.height:
            delta = self.newest(spec.name)
            stored = self.tables.scan(delta, spec, predicate=near)
            stored = stored.join(frame.select(identity(spec)).unique(), on=identity(spec), how="semi", nulls_equal=True)
            seq = 1 if delta is None else delta.version() + 1
            fresh, n_known = select_new(
                stored, stamped(frame, retrieved_at, batch, seq).select(list(polars_schema(spec))), spec, rule
            )
            if fresh.height == 0:
                return 0, 0, None
            try:
                delta = self.tables.commit(delta, spec, fresh)
            except Outrun:
                if time.monotonic() > deadline:
                    raise SourceError(
                        f"store: table {spec.name} could not be written for {PATIENCE_SECONDS:.0f} s: other writers "
                        "always came first.",
                        hint="Run again, with fewer writers.",
                    ) from None
                # Writers that wait different times do not meet again.
                time.sleep(random.uniform(0, pause))
                pause = min(pause * 2, 0.5)
                continue
            version = delta.version()
            self.tables.tidy(delta)
            self.moved(spec.name, delta)
            return fresh.height - n_known, n_known, version
        return 0, 0, None


class _Neighbours(Mapping[str, "pl.DataFrame"]):
    """Tables by name, read when a check asks for them."""

    def __init__(self, store: DeltaStore) -> None:
        self._store = store

    def __getitem__(self, table: str) -> pl.DataFrame:
        if table not in STORE_TABLES:
            raise KeyError(table)
        return self._store.read(table)

    def __iter__(self) -> Iterator[str]:
        return iter(STORE_TABLES)

    def __len__(self) -> int:
        return len(STORE_TABLES)


def _day(moment: dt.date) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment
