"""A table as one file, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hashdesk.errors import InputError

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".parquet", ".csv", ".xlsx")

MAX_XLSX_ROWS = 1_048_575
"""Rows of a sheet, less the heads."""


def check_target(path: Path) -> None:
    """Refuse a file name whose ending is none of ours.

    Raises
    ------
    InputError
        The ending is unknown.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"export: expected a file that ends in {', '.join(SUFFIXES)}, got {path.name!r}.")


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame in the format that the file's ending names.

    Parameters
    ----------
    frame : DataFrame
        Rows; bytes are written to Parquet only.
    path : Path
        File that ends in ``.parquet``, ``.csv`` or ``.xlsx``; replaced where it exists.

    Raises
    ------
    InputError
        An unknown ending, too many rows for a sheet, or a folder that cannot be written.
    """
    check_target(path)
    kind = path.suffix.lower()
    if kind == ".xlsx" and frame.height > MAX_XLSX_ROWS:
        raise InputError(
            f"export: {frame.height:,} rows do not fit a sheet of {MAX_XLSX_ROWS:,}.",
            hint="Export to .parquet or .csv.",
        )
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=kind)
    except OSError as error:
        raise _unwritable(path, error) from None
    os.close(descriptor)
    temporary = Path(name)
    try:
        _write(frame, temporary, kind)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def _write(frame: pl.DataFrame, path: Path, kind: str) -> None:
    import polars as pl

    if kind == ".parquet":
        frame.write_parquet(path, compression="zstd")
        return
    flat = frame.drop(name for name, dtype in frame.schema.items() if dtype == pl.Binary)
    if kind == ".csv":
        flat.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")
        return
    import xlsxwriter

    # A sheet knows no time zones; all times are UTC. Text that looks like a formula stays text.
    times = [name for name, dtype in flat.schema.items() if isinstance(dtype, pl.Datetime)]
    plain = flat.with_columns(pl.col(times).dt.replace_time_zone(None))
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    try:
        with xlsxwriter.Workbook(str(path), options) as book:
            plain.write_excel(book, worksheet="facts", autofilter=False, table_style=None, freeze_panes=(1, 0))
    except xlsxwriter.exceptions.FileCreateError as error:
        cause = error.args[0] if error.args and isinstance(error.args[0], OSError) else OSError(0, str(error))
        raise cause from None


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"export: cannot write {path}: {error.strerror or error}.", hint="Give a folder that you may write, with room."
    )
