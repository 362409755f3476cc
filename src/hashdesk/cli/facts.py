"""Commands of the store: init, import, sync, status, sql, export, vintages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashdesk.cli.app import RowFormat, app
from hashdesk.cli.output import (
    ROW_FORMATS,
    check_choice,
    emit,
    emit_json,
    emit_rows,
    number_or_text,
    progress_bar,
)

if TYPE_CHECKING:
    from hashdesk.desk.facts import Restatements
    from hashdesk.desk.syncing import SyncOutcome

STATUS_COLUMNS = (
    "table",
    "rows",
    "vintages",
    "first",
    "last",
    "age_days",
    "is_late",
    "gaps",
    "quarantined",
    "warnings",
)
"""What fits a terminal; CSV and JSON have every column."""

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


def _complete_table(incomplete: str) -> list[tuple[str, str]]:
    from hashdesk.catalog.live_tables import STORE_TABLES

    return [(spec.name, spec.description) for spec in STORE_TABLES.values() if spec.name.startswith(incomplete)]


def _complete_source(incomplete: str) -> list[str]:
    from hashdesk.sources.registry import SOURCES

    return [name for name in SOURCES if name.startswith(incomplete)]


def _complete_table_or_figure(incomplete: str) -> list[tuple[str, str]]:
    from hashdesk.catalog.figures import FIGURES

    figures = [(spec.id, spec.label) for spec in FIGURES.values() if spec.id.startswith(incomplete)]
    return _complete_table(incomplete) + figures


@app.command()
def init(ctx: typer.Context, row_format: RowFormat = "table", quiet: Quiet = False) -> None:
    """Make the store and load the reference pack into it.

    A second time writes nothing.
    """
    check_choice(row_format, ROW_FORMATS, what="format")
    with progress_bar(is_quiet=quiet) as progress:
        frame = ctx.obj.facts().init(progress)
    emit_rows(frame.to_dicts(), frame.columns, row_format)


@app.command("import")
def import_(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder in the archive layout.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Take a folder of raw tables into the store.

    Prints what was taken, what was skipped, and why.
    """
    with progress_bar(is_quiet=quiet) as progress:
        report = ctx.obj.facts().import_folder(folder, progress)
    from dataclasses import asdict

    if as_json:
        emit_json(asdict(report))
        return
    if report.files:
        files = [asdict(file) for file in report.files]
        emit_rows(files, list(files[0]), "table")
        emit("")
    if report.tables:
        tables = [asdict(table) for table in report.tables]
        emit_rows(tables, list(tables[0]), "table")
        emit("")
    for remark in report.remarks:
        emit(remark)
    emit(f"{report.rows_written:,} rows written, {report.rows_quarantined:,} set aside.")


@app.command()
def sync(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Sources; all when left out.", autocompletion=_complete_source),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(metavar="STORE", help="Ask no one: build the tables from the answers that another store keeps."),
    ] = None,
    row_format: RowFormat = "table",
    quiet: Quiet = False,
) -> None:
    """Fetch what is new from the sources.

    A source that fails does not stop the others; the exit code is that of the worst.
    """
    check_choice(row_format, ROW_FORMATS, what="format")
    with progress_bar(is_quiet=quiet) as progress:
        desk = ctx.obj.facts()
        outcomes: list[SyncOutcome] = (
            desk.replay(replay, sources or (), progress) if replay else desk.sync(sources or (), progress)
        )
    rows = [
        {
            "source": outcome.source,
            "outcome": "failed" if outcome.error else "ok",
            "batches": outcome.batches,
            "new": outcome.result.n_new,
            "restated": outcome.result.n_restated,
            "unchanged": outcome.result.n_unchanged,
            "quarantined": outcome.result.n_quarantined,
            "failed_checks": ", ".join(outcome.result.failed_checks),
            "caveats": "; ".join(outcome.caveats),
            "error": str(outcome.error) if outcome.error else None,
        }
        for outcome in outcomes
    ]
    if rows:
        # In a table an error would push everything else off the screen; it stands on standard error.
        emit_rows(rows, [name for name in rows[0] if name != "error" or row_format != "table"], row_format)
    errors = [outcome.error for outcome in outcomes if outcome.error]
    for outcome in outcomes:
        if outcome.error:
            said = " ".join(str(outcome.error).split())
            # A source of several publishers names the one that failed; the others begin with their own name already.
            named = said if said.startswith(outcome.source) else f"{outcome.source}: {said}"
            sys.stderr.write(f"error: {named}\n")
    if errors:
        raise typer.Exit(max(error.exit_code for error in errors))


