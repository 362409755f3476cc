"""How a table is declared: columns with type, unit, meaning and limits; a key; the column that dates a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, its unit, what it means, and what a value may be."""

    name: str
    dtype: str
    """``date``, ``datetime`` (UTC), ``f64``, ``i64``, ``str``, ``bool`` or ``binary``."""
    unit: str
    description: str
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table: what a row is, which columns name it, and which column dates it."""

    name: str
    description: str
    key: tuple[str, ...]
    fact_date: str | None
    """Column that says when a row's fact holds; the pack's coverage is its first and last value."""
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class StoreRule:
    """How the live store reads a table: which of several rows for one key wins, and when it counts as late."""

    prefer: tuple[str, ...] = ()
    """Ids of sources, best first, those of one rank joined by ``|``; one that is not listed comes last."""
    latest_by: str = "known_at"
    """``known_at``: the later word of a publisher wins, then the later retrieval. ``retrieved_at``: the later
    retrieval alone, for what the network itself may take back."""
    order: tuple[str, ...] = ()
    """Columns that sort the rows, nulls last; the key where none are given; ``_seq, _row`` leaves them as stored."""
    cadence_days: int | None = None
    """How old the newest fact may be before the table counts as late. [days]"""
    calendar: str | None = None
    """``day``, ``month`` or ``number``: ``fact_date``, or the key, runs without gaps."""


CONFIDENCE = ("high", "medium", "low")


def col(
    name: str,
    dtype: str,
    unit: str,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    allowed: tuple[str, ...] = (),
) -> Column:
    """A column; a type that ends in ``?`` may be empty."""
    return Column(name, dtype.removesuffix("?"), unit, description, dtype.endswith("?"), low, high, allowed)


def date(name: str, description: str, dtype: str = "date") -> Column:
    """A column of days; ``date?`` where it may be empty."""
    return col(name, dtype, "", description)


def ticker(
    description: str = "Share symbol; a renamed company keeps the symbol of the window it was tracked in.",
) -> Column:
    """The column of share symbols."""
    return col("ticker", "str", "", description)


NOTE = col("note", "str?", "", "What a reader must know about this row.")
TRUST = col("confidence", "str", "", "How far the source is trusted.", allowed=CONFIDENCE)
TAIL = (
    col("source", "str", "", "Id of the row's source in `sources`."),
    col("known_at", "date", "", "First day on which the fact could be used; where no day is printed, a stated rule."),
)


def table(
    name: str, description: str, key: tuple[str, ...], fact_date: str | None, *columns: Column, tail: bool = True
) -> TableSpec:
    """A table; every row names its source and the day it was known, unless ``tail`` is False."""
    return TableSpec(name, description, key, fact_date, columns + (TAIL if tail else ()))
