"""Charts of the network section: daily and monthly hashrate with their intervals."""

from __future__ import annotations

from hashdesk.note.chart_parts import (
    AXIS_PX,
    BAND,
    MUTED,
    PRIMARY,
    SECONDARY,
    SOFT_INK,
    Chart,
    Draft,
    Spec,
    data_sources,
    during,
    find_figure,
    history,
    layered,
    month_axis,
    month_label,
    period_close,
    spread_labels,
    table_records,
    text_layer,
    tooltip,
    value_axis,
    where_known,
)
from hashdesk.note.format import format_bounds, format_date, format_month, format_significance, format_value
from hashdesk.note.model import Note

_SECTION = "network"
_DAILY_DAYS = 184
_HEIGHT_PX = 260


def hashrate_daily_chart(note: Note) -> Chart:
    """Daily estimates with their intervals, the 7-day line, and the rate that difficulty implies."""
    name, table_id = "hashrate_daily", "network_daily"
    subtitle = (
        "Expected hashes of the day's blocks over the day (dots, 95% interval), 7-day pooled line, "
        "difficulty-implied line; EH/s"
    )
    rows = history(table_records(note, table_id, "date", "network_hashrate_ehs"), note, "date", n_months=_DAILY_DAYS)
    draft = Draft(
        name,
        _SECTION,
        table_id,
        "EH/s",
        subtitle,
        data_sources(note, table_id, "network_hashrate_ehs", "network_hashrate_implied_ehs"),
        note.as_of,
    )
    if len(rows) < 7:
        missing = "Fewer than seven days of network data are in the store."
        return draft.missing("Daily network hashrate", missing)
    points = [
        {
            "date": row["date"].isoformat(),
            "day": row["network_hashrate_ehs"],
            "low": row.get("network_hashrate_low_ehs"),
            "high": row.get("network_hashrate_high_ehs"),
            "week": row.get("network_hashrate_7d_ehs"),
            "implied": row.get("network_hashrate_implied_ehs"),
            "name": format_date(row["date"]),
            "day_text": format_value(row["network_hashrate_ehs"], "EH/s"),
            "band_text": format_bounds(
                row.get("network_hashrate_low_ehs"), row.get("network_hashrate_high_ehs"), "EH/s"
            ),
            "week_text": format_value(row.get("network_hashrate_7d_ehs"), "EH/s"),
            "implied_text": format_value(row.get("network_hashrate_implied_ehs"), "EH/s"),
            "blocks": format_value(row.get("blocks"), "count"),
        }
        for row in rows
    ]
    seen = [v for point in points for v in (point["day"], point["low"], point["high"]) if v is not None]
    domain = (min(seen) * 0.98, max(seen) * 1.02)
    x = {
        "field": "date",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"title": None, "format": "%b %y", "tickCount": "month", "labelOverlap": "parity", "grid": False},
    }
    scale = {"domain": list(domain), "nice": False, "zero": False}

    def y(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "scale": scale, "axis": value_axis("EH/s")}

    tips = tooltip(
        ("name", "Day"),
        ("day_text", "Daily estimate"),
        ("band_text", "95% interval"),
        ("blocks", "Blocks"),
        ("week_text", "7 days"),
        ("implied_text", "Implied by difficulty"),
    )
    layers: list[Spec] = [
        *where_known(
            points,
            "low",
            {
                "mark": {"type": "rule", "color": BAND, "strokeWidth": 1.6},
                "encoding": {"x": x, "y": y("low"), "y2": {"field": "high"}},
            },
        ),
        {
            "mark": {"type": "circle", "size": 16, "color": MUTED, "opacity": 1},
            "encoding": {"x": x, "y": y("day"), "tooltip": tips},
        },
    ]
    # One label per line that has values, kept apart at the right edge.
    lines = [("implied", "Implied by difficulty", SECONDARY, "step-after"), ("week", "7 days", PRIMARY, "linear")]
    lines = [line for line in lines if any(point[line[0]] is not None for point in points)]
    ends = [next(point for point in reversed(points) if point[line[0]] is not None) for line in lines]
    places = spread_labels([end[line[0]] for line, end in zip(lines, ends, strict=True)], domain, _HEIGHT_PX, 15)
    for (field, label, colour, shape), end, place in zip(lines, ends, places, strict=True):
        layers += [
            {
                "mark": {"type": "line", "color": colour, "interpolate": shape},
                "encoding": {"x": x, "y": y(field)},
            },
            text_layer(
                [{"date": end["date"], "at": place, "label": label}], x, y("at"), color=colour, fontWeight="bold"
            ),
        ]
    week, implied = rows[-1].get("network_hashrate_7d_ehs"), rows[-1].get("network_hashrate_implied_ehs")
    if week and implied:
        gap = week / implied - 1
        side = "above" if gap > 0 else "below"
        title = (
            f"The 7-day hashrate ended {period_close(note)} at {format_value(week, 'EH/s')}, "
            f"{format_value(abs(gap), 'fraction')} {side} the rate that difficulty implies"
        )
    else:
        title = f"Daily estimates ended {period_close(note)} at {points[-1]['day_text']}"
    alt = (
        f"Daily network hashrate, {points[0]['name']} to {points[-1]['name']}: dots with 95% intervals, "
        f"a 7-day line ending at {points[-1]['week_text']} and a stepped line of the rate implied by difficulty "
        f"ending at {points[-1]['implied_text']}."
    )
    return draft.drawn(title, alt, layered(points, layers, height_px=_HEIGHT_PX, beside_px=AXIS_PX + 120))


