"""Charts of the profitability section, and of valuation against profit."""

from __future__ import annotations

import math

from hashdesk.note.chart_parts import (
    AXIS_PX,
    BAND,
    HALF_WIDTH_PX,
    INK,
    MUTED,
    PAPER,
    PRIMARY,
    SECONDARY,
    SOFT_INK,
    TERTIARY,
    Chart,
    Draft,
    Row,
    Spec,
    data_sources,
    during,
    figure_number,
    history,
    layered,
    month_axis,
    month_label,
    moved,
    spread_labels,
    table_records,
    text_layer,
    tooltip,
    value_axis,
    where_known,
    with_halo,
)
from hashdesk.note.format import (
    format_bounds,
    format_month,
    format_power_price,
    format_value,
)
from hashdesk.note.model import Note

_SECTION = "profitability"
_REVENUE = "block_reward_revenue_usd_per_ehs_day"
_COST = "power_cost_usd_per_ehs_day"
_PROFIT = "block_reward_gross_profit_usd_per_ehs_day"
_UNIT = "USD/EH/s/day"
_HEIGHT_PX = 260
_SPLIT_MONTHS = 13
_BREAKEVEN_ROOM = 1.15
"""The breakeven chart reaches this far beyond the efficiency at which the assumed power price is just earned."""


def economics_chart(note: Note) -> Chart:
    """Revenue, power cost and gross profit of 1 EH/s over a day, with the interval of revenue and profit."""
    name, table_id = "economics", "monthly"
    subtitle = "Month means of 1 EH/s: block-reward revenue, assumed power cost, gross profit; USD per EH/s per day"
    rows = history(table_records(note, table_id, "period_start", _REVENUE, _COST, _PROFIT), note, "period_start")
    draft = Draft(
        name, _SECTION, table_id, _UNIT, subtitle, data_sources(note, table_id, _REVENUE, _COST, _PROFIT), note.as_of
    )
    if len(rows) < 2:
        missing = "Fewer than two months have revenue, power cost and gross profit."
        return draft.missing("Revenue, power cost and gross profit", missing)
    lines = ((_REVENUE, "Revenue", PRIMARY), (_COST, "Power cost", SOFT_INK), (_PROFIT, "Gross profit", SECONDARY))
    points: list[Row] = []
    for row in rows:
        month = {"month": month_label(row["period_start"]), "name": format_month(row["period_start"])}
        points += [
            {
                **month,
                "line": label,
                "value": row[column] / 1e3,
                "text": format_value(row[column], _UNIT),
                "low": _thousands(row.get(f"{column}_low")),
                "high": _thousands(row.get(f"{column}_high")),
                "band": format_bounds(row.get(f"{column}_low"), row.get(f"{column}_high"), _UNIT),
            }
            for column, label, _ in lines
        ]
    top = max(max(point["value"], point["high"] or 0.0) for point in points) * 1.04
    bottom = min(0.0, *(min(point["value"], point["low"] or 0.0) for point in points))
    x = month_axis(rows[0]["period_start"], rows[-1]["period_start"])
    scale = {"domain": [bottom, top], "nice": False}

    def y(field: str) -> Spec:
        axis = value_axis("USD thousand per EH/s per day")
        return {"field": field, "type": "quantitative", "stack": None, "scale": scale, "axis": axis}

    names, colours = [label for _, label, _ in lines], [colour for _, _, colour in lines]
    colour = {"field": "line", "type": "nominal", "scale": {"domain": names, "range": colours}, "legend": None}
    tips = tooltip(("name", "Month"), ("line", "Quantity"), ("text", "USD per EH/s per day"), ("band", "95% interval"))
    ends = points[-len(lines) :]
    places = spread_labels([end["value"] for end in ends], (bottom, top), _HEIGHT_PX, 15)
    labels = [
        {"month": end["month"], "line": end["line"], "at": place, "label": f"{end['line']} {end['value']:.1f}"}
        for end, place in zip(ends, places, strict=True)
    ]
    layers: list[Spec] = [
        *where_known(
            points,
            "low",
            {
                "mark": {"type": "area", "opacity": 0.16},
                "encoding": {"x": x, "y": y("low"), "y2": {"field": "high"}, "color": colour},
            },
        ),
        {
            "mark": {"type": "line"},
            "encoding": {
                "x": x,
                "y": y("value"),
                "color": colour,
                "strokeDash": {"condition": {"test": "datum.line == 'Power cost'", "value": [6, 3]}, "value": []},
            },
        },
        {
            "mark": {"type": "circle", "size": 30, "opacity": 1},
            "encoding": {"x": x, "y": y("value"), "color": colour, "tooltip": tips},
        },
        {
            "data": {"values": labels},
            "mark": {"type": "text", "align": "left", "baseline": "middle", "dx": 8, "fontWeight": "bold"},
            "encoding": {"x": x, "y": y("at"), "color": colour, "text": {"field": "label"}},
        },
    ]
    title = " and ".join(
        f"{label} {moved(change)} {format_value(abs(change), 'fraction')} to {format_value(value, _UNIT)}"
        for label, change, value in (
            (label, rows[-1][column] / rows[-2][column] - 1, rows[-1][column])
            for column, label in ((_REVENUE, "Revenue"), (_PROFIT, "gross profit"))
            if rows[-2][column] > 0
        )
    )
    alt = (
        f"Three lines by month, {points[0]['name']} to {points[-1]['name']}; the latest month: "
        + ", ".join(f"{end['line'].lower()} {end['text']}" for end in ends)
        + ". Shaded: 95% interval."
    )
    return draft.drawn(
        f"{title} per EH/s a day", alt, layered(points, layers, height_px=_HEIGHT_PX, beside_px=AXIS_PX + 100)
    )


