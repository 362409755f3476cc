"""Charts of the market around the miners, and of our figures against published ones."""

from __future__ import annotations

import datetime as dt

from hashdesk.note.chart_parts import (
    BAND,
    HALF_WIDTH_PX,
    MUTED,
    NAMED_ROW_PX,
    PRIMARY,
    ROW_OFFSET_PX,
    SECONDARY,
    SOFT_INK,
    Chart,
    Draft,
    Row,
    Spec,
    data_sources,
    during,
    flat_axis,
    history,
    layered,
    month_axis,
    month_label,
    numbered,
    published_name,
    publishers,
    row_axis,
    row_names,
    table_records,
    text_layer,
    tooltip,
    value_axis,
    where_known,
)
from hashdesk.note.format import (
    format_month,
    format_value,
)
from hashdesk.note.model import Note

_VOLUME_MONTHS = 21


def volumes_chart(note: Note) -> Chart:
    """Crypto trading volume by month, as first published."""
    name, section, table_id = "volumes", "market", "volumes"
    subtitle = "Spot and derivatives volume on centralised exchanges, as published; USD tn"
    rows = history(table_records(note, table_id, "month", "crypto_trading_volume_usd"), note, "month", _VOLUME_MONTHS)
    draft = Draft(name, section, table_id, "USD", subtitle, data_sources(note, table_id), note.as_of)
    if not rows:
        missing = "No month of trading volume was published up to the note's date."
        return draft.missing("Crypto trading volume", missing)
    points = [
        {
            "month": month_label(row["month"]),
            "name": format_month(row["month"]),
            "value": row["crypto_trading_volume_usd"] / 1e12,
            "text": format_value(row["crypto_trading_volume_usd"], "USD"),
            "label": format_value(row["crypto_trading_volume_usd"] / 1e12, "USD tn").removeprefix("USD "),
            "change": format_value(row.get("change_frac"), "fraction", signed=True),
            "basis": row.get("basis"),
            "is_latest": row is rows[-1],
        }
        for row in rows
    ]
    x, y = month_axis(rows[0]["month"], rows[-1]["month"]), _y("value", "USD tn")
    layers: list[Spec] = [
        {
            "mark": {"type": "bar"},
            "encoding": {
                "x": x,
                "y": y,
                "color": _latest_colour(),
                "tooltip": tooltip(("name", "Month"), ("text", "Volume"), ("change", "Change"), ("basis", "Basis")),
            },
        },
        text_layer([points[-1]], x, y, dx=0, dy=-8, align="center", fontWeight="bold"),
    ]
    latest = points[-1]
    title = f"Crypto trading volume was {latest['text']} in {latest['name']}"
    year = [row for row in rows if row["month"].year == rows[-1]["month"].year]
    high = max(year, key=lambda row: float(row["crypto_trading_volume_usd"]))
    if high is rows[-1] and len(year) > 1:
        title += ", the highest of the year so far"
    elif rows[-1].get("change_frac") is not None:
        title += f", {latest['change']} on the month before"
    if high is not rows[-1]:
        value = format_value(high["crypto_trading_volume_usd"], "USD")
        title += f"; {format_month(high['month'])} is the year's high ({value})"
    alt = (
        f"Bars of monthly trading volume, {points[0]['name']} {points[0]['text']} to {latest['name']} {latest['text']}."
    )
    return draft.drawn(title, alt, layered(points, layers, height_px=200))


