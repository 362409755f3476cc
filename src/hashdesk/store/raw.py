"""Answers of sources as they came, inside the store, so that any table can be built again without asking anyone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hashdesk.catalog.live_tables import store_spec
from hashdesk.errors import SourceError
from hashdesk.store.append import stamped
from hashdesk.store.tables import Outrun, polars_schema

if TYPE_CHECKING:
    from hashdesk.store.delta import DeltaStore

TABLE = "raw_payloads"

PENDING_ANSWERS = 200
PENDING_BYTES = 8 * 2**20
"""Answers are written together; at this many, or this many bytes, at the latest."""

SLICE = 200
"""Answers that are in memory at once while an archive is read."""


class Payload(Protocol):
    """An answer: bytes, the key of the request, when and how they came."""

    @property
    def body(self) -> bytes:
        """The bytes."""

    @property
    def url(self) -> str:
        """Key of the request."""

    @property
    def source(self) -> str:
        """Id of the source."""

    @property
    def retrieved_at(self) -> dt.datetime:
        """When it came."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that were kept."""

    @property
    def sha256(self) -> str:
        """Hash of the body."""


@dataclass(frozen=True, slots=True)
class StoredPayload:
    """An answer out of the archive."""

    body: bytes = field(repr=False)
    url: str
    source: str
    retrieved_at: dt.datetime
    status: int
    headers: Mapping[str, str]
    sha256: str


class RawArchive:
    """The archive of one store. A body that came before from the same address is noted, not kept twice.

    ``put`` gathers; :meth:`flush` writes, and a run calls it before it commits the rows that were read from the
    answers.
    """

    def __init__(self, store: DeltaStore) -> None:
        self._store = store
        self._pending: list[Payload] = []

    def put(self, payload: Payload) -> None:
        """Keep an answer."""
        self._pending.append(payload)
        if len(self._pending) >= PENDING_ANSWERS or sum(len(p.body) for p in self._pending) >= PENDING_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered in one commit.

        Raises
        ------
        SourceError
            It cannot be written.
        """
        import polars as pl

        if not self._pending:
            return
        spec, tables = store_spec(TABLE), self._store.tables
        frame = pl.DataFrame(
            {
                "url": [p.url for p in self._pending],
                "sha256": [p.sha256 for p in self._pending],
                "source": [p.source for p in self._pending],
                "retrieved_at": [p.retrieved_at for p in self._pending],
                "status": [p.status for p in self._pending],
                "headers": [json.dumps(dict(p.headers), sort_keys=True) for p in self._pending],
                "body": [p.body for p in self._pending],
            }
        )
        for _ in range(100):
            delta = self._store.newest(TABLE)
            kept = tables.scan(delta, spec, ["url", "sha256", "retrieved_at"])
            stamp = stamped(frame, dt.datetime.now(dt.UTC), None, 1 if delta is None else delta.version() + 1)
            fresh = stamp.with_columns(
                pl.col("retrieved_at").cast(pl.Datetime("us", "UTC")),
                is_kept=pl.struct("url", "sha256").is_in(kept.select(pl.struct("url", "sha256")).to_series().implode())
                | ~pl.struct("url", "sha256").is_first_distinct(),
            ).join(kept, on=["url", "sha256", "retrieved_at"], how="anti")
            fresh = fresh.unique(["url", "sha256", "retrieved_at"], keep="first", maintain_order=True)
            fresh = fresh.with_columns(body=pl.when(~pl.col("is_kept")).then("body"))
            try:
                if fresh.height:
                    delta = tables.commit(delta, spec, fresh.select(list(polars_schema(spec))))
                    tables.tidy(delta)
                    self._store.moved(TABLE, delta)
                self._pending.clear()
                return
            except Outrun:
                continue
        raise SourceError("store: the archive of answers could not be written: other writers always came first.")

    def latest(self, url: str, until: dt.datetime | None = None) -> StoredPayload | None:
        """The newest answer to a request key, up to a moment where one is given; None where there is none."""
        import polars as pl

        for payload in reversed(self._pending):
            if payload.url == url and (until is None or payload.retrieved_at <= until):
                return _copied(payload)
        quoted = url.replace("'", "''")
        rows = self._store.scan(TABLE, list(store_spec(TABLE).column_names), f"\"url\" = '{quoted}'")
        in_time = rows if until is None else rows.filter(pl.col("retrieved_at") <= until)
        if in_time.height == 0:
            return None
        newest = in_time.sort("retrieved_at").row(-1, named=True)
        body = rows.filter((pl.col("sha256") == newest["sha256"]) & pl.col("body").is_not_null())["body"]
        return _payload(newest | {"body": body[0]})

    def get(self, url: str) -> StoredPayload | None:
        """The same as :meth:`latest`."""
        return self.latest(url)

    def iterate(self, source: str | None = None) -> Iterator[StoredPayload]:
        """Every answer of a source, or of all, oldest first."""
        import polars as pl

        self.flush()
        names = [name for name in store_spec(TABLE).column_names if name != "body"]
        index = self._store.scan(TABLE, names).sort("retrieved_at", "url")
        if source is not None:
            index = index.filter(pl.col("source") == source)
        for part in index.iter_slices(SLICE):
            hashes = ", ".join(f"'{digest}'" for digest in part["sha256"].unique())
            bodies = self._store.scan(TABLE, ["sha256", "body"], f'"sha256" IN ({hashes}) AND "body" IS NOT NULL')
            by_hash = dict(bodies.iter_rows())
            for row in part.iter_rows(named=True):
                yield _payload(row | {"body": by_hash[row["sha256"]]})


def _payload(row: Mapping[str, object]) -> StoredPayload:
    headers = json.loads(str(row["headers"]))
    return StoredPayload(**{name: row[name] for name in store_spec(TABLE).column_names} | {"headers": headers})  # type: ignore[arg-type]


def _copied(payload: Payload) -> StoredPayload:
    return StoredPayload(
        payload.body,
        payload.url,
        payload.source,
        payload.retrieved_at,
        payload.status,
        payload.headers,
        payload.sha256,
    )
