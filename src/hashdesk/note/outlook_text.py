"""Sentences of the outlook, written from computed values and true only where the values say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from hashdesk.catalog.figures import FIGURES
from hashdesk.note.format import format_bounds, format_date, format_month, format_number, format_value
from hashdesk.note.model import Scalar, Table
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


def fan_sentences(fan: pl.DataFrame, scenario: str, months_ahead: int = 12) -> tuple[str, ...]:
    """Where hashrate, hashprice and gross profit stand some months ahead."""
    own = fan.filter(pl.col("scenario") == scenario)
    months = own["month"].unique().sort().to_list()
    month = months[min(months_ahead, len(months)) - 1]
    parts = []
    for figure, name in (
        ("network_hashrate_ehs", "network hashrate"),
        ("hashprice_usd_per_phs_day", "hashprice"),
        (GROSS_PROFIT, "gross profit per EH/s"),
    ):
        row = own.filter((pl.col("figure") == figure) & (pl.col("month") == month)).row(0, named=True)
        unit = FIGURES[figure].unit
        parts.append(f"{name} {format_value(row['p50'], unit)} ({format_bounds(row['p5'], row['p95'], unit)})")
    text = f"{parts[0]}, {parts[1]} and {parts[2]}"
    return (
        f"In {format_month(month)} the simulated medians, with the range that holds 90% of the paths, are: {text}.",
    )


def fleet_sentences(fleet: FleetReport) -> tuple[str, ...]:
    """A fleet in a few sentences."""
    npv = fleet.npv_quantiles_usd
    modelled = next(p for p in fleet.paybacks if p.difficulty == "modelled")
    flat = next(p for p in fleet.paybacks if p.difficulty == "flat")
    lines = [
        f"{format_value(fleet.hashrate_ehs, 'EH/s')}, {fleet.power_mw:,.1f} MW, capital of "
        f"{format_value(fleet.capex_usd, 'USD')}, {fleet.horizon_months} months.",
        f"Net present value: median {format_value(npv['p50'], 'USD')}, 90% range "
        f"{format_bounds(npv['p5'], npv['p95'], 'USD')}; below zero on {fleet.loss_frac:.0%} of the paths.",
        f"The capital is not back within {fleet.horizon_months} months with a probability of "
        f"{modelled.never_frac:.0%} at modelled difficulty, against {flat.never_frac:.0%} if difficulty stood still.",
    ]
    strip = fleet.strip
    if strip["days_at_a_loss_frac"] > 0:
        lines.append(
            f"Switching off on losing days ({strip['days_at_a_loss_frac']:.0%} of them) is worth "
            f"{format_value(strip['premium_usd'], 'USD')}: on average margins are worth "
            f"{format_value(strip['option_value_usd'], 'USD')} with it and "
            f"{format_value(strip['simple_value_usd'], 'USD')} without."
        )
    else:
        lines.append("No simulated day loses money, so the right to switch off is worth nothing here.")
    return tuple(lines)


def scorecard_sentences(table: Table) -> tuple[str, ...]:
    """Where our past forecasts led, where they lost, and how honest their intervals were."""
    rows = table.records()
    lines = [
        *_standing(rows, "skill_frac", "p_value", "best_rival", "Over all origins"),
        *_standing(
            rows,
            "skill_from_2020_frac",
            "p_value_from_2020",
            "best_rival_from_2020",
            "Over origins from 2020 on, which had no part in choosing the method",
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
