"""Charts of the divergence: the group's market cap taken apart, and the part that nothing covers."""

from __future__ import annotations

from typing import Any

from hashdesk.note.chart_parts import (
    HISTORY_MONTHS,
    INK,
    MUTED,
    PRIMARY,
    SECONDARY,
    TERTIARY,
    Chart,
    Draft,
    Row,
    Spec,
    data_sources,
    history,
    layered,
    month_axis,
    month_label,
    table_records,
    text_layer,
    tooltip,
    value_axis,
    with_halo,
)
from hashdesk.note.company_section import SECTION_ID
from hashdesk.note.format import format_month, format_value
from hashdesk.note.model import Note

TABLE_ID = "market_cap_parts"

_PARTS = (
    ("mining_value_usd", "Mining, four years", PRIMARY),
    ("bitcoin_value_usd", "Bitcoin held", TERTIARY),
    ("hpc_value_usd", "AI/HPC leases", INK),
    ("remainder_usd", "Not covered", SECONDARY),
    ("not_disclosed_usd", "Too little disclosed", MUTED),
)


def market_cap_parts_chart(note: Note) -> Chart:
    """The group's market cap by month: mining, bitcoin, leases, what nothing covers, and what is not disclosed."""
    draft = _draft(
        note,
        "market_cap_parts",
        "USD",
        "Market cap of tracked companies: four years of mining at today's margin, bitcoin, leases less capital to be "
        "spent, and the rest before net debt; USD bn",
    )
    rows = history(
        table_records(note, TABLE_ID, "period_start", "mining_value_usd"), note, "period_start", HISTORY_MONTHS
    )
    if not rows:
        return draft.missing("Market cap taken apart", "No company has a market cap and a hashrate in these months.")
    stacked: list[Row] = []
    for row in rows:
        total = float(row["market_cap_usd"])
        rest = total - sum(float(row[name] or 0.0) for name, _, _ in _PARTS if name != "remainder_usd")
        for place, (name, label, _) in enumerate(_PARTS):
            value = rest if name == "remainder_usd" else float(row[name] or 0.0)
            stacked.append(
                {
                    "month": month_label(row["period_start"]),
                    "part": label,
                    "place": place,
                    "value": value / 1e9,
                    "text": format_value(value, "USD"),
                    "total": format_value(total, "USD"),
                    "name": format_month(row["period_start"]),
                }
            )
    x = month_axis(rows[0]["period_start"], rows[-1]["period_start"], every=3)
    names = [label for _, label, _ in _PARTS]
    bars: Spec = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": x,
            "y": {"field": "value", "type": "quantitative", "stack": "zero", "axis": value_axis("USD bn")},
            "color": {
                "field": "part",
                "type": "nominal",
                "scale": {"domain": names, "range": [colour for _, _, colour in _PARTS]},
                "legend": {"title": None, "columns": 3, "labelLimit": 200},
            },
            "order": {"field": "place", "type": "quantitative"},
            "tooltip": tooltip(("name", "Month"), ("part", "Part"), ("text", "Value"), ("total", "Market cap")),
        },
    }
    last = rows[-1]
    covered = sum(float(last[name] or 0.0) for name in ("mining_value_usd", "bitcoin_value_usd", "hpc_value_usd"))
    title = (
        f"Mining, bitcoin and signed leases cover {format_value(covered, 'USD')} of "
        f"{format_value(last['market_cap_usd'], 'USD')} of market cap in {format_month(last['period_start'])}"
    )
    alt = f"Stacked bars by month; {format_month(last['period_start'])}: " + "; ".join(
        f"{row['part']} {row['text']}" for row in stacked[-len(_PARTS) :]
    )
    return draft.drawn(title, alt, layered(stacked, [bars], height_px=240))


def divergence_number_chart(note: Note) -> Chart:
    """The share of market cap that mining, bitcoin and leases do not cover, month by month."""
    draft = _draft(
        note,
        "divergence_number",
        "fraction",
        "Share of market cap not covered by four years of mining, bitcoin and leases, before net debt; months in which "
        "two thirds of the group disclose hashrate and coins; %",
    )
    rows = history(
        table_records(note, TABLE_ID, "period_start", "divergence_frac"), note, "period_start", HISTORY_MONTHS
    )
    if len(rows) < 2 or rows[-1]["period_start"] != note.period_start:
        reason = "Fewer than two months, or not this one, have enough disclosure for the number."
        return draft.missing("Valuation against what is covered", reason)
    points: list[Row] = [
        {
            "month": month_label(row["period_start"]),
            "value": 100 * row["divergence_frac"],
            "text": format_value(row["divergence_frac"], "fraction"),
            "after": format_value(row["expectations_frac"], "fraction"),
            "name": format_month(row["period_start"]),
        }
        for row in rows
    ]
    x = month_axis(rows[0]["period_start"], rows[-1]["period_start"])
    y: dict[str, Any] = {"field": "value", "type": "quantitative", "axis": value_axis("%"), "scale": {"zero": True}}
    tips = tooltip(("name", "Month"), ("text", "Not covered"), ("after", "After net debt"))
    end = {**points[-1], "label": points[-1]["text"]}
    layers: list[Spec] = [
        {"mark": {"type": "line", "color": SECONDARY}, "encoding": {"x": x, "y": y}},
        {
            "mark": {"type": "circle", "size": 30, "color": SECONDARY, "opacity": 1},
            "encoding": {"x": x, "y": y, "tooltip": tips},
        },
        with_halo(text_layer([end], x, y, color=SECONDARY, dx=-4, dy=-12, align="right")),
    ]
    last = rows[-1]
    rank = sum(row["divergence_frac"] >= last["divergence_frac"] for row in rows)
    place = "the highest" if rank == 1 else f"number {rank} from the top"
    title = f"{points[-1]['text']} of market cap is not covered: {place} of {len(rows)} months"
    alt = "Line by month: " + "; ".join(f"{point['name']} {point['text']}" for point in points)
    return draft.drawn(title, alt, layered(points, layers, height_px=200))


def _draft(note: Note, name: str, unit: str, subtitle: str) -> Draft:
    return Draft(name, SECTION_ID, TABLE_ID, unit, subtitle, data_sources(note, TABLE_ID), note.as_of)


CHARTS = (market_cap_parts_chart, divergence_number_chart)
"""Charts of the section, in reading order."""