def revenue_split_chart(note: Note) -> Chart:
    """Change of revenue, split into price, reward per block and hashrate."""
    name, table_id = "revenue_split", "revenue_split"
    subtitle = "Monthly change of revenue per EH/s (mark) and its parts, which add up to it; percentage points"
    parts = (
        ("price_frac", "Bitcoin price", TERTIARY),
        ("reward_frac", "Reward per block", MUTED),
        ("hashrate_frac", "Hashrate", PRIMARY),
    )
    columns = ("period_start", "change_frac", *(column for column, _, _ in parts))
    rows = history(table_records(note, table_id, *columns), note, "period_start", n_months=_SPLIT_MONTHS)
    draft = Draft(name, _SECTION, table_id, "fraction", subtitle, data_sources(note, table_id, _REVENUE), note.as_of)
    if not rows:
        missing = "No month has revenue in it and in the month before."
        return draft.missing("Change of revenue by cause", missing)
    bars = [
        {
            "month": month_label(row["period_start"]),
            "name": format_month(row["period_start"]),
            "effect": label,
            "order": i,
            "value": 100 * row[column],
            "text": format_value(row[column], "fraction", signed=True),
            "total": format_value(row["change_frac"], "fraction", signed=True),
        }
        for row in rows
        for i, (column, label, _) in enumerate(parts)
    ]
    totals = [
        {
            "month": month_label(row["period_start"]),
            "value": 100 * row["change_frac"],
            "label": format_value(row["change_frac"], "fraction", signed=True),
        }
        for row in rows
    ]
    x = month_axis(rows[0]["period_start"], rows[-1]["period_start"])
    y = {"field": "value", "type": "quantitative", "axis": value_axis("percentage points")}
    names = [label for _, label, _ in parts]
    layers: list[Spec] = [
        {
            "mark": {"type": "bar"},
            "encoding": {
                "x": x,
                "y": {**y, "stack": "zero"},
                "order": {"field": "order", "type": "quantitative"},
                "color": {
                    "field": "effect",
                    "type": "nominal",
                    "sort": names,
                    "scale": {"domain": names, "range": [colour for _, _, colour in parts]},
                    "legend": {"title": None, "columns": 3, "labelLimit": 200},
                },
                "tooltip": tooltip(("name", "Month"), ("effect", "Cause"), ("text", "Part"), ("total", "In all")),
            },
        },
        {
            "data": {"values": totals},
            "mark": {
                "type": "point",
                "shape": "diamond",
                "filled": True,
                "size": 60,
                "color": SECONDARY,
                "opacity": 1,
                "stroke": "#ffffff",
                "strokeWidth": 1,
            },
            "encoding": {"x": x, "y": y},
        },
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": SOFT_INK},
            "encoding": {"y": {"field": "zero", "type": "quantitative"}},
        },
    ]
    last = rows[-1]
    ranked = sorted(parts, key=lambda part: -abs(last[part[0]]))
    short = {"price_frac": "bitcoin's price", "reward_frac": "the reward per block", "hashrate_frac": "hashrate"}
    main, second = (
        f"{short[column]} {format_value(last[column], 'fraction', signed=True)}" for column, _, _ in ranked[:2]
    )
    title = f"Revenue per EH/s changed {format_value(last['change_frac'], 'fraction', signed=True)}: {main}, {second}"
    alt = f"Stacked bars of the parts of each month's change, {bars[0]['name']} to {bars[-1]['name']}. {title}."
    return draft.drawn(title, alt, layered(bars, layers))


