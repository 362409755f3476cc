"""Text for numbers, by unit: the only place where a fraction becomes a percentage and USD/MWh becomes c/kWh.

Every format of the note (page, PDF, workbook labels, Markdown, takeaways) uses these functions, so a figure reads the
same everywhere. Not known is ``n/a``; a value that rounds to zero carries no sign.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import re
from dataclasses import dataclass

from hashdesk.note.model import Figure, Interval, Scalar

MISSING = "n/a"
_HYPHEN_AS_MINUS = re.compile(r"(?<![\w.)])-(?=USD \d|\d)")
CENTS_PER_KWH_PER_USD_PER_MWH = 0.1

_TEXT_UNITS = frozenset({"ticker", "text", "name", "id", "url", ""})
_MAGNITUDES = ((1e12, "tn", 2), (1e9, "bn", 1), (1e6, "m", 1))
_MONTH_NAMES = tuple(calendar.month_name)[1:]


@dataclass(frozen=True, slots=True)
class _Style:
    """How one unit is written: ``prefix number suffix``."""

    label: str
    prefix: str = ""
    suffix: str = ""
    decimals: int | None = 0
    """Digits after the point; None: three significant digits, at most none above 100."""
    scale: float = 1.0
    is_money: bool = False
    """Large amounts take m, bn or tn when compact."""
    extra_decimals: int = 0
    """Digits added in the long form."""
    trims_zero: bool = False
    """A whole number carries no ``.0``."""
    small_decimals: int | None = None
    """Digits after the point below 100."""


_STYLES: dict[str, _Style] = {
    "EH/s": _Style("EH/s", suffix=" EH/s", decimals=None),
    "EH": _Style("EH", suffix=" EH", decimals=0),
    "USD": _Style("USD", prefix="USD ", decimals=2, is_money=True),
    "USD/BTC": _Style("USD per BTC", prefix="USD ", decimals=0),
    "USD/EH/s/day": _Style("USD per EH/s per day", prefix="USD ", decimals=0),
    "USD/PH/s/day": _Style("USD per PH/s per day", prefix="USD ", decimals=2),
    "USD/MWh": _Style("USD per MWh", prefix="USD ", suffix="/MWh", decimals=1),
    "USD/EH/s": _Style("USD per EH/s", prefix="USD ", decimals=0, is_money=True),
    "USD tn": _Style("USD tn", prefix="USD ", suffix="tn", decimals=2),
    "USD bn": _Style("USD bn", prefix="USD ", suffix="bn", decimals=1),
    "USD m": _Style("USD m", prefix="USD ", suffix="m", decimals=1),
    "USDm/MW-year": _Style("USD m per MW and year", prefix="USD ", suffix="m", decimals=2),
    "USDm/MW": _Style("USD m per MW", prefix="USD ", suffix="m", decimals=1),
    "fraction": _Style("%", suffix="%", decimals=1, scale=100.0, extra_decimals=1),
    "%": _Style("%", suffix="%", decimals=1),
    "bps": _Style("bp", suffix=" bp", decimals=0),
    "log": _Style("log points", decimals=3),
    "J/TH": _Style("J/TH", suffix=" J/TH", decimals=1, extra_decimals=1),
    "W": _Style("W", suffix=" W", decimals=0),
    "TH/s": _Style("TH/s", suffix=" TH/s", decimals=1),
    "MW": _Style("MW", suffix=" MW", decimals=0),
    "GW": _Style("GW", suffix=" GW", decimals=1),
    "USD/MW": _Style("USD per MW", prefix="USD ", decimals=0, is_money=True),
    "1/month": _Style("a month", suffix=" a month", decimals=4),
    "weight": _Style("weight", decimals=1),
    "1": _Style("", decimals=2),
    "x": _Style("multiple", suffix="x", decimals=2),
    "z": _Style("standard errors", decimals=1),
    "count": _Style("count", decimals=0),
    "shares": _Style("shares", decimals=0),
    "blocks": _Style("blocks", decimals=0),
    "months": _Style("months", decimals=0),
    "days": _Style("days", decimals=0),
    "years": _Style("years", suffix=" years", decimals=1, trims_zero=True),
    "difficulty": _Style("difficulty, T", suffix=" T", decimals=2, scale=1e-12),
    "BTC": _Style("BTC", suffix=" BTC", decimals=0, small_decimals=3),
    "BTC/block": _Style("BTC per block", suffix=" BTC", decimals=3),
}
_ALIASES = {
    "USDm/MW-yr": "USDm/MW-year",
    "USD m/MW-year": "USDm/MW-year",
    "USD m/MW/year": "USDm/MW-year",
    "USD m/MW": "USDm/MW",
    "USD/(EH/s)/day": "USD/EH/s/day",
    "USD/(PH/s)/day": "USD/PH/s/day",
    "USD/ehs/day": "USD/EH/s/day",
    "frac": "fraction",
    "multiple": "x",
    "dimensionless": "count",
    "number": "count",
}


def _style(unit: str) -> _Style:
    known = _STYLES.get(_ALIASES.get(unit, unit))
    return known or _Style(unit, suffix=f" {unit}", decimals=None)


def _significant_decimals(size: float) -> int:
    """Three significant digits, at most four after the point."""
    if size >= 100 or size == 0:
        return 0
    return min(4, 2 - math.floor(math.log10(size)))


def _number(value: float, style: _Style, *, compact: bool, reference: float | None = None) -> str:
    """Unsigned digits with the magnitude letter; decimals follow ``reference`` where one is given."""
    size = abs(value) * style.scale
    yardstick = abs(reference) * style.scale if reference else size
    if style.is_money and size == 0:
        return "0"
    if style.is_money and compact:
        for threshold, letter, money_decimals in _MAGNITUDES:
            # A change of 0.4bn on a value of 55bn stays in bn, so that both read alike.
            if yardstick >= threshold:
                return f"{size / threshold:,.{money_decimals}f}{letter}"
    decimals = style.decimals
    if decimals is None:
        decimals = _significant_decimals(yardstick)
    elif style.is_money and yardstick >= 1_000:
        decimals = 0
    elif style.small_decimals is not None and yardstick < 100:
        decimals = style.small_decimals
    if not compact:
        decimals += style.extra_decimals
    digits = f"{size:,.{decimals}f}"
    return digits.removesuffix(".0") if style.trims_zero else digits


def _sign(value: float, digits: str, *, signed: bool) -> str:
    if not any(character in "123456789" for character in digits):
        return ""
    if value < 0:
        return "-"
    return "+" if signed else ""


def format_value(value: Scalar, unit: str, *, compact: bool = True, signed: bool = False) -> str:
    """Write a value with its unit, as people read it.

    Parameters
    ----------
    value : float, int, str, bool, date or None
        What to show; None and NaN are ``n/a``.
    unit : str
        Unit as in the names guide: ``EH/s``, ``USD``, ``fraction``, ``J/TH``, ``difficulty``, ``ticker``, ``date``, ...
    compact : bool, default True
        Money as m, bn, tn; otherwise to the dollar, and percentages with two digits.
    signed : bool, default False
        Put a plus before a positive value.

    Returns
    -------
    str
        Text of one line.

    Examples
    --------
    >>> format_value(55.93e9, "USD"), format_value(1034.7, "EH/s"), format_value(0.0912, "fraction", signed=True)
    ('USD 55.9bn', '1,035 EH/s', '+9.1%')
    >>> format_value(142.34e12, "difficulty"), format_value(None, "USD"), format_value(-0.0004, "fraction")
    ('142.34 T', 'n/a', '0.0%')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "month" and isinstance(value, dt.date | str):
        return format_month(value, short=True)
    if isinstance(value, dt.date):
        return format_date(value)
    if isinstance(value, str):
        return format_date(dt.date.fromisoformat(value)) if unit == "date" and len(value) == 10 else value
    if unit in _TEXT_UNITS:
        return str(value)
    style = _style(unit)
    digits = _number(value, style, compact=compact)
    return f"{_sign(value, digits, signed=signed)}{style.prefix}{digits}{style.suffix}"


