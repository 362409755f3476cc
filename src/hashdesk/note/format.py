"""Text for numbers, by unit: the only place where a fraction becomes a percentage and USD/MWh becomes c/kWh.

Every format of the note (page, PDF, workbook labels, Markdown, takeaways) uses these functions, so a figure reads the
same everywhere. Not known is ``n/a``; a value that rounds to zero carries no sign.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hashdesk.note.model import Event, Figure, Interval, Note, Scalar

MISSING = "n/a"
EVENT_RETURNS = (
    "Returns run from the last close before to the close of the first session that could trade on the news; of several "
    "companies the median."
)
NO_EVENT_RETURNS = "Daily closes of the companies are not in the store for this period, so no returns are shown."
_HYPHEN_AS_MINUS = re.compile(r"(?<![\w.)])-(?=USD \d|\d)")
CENTS_PER_KWH_PER_USD_PER_MWH = 0.1

_RATE_WORDS = {
    "USD/EH/s/day": "per EH/s a day",
    "USD/PH/s/day": "per PH/s a day",
    "USD/EH/s": "per EH/s",
    "USD/MW": "per MW",
    "USDm/MW-year": "per MW and year",
    "months": "months",
}
"""What a value of these units leaves to its column head or its label."""

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


def format_with_unit(value: Scalar, unit: str) -> str:
    """Write a value whose column has no head or label to name its unit.

    Examples
    --------
    >>> format_with_unit(9.5e6, "USD/MW"), format_with_unit(6.0, "months"), format_with_unit(18.0, "J/TH")
    ('USD 9.5m per MW', '6 months', '18.0 J/TH')
    """
    text, words = format_value(value, unit), _RATE_WORDS.get(_ALIASES.get(unit, unit))
    return text if words is None or text == MISSING else f"{text} {words}"


def label_with_unit(label: str, unit: str) -> str:
    """Label for a table of mixed units: says what a daily rate is paid for, unless the label does so already.

    Examples
    --------
    >>> label_with_unit("Hashprice", "USD/PH/s/day"), label_with_unit("Revenue per EH/s", "USD/EH/s/day")
    ('Hashprice, per PH/s a day', 'Revenue per EH/s')
    """
    unit = _ALIASES.get(unit, unit)
    if unit not in {"USD/EH/s/day", "USD/PH/s/day"} or unit[4:8] in label:
        return label
    return f"{label}, {_RATE_WORDS[unit]}"


def format_backstop(contract: Mapping[str, Scalar], *, with_cover: bool = False) -> str:
    """Guaranteed amount of a contract; its guarantor where the amount is not stated; ``n/a`` where neither is known."""
    amount, guarantor = contract.get("backstop_usd"), contract.get("backstop_by")
    if amount is None:
        return MISSING if not guarantor else f"{guarantor}, amount not stated"
    cover = contract.get("backstop_cover_frac")
    text = format_number(amount, "USD")
    return f"{text} ({format_number(cover, 'fraction')})" if with_cover and cover is not None else text


def is_per_gross_mw(contract: Mapping[str, Scalar]) -> bool:
    """Whether the rate of a contract is for each MW of gross load."""
    return contract.get("mw_basis") == "gross"


def format_megawatts(contract: Mapping[str, Scalar]) -> str:
    """Size of a contract in MW of critical IT load, or its gross load marked as such."""
    critical, gross = contract.get("critical_it_mw"), contract.get("gross_mw")
    if gross is not None and (critical is None or is_per_gross_mw(contract)):
        return f"{format_number(gross, 'MW')} gross"
    return format_number(critical, "MW")


def format_contract_rate(contract: Mapping[str, Scalar]) -> str:
    """Revenue of a contract in USD m per MW and year; ``per gross MW`` beside it where the load is gross."""
    value = contract.get("revenue_usd_m_per_mw_year")
    text = format_number(value, "USDm/MW-year")
    return f"{text} per gross MW" if value is not None and is_per_gross_mw(contract) else text


def contract_marks(contract: Mapping[str, Scalar]) -> list[str]:
    """What sets a contract apart: a share of a joint venture, restated or replaced by another row."""
    share = contract.get("jv_share_frac")
    marks = [] if not isinstance(share, int | float) else [f"{100 * share:.0f}% of the venture"]
    if contract.get("is_restatement"):
        marks.append("restated")
    if contract.get("is_replaced"):
        marks.append("replaced")
    return marks


def has_event_returns(note: Note) -> bool:
    """Whether any event of the period has a return of its first session."""
    return any(event.return_1d_frac is not None for event in note.events)


def event_headline(event: Event) -> str:
    """What happened; says where the session's return belongs to more than this one piece of news."""
    shared = session_text(event)
    return f"{event.headline.rstrip('.')} ({shared})" if shared else event.headline


def session_text(event: Event) -> str:
    """How many news items of the company share the session; empty where the event has it to itself."""
    n_news = event.n_same_session
    words = {2: "two", 3: "three", 4: "four"}
    return f"{words.get(n_news, n_news)} news items in this session" if n_news > 1 else ""


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