def etf_flows_chart(note: Note) -> Chart:
    """Net flow into US spot bitcoin ETFs, with IBIT's own as a mark."""
    name, section, table_id = "etf_flows", "market", "etf_flows"
    subtitle = "Net flow into US spot bitcoin ETFs by month (bar) and into IBIT (mark); USD bn"
    rows = history(
        table_records(note, table_id, "period_start", "btc_etf_net_flow_usd"), note, "period_start", _VOLUME_MONTHS
    )
    draft = Draft(
        name, section, table_id, "USD", subtitle, data_sources(note, table_id, "btc_etf_net_flow_usd"), note.as_of
    )
    if not rows:
        missing = "No month of ETF flows is in the store."
        return draft.missing("Bitcoin ETF flows", missing)
    points = [
        {
            "month": month_label(row["period_start"]),
            "name": format_month(row["period_start"]),
            "value": row["btc_etf_net_flow_usd"] / 1e9,
            "ibit": None if row.get("ibit_net_flow_usd") is None else row["ibit_net_flow_usd"] / 1e9,
            "text": format_value(row["btc_etf_net_flow_usd"], "USD", signed=True),
            "ibit_text": format_value(row.get("ibit_net_flow_usd"), "USD", signed=True),
            "is_latest": row is rows[-1],
        }
        for row in rows
    ]
    x = month_axis(rows[0]["period_start"], rows[-1]["period_start"], every=4)
    layers: list[Spec] = [
        {
            "mark": {"type": "bar"},
            "encoding": {
                "x": x,
                "y": _y("value", "USD bn"),
                "color": _latest_colour(),
                "tooltip": tooltip(("name", "Month"), ("text", "All ETFs"), ("ibit_text", "IBIT")),
            },
        },
        *where_known(
            points,
            "ibit",
            {
                "mark": {"type": "tick", "color": SECONDARY, "thickness": 3, "width": {"band": 0.7}},
                "encoding": {"x": x, "y": _y("ibit", "USD bn")},
            },
        ),
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": SOFT_INK},
            "encoding": {"y": {"field": "zero", "type": "quantitative"}},
        },
    ]
    flow = rows[-1]["btc_etf_net_flow_usd"]
    verb = "took in" if flow > 0 else "lost"
    is_current = rows[-1]["period_start"] == note.period_start
    when = during(note) if is_current else f"in {points[-1]['name']}"
    title = f"US bitcoin ETFs {verb} {format_value(abs(flow), 'USD')} {when}"
    if rows[-1].get("ibit_net_flow_usd") is not None:
        title += f", IBIT alone {points[-1]['ibit_text']}"
    alt = f"Bars of monthly net flows with IBIT's as marks; {points[-1]['name']}: {points[-1]['text']}."
    return draft.drawn(title, alt, layered(points, layers, height_px=160, width_px=HALF_WIDTH_PX))


def ibit_assets_chart(note: Note) -> Chart:
    """Assets of the iShares Bitcoin Trust at month ends."""
    name, section, table_id = "ibit_assets", "market", "etf_assets"
    subtitle = "Assets of the iShares Bitcoin Trust (IBIT) at month end; USD bn"
    rows = history(table_records(note, table_id, "period_start", "ibit_aum_usd"), note, "period_start", _VOLUME_MONTHS)
    draft = Draft(name, section, table_id, "USD", subtitle, data_sources(note, table_id, "ibit_aum_usd"), note.as_of)
    if not rows:
        missing = "No month end of IBIT's assets is in the store."
        return draft.missing("IBIT assets", missing)
    points = [
        {
            "month": month_label(row["period_start"]),
            "name": format_month(row["period_start"]),
            "value": row["ibit_aum_usd"] / 1e9,
            "text": format_value(row["ibit_aum_usd"], "USD"),
            "label": format_value(row["ibit_aum_usd"] / 1e9, "USD bn").removeprefix("USD "),
            "basis": row.get("basis"),
            "is_latest": row is rows[-1],
        }
        for row in rows
    ]
    x, y = month_axis(rows[0]["period_start"], rows[-1]["period_start"], every=4), _y("value", "USD bn")
    layers: list[Spec] = [
        {
            "mark": {"type": "bar"},
            "encoding": {
                "x": x,
                "y": y,
                "color": _latest_colour(),
                "tooltip": tooltip(("name", "Month"), ("text", "Assets"), ("basis", "Basis")),
            },
        },
        text_layer([points[-1]], x, y, dx=0, dy=-8, align="center", fontWeight="bold"),
    ]
    latest = points[-1]
    title = f"IBIT held {latest['text']} at the end of {latest['name']}"
    if len(rows) > 1:
        change_frac = rows[-1]["ibit_aum_usd"] / rows[-2]["ibit_aum_usd"] - 1
        title += f", {format_value(change_frac, 'fraction', signed=True)} on the month"
    ranks = [row for row in table_records(note, "etf_ranks", "date", "rank", "ticker") if row["ticker"] == "IBIT"]
    ranks = [row for row in ranks if _is_in_period(row["date"], note)]
    if ranks:
        place = str(ranks[-1]["rank"])
        title += f", {f'rank {place}' if place.isdigit() else place} among ETFs by assets"
    alt = f"Bars of IBIT's assets at month ends, {points[0]['text']} to {latest['text']}."
    return draft.drawn(title, alt, layered(points, layers, height_px=160, width_px=HALF_WIDTH_PX))


