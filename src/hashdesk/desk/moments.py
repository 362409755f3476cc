"""Moments that a reader names: a day or a height of the past, months ahead."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hashdesk.calendar import parse_day
from hashdesk.errors import InputError
from hashdesk.outlook.adjustment import EpochState

if TYPE_CHECKING:
    import polars as pl

MAX_MONTHS = 60
"""Longest horizon, as far as the engine goes."""
_HORIZON = re.compile(r"^\s*(\d{1,3})\s*(m|y|months?|years?)?\s*$")


def months_ahead(horizon: str | int) -> int:
    """Months of a horizon written as ``24``, ``24m`` or ``2y``.

    Raises
    ------
    InputError
        Not of this form, or past the model.
    """
    match = _HORIZON.match(str(horizon))
    if match is None:
        raise InputError(f"horizon: expected months or years ahead, got {horizon!r}.", hint="Example: 24m or 2y.")
    months = int(match[1]) * (12 if (match[2] or "m").startswith("y") else 1)
    if not 1 <= months <= MAX_MONTHS:
        raise InputError(
            f"horizon: {months} months lie past the model: expected 1 to {MAX_MONTHS}."
            if months
            else f"horizon: expected 1 to {MAX_MONTHS} months, got 0.",
            hint="Beyond five years today's machines and miners say nothing." if months else "Example: 24m or 2y.",
        )
    return months


def state_at(states: Sequence[EpochState], at: str | int | None) -> tuple[EpochState, list[str]]:
    """State at a day's end or a height, and what a reader must know about it; the last one where none is asked for.

    Raises
    ------
    InputError
        Neither a day nor a height, or one that the states do not cover.
    """
    first, last = states[0], states[-1]
    if at is None:
        return last, []
    text = str(at).strip().replace(",", "")
    if text.isdigit():
        height = int(text)
        before = [state for state in states if state.height <= height]
        if not before or height >= last.height + 1000:
            raise InputError(f"at: expected a block from {first.height} to {last.height}, got {height}.", value=height)
        state = before[-1]
        if state.height == height:
            return state, []
        return state, [
            f"Facts are held by day: this is what was known at {state.at:%Y-%m-%d %H:%M} UTC, at block {state.height}, "
            f"{height - state.height} before block {height}."
        ]
    day = parse_day(text, what="at")
    moment = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1)
    found = next((state for state in reversed(states) if state.at == moment), None)
    if found is None:
        raise InputError(
            f"at: the network table covers {first.at.date()} to {(last.at - dt.timedelta(days=1)).date()}, got {day}.",
            hint="Leave it out for the last day.",
        )
    return found, []


def other_estimates(network: pl.DataFrame, day: dt.date, difficulty: float) -> dict[str, float | None]:
    """Simpler estimates that trackers show, on the same day."""
    from hashdesk.metrics.hashrate import network_hashrate_ehs, network_hashrate_implied_ehs

    other: dict[str, float | None] = {}
    for n_days in (1, 7, 30):
        window = network.filter((network["date"] <= day) & (network["date"] > day - dt.timedelta(days=n_days)))
        work = window["work_eh"]
        is_whole = len(window) == n_days and work.null_count() == 0
        other[f"{n_days}-day average" if n_days > 1 else "Last day"] = (
            float(network_hashrate_ehs(float(work.sum()), n_days)) if is_whole else None
        )
    other["Implied by difficulty"] = float(network_hashrate_implied_ehs(difficulty))
    return other
