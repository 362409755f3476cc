"""The parts of the calculation sheet: a line with its formula and the same rule in Python, and the days it works on."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from scipy.special import gammaincinv

from hashdesk.note.model import Scalar

LEVEL = 0.95
"""Level of every interval."""

LOW_FACTOR = "_xlfn.CHISQ.INV((1-confidence_level)/2,2*{n})/2/{n}"
HIGH_FACTOR = "_xlfn.CHISQ.INV.RT((1-confidence_level)/2,2*{n}+2)/2/{n}"
"""Exact Poisson bounds of a count n, as factors of it."""

DAYS_INSIDE = 'daily_date,">="&{start},daily_date,"<"&{end}'
INSIDE_MASK = "(daily_date>={start})*(daily_date<{end})"
FEES_KNOWN_MASK = INSIDE_MASK + "*ISNUMBER(daily_fees_btc)*ISNUMBER(daily_btc_price_usd)"


def poisson_factors(n: float, level: float = LEVEL) -> tuple[float, float]:
    """The two bounds, as the formulas above give them."""
    tail = (1 - level) / 2
    return float(gammaincinv(n, tail)) / n, float(gammaincinv(n + 1, 1 - tail)) / n


@dataclass(slots=True)
class Window:
    """The days of one period, and the lines worked out so far for it."""

    start: dt.date
    end: dt.date
    days: Mapping[str, list[Scalar]]
    lines: dict[str, float | str | None] = field(default_factory=dict)
    before: Window | None = None
    """The period before, where there is one."""

    def __getitem__(self, line_id: str) -> float:
        value = self.lines[line_id]
        if not isinstance(value, float | int):
            raise TypeError(f"{line_id} is not known")
        return value

    def rows(self, *names: str, start: dt.date | None = None) -> list[tuple[float, ...]]:
        """The days on which all these columns are known."""
        first = start or self.start
        columns = [self.days[name] for name in names]
        picked = []
        for day, *cells in zip(self.days["date"], *columns, strict=True):
            if isinstance(day, dt.date) and first <= day < self.end:
                numbers = tuple(float(cell) for cell in cells if isinstance(cell, float | int))
                if len(numbers) == len(names):
                    picked.append(numbers)
        return picked

    def total(self, name: str, start: dt.date | None = None) -> float:
        """Sum of a column over the period's known days."""
        return math.fsum(row[0] for row in self.rows(name, start=start))

    def mean(self, name: str) -> float:
        """Mean of a column over the period's known days."""
        return statistics.fmean(row[0] for row in self.rows(name))

    def last(self, name: str) -> float:
        """Value of the period's last day."""
        return self.rows(name, start=self.end - dt.timedelta(days=1))[0][0]

    @property
    def n_days(self) -> int:
        """Days in the period."""
        return (self.end - self.start).days


Number: TypeAlias = Callable[[Window], float]
Value: TypeAlias = Callable[[Window], "float | str"]


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the calculation: the formula for Excel and the same in Python for the cached result.

    The formula names other lines in braces; ``{id_prior}`` is that line in the column of the month before.
    """

    id: str
    label: str
    unit: str
    formula: str
    value: Value
    how: str = ""
    has_prior: bool = True
    prior_formula: str = ""
    """Where the month before takes another formula."""


def evaluate(lines: Sequence[Line], window: Window, *, is_prior: bool) -> None:
    """Work out every line for a window, in order; a line whose inputs are not all known stays None."""
    for line in lines:
        try:
            value: float | str | None = line.value(window) if line.has_prior or not is_prior else None
        except (TypeError, ValueError, ZeroDivisionError, KeyError, IndexError, AttributeError):
            value = None
        window.lines[line.id] = value


def before(window: Window) -> Window:
    """The period before.

    Raises
    ------
    ValueError
        This is the earlier one of the two.
    """
    if window.before is None:
        raise ValueError("no period before")
    return window.before
