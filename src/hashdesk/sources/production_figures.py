"""From readings to figures: one value per column, or a refusal with its reason."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hashdesk.sources.production_labels import UNITS, is_hosted, read_label
from hashdesk.sources.production_numbers import NUMBER, Number, clean, parse_number, unit_in_label
from hashdesk.sources.production_sentences import Reading
from hashdesk.sources.production_tables import Table

LIMITS = {
    "production_btc": (0.0, 2_000.0),
    "holdings_btc": (0.0, 200_000.0),
    "sold_btc": (0.0, 30_000.0),
    "efficiency_j_per_th": (8.0, 60.0),
    "power_price_usd_per_mwh": (-200.0, 300.0),
    "power_credits_usd": (0.0, 100e6),
}
"""A value outside is not believed; hashrates are held between 0 and 150 EH/s."""

MAX_ROWS = 300
"""More rows than any table of a release has; those below are not read, so that no page can be slow."""

_STATED = re.compile(rf"(?i)(?<![\d.,])({NUMBER})\s?(?:EH/?s|exahash)")
_COMBINED = re.compile(
    r"(?i)\b(incl\w*|including|receivable|pledged|restricted|collateral\w*|loaned|encumbered|equivalents?)\b"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a month, or why there is none."""

    column: str
    value: float | None
    unit: str
    quote: str
    """The sentence, or label, column header and cell, as printed."""
    label: str
    """The company's own words for it."""
    confidence: str
    reason: str = ""


def table_readings(tables: list[Table], month: dt.date, *, trust_digits: bool, stated: str) -> Iterator[Reading]:
    """Readings from tables.

    Parameters
    ----------
    tables : list of Table
        Tables of the release.
    month : date
        Month that the release is about.
    trust_digits : bool
        True where footnotes are marked up, so that a digit at the end of a number is a digit.
    stated : str
        The whole text; a hashrate without a unit is believed where the text states the same number in EH/s.

    Yields
    ------
    Reading
        With the value, or with the reason against it.
    """
    with_unit = set(_STATED.findall(stated))
    for table in tables:
        at = [i for i, column in enumerate(table.columns) if column.header.month == month or table.is_implied]
        has_hosted = any(is_hosted(row.label) and re.search(r"(?i)bitcoin|btc|hash", row.label) for row in table.rows)
        for row in table.rows[:MAX_ROWS]:
            label = read_label(row.label, row.section)
            if label is None or not at:
                continue
            header = table.columns[at[0]].text
            quote = " | ".join(part for part in (row.label, header, row.cells[at[0]] or "") if part)
            if len({row.cells[i] for i in at}) > 1:
                number = Number(None, reason=f"{len(at)} columns are headed {header!r}")
            else:
                over = unit_in_label(header) or unit_in_label(row.section)
                own_unit = label.unit or (over if over is not None and over[0] == UNITS[label.column] else None)
                is_sure = trust_digits or _is_styled(table, row.cells, at[0])
                number = _cell(row.cells, at[0], own_unit, trust_digits=is_sure)
                if label.column == "sold_btc" and clean(row.cells[at[0]] or "") == "-" and _no_proceeds(table, at[0]):
                    number = Number(0.0, "BTC", digits="0")
            total_of_all = has_hosted and not label.is_own and "total" in label.text.lower()
            if total_of_all and label.column != "managed_hashrate_ehs":
                if UNITS[label.column] == "EH/s":
                    continue
                if label.column == "production_btc":
                    number = number.refuse("the total counts what customers mined")
            number = _in_unit(number, label.column, with_unit)
            yield Reading(label.column, number, quote, label.text, "table", label.is_own)


def _no_proceeds(table: Table, at: int) -> bool:
    """True where the proceeds of coins sold are a dash in a column too: nothing was sold, rather than not stated."""
    proceeds = [
        row.cells[at] for row in table.rows[:MAX_ROWS] if re.search(r"(?i)\b(?:bitcoin|btc)\b.*\bproceeds\b", row.label)
    ]
    return len(proceeds) == 1 and clean(proceeds[0] or "") == "-"


def _is_styled(table: Table, cells: tuple[str | None, ...], at: int) -> bool:
    """True where other cells of a column are printed with as many decimals: none of them is a footnote."""
    decimals = parse_number(cells[at] or "").decimals
    if decimals < 2:
        return False
    others = [row.cells[at] or "" for row in table.rows[:MAX_ROWS] if row.cells is not cells]
    return sum(parse_number(other).decimals == decimals for other in others) >= 3


def _cell(cells: tuple[str | None, ...], at: int, unit: tuple[str, float] | None, *, trust_digits: bool) -> Number:
    text = cells[at]
    if text is None:
        return Number(None, reason="no cell can be laid under the month's column")
    number = parse_number(text, label_unit=unit)
    if number.value is None or trust_digits:
        return number
    others = [parse_number(cell, label_unit=unit) for i, cell in enumerate(cells) if i != at and cell]
    plain = [other for other in others if other.value is not None]
    bare = re.fullmatch(r"[\d.,]+", clean(text)) is not None
    if bare and plain and number.decimals and all(0 < other.decimals < number.decimals for other in plain):
        return number.refuse(f"{text!r} has more decimals than its neighbours: its last digit may be a footnote")
    whole = number.digits.partition(".")[0]
    if bare and len(whole) > 3 and "," not in number.digits:
        return number.refuse(f"{text!r} has no thousands separator: its last digit may be a footnote")
    return number


