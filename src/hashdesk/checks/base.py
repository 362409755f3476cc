"""What a check is, and how its failures are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

Facts = Mapping[str, pl.DataFrame]
"""Neighbouring tables by name, for checks that compare; an absent one is not compared with."""

FAILURE_SCHEMA = {"row": pl.Int64(), "check_id": pl.String(), "severity": pl.String(), "message": pl.String()}
"""Columns of failures: row of the frame from 0, the check, quarantine or warning, one line."""

FOUND_SCHEMA = {"row": pl.Int64(), "message": pl.String()}
"""Columns of what one check finds."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check on one table."""

    id: str
    table: str
    severity: str
    """``quarantine`` keeps the row out of what is read; ``warning`` leaves it in and names it."""
    threshold: str
    """What a row must meet to pass."""
    why: str
    find: Callable[[pl.DataFrame, Facts], pl.DataFrame]
    """Frame with a ``row`` column and facts in; rows that fail, with a message, out."""
    is_main_chain: bool = False
    """True where a test network has other rules."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A message with places for values of the row."""

    template: str
    values: tuple[pl.Expr, ...]


def sentence(template: str, *values: str | pl.Expr) -> Sentence:
    """A message; each ``{}`` is filled by a column or an expression of the row."""
    return Sentence(template, tuple(pl.col(value) if isinstance(value, str) else value for value in values))


def found(rows: pl.DataFrame, message: Sentence) -> pl.DataFrame:
    """Failures of a check: the rows that are left, each with its message."""
    values = rows.select(
        value.cast(pl.String).fill_null("nothing").alias(str(place)) for place, value in enumerate(message.values)
    )
    filled = [message.template.format(*row) for row in values.iter_rows()] if message.values else None
    texts = pl.Series("message", filled or [message.template] * rows.height, dtype=pl.String)
    return pl.DataFrame({"row": rows["row"].cast(pl.Int64), "message": texts})


def nothing() -> pl.DataFrame:
    """No failures."""
    return pl.DataFrame(schema=FOUND_SCHEMA)


def neighbour(facts: Facts, table: str) -> pl.DataFrame | None:
    """A neighbouring table; None where it is absent or empty."""
    frame = facts.get(table)
    return None if frame is None or frame.is_empty() else frame


def text(column: str, digits: int = 0) -> pl.Expr:
    """A number as words for a message."""
    return pl.col(column).round(digits).cast(pl.Int64 if digits == 0 else pl.Float64).cast(pl.String)


def percent(column: str) -> pl.Expr:
    """A fraction as a percentage for a message."""
    return (pl.col(column) * 100).round(1).cast(pl.String) + "%"
