"""What an import took, skipped and set aside, and why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from hashdesk.archive.reading import Problem


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file of the folder."""

    file: str
    status: str
    """taken, in part, refused, missing, not stored or unknown."""
    rows_read: int
    rows_set_aside: int
    """Rows that are not what the layout says."""
    rows_left_out: int
    """Good rows that no table wants."""
    reason: str
    """Why it was not taken whole; empty where it was."""


@dataclass(frozen=True, slots=True)
class TableOutcome:
    """What became of one table of the store."""

    table: str
    status: str
    """written, unchanged or skipped."""
    rows: int
    """Rows that the folder gave."""
    rows_new: int
    rows_unchanged: int
    rows_restated: int
    rows_quarantined: int
    reason: str
    """Why it was skipped; empty where it was not."""


@dataclass(slots=True)
class ImportReport:
    """An import in figures: one line a file, one a table, one a problem."""

    folder: str
    retrieved_at: dt.datetime
    files: list[FileOutcome] = field(default_factory=list)
    tables: list[TableOutcome] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """Identities between files that do not hold."""

    @property
    def rows_written(self) -> int:
        """Rows that the store did not hold before."""
        return sum(table.rows_new + table.rows_restated for table in self.tables)

    @property
    def rows_quarantined(self) -> int:
        """Rows that were read and not taken as facts."""
        return sum(table.rows_quarantined for table in self.tables) + sum(file.rows_set_aside for file in self.files)