@app.command()
def status(ctx: typer.Context, row_format: RowFormat = "table") -> None:
    """Show the state of the store.

    Per table: rows, coverage, newest fact, age, gaps, and rows that failed a check.
    """
    check_choice(row_format, ROW_FORMATS, what="format")
    desk = ctx.obj.facts()
    frame = desk.status()
    rows = frame.to_dicts()
    emit_rows(rows, STATUS_COLUMNS if row_format == "table" else frame.columns, row_format)
    if row_format == "table":
        for row in rows:
            if row["version"] is None:
                emit(f"{row['table']}: missing; run hashdesk init")
            if row["is_late"]:
                emit(f"{row['table']}: late, newest fact {row['last']}, expected within {row['cadence_days']} days")
            if row["gaps"]:
                emit(f"{row['table']}: {row['gaps']:,} missing: {row['gap_examples']}")
            if row["failed_checks"]:
                emit(f"{row['table']}: failed checks: {row['failed_checks']}")
        for run in desk.last_runs().to_dicts():
            emit(f"{run['source']}: last asked {run['started_at']:%Y-%m-%d %H:%M} UTC, {run['outcome']}")
            for line in [run["error"], *(run["caveats"] or "").splitlines()]:
                if line:
                    emit(f"{run['source']}: {line}")


@app.command()
def sql(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT, WITH, DESCRIBE or SHOW.")],
    row_format: RowFormat = "table",
) -> None:
    """Ask the store in SQL, read only.

    Every table by its name; <table>_vintages has every row ever stored.
    """
    check_choice(row_format, ROW_FORMATS, what="format")
    frame = ctx.obj.facts().sql(query)
    emit_rows(frame.to_dicts(), frame.columns, row_format, is_exact=True)


@app.command()
def export(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Table.", autocompletion=_complete_table)],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="File that ends in .parquet, .csv or .xlsx.")],
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="Only what was known on this day.")] = None,
    vintages: Annotated[bool, typer.Option("--vintages", help="Every row ever stored.")] = False,
) -> None:
    """Write a table as one file."""
    n_rows = ctx.obj.facts().export(table, to, as_of=as_of, vintages=vintages)
    emit(f"{to}: {n_rows:,} rows")


@app.command()
def vintages(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="TABLE|FIGURE", help="What to look at.", autocompletion=_complete_table_or_figure)
    ],
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Month as YYYY-MM.")],
    row_format: RowFormat = "table",
    quiet: Quiet = False,
) -> None:
    """Show how a value changed over time.

    Of a table: its rows about the month, superseded ones included. Of a figure: its value at each date when a fact
    behind it came or changed.
    """
    check_choice(row_format, ROW_FORMATS, what="format")
    with progress_bar(is_quiet=quiet) as progress:
        frame = ctx.obj.facts().vintages(name, month, progress)
    emit_rows(frame.to_dicts(), frame.columns, row_format, is_exact=True)


def emit_restatements(told: Restatements) -> None:
    """Write what was told otherwise on a day: figures, then the facts behind them."""
    emit(f"\nTold otherwise on {told.as_of}")
    if told.figures.height == 0:
        emit("Nothing.")
        return
    figures = [
        row | {"prior": number_or_text(row["then"]), "value": number_or_text(row["now"])}
        for row in told.figures.to_dicts()
    ]
    emit_rows(figures, ("figure", "prior", "value", "change"), "table")
    if told.facts.height:
        emit("\nFacts behind them that changed or came")
        emit_rows(told.facts.to_dicts(), told.facts.columns, "table")
