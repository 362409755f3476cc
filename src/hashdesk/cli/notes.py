"""Commands of the monthly note: note, figures, reconcile, explain, assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashdesk.cli.app import RowFormat, app
from hashdesk.cli.output import (
    ROW_FORMATS,
    check_choice,
    emit,
    emit_json,
    emit_model_table,
    emit_paragraph,
    emit_rows,
    number_or_text,
    progress_bar,
)
from hashdesk.errors import InputError

if TYPE_CHECKING:
    from hashdesk.desk.facts import Restatements
    from hashdesk.note.model import AssumptionRef, Note

NOTE_FORMATS = ("html", "pdf", "xlsx", "json", "md")
RECONCILE_COLUMNS = (
    "period",
    "metric",
    "ours",
    "published",
    "unit",
    "difference",
    "rounding",
    "low",
    "high",
    "is_within_rounding_and_interval",
    "best_definition",
)
"""What fits a terminal; CSV and JSON have every column."""


def _complete_figure(incomplete: str) -> list[tuple[str, str]]:
    from hashdesk.catalog.figures import FIGURES

    return [(spec.id, spec.label) for spec in FIGURES.values() if spec.id.startswith(incomplete)]


def _complete_note_format(incomplete: str) -> list[str]:
    return [name for name in NOTE_FORMATS if name.startswith(incomplete)]


@app.command()
def note(
    ctx: typer.Context,
    month: Annotated[
        str | None, typer.Argument(metavar="MONTH", help="Month as YYYY-MM; without it the latest complete one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder to write into (default: notes).")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            metavar="|".join(NOTE_FORMATS),
            help="Format to write; may be given more than once. Without it, all.",
            autocompletion=_complete_note_format,
        ),
    ] = None,
    through: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day of a month to date, as YYYY-MM-DD.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Use only what was known on this day, as YYYY-MM-DD.")
    ] = None,
    power_price: Annotated[
        float | None, typer.Option(metavar="USD/MWh", help="Power price to assume; may be negative.")
    ] = None,
    efficiency: Annotated[
        float | None, typer.Option(metavar="J/TH", help="Network efficiency to assume; above zero.")
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the model as JSON; files are then written only with --out or --format."),
    ] = False,
    compare_as_of: Annotated[
        str | None,
        typer.Option("--compare-as-of", metavar="DATE", help="Also print what was told otherwise on this day."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the files written.")] = False,
) -> None:
    """Write the note of a month.

    Page, PDF, workbook, JSON and Markdown, with a manifest of what went into them.
    """
    wanted = [check_choice(name, NOTE_FORMATS, what="format") for name in formats or NOTE_FORMATS]
    is_written = not as_json or out is not None or formats is not None
    if compare_as_of is not None and through is not None:
        raise InputError("note: --compare-as-of needs a whole month.", hint="Leave --through out.")
    from hashdesk.assumptions import load_assumptions

    beliefs = load_assumptions().override(power_price_usd_per_mwh=power_price, efficiency_j_per_th=efficiency)
    paths: list[Path] = []
    if is_written:
        from hashdesk.publishing import publish

        settings = ctx.obj.settings
        with progress_bar(is_quiet=quiet) as progress:
            built, paths = publish(
                out or settings.out_dir,
                month,
                list(dict.fromkeys(wanted)),
                through=through,
                as_of=as_of,
                settings=settings,
                assumptions=beliefs,
                progress=progress,
            )
    else:
        built = ctx.obj.desk(beliefs).note(month, through=through, as_of=as_of)
    told = ctx.obj.desk(beliefs).restatements(built.month, compare_as_of) if compare_as_of else None
    if as_json:
        emit_json(built if told is None else {"note": built, "restatements": _restated(told)})
        return
    if not quiet:
        _print_summary(built)
    if told is not None:
        from hashdesk.cli.facts import emit_restatements

        emit_restatements(told)
    for path in paths:
        emit(str(path))


def _restated(told: Restatements) -> dict[str, object]:
    return {"as_of": told.as_of, "figures": told.figures.to_dicts(), "facts": told.facts.to_dicts()}


@app.command()
def figures(
    ctx: typer.Context,
    figure_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Figure; without it, all ids are listed.", autocompletion=_complete_figure),
    ] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="MONTH", help="First month, as YYYY-MM.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="MONTH", help="Last month, as YYYY-MM.")] = None,
    row_format: RowFormat = "table",
) -> None:
    """Print a figure month by month, or list all figures."""
    check_choice(row_format, ROW_FORMATS, what="format")
    if figure_id is None:
        if first or last:
            raise InputError("figures: --from and --to need a figure.", hint="Example: hashdesk figures difficulty.")
        from hashdesk.catalog.figures import FIGURES

        listed = [{"id": spec.id, "unit": spec.unit, "label": spec.label} for spec in FIGURES.values()]
        emit_rows(listed, ("id", "unit", "label"), row_format)
        return
    frame = ctx.obj.desk().figures(figure_id, first, last)
    emit_rows(frame.to_dicts(), frame.columns, row_format)


@app.command()
def reconcile(
    ctx: typer.Context,
    month: Annotated[
        str | None, typer.Argument(metavar="MONTH", help="Month as YYYY-MM; without it, every published one.")
    ] = None,
    row_format: RowFormat = "table",
    definitions: Annotated[
        bool,
        typer.Option("--definitions", help="Only how close each live definition stands to each publisher's series."),
    ] = False,
) -> None:
    """Set our figures beside the published ones, and say which definition fits best."""
    check_choice(row_format, ROW_FORMATS, what="format")
    desk = ctx.obj.desk()
    if definitions:
        fit = desk.definition_fit()
        emit_rows(fit.to_dicts(), fit.columns, row_format)
        return
    frame = desk.reconcile(month)
    # The frame holds tickers and numbers in one column of text; JSON can tell them apart.
    mixed = ("ours", "published")
    rows = [row | {name: number_or_text(row[name]) for name in mixed} for row in frame.to_dicts()]
    emit_rows(rows, RECONCILE_COLUMNS if row_format == "table" else frame.columns, row_format)
    if month is None and row_format == "table":
        fit = desk.definition_fit()
        emit("\nDefinitions over all whole months, closest first")
        emit_rows(fit.to_dicts(), fit.columns, row_format)


@app.command()
def explain(
    ctx: typer.Context,
    figure_id: Annotated[str, typer.Argument(metavar="FIGURE", help="Figure.", autocompletion=_complete_figure)],
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Month as YYYY-MM.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show how a figure came about.

    Definition, formula, inputs, rows, assumptions, sources and caveats.
    """
    explanation = ctx.obj.desk().explain(figure_id, month)
    if as_json:
        emit_json(explanation)
        return
    from hashdesk.note.format import format_interval, format_value

    figure = explanation.figure
    value = format_value(figure.value, figure.unit)
    emit_paragraph(f"{figure.label}, {figure.period_start:%Y-%m}: {value}", style="bold")
    if figure.interval is not None:
        emit_paragraph(f"{figure.interval.level:.0%} interval: {format_interval(figure)}")
    emit_paragraph(f"Definition: {explanation.definition}")
    emit_paragraph(f"Formula: {explanation.formula}")
    for table in (explanation.inputs, explanation.rows):
        emit("")
        emit_model_table(table)
    _print_list("Assumptions", [_assumption_line(entry) for entry in explanation.assumptions])
    _print_list("Sources", [f"{source.id}: {source.title}, {source.publisher}" for source in explanation.sources])
    _print_list("Caveats", explanation.caveats)


