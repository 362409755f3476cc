"""The reference pack: small tables of facts that ship with the package, each file checked by its hash."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hashdesk.catalog.tables import TABLES, table_spec
from hashdesk.errors import DataError

if TYPE_CHECKING:
    import polars as pl

PACK_DIR = Path(__file__).resolve().parents[1] / "reference"
"""Where the pack that ships with the package lies."""

_REBUILD = "Install the package again, or build the pack with tools/build_reference.py."


class ReferencePack:
    """Tables of facts, read on demand; the tables and columns are declared in ``hashdesk.catalog.tables``.

    Parameters
    ----------
    path : str or Path, optional
        Folder with ``pack.json`` and one Parquet file per table; the pack inside the package when left out.

    Examples
    --------
    >>> pack = ReferencePack()
    >>> pack.read("epochs")["start_height"][1]
    2016
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = PACK_DIR if path is None else Path(path)
        self._frames: dict[str, pl.DataFrame] = {}

    def read(self, table: str, as_of: dt.date | None = None, *, where: str | None = None) -> pl.DataFrame:
        """A table, whole or as it was known on a day.

        Parameters
        ----------
        table : str
            Name of the table.
        as_of : date, optional
            Keep only rows that were known by this day (``known_at <= as_of``). The list of sources has no such
            day and always comes whole. A column with a companion ``<column>_known_at`` is null in rows whose
            companion lies after this day: the end of a company's window is no fact until it comes.
        where : str, optional
            Condition in SQL on the columns of the key.

        Returns
        -------
        DataFrame
            Columns as declared in the catalog; null is "not known".

        Raises
        ------
        InputError
            No such table.
        DataError
            The table's file is missing or is not the file that the pack lists.
        """
        import polars as pl

        spec = table_spec(table)
        if table not in self._frames:
            self._frames[table] = self._load(table)
        frame = self._frames[table] if where is None else self._frames[table].filter(pl.sql_expr(where))
        if as_of is None or "known_at" not in spec.column_names:
            return frame
        late = [name for name in spec.column_names if f"{name}_known_at" in spec.column_names]
        return frame.filter(pl.col("known_at") <= as_of).with_columns(
            pl.when(pl.col(f"{name}_known_at") <= as_of).then(pl.col(name)) for name in late
        )

    def coverage(self) -> dict[str, tuple[dt.date, dt.date]]:
        """First and last day that each dated table has facts for."""
        return {
            name: (dt.date.fromisoformat(entry["first"]), dt.date.fromisoformat(entry["last"]))
            for name, entry in self._entries.items()
            if entry["first"] is not None
        }

    def versions(self) -> dict[str, str]:
        """SHA-256 of each table's file, checked now: the version of the facts behind a note.

        Raises
        ------
        DataError
            A file is missing or is not the file that the pack lists.
        """
        for name in self._entries:
            self._checked_bytes(name)
        return {name: entry["sha256"] for name, entry in self._entries.items()}

    @cached_property
    def _entries(self) -> dict[str, dict[str, Any]]:
        path = self.path / "pack.json"
        try:
            listed = dict(json.loads(path.read_text(encoding="utf-8"))["tables"])
            missing = sorted(TABLES.keys() - listed.keys())
            entries = {name: _entry(name, listed[name]) for name in TABLES if name in listed}
        except FileNotFoundError:
            raise DataError(f"{path}: the list of the reference pack is missing.", hint=_REBUILD) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}: the list of the reference pack cannot be read ({error}).", hint=_REBUILD
            ) from error
        if missing:
            raise DataError(f"{path}: table {missing[0]!r} is not listed.", hint=_REBUILD, missing=missing)
        return entries

    def _load(self, table: str) -> pl.DataFrame:
        import polars as pl

        return pl.read_parquet(self._checked_bytes(table))

    def _checked_bytes(self, table: str) -> bytes:
        path = self.path / f"{table}.parquet"
        expected = self._entries[table]["sha256"]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{path}: the file of table {table!r} cannot be read ({error.strerror}).", hint=_REBUILD
            ) from error
        got = hashlib.sha256(content).hexdigest()
        if got != expected:
            raise DataError(
                f"{path}: damaged or changed; expected SHA-256 {expected}, got {got}.",
                hint=_REBUILD,
                expected=expected,
                got=got,
            )
        return content


def _entry(name: str, entry: Any) -> dict[str, Any]:
    """One table's entry in the list, of the right shape."""
    if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
        raise ValueError(f"table {name!r} has no hash")
    for end in ("first", "last"):
        if entry[end] is not None:
            dt.date.fromisoformat(entry[end])
    return entry
