"""UTC days, months and half-open periods; halvings and subsidy by height."""

from __future__ import annotations

import calendar as _calendar
import datetime as dt
import re
from dataclasses import dataclass

from hashdesk.errors import InputError
from hashdesk.units import BLOCKS_PER_HALVING, SAT_PER_BTC

_MONTH = re.compile(r"^(\d{4})-(\d{2})$")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A half-open span of UTC days [start, end): a calendar month, or its first part for a mid-month flash."""

    start: dt.date
    end: dt.date

    @property
    def month(self) -> str:
        """Month the period starts in, as ``YYYY-MM``."""
        return f"{self.start:%Y-%m}"

    @property
    def last_day(self) -> dt.date:
        """Last day inside the period."""
        return self.end - dt.timedelta(days=1)

    @property
    def n_days(self) -> int:
        """Number of days in the period."""
        return (self.end - self.start).days

    @property
    def is_partial(self) -> bool:
        """True where the period ends before its calendar month does."""
        return self.end != next_month(self.start)

    @property
    def name(self) -> str:
        """``2025-09`` for a whole month, ``2025-10-15`` for a month to date."""
        return f"{self.last_day:%Y-%m-%d}" if self.is_partial else self.month

    @property
    def title(self) -> str:
        """``September 2025``, ``1-15 October 2025`` or ``1 October 2025``."""
        month_name = f"{_calendar.month_name[self.start.month]} {self.start.year}"
        if not self.is_partial:
            return month_name
        return f"{'1-' if self.n_days > 1 else ''}{self.last_day.day} {month_name}"


def next_month(day: dt.date) -> dt.date:
    """First day of the month after ``day``."""
    return dt.date(day.year + day.month // 12, day.month % 12 + 1, 1)


def previous_month(day: dt.date) -> dt.date:
    """First day of the month before ``day``."""
    return (day.replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def parse_month(text: str) -> dt.date:
    """First day of the month written ``YYYY-MM``.

    Raises
    ------
    InputError
        The text is not a calendar month from 2009 on.
    """
    match = _MONTH.match(text.strip()) if isinstance(text, str) else None
    if match is None or not 1 <= int(match[2]) <= 12 or int(match[1]) < 2009:
        raise InputError(
            f"month: expected YYYY-MM from 2009-01 on, got {text!r}.", hint="Example: 2025-09.", value=text
        )
    return dt.date(int(match[1]), int(match[2]), 1)


def parse_day(text: str, *, what: str = "date") -> dt.date:
    """Day written ``YYYY-MM-DD``.

    Raises
    ------
    InputError
        The text is not a day.
    """
    try:
        return dt.date.fromisoformat(text.strip())
    except (ValueError, AttributeError):
        raise InputError(
            f"{what}: expected a day as YYYY-MM-DD, got {text!r}.", hint="Example: 2025-10-15.", value=text
        ) from None


def month_period(month: dt.date, through: dt.date | None = None) -> Period:
    """The period of a month, cut after the day ``through`` when that is given.

    Raises
    ------
    InputError
        ``through`` lies outside the month.
    """
    start = month.replace(day=1)
    end = next_month(start)
    if through is None:
        return Period(start, end)
    if not start <= through < end:
        raise InputError(
            f"through: expected a day of {start:%Y-%m}, got {through}.", hint=f"Use {start} to {end - dt.timedelta(1)}."
        )
    return Period(start, through + dt.timedelta(days=1))


def months_between(first: dt.date, last: dt.date) -> list[Period]:
    """Every calendar month from ``first`` to ``last``, both included."""
    months = []
    day = first.replace(day=1)
    while day <= last:
        months.append(Period(day, next_month(day)))
        day = next_month(day)
    return months


def subsidy_sat(height: int) -> int:
    """Block subsidy at a height in satoshi: 50 BTC, halved every 210,000 blocks.

    Examples
    --------
    >>> subsidy_sat(839_999), subsidy_sat(840_000)
    (625000000, 312500000)
    """
    return int(50 * SAT_PER_BTC) >> (height // BLOCKS_PER_HALVING)
