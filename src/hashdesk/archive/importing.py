"""Import of a raw folder into a store: every file checked, every table appended, everything left out named."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import polars as pl

from hashdesk.archive.blocks import POOLS_FILE
from hashdesk.archive.common import Checks
from hashdesk.archive.layout_company import FILES, OTHER_FILES, OTHER_FOLDERS
from hashdesk.archive.reading import Problem, RawFolder, Unavailable
from hashdesk.archive.report import FileOutcome, ImportReport, TableOutcome
from hashdesk.archive.sources import described_sources
from hashdesk.archive.tables import CONVERSIONS, LIVE_CONVERSIONS, typed, used_sources
from hashdesk.catalog.live_tables import STORE_TABLES
from hashdesk.catalog.schema import TableSpec
from hashdesk.checks.run import failures
from hashdesk.errors import DataError, InputError
from hashdesk.progress import Progress, Silent

QUARANTINE_SCHEMA = {
    "table": pl.String(),
    "check_id": pl.String(),
    "severity": pl.String(),
    "message": pl.String(),
    "row_json": pl.String(),
    "origin": pl.String(),
    "fact_date": pl.Date(),
}
"""Columns of rows that were read and not taken as facts."""

FACTOR_FILE = "company/production_factor_check.csv"


class Appended(Protocol):
    """What a store says of one append."""

    @property
    def n_new(self) -> int:
        """Facts that were not there."""

    @property
    def n_restated(self) -> int:
        """Facts that were there with other values."""

    @property
    def n_unchanged(self) -> int:
        """Facts that were there already."""

    @property
    def n_quarantined(self) -> int:
        """Rows that the store refused."""


class Store(Protocol):
    """What an import needs of a store."""

    def append(
        self, table: str, frame: pl.DataFrame, *, retrieved_at: dt.datetime, batch: str | None = None
    ) -> Appended:
        """Add facts; one that is already there is not written again."""


def import_folder(
    path: str | Path, store: Store, progress: Progress | None = None, *, retrieved_at: dt.datetime
) -> ImportReport:
    """Take a folder in the archive layout into a store.

    A missing file is skipped, a file that is not what the layout says is refused, and a row that breaks a promise is
    set aside in the quarantine: each with one line in the report. Each table is one commit, so an import that was cut
    short is taken up by the next one; an import of what is there already writes nothing.

    Parameters
    ----------
    path : str or Path
        Folder in the layout of docs/archive-layout.md.
    store : Store
        Where the facts go.
    progress : Progress, optional
        Told before each table.
    retrieved_at : datetime
        When the folder was read, with its time zone; the second clock of every fact that is new.

    Returns
    -------
    ImportReport

    Raises
    ------
    InputError
        No such folder, or none of its files has a place in the layout.
    """
    folder = RawFolder(check_folder(path), is_strict=False)
    progress = progress or Silent()
    report = ImportReport(str(path), retrieved_at)
    checks, sources = Checks(is_strict=False), described_sources()
    tables: dict[str, pl.DataFrame] = {}
    plan = {**CONVERSIONS, **LIVE_CONVERSIONS}
    total = 2 * len(plan) + 1
    for done, (name, (convert, files)) in enumerate(plan.items()):
        progress.step(f"read {name}", done, total)
        made = _converted(name, files, folder, partial(convert, folder, sources, checks))
        if isinstance(made, str):
            report.tables.append(TableOutcome(name, "skipped", 0, 0, 0, 0, 0, made))
        else:
            tables[name] = made
    if tables:
        tables["sources"] = typed(used_sources(tables, sources), STORE_TABLES["sources"])
    aside: list[pl.DataFrame] = []
    for done, (name, frame) in enumerate(tables.items(), len(plan)):
        progress.step(f"write {name}", min(done, total - 1), total)
        failed = failures(name, frame, tables)
        aside.append(_set_aside(name, frame, failed, STORE_TABLES[name]))
        held_back = failed.filter(pl.col("severity") == "quarantine")["row"].unique()
        good = frame.with_row_index("_row").filter(~pl.col("_row").is_in(held_back.implode())).drop("_row")
        result = store.append(name, good, retrieved_at=retrieved_at, batch=f"import {name}")
        n_aside = len(held_back) + result.n_quarantined
        written = result.n_new + result.n_restated
        report.tables.append(
            TableOutcome(
                name,
                "written" if written else "unchanged",
                frame.height,
                result.n_new,
                result.n_unchanged,
                result.n_restated,
                n_aside,
                "",
            )
        )
    _report_files(folder, report)
    report.remarks = [*checks.failed, *_factor_remarks(folder, tables)]
    aside.append(_problem_rows(report.problems))
    rows = pl.concat(aside)
    if rows.height:
        store.append("quarantine", rows.unique(maintain_order=True), retrieved_at=retrieved_at, batch="import")
    return report


def check_folder(path: str | Path) -> Path:
    """The folder, where it holds something to import.

    Raises
    ------
    InputError
        No such folder, or none of its files has a place in the layout.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"import: expected a folder in the archive layout, got {str(path)!r}, which is none.")
    if not any((path / name).is_file() for name in (*FILES, POOLS_FILE)):
        raise InputError(
            f"import: {path} holds none of the {len(FILES) + 1} files of the archive layout.",
            hint="The layout has folders network, equity, company, market and published: docs/archive-layout.md.",
        )
    return path