def format_number(value: Scalar, unit: str, *, compact: bool = True, signed: bool = False) -> str:
    """Write a value without its unit, for table columns that name the unit in their head.

    Percentages keep their sign ``%`` and money keeps bn, m or tn, because the digits mean nothing without them.

    Examples
    --------
    >>> format_number(49_499.4, "USD/EH/s/day"), format_number(55.93e9, "USD"), format_number(0.091, "fraction")
    ('49,499', '55.9bn', '9.1%')
    """
    if value is None or isinstance(value, bool | str | dt.date) or unit in _TEXT_UNITS:
        return format_value(value, unit)
    if not math.isfinite(value):
        return MISSING
    style = _style(unit)
    digits = _number(value, style, compact=compact)
    suffix = "%" if style.suffix == "%" else ""
    return f"{_sign(value, digits, signed=signed)}{digits}{suffix}"


def format_change(figure: Figure) -> str:
    """Change of a figure against the month before: absolute with the relative one, or percentage points.

    Examples
    --------
    >>> day = dt.date(2025, 9, 1)
    >>> format_change(Figure("h", "Hashrate", 1035.0, "EH/s", day, day, prior=950.0, change=85.0, change_frac=0.0895))
    '+85 EH/s (+8.9%)'
    >>> format_change(Figure("m", "Margin", 0.541, "fraction", day, day, prior=0.588, change=-0.047))
    '-4.7 pp'
    """
    if figure.change is None or not math.isfinite(figure.change) or isinstance(figure.value, str):
        return MISSING
    style = _style(figure.unit)
    if style.suffix == "%":
        digits = f"{abs(figure.change) * style.scale:,.1f}"
        return f"{_sign(figure.change, digits, signed=True)}{digits} pp"
    digits = _number(figure.change, style, compact=True, reference=figure.value)
    text = f"{_sign(figure.change, digits, signed=True)}{style.prefix}{digits}{style.suffix}"
    if figure.change_frac is None or style.label == "count":
        return text
    return f"{text} ({format_value(figure.change_frac, 'fraction', signed=True)})"


