"""What the command line prints: rows as table, CSV or JSON, and a progress bar. Plain text where nobody watches."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import typer

from hashdesk.errors import InputError
from hashdesk.progress import Progress, Silent

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hashdesk.note.model import Scalar, Table

ROW_FORMATS = ("table", "csv", "json")
EXIT_BROKEN_PIPE = 141
"""What a shell reports for a program whose reader left (128 + SIGPIPE)."""

_PLAIN_WIDTH = 10_000
"""Nothing is cut or folded in a pipe; a terminal has its own width."""

_MIN_TEXT_WIDTH = 12
"""A column of text is not folded below this; a terminal that is narrower still breaks the lines itself."""

_UNIT_OF_ROW = frozenset({"value", "low", "high", "ours", "published", "difference", "rounding", "prior", "change"})
"""Columns whose unit stands in the row's own ``unit`` column."""


def emit(text: str) -> None:
    """Write to standard output.

    Raises
    ------
    typer.Exit
        The reader has left: the command ends in silence.
    InputError
        Standard output cannot be written, as on a full disk.
    """
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except OSError as error:
        # What is still buffered has no reader; without this Python would complain once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(EXIT_BROKEN_PIPE) from None
        raise InputError(f"output: standard output cannot be written: {error.strerror}.") from None


def emit_json(value: object) -> None:
    """Write the JSON form of a value of the model."""
    from hashdesk.note.model import to_json

    emit(json.dumps(to_json(value), indent=2, ensure_ascii=False, allow_nan=False))


def emit_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], row_format: str, *, is_exact: bool = False
) -> None:
    """Write rows as an aligned table for people, as CSV, or as a JSON list of objects.

    With ``is_exact`` the table shows numbers to ten digits: for what is about small differences, or of unknown units.
    """
    if row_format == "json":
        emit_json([{name: row[name] for name in columns} for row in rows])
    elif row_format == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_csv_cell(row[name]) for name in columns] for row in rows)
        emit(out.getvalue())
    else:
        cells = [[_exact_cell(row[name]) if is_exact else _table_cell(name, row) for name in columns] for row in rows]
        emit_table(columns, cells, [_is_numeric([row[name] for row in rows]) for name in columns])


def emit_model_table(table: Table) -> None:
    """Write a table of the model under its title, units in the heads."""
    from hashdesk.note.format import format_number, unit_label

    emit(table.title)
    heads = [f"{c.label} [{unit_label(c.unit)}]" if unit_label(c.unit) else c.label for c in table.columns]
    units = [column.unit for column in table.columns]
    cells = [[format_number(cell, unit) for cell, unit in zip(row, units, strict=True)] for row in table.rows]
    emit_table(heads, cells, [_is_numeric(table.column(column.name)) for column in table.columns])


def emit_table(heads: Sequence[str], cells: Sequence[Sequence[str]], is_right: Sequence[bool]) -> None:
    """Write an aligned table: text folded to the terminal's width, nothing folded in a pipe, nothing ever cut."""
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(box=None, pad_edge=False, header_style="bold")
    min_width = 0
    for index, (head, right) in enumerate(zip(heads, is_right, strict=True)):
        # Keys and numbers stay whole; long text is what gives way in a narrow terminal.
        is_rigid = right or index == 0
        widest = max(len(text) for text in (head, *(row[index] for row in cells)))
        min_width += (widest if is_rigid else min(widest, _MIN_TEXT_WIDTH)) + table.padding[1]
        justify: Literal["left", "right"] = "right" if right else "left"
        table.add_column(Text(head), justify=justify, overflow="fold", no_wrap=is_rigid)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    emit("\n".join(line.rstrip() for line in _rendered(table, min_width).splitlines()))


def emit_paragraph(text: str, *, style: str = "", bullet: str = "") -> None:
    """Write one paragraph: folded to the terminal's width, one line in a pipe."""
    from rich.table import Table as RichTable
    from rich.text import Text

    line = RichTable.grid()
    line.add_row(*([Text(bullet)] if bullet else []), Text(text, style=style))
    emit(_rendered(line))


def check_choice(value: str, choices: Sequence[str], *, what: str) -> str:
    """Return the value where it is one of the choices.

    Raises
    ------
    InputError
        It is not; the hint names the nearest.
    """
    if value in choices:
        return value
    from difflib import get_close_matches

    near = get_close_matches(value, choices, n=1)
    hint = f"Did you mean {near[0]}?" if near else ""
    raise InputError(f"{what}: expected one of {', '.join(choices)}, got {value!r}.", hint=hint, value=value)


@contextmanager
def progress_bar(*, is_quiet: bool) -> Iterator[Progress]:
    """Show a progress bar on standard error while somebody watches; otherwise say nothing."""
    if is_quiet or not sys.stderr.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("computing", total=None)

        class _Steps:
            def step(self, name: str, done: int, total: int) -> None:
                bar.update(task, description=name, completed=done, total=total)

        yield _Steps()


def _csv_cell(value: object) -> object:
    """Turn a list into text; unknown stays empty."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(str(item) for item in value)
    return value


def _exact_cell(value: Any) -> str:
    from hashdesk.note.format import format_value

    value = number_or_text(value)
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1e6 else f"{value:,.10g}"
    return format_value(value, "text")


def _table_cell(name: str, row: Mapping[str, Any]) -> str:
    from hashdesk.note.format import format_number, format_value

    value = row[name]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(str(item) for item in value)
    if name in _UNIT_OF_ROW:
        return format_number(number_or_text(value), str(row.get("unit") or ""))
    if name.endswith("_frac"):
        return format_value(value, "fraction", signed=True)
    return format_value(value, "text")


def number_or_text(value: Scalar) -> Scalar:
    """Read the number in a column that also holds tickers, and is therefore text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _is_numeric(values: Sequence[Any]) -> bool:
    """Tell whether most values are numbers: a column of numbers may hold a ticker, one of units may hold ``1``."""
    known = [number_or_text(value) for value in values if value is not None]
    return 2 * sum(isinstance(value, int | float) and not isinstance(value, bool) for value in known) > len(known)


def _rendered(renderable: RenderableType, min_width: int = 0) -> str:
    """Text of a Rich object: coloured and as wide as the terminal, or plain and unfolded."""
    from rich.console import Console

    out = io.StringIO()
    is_terminal = sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns, min_width) if is_terminal else _PLAIN_WIDTH
    Console(file=out, force_terminal=is_terminal, highlight=False, width=width).print(renderable)
    return out.getvalue()
