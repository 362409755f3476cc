"""Runs done again from kept answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hashdesk.chain.rules import chain_rules
from hashdesk.sources.base import Batch, KeptPayload, RawPayload, SourceEntry, SyncContext

if TYPE_CHECKING:
    from hashdesk.store.raw import RawArchive

NODE = "node"
"""Source whose questions depend on its tip, which is not kept: its blocks are read from the answers themselves."""


class KeptAnswers:
    """What one run had at hand: the archive up to the run's end; nothing is added to it."""

    def __init__(self, archive: RawArchive, start: dt.datetime, end: dt.datetime) -> None:
        self._archive = archive
        self._start, self._end = start, end

    def put(self, payload: RawPayload) -> None:
        """Keep nothing: it is there already."""

    def latest(self, url: str) -> KeptPayload | None:
        """The newest answer that the run could have had."""
        return self._archive.latest(url, self._end)

    def iterate(self, source: str) -> Iterator[KeptPayload]:
        """The answers of a source that came in this run, oldest first."""
        kept = self._archive.iterate(source)
        return (payload for payload in kept if self._start <= payload.retrieved_at <= self._end)


@dataclass(frozen=True)
class _NodeAgain:
    """The node's blocks out of its answers; days and epochs come with the next sync."""

    answers: KeptAnswers
    id: str = NODE

    def sync(self, context: SyncContext) -> Iterator[Batch]:
        """The blocks of the run."""
        from hashdesk.sources.node_blocks import rows_from_archive
        from hashdesk.sources.node_rpc import SOURCE

        frame = rows_from_archive(self.answers.iterate(SOURCE.id), chain_rules(context.chain))
        if frame.height:
            yield Batch("blocks", frame)


def replayed(entry: SourceEntry, answers: KeptAnswers) -> SourceEntry | _NodeAgain:
    """A source as it is asked again."""
    return _NodeAgain(answers) if entry.id == NODE else entry