def breakeven_chart(note: Note) -> Chart:
    """Power price at which a machine earns nothing, by its efficiency, with the machines on sale as points."""
    name, table_id = "breakeven", "breakeven_curve"
    subtitle = (
        "Power price at which revenue just pays the power, by efficiency; machines of the fleet model as points, those "
        "that do not earn it at the assumed price as triangles"
    )
    columns = ("efficiency_j_per_th", "breakeven_power_price_usd_per_mwh")
    curve = sorted(table_records(note, table_id, *columns), key=lambda row: row[columns[0]])
    draft = Draft(
        name,
        _SECTION,
        table_id,
        "USD/MWh",
        subtitle,
        data_sources(note, table_id, "fleet_models", _REVENUE, "network_efficiency_j_per_th"),
        note.as_of,
    )
    if len(curve) < 2:
        missing = "The month has no revenue to draw a breakeven curve from."
        return draft.missing("Breakeven power price", missing)
    breakeven = figure_number(note, "breakeven_efficiency_j_per_th")
    curve = _extended(curve, columns, 0.0 if breakeven is None else _BREAKEVEN_ROOM * breakeven)
    x_axis = {"title": "Efficiency, J/TH (less is better)", "tickCount": 8, "grid": False}
    x_span = [curve[0][columns[0]], curve[-1][columns[0]]]
    x = {"field": columns[0], "type": "quantitative", "scale": {"domain": x_span, "nice": False}, "axis": x_axis}
    y = {"field": columns[1], "type": "quantitative", "axis": value_axis("USD per MWh")}
    machines = [
        {
            **{column: row[column] for column in columns},
            "model": row.get("model"),
            "efficiency": format_value(row[columns[0]], "J/TH"),
            "price": format_power_price(row[columns[1]]),
            "is_profitable": bool(row.get("is_profitable")),
        }
        for row in table_records(note, "fleet_models", *columns)
        if x_span[0] <= row[columns[0]] <= x_span[1]
    ]
    price = next((a for a in note.assumptions if a.unit == "USD/MWh"), None)
    layers: list[Spec] = [
        {"mark": {"type": "line", "color": PRIMARY}, "encoding": {"x": x, "y": y}},
        {
            "data": {"values": machines},
            "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1, "stroke": PAPER, "strokeWidth": 0.8},
            "encoding": {
                "x": x,
                "y": y,
                "color": {"condition": {"test": "datum.is_profitable", "value": PRIMARY}, "value": SECONDARY},
                "shape": {"condition": {"test": "datum.is_profitable", "value": "circle"}, "value": "triangle-up"},
                "tooltip": tooltip(("model", "Machine"), ("efficiency", "Efficiency"), ("price", "Breakeven price")),
            },
        },
    ]
    title = (
        f"Breakeven power prices fall from {format_power_price(curve[0][columns[1]])} as machines get less efficient"
    )
    layers += _fleet_layers(note, x_span, x, y, columns)
    if price is not None:
        level = [{columns[1]: price.value, columns[0]: x_span[0], "label": format_power_price(price.value)}]
        layers += [
            {
                "data": {"values": level},
                "mark": {"type": "rule", "color": SECONDARY, "strokeDash": [4, 3]},
                "encoding": {"y": y},
            },
            with_halo(text_layer(level, x, y, dx=4, dy=-9, color=SECONDARY, fontWeight="bold")),
        ]
        if breakeven is not None:
            title = (
                f"At {format_power_price(price.value)}, machines better than "
                f"{format_value(breakeven, 'J/TH')} earned their power {during(note)}"
            )
            crossing = [{columns[0]: breakeven, columns[1]: price.value, "label": format_value(breakeven, "J/TH")}]
            layers += [
                {
                    "data": {"values": crossing},
                    "mark": {"type": "point", "filled": False, "size": 110, "color": INK, "opacity": 1},
                    "encoding": {"x": x, "y": y},
                },
                with_halo(text_layer(crossing, x, y, dx=8, dy=-16, align="center", fontWeight="bold")),
            ]
    alt = (
        f"Falling curve of breakeven power price from {format_power_price(curve[0][columns[1]])} at "
        f"{format_value(curve[0][columns[0]], 'J/TH')} to {format_power_price(curve[-1][columns[1]])} at "
        f"{format_value(curve[-1][columns[0]], 'J/TH')}, with {len(machines)} machine models as points."
    )
    return draft.drawn(title, alt, layered(curve, layers, height_px=_HEIGHT_PX))