@app.command()
def assumptions(row_format: RowFormat = "table") -> None:
    """List what is assumed, not measured.

    Value, unit, date and source of each assumption.
    """
    check_choice(row_format, ROW_FORMATS, what="format")
    from hashdesk.assumptions import load_assumptions

    columns = ("id", "value", "low", "high", "unit", "as_of", "label", "source", "note")
    rows = [{name: getattr(entry, name) for name in columns} for entry in load_assumptions().entries.values()]
    emit_rows(rows, ("id", "value", "unit", "as_of", "source") if row_format == "table" else columns, row_format)


def _print_summary(built: Note) -> None:
    emit_paragraph(built.title, style="bold")
    emit_paragraph(built.headline)
    for takeaway in built.takeaways:
        if takeaway.kind != "headline":
            emit_paragraph(takeaway.text, bullet="- ")
    emit("")


def _print_list(title: str, lines: Sequence[str]) -> None:
    if lines:
        emit(f"\n{title}")
        for line in lines:
            emit_paragraph(line, bullet="- ")


def _assumption_line(entry: AssumptionRef) -> str:
    from hashdesk.note.format import format_value

    origin = "given by the caller" if entry.is_override else f"{entry.source}, as of {entry.as_of}"
    return f"{entry.label}: {format_value(entry.value, entry.unit)} ({origin})"