def _in_unit(number: Number, column: str, with_unit: set[str]) -> Number:
    if number.value is None:
        return number
    unit = UNITS[column]
    if number.unit == unit:
        return number
    if number.unit:
        return number.refuse(f"the figure is in {number.unit}, not in {unit}")
    if unit == "BTC":
        return Number(number.value, "BTC", digits=number.digits, is_approximate=number.is_approximate)
    if unit == "EH/s" and number.digits in with_unit:
        return Number(number.value, "EH/s", digits=number.digits, is_approximate=True)
    return number.refuse(f"no unit is stated, {unit} would be a guess")


def decide(readings: list[Reading], *, month: dt.date, per_day: list[Number]) -> tuple[Figure, ...]:
    """One figure per column: what all readings agree on.

    Parameters
    ----------
    readings : list of Reading
        From tables, lines and sentences.
    month : date
        Month of the release.
    per_day : list of Number
        Stated averages of coins per day, against which the month's coins are checked.

    Returns
    -------
    tuple of Figure
        In the order of ``UNITS``; a column that no place speaks of is left out.
    """
    figures = []
    for column, unit in UNITS.items():
        found = [reading for reading in readings if reading.column == column]
        if column == "power_credits_usd" and any("total" in reading.label.lower() for reading in found):
            found = [reading for reading in found if "total" in reading.label.lower()]
        if any(reading.is_own for reading in found) and column != "managed_hashrate_ehs":
            found = [reading for reading in found if reading.is_own] + [
                reading for reading in found if not reading.is_own and "total" not in reading.label.lower()
            ]
        if found:
            figures.append(_figure(column, unit, found, month, per_day))
    return tuple(figures)


def _figure(column: str, unit: str, found: list[Reading], month: dt.date, per_day: list[Number]) -> Figure:
    valued = [reading for reading in found if reading.number.value is not None]
    first = (valued or found)[0]

    def refused(reason: str) -> Figure:
        return Figure(column, None, unit, first.quote, first.label, "low", reason)

    in_table = [reading for reading in found if reading.place == "table"]
    broken = [reading for reading in in_table if reading.number.value is None and reading.number.digits]
    if not valued:
        return refused(found[0].number.reason)
    if broken:
        return refused(broken[0].number.reason)
    best = max(valued, key=_precision)
    for other in valued:
        if not _agree(best.number, other.number):
            return refused(
                f"the release gives {best.number.value:g} ({best.quote!r}) and {other.number.value:g} ({other.quote!r})"
            )
    value = best.number.value
    assert value is not None
    low, high = LIMITS.get(column, (0.0, 150.0))
    if not low <= value <= high or (value == 0 and unit not in ("BTC", "USD")):
        return refused(f"{value:g} {unit} is outside {low:g} to {high:g}")
    if _COMBINED.search(best.label):
        return refused(f"the label {best.label!r} adds several holdings")
    if best.number.is_approximate and best.number.significant <= (2 if unit == "BTC" and value >= 100 else 1):
        return refused(f"{best.number.digits} is stated as approximate and rounded")
    if column == "production_btc":
        days = calendar.monthrange(month.year, month.month)[1]
        for average in per_day:
            if average.value is None:
                continue
            slack = 0.5 * 10.0**-average.decimals * days + 0.6
            if abs(average.value * days - value) > slack:
                return refused(f"{value:g} BTC does not fit the stated {average.value:g} a day over {days} days")
    places = {reading.place for reading in valued}
    sure = (
        "high"
        if "table" in places or (len(valued) > 1 and len({reading.quote for reading in valued}) > 1) or "line" in places
        else "medium"
    )
    return Figure(column, value, unit, best.quote, best.label, "medium" if best.number.is_approximate else sure)


def _precision(reading: Reading) -> tuple[bool, bool, int]:
    return (
        reading.place == "table",
        not reading.number.is_approximate,
        len(reading.number.digits.replace(",", "").replace(".", "")),
    )


def _agree(best: Number, other: Number) -> bool:
    """True where one is the other, or its rounding to the digits printed."""
    if best.value is None or other.value is None:
        return False
    step = 10.0**-other.decimals if other.unit != "EH/s" or other.value > 1 else 1e-3
    is_rounded = len(other.digits.replace(",", "").replace(".", "")) < len(
        best.digits.replace(",", "").replace(".", "")
    )
    slack = 0.5 * step if is_rounded or other.is_approximate else 0.0
    return abs(best.value - other.value) <= slack + 1e-9 * max(1.0, abs(best.value))