def _converted(
    table: str, files: tuple[str, ...], folder: RawFolder, convert: Callable[[], pl.DataFrame]
) -> pl.DataFrame | str:
    """A table from its files, or the reason why there is none."""
    listed = [name for name in files if name in FILES]
    absent = [name for name in files if name not in FILES and not (folder.path / name).is_file()]
    absent += [name for name in listed if not folder.has(name)]
    if files and len(absent) == len(files):
        return f"{', '.join(absent)}: {'refused' if _is_refused(folder, absent) else 'missing'}"
    if listed and all(folder.reading(name).is_empty for name in listed):
        return f"{', '.join(listed)}: no row is left"
    try:
        return typed(convert(), STORE_TABLES[table])
    except Unavailable as missing:
        name = str(missing)
        return f"{name}: {'refused' if _is_refused(folder, [name]) else 'missing'}"
    except (DataError, ValueError, KeyError, TypeError, IndexError, AttributeError, pl.exceptions.PolarsError) as error:
        # Raw rows that passed the layout and still make no table: the table is refused, the others go on.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return f"{table}: the rows of {', '.join(files)} make no table ({type(error).__name__}: {reason})"


def _is_refused(folder: RawFolder, names: list[str]) -> bool:
    return any(name in folder.readings and folder.readings[name].status == "refused" for name in names)


def _set_aside(table: str, frame: pl.DataFrame, failed: pl.DataFrame, spec: TableSpec) -> pl.DataFrame:
    """Rows that failed a check, as the quarantine keeps them."""
    rows = []
    for failure in failed.iter_rows(named=True):
        row = frame.row(failure["row"], named=True)
        fact = row.get(spec.fact_date or "")
        rows.append(
            {
                "table": table,
                "check_id": failure["check_id"],
                "severity": failure["severity"],
                "message": failure["message"],
                "row_json": json.dumps(row, default=str, ensure_ascii=False),
                "origin": str(row.get("source", "")),
                "fact_date": fact.date() if isinstance(fact, dt.datetime) else fact,
            }
        )
    return pl.DataFrame(rows, schema=QUARANTINE_SCHEMA)


def _problem_rows(problems: list[Problem]) -> pl.DataFrame:
    """Rows and files that the layout refuses, as the quarantine keeps them."""
    rows = [
        {
            "table": ", ".join(FILES[problem.file].feeds) if problem.file in FILES else problem.file,
            "check_id": f"layout.{problem.check}",
            "severity": "quarantine",
            "message": problem.message,
            "row_json": problem.row_json,
            "origin": problem.file,
            "fact_date": None,
        }
        for problem in problems
    ]
    return pl.DataFrame(rows, schema=QUARANTINE_SCHEMA)


def _report_files(folder: RawFolder, report: ImportReport) -> None:
    for name, spec in FILES.items():
        reading = folder.reading(name)
        aside = sum(problem.row is not None for problem in reading.problems)
        status = "in part" if reading.status == "taken" and aside else reading.status
        left = folder.left_out.get(name, {})
        reasons = [problem.message for problem in reading.problems[:1]]
        reason = "; ".join([*reasons, *(f"{n} left out: {why}" for why, n in left.items())])
        if status == "missing":
            reason = f"not in the folder; it would feed {', '.join(spec.feeds)}"
        report.files.append(FileOutcome(name, status, reading.rows_read, aside, sum(left.values()), reason))
        report.problems += reading.problems
    for name, reason in {**OTHER_FILES, **OTHER_FOLDERS}.items():
        if (folder.path / name).exists():
            status = "taken" if name == POOLS_FILE else "not stored"
            report.files.append(FileOutcome(name, status, 0, 0, 0, "" if status == "taken" else reason))
    for found in sorted(folder.path.rglob("*")):
        name = found.relative_to(folder.path).as_posix()
        placed = name in FILES or name in OTHER_FILES or any(name.startswith(f"{root}/") for root in OTHER_FOLDERS)
        if found.is_file() and not placed:
            report.files.append(FileOutcome(name, "unknown", 0, 0, 0, "the layout has no place for it"))


def _factor_remarks(folder: RawFolder, tables: dict[str, pl.DataFrame]) -> list[str]:
    """Where the folder's own medians of output per hashrate contradict those of its rows."""
    from hashdesk.checks.companies import output_factors

    path = folder.path / FACTOR_FILE
    if not path.is_file() or not {"production", "network_daily"} <= tables.keys():
        return []
    try:
        theirs = pl.read_csv(path, columns=["month", "median_btc_per_avg_ehs_per_day"])
        stated = dict(theirs.rows())
    except (pl.exceptions.PolarsError, OSError) as error:
        return [f"{FACTOR_FILE}: cannot be read ({str(error).splitlines()[0]})"]
    factors = output_factors(tables["production"], tables["network_daily"]).drop_nulls("reported")
    ours = dict(factors.group_by(pl.col("month").dt.strftime("%Y-%m")).agg(pl.col("reported").median()).rows())
    return [
        f"{FACTOR_FILE}: {month} states {stated[month]:.4f} BTC per EH/s-day, our rows give {ours[month]:.4f}"
        for month in sorted(stated.keys() & ours.keys())
        if isinstance(stated[month], float) and abs(ours[month] / stated[month] - 1) > 0.005
    ]
