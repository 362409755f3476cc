"""Asking sources for what is new, and building tables again from what they answered."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from hashdesk.desk.core import DeskCore
from hashdesk.errors import DataError, HashdeskError, SourceError
from hashdesk.progress import Progress, Silent
from hashdesk.store.append import AppendResult
from hashdesk.store.facts import live_address

if TYPE_CHECKING:
    from hashdesk.store.delta import DeltaStore

RUN_ID = "%Y%m%dT%H%M%S.%fZ"
"""Name of a run: its moment."""

CLOCK_SLACK = dt.timedelta(hours=1)
"""A clock that runs behind the last run by more than this is wrong."""


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What one source brought."""

    source: str
    result: AppendResult
    batches: int
    caveats: tuple[str, ...]
    error: HashdeskError | None
    """Why it stopped; what it had brought until then is stored."""


class SyncDesk(DeskCore):
    """Asking sources for what is new, and building tables again from what they answered."""

    def sync(self, sources: Sequence[str] = (), progress: Progress | None = None) -> list[SyncOutcome]:
        """Ask sources for what is new; each batch is committed before the next is asked for.

        A source that fails does not stop the others. Each run is kept in the table ``sync_runs``.

        Parameters
        ----------
        sources : sequence of str, optional
            Ids of sources; all when left out.
        progress : Progress, optional
            Told what is being fetched.

        Returns
        -------
        list of SyncOutcome
            In the order in which they ran.

        Raises
        ------
        InputError
            No store is set, or an unknown source.
        DataError
            The machine's clock is behind the last run.
        """
        from hashdesk.sources.http import HttpClient
        from hashdesk.sources.registry import SOURCES, source_entry

        entries = [source_entry(name) for name in dict.fromkeys(sources or SOURCES)]
        store = self.live_store("sync", is_checked=True)
        _check_writable(store)
        now = _now()
        _check_clock(store, now)
        run_id = now.strftime(RUN_ID)
        outcomes = []
        with HttpClient(self.settings, archive=store.raw) as http:
            for entry in entries:
                started = dt.datetime.now(dt.UTC)
                outcome = self._sync_one(entry, store, http, now, run_id, progress or Silent())
                outcomes.append(outcome)
                _log_run(store, run_id, started, outcome)
        return outcomes

    def replay(self, kept: str, sources: Sequence[str] = (), progress: Progress | None = None) -> list[SyncOutcome]:
        """Build tables from the answers that another store keeps, asking no one.

        Each run that the other store remembers is done again, in order, at its own time and with the answers that it
        had; from the same facts the same questions follow.

        Parameters
        ----------
        kept : str
            Address of the store with the answers.
        sources : sequence of str, optional
            Ids of sources; all that were ever asked when left out.
        progress : Progress, optional
            Told what is being read.

        Returns
        -------
        list of SyncOutcome
            One a run.

        Raises
        ------
        InputError
            No store is set, there is none at ``kept``, or an unknown source.
        """
        from hashdesk.desk.replay import KeptAnswers, replayed
        from hashdesk.sources.http import HttpClient
        from hashdesk.sources.registry import source_entry
        from hashdesk.store.delta import DeltaStore

        wanted = [source_entry(name).id for name in dict.fromkeys(sources)]
        store, origin = self.live_store("sync", is_checked=True), DeltaStore(kept)
        runs = origin.read("sync_runs").sort("started_at", "run_id")
        outcomes = []
        for run in runs.filter(pl.lit(not wanted) | pl.col("source").is_in(wanted)).iter_rows(named=True):
            answers = KeptAnswers(origin.raw, run["started_at"], run["ended_at"])
            entry = replayed(source_entry(run["source"]), answers)
            started = dt.datetime.now(dt.UTC)
            with HttpClient(self.settings, archive=answers, is_offline=True) as http:
                moment = dt.datetime.strptime(run["run_id"], RUN_ID).replace(tzinfo=dt.UTC)
                outcome = self._sync_one(entry, store, http, moment, run["run_id"], progress or Silent())
            outcomes.append(outcome)
            _log_run(store, f"{run['run_id']} again", started, outcome)
        return outcomes

    def live_store(self, what: str, *, is_checked: bool = False) -> DeltaStore:
        """The live store that the settings name.

        Parameters
        ----------
        what : str
            Command that needs it, for the error.
        is_checked : bool, default False
            Hold incoming rows against the checks between tables too.

        Raises
        ------
        InputError
            No store is set, or there is none at its address.
        """
        from hashdesk.store.delta import DeltaStore

        return DeltaStore(live_address(self.settings.store, what), self._checks if is_checked else None)

    def _checks(self, table: str, frame: pl.DataFrame, facts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        from hashdesk.checks.run import failures

        return failures(table, frame, facts, chain_name=self.settings.chain)

    def _sync_one(
        self, entry: Any, store: DeltaStore, http: Any, now: dt.datetime, run_id: str, progress: Progress
    ) -> SyncOutcome:
        from hashdesk.sources.base import SyncContext

        total, batches, caveats = AppendResult(), 0, []
        error: HashdeskError | None = None
        try:
            for batch in entry.sync(SyncContext(http, self.settings, store, now, progress)):
                for payload in batch.payloads:
                    store.raw.put(payload)
                # The answers first: a row is never there without the bytes that it was read from.
                store.raw.flush()
                moments = [payload.retrieved_at for payload in batch.payloads]
                total += store.append(
                    batch.table, batch.frame, retrieved_at=max(moments, default=now), batch=run_id, origin=entry.id
                )
                batches += 1
                caveats += batch.caveats
            store.raw.flush()
        except HashdeskError as failure:
            error = failure
        except Exception as failure:
            if self.settings.debug:
                raise
            error = HashdeskError(f"unforeseen {type(failure).__name__}: {failure}.", hint="--debug shows where.")
        return SyncOutcome(entry.id, total, batches, tuple(dict.fromkeys(caveats)), error)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _check_writable(store: DeltaStore) -> None:
    """Say at once that nothing can be kept, before anyone is asked."""
    folder = Path(store.address)
    if folder.is_dir() and not os.access(folder / "sync_runs" / "_delta_log", os.W_OK):
        raise SourceError(
            f"store: {store.address} cannot be written: Permission denied.",
            hint="Check the permissions of the folder.",
        )


def _check_clock(store: DeltaStore, now: dt.datetime) -> None:
    last = store.scan("sync_runs", ["started_at"])["started_at"].max()
    if isinstance(last, dt.datetime) and last > now + CLOCK_SLACK:
        raise DataError(
            f"sync: the clock says {now:%Y-%m-%d %H:%M} UTC, but the last run was at {last:%Y-%m-%d %H:%M} UTC.",
            hint="Set the clock: what is fetched now would count as older than what is stored.",
        )


def _log_run(store: DeltaStore, run_id: str, started: dt.datetime, outcome: SyncOutcome) -> None:
    now, result = dt.datetime.now(dt.UTC), outcome.result
    row = {
        "run_id": run_id,
        "source": outcome.source,
        "started_at": started,
        "ended_at": now,
        "outcome": "failed" if outcome.error else "ok",
        "batches": outcome.batches,
        "new_rows": result.n_new,
        "restated_rows": result.n_restated,
        "unchanged_rows": result.n_unchanged,
        "quarantined_rows": result.n_quarantined,
        "error": str(outcome.error) if outcome.error else None,
        "caveats": "\n".join(outcome.caveats) or None,
    }
    store.append("sync_runs", pl.DataFrame([row]), retrieved_at=now, batch=run_id)