def _extended(curve: list[Row], columns: tuple[str, str], to_j_per_th: float) -> list[Row]:
    """Curve carried on to an efficiency: the product of efficiency and breakeven price is the same along it."""
    efficiency, price = columns
    last = curve[-1]
    steps = range(math.floor(last[efficiency]) + 1, math.ceil(to_j_per_th) + 1)
    return [*curve, *({efficiency: float(step), price: last[efficiency] * last[price] / step} for step in steps)]


def _fleet_layers(note: Note, x_span: list[float], x: Spec, y: Spec, columns: tuple[str, str]) -> list[Spec]:
    """Lines at the fleet's efficiency, bottom-up and on the calibrated line; both names stand right of both lines."""
    line = next((item.value for item in note.assumptions if item.id == "efficiency_j_per_th"), None)
    fleets = (
        (figure_number(note, "network_efficiency_j_per_th"), "Fleet average, bottom-up", MUTED, SOFT_INK),
        (line, "Calibrated line", INK, INK),
    )
    known = [
        (value, f"{name} {format_value(value, 'J/TH')}", colour, ink)
        for value, name, colour, ink in fleets
        if value is not None and x_span[0] <= value <= x_span[1]
    ]
    layers: list[Spec] = []
    for place, (value, label, colour, ink) in enumerate(known):
        at = {columns[0]: max(item[0] for item in known), columns[1]: 0.0, "label": label}
        layers += [
            {
                "data": {"values": [{columns[0]: value}]},
                "mark": {"type": "rule", "color": colour, "strokeDash": [2, 2], "strokeWidth": 1.5},
                "encoding": {"x": x},
            },
            text_layer([at], x, y, dx=5, dy=-7 - 13 * place, color=ink),
        ]
    return layers


