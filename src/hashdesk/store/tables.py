"""Delta tables under one address: make, open, scan, and commit only where nobody else did meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashdesk.errors import DataError, HashdeskError, InputError, SourceError
from hashdesk.store.facts import is_url

if TYPE_CHECKING:
    import polars as pl
    from deltalake import DeltaTable

    from hashdesk.catalog.schema import TableSpec

MARKER = "_hashdesk"
"""Table without rows whose description says which layout the store has."""

SCHEMA_VERSION = 1
"""Layout of the store: columns that the store adds, and what they mean."""

STORE_COLUMNS = {"_retrieved_at": "datetime", "_batch": "str", "_seq": "i64", "_row": "i64"}
"""What the store adds to each row: when it was fetched, in which batch, by which commit, and its place therein."""

MAX_FILES = 24
"""A table with more files is compacted after an append; each file costs a reader about a third of a millisecond."""

TARGET_FILE_BYTES = 64 * 2**20
"""Files of this size stay as they are."""

KEEP_ORPHANS_HOURS = 168
"""Files that no version names are removed after a week: no writer takes that long."""

_CONFIGURATION: dict[str, str | None] = {"delta.checkpointInterval": "20"}
_DELTA_TYPE = {
    "date": "date",
    "datetime": "timestamp",
    "f64": "double",
    "i64": "long",
    "str": "string",
    "bool": "boolean",
    "binary": "binary",
}
_SCHEMA_TEXT = re.compile(r"^hashdesk store, schema (\d+)$")


class Outrun(Exception):
    """Another writer committed first."""


def polars_schema(spec: TableSpec) -> dict[str, pl.DataType]:
    """Polars types of a table's columns, those of the store included."""
    return _schema({column.name: column.dtype for column in spec.columns} | STORE_COLUMNS)


def _schema(dtypes: Mapping[str, str]) -> dict[str, pl.DataType]:
    import polars as pl

    types = {
        "date": pl.Date(),
        "datetime": pl.Datetime("us", "UTC"),
        "f64": pl.Float64(),
        "i64": pl.Int64(),
        "str": pl.String(),
        "bool": pl.Boolean(),
        "binary": pl.Binary(),
    }
    return {name: types[dtype] for name, dtype in dtypes.items()}


