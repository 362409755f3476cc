"""Charts of what moved the shares: parts of each month's return, and moves around dated news."""

from __future__ import annotations

from hashdesk.note.attribution_section import GROUP, PART_LABELS, SECTION
from hashdesk.note.chart_parts import (
    INK,
    MUTED,
    NAMED_ROW_PX,
    PAPER,
    PRIMARY,
    ROW_OFFSET_PX,
    SECONDARY,
    SOFT_INK,
    TERTIARY,
    Chart,
    Draft,
    Row,
    Spec,
    data_sources,
    flat_axis,
    layered,
    names_axis,
    numbered,
    period_close,
    row_axis,
    row_names,
    table_records,
    text_layer,
    tooltip,
    with_halo,
)
from hashdesk.note.format import format_bounds, format_date, format_value
from hashdesk.note.model import Note

_COLOURS = {"btc": TERTIARY, "ai": PRIMARY, "events": SECONDARY, "residual": MUTED}
_BAR_ROW_PX = 24
_MAX_EVENTS = 10


def attribution_chart(note: Note) -> Chart:
    """Parts of each share's return in the month as stacked bars, the group on top."""
    subtitle = "Parts of the month's return: betas from the 126 sessions before; diamond: the return itself; %"
    draft = Draft(
        "attribution_parts", SECTION, "attribution", "fraction", subtitle, data_sources(note, "attribution"), note.as_of
    )
    shares = table_records(note, "attribution", "ticker", "return_frac", "btc_frac", "ai_frac", "residual_frac")
    if not shares:
        return draft.missing("What moved each share", "No share has a return that could be taken apart.")
    shares = [row for row in shares if row["ticker"] == GROUP] + [row for row in shares if row["ticker"] != GROUP]
    names = [row["ticker"] for row in shares]
    bars: list[Row] = []
    totals: list[Row] = []
    for row in shares:
        total = format_value(row["return_frac"], "fraction", signed=True)
        low = sum(min(0.0, row.get(f"{part}_frac") or 0.0) for part in PART_LABELS)
        high = sum(max(0.0, row.get(f"{part}_frac") or 0.0) for part in PART_LABELS)
        totals.append({"ticker": row["ticker"], "value": 100 * row["return_frac"], "label": total, "end": 100 * high})
        for order, (part, label) in enumerate(PART_LABELS.items()):
            value = row.get(f"{part}_frac")
            if value is None:
                continue
            bars.append(
                {
                    "ticker": row["ticker"],
                    "part": label,
                    "order": order,
                    "value": 100 * value,
                    "low": 100 * low,
                    "text": format_value(value, "fraction", signed=True),
                    "bounds": format_bounds(row.get(f"{part}_frac_low"), row.get(f"{part}_frac_high"), "fraction"),
                    "total": total,
                }
            )
    labels = list(PART_LABELS.values())
    y = names_axis("ticker", names)
    x = {"field": "value", "type": "quantitative", "axis": flat_axis("percentage points")}
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "height": 14},
            "encoding": {
                "y": y,
                "x": {**x, "stack": "zero"},
                "order": {"field": "order", "type": "quantitative"},
                "color": {
                    "field": "part",
                    "type": "nominal",
                    "sort": labels,
                    "scale": {"domain": labels, "range": list(_COLOURS.values())},
                    "legend": {"title": None, "columns": 4, "labelLimit": 200, "offset": 8},
                },
                "tooltip": tooltip(
                    ("ticker", "Share"), ("part", "Part"), ("text", "Points"), ("bounds", "95%"), ("total", "Return")
                ),
            },
        },
        {
            "data": {"values": totals},
            "mark": {
                "type": "point",
                "shape": "diamond",
                "filled": True,
                "size": 60,
                "color": INK,
                "opacity": 1,
                "stroke": PAPER,
                "strokeWidth": 1,
            },
            "encoding": {"y": y, "x": {"field": "value", "type": "quantitative"}},
        },
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": SOFT_INK},
            "encoding": {"x": {"field": "zero", "type": "quantitative"}},
        },
        text_layer(totals, {"field": "end", "type": "quantitative"}, y, dx=8),
    ]
    first = shares[0]
    whole = "The group" if first["ticker"] == GROUP else first["ticker"]
    ranked = sorted(
        (part for part in PART_LABELS if first.get(f"{part}_frac") is not None), key=lambda p: -abs(first[f"{p}_frac"])
    )
    wording = {"btc": "bitcoin", "ai": "the AI basket", "events": "dated news", "residual": "neither of these"}
    parts = ", ".join(
        f"{format_value(first[f'{part}_frac'], 'fraction', signed=True)} {wording[part]}" for part in ranked
    )
    total = format_value(first["return_frac"], "fraction", signed=True)
    title = f"{whole} {total} in {period_close(note)}, of which {parts}"
    alt = f"Stacked bars of the parts of each share's return. {title}. " + "; ".join(
        f"{row['ticker']} {row['label']}" for row in totals
    )
    return draft.drawn(title, alt, layered(bars, layers, height_px=_BAR_ROW_PX * len(shares), beside_px=60))


