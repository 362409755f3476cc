"""One sentence of each theme for the front page, read from the theme's tables; none where they do not bear it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from hashdesk.note.attribution_section import GROUP, PART_LABELS
from hashdesk.note.format import format_bounds, format_date, format_value
from hashdesk.note.model import Scalar, Table, Takeaway

_PART_WORDS = {"btc": "bitcoin", "ai": "the AI basket", "events": "dated news", "residual": "none of these"}

LEAST_HISTORY = 6
"""A month is ranked only against at least so many others. [months]"""


def theme_takeaways(tables: Mapping[str, Table], month: dt.date, last_day: dt.date) -> list[Takeaway]:
    """Sentences on the part of the market cap that nothing covers, on what moved the shares, and on the outlook.

    Parameters
    ----------
    tables : mapping of str to Table
        Of the note.
    month, last_day : date
        First and last day of the note's period.

    Returns
    -------
    list of Takeaway
        In this order; one whose numbers are missing is left out.
    """
    found = (_uncovered(tables, month), _moved(tables), _chance(tables, last_day))
    return [item for item in found if item is not None]


def placed(takeaways: Sequence[Takeaway], more: Sequence[Takeaway]) -> tuple[Takeaway, ...]:
    """Takeaways with those of the themes after the tension that they explain, or at the end."""
    place = next((n for n, item in enumerate(takeaways, start=1) if item.kind == "tension"), len(takeaways))
    return (*takeaways[:place], *more, *takeaways[place:])


def _uncovered(tables: Mapping[str, Table], month: dt.date) -> Takeaway | None:
    if "market_cap_parts" not in tables:
        return None
    rows = {row["period_start"]: row for row in tables["market_cap_parts"].records()}
    row = rows.get(month, {})
    share = row.get("divergence_frac")
    if not isinstance(share, float) or not 0 < share <= 1:
        return None
    known = [
        value
        for day, r in rows.items()
        if isinstance(day, dt.date) and day < month and isinstance(value := r["divergence_frac"], float)
    ]
    text = (
        f"Four years of mining, the bitcoin held and signed leases leave {_percent(share)} of the market cap uncovered"
    )
    if known:
        extreme = "the most of" if share > max(known) else "the least of" if share < min(known) else ""
        place = extreme if len(known) >= LEAST_HISTORY else ""
        text += f", {place} {len(known) + 1} months" if place else f" ({_percent(known[-1])} the month before)"
    return Takeaway(f"{text}.", ("market_cap_usd",))


def _moved(tables: Mapping[str, Table]) -> Takeaway | None:
    table = tables.get("attribution")
    group = next((row for row in table.records() if row["ticker"] == GROUP), None) if table else None
    if group is None or group["return_frac"] is None:
        return None
    known = [part for part in PART_LABELS if isinstance(group.get(f"{part}_frac"), float)]
    if not {"btc", "ai", "residual"} <= set(known):
        return None
    parts = ", ".join(f"{_signed(group[f'{part}_frac'])} {_PART_WORDS[part]}" for part in known)
    bounds = format_bounds(_number(group["residual_frac_low"]), _number(group["residual_frac_high"]), "fraction")
    span = f" (95%: {bounds})" if bounds else ""
    return Takeaway(f"Of the group's price move of {_signed(group['return_frac'])}: {parts}{span}.", ())


def _chance(tables: Mapping[str, Table], last_day: dt.date) -> Takeaway | None:
    table = tables.get("outlook_statements")
    row = next((row for row in table.records() if row["probability_frac"] is not None), None) if table else None
    if row is None:
        return None
    chance = format_value(row["probability_frac"], "fraction")
    known = format_date(last_day)
    return Takeaway(f"Outlook from what was known on {known}: a chance of {chance} of {row['statement']}.", ())


def _number(value: Scalar) -> float | None:
    return value if isinstance(value, float) else None


def _percent(value: float) -> str:
    return format_value(value, "fraction")


def _signed(value: Scalar) -> str:
    return format_value(value, "fraction", signed=True)