class DeltaTables:
    """The tables of one store; knows Delta Lake and nothing of what the rows mean.

    Parameters
    ----------
    address : str
        Folder, or URL as Delta Lake knows it (``s3://``, ``gs://``, ``az://``); log-in and endpoint come from the
        environment (``AWS_*`` and the like).
    """

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/") if is_url(address) else str(Path(address).expanduser().absolute())

    def uri(self, table: str) -> str:
        """Address of a table."""
        return f"{self.address}/{table}"

    def check(self) -> None:
        """Refuse an address that holds no store, or one of a newer layout.

        Raises
        ------
        InputError
            Nothing there, or something else.
        DataError
            A store of a newer hashdesk.
        """
        from deltalake.exceptions import TableNotFoundError

        if not is_url(self.address) and Path(self.address).is_file():
            raise InputError(f"store: {self.address} is a file, expected a folder.", hint="Give a folder or a URL.")
        try:
            with self._translated("opened"):
                description = self._delta(MARKER).metadata().description or ""
        except TableNotFoundError:
            raise InputError(
                f"store: there is no hashdesk store at {self.address}.", hint="Make one with: hashdesk init."
            ) from None
        found = _SCHEMA_TEXT.match(description)
        if found is None:
            raise InputError(f"store: {self.address} holds other Delta tables, not a hashdesk store.")
        if int(found[1]) > SCHEMA_VERSION:
            raise DataError(
                f"store: {self.address} has schema {found[1]}, this hashdesk knows {SCHEMA_VERSION}.",
                hint="Install a newer hashdesk.",
            )

    def make(self, specs: Sequence[TableSpec]) -> None:
        """Make the tables that are not there yet, the marker last: a store without it is not yet one.

        Raises
        ------
        InputError
            The address is a file, or a folder with something else in it.
        SourceError
            It cannot be written.
        """
        from deltalake.exceptions import TableNotFoundError

        self._refuse_strangers()
        description = f"hashdesk store, schema {SCHEMA_VERSION}"
        try:
            self._make(specs, description)
        except TableNotFoundError as error:
            raise SourceError(f"store: {self.address} cannot be made: {_reason(error)}.") from None

    def _make(self, specs: Sequence[TableSpec], description: str) -> None:
        from deltalake import DeltaTable

        with self._translated("made"):
            for spec in specs:
                DeltaTable.create(
                    self.uri(spec.name),
                    schema=_delta_schema({c.name: c.dtype for c in spec.columns} | STORE_COLUMNS),
                    mode="ignore",
                    name=spec.name,
                    configuration=_CONFIGURATION,
                )
            DeltaTable.create(
                self.uri(MARKER), schema=_delta_schema({"note": "str"}), mode="ignore", description=description
            )

    def open(self, table: str) -> DeltaTable | None:
        """The newest version of a table; None where there is no such table."""
        from deltalake.exceptions import TableNotFoundError

        try:
            with self._translated("read"):
                return self._delta(table)
        except TableNotFoundError:
            return None

    def scan(
        self,
        delta: DeltaTable | None,
        spec: TableSpec,
        columns: Sequence[str] | None = None,
        predicate: str | None = None,
    ) -> pl.DataFrame:
        """Rows of one version of a table; a column that an older table lacks is null."""
        import polars as pl

        schema = polars_schema(spec)
        wanted = list(schema) if columns is None else list(columns)
        if delta is None:
            return pl.DataFrame(schema={name: schema[name] for name in wanted})
        there = {field.name for field in delta.schema().fields}
        with self._translated("read"):
            frame = pl.DataFrame(delta.scan(columns=[name for name in wanted if name in there], predicate=predicate))
        return frame.select(
            (pl.col(name) if name in there else pl.lit(None)).cast(schema[name]).alias(name) for name in wanted
        )

    def commit(self, delta: DeltaTable | None, spec: TableSpec, frame: pl.DataFrame) -> DeltaTable:
        """Add rows in one commit upon exactly this version.

        Raises
        ------
        Outrun
            Somebody else committed upon this version.
        SourceError
            The rows cannot be written: disk full, no permission, storage does not answer. Nothing has changed.
        """
        from deltalake import CommitProperties, WriterProperties, write_deltalake
        from deltalake.exceptions import CommitFailedError

        if delta is None:
            self.make([spec])
            delta = self.open(spec.name)
            if delta is None or delta.version() > 0:
                raise Outrun
        is_wider = {field.name for field in delta.schema().fields} < set(frame.columns)
        with self._translated("written"):
            try:
                write_deltalake(
                    delta,
                    frame,
                    mode="append",
                    schema_mode="merge" if is_wider else None,
                    # No retry in there: it would rebase the rows upon a version that they were not compared with.
                    commit_properties=CommitProperties(max_commit_retries=0),
                    writer_properties=WriterProperties(compression="ZSTD", max_row_group_size=65_536),
                )
            except CommitFailedError:
                raise Outrun from None
        return delta

    def tidy(self, delta: DeltaTable) -> bool:
        """Compact a table of many small files; every row stays. Another writer at the same work is no harm."""
        from deltalake.exceptions import CommitFailedError, DeltaError

        small = sum(size < TARGET_FILE_BYTES for size in _sizes(delta))
        if small <= MAX_FILES:
            return False
        try:
            delta.optimize.compact(target_size=TARGET_FILE_BYTES)
            delta.vacuum(retention_hours=KEEP_ORPHANS_HOURS, dry_run=False)
        except (CommitFailedError, DeltaError, OSError):
            return False  # It is tried again after the next append.
        return True

    def _delta(self, table: str) -> DeltaTable:
        from deltalake import DeltaTable

        return DeltaTable(self.uri(table))

    def _refuse_strangers(self) -> None:
        """A folder with other things in it is not taken for a new store."""
        if is_url(self.address):
            return
        folder = Path(self.address)
        if folder.is_file():
            raise InputError(f"store: {folder} is a file, expected a folder.", hint="Give a folder or a URL.")
        try:
            if folder.is_dir() and not (folder / MARKER).is_dir():
                strangers = [p.name for p in folder.iterdir() if not (p / "_delta_log").is_dir()]
                if strangers:
                    raise InputError(
                        f"store: {folder} is not empty and not a hashdesk store (it holds {sorted(strangers)[0]!r}).",
                        hint="Give an empty or a new folder.",
                    )
        except OSError as error:
            raise SourceError(f"store: {folder} cannot be read: {error.strerror}.") from None

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        """Delta Lake's errors as one line of ours."""
        from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

        try:
            yield
        except (CommitFailedError, TableNotFoundError, HashdeskError):
            raise
        except (DeltaError, OSError, ValueError) as error:
            reason = _reason(error)
            hint = "Free some space and run the same command again; nothing was half written."
            is_full = "No space left" in reason or "File too large" in reason
            raise SourceError(
                f"store: {self.address} cannot be {verb}: {reason}.",
                hint=hint if is_full else "Check the address, the permissions and the log-in.",
            ) from None


def _delta_schema(dtypes: Mapping[str, str]) -> Any:
    from deltalake import Field, Schema
    from deltalake.schema import PrimitiveType

    return Schema([Field(name, PrimitiveType(_DELTA_TYPE[dtype]), nullable=True) for name, dtype in dtypes.items()])


def _sizes(delta: DeltaTable) -> list[int]:
    import polars as pl

    return [int(size) for size in pl.DataFrame(delta.get_add_actions())["size_bytes"]]


_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def _reason(error: Exception) -> str:
    """What the library says, without colours, arrows and line breaks; the innermost cause is what a reader needs."""
    text = " ".join(_ANSI.sub("", str(error)).replace("↳", "-").split())
    for known in ("No space left on device", "File too large", "Permission denied", "Read-only file system"):
        if known in text:
            return known
    return text.rstrip(".")[:300] or type(error).__name__