def abnormal_returns_chart(note: Note) -> Chart:
    """Abnormal returns around dated news with their intervals; full marks are beyond an ordinary date."""
    subtitle = (
        "Return of the first session that could trade on the news and the next, beyond bitcoin and the AI basket, with "
        "95% interval; full mark: fewer than one ordinary date in twenty moves as far; %"
    )
    draft = Draft(
        "abnormal_returns", SECTION, "event_study", "fraction", subtitle, data_sources(note, "event_study"), note.as_of
    )
    known = [
        row
        for row in table_records(note, "event_study", "abnormal_frac", "abnormal_frac_low", "p_value")
        if not row["is_sector"]
    ]
    if not known:
        missing = "No dated company news of the month has closes of its sessions in the store."
        return draft.missing("Moves around dated news", missing)
    known = sorted(known, key=lambda row: -abs(row["score"]))[:_MAX_EVENTS]
    known = sorted(known, key=lambda row: -row["abnormal_frac"])
    rows = numbered(
        {
            "event": f"{format_date(row['date'])}, {row['ticker']}: {row['headline']}",
            "value": 100 * row["abnormal_frac"],
            "low": 100 * row["abnormal_frac_low"],
            "high": 100 * row["abnormal_frac_high"],
            "text": format_value(row["abnormal_frac"], "fraction", signed=True),
            "bounds": format_bounds(row["abnormal_frac_low"], row["abnormal_frac_high"], "fraction"),
            "chance": format_value(row["p_value"], "fraction"),
            "is_beyond": row["p_value"] < 0.05,
        }
        for row in known
    )
    y = row_axis()
    x = {"field": "value", "type": "quantitative", "axis": flat_axis("%")}
    tips = tooltip(
        ("event", "News"), ("text", "Beyond factors"), ("bounds", "95%"), ("chance", "Chance on an ordinary date")
    )
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 2, "color": MUTED, "yOffset": ROW_OFFSET_PX},
            "encoding": {"y": y, "x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
        },
        {
            "mark": {
                "type": "point",
                "filled": True,
                "size": 80,
                "opacity": 1,
                "yOffset": ROW_OFFSET_PX,
                "stroke": PRIMARY,
                "strokeWidth": 2,
            },
            "encoding": {
                "y": y,
                "x": x,
                "fill": {"condition": {"test": "datum.is_beyond", "value": PRIMARY}, "value": PAPER},
                "tooltip": tips,
            },
        },
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": SOFT_INK},
            "encoding": {"x": {"field": "zero", "type": "quantitative"}},
        },
        text_layer(rows, {"field": "high", "type": "quantitative"}, y, field="text", dx=6, dy=ROW_OFFSET_PX),
        with_halo(row_names(rows, "event")),
    ]
    n_beyond = sum(row["is_beyond"] for row in rows)
    shown = "the item" if len(rows) == 1 else f"{len(rows)} items"
    title = f"{n_beyond} of {shown} of company news shown moved the share beyond what ordinary dates do"
    alt = "Ranked abnormal returns: " + "; ".join(f"{row['event']} {row['text']} ({row['bounds']})" for row in rows)
    return draft.drawn(title, alt, layered(rows, layers, height_px=NAMED_ROW_PX * len(rows), beside_px=52))