def format_bounds(low: float | None, high: float | None, unit: str) -> str:
    """Two bounds without their unit: ``1,005 to 1,065``."""
    if low is None or high is None:
        return MISSING
    style = _style(unit)
    ends = []
    for bound in (low, high):
        digits = _number(bound, style, compact=True, reference=max(abs(low), abs(high)))
        ends.append(f"{_sign(bound, digits, signed=False)}{digits}{'%' if style.suffix == '%' else ''}")
    return " to ".join(ends)


def format_interval(figure: Figure | Interval | None, unit: str | None = None) -> str:
    """Interval of a figure (or an interval with its unit) as ``1,005 to 1,065``; ``n/a`` where there is none."""
    interval = figure.interval if isinstance(figure, Figure) else figure
    if interval is None:
        return MISSING
    return format_bounds(interval.low, interval.high, unit or (figure.unit if isinstance(figure, Figure) else ""))


def format_significance(figure: Figure) -> str:
    """Whether the change stands out: ``beyond noise (z +3.9)``, ``within noise (z -0.4)``, or empty without a model."""
    if figure.is_significant is None:
        return ""
    words = "beyond noise" if figure.is_significant else "within noise"
    return words if figure.z is None else f"{words} (z {format_number(figure.z, 'z', signed=True)})"


def format_power_price(usd_per_mwh: float | None) -> str:
    """Power price in both units of the trade: ``USD 50.0/MWh (5.0 c/kWh)``."""
    if usd_per_mwh is None:
        return MISSING
    cents = f"{abs(usd_per_mwh) * CENTS_PER_KWH_PER_USD_PER_MWH:.1f}"
    return f"{format_value(usd_per_mwh, 'USD/MWh')} ({_sign(usd_per_mwh, cents, signed=False)}{cents} c/kWh)"


def _as_date(day: dt.date | str) -> dt.date:
    if isinstance(day, dt.date):
        return day
    return dt.date.fromisoformat(day if len(day) > 7 else f"{day}-01")


def with_true_minus(text: str) -> str:
    """Text for typeset formats: the hyphen before a number becomes a minus sign; dates and names stay.

    Examples
    --------
    >>> with_true_minus("2025-09: -4.7 pp (-USD 0.3bn)")
    '2025-09: \N{MINUS SIGN}4.7 pp (\N{MINUS SIGN}USD 0.3bn)'
    """
    return _HYPHEN_AS_MINUS.sub("\N{MINUS SIGN}", text)


def format_date(day: dt.date | str | None, *, long: bool = False) -> str:
    """Write a day as ``30 Sep 2025``, or ``30 September 2025`` when long."""
    if day is None:
        return MISSING
    date = _as_date(day)
    name = _MONTH_NAMES[date.month - 1]
    return f"{date.day} {name if long else name[:3]} {date.year}"


def format_month(day: dt.date | str | None, *, short: bool = False) -> str:
    """Write a month as ``September 2025``, or ``Sep 2025`` when short; takes a date, ``2025-09`` or ``2025-09-01``."""
    if day is None:
        return MISSING
    date = _as_date(day)
    name = _MONTH_NAMES[date.month - 1]
    return f"{name[:3] if short else name} {date.year}"


def unit_label(unit: str) -> str:
    """Name of a unit for an axis or a column head: ``USD per EH/s per day``, ``%``, ``EH/s``; empty for text."""
    if unit in _TEXT_UNITS or unit in {"date", "month", "bool", "flag"}:
        return ""
    return _style(unit).label