def divergence_chart(note: Note) -> Chart:
    """Market cap and gross profit per EH/s on one index: where price and profit part."""
    name, table_id, section = "divergence", "monthly", "valuation"
    subtitle = "Combined market cap and gross profit per EH/s, both set to 100 a year before the month; index"
    rows = history(
        table_records(note, table_id, "period_start", "market_cap_usd", _PROFIT),
        note,
        "period_start",
        n_months=_SPLIT_MONTHS,
    )
    draft = Draft(
        name, section, table_id, "index", subtitle, data_sources(note, table_id, "market_cap_usd", _PROFIT), note.as_of
    )
    if len(rows) < 2 or rows[0][_PROFIT] <= 0:
        missing = "Fewer than two months have both a market cap and a gross profit."
        return draft.missing("Market cap against gross profit", missing)
    lines = (("market_cap_usd", "Market cap", PRIMARY, "USD"), (_PROFIT, "Gross profit per EH/s", SECONDARY, _UNIT))
    points: list[Row] = [
        {
            "month": month_label(row["period_start"]),
            "name": format_month(row["period_start"]),
            "line": label,
            "value": 100 * row[column] / rows[0][column],
            "text": format_value(row[column], unit),
        }
        for row in rows
        for column, label, _, unit in lines
    ]
    seen = [point["value"] for point in points]
    margin = 0.08 * (max(seen) - min(seen))
    bottom, top = min(seen) - margin, max(seen) + margin
    x = month_axis(rows[0]["period_start"], rows[-1]["period_start"], every=3)
    names, colours = [line[1] for line in lines], [line[2] for line in lines]
    colour = {"field": "line", "type": "nominal", "scale": {"domain": names, "range": colours}, "legend": None}

    def y(field: str) -> Spec:
        return {
            "field": field,
            "type": "quantitative",
            "scale": {"domain": [bottom, top], "nice": False, "zero": False},
            "axis": value_axis(f"{points[0]['name']} = 100"),
        }

    ends = points[-2:]
    places = spread_labels([end["value"] for end in ends], (bottom, top), 220, 15)
    labels = [
        {"month": end["month"], "line": end["line"], "at": place, "label": f"{end['line']} {end['value']:.0f}"}
        for end, place in zip(ends, places, strict=True)
    ]
    layers: list[Spec] = [
        {
            "data": {"values": [{"base": 100}]},
            "mark": {"type": "rule", "color": BAND},
            "encoding": {"y": y("base")},
        },
        {"mark": {"type": "line"}, "encoding": {"x": x, "y": y("value"), "color": colour}},
        {
            "mark": {"type": "circle", "size": 30, "opacity": 1},
            "encoding": {
                "x": x,
                "y": y("value"),
                "color": colour,
                "tooltip": tooltip(("name", "Month"), ("line", "Quantity"), ("text", "Value")),
            },
        },
        {
            "data": {"values": labels},
            "mark": {"type": "text", "align": "left", "baseline": "middle", "dx": 8, "fontWeight": "bold"},
            "encoding": {"x": x, "y": y("at"), "color": colour, "text": {"field": "label"}},
        },
    ]
    cap, profit = (rows[-1][column] / rows[-2][column] - 1 for column, _, _, _ in lines)
    joint = "while" if (cap > 0) != (profit > 0) else "and"
    title = (
        f"Market cap {moved(cap)} {format_value(abs(cap), 'fraction')} on the month {joint} gross profit per EH/s "
        f"{moved(profit)} {format_value(abs(profit), 'fraction')}"
    )
    alt = (
        f"Two index lines from {points[0]['name']} (100) to {points[-1]['name']}: market cap at "
        f"{ends[0]['value']:.0f}, gross profit per EH/s at {ends[1]['value']:.0f}."
    )
    return draft.drawn(
        title, alt, layered(points, layers, height_px=220, width_px=HALF_WIDTH_PX, beside_px=AXIS_PX + 140)
    )


def _thousands(value: float | None) -> float | None:
    return None if value is None else value / 1e3
