"""Sentences of the outlook, written from computed values and true only where the values say so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from hashdesk.catalog.figures import FIGURES
from hashdesk.note.format import format_bounds, format_date, format_month, format_number, format_value
from hashdesk.note.model import Scalar, Table
from hashdesk.note.outlook_tables import PERIOD_MEAN, SIMULATION_START
from hashdesk.outlook.adjustment import Adjustment, Retarget
from hashdesk.outlook.nowcast import Nowcast
from hashdesk.outlook.statements import GROSS_PROFIT

if TYPE_CHECKING:
    from hashdesk.note.outlook_reports import FleetReport

EVEN_FRAC = 0.005
"""A lead or a loss smaller than this is called even."""
HONEST_GAP_FRAC = 0.05
"""Distance from its claim within which an interval is called honest."""
SIGNIFICANT_P = 0.05
SCORED_MONTHS = 12
"""Longest horizon of the scorecard."""


def now_sentences(nowcast: Nowcast, adjustment: Adjustment) -> tuple[str, ...]:
    """Hashrate now, and the next two retargets."""
    rate = format_value(nowcast.network_hashrate_ehs, "EH/s")
    bounds = format_bounds(nowcast.low_ehs, nowcast.high_ehs, "EH/s")
    trend = format_value(nowcast.trend_frac_per_30d, "fraction", signed=True)
    state = adjustment.state
    lines = [
        f"At the end of {format_date(nowcast.date, long=True)} the network ran at about {rate} ({nowcast.level:.0%} "
        f"interval {bounds}), with a trend of {trend} over 30 days.",
        f"{_retarget_text('The next adjustment', adjustment.next, state.difficulty)} "
        f"{_known_text(state.blocks, adjustment)}",
        _retarget_text("The one after it", adjustment.following, None),
    ]
    return tuple(lines)


def _known_text(blocks: int, adjustment: Adjustment) -> str:
    text = f"Of its 2,015 intervals {format_number(min(blocks, 2015), 'count')} are known"
    if adjustment.pace_change_frac is None:
        return f"{text}."
    pace = format_value(adjustment.pace_change_frac, "fraction", signed=True)
    return f"{text}; their pace alone would give {pace}."


def _retarget_text(subject: str, retarget: Retarget, difficulty: float | None) -> str:
    change = format_value(retarget.change_frac, "fraction", signed=True)
    wide = retarget.change_bounds[-1]
    bounds = format_bounds(wide.low, wide.high, "fraction")
    day = format_date(retarget.expected_at.date(), long=True)
    to = "" if difficulty is None else f" to {format_value(retarget.difficulty, 'difficulty')}"
    return (
        f"{subject}, at block {retarget.height:,} about {day}, is expected to change difficulty by {change}{to} "
        f"({wide.level:.0%} interval {bounds}); the chance of a rise is {_chance(retarget.rise_probability)}."
    )


def _chance(probability: float) -> str:
    """Probability in words where the draws do not tell it from 0 or 1."""
    if probability > 0.995:
        return "above 99%"
    return "below 1%" if probability < 0.005 else f"{probability:.0%}"


def level_sentence(nowcast_table: Table, period: str) -> str:
    """How the readings of the hashrate differ: the note's mean, the last week, and where the simulation starts."""
    rows = {str(row["estimate"]): row for row in nowcast_table.records()}
    now, start = (_number(rows[name]["network_hashrate_ehs"]) for name in ("Nowcast", SIMULATION_START))
    others = [
        f"{words} {format_value(rows[name]['network_hashrate_ehs'], 'EH/s')}"
        for name, words in (
            (PERIOD_MEAN, f"the mean of {period} was"),
            ("7-day average", "that of its last seven days"),
        )
        if rows[name]["network_hashrate_ehs"] is not None
    ]
    text = f"Other readings look further back: {', '.join(others)}. " if others else ""
    low, high = (_number(rows[SIMULATION_START][name]) for name in ("low_ehs", "high_ehs"))
    if abs(start / now - 1) < EVEN_FRAC:
        return f"{text}The simulation starts from the nowcast."
    return (
        f"{text}The simulation starts from {format_value(start, 'EH/s')} (95% interval "
        f"{format_bounds(low, high, 'EH/s')}): a slower estimate of the same level, and the one "
        "that past forecasts were scored with."
    )


def fan_sentences(fan: pl.DataFrame, scenario: str, months_ahead: int = 12) -> tuple[str, ...]:
    """Where hashrate, hashprice and gross profit stand some months ahead."""
    own = fan.filter(pl.col("scenario") == scenario)
    months = own["month"].unique().sort().to_list()
    month = months[min(months_ahead, len(months)) - 1]
    parts = []
    for figure, name in (
        ("network_hashrate_ehs", "network hashrate {}"),
        ("hashprice_usd_per_phs_day", "hashprice {} per PH/s a day"),
        (GROSS_PROFIT, "gross profit {} per EH/s a day"),
    ):
        row = own.filter((pl.col("figure") == figure) & (pl.col("month") == month)).row(0, named=True)
        unit = FIGURES[figure].unit
        middle, low, high = (rounded(row[cut], row["p50"]) for cut in ("p50", "p5", "p95"))
        parts.append(f"{name.format(format_value(middle, unit))} ({format_bounds(low, high, unit)})")
    text = f"{parts[0]}, {parts[1]} and {parts[2]}"
    ranges = (
        "The ranges hold what is drawn: moves of the price and its unknown drift, growth of the network and its answer "
        "to what mining earns, outages, luck in blocks. A break that the past has not shown is in none of them"
    )
    end = (
        f"; forecasts were scored up to {SCORED_MONTHS} months ahead, and past that a range is the model's word alone."
        if len(months) > SCORED_MONTHS
        else "."
    )
    return (
        f"In {format_month(month)} the simulated medians, with the range that holds 90% of the paths, are: {text}.",
        f"{ranges}{end}",
    )