def hashrate_monthly_chart(note: Note) -> Chart:
    """Month averages of the hashrate with their exact intervals."""
    name, table_id, column = "hashrate_monthly", "monthly", "network_hashrate_ehs"
    subtitle = "Month average, pooled work over time, with exact 95% Poisson interval; EH/s"
    rows = history(table_records(note, table_id, "period_start", column), note, "period_start")
    draft = Draft(
        name, _SECTION, table_id, "EH/s", subtitle, data_sources(note, table_id, "network_hashrate_ehs"), note.as_of
    )
    if not rows:
        missing = "No month of network hashrate is in the store."
        return draft.missing("Monthly network hashrate", missing)
    points = [
        {
            "month": month_label(row["period_start"]),
            "name": format_month(row["period_start"]),
            "value": row[column],
            "low": row.get(f"{column}_low"),
            "high": row.get(f"{column}_high"),
            "text": format_value(row[column], "EH/s"),
            "band": format_bounds(row.get(f"{column}_low"), row.get(f"{column}_high"), "EH/s"),
            "is_latest": row is rows[-1],
        }
        for row in rows
    ]
    x = month_axis(rows[0]["period_start"], rows[-1]["period_start"])

    def y(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "scale": {"zero": False}, "axis": value_axis("EH/s")}

    colour = {"condition": {"test": "datum.is_latest", "value": PRIMARY}, "value": SOFT_INK}
    tips = tooltip(("name", "Month"), ("text", "Average"), ("band", "95% interval"))
    layers: list[Spec] = [
        {"mark": {"type": "line", "color": BAND, "strokeWidth": 1.5}, "encoding": {"x": x, "y": y("value")}},
        *where_known(
            points,
            "low",
            {
                "mark": {"type": "rule", "strokeWidth": 2.5},
                "encoding": {"x": x, "y": y("low"), "y2": {"field": "high"}, "color": colour, "tooltip": tips},
            },
        ),
        {
            "mark": {"type": "circle", "size": 46, "opacity": 1},
            "encoding": {"x": x, "y": y("value"), "color": colour, "tooltip": tips},
        },
        text_layer(
            [{**points[-1], "label": points[-1]["text"].removesuffix(" EH/s")}],
            x,
            y("value"),
            dx=8,
            fontWeight="bold",
            color=PRIMARY,
        ),
    ]
    figure = find_figure(note, column)
    title = f"Network hashrate averaged {points[-1]['text']} {during(note)}"
    if figure is not None and figure.change is not None:
        title += f", {format_value(figure.change, 'EH/s', signed=True)} on the month before"
        noise = format_significance(figure).partition(" (")[0]
        title += f" ({noise})" if noise else ""
    elif rows[-1][column] == max(row[column] for row in rows):
        title += f", the highest of the {len(rows)} months shown"
    alt = (
        f"Monthly network hashrate with 95% intervals, {points[0]['name']} to {points[-1]['name']}: "
        f"from {points[0]['text']} to {points[-1]['text']} (interval {points[-1]['band']})."
    )
    return draft.drawn(title, alt, layered(points, layers, height_px=_HEIGHT_PX, beside_px=AXIS_PX + 40))
