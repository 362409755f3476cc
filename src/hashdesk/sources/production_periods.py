"""Months as column headers, titles and sentences name them."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache

from hashdesk.calendar import next_month
from hashdesk.sources.production_numbers import clean

MONTH_NAMES = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_SHORT = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december|" + (
    r"jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\b\.?"
)
_YEAR = r"(?:20\d\d|'\s?\d\d|(?<=-)\d\d(?!\d))"
_MONTH_DAY_YEAR = re.compile(rf"\b({MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?\s*,?\s+(20\d\d)", re.I)
_DAY_MONTH_YEAR = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+({MONTH})\s*,?\s+(20\d\d)", re.I)
_MONTH_DAY = re.compile(rf"\b({MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*,?\s*'?\d|\.\d)", re.I)
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+({MONTH})(?!\s*,?\s*'?\d)", re.I)
_MONTH_YEAR = re.compile(rf"\b({MONTH})[\s,\-/]*({_YEAR})\s*(?:\(?\d\)?)?(?=$|[\s,.;:)\]|\-'*(])", re.I)
_SHORT_YEAR = re.compile(rf"({MONTH})[\s,]+(2\d|3[0-5])", re.I)
_SLASHED = re.compile(r"\b(\d{1,2})/(\d{1,2})/(20\d\d|\d\d)\b")
_ISO = re.compile(r"\b(20\d\d)-(\d\d)(?:-(\d\d))?\b")
NOT_A_MONTH = re.compile(
    r"(?i)\bq[1-4]\b|\b[1-4]q|(?<![$.\d])\b\d{1,2}m\b|\b[12]h'?\d|quarter|\bqtr|three months|six months|nine months|"
    r"twelve months|\bytd\b|year[- ]to[- ]date|"
    r"\bfiscal\b|\bfy ?'?\d|full[- ]year|years? ended|cumulative|since|inception|\bh[12]\b|half|annual|trailing|"
    r"\bltm\b|\bttm\b|"
    r"target|expected|guidance|forecast|planned|pro forma|projected"
)
_CHANGE = re.compile(
    r"(?i)^[\s(]*(%|\u0394|change|increase|variance|delta|m/?m|y/?y|m-?o-?m|y-?o-?y|month/month|year/year|"
    r"month-over-month|"
    r"year-over-year|mom|yoy|vs\b|%\s*(change|\u0394)|.*%\s*$|.*\u0394|.*change.*|.*variance.*)"
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a column's header stands for."""

    kind: str
    """``month``, ``other`` (a quarter, a year, a day in mid-month, a target) or ``change``."""
    month: dt.date | None = None


def month_number(name: str) -> int:
    """Number of a month by its name or its usual short form."""
    key = name.lower().rstrip(".")
    return MONTH_NAMES.get(key) or _SHORT[key]


def _year(text: str) -> int:
    digits = int(re.sub(r"\D", "", text))
    return digits if digits > 99 else 2000 + digits


def month_end(month: dt.date) -> dt.date:
    """Last day of the month."""
    return next_month(month) - dt.timedelta(days=1)


def days_named(text: str) -> list[dt.date]:
    """Days with their year, in any of the usual spellings."""
    found = []
    for match in _MONTH_DAY_YEAR.finditer(text):
        found.append((int(match[3]), month_number(match[1]), int(match[2])))
    for match in _DAY_MONTH_YEAR.finditer(text):
        found.append((int(match[3]), month_number(match[2]), int(match[1])))
    for match in _SLASHED.finditer(text):
        found.append((_year(match[3]), int(match[1]), int(match[2])))
    for match in _ISO.finditer(text):
        if match[3]:
            found.append((int(match[1]), int(match[2]), int(match[3])))
    return [dt.date(y, m, d) for y, m, d in found if 1 <= m <= 12 and 1 <= d <= calendar.monthrange(y, m)[1]]


def without_dates(text: str) -> str:
    """The text with every day and month-year cut down to the month's name, so that the digits left are figures."""
    for pattern, name in (
        (_MONTH_DAY_YEAR, 1),
        (_DAY_MONTH_YEAR, 2),
        (_MONTH_YEAR, 1),
        (_MONTH_DAY, 1),
        (_DAY_MONTH, 2),
    ):
        text = pattern.sub(lambda match, name=name: match[name] + " ", text)  # type: ignore[misc]
    return re.sub(r" ,", ",", text)


def days_without_year(text: str) -> list[tuple[int, int]]:
    """Month and day where no year follows."""
    days = [(month_number(match[1]), int(match[2])) for match in _MONTH_DAY.finditer(text)]
    return days + [(month_number(match[2]), int(match[1])) for match in _DAY_MONTH.finditer(text)]


def months_named(text: str) -> list[dt.date]:
    """Months with their year that a text names, days left aside, in order."""
    rest = _MONTH_DAY_YEAR.sub(" ", _DAY_MONTH_YEAR.sub(" ", text))
    return [dt.date(_year(match[2]), month_number(match[1]), 1) for match in _MONTH_YEAR.finditer(rest)]


def bare_months(text: str) -> set[int]:
    """Numbers of the months that a text names at all; ``may`` counts only where it is written as a month."""
    names = re.findall(
        rf"\b({MONTH})", re.sub(r"\b(may|mar|MAY)\b(?!\s*'?\d)(?<!in May)(?<!of May)(?<!for May)", " ", text), re.I
    )
    return {month_number(name) for name in names if name[0].isupper() or name.isupper()}


@lru_cache(maxsize=4096)
def header_of(text: str) -> Header | None:
    """What a column header stands for; None where it is none.

    Examples
    --------
    >>> header_of("Sept. 2024 1").month
    datetime.date(2024, 9, 1)
    >>> header_of("Third Qtr. 2024").kind
    'other'
    """
    text = clean(text)
    if not text or len(text) > 60:
        return None
    bare = re.sub(r"\(\s*\w\s*\)", "", text).strip()
    days, months = days_named(bare), months_named(bare)
    short = _SHORT_YEAR.fullmatch(bare)
    if short is not None:
        # "May 25" heads a column of May 2025; "Jun 30" may be a day, and is left alone.
        month = dt.date(2000 + int(short[2]), month_number(short[1]), 1)
        return Header("other") if month_end(month).day == int(short[2]) else Header("month", month)
    if NOT_A_MONTH.search(bare) and (re.search(r"20\d\d|\d\d$|q[1-4]|date|ytd|target", bare, re.I)):
        return Header("other")
    if days or months:
        if len(days) + len(months) > 1:
            return Header("change" if re.search(r"(?i)\bvs|change|%", bare) else "other")
        rest = re.sub(
            rf"(?i){MONTH}|\d|[\s,.'/()*\-]|month|ended|ending|end|as of|at|the|for|unaudited|actual|monthly", "", bare
        )
        if len(rest) > 0 or "%" in bare:
            return Header("change") if _CHANGE.match(bare) else None
        if days:
            month = days[0].replace(day=1)
            return Header("month", month) if days[0] == month_end(month) else Header("other")
        return Header("month", months[0])
    if re.fullmatch(r"(20\d\d)", bare):
        return Header("other")
    return Header("change") if _CHANGE.match(bare) and len(bare) < 40 else None
