"""Reading of one raw folder: every cell held against the layout, every refusal in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from hashdesk.archive.layout import Cell, FileSpec
from hashdesk.archive.layout_company import FILES
from hashdesk.errors import DataError

WRONG_COLUMN_FRAC = 0.2
"""A column with more bad cells than this share of its filled ones is wrong as a whole: unit, format or place. [1]"""
_PATTERNS = {
    "day": r"^\d{4}-\d{2}-\d{2}$",
    "month": r"^\d{4}-(0[1-9]|1[0-2])$",
    "day-or-month": r"^\d{4}-(0[1-9]|1[0-2])(-\d{2})?$",
    "date-of-any-width": r"^\d{4}(-(0[1-9]|1[0-2])(-\d{2})?)?$",
    "moment": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$",
    "hex": r"^[0-9a-f]+$",
    "period": r"^(\d{4}(-Q[1-4]|-H[12]|-(0[1-9]|1[0-2])|-FY|$| \()|FY\d{4} \(to \w{3}\))",
}
_WORDS = {
    "day": "a day as YYYY-MM-DD",
    "month": "a month as YYYY-MM",
    "day-or-month": "a day or month as YYYY-MM[-DD]",
    "date-of-any-width": "a day, month or year as YYYY[-MM[-DD]]",
    "moment": "a UTC time as YYYY-MM-DDThh:mm:ssZ",
    "hex": "hexadecimal digits",
    "period": "a quarter, half, year or month such as 2025-Q3",
    "number": "a number",
    "integer": "a whole number",
    "text": "a word",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One row or file that was set aside, and why."""

    file: str
    check: str
    message: str
    row: int | None = None
    """Row of the file, the header being row 1; None where the whole file is refused."""
    row_json: str = ""