def rounded(value: float, reference: float) -> float:
    """Value to the place of a reference's third digit: a simulation tells no more.

    Examples
    --------
    >>> rounded(17_412.2, 17_412.2), rounded(-87.1, 17_412.2), rounded(37.341, 37.3)
    (17400.0, -100.0, 37.3)
    """
    if reference == 0 or not math.isfinite(value) or not math.isfinite(reference):
        return value
    return round(value, 2 - math.floor(math.log10(abs(reference))))


def fleet_sentences(fleet: FleetReport) -> tuple[str, ...]:
    """A fleet in a few sentences."""
    npv = fleet.npv_quantiles_usd
    modelled = next(p for p in fleet.paybacks if p.difficulty == "modelled")
    flat = next(p for p in fleet.paybacks if p.difficulty == "flat")
    lines = [
        f"{format_value(fleet.hashrate_ehs, 'EH/s')}, {fleet.power_mw:,.1f} MW, capital of "
        f"{format_value(fleet.capex_usd, 'USD')}, {fleet.horizon_months} months.",
        f"Net present value: median {format_value(npv['p50'], 'USD')}, 90% range {format_value(npv['p5'], 'USD')} to "
        f"{format_value(npv['p95'], 'USD')}; below zero on {fleet.loss_frac:.0%} of the paths.",
        f"The capital is not back within {fleet.horizon_months} months with a probability of "
        f"{modelled.never_frac:.0%} at modelled difficulty, against {flat.never_frac:.0%} if difficulty stood still.",
    ]
    strip = fleet.strip
    if strip["days_at_a_loss_frac"] > 0:
        lines.append(
            f"Switching off on losing days ({strip['days_at_a_loss_frac']:.0%} of all days, each kind of machine "
            f"counted alike) is worth {format_value(strip['premium_usd'], 'USD')}: before fixed costs and capital, "
            f"margins are worth {format_value(strip['option_value_usd'], 'USD')} on average with it and "
            f"{format_value(strip['simple_value_usd'], 'USD')} without."
        )
    else:
        lines.append("No simulated day loses money, so the right to switch off is worth nothing here.")
    return tuple(lines)


def scorecard_sentences(table: Table) -> tuple[str, ...]:
    """Where our past forecasts led, where they lost, and how honest their intervals were."""
    rows = table.records()
    lines = [
        *_standing(
            rows,
            "skill_from_2020_frac",
            "p_value_from_2020",
            "best_rival_from_2020",
            "Over origins from 2020 on, which had no part in choosing the method",
        ),
        *_standing(
            rows, "skill_frac", "p_value", "best_rival", "Over all origins, also those that the method was chosen on"
        ),
    ]
    gaps = [
        (abs(_number(row[f"coverage_{level}_frac"]) - level / 100), level, row)
        for row in rows
        for level in (50, 80, 95)
    ]
    if not gaps:
        return ("No forecast has been scored yet.",)
    _gap, level, worst = max(gaps, key=lambda item: item[0])
    inside = sum(gap <= HONEST_GAP_FRAC for gap, _, _ in gaps)
    lines.append(
        f"Of {len(gaps)} intervals {inside} covered within 5 points of what they claim; the worst, "
        f"{_lower(worst['target'])} at {_months(worst['horizon_months'])}, claimed {level}% and held "
        f"{_number(worst[f'coverage_{level}_frac']):.0%}."
    )
    return tuple(lines)


def _standing(rows: Sequence[Mapping[str, Scalar]], skill: str, p_value: str, rival: str, opening: str) -> list[str]:
    """Wins and losses over one set of origins."""
    known = [row for row in rows if row[skill] is not None]
    if not known:
        return []
    led = [row for row in known if _number(row[skill]) > EVEN_FRAC]
    lost = [row for row in known if _number(row[skill]) < -EVEN_FRAC]
    proven = [row for row in led if row[p_value] is not None and _number(row[p_value]) < SIGNIFICANT_P]
    text = (
        f"{opening}, ours beat the best of the simple forecasts in {len(led)} of {len(known)} cases (target and "
        f"horizon), beyond chance in {len(proven)}"
    )
    if not lost:
        return [f"{text}, and lost in none."]
    by_target: dict[str, list[str]] = {}
    for row in lost:
        size = format_value(_number(row[skill]), "fraction", signed=True)
        by_target.setdefault(_lower(row["target"]), []).append(
            f"{_months(row['horizon_months'])} ({size}, {_lower(row[rival])})"
        )
    named = "; ".join(f"{target} at {', '.join(cases)}" for target, cases in by_target.items())
    return [f"{text}. It lost on {named}."]


def _lower(name: Scalar) -> str:
    """Name inside a sentence: only its first letter changes, for units keep theirs."""
    text = str(name)
    return text[:1].lower() + text[1:]


def _number(value: object) -> float:
    assert isinstance(value, float | int)
    return float(value)


def _months(value: object) -> str:
    n = int(_number(value))
    return "1 month" if n == 1 else f"{n} months"
