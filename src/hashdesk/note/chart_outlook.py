"""Charts of the outlook: fans of hashrate, hashprice and gross profit, and the scenarios side by side."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from hashdesk.catalog.figures import FIGURES
from hashdesk.note.chart_parts import (
    BAND,
    HALF_WIDTH_PX,
    MUTED,
    PRIMARY,
    SECONDARY,
    SOFT_INK,
    TERTIARY,
    Chart,
    Draft,
    Row,
    Spec,
    data_sources,
    history,
    layered,
    spread_labels,
    table_records,
    text_layer,
    tooltip,
    value_axis,
)
from hashdesk.note.format import format_bounds, format_month, format_number, format_value
from hashdesk.note.model import Note

_SECTION = "outlook"
_HEIGHT_PX = 170
_PAST_MONTHS = 13
_BESIDE_PX = 92
_SOURCES = ("network_hashrate_ehs", "btc_price_usd")
"""Figures whose facts the simulation starts from."""
_ZERO_LINE: Spec = {
    "data": {"values": [{}]},
    "mark": {"type": "rule", "color": SOFT_INK},
    "encoding": {"y": {"datum": 0}},
}
_GROSS_PROFIT = "block_reward_gross_profit_usd_per_ehs_day"


@dataclass(frozen=True, slots=True)
class _Fan:
    """What one fan shows."""

    chart_id: str
    figure: str
    subject: str
    unit_label: str
    has_zero_line: bool = False


_HASHRATE = _Fan("outlook_hashrate", "network_hashrate_ehs", "network hashrate", "EH/s")
_HASHPRICE = _Fan("outlook_hashprice", "hashprice_usd_per_phs_day", "hashprice", "USD per PH/s per day")
_PROFIT = _Fan("outlook_gross_profit", _GROSS_PROFIT, "gross profit per EH/s", "USD per EH/s per day", True)


def hashrate_fan_chart(note: Note) -> Chart:
    """Network hashrate of the past year and its simulated range."""
    return _fan_chart(note, _HASHRATE)


def hashprice_fan_chart(note: Note) -> Chart:
    """Hashprice of the past year and its simulated range."""
    return _fan_chart(note, _HASHPRICE)


def gross_profit_fan_chart(note: Note) -> Chart:
    """Gross profit per EH/s of the past year and its simulated range."""
    return _fan_chart(note, _PROFIT)


def _fan_chart(note: Note, fan: _Fan) -> Chart:
    unit = FIGURES[fan.figure].unit
    ahead = table_records(note, "outlook_fan", "month", f"{fan.figure}_p50")
    past = history(table_records(note, "monthly", "period_start", fan.figure), note, "period_start", _PAST_MONTHS)
    draft = Draft(
        fan.chart_id,
        _SECTION,
        "outlook_fan",
        unit,
        f"Month means: known (solid), simulated median (dashed), 50% and 90% ranges; {fan.unit_label}",
        data_sources(note, *_SOURCES),
        note.as_of,
    )
    if not ahead:
        return draft.missing(f"Simulated {fan.subject}", "The note was made without an outlook.")
    # The fan opens from the last known month, so that past and future meet.
    last = [_opening(past[-1], fan.figure)] if past else []
    points = last + [_point(row, fan.figure) for row in ahead]
    known = [{"date": row["period_start"].isoformat(), "value": row[fan.figure]} for row in past]
    seen = [point[name] for point in points for name in ("p5", "p95")] + [row["value"] for row in known]
    low, high = min(seen), max(seen)
    domain = ((low if low < 0 else 0.0) - (0.04 * (high - low) if low < 0 else 0.0), high * 1.03)
    x = {
        "field": "date",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"title": None, "format": "%b %y", "tickCount": 6, "labelOverlap": "parity", "grid": False},
    }
    scale = {"domain": list(domain), "nice": False, "zero": False}

    def y(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "scale": scale, "axis": value_axis(fan.unit_label)}

    def area(bottom: str, top: str, colour: str) -> Spec:
        return {
            "mark": {"type": "area", "color": colour, "opacity": 1},
            "encoding": {"x": x, "y": y(bottom), "y2": {"field": top}},
        }

    tips = tooltip(("name", "Month"), ("p50_text", "Median"), ("half", "50% range"), ("wide", "90% range"))
    layers: list[Spec] = [area("p5", "p95", BAND), area("p25", "p75", MUTED)]
    if fan.has_zero_line and domain[0] < 0:
        layers.append(
            {"data": {"values": [{}]}, "mark": {"type": "rule", "color": SOFT_INK}, "encoding": {"y": {"datum": 0}}}
        )
    layers += [
        {
            "mark": {"type": "line", "color": PRIMARY, "strokeDash": [5, 4]},
            "encoding": {"x": x, "y": y("p50"), "tooltip": tips},
        },
        {
            "data": {"values": known},
            "mark": {"type": "line", "color": PRIMARY},
            "encoding": {"x": x, "y": y("value")},
        },
    ]
    end = points[-1]
    labels = [(end["p95"], f"95%: {_short(end['p95'], unit)}"), (end["p50"], f"median: {_short(end['p50'], unit)}"),
              (end["p5"], f"5%: {_short(end['p5'], unit)}")]  # fmt: skip
    places = spread_labels([value for value, _ in labels], domain, _HEIGHT_PX, 14)
    for (_, label), place in zip(labels, places, strict=True):
        weight = "bold" if label.startswith("median") else "normal"
        layers.append(
            text_layer(
                [{"date": end["date"], "at": place, "label": label}],
                x,
                y("at"),
                color=PRIMARY if weight == "bold" else SOFT_INK,
                fontWeight=weight,
            )
        )
    shown = points[min(12, len(points) - 1)]
    title = (
        f"In {shown['name']} {fan.subject} is put at {shown['p50_text']}, with nine chances in ten for {shown['wide']}"
    )
    alt = (
        f"{fan.subject.capitalize()}: the past year and a fan to {end['name']}, where the median is {end['p50_text']} "
        f"and the 90% range {end['wide']}."
    )
    return draft.drawn(
        title,
        alt,
        layered(points, layers, height_px=_HEIGHT_PX, width_px=HALF_WIDTH_PX, beside_px=_BESIDE_PX + 42),
    )


def _point(row: Row, figure: str) -> Row:
    unit = FIGURES[figure].unit
    month = row["month"]
    assert isinstance(month, dt.date)
    cuts = {name: row[f"{figure}_{name}"] for name in ("p5", "p25", "p50", "p75", "p95")}
    return {
        "date": month.isoformat(),
        **cuts,
        "name": format_month(month),
        "p50_text": format_value(cuts["p50"], unit),
        "half": format_bounds(cuts["p25"], cuts["p75"], unit),
        "wide": format_bounds(cuts["p5"], cuts["p95"], unit),
    }


def _opening(row: Row, figure: str) -> Row:
    """The last known month as a fan without width."""
    names = ("p5", "p25", "p50", "p75", "p95")
    return _point({"month": row["period_start"], **{f"{figure}_{name}": row[figure] for name in names}}, figure)


def _short(value: float, unit: str) -> str:
    return format_number(value, unit)


def scenarios_chart(note: Note) -> Chart:
    """Median gross profit of every scenario by month."""
    rows = table_records(note, "outlook_scenario_months", "scenario", "month", f"{_GROSS_PROFIT}_p50")
    draft = Draft(
        "outlook_scenarios",
        _SECTION,
        "outlook_scenario_months",
        "USD/EH/s/day",
        "Median gross profit per EH/s of each scenario, all on the same draws; USD per EH/s per day",
        data_sources(note, *_SOURCES),
        note.as_of,
    )
    names = list(dict.fromkeys(row["scenario"] for row in rows))
    if len(names) < 2:
        return draft.missing("Scenarios side by side", "The note was made with fewer than two scenarios.")
    unit = "USD/EH/s/day"
    points = [
        {
            "date": row["month"].isoformat(),
            "scenario": row["scenario"],
            "value": row[f"{_GROSS_PROFIT}_p50"],
            "name": format_month(row["month"]),
            "text": format_value(row[f"{_GROSS_PROFIT}_p50"], unit),
        }
        for row in rows
    ]
    values = [point["value"] for point in points]
    low, high = min(*values, 0.0), max(values)
    domain = (low - (0.04 * (high - low) if low < 0 else 0.0), high + 0.04 * (high - low))
    x = {
        "field": "date",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"title": None, "format": "%b %y", "tickCount": 5, "labelOverlap": "parity", "grid": False},
    }
    y_scale = {"domain": list(domain), "nice": False, "zero": False}

    def y(field: str) -> Spec:
        return {
            "field": field, "type": "quantitative", "scale": y_scale, "axis": value_axis("USD per EH/s per day"),
        }  # fmt: skip

    layers: list[Spec] = []
    if domain[0] < 0:
        layers.append(
            {"data": {"values": [{}]}, "mark": {"type": "rule", "color": SOFT_INK}, "encoding": {"y": {"datum": 0}}}
        )
    looks: tuple[tuple[str, list[int]], ...] = (
        (PRIMARY, []),
        (SECONDARY, []),
        (TERTIARY, []),
        (SECONDARY, [6, 3]),
        (PRIMARY, [2, 3]),
        (SOFT_INK, [6, 3]),
    )
    tips = tooltip(("scenario", "Scenario"), ("name", "Month"), ("text", "Median"))
    ends = [[p for p in points if p["scenario"] == name][-1] for name in names]
    places = spread_labels([end["value"] for end in ends], domain, _HEIGHT_PX, 14)
    for name, end, place, (colour, dash) in zip(names, ends, places, looks[: len(names)], strict=False):
        mark: Spec = {"type": "line", "color": colour}
        if dash:
            mark["strokeDash"] = dash
        layers.append(
            {
                "transform": [{"filter": f"datum.scenario === '{name}'"}],
                "mark": mark,
                "encoding": {"x": x, "y": y("value"), "tooltip": tips},
            }
        )
        layers.append(
            text_layer(
                [{"date": end["date"], "at": place, "label": str(name).replace("_", " ")}],
                x,
                y("at"),
                color=SOFT_INK if colour == TERTIARY else colour,
                fontWeight="bold" if name == names[0] else "normal",
            )
        )
    top, bottom = max(ends, key=lambda end: end["value"]), min(ends, key=lambda end: end["value"])
    when = ends[0]["name"]
    title = (
        f"By {when} median gross profit per EH/s spans {bottom['text']} ({bottom['scenario'].replace('_', ' ')}) to "
        f"{top['text']} ({top['scenario'].replace('_', ' ')})"
    )
    alt = f"Median gross profit per EH/s by month to {when} for {len(names)} scenarios: {', '.join(names)}."
    return draft.drawn(
        title, alt, layered(points, layers, height_px=_HEIGHT_PX, width_px=HALF_WIDTH_PX, beside_px=_BESIDE_PX + 42)
    )