@dataclass(slots=True)
class Reading:
    """What one file gave."""

    frame: pl.DataFrame | None
    """Good rows as text with their row number in ``row``; None where the file is missing or refused."""
    rows_read: int = 0
    status: str = "taken"
    """taken, missing or refused."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """True where no row is left."""
        return self.frame is None or self.frame.is_empty()


class Unavailable(Exception):
    """A file that a table rests on is missing or was refused."""


class RawFolder:
    """The files of a raw folder, each read once and checked against the layout.

    Parameters
    ----------
    path : Path
        The folder.
    is_strict : bool, default True
        Stop at the first problem, as the builder of the reference pack does; else set rows and files aside.
    """

    def __init__(self, path: Path, *, is_strict: bool = True) -> None:
        self.path = path
        self.is_strict = is_strict
        self.readings: dict[str, Reading] = {}
        self._typed: dict[str, pl.DataFrame] = {}
        self.left_out: dict[str, dict[str, int]] = {}
        """Good rows that no table wants, by file and reason."""

    def reading(self, name: str) -> Reading:
        """A file read and checked.

        Raises
        ------
        DataError
            A problem, where the folder is read strictly.
        """
        if name not in self.readings:
            found = read_file(self.path, FILES[name])
            if self.is_strict and found.problems:
                raise DataError(found.problems[0].message, hint="Mend the file and build again.")
            self.readings[name] = found
        return self.readings[name]

    def has(self, name: str) -> bool:
        """True where the file is there and was not refused."""
        return self.reading(name).frame is not None

    def rows(self, name: str, *, optional: bool = False) -> list[dict[str, str]]:
        """Good rows as text, with their row number; none where an optional file is absent."""
        if optional and not self.has(name):
            return []
        return self._good(name).with_columns(pl.col("row").cast(pl.String)).to_dicts()

    def frame(self, name: str) -> pl.DataFrame:
        """Good rows as a typed frame: days, whole numbers, numbers, words; empty is null."""
        if name not in self._typed:
            good = self._good(name)
            kinds = {cell.name: cell.kind for cell in cells_of(FILES[name], good.columns)}
            self._typed[name] = good.select(
                _typed(column, kinds.get(column, "text")) for column in good.columns if column != "row"
            )
        return self._typed[name]

    def set_aside(self, name: str, row: Mapping[str, object], why: str) -> None:
        """Take a row out of a file that the conversion cannot use.

        Raises
        ------
        DataError
            The folder is read strictly.
        """
        reading = self.readings[name]
        problem = _problem(name, "conversion", why, row)
        if self.is_strict:
            raise DataError(problem.message, hint="Mend the file and build again.")
        reading.problems.append(problem)
        if reading.frame is not None:
            reading.frame = reading.frame.filter(pl.col("row") != problem.row)
        self._typed.pop(name, None)

    def rows_that(self, name: str, keep: Callable[[dict[str, str]], object], why_not: str) -> list[dict[str, str]]:
        """Good rows that a table wants; the others are noted with the reason."""
        found = self.rows(name)
        kept = [row for row in found if keep(row)]
        self.leave_out(name, why_not, len(found) - len(kept))
        return kept

    def leave_out(self, name: str, why: str, n_rows: int) -> None:
        """Note that rows of a file are good and still belong to no table."""
        if n_rows:
            self.left_out.setdefault(name, {})[why] = n_rows

    def _good(self, name: str) -> pl.DataFrame:
        frame = self.reading(name).frame
        if frame is None:
            if self.is_strict:
                raise DataError(f"{name}: the file is missing.", hint=f"It holds {FILES[name].holds}.")
            raise Unavailable(name)
        return frame


def cells_of(spec: FileSpec, columns: list[str]) -> list[Cell]:
    """Declarations of the columns that a file has."""
    declared = {cell.name: cell for cell in spec.cells}
    others = [name for name in columns if name not in declared and name != "row"] if spec.others else []
    return [declared[name] for name in columns if name in declared] + [
        replace(spec.others, name=name) for name in others if spec.others
    ]


def _typed(name: str, kind: str) -> pl.Expr:
    column = pl.when(pl.col(name) != "").then(pl.col(name))
    if kind == "number":
        return column.cast(pl.Float64).alias(name)
    if kind == "integer":
        return column.cast(pl.Int64).alias(name)
    if kind == "day":
        return column.str.to_date("%Y-%m-%d", strict=False).alias(name)
    if kind == "moment":
        return column.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC").alias(name)
    return column.alias(name)


def read_file(folder: Path, spec: FileSpec) -> Reading:
    """Read one file and hold every cell against its declaration."""
    path = folder / spec.path
    if not path.is_file():
        return Reading(None, status="missing")
    try:
        raw = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return _refused(
            spec.path, "readable", f"{spec.path}: expected a CSV table, got a file that is none ({reason})."
        )
    needed = [cell.name for cell in spec.cells if cell.needed]
    missing = [name for name in needed if name not in raw.columns]
    if missing:
        known = {cell.name for cell in spec.cells}
        others = [name for name in raw.columns if name not in known][:6]
        return _refused(
            spec.path,
            "columns",
            f"{spec.path}: expected column {missing[0]!r}, got none of that name"
            + (f"; columns without a place in the layout: {', '.join(map(repr, others))}." if others else "."),
            rows_read=raw.height,
        )
    raw = raw.fill_null("").with_row_index("row", offset=2).with_columns(pl.col("row").cast(pl.Int64))
    reading = Reading(raw, rows_read=raw.height)
    if raw.is_empty():
        return reading
    for cell in cells_of(spec, raw.columns):
        if not _check_cells(reading, spec, cell):
            return reading
    _check_keys(reading, spec)
    _check_order(reading, spec)
    return reading


def _refused(path: str, check: str, message: str, *, rows_read: int = 0) -> Reading:
    return Reading(None, rows_read, "refused", [Problem(path, check, message)])


def _bad(cell: Cell) -> tuple[pl.Expr, pl.Expr]:
    """Two expressions: the cell cannot be read as its kind; it can, but lies outside its limits."""
    column = pl.col(cell.name)
    filled = column != ""
    unread: pl.Expr = pl.lit(False)
    outside: pl.Expr = pl.lit(False)
    if cell.kind in ("number", "integer"):
        value = column.cast(pl.Float64 if cell.kind == "number" else pl.Int64, strict=False)
        unread = filled & (value.is_null() | ~value.cast(pl.Float64).is_finite().fill_null(False))
        if cell.low is not None:
            outside = outside | (value < cell.low).fill_null(False)
        if cell.high is not None:
            outside = outside | (value > cell.high).fill_null(False)
    elif cell.kind in _PATTERNS:
        unread = ~column.str.contains(_PATTERNS[cell.kind])
        if "day" in cell.kind or "date" in cell.kind:
            unread = unread | ((column.str.len_chars() == 10) & column.str.to_date("%Y-%m-%d", strict=False).is_null())
        if cell.kind == "hex":
            length = column.str.len_chars()
            unread = unread | (length < (cell.low or 0)) | (length > (cell.high or 1e9))
        if cell.choices:
            unread = unread & ~column.is_in(cell.choices)
        unread = filled & unread
    elif cell.choices:
        unread = filled & ~column.is_in(cell.choices)
    if cell.filled:
        unread = unread | ~filled
    return unread, outside & filled & ~unread


def _expected(cell: Cell) -> str:
    words = " or ".join(cell.choices[:9]) if cell.kind == "text" and cell.choices else _WORDS[cell.kind]
    if cell.kind != "hex" and (cell.low is not None or cell.high is not None):
        bounds = [f"{bound:,.12g}" for bound in (cell.low, cell.high) if bound is not None]
        words = f"{words} from {bounds[0]} to {bounds[1]}" if len(bounds) == 2 else f"{words} of at least {bounds[0]}"
    return f"{words} [{cell.unit}]" if cell.unit else words


def _check_cells(reading: Reading, spec: FileSpec, cell: Cell) -> bool:
    """Set rows with a bad cell aside; refuse the file where a whole column is bad. False where it is refused."""
    assert reading.frame is not None
    unread, outside = _bad(cell)
    marked = reading.frame.select("row", cell.name, unread=unread, outside=outside)
    bad = marked.filter(pl.col("unread") | pl.col("outside"))
    if bad.is_empty():
        return True
    n_filled = int((marked[cell.name] != "").sum())
    first = bad.row(0, named=True)
    if bad.height > max(WRONG_COLUMN_FRAC * max(n_filled, 1), 2):
        kind = "unit" if bad["outside"].sum() * 2 > bad.height else "type"
        remark = " - another unit?" if kind == "unit" else ""
        reading.frame, reading.status = None, "refused"
        reading.problems = [
            Problem(
                spec.path,
                kind,
                f"{spec.path} row {first['row']} column {cell.name}: expected {_expected(cell)}, "
                f"got {_short(first[cell.name])}, and {bad.height - 1:,} more of {n_filled:,}{remark}",
            )
        ]
        return False
    rows = reading.frame.filter(pl.col("row").is_in(bad["row"].implode()))
    for row in rows.iter_rows(named=True):
        why = f"column {cell.name}: expected {_expected(cell)}, got {_short(row[cell.name])}"
        reading.problems.append(_problem(spec.path, "cell", why, row))
    reading.frame = reading.frame.filter(~pl.col("row").is_in(bad["row"].implode()))
    return True


def _short(text: str) -> str:
    return "nothing" if text == "" else repr(text if len(text) <= 40 else text[:37] + "...")


def _problem(path: str, check: str, why: str, row: Mapping[str, object]) -> Problem:
    number = int(str(row["row"]))
    cells = {name: value for name, value in row.items() if name != "row" and value not in ("", None)}
    return Problem(
        path, check, f"{path} row {number} {why}", number, json.dumps(cells, ensure_ascii=False, default=str)
    )


def _check_keys(reading: Reading, spec: FileSpec) -> None:
    """Set repeated rows aside, and every later row that gives a name twice."""
    if reading.frame is None or not spec.key:
        return
    frame = reading.frame
    names = [name for name in spec.key if name in frame.columns]
    again = frame.filter(~pl.struct(names).is_first_distinct())
    for row in again.iter_rows(named=True):
        key = ", ".join(str(row[name]) for name in names)
        why = f"column {'/'.join(names)}: expected one row of a name, got {key} again"
        reading.problems.append(_problem(spec.path, "duplicate", why, row))
    if again.height:
        reading.frame = frame.filter(~pl.col("row").is_in(again["row"].implode()))


def _check_order(reading: Reading, spec: FileSpec) -> None:
    """Set rows aside that step back."""
    if reading.frame is None or not spec.rises:
        return
    kind = next(cell.kind for cell in spec.cells if cell.name == spec.rises)
    place = pl.col(spec.rises).cast(pl.Int64) if kind == "integer" else pl.col(spec.rises)
    before, after = place.shift(1), place.shift(-1)
    is_low = (place < before) & (after.is_null() | (after >= before))
    is_high = (place > after) & (before.is_null() | (before <= after)) & ~is_low.shift(-1).fill_null(False)
    back = reading.frame.filter((is_low | is_high).fill_null(False))
    if back.height > max(WRONG_COLUMN_FRAC * reading.frame.height, 2):
        return  # Written in another order as a whole, which is no error of single rows: conversion sorts.
    for row in back.iter_rows(named=True):
        why = f"column {spec.rises}: expected a value between its neighbours', got {row[spec.rises]}"
        reading.problems.append(_problem(spec.path, "order", why, row))
    if back.height:
        reading.frame = reading.frame.filter(~pl.col("row").is_in(back["row"].implode()))