def reconciliation_chart(note: Note) -> Chart:
    """Differences between our figures and published ones, with what rounding and noise allow."""
    name, section, table_id = "reconciliation_differences", "reconciliation", "reconciliation"
    subtitle = (
        "Ours less published (dot), our 95% interval (line, up to the edge of the plot), rounding of the published "
        "figure (pale band); %"
    )
    listed: list[Row] = []
    for row in note.reconciliation:
        if isinstance(row.published, str) or isinstance(row.ours, str) or row.ours is None or row.published == 0:
            continue
        # Shares and changes differ by points, everything else by percent of what was published.
        to_percent = {"%": 1.0, "fraction": 100.0}.get(row.unit, 100 / abs(row.published))
        rounding = (row.rounding or 0.0) * to_percent
        difference = (row.ours - row.published) * to_percent
        listed.append(
            {
                "name": f"{published_name(row)}: ours {format_value(row.ours, row.unit)}, "
                f"published {format_value(row.published, row.unit)}",
                "value": difference,
                "low": None if row.interval is None else (row.interval.low - row.published) * to_percent,
                "high": None if row.interval is None else (row.interval.high - row.published) * to_percent,
                "round_low": -rounding,
                "round_high": rounding,
                "text": format_value(difference, "%", signed=True).replace(
                    "%", " pp" if row.unit in {"%", "fraction"} else "%"
                ),
                "is_within": bool(row.is_within_rounding_and_interval),
                "publisher": row.publisher,
            }
        )
    draft = Draft(
        name,
        section,
        table_id,
        "fraction",
        subtitle,
        publishers(note, (row.source for row in note.reconciliation)),
        note.as_of,
    )
    rows = numbered(listed)
    if not rows:
        missing = "No published figure of this period is in the store."
        return draft.missing("Ours against published", missing)
    # The widest intervals would squeeze all dots into one place, so lines end at the edge of the plot.
    limit = 2.5 * max(max(abs(row["value"]), row["round_high"]) for row in rows) or 1.0
    for point in rows:
        for bound in ("low", "high"):
            point[bound] = None if point[bound] is None else max(-limit, min(limit, point[bound]))
    y = row_axis()
    x = {"field": "value", "type": "quantitative", "axis": flat_axis("%, percentage points for shares and changes")}
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "color": BAND, "height": 15, "yOffset": ROW_OFFSET_PX},
            "encoding": {"y": y, "x": {**x, "field": "round_low"}, "x2": {"field": "round_high"}},
        },
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": SOFT_INK},
            "encoding": {"x": {"field": "zero", "type": "quantitative"}},
        },
        *where_known(
            rows,
            "low",
            {
                "mark": {"type": "rule", "color": MUTED, "strokeWidth": 2, "yOffset": ROW_OFFSET_PX},
                "encoding": {"y": y, "x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
            },
        ),
        {
            "mark": {"type": "circle", "size": 70, "opacity": 1, "yOffset": ROW_OFFSET_PX},
            "encoding": {
                "y": y,
                "x": x,
                "color": {"condition": {"test": "datum.is_within", "value": PRIMARY}, "value": SECONDARY},
                "tooltip": tooltip(
                    ("name", "Figure"),
                    ("text", "Difference"),
                    ("publisher", "Publisher"),
                ),
            },
        },
    ]
    layers.append(row_names(rows, "name"))
    n_within = sum(bool(row["is_within"]) for row in rows)
    worst = max(rows, key=lambda row: abs(row["value"]))
    title = (
        f"{n_within} of {len(rows)} published figures lie within rounding and our interval; "
        f"the widest gap is {worst['text']}"
    )
    alt = f"Dots of differences in percent: {'; '.join(str(row['name']) + ' ' + str(row['text']) for row in rows)}."
    return draft.drawn(title, alt, layered(rows, layers, height_px=NAMED_ROW_PX * len(rows), beside_px=12))


def _is_in_period(day: object, note: Note) -> bool:
    return isinstance(day, dt.date) and note.period_start <= day <= note.as_of


def _y(field: str, title: str) -> Spec:
    return {"field": field, "type": "quantitative", "axis": value_axis(title)}


def _latest_colour() -> Spec:
    return {"condition": {"test": "datum.is_latest", "value": PRIMARY}, "value": MUTED}
