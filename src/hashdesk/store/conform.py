"""Rows held against the catalog before they are stored: what does not fit is set aside with its reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hashdesk.errors import InputError
from hashdesk.store.resolve import identity, is_known
from hashdesk.store.tables import polars_schema

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.catalog.schema import Column, StoreRule, TableSpec

LATEST_KNOWN_AT = dt.timedelta(days=366)
"""A publication rule may look ahead to the end of a year; a row known later than this is a mistake."""

FAILURE = ("row", "check_id", "severity", "message")
"""Columns of a list of failures: the row's place in the frame, the check, quarantine or warning, and the reason."""


def conform(frame: pl.DataFrame, spec: TableSpec) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A frame in the catalog's columns and types, and the cells that would not go.

    Parameters
    ----------
    frame : DataFrame
        Rows of a source.
    spec : TableSpec
        The table.

    Returns
    -------
    DataFrame, DataFrame
        As many rows as came, and the failures (:data:`FAILURE`).

    Raises
    ------
    InputError
        A column that the table does not have, or lacks one that may not be empty: no row can be right.
    """
    import polars as pl

    unknown = sorted(set(frame.columns) - set(spec.column_names))
    lacking = [c.name for c in spec.columns if not c.nullable and c.name not in frame.columns]
    if unknown or (lacking and frame.height):
        what = f"has no column {unknown[0]!r}" if unknown else f"needs column {lacking[0]!r}"
        raise InputError(f"append: table {spec.name} {what}; got {', '.join(frame.columns)}.", table=spec.name)
    types = {name: dtype for name, dtype in polars_schema(spec).items() if name in spec.column_names}
    typed = pl.DataFrame(
        [
            _cast(frame[name], dtype) if name in frame.columns else pl.Series(name, [None] * frame.height, dtype)
            for name, dtype in types.items()
        ]
    )
    failures = []
    for column in spec.columns:
        if column.name not in frame.columns:
            continue
        is_lost = frame[column.name].is_not_null() & typed[column.name].is_null()
        if is_lost.any():
            failures.append(
                _failures(is_lost, "type", f"{column.name}: expected {column.dtype}, got ", frame[column.name])
            )
    return typed, pl.concat(failures) if failures else no_failures()


def catalog_failures(frame: pl.DataFrame, spec: TableSpec, rule: StoreRule, retrieved_at: dt.datetime) -> pl.DataFrame:
    """Rows that break what the catalog declares: emptiness, limits, allowed words, one fact a key in a batch."""
    import polars as pl

    found = [failure for column in spec.columns for failure in _column_failures(frame, column)]
    if is_known(spec):
        limit = (retrieved_at + LATEST_KNOWN_AT).date()
        found.append(
            _failures(
                (frame["known_at"] > limit).fill_null(False),
                "known_at_future",
                f"known_at: expected a day up to {limit}, got ",
                frame["known_at"],
            )
        )
    found.append(_conflicts(frame, spec, rule))
    return pl.concat([failure for failure in found if failure.height] or [no_failures()])


def no_failures() -> pl.DataFrame:
    """An empty list of failures."""
    import polars as pl

    return pl.DataFrame(schema=dict(zip(FAILURE, (pl.Int64, pl.String, pl.String, pl.String), strict=True)))


def row_json(frame: pl.DataFrame) -> list[str]:
    """Each row as JSON text; days and times in ISO form, bytes by their length."""
    import json

    return [json.dumps(row, default=_json_value, ensure_ascii=False) for row in frame.iter_rows(named=True)]


def _json_value(value: object) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


def _cast(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Cast without loss: a fraction is no whole number, and what does not fit is null."""
    import polars as pl

    if series.dtype == dtype:
        return series
    if isinstance(dtype, pl.Int64) and series.dtype.is_float():
        series = pl.select(pl.when(series == series.floor()).then(series)).to_series()
    if isinstance(dtype, pl.Datetime) and isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is None:
        return series.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if isinstance(dtype, pl.Date) and series.dtype == pl.String:
        return series.str.to_date("%Y-%m-%d", strict=False)
    try:
        return series.cast(dtype, strict=False)
    except pl.exceptions.PolarsError:
        return pl.Series(series.name, [None] * len(series), dtype)


def _column_failures(frame: pl.DataFrame, column: Column) -> Iterator[pl.DataFrame]:

    series = frame[column.name]
    name = column.name
    if not column.nullable and series.null_count():
        yield _failures(series.is_null(), "not_null", f"{name}: may not be empty, got ", series)
    if column.dtype == "f64":
        is_wild = ~series.is_finite().fill_null(True)
        if is_wild.any():
            yield _failures(is_wild, "finite", f"{name}: expected a number, got ", series)
    if column.low is not None or column.high is not None:
        low = -float("inf") if column.low is None else column.low
        high = float("inf") if column.high is None else column.high
        is_out = ((series < low) | (series > high)).fill_null(False)
        if is_out.any():
            yield _failures(
                is_out, "range", f"{name}: expected {low:g} to {high:g} {column.unit}".rstrip() + ", got ", series
            )
    if column.allowed:
        is_odd = ~series.is_in(list(column.allowed)).fill_null(True)
        if is_odd.any():
            yield _failures(is_odd, "allowed", f"{name}: expected one of {', '.join(column.allowed)}, got ", series)


def _conflicts(frame: pl.DataFrame, spec: TableSpec, rule: StoreRule) -> pl.DataFrame:
    """Rows of one batch that tell two things of one fact at one time: no order says which is right."""
    import polars as pl

    by = identity(spec)
    if is_known(spec) and rule.latest_by == "known_at":
        by = list(dict.fromkeys([*by, "known_at"]))
    if not frame.select(by).is_duplicated().any():
        return no_failures()
    values = [name for name in spec.column_names if name not in by]
    told = pl.struct(values).n_unique().over(by) if values else pl.lit(1)
    is_conflict = frame.select((told > 1).alias("_")).to_series()
    key = ", ".join(by)
    return _failures(
        is_conflict,
        "conflict",
        f"one batch tells two things of one fact ({key}): ",
        frame.select(pl.struct(by)).to_series(),
    )


def _failures(is_failed: pl.Series, check_id: str, said: str, got: pl.Series) -> pl.DataFrame:
    import polars as pl

    rows = is_failed.arg_true()
    return pl.DataFrame(
        {
            "row": rows.cast(pl.Int64),
            "check_id": [check_id] * len(rows),
            "severity": ["quarantine"] * len(rows),
            "message": [f"{said}{_shown(value)}." for value in got.gather(rows).to_list()],
        },
        schema=no_failures().schema,
    )


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(str(item) for item in value.values())
    return "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
